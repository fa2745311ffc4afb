//! The published test vectors: what this code makes is what `tests/vectors/commitments.json` says.

use std::collections::BTreeMap;
use std::path::Path;

use samsyn_domain::commit::canonical::{Message, Value};
use samsyn_domain::commit::dsse::{Envelope, PayloadType, pre_authentication};
use samsyn_domain::commit::endorsement::reservation_commitment;
use samsyn_domain::commit::hash::{Digest, hash};
use samsyn_domain::commit::object::{ObjectId, ObjectKind, ObjectTree, ReferenceKey};
use samsyn_domain::commit::position::Position;
use samsyn_domain::commit::salt::{RoundSalt, Salt};
use samsyn_domain::commit::tree::{Depth, Slot, Tree};
use serde_json::{Value as Json, json};

use crate::world;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/commitments.json");

fn hexed(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

/// A canonical value as JSON: integers as decimal text, bytes as hexadecimal text.
fn shown(value: &Value) -> Json {
    match value {
        Value::I64(number) => json!({ "i64": number.to_string() }),
        Value::Bytes(bytes) => json!({ "bytes": hexed(bytes) }),
        Value::Text(text) => json!({ "text": text }),
        Value::List(items) => json!({ "list": items.iter().map(shown).collect::<Vec<_>>() }),
        Value::Message(message) => json!({ "message": shown_fields(message) }),
        Value::Bool(value) => json!({ "bool": value }),
    }
}

/// The fields of a message as pairs of number and value.
fn shown_fields(message: &Message) -> Json {
    message.fields().map(|(number, value)| json!([number, shown(value)])).collect()
}

fn canonical() -> Json {
    let nested = Message::new().with(1, Message::new().with(65_535, "å")).with(2, Message::new());
    let set = ["bb", "a", "c"].map(Value::from);
    let samples = [
        ("absent", Message::new()),
        ("i64 zero", Message::new().with(1, 0_i64)),
        ("i64 minus one", Message::new().with(1, -1_i64)),
        ("i64 least", Message::new().with(1, i64::MIN)),
        ("i64 greatest", Message::new().with(1, i64::MAX)),
        ("bytes empty", Message::new().with(1, &[][..])),
        ("bytes", Message::new().with(1, &[0, 1, 254, 255][..])),
        ("text empty", Message::new().with(1, "")),
        ("text in nfc", Message::new().with(1, "Lägesbild 👁")),
        ("bool", Message::new().with(1, false).with(2, true)),
        ("list empty", Message::new().with(1, Value::List(Vec::new()))),
        ("list in given order", Message::new().with(1, Value::List(set.to_vec()))),
        ("set of texts", Message::new().with(1, Value::set(set).unwrap())),
        (
            "list of lists",
            Message::new().with(1, Value::List(vec![Value::List(vec![Value::I64(1)])])),
        ),
        ("messages nested", nested),
        ("eight deep", (1..8).fold(Message::new(), |inner, _| Message::new().with(1, inner))),
        ("numbers ascending", Message::new().with(256, true).with(2, 7_i64).with(10, "x")),
    ];
    let sample = |(name, message): (&str, Message)| {
        let encoded = hexed(message.encode().unwrap());
        json!({ "name": name, "fields": shown_fields(&message), "encoded": encoded })
    };
    samples.into_iter().map(sample).collect()
}

fn refused() -> Json {
    let nine_deep = {
        let eight = (1..8).fold(Message::new(), |inner, _| Message::new().with(1, inner));
        let eight = eight.encode().unwrap();
        format!("000106{:08x}{}", eight.len(), hexed(eight))
    };
    let samples = [
        ("type 0", "000100"),
        ("type 1", "000101"),
        ("type 8", "00010800"),
        ("field repeated", "0001070000010701"),
        ("fields descending", "00020700000107 00"),
        ("bool of 2", "00010702"),
        ("number cut short", "00"),
        ("i64 cut short", "00010200000000000000"),
        ("bytes cut short", "0001030000000201"),
        ("byte after the last field", "00010701ff"),
        ("text not utf-8", "00010400000001ff"),
        ("text not nfc", "0001040000000361cc8a"),
        ("list count over its items", "000105000000020701"),
        ("list count of four thousand million", "000105ffffffff0701"),
        ("message length over its bytes", "00010600000005000107 01"),
        ("message length inside a field", "000106000000030001070100"),
        ("nine deep", nine_deep.as_str()),
    ];
    let sample = |(name, encoded): (&str, &str)| {
        let encoded = encoded.replace(' ', "");
        assert!(Message::decode(&hex::decode(&encoded).unwrap()).is_err(), "{name}");
        json!({ "name": name, "encoded": encoded })
    };
    samples.into_iter().map(sample).collect()
}

fn object_ids() -> Json {
    let key = ReferenceKey::new(world::REFERENCE_KEY);
    let names = [
        (ObjectKind::Observation, "farsta", "farsta", "2025-0001"),
        (ObjectKind::Series, "farsta", "farsta", "2025-0001"),
        (ObjectKind::Assessment, "lpo-farsta", "farsta", "Bedömning 3"),
        (ObjectKind::Cell, "lpo-farsta", "farsta", "c"),
        (ObjectKind::Decision, "", "farsta", "d"),
        (ObjectKind::Analysis, "", "farsta", world::EDITION),
    ];
    let sample = |(kind, owner, area, external): (ObjectKind, &str, &str, &str)| {
        json!({
            "reference_key": hexed(world::REFERENCE_KEY),
            "kind": kind.code(),
            "owner": owner,
            "area": area,
            "external_id": external,
            "object": key.object_id(kind, owner, area, external).unwrap().to_string(),
        })
    };
    names.into_iter().map(sample).collect()
}

fn keyed() -> Json {
    let salt = RoundSalt::new(world::ROUND_SALT);
    let object = ObjectId::new([0x99; 16]);
    let at = [0, 4, 20, 31].map(|at| Position::try_from(at).unwrap());
    let per_position = at.map(|position| {
        json!({
            "object": object.to_string(),
            "position": position.index(),
            "clear_salt": hexed(salt.clear(object, position).as_bytes()),
            "sealed_salt": hexed(salt.sealed(&world::UNIT_KEY, object, position).as_bytes()),
            "dummy": salt.dummy(object, position).to_string(),
        })
    });
    let empties = [(0, 0), (0, 65_535), (3, 1), (4, 0), (16, 0)].map(|(level, index)| {
        let digest = salt.empty(level, index).to_string();
        json!({ "level": level, "index": index, "digest": digest })
    });
    let left = hash(&[b"left"]);
    let right = hash(&[b"right"]);
    json!({
        "round_salt": hexed(world::ROUND_SALT),
        "unit_key": hexed(world::UNIT_KEY),
        "positions": per_position,
        "empties": empties,
        "node": {
            "left": left.to_string(),
            "right": right.to_string(),
            "node": samsyn_domain::commit::hash::node(&left, &right).to_string(),
        },
    })
}

/// Every value of every group that the sample edition, a cell, a point and an assessment have.
fn contents() -> Json {
    let objects = world::objects();
    let more = [world::cell(), world::point(), world::assessment()].concat();
    let parts = objects.iter().flat_map(|object| &object.parts).chain(&more);
    parts
        .map(|part| {
            let position = Position::new(part.group, part.variant);
            json!({
                "kind": part.kind.code(),
                "position": position.index(),
                "fields": shown_fields(&part.value),
                "encoded": hexed(part.value.encode().unwrap()),
            })
        })
        .collect()
}

fn objects() -> Json {
    let objects = world::objects();
    let sample = |object: &world::Object| {
        let leaves = object.leaves.iter().map(|(position, leaf)| {
            json!({
                "position": position.index(),
                "salt": hexed(leaf.salt().as_bytes()),
                "canonical": hexed(leaf.canonical()),
                "hash": leaf.hash().to_string(),
            })
        });
        json!({
            "object": object.id.to_string(),
            "leaves": leaves.collect::<Json>(),
            "root": object.tree.root().to_string(),
        })
    };
    let empty = ObjectTree::build(
        &RoundSalt::new(world::ROUND_SALT),
        ObjectId::new([0x99; 16]),
        &BTreeMap::new(),
    );
    let all_dummies = json!({
        "object": empty.object().to_string(),
        "leaves": [],
        "root": empty.root().to_string(),
    });
    objects.iter().map(sample).chain([all_dummies]).collect()
}

fn trees() -> Json {
    let object = |at: u8| (ObjectId::new([at; 16]), hash(&[b"object root", &[at]]));
    let mut samples = Vec::new();
    for levels in [4, 16] {
        for count in [0, 1, 2, 3, 7] {
            let objects: Vec<_> = (1..=count).map(object).collect();
            let depth = Depth::try_from(levels).unwrap();
            let salt = RoundSalt::new(world::ROUND_SALT);
            let tree = Tree::build(depth, &salt, objects.clone()).unwrap();
            let placed = objects.into_iter().map(|(id, root)| {
                let slot = tree.slot(id).unwrap();
                let siblings = tree.siblings(slot).unwrap();
                json!({
                    "object": id.to_string(),
                    "root": root.to_string(),
                    "slot": slot.0,
                    "siblings": siblings.iter().map(Digest::to_string).collect::<Json>(),
                })
            });
            samples.push(json!({
                "depth": levels,
                "objects": placed.collect::<Json>(),
                "content_root": tree.root().to_string(),
            }));
        }
    }
    json!({ "round_salt": hexed(world::ROUND_SALT), "samples": samples })
}

fn statements() -> Json {
    let descriptor = world::descriptor();
    let basis = world::basis();
    let basis_salt = Salt::new(world::BASIS_SALT);
    let reservation_salt = Salt::new(world::RESERVATION_SALT);
    let reservation = |text| {
        let commitment = reservation_commitment(&reservation_salt, text).unwrap();
        json!({
            "salt": hexed(world::RESERVATION_SALT),
            "text": text,
            "commitment": commitment.to_string(),
        })
    };
    let keys =
        [world::COORDINATOR_SEED, world::KOMMUNPOLIS_SEED, world::RELEASE_SEED].map(|seed| {
            let key = world::public(&seed);
            json!({
                "seed": hexed(seed),
                "algorithm": key.algorithm(),
                "public_key": hexed(key.as_bytes()),
                "key_id": key.id().to_string(),
            })
        });
    let endorsements = world::endorsements().map(|(endorsement, seed)| {
        let payload = endorsement.encode().unwrap();
        signed(&world::sign(PayloadType::Endorsement, payload, &[seed]))
    });
    let manifest = world::manifest();
    let proof = world::proof();
    json!({
        "keys": keys,
        "basis": {
            "salt": hexed(world::BASIS_SALT),
            "canonical": hexed(basis.encode().unwrap()),
            "commitment": basis.commitment(&basis_salt).unwrap().to_string(),
        },
        "reservations": [reservation(""), reservation(world::RESERVATION)],
        "descriptor": {
            "digest": descriptor.digest().unwrap().to_string(),
            "envelope": signed(&proof.descriptor),
        },
        "endorsements": endorsements,
        "release_manifest": {
            "digest": manifest.digest().unwrap().to_string(),
            "envelope": signed(&proof.manifest),
        },
    })
}

fn signed(envelope: &Envelope) -> Json {
    let message = pre_authentication(envelope.payload_type, &envelope.payload);
    let signatures = envelope.signatures.iter().map(
        |(key, signature)| json!({ "key_id": key.to_string(), "signature": hexed(signature.0) }),
    );
    json!({
        "payload_type": envelope.payload_type.as_str(),
        "payload": hexed(&envelope.payload),
        "pre_authentication": hexed(message),
        "signatures": signatures.collect::<Json>(),
        "encoded": hexed(envelope.encode().unwrap()),
    })
}

fn proof() -> Json {
    let proof = world::proof();
    let tree = world::tree();
    let shown = proof
        .objects
        .iter()
        .map(|(slot, object): (&Slot, _)| json!({ "slot": slot.0, "mask": object.mask().bits() }));
    json!({
        "pinned_descriptor_digest": world::descriptor().digest().unwrap().to_string(),
        "content_root": tree.root().to_string(),
        "opened": shown.collect::<Json>(),
        "encoded": hexed(proof.encode().unwrap()),
    })
}

#[test]
fn the_published_vectors_are_what_this_code_makes() {
    let made = json!({
        "about": "Vectors of docs/protocol.md. Bytes are hexadecimal; an i64 is decimal text.",
        "canonical": canonical(),
        "refused": refused(),
        "object_ids": object_ids(),
        "keyed": keyed(),
        "contents": contents(),
        "objects": objects(),
        "trees": trees(),
        "statements": statements(),
        "proof": proof(),
    });
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        std::fs::create_dir_all(Path::new(PATH).parent().unwrap()).unwrap();
        std::fs::write(PATH, text + "\n").unwrap();
    }
    // As values: the order of an object's members is not part of a vector.
    let published = std::fs::read_to_string(PATH).unwrap_or_default();
    let published: serde_json::Value = serde_json::from_str(&published).unwrap_or_default();
    assert!(published == made, "the vectors differ: once editions exist they must not");
}
