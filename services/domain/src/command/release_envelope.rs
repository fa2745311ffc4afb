//! What was set aside of a peer takes effect after all, or is let go.

use super::{Decided, Effect, Moment, Reply, take_envelopes::Taking};
use crate::{
    DomainId, FeatureLevel, Reason, Refusal,
    link::{Arrived, EnvelopeId, Header, Outcome, Quarantined},
    row::Row,
};

/// An operator releases an envelope that was set aside, or lets it go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseEnvelope {
    /// From whom it came.
    pub peer: DomainId,
    /// Of which chain.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// Its id.
    pub id: EnvelopeId,
    /// What it does, now that it can be acted on; none: it is let go.
    pub effect: Option<Effect>,
}

impl ReleaseEnvelope {
    /// The level that whoever reads it must know.
    pub(super) fn level(&self) -> FeatureLevel {
        let effect = self.effect.as_ref().map(Effect::level);
        effect.map_or(FeatureLevel::DELIVERIES, |level| level.max(FeatureLevel::DELIVERIES))
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let Self { peer, epoch, sequence, id, effect } = self;
        let links = moment.state.links();
        let is_it = |aside: &Quarantined| {
            (aside.epoch, aside.sequence) == (*epoch, *sequence)
                && Header::id_of(&aside.header) == *id
        };
        if !links.quarantined(peer).any(|aside| is_it(aside)) {
            return Err(Refusal::at(Reason::NotFound, "sequence"));
        }
        if effect.is_some() && moment.state.registry().peer(peer).is_none() {
            return Err(Refusal::at(Reason::NotFound, "peer"));
        }
        let mut rows = vec![Row::Unquarantined(peer.clone(), *epoch, *sequence)];
        let Some(effect) = effect else { return Ok(Decided::new(Reply::Done, rows)) };
        let mut taking = Taking::new(moment, peer);
        if !taking.take(*id, effect) {
            return Err(Refusal::of(Reason::LinkStale).now(links.link(peer).taken.sequence));
        }
        // As long as it is known that it came, it is known that it took effect.
        if links.arrived(peer, *epoch, *sequence).is_some() {
            let (peer, outcome) = (peer.clone(), Outcome::Taken);
            let arrived = Arrived { peer, epoch: *epoch, sequence: *sequence, id: *id, outcome };
            rows.push(Row::Arrived(arrived));
        }
        rows.extend(taking.into_rows());
        Ok(Decided::new(Reply::Done, rows))
    }
}
