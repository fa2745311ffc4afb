//! Who would newly see what by a change of the registry: by the rules, and replayed over what was
//! disclosed of late. It counts objects and never tells what they say.

mod replay;
mod rights;

use std::sync::Arc;

use samsyn_domain::{
    Caller, LegalBasisId, OrganisationId, PurposeId, ServiceId, State, Timestamp,
    command::Digest,
    disclosure::{Disclosure, Object},
    registry::{BadRegistry, Change, Effect, FieldGroup, Registry, Variant},
};

use crate::{Denial, Policy, Projection, Reader};

/// Who would newly see what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePreview {
    /// Which way the change goes.
    pub effect: Effect,
    /// How many organisations must sign it.
    pub needed: usize,
    /// Rights gained and lost.
    pub rights: Vec<RightChange>,
    /// Disclosures that would show another number of objects.
    pub replayed: Vec<Replayed>,
    /// How many different disclosures were replayed.
    pub disclosures: u32,
    /// There were more.
    pub truncated: bool,
}

/// A right gained or lost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RightChange {
    /// Who receives.
    pub receiver: OrganisationId,
    /// Of which area.
    pub area: String,
    /// Which field group, in which variant: the finer ones include the coarser.
    pub group: String,
    /// In the live picture; otherwise in released editions.
    pub live: bool,
    /// For how many combinations of what rows cover it is gained.
    pub gained: u32,
    /// For how many it is lost.
    pub lost: u32,
}

/// A disclosure as it would be now and after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Who received.
    pub receiver: OrganisationId,
    /// Through which service.
    pub service: ServiceId,
    /// For which purpose.
    pub purpose: PurposeId,
    /// On which legal basis.
    pub legal_basis: LegalBasisId,
    /// What.
    pub object: Object,
    /// How many such disclosures there were.
    pub disclosures: u32,
    /// How many objects show a field group now and then, where that differs.
    pub groups: Vec<(String, u32, u32)>,
}

/// What a preview is made from, taken from state at once: the rest needs no state.
#[derive(Debug)]
pub struct PreviewBasis {
    /// The epoch.
    pub epoch: u64,
    before: Arc<Registry>,
    after: Registry,
    effect: Effect,
    reader: Reader,
    now: Timestamp,
    replay: replay::Basis,
}

/// A preview cannot be made.
#[derive(Debug)]
pub enum NoPreview {
    /// Policy says no.
    Denied(Denial),
    /// The registry would not hold.
    Invalid(BadRegistry),
}

impl PreviewBasis {
    /// What there is to compare: the registry as it is and after a change, and what was disclosed
    /// in the last seven days.
    ///
    /// # Errors
    /// When the caller is not registered, or the registry would not hold.
    pub fn of(
        state: &State,
        now: Timestamp,
        caller: &Caller,
        change: &Change,
    ) -> Result<Self, NoPreview> {
        let registry = state.registry();
        let reader = Reader::own(state, now, caller).map_err(NoPreview::Denied)?;
        let after = registry.changed(change).map_err(NoPreview::Invalid)?;
        Ok(Self {
            epoch: state.epoch(),
            before: Arc::clone(registry),
            after,
            effect: registry.effect(change),
            reader,
            now,
            replay: replay::Basis::of(state, now),
        })
    }
}

impl Policy {
    /// Who would newly see what. `digest` makes the keyed digest of what is shown, for the record:
    /// a preview tells of what others hold, so it is disclosed like any read.
    ///
    /// # Errors
    /// When policy cannot decide.
    pub fn preview_change(
        &self,
        basis: &PreviewBasis,
        digest: impl Fn(&[u8]) -> Digest,
    ) -> Result<Projection<ChangePreview>, Denial> {
        let PreviewBasis { before, after, now, reader, .. } = basis;
        let mut replayed = replay::Replay::of(self, (before, after), *now);
        let disclosed = replayed.all(&basis.replay)?;
        let preview = ChangePreview {
            effect: basis.effect,
            needed: before.signatures_needed(basis.effect),
            rights: rights::changes(before, after, *now),
            truncated: basis.replay.truncated() || replayed.exhausted(),
            disclosures: basis.replay.len(),
            replayed: disclosed,
        };
        let record = Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: reader.organisation().clone(),
            service: reader.service().clone(),
            serial: reader.serial().to_owned(),
            ground: reader.ground().clone(),
            object: Object::Disclosures,
            revision: 0,
            groups: std::collections::BTreeSet::new(),
            rules: std::collections::BTreeSet::from(["POL-48".to_owned()]),
            rows: preview.disclosures,
            digest: digest(format!("{preview:?}").as_bytes()),
            epoch: basis.epoch,
            view: None,
        };
        Ok(Projection::new(preview, vec![record]))
    }
}

/// A group and variant, as rows are listed: `place` or, coarsened, `place:district`.
fn named(group: FieldGroup, variant: Variant) -> String {
    match variant {
        Variant::Exact => group.as_str().to_owned(),
        Variant::SubArea | Variant::District => {
            format!("{}:{}", group.as_str(), variant.as_str())
        }
    }
}
