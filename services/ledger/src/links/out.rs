//! What waits is numbered: most urgent first, as much as the window takes.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    DomainId, State, Timestamp,
    command::{Command, NumberEnvelopes, ToNumber},
    commit::dsse::PayloadType,
    disclosure::Disclosure,
    link::{
        Address, BATCH_MAX, Chain, EnvelopeId, Header, Item, LEVEL, Payload, Queued, SealedPayload,
        Sent, WINDOW_BYTES_MAX, WINDOW_MAX, payload_digest,
    },
    message::Text,
    registry::Peer,
};
use samsyn_policy::{Parcel, View};

use super::unit;
use crate::{
    Error, Ledger, Rejection,
    handle::{Inner, RACES_MAX},
    keys::random,
    messages::unwritten,
};

impl Ledger {
    /// Numbers what waits for a peer, the most urgent first, as much as its window takes; gives how
    /// many envelopes were numbered. What may not leave any more is dropped unnumbered.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn number_envelopes(&self, peer: &DomainId) -> Result<usize, Rejection> {
        for _ in 0..RACES_MAX {
            let now = (self.inner.clock)();
            let made = self.read(|state| (state.epoch(), Batch::of(state, peer, now)));
            let (epoch, Some(batch)) = made else { return Ok(0) };
            let command = self.numbering(batch, now).await?;
            let count = command.envelopes.len();
            if self.linked(epoch, Command::NumberEnvelopes(command.into())).await? {
                return Ok(count);
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Numbered envelopes after a number, in their exact bytes.
    ///
    /// # Errors
    /// When there is no such peer, or a key is gone.
    pub fn parcels(
        &self,
        peer: &DomainId,
        after: u64,
        count: usize,
    ) -> Result<View<Vec<Parcel>>, Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let projection = self.read(|state| {
            let missing = || samsyn_policy::Denial::of(samsyn_policy::Why::NotFound);
            let peer = state.registry().peer(peer).ok_or_else(missing)?;
            policy.parcels(state, &**keys, (peer, after), count)
        })?;
        Ok(self.release(projection)?)
    }

    /// Makes envelopes of a batch: headers in a chain, signed, payloads sealed.
    async fn numbering(&self, batch: Batch, now: Timestamp) -> Result<NumberEnvelopes, Rejection> {
        let domain = self.own_domain()?;
        let unit = unit(&batch.peer.id, now);
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let mut chain = batch.after;
        let mut envelopes = Vec::with_capacity(batch.queued.len());
        let mut dropped = Vec::new();
        for queued in &batch.queued {
            let made = match self.made(&domain, &batch.peer, queued, now) {
                Ok(made) => made,
                Err(Rejection::Denied(denial)) => {
                    tracing::warn!(peer = %batch.peer.id, reason = denial.why.id(), "not sent");
                    dropped.push(queued.number);
                    continue;
                }
                Err(rejection) => return Err(rejection),
            };
            let sequence = chain.sequence.saturating_add(1);
            let Made { header, payload, disclosure } = made;
            let header = Header { epoch: chain.epoch, sequence, previous: chain.head, ..header };
            let bytes = header.encode().map_err(unwritten)?;
            let id = Header::id_of(&bytes);
            let signature = self.sign_as_domain(PayloadType::LinkEnvelope, &bytes);
            let object = format!("envelope {} {} {sequence}", batch.peer.id, chain.epoch);
            let payload = self.inner.keys.seal(&unit, &object, &payload.message())?;
            chain = Chain { sequence, head: id, ..chain };
            envelopes.push(ToNumber {
                queued: queued.number,
                id,
                header: bytes.into(),
                signature: signature.as_slice().into(),
                payload,
                disclosure,
            });
        }
        Ok(NumberEnvelopes { peer: batch.peer.id.clone(), after: batch.after, envelopes, dropped })
    }

    /// What an item says, with the header that goes before it but for its place in the chain.
    fn made(
        &self,
        domain: &DomainId,
        peer: &Peer,
        queued: &Queued,
        now: Timestamp,
    ) -> Result<Made, Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let gone = || Error::Fatal("what waits for a peer is not there".to_owned());
        let salt = random()?;
        let (payload, from, to, labels, disclosure) = match &queued.item {
            Item::Message { message, to } => self.read(|state| {
                let kept = state.messages().get(message).ok_or_else(gone)?;
                let message = &kept.message;
                let about = (&message.id, &*message.core, to);
                let disclosure = policy.leaves(state, &**keys, peer, about)?;
                let text = keys.open_message(&message.text).and_then(|text| Text::of(text).ok());
                let sent = Sent {
                    core: (*message.core).clone(),
                    text: text.ok_or_else(gone)?,
                    sent_at: message.sent_at,
                };
                let from = Address::function(domain.clone(), sent.core.from.clone());
                let labels = Some(Arc::clone(&sent.core.labels));
                let to = Address::function(peer.id.clone(), to.clone());
                Ok::<_, Rejection>((
                    Payload::Message(sent.into()),
                    from,
                    to,
                    labels,
                    Some(disclosure),
                ))
            })?,
            Item::Receipt { message, to, step, at, reason } => {
                let payload = Payload::Receipt {
                    message: *message,
                    to: to.clone(),
                    step: *step,
                    at: *at,
                    reason: *reason,
                };
                let from = Address::domain(domain.clone());
                (payload, from, Address::domain(peer.id.clone()), None, None)
            }
        };
        let bytes = payload.encode().map_err(unwritten)?;
        let key = self
            .inner
            .keys
            .digest("link key", &[peer.id.as_str().as_bytes(), &queued.number.to_be_bytes()]);
        let key: [u8; 16] = std::array::from_fn(|at| key.get(at).copied().unwrap_or_default());
        let valid_seconds = queued.until.map(|until| {
            let left = until.micros().saturating_sub(now.micros()) / 1_000_000;
            u32::try_from(left).unwrap_or_default()
        });
        let header = Header {
            federation: peer.federation.clone(),
            epoch: 0,
            sequence: 0,
            previous: EnvelopeId::NONE,
            from,
            to,
            kind: payload.kind().number(),
            key,
            expected_version: None,
            in_reply_to: None,
            issued_at: now,
            valid_seconds,
            precedence: queued.precedence,
            labels,
            payload: payload_digest(&salt, &bytes),
            parts: Vec::new(),
            sealed_to: None,
            bundle: 0,
            level: LEVEL,
        };
        Ok(Made { header, payload: SealedPayload { payload: bytes, salt }, disclosure })
    }
}

/// What an item became.
struct Made {
    header: Header,
    payload: SealedPayload,
    disclosure: Option<Disclosure>,
}

/// What is to be numbered next.
struct Batch {
    peer: Peer,
    after: Chain,
    queued: Vec<Arc<Queued>>,
}

impl Batch {
    /// The most urgent of what waits and whose time has not ended, as much as the window takes;
    /// none when nothing may go.
    fn of(state: &State, peer: &DomainId, now: Timestamp) -> Option<Self> {
        let registered = state.registry().peer(peer)?;
        let links = state.links();
        let link = links.link(peer);
        if !link.is_open() {
            return None;
        }
        let room = WINDOW_MAX.saturating_sub(link.in_flight());
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(BATCH_MAX);
        let is_good = |queued: &&Arc<Queued>| queued.until.is_none_or(|until| until > now);
        let queued: Vec<_> = links.queue(peer).filter(is_good).take(room).cloned().collect();
        if queued.is_empty() {
            return None;
        }
        let under_way = links.numbered_after(peer, link.out.epoch, link.acknowledged);
        let bytes: u64 = under_way.map(|envelope| envelope.payload.bytes.len() as u64).sum();
        let after = link.out;
        (bytes < WINDOW_BYTES_MAX).then(|| Self { peer: registered.clone(), after, queued })
    }
}
