//! Who received what, on what ground (utlämnande): grants, views and their record.

use std::{collections::BTreeSet, fmt};

use crate::{
    AreaId, EditionId, FunctionId, LabelClass, LegalBasisId, OrganisationId, PartyId, Period,
    PurposeId, ServiceId, Timestamp,
    command::Digest,
    message::MessageId,
    registry::{FieldGroup, Shown},
};

/// A release class: the digest of a receiver's rights and scope. Receivers of one class see the
/// same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(Digest);

impl ClassId {
    /// A class, by its digest.
    #[must_use]
    pub const fn of(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }
}

impl fmt::Debug for ClassId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "class {a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

/// What policy decided for one class of labels and one release class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Under which epoch.
    pub epoch: u64,
    /// Who receives.
    pub class: ClassId,
    /// What is labelled so.
    pub label: LabelClass,
    /// Which field groups, each in one variant; none: it is not shown.
    pub shown: Option<Shown>,
    /// By which rules.
    pub rules: BTreeSet<String>,
}

/// What was disclosed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// An own picture.
    Picture(PartyId, AreaId),
    /// The joint picture of an area and a period.
    Joint(AreaId, Period),
    /// A revision of a view of an area, by stream or polling.
    View(AreaId),
    /// An edition.
    Edition(EditionId),
    /// What rebuilds an edition's content root.
    Review(EditionId),
    /// The list of an area's revisions.
    Revisions(AreaId),
    /// The list of an area's editions.
    Editions(AreaId),
    /// Duties, over all areas.
    Duties,
    /// The evidence itself.
    Disclosures,
    /// Where one function is wanted in several meetings at once, over all areas.
    Meetings,
    /// A message.
    Message(MessageId),
    /// The messages of a function, as a list.
    Inbox(FunctionId),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picture(party, area) => write!(f, "picture {party} {area}"),
            Self::Joint(area, period) => write!(f, "joint {area} {period}"),
            Self::View(area) => write!(f, "view {area}"),
            Self::Edition(id) => write!(f, "edition {id}"),
            Self::Review(id) => write!(f, "review {id}"),
            Self::Revisions(area) => write!(f, "revisions {area}"),
            Self::Editions(area) => write!(f, "editions {area}"),
            Self::Duties => f.write_str("duties"),
            Self::Disclosures => f.write_str("disclosures"),
            Self::Meetings => f.write_str("meetings"),
            Self::Message(id) => write!(f, "message {id}"),
            Self::Inbox(function) => write!(f, "inbox {function}"),
        }
    }
}

impl Object {
    /// The area it is of, where it is of one.
    #[must_use]
    pub fn area(&self) -> Option<&str> {
        match self {
            Self::Picture(_, area)
            | Self::Joint(area, _)
            | Self::View(area)
            | Self::Revisions(area)
            | Self::Editions(area) => Some(area.as_str()),
            Self::Edition(id) | Self::Review(id) => Some(id.area()),
            Self::Duties
            | Self::Disclosures
            | Self::Meetings
            | Self::Message(_)
            | Self::Inbox(_) => None,
        }
    }
}

/// On what ground something is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ground {
    /// Why.
    pub purpose: PurposeId,
    /// On which legal basis.
    pub legal_basis: LegalBasisId,
    /// The recorded weighing of interests.
    pub weighing: Option<String>,
}

/// A disclosure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Counts the domain's disclosures; given on commit.
    pub sequence: u64,
    /// When it was recorded; given on commit.
    pub at: Timestamp,
    /// Which organisation receives.
    pub receiver: OrganisationId,
    /// Through which service.
    pub service: ServiceId,
    /// The serial number of its certificate.
    pub serial: String,
    /// On what ground.
    pub ground: Ground,
    /// What.
    pub object: Object,
    /// At which revision of the area.
    pub revision: u64,
    /// Which field groups.
    pub groups: BTreeSet<FieldGroup>,
    /// By which rules.
    pub rules: BTreeSet<String>,
    /// How many rows.
    pub rows: u32,
    /// A keyed digest of what was shown.
    pub digest: Digest,
    /// Under which epoch.
    pub epoch: u64,
    /// The view that it is part of; none for what is not followed by stream or polling.
    pub view: Option<ViewPart>,
}

/// Part of a view, as a batch of events brings it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewPart {
    /// Of which view.
    pub class: ClassId,
    /// The revision of the view that its last event belongs to: who has acknowledged that, has it.
    pub revision: u64,
}

/// What a step of a view brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An area went from one revision to another.
    Area {
        /// The area.
        area: AreaId,
        /// From which revision.
        from: u64,
        /// To which revision.
        to: u64,
    },
    /// An edition was released.
    Edition(EditionId),
}

/// A view goes one revision on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// Which view.
    pub class: ClassId,
    /// Who receives.
    pub receiver: OrganisationId,
    /// To which revision of the view.
    pub revision: u64,
    /// What it brings.
    pub change: Change,
    /// A keyed digest of the events.
    pub digest: Digest,
}

/// An advance, as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// The advance.
    pub advance: Advance,
}

/// A receiver has stored what it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// Of which view.
    pub class: ClassId,
    /// Which service says so.
    pub service: ServiceId,
    /// Up to which revision of the view.
    pub revision: u64,
    /// When.
    pub at: Timestamp,
}

/// Requests of one service that one rule refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// When the count was recorded.
    pub at: Timestamp,
    /// Which service.
    pub service: ServiceId,
    /// The stable reason.
    pub reason: String,
    /// By which rule, where one is named.
    pub rule: String,
    /// How many.
    pub requests: u32,
}
