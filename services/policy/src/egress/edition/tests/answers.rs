use samsyn_domain::{
    EditionId, KeyId, PartyId,
    commit::{
        dsse::{PayloadType, pre_authentication},
        endorsement::{Endorsement, Verdict as Signed},
        hash,
    },
    edition::Verdict,
    registry::Role,
};

use super::world::{ALL, SALT, World, observation, sign};
use crate::edition::{BadAnswer, SignedAnswer, verify_answer};

fn in_review() -> (World, EditionId) {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    let id = world.open();
    world.lock(&id, SALT);
    (world, id)
}

/// An answer with everything that can be changed about it.
struct Case {
    payload: Vec<u8>,
    signature: Vec<u8>,
    party: &'static str,
    role: Role,
    verdict: Verdict,
    text: &'static str,
    text_salt: Vec<u8>,
    key: &'static str,
}

impl Case {
    fn of(stated: &Endorsement, seed: u8) -> Self {
        Self::signed(stated.encode().unwrap(), PayloadType::Endorsement, seed)
    }

    fn signed(payload: Vec<u8>, payload_type: PayloadType, seed: u8) -> Self {
        let signature = sign(seed, &pre_authentication(payload_type, &payload)).0.to_vec();
        Self {
            payload,
            signature,
            party: "sdf",
            role: Role::Coordinator,
            verdict: Verdict::Reserved,
            text: "med förbehåll",
            text_salt: vec![5; 32],
            key: "key-sdf",
        }
    }

    fn verify(&self, world: &World, id: &EditionId) -> Result<Endorsement, BadAnswer> {
        let (party, key) = (PartyId::parse(self.party).unwrap(), KeyId::parse(self.key).unwrap());
        let answer = SignedAnswer {
            party: &party,
            role: self.role,
            verdict: self.verdict,
            text: self.text,
            text_salt: &self.text_salt,
            statement: &self.payload,
            signature: &self.signature,
            key: &key,
        };
        verify_answer(&world.state, world.edition(id), &answer)
    }
}

#[test]
fn a_right_answer_gives_what_it_states() {
    let (world, id) = in_review();
    let stated = world.statement(&id, "sdf", Role::Coordinator);
    assert_eq!(Case::of(&stated, 1).verify(&world, &id), Ok(stated));
}

#[test]
fn a_statement_with_any_other_field_is_refused_though_it_is_signed() {
    type Change = fn(&mut Endorsement);
    let (world, id) = in_review();
    let cases: [(Change, BadAnswer); 16] = [
        (|s| s.domain = "x".into(), BadAnswer::OtherEdition),
        (|s| s.agreement = "x".into(), BadAnswer::OtherEdition),
        (|s| s.descriptor = hash::Digest([0; 32]), BadAnswer::OtherEdition),
        (|s| s.area = "x".into(), BadAnswer::OtherEdition),
        (|s| s.edition = "x".into(), BadAnswer::OtherEdition),
        (|s| s.round = 2, BadAnswer::RoundStale { current: 1 }),
        (|s| s.track = "strategic".into(), BadAnswer::OtherEdition),
        (|s| s.from += 1, BadAnswer::OtherEdition),
        (|s| s.to += 1, BadAnswer::OtherEdition),
        (|s| s.content_root = hash::Digest([0; 32]), BadAnswer::RootMismatch),
        (|s| s.basis = hash::Digest([0; 32]), BadAnswer::RootMismatch),
        (|s| s.party = "lpo".into(), BadAnswer::OtherAnswer("answer.party")),
        (|s| s.role = "kommunpolis".into(), BadAnswer::OtherAnswer("answer.actor_role")),
        (|s| s.verdict = Signed::Endorse, BadAnswer::OtherAnswer("answer.verdict")),
        (|s| s.verdict = Signed::Object, BadAnswer::OtherAnswer("answer.verdict")),
        (|s| s.reservation = hash::Digest([0; 32]), BadAnswer::OtherAnswer("answer.text")),
    ];
    for (change, expected) in cases {
        let mut stated = world.statement(&id, "sdf", Role::Coordinator);
        change(&mut stated);
        assert_eq!(Case::of(&stated, 1).verify(&world, &id), Err(expected));
    }
}

#[test]
fn rows25_and_26_an_answer_that_is_not_what_was_signed_is_refused() {
    type Change = fn(&mut Case);
    let (world, id) = in_review();
    let stated = world.statement(&id, "sdf", Role::Coordinator);
    let cases: [(Change, BadAnswer); 12] = [
        (|c| c.party = "lpo", BadAnswer::OtherAnswer("answer.party")),
        (|c| c.role = Role::Kommunpolis, BadAnswer::OtherAnswer("answer.actor_role")),
        (|c| c.verdict = Verdict::Endorsed, BadAnswer::OtherAnswer("answer.verdict")),
        (|c| c.text = "", BadAnswer::OtherAnswer("answer.text")),
        (|c| c.text_salt = vec![6; 32], BadAnswer::OtherAnswer("answer.text")),
        (|c| c.text_salt = vec![5; 31], BadAnswer::OtherAnswer("answer.text_salt")),
        (|c| c.key = "key-lpo", BadAnswer::KeyUnknown),
        (|c| c.key = "key-other", BadAnswer::KeyUnknown),
        (|c| c.key = "no-such-key", BadAnswer::KeyUnknown),
        (|c| c.signature.truncate(63), BadAnswer::BadSignature),
        (|c| c.signature[0] ^= 1, BadAnswer::BadSignature),
        (|c| c.payload.push(0), BadAnswer::Malformed),
    ];
    for (change, expected) in cases {
        let mut case = Case::of(&stated, 1);
        change(&mut case);
        assert_eq!(case.verify(&world, &id), Err(expected));
    }
}

#[test]
fn row25_a_signature_by_another_key_or_over_another_type_is_refused() {
    let (world, id) = in_review();
    let stated = world.statement(&id, "sdf", Role::Coordinator);
    for seed in [2, 5, 9] {
        assert_eq!(Case::of(&stated, seed).verify(&world, &id), Err(BadAnswer::BadSignature));
    }
    let payload = stated.encode().unwrap();
    let manifest = Case::signed(payload, PayloadType::ReleaseManifest, 1);
    assert_eq!(manifest.verify(&world, &id), Err(BadAnswer::BadSignature));
}

#[test]
fn a_party_in_a_role_that_need_not_answer_is_refused() {
    let (world, id) = in_review();
    let stated = world.statement(&id, "sdf", Role::Endorser);
    let case = Case { role: Role::Endorser, ..Case::of(&stated, 1) };
    assert_eq!(case.verify(&world, &id), Err(BadAnswer::NotAnEndorser));
}

#[test]
fn row31_an_answer_to_an_earlier_round_or_none_is_refused() {
    let (mut world, id) = in_review();
    let stated = world.statement(&id, "sdf", Role::Coordinator);
    world.lock(&id, [9; 32]);
    let stale = Case::of(&stated, 1).verify(&world, &id);
    assert_eq!(stale, Err(BadAnswer::RoundStale { current: 2 }));
    let mut edition = world.edition(&id).clone();
    edition.rounds.clear();
    world.state.absorb(samsyn_domain::row::Row::Edition(edition.into()));
    assert_eq!(Case::of(&stated, 1).verify(&world, &id), Err(BadAnswer::NoRound));
}
