//! Events, by stream and by polling: the same bytes in the same order.

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use samsyn_domain::Timestamp;
use samsyn_policy::{EventBatch, Masked, View, ViewChange, ViewEvent};

use super::{
    Encoded, edition,
    finding::{self, Frame},
    received_edition,
    value::{period, time},
};
use crate::v1::{self, event::What};

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// It has lasted as long as a stream may; normal.
    MaxAge,
    /// The gateway is shutting down.
    Draining,
    /// The receiver is too slow.
    Lagged,
    /// The receiver's rights have ended.
    AccessEnded,
}

impl Close {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::MaxAge, Self::Draining, Self::Lagged, Self::AccessEnded];

    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxAge => "MAX_AGE",
            Self::Draining => "DRAINING",
            Self::Lagged => "LAGGED",
            Self::AccessEnded => "ACCESS_ENDED",
        }
    }
}

impl Encoded<v1::WatchEventsResponse> {
    /// The messages of a batch, in order.
    pub fn events(view: &View<EventBatch>) -> Vec<Self> {
        frames(view.content())
    }

    /// Nothing new; the stream is alive. The cursor is the last one that was sent.
    #[must_use]
    pub fn heartbeat(cursor: &str) -> Self {
        Self::bare(cursor, What::Heartbeat(v1::Heartbeat {}))
    }

    /// The last message of a stream. The cursor is the last one that was sent.
    #[must_use]
    pub fn closing(cursor: &str, close: Close, retry_after_seconds: u32) -> Self {
        let reason = close.as_str().to_owned();
        Self::bare(cursor, What::Closing(v1::Closing { reason, retry_after_seconds }))
    }

    fn bare(cursor: &str, what: What) -> Self {
        let cursor = cursor.to_owned();
        let entry = v1::Event { cursor, what: Some(what), ..v1::Event::default() };
        Self::seal(&v1::WatchEventsResponse { entry: Some(entry) })
    }
}

impl Encoded<v1::ListEventsResponse> {
    /// Nothing new: go on from the same cursor.
    #[must_use]
    pub fn nothing_new(next_cursor: String) -> Self {
        Self::seal(&v1::ListEventsResponse { events: Vec::new(), next_cursor })
    }
}

impl From<View<EventBatch>> for Encoded<v1::ListEventsResponse> {
    fn from(view: View<EventBatch>) -> Self {
        list(view.content())
    }
}

/// What a batch brings, for another domain, as much of it as so many bytes hold: how many events,
/// and the bytes of a `samsyn.v1.ListEventsResponse`. Ids and cursors are of this domain and stay
/// here; what is withheld goes along, as with the picture.
#[must_use]
pub fn delivered(view: &View<EventBatch>, bytes_max: usize) -> (usize, Vec<u8>) {
    let batch = view.content();
    let mut bytes = Vec::new();
    for (taken, one) in batch.events.iter().enumerate() {
        let (id, cursor) = Default::default();
        let events = vec![v1::Event { id, cursor, ..event(one, batch) }];
        // A list is its events in a row.
        let alone = v1::ListEventsResponse { events, next_cursor: String::new() }.encode_to_vec();
        if bytes.len().saturating_add(alone.len()) > bytes_max {
            return (taken, bytes);
        }
        bytes.extend(alone);
    }
    (batch.events.len(), bytes)
}

pub(super) fn frames(batch: &EventBatch) -> Vec<Encoded<v1::WatchEventsResponse>> {
    let sealed = |one| Encoded::seal(&v1::WatchEventsResponse { entry: Some(event(one, batch)) });
    batch.events.iter().map(sealed).collect()
}

pub(super) fn list(batch: &EventBatch) -> Encoded<v1::ListEventsResponse> {
    // INVARIANT: an event is field 1 in both messages, so a list is the frames of the stream in a
    // row with the cursor behind them, and neither can differ from the other by a byte.
    let mut bytes = BytesMut::new();
    for frame in frames(batch) {
        bytes.extend_from_slice(&frame.bytes);
    }
    let next_cursor = batch.next.clone();
    let tail = v1::ListEventsResponse { events: Vec::new(), next_cursor };
    bytes.extend_from_slice(&tail.encode_to_vec());
    Encoded::of_bytes(Bytes::from(bytes)).with_rows(batch.events.len())
}

fn event(event: &ViewEvent, batch: &EventBatch) -> v1::Event {
    v1::Event {
        id: event.id.clone(),
        cursor: event.cursor.clone(),
        area: event.area.to_string(),
        revision: event.revision,
        recorded_at: Some(time(recorded(event.at, event.masked))),
        what: Some(what(event, batch)),
    }
}

/// Partners get whole minutes: a finer time would tell hidden changes apart.
const fn recorded(at: Timestamp, masked: Masked) -> Timestamp {
    match masked {
        Masked::Signatory => at,
        Masked::Partner => at.whole_minute(),
    }
}

/// A finding that was delivered, as an event has it: what is withheld stands with the picture.
fn as_event(finding: &[u8]) -> v1::Finding {
    // INVARIANT: what was taken in was encoded here.
    let finding = v1::Finding::decode(finding).unwrap_or_default();
    v1::Finding { withheld: Vec::new(), ..finding }
}

fn what(event: &ViewEvent, batch: &EventBatch) -> What {
    match &event.change {
        ViewChange::SnapshotBegins { period: of, findings, reset } => {
            let (period, findings, reset) = (Some(period(*of)), *findings, *reset);
            What::SnapshotBegins(v1::Snapshot { period, findings, reset })
        }
        ViewChange::Finding(found) => {
            let of = (event.area.clone(), found.period.kind());
            let withheld = batch.withheld.get(&of).map_or(&[][..], Vec::as_slice);
            let frame = Frame { masked: event.masked, secrets: &batch.secrets, withheld };
            What::Finding(finding::finding(found, frame))
        }
        ViewChange::Delivered(finding) => What::Finding(as_event(finding)),
        ViewChange::Removed { id, period: of } => {
            let (finding_id, period) = (id.clone(), Some(period(*of)));
            What::RemovedFinding(v1::RemovedFinding { finding_id, period })
        }
        ViewChange::SnapshotEnds { period: of, findings } => {
            let (period, findings) = (Some(period(*of)), *findings);
            What::SnapshotEnds(v1::Snapshot { period, findings, reset: false })
        }
        ViewChange::Edition(released) => What::Edition(edition::bare(released, event.masked)),
        ViewChange::DeliveredEdition(edition) => What::Edition(received_edition::as_event(edition)),
    }
}
