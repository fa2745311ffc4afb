//! The prover: what it proves folds to the root, and what it must not prove it refuses.

use std::collections::BTreeMap;

use ed25519_dalek::VerifyingKey;
use samsyn_domain::commit::Error;
use samsyn_domain::commit::canonical::{Message, Value};
use samsyn_domain::commit::descriptor::PublicKey;
use samsyn_domain::commit::dsse::{Envelope, pre_authentication};
use samsyn_domain::commit::fields::check;
use samsyn_domain::commit::object::{Leaf, ObjectKind, ObjectTree, Opening, ReferenceKey};
use samsyn_domain::commit::position::{Group, Mask, Position, Variant};
use samsyn_domain::commit::proof::{PartnerProof, ProvenObject, Refusal};
use samsyn_domain::commit::salt::{RoundSalt, Salt};
use samsyn_domain::commit::tree::{Depth, Tree};

use crate::world::{self, Object};

fn prove(object: &Object, openings: Vec<Opening>) -> Result<ProvenObject, Refusal> {
    ProvenObject::prove(&world::tree(), &object.tree, openings).map(|(_, proven)| proven)
}

/// The proof as bytes, with one field of its first object changed.
fn with_object_field(number: u16, value: Value) -> Result<PartnerProof, Error> {
    let message = Message::decode(&world::proof().encode().unwrap()).unwrap();
    let (_, Value::List(objects)) = message.fields().nth(3).unwrap() else { panic!("objects") };
    let mut objects = objects.clone();
    let Value::Message(first) = objects[0].clone() else { panic!("an object") };
    objects[0] = Value::Message(first.with(number, value));
    PartnerProof::decode(&message.clone().with(4, Value::List(objects)).encode().unwrap())
}

fn verifies(envelope: &Envelope, key: &PublicKey) -> bool {
    let PublicKey::Ed25519(bytes) = key else { panic!("the world's keys are of Ed25519") };
    let message = pre_authentication(envelope.payload_type, &envelope.payload);
    let signature = envelope.signatures[&key.id()].0.into();
    VerifyingKey::from_bytes(bytes).unwrap().verify_strict(&message, &signature).is_ok()
}

#[test]
fn every_shown_object_folds_to_the_content_root() {
    let root = world::tree().root();
    let proof = world::proof();
    assert_eq!(proof.objects.len(), 4);
    for (slot, object) in &proof.objects {
        assert_eq!(object.fold(*slot), Some(root));
    }
    assert_eq!(proof.opened(), world::manifest().opened);
}

#[test]
fn every_choice_of_variants_folds_to_the_content_root() {
    let object = &world::objects()[0];
    let tree = world::tree();
    for place in [None, Some(4), Some(5), Some(6)] {
        for counts in [None, Some(12), Some(13), Some(14)] {
            for rest in 0_u8..16 {
                let others = [(0, 8), (1, 16), (2, 20), (3, 24)].into_iter();
                let others = others.filter(|(bit, _)| rest >> bit & 1 == 1).map(|(_, at)| at);
                let mut positions = vec![0];
                positions.extend(place.into_iter().chain(counts).chain(others));
                let openings = world::openings(object, &positions);
                let (slot, proven) = ProvenObject::prove(&tree, &object.tree, openings).unwrap();
                assert_eq!(proven.fold(slot), Some(tree.root()));
            }
        }
    }
}

#[test]
fn a_proof_comes_back_as_it_was() {
    let bytes = world::proof().encode().unwrap();
    assert_eq!(PartnerProof::decode(&bytes), Ok(world::proof()));
    assert_eq!(PartnerProof::decode(&bytes).unwrap().encode(), Ok(bytes));
}

#[test]
fn no_changed_byte_decodes_to_the_same_proof() {
    let bytes = world::proof().encode().unwrap();
    let proof = world::proof();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_ne!(PartnerProof::decode(&changed).as_ref(), Ok(&proof), "byte {at}");
    }
}

#[test]
fn signatures_of_the_sample_hold_strictly() {
    let proof = world::proof();
    for key in world::descriptor().signers() {
        assert!(verifies(&proof.descriptor, &key));
    }
    assert!(verifies(&proof.manifest, &world::public(&world::RELEASE_SEED)));
    assert!(!verifies(
        &Envelope { payload: b"other".to_vec(), ..proof.manifest },
        &world::public(&world::RELEASE_SEED)
    ));
}

#[test]
fn an_object_of_another_edition_is_not_proven() {
    let objects = world::objects();
    let rest = objects[1..].iter().map(|object| (object.id, object.tree.root())).collect();
    let salt = RoundSalt::new(world::ROUND_SALT);
    let other = Tree::build(Depth::DEFAULT, &salt, rest).unwrap();
    let refusal = ProvenObject::prove(&other, &objects[0].tree, world::openings(&objects[0], &[0]));
    assert_eq!(refusal.unwrap_err(), Refusal::NotInEdition(objects[0].id));

    let stale = ObjectTree::build(&salt, objects[1].id, &BTreeMap::new());
    let refusal = ProvenObject::prove(&other, &stale, world::openings(&objects[1], &[0]));
    assert_eq!(refusal.unwrap_err(), Refusal::NotInEdition(objects[1].id));
}

#[test]
fn an_opening_of_another_object_is_not_proven() {
    let [full, bare, ..] = &world::objects();
    let refusal = prove(full, world::openings(bare, &[0])).unwrap_err();
    assert_eq!(refusal, Refusal::OfAnotherObject(bare.id));
}

#[test]
fn a_value_or_salt_that_was_not_committed_is_not_proven() {
    let object = &world::objects()[0];
    let position = Position::new(Group::Identity, Variant::Exact);
    let leaf = &object.leaves[&position];
    let wrong_salt = Leaf::new(Salt::new([0; 32]), leaf.canonical().to_vec());
    let wrong_value = Leaf::commit(object.id, position, Message::new(), *leaf.salt()).unwrap();
    for wrong in [wrong_salt, wrong_value] {
        let refusal = prove(object, vec![Opening::of(wrong).unwrap()]).unwrap_err();
        assert_eq!(refusal, Refusal::NotCommitted(position));
    }
}

#[test]
fn two_variants_of_a_group_or_no_identity_are_not_proven() {
    let object = &world::objects()[0];
    for positions in [&[][..], &[8], &[0, 4, 5], &[0, 12, 14]] {
        let mask: Mask = positions.iter().map(|at| Position::try_from(*at).unwrap()).collect();
        let refusal = prove(object, world::openings(object, positions)).unwrap_err();
        assert_eq!(refusal, Refusal::NotOpenable(mask));
    }
}

#[test]
fn a_proof_whose_opening_is_not_of_its_position_or_object_does_not_decode() {
    let [full, bare, ..] = &world::objects();
    let opening = |leaf: &Leaf, at: i64| {
        let salt = leaf.salt().as_bytes().as_slice();
        Value::Message(Message::new().with(1, at).with(2, salt).with(3, leaf.canonical()))
    };
    let leaf = |object: &Object, at: u8| object.leaves[&Position::try_from(at).unwrap()].clone();
    let refused = [
        (vec![opening(&leaf(full, 0), 0), opening(&leaf(full, 8), 5)], Error::OutOfRange(3)),
        (vec![opening(&leaf(full, 0), 0), opening(&leaf(bare, 8), 8)], Error::OutOfRange(3)),
        (vec![opening(&leaf(full, 8), 8), opening(&leaf(full, 0), 0)], Error::SetOrder),
        (vec![opening(&leaf(full, 8), 8)], Error::OutOfRange(2)),
        (Vec::new(), Error::OutOfRange(2)),
    ];
    for (openings, error) in refused {
        assert_eq!(with_object_field(2, Value::List(openings)), Err(error));
    }
    assert_eq!(with_object_field(3, Value::Bytes(vec![0; 33])), Err(Error::OutOfRange(3)));
    assert_eq!(with_object_field(5, Value::Bool(true)), Err(Error::UnknownField(5)));
}

#[test]
fn every_value_of_the_sample_is_in_the_tables() {
    let more = [world::point(), world::assessment(), world::cell()].concat();
    let objects = world::objects();
    for part in objects.iter().flat_map(|object| &object.parts).chain(&more) {
        let position = Position::new(part.group, part.variant);
        assert_eq!(check(part.kind, position, &part.value), Ok(()), "{part:?}");
        let over = part.value.clone().with(99, true);
        assert!(check(part.kind, position, &over).is_err(), "{part:?}");
    }
}

#[test]
fn values_outside_the_tables_are_refused() {
    let exact = |group| Position::new(group, Variant::Exact);
    let observation = |group, value: &Message| check(ObjectKind::Observation, exact(group), value);
    let time = Message::new().with(1, 0_i64);
    assert_eq!(observation(Group::Time, &time), Err(Error::Missing(2)));
    assert_eq!(observation(Group::Time, &time.with(2, "x")), Err(Error::Mistyped(2)));
    assert_eq!(observation(Group::Time, &Message::new()), Err(Error::Missing(1)));
    assert_eq!(observation(Group::Reserved, &Message::new()), Err(Error::BadPosition(28)));
    let provenance = Message::new().with(1, "s").with(2, &[0; 31][..]);
    assert_eq!(observation(Group::Provenance, &provenance), Err(Error::OutOfRange(2)));
    let banded = Position::new(Group::Counts, Variant::First);
    let counted = check(ObjectKind::Assessment, banded, &Message::new());
    assert_eq!(counted, Err(Error::BadPosition(13)));
    let point = Message::new().with(2, "s").with(3, "a").with(4, 1_i64).with(5, 1_i64);
    assert_eq!(observation(Group::Place, &point), Ok(()));
    for kind in [ObjectKind::Series, ObjectKind::Assessment] {
        assert_eq!(check(kind, exact(Group::Place), &point), Err(Error::UnknownField(4)));
    }
    let fact = Message::new().with(3, 1_i64);
    let fact = check(ObjectKind::Assessment, exact(Group::Assessment), &fact);
    assert_eq!(fact, Err(Error::OutOfRange(3)));
    let decision = &world::objects()[2].parts[0].value;
    assert_eq!(observation(Group::Identity, decision), Err(Error::OutOfRange(1)));
    let outcome = &world::objects()[2].parts[1].value;
    let unsorted = outcome.clone().with(9, Value::List(vec!["bb".into(), "a".into()]));
    let refused = check(ObjectKind::Decision, exact(Group::Assessment), &unsorted);
    assert_eq!(refused, Err(Error::SetOrder));
}

/// A secret that is shown for debugging would end in a log.
#[test]
fn what_is_secret_is_not_shown_for_debugging() {
    let secret = [0xab; 32];
    let shown = [
        format!("{:?}", RoundSalt::new(secret)),
        format!("{:?}", Salt::new(secret)),
        format!("{:?}", ReferenceKey::new(secret)),
    ];
    assert_eq!(shown, ["RoundSalt(redacted)", "Salt(redacted)", "ReferenceKey(redacted)"]);
    let object = &world::objects()[0];
    let (tree, id) = (&object.tree, object.id);
    assert_eq!(format!("{id:?}"), id.to_string());
    assert_eq!(format!("{tree:?}"), format!("ObjectTree({id}, {})", tree.root()));
    let proof = world::proof();
    let (_, proven) = proof.objects.first_key_value().unwrap();
    assert_eq!(format!("{proven:?}"), format!("ProvenObject({:?})", proven.mask()));
    let whole = world::tree();
    let objects = world::objects().len();
    assert_eq!(format!("{whole:?}"), format!("Tree(depth 4, {objects} objects, {})", whole.root()));
    let (_, leaf) = object.leaves.first_key_value().unwrap();
    assert_eq!(format!("{leaf:?}"), format!("Leaf({} bytes)", leaf.canonical().len()));
}
