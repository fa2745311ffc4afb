//! A gateway of one's own: a folder that `samsyn demo --write` made, served by `samsyn serve`.

use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, wire};
use tempfile::TempDir;

pub(crate) const AREA: &str = "sthlm-skarholmen";
pub(crate) const PARTY: &str = "sdf-skarholmen";
const START_MAX: Duration = Duration::from_secs(60);

/// The built binary.
pub(crate) fn samsyn() -> Command {
    Command::new(env!("CARGO_BIN_EXE_samsyn"))
}

/// A domain on disk, served or not.
pub(crate) struct Domain {
    dir: TempDir,
    port: u16,
    serving: Option<Child>,
}

impl Domain {
    pub(crate) fn written() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let written = samsyn().args(["demo", "--write"]).arg(dir.path()).output().unwrap();
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = port.local_addr().unwrap().port();
        Self { dir, port, serving: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.path().join("config.toml")
    }

    /// Starts the process; it writes its log to a file of the domain's folder.
    pub(crate) fn start(&mut self) {
        self.start_with(&[], &[]);
    }

    /// Starts the process with more arguments and variables.
    pub(crate) fn start_with(&mut self, arguments: &[&str], variables: &[(&str, &str)]) {
        let log = File::options().create(true).append(true).open(self.path().join("serve.log"));
        let serving = samsyn()
            .args(["serve", "--config"])
            .arg(self.config())
            .args(arguments)
            .envs(variables.iter().copied())
            .env("SAMSYN_LISTEN", format!("127.0.0.1:{}", self.port))
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        self.serving = Some(serving);
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            serving.kill().unwrap();
            serving.wait().unwrap();
        }
    }

    /// Sends the process a hangup signal.
    #[cfg(unix)]
    pub(crate) fn hang_up(&self) {
        let id = self.serving.as_ref().expect("it serves").id().to_string();
        assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    pub(crate) fn profile(&self, name: &str) -> Profile {
        let profile = Profile::load(&self.path().join("profiles").join(name)).unwrap();
        Profile { endpoint: format!("https://127.0.0.1:{}", self.port), ..profile }
    }

    /// Connects as soon as the process answers.
    pub(crate) async fn client(&self, name: &str) -> Client {
        let profile = self.profile(name);
        let started = Instant::now();
        loop {
            match Client::connect(&profile).await {
                Ok(client) => return client,
                Err(why) if started.elapsed() > START_MAX => {
                    let log = std::fs::read_to_string(self.path().join("serve.log"));
                    panic!("{why:?}\n{}", log.unwrap_or_default());
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An observation at Skärholmstorget in September 2025.
pub(crate) fn observation(id: &str, severity: u32) -> wire::Observation {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    wire::Observation {
        id: id.to_owned(),
        category: "graffiti".to_owned(),
        location: Some(wire::observation::Location::PlaceId(
            "sthlm-skarholmen/skarholmen-centrum/p1".to_owned(),
        )),
        starts_at: at(1_757_491_200),
        ends_at: at(1_757_494_800),
        count: Some(1),
        severity: Some(severity),
        basis: wire::Basis::Fact.into(),
        source_kind: "field_observation".to_owned(),
        labels: Some(wire::Labels {
            level: 1,
            audience: vec!["signatories".to_owned()],
            purposes: vec!["joint_picture".to_owned()],
            regime: "nonpersonal".to_owned(),
            retain_until: at(1_817_971_200),
            ..wire::Labels::default()
        }),
        ..wire::Observation::default()
    }
}

/// A delta of one observation to the party's own picture.
pub(crate) fn delta(
    party: &str,
    base_version: u64,
    observation: wire::Observation,
) -> wire::PublishPictureRequest {
    wire::PublishPictureRequest {
        context: Some(samsyn_client::write_context("publisher")),
        party: party.to_owned(),
        area: AREA.to_owned(),
        base_version,
        change: Some(wire::publish_picture_request::Change::Delta(wire::PictureDelta {
            upserts: vec![observation],
            ..wire::PictureDelta::default()
        })),
    }
}
