//! Releases an endorsed edition to those who may have it.

use super::{Decided, Digest, Moment, Reply};
use crate::{
    EditionId, PartyId, Reason, Refusal,
    edition::{Edition, Phase, Released},
    row::Row,
};

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEdition {
    /// The edition.
    pub edition: EditionId,
    /// The content root that is released.
    pub root: Digest,
    /// Who releases it.
    pub party: PartyId,
}

impl ReleaseEdition {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let edition = moment
            .state
            .edition(&self.edition)
            .ok_or_else(|| Refusal::at(Reason::NotFound, "edition_id"))?;
        if edition.phase != Phase::Endorsed {
            return Err(Refusal::at(Reason::EditionWrongState, "edition_id"));
        }
        if edition.current().is_none_or(|round| round.locked.root != self.root) {
            return Err(Refusal::at(Reason::RootMismatch, "content_root"));
        }
        let earlier = |e: &&Edition| {
            e.phase == Phase::Released
                && e.area == edition.area
                && e.period == edition.period
                && e.track == edition.track
        };
        let mut rows: Vec<Row> = moment
            .state
            .editions()
            .filter(earlier)
            .map(|e| Row::Edition(Edition { phase: Phase::Superseded, ..e.clone() }.into()))
            .collect();
        let mut next = edition.clone();
        next.phase = Phase::Released;
        next.released = Some(Released {
            at: moment.at,
            by: self.party.clone(),
            sequence: moment.state.released_editions() + 1,
        });
        let reply = Reply::Edition { id: next.id.clone(), round: next.round() };
        rows.push(Row::Edition(next.into()));
        Ok(Decided::new(reply, rows))
    }
}
