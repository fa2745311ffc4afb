//! A state with two own pictures that disagree, a partner, and keys that open what is sealed.

use std::collections::BTreeMap;

use samsyn_domain::{
    AreaId, Caller, Draft, Observation, OrganisationId, PartyId, Period, Sealed, Secret, ServiceId,
    State, Timestamp, UnitKey,
    command::Digest,
    commit::{canonical::Message, dsse::Signature, object::ReferenceKey},
    disclosure::Ground,
    merge::{Dissent, Field, Key},
    row::{Dissented, Founded, Revised, Row, Stage, Version, What},
};
use samsyn_policy::{Denial, Egress, Known, Policy, Projection, Reader, Receipt, Recorder, View};

use crate::{
    inbound::{self, Change, fixture},
    v1::{self, observation::Location},
};

pub(super) const NOTE: &str = "Klotter på muren vid torget.";
pub(super) const DISSENT: &str = "Vi räknade fler.";
pub(super) const LATITUDE: i32 = 593_310_100;

/// A system of the signatory `sdf`.
pub(super) const SIGNATORY: &str = "stad/system";
/// A partner's system: sub-areas and counts, no text and no assessment.
pub(super) const PARTNER: &str = "kvv/system";

#[derive(Debug)]
pub(super) struct World {
    state: State,
    recorder: Recorder,
    keys: Keys,
}

#[derive(Debug)]
struct Keys {
    opened: BTreeMap<Sealed, Secret>,
    reference: ReferenceKey,
}

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let mut id = [0x5a; 16];
        id[0] = stage.id.as_str().len().try_into().unwrap();
        id[1] = stage.party.as_str().as_bytes()[0];
        id
    }

    fn open(&self, sealed: &Sealed) -> Option<Secret> {
        self.opened.get(sealed).cloned()
    }

    fn digest(&self, _: &[u8]) -> Digest {
        [0; 32]
    }

    fn reference_key(&self) -> &ReferenceKey {
        &self.reference
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

pub(super) fn area() -> AreaId {
    AreaId::parse("a").unwrap()
}

pub(super) fn month() -> Period {
    "2025-10".parse().unwrap()
}

impl World {
    #[expect(clippy::disallowed_methods, reason = "a test makes its own recorder")]
    pub(super) fn new() -> Self {
        let (policy, recorder) = Policy::load(
            include_str!("../../../../config/policy/samsyn.cedarschema"),
            include_str!("../../../../config/policy/samsyn.cedar"),
        )
        .unwrap();
        let keys = Keys { opened: BTreeMap::new(), reference: ReferenceKey::new([1; 32]) };
        let mut world = Self { state: State::default(), recorder, keys };
        world.state.absorb(Row::Founded(Founded {
            domain: "d".to_owned(),
            document: fixture::document().into(),
            key_file: [0; 32],
            at: fixture::NOW,
        }));
        world.state.absorb(Row::Epoch(1));
        let mut ours = fixture::observation("obs-ours");
        let at = v1::Coordinates { lat_e7: LATITUDE, lon_e7: 180_610_100 };
        ours.location = Some(Location::Coordinates(at));
        let mut theirs = fixture::observation("obs-theirs");
        theirs.severity = Some(5);
        theirs.trend = v1::Trend::Down.into();
        world.publish("sdf", 1, ours);
        world.publish("lpo", 2, theirs);
        world.dissent(3);
        world.decide(&policy);
        world
    }

    /// What a service may see.
    pub(super) fn view<T>(
        &self,
        service: &str,
        read: impl FnOnce(&Egress<'_>) -> Result<Projection<T>, Denial>,
    ) -> View<T> {
        let reader = self.reader(service);
        let egress = Egress::new(&self.state, &self.keys, &reader);
        self.recorder.release(read(&egress).unwrap(), Receipt(1))
    }

    #[expect(clippy::disallowed_methods, reason = "a test makes its own callers")]
    fn reader(&self, service: &str) -> Reader {
        let organisation = service.split('/').next().unwrap();
        let caller = Caller::authenticated(
            OrganisationId::parse(organisation).unwrap(),
            ServiceId::parse(service).unwrap(),
            "01".to_owned(),
            fixture::NOW.after_seconds(86_400),
        );
        let (ground, _): (Ground, _) = inbound::ground(Some(fixture::read_context())).unwrap();
        Reader::of(&self.state, fixture::NOW, &caller, ground).unwrap()
    }

    fn sealed(&mut self, name: &str, secret: Secret) -> Sealed {
        let sealed = Sealed { key: UnitKey::named("unit"), bytes: name.as_bytes().to_vec().into() };
        self.keys.opened.insert(sealed.clone(), secret);
        sealed
    }

    fn revised(&mut self, party: &PartyId, revision: u64, what: What) -> Timestamp {
        let at = fixture::NOW.after_seconds(revision.try_into().unwrap());
        let (area, party) = (area(), party.clone());
        self.state.absorb(Row::Revision(Revised { area, revision, at, party, what }));
        at
    }

    fn publish(&mut self, party: &str, revision: u64, observation: v1::Observation) {
        let registry = fixture::registry();
        let checked =
            inbound::publication(fixture::full(vec![observation]), &registry, fixture::NOW);
        let Change::Full { mut drafts, .. } = checked.value.unwrap().change else { panic!() };
        let draft = drafts.pop().unwrap();
        let of = PartyId::parse(party).unwrap();
        let at = self.revised(&of, revision, What::Publication);
        self.state.absorb(Row::Version(Version {
            party: of,
            area: area(),
            version: 1,
            revision,
            at,
            service: ServiceId::parse(SIGNATORY).unwrap(),
            reason: None,
            manifest: None,
            covers: None,
        }));
        self.stage(party, revision, draft);
    }

    /// Puts something more into the first version of a party's own picture.
    pub(super) fn put(&mut self, party: &str, draft: Draft) {
        self.stage(party, 1, draft);
    }

    fn stage(&mut self, party: &str, revision: u64, draft: Draft) {
        let Draft { id, content, secret } = draft;
        let sealed = Some(self.sealed(id.as_str(), secret));
        let observation = Observation { id: id.clone(), content, sealed };
        self.state.absorb(Row::Stage(Stage {
            area: area(),
            party: PartyId::parse(party).unwrap(),
            id,
            revision,
            version: 1,
            embargoed: false,
            observation: Some(observation.into()),
        }));
    }

    fn dissent(&mut self, revision: u64) {
        let party = PartyId::parse("lpo").unwrap();
        self.revised(&party, revision, What::Dissent);
        let secret = Secret { note: Some(DISSENT.to_owned()), coordinates: None };
        let reason = Some(self.sealed("dissent", secret));
        self.state.absorb(Row::Dissented(Dissented {
            revision,
            period: month(),
            finding: Key::parse("a-square/graffiti", &fixture::registry()).unwrap(),
            dissent: Dissent { party, field: Field::Severity, reason },
        }));
    }

    fn decide(&mut self, policy: &Policy) {
        for service in [SIGNATORY, PARTNER] {
            let reader = self.reader(service);
            let rights = reader.rights(self.state.registry(), Some(month().kind()), true);
            let egress = Egress::new(&self.state, &self.keys, &reader);
            let grants: Vec<_> = egress
                .undecided(&rights, &area(), 1_000)
                .iter()
                .map(|label| policy.decide(&self.state, &rights, label).unwrap())
                .collect();
            for grant in grants {
                self.state.absorb(Row::Grant(grant.into()));
            }
        }
    }
}
