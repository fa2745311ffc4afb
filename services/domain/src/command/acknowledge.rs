//! A receiver says that it has stored what it was sent.

use super::{Decided, Moment, Reply};
use crate::{
    disclosure::{Acknowledged, ClassId},
    row::Row,
};

/// An acknowledgement; cumulative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledge {
    /// Of which view.
    pub class: ClassId,
    /// Up to which revision of it.
    pub revision: u64,
}

impl Acknowledge {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Decided {
        let service = &moment.actor.service;
        let before = moment.state.acknowledged(&self.class, service);
        if before.is_some_and(|before| before >= self.revision) {
            return Decided::new(Reply::Done, Vec::new());
        }
        let row = Row::Acknowledged(Acknowledged {
            class: self.class,
            service: service.clone(),
            revision: self.revision,
            at: moment.at,
        });
        Decided::new(Reply::Done, vec![row])
    }
}
