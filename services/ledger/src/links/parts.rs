//! Parts of attachments cross a link beside its envelopes: whoever has a message fetches those that
//! it names, one after the other, by their digests.

use bytes::Bytes;
use samsyn_domain::{
    DomainId, Kept,
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
    /// Parts that messages of a peer name, that are not here and for which nothing waits: not all
    /// where there are many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn missing_parts(
        &self,
        peer: &DomainId,
        waits: impl Fn(&Digest) -> bool + Send,
    ) -> Result<Vec<Digest>, Rejection> {
        let Some(store) = &self.inner.attachments else { return Ok(Vec::new()) };
        let came = |kept: &Kept| {
            let is_taken = |to| !matches!(kept.step(to), None | Some(Step::Rejected));
            kept.message.came()
                && kept.message.core.domain == *peer
                && kept.message.core.to.iter().any(is_taken)
        };
        let part = |digest: &Digest| Part { of: peer.clone(), digest: *digest };
        let named: Vec<Part> = self.read(|state| {
            let parts = state.messages().parts();
            let wanted = parts.filter(|(digest, _)| !waits(digest));
            wanted.filter_map(|(digest, mut of)| of.any(came).then(|| part(digest))).collect()
        });
        let mut missing = Vec::new();
        for part in store.unseen(named) {
            if !store.has(&part).await? {
                missing.push(part.digest);
            }
            if missing.len() >= BATCH_MAX {
                break;
            }
        }
        Ok(missing)
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
