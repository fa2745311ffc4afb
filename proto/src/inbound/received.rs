//! What came of a view that another domain delivers.

use prost::{Message as _, bytes::Bytes};
use samsyn_domain::{AreaId, Timestamp, link::FindingRef};

use super::{text, value};
use crate::v1::{self, event::What};

/// The longest id of a finding, in bytes.
const ID_BYTES_MAX: usize = 300;

/// A finding that came or went.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedEvent {
    /// Which.
    pub key: FindingRef,
    /// The revision of the view at its home.
    pub revision: u64,
    /// When that was recorded there.
    pub recorded_at: Timestamp,
    /// What it says: the bytes of a `samsyn.v1.Finding`, without what this version does not know;
    /// none: it is gone.
    pub finding: Option<Vec<u8>>,
}

impl std::fmt::Debug for ReceivedEvent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "event of {}", self.key.id)
    }
}

impl ReceivedEvent {
    /// Reads encoded events, in order, the bytes of a `samsyn.v1.ListEventsResponse`. What frames a
    /// snapshot, and kinds that this version does not know, are passed over. None when one cannot
    /// be read, is above a level, or has characters that no text has.
    #[must_use]
    pub fn parse(events: &[u8], ceiling: u8) -> Option<Vec<Self>> {
        let events = v1::ListEventsResponse::decode(Bytes::copy_from_slice(events)).ok()?;
        let read = |event| Self::of(event, ceiling).transpose();
        events.events.into_iter().filter_map(read).collect::<Result<_, Unread>>().ok()
    }

    /// None: it is passed over.
    fn of(event: v1::Event, ceiling: u8) -> Result<Option<Self>, Unread> {
        let v1::Event { area, revision, recorded_at, what, .. } = event;
        let (period, id, finding) = match what {
            Some(What::Finding(finding)) => {
                let is_of_area = finding.area == area;
                if !is_of_area || !is_up_to(&finding, ceiling) || !is_clean(&finding) {
                    return Err(Unread);
                }
                (finding.period.clone(), finding.id.clone(), Some(finding.encode_to_vec()))
            }
            Some(What::RemovedFinding(removed)) => (removed.period, removed.finding_id, None),
            Some(
                What::SnapshotBegins(_)
                | What::SnapshotEnds(_)
                | What::Edition(_)
                | What::Recall(_)
                | What::Heartbeat(_)
                | What::Closing(_),
            )
            | None => return Ok(None),
        };
        let is_id = !id.is_empty() && id.len() <= ID_BYTES_MAX && text::is_clean(&id);
        let area = AreaId::parse(&area).ok().filter(|_| is_id).ok_or(Unread)?;
        let period = value::period(period).map_err(|_| Unread)?;
        let recorded_at = value::required_time(recorded_at).map_err(|_| Unread)?;
        let key = FindingRef { area, period, id: id.into() };
        Ok(Some(Self { key, revision, recorded_at, finding }))
    }
}

/// It cannot be read, or may not come.
struct Unread;

/// Whether nothing in it has labels above a level, or none.
fn is_up_to(finding: &v1::Finding, ceiling: u8) -> bool {
    finding.contributions.iter().all(|contribution| {
        let labels = contribution.observation.as_ref().and_then(|one| one.labels.as_ref());
        labels.is_some_and(|labels| labels.level <= u32::from(ceiling))
    })
}

/// Whether what people have written in it has only characters that a text may have: who shows it
/// may trust that, as with what is published here.
fn is_clean(finding: &v1::Finding) -> bool {
    let observations = finding.contributions.iter().filter_map(|one| one.observation.as_ref());
    let notes = observations.map(|observation| &observation.note);
    let conflicts = finding.conflicts.iter().map(|conflict| &conflict.reason);
    let dissents = finding.dissents.iter().map(|dissent| &dissent.reason);
    let parties = finding.contributions.iter().map(|contribution| &contribution.party);
    let mut texts = notes.chain(conflicts).chain(dissents).chain(parties).chain(&finding.related);
    texts.all(|text| text::is_clean(text))
}
