//! Links, for operators.

use samsyn_domain::{
    DomainId,
    command::LinkChange,
    registry::{PEER_PARTS_MAX, Peer},
};

use super::{
    Context,
    context::write_context,
    fault::{Fault, Named as _},
    value,
};
use crate::{Reason, admin};

/// A link is to be stopped, let go on, or begun anew.
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

    /// # Errors
    /// As [`Self::pause`].
    pub fn renew(request: admin::v1::RenewLinkRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        Ok(Self { context, peer: peer(&request.peer)?, change: LinkChange::Renew })
    }
}

/// An envelope that was set aside is to take effect, or to be let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantinedAsked {
    /// Idempotency and actor.
    pub context: Context,
    /// From whom it came.
    pub peer: DomainId,
    /// Of which chain.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// It is to be let go.
    pub discards: bool,
}

impl QuarantinedAsked {
    /// # Errors
    /// When context or peer is missing or malformed.
    pub fn release(request: admin::v1::ReleaseQuarantinedRequest) -> Result<Self, Fault> {
        let admin::v1::ReleaseQuarantinedRequest { context, peer: from, epoch, sequence } = request;
        let (context, peer) = (write_context(context)?, peer(&from)?);
        Ok(Self { context, peer, epoch, sequence, discards: false })
    }

    /// # Errors
    /// As [`Self::release`].
    pub fn discard(request: admin::v1::DiscardQuarantinedRequest) -> Result<Self, Fault> {
        let admin::v1::DiscardQuarantinedRequest { context, peer: from, epoch, sequence } = request;
        let (context, peer) = (write_context(context)?, peer(&from)?);
        Ok(Self { context, peer, epoch, sequence, discards: true })
    }
}

/// Where other nodes of this domain listen for links.
///
/// # Errors
/// When one is no `host:port`, or they are too many.
pub fn endpoints(request: admin::v1::CreateInvitationRequest) -> Result<Vec<String>, Fault> {
    // The node that is asked names its own.
    if request.endpoints.len() >= PEER_PARTS_MAX {
        return Err(Fault::new(Reason::BadField, "endpoints"));
    }
    let bad = request.endpoints.iter().position(|endpoint| !Peer::is_endpoint(endpoint));
    match bad {
        Some(place) => Err(Fault::new(Reason::BadField, format!("endpoints[{place}]"))),
        None => Ok(request.endpoints),
    }
}

/// The name of a peer.
///
/// # Errors
/// When it is missing, or cannot be one.
pub fn peer(text: &str) -> Result<DomainId, Fault> {
    value::object(text, DomainId::parse).named("peer")
}
