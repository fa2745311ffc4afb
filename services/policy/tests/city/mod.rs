//! The demo city, founded from the registry and the policy that are kept under `config`.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Basis, Caller, CategoryId, Content, EditionId, FeatureLevel, Form, KeyId, Kind, Labels,
    LegalBasisId, Observation, ObservationId, OrganisationId, PartyId, Period, PriorityId,
    PurposeId, Regime, Sealed, Secrecy, ServiceId, SourceId, State, SubAreaId, Timestamp, UnitKey,
    command::{
        Acknowledge, Actor, AnswerEdition, ApproveChange, Command, Found, LockEdition, OpenEdition,
        ProposeChange, Publish, RecordDissent, ReleaseEdition, Reply, ResolveConflict, Submission,
        SuspendService, WithdrawChange,
    },
    disclosure::{ClassId, Ground},
    edition::{Answer, Locked, Verdict},
    merge::{ConflictRef, Field, Key, Outcome},
    registry::{
        Base, Change, Document, Operation, ProposalId, RecordKey, Role, Service, Signed, Table,
        Track,
    },
};
use samsyn_policy::Policy;

macro_rules! id {
    ($kind:ident, $text:expr) => {
        $kind::parse($text).unwrap()
    };
}
pub(crate) use id;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
pub(crate) const AREA: &str = "sthlm-skarholmen";
pub(crate) const SDF: &str = "sdf-skarholmen";
const LPO: &str = "lpo-skarholmen";
const ELSEWHERE: &str = "sthlm-farsta";
const EDITION: &str = "sthlm-skarholmen:2025-10:operative:1";

/// The city as it stands.
pub(crate) struct City {
    pub(crate) state: State,
    position: u64,
}

impl City {
    pub(crate) fn new() -> Self {
        Self::founded(document())
    }

    /// With a service for each role, all speaking for the district administration.
    pub(crate) fn with_a_service_a_role() -> Self {
        let mut document = document();
        let mut service = |name: &str, roles: &[Role], parties: &[&str]| {
            document.services.push(Service {
                id: id!(ServiceId, &format!("stockholms-stad/{name}")),
                organisation: id!(OrganisationId, "stockholms-stad"),
                parties: parties.iter().map(|party| id!(PartyId, party)).collect(),
                roles: roles.iter().copied().collect(),
                suspended: false,
            });
        };
        for role in Role::ALL {
            service(&format!("only-{}", role.as_str()), &[role], &[SDF]);
        }
        service("without-party", &Role::ALL, &[]);
        service("suspended", &Role::ALL, &[SDF]);
        Self::founded(document)
    }

    fn founded(document: Document) -> Self {
        let mut city = Self { state: State::default(), position: 0 };
        let (document, key_file) = (document.into(), [0; 32]);
        let found = Found {
            domain: "d".into(),
            document,
            key_file,
            policy: *policy().digest(),
            level: FeatureLevel::FIRST,
        };
        assert_eq!(city.apply(Command::Found(found.into())), Reply::Epoch { epoch: 1 });
        city
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.position += 1;
        let actor = Actor {
            organisation: id!(OrganisationId, "stockholms-stad"),
            service: id!(ServiceId, "stockholms-stad/registrar"),
            role: None,
            pseudonym: None,
        };
        let (epoch, valid_until) = (self.state.epoch(), NOW.after_seconds(30));
        let submission = Submission { actor, key: None, epoch, valid_until, command };
        self.state.apply(NOW, self.position, &submission).reply
    }

    pub(crate) fn suspend(&mut self, service: &str) {
        let suspend = SuspendService { service: id!(ServiceId, service), reason: None };
        assert!(matches!(self.apply(Command::SuspendService(suspend)), Reply::Epoch { .. }));
    }

    pub(crate) fn open_edition(&mut self) {
        let reply = self.apply(open(SDF, AREA));
        let (id, round) = (id!(EditionId, EDITION), 0);
        assert_eq!(reply, Reply::Edition { id, round });
    }

    /// Every command of callers: for the own party, another party, another area.
    pub(crate) fn commands(&self, role: Role) -> Vec<(&'static str, Command)> {
        vec![
            ("publish", publish(SDF, AREA, None)),
            ("publish in its sub-area", publish(SDF, AREA, Some("sthlm-skarholmen/satra"))),
            ("publish in another sub-area", publish(SDF, AREA, Some("sthlm-farsta/farsta"))),
            ("publish for another party", publish(LPO, AREA, None)),
            ("publish in another area", publish(SDF, ELSEWHERE, None)),
            ("resolve", resolve(SDF, AREA, role)),
            ("resolve for another party", resolve(LPO, AREA, role)),
            ("resolve in another area", resolve(SDF, ELSEWHERE, role)),
            ("dissent", dissent(SDF, AREA)),
            ("dissent for another party", dissent(LPO, AREA)),
            ("dissent in another area", dissent(SDF, ELSEWHERE)),
            ("open", open(SDF, AREA)),
            ("open for another party", open(LPO, AREA)),
            ("open in another area", open(SDF, ELSEWHERE)),
            ("lock", lock(SDF, EDITION)),
            ("lock for another party", lock(LPO, EDITION)),
            ("lock what is not", lock(SDF, "sthlm-skarholmen:2025-10:operative:9")),
            ("answer", answer(SDF, role)),
            ("answer for another party", answer(LPO, role)),
            ("release", release(SDF)),
            ("release for another party", release(LPO)),
            ("acknowledge", Command::Acknowledge(acknowledge())),
            ("suspend a service", Command::SuspendService(suspension())),
            ("propose a change", Command::ProposeChange(self.proposal().into())),
            ("approve a change", Command::ApproveChange(approval().into())),
            ("withdraw a change", Command::WithdrawChange(WithdrawChange { proposal: PROPOSAL })),
        ]
    }
}

impl City {
    fn proposal(&self) -> ProposeChange {
        let (change, digest) = (self.removal(), *self.state.registry_digest());
        let base = Base { epoch: self.state.epoch(), digest };
        ProposeChange { change, base, signed: signed(), reason: None }
    }

    fn removal(&self) -> Change {
        let id = self.state.registry().release_rows().next().unwrap().id.to_string();
        let key = RecordKey { table: Table::ReleaseRows, id };
        Change::of(vec![Operation::Remove(key)]).unwrap()
    }
}

const PROPOSAL: ProposalId = ProposalId(1);

fn approval() -> ApproveChange {
    ApproveChange { proposal: PROPOSAL, signed: signed() }
}

fn signed() -> Signed {
    Signed {
        organisation: id!(OrganisationId, "stockholms-stad"),
        service: id!(ServiceId, "stockholms-stad/registrar"),
        key: id!(KeyId, "stockholms-stad/registrar"),
        statement: Vec::new(),
        signature: Vec::new(),
        at: NOW,
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is its own app")]
pub(crate) fn policy() -> Policy {
    let schema = include_str!("../../../../config/policy/samsyn.cedarschema");
    let policies = include_str!("../../../../config/policy/samsyn.cedar");
    Policy::load(schema, policies).unwrap().0
}

#[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
pub(crate) fn caller(service: &str) -> Caller {
    let organisation = service.split('/').next().unwrap();
    let (organisation, service) = (id!(OrganisationId, organisation), id!(ServiceId, service));
    Caller::authenticated(organisation, service, "1".into(), NOW.after_seconds(86_400))
}

pub(crate) fn ground(purpose: &str, basis: &str) -> Ground {
    let (purpose, legal_basis) = (id!(PurposeId, purpose), id!(LegalBasisId, basis));
    Ground { purpose, legal_basis, weighing: Some("w-1".into()) }
}

pub(crate) fn area(id: &str) -> AreaId {
    id!(AreaId, id)
}

pub(crate) fn party(id: &str) -> PartyId {
    id!(PartyId, id)
}

fn document() -> Document {
    toml::from_str(include_str!("../../../../config/registry/stockholm-demo.toml")).unwrap()
}

fn period() -> Period {
    "2025-10".parse().unwrap()
}

fn publish(of: &str, within: &str, sub_area: Option<&str>) -> Command {
    let sub_area = sub_area.map(|id| id!(SubAreaId, id));
    let mut geography = key(within).geography;
    geography.sub_area = sub_area;
    let observation = Observation {
        id: id!(ObservationId, "1"),
        content: Content {
            form: Form::Observation,
            category: id!(CategoryId, "graffiti"),
            kind: Kind::ObservedDisorder,
            priority: id!(PriorityId, "unsafe_places"),
            geography,
            starts_at: NOW,
            ends_at: NOW.after_seconds(60),
            count: None,
            severity: None,
            trend: None,
            basis: Basis::Fact,
            source: Some(id!(SourceId, "inspection")),
            reliability: None,
            credibility: None,
            labels: labels().into(),
        },
        sealed: None,
    };
    Command::Publish(Publish {
        party: party(of),
        area: area(within),
        base_version: 0,
        upserts: vec![observation],
        withdrawn: Vec::new(),
        reason: None,
        covers: None,
        manifest: None,
        parts: None,
    })
}

fn resolve(of: &str, within: &str, role: Role) -> Command {
    let conflict = ConflictRef { key: key(within), period: period(), field: Field::Severity };
    let (party, outcome) = (party(of), Outcome::Dissent);
    let revision = 0;
    Command::ResolveConflict(ResolveConflict {
        conflict,
        revision,
        party,
        role,
        outcome,
        reason: None,
    })
}

fn dissent(of: &str, within: &str) -> Command {
    let (finding, period, field) = (key(within), period(), Field::Severity);
    let party = party(of);
    Command::RecordDissent(RecordDissent { finding, period, field, party, reason: None })
}

fn open(of: &str, within: &str) -> Command {
    let (area, period, track) = (area(within), period(), Track::Operative);
    Command::OpenEdition(OpenEdition { area, period, track, due: NOW, party: party(of) })
}

fn lock(of: &str, edition: &str) -> Command {
    let locked = Locked {
        revision: 0,
        root: [0; 32],
        basis: [0; 32],
        secrets: Sealed { key: UnitKey::named("u"), bytes: vec![0].into() },
        analysis_labels: labels(),
        objects: 0,
    };
    let (edition, party) = (id!(EditionId, edition), party(of));
    Command::LockEdition(LockEdition { edition, party, locked, descriptor: [0; 32] }.into())
}

fn answer(of: &str, role: Role) -> Command {
    let answer = Answer {
        party: party(of),
        role,
        verdict: Verdict::Endorsed,
        text: None,
        statement: Vec::new(),
        signature: Vec::new(),
        key: id!(KeyId, "k"),
        at: NOW,
    };
    let (edition, root) = (id!(EditionId, EDITION), [0; 32]);
    Command::AnswerEdition(AnswerEdition { edition, round: 1, root, answer }.into())
}

fn release(of: &str) -> Command {
    let (edition, root) = (id!(EditionId, EDITION), [0; 32]);
    Command::ReleaseEdition(ReleaseEdition { edition, root, party: party(of) })
}

const fn acknowledge() -> Acknowledge {
    Acknowledge { class: ClassId::of([0; 32]), revision: 1 }
}

fn suspension() -> SuspendService {
    SuspendService { service: id!(ServiceId, "tullverket/tullverket"), reason: None }
}

fn key(within: &str) -> Key {
    let geography = samsyn_domain::Geography { area: area(within), sub_area: None, place: None };
    Key { geography, category: id!(CategoryId, "graffiti") }
}

fn labels() -> Labels {
    Labels {
        level: Secrecy::MAX,
        audience: BTreeSet::new(),
        purposes: BTreeSet::new(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: NOW,
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    }
}
