//! Why a proof or a review is refused.

use std::{borrow::Cow, fmt};

use samsyn_domain::registry::FieldGroup;

use super::canonical::Malformed;

/// What was being checked. The numbers are those of section 10 of the protocol page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The bytes as a whole, before step 1.
    Bytes,
    /// 1: who must endorse, as pinned.
    Descriptor,
    /// 2: that they did.
    Endorsements,
    /// 3: the opened leaves.
    Openings,
    /// 4: that they belong to what was endorsed.
    Root,
    /// 5: that they are what the gateway signed for the class.
    Manifest,
    /// 6: that each group has one value.
    Values,
    /// 7: that the findings follow from the values.
    Findings,
    /// What an endorser is asked to sign beside the content root.
    Basis,
}

impl Step {
    /// What it is about, as it stands in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "before step 1 (bytes)",
            Self::Descriptor => "in step 1 (descriptor)",
            Self::Endorsements => "in step 2 (endorsements)",
            Self::Openings => "in step 3 (openings)",
            Self::Root => "in step 4 (root)",
            Self::Manifest => "in step 5 (manifest)",
            Self::Values => "in step 6 (values)",
            Self::Findings => "in step 7 (findings)",
            Self::Basis => "at the basis",
        }
    }

    pub(super) fn refuses(self, why: impl Into<Why>) -> Rejected {
        Rejected { step: self, object: None, group: None, why: why.into().0 }
    }
}

/// A proof or a review is refused as a whole. The message is one sentence and repeats no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    step: Step,
    object: Option<usize>,
    group: Option<FieldGroup>,
    why: Cow<'static, str>,
}

impl Rejected {
    /// In which step.
    #[must_use]
    pub const fn step(&self) -> Step {
        self.step
    }

    /// At which object, counted from 1 in the order of the proof; of a review, by ascending id.
    #[must_use]
    pub const fn object(&self) -> Option<usize> {
        self.object
    }

    /// At which group.
    #[must_use]
    pub const fn group(&self) -> Option<FieldGroup> {
        self.group
    }

    pub(super) fn at_object(self, number: usize) -> Self {
        Self { object: Some(number), ..self }
    }

    pub(super) fn in_group(self, group: FieldGroup) -> Self {
        Self { group: Some(group), ..self }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused {}", self.step.as_str())?;
        if let Some(number) = self.object {
            write!(f, ", object {number}")?;
        }
        if let Some(group) = self.group {
            write!(f, ", group `{}`", group.as_str())?;
        }
        write!(f, ": {}", self.why)
    }
}

impl std::error::Error for Rejected {}

/// The end of a message.
#[derive(Debug)]
pub(super) struct Why(Cow<'static, str>);

impl From<&'static str> for Why {
    fn from(text: &'static str) -> Self {
        Self(text.into())
    }
}

impl From<Malformed> for Why {
    fn from(fault: Malformed) -> Self {
        Self(fault.to_string().into())
    }
}
