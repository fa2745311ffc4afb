//! Waiting, bounded, for what this node does not have yet.

use std::time::Duration;

use samsyn_domain::State;
use tokio::time::timeout;

use crate::{Ledger, Rejection};

/// How long a read waits at most for what it asks for.
pub(crate) const REACH_MAX: Duration = Duration::from_secs(5);

impl Ledger {
    /// Waits until state is as a field of a request asks for.
    pub(crate) async fn reached(
        &self,
        field: &'static str,
        is_there: impl Fn(&State) -> bool,
    ) -> Result<(), Rejection> {
        let mut events = self.events();
        let waiting = async {
            while !self.read(&is_there) {
                // Whatever happened, it is looked at anew.
                let _ = events.recv().await;
            }
        };
        timeout(REACH_MAX, waiting).await.map_err(|_| Rejection::NotReached { field })
    }
}
