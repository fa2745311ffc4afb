//! The story, section by section. Whoever acts in it is a client with its own certificate; nothing
//! is read or changed past the gateway.

mod calls;
mod city;
mod desk;
mod disclosures;
mod dispute;
mod edition;
mod endorse;
mod joint;
mod merged;
mod messages;
mod notices;
mod own_pictures;
mod partners;
mod proof;
mod refusal;
mod registrars;
mod resume;
mod statements;
mod suspension;
mod table;

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use samsyn_client::{BadProfile, Client, ConnectError, Refused, verify, wire};
use samsyn_domain::{AreaId, PartyId};

use self::own_pictures::Versions;
use super::{
    cluster::{self, Nodes},
    print::{Checks, Section, rule, tell},
    stage::{self, Stage},
};
use crate::world::Publication;

/// The district that most of the story is of.
const AREA: &str = "sthlm-skarholmen";
/// Its parties: district administration, local police area, education, traffic.
const DISTRICT: &str = "sdf-skarholmen";
const POLICE: &str = "lpo-skarholmen";
const EDUCATION: &str = "sthlm-utbildningsforvaltningen";
const TRAFFIC: &str = "sthlm-trafikkontoret";
/// Partner agencies, as their services and organisations are called.
const PRISON_SERVICE: &str = "kriminalvarden";
const REGION: &str = "region-stockholm";
const FIRE_SERVICE: &str = "raddningstjansten";
const INSURANCE_AGENCY: &str = "forsakringskassan";
/// The period that most of the story is of.
const PERIOD: &str = "2025-09";

/// Why a section cannot go on.
#[derive(Debug, thiserror::Error)]
enum Broken {
    /// The gateway refused what it should not.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// No connection.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// A profile.
    #[error("{0}")]
    Profile(#[from] BadProfile),
    /// The stage.
    #[error("{0}")]
    Stage(#[from] stage::Error),
    /// An edition cannot be answered.
    #[error("{0}")]
    NotEndorsed(#[from] samsyn_client::NotEndorsed),
    /// The registry cannot be changed.
    #[error("{0}")]
    NoChange(#[from] samsyn_client::NoChange),
    /// What the gateway sent does not verify.
    #[error("{0}")]
    Rejected(#[from] verify::Rejected),
    /// The nodes.
    #[error("{0}")]
    Nodes(#[from] cluster::Error),
    /// Something that an earlier section or the gateway should have given.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Nothing came in time.
    #[error("{0} did not come in time")]
    TooLate(&'static str),
    /// A file of the release.
    #[error("{0}")]
    File(String),
}

impl From<tonic::Status> for Broken {
    fn from(status: tonic::Status) -> Self {
        Self::Refused(status.into())
    }
}

/// What the sections hand on to each other.
pub(super) struct Story<'a> {
    stage: &'a Stage,
    at: SocketAddr,
    /// The nodes, where there are several.
    nodes: Option<&'a Nodes>,
    clients: BTreeMap<String, Client>,
    /// The newest version of every own picture.
    versions: Versions,
    /// What was handed in.
    publications: Vec<Publication>,
    /// The edition as it was last seen.
    edition: Option<wire::EditionHeader>,
}

impl fmt::Debug for Story<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "story at {}", self.at)
    }
}

impl<'a> Story<'a> {
    /// A story that begins.
    pub(super) const fn new(stage: &'a Stage, at: SocketAddr, nodes: Option<&'a Nodes>) -> Self {
        Self {
            stage,
            at,
            nodes,
            clients: BTreeMap::new(),
            versions: Versions::new(),
            publications: Vec::new(),
            edition: None,
        }
    }

    /// Tells it all.
    pub(super) async fn tell(mut self) -> Checks {
        let banner = self.stage.seed().banner();
        let line = rule();
        tell(&format!(
            "{line}\n {banner} · real place names, invented figures, no persons\n{line}\n"
        ));
        let mut checks = Checks::default();
        // A macro, because futures of async functions that borrow differ in type.
        macro_rules! section {
            ($number:literal, $title:literal, $module:ident) => {{
                let mut section = Section::new($number, $title);
                let told = Box::pin($module::tell(&mut self, &mut section)).await;
                if let Err(why) = told {
                    section.broke_off(&why);
                }
                let (text, held) = section.end();
                checks += held;
                tell(&text);
            }};
        }
        section!(1, "A city on loopback", city);
        section!(2, "Own pictures come in (egna lägesbilder), weeks 33–40", own_pictures);
        section!(3, "Gemensam lägesbild: Skärholmen, September 2025", joint);
        section!(
            4,
            "Disagreement is settled or kept (samordnare and kommunpolis must act)",
            dispute
        );
        section!(5, "Edition (utgåva) September 2025, strategic track: all four sign", edition);
        section!(6, "Each partner its part", partners);
        section!(7, "Proof without us: Region Stockholm's edition, no connection", proof);
        section!(
            8,
            "A refusal that explains itself: Försäkringskassan asks for criminal milieus",
            refusal
        );
        section!(9, "A question with a deadline, and its answer (begäran om uppgift)", messages);
        section!(10, "Revocation bites", suspension);
        section!(11, "Who received what, on what ground (utlämnanden)", disclosures);
        section!(12, "Trafikkontoret's desk", desk);
        checks
    }

    /// The connection of a service with its own certificate; made at its first use.
    async fn client(&mut self, name: &str) -> Result<Client, Broken> {
        if let Some(client) = self.clients.get(name) {
            return Ok(client.clone());
        }
        let client = Client::connect(&self.stage.profile(name)?).await?;
        self.clients.insert(name.to_owned(), client.clone());
        Ok(client)
    }

    /// The newest version of an own picture.
    fn version(&self, party: &str, area: &str) -> u64 {
        let picture = PartyId::parse(party).ok().zip(AreaId::parse(area).ok());
        picture.and_then(|picture| self.versions.get(&picture).copied()).unwrap_or(0)
    }

    /// Publishes a change of some observations, and keeps the new version.
    async fn change(
        &mut self,
        party: &str,
        area: &str,
        upserts: Vec<wire::Observation>,
    ) -> Result<wire::PublishPictureResponse, Broken> {
        let change = wire::PictureDelta { upserts, ..wire::PictureDelta::default() };
        self.publish(party, area, change).await
    }

    /// Publishes a change of an own picture, and keeps the new version.
    async fn publish(
        &mut self,
        party: &str,
        area: &str,
        change: wire::PictureDelta,
    ) -> Result<wire::PublishPictureResponse, Broken> {
        let base_version = self.version(party, area);
        let client = self.client(party).await?;
        let request = calls::delta(party, area, base_version, change);
        let answer = client.publish(request).await?;
        let picture = PartyId::parse(party).ok().zip(AreaId::parse(area).ok());
        self.versions.extend(picture.map(|picture| (picture, answer.version)));
        Ok(answer)
    }
}
