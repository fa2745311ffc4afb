//! Shuts a service out. One registrar is enough.

use super::{Decided, Moment, Reply};
use crate::{
    Reason, Refusal, Sealed, ServiceId,
    row::{Row, Suspended},
};

/// A suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspendService {
    /// The service.
    pub service: ServiceId,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

impl SuspendService {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        if moment.state.registry().service(&self.service).is_none() {
            return Err(Refusal::at(Reason::NotFound, "service"));
        }
        let epoch = moment.position;
        let rows = vec![
            Row::Suspended(Suspended {
                service: self.service.clone(),
                at: moment.at,
                by: moment.actor.service.clone(),
                reason: self.reason.clone(),
            }),
            Row::Epoch(epoch),
        ];
        Ok(Decided::new(Reply::Epoch { epoch }, rows))
    }
}
