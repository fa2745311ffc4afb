//! Lists: revisions, duties, collisions, disclosures, holders.

use samsyn_domain::{
    MeetingId, Timestamp,
    disclosure::{Disclosure, Ground},
    registry::Collision,
    row::Revised,
};
use samsyn_policy::{
    CollisionList, DisclosureList, Duty, DutyKind, DutyList, Held, Holder, HolderList,
    RevisionList, View,
};

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

/// One page of those who may have had an observation; `token` names the row that the next one
/// begins with. It tells nothing of the content, and is recorded, as the list of disclosures.
pub fn holders(
    view: &View<HolderList>,
    paged: Paged,
    token: impl FnOnce(usize) -> String,
) -> v1::ListHoldersResponse {
    let HolderList { gone_at, holders: all } = view.content();
    v1::ListHoldersResponse {
        holders: paged.rows(all).iter().map(holder).collect(),
        next_page_token: paged.next(all, token),
        gone_at: gone_at.map(time),
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

pub(super) fn holder(holder: &Holder) -> v1::Holder {
    let confirmed_at = match holder.held {
        Held::Confirmed(at) => Some(time(at)),
        Held::Has | Held::Unconfirmed => None,
    };
    v1::Holder {
        receiver: holder.receiver.to_string(),
        service: holder.service.to_string(),
        peer: holder.peer.as_ref().map(ToString::to_string).unwrap_or_default(),
        way: holder.way.as_str().to_owned(),
        edition_id: holder.edition.as_ref().map(ToString::to_string).unwrap_or_default(),
        first_at: Some(time(holder.first_at)),
        last_at: Some(time(holder.last_at)),
        state: holder.held.as_str().to_owned(),
        confirmed_at,
        in_passing: holder.in_passing,
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
