//! `samsyn picture`: a party's own picture (egen lägesbild).

use samsyn_client::wire::{GetPictureRequest, ListVersionsRequest, Observation, Version};
use serde_json::json;

use super::tables::{NONE, assessed, location, moment};
use crate::{
    failure::Failure,
    json,
    names::Names,
    output::Table,
    session::{Globals, Session, answer, page},
};

/// Shows a party's own picture of an area.
///
/// With `--output json`, observations have the form that `samsyn publish` reads. `--versions` lists
/// what was published when, and how much of it was new, changed or withdrawn.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn picture sthlm-skarholmen --as sdf-skarholmen\n  \
    samsyn picture sthlm-skarholmen --versions --as sdf-skarholmen\n  \
    samsyn picture sthlm-skarholmen --version 7 --as sdf-skarholmen --output json")]
pub(super) struct Args {
    /// The area.
    area: String,
    /// Which version [default: the newest].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    version: u64,
    /// Lists the versions, the newest first.
    #[arg(long, conflicts_with = "version")]
    versions: bool,
    /// Whose picture [default: the profile's party].
    #[arg(long, value_name = "ID")]
    party: Option<String>,
}

pub(super) async fn run(globals: &Globals, args: Args) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let party = session.party(args.party)?;
    if args.versions {
        return versions(&session, &party, &args.area).await;
    }
    let (version, all) = picture(&session, &party, &args.area, args.version).await?;
    session.show(
        || {
            json!({
                "party": party,
                "area": args.area,
                "version": version,
                "observations": json::list(&all, json::observation),
            })
        },
        || {
            let names = Names::shipped();
            let head = format!(
                "Egen lägesbild: {}, {}, version {version}   {} observations\n",
                names.party(&party),
                names.geography(&args.area),
                all.len()
            );
            head + &table(&all, &names).to_string()
        },
    )
}

async fn versions(session: &Session, party: &str, area: &str) -> Result<(), Failure> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListVersionsRequest {
            context: session.reads(),
            party: party.to_owned(),
            area: area.to_owned(),
            page: page(token),
        };
        let next = answer(session.client.pictures.clone().list_versions(request)).await?;
        all.extend(next.versions);
        token = next.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let covers = |one: &Version| one.covers.clone().map_or_else(|| NONE.into(), |of| of.code);
    session.show(
        || {
            let version = |one: &Version| {
                json!({
                    "version": one.version,
                    "recorded_at": moment(one.recorded_at.as_ref()),
                    "service": one.service,
                    "revision": one.revision,
                    "published": one.published,
                    "withdrawn": one.withdrawn,
                    "covers": one.covers.as_ref().map(|of| &of.code),
                    "reason": one.reason,
                })
            };
            json!({ "party": party, "area": area, "versions": json::list(&all, version) })
        },
        || {
            let head =
                ["version", "when", "service", "revision", "new", "withdrawn", "all of", "why"];
            let mut table = Table::new(head).right(0).right(3).right(4).right(5);
            for one in &all {
                table.row([
                    one.version.to_string(),
                    moment(one.recorded_at.as_ref()),
                    one.service.clone(),
                    one.revision.to_string(),
                    one.published.to_string(),
                    one.withdrawn.to_string(),
                    covers(one),
                    one.reason.clone(),
                ]);
            }
            table.to_string()
        },
    )
}

/// All pages of one version.
async fn picture(
    session: &Session,
    party: &str,
    area: &str,
    version: u64,
) -> Result<(u64, Vec<Observation>), Failure> {
    let (mut version, mut token, mut all) = (version, String::new(), Vec::new());
    loop {
        let request = GetPictureRequest {
            context: session.reads(),
            party: party.to_owned(),
            area: area.to_owned(),
            version,
            page: page(token),
        };
        let next = answer(session.client.pictures.clone().get_picture(request)).await?;
        version = next.version;
        all.extend(next.observations);
        if next.next_page_token.is_empty() {
            return Ok((version, all));
        }
        token = next.next_page_token;
    }
}

fn table(all: &[Observation], names: &Names) -> Table {
    let mut table =
        Table::new(["id", "what", "where", "from", "until", "n", "sev", "grade", "note"]).right(5);
    for one in all {
        let grade = match one.credibility {
            0 => one.reliability.clone(),
            credibility => format!("{}{credibility}", one.reliability),
        };
        table.row([
            one.id.clone(),
            names.category(&one.category),
            location(one, names),
            moment(one.starts_at.as_ref()),
            moment(one.ends_at.as_ref()),
            one.count.map_or_else(|| NONE.into(), |count| count.to_string()),
            assessed(one.severity, one.trend),
            grade,
            one.note.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Trend, observation::Location};

    use super::*;

    #[test]
    fn an_observation_is_one_row() {
        let one = Observation {
            id: "felanmalan-17".into(),
            category: "graffiti_elsewhere".into(),
            location: Some(Location::AreaId("sthlm-skarholmen".into())),
            count: Some(2),
            severity: Some(3),
            trend: Trend::Up.into(),
            reliability: "B".into(),
            credibility: 2,
            note: "Tre lampor\nsläckta".into(),
            ..Observation::default()
        };
        let golden = "\
id             what                where       from  until  n  sev  grade  note
felanmalan-17  graffiti_elsewhere  Skärholmen  –     –      2  3 ↑  B2     Tre lampor släckta
";
        assert_eq!(table(&[one], &Names::shipped()).to_string(), golden);
    }
}
