//! `samsyn backup`: a domain is backed up while it runs, and restored into a new cluster.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use samsyn_client::NotBackedUp;
use samsyn_domain::Timestamp;
use samsyn_gateway::{
    Checked,
    backup::{self, BadBackup, Identities, Manifest},
};
use serde_json::json;

use super::serve::overrides;
use crate::{
    clock,
    failure::{Failure, with_causes},
    output,
    session::Globals,
};

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    samsyn backup key --out backup.key\n  \
    samsyn backup create --to /backups/2026-11-28 --as drift\n  \
    samsyn backup verify --from /backups/2026-11-28 --identity backup.key\n  \
    samsyn backup restore --from /backups/2026-11-28 --identity backup.key --config node-4.toml")]
pub(super) enum Command {
    /// Makes a key that opens backups: where no node runs, and kept there.
    #[command(after_help = "Example:\n  samsyn backup key --out backup.key")]
    Key {
        /// The file of the secret key; a new one.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Backs the running domain up into a new folder, sealed by the node that makes it.
    #[command(after_help = "Example:\n  samsyn backup create --to /backups/2026-11-28 --as drift")]
    Create {
        /// The folder; a new one, or an empty one.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
    Verify(Verify),
    Restore(Restore),
}

/// Checks a backup and says what it holds.
///
/// Without a secret key it checks that every file is what was written and that the domain has
/// signed it. With one it opens and reads all of it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn backup verify --from /backups/2026-11-28\n  \
    samsyn backup verify --from /backups/2026-11-28 --identity backup.key")]
pub(super) struct Verify {
    /// The backup's folder.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The file of the secret key.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// The folder of a later backup, whose keys are taken.
    #[arg(long, value_name = "DIR", requires = "identity")]
    keys_from: Option<PathBuf>,
    /// The domain's public key, as it was noted before; another one is refused.
    #[arg(long, value_name = "HEX")]
    signer: Option<String>,
}

/// Restores a backup onto a new node, from which a new cluster begins.
///
/// The data folder of the configuration is empty, and its number is one that no node had. Then
/// `samsyn serve` has the domain go on; further nodes join it as any cluster.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    samsyn backup restore --from /backups/2026-11-28 --identity backup.key --config node-4.toml")]
pub(super) struct Restore {
    #[command(flatten)]
    from: Verify,
    /// The new node's configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Key { out } => key(globals, &out),
        Command::Create { to } => create(globals, &to).await,
        Command::Verify(verify) => {
            let manifest = blocking(move || verified(&verify)).await?;
            shown(globals, "holds", &manifest)
        }
        Command::Restore(Restore { from, config }) => {
            let manifest = blocking(move || restored(&from, &config)).await?;
            shown(globals, "is restored; start it with `samsyn serve`", &manifest)
        }
    }
}

fn key(globals: &Globals, out: &Path) -> Result<(), Failure> {
    let (text, public) = backup::new_identity();
    let file = File::options().write(true).create_new(true).mode(0o600).open(out);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|why| Failure::file("write", out, &why))?;
    let file = out.display().to_string();
    globals.show(
        || json!({ "file": file, "recipient": public }),
        || output::pairs([("wrote", file.clone()), ("recipient", public.clone())]),
    )
}

async fn create(globals: &Globals, to: &Path) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let bar = ProgressBar::no_length().with_style(style());
    let made = session.client.back_up(to, |bytes| bar.set_position(bytes)).await;
    bar.finish_and_clear();
    made?;
    let to = to.to_owned();
    let manifest = blocking(move || Ok(backup::verify(&to)?)).await?;
    shown(globals, "is whole", &manifest)
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{binary_bytes} received, {binary_bytes_per_sec}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn verified(verify: &Verify) -> Result<Manifest, Failure> {
    let Verify { from, identity, keys_from, signer } = verify;
    let manifest = match identity {
        None => backup::verify(from)?,
        Some(file) => backup::examine(from, keys_from.as_deref(), &identities(file)?)?,
    };
    is_signed_by(&manifest, signer.as_deref())?;
    Ok(manifest)
}

fn restored(verify: &Verify, config: &Path) -> Result<Manifest, Failure> {
    let Verify { from, identity, keys_from, signer } = verify;
    let Some(file) = identity else {
        return Err(Failure::Usage("give the file of the secret key, by `--identity`".to_owned()));
    };
    let checked = Checked::load(config, &overrides(std::env::vars())?)?;
    is_signed_by(&backup::verify(from)?, signer.as_deref())?;
    Ok(checked.restore(from, keys_from.as_deref(), &identities(file)?)?)
}

fn is_signed_by(manifest: &Manifest, signer: Option<&str>) -> Result<(), Failure> {
    match signer {
        Some(noted) if noted != manifest.signer => Err(Failure::Unverified(format!(
            "the backup is signed by `{}` and not by `{noted}`; it is not this domain's",
            manifest.signer
        ))),
        Some(_) | None => Ok(()),
    }
}

fn identities(file: &Path) -> Result<Identities, Failure> {
    let text = fs::read_to_string(file).map_err(|why| Failure::file("read", file, &why))?;
    let read = Identities::parse(&text);
    read.map_err(|why| Failure::Local(format!("`{}` does not hold: {why}", file.display())))
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(act).await;
    done.map_err(|why| Failure::Local(format!("the work was cut off: {why}")))?
}

fn shown(globals: &Globals, what: &str, manifest: &Manifest) -> Result<(), Failure> {
    let keys =
        format!("{}{}", manifest.keys_until, if is_past(manifest) { "; IT IS PAST" } else { "" });
    globals.show(
        || json!({ "backup": what, "manifest": manifest }),
        || {
            output::pairs([
                ("backup", what.to_owned()),
                ("domain", manifest.domain.clone()),
                ("position", manifest.position.to_string()),
                ("root", manifest.root.clone()),
                ("rows", manifest.counts.rows.to_string()),
                ("versions", manifest.counts.versions.to_string()),
                ("disclosures", manifest.counts.disclosures.to_string()),
                ("created", manifest.created_at.clone()),
                ("destroy keys by", keys.clone()),
                ("sealed to", manifest.recipients.join(", ")),
                ("signed by", manifest.signer.clone()),
            ])
        },
    )
}

fn is_past(manifest: &Manifest) -> bool {
    let now = Timestamp::from_micros(clock::now().as_microsecond());
    manifest.keys_until < now.to_string()
}

impl From<BadBackup> for Failure {
    fn from(bad: BadBackup) -> Self {
        match &bad {
            BadBackup::Unfinished(_)
            | BadBackup::OtherFormat { .. }
            | BadBackup::NewerLevel { .. }
            | BadBackup::Damaged { .. }
            | BadBackup::OtherKeys(_)
            | BadBackup::OlderKeys { .. } => Self::Unverified(bad.to_string()),
            BadBackup::OtherIdentity { .. }
            | BadBackup::OtherDomain(_)
            | BadBackup::Occupied(_)
            | BadBackup::OldNode(_)
            | BadBackup::Io { .. }
            | BadBackup::Node(_) => Self::Local(with_causes(&bad)),
        }
    }
}

impl From<NotBackedUp> for Failure {
    fn from(not: NotBackedUp) -> Self {
        match not {
            NotBackedUp::Refused(refused) => refused.into(),
            NotBackedUp::Unsound(_) => Self::Unverified(not.to_string()),
            NotBackedUp::Occupied(_) | NotBackedUp::Io { .. } => Self::Local(with_causes(&not)),
        }
    }
}
