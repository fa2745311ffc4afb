//! A gateway of one's own: a folder that `samsyn demo --write` made, served by `samsyn serve`.

use std::{
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use samsyn_client::{Client, Profile, wire};
use tempfile::TempDir;

use samsyn_tests::cluster::{Cluster, PATIENCE, Plan};
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

    /// A domain with limits of its own.
    pub(crate) fn limited(limits: &str) -> Self {
        let domain = Self::written();
        let config = fs::read_to_string(domain.config()).unwrap();
        fs::write(domain.config(), format!("{config}\n[limits]\n{limits}\n")).unwrap();
        domain
    }

    /// Changes the registry that founds the domain; before it is started.
    pub(crate) fn edit_registry(&self, edit: impl FnOnce(&str) -> String) {
        let file = self.path().join("registry.toml");
        let text = fs::read_to_string(&file).unwrap();
        let edited = edit(&text);
        assert_ne!(edited, text);
        fs::write(file, edited).unwrap();
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
        self.start_as(samsyn(), arguments, variables);
    }

    /// Starts it where no file may become larger than so many bytes.
    #[cfg(unix)]
    pub(crate) fn start_with_files_of(&mut self, bytes_max: u64) {
        let mut shell = Command::new("sh");
        let limited = "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"";
        // In blocks of 512 bytes (POSIX, `ulimit`).
        let blocks = (bytes_max / 512).to_string();
        shell.args(["-c", limited, "sh", &blocks, env!("CARGO_BIN_EXE_samsyn")]);
        self.start_as(shell, &[], &[]);
    }

    fn start_as(&mut self, mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) {
        let log = File::options().create(true).append(true).open(self.path().join("serve.log"));
        let serving = command
            .args(["serve", "--config"])
            .arg(self.config())
            .args(arguments)
            .envs(variables.iter().copied())
            .env("SAMSYN_LISTEN", format!("127.0.0.1:{}", self.port))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        self.serving = Some(serving);
    }

    /// What the process has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path().join("serve.log")).unwrap()
    }

    /// Whether the process has ended by itself within a while.
    pub(crate) async fn has_ended(&mut self) -> bool {
        let serving = self.serving.as_mut().expect("it serves");
        for _ in 0..100 {
            if serving.try_wait().unwrap().is_some() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            // It may have ended already.
            let _ = serving.kill();
            serving.wait().unwrap();
        }
    }

    /// Closes the standard input of the process.
    pub(crate) fn close_stdin(&mut self) {
        drop(self.serving.as_mut().expect("it serves").stdin.take());
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
                    panic!("{why:?}\n{}", self.log());
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

/// A party's own picture, all pages of it: its version and the ids of its observations.
pub(crate) async fn own_picture(client: &Client, party: &str) -> (u64, Vec<String>) {
    samsyn_tests::observed::own_picture(client, party, AREA).await.unwrap()
}

/// Several nodes of the built binary.
pub(crate) async fn cluster(plan: Plan<'_>) -> Cluster {
    Cluster::start(Path::new(env!("CARGO_BIN_EXE_samsyn")), plan).await.unwrap()
}

/// Several nodes of the built binary on disk, which do not run.
pub(crate) async fn written(plan: Plan<'_>) -> Cluster {
    Cluster::written(Path::new(env!("CARGO_BIN_EXE_samsyn")), plan).await.unwrap()
}

/// Publishes; what may go through later is repeated under its key, beyond what the client itself
/// repeats: a machine that does other work may be slow to elect.
pub(crate) async fn published(
    client: &Client,
    request: &wire::PublishPictureRequest,
) -> wire::PublishPictureResponse {
    let since = Instant::now();
    loop {
        match client.publish(request.clone()).await {
            Ok(answer) => return answer,
            Err(refused) => {
                assert!(refused.is_retryable(), "{refused}");
                assert!(since.elapsed() < PATIENCE, "it was not taken in time: {refused}");
            }
        }
    }
}
