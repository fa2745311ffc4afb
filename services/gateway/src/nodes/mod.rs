//! The other nodes of the domain: a listener of their own, certificates of their own.
//!
//! A node is known by its certificate: the one URI name `spiffe://<domain>/node/<number>`, by the
//! authority of the nodes. No authority of an organisation vouches for a node, and that of the
//! nodes for no service. What a caller asks of a node that does not lead goes to the leader once,
//! with the caller's own certificate as evidence, which the leader judges itself.

mod client;
mod forward;
mod identity;
mod serve;

pub(crate) use self::{client::Dialer, forward::Forward, identity::Identity, serve::serve};

/// What a node's TLS is made from.
#[derive(Clone)]
pub(crate) struct Material {
    /// The domain's name: the trust domain of its nodes.
    pub(crate) trust_domain: String,
    /// The node's number.
    pub(crate) node: u64,
    /// The chain of its certificate, PEM.
    pub(crate) chain_pem: String,
    /// Its key, PEM.
    pub(crate) key_pem: String,
    /// The authority of the nodes, PEM.
    pub(crate) bundle_pem: String,
    /// Its revocation list, PEM.
    pub(crate) crl_pem: Option<String>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Why a node's TLS cannot be made, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum BadNode {
    /// A file is no PEM of what it should be.
    #[error("the {part} of this node is no PEM; write it anew with `samsyn pki issue --node`")]
    Pem {
        /// Which part.
        part: &'static str,
    },
    /// Certificate, key or authority do not fit.
    #[error("certificate, key and authority of this node do not fit; issue it anew")]
    Tls(#[source] rustls::Error),
    /// The authority or its list cannot be used.
    #[error("the nodes' authority or its revocation list cannot be used; write them anew")]
    Authority(#[source] rustls::server::VerifierBuilderError),
    /// The certificate is another node's.
    #[error(
        "the certificate of this node is not `spiffe://{trust_domain}/node/{node}`; issue one with \
         `samsyn pki issue --node {node}`"
    )]
    Name {
        /// Which trust domain it should have.
        trust_domain: String,
        /// Which number.
        node: u64,
    },
    /// Its listener has no address.
    #[error("cannot listen on `{at}`; choose another in `cluster.listen`")]
    Listen {
        /// Where it was to listen.
        at: std::net::SocketAddr,
        /// Why it cannot.
        #[source]
        why: std::io::Error,
    },
}
