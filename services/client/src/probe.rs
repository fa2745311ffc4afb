//! A connection tried step by step, so that what stands in its way gets a name.
//!
//! A stock client says "connection failed" for a firewall, a wrong authority, a certificate that
//! the gateway does not know and a proxy that ends TLS. Here each of them is a step of its own.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
    version::TLS13,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::Uri;

use crate::Profile;

/// How long one step may take.
const STEP_MAX: Duration = Duration::from_secs(5);
/// The ALPN name of HTTP/2 over TLS (RFC 9113, section 3.1).
const HTTP2: &[u8] = b"h2";
/// The client's preface and an empty SETTINGS frame (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The head of the frame with which a server begins.
const FRAME_HEAD: usize = 9;

/// A step of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The profile's own address, certificates and key.
    Material,
    /// The name of the gateway to its addresses.
    Resolve,
    /// TCP.
    Connect,
    /// TLS 1.3: the gateway's certificate is checked.
    Handshake,
    /// HTTP/2 was agreed on.
    Http2,
    /// The gateway let our certificate in.
    Admitted,
}

impl Step {
    /// What it is called in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Material => "key and certificates",
            Self::Resolve => "name of the gateway",
            Self::Connect => "tcp",
            Self::Handshake => "tls handshake",
            Self::Http2 => "http/2",
            Self::Admitted => "let in",
        }
    }
}

/// What stands in the way of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// At which step.
    pub at: Step,
    /// What was seen.
    pub seen: String,
    /// What to do about it.
    pub mend: &'static str,
}

/// What was found on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The steps that went well, with what they found.
    pub steps: Vec<(Step, String)>,
    /// The gateway's own certificate, DER, as soon as it has shown it and it was found good.
    pub certificate: Option<Vec<u8>>,
    /// What ended the attempt, if anything did.
    pub obstacle: Option<Obstacle>,
}

/// Tries to connect with a profile, up to the first word of the gateway after the handshake.
pub async fn probe(profile: &Profile) -> Reached {
    let mut reached = Reached { steps: Vec::new(), certificate: None, obstacle: None };
    reached.obstacle = attempt(profile, &mut reached).await.err();
    reached
}

async fn attempt(profile: &Profile, reached: &mut Reached) -> Result<(), Obstacle> {
    let (host, port) = address(&profile.endpoint)?;
    let config = config(profile)?;
    let name = server_name(&host)?;
    reached.steps.push((Step::Material, "hold, and belong to each other".to_owned()));
    let addresses = resolved(&host, port).await?;
    let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    reached.steps.push((Step::Resolve, format!("{host}: {}", all.join(", "))));
    let stream = connected(&addresses).await?;
    reached.steps.push((Step::Connect, format!("port {port} answers")));
    let mut stream = shaken(config, name, stream).await?;
    let (_, session) = stream.get_ref();
    let leaf = session.peer_certificates().and_then(|chain| chain.first());
    reached.certificate = leaf.map(|leaf| leaf.to_vec());
    reached.steps.push((Step::Handshake, "TLS 1.3; the gateway is who it says".to_owned()));
    if session.alpn_protocol() != Some(HTTP2) {
        let seen = "the other side did not choose `h2`".to_owned();
        let mend = "a proxy on the way ends TLS, or the port is not the gateway's: ask for a way \
                    through to the gateway itself";
        return Err(Obstacle { at: Step::Http2, seen, mend });
    }
    reached.steps.push((Step::Http2, "agreed on (ALPN `h2`)".to_owned()));
    admitted(&mut stream).await?;
    reached
        .steps
        .push((Step::Admitted, "the gateway knows the certificate's authority".to_owned()));
    Ok(())
}

/// The certificate that whatever answers at an address presents, DER. Nothing is trusted by it.
///
/// # Errors
/// When nothing answers there, or it presents none.
pub async fn presented(at: SocketAddr) -> io::Result<Vec<u8>> {
    let (shown, mut seen) = mpsc::unbounded_channel();
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Looker(shown)))
        .with_no_client_auth();
    config.alpn_protocols = vec![HTTP2.to_vec()];
    let stream = timeout(STEP_MAX, TcpStream::connect(at)).await??;
    let connector = TlsConnector::from(Arc::new(config));
    let handshake = timeout(STEP_MAX, connector.connect(at.ip().into(), stream)).await?;
    seen.try_recv().map_err(|_| {
        let why = handshake.map_or_else(|why| why.to_string(), |_| "no certificate".to_owned());
        io::Error::other(why)
    })
}

/// The host and port of an endpoint.
pub(crate) fn address(endpoint: &str) -> Result<(String, u16), Obstacle> {
    let bad = |seen: &str| Obstacle {
        at: Step::Material,
        seen: format!("`{endpoint}` {seen}"),
        mend: "write `endpoint` in `profile.toml` as `https://host:port`",
    };
    let uri: Uri = endpoint.parse().map_err(|_| bad("is no address"))?;
    if uri.scheme_str() != Some("https") {
        return Err(bad("does not begin with `https://`"));
    }
    let host = uri.host().ok_or_else(|| bad("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), uri.port_u16().unwrap_or(443)))
}

/// The name that the certificate of a host must have.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, Obstacle> {
    ServerName::try_from(host.to_owned()).map_err(|_| Obstacle {
        at: Step::Material,
        seen: format!("`{host}` is neither a name nor an address"),
        mend: "write `endpoint` in `profile.toml` as `https://host:port`",
    })
}

/// What TLS needs of a profile.
pub(crate) fn config(profile: &Profile) -> Result<Arc<ClientConfig>, Obstacle> {
    let bad = |seen: String, mend| Obstacle { at: Step::Material, seen, mend };
    let pem = |file: &str, why: pem::Error| {
        bad(format!("`{file}` does not read: {why}"), "get or export the file again, as PEM")
    };
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(profile.ca_pem.as_bytes()) {
        let authority = authority.map_err(|why| pem("ca.pem", why))?;
        roots.add(authority).map_err(|why| {
            bad(format!("`ca.pem` holds no authority: {why}"), "get it again from the registrar")
        })?;
    }
    if roots.is_empty() {
        let seen = "`ca.pem` holds no certificate".to_owned();
        return Err(bad(seen, "get it again from the registrar"));
    }
    let chain = CertificateDer::pem_slice_iter(profile.certificate_pem.as_bytes());
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|why| pem("client.pem", why))?;
    let key = PrivateKeyDer::from_pem_slice(profile.key_pem.as_bytes());
    let key = key.map_err(|why| pem("client.key", why))?;
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|why| bad(why.to_string(), "report this: it is a fault of the program"))?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|why| {
            let mend = "`client.key` and `client.pem` must be of one pair: put the key back that \
                        the signing request was made with";
            bad(format!("certificate and key do not fit: {why}"), mend)
        })?;
    config.alpn_protocols = vec![HTTP2.to_vec()];
    Ok(Arc::new(config))
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

async fn resolved(host: &str, port: u16) -> Result<Vec<SocketAddr>, Obstacle> {
    let bad = |seen| Obstacle {
        at: Step::Resolve,
        seen,
        mend: "check the name in `endpoint`, and that this machine resolves names of that network",
    };
    let found = timeout(STEP_MAX, tokio::net::lookup_host((host, port))).await;
    let found = found.map_err(|_| bad(format!("no answer for `{host}`")))?;
    let found: Vec<_> = found.map_err(|why| bad(format!("`{host}`: {why}")))?.collect();
    if found.is_empty() { Err(bad(format!("`{host}` has no address"))) } else { Ok(found) }
}

async fn connected(addresses: &[SocketAddr]) -> Result<TcpStream, Obstacle> {
    let bad = |seen, mend| Obstacle { at: Step::Connect, seen, mend };
    match timeout(STEP_MAX, TcpStream::connect(addresses)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(why)) if why.kind() == io::ErrorKind::ConnectionRefused => {
            let mend = "nothing listens there: check the port, and ask whether the gateway runs";
            Err(bad(why.to_string(), mend))
        }
        Ok(Err(why)) => Err(bad(why.to_string(), "check the network of this machine")),
        Err(_) => {
            let mend = "a firewall drops the packets: have the port opened from this machine";
            Err(bad("no answer in five seconds".to_owned(), mend))
        }
    }
}

async fn shaken(
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, Obstacle> {
    let bad = |(seen, mend)| Obstacle { at: Step::Handshake, seen, mend };
    match timeout(STEP_MAX, TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(why)) => Err(bad(unshaken(&why))),
        Err(_) => Err(bad((
            "no answer in five seconds".to_owned(),
            "what listens there may not speak TLS: check the port",
        ))),
    }
}

/// Why a handshake failed, and what to do.
#[expect(clippy::wildcard_enum_match_arm, reason = "the library may add errors")]
fn unshaken(why: &io::Error) -> (String, &'static str) {
    let Some(tls) = tls_error(why) else {
        let mend = "the other side closed the connection: check that the port is the gateway's";
        return (why.to_string(), mend);
    };
    let mend = match tls {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the gateway's certificate is not by an authority in `ca.pem`: get the current one \
             from the registrar; if that is the same, something on the way ends TLS"
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "use the name in `endpoint` that the gateway's certificate has",
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => "check this machine's clock; if it is right, tell the operator",
        Error::InvalidMessage(_) => "what listens there does not speak TLS: check the port",
        Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "what listens there has no TLS 1.3: it is not a gateway, or a proxy on the way"
        }
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
            "what listens there has no HTTP/2: it is not a gateway, or a proxy on the way"
        }
        _ => "tell the operator what was seen, and when",
    };
    (tls.to_string(), mend)
}

fn tls_error(why: &io::Error) -> Option<&Error> {
    why.get_ref().and_then(|inner| inner.downcast_ref())
}

/// With TLS 1.3 a client learns that its certificate is refused only after its own handshake.
async fn admitted(stream: &mut TlsStream<TcpStream>) -> Result<(), Obstacle> {
    const ASK: &str = "the gateway did not let the certificate in: ask the operator for the reason \
                       that its log gives at this time, and check name, end and authority";
    let bad = |seen: String| Obstacle { at: Step::Admitted, seen, mend: ASK };
    let mut head = [0; FRAME_HEAD];
    let exchange = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        stream.read_exact(&mut head).await
    };
    match timeout(STEP_MAX, exchange).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(why)) => Err(bad(tls_error(&why).map_or_else(|| why.to_string(), Error::to_string))),
        Err(_) => Err(bad("the gateway says nothing after the handshake".to_owned())),
    }
}

/// Looks at a certificate and ends the handshake.
#[derive(Debug)]
struct Looker(mpsc::UnboundedSender<Vec<u8>>);

impl ServerCertVerifier for Looker {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // Whoever asked is still waiting; if not, nobody wants to know.
        let _ = self.0.send(leaf.to_vec());
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_https_with_a_host() {
        assert_eq!(address("https://a.example:7443").unwrap(), ("a.example".to_owned(), 7443));
        assert_eq!(address("https://[::1]:7443").unwrap(), ("::1".to_owned(), 7443));
        assert_eq!(address("https://a.example").unwrap().1, 443);
        for bad in ["a.example:7443", "http://a.example:1", "", "https://"] {
            assert_eq!(address(bad).unwrap_err().at, Step::Material, "{bad}");
        }
    }

    #[tokio::test]
    async fn a_port_where_nothing_listens_is_named() {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = free.local_addr().unwrap();
        drop(free);
        let obstacle = connected(&[at]).await.unwrap_err();
        assert_eq!(obstacle.at, Step::Connect);
        assert!(obstacle.mend.contains("nothing listens"), "{obstacle:?}");
        assert!(presented(at).await.is_err());
    }
}
