//! What of an own picture came over a link: checked as if its party had published it here.

use prost::bytes::Bytes;
use samsyn_domain::{AreaId, Draft, ObservationId, Timestamp, registry::Registry};

use super::{
    fault::{Checked, Fault, Faults},
    publication,
};
use crate::{Reason, codec::strictly, v1};

/// What a contribution changes.
#[derive(Clone, PartialEq, Eq)]
pub struct Contributed {
    /// New or changed observations, points of series, assessments, in that order.
    pub drafts: Vec<Draft>,
    /// Those withdrawn.
    pub withdrawn: Vec<ObservationId>,
}

impl std::fmt::Debug for Contributed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} drafts, {} withdrawn", self.drafts.len(), self.withdrawn.len())
    }
}

impl Contributed {
    /// Checks an encoded `samsyn.v1.PictureDelta` of an area, as of a time: what has waited on its
    /// way is no worse for it.
    #[must_use]
    pub fn parse(delta: &[u8], area: &AreaId, registry: &Registry, at: Timestamp) -> Checked<Self> {
        let mut faults = Faults::default();
        let Some(delta) = strictly::<v1::PictureDelta>(&Bytes::copy_from_slice(delta)) else {
            faults.push(Fault::new(Reason::Malformed, "delta"));
            return faults.checked(None);
        };
        let changes = publication::contributed(delta, (area, registry, at), &mut faults);
        let value = changes.map(|(drafts, withdrawn)| Self { drafts, withdrawn });
        faults.checked(value)
    }
}
