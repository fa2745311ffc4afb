//! The acceptor: mutual TLS 1.3 behind tonic, and the only maker of a [`Peer`].
//!
//! A handshake passes four gates: limits per source and in all, HTTP/2 in the peer's offer, one
//! trust anchor chosen by the name that the certificate claims, and a path to that anchor alone.
//! Nothing is resumed: a resumed session would not see a new revocation list.

mod accept;
mod access;
mod anchor;
mod connection;
mod error;
mod frames;
mod guests;
mod leaf;
mod limits;
mod list;
mod live;
mod orgnr;
mod outcome;
mod reason;
mod source;
mod spiffe;
mod table;
#[cfg(test)]
mod tests;
mod underway;
mod verify;

use std::{
    convert::Infallible,
    fmt, io,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ConfigBuilder, ServerConfig, WantsVerifier,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{self, kx_group},
    },
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{NoServerSessionStorage, ResolvesServerCert},
    version::TLS13,
};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::wrappers::ReceiverStream;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use self::{accept::Acceptor, live::Live, verify::Verifier};

pub(crate) use self::{
    accept::accept,
    access::{Access, Call, Leaving},
    connection::Connection,
    guests::{Handshakes, guests},
    leaf::until,
    list::Dates,
    live::{CERTIFICATE_ENDS, Worry},
    outcome::Outcomes,
    spiffe::{is_service, is_trust_domain},
    table::Connections,
    underway::Underway,
    verify::Peer,
};
pub use self::{
    anchor::{Anchor, SharedRow, SubjectAttribute},
    error::{Part, TlsError},
    limits::Limits,
};

/// The ALPN name of HTTP/2 over TLS (RFC 9113, section 3.1).
pub(crate) const HTTP2: &[u8] = b"h2";

/// The server's own certificate and key.
#[derive(Clone)]
pub struct ServerMaterial {
    /// The leaf and its intermediates, PEM. The leaf has DNS names or IP addresses: stock clients
    /// refuse a URI alone.
    pub chain_pem: String,
    /// The leaf's key, PEM.
    pub key_pem: String,
}

/// The TLS of a listener: checked, ready to accept. Clones are the same listener.
#[derive(Clone)]
pub struct Tls {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    live: Arc<RwLock<Arc<Live>>>,
    limits: Limits,
    connections: Connections,
    outcomes: Outcomes,
}

impl Tls {
    /// Checks certificates, keys, anchors and limits.
    ///
    /// # Errors
    /// [`TlsError`], naming the part and what to mend.
    pub fn load(
        server: &ServerMaterial,
        anchors: Vec<Anchor>,
        limits: Limits,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|source| TlsError::Settings { source })?;
        let live = Live::load(&builder, server, anchors, 0)?;
        Ok(Self {
            builder,
            live: Arc::new(RwLock::new(Arc::new(live))),
            limits: limits.checked()?,
            connections: Connections::default(),
            outcomes: Outcomes::default(),
        })
    }

    /// The live connections.
    pub(crate) fn connections(&self) -> Connections {
        self.connections.clone()
    }

    /// How handshakes ended.
    pub(crate) fn outcomes(&self) -> Outcomes {
        self.outcomes.clone()
    }

    /// Accepts on a listener. The stream ends on shutdown; live connections go on.
    ///
    /// # Errors
    /// When the system gives no thread for the handshakes.
    pub(crate) fn incoming(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<ReceiverStream<Result<Connection, Infallible>>> {
        let (ready, connections) = mpsc::channel(self.limits.backlog_max);
        Acceptor::new(self)?.start(listener, ready, shutdown);
        Ok(ReceiverStream::new(connections))
    }

    /// A caller whose call another node passed on, by its chain of certificates; none when the
    /// chain does not hold here.
    pub(crate) fn judge(&self, chain: &[CertificateDer<'static>]) -> Option<Access> {
        let verified = self.live().anchors.verified(chain, UnixTime::now());
        match verified {
            Ok(verified) => Some(Access::passed_on(verified)),
            Err(reason) => {
                tracing::info!(%reason, "a call that was passed on is refused");
                None
            }
        }
    }

    /// What handshakes stand on now.
    fn live(&self) -> Arc<Live> {
        // No code panics while it holds the lock.
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn verifier(&self, live: &Live) -> Verifier {
        let algorithms = self.builder.crypto_provider().signature_verification_algorithms;
        Verifier::new(Arc::clone(&live.anchors), algorithms)
    }

    /// The settings of one handshake.
    fn config(&self, live: &Live, verifier: Arc<Verifier>) -> ServerConfig {
        let mut config = self
            .builder
            .clone()
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&live.certificate));
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_tls13_tickets = 0;
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        config.cert_compressors = Vec::new();
        config.cert_decompressors = Vec::new();
        config
    }
}

impl ServerMaterial {
    /// The certificate with its key, and when it ends in seconds since 1970.
    fn certificate(
        &self,
        builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    ) -> Result<(Arc<dyn ResolvesServerCert>, u64), TlsError> {
        let part = Part::ServerChain;
        let chain = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| TlsError::Pem { part: part.clone(), source })?;
        let leaf = chain.first().ok_or(TlsError::Empty { part })?;
        if !has_address(leaf) {
            return Err(TlsError::ServerNames);
        }
        let until = until(leaf);
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|source| TlsError::Pem { part: Part::ServerKey, source })?;
        let config = builder
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|source| TlsError::Server { source })?;
        Ok((config.cert_resolver, until))
    }
}

impl fmt::Debug for ServerMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerMaterial").finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("limits", &self.limits)
            .field("connections", &self.connections)
            .finish_non_exhaustive()
    }
}

/// The cryptography of every connection.
pub(crate) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    }
}

fn has_address(leaf: &CertificateDer<'_>) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
    let Ok(Some(names)) = leaf.subject_alternative_name() else { return false };
    names
        .value
        .general_names
        .iter()
        .any(|name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_)))
}

/// Reads a name of a service.
#[cfg(fuzzing)]
pub(crate) fn read_name(text: &str) {
    if let Some(name) = spiffe::ServiceName::parse(text) {
        assert_eq!(text, format!("spiffe://{}/svc/{}", name.trust_domain, name.service));
    }
}

/// Reads all that is read of a leaf.
#[cfg(fuzzing)]
pub(crate) fn read_certificate(der: &[u8]) {
    let der = CertificateDer::from(der);
    let _ = until(&der);
    let Ok(leaf) = leaf::Leaf::parse(&der, &[]) else { return };
    let _ = (leaf.service_name(), leaf.serial(), leaf.issuer(), leaf.not_after());
}
