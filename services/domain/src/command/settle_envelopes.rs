//! A peer has taken in what was sent to it.

use std::sync::Arc;

use super::{Decided, Moment, Reply};
use crate::{
    DomainId, Reason, Refusal,
    disclosure::{Acknowledged, ViewPart},
    link::{Chain, Item, Link, SignedPosition},
    message::{Receipt, Step},
    row::Row,
};

/// How far the peer says, signed, that it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettleEnvelopes {
    /// Who says so.
    pub peer: DomainId,
    /// Up to which envelope of which chain.
    pub through: Chain,
    /// Its signed word.
    pub word: Arc<SignedPosition>,
}

impl SettleEnvelopes {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let Self { peer, through, word } = self;
        let links = moment.state.links();
        let link = links.link(peer);
        if through.epoch != link.out.epoch || through.sequence > link.out.sequence {
            return Err(Refusal::of(Reason::LinkStale).now(link.out.sequence));
        }
        if through.sequence <= link.acknowledged {
            return Ok(Decided::new(Reply::Done, Vec::new()));
        }
        let waiting = links.numbered_after(peer, through.epoch, link.acknowledged);
        let settled: Vec<_> =
            waiting.take_while(|envelope| envelope.sequence <= through.sequence).collect();
        if settled.last().is_none_or(|envelope| envelope.id != through.head) {
            return Err(Refusal::of(Reason::LinkStale).now(link.out.sequence));
        }
        let mut rows = Vec::new();
        for envelope in settled {
            rows.push(Row::Settled(peer.clone(), envelope.epoch, envelope.sequence));
            if let Item::View { part: Some(part), .. } = &envelope.item {
                rows.extend(self.has(moment, part));
            }
            let Item::Message { message, to } = &envelope.item else { continue };
            let last = moment.state.messages().get(message).and_then(|kept| kept.step(to));
            // What the recipient has said may have come first.
            if Step::Received.follows(last) {
                rows.push(Row::Receipt(Receipt {
                    message: *message,
                    to: to.clone(),
                    step: Step::Received,
                    at: moment.at,
                    by: None,
                    reason: None,
                    envelope: Some(envelope.id),
                }));
            }
        }
        let acknowledged = through.sequence;
        let link = Link { acknowledged, word: Some(Arc::clone(word)), ..link };
        rows.push(Row::Link(Arc::new(link)));
        Ok(Decided::new(Reply::Done, rows))
    }

    /// What the peer has of a view is acknowledged by its link.
    fn has(&self, moment: Moment<'_>, part: &ViewPart) -> Option<Row> {
        let service = self.peer.link().ok()?;
        let ViewPart { class, revision } = *part;
        let before = moment.state.acknowledged(&class, &service);
        let row = Acknowledged { class, service, revision, at: moment.at };
        before.is_none_or(|before| before < revision).then_some(Row::Acknowledged(row))
    }
}
