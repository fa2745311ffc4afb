//! Links, for operators.

use samsyn_domain::{DomainId, command::LinkChange};

use super::{
    Context,
    context::write_context,
    fault::{Fault, Named as _},
    value,
};
use crate::admin;

/// A link is to be stopped or let go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkAsked {
    /// Idempotency and actor.
    pub context: Context,
    /// With whom.
    pub peer: DomainId,
    /// What becomes of it.
    pub change: LinkChange,
}

impl LinkAsked {
    /// # Errors
    /// When context or peer is missing or malformed.
    pub fn pause(request: admin::v1::PauseLinkRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        Ok(Self { context, peer: peer(&request.peer)?, change: LinkChange::Pause })
    }

    /// # Errors
    /// As [`Self::pause`].
    pub fn resume(request: admin::v1::ResumeLinkRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        Ok(Self { context, peer: peer(&request.peer)?, change: LinkChange::Resume })
    }
}

/// The name of a peer.
///
/// # Errors
/// When it is missing, or cannot be one.
pub fn peer(text: &str) -> Result<DomainId, Fault> {
    value::object(text, DomainId::parse).named("peer")
}
