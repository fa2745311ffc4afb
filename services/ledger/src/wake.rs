//! What whoever follows something listens to while nothing of it is new.

use std::time::Duration;

use samsyn_domain::row::Event;
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    time::timeout,
};
use tracing::Span;

use crate::trace::{Happened, Woken};

/// All that happens, with what woke the one who listens since something was given last.
#[derive(Debug)]
pub(crate) struct Wake {
    events: broadcast::Receiver<Happened>,
    woken: Woken,
}

impl Wake {
    /// Listens from now on.
    pub(crate) fn by(events: broadcast::Receiver<Happened>) -> Self {
        Self { events, woken: Woken::default() }
    }

    /// Waits until something concerns, or may have been missed, or so long. Either way it is looked
    /// again.
    pub(crate) async fn wait(&mut self, longest: Duration, concerns: impl Fn(&Event) -> bool) {
        let Self { events, woken } = self;
        let relevant = async {
            loop {
                match events.recv().await {
                    Ok(happened) if concerns(&happened.event) => return woken.by(&happened),
                    Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending::<()>().await,
                }
            }
        };
        let _ = timeout(longest, relevant).await;
    }

    /// Takes in what has happened by now: what comes next shows all of it.
    pub(crate) fn catch_up(&mut self, concerns: impl Fn(&Event) -> bool) {
        loop {
            match self.events.try_recv() {
                Ok(happened) if concerns(&happened.event) => self.woken.by(&happened),
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// What woke it for what has just been given. Where nothing was, it woke others.
    pub(crate) fn take(&mut self) -> Woken {
        std::mem::take(&mut self.woken)
    }

    /// As [`Woken::span`].
    pub(crate) fn span(&self, make: impl FnOnce() -> Span) -> Option<Span> {
        self.woken.span(make)
    }
}
