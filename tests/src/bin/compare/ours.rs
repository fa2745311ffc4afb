//! Three nodes of Samsyn, and those who publish to them and read from them.

use std::path::Path;

use samsyn_client::{
    Client, Profile, Watch,
    wire::{self, event::What},
};
use samsyn_tests::{
    cluster::{Cluster, Plan},
    observed::{AREA, observation},
    raw::Failure,
};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use crate::{empty::Asker, fanout::Watcher, load::Worker};

/// No share of a service stands in the way of what is measured.
const LIMITS: &str = "[limits]\nrequests_per_second = 1000000\nrequests_burst = 1000000\n\
    rows_per_second = 100000000\nrows_burst = 100000000\nbytes_per_second = 4000000000\n\
    bytes_burst = 4000000000\nconnections = 5000\nconnections_per_source = 5000\n\
    connections_per_service = 5000\nstreams = 5000\nstreams_per_service = 5000\n\
    handshakes_per_source = 256\n";
/// With its note, its labels and its signature a publication is about 1 KiB.
const NOTE: &str = "Nedskräpning och klotter vid torget, anmält av driften. ";
const NOTE_TIMES: usize = 4;

/// What is observed, and where: each kind at each place is a finding of its own.
const KINDS: [&str; 10] = [
    "drug_use_traces",
    "criminal_gathering",
    "youth_gathering",
    "vandalism",
    "graffiti",
    "alcohol_disorder",
    "noise_disturbance",
    "e_scooter_obstruction",
    "reckless_driving",
    "littering",
];
const PLACES: [&str; 10] = [
    "skarholmen-centrum/p1",
    "skarholmen-centrum/p2",
    "varberg/p1",
    "varberg/p2",
    "satra/p1",
    "satra/p2",
    "bredang/p1",
    "bredang/p2",
    "satraskogen/p1",
    "satraskogen/p2",
];

/// Whose picture has many findings.
pub(crate) const FILLER: &str = "sdf-skarholmen";

/// A cluster that ends with this.
pub(crate) struct Ours(Cluster);

impl Ours {
    /// Three voters, by the binary beside this program.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let mut samsyn = std::env::current_exe()?;
        samsyn.set_file_name("samsyn");
        let plan = Plan { settings: LIMITS, ..Plan::default() };
        Ok(Self(Cluster::start(&samsyn, plan).await?))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The profile of a service, at the first node.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, Failure> {
        self.0.profile(1, name)
    }

    pub(crate) async fn client(&self, name: &str) -> Result<Client, Failure> {
        Ok(Client::connect(&self.0.whole(1, name)?).await?)
    }

    /// So many publishers, each of another own picture, as far as there are so many.
    pub(crate) async fn publishers(&self, count: usize) -> Result<Vec<Publisher>, Failure> {
        let mut publishers = Vec::new();
        for (party, area) in self.0.pictures()? {
            let mut publisher = Publisher::new(self.client(&party).await?, party, area);
            // A party that answers for a part of an area alone says nothing of the whole.
            if publishers.len() == count {
                break;
            }
            publisher.catch_up().await?;
            if publisher.once().await.is_ok() {
                publishers.push(publisher);
            }
        }
        Ok(publishers)
    }

    /// A publisher of a picture with so many findings at least.
    pub(crate) async fn filled(&self, findings: usize) -> Result<Publisher, Failure> {
        let client = self.client(FILLER).await?;
        let mut publisher = Publisher::new(client, FILLER.to_owned(), AREA.to_owned());
        publisher.fill(findings).await?;
        Ok(publisher)
    }

    /// So many readers of a joint picture with so many findings, all of one signatory.
    pub(crate) async fn readers(
        &self,
        count: usize,
        findings: usize,
    ) -> Result<Vec<Reader>, Failure> {
        self.filled(findings).await?;
        let mut readers = Vec::new();
        for _ in 0..count {
            readers.push(Reader { client: self.client(FILLER).await? });
        }
        Ok(readers)
    }
}

/// Who watches: two signatories, each in its own view.
const WATCHERS: [&str; 2] = ["lpo-skarholmen", FILLER];

impl Ours {
    /// So many who ask for nothing.
    pub(crate) async fn askers(&self, count: usize) -> Result<Vec<Asker>, Failure> {
        let profile = self.0.profile(1, FILLER)?;
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&profile.ca_pem))
            .identity(Identity::from_pem(&profile.certificate_pem, &profile.key_pem));
        let mut askers = Vec::new();
        for _ in 0..count {
            let endpoint = Endpoint::from_shared(profile.endpoint.clone())?;
            askers.push(Asker::new(endpoint.tls_config(tls.clone())?.connect().await?));
        }
        Ok(askers)
    }

    /// So many who watch the joint picture of an area, month by month.
    pub(crate) fn watchers(&self, count: usize) -> Result<Vec<Follower>, Failure> {
        let scope = wire::Scope {
            areas: vec![AREA.to_owned()],
            period_kinds: vec!["month".to_owned()],
            ..wire::Scope::default()
        };
        let watcher = |name: &&str| {
            let profile = self.0.profile(1, name)?;
            let watch = Watch::new(&profile, scope.clone(), String::new());
            Ok(Follower { watch, reached: None })
        };
        WATCHERS.iter().cycle().take(count).map(watcher).collect()
    }

    /// How much memory the first node takes, in KiB.
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        self.0.memory(1)
    }
}

/// One that watches.
pub(crate) struct Follower {
    watch: Watch,
    /// The revision that it was told of last; none before its stream is open.
    reached: Option<u64>,
}

impl Watcher for Follower {
    async fn told(&mut self) -> Result<(), Failure> {
        loop {
            let event = self.watch.next().await?;
            // The snapshot of the one month is told of at its end; then each revision once.
            let is_told = match event.what {
                Some(What::SnapshotEnds(_)) => true,
                Some(What::Finding(_)) => self.reached.is_some_and(|last| last < event.revision),
                _ => false,
            };
            if is_told {
                self.reached = Some(event.revision);
                return Ok(());
            }
        }
    }
}

/// A party that publishes a change of one observation after the other.
pub(crate) struct Publisher {
    client: Client,
    party: String,
    area: String,
    version: u64,
}

impl Publisher {
    const fn new(client: Client, party: String, area: String) -> Self {
        Self { client, party, area, version: 0 }
    }

    fn request(&self, upserts: Vec<wire::Observation>) -> wire::PublishPictureRequest {
        let delta = wire::PictureDelta { upserts, ..wire::PictureDelta::default() };
        wire::PublishPictureRequest {
            context: Some(samsyn_client::write_context("publisher")),
            party: self.party.clone(),
            area: self.area.clone(),
            base_version: self.version,
            manifest: None,
            change: Some(wire::publish_picture_request::Change::Delta(delta)),
        }
    }

    /// Learns the version of its picture.
    async fn catch_up(&mut self) -> Result<(), Failure> {
        let request = wire::GetPictureRequest {
            context: Some(self.client.profile().read_context()),
            party: self.party.clone(),
            area: self.area.clone(),
            ..wire::GetPictureRequest::default()
        };
        let picture = self.client.pictures.clone().get_picture(request).await?.into_inner();
        self.version = picture.version;
        Ok(())
    }

    /// Has so many findings, each of another kind or at another place.
    async fn fill(&mut self, findings: usize) -> Result<(), Failure> {
        self.catch_up().await?;
        let kinds = KINDS.iter().cycle();
        let made = (0..findings).zip(kinds).filter_map(|(number, kind)| {
            let place = PLACES.get(number / KINDS.len() % PLACES.len())?;
            let location = wire::observation::Location::PlaceId(format!("{AREA}/{place}"));
            Some(wire::Observation {
                category: (*kind).to_owned(),
                location: Some(location),
                ..observation(&format!("F-{number}"), 2)
            })
        });
        let request = self.request(made.collect());
        self.version = self.client.publish(request).await?.version;
        Ok(())
    }
}

impl Worker for Publisher {
    async fn once(&mut self) -> Result<(), Failure> {
        let severity = u32::try_from(self.version % 4)? + 1;
        let changed = wire::Observation {
            location: Some(wire::observation::Location::AreaId(self.area.clone())),
            note: NOTE.repeat(NOTE_TIMES),
            ..observation("L-1", severity)
        };
        let request = self.request(vec![changed]);
        self.version = self.client.publish(request).await?.version;
        Ok(())
    }
}

/// A signatory that reads the joint picture.
pub(crate) struct Reader {
    client: Client,
}

impl Worker for Reader {
    async fn once(&mut self) -> Result<(), Failure> {
        let request = wire::GetJointPictureRequest {
            context: Some(self.client.profile().read_context()),
            area: AREA.to_owned(),
            period: Some(wire::Period { code: "2025-09".to_owned() }),
            ..wire::GetJointPictureRequest::default()
        };
        self.client.joint.clone().get_joint_picture(request).await?;
        Ok(())
    }
}
