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

pub(crate) use samsyn_tests::observed::{AREA, PARTY, observation};

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
        let log = File::options().create(true).append(true).open(self.path().join("serve.log"));
        let serving = samsyn()
            .args(["serve", "--config"])
            .arg(self.config())
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

/// A delta of one observation to the party's own picture.
pub(crate) fn delta(
    party: &str,
    base_version: u64,
    observation: wire::Observation,
) -> wire::PublishPictureRequest {
    samsyn_tests::observed::delta(party, base_version, vec![observation])
}
