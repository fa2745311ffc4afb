//! `samsyn joint`: the joint picture (gemensam lägesbild), as the caller may see it.

mod diff;
mod export;
mod revisions;
pub(super) mod table;
pub(super) mod watch;

use clap::{Args, Subcommand};
use samsyn_client::wire::{
    self, EditionState, ExplainFindingRequest, GetJointPictureRequest, GetJointPictureResponse,
    ListEditionsRequest,
};
use samsyn_domain::{Period, PeriodKind, Timestamp};
use serde_json::json;

use super::tables::all_or;
use crate::{
    clock,
    failure::Failure,
    json,
    names::Names,
    output::{self, Table},
    session::{Globals, Session, answer, page},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Get(Get),
    Explain(Explain),
    Export(export::Export),
    Watch(watch::Args),
    Revisions(revisions::Args),
    Diff(diff::Args),
}

/// Shows the joint picture of an area and a period.
///
/// One row a finding: what each party sees (severity, trend, counts by source), and what that comes
/// to. Neither kinds nor counts are added up.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    samsyn joint get sthlm-skarholmen --as sdf-skarholmen\n  \
    samsyn joint get sthlm-skarholmen --period 2025-09 --as lpo-skarholmen\n  \
    samsyn joint get sthlm-skarholmen 2025-09 --valid-at 2025-09-12T21:00:00+02:00\n  \
    samsyn joint get sthlm-skarholmen --period 2025-W40 --revision 37 --output json")]
pub(super) struct Get {
    /// The area.
    area: String,
    /// The period: `2025-W40`, `2025-10`, `2025-Q4` or `2025` [default: that of the area's newest
    /// edition, else the current month].
    #[arg(value_name = "PERIOD", conflicts_with = "period")]
    of: Option<Period>,
    /// The same, as an option.
    #[arg(long)]
    period: Option<Period>,
    /// At this revision of your view [default: the newest].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: u64,
    /// Only what held at this moment, as `2025-09-12T21:00:00+02:00`.
    #[arg(long, value_name = "TIME")]
    valid_at: Option<jiff::Timestamp>,
    /// Shows at most so many findings.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Shows, for every joint value of a finding, the rule and the observations that gave it.
///
/// Also says what a decision of coordinator and kommunpolis changed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  samsyn joint explain sthlm-skarholmen \
    sthlm-skarholmen/bredang/p1/youth_gathering --period 2025-09 --as sdf-skarholmen")]
pub(super) struct Explain {
    /// The area.
    area: String,
    /// The finding's id, as `<geography>/<category>`.
    finding: String,
    /// The period.
    #[arg(long)]
    period: Period,
    /// At this revision of your view [default: the newest].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: u64,
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::Get(args) => get(&globals.connect().await?, args).await,
        Command::Explain(args) => explain(&globals.connect().await?, args).await,
        Command::Export(args) => export::run(&globals.connect().await?, args).await,
        Command::Watch(args) => Box::pin(watch::run(globals, args)).await,
        Command::Revisions(args) => revisions::run(&globals.connect().await?, args).await,
        Command::Diff(args) => diff::run(&globals.connect().await?, args).await,
    }
}

async fn get(session: &Session, args: Get) -> Result<(), Failure> {
    let period = match args.period.or(args.of) {
        Some(period) => period,
        None => newest_period(session, &args.area).await?,
    };
    let view = picture(session, &args.area, period, (args.revision, args.valid_at)).await?;
    let shown = args.limit.unwrap_or(usize::MAX).min(view.findings.len());
    session.show(
        || {
            json!({
                "revision": view.revision,
                "findings": json::list(&view.findings, json::finding),
                "cursor": view.cursor,
            })
        },
        || {
            let names = Names::shipped();
            let (area, n) = (names.geography(&args.area), view.findings.len());
            let head = format!(
                "Gemensam lägesbild: {area}, {period}, revision {}   {n} findings, {shown} shown\n",
                view.revision
            );
            head + &table::of(view.findings.get(..shown).unwrap_or_default(), &names)
        },
    )
}

/// The caller's view, all pages of it: of one revision, whatever happens meanwhile.
pub(super) async fn picture(
    session: &Session,
    area: &str,
    period: Period,
    (revision, valid_at): (u64, Option<jiff::Timestamp>),
) -> Result<GetJointPictureResponse, Failure> {
    let valid_at = valid_at.map(|at| prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    });
    let mut whole = GetJointPictureResponse { revision, ..GetJointPictureResponse::default() };
    loop {
        let request = GetJointPictureRequest {
            context: session.reads(),
            area: area.to_owned(),
            period: Some(wire::Period { code: period.to_string() }),
            revision: whole.revision,
            valid_at,
            page: page(whole.next_page_token),
            ..GetJointPictureRequest::default()
        };
        let next = answer(session.client.joint.clone().get_joint_picture(request)).await?;
        whole.revision = next.revision;
        whole.findings.extend(next.findings);
        whole.cursor = next.cursor;
        whole.next_page_token = next.next_page_token;
        if whole.next_page_token.is_empty() {
            return Ok(whole);
        }
    }
}

/// The period of the area's newest edition, else the current month.
async fn newest_period(session: &Session, area: &str) -> Result<Period, Failure> {
    let request = ListEditionsRequest {
        context: session.reads(),
        area: area.to_owned(),
        page: page(String::new()),
    };
    let listed = answer(session.client.editions.clone().list_editions(request)).await?;
    let standing = |state| state != i32::from(EditionState::Recalled);
    let newest = listed.editions.into_iter().find(|header| standing(header.state));
    let of_edition = newest.and_then(|header| header.period?.code.parse().ok());
    let now = Timestamp::from_micros(clock::now().as_microsecond());
    of_edition
        .or_else(|| Period::holding(PeriodKind::Month, now))
        .ok_or_else(|| Failure::Usage("give a period, as `--period 2025-10`".into()))
}

async fn explain(session: &Session, args: Explain) -> Result<(), Failure> {
    let request = ExplainFindingRequest {
        context: session.reads(),
        area: args.area,
        finding_id: args.finding,
        revision: args.revision,
        period: Some(wire::Period { code: args.period.to_string() }),
    };
    let explained = answer(session.client.joint.clone().explain_finding(request)).await?;
    session.show(
        || json!({ "steps": json::list(&explained.steps, json::step) }),
        || {
            let mut table = Table::new(["field", "rule", "why", "from"]);
            for step in &explained.steps {
                table.row([
                    &step.field,
                    &step.rule_id,
                    &step.text_en,
                    &all_or(&step.observation_ids, super::tables::NONE),
                ]);
            }
            let swedish = explained.steps.iter().map(|step| {
                format!("sv  {}: {}\n", output::plain(&step.field), output::plain(&step.text_sv))
            });
            format!("{table}\n{}", swedish.collect::<String>())
        },
    )
}
