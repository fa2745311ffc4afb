//! What waits is numbered: most urgent first, as much as the window takes.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    DomainId, FeatureLevel, FunctionId, State, Timestamp, UnitKey,
    command::{Command, Looked, NumberEnvelopes, Source, ToNumber},
    commit::dsse::PayloadType,
    disclosure::Disclosure,
    link::{
        Address, BATCH_MAX, CONTRIBUTIONS_LEVEL, Chain, EnvelopeId, Header, Item, MESSAGES_LEVEL,
        Payload, Queued, SealedPayload, Sent, WINDOW_BYTES_MAX, WINDOW_MAX, payload_digest,
    },
    message::{MessageId, Precedence, RejectedFor, Text},
    registry::Peer,
};
use samsyn_policy::{Denial, Parcel, Policy, View, Why};

use super::{
    contribute::{Difference, MadePiece, PIECES_PER_ENTRY, compare},
    unit,
};
use crate::{
    Error, Ledger, Rejection,
    handle::{Inner, RACES_MAX},
    keys::random,
    messages::unwritten,
};

impl Ledger {
    /// Numbers what is to go to a peer that reads up to a level: the most urgent first, as much as
    /// its window takes; gives how many envelopes were numbered. What may not leave any more is
    /// dropped unnumbered.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn number_envelopes(&self, peer: &DomainId, level: u32) -> Result<usize, Rejection> {
        for _ in 0..RACES_MAX {
            let now = (self.inner.clock)();
            let policy = &self.inner.policy;
            let made = self.read(|state| {
                let batch = Batch::of(state, policy, peer, (now, level))?;
                Ok::<_, Denial>((state.epoch(), batch))
            });
            let (epoch, Some(batch)) = made? else { return Ok(0) };
            let command = self.numbering(batch, now).await?;
            let count = command.envelopes.len();
            if count == 0 && command.dropped.is_empty() && command.looked.is_empty() {
                return Ok(0);
            }
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
            let missing = || Denial::of(Why::NotFound);
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
        let mut envelopes = Vec::with_capacity(batch.goes.len());
        let mut pieces = 0_usize;
        let mut dropped = Vec::new();
        for goes in &batch.goes {
            let made = match goes {
                Goes::Queued(queued) => self.made(&domain, &batch, queued, now),
                Goes::Picture(_) if pieces >= PIECES_PER_ENTRY => continue,
                Goes::Picture(difference) => self.pictured(&domain, &batch.peer, difference, now),
            };
            let peer = &batch.peer.id;
            match (goes, made.and_then(|made| self.numbered(peer, &unit, chain, made))) {
                (goes, Ok(envelope)) => {
                    pieces = pieces.saturating_add(matches!(goes, Goes::Picture(_)).into());
                    let sequence = chain.sequence.saturating_add(1);
                    chain = Chain { sequence, head: envelope.id, ..chain };
                    envelopes.push(envelope);
                }
                (Goes::Queued(queued), Err(Rejection::Denied(denial))) => {
                    tracing::warn!(%peer, reason = denial.why.id(), "not sent");
                    dropped.push(queued.number);
                }
                (Goes::Queued(_), Err(rejection)) => return Err(rejection),
                // One picture that cannot go does not hold up what others send.
                (Goes::Picture(difference), Err(why)) => {
                    let picture = difference.name();
                    tracing::error!(%peer, picture, %why, "a picture is not contributed");
                }
            }
        }
        let Batch { peer, after, looked, .. } = batch;
        Ok(NumberEnvelopes { peer: peer.id, after, envelopes, dropped, looked })
    }

    /// An envelope in its place after a chain: its header signed, its payload sealed.
    fn numbered(
        &self,
        peer: &DomainId,
        unit: &UnitKey,
        chain: Chain,
        Made { source, header, payload, disclosure }: Made,
    ) -> Result<ToNumber, Rejection> {
        let sequence = chain.sequence.saturating_add(1);
        let header = Header { epoch: chain.epoch, sequence, previous: chain.head, ..header };
        let bytes = header.encode().map_err(unwritten)?;
        let signature = self.sign_as_domain(PayloadType::LinkEnvelope, &bytes);
        let object = format!("envelope {peer} {} {sequence}", chain.epoch);
        Ok(ToNumber {
            source,
            id: Header::id_of(&bytes),
            header: bytes.into(),
            signature: signature.as_slice().into(),
            payload: self.inner.keys.seal(unit, &object, &payload.message())?,
            disclosure,
        })
    }

    /// What an item says, with the header that goes before it but for its place in the chain.
    fn made(
        &self,
        domain: &DomainId,
        Batch { peer, level, .. }: &Batch,
        queued: &Queued,
        now: Timestamp,
    ) -> Result<Made, Rejection> {
        let name = queued.number.to_be_bytes();
        let header = Header { precedence: queued.precedence, ..header(domain, peer, now) };
        let (header, payload, disclosure) = match &queued.item {
            Item::Message { message, to } => {
                let (sent, disclosure) = self.message_for(peer, message, to)?;
                let valid_seconds = queued.until.map(|until| {
                    let left = until.micros().saturating_sub(now.micros()) / 1_000_000;
                    u32::try_from(left).unwrap_or_default()
                });
                let header = Header {
                    from: Address::function(domain.clone(), sent.core.from.clone()),
                    to: Address::function(peer.id.clone(), to.clone()),
                    labels: Some(Arc::clone(&sent.core.labels)),
                    valid_seconds,
                    ..header
                };
                (header, Payload::Message(sent.into()), Some(disclosure))
            }
            Item::Receipt { message, to, step, at, reason } => {
                let (level, reason) = match reason {
                    // Who knows messages alone does not know that they can be unfit.
                    Some(RejectedFor::Unfit) if *level < CONTRIBUTIONS_LEVEL => {
                        (MESSAGES_LEVEL, Some(RejectedFor::NotAllowed))
                    }
                    Some(RejectedFor::Unfit) => (CONTRIBUTIONS_LEVEL, *reason),
                    None
                    | Some(
                        RejectedFor::UnknownAddress
                        | RejectedFor::NotAllowed
                        | RejectedFor::InboxFull
                        | RejectedFor::Declined,
                    ) => (MESSAGES_LEVEL, *reason),
                };
                let (message, to, step, at) = (*message, to.clone(), *step, *at);
                let payload = Payload::Receipt { message, to, step, at, reason };
                (Header { level, ..header }, payload, None)
            }
            Item::Answer { party, area, envelope, version, refused } => {
                let (party, area, refused) = (party.clone(), area.clone(), refused.clone());
                let payload = Payload::Answer { party, area, version: *version, refused };
                let (in_reply_to, level) = (Some(*envelope), CONTRIBUTIONS_LEVEL);
                (Header { in_reply_to, level, ..header }, payload, None)
            }
            Item::Contribution { .. } => {
                let why = "a contribution was queued: it is compared, never queued";
                return Err(Error::Fatal(why.to_owned()).into());
            }
        };
        self.enclosed(header, &payload, (&name, queued.number), disclosure)
    }

    /// A message as it may leave for a recipient, and the record of its leaving.
    fn message_for(
        &self,
        peer: &Peer,
        message: &MessageId,
        to: &FunctionId,
    ) -> Result<(Sent, Disclosure), Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let gone = || Error::Fatal("what waits for a peer is not there".to_owned());
        self.read(|state| {
            let message = &state.messages().get(message).ok_or_else(gone)?.message;
            let about = (&message.id, &*message.core, to);
            let disclosure = policy.leaves(state, &**keys, peer, about)?;
            let text = keys.open_message(&message.text).and_then(|text| Text::of(text).ok());
            let sent = Sent {
                core: (*message.core).clone(),
                text: text.ok_or_else(gone)?,
                sent_at: message.sent_at,
            };
            Ok((sent, disclosure))
        })
    }

    /// The next piece of a contribution.
    fn pictured(
        &self,
        domain: &DomainId,
        peer: &Peer,
        difference: &Difference,
        now: Timestamp,
    ) -> Result<Made, Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let piece = self.read(|state| difference.piece(state, (policy, &**keys), peer))?;
        let MadePiece { offer, payload, expected, labels, disclosure } = piece;
        let orgnr = Some(offer.orgnr.to_string());
        let from = Address { orgnr, ..Address::domain(domain.clone()) };
        let header = Header {
            from,
            expected_version: expected,
            precedence: difference.precedence(),
            labels: labels.map(Arc::new),
            level: CONTRIBUTIONS_LEVEL,
            ..header(domain, peer, now)
        };
        let name = difference.name();
        let made = self.enclosed(header, &payload, (name.as_bytes(), 0), disclosure)?;
        Ok(Made { source: Source::Picture(offer), ..made })
    }

    /// Puts a payload behind a header: its kind, its salted digest, and the key that names what it
    /// changes.
    fn enclosed(
        &self,
        header: Header,
        payload: &Payload,
        (name, queued): (&[u8], u64),
        disclosure: Option<Disclosure>,
    ) -> Result<Made, Rejection> {
        let salt = random()?;
        let bytes = payload.encode().map_err(unwritten)?;
        let peer = header.to.domain.as_str().as_bytes();
        let key = self.inner.keys.digest("link key", &[peer, name]);
        let key = std::array::from_fn(|at| key.get(at).copied().unwrap_or_default());
        let kind = payload.kind().number();
        let header = Header { kind, key, payload: payload_digest(&salt, &bytes), ..header };
        let payload = SealedPayload { payload: bytes, salt };
        Ok(Made { source: Source::Queued(queued), header, payload, disclosure })
    }
}

/// The header of an envelope from one domain to another, before anything is said of what it
/// holds.
fn header(domain: &DomainId, peer: &Peer, now: Timestamp) -> Header {
    Header {
        federation: peer.federation.clone(),
        epoch: 0,
        sequence: 0,
        previous: EnvelopeId::NONE,
        from: Address::domain(domain.clone()),
        to: Address::domain(peer.id.clone()),
        kind: 0,
        key: [0; 16],
        expected_version: None,
        in_reply_to: None,
        issued_at: now,
        valid_seconds: None,
        precedence: Precedence::Routine,
        labels: None,
        payload: [0; 32],
        parts: Vec::new(),
        sealed_to: None,
        bundle: 0,
        level: MESSAGES_LEVEL,
    }
}

/// What became of something that goes.
struct Made {
    source: Source,
    header: Header,
    payload: SealedPayload,
    disclosure: Option<Disclosure>,
}

/// Something that goes.
enum Goes {
    Queued(Arc<Queued>),
    Picture(Difference),
}

impl Goes {
    /// Its turn: what must go from the peer, what is urgent, the newest pictures, and the rest.
    fn turn(&self) -> u8 {
        match self {
            Self::Picture(difference) if difference.withdraws() => 0,
            Self::Queued(queued) if queued.precedence <= Precedence::Immediate => 1,
            Self::Picture(_) => 2,
            Self::Queued(_) => 3,
        }
    }
}

/// What is to be numbered next.
struct Batch {
    peer: Peer,
    /// Up to which level the peer reads.
    level: u32,
    after: Chain,
    goes: Vec<Goes>,
    /// Own pictures of which the peer has what it may have.
    looked: Vec<Looked>,
}

impl Batch {
    /// The most urgent of what is to go and whose time has not ended, as much as the window takes;
    /// none when nothing is to be done.
    fn of(
        state: &State,
        policy: &Policy,
        peer: &DomainId,
        (now, level): (Timestamp, u32),
    ) -> Result<Option<Self>, Denial> {
        let Some(registered) = state.registry().peer(peer) else { return Ok(None) };
        let links = state.links();
        let link = links.link(peer);
        let room = WINDOW_MAX.saturating_sub(link.in_flight());
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(BATCH_MAX);
        if !link.is_open() || room == 0 {
            return Ok(None);
        }
        let under_way = links.numbered_after(peer, link.out.epoch, link.acknowledged);
        let bytes: u64 = under_way.map(|envelope| envelope.payload.bytes.len() as u64).sum();
        if bytes >= WINDOW_BYTES_MAX {
            return Ok(None);
        }
        let reads = level >= CONTRIBUTIONS_LEVEL && state.level() >= FeatureLevel::CONTRIBUTIONS;
        let (differences, looked) =
            if reads { compare(state, policy, registered, now)? } else { Default::default() };
        let is_good = |queued: &&Arc<Queued>| queued.until.is_none_or(|until| until > now);
        let queued = links.queue(peer).filter(is_good).take(room).cloned().map(Goes::Queued);
        let pictures = differences.into_iter().map(Goes::Picture);
        let mut goes: Vec<Goes> = pictures.chain(queued).collect();
        goes.sort_by_key(Goes::turn);
        goes.truncate(room);
        let batch = Self { peer: registered.clone(), level, after: link.out, goes, looked };
        Ok((!batch.goes.is_empty() || !batch.looked.is_empty()).then_some(batch))
    }
}
