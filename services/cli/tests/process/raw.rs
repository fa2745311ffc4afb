//! A connection that speaks HTTP/2 itself, so that it can say what no gRPC client would.

use std::{sync::Arc, time::Duration};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request, StatusCode};
use prost::Message;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use samsyn_client::{Profile, Refused};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::Status;

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: Option<Status>,
}

impl Answer {
    /// The refusal that it is.
    pub(crate) fn refused(&self) -> Refused {
        Refused::from(self.status.clone().unwrap_or_else(|| panic!("no status: {self:?}")))
    }
}

/// The settings of a profile's TLS.
pub(crate) fn tls(profile: &Profile) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(profile.ca_pem.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let chain = CertificateDer::pem_slice_iter(profile.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(profile.key_pem.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// A TLS connection that has said nothing yet.
pub(crate) async fn handshake(profile: &Profile) -> std::io::Result<TlsStream<TcpStream>> {
    let address = profile.endpoint.trim_start_matches("https://");
    let tcp = TcpStream::connect(address).await?;
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(tls(profile))).connect(name, tcp).await
}

/// A connection that speaks HTTP/2.
pub(crate) struct Raw {
    send: SendRequest<Bytes>,
}

impl Raw {
    pub(crate) async fn open(profile: &Profile) -> Self {
        let stream = handshake(profile).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        Self { send }
    }

    /// A request for a method, with headers of its own.
    pub(crate) fn request(path: &str, headers: &[(&str, &[u8])]) -> Request<()> {
        let mut request = Request::post(format!("https://localhost{path}"));
        let of = request.headers_mut().unwrap();
        of.insert("te", "trailers".parse().unwrap());
        of.insert("content-type", "application/grpc".parse().unwrap());
        for (name, value) in headers {
            let name: http::HeaderName = name.parse().unwrap();
            let value = http::HeaderValue::from_bytes(value).unwrap();
            if name == "content-type" {
                of.insert(name, value);
            } else {
                of.append(name, value);
            }
        }
        request.body(()).unwrap()
    }

    /// Sends a request with this body, and waits for all that comes back.
    pub(crate) async fn call(&self, request: Request<()>, body: Bytes) -> Answer {
        let answer = self.exchange(request, body, true);
        tokio::time::timeout(PATIENCE, answer).await.expect("answered in time")
    }

    /// The same, and never says that the body is done.
    pub(crate) async fn call_without_end(&self, request: Request<()>, body: Bytes) -> Answer {
        let answer = self.exchange(request, body, false);
        tokio::time::timeout(PATIENCE, answer).await.expect("answered in time")
    }

    async fn exchange(&self, request: Request<()>, body: Bytes, ends: bool) -> Answer {
        let mut send = self.send.clone().ready().await.unwrap();
        let (response, mut stream) = send.send_request(request, body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body, ends).unwrap();
        }
        let response = response.await.unwrap();
        let (parts, mut incoming) = response.into_parts();
        let mut body = BytesMut::new();
        while let Some(data) = incoming.data().await {
            // Who is told no before its body was read may find its stream closed.
            let Ok(data) = data else { break };
            incoming.flow_control().release_capacity(data.len()).unwrap();
            body.extend_from_slice(&data);
        }
        let trailers = incoming.trailers().await.ok().flatten().unwrap_or_default();
        let status =
            Status::from_header_map(&trailers).or_else(|| Status::from_header_map(&parts.headers));
        let (http, headers) = (parts.status, parts.headers);
        Answer { http, headers, body: body.freeze(), status }
    }
}

/// A message as gRPC frames it.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    frame(0, None, &message.encode_to_vec())
}

/// Bytes in a frame with this flag, and a length of its own where one is given.
pub(crate) fn frame(flag: u8, length: Option<u32>, bytes: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(flag);
    framed.put_u32(length.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap()));
    framed.put_slice(bytes);
    framed.freeze()
}
