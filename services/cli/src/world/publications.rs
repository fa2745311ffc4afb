//! Eight weeks of own pictures: who saw what of the events, and wrote it down.

use std::{collections::BTreeMap, fmt};

use jiff::civil::Date;
use samsyn_client::wire as v1;
use samsyn_domain::{AreaId, Kind, PartyId, Period};

use super::{
    calendar::Week,
    dice::Dice,
    events::{self, Cell, Event},
    notes,
    row::{Row, Source, Spot},
    seed::{Category, Department, Seed, Trend},
    staged,
};

/// One party's own picture of one area and week, as it is handed in (lämnas in).
#[derive(Clone, PartialEq)]
pub(crate) struct Publication {
    /// Whose.
    pub(crate) party: PartyId,
    /// Of which area.
    pub(crate) area: AreaId,
    /// Of which week; all observations start in it.
    pub(crate) period: Period,
    /// By start; at most 500.
    pub(crate) observations: Vec<v1::Observation>,
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, area, period, observations } = self;
        write!(f, "{party} of {area} in {period}: {} observations", observations.len())
    }
}

/// How often a note is written, in percent.
const NOTES_PERCENT: u32 = 10;
/// How often a party grades the severity one off, in percent.
const MISGRADED_PERCENT: u32 = 15;
/// How often a municipal party grades its source; the police always does.
const GRADED_PERCENT: u32 = 70;

/// Rows by area and publisher.
pub(super) type Desks<'a> = BTreeMap<(&'a AreaId, &'a PartyId), Vec<Row<'a>>>;

/// The weeks of the demo: 33–40 of 2025.
pub(crate) fn demo_weeks() -> Vec<Period> {
    (33..=40).filter_map(|week: u8| format!("2025-W{week:02}").parse().ok()).collect()
}

/// The own pictures of some weeks, by week, area and party. Each week stands on its own: it comes
/// out the same whichever other weeks are asked for.
pub(crate) fn publications(seed: &Seed, weeks: &[Period], rng: u64) -> Vec<Publication> {
    weeks.iter().filter_map(|week| Week::of(*week)).flat_map(|w| of_week(seed, w, rng)).collect()
}

fn of_week(seed: &Seed, week: Week, rng: u64) -> Vec<Publication> {
    let mut desks = publishers(seed, week.monday());
    for cell in events::cells(seed, rng) {
        witness(cell, week, &mut desks);
    }
    staged::settle(seed, week, &mut desks);
    staged::survey(seed, week, &mut desks);
    hand_in(seed, week, desks)
}

/// Who publishes of which area: its administration, the departments that have signed, the local
/// police areas that answer for a part of it.
fn publishers(seed: &Seed, day: Date) -> Desks<'_> {
    let mut desks = Desks::new();
    for area in &seed.areas {
        let police = area.sub_areas.iter().filter_map(|sub| sub.police_on(day));
        let departments = seed.departments.iter().map(|department| &department.id);
        let signed = departments.filter(|id| area.signed_by(id));
        let all = police.chain(signed).chain([&area.administration.id]);
        desks.extend(all.map(|party| ((&area.id, party), Vec::new())));
    }
    desks
}

/// Who sees an event.
#[derive(Debug, Clone, Copy)]
enum Eyes<'a> {
    Police(&'a PartyId),
    District(&'a PartyId),
    Department(&'a Department),
}

/// Each side sees each event or does not, whatever the others see.
fn witness<'a>(cell: Cell<'a>, week: Week, desks: &mut Desks<'a>) {
    let before = week.before().map_or(0, |week| cell.count(week));
    let events = cell.events(week);
    let trend = trend(before, u32::try_from(events.len()).unwrap_or(u32::MAX));
    for event in events {
        if staged::is_settled(cell, &event) {
            continue;
        }
        let mut dice = Dice::named(cell.rng, &format!("{}/seen", event.name));
        let seen = &cell.category.seen_percent;
        let police =
            dice.percent(seen.police).then(|| cell.sub_area.police_on(event.starts.date()));
        let district = dice.percent(seen.city).then_some(&cell.area.administration.id);
        let departments = cell.seed.departments.iter().filter(|department| {
            dice.percent(department.sees_percent)
                && cell.area.signed_by(&department.id)
                && department.groups.contains(&cell.category.group)
        });
        let departments: Vec<_> = departments.map(Eyes::Department).collect();
        let police = police.flatten().map(Eyes::Police);
        let all = police.into_iter().chain(district.map(Eyes::District)).chain(departments);
        for eyes in all {
            let row = write_down(cell, &event, eyes, trend);
            desks.entry((&cell.area.id, eyes.party())).or_default().push(row);
        }
    }
}

fn write_down<'a>(
    cell: Cell<'a>,
    event: &Event<'a>,
    eyes: Eyes<'a>,
    trend: Option<Trend>,
) -> Row<'a> {
    let party = eyes.party();
    let mut dice = Dice::named(cell.rng, &format!("{}/{party}", event.name));
    let registered = &cell.category.registered;
    let severity = graded(cell, event.severity, party, &mut dice);
    let source = eyes.source(cell.category, &mut dice);
    let count = match registered.kind {
        Kind::ReportedCrime | Kind::SystemThreat => Some(1),
        Kind::ObservedDisorder | Kind::Environment => Some(dice.below(3).saturating_add(1)),
        Kind::PerceivedInsecurity => None,
    };
    let noted = dice.percent(NOTES_PERCENT);
    let note = if noted { dice.pick(notes::of(registered.kind)) } else { None };
    Row {
        category: cell.category,
        spot: Spot::of(
            registered.geography,
            &cell.area.id,
            &cell.sub_area.id,
            event.place.map(|place| &place.id),
        ),
        starts: event.starts,
        count,
        severity,
        trend,
        source,
        graded: eyes.is_police() || dice.percent(GRADED_PERCENT),
        note: note.copied().unwrap_or_default(),
        audience: &cell.category.audience,
        police: eyes.is_police(),
    }
}

/// How severe a party takes an event to be: mostly as it is, at times one off, and by its leaning.
fn graded(cell: Cell<'_>, severity: u32, party: &PartyId, dice: &mut Dice) -> u32 {
    let off = dice.percent(MISGRADED_PERCENT);
    let graded = match (off, dice.percent(50)) {
        (false, _) => severity,
        (true, true) => severity.saturating_add(1),
        (true, false) => severity.saturating_sub(1),
    };
    let leanings = cell.seed.leanings.iter().filter(|leaning| {
        leaning.party == *party
            && leaning.sub_area == cell.sub_area.id
            && leaning.categories.contains(&cell.category.registered.id)
    });
    leanings.fold(graded, |sum, leaning| sum.saturating_add(leaning.severity)).clamp(1, 5)
}

/// Against the week before; nothing to say of very few, and small changes are none.
const fn trend(before: u32, now: u32) -> Option<Trend> {
    const CLEARLY: u32 = 3;
    let change = now.abs_diff(before);
    if now.saturating_add(before) < CLEARLY {
        None
    } else if change < CLEARLY || change.saturating_mul(2) < before {
        Some(Trend::Flat)
    } else if now > before {
        Some(Trend::Up)
    } else {
        Some(Trend::Down)
    }
}

/// Numbers the rows by start, per publisher across its areas.
fn hand_in<'a>(seed: &'a Seed, week: Week, desks: Desks<'a>) -> Vec<Publication> {
    let mut numbers: BTreeMap<&'a PartyId, u32> = BTreeMap::new();
    let year_week = week.period().to_string().replace("-W", "-");
    let publication = |((area, party), mut rows): ((&'a AreaId, &'a PartyId), Vec<Row<'a>>)| {
        rows.sort_by(|a, b| a.order().cmp(&b.order()));
        let prefix = ids_prefix(seed, party);
        let number = numbers.entry(party).or_default();
        let numbered = rows.iter().filter_map(|row| {
            *number = number.saturating_add(1);
            row.observation(format!("{prefix}-{year_week}-{number:06}"))
        });
        Publication {
            observations: numbered.collect(),
            party: PartyId::clone(party),
            area: AreaId::clone(area),
            period: week.period(),
        }
    };
    desks.into_iter().map(publication).collect()
}

fn ids_prefix<'a>(seed: &'a Seed, party: &PartyId) -> &'a str {
    let department = seed.departments.iter().find(|department| department.id == *party);
    match department {
        Some(department) => &department.ids,
        None if seed.is_police(party) => "POL",
        None => "EMB",
    }
}

impl<'a> Eyes<'a> {
    const fn party(self) -> &'a PartyId {
        match self {
            Self::Police(party) | Self::District(party) => party,
            Self::Department(department) => &department.id,
        }
    }

    const fn is_police(self) -> bool {
        match self {
            Self::Police(_) => true,
            Self::District(_) | Self::Department(_) => false,
        }
    }

    /// From where it knows.
    fn source(self, category: &Category, dice: &mut Dice) -> Source {
        use Source::{DistrictReport, FieldObservation, Inspection, PoliceReport, ResidentReport};
        let fixed = category.city_source.as_deref().and_then(Source::from_code);
        if let (Self::District(_), Some(source)) = (self, fixed) {
            return source;
        }
        let likely: &[Source] = match (self, category.registered.kind) {
            (Self::Police(_), Kind::ReportedCrime) => &[PoliceReport],
            (Self::Police(_), Kind::PerceivedInsecurity) => &[ResidentReport],
            (Self::Police(_), Kind::ObservedDisorder | Kind::Environment | Kind::SystemThreat) => {
                &[FieldObservation, FieldObservation, ResidentReport]
            }
            (Self::District(_), Kind::ReportedCrime | Kind::ObservedDisorder) => {
                &[DistrictReport, FieldObservation, ResidentReport]
            }
            (Self::District(_), Kind::PerceivedInsecurity | Kind::Environment) => {
                &[ResidentReport, DistrictReport]
            }
            (Self::District(_), Kind::SystemThreat) => &[Inspection],
            (Self::Department(_), Kind::Environment | Kind::SystemThreat | Kind::ReportedCrime) => {
                &[Inspection, ResidentReport]
            }
            (Self::Department(_), Kind::ObservedDisorder | Kind::PerceivedInsecurity) => {
                &[FieldObservation, DistrictReport]
            }
        };
        dice.pick(likely).copied().unwrap_or(DistrictReport)
    }
}
