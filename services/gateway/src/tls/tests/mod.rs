//! The acceptor against certificates made for the purpose.

mod handshake;
mod identity;
mod limits;
mod live;
mod load;
mod reload;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    version::TLS13,
};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

use super::{anchor::Anchors, *};

/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_secs(10);
const SERIAL: u64 = 0x00ab_cdef;

/// An authority.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate with what came above it, and its key.
struct Card {
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    fn new(name: &str) -> Self {
        let params = authority_params(name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, edit: impl FnOnce(&mut CertificateParams)) -> Card {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.serial_number = Some(SerialNumber::from(SERIAL));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        edit(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Card { pem: cert.pem(), chain: vec![cert.into()], key }
    }

    fn client(&self, uri: &str) -> Card {
        self.issue(|params| params.subject_alt_names = vec![uri_name(uri)])
    }

    fn server(&self) -> Card {
        self.issue(|params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names = vec![
                uri_name("spiffe://samverkan/node/1"),
                SanType::DnsName("localhost".try_into().unwrap()),
                SanType::IpAddress([127, 0, 0, 1].into()),
            ];
        })
    }

    /// A revocation list that is good until the end of a year.
    fn crl(&self, revoked: &[u64], year: i32) -> String {
        let revoked = revoked.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 12, 31),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    fn own(&self, organisation: &str) -> Anchor {
        Anchor::Own {
            organisation: organisation.to_owned(),
            trust_domain: format!("{organisation}.example"),
            bundle_pem: self.pem.clone(),
            crl_pem: Some(self.crl(&[], 2999)),
        }
    }
}

impl Card {
    fn leaf(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }

    fn pin(&self) -> [u8; 32] {
        Sha256::digest(self.key.subject_public_key_info()).into()
    }

    fn private(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.serialize_pem().as_bytes()).unwrap()
    }
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn uri_name(uri: &str) -> SanType {
    SanType::URI(uri.try_into().unwrap())
}

fn pem(card: &Card) -> ServerMaterial {
    ServerMaterial { chain_pem: card.pem.clone(), key_pem: card.key.serialize_pem() }
}

/// A listener with its authority, for its clients.
struct Gate {
    tls: Tls,
    authority: Authority,
    address: SocketAddr,
    connections: Connections,
    incoming: ReceiverStream<Result<Connection, Infallible>>,
    stop: oneshot::Sender<()>,
}

impl Gate {
    async fn open(anchors: Vec<Anchor>) -> Self {
        Self::with_limits(anchors, Limits::default()).await
    }

    async fn with_limits(anchors: Vec<Anchor>, limits: Limits) -> Self {
        let authority = Authority::new("the server's");
        let tls = Tls::load(&pem(&authority.server()), anchors, limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = tls.connections();
        let same = tls.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let incoming = tls.incoming(listener, async { drop(stopped.await) }).unwrap();
        Self { tls: same, authority, address, connections, incoming, stop }
    }

    /// Has connections end, their last word included; how many were cut.
    async fn end(&self, matches: impl Fn(&Peer) -> bool) -> usize {
        let told = self.connections.leave(Leaving::Suspended, matches);
        assert_eq!(self.sweep(), 0, "each has a last word");
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        assert_eq!(self.sweep(), told);
        told
    }

    fn sweep(&self) -> usize {
        self.connections.sweep(0, &self.tls.limits.lifetime())
    }

    /// The settings of a stock client.
    fn client(&self, card: Option<&Card>) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match card {
            Some(card) => {
                builder.with_client_auth_cert(card.chain.clone(), card.private()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP2.to_vec()];
        config
    }

    async fn dial(&self, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }

    /// The next connection of the server.
    async fn accepted(&mut self) -> Connection {
        timeout(PATIENCE, self.incoming.next()).await.unwrap().unwrap().unwrap()
    }

    /// Connects and lets both sides say a word.
    async fn greet(&mut self, config: ClientConfig) -> (TlsStream<TcpStream>, Connection) {
        let mut client = self.dial(config).await.unwrap();
        client.write_all(b"hej").await.unwrap();
        let mut server = self.accepted().await;
        let mut word = [0; 3];
        server.read_exact(&mut word).await.unwrap();
        server.write_all(&word).await.unwrap();
        server.flush().await.unwrap();
        client.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"hej");
        (client, server)
    }

    /// Connects, and gives the error with which the server refuses. In TLS 1.3 the client is done
    /// before the server has seen its certificate, so the refusal comes with the first read.
    async fn refusal(&self, config: ClientConfig) -> String {
        let outcome = match self.dial(config).await {
            Ok(mut client) => {
                let read = timeout(PATIENCE, client.read_u8()).await.expect("refused in time");
                read.map(|_| ())
            }
            Err(error) => Err(error),
        };
        assert_eq!(self.connections.count(), 0);
        outcome.expect_err("refused").to_string()
    }
}
