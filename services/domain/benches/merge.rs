//! The merge of a whole period, and what one changed observation costs in an area that is ever
//! larger: the second must not grow with the area.

use std::{collections::BTreeSet, error::Error, hint::black_box};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, FeatureLevel, Form, Geography, Kind, Labels,
    Level, Observation, ObservationId, OrganisationId, PartyId, Period, PlaceId, PriorityId,
    Regime, Secrecy, ServiceId, Severity, SourceId, State, SubAreaId, Timestamp,
    command::{Actor, Command, Found, Publish, Submission},
    in_full,
    merge::{self, Decisions, Finding, Key, Seen},
    registry::Document,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const START: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
/// Observations to one finding.
const PER_PLACE: u32 = 10;
/// How many are published at a time.
const PER_PUBLICATION: usize = 1_000;

struct World {
    state: State,
    position: u64,
}

impl World {
    fn new(observations: u32) -> Outcome<Self> {
        let mut world = Self { state: State::default(), position: 0 };
        let document: Document = serde_json::from_value(document())?;
        let (document, key_file, policy) = (document.into(), [0; 32], [1; 32]);
        let found =
            Found { domain: "d".into(), document, key_file, policy, level: FeatureLevel::FIRST };
        world.apply(Command::Found(found.into()))?;
        let all = (0..observations).map(|n| observation(n, 2)).collect::<Outcome<Vec<_>>>()?;
        for some in all.chunks(PER_PUBLICATION) {
            world.publish(some.to_vec())?;
        }
        Ok(world)
    }

    fn apply(&mut self, command: Command) -> Outcome<()> {
        self.position = self.position.saturating_add(1);
        let actor = Actor {
            organisation: OrganisationId::parse("stad")?,
            service: ServiceId::parse("stad/sdf")?,
            role: None,
            pseudonym: None,
        };
        let (epoch, valid_until) = (self.state.epoch(), START.after_seconds(60));
        let submission = Submission { actor, key: None, epoch, valid_until, command };
        black_box(self.state.apply(START, self.position, &submission));
        Ok(())
    }

    fn publish(&mut self, upserts: Vec<Observation>) -> Outcome<()> {
        let (party, area) = (PartyId::parse("sdf")?, AreaId::parse("a")?);
        let base_version = self.state.picture(&party, &area).version();
        let withdrawn = Vec::new();
        let publish = Publish {
            party,
            area,
            base_version,
            upserts,
            withdrawn,
            reason: None,
            covers: None,
            manifest: None,
            parts: None,
        };
        self.apply(Command::Publish(publish))
    }

    fn seen(&self, period: Period) -> Outcome<Vec<Seen>> {
        let area = AreaId::parse("a")?;
        let index = self.state.area(&area).ok_or("the area is empty")?;
        let stages = index.contributions(period, index.revision());
        Ok(stages.filter_map(|stage| in_full(self.state.registry(), stage)).collect())
    }

    /// The finding of one place, as a stream would make it after a change.
    fn finding(&self, key: &Key, period: Period) -> Option<Finding> {
        let index = self.state.area(&key.geography.area)?;
        let stages = index.contributions_to(key, period, index.revision());
        let seen = stages.filter_map(|stage| in_full(self.state.registry(), stage)).collect();
        let decisions = index.decisions(period, index.revision(), BTreeSet::new());
        merge::finding(key.clone(), period, seen, &decisions, Vec::new())
    }
}

fn merges(c: &mut Criterion) -> Outcome<()> {
    let period: Period = "2025-10".parse()?;
    let mut group = c.benchmark_group("merge");
    for size in [100, 1_000, 10_000] {
        let seen = World::new(size)?.seen(period)?;
        group.throughput(Throughput::Elements(size.into()));
        group.bench_with_input(BenchmarkId::from_parameter(size), &seen, |b, seen| {
            let decisions = Decisions::default();
            b.iter_batched(
                || seen.clone(),
                |seen| merge::merge(period, seen, &decisions, |_| Level::Place),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
    Ok(())
}

fn changes(c: &mut Criterion) -> Outcome<()> {
    let period: Period = "2025-10".parse()?;
    let mut group = c.benchmark_group("one_change_in");
    for size in [100, 10_000, 100_000] {
        let mut world = World::new(size)?;
        let content = observation(0, 2)?.content;
        let key = Key { geography: content.geography, category: content.category };
        let pair = [observation(0, 3)?, observation(0, 4)?];
        let mut turns = pair.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                let published = world.publish(turns.next().cloned().into_iter().collect());
                (published.is_ok(), world.finding(&key, period))
            });
        });
    }
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(error) = merges(c).and_then(|()| changes(c)) {
        eprintln!("the benchmark cannot be made: {error}");
    }
}

fn observation(number: u32, severity: u32) -> Outcome<Observation> {
    let labels = Labels {
        level: Secrecy::MAX,
        audience: BTreeSet::from([Audience::parse("signatories")?]),
        purposes: BTreeSet::new(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: START,
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    };
    let geography = Geography {
        area: AreaId::parse("a")?,
        sub_area: Some(SubAreaId::parse("a/s")?),
        place: Some(PlaceId::parse(&format!("a/s/{}", number / PER_PLACE))?),
    };
    let starts_at = START.after_seconds(i64::from(number % 1_000));
    Ok(Observation {
        id: ObservationId::parse(&number.to_string())?,
        content: Content {
            form: Form::Observation,
            category: CategoryId::parse("graffiti")?,
            kind: Kind::ObservedDisorder,
            priority: PriorityId::parse("unsafe_places")?,
            geography,
            starts_at,
            ends_at: starts_at.after_seconds(60),
            count: Some(1),
            severity: Severity::of(severity),
            trend: None,
            basis: Basis::Fact,
            source: Some(SourceId::parse("reports")?),
            reliability: None,
            credibility: None,
            labels: labels.into(),
        },
        sealed: None,
    })
}

fn document() -> serde_json::Value {
    serde_json::json!({
        "lists": {"priorities": [{"id": "unsafe_places", "sv": "s", "en": "e"}]},
        "organisations": [{"id": "stad", "name": "Stad", "orgnr": "1",
            "trust_domain": "stad.example", "clearance": 3}],
        "parties": [{"id": "sdf", "organisation": "stad", "name": "SDF", "kind": "municipal",
            "sub_kind": "d"}],
        "categories": [{"id": "graffiti", "sv": "Klotter", "en": "Graffiti",
            "kind": "observed_disorder", "priority": "unsafe_places", "geography": "place"}],
        "areas": [{"id": "a", "name": "A"}],
    })
}

criterion_group!(benches, all);
criterion_main!(benches);
