//! Who this domain is to others, and who they are to it.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, RootCertStore,
    ServerConfig, SignatureScheme,
    client::{WebPkiServerVerifier, danger::HandshakeSignatureValid},
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime,
        pem::PemObject,
    },
    server::{
        NoServerSessionStorage, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    version::TLS13,
};
use samsyn_domain::{DomainId, Timestamp, registry::Peer};
use samsyn_ledger::{Clock, Ledger};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use super::{
    BadLink, Material,
    trust::{Age, Trust},
};
use crate::{
    alarms::Alarm,
    tls::{CERTIFICATE_ENDS, HTTP2, is_service, is_trust_domain, provider, until},
};

/// Connections of one domain at a time: of its nodes, with those that are dead and not known to be.
const CONNECTIONS_PER_DOMAIN_MAX: usize = 16;

/// What is in the files, parsed.
struct Held {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    lists: Vec<CertificateRevocationListDer<'static>>,
    /// When the certificate ends: seconds since 1970.
    until: u64,
}

/// The certificate with which this domain links, and the authorities of its peers. Clones are the
/// same.
#[derive(Clone)]
pub(crate) struct Identity {
    held: Arc<RwLock<Arc<Held>>>,
    ledger: Ledger,
    clock: Clock,
    provider: Arc<CryptoProvider>,
    domain: Arc<str>,
    places: Arc<Mutex<BTreeMap<DomainId, Arc<Semaphore>>>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("domain", &self.domain).finish_non_exhaustive()
    }
}

/// Who has linked, and by which chain.
#[derive(Debug, Clone)]
pub(super) struct Linker {
    pub(super) domain: DomainId,
    pub(super) chain: Arc<[CertificateDer<'static>]>,
    /// Its place among the connections of its domain; given back when the connection ends.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Linker {
    /// Until when its certificate is good.
    pub(super) fn until(&self) -> Timestamp {
        let seconds = self.chain.iter().map(until).min().unwrap_or_default();
        Timestamp::ZERO.after_seconds(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

/// Checks certificate, key, authority and lists, without a domain.
///
/// # Errors
/// Which part does not hold.
pub(super) fn check(material: &Material) -> Result<(), BadLink> {
    Held::of(material, &Arc::new(provider())).map(drop)
}

impl Identity {
    /// Checks certificate, key and lists.
    ///
    /// # Errors
    /// Which part does not hold.
    pub(super) fn load(material: &Material, ledger: Ledger, clock: Clock) -> Result<Self, BadLink> {
        let provider = Arc::new(provider());
        let held = Held::of(material, &provider)?;
        Ok(Self {
            held: Arc::new(RwLock::new(Arc::new(held))),
            ledger,
            clock,
            provider,
            domain: material.domain.as_str().into(),
            places: Arc::default(),
        })
    }

    /// Takes up what is in the files now.
    ///
    /// # Errors
    /// Which part does not hold; then the old stays in force.
    pub(super) fn renew(&self, material: &Material) -> Result<(), BadLink> {
        let held = Arc::new(Held::of(material, &self.provider)?);
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
        Ok(())
    }

    fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a chain still proves the peer that it proved, by what is registered and revoked now.
    pub(super) fn holds(&self, linker: &Linker) -> bool {
        let micros = u64::try_from((self.clock)().micros()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_micros(micros));
        let judged = linker.chain.split_first().map(|(leaf, rest)| self.judge(leaf, rest, now));
        let proved = matches!(judged, Some(Ok((domain, _))) if domain == linker.domain);
        proved && now.as_secs() < self.held().until
    }

    /// How fresh what a peer is known by is.
    pub(crate) fn trust(&self, peer: &Peer) -> Trust {
        Trust::of(peer, &self.held().lists)
    }

    /// What to worry about now.
    pub(super) fn worries(&self) -> Vec<Alarm> {
        let micros = u64::try_from((self.clock)().micros()).unwrap_or_default();
        let now = Duration::from_micros(micros).as_secs();
        let held = self.held();
        let ends = held.until.saturating_sub(CERTIFICATE_ENDS) <= now;
        let mut worries: Vec<Alarm> =
            ends.then_some(Alarm::LinkCertificateEnds).into_iter().collect();
        let registry = self.ledger.registry();
        for peer in registry.peers() {
            let (trust, name) = (Trust::of(peer, &held.lists), || peer.id.to_string());
            worries.extend(match trust.age_of_list(now) {
                Age::Fresh => None,
                Age::Aging => Some(Alarm::LinkListHalfOver(name())),
                Age::Ended => Some(Alarm::LinkListEnded(name())),
            });
            if trust.age_of_authority(now) > Age::Fresh {
                worries.push(Alarm::LinkAuthorityEnds(name()));
            }
        }
        if self.ledger.holds_links() {
            let frozen =
                registry.peers().filter(|peer| self.ledger.link(&peer.id).frozen.is_some());
            worries.extend(frozen.map(|peer| Alarm::LinkFrozen(peer.id.to_string())));
        }
        worries
    }

    /// Lets a peer in; tells which it is.
    pub(super) async fn accept(
        &self,
        tcp: TcpStream,
    ) -> io::Result<(server::TlsStream<TcpStream>, Linker)> {
        let held = self.held();
        let verifier = Arc::new(Verifier(self.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(held.chain.clone(), held.key.clone_key())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let stream = TlsAcceptor::from(Arc::new(config)).accept(tcp).await?;
        let linker = linker(stream.get_ref().1.peer_certificates()).ok_or_else(nobody)?;
        let place = self.place(&linker.domain).ok_or_else(crowded)?;
        Ok((stream, Linker { _place: Some(Arc::new(place)), ..linker }))
    }

    /// Connects to an endpoint of a peer, and makes sure that it is that one.
    pub(super) async fn connect(
        &self,
        peer: &Peer,
        endpoint: &str,
    ) -> io::Result<(client::TlsStream<TcpStream>, Linker)> {
        let held = self.held();
        let roots = Arc::new(roots(peer).map_err(io::Error::other)?);
        let mut verifier =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider));
        if !held.lists.is_empty() {
            verifier = verifier
                .with_crls(held.lists.clone())
                .allow_unknown_revocation_status()
                .enforce_revocation_expiration();
        }
        let verifier = verifier.build().map_err(io::Error::other)?;
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_webpki_verifier(verifier)
            .with_client_auth_cert(held.chain.clone(), held.key.clone_key())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        let host = endpoint.rsplit_once(':').map_or(endpoint, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(endpoint).await?;
        tcp.set_nodelay(true)?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let linker = linker(stream.get_ref().1.peer_certificates());
        let linker = linker.filter(|linker| linker.domain == peer.id).ok_or_else(nobody)?;
        Ok((stream, linker))
    }

    /// A place among the connections of a peer. Only who was let in asks: there are as many domains
    /// as are registered.
    fn place(&self, domain: &DomainId) -> Option<OwnedSemaphorePermit> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let of = places.entry(domain.clone());
        let of = of.or_insert_with(|| Arc::new(Semaphore::new(CONNECTIONS_PER_DOMAIN_MAX)));
        Arc::clone(of).try_acquire_owned().ok()
    }

    /// Which registered peer a chain proves.
    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(DomainId, ClientCertVerified), Error> {
        let unknown =
            || Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure);
        let domain = domain_of(leaf).ok_or_else(unknown)?;
        let peer = self.ledger.registered_peer(&domain).ok_or_else(unknown)?;
        let held = self.held();
        let roots = Arc::new(roots(&peer).map_err(|_| unknown())?);
        let mut verifier =
            WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&self.provider));
        if !held.lists.is_empty() {
            verifier = verifier
                .with_crls(held.lists.clone())
                .allow_unknown_revocation_status()
                .enforce_revocation_expiration();
        }
        let verifier = verifier.build().map_err(|_| unknown())?;
        let proof = verifier.verify_client_cert(leaf, intermediates, now)?;
        Ok((domain, proof))
    }
}

impl Held {
    fn of(material: &Material, provider: &Arc<CryptoProvider>) -> Result<Self, BadLink> {
        let chain = certificates(&material.chain_pem, "certificate")?;
        let leaf = chain.first().ok_or(BadLink::Pem { part: "certificate" })?;
        if domain_of(leaf).is_none_or(|domain| domain.as_str() != material.domain) {
            return Err(BadLink::Name { domain: material.domain.clone() });
        }
        let until = until(leaf);
        let key = PrivateKeyDer::from_pem_slice(material.key_pem.as_bytes())
            .map_err(|_| BadLink::Pem { part: "key" })?;
        issued(&chain, &material.authority_pem, until, provider)?;
        let lists = material.lists_pem.iter().flat_map(|pem| {
            CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
                .map(|list| list.map_err(|_| BadLink::Pem { part: "revocation list" }))
        });
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        // Whether certificate and key fit is seen before anybody connects.
        ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(BadLink::Tls)?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(BadLink::Tls)?;
        Ok(Self { chain, key, lists, until })
    }
}

/// Checks that the authority that peers register has issued the certificate, whatever time it is.
fn issued(
    chain: &[CertificateDer<'static>],
    authority_pem: &str,
    until: u64,
    provider: &Arc<CryptoProvider>,
) -> Result<(), BadLink> {
    let mut roots = RootCertStore::empty();
    for root in certificates(authority_pem, "authority")? {
        roots.add(root).map_err(BadLink::Tls)?;
    }
    let other = || BadLink::OtherAuthority;
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let verifier = verifier.map_err(|_| BadLink::Pem { part: "authority" })?;
    let (leaf, rest) = chain.split_first().ok_or_else(other)?;
    let good = UnixTime::since_unix_epoch(Duration::from_secs(until.saturating_sub(1)));
    verifier.verify_client_cert(leaf, rest, good).map(drop).map_err(|_| other())
}

/// Asks for a certificate of whichever peer it claims to be.
#[derive(Debug)]
struct Verifier(Identity);

impl ClientCertVerifier for Verifier {
    // Hints would tell whoever connects which domains are linked.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.judge(end_entity, intermediates, now).map(|(_, proof)| proof)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = self.0.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn crowded() -> io::Error {
    io::Error::new(io::ErrorKind::QuotaExceeded, "that domain has too many connections")
}

fn nobody() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the certificate is not that domain's")
}

fn linker(chain: Option<&[CertificateDer<'static>]>) -> Option<Linker> {
    let chain = chain?;
    Some(Linker { domain: domain_of(chain.first()?)?, chain: chain.into(), _place: None })
}

/// The authorities that are registered of a peer.
fn roots(peer: &Peer) -> Result<RootCertStore, BadLink> {
    let mut roots = RootCertStore::empty();
    for authority in &peer.authorities {
        for root in certificates(authority, "authority")? {
            roots.add(root).map_err(BadLink::Tls)?;
        }
    }
    Ok(roots)
}

fn certificates(pem: &str, part: &'static str) -> Result<Vec<CertificateDer<'static>>, BadLink> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    all.map_err(|_| BadLink::Pem { part })
}

/// The domain of a link certificate, by its one URI name.
fn domain_of(leaf: &CertificateDer<'_>) -> Option<DomainId> {
    let (_, leaf) = x509_parser::certificate::X509Certificate::from_der(leaf).ok()?;
    let names = leaf.subject_alternative_name().ok()??;
    let mut uris = names
        .value
        .general_names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let (uri, none) = (uris.next()?, uris.next());
    let (domain, path) = uri.strip_prefix("spiffe://")?.split_once('/')?;
    let name = path.strip_prefix("link/")?;
    let holds = none.is_none() && is_trust_domain(domain) && is_service(name);
    holds.then(|| DomainId::parse(domain).ok()).flatten()
}
