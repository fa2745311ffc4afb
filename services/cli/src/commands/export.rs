//! What `samsyn joint export` and `samsyn edition export` have in common: in which form, and where
//! to.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use samsyn_client::wire::Finding;
use serde_json::{Value, json};

use crate::{
    clock,
    export::{self, Head},
    failure::Failure,
    names::Names,
    output,
    session::Session,
};

#[derive(Debug, clap::Args)]
pub(super) struct To {
    /// In which form.
    #[arg(long, value_enum)]
    format: Form,
    /// The file to write, readable by you alone; it must not be there yet [default: standard
    /// output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Names and points of places, as a registry document [default: that of Stockholm].
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// A feature a finding (RFC 7946).
    Geojson,
    /// A row a finding, a statement or a count (RFC 4180).
    Csv,
}

impl To {
    /// Writes findings. `head` says of which view they are; on what ground they were read is added.
    pub(super) fn write(
        &self,
        session: &Session,
        head: Vec<(&'static str, Value)>,
        findings: &[Finding],
    ) -> Result<(), Failure> {
        let names = Names::of(self.registry.as_deref())?;
        let head = Head([head, ground(session)].concat());
        let text = match self.format {
            Form::Geojson => format!("{:#}\n", export::geojson(&head, findings, &names)),
            Form::Csv => export::csv(&head, findings, &names)?,
        };
        let Some(out) = &self.out else {
            return output::text(&text)
                .map_err(|why| Failure::Local(format!("cannot write the answer: {why}")));
        };
        save(out, &text)?;
        let (file, rows) = (out.display().to_string(), findings.len());
        session.show(
            || json!({ "file": file, "findings": rows }),
            || output::pairs([("wrote", file.clone()), ("findings", rows.to_string())]),
        )
    }
}

/// On what ground, in which role and when the view was read.
fn ground(session: &Session) -> Vec<(&'static str, Value)> {
    let context = session.reads().unwrap_or_default();
    vec![
        ("purpose", context.purpose.into()),
        ("legal_basis", context.legal_basis.into()),
        ("weighing_ref", context.weighing_ref.into()),
        ("actor_role", context.actor_role.into()),
        ("read_at", clock::now().to_string().into()),
    ]
}

/// A new file that nobody else can read. What it holds is not public.
fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let bad = |why| Failure::file("write", path, &why);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(bad)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(bad)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_new_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("view.csv");
        save(&file, "a").unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(save(&file, "b").unwrap_err().number(), 5);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a");
    }
}
