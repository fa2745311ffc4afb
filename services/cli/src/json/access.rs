//! Rights, evidence, duties, and the registry.

use samsyn_client::{
    admin::{RegisteredAgreement, RegisteredReleaseRow, RegisteredService},
    wire::{
        Disclosure, Duty, ExplainAccessResponse, GetAccessResponse, Grant, Holder,
        MeetingCollision, Problem, ReadContext, ReaderPreview, Scope,
    },
};
use serde_json::{Value, json};

use super::{list, time};

/// Who the caller is and what it may.
pub(crate) fn access(access: &GetAccessResponse) -> Value {
    json!({
        "service": access.service,
        "organisation": access.organisation,
        "parties": access.parties,
        "grants": list(&access.grants, grant),
        "certificate_until": time(access.certificate_until.as_ref()),
        "api_level": access.api_level,
        "roles": access.roles,
    })
}

fn grant(grant: &Grant) -> Value {
    json!({
        "scope": grant.scope.as_ref().map(scope),
        "field_groups": grant.field_groups,
        "purposes": grant.purposes,
        "legal_bases": grant.legal_bases,
        "live": grant.live,
        "until": time(grant.until.as_ref()),
        "rule_id": grant.rule_id,
    })
}

fn scope(scope: &Scope) -> Value {
    json!({
        "areas": scope.areas,
        "priorities": scope.priorities,
        "period_kinds": scope.period_kinds,
    })
}

/// Why something is or is not allowed.
pub(crate) fn explained(explained: &ExplainAccessResponse) -> Value {
    json!({
        "allowed": explained.allowed,
        "rule_ids": explained.rule_ids,
        "text_sv": explained.text_sv,
        "text_en": explained.text_en,
        "remedy": explained.remedy,
        "reason": explained.reason,
    })
}

/// A recorded disclosure.
pub(crate) fn disclosure(disclosure: &Disclosure) -> Value {
    json!({
        "id": disclosure.id,
        "receiver": disclosure.receiver,
        "object_ref": disclosure.object_ref,
        "revision": disclosure.revision,
        "ground": disclosure.ground.as_ref().map(ground),
        "rule_ids": disclosure.rule_ids,
        "at": time(disclosure.at.as_ref()),
        "acknowledged_at": time(disclosure.acknowledged_at.as_ref()),
        "service": disclosure.service,
        "rows": disclosure.rows,
    })
}

/// Who may have had an observation.
pub(crate) fn holder(holder: &Holder) -> Value {
    json!({
        "receiver": holder.receiver,
        "service": holder.service,
        "peer": holder.peer,
        "way": holder.way,
        "edition_id": holder.edition_id,
        "first_at": time(holder.first_at.as_ref()),
        "last_at": time(holder.last_at.as_ref()),
        "state": holder.state,
        "confirmed_at": time(holder.confirmed_at.as_ref()),
        "in_passing": holder.in_passing,
    })
}

fn ground(ground: &ReadContext) -> Value {
    json!({
        "purpose": ground.purpose,
        "legal_basis": ground.legal_basis,
        "weighing_ref": ground.weighing_ref,
        "actor_role": ground.actor_role,
    })
}

/// Something that waits for a function.
pub(crate) fn duty(duty: &Duty) -> Value {
    json!({
        "kind": duty.kind,
        "area": duty.area,
        "object_id": duty.object_id,
        "party": duty.party,
        "due": time(duty.due.as_ref()),
        "overdue": duty.overdue,
        "role": duty.role,
    })
}

/// One function in several meetings.
pub(crate) fn collision(collision: &MeetingCollision) -> Value {
    json!({
        "role": collision.role,
        "starts_at": time(collision.starts_at.as_ref()),
        "ends_at": time(collision.ends_at.as_ref()),
        "meeting_ids": collision.meeting_ids,
        "same_start": collision.same_start,
    })
}

/// What is wrong with a publication.
pub(crate) fn problem(problem: &Problem) -> Value {
    json!({
        "reason": problem.reason,
        "field": problem.field,
        "first_character": problem.first_character,
        "end_character": problem.end_character,
        "text_sv": problem.text_sv,
        "text_en": problem.text_en,
        "warning": problem.warning,
    })
}

/// Who would see a publication.
pub(crate) fn preview(preview: &ReaderPreview) -> Value {
    json!({
        "reader": preview.reader,
        "field_groups": preview.field_groups,
        "rule_id": preview.rule_id,
        "observations": preview.observations,
    })
}

/// A registered service.
pub(crate) fn service(service: &RegisteredService) -> Value {
    json!({
        "id": service.id,
        "organisation": service.organisation,
        "parties": service.parties,
        "roles": service.roles,
        "suspended": service.suspended,
        "suspended_at": time(service.suspended_at.as_ref()),
    })
}

/// A registered agreement.
pub(crate) fn agreement(agreement: &RegisteredAgreement) -> Value {
    json!({
        "id": agreement.id,
        "area": agreement.area,
        "signatories": agreement.signatories,
    })
}

/// A registered release row.
pub(crate) fn release_row(row: &RegisteredReleaseRow) -> Value {
    json!({
        "id": row.id,
        "receiver": row.receiver,
        "scope": row.scope.as_ref().map(scope),
        "field_groups": row.field_groups,
        "live": row.live,
        "until": time(row.until.as_ref()),
    })
}
