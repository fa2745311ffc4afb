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

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use samsyn_ledger::{Card, Ledger, Levels, Nodes, Transport};
use tokio::{net::TcpListener, runtime::Handle, task::JoinHandle};

use self::{client::Dialer, serve::Calls};
use crate::{config::Cluster, threads::Threads};

pub(crate) use self::{forward::Forward, identity::Identity};

/// This node among the others: who it is, the ways to them, and the threads on which it talks with
/// them.
pub(crate) struct Among {
    identity: Identity,
    dialer: Dialer,
    threads: Threads,
}

impl Among {
    /// With a node's identity.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn new(identity: Identity) -> io::Result<Self> {
        let threads = Threads::for_nodes()?;
        let dialer = Dialer::new(identity.clone(), threads.handle().clone());
        Ok(Self { identity, dialer, threads })
    }

    /// The other nodes, as the ledger knows them. A node without the domain's keys waits here until
    /// others give them.
    ///
    /// # Errors
    /// When the keys cannot be kept, or this node does not know the domain's level.
    pub(crate) async fn nodes(
        &self,
        (cluster, data): (&Cluster, &Path),
        levels: Levels,
    ) -> Result<Nodes, samsyn_ledger::Error> {
        let transport: Arc<dyn Transport> = Arc::new(self.dialer.clone());
        if !cluster.founds {
            let others = cluster.others();
            samsyn_ledger::fetch_key_file(data, &transport, &others, levels).await?;
        }
        let card = Card {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            certificate_until: self.identity.until(),
        };
        Ok(Nodes {
            address: cluster.address(),
            founds: cluster.founds,
            card,
            timing: cluster.timing(),
            transport,
            threads: self.threads.handle().clone(),
        })
    }

    /// Begins to serve the other nodes: they are answered until the end of the process. What they
    /// pass on is served on the threads of who calls this.
    ///
    /// # Errors
    /// When the address is not to be had.
    pub(crate) async fn serve(
        &self,
        at: SocketAddr,
        ledger: Ledger,
        behind: Calls,
    ) -> Result<JoinHandle<()>, BadNode> {
        let listen = |why| BadNode::Listen { at, why };
        // A socket belongs to the threads on which it is opened.
        let bound = self.threads.handle().spawn(TcpListener::bind(at)).await;
        let listener = bound.map_err(|error| listen(error.into()))?.map_err(listen)?;
        let (identity, calls) = (self.identity.clone(), Handle::current());
        Ok(self.threads.handle().spawn(async move {
            let served = serve::serve(listener, identity, ledger, (behind, calls)).await;
            if let Err(error) = served {
                tracing::error!(%error, "the other nodes are not served any more");
            }
        }))
    }

    /// Looks after contact with the others until the ledger stops.
    pub(crate) fn keep(&self, ledger: Ledger) -> JoinHandle<()> {
        self.threads.handle().spawn(ledger.keep())
    }
}

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
        at: SocketAddr,
        /// Why it cannot.
        #[source]
        why: io::Error,
    },
}
