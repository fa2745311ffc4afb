//! Observations and publications as tests make them.

use prost_types::Timestamp;
use samsyn_client::wire;

/// The area that they are of.
pub const AREA: &str = "sthlm-skarholmen";
/// The party that makes them.
pub const PARTY: &str = "sdf-skarholmen";

/// An observation at Skärholmstorget in September 2025.
#[must_use]
pub fn observation(id: &str, severity: u32) -> wire::Observation {
    let at = |seconds| Some(Timestamp { seconds, nanos: 0 });
    wire::Observation {
        id: id.to_owned(),
        category: "graffiti".to_owned(),
        location: Some(wire::observation::Location::PlaceId(
            "sthlm-skarholmen/skarholmen-centrum/p1".to_owned(),
        )),
        starts_at: at(1_757_491_200),
        ends_at: at(1_757_494_800),
        count: Some(1),
        severity: Some(severity),
        basis: wire::Basis::Fact.into(),
        source_kind: "field_observation".to_owned(),
        labels: Some(wire::Labels {
            level: 1,
            audience: vec!["signatories".to_owned()],
            purposes: vec!["joint_picture".to_owned()],
            regime: "nonpersonal".to_owned(),
            retain_until: at(1_817_971_200),
            ..wire::Labels::default()
        }),
        ..wire::Observation::default()
    }
}

/// A delta of observations to the party's own picture.
#[must_use]
pub fn delta(
    party: &str,
    base_version: u64,
    upserts: Vec<wire::Observation>,
) -> wire::PublishPictureRequest {
    let delta = wire::PictureDelta { upserts, ..wire::PictureDelta::default() };
    wire::PublishPictureRequest {
        context: Some(samsyn_client::write_context("publisher")),
        party: party.to_owned(),
        area: AREA.to_owned(),
        base_version,
        manifest: None,
        change: Some(wire::publish_picture_request::Change::Delta(delta)),
    }
}
