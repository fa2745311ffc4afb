//! What happens in the world, as it is drawn: acts of parties, one a beat.

use proptest::{option, prelude::*, sample::select};
use samsyn_domain::{
    Basis, CategoryId, Content, Coordinates, Form, Geography, Kind, Observation, ObservationId,
    PartyId, Period, PeriodKind, PlaceId, PriorityId, Secret, Severity, SourceId, SubAreaId,
    Timestamp, Trend,
    merge::{ConflictRef, Field, Finding, Key, Outcome},
    row::Stage,
};

use super::{
    Keys, START, World, area,
    deed::Deed,
    id, labels,
    registry::{CATEGORIES, GEOGRAPHIES, RowSpec},
};

pub(crate) const PARTIES: [&str; 3] = ["sdf", "tk", "lpo"];
const AUDIENCES: [&[&str]; 7] = [
    &["signatories", "kv", "fk"],
    &["signatories", "partners"],
    &["signatories", "kv"],
    &["signatories"],
    &["kv"],
    &["partners"],
    &[],
];
/// When observations start, in days after the world does: two weeks, two months.
const DAYS: [i64; 4] = [0, 1, 8, 40];
const DAY_SECONDS: i64 = 86_400;
/// What stands in the world before anything that is drawn.
const ANCHOR: &str = "9";
const ANCHOR_NUMBER: u8 = 9;

/// An observation as it is drawn; numbers choose from the tables.
#[derive(Debug, Clone)]
pub(crate) struct Put {
    pub(crate) party: usize,
    pub(crate) form: Form,
    pub(crate) id: u8,
    pub(crate) category: usize,
    pub(crate) geography: usize,
    pub(crate) day: usize,
    pub(crate) count: Option<u32>,
    pub(crate) severity: Option<u32>,
    pub(crate) trend: Option<i64>,
    pub(crate) note: Option<u8>,
    pub(crate) coordinates: Option<i32>,
    pub(crate) audience: usize,
    pub(crate) level: u32,
    pub(crate) purpose: &'static str,
    pub(crate) embargo: Option<i64>,
}

/// One field group of what is there, changed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tweak {
    Count(u32),
    Severity(u32),
    Note(u8),
    Coordinates(i32),
    Geography(usize),
    Starts(i64),
}

/// What happens in a beat; what it is about is picked from what is there by then.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Put(Put),
    Tweak { pick: usize, tweak: Tweak },
    Withdraw { pick: usize },
    State { pick: usize, outcome: Outcome, both: bool },
    Dissent { pick: usize, field: Field, party: usize },
    Tick,
}

/// An act, and whether it is one of those that a partner is not to notice.
#[derive(Debug, Clone)]
pub(crate) struct Beat {
    pub(crate) act: Act,
    pub(crate) hidden: bool,
    /// The reader is served after it.
    pub(crate) read: bool,
}

/// A whole history.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) rows: Vec<RowSpec>,
    pub(crate) beats: Vec<Beat>,
    pub(crate) edition: bool,
}

impl Act {
    /// What it is in a world; none when there is nothing that it could be about.
    pub(crate) fn deed(&self, world: &World) -> Option<Deed> {
        Some(match self {
            Self::Put(put) => Deed::Leave {
                party: id!(PartyId, PARTIES[put.party]),
                id: put.name(),
                left: Some(Box::new(put.observation())),
            },
            Self::Tweak { pick, tweak } => {
                let stage = picked(world, *pick)?;
                let left = Some(Box::new(tweak.of(stage.observation.as_deref()?)));
                Deed::Leave { party: stage.party.clone(), id: stage.id.clone(), left }
            }
            Self::Withdraw { pick } => {
                let stage = picked(world, *pick)?;
                Deed::Leave { party: stage.party.clone(), id: stage.id.clone(), left: None }
            }
            Self::State { pick, outcome, both } => {
                let open = findings(world).into_iter().flat_map(|finding| finding.conflicts);
                let open: Vec<_> = open.filter(|c| outcome.fits(c.at.field)).collect();
                let at = open.get(pick.checked_rem(open.len())?)?.at.clone();
                Deed::State { at, outcome: *outcome, both: *both }
            }
            Self::Dissent { pick, field, party } => {
                let all = findings(world);
                let finding = all.get(pick.checked_rem(all.len())?)?;
                let (key, period, field) = (finding.key.clone(), finding.period, *field);
                let party = id!(PartyId, PARTIES[*party]);
                Deed::Dissent { at: ConflictRef { key, period, field }, party }
            }
            Self::Tick => Deed::Tick,
        })
    }
}

/// What is there that was drawn.
fn picked(world: &World, pick: usize) -> Option<&Stage> {
    let (index, revision) = (world.state.area(&area())?, world.revision());
    let parties = PARTIES.map(|party| id!(PartyId, party));
    let own = parties.iter().flat_map(|party| index.own(party, revision));
    let drawn: Vec<&Stage> = own.filter(|stage| stage.id.as_str() != ANCHOR).collect();
    drawn.get(pick.checked_rem(drawn.len())?).copied()
}

/// The findings of the months as all signatories see them.
fn findings(world: &World) -> Vec<Finding> {
    let months = [DAYS[0], DAYS[3]].map(|day| START.after_seconds(day * DAY_SECONDS));
    let months = months.map(|at| Period::holding(PeriodKind::Month, at).unwrap());
    let keys = CATEGORIES.iter().flat_map(|category| {
        let key =
            |number| Key { geography: geography(number), category: id!(CategoryId, category.0) };
        (0..GEOGRAPHIES.len()).map(key)
    });
    let found = keys.flat_map(|key| months.map(|period| (key.clone(), period)));
    let found = found.filter_map(|(key, period)| {
        let at = ConflictRef { key, period, field: Field::Severity };
        world.state.common_finding(&at, world.revision())
    });
    found.collect()
}

impl Put {
    /// Something that no partner is shown, under an id that nothing drawn has.
    pub(crate) const fn for_signatories(party: usize) -> Self {
        Self {
            party,
            form: Form::Observation,
            id: ANCHOR_NUMBER,
            category: 3,
            geography: 0,
            day: 0,
            count: None,
            severity: None,
            trend: None,
            note: None,
            coordinates: None,
            audience: 3,
            level: 1,
            purpose: "joint",
            embargo: None,
        }
    }

    fn starts_at(&self) -> Timestamp {
        START.after_seconds(DAYS[self.day] * DAY_SECONDS)
    }

    /// What a point or an assessment is of: a week or a month.
    fn period(&self) -> Period {
        let kind = if self.id == 0 { PeriodKind::Week } else { PeriodKind::Month };
        Period::holding(kind, self.starts_at()).unwrap()
    }

    /// What it is published as.
    fn name(&self) -> ObservationId {
        let number = self.id;
        match self.form {
            Form::Observation => id!(ObservationId, &number.to_string()),
            Form::Series => {
                let series = id!(ObservationId, &format!("s{number}"));
                ObservationId::of_point(&series, self.period()).unwrap()
            }
            Form::Assessment => id!(ObservationId, &format!("a{number}")),
        }
    }

    pub(crate) fn observation(&self) -> Observation {
        let (category, kind, priority, _) = CATEGORIES[self.category];
        let seen = (self.starts_at(), self.starts_at().after_seconds(3_600));
        let (starts_at, ends_at) =
            if self.form == Form::Observation { seen } else { self.period().bounds() };
        let (counted, assessed) = (self.form != Form::Assessment, self.form != Form::Series);
        let source = id!(SourceId, if self.id == 0 { "patrol" } else { "reports" });
        let embargo = self.embargo.map(|beats| START.after_seconds(beats * super::BEAT_SECONDS));
        let labels = labels(AUDIENCES[self.audience], self.level, &[self.purpose], embargo);
        let placed = |secret: Secret| placed(&geography(self.geography), secret);
        let coordinates = self.coordinates.filter(|_| self.form == Form::Observation);
        Observation {
            id: self.name(),
            content: Content {
                form: self.form,
                category: id!(CategoryId, category),
                kind: Kind::from_code(kind).unwrap(),
                priority: id!(PriorityId, priority),
                geography: geography(self.geography),
                starts_at,
                ends_at,
                count: self.count.filter(|_| counted),
                severity: self.severity.and_then(Severity::of).filter(|_| assessed),
                trend: self.trend.and_then(Trend::of).filter(|_| assessed),
                basis: if counted { Basis::Fact } else { Basis::Assessment },
                source: Some(source).filter(|_| counted),
                reliability: None,
                credibility: None,
                labels: labels.into(),
            },
            sealed: Keys::seal(&placed(secret(self.note, coordinates))),
        }
    }
}

impl Tweak {
    fn of(self, one: &Observation) -> Observation {
        let mut one = one.clone();
        let content = &mut one.content;
        let form = content.form;
        match self {
            Self::Count(_) if form == Form::Assessment => {}
            Self::Severity(_) | Self::Starts(_) if form == Form::Series => {}
            Self::Coordinates(_) if form != Form::Observation => {}
            Self::Count(count) => content.count = Some(count),
            Self::Severity(grade) => content.severity = Severity::of(grade),
            Self::Note(note) => one.sealed = resealed(&one, |s| s.note = Some(note.to_string())),
            Self::Coordinates(at) => {
                let at = Coordinates { lat_e7: at, lon_e7: at };
                one.sealed = resealed(&one, |s| s.coordinates = Some(at));
            }
            Self::Geography(number) => {
                content.geography = geography(number);
                one.sealed = resealed(&one, |_| {});
            }
            Self::Starts(seconds) if form == Form::Assessment => {
                let moved = if seconds < 0 { content.starts_at } else { content.ends_at };
                let period = Period::holding(PeriodKind::Month, moved.after_seconds(seconds));
                (content.starts_at, content.ends_at) = period.unwrap().bounds();
            }
            Self::Starts(seconds) => {
                content.starts_at = content.starts_at.after_seconds(seconds);
                content.ends_at = content.starts_at.after_seconds(3_600);
            }
        }
        one
    }
}

pub(crate) fn geography(number: usize) -> Geography {
    let (sub_area, place) = GEOGRAPHIES[number];
    Geography {
        area: area(),
        sub_area: sub_area.map(|id| id!(SubAreaId, id)),
        place: place.map(|id| id!(PlaceId, id)),
    }
}

/// The starts that are drawn, before any tweak.
pub(crate) fn starts() -> impl Iterator<Item = Timestamp> {
    DAYS.iter().map(|day| START.after_seconds(day * DAY_SECONDS))
}

pub(crate) fn secret(note: Option<u8>, coordinates: Option<i32>) -> Secret {
    let coordinates = coordinates.map(|at| Coordinates { lat_e7: at, lon_e7: at });
    Secret { note: note.map(|note| note.to_string()), coordinates }
}

fn resealed(one: &Observation, change: impl FnOnce(&mut Secret)) -> Option<samsyn_domain::Sealed> {
    use samsyn_policy::Known as _;
    let keys = Keys(samsyn_domain::commit::object::ReferenceKey::new([0; 32]));
    let mut secret = one.sealed.as_ref().and_then(|s| keys.open(s)).unwrap_or_default();
    change(&mut secret);
    Keys::seal(&placed(&one.content.geography, secret))
}

/// Coordinates always lie in a part of the area.
fn placed(geography: &Geography, secret: Secret) -> Secret {
    let coordinates = secret.coordinates.filter(|_| geography.sub_area.is_some());
    Secret { coordinates, ..secret }
}

/// A category and a geography: mostly the same, so that there is something to agree on.
fn places() -> impl Strategy<Value = (usize, usize)> {
    let category = prop_oneof![2 => Just(0), 1 => 0..CATEGORIES.len()];
    let geography = prop_oneof![2 => Just(2), 1 => 0..GEOGRAPHIES.len()];
    (category, geography)
}

prop_compose! {
    fn puts()(
        (party, id) in (0..3_usize, 0..3_u8),
        form in prop_oneof![3 => Just(Form::Observation), 2 => select(Form::ALL.to_vec())],
        (category, geography) in places(),
        day in prop_oneof![3 => Just(0), 1 => 0..DAYS.len()],
        count in option::of(0..9_u32),
        severity in prop_oneof![1 => Just(None), 2 => select(vec![Some(1_u32), Some(2), Some(5)])],
        trend in option::of(1..4_i64),
        note in option::of(0..3_u8),
        coordinates in option::of(0..3_i32),
        audience in prop_oneof![3 => 0..3_usize, 2 => 3..AUDIENCES.len()],
        level in prop_oneof![5 => Just(1_u32), 1 => Just(3_u32)],
        purpose in prop_oneof![4 => Just("joint"), 1 => Just("other")],
        embargo in prop_oneof![5 => Just(None), 1 => (1..12_i64).prop_map(Some)],
    ) -> Put {
        Put { party, form, id, category, geography, day, count, severity, trend, note, coordinates,
            audience, level, purpose, embargo }
    }
}

fn tweaks() -> impl Strategy<Value = Tweak> {
    prop_oneof![
        (0..9_u32).prop_map(Tweak::Count),
        (1..6_u32).prop_map(Tweak::Severity),
        (0..3_u8).prop_map(Tweak::Note),
        (0..3_i32).prop_map(Tweak::Coordinates),
        (0..GEOGRAPHIES.len()).prop_map(Tweak::Geography),
        select(vec![-600_i64, 600, DAY_SECONDS]).prop_map(Tweak::Starts),
    ]
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let severity = Outcome::Severity(Severity::of(3).unwrap());
    select(vec![severity, Outcome::Dissent, Outcome::Trend(Trend::Flat)])
}

/// A beat that both worlds have, or one that only the second has.
fn beats() -> impl Strategy<Value = Beat> {
    let pick = || 0..64_usize;
    let put = puts().prop_map(Act::Put);
    let tweak = (pick(), tweaks()).prop_map(|(pick, tweak)| Act::Tweak { pick, tweak });
    let withdraw = pick().prop_map(|pick| Act::Withdraw { pick });
    let state = (pick(), outcomes(), prop::bool::weighted(0.7));
    let state = state.prop_map(|(pick, outcome, both)| Act::State { pick, outcome, both });
    let dissent = (pick(), select(Field::ALL.to_vec()), 0..3_usize);
    let dissent = dissent.prop_map(|(pick, field, party)| Act::Dissent { pick, field, party });
    let act = prop_oneof![
        10 => put,
        8 => tweak,
        2 => withdraw,
        3 => state,
        2 => dissent,
        1 => Just(Act::Tick),
    ];
    let hidden = prop::bool::weighted(0.5);
    let read = prop::bool::weighted(0.6);
    (act, hidden, read).prop_map(|(act, hidden, read)| Beat { act, hidden, read })
}

prop_compose! {
    fn rows(receiver: &'static str)(
        place in prop_oneof![
            2 => Just(Some("exact")),
            3 => select(vec![None, Some("sub_area"), Some("district")]),
        ],
        groups in any::<[bool; 5]>(),
        priorities in 0..3_usize,
        periods in 0..3_usize,
        wide in any::<bool>(),
        live in prop::bool::weighted(0.85),
        protected in prop::bool::weighted(0.15),
    ) -> RowSpec {
        RowSpec { receiver, place, groups, priorities, periods, wide, live, protected }
    }
}

/// Histories of up to so many beats.
pub(crate) fn cases(beats_max: usize) -> impl Strategy<Value = Case> {
    let rows = (rows("kv"), prop_oneof![rows("kv"), rows("fk")], any::<bool>());
    let rows = rows.prop_map(|(first, second, one)| {
        if one && second.receiver == "kv" { vec![first] } else { vec![first, second] }
    });
    let beats = prop::collection::vec(beats(), 2..beats_max);
    (rows, beats, any::<bool>()).prop_map(|(rows, beats, edition)| Case { rows, beats, edition })
}
