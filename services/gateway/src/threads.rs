//! Threads beside those of calls.

use std::{io, num::NonZero, thread};

use tokio::runtime::{Builder, Handle, Runtime};

/// How much lower than that of calls the priority of handshakes is (`nice`, Linux alone).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;
/// At least so many threads talk with other nodes: some of them may wait for state while calls look
/// at it, and then another hears the leader.
const FOR_NODES_MIN: usize = 4;

/// Threads that do one thing, whatever all others are busy with.
#[derive(Debug)]
pub(crate) struct Threads {
    handle: Handle,
    /// Until it is dropped.
    runtime: Option<Runtime>,
}

impl Threads {
    /// Threads that do nothing but accept and shake hands: half of the machine's, at least one.
    ///
    /// A handshake is a signature, a key exchange and a path of certificates, and strangers have it
    /// for the asking. Done between calls it would stand in their way; here a flood of them takes
    /// what calls leave.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn for_handshakes() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads((machine() / 2).max(1))
            .thread_name("handshakes")
            .on_thread_start(lower_priority)
            .enable_time()
            .build()?;
        Ok(Self::of(runtime))
    }

    /// Threads that do nothing but talk with other nodes.
    ///
    /// A leader may be silent for half a second, and one large publication keeps a thread busy for
    /// a good part of it. Done between calls, some of those would cost a leader its place.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn for_nodes() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(machine().max(FOR_NODES_MIN))
            .thread_name("nodes")
            .enable_all()
            .build()?;
        Ok(Self::of(runtime))
    }

    fn of(runtime: Runtime) -> Self {
        Self { handle: runtime.handle().clone(), runtime: Some(runtime) }
    }

    /// Where to spawn.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // Waiting for threads is not allowed among tasks.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// How many threads the machine has.
fn machine() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(target_os = "linux")]
fn lower_priority() {
    use rustix::process::{getpriority_process, setpriority_process};
    let this = Some(rustix::thread::gettid());
    let lowered = getpriority_process(this)
        .and_then(|now| setpriority_process(this, now.saturating_add(NICER)));
    if let Err(error) = lowered {
        tracing::debug!(reason = %error, "handshakes have the priority of calls");
    }
}

#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}
