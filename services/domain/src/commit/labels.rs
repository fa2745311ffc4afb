//! Labels in the form in which they are committed to.

use super::content;
use crate::Labels;

/// Labels in the form in which they are committed to.
#[derive(Debug)]
pub struct LabelParts<'a> {
    labels: &'a Labels,
    audience: Vec<&'a str>,
    purposes: Vec<&'a str>,
    provisions: Vec<&'a str>,
}

impl<'a> LabelParts<'a> {
    /// Of labels.
    #[must_use]
    pub fn of(labels: &'a Labels) -> Self {
        Self {
            labels,
            audience: labels.audience.iter().map(|token| token.as_str()).collect(),
            purposes: labels.purposes.iter().map(|purpose| purpose.as_str()).collect(),
            provisions: labels.secrecy_provisions.iter().map(|text| text.as_ref()).collect(),
        }
    }

    /// What is committed to.
    #[must_use]
    pub fn committed(&self) -> content::Labels<'_> {
        content::Labels {
            level: self.labels.level.level().into(),
            audience: &self.audience,
            purposes: &self.purposes,
            regime: self.labels.regime.as_str(),
            secrecy_provisions: &self.provisions,
            retain_until: Some(self.labels.retain_until.micros()),
            person_related: self.labels.person_related,
            special_category: self.labels.special_category,
            originator_control: self.labels.originator_control,
            embargo_until: self.labels.embargo_until.map(|until| until.micros()),
            onward_sharing: self.labels.onward_sharing,
        }
    }
}
