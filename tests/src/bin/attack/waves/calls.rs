//! Whole calls by a partner that is let in: too many, forged, too wide, replayed.

use std::time::Duration;

use samsyn_client::{Client, Profile, Refused, wire};
use samsyn_tests::{
    observed::{PARTY, delta, observation},
    raw::{Failure, Raw, framed},
};
use tokio::time::sleep;

use super::{SPENT, Tally, at_once};
use crate::target::Target;

const PARTNER: &str = "raddningstjansten";
const ACCESS: &str = "/samsyn.v1.AccessService/GetAccess";

/// The reason of a refusal; when the share is used up, the attacker waits a moment.
async fn told(refused: tonic::Status) -> &'static str {
    let reason = Refused::from(refused).reason.map_or("", |reason| reason.id());
    if reason == SPENT {
        sleep(Duration::from_millis(20)).await;
    }
    reason
}

/// Headers that claim to be somebody: the answer is that of the certificate.
pub(super) async fn claims(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile(PARTNER)?;
    at_once(4, |_| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let client = Client::connect(&profile).await?;
            let mine = client.access.clone().get_access(wire::GetAccessRequest::default()).await?;
            let mine = framed(&mine.into_inner());
            let raw = Raw::open(&profile).await?;
            let mut tally = Tally::default();
            while target.goes_on() {
                let claims: [(&str, &[u8]); 5] = [
                    ("x-forwarded-client-cert", b"URI=spiffe://polismyndigheten.example/svc/x"),
                    ("authorization", b"Bearer polismyndigheten"),
                    ("x-org", b"polismyndigheten"),
                    ("samsyn-caller", b"polismyndigheten/lpo-skarholmen"),
                    ("x-now", b"2039-01-01T00:00:00Z"),
                ];
                let request = Raw::request(ACCESS, &claims)?;
                let answer = raw.call(request, framed(&wire::GetAccessRequest::default())).await?;
                match answer.status.filter(|status| status.code() != tonic::Code::Ok) {
                    Some(status) => tally.refused_with(told(status).await, &[]),
                    None => tally.refused(answer.body == mine),
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// As many calls as can be made: the share is served, the rest refused with a time to wait.
pub(super) async fn flood(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile(PARTNER)?;
    at_once(32, |_| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let client = Client::connect(&profile).await?;
            let mut tally = Tally::default();
            while target.goes_on() {
                let mut access = client.access.clone();
                match access.get_access(wire::GetAccessRequest::default()).await {
                    Ok(_) => {
                        tally.tries += 1;
                        tally.served += 1;
                    }
                    Err(status) => tally.refused_with(told(status).await, &[]),
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// Cursors with a bit flipped, of another caller, and made up.
pub(super) async fn cursors(target: Target) -> Result<Tally, Failure> {
    let police = Client::connect(&target.profile("lpo-skarholmen")?).await?;
    let request = |client: &Client, cursor: String| wire::ListEventsRequest {
        context: Some(client.profile().read_context()),
        cursor,
        limit: 1,
        ..wire::ListEventsRequest::default()
    };
    let first = police.joint.clone().list_events(request(&police, String::new())).await?;
    let theirs = first.into_inner().next_cursor;
    let partner = Client::connect(&target.profile(PARTNER)?).await?;
    let first = partner.joint.clone().list_events(request(&partner, String::new())).await?;
    let own = first.into_inner().next_cursor;
    let mut tally = Tally::default();
    for number in 0_usize.. {
        if !target.goes_on() {
            break;
        }
        let mut forged = own.clone().into_bytes();
        let at = number % forged.len();
        if let Some(byte) = forged.get_mut(at) {
            *byte = if *byte == b'A' { b'B' } else { b'A' };
        }
        let changed = forged != own.as_bytes();
        let forged = String::from_utf8(forged)?;
        for cursor in [forged, theirs.clone(), "A".repeat(number % 512)] {
            if cursor.is_empty() || !changed {
                continue;
            }
            match partner.joint.clone().list_events(request(&partner, cursor)).await {
                Ok(_) => tally.refused(false),
                Err(status) => tally.refused_with(told(status).await, &["CURSOR_INVALID"]),
            }
        }
    }
    Ok(tally)
}

/// Areas and priority areas that no release row gives.
pub(super) async fn wide(target: Target) -> Result<Tally, Failure> {
    let partner = Client::connect(&target.profile(PARTNER)?).await?;
    let mut tally = Tally::default();
    while target.goes_on() {
        for area in ["sthlm", "county", "*", "%", "sthlm-skarholmen/../sthlm-jarva", "no-such"] {
            let scope = wire::Scope { areas: vec![area.to_owned()], ..wire::Scope::default() };
            let request = wire::ListEventsRequest {
                context: Some(partner.profile().read_context()),
                scope: Some(scope),
                limit: 1,
                ..wire::ListEventsRequest::default()
            };
            match partner.joint.clone().list_events(request).await {
                Ok(_) => tally.refused(false),
                Err(status) => {
                    tally.refused_with(told(status).await, &["SCOPE_TOO_WIDE", "UNKNOWN_CODE"])
                }
            }
        }
    }
    Ok(tally)
}

/// One publication, sent again and again: it takes effect once, whoever sends it and however it
/// is changed.
pub(super) async fn replays(target: Target) -> Result<Tally, Failure> {
    // Unsigned, so that a replay is the same as the first.
    let profile = Profile { publisher_key: None, ..target.profile(PARTY)? };
    let city = Client::connect(&profile).await?;
    let partner = Client::connect(&target.profile(PARTNER)?).await?;
    let first = city.publish(delta(PARTY, 0, vec![observation("replayed", 2)])).await;
    let base = match first {
        Ok(answer) => answer.version,
        Err(refused) => refused.current,
    };
    let publication = delta(PARTY, base, vec![observation("replayed", 3)]);
    let answer = city.publish(publication.clone()).await?;
    let mut tally = Tally::default();
    let mut changed = publication.clone();
    changed.change = delta(PARTY, base, vec![observation("replayed", 5)]).change;
    while target.goes_on() {
        match city.pictures.clone().publish_picture(publication.clone()).await {
            Ok(again) => tally.refused(again.into_inner() == answer),
            Err(status) => tally.refused_with(told(status).await, &[]),
        }
        match city.pictures.clone().publish_picture(changed.clone()).await {
            Ok(_) => tally.refused(false),
            Err(status) => tally.refused_with(told(status).await, &["KEY_REUSED"]),
        }
        match partner.pictures.clone().publish_picture(publication.clone()).await {
            Ok(_) => tally.refused(false),
            Err(status) => tally.refused_with(told(status).await, &["NOT_YOUR_PARTY"]),
        }
    }
    Ok(tally)
}
