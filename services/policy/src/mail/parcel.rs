//! What leaves for another domain.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    FunctionId, Kept, OrganisationId, State, Timestamp,
    command::Digest,
    commit::canonical,
    disclosure::{Disclosure, Object},
    link::{Numbered, SealedPayload},
    message::{Core, MessageId, Step},
    registry::{FieldGroup, Peer},
};

use super::ADDRESS_RULE;
use crate::{Denial, Known, Policy, Projection, Why};

/// A numbered envelope, in the bytes in which it goes out.
#[derive(Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The envelope.
    pub envelope: Arc<Numbered>,
    /// Its payload.
    pub payload: Vec<u8>,
    /// The salt of the payload's digest.
    pub salt: [u8; 32],
}

impl std::fmt::Debug for Parcel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "parcel {} of {}", self.envelope.sequence, self.envelope.epoch)
    }
}

/// A part of an attachment that a peer may fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeavingPart {
    /// The digest of its bytes.
    pub digest: Digest,
}

impl Policy {
    /// Whether a peer may fetch a part of an attachment: one of a message that was numbered for a
    /// function at home there, and that may still go there by the registry of now. That it leaves
    /// was recorded when the message was numbered.
    ///
    /// # Errors
    /// When it may not; it is answered as if there were no such part.
    pub fn part_leaves(
        &self,
        state: &State,
        peer: &Peer,
        digest: &Digest,
    ) -> Result<Projection<LeavingPart>, Denial> {
        let registry = state.registry();
        let leaves = |kept: &Kept| {
            let core = &kept.message.core;
            let is_there = |to: &&FunctionId| {
                let home = registry.peer_of(to.orgnr());
                let has_left = match kept.step(to) {
                    Some(
                        Step::Relayed | Step::Received | Step::Accepted | Step::Read | Step::Acted,
                    ) => true,
                    Some(Step::Stored | Step::Rejected | Step::Expired) | None => false,
                };
                has_left && home.is_some_and(|home| home.id == peer.id)
            };
            let mut there = core.to.iter().filter(is_there);
            !kept.message.came() && there.any(|to| self.reaches(registry, core, to).is_ok())
        };
        if state.messages().with_part(digest).any(leaves) {
            return Ok(Projection::new(LeavingPart { digest: *digest }, Vec::new()));
        }
        Err(Denial::of(Why::NotFound).by(ADDRESS_RULE))
    }

    /// Whether a message may still go to a peer, and the record of its leaving; asked when it is
    /// numbered, by the registry of then.
    ///
    /// # Errors
    /// When the peer may not have it.
    pub fn leaves(
        &self,
        state: &State,
        known: &dyn Known,
        peer: &Peer,
        (id, core, to): (&MessageId, &Core, &FunctionId),
    ) -> Result<Disclosure, Denial> {
        let registry = state.registry();
        if registry.peer_of(to.orgnr()).is_none_or(|home| home.id != peer.id) {
            return Err(Denial::of(Why::NotFound));
        }
        self.reaches(registry, core, to)?;
        let shown: Vec<u8> = id.digest().to_vec();
        Ok(Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: OrganisationId::parse(to.orgnr())
                .map_err(|_| Denial::of(Why::Internal("an organisation number is no id")))?,
            service: peer
                .id
                .link()
                .map_err(|_| Denial::of(Why::Internal("a domain's name is no id")))?,
            serial: String::new(),
            ground: core.ground.clone(),
            object: Object::Message(*id),
            revision: 0,
            groups: BTreeSet::from([FieldGroup::Identity, FieldGroup::Text]),
            rules: BTreeSet::from([ADDRESS_RULE.to_owned()]),
            rows: 1,
            digest: known.digest(&shown),
            epoch: state.epoch(),
            view: None,
        })
    }

    /// Numbered envelopes after a number, in their exact bytes. That they leave was recorded when
    /// they were numbered.
    ///
    /// # Errors
    /// When the key of one is gone.
    pub fn parcels(
        &self,
        state: &State,
        known: &dyn Known,
        (peer, after): (&Peer, u64),
        count: usize,
    ) -> Result<Projection<Vec<Parcel>>, Denial> {
        let links = state.links();
        let epoch = links.link(&peer.id).out.epoch;
        let opened = links.numbered_after(&peer.id, epoch, after).take(count).map(|envelope| {
            let gone = || Denial::of(Why::Internal("the key of a numbered envelope is gone"));
            let message: canonical::Message =
                known.open_message(&envelope.payload).ok_or_else(gone)?;
            let SealedPayload { payload, salt } = SealedPayload::of(message).map_err(|_| gone())?;
            Ok(Parcel { envelope: Arc::clone(envelope), payload, salt })
        });
        Ok(Projection::new(opened.collect::<Result<_, Denial>>()?, Vec::new()))
    }
}
