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

/// A series of statistics at Skärholmstorget: how many, by period.
#[must_use]
pub fn series(id: &str, points: &[(&str, u32)]) -> wire::Series {
    let like = observation(id, 1);
    let point = |(code, count): &(&str, u32)| wire::SeriesPoint {
        period: Some(wire::Period { code: (*code).to_owned() }),
        count: Some(*count),
    };
    wire::Series {
        id: like.id,
        category: like.category,
        location: Some(wire::series::Location::PlaceId(
            "sthlm-skarholmen/skarholmen-centrum/p1".to_owned(),
        )),
        source_kind: like.source_kind,
        points: points.iter().map(point).collect(),
        note: "Efter inkommen dag.".to_owned(),
        labels: like.labels,
    }
}

/// An assessment of Skärholmstorget in a period.
#[must_use]
pub fn assessment(id: &str, period: &str, severity: u32) -> wire::Assessment {
    let like = observation(id, severity);
    wire::Assessment {
        id: like.id,
        category: like.category,
        location: Some(wire::assessment::Location::PlaceId(
            "sthlm-skarholmen/skarholmen-centrum/p1".to_owned(),
        )),
        period: Some(wire::Period { code: period.to_owned() }),
        severity: like.severity,
        trend: wire::Trend::Up.into(),
        reliability: "B".to_owned(),
        credibility: 2,
        text: "Ökar kvällstid.".to_owned(),
        labels: like.labels,
    }
}

/// A delta of observations to the party's own picture.
#[must_use]
pub fn delta(
    party: &str,
    base_version: u64,
    upserts: Vec<wire::Observation>,
) -> wire::PublishPictureRequest {
    change(party, base_version, wire::PictureDelta { upserts, ..wire::PictureDelta::default() })
}

/// A change of the party's own picture.
#[must_use]
pub fn change(
    party: &str,
    base_version: u64,
    delta: wire::PictureDelta,
) -> wire::PublishPictureRequest {
    wire::PublishPictureRequest {
        context: Some(samsyn_client::write_context("publisher")),
        party: party.to_owned(),
        area: AREA.to_owned(),
        base_version,
        manifest: None,
        change: Some(wire::publish_picture_request::Change::Delta(delta)),
    }
}
