//! Links with other domains: a listener of their own, certificates of their own.
//!
//! A domain is known by the one URI name of its certificate, `spiffe://<domain>/link/<name>`, by
//! the authorities that its peer has registered of it, and by nothing else: no authority of an
//! organisation or of nodes vouches for a domain.

mod dial;
mod identity;
mod serve;
mod trust;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use samsyn_domain::link::Link;
use samsyn_federation::Links;
use samsyn_ledger::{Clock, Ledger};
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpListener, task::JoinSet, time};

use crate::{
    alarms::{Alarm, Alarms},
    config,
};

pub(crate) use identity::Identity;
pub(crate) use trust::Trust;

use self::{dial::TlsDial, serve::serve};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why links cannot be had, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum BadLink {
    /// A file is no PEM of what it should be.
    #[error("the {part} of `[link]` is no PEM; write it anew with `samsyn pki issue --link`")]
    Pem {
        /// Which part.
        part: &'static str,
    },
    /// The certificate is another's.
    #[error(
        "the certificate of `[link]` is not `spiffe://{domain}/link/<name>`; issue one with \
         `samsyn pki issue --link`"
    )]
    Name {
        /// Which domain it should have.
        domain: String,
    },
    /// The certificate is not of the authority that peers register.
    #[error(
        "the certificate of `[link]` is not issued by its `authority`; name the `ca.pem` of the \
         folder in which it was issued"
    )]
    OtherAuthority,
    /// Certificate and key do not fit.
    #[error("certificate and key of `[link]` do not fit; issue it anew")]
    Tls(#[source] rustls::Error),
    /// A file cannot be read.
    #[error("cannot read `{}`: {why}; check the path and the rights", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        #[source]
        why: std::io::Error,
    },
    /// The listener has no address.
    #[error("cannot listen on `{at}`; choose another in `link.listen`")]
    Listen {
        /// Where it was to listen.
        at: std::net::SocketAddr,
        /// Why it cannot.
        #[source]
        why: std::io::Error,
    },
}

/// The files of a node's links.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    /// The domain's name.
    pub(crate) domain: String,
    /// How peers reach this node.
    pub(crate) address: String,
    /// The chain of its certificate, PEM.
    pub(crate) chain: PathBuf,
    /// Its key, PEM.
    pub(crate) key: PathBuf,
    /// The authority of this domain's links, PEM: what peers register.
    pub(crate) authority: PathBuf,
    /// Revocation lists of peers' authorities, PEM.
    pub(crate) lists: Vec<PathBuf>,
}

/// What stands in the files.
pub(crate) struct Material {
    pub(crate) domain: String,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
    pub(crate) authority_pem: String,
    pub(crate) lists_pem: Vec<String>,
}

impl Files {
    /// Checks what stands in them.
    ///
    /// # Errors
    /// What does not hold, with the mend.
    pub(crate) fn check(&self) -> Result<(), BadLink> {
        identity::check(&self.read()?)
    }

    /// Reads them.
    ///
    /// # Errors
    /// The first that cannot be read.
    pub(crate) fn read(&self) -> Result<Material, BadLink> {
        let read = |file: &PathBuf| {
            let unreadable = |why| BadLink::Unreadable { file: file.clone(), why };
            std::fs::read_to_string(file).map_err(unreadable)
        };
        Ok(Material {
            domain: self.domain.clone(),
            chain_pem: read(&self.chain)?,
            key_pem: read(&self.key)?,
            authority_pem: read(&self.authority)?,
            lists_pem: self.lists.iter().map(read).collect::<Result<_, _>>()?,
        })
    }
}

impl Material {
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let parts = [&self.chain_pem, &self.key_pem, &self.authority_pem];
        for part in parts.into_iter().chain(&self.lists_pem) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// A session is open.
    Open,
    /// It is tried again.
    Unreached,
    /// An operator has stopped it.
    Paused,
    /// Nothing crosses it until an operator has looked at it.
    Frozen,
}

impl LinkState {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Open, Self::Unreached, Self::Paused, Self::Frozen];

    /// Of a link, with a session or without.
    pub(crate) const fn of(link: &Link, has_session: bool) -> Self {
        match (link.frozen, link.paused, has_session) {
            (Some(_), ..) => Self::Frozen,
            (None, true, _) => Self::Paused,
            (None, false, true) => Self::Open,
            (None, false, false) => Self::Unreached,
        }
    }

    /// Its word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Unreached => "unreached",
            Self::Paused => "paused",
            Self::Frozen => "frozen",
        }
    }
}

/// The links of this node, ready to run.
pub(crate) struct Linked {
    links: Links,
    identity: Identity,
    files: Files,
    listener: TcpListener,
}

impl Linked {
    /// Checks the files and takes the port.
    ///
    /// # Errors
    /// What does not hold.
    pub(crate) async fn open(
        files: Files,
        written: &config::Link,
        (ledger, clock): (Ledger, Clock),
    ) -> Result<Self, BadLink> {
        let at = written.listen;
        let identity = Identity::load(&files.read()?, ledger.clone(), Clock::clone(&clock))?;
        let listener = TcpListener::bind(at).await.map_err(|why| BadLink::Listen { at, why })?;
        let dialer = std::sync::Arc::new(TlsDial::new(identity.clone()));
        let links = Links::new(ledger, clock, Some(dialer));
        links.allow_files(written.file_bytes_a_day());
        Ok(Self { links, identity, files, listener })
    }

    /// How other domains reach this node.
    pub(crate) fn address(&self) -> &str {
        &self.files.address
    }

    /// Where the authority of this domain's links is.
    pub(crate) fn authority(&self) -> &Path {
        &self.files.authority
    }

    /// The links, to look at.
    pub(crate) fn links(&self) -> Links {
        self.links.clone()
    }

    /// Who this domain is to others, and they to it.
    pub(crate) fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// Serves and dials peers as long as it is polled.
    pub(crate) async fn run(self, alarms: Alarms) {
        let Self { links, identity, files, listener } = self;
        let mut tasks = JoinSet::new();
        tasks.spawn(links.clone().run());
        tasks.spawn(take_up(identity.clone(), links.clone(), files, alarms));
        if let Err(error) = serve(listener, identity, links).await {
            tracing::error!(%error, "other domains are not served any more");
        }
    }
}

/// Takes up changed files: what does not hold leaves the old in force.
async fn take_up(identity: Identity, links: Links, files: Files, alarms: Alarms) {
    let mut interval = time::interval(LOOK);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        interval.tick().await;
        let slowed = links.slowed().into_iter();
        let slowed = slowed.map(|peer| Alarm::LinkFilesSlowed(peer.to_string()));
        let worries: Vec<Alarm> = identity.worries().into_iter().chain(slowed).collect();
        alarms.are(&worries, |alarm| alarm.is_of_links() && *alarm != Alarm::LinkReloadFailed);
        let (identity, files) = (identity.clone(), files.clone());
        let look = move || -> Result<[u8; 32], BadLink> {
            let material = files.read()?;
            let digest = material.digest();
            if seen.is_some_and(|seen| seen != digest) {
                identity.renew(&material)?;
                tracing::info!("certificate and revocation lists of links were taken up anew");
            }
            Ok(digest)
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok(digest)) => {
                seen = Some(digest);
                alarms.clear(&Alarm::LinkReloadFailed);
            }
            Ok(Err(error)) => alarms.raise(Alarm::LinkReloadFailed, &error.to_string()),
            Err(error) => tracing::warn!(%error, "a look at the files of links broke off"),
        }
    }
}
