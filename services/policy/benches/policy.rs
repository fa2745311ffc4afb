//! Authorisation cold, and the view of a thousand observations warm, with its growth.

use std::{collections::BTreeSet, error::Error, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samsyn_domain::{
    AreaId, Audience, Basis, Caller, CategoryId, Content, FeatureLevel, Form, Geography, Kind,
    Labels, LegalBasisId, Observation, ObservationId, OrganisationId, PartyId, Period, PlaceId,
    PriorityId, PurposeId, Regime, Sealed, Secrecy, Secret, ServiceId, Severity, SourceId, State,
    SubAreaId, Timestamp, UnitKey,
    command::{Actor, Command, Digest, Found, Grants, Publish, Submission},
    commit::{canonical::Message, dsse::Signature, hash, object::ReferenceKey},
    disclosure::Ground,
    registry::Document,
    row::Stage,
};
use samsyn_policy::{At, Egress, Known, Policy, Reader};

type Outcome<T> = Result<T, Box<dyn Error>>;

const START: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
const SIZES: [u32; 3] = [100, 1_000, 10_000];
/// Observations to one finding.
const PER_PLACE: u32 = 10;

struct Keys(ReferenceKey);

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let (party, area) = (stage.party.as_str(), stage.area.as_str());
        let id = self.0.object_id(stage.form().into(), party, area, stage.id.as_str());
        id.map(|id| *id.as_bytes()).unwrap_or_default()
    }

    fn open(&self, _: &Sealed) -> Option<Secret> {
        None
    }

    fn digest(&self, shown: &[u8]) -> Digest {
        hash::hash(&[shown]).0
    }

    fn reference_key(&self) -> &ReferenceKey {
        &self.0
    }

    fn unit_key(&self, _: &UnitKey) -> Option<[u8; 32]> {
        None
    }

    fn open_message(&self, _: &Sealed) -> Option<Message> {
        None
    }

    fn sign_release(&self, _: &[u8]) -> Signature {
        Signature([0; 64])
    }
}

struct World {
    state: State,
    policy: Policy,
    keys: Keys,
    reader: Reader,
}

impl World {
    /// Observations of one class of labels that a partner may have, decided and recorded.
    fn new(observations: u32) -> Outcome<Self> {
        let schema = include_str!("../../../config/policy/samsyn.cedarschema");
        let policies = include_str!("../../../config/policy/samsyn.cedar");
        #[expect(clippy::disallowed_methods, reason = "a benchmark is its own app")]
        let (policy, _) = Policy::load(schema, policies)?;
        let document: Document =
            toml::from_str(include_str!("../../../config/registry/stockholm-demo.toml"))?;
        let (document, key_file, digest) = (document.into(), [0; 32], *policy.digest());
        let found = Found {
            domain: "d".into(),
            document,
            key_file,
            policy: digest,
            level: FeatureLevel::FIRST,
        };
        let mut state = State::default();
        apply(&mut state, 1, Command::Found(found.into()))?;
        let upserts = (0..observations).map(observation).collect::<Outcome<Vec<_>>>()?;
        let (party, area) = (PartyId::parse("sdf-skarholmen")?, area()?);
        let publish = Publish {
            party,
            area,
            base_version: 0,
            upserts,
            withdrawn: Vec::new(),
            reason: None,
            covers: None,
            manifest: None,
            parts: None,
        };
        apply(&mut state, 2, Command::Publish(publish))?;
        let reader = reader(&state)?;
        let mut world = Self { state, policy, keys: Keys(ReferenceKey::new([4; 32])), reader };
        let grants = world.decide()?;
        apply(&mut world.state, 3, Command::Grants(Grants { grants }))?;
        Ok(world)
    }

    fn decide(&self) -> Outcome<Vec<samsyn_domain::disclosure::Grant>> {
        let registry = self.state.registry();
        let month = Some(samsyn_domain::PeriodKind::Month);
        let rights = self.reader.rights(registry, month, true);
        let area = area()?;
        let labels = self.state.area(&area).into_iter().flat_map(|area| area.labels());
        let decide = |label| self.policy.decide(&self.state, &rights, label);
        labels.map(decide).collect::<Result<_, _>>().map_err(|denial| denial.to_string().into())
    }

    fn view(&self, area: &AreaId, period: Period) -> usize {
        let egress = Egress::new(&self.state, &self.keys, &self.reader);
        let view = egress.joint(area, period, At::Newest);
        view.map_or(0, |projection| projection.disclosures().len())
    }
}

fn authorisation(c: &mut Criterion) -> Outcome<()> {
    let world = World::new(1)?;
    c.bench_function("decide one class cold", |b| b.iter(|| world.decide().is_ok()));
    Ok(())
}

fn projection(c: &mut Criterion) -> Outcome<()> {
    let (area, period) = (area()?, "2025-10".parse()?);
    let mut group = c.benchmark_group("view");
    for size in SIZES {
        let world = World::new(size)?;
        if world.view(&area, period) == 0 {
            return Err("the partner sees nothing".into());
        }
        group.throughput(Throughput::Elements(size.into()));
        group.bench_with_input(BenchmarkId::from_parameter(size), &world, |b, world| {
            b.iter(|| black_box(world.view(&area, period)));
        });
    }
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(error) = authorisation(c).and_then(|()| projection(c)) {
        eprintln!("the benchmark cannot be made: {error}");
    }
}

fn apply(state: &mut State, position: u64, command: Command) -> Outcome<()> {
    let actor = Actor {
        organisation: OrganisationId::parse("stockholms-stad")?,
        service: ServiceId::parse("stockholms-stad/sdf-skarholmen")?,
        role: None,
        pseudonym: None,
    };
    let (epoch, valid_until) = (state.epoch(), START.after_seconds(60));
    let submission = Submission { actor, key: None, epoch, valid_until, command };
    black_box(state.apply(START, position, &submission));
    Ok(())
}

fn reader(state: &State) -> Outcome<Reader> {
    let organisation = OrganisationId::parse("raddningstjansten")?;
    let service = ServiceId::parse("raddningstjansten/raddningstjansten")?;
    #[expect(clippy::disallowed_methods, reason = "a benchmark is its own edge")]
    let caller =
        Caller::authenticated(organisation, service, "1".into(), START.after_seconds(86_400));
    let ground = Ground {
        purpose: PurposeId::parse("joint_picture")?,
        legal_basis: LegalBasisId::parse("osl_6_5")?,
        weighing: None,
    };
    Reader::of(state, START, &caller, ground).map_err(|denial| denial.to_string().into())
}

fn area() -> Outcome<AreaId> {
    Ok(AreaId::parse("sthlm-skarholmen")?)
}

fn observation(number: u32) -> Outcome<Observation> {
    let labels = Labels {
        level: Secrecy::of(1).ok_or("no such level")?,
        audience: BTreeSet::from([Audience::parse("partners")?]),
        purposes: BTreeSet::from([PurposeId::parse("joint_picture")?]),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: START,
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    };
    let place = format!("sthlm-skarholmen/satra/p{}", number / PER_PLACE);
    let starts_at = START.after_seconds(i64::from(number % 1_000));
    Ok(Observation {
        id: ObservationId::parse(&number.to_string())?,
        content: Content {
            form: Form::Observation,
            category: CategoryId::parse("graffiti")?,
            kind: Kind::ObservedDisorder,
            priority: PriorityId::parse("unsafe_places")?,
            geography: Geography {
                area: area()?,
                sub_area: Some(SubAreaId::parse("sthlm-skarholmen/satra")?),
                place: Some(PlaceId::parse(&place)?),
            },
            starts_at,
            ends_at: starts_at.after_seconds(60),
            count: Some(1),
            severity: Severity::of(2),
            trend: None,
            basis: Basis::Fact,
            source: Some(SourceId::parse("inspection")?),
            reliability: None,
            credibility: None,
            labels: labels.into(),
        },
        sealed: None,
    })
}

criterion_group!(benches, all);
criterion_main!(benches);
