//! What came of a view that another domain delivers.

use prost::{Message as _, bytes::Bytes};
use samsyn_domain::{
    AreaId, Timestamp,
    link::{FindingRef, STEP_EVENTS_MAX},
};

use super::{text, value};
use crate::v1::{self, event::What, observation::Location};

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
    /// Until when it may be kept, where anything of it says so.
    pub until: Option<Timestamp>,
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
        if events.events.len() > STEP_EVENTS_MAX {
            return None;
        }
        let read = |event| Self::of(event, ceiling).transpose();
        events.events.into_iter().filter_map(read).collect::<Result<_, Unread>>().ok()
    }

    /// None: it is passed over.
    fn of(event: v1::Event, ceiling: u8) -> Result<Option<Self>, Unread> {
        let v1::Event { area, revision, recorded_at, what, .. } = event;
        let (period, id, until, finding) = match what {
            Some(What::Finding(finding)) => {
                let is_of_area = finding.area == area;
                if !is_of_area || !is_up_to(&finding, ceiling) || !is_clean(&finding) {
                    return Err(Unread);
                }
                let (period, id) = (finding.period.clone(), finding.id.clone());
                (period, id, kept_until(&finding), Some(finding.encode_to_vec()))
            }
            Some(What::RemovedFinding(removed)) => (removed.period, removed.finding_id, None, None),
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
        Ok(Some(Self { key, revision, recorded_at, finding, until }))
    }
}

/// It cannot be read, or may not come.
struct Unread;

/// Whether nothing in it has labels above a level, or none.
pub(super) fn is_up_to(finding: &v1::Finding, ceiling: u8) -> bool {
    finding.contributions.iter().all(|contribution| {
        let labels = contribution.observation.as_ref().and_then(|one| one.labels.as_ref());
        labels.is_some_and(|labels| labels.level <= u32::from(ceiling))
    })
}

/// Whether every text in it has only characters that one may have: who shows it may trust that, as
/// with what is published here.
pub(super) fn is_clean(finding: &v1::Finding) -> bool {
    texts(finding).all(text::is_clean)
}

/// Every text in a finding.
fn texts(finding: &v1::Finding) -> impl Iterator<Item = &str> {
    let v1::Finding {
        id,
        finding_class: _,
        seen_by,
        contributions,
        severity: _,
        trend: _,
        conflicts,
        withheld,
        area,
        period,
        counts,
        related,
        dissents,
    } = finding;
    let own = [id, area].into_iter().chain(seen_by).chain(related);
    let own = own.chain(period.iter().map(|period| &period.code));
    let conflicts = conflicts.iter().flat_map(|one| {
        let v1::Conflict { id, field, must_act, resolved: _, reason, dissenting, candidates } = one;
        [id, field, reason].into_iter().chain(must_act).chain(dissenting).chain(candidates)
    });
    let withheld = withheld.iter().flat_map(|one| {
        let v1::Withheld { field_group, ground, rule_id } = one;
        [field_group, ground, rule_id]
    });
    let counts = counts.iter().flat_map(|one| [&one.source_kind, &one.party]);
    let dissents = dissents.iter().flat_map(|one| {
        let v1::Dissent { party, field, reason } = one;
        [party, field, reason]
    });
    let contributed = contributions.iter().flat_map(|one| {
        let observed = one.observation.iter().flat_map(observed);
        std::iter::once(&one.party).chain(observed)
    });
    let all = own.chain(conflicts).chain(withheld).chain(counts).chain(dissents);
    all.chain(contributed).map(String::as_str)
}

/// Every text in an observation.
fn observed(observation: &v1::Observation) -> impl Iterator<Item = &String> {
    let v1::Observation { id, category, location, source_kind, reliability, note, labels, .. } =
        observation;
    let place = match location {
        Some(Location::PlaceId(id) | Location::SubAreaId(id) | Location::AreaId(id)) => Some(id),
        Some(Location::Coordinates(_)) | None => None,
    };
    let labels = labels.iter().flat_map(|labels| {
        let v1::Labels { audience, purposes, regime, secrecy_provisions, .. } = labels;
        audience.iter().chain(purposes).chain(secrecy_provisions).chain([regime])
    });
    [id, category, source_kind, reliability, note].into_iter().chain(place).chain(labels)
}

/// Until when a finding may be kept: as long as all that it holds.
fn kept_until(finding: &v1::Finding) -> Option<Timestamp> {
    let observed = finding.contributions.iter().filter_map(|one| one.observation.as_ref());
    let until = observed.filter_map(|one| one.labels.as_ref()?.retain_until);
    until.filter_map(|until| value::time(until).ok()).min()
}
