//! A small world: two parties that endorse, a partner with observations, a partner with cells.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_domain::{
    AreaId, Audience, Basis, Caller, CategoryId, Content as Said, EditionId, FeatureLevel, Form,
    Geography, KeyId, Kind, Labels, LegalBasisId, Observation, ObservationId, OrganisationId,
    PartyId, Period, PriorityId, PurposeId, Reason, Regime, Secrecy, ServiceId, SourceId, State,
    Timestamp, UnitKey,
    command::{
        Actor, AnswerEdition, Command, Found, LockEdition, OpenEdition, Publish, ReleaseEdition,
        Reply, Submission,
    },
    commit::{
        canonical::Message,
        dsse::{PayloadType, Signature, pre_authentication},
        endorsement::{Endorsement, Verdict, reservation_commitment},
        hash,
        salt::{RoundSalt, Salt},
    },
    disclosure::Ground,
    edition::{self, Answer, Edition, Locked},
    registry::{Document, Role, Track},
    row::Row,
};
use serde_json::Value;

use super::{keys::Keys, registry::document};
use crate::{
    Contents, Denial, Egress, Policy, Projection, Reader, Receipt, Recorder,
    edition::{Analysis, Content, Frame, SignedAnswer, Unmade, content, undecided},
};

pub(super) const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);
pub(super) const SALT: [u8; 32] = [7; 32];
pub(super) const ENDORSERS: [(&str, Role, u8); 2] =
    [("sdf", Role::Coordinator, 1), ("lpo", Role::Kommunpolis, 2)];
pub(super) const RELEASE: u8 = 9;

macro_rules! id {
    ($kind:ident, $text:expr) => {
        $kind::parse($text).unwrap()
    };
}

#[expect(clippy::disallowed_methods, reason = "a world of its own has its own policy")]
static POLICY: LazyLock<(Policy, Recorder)> = LazyLock::new(|| {
    let schema = include_str!("../../../../../../config/policy/samsyn.cedarschema");
    let policies = include_str!("../../../../../../config/policy/samsyn.cedar");
    Policy::load(schema, policies).unwrap()
});

pub(super) struct World {
    pub(super) state: State,
    pub(super) keys: Keys,
    position: u64,
}

impl World {
    pub(super) fn new() -> Self {
        Self::of_depth(16)
    }

    pub(super) fn of_depth(depth: i64) -> Self {
        Self::of(document(depth))
    }

    pub(super) fn of(document: Value) -> Self {
        let keys = Keys::new();
        let mut world = Self { state: State::default(), keys, position: 0 };
        let document: Document = serde_json::from_value(document).unwrap();
        let (document, key_file, policy) = (document.into(), [0; 32], [1; 32]);
        let level = FeatureLevel::FIRST;
        let found = Found { domain: "d".into(), document, key_file, policy, level };
        assert_eq!(world.apply(Command::Found(Box::new(found))), Reply::Epoch { epoch: 1 });
        world
    }

    /// A party says that what it has published is all that it has of the period.
    pub(super) fn cover(&mut self, party: &str) {
        let party = id!(PartyId, party);
        let base_version = self.state.picture(&party, &area()).version();
        self.apply(Command::Publish(Publish {
            party,
            area: area(),
            base_version,
            upserts: Vec::new(),
            withdrawn: Vec::new(),
            reason: None,
            covers: Some(period()),
            manifest: None,
            parts: None,
        }));
    }

    pub(super) fn apply(&mut self, command: Command) -> Reply {
        self.position += 1;
        let actor = Actor {
            organisation: id!(OrganisationId, "stad"),
            service: id!(ServiceId, "stad/sdf"),
            role: None,
            pseudonym: None,
        };
        let epoch = self.state.epoch();
        let valid_until = NOW.after_seconds(60);
        let submission = Submission { actor, key: None, epoch, valid_until, command };
        self.state.apply(NOW, self.position, &submission).reply
    }

    pub(super) fn publish(&mut self, party: &str, upserts: Vec<Observation>) {
        let party = id!(PartyId, party);
        let base_version = self.state.picture(&party, &area()).version();
        let publish = Publish {
            party,
            area: area(),
            base_version,
            upserts,
            withdrawn: Vec::new(),
            reason: None,
            covers: None,
            manifest: None,
            parts: None,
        };
        let reply = self.apply(Command::Publish(publish));
        assert!(matches!(reply, Reply::Published { unchanged: false, .. }), "{reply:?}");
    }

    /// Records what policy decides for everyone, as the ledger does before a read or a lock.
    pub(super) fn decide(&mut self) {
        for organisation in ["stad", "polis", "kv", "fk", "xx"] {
            let reader = self.reader(organisation);
            for live in [true, false] {
                let kind = Some(period().kind());
                let rights = reader.rights(self.state.registry(), kind, live);
                let egress = Egress::new(&self.state, &self.keys, &reader);
                for label in egress.undecided(&rights, &area(), 1_000) {
                    let grant = POLICY.0.decide(&self.state, &rights, &label).unwrap();
                    self.state.absorb(Row::Grant(grant.into()));
                }
            }
        }
    }

    pub(super) fn decide_cells(&mut self) {
        for (rights, label) in undecided(&self.state, &area(), period().kind()) {
            let grant = POLICY.0.decide(&self.state, &rights, &label).unwrap();
            self.state.absorb(Row::Grant(grant.into()));
        }
    }

    /// The content of what is published; who has not contributed says that it has nothing.
    pub(super) fn content(&mut self, salt: [u8; 32]) -> Result<Content, Unmade> {
        match self.content_of_these(salt) {
            Err(Unmade::BasisIncomplete) => {}
            made => return made,
        }
        self.cover("sdf");
        self.cover("lpo");
        self.content_of_these(salt)
    }

    pub(super) fn content_of_these(&mut self, salt: [u8; 32]) -> Result<Content, Unmade> {
        self.decide_cells();
        let area = area();
        let revision = self.state.revision(&area);
        let frame = Frame {
            registry: self.state.registry(),
            area: &area,
            period: period(),
            track: Track::Operative,
            revision,
        };
        let (labels, unit) = (labels(&["signatories", "kv"]), UnitKey::named("unit"));
        let analysis = Analysis { text: "Klotter och stölder.", labels: &labels, unit: &unit };
        content(&self.state, &self.keys, frame, &RoundSalt::new(salt), analysis)
    }

    pub(super) fn open(&mut self) -> EditionId {
        let open = OpenEdition {
            area: area(),
            period: period(),
            track: Track::Operative,
            due: NOW.after_seconds(60),
            party: id!(PartyId, "sdf"),
        };
        let Reply::Edition { id, .. } = self.apply(Command::OpenEdition(open)) else {
            panic!("the edition is not opened")
        };
        id
    }

    pub(super) fn lock(&mut self, id: &EditionId, salt: [u8; 32]) {
        let made = self.content(salt).unwrap();
        let basis_salt = Salt::new([8; 32]);
        let locked = Locked {
            revision: made.basis().revision,
            root: made.root(),
            basis: made.basis().commitment(&basis_salt).unwrap().0,
            secrets: Keys::seal(&made.secrets(&basis_salt)),
            analysis_labels: labels(&["signatories", "kv"]),
            objects: made.objects(),
        };
        let (edition, party) = (id.clone(), id!(PartyId, "sdf"));
        let descriptor = made.descriptor().unwrap();
        let lock = LockEdition { edition, party, locked, descriptor };
        let reply = self.apply(Command::LockEdition(lock.into()));
        assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
        self.decide();
    }

    pub(super) fn edition(&self, id: &EditionId) -> &Edition {
        self.state.edition(id).unwrap()
    }

    /// What a party's own client states of the current round.
    pub(super) fn statement(&self, id: &EditionId, party: &str, role: Role) -> Endorsement {
        let edition = self.edition(id);
        let round = edition.current().unwrap();
        let (from, to) = edition.period.bounds();
        Endorsement {
            domain: "d".into(),
            agreement: "a-1".into(),
            descriptor: hash::Digest(round.descriptor),
            area: "a".into(),
            edition: id.as_str().into(),
            round: round.number,
            track: "operative".into(),
            from: from.micros(),
            to: to.micros(),
            content_root: hash::Digest(round.locked.root),
            basis: hash::Digest(round.locked.basis),
            party: party.into(),
            role: role.as_str().into(),
            verdict: Verdict::Reserve,
            reservation: reservation_commitment(&Salt::new([5; 32]), "med förbehåll").unwrap(),
        }
    }

    pub(super) fn answer_all(&mut self, id: &EditionId) {
        for (party, role, seed) in ENDORSERS {
            let payload = self.statement(id, party, role).encode().unwrap();
            let signature = sign(seed, &pre_authentication(PayloadType::Endorsement, &payload)).0;
            let (party, key) = (id!(PartyId, party), id!(KeyId, &format!("key-{party}")));
            let signed = SignedAnswer {
                party: &party,
                role,
                verdict: edition::Verdict::Reserved,
                text: "med förbehåll",
                text_salt: &[5; 32],
                statement: &payload,
                signature: &signature,
                key: &key,
            };
            let stated = crate::edition::verify_answer(&self.state, self.edition(id), &signed);
            let stated = stated.unwrap();
            let text = Message::new().with(1, signed.text).with(2, signed.text_salt);
            let answer = Answer {
                party: party.clone(),
                role,
                verdict: signed.verdict,
                text: Some(Keys::seal(&text)),
                statement: payload.clone(),
                signature: signature.to_vec(),
                key: key.clone(),
                at: NOW,
            };
            let (round, root) = (stated.round, stated.content_root.0);
            let answered = AnswerEdition { edition: id.clone(), round, root, answer };
            let reply = self.apply(Command::AnswerEdition(answered.into()));
            assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
        }
    }

    pub(super) fn release(&mut self, id: &EditionId) {
        let root = self.edition(id).current().unwrap().locked.root;
        let release = ReleaseEdition { edition: id.clone(), root, party: id!(PartyId, "sdf") };
        let reply = self.apply(Command::ReleaseEdition(release));
        assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
    }

    /// Opens, locks, answers and releases an edition of what is published.
    pub(super) fn released(&mut self, salt: [u8; 32]) -> EditionId {
        let id = self.open();
        self.lock(&id, salt);
        self.answer_all(&id);
        self.release(&id);
        id
    }

    #[expect(clippy::disallowed_methods, reason = "here is no edge that could make a caller")]
    pub(super) fn reader(&self, organisation: &str) -> Reader {
        let name = match organisation {
            "stad" => "sdf",
            "polis" => "lpo",
            _ => "reader",
        };
        let service = id!(ServiceId, &format!("{organisation}/{name}"));
        let organisation = id!(OrganisationId, organisation);
        let caller =
            Caller::authenticated(organisation, service, "1".into(), NOW.after_seconds(86_400));
        let ground = Ground {
            purpose: id!(PurposeId, "joint_picture"),
            legal_basis: id!(LegalBasisId, "law"),
            weighing: None,
        };
        Reader::of(&self.state, NOW, &caller, ground).unwrap()
    }

    /// What a reader gets, its disclosures recorded.
    pub(super) fn read<T: Clone>(
        &self,
        organisation: &str,
        read: impl FnOnce(&Egress<'_>) -> Result<Projection<T>, Denial>,
    ) -> Result<T, Denial> {
        self.read_as(&self.reader(organisation), read)
    }

    /// The same, by whoever reads.
    pub(super) fn read_as<T: Clone>(
        &self,
        reader: &Reader,
        read: impl FnOnce(&Egress<'_>) -> Result<Projection<T>, Denial>,
    ) -> Result<T, Denial> {
        Ok(opened(read(&Egress::new(&self.state, &self.keys, reader))?))
    }

    /// The same, at a moment, with the content of editions that is kept.
    pub(super) fn read_keeping<T: Clone>(
        &self,
        organisation: &str,
        contents: &Contents,
        now: Timestamp,
        read: impl FnOnce(&Egress<'_>) -> Result<Projection<T>, Denial>,
    ) -> Result<T, Denial> {
        let reader = self.reader(organisation);
        let egress = Egress::new(&self.state, &self.keys, &reader).keeping(contents, now);
        Ok(opened(read(&egress)?))
    }
}

fn opened<T: Clone>(projection: Projection<T>) -> T {
    assert!(!projection.disclosures().is_empty());
    POLICY.1.release(projection, Receipt(1)).content().clone()
}

pub(super) fn sign(seed: u8, bytes: &[u8]) -> Signature {
    Signature(key(seed).sign(bytes).to_bytes())
}

pub(super) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(super) fn area() -> AreaId {
    id!(AreaId, "a")
}

pub(super) fn period() -> Period {
    "2025-10".parse().unwrap()
}

pub(super) fn labels(audience: &[&str]) -> Labels {
    Labels {
        level: Secrecy::of(1).unwrap(),
        audience: audience.iter().map(|token| id!(Audience, token)).collect(),
        purposes: BTreeSet::from([id!(PurposeId, "joint_picture")]),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: NOW.after_seconds(1_000_000),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    }
}

/// Addressed to the signatories and both partners.
pub(super) const ALL: &[&str] = &["signatories", "kv", "fk"];

pub(super) fn observation(id: &str, category: &str, audience: &[&str]) -> Observation {
    Observation {
        id: id!(ObservationId, id),
        content: Said {
            form: Form::Observation,
            category: id!(CategoryId, category),
            kind: Kind::ObservedDisorder,
            priority: id!(PriorityId, "unsafe_places"),
            geography: Geography {
                area: area(),
                sub_area: Some(samsyn_domain::SubAreaId::parse("a-s").unwrap()),
                place: Some(samsyn_domain::PlaceId::parse("a-p").unwrap()),
            },
            starts_at: NOW,
            ends_at: NOW.after_seconds(60),
            count: Some(2),
            severity: samsyn_domain::Severity::of(2),
            trend: None,
            basis: Basis::Fact,
            source: Some(id!(SourceId, "reports")),
            reliability: None,
            credibility: None,
            labels: Arc::new(labels(audience)),
        },
        sealed: None,
    }
}

pub(super) fn counted(id: &str, category: &str, count: u32) -> Observation {
    let mut observation = observation(id, category, ALL);
    observation.content.count = Some(count);
    observation
}

/// The same as a point of a series, of the period of the edition.
pub(super) fn point(series: &str, category: &str, count: u32) -> Observation {
    let mut point = counted(series, category, count);
    point.id = ObservationId::of_point(&point.id, period()).unwrap();
    let content = &mut point.content;
    (content.starts_at, content.ends_at) = period().bounds();
    (content.form, content.severity) = (Form::Series, None);
    point
}

/// The same as an assessment of the period of the edition.
pub(super) fn assessed(id: &str, category: &str, grade: u32) -> Observation {
    let mut assessment = severe(id, category, grade, ALL);
    let content = &mut assessment.content;
    (content.starts_at, content.ends_at) = period().bounds();
    (content.form, content.basis) = (Form::Assessment, Basis::Assessment);
    (content.source, content.count) = (None, None);
    assessment
}

pub(super) fn severe(id: &str, category: &str, grade: u32, audience: &[&str]) -> Observation {
    let mut observation = observation(id, category, audience);
    observation.content.severity = samsyn_domain::Severity::of(grade);
    observation
}

pub(super) fn reason(reply: &Reply) -> Option<Reason> {
    if let Reply::Refused(refusal) = reply { Some(refusal.reason) } else { None }
}
