//! Observations and publications as tests make them.

use std::time::{Duration, Instant};

use prost_types::Timestamp;
use samsyn_client::{Client, Refused, wire};
use tokio::time::sleep;

/// The area that they are of.
pub const AREA: &str = "sthlm-skarholmen";
/// The party that makes them.
pub const PARTY: &str = "sdf-skarholmen";

/// How many observations a page has at most.
const PAGE: u32 = 500;
/// Long enough for a leader to be found.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

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

/// A party's own picture of an area, all pages of it: its version and the ids of its observations.
/// It is asked for again while it may be had later.
///
/// # Errors
/// When it is refused for good, or not to be had in time.
pub async fn own_picture(
    client: &Client,
    party: &str,
    area: &str,
) -> Result<(u64, Vec<String>), Refused> {
    let (mut found, mut token, since) = (Vec::new(), String::new(), Instant::now());
    loop {
        let request = wire::GetPictureRequest {
            context: Some(client.profile().read_context()),
            party: party.to_owned(),
            area: area.to_owned(),
            version: 0,
            page: Some(wire::Page { size: PAGE, token: token.clone() }),
        };
        let page = match client.pictures.clone().get_picture(request).await.map_err(Refused::from) {
            Ok(page) => page.into_inner(),
            Err(refused) if refused.is_retryable() && since.elapsed() < PATIENCE => {
                sleep(PAUSE).await;
                continue;
            }
            Err(refused) => return Err(refused),
        };
        found.extend(page.observations.into_iter().map(|observation| observation.id));
        token = page.next_page_token;
        if token.is_empty() {
            return Ok((page.version, found));
        }
    }
}
