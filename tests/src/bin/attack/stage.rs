//! The gateway that is attacked: the real binary over a domain of its own.

use std::{
    env,
    fs::{self, File},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber,
};
use samsyn_tests::raw::Failure;
use tempfile::TempDir;
use time::OffsetDateTime;

use crate::waves::{Tally, Wave};

/// Whose authority the attacker has got hold of.
const BREACHED: &str = "region-stockholm";
/// Whose name it forges.
pub(crate) const FORGED: &str = "spiffe://polismyndigheten.example/svc/lpo-skarholmen";
/// How long a wave may take beyond its time.
const GRACE: Duration = Duration::from_secs(60);

/// A gateway that serves, and ends with this.
pub(crate) struct Stage {
    dir: TempDir,
    samsyn: PathBuf,
    port: u16,
    serving: Child,
}

impl Stage {
    /// Makes a domain with these limits, puts a breached authority into it, and serves it.
    pub(crate) fn open(samsyn: Option<PathBuf>, limits: &str) -> Result<Self, Failure> {
        let beside = || {
            let mut beside = env::current_exe()?;
            beside.set_file_name("samsyn");
            Ok::<_, Failure>(beside)
        };
        let samsyn = samsyn.map_or_else(beside, Ok)?;
        if !samsyn.is_file() {
            let at = samsyn.display();
            return Err(format!("there is no `{at}`; build it with `cargo build --release`").into());
        }
        let dir = tempfile::tempdir()?;
        let written = Command::new(&samsyn).args(["demo", "--write"]).arg(dir.path()).output()?;
        if !written.status.success() {
            return Err(String::from_utf8_lossy(&written.stderr).into());
        }
        breach(dir.path())?;
        let config = dir.path().join("config.toml");
        let written = fs::read_to_string(&config)?;
        fs::write(config, format!("{written}\n[limits]\n{limits}"))?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let serving = serve(&samsyn, dir.path(), port)?;
        Ok(Self { dir, samsyn, port, serving })
    }

    /// Ends it as a power cut would, and serves the same again.
    pub(crate) fn restart(&mut self) -> Result<(), Failure> {
        self.serving.kill()?;
        self.serving.wait()?;
        self.serving = serve(&self.samsyn, self.dir.path(), self.port)?;
        Ok(())
    }

    /// The domain's folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// What is attacked.
    pub(crate) fn binary(&self) -> &Path {
        &self.samsyn
    }

    /// The memory that the gateway holds, in MiB.
    pub(crate) fn memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.serving.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
        Ok(kib.parse::<u64>()? / 1024)
    }

    /// The processor time that the gateway has used, in hundredths of a second.
    pub(crate) fn ticks(&self) -> Result<u64, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.serving.id()))?;
        let fields: Vec<&str> =
            stat.rsplit(')').next().ok_or("no stat")?.split_whitespace().collect();
        let ticks = |at: usize| -> Result<u64, Failure> {
            Ok(fields.get(at).ok_or("no time in stat")?.parse()?)
        };
        // In user mode and in the system's (proc_pid_stat(5), fields 14 and 15).
        Ok(ticks(11)? + ticks(12)?)
    }

    /// What it has logged at the level of errors.
    pub(crate) fn errors(&self) -> Result<Vec<String>, Failure> {
        let log = fs::read_to_string(self.path().join("serve.log"))?;
        let told = log.lines().filter(|line| line.contains("ERROR") || line.contains("panicked"));
        Ok(told.map(str::to_owned).collect())
    }

    /// How many lines it has logged.
    pub(crate) fn lines(&self) -> Result<usize, Failure> {
        Ok(fs::read_to_string(self.path().join("serve.log"))?.lines().count())
    }

    /// Runs a wave in a process of the lowest priority.
    pub(crate) async fn run(&self, wave: &Wave, seconds: Duration) -> Result<Tally, Failure> {
        let mut command = Command::new("nice");
        command
            .args(["-n", "19"])
            .arg(env::current_exe()?)
            .args(["wave", wave.name, "--seconds", &seconds.as_secs().to_string()])
            .args(["--port", &self.port.to_string(), "--domain"])
            .arg(self.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        let child = command.spawn()?;
        let waited = tokio::task::spawn_blocking(move || child.wait_with_output());
        let output = tokio::time::timeout(seconds + GRACE, waited).await???;
        if !output.status.success() {
            return Err(format!("wave `{}` broke off", wave.name).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn serve(samsyn: &Path, domain: &Path, port: u16) -> Result<Child, Failure> {
    let log = File::options().create(true).append(true).open(domain.join("serve.log"))?;
    Ok(Command::new(samsyn)
        .args(["serve", "--config"])
        .arg(domain.join("config.toml"))
        .env("SAMSYN_LISTEN", format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

/// Puts an authority whose key the attacker has in the place of an organisation's own, and issues
/// what it can be misused for.
fn breach(domain: &Path) -> Result<(), Failure> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "breached");
    let key = KeyPair::generate()?;
    let bundle = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let now = OffsetDateTime::now_utc();
    let list = CertificateRevocationListParams {
        this_update: now - time::Duration::days(1),
        next_update: now + time::Duration::days(30),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    fs::write(domain.join(format!("anchors/{BREACHED}.pem")), bundle)?;
    let list = list.signed_by(&issuer)?.pem()?;
    fs::write(domain.join(format!("anchors/{BREACHED}.crl.pem")), list)?;
    let own = format!("spiffe://{BREACHED}.example/svc/{BREACHED}");
    for (name, uri) in [("forged", FORGED), ("nobody", &own.replace("/svc/", "/svc/nobody-"))] {
        let mut params = CertificateParams::new(Vec::new())?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &issuer)?;
        fs::write(domain.join(format!("{name}.pem")), certificate.pem())?;
        fs::write(domain.join(format!("{name}.key")), key.serialize_pem())?;
    }
    Ok(())
}
