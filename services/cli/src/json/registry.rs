//! Changes of the registry, and their previews.

use samsyn_client::admin::{
    FieldChange, RegistryChange, RegistrySigner, ReplayedDisclosure, ReplayedGroup, RightChange,
    RowChange,
};
use serde_json::{Value, json};

use super::{list, time};

/// A proposed change.
pub(crate) fn registry_change(change: &RegistryChange) -> Value {
    json!({
        "proposal": change.proposal,
        "standing": change.standing,
        "effect": change.effect,
        "signatures_needed": change.signatures_needed,
        "signed_by": list(&change.signed_by, signer),
        "expires_at": time(change.expires_at.as_ref()),
        "against": change.against.as_ref().map(|against| {
            json!({ "epoch": against.epoch, "digest": hex::encode(&against.digest) })
        }),
        "digest": hex::encode(&change.digest),
        "rows": list(&change.rows, row),
        "reason": change.reason,
        "epoch": change.epoch,
        "applied_at": time(change.applied_at.as_ref()),
    })
}

fn signer(signer: &RegistrySigner) -> Value {
    json!({
        "organisation": signer.organisation,
        "service": signer.service,
        "key_id": signer.key_id,
        "signed_at": time(signer.signed_at.as_ref()),
    })
}

fn row(row: &RowChange) -> Value {
    json!({
        "table": row.table,
        "id": row.id,
        "how": row.how,
        "fields": list(&row.fields, field),
    })
}

fn field(field: &FieldChange) -> Value {
    json!({ "name": field.name, "before": field.before, "after": field.after })
}

/// A right gained or lost.
pub(crate) fn right_change(right: &RightChange) -> Value {
    json!({
        "receiver": right.receiver,
        "area": right.area,
        "field_group": right.field_group,
        "live": right.live,
        "gained": right.gained,
        "lost": right.lost,
    })
}

/// A disclosure, replayed.
pub(crate) fn replayed(replayed: &ReplayedDisclosure) -> Value {
    json!({
        "receiver": replayed.receiver,
        "service": replayed.service,
        "purpose": replayed.purpose,
        "legal_basis": replayed.legal_basis,
        "what": replayed.what,
        "disclosures": replayed.disclosures,
        "groups": list(&replayed.groups, group),
    })
}

fn group(group: &ReplayedGroup) -> Value {
    json!({ "field_group": group.field_group, "now": group.now, "then": group.then })
}
