//! Who a node is, and how it knows others.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::WebPkiServerVerifier,
    pki_types::{
        CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, pem::PemObject,
    },
    server::WebPkiClientVerifier,
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use x509_parser::{extensions::GeneralName, prelude::FromDer};

use super::{BadNode, Material};
use crate::tls::{HTTP2, provider, until};

/// A node's own certificate, and the authority of all nodes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity {
    trust_domain: Arc<str>,
    server: TlsAcceptor,
    client: TlsConnector,
    until: u64,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("trust_domain", &self.trust_domain).finish_non_exhaustive()
    }
}

impl Identity {
    /// Checks certificate, key and authority.
    ///
    /// # Errors
    /// Which part does not hold.
    pub(crate) fn load(material: &Material) -> Result<Self, BadNode> {
        let chain = certificates(&material.chain_pem, "certificate")?;
        let leaf = chain.first().ok_or(BadNode::Pem { part: "certificate" })?;
        if node_of(leaf, &material.trust_domain) != Some(material.node) {
            let (trust_domain, node) = (material.trust_domain.clone(), material.node);
            return Err(BadNode::Name { trust_domain, node });
        }
        let until = until(leaf);
        let key = PrivateKeyDer::from_pem_slice(material.key_pem.as_bytes())
            .map_err(|_| BadNode::Pem { part: "key" })?;
        let mut roots = RootCertStore::empty();
        for root in certificates(&material.bundle_pem, "authority")? {
            roots.add(root).map_err(BadNode::Tls)?;
        }
        let roots = Arc::new(roots);
        let lists = material.crl_pem.iter().flat_map(|pem| {
            CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
                .map(|list| list.map_err(|_| BadNode::Pem { part: "revocation list" }))
        });
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        let provider = Arc::new(provider());

        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider))
                .with_crls(lists.clone())
                .build()
                .map_err(BadNode::Authority)?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(BadNode::Tls)?
            .with_client_cert_verifier(clients)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(BadNode::Tls)?;
        server.alpn_protocols = vec![HTTP2.to_vec()];
        server.send_tls13_tickets = 0;

        let servers = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
            .with_crls(lists)
            .build()
            .map_err(BadNode::Authority)?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(BadNode::Tls)?
            .with_webpki_verifier(servers)
            .with_client_auth_cert(chain, key)
            .map_err(BadNode::Tls)?;
        client.alpn_protocols = vec![HTTP2.to_vec()];
        client.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            trust_domain: material.trust_domain.as_str().into(),
            server: Arc::new(server).into(),
            client: Arc::new(client).into(),
            until,
        })
    }

    /// When its certificate ends, in seconds since 1970.
    pub(crate) const fn until(&self) -> u64 {
        self.until
    }

    /// Lets a node in; tells which it is.
    pub(super) async fn accept<T>(&self, stream: T) -> io::Result<(server::TlsStream<T>, u64)>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = self.server.accept(stream).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let node = leaf.and_then(|leaf| node_of(leaf, &self.trust_domain));
        node.map(|node| (stream, node)).ok_or_else(no_node)
    }

    /// Connects to a node, and makes sure that it is that one.
    pub(super) async fn connect(
        &self,
        address: &str,
        node: u64,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let stream = self.client.connect(name, tcp).await?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        if leaf.and_then(|leaf| node_of(leaf, &self.trust_domain)) == Some(node) {
            return Ok(stream);
        }
        Err(no_node())
    }
}

fn no_node() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "the certificate is not that node's")
}

fn certificates(pem: &str, part: &'static str) -> Result<Vec<CertificateDer<'static>>, BadNode> {
    let all = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    all.map_err(|_| BadNode::Pem { part })
}

/// The number of a node, by the one URI name of its certificate.
fn node_of(leaf: &CertificateDer<'_>, trust_domain: &str) -> Option<u64> {
    let (_, leaf) = x509_parser::certificate::X509Certificate::from_der(leaf).ok()?;
    let names = leaf.subject_alternative_name().ok()??;
    let mut uris = names
        .value
        .general_names
        .iter()
        .filter_map(|name| if let GeneralName::URI(uri) = name { Some(*uri) } else { None });
    let (uri, none) = (uris.next()?, uris.next());
    let path = uri.strip_prefix("spiffe://")?.strip_prefix(trust_domain)?;
    let number = path.strip_prefix("/node/")?.parse().ok()?;
    // A number in another spelling is another name.
    (none.is_none() && path == format!("/node/{number}")).then_some(number)
}
