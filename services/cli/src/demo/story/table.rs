//! Findings as they are shown to people: one row a finding, one column a side.

use samsyn_client::wire;
use samsyn_domain::{
    CategoryId, Kind,
    registry::{Category, Registry},
};

use super::{DISTRICT, POLICE, TRAFFIC};
use crate::demo::print::cell;

/// What one party says in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    /// Its highest severity.
    pub(super) severity: u32,
    /// The trend of its latest observation.
    pub(super) trend: wire::Trend,
}

impl Said {
    /// What a party says; nothing when it contributed nothing that is assessed.
    pub(super) fn by(finding: &wire::Finding, party: &str) -> Option<Self> {
        let own = finding.contributions.iter().filter(|c| c.party == party);
        let own: Vec<_> = own.filter_map(|c| c.observation.as_ref()).collect();
        let severity = own.iter().filter_map(|o| o.severity).max()?;
        let start = |o: &wire::Observation| {
            o.starts_at.as_ref().map_or((0, 0), |at| (at.seconds, at.nanos))
        };
        let rank = |o: &wire::Observation| (start(o), o.severity, o.trend);
        let latest = own.iter().max_by_key(|o| rank(o))?;
        Some(Self { severity, trend: latest.trend() })
    }
}

/// The heading.
pub(super) fn heading() -> String {
    row(&["where", "what", "kind", "police", "district", "traffic", "joint"].map(str::to_owned))
}

/// One finding, as a signatory of Skärholmen sees it.
pub(super) fn finding(registry: &Registry, finding: &wire::Finding) -> String {
    let (geography, category) = parts(finding);
    let category = category_of(registry, category);
    let said = |party| {
        let said = Said::by(finding, party);
        said.map_or_else(
            || "–".to_owned(),
            |said| format!("sev {} {}", said.severity, arrow(said.trend)),
        )
    };
    row(&[
        registry.geography_name(geography).unwrap_or(geography).to_owned(),
        category.map_or_else(String::new, |category| short_name(&category.en)),
        category.map_or("", |category| kind(category.kind)).to_owned(),
        said(POLICE),
        said(DISTRICT),
        said(TRAFFIC),
        joint(finding),
    ])
}

/// The geography and the category of a finding.
pub(super) fn parts(finding: &wire::Finding) -> (&str, &str) {
    finding.id.rsplit_once('/').unwrap_or((finding.id.as_str(), ""))
}

/// A category of the registry.
pub(super) fn category_of<'a>(registry: &'a Registry, id: &str) -> Option<&'a Category> {
    CategoryId::parse(id).ok().and_then(|id| registry.category(&id))
}

/// What the sides come to together.
pub(super) fn joint(finding: &wire::Finding) -> String {
    use wire::FindingClass;
    let value = finding.severity.map_or_else(
        || arrow(finding.trend()).to_owned(),
        |severity| format!("{severity} {}", arrow(finding.trend())),
    );
    let value = value.trim_end();
    match finding.finding_class() {
        FindingClass::Corroborated => format!("both see it: {value}"),
        FindingClass::OneSided => match finding.seen_by.as_slice() {
            [only] if only == "police" => format!("only police: {value}"),
            [only] if only == "municipal" => format!("only the city: {value}"),
            _ => format!("one side: {value}"),
        },
        FindingClass::Conflicting => {
            let open = finding.conflicts.iter().filter(|conflict| !conflict.resolved);
            let fields: Vec<_> = open.map(|conflict| conflict.field.as_str()).collect();
            format!("CONFLICT {}", fields.join(", "))
        }
        FindingClass::Unspecified => "?".to_owned(),
    }
}

const fn arrow(trend: wire::Trend) -> &'static str {
    match trend {
        wire::Trend::Up => "↑",
        wire::Trend::Down => "↓",
        wire::Trend::Flat => "→",
        wire::Trend::Unspecified => " ",
    }
}

/// A kind in one word.
const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::ReportedCrime => "reported",
        Kind::ObservedDisorder => "observed",
        Kind::PerceivedInsecurity => "perceived",
        Kind::Environment => "environment",
        Kind::SystemThreat => "system",
    }
}

/// A category's name within a line.
fn short_name(name: &str) -> String {
    let name = name.split(" (").next().unwrap_or(name);
    let mut characters = name.chars();
    let first = characters.next().into_iter().flat_map(char::to_lowercase);
    first.chain(characters).collect()
}

fn row(cells: &[String; 7]) -> String {
    let widths = [16, 21, 11, 8, 8, 8];
    let [cells @ .., last] = cells;
    let cells = cells.iter().zip(widths).map(|(text, width)| {
        // A gap, also after a cell that is cut.
        format!("{} ", cell(text, width))
    });
    cells.chain([last.clone()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contribution(
        party: &str,
        id: &str,
        at: i64,
        severity: u32,
        trend: wire::Trend,
    ) -> wire::Contribution {
        let mut observation = wire::Observation {
            id: id.to_owned(),
            severity: Some(severity),
            trend: trend.into(),
            ..wire::Observation::default()
        };
        let at = samsyn_domain::Timestamp::ZERO.after_seconds(at);
        observation.starts_at = Some(crate::demo::clock::wire(at));
        wire::Contribution {
            party: party.to_owned(),
            version: 1,
            observation: Some(observation),
            form: wire::Form::Observation.into(),
        }
    }

    #[test]
    fn a_party_says_its_highest_severity_and_its_latest_trend() {
        let finding = wire::Finding {
            contributions: vec![
                contribution("a", "1", 20, 2, wire::Trend::Up),
                contribution("a", "2", 10, 4, wire::Trend::Down),
                contribution("b", "3", 30, 5, wire::Trend::Flat),
            ],
            ..wire::Finding::default()
        };
        assert_eq!(Said::by(&finding, "a"), Some(Said { severity: 4, trend: wire::Trend::Up }));
        assert_eq!(Said::by(&finding, "c"), None);
    }

    #[test]
    fn the_joint_column_says_who_sees_it_or_that_they_disagree() {
        let mut finding = wire::Finding {
            finding_class: wire::FindingClass::OneSided.into(),
            seen_by: vec!["police".into()],
            severity: Some(3),
            trend: wire::Trend::Down.into(),
            ..wire::Finding::default()
        };
        assert_eq!(joint(&finding), "only police: 3 ↓");
        finding.finding_class = wire::FindingClass::Conflicting.into();
        finding.conflicts =
            vec![wire::Conflict { field: "severity".into(), ..wire::Conflict::default() }];
        assert_eq!(joint(&finding), "CONFLICT severity");
    }

    #[test]
    fn a_category_is_named_in_short() {
        assert_eq!(short_name("Open drug dealing (observed)"), "open drug dealing");
    }
}
