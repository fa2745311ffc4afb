//! A connection that speaks HTTP/2 itself, so that it can say what no gRPC client would.

use std::{
    error::Error,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use prost::Message;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use samsyn_client::{Profile, Refused};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::Status;

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// What went wrong on the way.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status of HTTP.
    pub http: StatusCode,
    /// The headers before the body.
    pub headers: HeaderMap,
    /// The body, frames of gRPC included.
    pub body: Bytes,
    /// The status of gRPC; none where the answer is not gRPC.
    pub status: Option<Status>,
}

impl Answer {
    /// The refusal that it is; none where it has no status.
    #[must_use]
    pub fn refused(&self) -> Option<Refused> {
        self.status.clone().map(Refused::from)
    }
}

/// The authorities that vouch for a profile's gateway.
///
/// # Errors
/// When the profile's PEM does not hold.
pub fn roots(profile: &Profile) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(profile.ca_pem.as_bytes()) {
        roots.add(authority?)?;
    }
    Ok(roots)
}

/// The settings of a profile's TLS.
///
/// # Errors
/// When the profile's PEM does not hold.
pub fn tls(profile: &Profile) -> Result<ClientConfig, Failure> {
    let roots = roots(profile)?;
    let chain = CertificateDer::pem_slice_iter(profile.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(profile.key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain.collect::<Result<_, _>>()?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// A connection to a profile's gateway that has said nothing yet, from an address of this machine
/// where one is given.
///
/// # Errors
/// When there is none to be had.
pub async fn connect(profile: &Profile, from: Option<IpAddr>) -> Result<TcpStream, Failure> {
    let address = profile.endpoint.trim_start_matches("https://").parse()?;
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind((from, 0).into())?;
    }
    let tcp = socket.connect(address).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// TLS over a connection.
///
/// # Errors
/// When the handshake fails.
pub async fn handshake(
    config: ClientConfig,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, Failure> {
    let name = ServerName::try_from("localhost")?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, tcp).await?)
}

/// A connection that speaks HTTP/2.
#[derive(Debug)]
pub struct Raw {
    send: SendRequest<Bytes>,
}

impl Raw {
    /// Connects with a profile.
    ///
    /// # Errors
    /// When the gateway does not take it.
    pub async fn open(profile: &Profile) -> Result<Self, Failure> {
        let stream = handshake(tls(profile)?, connect(profile, None).await?).await?;
        let (send, connection) = h2::client::handshake(stream).await?;
        tokio::spawn(async move { drop(connection.await) });
        Ok(Self { send })
    }

    /// A request for a method, with headers of its own.
    ///
    /// # Errors
    /// When a header cannot be one.
    pub fn request(path: &str, headers: &[(&str, &[u8])]) -> Result<Request<()>, Failure> {
        let mut request = Request::post(format!("https://localhost{path}")).body(())?;
        let of = request.headers_mut();
        of.insert(http::header::TE, HeaderValue::from_static("trailers"));
        of.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        for (name, value) in headers {
            let (name, value) = (name.parse::<HeaderName>()?, HeaderValue::from_bytes(value)?);
            if name == http::header::CONTENT_TYPE {
                of.insert(name, value);
            } else {
                of.append(name, value);
            }
        }
        Ok(request)
    }

    /// Sends a request with this body, and waits for all that comes back.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes for long.
    pub async fn call(&self, request: Request<()>, body: Bytes) -> Result<Answer, Failure> {
        tokio::time::timeout(PATIENCE, self.exchange(request, body, true)).await?
    }

    /// The same, and never says that the body is done.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn call_without_end(
        &self,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Answer, Failure> {
        tokio::time::timeout(PATIENCE, self.exchange(request, body, false)).await?
    }

    /// Makes a call whose answer is not taken, until the gateway ends the
    /// connection; after how long it did.
    ///
    /// # Errors
    /// When the gateway does not take the call.
    pub async fn unread(
        profile: &Profile,
        request: Request<()>,
        body: Bytes,
    ) -> Result<Duration, Failure> {
        let stream = handshake(tls(profile)?, connect(profile, None).await?).await?;
        let mut builder = h2::client::Builder::new();
        let builder = builder.initial_window_size(0);
        let (send, connection) = builder.handshake::<_, Bytes>(stream).await?;
        let connection = tokio::spawn(connection);
        let mut send = send.ready().await?;
        let (response, mut sending) = send.send_request(request, false)?;
        sending.send_data(body, true)?;
        let unread = response.await?;
        let began = Instant::now();
        // However it ends, it has ended.
        drop(connection.await?);
        drop(unread);
        Ok(began.elapsed())
    }

    async fn exchange(
        &self,
        request: Request<()>,
        body: Bytes,
        ends: bool,
    ) -> Result<Answer, Failure> {
        let mut send = self.send.clone().ready().await?;
        let (response, mut stream) = send.send_request(request, body.is_empty())?;
        // Who is told no before its body was read may find its stream closed to the body, and has
        // the answer all the same (RFC 9113, section 8.1); what else closed it, the answer tells.
        if !body.is_empty() {
            let _ = stream.send_data(body, ends);
        }
        let (parts, mut incoming) = response.await?.into_parts();
        let mut body = BytesMut::new();
        while let Some(Ok(data)) = incoming.data().await {
            incoming.flow_control().release_capacity(data.len())?;
            body.extend_from_slice(&data);
        }
        let trailers = incoming.trailers().await.ok().flatten().unwrap_or_default();
        let status = Status::from_header_map(&trailers);
        let status = status.or_else(|| Status::from_header_map(&parts.headers));
        let (http, headers) = (parts.status, parts.headers);
        Ok(Answer { http, headers, body: body.freeze(), status })
    }
}

/// A message as gRPC frames it.
#[must_use]
pub fn framed(message: &impl Message) -> Bytes {
    frame(0, None, &message.encode_to_vec())
}

/// Bytes in a frame with this flag, and with a length of its own where one is given.
#[must_use]
pub fn frame(flag: u8, length: Option<u32>, bytes: &[u8]) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(flag);
    framed.put_u32(length.unwrap_or_else(|| u32::try_from(bytes.len()).unwrap_or(u32::MAX)));
    framed.put_slice(bytes);
    framed.freeze()
}
