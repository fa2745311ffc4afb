//! Lists: revisions, duties, collisions, disclosures.

use samsyn_domain::{
    MeetingId, Timestamp,
    disclosure::{Disclosure, Ground},
    registry::Collision,
    row::Revised,
};
use samsyn_policy::{CollisionList, DisclosureList, Duty, DutyKind, DutyList, RevisionList, View};

use super::{
    Encoded, Paged,
    value::{codes, time},
};
use crate::v1;

impl Encoded<v1::ListRevisionsResponse> {
    /// One page of an area's revisions; `token` names the row that the next one begins with.
    pub fn page(
        view: &View<RevisionList>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let all = &view.content().revisions;
        let rows = paged.rows(all);
        let revisions = rows.iter().map(revision).collect();
        let next_page_token = paged.next(all, token);
        Self::seal(&v1::ListRevisionsResponse { revisions, next_page_token }).with_rows(rows.len())
    }
}

impl Encoded<v1::ListDutiesResponse> {
    /// One page of duties; `token` names the row that the next one begins with.
    pub fn page(view: &View<DutyList>, paged: Paged, token: impl FnOnce(usize) -> String) -> Self {
        let all = &view.content().duties;
        let rows = paged.rows(all);
        let duties = rows.iter().map(duty).collect();
        Self::seal(&v1::ListDutiesResponse { duties, next_page_token: paged.next(all, token) })
            .with_rows(rows.len())
    }
}

impl From<View<CollisionList>> for Encoded<v1::ListMeetingCollisionsResponse> {
    fn from(view: View<CollisionList>) -> Self {
        let CollisionList { role, collisions } = view.content();
        let collision = |collision: &Collision| v1::MeetingCollision {
            role: role.clone(),
            starts_at: Some(time(collision.starts_at)),
            ends_at: Some(time(collision.ends_at)),
            meeting_ids: codes(collision.meetings.iter().map(MeetingId::as_str)),
            same_start: collision.same_start,
        };
        let collisions = collisions.iter().map(collision).collect();
        Self::seal(&v1::ListMeetingCollisionsResponse { collisions })
    }
}

/// One page of disclosures (utlämnanden); `token` names the row that the next one begins with.
///
/// The list tells who received what and nothing of the content, so its response is a plain one; it
/// is a view all the same, and recorded.
pub fn disclosures(
    view: &View<DisclosureList>,
    paged: Paged,
    token: impl FnOnce(usize) -> String,
) -> v1::ListDisclosuresResponse {
    let all = &view.content().disclosures;
    let rows = paged.rows(all).iter();
    v1::ListDisclosuresResponse {
        disclosures: rows.map(|(one, stored)| disclosure(one, *stored)).collect(),
        next_page_token: paged.next(all, token),
    }
}

pub(super) fn revision(revised: &Revised) -> v1::Revision {
    v1::Revision {
        revision: revised.revision,
        recorded_at: Some(time(revised.at)),
        party: revised.party.to_string(),
        what: revised.what.as_str().to_owned(),
    }
}

pub(super) fn duty(duty: &Duty) -> v1::Duty {
    let (kind, object_id) = match &duty.kind {
        DutyKind::AnswerEdition(id) => ("answer_edition", id.to_string()),
        DutyKind::SettleConflict(id) => ("settle_conflict", id.to_string()),
        DutyKind::ChaseEdition(id) => ("chase_edition", id.to_string()),
    };
    v1::Duty {
        kind: kind.to_owned(),
        area: duty.area.to_string(),
        object_id,
        party: duty.party.to_string(),
        due: duty.due.map(time),
        overdue: duty.overdue,
        role: duty.role.as_str().to_owned(),
    }
}

pub(super) fn disclosure(row: &Disclosure, stored: Option<Timestamp>) -> v1::Disclosure {
    v1::Disclosure {
        id: row.sequence.to_string(),
        receiver: row.receiver.to_string(),
        object_ref: row.object.to_string(),
        revision: row.revision,
        ground: Some(ground(&row.ground)),
        rule_ids: codes(row.rules.iter().map(String::as_str)),
        at: Some(time(row.at)),
        acknowledged_at: stored.map(time),
        service: row.service.to_string(),
        rows: row.rows,
    }
}

fn ground(ground: &Ground) -> v1::ReadContext {
    v1::ReadContext {
        purpose: ground.purpose.to_string(),
        legal_basis: ground.legal_basis.to_string(),
        weighing_ref: ground.weighing.clone().unwrap_or_default(),
        actor_role: String::new(),
    }
}
