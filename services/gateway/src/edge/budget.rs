//! What a service may use: requests, rows and bytes, each from a bucket that fills with time.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::limits::CallLimits;

/// So many services are remembered. One whose buckets are full is like one that never called.
const SERVICES_MAX: usize = 10_000;
/// Parts of a token that are counted.
const PARTS: i64 = 1_000_000;

/// How fast a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens a second.
    pub(crate) per_second: u32,
    /// Tokens at most.
    pub(crate) burst: u32,
}

/// A bucket; what is spent after the fact may leave a debt, which is paid with time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    rate: Rate,
    parts: i64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self { rate, parts: i64::from(rate.burst) * PARTS, at: now }
    }

    fn fill(&mut self, now: Instant) {
        let micros = now.saturating_duration_since(self.at).as_micros();
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        let more = micros.saturating_mul(i64::from(self.rate.per_second));
        self.parts = self.parts.saturating_add(more).min(i64::from(self.rate.burst) * PARTS);
        self.at = now;
    }

    fn spend(&mut self, tokens: u64) {
        let parts = i64::try_from(tokens).unwrap_or(i64::MAX).saturating_mul(PARTS);
        self.parts = self.parts.saturating_sub(parts);
    }

    /// How long until so many parts are there.
    fn until(&self, parts: i64) -> Duration {
        let missing = parts.saturating_sub(self.parts).max(0);
        let rate = i64::from(self.rate.per_second.max(1));
        let micros = missing.saturating_add(rate - 1) / rate;
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn is_full(&self) -> bool {
        self.parts >= i64::from(self.rate.burst) * PARTS
    }
}

#[derive(Debug)]
struct Account {
    requests: Bucket,
    rows: Bucket,
    bytes: Bucket,
    calls: usize,
    streams: usize,
}

impl Account {
    fn new(limits: &CallLimits, now: Instant) -> Self {
        Self {
            requests: Bucket::full(limits.requests, now),
            rows: Bucket::full(limits.rows, now),
            bytes: Bucket::full(limits.bytes, now),
            calls: 0,
            streams: 0,
        }
    }

    fn fill(&mut self, now: Instant) {
        self.requests.fill(now);
        self.rows.fill(now);
        self.bytes.fill(now);
    }

    fn is_idle(&self) -> bool {
        let full = self.requests.is_full() && self.rows.is_full() && self.bytes.is_full();
        full && self.calls == 0 && self.streams == 0
    }
}

/// Why a call gets nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// The service has used its share; after so long it has some again.
    Spent(Duration),
    /// The service has as many calls or streams as it may.
    Busy,
}

/// The accounts of all services; cheap to clone.
#[derive(Clone)]
pub(super) struct Budgets {
    limits: CallLimits,
    accounts: Arc<Mutex<BTreeMap<Arc<str>, Account>>>,
}

impl Budgets {
    /// All full.
    pub(super) fn new(limits: CallLimits) -> Self {
        Self { limits, accounts: Arc::default() }
    }

    /// Begins a call of a service, a stream or not.
    ///
    /// # Errors
    /// When the service has used its share, of requests or by what it was given before.
    pub(super) fn begin(
        &self,
        service: &str,
        stream: bool,
        now: Instant,
    ) -> Result<Spending, NoRoom> {
        let mut accounts = self.lock();
        if accounts.len() >= SERVICES_MAX && !accounts.contains_key(service) {
            accounts.retain(|_, account| {
                account.fill(now);
                !account.is_idle()
            });
            if accounts.len() >= SERVICES_MAX {
                return Err(NoRoom::Busy);
            }
        }
        let service: Arc<str> = service.into();
        let account =
            accounts.entry(Arc::clone(&service)).or_insert_with(|| Account::new(&self.limits, now));
        account.fill(now);
        let wait = account.requests.until(PARTS).max(account.debt());
        if !wait.is_zero() {
            return Err(NoRoom::Spent(wait));
        }
        let (open, most) = if stream {
            (&mut account.streams, self.limits.streams_per_service_max)
        } else {
            (&mut account.calls, self.limits.calls_per_service_max)
        };
        if *open >= most {
            return Err(NoRoom::Busy);
        }
        *open += 1;
        account.requests.spend(1);
        drop(accounts);
        Ok(Spending { budgets: self.clone(), service, stream })
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// How long until what was given is paid for.
    fn debt(&self) -> Duration {
        self.rows.until(0).max(self.bytes.until(0))
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("services", &self.lock().len()).finish_non_exhaustive()
    }
}

/// A call that is under way, and what it uses; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Spending {
    budgets: Budgets,
    service: Arc<str>,
    stream: bool,
}

impl Spending {
    /// So many rows were taken in or given; how long to wait before more.
    pub(crate) fn rows(&self, rows: usize, now: Instant) -> Duration {
        self.of(now, |account| account.rows.spend(u64::try_from(rows).unwrap_or(u64::MAX)))
    }

    /// So many bytes were given; how long to wait before more.
    pub(super) fn bytes(&self, bytes: usize, now: Instant) -> Duration {
        self.of(now, |account| account.bytes.spend(u64::try_from(bytes).unwrap_or(u64::MAX)))
    }

    fn of(&self, now: Instant, spend: impl FnOnce(&mut Account)) -> Duration {
        let mut accounts = self.budgets.lock();
        let Some(account) = accounts.get_mut(&*self.service) else { return Duration::ZERO };
        account.fill(now);
        spend(account);
        account.debt()
    }
}

impl Drop for Spending {
    fn drop(&mut self) {
        let mut accounts = self.budgets.lock();
        if let Some(account) = accounts.get_mut(&*self.service) {
            let open = if self.stream { &mut account.streams } else { &mut account.calls };
            *open = open.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    fn budgets() -> Budgets {
        let limits = CallLimits {
            requests: RATE,
            rows: RATE,
            bytes: RATE,
            calls_per_service_max: 2,
            streams_per_service_max: 1,
            ..CallLimits::default()
        };
        Budgets::new(limits)
    }

    #[test]
    fn row44_requests_are_taken_from_a_bucket_that_fills_with_time() {
        let (budgets, now) = (budgets(), Instant::now());
        for _ in 0..20 {
            budgets.begin("a", false, now).unwrap();
        }
        let spent = NoRoom::Spent(Duration::from_millis(100));
        assert_eq!(budgets.begin("a", false, now).unwrap_err(), spent);
        assert!(budgets.begin("b", false, now).is_ok(), "each service has its own");
        let later = now + Duration::from_millis(100);
        budgets.begin("a", false, later).unwrap();
        assert_eq!(budgets.begin("a", false, later).unwrap_err(), spent);
    }

    #[test]
    fn row44_what_was_given_is_paid_for_before_more_is_asked() {
        let (budgets, now) = (budgets(), Instant::now());
        let call = budgets.begin("a", false, now).unwrap();
        assert_eq!(call.rows(20, now), Duration::ZERO, "a full bucket");
        assert_eq!(call.rows(5, now), Duration::from_millis(500), "a debt");
        assert_eq!(call.bytes(30, now), Duration::from_secs(1), "the larger debt");
        drop(call);
        let refused = budgets.begin("a", false, now).unwrap_err();
        assert_eq!(refused, NoRoom::Spent(Duration::from_secs(1)));
        budgets.begin("a", false, now + Duration::from_secs(1)).unwrap();
    }

    #[test]
    fn calls_and_streams_at_a_time_are_bounded_and_come_free() {
        let (budgets, now) = (budgets(), Instant::now());
        let call = || budgets.begin("a", false, now);
        let held = [call().unwrap(), call().unwrap()];
        assert_eq!(call().unwrap_err(), NoRoom::Busy);
        let stream = budgets.begin("a", true, now).unwrap();
        assert_eq!(budgets.begin("a", true, now).unwrap_err(), NoRoom::Busy);
        drop((held, stream));
        assert!(budgets.begin("a", true, now).is_ok() && call().is_ok());
    }

    #[test]
    fn idle_services_make_room_for_others() {
        let (budgets, now) = (budgets(), Instant::now());
        for number in 0..SERVICES_MAX {
            budgets.begin(&number.to_string(), false, now).unwrap();
        }
        assert_eq!(budgets.begin("new", false, now).unwrap_err(), NoRoom::Busy);
        budgets.begin("new", false, now + Duration::from_secs(1)).unwrap();
        assert_eq!(budgets.lock().len(), 1);
    }
}
