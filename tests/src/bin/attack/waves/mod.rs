//! The waves of an attack: each a way in which a hostile or clumsy world comes at a gateway.

mod calls;
mod connections;
mod frames;
mod handshakes;
mod messages;
mod readers;

use std::{future::Future, pin::Pin};

use futures::future::join_all;
use samsyn_tests::raw::Failure;
use serde::{Deserialize, Serialize};

use crate::target::Target;

/// What a wave did, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// How often it tried.
    pub(crate) tries: u64,
    /// How often it was refused as it should be.
    pub(crate) refused: u64,
    /// How often it was served because it was allowed so much.
    pub(crate) served: u64,
    /// How often something got through that must not: always a fault.
    pub(crate) through: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.tries += other.tries;
        self.refused += other.refused;
        self.served += other.served;
        self.through += other.through;
    }

    fn refused(&mut self, as_it_should: bool) {
        self.tries += 1;
        if as_it_should {
            self.refused += 1;
        } else {
            self.through += 1;
        }
    }

    /// A refusal with one of these reasons is as it should be; the first other one is told.
    fn refused_with(&mut self, reason: &str, expected: &[&str]) {
        let as_it_should = reason == SPENT || expected.contains(&reason);
        if !as_it_should && self.through == 0 {
            eprintln!("refused with `{reason}`, and not with one of {expected:?}");
        }
        self.refused(as_it_should);
    }
}

/// The reason with which any call may be refused: the caller has used its share.
const SPENT: &str = "QUOTA_EXCEEDED";

type Running = Pin<Box<dyn Future<Output = Result<Tally, Failure>> + Send>>;

/// A wave.
pub(crate) struct Wave {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Which threats it is, by the numbers of `docs/security.md`.
    pub(crate) threats: &'static str,
    pub(crate) run: fn(Target) -> Running,
}

macro_rules! wave {
    ($name:literal, $threats:literal, $module:ident :: $run:ident) => {
        Wave { name: $name, threats: $threats, run: |target| Box::pin($module::$run(target)) }
    };
}

/// All of them.
pub(crate) const ALL: &[Wave] = &[
    wave!("connections that come and go", "T23", connections::come_and_go),
    wave!("connections that say nothing", "T22", connections::silent),
    wave!("handshakes that trickle", "T22", connections::trickle),
    wave!("handshakes by strangers", "T2 T23", handshakes::strangers),
    wave!("names of another authority", "T2", handshakes::forged),
    wave!("services that nobody registered", "T2", handshakes::nobody),
    wave!("no certificate, no HTTP/2, TLS 1.2", "T7", handshakes::downgrades),
    wave!("connections without a call", "T22", handshakes::without_a_call),
    wave!("rapid reset", "T24", frames::rapid_reset),
    wave!("headers without an end", "T24", frames::continuation),
    wave!("pings and settings", "T24", frames::pings),
    wave!("headers that claim", "T14", calls::claims),
    wave!("calls beyond the share", "T3 T23", calls::flood),
    wave!("forged cursors", "T9", calls::cursors),
    wave!("subscriptions that are too wide", "T9", calls::wide),
    wave!("replayed publications", "T6", calls::replays),
    wave!("messages that are too large", "T18", messages::oversize),
    wave!("compressed messages", "T19", messages::bombs),
    wave!("messages that are none", "T18", messages::malformed),
    wave!("bodies that trickle", "T22", messages::trickle),
    wave!("readers that do not read", "T21", readers::slow),
];

/// So many at once, each until the wave is over.
async fn at_once<F>(count: usize, one: impl Fn(usize) -> F) -> Result<Tally, Failure>
where
    F: Future<Output = Result<Tally, Failure>> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(one(number))).collect();
    let mut all = Tally::default();
    for tally in join_all(tasks).await {
        all.add(tally??);
    }
    Ok(all)
}
