//! The live connections: who they are, what they do, and a switch to end each.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
    time::Duration,
};

use futures::task::AtomicWaker;
use tokio::{sync::watch, time::Instant};

use super::{
    access::{Access, Leaving, Use},
    verify::{Peer, Verified},
};

/// How long the streams of a connection that must end get for a last message.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The bounds of a connection's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// So long after its handshake it makes its first call, or ends.
    pub(crate) first_call_max: Duration,
    /// So long it may be without a call.
    pub(crate) idle_max: Duration,
    /// So long its peer may leave a message of ours untaken.
    pub(crate) stall_max: Duration,
    /// So old it becomes; streams are told before.
    pub(crate) age_max: Duration,
}

/// The live connections of a listener. Clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    generation: u64,
    open: BTreeMap<u64, Entry>,
    by_service: BTreeMap<String, usize>,
}

struct Entry {
    verified: Verified,
    service: String,
    switch: Arc<Switch>,
}

/// Why a connection does not enter the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// Authorities or revocation lists changed since it was verified.
    Stale,
    /// Its service has as many as it may.
    Full,
}

impl Connections {
    /// Tells the streams of all connections whose peer matches that they must end, and why; the
    /// connections are cut a second later by [`sweep`](Self::sweep). How many.
    ///
    /// A handshake that is under way enters the table afterwards: who ends connections because a
    /// right is gone takes the right away first, and has it asked for at every call.
    pub(crate) fn leave(&self, why: Leaving, matches: impl Fn(&Peer) -> bool) -> usize {
        self.leave_if(|entry| matches(entry.verified.peer()).then_some(why))
    }

    /// Tells those whose certificate no longer holds; the check runs outside of the lock.
    pub(super) fn recheck(&self, holds: impl Fn(&Verified) -> bool) -> usize {
        let open: Vec<(Verified, Arc<Switch>)> = self
            .lock()
            .open
            .values()
            .map(|entry| (entry.verified.clone(), Arc::clone(&entry.switch)))
            .collect();
        let lost = open.into_iter().filter(|(verified, _)| !holds(verified));
        lost.filter(|(_, switch)| switch.leave(Leaving::Certificate)).count()
    }

    /// Ends what must end: those that were told to leave, whose certificate has ended, and who
    /// do not use their connection or do not take what they asked for. `now` is in seconds since
    /// 1970. How many were cut.
    pub(super) fn sweep(&self, now: u64, lifetime: &Lifetime) -> usize {
        self.leave_if(|entry| (entry.verified.until() <= now).then_some(Leaving::Certificate));
        let table = self.lock();
        let over = table.open.values().filter(|entry| entry.switch.is_over(lifetime));
        let switches: Vec<_> = over.map(|entry| Arc::clone(&entry.switch)).collect();
        drop(table);
        switches.into_iter().filter(|switch| switch.end()).count()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// How many there are in each state.
    pub(crate) fn states(&self) -> [(&'static str, usize); 3] {
        let table = self.lock();
        let (mut used, mut idle, mut leaving) = (0, 0, 0);
        for entry in table.open.values() {
            let state = if entry.switch.leaving.borrow().is_some() {
                &mut leaving
            } else if entry.switch.used.is_idle() {
                &mut idle
            } else {
                &mut used
            };
            *state += 1;
        }
        [("used", used), ("idle", idle), ("leaving", leaving)]
    }

    /// From now on a connection enters only if it was verified by this generation of authorities.
    pub(super) fn advance(&self, generation: u64) {
        self.lock().generation = generation;
    }

    /// Enters a connection; it leaves when the place is dropped.
    ///
    /// # Errors
    /// When it was verified by an older generation, or its service has too many.
    pub(super) fn enter(
        &self,
        verified: &Verified,
        generation: u64,
        of_service_max: usize,
    ) -> Result<Place, NoPlace> {
        let peer = verified.peer();
        let service = format!("{}/{}", peer.organisation(), peer.service());
        let mut table = self.lock();
        if generation < table.generation {
            return Err(NoPlace::Stale);
        }
        let count = table.by_service.get(&service).copied().unwrap_or(0);
        if count >= of_service_max {
            return Err(NoPlace::Full);
        }
        let id = table.next;
        table.next = id.wrapping_add(1);
        table.by_service.insert(service.clone(), count.saturating_add(1));
        let switch = Arc::new(Switch::new());
        let verified = verified.clone();
        table.open.insert(id, Entry { verified, service, switch: Arc::clone(&switch) });
        drop(table);
        Ok(Place { connections: self.clone(), id, switch })
    }

    fn leave_if(&self, why: impl Fn(&Entry) -> Option<Leaving>) -> usize {
        let table = self.lock();
        let told = table.open.values().filter_map(|entry| Some((entry, why(entry)?)));
        told.filter(|(entry, why)| entry.switch.leave(*why)).count()
    }

    // No code panics while it holds the lock, so a poisoned table is a whole one.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("count", &self.count()).finish()
    }
}

/// A connection's place in the table.
pub(super) struct Place {
    connections: Connections,
    id: u64,
    switch: Arc<Switch>,
}

impl Place {
    /// Whether the reading side may go on; if so, it is woken when the connection is ended.
    ///
    /// # Errors
    /// When the connection was ended.
    pub(super) fn reading(&self, cx: &Context<'_>) -> io::Result<()> {
        self.switch.ask(&self.switch.reader, cx)
    }

    /// Whether the writing side may go on; if so, it is woken when the connection is ended.
    ///
    /// # Errors
    /// When the connection was ended.
    pub(super) fn writing(&self, cx: &Context<'_>) -> io::Result<()> {
        self.switch.ask(&self.switch.writer, cx)
    }

    /// What the requests of the connection carry.
    pub(super) fn access(&self, verified: Verified) -> Access {
        Access::new(
            verified,
            self.switch.leaving.subscribe(),
            Arc::clone(&self.switch.used),
            self.id,
        )
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.connections.lock();
        let Some(entry) = table.open.remove(&self.id) else { return };
        let left = table.by_service.get(&entry.service).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            table.by_service.remove(&entry.service);
        } else {
            table.by_service.insert(entry.service, left);
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("id", &self.id).finish_non_exhaustive()
    }
}

struct Switch {
    ended: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
    /// Why it must end, and since when.
    leaving: watch::Sender<Option<(Leaving, Instant)>>,
    used: Arc<Use>,
}

impl Switch {
    fn new() -> Self {
        Self {
            ended: AtomicBool::new(false),
            reader: AtomicWaker::new(),
            writer: AtomicWaker::new(),
            leaving: watch::Sender::new(None),
            used: Arc::new(Use::new()),
        }
    }

    /// Tells that it must end; whether that is news.
    fn leave(&self, why: Leaving) -> bool {
        self.leaving.send_if_modified(|leaving| {
            let news = leaving.is_none();
            if news {
                *leaving = Some((why, Instant::now()));
            }
            news
        })
    }

    fn is_over(&self, lifetime: &Lifetime) -> bool {
        let told = self.leaving.borrow().is_some_and(|(_, since)| since.elapsed() >= LAST_WORD);
        told || self.used.is_over(lifetime)
    }

    /// Ends it; whether it was not yet ended.
    fn end(&self) -> bool {
        let news = !self.ended.swap(true, Ordering::AcqRel);
        self.reader.wake();
        self.writer.wake();
        news
    }

    // The waker is registered before the flag is read: an end between the two still wakes.
    fn ask(&self, side: &AtomicWaker, cx: &Context<'_>) -> io::Result<()> {
        side.register(cx.waker());
        if self.ended.load(Ordering::Acquire) {
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "access ended"));
        }
        Ok(())
    }
}
