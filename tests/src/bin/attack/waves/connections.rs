//! Below TLS.

use std::time::Duration;

use samsyn_tests::raw::{Failure, connect};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{Tally, at_once};
use crate::target::Target;

/// Longer than the gateway bears silence.
const SILENCE: Duration = Duration::from_secs(10);

/// Whether the gateway closes a connection that says nothing.
///
/// Where the system's queue of new connections is full, the last step of opening one is lost, and
/// its opener takes for open what the gateway has never had. A byte has the system try again.
async fn closed(tcp: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    if timeout(SILENCE, tcp.read_to_end(&mut rest)).await.is_ok() {
        return true;
    }
    let said = tcp.write_all(&[0]).await;
    said.is_err() || timeout(SILENCE, tcp.read_to_end(&mut rest)).await.is_ok()
}

/// Connections that are closed as soon as they are open.
pub(super) async fn come_and_go(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    at_once(32, |number| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                drop(connect(&profile, Target::source(number)).await);
                tally.refused(true);
                sleep(Duration::from_millis(5)).await;
            }
            Ok(tally)
        }
    })
    .await
}

/// Five thousand connections at a time that say nothing, from many addresses.
pub(super) async fn silent(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    at_once(5_000, |number| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                match connect(&profile, Target::source(number / 50)).await {
                    Ok(mut tcp) => tally.refused(closed(&mut tcp).await),
                    Err(_) => tally.refused(true),
                }
                sleep(Duration::from_millis(200)).await;
            }
            Ok(tally)
        }
    })
    .await
}

/// Hellos that come byte by byte.
pub(super) async fn trickle(target: Target) -> Result<Tally, Failure> {
    let profile = target.profile("raddningstjansten")?;
    at_once(1_000, |number| {
        let (target, profile) = (target.clone(), profile.clone());
        async move {
            let mut tally = Tally::default();
            while target.goes_on() {
                let Ok(tcp) = connect(&profile, Target::source(number / 50)).await else {
                    tally.refused(true);
                    continue;
                };
                let (mut reader, mut writer) = tcp.into_split();
                let trickling = tokio::spawn(async move {
                    // The head of a hello of 512 bytes.
                    let head = [22_u8, 3, 1, 2, 0, 1, 0, 1, 252];
                    let mut alive = writer.write_all(&head).await.is_ok();
                    while alive {
                        sleep(Duration::from_millis(100)).await;
                        alive = writer.write_all(&[3]).await.is_ok();
                    }
                });
                let mut rest = Vec::new();
                let ended = timeout(SILENCE, reader.read_to_end(&mut rest)).await.is_ok();
                trickling.abort();
                tally.refused(ended);
            }
            Ok(tally)
        }
    })
    .await
}
