//! One of every reply.

use samsyn_domain::{Reason, Refusal, command::Reply, registry::ProposalId};

use super::examples::edition_id;

pub(super) fn all() -> Vec<Reply> {
    let mut all = vec![
        Reply::Done,
        Reply::Published { version: 1, revision: 2, unchanged: true },
        Reply::Revised { revision: 3 },
        Reply::Edition { id: edition_id(), round: 0 },
        Reply::Recorded { first: 4 },
        Reply::Epoch { epoch: 5 },
        Reply::Proposed { id: ProposalId(6), epoch: Some(7) },
        Reply::Proposed { id: ProposalId(6), epoch: None },
        Reply::Refused(Refusal::at(Reason::VersionConflict, "base_version").now(6)),
    ];
    all.extend(super::mail::replies());
    all.extend(Reason::ALL.iter().map(|reason| Reply::Refused(Refusal::of(*reason))));
    all
}
