//! The handshakes under way: how many, whose, and which of them gives way.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::source::network;

/// Handshakes under way, from their first byte or before it. Clones count together.
///
/// Waiting for a peer is what a handshake mostly does, and whoever attacks waits for free. So
/// nobody is made to wait for those who wait: where all places are taken, the handshake that has
/// been under way longest, of the source that has most, gives way to the new one. A source keeps
/// its handshakes as long as it has fewer than others.
#[derive(Clone)]
pub(crate) struct Underway {
    max: usize,
    of_source_max: usize,
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    count: usize,
    /// By source, the oldest first.
    sources: BTreeMap<IpAddr, VecDeque<(u64, Arc<Notify>)>>,
}

/// A place of one handshake, until it is dropped.
pub(crate) struct Turn {
    underway: Underway,
    source: IpAddr,
    id: u64,
    over: Arc<Notify>,
}

impl Underway {
    /// At most so many in all, and of one source.
    pub(crate) fn new(max: usize, of_source_max: usize) -> Self {
        Self { max, of_source_max, table: Arc::default() }
    }

    /// A place for one more; none when the source has all it may have. An IPv6 source is its /64.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Turn> {
        let source = network(address);
        let mut table = self.lock();
        if table.sources.get(&source).is_some_and(|of| of.len() >= self.of_source_max) {
            return None;
        }
        if table.count >= self.max {
            table.crowd_out();
        }
        let id = table.next;
        table.next = id.wrapping_add(1);
        table.count = table.count.saturating_add(1);
        let over = Arc::new(Notify::new());
        table.sources.entry(source).or_default().push_back((id, Arc::clone(&over)));
        drop(table);
        Some(Turn { underway: self.clone(), source, id, over })
    }

    // No code panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Ends the oldest of the source with most; of several such, the oldest of all.
    fn crowd_out(&mut self) {
        let largest = self
            .sources
            .iter()
            .max_by_key(|(_, of)| (of.len(), of.front().map(|(id, _)| std::cmp::Reverse(*id))));
        let Some(source) = largest.map(|(source, _)| *source) else { return };
        let oldest = self.sources.get(&source).and_then(|of| of.front().map(|(id, _)| *id));
        if let Some((_, over)) = oldest.and_then(|id| self.remove(source, id)) {
            over.notify_one();
        }
    }

    fn remove(&mut self, source: IpAddr, id: u64) -> Option<(u64, Arc<Notify>)> {
        let of = self.sources.get_mut(&source)?;
        let at = of.iter().position(|(other, _)| *other == id)?;
        let removed = of.remove(at);
        if of.is_empty() {
            self.sources.remove(&source);
        }
        self.count = self.count.saturating_sub(1);
        removed
    }
}

impl Turn {
    /// Waits until it must give way.
    pub(crate) async fn over(&self) {
        self.over.notified().await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.underway.lock().remove(self.source, self.id);
    }
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Underway").field("count", &self.lock().count).finish_non_exhaustive()
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("source", &self.source).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn from(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    fn is_over(turn: &Turn) -> bool {
        turn.over().now_or_never().is_some()
    }

    #[test]
    fn a_source_gets_so_many_and_gets_them_back() {
        let underway = Underway::new(10, 2);
        let first = underway.enter(from(1)).unwrap();
        let _second = underway.enter("::ffff:10.0.0.1".parse().unwrap()).unwrap();
        assert!(underway.enter(from(1)).is_none());
        drop(first);
        assert!(underway.enter(from(1)).is_some());
    }

    #[test]
    fn t22_the_oldest_of_the_source_with_most_gives_way() {
        let underway = Underway::new(4, 4);
        let one = underway.enter(from(1)).unwrap();
        let many: Vec<_> = (0..3).map(|_| underway.enter(from(2)).unwrap()).collect();
        let new = underway.enter(from(3)).unwrap();
        assert_eq!(many.iter().map(is_over).collect::<Vec<_>>(), [true, false, false]);
        assert!(!is_over(&one) && !is_over(&new));
        // Its place was given already: leaving does not give it twice.
        let _next = underway.enter(from(3)).unwrap();
        drop(many);
        assert_eq!(underway.lock().count, 3);
    }

    #[test]
    fn among_equals_the_oldest_gives_way() {
        let underway = Underway::new(3, 4);
        let turns: Vec<_> = [2, 1, 3].map(|last| underway.enter(from(last)).unwrap()).into();
        let _new = underway.enter(from(4)).unwrap();
        assert_eq!(turns.iter().map(is_over).collect::<Vec<_>>(), [true, false, false]);
        drop(turns);
        assert_eq!(underway.lock().sources.len(), 1, "sources without handshakes are forgotten");
    }
}
