//! A link is stopped, let go on, or stands still because of what came.

use std::sync::Arc;

use super::{Decided, Moment, Reply};
use crate::{
    DomainId, Reason, Refusal,
    link::{FrozenFor, Link},
    row::Row,
};

/// What becomes of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkChange {
    /// An operator stops it.
    Pause,
    /// An operator lets it go on.
    Resume,
    /// What came does not fit what came before.
    Freeze(FrozenFor),
}

/// A change of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetLink {
    /// With whom.
    pub peer: DomainId,
    /// What becomes of it.
    pub change: LinkChange,
}

impl SetLink {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        if moment.state.registry().peer(&self.peer).is_none() {
            return Err(Refusal::at(Reason::NotFound, "peer"));
        }
        let before = moment.state.links().link(&self.peer);
        let link = match self.change {
            LinkChange::Pause => Link { paused: true, ..before.clone() },
            LinkChange::Resume => Link { paused: false, ..before.clone() },
            LinkChange::Freeze(why) => {
                Link { frozen: Some(before.frozen.unwrap_or(why)), ..before.clone() }
            }
        };
        let rows = if link == before { Vec::new() } else { vec![Row::Link(Arc::new(link))] };
        Ok(Decided::new(Reply::Done, rows))
    }
}
