//! The registry by rule: exported, changed by signatures, listed.

use std::sync::Arc;

use samsyn_domain::{
    Caller, Reason, Refusal, State, Timestamp,
    command::{ApproveChange, Command, Digest, ProposeChange, Reply, WithdrawChange},
    commit::registry::Decision,
    registry::{
        Base, Change, Difference, Operation, Proposal, ProposalId, Record, RecordKey, Signed,
        Standing,
    },
};
use samsyn_policy::{ChangePreview, NoPreview, PreviewBasis, SignedChange, View, verify_change};
use samsyn_proto::inbound::{
    ApproveChangeAsked, PreviewChangeAsked, ProposeChangeAsked, SignatureAsked, WithdrawChangeAsked,
};

use crate::{Error, Ledger, Rejection, handle::RACES_MAX};

/// The registry in force, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The domain's name.
    pub domain: String,
    /// The epoch.
    pub epoch: u64,
    /// The registry's digest.
    pub digest: Digest,
    /// Its rows, by table and key.
    pub rows: Vec<(RecordKey, Record)>,
}

/// A change as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The proposal.
    pub proposal: Proposal,
    /// How it stands.
    pub standing: Standing,
    /// Why.
    pub reason: Option<String>,
    /// What it does to each row.
    pub rows: Vec<(Operation, Vec<Difference>)>,
}

impl Ledger {
    /// Every row of the registry in force.
    ///
    /// # Errors
    /// When the caller is no registrar.
    pub fn export_registry(&self, caller: &Caller) -> Result<Exported, Rejection> {
        self.oversee(caller, "change")?;
        Ok(self.read(|state| Exported {
            domain: state.founded().map_or_else(String::new, |founded| founded.domain.clone()),
            epoch: state.epoch(),
            digest: *state.registry_digest(),
            rows: state.registry().records().into_iter().collect(),
        }))
    }

    /// Who would newly see what by a change; nothing changes. It is recorded before it is told.
    ///
    /// # Errors
    /// When the caller is no registrar, the change is not of the registry in force, or the registry
    /// would not hold.
    pub async fn preview_change(
        &self,
        caller: &Caller,
        asked: &PreviewChangeAsked,
    ) -> Result<View<ChangePreview>, Rejection> {
        self.oversee(caller, "change")?;
        for _ in 0..RACES_MAX {
            let now = (self.inner.clock)();
            let basis = self.read(|state| {
                if !state.is_base(asked.base) {
                    let stale = Refusal::at(Reason::RegistryBaseStale, "against");
                    return Err(Rejection::from(stale.now(state.epoch())));
                }
                PreviewBasis::of(state, now, caller, &asked.change).map_err(|why| match why {
                    NoPreview::Denied(denial) => denial.into(),
                    NoPreview::Invalid(_) => {
                        Refusal::at(Reason::RegistryInvalid, "operations").into()
                    }
                })
            })?;
            // It asks policy for thousands of decisions: not on a thread that others wait for.
            let (epoch, inner) = (basis.epoch, Arc::clone(&self.inner));
            let made = tokio::task::spawn_blocking(move || {
                inner.policy.preview_change(&basis, |shown| inner.keys.digest("shown", &[shown]))
            });
            let made = made.await.map_err(|_| Error::Closed)??;
            if let Some(view) = self.recorded(epoch, made).await? {
                return Ok(view);
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Proposes a change; gives its id, and the epoch when it took effect.
    ///
    /// # Errors
    /// When policy or the domain says no, or the signature does not hold.
    pub async fn propose_change(
        &self,
        caller: &Caller,
        asked: &ProposeChangeAsked,
    ) -> Result<(ProposalId, Option<u64>), Rejection> {
        self.oversee(caller, "change")?;
        let unit = samsyn_domain::UnitKey::named("registry");
        self.make_units([unit.clone()].into()).await?;
        let object = format!("change {}", hex::encode(asked.change.digest()));
        let reason = self.inner.keys.seal_text(&unit, &object, asked.reason.as_deref())?;
        let (change, base) = (asked.change.clone(), asked.base);
        let signed = signed(caller, &asked.signature);
        let command = Command::ProposeChange(ProposeChange { change, base, signed, reason }.into());
        let body = self.body("propose change", command.clone())?;
        let make = |state: &State| {
            let decision = Decision::Propose;
            verify(state, caller, decision, &asked.change, asked.base, &asked.signature)?;
            Ok(command.clone())
        };
        outcome(&self.propose(caller, &asked.context, &body, make).await?)
    }

    /// Approves a proposed change; gives the epoch when it took effect.
    ///
    /// # Errors
    /// When policy or the domain says no, or the signature does not hold.
    pub async fn approve_change(
        &self,
        caller: &Caller,
        asked: &ApproveChangeAsked,
    ) -> Result<(ProposalId, Option<u64>), Rejection> {
        self.oversee(caller, "change")?;
        let (proposal, signed) = (asked.proposal, signed(caller, &asked.signature));
        let command = Command::ApproveChange(ApproveChange { proposal, signed }.into());
        let body = self.body("approve change", command.clone())?;
        let make = |state: &State| {
            // What there is nothing of to sign is refused by the domain.
            if let Some(known) = state.proposal(proposal) {
                let decision = Decision::Approve;
                verify(state, caller, decision, &known.change, known.base, &asked.signature)?;
            }
            Ok(command.clone())
        };
        outcome(&self.propose(caller, &asked.context, &body, make).await?)
    }

    /// Takes a proposed change back.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn withdraw_change(
        &self,
        caller: &Caller,
        asked: &WithdrawChangeAsked,
    ) -> Result<(), Rejection> {
        let command = Command::WithdrawChange(WithdrawChange { proposal: asked.proposal });
        let body = self.body("withdraw change", command.clone())?;
        let make = |_: &State| Ok(command.clone());
        self.propose(caller, &asked.context, &body, make).await.map(drop)
    }

    /// The proposals that wait and the changes that took effect, the newest first: a page of them,
    /// and whether there are more.
    ///
    /// # Errors
    /// When the caller may not see the registry.
    pub fn changes(
        &self,
        caller: &Caller,
        open_only: bool,
        (from, size): (usize, usize),
    ) -> Result<(Vec<Listed>, bool), Rejection> {
        self.oversee(caller, "administer")?;
        let now = (self.inner.clock)();
        Ok(self.read(|state| {
            let all: Vec<&Proposal> = state.proposals().collect();
            let mut wanted = all
                .into_iter()
                .rev()
                .filter(|one| !open_only || state.standing(one, now) == Standing::Open)
                .skip(from);
            let page = wanted.by_ref().take(size).map(|one| self.listed(state, one, now));
            (page.collect(), wanted.next().is_some())
        }))
    }

    fn listed(&self, state: &State, proposal: &Proposal, now: Timestamp) -> Listed {
        let reason =
            proposal.reason.as_ref().and_then(|sealed| self.inner.keys.open_secret(sealed));
        let operations = proposal.change.operations().iter();
        let rows = operations.map(|operation| (operation.clone(), proposal.differences(operation)));
        Listed {
            standing: state.standing(proposal, now),
            reason: reason.and_then(|secret| secret.note),
            rows: rows.collect(),
            proposal: proposal.clone(),
        }
    }
}

fn signed(caller: &Caller, asked: &SignatureAsked) -> Signed {
    Signed {
        organisation: caller.organisation().clone(),
        service: caller.service().clone(),
        key: asked.key.clone(),
        statement: asked.statement.clone(),
        signature: asked.signature.clone(),
        at: Timestamp::ZERO,
    }
}

fn verify(
    state: &State,
    caller: &Caller,
    decision: Decision,
    change: &Change,
    base: Base,
    asked: &SignatureAsked,
) -> Result<(), Rejection> {
    let signed = SignedChange {
        organisation: caller.organisation(),
        decision,
        change,
        base,
        statement: &asked.statement,
        signature: &asked.signature,
        key: &asked.key,
    };
    Ok(verify_change(state, &signed)?)
}

fn outcome(reply: &Reply) -> Result<(ProposalId, Option<u64>), Rejection> {
    match reply {
        Reply::Proposed { id, epoch } => Ok((*id, *epoch)),
        Reply::Done
        | Reply::Published { .. }
        | Reply::Revised { .. }
        | Reply::Edition { .. }
        | Reply::Recorded { .. }
        | Reply::Epoch { .. }
        | Reply::Sent { .. }
        | Reply::Refused(_) => {
            Err(Error::Fatal("a change of the registry had another answer".to_owned()).into())
        }
    }
}
