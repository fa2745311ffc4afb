//! `samsyn joint watch` and `samsyn partner watch`: follows the caller's view as it changes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use samsyn_client::{
    Watch,
    wire::{AcknowledgeEventsRequest, Event, Scope, event::What},
};
use samsyn_domain::registry::Role;

use super::{super::tables, table};
use crate::{
    failure::Failure,
    json,
    names::Names,
    output::{self, Format},
    session::{Globals, Session, answer},
};

/// Follows what happens, and goes on by itself after a cut.
///
/// A snapshot comes first, then every change. After a cut it goes on where it was: nothing is lost
/// and nothing comes twice. With `--output json`, one event a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn joint watch --area sthlm-skarholmen --as sdf-skarholmen\n  \
    samsyn partner watch --cursor-file at.cursor --acknowledge --as region-stockholm")]
pub(in crate::commands) struct Args {
    #[command(flatten)]
    scope: Of,
    #[command(flatten)]
    since: Since,
    /// Tells the gateway what is stored: your record of receipt.
    #[arg(long)]
    acknowledge: bool,
    /// Ends after so many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// Where a subscription goes on from.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::commands) struct Since {
    /// Goes on from here [default: a snapshot first].
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Goes on from what this file holds, and keeps it up to date.
    #[arg(long, value_name = "FILE", conflicts_with = "cursor")]
    cursor_file: Option<PathBuf>,
}

impl Since {
    /// The cursor given or stored; empty when there is none.
    pub(in crate::commands) fn cursor(&self) -> Result<String, Failure> {
        let stored = self.cursor_file.as_deref().map(stored).transpose()?.flatten();
        Ok(self.cursor.clone().or(stored).unwrap_or_default())
    }

    /// Stores where to go on from, when a file was named; whether one was.
    pub(in crate::commands) fn keep(&self, cursor: &str) -> Result<bool, Failure> {
        let Some(file) = &self.cursor_file else { return Ok(false) };
        store(file, cursor).map_err(|why| Failure::file("write", file, &why))?;
        Ok(true)
    }
}

/// Of what; wider than your rights is refused.
#[derive(Debug, Clone, Default, clap::Args)]
pub(in crate::commands) struct Of {
    /// Of this area; may be repeated [default: all that you have].
    #[arg(long, value_name = "ID")]
    area: Vec<String>,
    /// Of this priority area; may be repeated [default: all that you have].
    #[arg(long, value_name = "ID")]
    priority: Vec<String>,
    /// Of periods of this kind: week, month, quarter, year; may be repeated.
    #[arg(long, value_name = "KIND")]
    period_kind: Vec<String>,
}

impl From<Of> for Scope {
    fn from(of: Of) -> Self {
        Self { areas: of.area, priorities: of.priority, period_kinds: of.period_kind }
    }
}

pub(in crate::commands) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let role = session.role(&Role::ALL).await?;
    let cursor = args.since.cursor()?;
    let mut watch = Watch::new(session.profile(), args.scope.clone().into(), cursor);
    let names = Names::shipped();
    let (mut seen, mut within_snapshot) = (0_u64, false);
    while args.count.is_none_or(|count| seen < count) {
        let event = tokio::select! {
            event = watch.next() => event?,
            _ = tokio::signal::ctrl_c() => break,
        };
        show(&event, globals.output(), &names)?;
        args.since.keep(watch.cursor())?;
        within_snapshot = match &event.what {
            Some(What::SnapshotBegins(_)) => true,
            Some(What::SnapshotEnds(_)) => false,
            Some(_) | None => within_snapshot,
        };
        if args.acknowledge && !within_snapshot {
            acknowledge(&session, role, watch.cursor()).await?;
        }
        seen = seen.saturating_add(1);
    }
    if args.since.cursor_file.is_none() && !watch.cursor().is_empty() {
        eprintln!("go on with --cursor {}", watch.cursor());
    }
    Ok(())
}

/// Writes one event.
pub(in crate::commands) fn show(
    event: &Event,
    format: Format,
    names: &Names,
) -> Result<(), Failure> {
    let shown = match format {
        Format::Json => output::json_line(&json::event(event)),
        Format::Table => output::text(&format!("{}\n", line(event, names))),
    };
    shown.map_err(|why| Failure::Local(format!("cannot write the answer: {why}")))
}

/// Tells the gateway that all up to a cursor is stored.
pub(in crate::commands) async fn acknowledge(
    session: &Session,
    role: Role,
    cursor: &str,
) -> Result<(), Failure> {
    let request =
        AcknowledgeEventsRequest { context: session.writes(role), cursor: cursor.to_owned() };
    answer(session.client.joint.clone().acknowledge_events(request)).await.map(drop)
}

/// The cursor in a file; none when there is no such file.
fn stored(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().to_owned()).filter(|cursor| !cursor.is_empty())),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(Failure::file("read", file, &why)),
    }
}

/// Replaces the cursor in a file; a crash leaves the old one or the new one.
fn store(file: &Path, cursor: &str) -> io::Result<()> {
    use io::Write as _;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut new = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
    writeln!(new, "{cursor}")?;
    new.as_file().sync_all()?;
    new.persist(file).map(drop).map_err(|why| why.error)
}

fn line(event: &Event, names: &Names) -> String {
    let what = match &event.what {
        Some(What::SnapshotBegins(snapshot)) => {
            let code = snapshot.period.as_ref().map_or("", |period| period.code.as_str());
            let reset =
                if snapshot.reset { ", your rights changed: drop what you had" } else { "" };
            format!("snapshot of {code} begins: {} findings{reset}", snapshot.findings)
        }
        Some(What::Finding(finding)) => format!("finding  {}", table::line(finding, names)),
        Some(What::RemovedFinding(removed)) => format!("removed  {}", removed.finding_id),
        Some(What::SnapshotEnds(_)) => "snapshot ends".into(),
        Some(What::Edition(edition)) => {
            let state = json::state(edition.state).unwrap_or_default();
            format!("edition  {} is {state}", edition.id)
        }
        Some(What::Recall(recall)) => {
            let by = tables::moment(recall.confirm_by.as_ref());
            format!("RECALL   {}: {}; confirm by {by}", recall.edition_id, recall.reason)
        }
        Some(What::Heartbeat(_)) => "heartbeat".into(),
        Some(What::Closing(closing)) => format!("closing  {}", closing.reason),
        None => "an event of a kind that this version does not know".into(),
    };
    let at = tables::moment(event.recorded_at.as_ref());
    output::plain(&format!("{at}  {}  {}  {what}", event.area, event.revision))
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Period, RemovedFinding, Snapshot};

    use super::*;

    fn event(what: What) -> Event {
        Event { area: "sthlm-a".into(), revision: 37, what: Some(what), ..Event::default() }
    }

    #[test]
    fn an_event_is_one_line() {
        let names = Names::shipped();
        let period = Some(Period { code: "2025-09".into() });
        let begins = Snapshot { period: period.clone(), findings: 5, reset: true };
        assert_eq!(
            line(&event(What::SnapshotBegins(begins)), &names),
            "–  sthlm-a  37  snapshot of 2025-09 begins: 5 findings, your rights changed: \
             drop what you had"
        );
        let removed = RemovedFinding { finding_id: "a/b\u{1b}[2J".into(), period };
        assert_eq!(
            line(&event(What::RemovedFinding(removed)), &names),
            "–  sthlm-a  37  removed  a/b\u{fffd}[2J"
        );
    }

    #[test]
    fn a_stored_cursor_is_read_again_and_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cursor");
        assert_eq!(stored(&file).unwrap(), None);
        for cursor in ["one", "two"] {
            store(&file, cursor).unwrap();
            assert_eq!(stored(&file).unwrap().as_deref(), Some(cursor));
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
