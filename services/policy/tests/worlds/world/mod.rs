//! A small world that is driven through `State::apply` alone, as the ledger drives it.

pub(crate) mod act;
pub(crate) mod deed;
pub(crate) mod facts;
pub(crate) mod oracle;
pub(crate) mod reading;
pub(crate) mod registry;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use registry::{ENDORSERS, RELEASE, RowSpec, document, sign};
use samsyn_domain::{
    AreaId, Audience, Caller, Coordinates, EditionId, FeatureLevel, KeyId, Labels, LegalBasisId,
    Level, OrganisationId, PartyId, Period, PeriodKind, PurposeId, Regime, Sealed, Secrecy, Secret,
    ServiceId, State, Timestamp, UnitKey, View,
    command::{
        Actor, AnswerEdition, Command, Digest, Disclose, Found, Grants, LockEdition, OpenEdition,
        ReleaseEdition, Reply, Submission,
    },
    commit::{
        canonical::Message,
        dsse::Signature,
        hash,
        object::ReferenceKey,
        reader::Fields,
        salt::{RoundSalt, Salt},
    },
    disclosure::{Advance, Change, ClassId, Ground},
    edition::{Answer, Locked, Verdict},
    registry::{Document, Track},
    row::Stage,
};
use samsyn_policy::{
    At, Contents, Denial, Egress, Known, Policy, Projection, Reader, Receipt, Recorder, Rights,
    Scope,
    edition::{Analysis, Frame, content, undecided},
};

macro_rules! id {
    ($kind:ident, $text:expr) => {
        $kind::parse($text).unwrap()
    };
}
pub(crate) use id;

/// 2025-10-01, at noon in Stockholm.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
/// Between one act and the next.
pub(crate) const BEAT_SECONDS: i64 = 60;

static POLICY: LazyLock<(Policy, Recorder)> = LazyLock::new(|| {
    let schema = include_str!("../../../../../config/policy/samsyn.cedarschema");
    let policies = include_str!("../../../../../config/policy/samsyn.cedar");
    #[expect(clippy::disallowed_methods, reason = "a test is its own app")]
    Policy::load(schema, policies).unwrap()
});

/// Keys that seal by name only: what is under test is what leaves, not the cipher.
#[derive(Debug, Clone)]
pub(crate) struct Keys(ReferenceKey);

impl Keys {
    /// A note and coordinates under seal; nothing when there are neither.
    pub(crate) fn seal(secret: &Secret) -> Option<Sealed> {
        let message = Message::new()
            .with_opt(1, secret.note.as_deref())
            .with_opt(2, secret.coordinates.map(|at| i64::from(at.lat_e7)))
            .with_opt(3, secret.coordinates.map(|at| i64::from(at.lon_e7)));
        (!secret.is_empty()).then(|| Self::seal_message(&message))
    }

    fn seal_message(message: &Message) -> Sealed {
        Sealed { key: UnitKey::named("unit"), bytes: message.encode().unwrap().into() }
    }
}

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let (party, area) = (stage.party.as_str(), stage.area.as_str());
        let kind = stage.form().into();
        *self.0.object_id(kind, party, area, stage.id.as_str()).unwrap().as_bytes()
    }

    fn open(&self, sealed: &Sealed) -> Option<Secret> {
        let mut fields = Fields::of(self.open_message(sealed)?);
        let note = fields.take_opt_text(1).unwrap();
        let number = |number: Option<i64>| number.map(|number| i32::try_from(number).unwrap());
        let lat = number(fields.take_opt_i64(2).unwrap());
        let lon = number(fields.take_opt_i64(3).unwrap());
        let coordinates = lat.zip(lon).map(|(lat_e7, lon_e7)| Coordinates { lat_e7, lon_e7 });
        Some(Secret { note, coordinates })
    }

    fn digest(&self, shown: &[u8]) -> Digest {
        hash::hash(&[shown]).0
    }

    fn reference_key(&self) -> &ReferenceKey {
        &self.0
    }

    fn unit_key(&self, unit: &UnitKey) -> Option<[u8; 32]> {
        (unit.as_str() == "unit").then_some([3; 32])
    }

    fn open_message(&self, sealed: &Sealed) -> Option<Message> {
        self.unit_key(&sealed.key)?;
        Message::decode(&sealed.bytes).ok()
    }

    fn sign_release(&self, bytes: &[u8]) -> Signature {
        sign(RELEASE, bytes)
    }
}

/// The domain as it stands.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) keys: Keys,
    pub(crate) now: Timestamp,
    position: u64,
    looked: BTreeMap<(ClassId, AreaId), u64>,
    /// Kept by all readers of this world: none may see what another had made. A copy is a world of
    /// its own, which may differ at the same revisions.
    contents: Contents,
}

impl Clone for World {
    fn clone(&self) -> Self {
        let Self { state, keys, now, position, looked, contents: _ } = self;
        let (state, keys, looked) = (state.clone(), keys.clone(), looked.clone());
        let (now, position, contents) = (*now, *position, Contents::default());
        Self { state, keys, now, position, looked, contents }
    }
}

impl World {
    pub(crate) fn new(rows: &[RowSpec]) -> Self {
        Self::founded(document(rows))
    }

    pub(crate) fn founded(document: Document) -> Self {
        let mut world = Self {
            state: State::default(),
            keys: Keys(ReferenceKey::new([4; 32])),
            now: START,
            position: 0,
            looked: BTreeMap::new(),
            contents: Contents::default(),
        };
        let (document, policy) = (document.into(), *POLICY.0.digest());
        let found = Found {
            domain: "d".into(),
            document,
            key_file: [0; 32],
            policy,
            level: FeatureLevel::FIRST,
        };
        assert_eq!(world.apply(Command::Found(Box::new(found))), Reply::Epoch { epoch: 1 });
        // So that an edition always has a municipal and a police contribution to stand on.
        for party in [0, 2] {
            let put = act::Act::Put(act::Put::for_signatories(party));
            put.deed(&world).unwrap().done_in(&mut world);
        }
        world
    }

    pub(crate) fn apply(&mut self, command: Command) -> Reply {
        self.position += 1;
        let actor = Actor {
            organisation: id!(OrganisationId, "stad"),
            service: id!(ServiceId, "stad/sdf"),
            role: None,
            pseudonym: None,
        };
        let epoch = self.state.epoch();
        let valid_until = self.now.after_seconds(BEAT_SECONDS);
        let submission = Submission { actor, key: None, epoch, valid_until, command };
        self.state.apply(self.now, self.position, &submission).reply
    }

    /// Lets time act on what is due, as the gateway does each second.
    pub(crate) fn tick_if_due(&mut self) {
        if self.state.has_due(self.now) {
            self.apply(Command::Tick(samsyn_domain::command::Tick));
        }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.state.revision(&area())
    }

    /// The reader of an organisation, or of a party of the city.
    pub(crate) fn reader(&self, service: &str) -> Reader {
        self.try_reader(service).unwrap()
    }

    /// The same, when it may read at all.
    pub(crate) fn try_reader(&self, service: &str) -> Result<Reader, Denial> {
        let purpose = id!(PurposeId, "joint");
        let ground = Ground { purpose, legal_basis: id!(LegalBasisId, "law"), weighing: None };
        Reader::of(&self.state, START, &Self::caller(service), ground)
    }

    pub(crate) fn caller(service: &str) -> Caller {
        let organisation = service.split('/').next().unwrap();
        let (organisation, service) = (id!(OrganisationId, organisation), id!(ServiceId, service));
        #[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
        Caller::authenticated(organisation, service, "1".into(), START.after_seconds(1 << 32))
    }

    pub(crate) fn policy() -> &'static Policy {
        &POLICY.0
    }

    pub(crate) fn egress<'a>(&'a self, reader: &'a Reader) -> Egress<'a> {
        Egress::new(&self.state, &self.keys, reader).keeping(&self.contents, self.now)
    }

    /// What a reader gets, opened as after its record.
    pub(crate) fn opened<T: Clone>(projection: Projection<T>) -> T {
        POLICY.1.release(projection, Receipt(1)).content().clone()
    }

    /// Has policy decide and record every class of labels for a reader, as the ledger does.
    pub(crate) fn decide(&mut self, reader: &Reader) {
        for rights in all_rights(&self.state, reader) {
            loop {
                let labels = self.egress(reader).undecided(&rights, &area(), 1_000);
                let decide = |label| POLICY.0.decide(&self.state, &rights, label);
                let grants: Vec<_> = labels.iter().map(decide).collect::<Result<_, _>>().unwrap();
                if grants.is_empty() {
                    break;
                }
                self.apply(Command::Grants(Grants { grants }));
            }
        }
    }

    /// What was looked at by another registry is to be looked at anew, as the ledger does.
    pub(crate) fn looked_anew(&mut self) {
        self.looked.clear();
    }

    /// All that a reader may subscribe to; none when no right remains.
    pub(crate) fn scope(&self, reader: &Reader) -> Result<Scope, Denial> {
        reader.scope(self.state.registry(), &Scope::default(), false)
    }

    pub(crate) fn class(&self, reader: &Reader) -> ClassId {
        reader.rights(self.state.registry(), None, false).class()
    }

    pub(crate) fn view(&self, reader: &Reader) -> Option<&View> {
        self.state.view(&self.class(reader))
    }

    /// Brings a reader's view up to date, as the ledger does before it serves a stream.
    pub(crate) fn advance(&mut self, reader: &Reader) {
        let Ok(full) = self.scope(reader) else { return };
        self.decide(reader);
        let advances = self.due(reader, &full);
        if !advances.is_empty() {
            let disclose = Disclose { disclosures: Vec::new(), advances };
            let reply = self.apply(Command::Disclose(disclose));
            assert!(matches!(reply, Reply::Recorded { .. }), "{reply:?}");
        }
    }

    /// Has a reader read the joint picture of a month, and records that.
    pub(crate) fn read(&mut self, reader: &Reader, period: Period) {
        self.decide(reader);
        let Ok(projection) = self.egress(reader).joint(&area(), period, At::Newest) else { return };
        let disclosures = projection.disclosures().to_vec();
        let reply = self.apply(Command::Disclose(Disclose { disclosures, advances: Vec::new() }));
        assert!(matches!(reply, Reply::Recorded { .. }), "{reply:?}");
    }

    fn due(&mut self, reader: &Reader, full: &Scope) -> Vec<Advance> {
        let class = self.class(reader);
        let view = self.state.view(&class);
        let before = view.map_or(0, View::revision);
        let mut changes = Vec::new();
        let mut looks = Vec::new();
        for area in &full.areas {
            let reached = view.map_or(0, |view| view.area(area));
            let key = (class, area.clone());
            let from = reached.max(self.looked.get(&key).copied().unwrap_or(0));
            let to = self.state.revision(area);
            if from >= to {
                continue;
            }
            let egress = Egress::new(&self.state, &self.keys, reader);
            if egress.changes(full, area, if reached == 0 { 0 } else { from }, to) {
                changes.push(Change::Area { area: area.clone(), from: reached, to });
            } else {
                looks.push((key, to));
            }
        }
        let released = self.state.editions().filter(|e| e.released.is_some());
        let released = released.filter(|e| full.periods.contains(&e.period.kind()));
        let released = released.filter(|e| view.is_none_or(|view| !view.has_edition(&e.id)));
        changes.extend(released.map(|edition| Change::Edition(edition.id.clone())));
        self.looked.extend(looks);
        let receiver = reader.organisation();
        let advances = (before + 1..).zip(changes).map(|(revision, change)| Advance {
            class,
            receiver: receiver.clone(),
            revision,
            change,
            digest: [0; 32],
        });
        advances.collect()
    }

    /// Opens, locks, answers and releases an edition of a month.
    pub(crate) fn release_edition(&mut self, period: Period) -> Option<EditionId> {
        for service in ["stad/sdf", "polis/lpo"] {
            let reader = self.reader(service);
            self.decide(&reader);
        }
        for (rights, label) in undecided(&self.state, &area(), period.kind()) {
            let grant = POLICY.0.decide(&self.state, &rights, &label).unwrap();
            self.apply(Command::Grants(Grants { grants: vec![grant] }));
        }
        let party = id!(PartyId, "sdf");
        let due = self.now.after_seconds(60);
        let (area, track) = (area(), Track::Operative);
        let open = OpenEdition { area, period, track, due, party: party.clone() };
        let Reply::Edition { id, .. } = self.apply(Command::OpenEdition(open)) else { return None };
        let locked = self.locked(period);
        let (root, edition) = (locked.0.root, id.clone());
        let (locked, descriptor) = locked;
        let lock = LockEdition { edition, party: party.clone(), locked, descriptor };
        if matches!(self.apply(Command::LockEdition(lock.into())), Reply::Refused(_)) {
            return None;
        }
        for (party, role, seed) in ENDORSERS {
            let answer = Answer {
                party: id!(PartyId, party),
                role,
                verdict: Verdict::Endorsed,
                text: None,
                statement: b"statement".to_vec(),
                signature: sign(seed, b"statement").0.to_vec(),
                key: id!(KeyId, &format!("key-{party}")),
                at: self.now,
            };
            let answered = AnswerEdition { edition: id.clone(), round: 1, root, answer };
            let reply = self.apply(Command::AnswerEdition(answered.into()));
            assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
        }
        let reply = self.apply(Command::ReleaseEdition(ReleaseEdition {
            edition: id.clone(),
            root,
            party,
        }));
        assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
        Some(id)
    }

    fn locked(&self, period: Period) -> (Locked, Digest) {
        let area = area();
        let frame = Frame {
            registry: self.state.registry(),
            area: &area,
            period,
            track: Track::Operative,
            revision: self.revision(),
        };
        let (labels, unit) =
            (labels(&["signatories", "kv"], 1, &["joint"], None), UnitKey::named("unit"));
        let analysis = Analysis { text: "Klotter och stölder.", labels: &labels, unit: &unit };
        let salt = RoundSalt::new([7; 32]);
        let made = content(&self.state, &self.keys, frame, &salt, analysis).unwrap();
        let basis_salt = Salt::new([8; 32]);
        let locked = Locked {
            revision: made.basis().revision,
            root: made.root(),
            basis: made.basis().commitment(&basis_salt).unwrap().0,
            secrets: Keys::seal_message(&made.secrets(&basis_salt)),
            analysis_labels: labels.clone(),
            objects: made.objects(),
        };
        (locked, made.descriptor().unwrap())
    }
}

/// Every set of rights that a reader uses, live or in editions.
pub(crate) fn all_rights(state: &State, reader: &Reader) -> BTreeSet<Rights> {
    let kinds = PeriodKind::ALL.into_iter().map(Some).chain([None]);
    let both = kinds.flat_map(|kind| [true, false].map(|live| (kind, live)));
    both.map(|(kind, live)| reader.rights(state.registry(), kind, live))
        .filter(|rights| !rights.is_empty())
        .collect()
}

pub(crate) fn area() -> AreaId {
    id!(AreaId, "a")
}

/// How fine the findings of a category are at the finest.
pub(crate) fn registered(state: &State, category: &samsyn_domain::CategoryId) -> Level {
    state.registry().category(category).unwrap().geography
}

pub(crate) fn labels(
    audience: &[&str],
    level: u32,
    purposes: &[&str],
    embargo_until: Option<Timestamp>,
) -> Labels {
    Labels {
        level: Secrecy::of(level).unwrap(),
        audience: audience.iter().map(|token| id!(Audience, token)).collect(),
        purposes: purposes.iter().map(|purpose| id!(PurposeId, purpose)).collect(),
        regime: Regime::Nonpersonal,
        secrecy_provisions: BTreeSet::new(),
        retain_until: START.after_seconds(10_000_000),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until,
        onward_sharing: false,
    }
}
