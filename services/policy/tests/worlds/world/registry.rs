//! The registry of the small world: three parties of one area, two partners, rows as they are
//! drawn.

use std::collections::BTreeSet;

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_domain::{
    commit::{
        self,
        descriptor::{Descriptor, Function, PublicKey, Track as Required},
        dsse::{Envelope, PayloadType, Signature, pre_authentication},
        hash,
        tree::Depth,
    },
    registry::{Document, Role},
};
use serde_json::{Value, json};

/// Who must endorse, with the seed of its key.
pub(crate) const ENDORSERS: [(&str, Role, u8); 2] =
    [("sdf", Role::Coordinator, 1), ("lpo", Role::Kommunpolis, 2)];
/// The seed of the key that signs releases.
pub(crate) const RELEASE: u8 = 9;
/// Whose registrars can sign, with the seeds of their keys.
pub(crate) const REGISTRARS: [(&str, u8); 2] = [("stad", 11), ("polis", 12)];
/// The categories: id, kind, priority, registered geography.
pub(crate) const CATEGORIES: [(&str, &str, &str, &str); 4] = [
    ("graffiti", "observed_disorder", "unsafe_places", "place"),
    ("theft", "reported_crime", "unsafe_places", "sub_area"),
    ("dealing", "observed_disorder", "criminal_milieus", "place"),
    ("fraud", "system_threat", "systemic_crime", "district"),
];
/// The geographies: sub-area and place.
pub(crate) const GEOGRAPHIES: [(Option<&str>, Option<&str>); 6] = [
    (None, None),
    (Some("a/s"), None),
    (Some("a/s"), Some("a/s/p")),
    (Some("a/s"), Some("a/s/q")),
    (Some("a/t"), None),
    (Some("a/t"), Some("a/t/r")),
];
const FIELD_GROUPS: [&str; 5] = ["time", "counts", "assessment", "text", "provenance"];
const PERIODS: [&[&str]; 3] = [&["month"], &["week", "month"], &["month", "quarter"]];

/// A release row as it is drawn.
#[derive(Debug, Clone)]
pub(crate) struct RowSpec {
    /// `kv` or `fk`.
    pub(crate) receiver: &'static str,
    /// Not at all, exact, sub-area, district.
    pub(crate) place: Option<&'static str>,
    /// Which of time, counts, assessment, text and provenance.
    pub(crate) groups: [bool; 5],
    /// Which of the priorities; the first always.
    pub(crate) priorities: usize,
    /// Which kinds of period.
    pub(crate) periods: usize,
    /// For the second purpose, too.
    pub(crate) wide: bool,
    /// The live picture, too, unless counts are protected.
    pub(crate) live: bool,
    /// Cells only.
    pub(crate) protected: bool,
}

impl RowSpec {
    fn json(&self, number: usize) -> Value {
        let mut shown = json!({"identity": "exact"});
        if let Some(place) = self.place {
            shown["place"] = place.into();
        }
        for (group, _) in FIELD_GROUPS.iter().zip(self.groups).filter(|(_, shown)| *shown) {
            shown[*group] = "exact".into();
        }
        let priorities: BTreeSet<&str> =
            CATEGORIES.iter().map(|category| category.2).take(self.priorities + 2).collect();
        let purposes: &[&str] = if self.wide { &["joint", "other"] } else { &["joint"] };
        json!({"id": format!("row-{number}"), "receiver": self.receiver, "areas": ["a"],
            "priorities": priorities,
            "kinds": ["observed_disorder", "reported_crime", "system_threat"],
            "periods": PERIODS[self.periods], "shown": shown, "purposes": purposes,
            "legal_bases": ["law"], "live": self.live && !self.protected,
                "protected_counts": self.protected,
            "declares_withheld": self.wide,
            "valid_from": "2020-01-01", "valid_to": "2030-01-01"})
    }
}

/// The registry with some rows.
pub(crate) fn document(rows: &[RowSpec]) -> Document {
    let named = |id: &str| json!({"id": id, "sv": id, "en": id});
    let organisation = |id: &str, clearance: u8| {
        let domain = format!("{id}.example");
        json!({"id": id, "name": id, "orgnr": id, "trust_domain": domain, "clearance": clearance})
    };
    let category = |(id, kind, priority, geography): (&str, &str, &str, &str)| {
        json!({"id": id, "sv": id, "en": id, "kind": kind, "priority": priority,
            "geography": geography})
    };
    let endorsers: Vec<Value> = ENDORSERS
        .iter()
        .map(|(party, role, _)| json!({"party": party, "role": role.as_str()}))
        .collect();
    let sub_area =
        |id: &str| json!({"id": id, "area": "a", "name": id, "centre": {"lat_e7": 1, "lon_e7": 1}});
    let place = |id: &str, sub: &str| json!({"id": id, "sub_area": sub, "name": id});
    let rows = rows.iter().enumerate().map(|(number, row)| row.json(number));
    let document = json!({
        "lists": {
            "priorities": [named("unsafe_places"), named("criminal_milieus"),
                named("systemic_crime")],
            "purposes": [named("joint"), named("other")],
            "legal_bases": [named("law")],
            "sources": [named("reports"), named("patrol")],
        },
        "organisations": [organisation("stad", 3), organisation("polis", 3),
            organisation("kv", 2), organisation("fk", 2)],
        "groups": [{"id": "partners", "name": "p", "members": ["kv", "fk"]}],
        "parties": [
            {"id": "sdf", "organisation": "stad", "name": "s", "kind": "municipal",
                "sub_kind": "d"},
            {"id": "tk", "organisation": "stad", "name": "t", "kind": "municipal", "sub_kind": "c"},
            {"id": "lpo", "organisation": "polis", "name": "l", "kind": "police", "sub_kind": "l"}
        ],
        "services": [
            {"id": "stad/sdf", "organisation": "stad", "parties": ["sdf"],
                "roles": ["coordinator"]},
            {"id": "stad/tk", "organisation": "stad", "parties": ["tk"], "roles": ["publisher"]},
            {"id": "polis/lpo", "organisation": "polis", "parties": ["lpo"],
                "roles": ["kommunpolis"]},
            {"id": "kv/reader", "organisation": "kv", "roles": ["reader"]},
            {"id": "fk/reader", "organisation": "fk", "roles": ["reader"]}
        ],
        "endorsement_keys": ENDORSERS.map(|(party, role, seed)| {
            let public = hex::encode(key(seed).verifying_key().to_bytes());
            json!({"id": format!("key-{party}"), "party": party, "role": role.as_str(),
                "public_key": public})
        }),
        "registry_keys": REGISTRARS.map(|(organisation, seed)| {
            let public = hex::encode(key(seed).verifying_key().to_bytes());
            json!({"id": format!("key-{organisation}"), "organisation": organisation,
                "public_key": public})
        }),
        "categories": CATEGORIES.map(category),
        "areas": [{"id": "a", "name": "A"}],
        "sub_areas": [sub_area("a/s"), sub_area("a/t")],
        "places": [place("a/s/p", "a/s"), place("a/s/q", "a/s"), place("a/t/r", "a/t")],
        "agreements": [{"id": "a-1", "area": "a", "valid_from": "2024-01-01",
            "signatories": [{"party": "sdf", "capacity": "d"}, {"party": "tk", "capacity": "c"},
                {"party": "lpo", "capacity": "l"}],
            "periods": ["week", "month", "quarter"], "tracks": {"operative": endorsers},
            "conflict_roles": ["coordinator", "kommunpolis"]}],
        "descriptors": [{"agreement": "a-1", "envelope": envelope()}],
        "release_rows": rows.collect::<Vec<_>>(),
    });
    serde_json::from_value(document).unwrap()
}

/// The signature of a seed's key.
pub(crate) fn sign(seed: u8, bytes: &[u8]) -> Signature {
    Signature(key(seed).sign(bytes).to_bytes())
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn envelope() -> String {
    let public = |seed| PublicKey::Ed25519(key(seed).verifying_key().to_bytes());
    let required: Required = ENDORSERS
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
        depth: Depth::try_from(16).unwrap(),
        profile: hash::Digest([6; 32]),
        merge_version: u32::try_from(samsyn_domain::merge::VERSION).unwrap(),
        tracks: [("operative".to_owned(), required)].into(),
        release_key: public(RELEASE),
    };
    let payload_type = PayloadType::Descriptor;
    let payload = descriptor.encode().unwrap();
    let signed = pre_authentication(payload_type, &payload);
    let signatures = ENDORSERS.iter().map(|(_, _, s)| (public(*s).id(), sign(*s, &signed)));
    let envelope: Result<_, commit::Error> =
        Envelope { payload_type, payload, signatures: signatures.collect() }.encode();
    hex::encode(envelope.unwrap())
}
