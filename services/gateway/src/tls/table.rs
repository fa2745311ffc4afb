//! The live connections: who they are, and a switch to end each.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Context,
};

use futures::task::AtomicWaker;

use super::verify::Peer;

/// The live connections of a listener. Clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    table: Arc<Mutex<Table>>,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: BTreeMap<u64, Entry>,
}

struct Entry {
    peer: Peer,
    switch: Arc<Switch>,
}

impl Connections {
    /// Ends all connections whose peer matches, at once and without a last message; how many.
    ///
    /// A handshake that is under way enters the table afterwards: who ends connections because a
    /// right is gone takes the right away first, and has it asked for at every call.
    pub(crate) fn end(&self, matches: impl Fn(&Peer) -> bool) -> usize {
        let switches: Vec<_> = self
            .lock()
            .open
            .values()
            .filter(|entry| matches(&entry.peer))
            .map(|entry| Arc::clone(&entry.switch))
            .collect();
        for switch in &switches {
            switch.end();
        }
        switches.len()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Enters a connection; it leaves when the place is dropped.
    pub(super) fn enter(&self, peer: Peer) -> Place {
        let switch = Arc::new(Switch::default());
        let mut table = self.lock();
        let id = table.next;
        table.next = id.wrapping_add(1);
        table.open.insert(id, Entry { peer, switch: Arc::clone(&switch) });
        drop(table);
        Place { connections: self.clone(), id, switch }
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
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.id);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Switch {
    ended: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Switch {
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
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
