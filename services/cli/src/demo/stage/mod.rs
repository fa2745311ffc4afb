//! What the demo needs before its first word: a folder with authorities, keys, a registry, a
//! configuration and a profile for every service. It goes when the demo ends.

mod authorities;
mod descriptors;
mod keys;
mod nodes;
mod pointer;
mod profiles;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write as _},
    net::Ipv4Addr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use samsyn_client::{BadProfile, Profile, PublisherKey};
use samsyn_domain::{
    AgreementId, PartyId, Timestamp, commit,
    registry::{BadRegistry, Document, Registry, Role, Service},
};

pub(super) use self::nodes::{NodeAt, reserve};

use self::{
    authorities::Authorities,
    keys::{DomainKeys, EndorsementKeys, PublisherKeys, RegistrarKeys},
    pointer::Pointer,
};
use crate::{
    pki,
    world::{self, Seed},
};

/// The domain's name.
pub(super) const DOMAIN: &str = "stockholm.example";
/// Where the demo listens, when it is free.
pub(super) const PORT: u16 = 7443;
/// Whose authority issues the gateway's certificate.
const OPERATOR: &str = "stockholms-stad";
/// Of which area partners pin the descriptor.
const PINNED_AREA: &str = "sthlm-skarholmen";

const SCHEMA: &str = include_str!("../../../../../config/policy/samsyn.cedarschema");
const POLICIES: &str = include_str!("../../../../../config/policy/samsyn.cedar");

/// Why the demo's city cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file of the demo.
    #[error("cannot write `{}`; free some space or set TMPDIR to another folder", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        why: io::Error,
    },
    /// Something is in the folder already: it could be the keys of another domain.
    #[error("`{}` is not empty; name a folder that is, or that is not there yet", .0.display())]
    Taken(PathBuf),
    /// The city of the release.
    #[error(transparent)]
    World(#[from] world::Error),
    /// A certificate.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] BadProfile),
    /// The registry.
    #[error("the demo's registry does not hold together; restore `config/demo` as released")]
    Registry(#[from] BadRegistry),
    /// A descriptor.
    #[error("the descriptor of `{agreement}` cannot be made; restore `config/demo` as released")]
    Descriptor {
        /// Of which agreement.
        agreement: AgreementId,
        /// Why.
        #[source]
        why: commit::Error,
    },
    /// A file that cannot be put into words.
    #[error("the demo's {what} cannot be written down: {why}")]
    Form {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// No randomness.
    #[error("the system gives no random numbers; try again")]
    Random,
    /// The organisation that runs the gateway.
    #[error("`{0}` is not registered; restore `config/demo` as released")]
    NoOperator(&'static str),
}

/// The demo's folder and what stands in it.
pub(super) struct Stage {
    folder: Folder,
    _pointer: Option<Pointer>,
    seed: Seed,
    document: Document,
    registry: Registry,
    keys: EndorsementKeys,
    registrars: RegistrarKeys,
    publishers: PublisherKeys,
    descriptors: BTreeMap<AgreementId, commit::hash::Digest>,
    nodes: Vec<NodeAt>,
}

/// Where everything lies: it goes with the demo, or stays.
enum Folder {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(path) => path,
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stage in {}", self.dir().display())
    }
}

impl Stage {
    /// Sets up everything for a gateway that runs on these nodes.
    ///
    /// # Errors
    /// When a file cannot be written, or the release's own files were changed.
    pub(super) fn build(nodes: &[NodeAt], now: Timestamp) -> Result<Self, Error> {
        let dir = tempfile::Builder::new().prefix("samsyn-demo-").tempdir();
        let dir = dir.map_err(|why| Error::Write { path: std::env::temp_dir(), why })?;
        let pointer = Pointer::to(&dir.path().join("profiles"))?;
        Self::lay(Folder::Temporary(dir), Some(pointer), nodes, now)
    }

    /// Writes the same to a folder that stays, for nodes that are started from it.
    ///
    /// # Errors
    /// When the folder holds anything already, a file cannot be written, or the release's own
    /// files were changed.
    pub(super) fn write(dir: &Path, nodes: &[NodeAt], now: Timestamp) -> Result<(), Error> {
        if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::Taken(dir.to_owned()));
        }
        Self::lay(Folder::Kept(dir.to_owned()), None, nodes, now).map(drop)
    }

    fn lay(
        folder: Folder,
        pointer: Option<Pointer>,
        nodes: &[NodeAt],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let seed = Seed::demo()?;
        let keys = EndorsementKeys::fresh(world::endorsers(&seed))?;
        let registrars = RegistrarKeys::fresh(world::registrars(&seed))?;
        let publishers = PublisherKeys::fresh(world::publishers(&seed))?;
        let domain_keys = DomainKeys::fresh()?;
        let mut document =
            world::registry(&seed, &keys.public(), &registrars.public(), &publishers.public())?;
        let signed = descriptors::signed(&document, &keys, domain_keys.release_public())?;
        document.descriptors = signed.documents;
        let registry = Registry::build(&document)?;
        let authorities = Authorities::fresh(&document.organisations, now)?;

        let files = Files(folder.path());
        let text = toml::to_string(&document);
        let form = |why: toml::ser::Error| Error::Form { what: "registry", why: why.to_string() };
        files.write("registry.toml", &text.map_err(form)?)?;
        files.write("policy/samsyn.cedarschema", SCHEMA)?;
        files.write("policy/samsyn.cedar", POLICIES)?;
        nodes::write(&files, nodes, &document, now)?;
        let key_file = format!("{}/keys.json", nodes::data(nodes, 1));
        files.write(&key_file, &domain_keys.file()?)?;
        authorities.write(&files, now)?;
        let server = authorities.server(OPERATOR, now)?;
        files.write("tls/server.pem", &server.certificate_pem)?;
        files.write("tls/server.key", &server.key_pem)?;
        let stage = Self {
            _pointer: pointer,
            folder,
            seed,
            document,
            registry,
            keys,
            registrars,
            publishers,
            descriptors: signed.digests,
            nodes: nodes.to_vec(),
        };
        profiles::write(&stage, &authorities, now)?;
        Ok(stage)
    }

    /// The demo's folder.
    pub(super) fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration of a node.
    pub(super) fn config(&self, node: u64) -> PathBuf {
        self.dir().join(nodes::config_file(&self.nodes, node))
    }

    /// Where the nodes are.
    pub(super) fn nodes(&self) -> &[NodeAt] {
        &self.nodes
    }

    /// The city.
    pub(super) const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// The registry as it is written.
    pub(super) const fn document(&self) -> &Document {
        &self.document
    }

    /// The registry.
    pub(super) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The key with which a party endorses in a role.
    pub(super) fn endorsement_key(&self, party: &PartyId, role: Role) -> Option<[u8; 32]> {
        self.keys.secret(party, role)
    }

    /// The key with which a party signs what it publishes.
    pub(super) fn publisher_key(&self, service: &Service) -> Option<PublisherKey> {
        let publishes = service.roles.contains(&Role::Publisher);
        self.publishers.of(service.parties.first()?).filter(|_| publishes).cloned()
    }

    /// The key with which a service signs changes of the registry, when it is a registrar's.
    fn registry_key(&self, service: &Service) -> Option<[u8; 32]> {
        self.registrars.secret(service)
    }

    /// The profile of a service, as it stands in its folder.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) fn profile(&self, name: &str) -> Result<Profile, BadProfile> {
        Profile::load(&self.dir().join("profiles").join(name))
    }

    /// The names of all profiles, with their services.
    pub(super) fn named(&self) -> Vec<(String, &Service)> {
        profiles::named(&self.document)
    }

    /// The profile of a service with a certificate of the right name by the wrong authority.
    ///
    /// # Errors
    /// When there is no such profile, or no certificate can be made.
    pub(super) fn forged(&self, name: &str, now: Timestamp) -> Result<Profile, Error> {
        let profile = self.profile(name)?;
        let mut all =
            self.document.services.iter().filter(|service| service.id.as_str().ends_with(name));
        let organisation = all.next().and_then(|s| self.registry.organisation(&s.organisation));
        let trust_domain = organisation.map_or("", |o| o.trust_domain.as_str());
        let forged = authorities::forged(trust_domain, name, now)?;
        let (certificate_pem, key_pem) = (forged.certificate_pem, forged.key_pem);
        Ok(Profile { certificate_pem, key_pem, ..profile })
    }

    /// The digest that a partner pins when it is taken on.
    fn pinned(&self) -> Option<commit::hash::Digest> {
        let of = |a: &&samsyn_domain::registry::Agreement| a.area.as_str() == PINNED_AREA;
        let agreement = self.registry.agreements().find(of)?;
        self.descriptors.get(&agreement.id).copied()
    }

    /// Removes everything.
    ///
    /// # Errors
    /// When something of it cannot be removed.
    pub(super) fn remove(self) -> Result<(), Error> {
        match self.folder {
            Folder::Temporary(dir) => {
                let path = dir.path().to_owned();
                dir.close().map_err(|why| Error::Write { path, why })
            }
            Folder::Kept(_) => Ok(()),
        }
    }
}

/// Where the demo's gateway listens: the known port, or any that is free.
///
/// # Errors
/// When no port is to be had.
pub(super) async fn listen() -> io::Result<tokio::net::TcpListener> {
    match tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await,
    }
}

/// Writes files below one folder.
struct Files<'a>(&'a Path);

impl Files<'_> {
    fn folder(&self, name: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        fs::create_dir_all(&path).map_err(|why| Error::Write { path, why })
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.0.join(name);
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        // Keys are among them: all are their owner's alone.
        let mut options = fs::File::options();
        options.create(true).truncate(true).write(true).mode(0o600);
        let written = folder.and_then(|()| options.open(&path)?.write_all(text.as_bytes()));
        written.map_err(|why| Error::Write { path, why })
    }
}

fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}
