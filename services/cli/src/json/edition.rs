//! Editions.

use samsyn_client::wire::{Answer, EditionHeader, GivenAnswer};
use serde_json::{Value, json};

use super::{list, period, state, time, verdict};

/// An edition without its content.
pub(crate) fn header(header: &EditionHeader) -> Value {
    json!({
        "id": header.id,
        "area": header.area,
        "period": period(header.period.as_ref()),
        "track": header.track,
        "state": state(header.state),
        "content_root": hex::encode(&header.content_root),
        "due": time(header.due.as_ref()),
        "answers": list(&header.answers, answer),
        "waiting_for": header.waiting_for,
        "round": header.round,
        "overdue": header.overdue,
        "revision": header.revision,
        "given": list(&header.given, given),
    })
}

/// An answer that was given here to an edition of another domain.
fn given(given: &GivenAnswer) -> Value {
    json!({
        "party": given.party,
        "actor_role": given.actor_role,
        "round": given.round,
        "verdict": verdict(given.verdict),
        "given_at": time(given.given_at.as_ref()),
        "told_at": time(given.told_at.as_ref()),
        "reason": given.reason,
        "field": given.field,
    })
}

/// An answer of an endorser.
fn answer(answer: &Answer) -> Value {
    json!({
        "party": answer.party,
        "verdict": verdict(answer.verdict),
        "text": answer.text,
        "statement": hex::encode(&answer.statement),
        "signature": hex::encode(&answer.signature),
        "key_id": answer.key_id,
        "actor_role": answer.actor_role,
        "text_salt": hex::encode(&answer.text_salt),
    })
}
