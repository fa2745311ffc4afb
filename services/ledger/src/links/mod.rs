//! Links: what waits is numbered, what came takes effect, what was taken in is settled. Whoever
//! carries the envelopes knows nothing of state and keys.

mod contribute;
mod deliver;
mod editions;
mod out;
mod parts;
mod queued;
mod receive;
mod receive_edition;
mod take;

pub(crate) use deliver::Underway;

use std::sync::Arc;

use samsyn_domain::{
    AreaId, Caller, DomainId, EditionId, FeatureLevel, State, Timestamp, UnitKey,
    command::{Command, LinkChange, Reply, SetLink, SettleEnvelopes},
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
    },
    link::{
        ATTACHMENTS_LEVEL, CONTRIBUTIONS_LEVEL, Chain, DELIVERIES_LEVEL, EDITIONS_LEVEL,
        EnvelopeId, FrozenFor, Link, MESSAGES_LEVEL, Position, Quarantined, Received,
        SignedPosition,
    },
    registry::Peer,
};
use samsyn_policy::{BadEnvelope, position};
use samsyn_proto::inbound::LinkAsked;

use crate::{Error, Ledger, Rejection, keys::Keys, messages::unwritten};

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
    /// Own pictures of which the peer has not said yet that it has what it may have.
    pub pictures_waiting: usize,
    /// Own pictures of which it has not taken the last contribution.
    pub pictures_refused: usize,
    /// Views of joint pictures that are delivered to it, and of which it has something.
    pub views_delivered: usize,
    /// Views that it delivers, as far as they have come, each with how many findings there are.
    pub views_received: Vec<(Arc<Received>, usize)>,
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
    /// The peer's row in the registry is another than that by which it was judged.
    #[error("what was agreed with the peer has changed")]
    Replaced,
    /// It cannot be, by what came before: the link stands still now.
    #[error("number {0} does not fit what was said before: {why}", why = .1.as_str())]
    Frozen(u64, FrozenFor),
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

    /// The highest level of what crosses links that this domain reads by now.
    #[must_use]
    pub fn link_level(&self) -> u32 {
        match self.read(State::level) {
            // Who has no place for files is sent none: their senders see that they wait.
            level if level >= FeatureLevel::ATTACHMENTS && self.inner.attachments.is_some() => {
                ATTACHMENTS_LEVEL
            }
            level if level >= FeatureLevel::EDITIONS => EDITIONS_LEVEL,
            level if level >= FeatureLevel::DELIVERIES => DELIVERIES_LEVEL,
            level if level >= FeatureLevel::CONTRIBUTIONS => CONTRIBUTIONS_LEVEL,
            _ => MESSAGES_LEVEL,
        }
    }

    /// Whether what happened in an area may change what a peer is to have of own pictures, or of a
    /// joint one.
    #[must_use]
    pub fn concerns_link(&self, peer: &DomainId, area: &AreaId) -> bool {
        self.read(|state| {
            contribute::concerns(state, peer, area) || deliver::concerns(state, peer, area)
        })
    }

    /// Whether what happened to an edition may change what a peer is to have of it.
    #[must_use]
    pub fn edition_concerns_link(&self, peer: &DomainId, edition: &EditionId) -> bool {
        self.read(|state| {
            let edition = state.edition(edition);
            edition.is_some_and(|edition| deliver::concerns(state, peer, &edition.area))
        })
    }

    /// Whether this node orders what its links need: the one that leads, and serves.
    #[must_use]
    pub fn holds_links(&self) -> bool {
        self.inner.consensus.leads() && self.serves()
    }

    /// Waits until this node's state holds all that was acknowledged before. What a peer says is
    /// compared with nothing less: a node that leads anew, or no more, would take what it has not
    /// applied yet for what was forgotten.
    ///
    /// # Errors
    /// When this node does not lead, or a quorum does not answer.
    pub async fn up_to_date(&self) -> Result<(), Rejection> {
        Ok(self.inner.consensus.barrier().await?)
    }

    /// A link as it stands.
    #[must_use]
    pub fn link(&self, peer: &DomainId) -> Link {
        self.read(|state| state.links().link(peer))
    }

    /// A link as it stands, with what waits: all of that is looked through.
    #[must_use]
    pub fn link_figures(&self, peer: &DomainId) -> LinkFigures {
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
                pictures_waiting: contribute::waiting(state, peer),
                pictures_refused: contribute::refused(state, peer),
                views_delivered: deliver::outlets(state, peer),
                views_received: state
                    .deliveries()
                    .all_received()
                    .filter(|received| received.of.peer == *peer)
                    .map(|received| (Arc::clone(received), state.deliveries().count(&received.of)))
                    .collect(),
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
        let _alone = self.inner.link_changes.lock().await;
        self.propose(caller, &asked.context, &body, make).await.map(drop)
    }

    /// Has a link stand still: what came does not fit what came before, as it was judged when this
    /// domain's own chain was the one that is named. Where the link has begun anew since, nothing
    /// happens: it was about what was before.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn freeze_link(
        &self,
        peer: &DomainId,
        chain: u64,
        why: FrozenFor,
    ) -> Result<(), Rejection> {
        let _alone = self.inner.link_changes.lock().await;
        self.up_to_date().await?;
        if self.link(peer).out.epoch != chain {
            return Ok(());
        }
        let command = SetLink { peer: peer.clone(), change: LinkChange::Freeze(why) };
        self.own_if(Command::SetLink(command)).await.map(drop)
    }

    /// Signs a statement as this domain.
    #[must_use]
    pub fn sign_as_domain(&self, kind: PayloadType, payload: &[u8]) -> [u8; 64] {
        self.inner.keys.sign_release(&pre_authentication(kind, payload)).0
    }

    /// How far this domain has taken in what a peer sent, signed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn position(&self, peer: &DomainId) -> Result<Arc<SignedPosition>, Rejection> {
        let chain = self.link(peer).taken;
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
        let mut link = self.link(&peer.id);
        // It waits for the first of a new chain, and has begun nothing.
        if said.chain == Chain::AWAITED && link.acknowledged == 0 {
            return Ok(0);
        }
        if said.chain.epoch != link.out.epoch {
            return Err(NotTaken::Epoch(said.chain.epoch));
        }
        if self.contradicts(&link, said.chain) {
            self.up_to_date().await?;
            link = self.link(&peer.id);
            if said.chain.epoch != link.out.epoch {
                return Err(NotTaken::Epoch(said.chain.epoch));
            }
        }
        if self.contradicts(&link, said.chain) {
            self.freeze_link(&peer.id, said.chain.epoch, FrozenFor::Fork).await?;
            return Err(NotTaken::Frozen(said.chain.sequence, FrozenFor::Fork));
        }
        // An earlier word that comes late takes nothing back.
        if said.chain.sequence > link.acknowledged {
            let (payload, signature) = (payload.to_vec(), signature.to_vec());
            let word = Arc::new(SignedPosition { payload, signature });
            let settle = SettleEnvelopes { peer: peer.id.clone(), through: said.chain, word };
            self.own_if(Command::SettleEnvelopes(settle)).await?;
        }
        Ok(said.chain.sequence)
    }

    /// Whether what a peer says that it has taken in cannot be, by what was sent.
    fn contradicts(&self, link: &Link, said: Chain) -> bool {
        let sent = self.sent_under(&link.peer, said.sequence);
        said.sequence > link.out.sequence || sent.is_some_and(|sent| sent != said.head)
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
}

/// The unit of erasure of what is under way with a peer in the month of a time.
fn unit(peer: &DomainId, at: Timestamp) -> UnitKey {
    Keys::month_unit(&format!("link|{peer}"), at)
}
