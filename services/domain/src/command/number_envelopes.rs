//! What waits for a peer is numbered: from then on it goes out in these bytes, in this order.

use std::sync::Arc;

use super::{Decided, Moment, Reply};
use crate::{
    DomainId, Reason, Refusal, Sealed,
    disclosure::Disclosure,
    link::{BATCH_MAX, Chain, EnvelopeId, Item, Link, Numbered, WINDOW_MAX},
    message::{Receipt, RejectedFor, Step},
    row::Row,
};

/// One envelope to be numbered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToNumber {
    /// Which place of the peer's queue.
    pub queued: u64,
    /// The id of the envelope.
    pub id: EnvelopeId,
    /// The header, in canonical bytes.
    pub header: Arc<[u8]>,
    /// The domain's signature, 64 bytes.
    pub signature: Arc<[u8]>,
    /// The payload with its salt, under seal.
    pub payload: Sealed,
    /// What leaves the domain with it; none where it holds no content.
    pub disclosure: Option<Disclosure>,
}

/// Envelopes for a peer, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberEnvelopes {
    /// For whom.
    pub peer: DomainId,
    /// After which envelope of which chain.
    pub after: Chain,
    /// The envelopes.
    pub envelopes: Vec<ToNumber>,
    /// Places of the queue whose message may not leave any more: policy says no.
    pub dropped: Vec<u64>,
}

impl NumberEnvelopes {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let links = moment.state.links();
        let link = links.link(&self.peer);
        let count = self.envelopes.len() as u64;
        if !link.is_open() {
            return Err(Refusal::of(Reason::LinkClosed));
        }
        let fits = self.envelopes.len() + self.dropped.len() <= BATCH_MAX
            && link.in_flight() + count <= WINDOW_MAX;
        if link.out != self.after || !fits {
            return Err(Refusal::of(Reason::LinkStale).now(link.out.sequence));
        }
        let mut rows = Vec::new();
        let mut out = link.out;
        let mut sequence = moment.state.disclosures_recorded();
        for envelope in &self.envelopes {
            let ToNumber { queued, id, header, signature, payload, disclosure } = envelope;
            let stale = || Refusal::of(Reason::LinkStale).now(out.sequence);
            let waiting = links.queued(&self.peer, *queued).ok_or_else(stale)?;
            out = Chain { sequence: out.sequence + 1, head: *id, ..out };
            rows.push(Row::Unqueued(self.peer.clone(), *queued));
            rows.push(Row::Numbered(Arc::new(Numbered {
                peer: self.peer.clone(),
                epoch: out.epoch,
                sequence: out.sequence,
                id: *id,
                header: Arc::clone(header),
                signature: Arc::clone(signature),
                payload: payload.clone(),
                item: waiting.item.clone(),
                at: moment.at,
            })));
            if let Item::Message { message, to } = &waiting.item {
                rows.push(Row::Receipt(Receipt {
                    message: *message,
                    to: to.clone(),
                    step: Step::Relayed,
                    at: moment.at,
                    by: None,
                    reason: None,
                    envelope: Some(*id),
                }));
            }
            if let Some(disclosure) = disclosure {
                sequence += 1;
                let recorded = Disclosure { sequence, at: moment.at, ..disclosure.clone() };
                rows.push(Row::Disclosure(recorded.into()));
            }
        }
        for queued in &self.dropped {
            let stale = || Refusal::of(Reason::LinkStale).now(out.sequence);
            let waiting = links.queued(&self.peer, *queued).ok_or_else(stale)?;
            rows.push(Row::Unqueued(self.peer.clone(), *queued));
            if let Item::Message { message, to } = &waiting.item {
                rows.push(Row::Receipt(Receipt {
                    message: *message,
                    to: to.clone(),
                    step: Step::Rejected,
                    at: moment.at,
                    by: None,
                    reason: Some(RejectedFor::NotAllowed),
                    envelope: None,
                }));
            }
        }
        rows.push(Row::Link(Arc::new(Link { out, ..link })));
        Ok(Decided::new(Reply::Done, rows))
    }
}
