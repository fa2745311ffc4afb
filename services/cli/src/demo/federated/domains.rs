//! The four domains: each with its own root of trust, registry and folder, and a gateway of its own
//! in this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use samsyn_client::{BadProfile, Client, ConnectError, Profile};
use samsyn_domain::{
    FunctionId, KeyId, LegalBasisId, OrganisationId, PurposeId, ServiceId, Timestamp,
    registry::{Document, Entry, Function, LegalBasis, Organisation, RegistryKey, Role, Service},
};
use time::Duration;
use tokio::net::TcpListener;

use super::area;
use crate::{
    demo::{
        clock::date_time,
        gateway::{self, Gateway},
    },
    pki::{self, Authority, Revoked},
};

/// A demo is over within days.
const VALIDITY: Duration = Duration::days(30);
/// The federation that all of them are in.
pub(super) const FEDERATION: &str = "samsyn-demo";
/// For what messages are given, and on what ground.
pub(super) const PURPOSE: &str = "joint_picture";
pub(super) const BASIS: &str = "osl_6_5";
/// Who sends and reads, who signs changes, who runs the domain.
const DESK: &str = "handlaggning";
const REGISTRAR: &str = "registrar";
const OPERATOR: &str = "drift";

const SCHEMA: &str = include_str!("../../../../../config/policy/samsyn.cedarschema");
const POLICIES: &str = include_str!("../../../../../config/policy/samsyn.cedar");

/// Why a domain cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(in crate::demo) enum Error {
    /// A file of the demo.
    #[error("cannot write `{}`; free some space or set TMPDIR to another folder", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        why: io::Error,
    },
    /// No port.
    #[error("cannot listen on 127.0.0.1; see that the loopback interface is up")]
    Listen(#[source] io::Error),
    /// A certificate.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// A profile.
    #[error(transparent)]
    Profile(#[from] BadProfile),
    /// The gateway.
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The city.
    #[error(transparent)]
    World(#[from] crate::world::Error),
    /// What the demo itself is made of.
    #[error("the demo's {0} does not hold; report it")]
    Own(&'static str),
}

/// Who a domain is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    /// The domain's name.
    pub(super) domain: &'static str,
    /// As it is called in the story.
    pub(super) name: &'static str,
    /// Its organisation, by id.
    pub(super) organisation: &'static str,
    /// By name.
    pub(super) title: &'static str,
    /// By number.
    pub(super) orgnr: &'static str,
    /// The function that messages are addressed to.
    function: &'static str,
    /// By name.
    pub(super) function_title: &'static str,
    /// Its party to the agreement over the area, where it has one.
    pub(super) party: &'static str,
    /// In which role that endorses.
    pub(super) endorses: Role,
}

pub(super) const CITY: Who = Who {
    domain: "stockholm.example",
    name: "city",
    organisation: "stockholms-stad",
    title: "Stockholms stad",
    orgnr: "2120000142",
    function: "trygghet-skarholmen",
    function_title: "trygghetssamordnare, Skärholmen",
    party: "sdf-skarholmen",
    endorses: Role::Coordinator,
};
pub(super) const POLICE: Who = Who {
    domain: "polisen.example",
    name: "police",
    organisation: "polismyndigheten",
    title: "Polismyndigheten",
    orgnr: "2021000076",
    function: "kommunpolis-skarholmen",
    function_title: "kommunpolis, Skärholmen",
    party: "lpo-skarholmen",
    endorses: Role::Kommunpolis,
};
pub(super) const REGION: Who = Who {
    domain: "regionstockholm.example",
    name: "region",
    organisation: "region-stockholm",
    title: "Region Stockholm",
    orgnr: "2321000016",
    function: "trafikforvaltningen-trygghet",
    function_title: "trygghet, trafikförvaltningen",
    party: "",
    endorses: Role::Endorser,
};
pub(super) const PRISON: Who = Who {
    domain: "kriminalvarden.example",
    name: "prison service",
    organisation: "kriminalvarden",
    title: "Kriminalvården",
    orgnr: "2021000225",
    function: "frivarden-stockholm-syd",
    function_title: "frivården, Stockholm syd",
    party: "",
    endorses: Role::Endorser,
};

impl Who {
    /// The address of its function.
    pub(super) fn address(self) -> String {
        format!("{}/{}", self.orgnr, self.function)
    }

    /// The service that sends, reads and publishes.
    pub(super) fn desk(self) -> Result<ServiceId, Error> {
        self.service(DESK)
    }

    fn service(self, name: &str) -> Result<ServiceId, Error> {
        ServiceId::parse(&format!("{}/{name}", self.organisation))
            .map_err(|_| Error::Own("service"))
    }

    fn document(self, registrar: &SigningKey) -> Result<Document, Error> {
        let own = |_| Error::Own("registry");
        let organisation = OrganisationId::parse(self.organisation).map_err(own)?;
        let service = |name: &str, roles: &[Role]| {
            Ok::<_, Error>(Service {
                id: self.service(name)?,
                organisation: organisation.clone(),
                parties: BTreeSet::new(),
                roles: roles.iter().copied().collect(),
                suspended: false,
            })
        };
        let mut document = Document::default();
        "demo".clone_into(&mut document.lists.edition);
        document.lists.retention_days_max = 730;
        document.lists.purposes = vec![Entry {
            id: PurposeId::parse(PURPOSE).map_err(own)?,
            sv: "Gemensam lägesbild".to_owned(),
            en: "Joint picture".to_owned(),
        }];
        document.lists.legal_bases = vec![LegalBasis {
            id: LegalBasisId::parse(BASIS).map_err(own)?,
            sv: "Offentlighets- och sekretesslagen 6 kap. 5 §".to_owned(),
            en: "Public Access to Information and Secrecy Act, 6:5".to_owned(),
            needs_weighing: false,
        }];
        document.services = vec![
            service(DESK, &[Role::Reader])?,
            service(REGISTRAR, &[Role::Registrar])?,
            service(OPERATOR, &[Role::Operator, Role::Auditor])?,
        ];
        document.registry_keys = vec![RegistryKey {
            id: KeyId::parse(&format!("{}-registrar", self.organisation)).map_err(own)?,
            organisation: organisation.clone(),
            public_key: hex::encode(registrar.verifying_key().to_bytes()),
        }];
        document.functions = vec![Function {
            id: FunctionId::parse(&self.address()).map_err(own)?,
            organisation: organisation.clone(),
            name: self.function_title.to_owned(),
            services: BTreeSet::from([self.service(DESK)?]),
        }];
        document.organisations = vec![Organisation {
            id: organisation,
            name: self.title.to_owned(),
            orgnr: self.orgnr.to_owned(),
            trust_domain: format!("tjanster.{}", self.domain),
            clearance: 3,
        }];
        area::register(self, &mut document)?;
        Ok(document)
    }
}

/// A domain that runs, and the clients of its organisation.
pub(super) struct Domain {
    pub(super) who: Who,
    /// Sends and reads for the function.
    pub(super) desk: Client,
    /// Signs changes of the registry.
    pub(super) registrar: Client,
    /// Looks after the domain.
    pub(super) operator: Client,
    dir: PathBuf,
    authority: Authority,
    serial: String,
    gateway: Gateway,
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "domain {}", self.who.domain)
    }
}

impl Domain {
    /// Founds a domain in a folder of its own. Others reach its links at `reached`, which is given
    /// where it listens for them; `lists` are the files of others' revocation lists.
    ///
    /// # Errors
    /// When a file cannot be written or the gateway does not start.
    pub(super) async fn found(
        who: Who,
        folder: &Path,
        (links, reached): (SocketAddr, SocketAddr),
        (own, lists): (Authority, &[PathBuf]),
        now: Timestamp,
    ) -> Result<Self, Error> {
        let dir = folder.join(who.domain);
        let files = Files(&dir);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)?;
        let clients = listener.local_addr().map_err(Error::Listen)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| Error::Own("randomness"))?;
        let registrar = SigningKey::from_bytes(&seed);
        let document = who.document(&registrar)?;
        let text = toml::to_string(&document).map_err(|_| Error::Own("registry"))?;
        files.write("registry.toml", &text)?;
        files.write("policy/samsyn.cedarschema", SCHEMA)?;
        files.write("policy/samsyn.cedar", POLICIES)?;
        let services = authority(&format!("tjanster.{}", who.domain), "services", now)?;
        files.write("services/ca.pem", services.certificate_pem())?;
        files.write("services/ca.crl.pem", &services.crl(&[], date_time(now))?)?;
        let (dns, ips) = (["localhost".to_owned()], [Ipv4Addr::LOCALHOST.into()]);
        let uri = format!("spiffe://tjanster.{}/node/1", who.domain);
        let server = services.issue_server(&dns, &ips, &uri, date_time(now))?;
        files.write("tls/server.pem", server.certificate_pem())?;
        files.write("tls/server.key", server.key_pem())?;
        let serial = certify(&files, &own, now)?;
        files.write("config.toml", &config(who, (clients, links, reached), lists))?;
        let gateway = Gateway::start(&dir.join("config.toml"), listener).await?;
        let mut endorses = BTreeMap::new();
        if !who.party.is_empty() {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed).map_err(|_| Error::Own("randomness"))?;
            endorses.insert(who.endorses, seed);
        }
        let profile = |name: &str, key: Option<[u8; 32]>| {
            let issued = services.issue_service(name, date_time(now))?;
            Ok::<_, Error>(Profile {
                endpoint: format!("https://{clients}"),
                others: Vec::new(),
                ca_pem: services.certificate_pem().to_owned(),
                certificate_pem: issued.certificate_pem().to_owned(),
                key_pem: issued.key_pem().to_owned(),
                purpose: PURPOSE.to_owned(),
                legal_basis: BASIS.to_owned(),
                weighing_ref: String::new(),
                party: if name == DESK { who.party.to_owned() } else { String::new() },
                function: if name == DESK { who.address() } else { String::new() },
                descriptor: String::new(),
                endorsement_keys: if name == DESK { endorses.clone() } else { BTreeMap::new() },
                registry_key: key,
                publisher_key: None,
            })
        };
        let desk = profile(DESK, None)?;
        let signs = profile(REGISTRAR, Some(seed))?;
        let operates = profile(OPERATOR, None)?;
        for (name, profile) in [(DESK, &desk), (REGISTRAR, &signs), (OPERATOR, &operates)] {
            profile.save(&dir.join("profiles").join(name))?;
        }
        Ok(Self {
            who,
            desk: Client::connect(&desk).await?,
            registrar: Client::connect(&signs).await?,
            operator: Client::connect(&operates).await?,
            dir,
            authority: own,
            serial,
            gateway,
        })
    }

    /// Where its files are.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Revokes the certificate of its links: others see it in the list.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn revoke(&self, now: Timestamp) -> Result<(), Error> {
        let revoked = [Revoked { serial: self.serial.clone(), at: date_time(now) }];
        let list = self.authority.crl(&revoked, date_time(now))?;
        Files(&self.dir).write("link/ca.crl.pem", &list)
    }

    /// Issues another one; the gateway takes it up by itself.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn certify_anew(&mut self, now: Timestamp) -> Result<(), Error> {
        self.serial = certify(&Files(&self.dir), &self.authority, now)?;
        Ok(())
    }

    /// Lets it drain and end.
    ///
    /// # Errors
    /// When it had failed.
    pub(super) async fn stop(self) -> Result<(), Error> {
        Ok(self.gateway.stop().await?)
    }
}

/// Where a domain's revocation list of links stands.
pub(super) fn list_of(folder: &Path, who: Who) -> PathBuf {
    folder.join(who.domain).join("link/ca.crl.pem")
}

/// Puts an authority for links into a domain's folder, with an empty list: others' configurations
/// name it before the domain is founded.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn empty_list(folder: &Path, who: Who, now: Timestamp) -> Result<Authority, Error> {
    let authority = authority(who.domain, "links", now)?;
    let files = folder.join(who.domain);
    Files(&files).write("link/ca.pem", authority.certificate_pem())?;
    Files(&files).write("link/ca.crl.pem", &authority.crl(&[], date_time(now))?)?;
    Ok(authority)
}

/// An address that is free.
///
/// # Errors
/// When no port is to be had.
pub(super) async fn free() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::Listen)?;
    listener.local_addr().map_err(Error::Listen)
}

fn authority(trust_domain: &str, of: &str, now: Timestamp) -> Result<Authority, Error> {
    let name = format!("{trust_domain} demo {of}");
    Ok(Authority::create(trust_domain, &name, VALIDITY, date_time(now))?)
}

/// A certificate for links; gives its serial number.
fn certify(files: &Files<'_>, authority: &Authority, now: Timestamp) -> Result<String, Error> {
    let (dns, ips) = (["localhost".to_owned()], [Ipv4Addr::LOCALHOST.into()]);
    let issued = authority.issue_link(&dns, &ips, "gateway", date_time(now))?;
    files.write("link/link.key", issued.key_pem())?;
    files.write("link/link.pem", issued.certificate_pem())?;
    Ok(issued.serial().to_owned())
}

fn config(
    who: Who,
    (clients, links, reached): (SocketAddr, SocketAddr, SocketAddr),
    lists: &[PathBuf],
) -> String {
    let lists: Vec<String> = lists.iter().map(|list| format!("\"{}\"", list.display())).collect();
    format!(
        "mode = \"demo\"\ndomain = \"{}\"\nlisten = \"{clients}\"\ndata = \"data\"\n\
         registry = \"registry.toml\"\npolicy = \"policy\"\n\n\
         [tls]\nchain = \"tls/server.pem\"\nkey = \"tls/server.key\"\n\n\
         [link]\nfederation = \"{FEDERATION}\"\nlisten = \"{links}\"\naddress = \"{reached}\"\n\
         chain = \"link/link.pem\"\nkey = \"link/link.key\"\nauthority = \"link/ca.pem\"\n\
         lists = [{}]\n\n\
         [[anchors]]\norganisation = \"{}\"\nbundle = \"services/ca.pem\"\n\
         crl = \"services/ca.crl.pem\"\n",
        who.domain,
        lists.join(", "),
        who.organisation,
    )
}

/// Writes files below one folder.
struct Files<'a>(&'a Path);

impl Files<'_> {
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
