//! What records, acknowledgements and links say of one observation, over states made by hand.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, EditionId, FeatureLevel, Form, Geography, Kind,
    Labels, LegalBasisId, Observation, ObservationId, OrganisationId, PartyId, PriorityId,
    PurposeId, Regime, Sealed, Secrecy, ServiceId, State, Timestamp, UnitKey,
    command::{Actor, Command, Found, Submission},
    disclosure::{
        Acknowledged, Advance, Change, ClassId, Disclosure, Ground, Object, Step, ViewPart,
    },
    edition::{Edition, Locked, Phase, Round},
    registry::{Document, Track},
    row::{Revised, Row, Stage, What},
};
use serde_json::json;

use super::{Held, Holder, ObservationRef, Way, gathered::Gathered};

const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);
const CLASS: [u8; 32] = [7; 32];

macro_rules! id {
    ($kind:ident, $text:expr) => {
        $kind::parse($text).unwrap()
    };
}

mod changed;
mod links;

fn at(second: i64) -> Timestamp {
    NOW.after_seconds(second)
}

/// Two parties of a city, one of the police; a partner with a row; a peer that has it delivered.
fn document() -> Document {
    let named = |id: &str| json!({"id": id, "sv": id, "en": id});
    let organisation = |id: &str, orgnr: &str| {
        let domain = format!("{id}.example");
        json!({"id": id, "name": id, "orgnr": orgnr, "trust_domain": domain, "clearance": 3})
    };
    let party = |id: &str, of: &str, kind: &str| {
        json!({"id": id, "organisation": of, "name": id, "kind": kind,
            "sub_kind": "x"})
    };
    let service = |id: &str, of: &str, parties: &[&str]| {
        json!({"id": id, "organisation": of, "parties": parties,
            "roles": ["reader"]})
    };
    let signs = |party: &str| json!({"party": party, "capacity": "x"});
    let row = |id: &str, receiver: &str, live: bool| {
        json!({"id": id, "receiver": receiver, "areas": ["a"], "priorities": ["p"],
            "kinds": ["observed_disorder"], "periods": ["month"],
            "shown": {"identity": "exact", "place": "exact"}, "purposes": ["u"],
            "legal_bases": ["law"], "live": live, "protected_counts": false,
            "valid_from": "2020-01-01", "valid_to": "2030-01-01"})
    };
    serde_json::from_value(json!({
        "lists": {"priorities": [named("p")], "purposes": [named("u")],
            "legal_bases": [named("law")], "sources": [named("s")], "retention_days_max": 400},
        "organisations": [organisation("stad", "1"), organisation("polis", "2"),
            organisation("kv", "3"), organisation("fk", "4")],
        "parties": [party("sdf", "stad", "municipal"), party("trafik", "stad", "municipal"),
            party("lpo", "polis", "police")],
        "services": [service("stad/sdf", "stad", &["sdf"]),
            service("stad/trafik", "stad", &["trafik"]), service("polis/lpo", "polis", &["lpo"]),
            service("kv/reader", "kv", &[]), service("fk/reader", "fk", &[])],
        "categories": [{"id": "graffiti", "sv": "g", "en": "g", "kind": "observed_disorder",
            "priority": "p", "geography": "district"}],
        "areas": [{"id": "a", "name": "A"}],
        "agreements": [{"id": "a-1", "area": "a", "valid_from": "2024-01-01",
            "signatories": [signs("sdf"), signs("trafik"), signs("lpo")], "periods": ["month"],
            "tracks": {}, "conflict_roles": []}],
        "release_rows": [row("row-kv", "kv", true), row("row-fk", "fk", false)],
    }))
    .unwrap()
}

/// A state with what its test puts into it, second by second.
struct World {
    state: State,
    recorded: u64,
    steps: u64,
    revision: u64,
}

impl World {
    fn new() -> Self {
        Self::of(document())
    }

    fn of(document: Document) -> Self {
        let mut state = State::default();
        let found = Found {
            domain: "d".into(),
            document: document.into(),
            key_file: [0; 32],
            policy: [1; 32],
            level: FeatureLevel::FIRST,
        };
        let actor = Actor {
            organisation: id!(OrganisationId, "stad"),
            service: id!(ServiceId, "stad/sdf"),
            role: None,
            pseudonym: None,
        };
        let (command, valid_until) = (Command::Found(Box::new(found)), at(1_000_000));
        let submission = Submission { actor, key: None, epoch: 0, valid_until, command };
        state.apply(at(0), 1, &submission);
        assert!(state.founded().is_some());
        Self { state, recorded: 0, steps: 0, revision: 0 }
    }

    /// The observation is published for some, or withdrawn, at a second.
    fn is(&mut self, second: i64, audience: Option<&[&str]>) {
        self.revision += 1;
        let revision = self.revision;
        let (area, party) = (id!(AreaId, "a"), id!(PartyId, "sdf"));
        let observation = audience.map(|audience| {
            let id = id!(ObservationId, "o");
            Arc::new(Observation { id, content: content(audience), sealed: None })
        });
        self.state.absorb(Row::Stage(Stage {
            area: area.clone(),
            party: party.clone(),
            id: id!(ObservationId, "o"),
            revision,
            version: revision,
            embargoed: false,
            observation,
        }));
        let (at, what) = (at(second), What::Publication);
        self.state.absorb(Row::Revision(Revised { area, revision, at, party, what }));
    }

    fn record(&mut self, second: i64, to: &str, object: Object, rule: &str) -> Disclosure {
        self.recorded += 1;
        Disclosure {
            sequence: self.recorded,
            at: at(second),
            receiver: id!(OrganisationId, to.split_once('/').map_or(to, |(one, _)| one)),
            service: id!(ServiceId, to),
            serial: String::new(),
            ground: ground(),
            object,
            revision: self.revision,
            groups: BTreeSet::new(),
            rules: [rule.to_owned()].into(),
            rows: 1,
            digest: [0; 32],
            epoch: 1,
            view: None,
        }
    }

    fn joint(&mut self, second: i64, to: &str, rule: &str) {
        let object = Object::Joint(id!(AreaId, "a"), "2025-10".parse().unwrap());
        let record = self.record(second, to, object, rule);
        self.state.absorb(Row::Disclosure(record.into()));
    }

    /// The view goes a step on, to the area's revision of now.
    fn steps(&mut self, second: i64) {
        self.steps += 1;
        let change =
            Change::Area { area: id!(AreaId, "a"), from: self.steps - 1, to: self.revision };
        let (class, receiver) = (ClassId::of(CLASS), id!(OrganisationId, "kv"));
        let revision = self.steps;
        let advance = Advance { class, receiver, revision, change, digest: [0; 32] };
        self.state.absorb(Row::Step(Step { at: at(second), advance }.into()));
    }

    /// Somebody is given the view up to where it stands.
    fn follows(&mut self, second: i64, to: &str, receiver: &str, rule: &str) {
        let mut record = self.record(second, to, Object::View(id!(AreaId, "a")), rule);
        record.receiver = id!(OrganisationId, receiver);
        record.view = Some(ViewPart { class: ClassId::of(CLASS), revision: self.steps });
        self.state.absorb(Row::Disclosure(record.into()));
    }

    fn stores(&mut self, second: i64, service: &str) {
        self.state.absorb(Row::Acknowledged(Acknowledged {
            class: ClassId::of(CLASS),
            service: id!(ServiceId, service),
            revision: self.steps,
            at: at(second),
        }));
    }

    fn holders(&self) -> Vec<Holder> {
        let of = ObservationRef {
            party: id!(PartyId, "sdf"),
            area: id!(AreaId, "a"),
            observation: id!(ObservationId, "o"),
        };
        let index = self.state.area(&of.area).unwrap();
        let mut gathered = Gathered::new(&self.state, index, &of);
        self.state.evidence().disclosures().iter().for_each(|record| gathered.take(record));
        gathered.holders(at(1_000))
    }

    /// Who, on which way, and whether it is still there.
    fn told(&self) -> Vec<(String, Way, Held)> {
        let holders = self.holders().into_iter();
        holders.map(|one| (one.service.to_string(), one.way, one.held)).collect()
    }

    fn only(&self) -> Holder {
        let holders = self.holders();
        let [holder] = holders.as_slice() else { panic!("{holders:?}") };
        holder.clone()
    }
}

fn ground() -> Ground {
    let (purpose, legal_basis) = (id!(PurposeId, "u"), id!(LegalBasisId, "law"));
    Ground { purpose, legal_basis, weighing: None }
}

fn content(audience: &[&str]) -> Content {
    let labels = Labels {
        level: Secrecy::of(1).unwrap(),
        audience: audience.iter().map(|token| id!(Audience, *token)).collect(),
        purposes: [id!(PurposeId, "u")].into(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: at(86_400),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    };
    Content {
        form: Form::Observation,
        category: id!(CategoryId, "graffiti"),
        kind: Kind::ObservedDisorder,
        priority: id!(PriorityId, "p"),
        geography: Geography { area: id!(AreaId, "a"), sub_area: None, place: None },
        starts_at: at(0),
        ends_at: at(1),
        count: Some(1),
        severity: None,
        trend: None,
        basis: Basis::Fact,
        source: None,
        reliability: None,
        credibility: None,
        labels: labels.into(),
    }
}

const SIGNED: &str = "POL-31";
const KV: &str = "POL-12/row-kv";
const ALL: &[&str] = &["signatories", "kv", "fk"];

#[test]
fn what_a_call_has_shown_is_never_confirmed() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.joint(2, "polis/lpo", SIGNED);
    world.joint(3, "polis/lpo", SIGNED);
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Call, Held::Has));
    assert_eq!((holder.first_at, holder.last_at), (at(2), at(3)));
    assert!(!holder.in_passing);
    world.is(4, None);
    // What it read since does not show it, and takes nothing back.
    world.joint(5, "polis/lpo", SIGNED);
    let holder = world.only();
    assert_eq!((holder.held, holder.last_at), (Held::Unconfirmed, at(3)));
}

#[test]
fn who_follows_confirms_by_what_it_has_stored_where_it_went_or_after() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, "kv/reader", "kv", KV);
    world.stores(4, "kv/reader");
    assert_eq!(world.only().held, Held::Has);
    world.is(5, None);
    assert_eq!(world.only().held, Held::Unconfirmed, "its view has not gone on");
    world.steps(6);
    world.follows(7, "kv/reader", "kv", KV);
    assert_eq!(world.only().held, Held::Unconfirmed, "it has not said so");
    world.stores(8, "fk/reader");
    assert_eq!(world.only().held, Held::Unconfirmed, "another has");
    world.stores(9, "kv/reader");
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Followed, Held::Confirmed(at(9))));
    assert_eq!((holder.first_at, holder.last_at, holder.in_passing), (at(3), at(3), false));
}

#[test]
fn what_was_given_again_is_to_be_confirmed_again() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, "kv/reader", "kv", KV);
    world.is(4, None);
    world.steps(5);
    world.stores(6, "kv/reader");
    assert_eq!(world.only().held, Held::Confirmed(at(6)));
    // From an earlier cursor, up to where it still was.
    world.steps = 1;
    world.follows(7, "kv/reader", "kv", KV);
    assert_eq!(world.only().held, Held::Unconfirmed);
}

#[test]
fn labels_that_are_narrowed_take_it_from_some_and_not_from_others() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.steps(2);
    world.follows(3, "kv/reader", "kv", KV);
    world.joint(3, "polis/lpo", SIGNED);
    world.is(4, Some(&["signatories"]));
    world.steps(5);
    let told = |held| {
        [
            ("kv/reader".to_owned(), Way::Followed, held),
            ("polis/lpo".to_owned(), Way::Call, Held::Has),
        ]
    };
    assert_eq!(world.told(), told(Held::Unconfirmed));
    world.follows(6, "kv/reader", "kv", KV);
    world.stores(7, "kv/reader");
    assert_eq!(world.told(), told(Held::Confirmed(at(7))));
    // By what was narrowed, it is shown at its earlier revision to nobody any more.
    world.follows(8, "fk/reader", "kv", KV);
    assert_eq!(world.told(), told(Held::Confirmed(at(7))));
}

#[test]
fn whom_it_was_never_shown_to_is_not_named() {
    let mut world = World::new();
    // Nothing is there yet.
    world.joint(1, "polis/lpo", SIGNED);
    world.is(2, Some(&["signatories"]));
    world.joint(3, "kv/reader", KV);
    world.joint(3, "fk/reader", "POL-12/row-fk");
    // Its own party's system, and one of another period.
    world.joint(3, "stad/sdf", SIGNED);
    let other = Object::Joint(id!(AreaId, "a"), "2025-09".parse().unwrap());
    let record = world.record(3, "polis/lpo", other, SIGNED);
    world.state.absorb(Row::Disclosure(record.into()));
    let list = world.record(3, "polis/lpo", Object::Revisions(id!(AreaId, "a")), SIGNED);
    world.state.absorb(Row::Disclosure(list.into()));
    world.is(4, Some(&[]));
    // What its party keeps is not for another party of the same organisation either.
    world.joint(5, "stad/trafik", SIGNED);
    // To a row that is not live nothing live is shown.
    world.is(6, Some(&["fk"]));
    world.joint(7, "fk/reader", "POL-12/row-fk");
    world.joint(7, "polis/lpo", SIGNED);
    world.is(8, None);
    world.joint(9, "stad/trafik", SIGNED);
    assert_eq!(world.told(), []);
    world.is(10, Some(&["signatories"]));
    world.joint(11, "stad/trafik", SIGNED);
    assert_eq!(world.only().service, id!(ServiceId, "stad/trafik"));
}

#[test]
fn a_signatory_is_addressed_as_one_by_its_party_or_by_its_organisation() {
    for token in ["signatories", "lpo", "polis"] {
        let mut world = World::new();
        world.is(1, Some(&[token]));
        world.joint(2, "polis/lpo", SIGNED);
        world.joint(2, "stad/trafik", SIGNED);
        let others = if token == "signatories" { 2 } else { 1 };
        assert_eq!(world.told().len(), others, "{token}");
        assert!(world.told().iter().any(|(who, ..)| who == "polis/lpo"), "{token}");
    }
}

#[test]
fn what_may_have_been_shown_only_in_passing_is_told_apart() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.steps(2);
    world.is(3, None);
    world.steps(4);
    // Whether it followed from before, or began only now, no record tells.
    world.follows(5, "kv/reader", "kv", KV);
    let holder = world.only();
    assert_eq!((holder.held, holder.in_passing), (Held::Unconfirmed, true));
    world.stores(6, "kv/reader");
    assert_eq!(world.only().held, Held::Confirmed(at(6)));
    // What comes after it is of another time.
    world.is(7, None);
    world.steps(8);
    world.follows(9, "kv/reader", "kv", KV);
    assert_eq!(world.only().last_at, at(5));
}

fn edition(locked: &[u64]) -> Edition {
    let sealed = || Sealed { key: UnitKey::named("unit"), bytes: [0].into() };
    let rounds = locked.iter().zip(1..).map(|(revision, number)| Round {
        number,
        locked: Locked {
            revision: *revision,
            root: [0; 32],
            basis: [0; 32],
            secrets: sealed(),
            analysis_labels: Labels::clone(&content(&[]).labels),
            objects: 1,
        },
        descriptor: [0; 32],
        locked_by: id!(PartyId, "sdf"),
        locked_at: at(2),
        answers: Vec::new(),
    });
    Edition {
        id: id!(EditionId, "a:2025-10:strategic:1"),
        area: id!(AreaId, "a"),
        period: "2025-10".parse().unwrap(),
        track: Track::Strategic,
        phase: Phase::InReview,
        due: at(100),
        overdue: false,
        opened_by: id!(PartyId, "sdf"),
        opened_at: at(1),
        rounds: rounds.collect(),
        released: None,
    }
}

#[test]
fn an_edition_has_it_as_long_as_it_is_locked_with_it() {
    let mut world = World::new();
    world.is(1, Some(ALL));
    world.state.absorb(Row::Edition(edition(&[1]).into()));
    let object = Object::Review(id!(EditionId, "a:2025-10:strategic:1"));
    let record = world.record(3, "polis/lpo", object, SIGNED);
    world.state.absorb(Row::Disclosure(record.into()));
    world.is(4, None);
    let holder = world.only();
    assert_eq!((holder.way, holder.held), (Way::Edition, Held::Has));
    assert_eq!(holder.edition, Some(id!(EditionId, "a:2025-10:strategic:1")));
    world.state.absorb(Row::Edition(edition(&[1, 2]).into()));
    assert_eq!(world.only().held, Held::Unconfirmed);
}
