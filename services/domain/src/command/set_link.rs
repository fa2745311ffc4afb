//! A link is stopped, let go on, or stands still because of what came.

use std::{collections::BTreeSet, sync::Arc};

use super::{Decided, Moment, Reply, renew_link};
use crate::{
    DomainId, FeatureLevel, Reason, Refusal,
    link::{Compared, FrozenFor, Link, Outlet, Share},
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
    /// An operator has both sides begin anew: with new chains, and with all that the other side may
    /// have lost.
    Renew,
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
    /// The level that whoever reads it must know.
    pub(super) const fn level(&self) -> FeatureLevel {
        match self.change {
            LinkChange::Pause | LinkChange::Resume | LinkChange::Freeze(_) => {
                FeatureLevel::MESSAGES
            }
            LinkChange::Renew => FeatureLevel::DELIVERIES,
        }
    }

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
            LinkChange::Renew => {
                return Ok(Decided::new(Reply::Done, renew_link::renewed(moment, before)));
            }
        };
        let mut rows = Vec::new();
        if before.paused && !link.paused {
            // What is not answered, for whatever reason, begins anew with what the peer may have.
            let shares = moment.state.contributions().shares();
            for share in shares.filter(|share| share.of.peer == self.peer && share.waits()) {
                rows.extend(begun_anew(moment, share));
            }
            // What is delivered comes anew too: some of it may have been set aside there.
            rows.extend(delivered_anew(moment, &self.peer));
        }
        if link != before {
            rows.push(Row::Link(Arc::new(link)));
        }
        Ok(Decided::new(Reply::Done, rows))
    }
}

/// What is delivered to a peer comes anew from its beginning.
pub(super) fn delivered_anew<'a>(
    moment: Moment<'a>,
    peer: &'a DomainId,
) -> impl Iterator<Item = Row> + use<'a> {
    let outlets = moment.state.deliveries().outlets(peer);
    outlets.filter(|outlet| outlet.is_held()).map(|outlet| {
        let anew = Outlet { turn: outlet.turn + 1, cursor: "".into(), ..Outlet::clone(outlet) };
        Row::Outlet(anew.into())
    })
}

/// A contribution that is not answered may have been taken: what it brought counts as being there,
/// until what the peer may have in all has been answered.
pub(super) fn begun_anew(moment: Moment<'_>, share: &Share) -> Vec<Row> {
    let held: BTreeSet<_> =
        moment.state.contributions().held(&share.of).map(|(id, _)| id).collect();
    let changes = share.under_way.iter().flat_map(|under_way| &under_way.changes);
    let brought = changes.filter(|(id, _)| !held.contains(id));
    let mut rows: Vec<Row> = brought
        .filter_map(|(id, stage)| Some(Row::Shared(share.of.clone(), id.clone(), (*stage)?)))
        .collect();
    let (turn, compared) = (share.turn + 1, Compared::default());
    let anew = Share { turn, compared, under_way: None, anew: true, ..share.clone() };
    rows.push(Row::Share(Arc::new(anew)));
    rows
}
