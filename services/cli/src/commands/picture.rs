//! `samsyn picture`: a party's own picture (egen lägesbild).

use samsyn_client::wire::{
    Assessment, Contributed, GetPictureRequest, ListVersionsRequest, Observation, Series, Version,
    assessment, series,
};
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
/// With `--output json`, all of it has the form that `samsyn publish` reads. `--versions` lists
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
                "observations": json::list(&all.observations, json::observation),
                "series": json::list(&all.series, json::series),
                "assessments": json::list(&all.assessments, json::assessment),
            })
        },
        || {
            let names = Names::shipped();
            let head = format!(
                "Egen lägesbild: {}, {}, version {version}   {}\n",
                names.party(&party),
                names.geography(&args.area),
                all.size()
            );
            head + &all.tables(&names)
        },
    )
}

async fn versions(session: &Session, party: &str, area: &str) -> Result<(), Failure> {
    let (mut all, mut token) = (Vec::new(), String::new());
    let contributed = loop {
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
            break next.contributed;
        }
    };
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
            json!({
                "party": party,
                "area": area,
                "versions": json::list(&all, version),
                "contributed": contributed.as_ref().map(json::contributed),
            })
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
            let contributed = contributed.as_ref().map_or_else(String::new, stands);
            format!("{table}{contributed}")
        },
    )
}

/// How the picture stands with the domain that is the home of its area.
fn stands(contributed: &Contributed) -> String {
    let Contributed { home, held, own, version, refused_reason, .. } = contributed;
    let state = match (refused_reason.as_str(), contributed.under_way_since.as_ref()) {
        (_, Some(since)) => format!("on its way since {}", moment(Some(since))),
        ("", None) if contributed.in_step => "has all that it may have".to_owned(),
        ("", None) => "waits for the link".to_owned(),
        (reason, None) => {
            let field = &contributed.refused_field;
            let at = if field.is_empty() { String::new() } else { format!(" at `{field}`") };
            format!("did not take the last contribution: {reason}{at}; mend it and publish again")
        }
    };
    format!("\n{home} has {held} of {own}, as version {version}: {state}\n")
}

/// All pages of one version.
async fn picture(
    session: &Session,
    party: &str,
    area: &str,
    version: u64,
) -> Result<(u64, Own), Failure> {
    let (mut version, mut token, mut all) = (version, String::new(), Own::default());
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
        all.observations.extend(next.observations);
        next.series.into_iter().for_each(|series| all.add(series));
        all.assessments.extend(next.assessments);
        if next.next_page_token.is_empty() {
            return Ok((version, all));
        }
        token = next.next_page_token;
    }
}

/// What stands in an own picture.
#[derive(Debug, Default)]
struct Own {
    observations: Vec<Observation>,
    series: Vec<Series>,
    assessments: Vec<Assessment>,
}

impl Own {
    /// Adds a series, of which a page may hold a part.
    fn add(&mut self, mut series: Series) {
        let points = std::mem::take(&mut series.points);
        if let Some(last) = self.series.last_mut() {
            let before = std::mem::take(&mut last.points);
            let same = *last == series;
            last.points = before;
            if same {
                last.points.extend(points);
                return;
            }
        }
        self.series.push(Series { points, ..series });
    }

    fn size(&self) -> String {
        let points = self.series.iter().map(|series| series.points.len()).sum::<usize>();
        let mut text = format!("{} observations", self.observations.len());
        for (many, what) in [(points, "points of series"), (self.assessments.len(), "assessments")]
        {
            if many > 0 {
                text.push_str(&format!(", {many} {what}"));
            }
        }
        text
    }

    fn tables(&self, names: &Names) -> String {
        let more = [points(&self.series, names), assessments(&self.assessments, names)];
        let more = more.into_iter().filter(|table| !table.is_empty());
        let more: String = more.map(|table| format!("\n{table}")).collect();
        table(&self.observations, names).to_string() + &more
    }
}

fn points(all: &[Series], names: &Names) -> Table {
    let head = ["series", "what", "where", "source", "period", "n", "note"];
    let mut table = Table::new(head).right(5);
    for series in all {
        let place = match &series.location {
            Some(
                series::Location::PlaceId(id)
                | series::Location::SubAreaId(id)
                | series::Location::AreaId(id),
            ) => names.geography(id),
            None => NONE.into(),
        };
        for point in &series.points {
            table.row([
                series.id.clone(),
                names.category(&series.category),
                place.clone(),
                series.source_kind.clone(),
                point.period.as_ref().map_or_else(|| NONE.into(), |of| of.code.clone()),
                point.count.map_or_else(|| NONE.into(), |count| count.to_string()),
                series.note.clone(),
            ]);
        }
    }
    table
}

fn assessments(all: &[Assessment], names: &Names) -> Table {
    let head = ["assessment", "what", "where", "period", "sev", "grade", "text"];
    let mut table = Table::new(head);
    for one in all {
        let place = match &one.location {
            Some(
                assessment::Location::PlaceId(id)
                | assessment::Location::SubAreaId(id)
                | assessment::Location::AreaId(id),
            ) => names.geography(id),
            None => NONE.into(),
        };
        table.row([
            one.id.clone(),
            names.category(&one.category),
            place,
            one.period.as_ref().map_or_else(|| NONE.into(), |of| of.code.clone()),
            assessed(one.severity, one.trend),
            grade(&one.reliability, one.credibility),
            one.text.clone(),
        ]);
    }
    table
}

/// How reliable the source is and how credible what it says, as `B2`.
fn grade(reliability: &str, credibility: u32) -> String {
    match credibility {
        0 => reliability.to_owned(),
        credibility => format!("{reliability}{credibility}"),
    }
}

fn table(all: &[Observation], names: &Names) -> Table {
    let mut table =
        Table::new(["id", "what", "where", "from", "until", "n", "sev", "grade", "note"]).right(5);
    for one in all {
        table.row([
            one.id.clone(),
            names.category(&one.category),
            location(one, names),
            moment(one.starts_at.as_ref()),
            moment(one.ends_at.as_ref()),
            one.count.map_or_else(|| NONE.into(), |count| count.to_string()),
            assessed(one.severity, one.trend),
            grade(&one.reliability, one.credibility),
            one.note.clone(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{Period, SeriesPoint, Trend, observation::Location};

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

    #[test]
    fn points_and_assessments_have_tables_of_their_own() {
        let point =
            |code: &str, count| SeriesPoint { period: Some(Period { code: code.into() }), count };
        let counted = |points| Series {
            id: "statistik".into(),
            category: "graffiti_elsewhere".into(),
            location: Some(series::Location::AreaId("sthlm-skarholmen".into())),
            source_kind: "resident_report".into(),
            points,
            ..Series::default()
        };
        let mut own = Own::default();
        own.add(counted(vec![point("2025-09", Some(41))]));
        own.add(counted(vec![point("2025-10", None)]));
        own.assessments.push(Assessment {
            id: "bedomning".into(),
            category: "graffiti_elsewhere".into(),
            period: Some(Period { code: "2025-10".into() }),
            severity: Some(4),
            trend: Trend::Up.into(),
            reliability: "B".into(),
            text: "Ökar".into(),
            ..Assessment::default()
        });
        assert_eq!(own.size(), "0 observations, 2 points of series, 1 assessments");
        let golden = "\
series     what                where       source           period    n  note
statistik  graffiti_elsewhere  Skärholmen  resident_report  2025-09  41
statistik  graffiti_elsewhere  Skärholmen  resident_report  2025-10   –

assessment  what                where  period   sev  grade  text
bedomning   graffiti_elsewhere  –      2025-10  4 ↑  B      Ökar
";
        let told = own.tables(&Names::shipped());
        let (_, told) = told.split_once("\n\n").unwrap();
        assert_eq!(told, golden);
    }
}
