//! Links with other domains, and own pictures that cross them.

use samsyn_client::{
    admin::{Link, QuarantinedEnvelope, ReceivedView},
    wire::Contributed,
};
use serde_json::{Value, json};

use super::{code, list, time};
use crate::commands::link::{lag, lag_seconds};

/// A link, at a time in seconds since 1970.
pub(crate) fn link(link: &Link, now: i64) -> Value {
    json!({
        "peer": link.peer,
        "name": link.name,
        "state": code(link.state().as_str_name(), "LINK_STATE_"),
        "frozen_for": link.frozen_for,
        "lag": lag(link),
        "lag_seconds": lag_seconds(link, now),
        "waiting": link.waiting,
        "numbered": link.numbered,
        "acknowledged": link.acknowledged,
        "taken": link.taken,
        "oldest_waiting_at": time(link.oldest_waiting_at.as_ref()),
        "quarantined": link.quarantined,
        "pictures_waiting": link.pictures_waiting,
        "pictures_refused": link.pictures_refused,
        "views_delivered": link.views_delivered,
        "views_received": list(&link.views_received, received),
        "clock_millis": link.clock_millis,
        "peer_level": link.peer_level,
        "certificate_until": time(link.certificate_until.as_ref()),
        "trust": link.trust,
        "authority_until": time(link.authority_until.as_ref()),
        "list_until": time(link.list_until.as_ref()),
        "last_fault": link.last_fault,
        "next_try_at": time(link.next_try_at.as_ref()),
        "node": link.node,
    })
}

/// A view of joint pictures that a peer delivers.
fn received(view: &ReceivedView) -> Value {
    json!({
        "delivery": view.delivery,
        "orgnr": view.orgnr,
        "parties": view.parties,
        "areas": view.areas,
        "period_kinds": view.period_kinds,
        "purpose": view.purpose,
        "legal_basis": view.legal_basis,
        "phase": view.phase,
        "step": view.step,
        "findings": view.findings,
        "at": time(view.at.as_ref()),
    })
}

/// An envelope that was set aside.
pub(crate) fn quarantined(envelope: &QuarantinedEnvelope) -> Value {
    json!({
        "epoch": envelope.epoch,
        "sequence": envelope.sequence,
        "envelope_id": envelope.envelope_id,
        "reason": envelope.reason,
        "at": time(envelope.at.as_ref()),
    })
}

/// How an own picture stands with the home of its area.
pub(crate) fn contributed(contributed: &Contributed) -> Value {
    json!({
        "home": contributed.home,
        "held": contributed.held,
        "may_hold": contributed.may_hold,
        "own": contributed.own,
        "in_step": contributed.in_step,
        "version": contributed.version,
        "under_way_since": time(contributed.under_way_since.as_ref()),
        "answered_at": time(contributed.answered_at.as_ref()),
        "refused_reason": contributed.refused_reason,
        "refused_field": contributed.refused_field,
    })
}
