//! Rights, duties, disclosures, suspension.

use std::collections::BTreeMap;

use samsyn_domain::{
    Caller, Draft, LabelClass, State, Timestamp,
    command::{Command, Denials, Reply, SuspendService},
    disclosure::{Denied, Ground},
    registry::FieldGroup,
};
use samsyn_policy::{
    AccessAnswer, CollisionList, Denial, DisclosureFilter, DisclosureList, DutyList, HolderList,
    ObservationRef, Problem, Reader, RevisionList, Scope, ValidationView, View,
};
use samsyn_proto::{
    Reason,
    inbound::{SuspendAsked, Trial},
};

use crate::{
    Error, Ledger, Rejection,
    pictures::{asked_path, bare, delta, drafts, in_request},
};

impl Ledger {
    /// Explains whether a caller may have a field group within a scope.
    #[must_use]
    pub fn explain_access(
        &self,
        caller: &Caller,
        ground: Ground,
        scope: &Scope,
        group: Option<FieldGroup>,
    ) -> AccessAnswer {
        let now = (self.inner.clock)();
        let policy = &self.inner.policy;
        self.read(|state| policy.explain_access(state, now, caller, ground, scope, group))
    }

    /// What is wrong with a publication and who would see it; nothing changes. Who would not be
    /// allowed to publish it is told so, and nothing of who would see it.
    ///
    /// # Errors
    /// When policy cannot decide.
    pub fn validate(
        &self,
        caller: &Caller,
        trial: Option<&Trial>,
        mut problems: Vec<Problem>,
    ) -> Result<View<ValidationView>, Rejection> {
        let now = (self.inner.clock)();
        let policy = &self.inner.policy;
        let projection = self.read(|state| {
            let mut seen = BTreeMap::new();
            if let Some(trial) = trial {
                match self.tried(state, now, caller, trial) {
                    Ok(()) => seen = labels(trial, now),
                    Err(problem) => problems.push(problem),
                }
            }
            policy.previews(state, now, problems, &seen)
        })?;
        Ok(self.release(projection)?)
    }

    /// A publication as far as it goes without sealing and ordering anything.
    fn tried(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        trial: &Trial,
    ) -> Result<(), Problem> {
        let problem = |why: Reason, field: &str| Problem {
            reason: why.id().to_owned(),
            field: field.to_owned(),
            characters: (0, 0),
            rule: None,
            text: why.remedy().to_owned(),
            warning: false,
        };
        let denied = |denial: Denial| {
            let Denial { why, field, .. } = in_request(denial, &trial.change);
            problem(Reason::from_id(why.id()).unwrap_or(Reason::PolicyUndecided), &field)
        };
        let bare = bare(&trial.party, &trial.area, trial.base_version, &trial.change);
        let command = Command::Publish(bare.clone());
        let policy = &self.inner.policy;
        let _permit = policy.permit(state, now, caller, None, command).map_err(denied)?;
        let publish = delta(state, &trial.area, &trial.change, bare);
        let (service, organisation) = (caller.service(), caller.organisation());
        let tried = state.tried(now, service, organisation, &Command::Publish(publish));
        tried.map_err(|refusal| {
            let why = Reason::from_id(refusal.reason.id()).unwrap_or(Reason::Internal);
            problem(why, &asked_path(&refusal.field, &trial.change))
        })
    }

    /// The revisions of an area; signatories only.
    ///
    /// # Errors
    /// When the reader speaks for no signatory of the area.
    pub async fn revisions(
        &self,
        reader: &Reader,
        area: &samsyn_domain::AreaId,
    ) -> Result<View<RevisionList>, Rejection> {
        self.show(reader, |egress| Ok(egress.revisions(area)?)).await
    }

    /// What waits for the reader's functions, in all areas.
    ///
    /// # Errors
    /// When the reader speaks for no party.
    pub async fn duties(&self, reader: &Reader) -> Result<View<DutyList>, Rejection> {
        let areas: Vec<_> = self.read(|state| {
            let rights = reader.rights(state.registry(), None, true);
            Reader::areas(state.registry(), &rights).into_iter().collect()
        });
        self.decide(reader, &areas, true).await?;
        let now = (self.inner.clock)();
        self.show(reader, |egress| Ok(egress.duties(now)?)).await
    }

    /// Where a function is wanted in several meetings at once.
    ///
    /// # Errors
    /// When the reader speaks for no party.
    pub async fn collisions(
        &self,
        reader: &Reader,
        role: &str,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<View<CollisionList>, Rejection> {
        self.show(reader, |egress| Ok(egress.collisions(role, from, to)?)).await
    }

    /// Who received what, the newest first.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub async fn disclosures(
        &self,
        caller: &Caller,
        reader: &Reader,
        filter: &DisclosureFilter,
    ) -> Result<View<DisclosureList>, Rejection> {
        let overseer = self.oversee(caller, "audit").is_ok();
        self.show(reader, |egress| Ok(egress.disclosures(overseer, filter)?)).await
    }

    /// Who may have had an observation, and who has confirmed that it is gone.
    ///
    /// # Errors
    /// When there never was one, the reader may not know of it, or it cannot be recorded.
    pub async fn holders(
        &self,
        caller: &Caller,
        reader: &Reader,
        of: &ObservationRef,
    ) -> Result<View<HolderList>, Rejection> {
        let overseer = self.oversee(caller, "audit").is_ok();
        let now = (self.inner.clock)();
        self.show(reader, |egress| Ok(egress.holders(overseer, of, now)?)).await
    }

    /// Records requests that were refused.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn record_denials(&self, denials: Vec<Denied>) -> Result<(), Error> {
        self.own(Command::Denials(Denials { denials })).await.map(drop)
    }

    /// Shuts a service out; gives the new epoch.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn suspend(&self, caller: &Caller, asked: &SuspendAsked) -> Result<u64, Rejection> {
        self.oversee(caller, "suspend")?;
        let unit = samsyn_domain::UnitKey::named("registry");
        self.make_units([unit.clone()].into()).await?;
        let object = format!("suspension {}", asked.service);
        let reason = self.inner.keys.seal_text(&unit, &object, asked.reason.as_deref())?;
        let command = SuspendService { service: asked.service.clone(), reason };
        let body = self.body("suspend", Command::SuspendService(command.clone()))?;
        let make = |_: &State| Ok(Command::SuspendService(command.clone()));
        match self.propose(caller, &asked.context, &body, make).await? {
            Reply::Epoch { epoch } => Ok(epoch),
            Reply::Done
            | Reply::Published { .. }
            | Reply::Revised { .. }
            | Reply::Edition { .. }
            | Reply::Recorded { .. }
            | Reply::Proposed { .. }
            | Reply::Sent { .. }
            | Reply::Refused(_) => {
                Err(Error::Fatal("a suspension had another answer".to_owned()).into())
            }
        }
    }
}

fn labels(trial: &Trial, now: Timestamp) -> BTreeMap<LabelClass, u32> {
    let mut labels = BTreeMap::new();
    for Draft { content, .. } in drafts(&trial.change) {
        let label = LabelClass {
            owner: trial.party.clone(),
            area: trial.area.clone(),
            kind: content.kind,
            priority: content.priority.clone(),
            labels: content.labels.clone(),
            embargoed: content.labels.embargoed(now),
        };
        *labels.entry(label).or_default() += 1;
    }
    labels
}
