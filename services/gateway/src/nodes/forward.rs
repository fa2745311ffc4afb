//! What changes something is passed on to the node that leads, once, with evidence of who asks.
//!
//! The evidence is the caller's own chain of certificates, as this node's handshake saw it, bound
//! to one method and a few seconds. The leader judges the chain itself, by its own authorities and
//! revocation lists, and then decides as if the caller had come to it: a node lends a caller
//! nothing. That the caller holds the key of its certificate is what the leader takes on trust from
//! the node, whose own certificate it knows.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use prost::Message as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use samsyn_ledger::{Ledger, Node, Place};
use samsyn_proto::{Reason, raft::Evidence};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Among, Dialer};
use crate::{edge::Held, status};

/// Carries the evidence, in hexadecimal.
const EVIDENCE: HeaderName = HeaderName::from_static("samsyn-evidence");
/// Says how far the leader's state had come when it answered. It does not leave the nodes.
pub(super) const POSITION: HeaderName = HeaderName::from_static("samsyn-position");
/// How long evidence is good.
const GOOD_FOR: Duration = Duration::from_secs(10);
/// Content is behind these; health and reflection are not.
const OURS: &str = "/samsyn.";
/// An operator sees the nodes also where this one does not serve.
const STATUS: &str = "/samsyn.admin.v1.ClusterService/GetCluster";
/// A caller waits at least so long before it asks again when nobody leads.
const RETRY: Duration = Duration::from_millis(200);

/// How often it is looked whether another leads than the node that was asked.
const LOOK: Duration = Duration::from_millis(50);

/// What changes something, or is otherwise for the leader.
const WRITES: [&str; 27] = [
    "/samsyn.v1.PictureService/PublishPicture",
    "/samsyn.v1.PictureService/UploadPicture",
    "/samsyn.v1.JointPictureService/ResolveConflict",
    "/samsyn.v1.JointPictureService/RecordDissent",
    "/samsyn.v1.JointPictureService/AcknowledgeEvents",
    "/samsyn.v1.EditionService/OpenEdition",
    "/samsyn.v1.EditionService/LockEdition",
    "/samsyn.v1.EditionService/AnswerEdition",
    "/samsyn.v1.EditionService/ReleaseEdition",
    "/samsyn.v1.MessageService/SendMessage",
    "/samsyn.v1.MessageService/MarkMessage",
    "/samsyn.admin.v1.RegistryService/SuspendService",
    "/samsyn.admin.v1.RegistryService/ProposeRegistryChange",
    "/samsyn.admin.v1.RegistryService/ApproveRegistryChange",
    "/samsyn.admin.v1.RegistryService/WithdrawRegistryChange",
    // Only the leader knows its sessions with other domains.
    "/samsyn.admin.v1.LinkService/ListLinks",
    "/samsyn.admin.v1.LinkService/PauseLink",
    "/samsyn.admin.v1.LinkService/ResumeLink",
    "/samsyn.admin.v1.LinkService/RenewLink",
    "/samsyn.admin.v1.LinkService/ReleaseQuarantined",
    "/samsyn.admin.v1.LinkService/DiscardQuarantined",
    "/samsyn.admin.v1.ClusterService/AddLearner",
    "/samsyn.admin.v1.ClusterService/PromoteNode",
    "/samsyn.admin.v1.ClusterService/DemoteNode",
    "/samsyn.admin.v1.ClusterService/RemoveNode",
    "/samsyn.admin.v1.ClusterService/TransferLeader",
    "/samsyn.admin.v1.ClusterService/RaiseLevel",
];

/// Reads evidence for a method from headers; none when there is none, or it is not good.
pub(super) fn evidence(headers: &HeaderMap, path: &str) -> Option<Vec<CertificateDer<'static>>> {
    let value = headers.get(EVIDENCE)?;
    let bytes = hex::decode(value.as_bytes()).ok()?;
    let Evidence { chain, method, until } = Evidence::decode(bytes.as_slice()).ok()?;
    let now = now();
    let is_good = method == path && until > now && until <= now + 2 * GOOD_FOR.as_secs();
    is_good.then(|| chain.into_iter().map(CertificateDer::from).collect())
}

fn header(chain: &[CertificateDer<'static>], path: &str) -> Option<HeaderValue> {
    let evidence = Evidence {
        chain: chain.iter().map(|one| one.to_vec()).collect(),
        method: path.to_owned(),
        until: now() + GOOD_FOR.as_secs(),
    };
    HeaderValue::from_str(&hex::encode(evidence.encode_to_vec())).ok()
}

fn now() -> u64 {
    UnixTime::now().as_secs()
}

/// The layer; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    ledger: Ledger,
    /// None where the node is alone.
    dialer: Option<Dialer>,
}

impl Forward {
    /// For the ledger of a node, alone or among others.
    pub(crate) fn new(ledger: Ledger, among: Option<&Among>) -> Self {
        Self { ledger, dialer: among.map(|among| among.dialer.clone()) }
    }
}

impl<S> Layer<S> for Forward {
    type Service = Forwarding<S>;

    fn layer(&self, inner: S) -> Forwarding<S> {
        Forwarding { inner, forward: self.clone() }
    }
}

/// The services behind it.
#[derive(Debug, Clone)]
pub(crate) struct Forwarding<S> {
    inner: S,
    forward: Forward,
}

type Answer = Result<Response<Body>, Infallible>;

impl<S> Service<Request<Body>> for Forwarding<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Forward { ledger, dialer } = &self.forward;
        let (path, Some(dialer)) = (request.uri().path(), dialer) else {
            return Box::pin(self.inner.call(request));
        };
        if !path.starts_with(OURS) || path == STATUS {
            return Box::pin(self.inner.call(request));
        }
        match (WRITES.contains(&path), ledger.place()) {
            (true, Place::There(leader)) => {
                Box::pin(pass_on(ledger.clone(), dialer.clone(), leader, request))
            }
            (true, Place::Here) => Box::pin(self.inner.call(request)),
            (false, _) if ledger.serves() => Box::pin(self.inner.call(request)),
            (true, Place::Nowhere) | (false, _) => Box::pin(std::future::ready(Ok(no_leader()))),
        }
    }
}

/// Passes a call on to the leader. Its answer goes back when what it wrote is here too, so that who
/// asks this node next finds it.
async fn pass_on(
    ledger: Ledger,
    dialer: Dialer,
    leader: Node,
    mut request: Request<Body>,
) -> Answer {
    let held = request.extensions().get::<Held>();
    let header = held.and_then(|held| header(held.access.chain(), request.uri().path()));
    let Some(header) = header else {
        return Ok(status::reason(Reason::NoCertificate, "").into_http());
    };
    request.headers_mut().insert(EVIDENCE, header);
    request.extensions_mut().clear();
    let mut channel = dialer.for_calls(&leader);
    let asked = async {
        let ready = std::future::poll_fn(|cx| channel.poll_ready(cx)).await;
        if ready.is_err() {
            return Err(no_leader());
        }
        channel.call(request).await.map_err(|why| {
            tracing::info!(node = leader.id, %why, "a call was not passed on");
            outcome_unknown()
        })
    };
    let answered = tokio::select! {
        answered = asked => answered,
        () = succeeded(&ledger, leader.id) => {
            tracing::info!(node = leader.id, "another leads before a call was answered");
            Err(outcome_unknown())
        }
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => return Ok(refusal),
    };
    let position = response.headers_mut().remove(POSITION);
    let position = position.and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(position) = position
        && let Err(why) = ledger.reach(position).await
    {
        tracing::info!(%why, "this node is behind what it passed on");
    }
    Ok(response)
}

/// Until another node leads than one that was asked: a leader that cannot be reached would be
/// waited for until its connection is noticed to be dead.
async fn succeeded(ledger: &Ledger, leader: u64) {
    loop {
        tokio::time::sleep(LOOK).await;
        match ledger.place() {
            Place::There(node) if node.id == leader => {}
            Place::Nowhere => {}
            Place::Here | Place::There(_) => return,
        }
    }
}

pub(super) fn outcome_unknown() -> Response<Body> {
    status::later(Reason::NotCommitted, RETRY).into_http()
}

fn no_leader() -> Response<Body> {
    status::later(Reason::NoLeader, RETRY).into_http()
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    /// Whatever has an idempotency key changes something.
    #[test]
    fn every_write_is_passed_on() {
        let set = FileDescriptorSet::decode(samsyn_proto::DESCRIPTORS).unwrap();
        let messages = || set.file.iter().flat_map(|file| &file.message_type);
        let mut writes = 0;
        for file in &set.file {
            for service in &file.service {
                for method in &service.method {
                    let asked = method.input_type().rsplit('.').next().unwrap();
                    let asked = messages().find(|message| message.name() == asked).unwrap();
                    let writes_by = |field: &prost_types::FieldDescriptorProto| {
                        field.type_name().ends_with(".WriteContext")
                    };
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    if asked.field.iter().any(writes_by) {
                        assert!(WRITES.contains(&path.as_str()), "{path}");
                        writes += 1;
                    }
                }
            }
        }
        assert!(writes > 5, "{writes}");
    }

    #[test]
    fn row52_evidence_is_for_one_method_and_a_few_seconds() {
        let chain = [CertificateDer::from(vec![1, 2, 3])];
        let mut headers = HeaderMap::new();
        assert_eq!(evidence(&headers, WRITES[0]), None, "none");
        headers.insert(EVIDENCE, header(&chain, WRITES[0]).unwrap());
        assert_eq!(evidence(&headers, WRITES[0]).unwrap(), chain);
        assert_eq!(evidence(&headers, WRITES[1]), None, "another method");
        for until in [0, now().saturating_sub(1), now() + 3_600] {
            let evidence_of =
                Evidence { chain: vec![vec![1, 2, 3]], method: WRITES[0].to_owned(), until };
            let value = hex::encode(evidence_of.encode_to_vec());
            headers.insert(EVIDENCE, value.parse().unwrap());
            assert_eq!(evidence(&headers, WRITES[0]), None, "good until {until}");
        }
        headers.insert(EVIDENCE, HeaderValue::from_static("%%%"));
        assert_eq!(evidence(&headers, WRITES[0]), None, "no hexadecimal");
    }
}
