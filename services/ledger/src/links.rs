//! Links: what waits is numbered, what came takes effect, what was taken in is settled. Whoever
//! carries the envelopes knows nothing of state and keys.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Caller, DomainId, Period, PeriodKind, Sealed, State, Timestamp, UnitKey,
    command::{
        Command, Effect, LinkChange, NumberEnvelopes, Reply, SetLink, SettleEnvelopes,
        TakeEnvelopes, ToNumber, ToTake,
    },
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
    },
    disclosure::Disclosure,
    link::{
        Address, BATCH_BYTES_MAX, BATCH_MAX, Chain, EnvelopeId, FrozenFor, Header, Item, LEVEL,
        Link, Outcome, Payload, Position, Quarantined, Queued, SealedPayload, Sent, SignedPosition,
        WINDOW_BYTES_MAX, WINDOW_MAX, payload_digest,
    },
    message::Text,
    registry::Peer,
};
use samsyn_policy::{BadEnvelope, Came, Judged, Parcel, View, judge, position};
use samsyn_proto::inbound::LinkAsked;

use crate::{
    Error, Ledger, Rejection,
    handle::{Inner, RACES_MAX},
    keys::random,
    messages::unwritten,
};

/// A link with what is around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFigures {
    /// The link.
    pub link: Link,
    /// How much waits to be numbered.
    pub waiting: usize,
    /// Since when the oldest of what the peer has not taken in waits.
    pub oldest: Option<Timestamp>,
    /// How much was set aside.
    pub quarantined: usize,
}

/// What became of envelopes that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenIn {
    /// How far the peer's envelopes are taken in: signed.
    pub position: Arc<SignedPosition>,
    /// Up to which number.
    pub sequence: u64,
    /// What of them was set aside, and why.
    pub set_aside: Vec<(u64, samsyn_domain::link::QuarantinedFor)>,
}

/// Why envelopes that came were not taken in. The session ends.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// One is not the peer's word.
    #[error(transparent)]
    Bad(#[from] BadEnvelope),
    /// One is missing before it.
    #[error("an envelope is missing before number {0}")]
    Gap(u64),
    /// It is of a chain that is not the one that was agreed.
    #[error("an envelope is of chain {0}, which is not the one in force")]
    Epoch(u64),
    /// Another came under its number before: the link stands still now.
    #[error("another envelope came under number {0} before")]
    Fork(u64),
    /// The ledger says no, or failed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Ledger {
    /// A registered peer.
    #[must_use]
    pub fn registered_peer(&self, id: &DomainId) -> Option<Peer> {
        self.read(|state| state.registry().peer(id).cloned())
    }

    /// The id of the key with which this domain signs what it sends.
    #[must_use]
    pub fn link_key(&self) -> [u8; 32] {
        PublicKey::Ed25519(self.inner.keys.signer()).id().0
    }

    /// The public key with which this domain signs what it sends.
    #[must_use]
    pub fn public_key(&self) -> [u8; 32] {
        self.inner.keys.signer()
    }

    /// Whether this node orders what its links need: the one that leads, and serves.
    #[must_use]
    pub fn holds_links(&self) -> bool {
        self.inner.consensus.leads() && self.serves()
    }

    /// A link as it stands.
    #[must_use]
    pub fn link(&self, peer: &DomainId) -> LinkFigures {
        self.read(|state| {
            let links = state.links();
            let link = links.link(peer);
            let numbered = links.numbered_after(peer, link.out.epoch, link.acknowledged);
            let numbered = numbered.map(|envelope| envelope.at).next();
            let queued = links.queue(peer).map(|queued| queued.at).min();
            LinkFigures {
                waiting: links.waiting(peer),
                oldest: numbered.into_iter().chain(queued).min(),
                quarantined: links.quarantine_size(peer),
                link,
            }
        })
    }

    /// What was set aside of a peer.
    #[must_use]
    pub fn quarantined(&self, peer: &DomainId) -> Vec<Arc<Quarantined>> {
        self.read(|state| state.links().quarantined(peer).cloned().collect())
    }

    /// Stops a link, or lets it go on, for an operator.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn set_link(&self, caller: &Caller, asked: &LinkAsked) -> Result<(), Rejection> {
        let command = SetLink { peer: asked.peer.clone(), change: asked.change };
        let body = self.body("set_link", Command::SetLink(command.clone()))?;
        let make = |_: &State| Ok(Command::SetLink(command.clone()));
        self.propose(caller, &asked.context, &body, make).await.map(drop)
    }

    /// Has a link stand still: what came does not fit what came before.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn freeze_link(&self, peer: &DomainId, why: FrozenFor) -> Result<(), Rejection> {
        let command = SetLink { peer: peer.clone(), change: LinkChange::Freeze(why) };
        self.own_if(Command::SetLink(command)).await.map(drop)
    }

    /// Signs a statement as this domain.
    #[must_use]
    pub fn sign_as_domain(&self, kind: PayloadType, payload: &[u8]) -> [u8; 64] {
        self.inner.keys.sign_release(&pre_authentication(kind, payload)).0
    }

    /// Numbers what waits for a peer, the most urgent first, as much as its window takes; gives how
    /// many envelopes were numbered. What may not leave any more is dropped unnumbered.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn number_envelopes(&self, peer: &DomainId) -> Result<usize, Rejection> {
        for _ in 0..RACES_MAX {
            let made = self.read(|state| (state.epoch(), Batch::of(state, peer)));
            let (epoch, Some(batch)) = made else { return Ok(0) };
            let command = self.numbering(batch).await?;
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

    /// Takes in envelopes of a peer, in their order. Those that were taken in before are passed
    /// over, when they are the same.
    ///
    /// # Errors
    /// When one is not the peer's word, does not fit what came before, or the ledger says no.
    pub async fn take_envelopes(&self, peer: &Peer, came: &[Came]) -> Result<TakenIn, NotTaken> {
        let domain = self.own_domain()?;
        let mut judged = Vec::with_capacity(came.len());
        for one in came {
            judged.push((judge(&domain, peer, one)?, one));
        }
        let mut set_aside = Vec::new();
        let mut rest = judged.as_slice();
        while let Some((batch, after)) = rest.split_at_checked(batch_of(rest)) {
            if batch.is_empty() {
                break;
            }
            self.take_batch(peer, batch).await?;
            rest = after;
        }
        let position = self.position(&peer.id)?;
        self.read(|state| {
            for (judged, _) in &judged {
                let (epoch, sequence) = (judged.header.epoch, judged.header.sequence);
                let arrived = state.links().arrived(&peer.id, epoch, sequence);
                if let Some(Outcome::Quarantined(why)) = arrived.map(|arrived| arrived.outcome) {
                    set_aside.push((sequence, why));
                }
            }
        });
        let sequence = self.link(&peer.id).link.taken.sequence;
        Ok(TakenIn { position, sequence, set_aside })
    }

    /// How far this domain has taken in what a peer sent, signed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn position(&self, peer: &DomainId) -> Result<Arc<SignedPosition>, Rejection> {
        let chain = self.read(|state| state.links().link(peer).taken);
        let (by, at) = (self.own_domain()?, (self.inner.clock)());
        let position = Position { from: peer.clone(), by, chain, at };
        let payload = position.encode().map_err(unwritten)?;
        let signature = self.sign_as_domain(PayloadType::LinkPosition, &payload);
        Ok(Arc::new(SignedPosition { payload, signature: signature.to_vec() }))
    }

    /// Settles what a peer says, signed, that it has taken in; gives up to which number.
    ///
    /// # Errors
    /// When it is not the peer's word, names what was never sent, or cannot be committed.
    pub async fn settle_envelopes(
        &self,
        peer: &Peer,
        (payload, signature, key): (&[u8], &[u8], &[u8]),
    ) -> Result<u64, NotTaken> {
        let domain = self.own_domain()?;
        let said = position(&domain, peer, (payload, signature, key));
        let said = said.ok_or(BadEnvelope::Signature)?;
        let link = self.read(|state| state.links().link(&peer.id));
        if said.chain.epoch != link.out.epoch {
            return Err(NotTaken::Epoch(said.chain.epoch));
        }
        let sent = self.sent_under(&peer.id, said.chain.sequence);
        let is_other = sent.is_some_and(|sent| sent != said.chain.head);
        if said.chain.sequence > link.out.sequence || is_other {
            self.freeze_link(&peer.id, FrozenFor::Fork).await?;
            return Err(NotTaken::Fork(said.chain.sequence));
        }
        if said.chain.sequence < link.acknowledged {
            self.freeze_link(&peer.id, FrozenFor::Regression).await?;
            return Err(NotTaken::Fork(said.chain.sequence));
        }
        if said.chain.sequence > link.acknowledged {
            let (payload, signature) = (payload.to_vec(), signature.to_vec());
            let word = Arc::new(SignedPosition { payload, signature });
            let settle = SettleEnvelopes { peer: peer.id.clone(), through: said.chain, word };
            self.own_if(Command::SettleEnvelopes(settle)).await?;
        }
        Ok(said.chain.sequence)
    }

    /// The envelope that was sent under a number of the chain in force, as long as it is kept.
    #[must_use]
    pub fn sent_under(&self, peer: &DomainId, sequence: u64) -> Option<EnvelopeId> {
        self.read(|state| {
            let (links, link) = (state.links(), state.links().link(peer));
            if sequence == link.out.sequence {
                return Some(link.out.head);
            }
            let mut sent = links.numbered_after(peer, link.out.epoch, sequence.checked_sub(1)?);
            sent.next().filter(|envelope| envelope.sequence == sequence).map(|one| one.id)
        })
    }

    pub(crate) fn own_domain(&self) -> Result<DomainId, Rejection> {
        let bad = |_| Error::Fatal("the domain's own name is not an id".to_owned());
        Ok(DomainId::parse(&self.domain()).map_err(bad)?)
    }

    /// Orders a change of a link that was made under an epoch; false when it is to be made anew.
    async fn linked(&self, epoch: u64, command: Command) -> Result<bool, Rejection> {
        match self.own_under(epoch, command).await? {
            Reply::Refused(refusal) if refusal.is_race() => Ok(false),
            Reply::Refused(refusal) => Err(refusal.into()),
            Reply::Done
            | Reply::Published { .. }
            | Reply::Revised { .. }
            | Reply::Edition { .. }
            | Reply::Recorded { .. }
            | Reply::Epoch { .. }
            | Reply::Proposed { .. }
            | Reply::Sent { .. } => Ok(true),
        }
    }

    /// Makes envelopes of a batch: headers in a chain, signed, payloads sealed.
    async fn numbering(&self, batch: Batch) -> Result<NumberEnvelopes, Rejection> {
        let now = (self.inner.clock)();
        let domain = self.own_domain()?;
        let unit = unit(&batch.peer.id, now);
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let mut chain = batch.after;
        let mut envelopes = Vec::with_capacity(batch.queued.len());
        let mut dropped = Vec::new();
        for queued in &batch.queued {
            let made = match self.made(&domain, &batch.peer, queued) {
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
            let header = Header {
                epoch: chain.epoch,
                sequence,
                previous: chain.head,
                issued_at: now,
                ..header
            };
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
    fn made(&self, domain: &DomainId, peer: &Peer, queued: &Queued) -> Result<Made, Rejection> {
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
            let left = until.micros().saturating_sub(queued.at.micros()) / 1_000_000;
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
            issued_at: queued.at,
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

    /// Takes in a batch: what was taken in before is compared, the rest takes effect in one entry.
    async fn take_batch(&self, peer: &Peer, judged: &[(Judged, &Came)]) -> Result<(), NotTaken> {
        for _ in 0..RACES_MAX {
            let (epoch, taken) =
                self.read(|state| (state.epoch(), state.links().link(&peer.id).taken));
            let mut chain = taken;
            let mut envelopes = Vec::new();
            for (judged, came) in judged {
                let header = &judged.header;
                if header.epoch != taken.epoch {
                    return Err(NotTaken::Epoch(header.epoch));
                }
                if header.sequence <= taken.sequence {
                    self.seen_before(peer, judged).await?;
                    continue;
                }
                if header.sequence != chain.sequence.saturating_add(1) {
                    return Err(NotTaken::Gap(header.sequence));
                }
                if header.previous != chain.head {
                    self.freeze_link(&peer.id, FrozenFor::Fork).await?;
                    return Err(NotTaken::Fork(header.sequence));
                }
                chain = Chain { sequence: header.sequence, head: judged.id, ..chain };
                let effect = self.effect(peer, judged, came).await?;
                envelopes.push(ToTake { id: judged.id, effect });
            }
            if envelopes.is_empty() {
                return Ok(());
            }
            let take = TakeEnvelopes { peer: peer.id.clone(), after: taken, envelopes };
            if self.linked(epoch, Command::TakeEnvelopes(take.into())).await? {
                return Ok(());
            }
        }
        Err(Rejection::from(Error::Overloaded).into())
    }

    /// An envelope under a number that was taken in: the same again, or the link stands still. What
    /// is so old that it is not known any more cannot come again from a peer that kept its word.
    async fn seen_before(&self, peer: &Peer, judged: &Judged) -> Result<(), NotTaken> {
        let (epoch, sequence) = (judged.header.epoch, judged.header.sequence);
        let known = self.read(|state| {
            state.links().arrived(&peer.id, epoch, sequence).map(|arrived| arrived.id)
        });
        match known {
            Some(id) if id == judged.id => Ok(()),
            Some(_) => {
                self.freeze_link(&peer.id, FrozenFor::Fork).await?;
                Err(NotTaken::Fork(sequence))
            }
            None => {
                self.freeze_link(&peer.id, FrozenFor::Regression).await?;
                Err(NotTaken::Fork(sequence))
            }
        }
    }

    async fn effect(&self, peer: &Peer, judged: &Judged, came: &Came) -> Result<Effect, Rejection> {
        let now = (self.inner.clock)();
        Ok(match &judged.brings {
            Ok(Payload::Message(sent)) => {
                let id = sent.core.id().map_err(unwritten)?;
                let to = judged.header.to.function.clone();
                let to = to.ok_or_else(|| Error::Fatal("a message is for nobody".to_owned()))?;
                let text =
                    self.seal_message_text(id, &sent.core.from, sent.sent_at, &sent.text).await?;
                let core = Arc::new(sent.core.clone());
                Effect::Message { id, core, text, sent_at: sent.sent_at, to }
            }
            Ok(Payload::Receipt { message, to, step, at, reason }) => Effect::Receipt {
                message: *message,
                to: to.clone(),
                step: *step,
                at: *at,
                reason: *reason,
            },
            Err(reason) => {
                let unit = unit(&peer.id, now);
                self.make_units(BTreeSet::from([unit.clone()])).await?;
                let object = format!("set aside {} {}", peer.id, judged.id);
                let salt = came.salt.as_slice().try_into().unwrap_or_default();
                let payload = SealedPayload { payload: came.payload.clone(), salt };
                let payload: Sealed = self.inner.keys.seal(&unit, &object, &payload.message())?;
                Effect::Quarantine {
                    reason: *reason,
                    header: came.header.as_slice().into(),
                    signature: came.signature.as_slice().into(),
                    payload,
                }
            }
        })
    }
}

/// How many of some envelopes one entry takes in: one at least, where there is one.
fn batch_of(judged: &[(Judged, &Came)]) -> usize {
    let mut bytes = 0_usize;
    let fits = judged.iter().take(BATCH_MAX).take_while(|(_, came)| {
        bytes = bytes.saturating_add(came.payload.len());
        bytes <= BATCH_BYTES_MAX
    });
    fits.count().max(1).min(judged.len())
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
    /// The most urgent of what waits, as much as the window takes; none when nothing may go.
    fn of(state: &State, peer: &DomainId) -> Option<Self> {
        let registered = state.registry().peer(peer)?;
        let links = state.links();
        let link = links.link(peer);
        if !link.is_open() {
            return None;
        }
        let under_way = links.numbered_after(peer, link.out.epoch, link.acknowledged);
        let bytes: u64 = under_way.map(|envelope| envelope.payload.bytes.len() as u64).sum();
        let room = WINDOW_MAX.saturating_sub(link.in_flight());
        if room == 0 || bytes >= WINDOW_BYTES_MAX {
            return None;
        }
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(BATCH_MAX);
        let queued: Vec<Arc<Queued>> = links.queue(peer).take(room).cloned().collect();
        let after = link.out;
        (!queued.is_empty()).then(|| Self { peer: registered.clone(), after, queued })
    }
}

/// The unit of erasure of what is under way with a peer in the month of a time.
fn unit(peer: &DomainId, at: Timestamp) -> UnitKey {
    let month = Period::holding(PeriodKind::Month, at);
    let month = month.map_or_else(String::new, |month| month.to_string());
    UnitKey::named(&format!("link|{peer}|{month}"))
}
