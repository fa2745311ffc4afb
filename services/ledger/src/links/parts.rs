//! Parts of attachments cross a link beside its envelopes: whoever has a message fetches those that
//! it names, one after the other, by their digests.

use bytes::Bytes;
use samsyn_domain::{
    DomainId, Kept, State,
    command::Digest,
    message::{SEALED_PART_BYTES_MAX, Step},
    registry::Peer,
};
use samsyn_policy::{LeavingPart, View};
use sha2::{Digest as _, Sha256};

use crate::{Ledger, Rejection, attachments::Part};

/// How many parts are looked for at a time.
const BATCH_MAX: usize = 64;

impl Ledger {
    /// Parts that messages of a peer name and that are not here: not all where there are many. A
    /// turn says how often one was asked for, none: it is not to be asked for now. What was asked
    /// for least comes first; of these what is most urgent, then what came first, file by file.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn missing_parts(
        &self,
        peer: &DomainId,
        turn: impl Fn(&Digest) -> Option<u32> + Send,
    ) -> Result<Vec<Digest>, Rejection> {
        let Some(store) = &self.inner.attachments else { return Ok(Vec::new()) };
        let came = |kept: &&Kept| {
            let is_taken = |to| !matches!(kept.step(to), None | Some(Step::Rejected));
            kept.message.came()
                && kept.message.core.domain == *peer
                && kept.message.core.to.iter().any(is_taken)
        };
        let named = |state: &State| {
            let seen = store.seen();
            let is_seen = |part: &Digest| seen.get(peer).is_some_and(|seen| seen.contains(part));
            let unseen = state.messages().parts().filter(|(part, _)| !is_seen(part));
            let named = unseen.filter_map(|(part, mut of)| {
                let turn = turn(part)?;
                let message = &of.find(came)?.message;
                let core = &message.core;
                let place = core.parts.iter().position(|one| one == part);
                Some(((turn, core.precedence, message.at, message.id, place), *part))
            });
            named.collect::<Vec<_>>()
        };
        let mut named = self.read(named);
        named.sort_unstable();
        let mut missing = Vec::new();
        for (_, digest) in named {
            if !store.has(&Part { of: peer.clone(), digest }).await? {
                missing.push(digest);
            }
            if missing.len() >= BATCH_MAX {
                break;
            }
        }
        Ok(missing)
    }

    /// Whether there is room for parts; where there is none, the log says so.
    #[must_use]
    pub fn has_room_for_parts(&self) -> bool {
        self.inner.attachments.as_ref().is_some_and(|store| store.room().is_ok())
    }

    /// Takes in a part that was fetched from a peer; false where it is another than was asked for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn take_part(
        &self,
        peer: &DomainId,
        digest: &Digest,
        part: Bytes,
    ) -> Result<bool, Rejection> {
        let Some(store) = &self.inner.attachments else { return Ok(false) };
        store.room()?;
        let is_it =
            part.len() <= SEALED_PART_BYTES_MAX && Digest::from(Sha256::digest(&part)) == *digest;
        if is_it {
            store.put(peer, part).await?;
        }
        Ok(is_it)
    }

    /// A part as a peer may fetch it: of a message that has left for it; none where it may not, or
    /// where it is not here.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn part_for(
        &self,
        peer: &Peer,
        digest: &Digest,
    ) -> Result<Option<(View<LeavingPart>, Bytes)>, Rejection> {
        let policy = &self.inner.policy;
        let Ok(projection) = self.read(|state| policy.part_leaves(state, peer, digest)) else {
            return Ok(None);
        };
        let Some(store) = &self.inner.attachments else { return Ok(None) };
        let view = self.release(projection)?;
        let part = Part { of: self.own_domain()?, digest: *digest };
        Ok(store.get(&part).await?.map(|bytes| (view, bytes)))
    }
}
