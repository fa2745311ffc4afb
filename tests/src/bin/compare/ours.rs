//! Three nodes of Samsyn, and those who publish to them and read from them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use samsyn_client::{
    Client, Profile, Refused,
    admin::{AddLearnerRequest, PromoteNodeRequest},
    wire,
};
use samsyn_tests::{
    observed::{AREA, observation},
    raw::Failure,
};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::load::Worker;

/// No share of a service stands in the way of what is measured.
const LIMITS: &str = "\n[limits]\nrequests_per_second = 1000000\nrequests_burst = 1000000\n\
    rows_per_second = 100000000\nrows_burst = 100000000\nbytes_per_second = 4000000000\n\
    bytes_burst = 4000000000\n";
const OPERATOR: &str = "drift";
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

/// A cluster that ends with this.
pub(crate) struct Ours {
    dir: TempDir,
    nodes: Vec<Child>,
}

impl Ours {
    /// Three voters, by the binary beside this program.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let mut samsyn = std::env::current_exe()?;
        samsyn.set_file_name("samsyn");
        let dir = tempfile::tempdir()?;
        let mut write = Command::new(&samsyn);
        let written = write.args(["demo", "--nodes", "3", "--write"]).arg(dir.path()).output()?;
        if !written.status.success() {
            return Err(String::from_utf8_lossy(&written.stderr).into());
        }
        let mut this = Self { dir, nodes: Vec::new() };
        for node in 1..=3 {
            let file = this.path().join(format!("node-{node}.toml"));
            let text = fs::read_to_string(&file)?;
            fs::write(&file, format!("{text}{LIMITS}"))?;
        }
        this.serve(&samsyn, 1)?;
        let client = this.client(OPERATOR).await?;
        for node in 2..=3 {
            let table: toml::Table = fs::read_to_string(this.config(node))?.parse()?;
            let listen = table.get("cluster").and_then(|cluster| cluster.get("listen"));
            let address = listen.and_then(toml::Value::as_str).ok_or("no address")?.to_owned();
            client.cluster.clone().add_learner(AddLearnerRequest { node, address }).await?;
            this.serve(&samsyn, node)?;
            while let Err(why) =
                client.cluster.clone().promote_node(PromoteNodeRequest { node }).await
            {
                let why = Refused::from(why);
                if !why.is_retryable() {
                    return Err(why.into());
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(this)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn config(&self, node: u64) -> PathBuf {
        self.path().join(format!("node-{node}.toml"))
    }

    fn serve(&mut self, samsyn: &Path, node: u64) -> Result<(), Failure> {
        let log = File::create(self.path().join(format!("node-{node}.log")))?;
        let mut serve = Command::new(samsyn);
        serve.args(["serve", "--config"]).arg(self.config(node));
        self.nodes.push(serve.stdout(Stdio::null()).stderr(log).spawn()?);
        Ok(())
    }

    fn profile(&self, name: &str) -> Result<Profile, Failure> {
        Ok(Profile::load(&self.path().join("profiles").join(name))?)
    }

    async fn client(&self, name: &str) -> Result<Client, Failure> {
        let profile = self.profile(name)?;
        for _ in 0..200 {
            if let Ok(client) = Client::connect(&profile).await {
                return Ok(client);
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err("the nodes do not answer".into())
    }

    /// So many publishers, each of another own picture, as far as there are so many.
    pub(crate) async fn publishers(&self, count: usize) -> Result<Vec<Publisher>, Failure> {
        let registry: toml::Table =
            fs::read_to_string(self.path().join("registry.toml"))?.parse()?;
        let agreements = registry.get("agreements").and_then(toml::Value::as_array);
        let mut pictures = BTreeSet::new();
        for agreement in agreements.ok_or("no agreements")? {
            let text = |value: &toml::Value, name: &str| {
                value.get(name).and_then(toml::Value::as_str).map(str::to_owned)
            };
            let signatories = agreement.get("signatories").and_then(toml::Value::as_array);
            for signatory in signatories.into_iter().flatten() {
                pictures.extend(text(signatory, "party").zip(text(agreement, "area")));
            }
        }
        let mut publishers = Vec::new();
        for (party, area) in pictures {
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

    /// So many readers of a joint picture with so many findings, all of one signatory.
    pub(crate) async fn readers(
        &self,
        count: usize,
        findings: usize,
    ) -> Result<Vec<Reader>, Failure> {
        let party = "sdf-skarholmen";
        let client = self.client(party).await?;
        let mut publisher = Publisher::new(client, party.to_owned(), AREA.to_owned());
        publisher.fill(findings).await?;
        let mut readers = Vec::new();
        for _ in 0..count {
            readers.push(Reader { client: self.client(party).await? });
        }
        Ok(readers)
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // It may have ended already.
            let _ = node.kill();
            let _ = node.wait();
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
