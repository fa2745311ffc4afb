//! What several commands show alike.

use std::fmt::Display;

use samsyn_client::wire::{Conflict, EditionHeader, Observation, Trend, observation::Location};

use crate::{clock, json, names::Names, output::Table};

/// For what is not there.
pub(super) const NONE: &str = "–";

/// A time in Europe/Stockholm, to the minute.
pub(super) fn moment(at: Option<&impl Display>) -> String {
    let at = at.and_then(|at| at.to_string().parse::<jiff::Timestamp>().ok());
    let shown = |at| clock::local(at).strftime("%Y-%m-%d %H:%M").to_string();
    at.map_or_else(|| NONE.into(), shown)
}

/// All of a list, or a word when there is nothing in it.
pub(super) fn all_or(all: &[String], none: &str) -> String {
    if all.is_empty() { none.to_owned() } else { all.join(", ") }
}

/// A few of a list by name, many by number: `11 areas`.
pub(super) fn few_or(all: &[String], what: &str) -> String {
    match all.len() {
        0 => format!("all {what}"),
        1..=3 => all.join(", "),
        n => format!("{n} {what}"),
    }
}

/// Which way it goes.
pub(super) fn arrow(trend: i32) -> &'static str {
    match Trend::try_from(trend) {
        Ok(Trend::Up) => "↑",
        Ok(Trend::Flat) => "→",
        Ok(Trend::Down) => "↓",
        Ok(Trend::Unspecified) | Err(_) => "",
    }
}

/// Severity and trend, as `4 ↑`; empty when there is neither.
pub(super) fn assessed(severity: Option<u32>, trend: i32) -> String {
    let severity = severity.map_or_else(String::new, |severity| severity.to_string());
    format!("{severity} {}", arrow(trend)).trim().to_owned()
}

/// Where an observation is, by name.
pub(super) fn location(observation: &Observation, names: &Names) -> String {
    match &observation.location {
        Some(Location::PlaceId(id) | Location::SubAreaId(id) | Location::AreaId(id)) => {
            names.geography(id)
        }
        Some(Location::Coordinates(at)) => {
            let degrees = |e7: i32| f64::from(e7) / 1e7;
            format!("{:.5}, {:.5}", degrees(at.lat_e7), degrees(at.lon_e7))
        }
        None => NONE.into(),
    }
}

/// Conflicts with what each party says; nothing when there are none.
pub(super) fn conflicts(all: &[Conflict]) -> Option<Table> {
    let mut table = Table::new(["conflict", "candidates", "waits for", "dissent", "reason"]);
    for conflict in all {
        let waits = match (conflict.resolved, conflict.must_act.as_slice()) {
            (true, _) => "settled".to_owned(),
            (false, acts) => all_or(acts, NONE),
        };
        table.row([
            conflict.id.clone(),
            all_or(&conflict.candidates, NONE),
            waits,
            all_or(&conflict.dissenting, NONE),
            conflict.reason.clone(),
        ]);
    }
    (!table.is_empty()).then_some(table)
}

/// Editions, one a row.
pub(super) fn editions(all: &[EditionHeader]) -> Table {
    let mut table =
        Table::new(["edition", "period", "track", "state", "round", "answers", "waits for", "due"])
            .right(4);
    for header in all {
        let overdue = if header.overdue { " OVERDUE" } else { "" };
        table.row([
            header.id.clone(),
            header.period.as_ref().map(|period| period.code.clone()).unwrap_or_default(),
            header.track.clone(),
            json::state(header.state).unwrap_or_else(|| NONE.into()),
            header.round.to_string(),
            header.answers.len().to_string(),
            all_or(&header.waiting_for, NONE),
            format!("{}{overdue}", moment(header.due.as_ref())),
        ]);
    }
    table
}

/// Bytes as people compare them: groups of four digits, `7f3a 91c2 …`.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    let digits = hex::encode(bytes);
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && i.is_multiple_of(4) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use samsyn_client::wire::{EditionState, Period};

    use super::*;

    #[test]
    fn severity_and_trend_stand_together() {
        assert_eq!(assessed(Some(4), Trend::Up.into()), "4 ↑");
        assert_eq!(assessed(None, Trend::Down.into()), "↓");
        assert_eq!(assessed(Some(2), 0), "2");
        assert_eq!(assessed(None, 0), "");
    }

    #[test]
    fn times_are_shown_in_stockholm() {
        assert_eq!(moment(Some(&"2025-10-14T14:00:00Z")), "2025-10-14 16:00");
        assert_eq!(moment(None::<&String>), "–");
    }

    #[test]
    fn editions_show_who_is_waited_for() {
        let header = EditionHeader {
            id: "e1".into(),
            period: Some(Period { code: "2025-09".into() }),
            track: "strategic".into(),
            state: EditionState::InReview.into(),
            round: 2,
            waiting_for: vec!["trafikkontoret:endorser".into()],
            overdue: true,
            ..EditionHeader::default()
        };
        let golden = "\
edition  period   track      state      round  answers  waits for                due
e1       2025-09  strategic  in_review      2  0        trafikkontoret:endorser  – OVERDUE
";
        assert_eq!(editions(&[header]).to_string(), golden);
    }

    #[test]
    fn a_fingerprint_is_read_in_groups() {
        assert_eq!(fingerprint(&[0x7f, 0x3a, 0x91]), "7f3a 91");
    }
}
