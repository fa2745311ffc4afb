//! Threads of their own for accepting and for handshakes.

use std::{io, num::NonZero, thread};

use tokio::runtime::{Builder, Handle, Runtime};

/// How much lower than that of calls the priority of handshakes is (`nice`, Linux alone).
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Threads that do nothing but accept and shake hands: half of the machine's, at least one.
///
/// A handshake is a signature, a key exchange and a path of certificates, and strangers have it
/// for the asking. Done between calls it would stand in their way; here a flood of them takes what
/// calls leave.
#[derive(Debug)]
pub(super) struct Threads {
    handle: Handle,
    /// Until it is dropped.
    runtime: Option<Runtime>,
}

impl Threads {
    /// Starts them.
    ///
    /// # Errors
    /// When the system gives none.
    pub(super) fn start() -> io::Result<Self> {
        let all = thread::available_parallelism().map_or(1, NonZero::get);
        let runtime = Builder::new_multi_thread()
            .worker_threads((all / 2).max(1))
            .thread_name("handshakes")
            .on_thread_start(lower_priority)
            .enable_time()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Where to spawn.
    pub(super) const fn handle(&self) -> &Handle {
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
