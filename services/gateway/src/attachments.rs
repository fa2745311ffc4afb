//! What is done about attachments that nobody sends.

use std::time::Duration;

use samsyn_ledger::{Ledger, Place};
use tokio::time::{self, timeout};

/// How often it is looked for parts that no message names.
const SWEEP: Duration = Duration::from_hours(1);
/// How long that may take: a disk that is shared may not answer.
const SWEEP_MAX: Duration = Duration::from_mins(30);

/// Takes them away, on the node that leads, as long as it is polled.
pub(crate) async fn sweep(ledger: Ledger) {
    let mut interval = time::interval(SWEEP);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if ledger.place() != Place::Here {
            continue;
        }
        match timeout(SWEEP_MAX, ledger.sweep_attachments()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(_)) => tracing::info!("attachments that were not sent are gone"),
            Ok(Err(error)) => tracing::warn!(%error, "attachments could not be swept"),
            Err(_) => tracing::error!("the disk of attachments does not answer"),
        }
    }
}
