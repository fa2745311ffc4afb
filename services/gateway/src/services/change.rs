//! Changes of the registry, as they are answered.

use samsyn_domain::registry::{Base, Difference, Operation, Signed};
use samsyn_ledger::Listed;
use samsyn_policy::ChangePreview;
use samsyn_proto::admin::v1::{
    FieldChange, PreviewRegistryChangeResponse, RegistryBase, RegistryChange, RegistrySigner,
    ReplayedDisclosure, ReplayedGroup, RightChange, RowChange,
};

use super::access::time;

/// A change with what it does to each row.
pub(super) fn listed(listed: Listed) -> RegistryChange {
    let Listed { proposal, standing, reason, rows } = listed;
    RegistryChange {
        proposal: proposal.id.0,
        standing: standing.as_str().to_owned(),
        effect: proposal.effect.as_str().to_owned(),
        signatures_needed: proposal.needed,
        signed_by: proposal.signed.iter().map(signer).collect(),
        expires_at: Some(time(proposal.until())),
        against: Some(against(proposal.base)),
        digest: proposal.change.digest().into(),
        rows: rows.into_iter().map(row).collect(),
        reason: reason.unwrap_or_default(),
        epoch: proposal.applied.map(|applied| applied.epoch),
        applied_at: proposal.applied.map(|applied| time(applied.at)),
    }
}

fn against(base: Base) -> RegistryBase {
    RegistryBase { epoch: base.epoch, digest: base.digest.into() }
}

fn signer(signed: &Signed) -> RegistrySigner {
    RegistrySigner {
        organisation: signed.organisation.to_string(),
        service: signed.service.to_string(),
        key_id: signed.key.to_string(),
        signed_at: Some(time(signed.at)),
    }
}

fn row((operation, fields): (Operation, Vec<Difference>)) -> RowChange {
    let key = operation.key();
    // A row that is new or gone differs as a whole.
    let whole = fields.iter().find(|field| field.field.is_empty());
    let how = match (whole, operation.record()) {
        (None, _) => "changed",
        (Some(_), Some(_)) => "added",
        (Some(_), None) => "removed",
    };
    RowChange {
        table: key.table.as_str().to_owned(),
        id: key.id,
        how: how.to_owned(),
        fields: fields.into_iter().map(field).collect(),
    }
}

fn field(field: Difference) -> FieldChange {
    FieldChange { name: field.field, before: field.before, after: field.after }
}

/// Who would newly see what.
pub(super) fn preview(preview: &ChangePreview) -> PreviewRegistryChangeResponse {
    let rights = preview.rights.iter().map(|right| RightChange {
        receiver: right.receiver.to_string(),
        area: right.area.clone(),
        field_group: right.group.clone(),
        live: right.live,
        gained: right.gained,
        lost: right.lost,
    });
    let replayed = preview.replayed.iter().map(|replayed| ReplayedDisclosure {
        receiver: replayed.receiver.to_string(),
        service: replayed.service.to_string(),
        purpose: replayed.purpose.to_string(),
        legal_basis: replayed.legal_basis.to_string(),
        what: replayed.object.to_string(),
        disclosures: replayed.disclosures,
        groups: replayed.groups.iter().map(group).collect(),
    });
    PreviewRegistryChangeResponse {
        effect: preview.effect.as_str().to_owned(),
        signatures_needed: u32::try_from(preview.needed).unwrap_or(u32::MAX),
        rights: rights.collect(),
        replayed: replayed.collect(),
        disclosures: preview.disclosures,
        truncated: preview.truncated,
    }
}

fn group((name, now, then): &(String, u32, u32)) -> ReplayedGroup {
    ReplayedGroup { field_group: name.clone(), now: *now, then: *then }
}
