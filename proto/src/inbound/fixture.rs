//! A small registry, and a publication in which nothing is wrong.

use samsyn_domain::{
    Timestamp,
    registry::{Document, Registry},
};

use crate::v1::{self, observation::Location};

/// 2025-10-15T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_760_529_600_000_000);

/// A UUIDv7 of some earlier day.
pub(crate) const KEY: &str = "01997a6e-3c00-7000-8000-000000000001";

/// Two areas; in `a` a sub-area with an outline and a place, and one with a centre alone.
const REGISTRY: &str = r#"
[lists]
secrecy_provisions = ["OSL 18:1", "OSL 35:1"]
retention_days_max = 731
priorities = [{ id = "unsafe_places", sv = "s", en = "e" }]
purposes = [{ id = "joint_picture", sv = "s", en = "e" }, { id = "follow_up", sv = "s", en = "e" }]
legal_bases = [{ id = "public_task", sv = "s", en = "e" }]
sources = [{ id = "patrol", sv = "s", en = "e" }, { id = "survey", sv = "s", en = "e" }]

[[organisations]]
id = "stad"
name = "Staden"
orgnr = "1"
trust_domain = "stad.example"
clearance = 3

[[organisations]]
id = "polis"
name = "Polisen"
orgnr = "2"
trust_domain = "polis.example"
clearance = 3

[[organisations]]
id = "kvv"
name = "Partnern"
orgnr = "3"
trust_domain = "kvv.example"
clearance = 3

[[parties]]
id = "sdf"
organisation = "stad"
name = "SDF"
kind = "municipal"
sub_kind = "district_administration"

[[parties]]
id = "lpo"
organisation = "polis"
name = "LPO"
kind = "police"
sub_kind = "local_police_area"

[[services]]
id = "stad/system"
organisation = "stad"
parties = ["sdf"]
roles = ["publisher", "reader"]

[[services]]
id = "kvv/system"
organisation = "kvv"
roles = ["reader"]

[[groups]]
id = "group"
name = "Gruppen"
members = ["stad"]

[[categories]]
id = "graffiti"
sv = "Klotter"
en = "Graffiti"
kind = "observed_disorder"
priority = "unsafe_places"
geography = "place"

[[areas]]
id = "a"
name = "A"

[[areas]]
id = "b"
name = "B"

[[sub_areas]]
id = "a-north"
area = "a"
name = "Norr"
centre = { lat_e7 = 593300000, lon_e7 = 180600000 }
outline = [
  { lat_e7 = 593200000, lon_e7 = 180500000 },
  { lat_e7 = 593200000, lon_e7 = 180700000 },
  { lat_e7 = 593400000, lon_e7 = 180700000 },
  { lat_e7 = 593400000, lon_e7 = 180500000 },
]

[[sub_areas]]
id = "a-south"
area = "a"
name = "Söder"
centre = { lat_e7 = 592500000, lon_e7 = 180600000 }

[[sub_areas]]
id = "b-all"
area = "b"
name = "B"
centre = { lat_e7 = 590000000, lon_e7 = 170000000 }

[[places]]
id = "a-square"
sub_area = "a-north"
name = "Torget"
centre = { lat_e7 = 593310000, lon_e7 = 180610000 }

[[places]]
id = "b-square"
sub_area = "b-all"
name = "B-torget"

[[agreements]]
id = "agreement-a"
area = "a"
valid_from = "2024-01-01"
signatories = [
  { party = "sdf", capacity = "district_administration" },
  { party = "lpo", capacity = "local_police_area" },
]
periods = ["week", "month"]
conflict_roles = ["coordinator", "kommunpolis"]
[agreements.tracks]
operative = [{ party = "sdf", role = "coordinator" }, { party = "lpo", role = "kommunpolis" }]

[[release_rows]]
id = "kvv-a"
receiver = "kvv"
areas = ["a"]
priorities = ["unsafe_places"]
kinds = ["observed_disorder"]
periods = ["week", "month"]
shown = { identity = "exact", place = "sub_area", counts = "exact" }
purposes = ["joint_picture"]
legal_bases = ["public_task"]
live = true
declares_withheld = true
valid_from = "2024-01-01"
valid_to = "2027-01-01"
"#;

/// The registry as it is written.
pub(crate) fn document() -> Document {
    toml::from_str(REGISTRY).unwrap()
}

/// The registry.
pub(crate) fn registry() -> Registry {
    Registry::build(&document()).unwrap()
}

/// So many seconds after the fixed now.
pub(crate) fn wire_time(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: NOW.micros() / 1_000_000 + seconds, nanos: 0 }
}

/// The context of a change.
pub(crate) fn write_context() -> v1::WriteContext {
    v1::WriteContext {
        idempotency_key: KEY.to_owned(),
        actor_role: "coordinator".to_owned(),
        actor_pseudonym: "p-kestrel".to_owned(),
    }
}

/// The ground of a read.
pub(crate) fn read_context() -> v1::ReadContext {
    v1::ReadContext {
        purpose: "joint_picture".to_owned(),
        legal_basis: "public_task".to_owned(),
        ..v1::ReadContext::default()
    }
}

/// A month.
pub(crate) fn month() -> Option<v1::Period> {
    Some(v1::Period { code: "2025-10".to_owned() })
}

/// Labels in which nothing is wrong.
pub(crate) fn labels() -> v1::Labels {
    v1::Labels {
        level: 1,
        audience: vec!["signatories".to_owned(), "kvv".to_owned()],
        purposes: vec!["joint_picture".to_owned()],
        regime: "gdpr".to_owned(),
        secrecy_provisions: vec!["OSL 35:1".to_owned()],
        retain_until: Some(wire_time(86_400)),
        ..v1::Labels::default()
    }
}

/// An observation in which nothing is wrong, an hour before now.
pub(crate) fn observation(id: &str) -> v1::Observation {
    v1::Observation {
        id: id.to_owned(),
        category: "graffiti".to_owned(),
        location: Some(Location::PlaceId("a-square".to_owned())),
        starts_at: Some(wire_time(-3_600)),
        ends_at: Some(wire_time(-1_800)),
        count: Some(3),
        severity: Some(2),
        trend: v1::Trend::Up.into(),
        basis: v1::Basis::Fact.into(),
        source_kind: "patrol".to_owned(),
        reliability: "B".to_owned(),
        credibility: 2,
        note: "Klotter på muren vid torget.".to_owned(),
        labels: Some(labels()),
    }
}

/// A series in which nothing is wrong: October, so far.
pub(crate) fn series(id: &str) -> v1::Series {
    v1::Series {
        id: id.to_owned(),
        category: "graffiti".to_owned(),
        location: Some(v1::series::Location::SubAreaId("a-north".to_owned())),
        source_kind: "survey".to_owned(),
        points: vec![v1::SeriesPoint { period: month(), count: Some(12) }],
        note: "Räknat på anmälningsdag.".to_owned(),
        labels: Some(labels()),
    }
}

/// An assessment in which nothing is wrong, of October.
pub(crate) fn assessment(id: &str) -> v1::Assessment {
    v1::Assessment {
        id: id.to_owned(),
        category: "graffiti".to_owned(),
        location: Some(v1::assessment::Location::AreaId("a".to_owned())),
        period: month(),
        severity: Some(4),
        trend: v1::Trend::Up.into(),
        reliability: "B".to_owned(),
        credibility: 3,
        text: "Klottret breder ut sig norrut.".to_owned(),
        labels: Some(labels()),
    }
}

/// A full replacement of a month in area `a`.
pub(crate) fn full(observations: Vec<v1::Observation>) -> v1::PublishPictureRequest {
    let full = v1::FullPicture { period: month(), observations, ..v1::FullPicture::default() };
    publication(v1::publish_picture_request::Change::Full(full))
}

/// A delta in area `a`.
pub(crate) fn delta(delta: v1::PictureDelta) -> v1::PublishPictureRequest {
    publication(v1::publish_picture_request::Change::Delta(delta))
}

fn publication(change: v1::publish_picture_request::Change) -> v1::PublishPictureRequest {
    v1::PublishPictureRequest {
        context: Some(write_context()),
        party: "sdf".to_owned(),
        area: "a".to_owned(),
        base_version: 4,
        manifest: None,
        change: Some(change),
    }
}
