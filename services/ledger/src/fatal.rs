//! The one way in which a ledger says that its process must end.

use std::sync::Arc;

use tokio::sync::watch;

/// Why the process must end; none while all is well. The first reason stays.
pub(crate) type Reason = Option<Arc<str>>;

/// Reports what the process does not survive.
#[derive(Debug, Clone)]
pub(crate) struct Fatal(watch::Sender<Reason>);

impl Fatal {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(crate) fn report(&self, why: &str) {
        let is_first = self.0.send_if_modified(|reason| {
            let is_first = reason.is_none();
            if is_first {
                *reason = Some(why.into());
            }
            is_first
        });
        if is_first {
            tracing::error!(reason = why, "the ledger stopped; its process must end");
        }
    }

    pub(crate) fn reason(&self) -> Reason {
        self.0.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Reason> {
        self.0.subscribe()
    }
}
