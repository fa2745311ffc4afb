//! The registry of the small world.

use samsyn_domain::{
    commit::{
        descriptor::{Descriptor, Function, PublicKey, Track},
        dsse::{Envelope, PayloadType, pre_authentication},
        hash,
        tree::Depth,
    },
    merge,
    registry::Role,
};
use serde_json::{Value, json};

use super::world::{ENDORSERS, RELEASE, key, sign};

/// The registry as it is written, its descriptor of a depth.
pub(super) fn document(depth: i64) -> Value {
    let named = |id: &str| json!({"id": id, "sv": id, "en": id});
    let organisation = |id: &str, clearance: u8| {
        let domain = format!("{id}.example");
        json!({"id": id, "name": id, "orgnr": id, "trust_domain": domain, "clearance": clearance})
    };
    let category = |id: &str, geography: &str| {
        json!({"id": id, "sv": id, "en": id, "kind": "observed_disorder",
            "priority": "unsafe_places", "geography": geography})
    };
    let reader =
        |id: &str| json!({"id": format!("{id}/reader"), "organisation": id, "roles": ["reader"]});
    let row = |receiver: &str, shown: Value, protected: bool| {
        json!({"id": format!("row-{receiver}"), "receiver": receiver, "areas": ["a"],
            "priorities": ["unsafe_places"], "kinds": ["observed_disorder"],
            "periods": ["month"], "shown": shown, "purposes": ["joint_picture"],
            "legal_bases": ["law"], "live": false, "protected_counts": protected,
            "valid_from": "2020-01-01", "valid_to": "2030-01-01"})
    };
    let key_of = |(party, role, seed): (&str, Role, u8)| {
        let public = hex::encode(key(seed).verifying_key().to_bytes());
        json!({"id": format!("key-{party}"), "party": party, "role": role.as_str(),
            "public_key": public})
    };
    let endorsers: Vec<Value> = ENDORSERS
        .iter()
        .map(|(party, role, _)| json!({"party": party, "role": role.as_str()}))
        .collect();
    let mut keys: Vec<Value> = ENDORSERS.into_iter().map(key_of).collect();
    keys.push(json!({"id": "key-other", "party": "sdf", "role": "coordinator",
        "public_key": hex::encode(key(5).verifying_key().to_bytes())}));
    json!({
        "lists": {
            "priorities": [named("unsafe_places")],
            "purposes": [named("joint_picture")],
            "legal_bases": [named("law")],
            "sources": [named("reports"), named("patrol")],
        },
        "organisations": [organisation("stad", 3), organisation("polis", 2),
            organisation("kv", 2), organisation("fk", 2), organisation("xx", 2)],
        "parties": [
            {"id": "sdf", "organisation": "stad", "name": "s", "kind": "municipal",
                "sub_kind": "d"},
            {"id": "lpo", "organisation": "polis", "name": "l", "kind": "police", "sub_kind": "l"}
        ],
        "services": [
            {"id": "stad/sdf", "organisation": "stad", "parties": ["sdf"],
                "roles": ["coordinator"]},
            {"id": "polis/lpo", "organisation": "polis", "parties": ["lpo"],
                "roles": ["kommunpolis"]},
            reader("kv"), reader("fk"), reader("xx")
        ],
        "endorsement_keys": keys,
        "categories": [category("graffiti", "place"), category("theft", "district"),
            category("noise", "place"), category("fires", "place")],
        "areas": [{"id": "a", "name": "A"}],
        "sub_areas": [{"id": "a-s", "area": "a", "name": "S",
            "centre": {"lat_e7": 1, "lon_e7": 1}}],
        "places": [{"id": "a-p", "sub_area": "a-s", "name": "P"}],
        "agreements": [{"id": "a-1", "area": "a", "valid_from": "2024-01-01",
            "signatories": [{"party": "sdf", "capacity": "d"}, {"party": "lpo", "capacity": "l"}],
            "periods": ["month"], "tracks": {"operative": endorsers},
            "conflict_roles": ["coordinator", "kommunpolis"]}],
        "descriptors": [{"agreement": "a-1", "envelope": envelope(depth)}],
        "release_rows": [
            row("kv", json!({"identity": "exact", "place": "sub_area", "time": "exact",
                "counts": "exact", "assessment": "exact"}), false),
            row("fk", json!({"identity": "exact", "place": "district", "time": "exact",
                "counts": "exact"}), true),
        ],
    })
}

fn envelope(depth: i64) -> String {
    let public = |seed| PublicKey::Ed25519(key(seed).verifying_key().to_bytes());
    let required: Track = ENDORSERS
        .iter()
        .map(|(party, role, seed)| {
            let (party, role) = ((*party).to_owned(), role.as_str().to_owned());
            (Function { party, role }, public(*seed))
        })
        .collect();
    let descriptor = Descriptor {
        domain: "d".into(),
        agreement: "a-1".into(),
        valid_from: 0,
        depth: Depth::try_from(depth).unwrap(),
        profile: hash::Digest([6; 32]),
        merge_version: u32::try_from(merge::VERSION).unwrap(),
        tracks: [("operative".to_owned(), required)].into(),
        release_key: public(RELEASE),
    };
    let payload_type = PayloadType::Descriptor;
    let payload = descriptor.encode().unwrap();
    let signed = pre_authentication(payload_type, &payload);
    let signatures = ENDORSERS.iter().map(|(_, _, s)| (public(*s).id(), sign(*s, &signed)));
    let envelope = Envelope { payload_type, payload, signatures: signatures.collect() };
    hex::encode(envelope.encode().unwrap())
}
