//! What waits is numbered: most urgent first, as much as the window takes.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    DomainId, FeatureLevel, State, Timestamp, UnitKey,
    command::{Command, Looked, NumberEnvelopes, Source, ToNumber},
    commit::dsse::PayloadType,
    disclosure::Disclosure,
    link::{
        Address, BATCH_MAX, CONTRIBUTIONS_LEVEL, Chain, DELIVERIES_LEVEL, EDITIONS_LEVEL,
        EnvelopeId, Header, MESSAGES_LEVEL, Payload, Queued, SealedPayload, WINDOW_BYTES_MAX,
        WINDOW_MAX, payload_digest,
    },
    message::Precedence,
    registry::Peer,
};
use samsyn_policy::{Denial, Parcel, Policy, View, Why};

use super::{
    contribute::{Difference, MadePiece, PIECES_PER_ENTRY, compare},
    deliver::{MadeStep, Step},
    editions::{DueEdition, MadeEdition},
    queued::needs,
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
            let before = self.epoch();
            let Some((registered, room)) = self.read(|state| room(state, peer)) else {
                return Ok(0);
            };
            let steps = self.steps(&registered, level, room).await;
            // What is urgent goes before content: what that leaves no room for is not made.
            let urgent = self.read(|state| urgent(state, peer, room));
            let taken = steps.iter().map(Step::envelopes).sum::<usize>().saturating_add(urgent);
            let left = room.saturating_sub(taken);
            let mut editions = self.due_editions(&registered, level, left).await;
            let made = self.read(|state| {
                let batch = Batch::of(state, policy, &registered, (now, level), room)?;
                Ok::<_, Denial>((state.epoch(), batch))
            });
            let (epoch, mut batch) = made?;
            // Rights, records and what goes are of one epoch.
            if epoch != before {
                continue;
            }
            // What begins anew or ends takes its editions along.
            let stands = |due: &DueEdition| {
                !steps.iter().any(|one| one.withdraws() && one.is_of(&due.of.of))
            };
            editions.retain(stands);
            let editions = editions.into_iter().map(Goes::Edition);
            batch.fill(editions.chain(steps.into_iter().map(Goes::Step)));
            if batch.goes.is_empty() && batch.looked.is_empty() {
                return Ok(0);
            }
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
            let peer = &batch.peer;
            let made = match goes {
                Goes::Queued(queued) => {
                    self.made(&domain, (&batch.peer, batch.level), queued, now).map(|one| vec![one])
                }
                Goes::Picture(_) if pieces >= PIECES_PER_ENTRY => continue,
                Goes::Picture(difference) => {
                    self.pictured(&domain, peer, difference, now).map(|one| vec![one])
                }
                Goes::Step(step) => self.viewed_by(&domain, peer, step, now),
                Goes::Edition(due) => self.edition_for(&domain, peer, due, now),
            };
            let peer = &peer.id;
            match (goes, made.and_then(|made| self.chained(peer, &unit, chain, made))) {
                (goes, Ok((next, numbered))) => {
                    pieces = pieces.saturating_add(matches!(goes, Goes::Picture(_)).into());
                    chain = next;
                    envelopes.extend(numbered);
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
                (Goes::Step(_), Err(why)) => {
                    tracing::error!(%peer, %why, "a view is not delivered");
                }
                (Goes::Edition(due), Err(why)) => {
                    let edition = &due.of.edition;
                    tracing::error!(%peer, %edition, %why, "an edition is not delivered");
                }
            }
        }
        let Batch { peer, after, looked, .. } = batch;
        Ok(NumberEnvelopes { peer: peer.id, after, envelopes, dropped, looked })
    }

    /// Envelopes in their places after a chain: all of them or none; with where the chain is then.
    fn chained(
        &self,
        peer: &DomainId,
        unit: &UnitKey,
        mut chain: Chain,
        made: Vec<Made>,
    ) -> Result<(Chain, Vec<ToNumber>), Rejection> {
        let mut envelopes = Vec::with_capacity(made.len());
        for made in made {
            let envelope = self.numbered(peer, unit, chain, made)?;
            let sequence = chain.sequence.saturating_add(1);
            chain = Chain { sequence, head: envelope.id, ..chain };
            envelopes.push(envelope);
        }
        Ok((chain, envelopes))
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

    /// The pieces of a step of a view that is delivered.
    fn viewed_by(
        &self,
        domain: &DomainId,
        peer: &Peer,
        step: &Step,
        now: Timestamp,
    ) -> Result<Vec<Made>, Rejection> {
        let orgnr = Some(step.orgnr().to_owned());
        let header = Header {
            to: Address { orgnr, ..Address::domain(peer.id.clone()) },
            precedence: step.precedence(),
            labels: step.labels().cloned(),
            level: DELIVERIES_LEVEL,
            ..header(domain, peer, now)
        };
        let pieces = step.pieces().into_iter().map(|MadeStep { offer, payload, name }| {
            // What it brings was recorded before it was released.
            let made = self.enclosed(header.clone(), &payload, (name.as_bytes(), 0), None)?;
            Ok(Made { source: Source::View(offer), ..made })
        });
        pieces.collect()
    }

    /// The pieces of an edition that is delivered.
    fn edition_for(
        &self,
        domain: &DomainId,
        peer: &Peer,
        due: &DueEdition,
        now: Timestamp,
    ) -> Result<Vec<Made>, Rejection> {
        let orgnr = Some(due.orgnr().to_owned());
        let header = Header {
            to: Address { orgnr, ..Address::domain(peer.id.clone()) },
            precedence: due.precedence(),
            labels: due.labels().cloned(),
            level: EDITIONS_LEVEL,
            ..header(domain, peer, now)
        };
        let pieces = due.pieces().into_iter().map(|MadeEdition { offer, payload, name }| {
            // What it brings was recorded before it was released.
            let made = self.enclosed(header.clone(), &payload, (name.as_bytes(), 0), None)?;
            Ok(Made { source: Source::Edition(offer), ..made })
        });
        pieces.collect()
    }

    /// Puts a payload behind a header: its kind, its salted digest, and the key that names what it
    /// changes.
    pub(super) fn enclosed(
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
pub(super) fn header(domain: &DomainId, peer: &Peer, now: Timestamp) -> Header {
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
pub(super) struct Made {
    source: Source,
    header: Header,
    payload: SealedPayload,
    disclosure: Option<Disclosure>,
}

/// Something that goes.
enum Goes {
    Queued(Arc<Queued>),
    Picture(Difference),
    Step(Step),
    Edition(DueEdition),
}

impl Goes {
    /// Its turn: what must go from the peer, what is urgent, the newest pictures, and the rest.
    fn turn(&self) -> u8 {
        match self {
            Self::Picture(difference) if difference.withdraws() => 0,
            Self::Step(step) if step.withdraws() => 0,
            Self::Edition(due) if due.withdraws() => 0,
            Self::Queued(queued) if queued.precedence <= Precedence::Immediate => 1,
            Self::Picture(_) | Self::Step(_) | Self::Edition(_) => 2,
            Self::Queued(_) => 3,
        }
    }

    /// How many envelopes it takes.
    fn envelopes(&self) -> usize {
        match self {
            Self::Queued(_) | Self::Picture(_) => 1,
            Self::Step(step) => step.envelopes(),
            Self::Edition(due) => due.envelopes(),
        }
    }
}

/// A peer and how many envelopes may be numbered for it; none where none may.
fn room(state: &State, peer: &DomainId) -> Option<(Peer, usize)> {
    let registered = state.registry().peer(peer)?;
    let links = state.links();
    let link = links.link(peer);
    let room = WINDOW_MAX.saturating_sub(link.in_flight());
    let room = usize::try_from(room).unwrap_or(usize::MAX).min(BATCH_MAX);
    let under_way = links.numbered_after(peer, link.out.epoch, link.acknowledged);
    let bytes: u64 = under_way.map(|envelope| envelope.payload.bytes.len() as u64).sum();
    let is_open = link.is_open() && room > 0 && bytes < WINDOW_BYTES_MAX;
    is_open.then(|| (registered.clone(), room))
}

/// How much of what waits for a peer is urgent, up to as many places as there are.
fn urgent(state: &State, peer: &DomainId, room: usize) -> usize {
    let queue = state.links().queue(peer);
    queue.take(room).take_while(|queued| queued.precedence <= Precedence::Immediate).count()
}

/// What is to be numbered next.
struct Batch {
    peer: Peer,
    /// Up to which level the peer reads.
    level: u32,
    after: Chain,
    /// How many envelopes it may be.
    room: usize,
    goes: Vec<Goes>,
    /// Own pictures of which the peer has what it may have.
    looked: Vec<Looked>,
}

impl Batch {
    /// What waits to be numbered and whose time has not ended.
    fn of(
        state: &State,
        policy: &Policy,
        peer: &Peer,
        (now, level): (Timestamp, u32),
        room: usize,
    ) -> Result<Self, Denial> {
        let links = state.links();
        let reads = level >= CONTRIBUTIONS_LEVEL && state.level() >= FeatureLevel::CONTRIBUTIONS;
        let (differences, looked) =
            if reads { compare(state, policy, peer, now)? } else { Default::default() };
        let is_good = |queued: &&Arc<Queued>| {
            queued.until.is_none_or(|until| until > now) && needs(state, &queued.item) <= level
        };
        let queued = links.queue(&peer.id).filter(is_good).take(room).cloned().map(Goes::Queued);
        let pictures = differences.into_iter().map(Goes::Picture);
        let goes: Vec<Goes> = pictures.chain(queued).collect();
        let after = links.link(&peer.id).out;
        Ok(Self { peer: peer.clone(), level, after, room, goes, looked })
    }

    /// With more that goes: the most urgent first, as much as the window takes.
    fn fill(&mut self, more: impl Iterator<Item = Goes>) {
        self.goes.extend(more);
        self.goes.sort_by_key(Goes::turn);
        let mut taken = 0_usize;
        self.goes.retain(|goes| {
            let with = taken.saturating_add(goes.envelopes());
            let fits = with <= self.room;
            taken = if fits { with } else { taken };
            fits
        });
    }
}
