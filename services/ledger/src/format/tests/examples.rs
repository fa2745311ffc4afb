//! One of everything, with each optional field set and unset.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, Credibility, EditionId, FeatureLevel, Form,
    Geography, KeyId, Kind, LabelClass, Labels, LegalBasisId, Observation, ObservationId,
    OrganisationId, PartyId, Period, PlaceId, PriorityId, PurposeId, Regime, Reliability, Sealed,
    Secrecy, ServiceId, Severity, SourceId, SubAreaId, Timestamp, Trend, UnitKey,
    command::{
        Acknowledge, Actor, AdoptPolicy, AnswerEdition, Command, Denials, Disclose, Found, Grants,
        IdempotencyKey, LockEdition, OpenEdition, Publish, RecordDissent, ReleaseEdition,
        ResolveConflict, Submission, SuspendService, Tick,
    },
    commit::{
        dsse::{Envelope, PayloadType, Signature},
        hash,
    },
    disclosure::{
        Acknowledged, Advance, Change, ClassId, Denied, Disclosure, Grant, Ground, Object, Step,
        ViewPart,
    },
    edition::{Answer, Edition, Locked, Phase, Released, Round, Verdict},
    merge::{self, Candidates, ConflictRef, Dissent, Field, Key, Statement},
    registry::{Document, FieldGroup, Role, Shown, SignedDescriptor, Track, Variant},
    row::{Dissented, Founded, Outcome, Revised, Row, Stage, Stated, Suspended, Version, What},
};

/// 2025-10-01T06:26:40Z.
pub(super) const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);

pub(super) fn area() -> AreaId {
    AreaId::parse("a").unwrap()
}

pub(super) fn party() -> PartyId {
    PartyId::parse("sdf").unwrap()
}

pub(super) fn organisation() -> OrganisationId {
    OrganisationId::parse("stad").unwrap()
}

pub(super) fn police() -> OrganisationId {
    OrganisationId::parse("polis").unwrap()
}

pub(super) fn service(id: &str) -> ServiceId {
    ServiceId::parse(id).unwrap()
}

pub(super) fn edition_id() -> EditionId {
    EditionId::parse("a:2025-10:operative:1").unwrap()
}

pub(super) fn october() -> Period {
    "2025-10".parse().unwrap()
}

pub(super) fn sealed() -> Sealed {
    Sealed { key: UnitKey::named("sdf/a/2025-10"), bytes: [1, 2, 3].into() }
}

pub(super) fn key_made(at: Timestamp, tail: u8) -> IdempotencyKey {
    let millis = u128::try_from(at.micros() / 1_000).unwrap();
    IdempotencyKey::of(millis << 80 | 7 << 76 | 0b10 << 62 | u128::from(tail)).unwrap()
}

/// Every field of a registry is set in it.
pub(super) fn document() -> Document {
    let mut document: Document = serde_json::from_str(include_str!("registry.json")).unwrap();
    let envelope = Envelope {
        payload_type: PayloadType::Descriptor,
        payload: vec![1, 2, 3],
        signatures: [(hash::Digest([4; 32]), Signature([5; 64]))].into(),
    };
    document.descriptors.push(SignedDescriptor {
        agreement: document.agreements[0].id.clone(),
        envelope: hex::encode(envelope.encode().unwrap()),
    });
    document
}

pub(super) fn labels(full: bool) -> Labels {
    let audience = ["polis", "signatories"].map(|token| Audience::parse(token).unwrap());
    let provisions = ["OSL 18:1", "OSL 35:1"].map(Arc::from);
    Labels {
        level: Secrecy::of(if full { 3 } else { 0 }).unwrap(),
        audience: audience.into_iter().filter(|_| full).collect(),
        purposes: full.then(|| PurposeId::parse("prevention").unwrap()).into_iter().collect(),
        regime: if full { Regime::CrimeData } else { Regime::Nonpersonal },
        secrecy_provisions: provisions.into_iter().filter(|_| full).collect(),
        retain_until: if full { NOW } else { Timestamp::ZERO },
        person_related: full,
        special_category: full,
        originator_control: full,
        embargo_until: full.then_some(Timestamp::ZERO),
        onward_sharing: full,
    }
}

pub(super) fn geography(full: bool) -> Geography {
    Geography {
        area: area(),
        sub_area: full.then(|| SubAreaId::parse("a/s").unwrap()),
        place: full.then(|| PlaceId::parse("a/s/p").unwrap()),
    }
}

pub(super) fn observation(full: bool) -> Observation {
    Observation {
        id: ObservationId::parse(if full { "EMB#17" } else { "1" }).unwrap(),
        content: Content {
            form: Form::Observation,
            category: CategoryId::parse("graffiti").unwrap(),
            kind: Kind::ObservedDisorder,
            priority: PriorityId::parse("unsafe_places").unwrap(),
            geography: geography(full),
            starts_at: NOW,
            ends_at: NOW.after_seconds(60),
            count: full.then_some(0),
            severity: Severity::of(5).filter(|_| full),
            trend: full.then_some(Trend::Down),
            basis: Basis::Assessment,
            source: Some(SourceId::parse("rounds").unwrap()),
            reliability: Reliability::of("F").filter(|_| full),
            credibility: Credibility::of(6).filter(|_| full),
            labels: labels(full).into(),
        },
        sealed: full.then(sealed),
    }
}

pub(super) fn conflict(field: Field) -> ConflictRef {
    let category = CategoryId::parse("graffiti").unwrap();
    let key = Key { geography: geography(false), category };
    ConflictRef { key, period: october(), field }
}

pub(super) fn locked(revision: u64) -> Locked {
    Locked {
        revision,
        root: [3; 32],
        basis: [4; 32],
        secrets: sealed(),
        analysis_labels: labels(true),
        objects: 12,
    }
}

pub(super) fn answer(party: &str, full: bool) -> Answer {
    Answer {
        party: PartyId::parse(party).unwrap(),
        role: Role::Endorser,
        verdict: if full { Verdict::Reserved } else { Verdict::Endorsed },
        text: full.then(sealed),
        statement: vec![7; 3],
        signature: vec![8; 64],
        key: KeyId::parse("sdf-1").unwrap(),
        at: NOW,
    }
}

pub(super) fn edition(full: bool) -> Edition {
    let round = Round {
        number: 1,
        locked: locked(4),
        descriptor: [5; 32],
        locked_by: party(),
        locked_at: NOW,
        answers: vec![answer("sdf", true), answer("lpo", false)],
    };
    let empty = Round { number: 2, answers: Vec::new(), ..round.clone() };
    Edition {
        id: edition_id(),
        area: area(),
        period: october(),
        track: if full { Track::Strategic } else { Track::Operative },
        phase: if full { Phase::Released } else { Phase::Collecting },
        due: NOW.after_seconds(3_600),
        overdue: full,
        opened_by: party(),
        opened_at: NOW,
        rounds: if full { vec![round, empty] } else { Vec::new() },
        released: full.then(|| Released { at: NOW, by: party(), sequence: 9 }),
    }
}

pub(super) fn class(number: u8) -> ClassId {
    ClassId::of([number; 32])
}

fn rules(full: bool) -> BTreeSet<String> {
    ["r1", "r2"].map(str::to_owned).into_iter().filter(|_| full).collect()
}

pub(super) fn grant(full: bool, number: u8) -> Grant {
    let group = |(group, variant)| full.then_some((group, variant));
    let all = [(FieldGroup::Identity, Variant::Exact), (FieldGroup::Place, Variant::District)];
    Grant {
        epoch: 1,
        class: class(number),
        label: LabelClass {
            owner: party(),
            area: area(),
            kind: Kind::SystemThreat,
            priority: PriorityId::parse("unsafe_places").unwrap(),
            labels: labels(full).into(),
            embargoed: full,
        },
        shown: Some(all.into_iter().filter_map(group).collect::<Shown>()),
        rules: rules(full),
    }
}

pub(super) fn objects() -> Vec<Object> {
    vec![
        Object::Picture(party(), area()),
        Object::Joint(area(), "2025-W40".parse().unwrap()),
        Object::View(area()),
        Object::Edition(edition_id()),
        Object::Review(edition_id()),
        Object::Revisions(area()),
        Object::Editions(area()),
        Object::Duties,
        Object::Disclosures,
        Object::Meetings,
    ]
}

pub(super) fn disclosure(object: Object, full: bool) -> Disclosure {
    Disclosure {
        sequence: u64::from(full),
        at: if full { NOW } else { Timestamp::ZERO },
        receiver: organisation(),
        service: service("stad/sdf"),
        serial: if full { "0a1b".into() } else { String::new() },
        ground: Ground {
            purpose: PurposeId::parse("prevention").unwrap(),
            legal_basis: LegalBasisId::parse("osl-10-27").unwrap(),
            weighing: full.then(|| "W-1".to_owned()),
        },
        object,
        revision: 4,
        groups: FieldGroup::ALL.into_iter().filter(|_| full).collect(),
        rules: rules(full),
        rows: 7,
        digest: [6; 32],
        epoch: 1,
        view: full.then(|| ViewPart { class: class(3), revision: 5 }),
    }
}

pub(super) fn advance(number: u8, revision: u64, change: Change) -> Advance {
    Advance { class: class(number), receiver: organisation(), revision, change, digest: [9; 32] }
}

pub(super) fn changes() -> Vec<Change> {
    vec![Change::Area { area: area(), from: 0, to: 3 }, Change::Edition(edition_id())]
}

pub(super) fn denied(rule: &str) -> Denied {
    Denied {
        at: NOW,
        service: service("stad/sdf"),
        reason: "NO_RIGHT".into(),
        rule: rule.into(),
        requests: 3,
    }
}

pub(super) fn outcomes() -> Vec<merge::Outcome> {
    vec![
        merge::Outcome::Severity(Severity::of(2).unwrap()),
        merge::Outcome::Trend(Trend::Up),
        merge::Outcome::Dissent,
    ]
}

pub(super) fn commands() -> Vec<(&'static str, Command)> {
    let mut all: Vec<Command> = [true, false].into_iter().flat_map(content_commands).collect();
    all.extend([true, false].into_iter().flat_map(super::changes::commands));
    all.extend(super::backups::commands());
    all.extend([true, false].into_iter().flat_map(super::mail::commands));
    all.extend([true, false].into_iter().flat_map(super::contributions::commands));
    all.extend([true, false].into_iter().flat_map(super::deliveries::commands));
    all.extend([true, false].into_iter().flat_map(super::editions::commands));
    all.extend(outcomes().into_iter().map(|outcome| {
        Command::ResolveConflict(ResolveConflict {
            conflict: conflict(Field::Severity),
            revision: 4,
            party: party(),
            role: Role::Coordinator,
            outcome,
            reason: None,
        })
    }));
    let (domain, document, level) = ("d".into(), document().into(), FeatureLevel::FIRST);
    let found = Found { domain, document, key_file: [1; 32], policy: [2; 32], level };
    let later = Found { level: super::levels::second(), ..found.clone() };
    all.extend(super::levels::commands());
    all.extend([
        Command::Found(found.into()),
        Command::Found(later.into()),
        Command::AdoptPolicy(AdoptPolicy { policy: [2; 32] }),
        Command::OpenEdition(OpenEdition {
            area: area(),
            period: october(),
            track: Track::Operative,
            due: NOW,
            party: party(),
        }),
        Command::LockEdition(
            LockEdition {
                edition: edition_id(),
                party: party(),
                locked: locked(4),
                descriptor: [5; 32],
            }
            .into(),
        ),
        Command::ReleaseEdition(ReleaseEdition {
            edition: edition_id(),
            root: [3; 32],
            party: party(),
        }),
        Command::Acknowledge(Acknowledge { class: class(1), revision: 2 }),
        Command::Denials(Denials { denials: vec![denied("r1"), denied("")] }),
        Command::Tick(Tick),
        super::statements::command(),
    ]);
    all.into_iter().map(|command| (command.verb(), command)).collect()
}

/// Commands that have optional fields.
fn content_commands(full: bool) -> Vec<Command> {
    let reason = full.then(sealed);
    let disclosures = objects().into_iter().map(|object| disclosure(object, full));
    let advances = changes().into_iter().map(|change| advance(1, 2, change));
    vec![
        Command::Publish(Publish {
            party: party(),
            area: area(),
            base_version: u64::from(full),
            upserts: [true, false].into_iter().filter(|_| full).map(observation).collect(),
            withdrawn: full.then(|| ObservationId::parse("2").unwrap()).into_iter().collect(),
            reason: reason.clone(),
            covers: full.then(october),
            manifest: full.then(super::parts::manifest),
            parts: full.then(super::parts::all),
        }),
        super::parts::command(full),
        Command::RecordDissent(RecordDissent {
            finding: Key { geography: geography(full), ..conflict(Field::Class).key },
            period: october(),
            field: Field::Class,
            party: party(),
            reason: reason.clone(),
        }),
        Command::AnswerEdition(
            AnswerEdition {
                edition: edition_id(),
                round: 1,
                root: [3; 32],
                answer: answer("sdf", full),
            }
            .into(),
        ),
        Command::SuspendService(SuspendService { service: service("stad/sdf"), reason }),
        Command::Grants(Grants {
            grants: vec![grant(full, 1), Grant { shown: None, ..grant(full, 2) }],
        }),
        Command::Disclose(Disclose {
            disclosures: disclosures.filter(|_| full).collect(),
            advances: advances.filter(|_| full).collect(),
        }),
    ]
}

pub(super) fn submission(command: Command, full: bool) -> Submission {
    Submission {
        actor: Actor {
            organisation: organisation(),
            service: service("stad/sdf"),
            role: full.then_some(Role::Publisher),
            pseudonym: full.then(|| "p-7".to_owned()),
        },
        key: full.then(|| (key_made(NOW, 1), [0xb0; 32])),
        epoch: 1,
        valid_until: if full { NOW } else { Timestamp::from_micros(-1) },
        command,
    }
}

pub(super) fn rows() -> Vec<(&'static str, Row)> {
    let mut all: Vec<_> = [true, false].into_iter().flat_map(rows_with_options).collect();
    all.extend([true, false].into_iter().flat_map(super::changes::rows));
    all.extend([true, false].into_iter().flat_map(super::parts::rows));
    all.extend(super::statements::rows());
    all.extend(super::backups::rows());
    all.extend([true, false].into_iter().flat_map(super::mail::rows));
    all.extend([true, false].into_iter().flat_map(super::contributions::rows));
    all.extend([true, false].into_iter().flat_map(super::deliveries::rows));
    all.extend([true, false].into_iter().flat_map(super::editions::rows));
    all.extend(super::levels::rows());
    all.extend(
        objects()
            .into_iter()
            .chain(super::mail::objects())
            .map(|o| ("disclosure", Row::Disclosure(disclosure(o, true).into()))),
    );
    all.extend(changes().into_iter().map(|change| {
        ("step", Row::Step(Step { at: NOW, advance: advance(1, 2, change) }.into()))
    }));
    all.extend(outcomes().into_iter().map(|outcome| ("stated", stated(outcome, false))));
    all.extend(super::replies::all().into_iter().map(|reply| {
        let (key, body) = (key_made(NOW, 1), [0xb0; 32]);
        ("outcome", Row::Outcome(Outcome { service: service("stad/sdf"), key, body, reply }))
    }));
    all.extend([
        (
            "founded",
            Row::Founded(Founded {
                domain: "d".into(),
                document: document().into(),
                key_file: [1; 32],
                at: NOW,
            }),
        ),
        ("policy", Row::Policy([2; 32])),
        ("epoch", Row::Epoch(1)),
        ("stamp", Row::Stamp(NOW)),
        ("ticked", Row::Ticked(NOW)),
        (
            "revision",
            Row::Revision(Revised {
                area: area(),
                revision: 4,
                at: NOW,
                party: party(),
                what: What::EmbargoEnd,
            }),
        ),
        (
            "acknowledged",
            Row::Acknowledged(Acknowledged {
                class: class(1),
                service: service("stad/sdf"),
                revision: 2,
                at: NOW,
            }),
        ),
        ("denied", Row::Denied(denied("r1"))),
        ("denied", Row::Denied(denied(""))),
        ("forgotten", Row::Forgotten(service("stad/sdf"), key_made(NOW, 1))),
    ]);
    all
}

/// Rows that have optional fields.
fn rows_with_options(full: bool) -> Vec<(&'static str, Row)> {
    let reason = full.then(sealed);
    let suspended =
        Suspended { service: service("stad/sdf"), at: NOW, by: service("polis/lpo"), reason };
    let version = Version {
        party: party(),
        area: area(),
        version: 3,
        revision: 4,
        at: NOW,
        service: service("stad/sdf"),
        reason: full.then(sealed),
        covers: full.then(|| "2025-W40".parse().unwrap()),
        manifest: full.then(|| super::parts::manifest().into()),
    };
    let stage = Stage {
        area: area(),
        party: party(),
        id: ObservationId::parse("1").unwrap(),
        revision: 4,
        version: 3,
        embargoed: full,
        observation: full.then(|| observation(full).into()),
    };
    let dissent = Dissent { party: party(), field: Field::Counts, reason: full.then(sealed) };
    let dissented =
        Dissented { revision: 4, period: october(), finding: conflict(Field::Counts).key, dissent };
    let shown = Grant { shown: None, ..grant(full, 2) };
    vec![
        ("suspended", Row::Suspended(suspended)),
        ("version", Row::Version(version)),
        ("stage", Row::Stage(stage)),
        ("stated", stated(merge::Outcome::Dissent, full)),
        ("dissented", Row::Dissented(dissented)),
        ("edition", Row::Edition(edition(full).into())),
        ("grant", Row::Grant(grant(full, 1).into())),
        ("grant", Row::Grant(shown.into())),
    ]
}

fn stated(outcome: merge::Outcome, full: bool) -> Row {
    let candidates = Candidates::from([(party(), 2), (PartyId::parse("lpo").unwrap(), 255)]);
    Row::Stated(Stated {
        revision: 4,
        statement: Statement {
            conflict: conflict(Field::Trend),
            party: party(),
            role: Role::Kommunpolis,
            outcome,
            candidates: if full { candidates } else { Candidates::new() },
            reason: full.then(sealed),
        },
    })
}
