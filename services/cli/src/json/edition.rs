//! Editions.

use samsyn_client::wire::{Answer, EditionHeader};
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
