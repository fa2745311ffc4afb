//! What a request knows of its connection: who is at the other end, whether it must leave, and what
//! it does there.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::pki_types::CertificateDer;
use tokio::{sync::watch, time::Instant};

use super::{
    table::Lifetime,
    verify::{Peer, Verified},
};

/// Connections of one age would all come back at once: each becomes up to so many eighths of an
/// eighth of the longest age younger.
const AGE_STEPS: u32 = 8;

/// Why a connection must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Its certificate was revoked, has ended, or no authority answers for it any longer.
    Certificate,
    /// Its service was suspended.
    Suspended,
    /// This node has lost the others: another serves.
    CutOff,
}

/// What a request knows of its connection; cheap to clone.
#[derive(Clone)]
pub(crate) struct Access {
    verified: Verified,
    leaving: watch::Receiver<Option<(Leaving, Instant)>>,
    used: Arc<Use>,
    number: u64,
}

impl Access {
    /// Of the connection with this number.
    pub(super) const fn new(
        verified: Verified,
        leaving: watch::Receiver<Option<(Leaving, Instant)>>,
        used: Arc<Use>,
        number: u64,
    ) -> Self {
        Self { verified, leaving, used, number }
    }

    /// Of a caller whose call another node passed on: it has no connection here.
    pub(super) fn passed_on(verified: Verified) -> Self {
        let (_, leaving) = watch::channel(None);
        Self::new(verified, leaving, Arc::new(Use::new()), 0)
    }

    /// Which connection it is, counted from the start of the process.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Who is at the other end.
    pub(crate) const fn peer(&self) -> &Peer {
        self.verified.peer()
    }

    /// The chain of certificates that proves it, its own first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        self.verified.chain()
    }

    /// Why the connection must end; none while it may stay.
    pub(crate) fn left(&self) -> Option<Leaving> {
        self.leaving.borrow().map(|(why, _)| why)
    }

    /// Waits until the connection must end.
    pub(crate) async fn leaving(&mut self) -> Leaving {
        match self.leaving.wait_for(Option::is_some).await.map(|told| *told) {
            Ok(Some((why, _))) => why,
            // The connection is gone, and this request with it.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// How long the connection may stay, of so long in all; zero when it is too old.
    pub(crate) fn stays(&self, age_max: Duration) -> Duration {
        let step = u32::try_from(self.number % u64::from(AGE_STEPS)).unwrap_or(0);
        let earlier = age_max / AGE_STEPS / AGE_STEPS * step;
        age_max.saturating_sub(earlier).saturating_sub(self.used.opened.elapsed())
    }

    /// A call begins; it ends when what this gives is dropped.
    pub(crate) fn call(&self) -> Call {
        let mut calls = self.used.lock();
        let number = calls.next;
        calls.next = number.wrapping_add(1);
        calls.live.insert(number, None);
        drop(calls);
        Call { used: Arc::clone(&self.used), number, longest: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("peer", self.peer()).finish_non_exhaustive()
    }
}

/// What a connection is used for.
#[derive(Debug)]
pub(super) struct Use {
    opened: Instant,
    calls: Mutex<Calls>,
}

#[derive(Debug)]
struct Calls {
    /// The number of the next one: as many were made.
    next: u64,
    /// Those under way, with the time since which a message waits to be taken.
    live: BTreeMap<u64, Option<Instant>>,
    /// When the last one ended.
    last: Instant,
}

impl Use {
    /// Of a connection that has just been opened.
    pub(super) fn new() -> Self {
        let opened = Instant::now();
        let calls = Calls { next: 0, live: BTreeMap::new(), last: opened };
        Self { opened, calls: Mutex::new(calls) }
    }

    /// Whether the connection is not used, too old, or its peer takes nothing.
    pub(super) fn is_over(&self, lifetime: &Lifetime) -> bool {
        if self.opened.elapsed() >= lifetime.age_max {
            return true;
        }
        let calls = self.lock();
        if calls.live.is_empty() {
            let idle = if calls.next == 0 { lifetime.first_call_max } else { lifetime.idle_max };
            return calls.last.elapsed() >= idle;
        }
        calls.live.values().flatten().any(|since| since.elapsed() >= lifetime.stall_max)
    }

    /// Whether no call is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().live.is_empty()
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is under way.
#[derive(Debug)]
pub(crate) struct Call {
    used: Arc<Use>,
    number: u64,
    /// The longest that a message waited, in milliseconds.
    longest: AtomicU64,
}

impl Call {
    /// A message was given to the connection, and waits to be taken.
    pub(crate) fn offered(&self) {
        if let Some(since) = self.used.lock().live.get_mut(&self.number) {
            *since = Some(Instant::now());
        }
    }

    /// The connection asks for more: what was given is taken.
    pub(crate) fn taken(&self) {
        let since = self.used.lock().live.get_mut(&self.number).and_then(Option::take);
        if let Some(since) = since {
            let waited = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.longest.fetch_max(waited, Ordering::Relaxed);
        }
    }

    /// Whether a message has waited so long.
    pub(crate) fn lagged(&self, lag_max: Duration) -> bool {
        u128::from(self.longest.load(Ordering::Relaxed)) >= lag_max.as_millis()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut calls = self.used.lock();
        calls.live.remove(&self.number);
        calls.last = Instant::now();
    }
}
