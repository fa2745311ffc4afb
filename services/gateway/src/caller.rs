//! From an accepted connection to the caller: the one place that makes one.

use samsyn_domain::{Caller, OrganisationId, ServiceId, Timestamp};
use samsyn_proto::Reason;
use tonic::{Request, Status};

use crate::{
    status,
    tls::{Access, Peer},
};

/// The caller of a request, from its connection's certificate and nothing else.
pub(crate) fn caller<T>(request: &Request<T>) -> Result<Caller, Status> {
    let access = request.extensions().get::<Access>();
    access
        .and_then(|access| known(access.peer()))
        .ok_or_else(|| status::reason(Reason::NoCertificate, ""))
}

fn known(peer: &Peer) -> Option<Caller> {
    let organisation = OrganisationId::parse(peer.organisation()).ok()?;
    let service = ServiceId::parse(&format!("{organisation}/{}", peer.service())).ok()?;
    let until = Timestamp::from_micros(peer.not_after());
    #[expect(clippy::disallowed_methods, reason = "the one place where a caller is made")]
    let caller = Caller::authenticated(organisation, service, peer.serial().to_owned(), until);
    Some(caller)
}
