//! The content of rounds that were lately read.
//!
//! It is what the parties commit to, before anyone's rights. What a reader sees of it is decided
//! anew for each page.

use std::sync::Arc;

use samsyn_domain::{
    EditionId, State, Timestamp,
    command::Digest,
    commit::salt::Salt,
    edition::{Edition, Round},
};

use super::{Unmade, content::Content};
use crate::{
    Known,
    egress::kept::{Contents, Made},
};

/// An edition and the content root of one of its rounds.
pub(crate) type RoundName = (EditionId, Digest);

/// The content of a round, made again.
pub(crate) struct Reopened {
    pub(super) content: Content,
    pub(super) basis_salt: Salt,
}

impl Reopened {
    pub(super) fn of(
        state: &State,
        known: &dyn Known,
        edition: &Edition,
        round: &Round,
    ) -> Result<Arc<Self>, Unmade> {
        let (content, basis_salt) = Content::reopened(state, known, edition, round)?;
        Ok(Arc::new(Self { content, basis_salt }))
    }
}

impl Contents {
    /// The content of a round of an edition in this state.
    pub(super) fn reopened(
        &self,
        state: &State,
        known: &dyn Known,
        (edition, round): (&Edition, &Round),
        now: Timestamp,
    ) -> Result<Arc<Reopened>, Unmade> {
        let name = (edition.id.clone(), round.locked.root);
        self.rounds.get(&name, state, (known, now), || {
            let content = Reopened::of(state, known, edition, round)?;
            let (bytes, units) = (content.content.bytes(), content.content.units());
            Ok(Made { content, bytes, units, is_whole: true })
        })
    }
}
