//! Events of a stream.

use samsyn_client::wire::{Event, Snapshot, event::What};
use serde_json::{Value, json};

use super::{Object, finding, header, period, time};

/// An event. What happened stands under its own name, as in the proto file.
pub(crate) fn event(event: &Event) -> Value {
    let (name, what) = match &event.what {
        Some(What::SnapshotBegins(snapshot)) => ("snapshot_begins", frame(snapshot)),
        Some(What::Finding(found)) => ("finding", finding(found)),
        Some(What::RemovedFinding(removed)) => (
            "removed_finding",
            json!({
                "finding_id": removed.finding_id,
                "period": period(removed.period.as_ref()),
            }),
        ),
        Some(What::SnapshotEnds(snapshot)) => ("snapshot_ends", frame(snapshot)),
        Some(What::Edition(edition)) => ("edition", header(edition)),
        Some(What::Recall(recall)) => (
            "recall",
            json!({
                "edition_id": recall.edition_id,
                "reason": recall.reason,
                "confirm_by": time(recall.confirm_by.as_ref()),
            }),
        ),
        Some(What::Heartbeat(_)) => ("heartbeat", json!({})),
        Some(What::Closing(closing)) => (
            "closing",
            json!({
                "reason": closing.reason,
                "retry_after_seconds": closing.retry_after_seconds,
            }),
        ),
        None => ("unknown", Value::Null),
    };
    Object::default()
        .set("id", event.id.clone())
        .set("cursor", event.cursor.clone())
        .set("area", event.area.clone())
        .set("revision", event.revision)
        .set("recorded_at", time(event.recorded_at.as_ref()))
        .set(name, what)
        .done()
}

fn frame(snapshot: &Snapshot) -> Value {
    json!({
        "period": period(snapshot.period.as_ref()),
        "findings": snapshot.findings,
        "reset": snapshot.reset,
    })
}
