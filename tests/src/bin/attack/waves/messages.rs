//! Bodies that no client sends.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use samsyn_tests::{
    observed::{PARTY, delta, observation},
    raw::{Answer, Failure, Raw, frame},
};
use tokio::time::sleep;

use super::{SPENT, Tally, at_once};
use crate::target::Target;

const PUBLISH: &str = "/samsyn.v1.PictureService/PublishPicture";

fn reason(answer: &Answer) -> &'static str {
    let refused = answer.refused().and_then(|refused| refused.reason);
    refused.map_or("", |reason| reason.id())
}

/// Sends bodies over and over; each must be refused with one of these reasons.
async fn refused(
    target: Target,
    headers: &'static [(&'static str, &'static [u8])],
    bodies: Vec<Bytes>,
    reasons: &'static [&'static str],
) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    at_once(8, |_| {
        let (target, profile, bodies) = (target.clone(), profile.clone(), bodies.clone());
        async move {
            let mut tally = Tally::default();
            let mut raw = Raw::open(&profile).await?;
            for body in bodies.iter().cycle() {
                if !target.goes_on() {
                    break;
                }
                match raw.call(Raw::request(PUBLISH, headers)?, body.clone()).await {
                    Ok(answer) => {
                        let reason = reason(&answer);
                        tally.refused_with(reason, reasons);
                        if reason == SPENT {
                            sleep(Duration::from_millis(50)).await;
                        }
                    }
                    // A connection may end for what was done on it.
                    Err(_) => raw = Raw::open(&profile).await?,
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// Lengths beyond the limit, with little and with much behind them.
pub(super) async fn oversize(target: Target) -> Result<Tally, Failure> {
    let bodies = vec![
        frame(0, Some(u32::MAX), &[0; 64]),
        frame(0, Some(16 << 20), &[0; 1024]),
        frame(0, None, &vec![0; (1 << 20) + 1]),
    ];
    refused(target, &[], bodies, &["MESSAGE_TOO_LARGE"]).await
}

/// A megabyte of zeros in a thousand bytes (gzip, RFC 1952), said and not said.
pub(super) async fn bombs(target: Target) -> Result<Tally, Failure> {
    // The head of a member whose deflate blocks repeat; nothing ever unpacks it.
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 0xec, 0xc1, 1, 1];
    packed.extend([0; 1_000]);
    let body = vec![frame(1, None, &packed)];
    let mut said = refused(
        target.clone(),
        &[("grpc-encoding", b"gzip")],
        body.clone(),
        &["UNSUPPORTED_ENCODING"],
    )
    .await?;
    let again = Target::clone(&target);
    said.add(refused(again, &[], body, &["MALFORMED"]).await?);
    Ok(said)
}

/// Bytes that are no message: cut, nested, flipped, and mere noise.
pub(super) async fn malformed(target: Target) -> Result<Tally, Failure> {
    let whole = delta(PARTY, 0, vec![observation("A", 2)]).encode_to_vec();
    let cut = whole.split_at(whole.len() / 2).0;
    let deep = [[0x93, 0x3f].repeat(5_000), [0x94, 0x3f].repeat(5_000)].concat();
    let noise: Vec<u8> =
        (0_u32..4_096).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0] | 7).collect();
    let bodies = vec![
        frame(0, None, cut),
        frame(0, None, &deep),
        frame(0, None, &noise),
        frame(0, Some(400_000), &whole),
        frame(9, None, &whole),
    ];
    refused(target, &[], bodies, &["MALFORMED"]).await
}

/// Bodies that never come to their end.
pub(super) async fn trickle(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    at_once(60, |_| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally::default();
            let raw = Raw::open(&profile).await?;
            while target.goes_on() {
                let request = Raw::request(PUBLISH, &[("grpc-timeout", b"2S")])?;
                let body = Bytes::from_static(&[0, 0, 0, 255, 255, 10]);
                let Ok(answer) = raw.call_without_end(request, body).await else { break };
                tally.refused_with(reason(&answer), &["DEADLINE_EXCEEDED"]);
            }
            Ok(tally)
        }
    })
    .await
}
