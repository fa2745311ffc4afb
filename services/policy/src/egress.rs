//! Reads of state through the rights of a reader: everything that leaves is made here.

mod compare;
mod decided;
mod delta;
pub mod edition;
mod holders;
mod kept;
mod lists;
mod picture;

pub use delta::Bare;
pub use holders::{Held, Holder, HolderList, ObservationRef, Way};
pub use kept::Contents;
pub use lists::DisclosureFilter;
pub use picture::At;

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, LabelClass, Level, Period, Sealed, Secret, State, Timestamp, UnitKey,
    command::Digest,
    commit::{canonical::Message, dsse::Signature, object::ReferenceKey},
    disclosure::{ClassId, Disclosure, Grant, Object},
    merge::{self, Class, Decisions, Finding, Key, Seen},
    registry::{FieldGroup, Role, Variant},
    row::{Stage, What},
};

use crate::{Denial, Masked, Reader, Rights, Secrets, Why, filter};

/// What only the ledger knows: keys.
pub trait Known: Sync {
    /// The keyed hash that stands for an object's id towards partners.
    fn object_id(&self, stage: &Stage) -> [u8; 16];
    /// Opens what was sealed; none when its key is gone.
    fn open(&self, sealed: &Sealed) -> Option<Secret>;
    /// A keyed digest of what is shown, for the record.
    fn digest(&self, shown: &[u8]) -> Digest;
    /// The key that makes object ids.
    fn reference_key(&self) -> &ReferenceKey;
    /// The key of a unit of erasure; none when it is gone.
    fn unit_key(&self, unit: &UnitKey) -> Option<[u8; 32]>;
    /// Opens what was sealed as a canonical message; none when its key is gone.
    fn open_message(&self, sealed: &Sealed) -> Option<Message>;
    /// The domain's signature over a release manifest's pre-authentication encoding.
    fn sign_release(&self, pre_authentication: &[u8]) -> Signature;
}

/// By which labels an observation is judged when it is read at an earlier revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lens {
    /// By those of then: for what was shown once and may have to be taken back.
    Then,
    /// By those of then and those of now: history is shown no wider than what it has become.
    Now,
}

/// What has become of an observation.
enum Later<'a> {
    /// Nothing, or it was withdrawn: what it was stays what it was.
    Same,
    /// It says something else, or to others, until it was withdrawn if it was.
    Changed(&'a Stage),
    /// The time until which it was to be kept has come.
    Expired,
}

/// State as one release class may see it.
///
/// What policy has not decided is not shown, and is kept in mind: whoever reads must have it
/// decided and read anew, or it would be taken for what is not there.
pub struct Egress<'a> {
    state: &'a State,
    known: &'a dyn Known,
    reader: &'a Reader,
    /// What is kept, and what time it is.
    kept: Option<(&'a Contents, Timestamp)>,
    undecided: RefCell<BTreeSet<AreaId>>,
}

impl std::fmt::Debug for Egress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "egress for {}", self.reader.service())
    }
}

impl<'a> Egress<'a> {
    /// Reads for a reader.
    #[must_use]
    pub const fn new(state: &'a State, known: &'a dyn Known, reader: &'a Reader) -> Self {
        Self { state, known, reader, kept: None, undecided: RefCell::new(BTreeSet::new()) }
    }

    /// Takes what is much asked for from what is kept of it, and keeps it there.
    #[must_use]
    pub const fn keeping(mut self, contents: &'a Contents, now: Timestamp) -> Self {
        self.kept = Some((contents, now));
        self
    }

    /// Whose reads these are.
    #[must_use]
    pub const fn reader(&self) -> &Reader {
        self.reader
    }

    /// What is read. Nothing of it leaves but through a projection.
    #[must_use]
    pub const fn state(&self) -> &State {
        self.state
    }

    pub(crate) const fn known(&self) -> &dyn Known {
        self.known
    }

    /// The areas of what was met and policy has not decided; empty: all that was read is whole.
    #[must_use]
    pub fn met_undecided(&self) -> BTreeSet<AreaId> {
        self.undecided.borrow().clone()
    }

    /// What was decided of an observation for a class; none, kept in mind, when nothing was.
    fn grant(&self, class: &ClassId, stage: &Stage) -> Option<&Arc<Grant>> {
        let label = stage.label_class()?;
        let grant = self.state.evidence().grant(self.state.epoch(), class, &label);
        if grant.is_none() {
            self.undecided.borrow_mut().insert(stage.area.clone());
        }
        grant
    }

    /// The classes of labels in an area that policy has not decided for some rights; at most so
    /// many.
    #[must_use]
    pub fn undecided(&self, rights: &Rights, area: &AreaId, max: usize) -> Vec<LabelClass> {
        let class = rights.class();
        let open = |label: &&LabelClass| {
            self.state.evidence().grant(self.state.epoch(), &class, label).is_none()
        };
        let labels = self.state.area(area).into_iter().flat_map(|area| area.labels());
        labels.filter(open).take(max).cloned().collect()
    }

    /// How ids and revisions are masked in an area: its signatories see them as they are.
    #[must_use]
    pub fn masked(&self, area: &AreaId) -> Masked {
        let agreement = self.state.registry().agreement_of(area);
        let signs = agreement.is_some_and(|a| self.reader.parties().iter().any(|p| a.signed_by(p)));
        if signs { Masked::Signatory } else { Masked::Partner }
    }

    /// An observation as a class sees it, its id and version masked for partners.
    fn seen(&self, class: &ClassId, stage: &Stage, masked: Masked, lens: Lens) -> Option<Seen> {
        let grant = self.grant(class, stage)?;
        let seen = match (lens, self.later(stage)) {
            (Lens::Then, _) | (Lens::Now, Later::Same) => filter::seen(self.state, grant, stage)?,
            (Lens::Now, Later::Changed(now)) => {
                filter::seen_by_both(self.state, grant, self.grant(class, now)?, stage)?
            }
            (Lens::Now, Later::Expired) => return None,
        };
        let seen = self.without_note(seen);
        Some(match masked {
            Masked::Signatory => seen,
            Masked::Partner => {
                let id = hex(&self.known.object_id(stage));
                Seen { id, version: None, ..seen }
            }
        })
    }

    /// What has become of an observation since a stage of it.
    fn later(&self, stage: &Stage) -> Later<'a> {
        match self.state.area(&stage.area).map(|area| area.became(stage)) {
            Some((_, Some(What::RetentionEnd))) => Later::Expired,
            Some((Some(now), _)) if now.revision != stage.revision => Later::Changed(now),
            Some((_, _)) | None => Later::Same,
        }
    }

    /// Note and coordinates are sealed as one. Who may have the coordinates and not the note must
    /// not see in the ciphertext that a note changed where there are no coordinates.
    fn without_note(&self, seen: Seen) -> Seen {
        if seen.text_shown {
            return seen;
        }
        let placed = |sealed: &Sealed| self.known.open(sealed)?.coordinates;
        Seen { sealed: seen.sealed.filter(|sealed| placed(sealed).is_some()), ..seen }
    }

    fn registered(&self, category: &samsyn_domain::CategoryId) -> Level {
        self.state.registry().category(category).map_or(Level::District, |c| c.geography)
    }

    fn conflict_roles(&self, area: &AreaId) -> BTreeSet<Role> {
        let agreement = self.state.registry().agreement_of(area);
        agreement.map_or_else(BTreeSet::new, |agreement| agreement.conflict_roles.clone())
    }

    /// All findings of a period as some rights see them at a revision.
    fn findings(&self, rights: &Rights, area: &AreaId, period: Period, at: u64) -> Vec<Finding> {
        let decisions = self.decided(&rights.class(), area, period, at, None);
        self.merged(rights, area, period, at, &decisions, |_| true)
    }

    /// The findings of what held at a moment. What the reader is not shown the time of is left out
    /// whatever the moment, or asking again and again would tell it. What was decided was decided
    /// of the whole period, so nothing of it is shown.
    fn findings_valid_at(
        &self,
        rights: &Rights,
        area: &AreaId,
        period: Period,
        (at, moment): (u64, Timestamp),
    ) -> Vec<Finding> {
        let roles = self.conflict_roles(area);
        let decisions = Decisions { roles, ..Decisions::default() };
        let holds =
            |seen: &Seen| seen.time.is_some_and(|(from, until)| from <= moment && moment < until);
        self.merged(rights, area, period, at, &decisions, holds)
    }

    fn merged(
        &self,
        rights: &Rights,
        area: &AreaId,
        period: Period,
        at: u64,
        decisions: &Decisions<'_>,
        holds: impl Fn(&Seen) -> bool,
    ) -> Vec<Finding> {
        let Some(index) = self.state.area(area) else { return Vec::new() };
        let (class, masked) = (rights.class(), self.masked(area));
        let seen = index.contributions(period, at);
        let seen = seen.filter_map(|stage| self.seen(&class, stage, masked, Lens::Now));
        let seen = seen.filter(holds);
        let merged = merge::merge(period, seen, decisions, |category| self.registered(category));
        merged.into_iter().map(shown_in_part).collect()
    }

    /// One finding as some rights see it at a revision, without what is related.
    fn finding(
        &self,
        rights: &Rights,
        key: &Key,
        period: Period,
        at: (u64, Lens),
        related: Vec<String>,
    ) -> Option<Finding> {
        let (at, lens) = at;
        let area = &key.geography.area;
        let index = self.state.area(area)?;
        let (class, masked) = (rights.class(), self.masked(area));
        let registered = self.registered(&key.category);
        let seen = index
            .contributions_to(key, period, at)
            .filter_map(|stage| self.seen(&class, stage, masked, lens))
            .filter(|seen| merge::key(seen, registered) == *key)
            .collect();
        let decisions = self.decided(&class, area, period, at, Some(key));
        merge::finding(key.clone(), period, seen, &decisions, related).map(shown_in_part)
    }

    /// At which levels a class can see a geography.
    fn levels(&self, rights: &Rights) -> BTreeSet<Level> {
        let registry = self.state.registry();
        let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        let place = |row: &samsyn_domain::registry::ReleaseRow| {
            row.shown.get(&FieldGroup::Place).copied().unwrap_or(Variant::District).level()
        };
        let own = (!rights.parties.is_empty()).then_some(Level::Place);
        rows.map(place).chain(own).collect()
    }

    fn secrets<'f>(&self, findings: impl IntoIterator<Item = &'f Finding>) -> Secrets {
        let mut secrets = Secrets::default();
        for finding in findings {
            for seen in &finding.contributions {
                if let Some((sealed, secret)) = seen.sealed.as_ref().zip(self.secret(seen)) {
                    secrets.keep(sealed, secret);
                }
            }
            let decided = finding.conflicts.iter().filter_map(|c| c.reason.as_ref());
            let dissented = finding.dissents.iter().filter_map(|d| d.reason.as_ref());
            for sealed in decided.chain(dissented) {
                if let Some(secret) = self.known.open(sealed) {
                    secrets.keep(sealed, secret);
                }
            }
        }
        secrets
    }

    /// What an observation says under seal, as far as it is shown.
    fn secret(&self, seen: &Seen) -> Option<Secret> {
        let Secret { note, coordinates } = self.known.open(seen.sealed.as_ref()?)?;
        Some(Secret {
            note: note.filter(|_| seen.text_shown),
            coordinates: coordinates.filter(|_| seen.coordinates_shown),
        })
    }

    fn disclosure(
        &self,
        rights: &Rights,
        object: Object,
        revision: u64,
        rows: usize,
        shown: &[u8],
    ) -> Disclosure {
        let registry = self.state.registry();
        let mut groups = BTreeSet::new();
        let mut rules = BTreeSet::new();
        if !rights.parties.is_empty() {
            groups.extend(FieldGroup::ALL);
            rules.insert("POL-31".to_owned());
        }
        for row in rights.rows.iter().filter_map(|id| registry.release_row(id)) {
            groups.extend(row.shown.keys().copied());
            rules.insert(format!("POL-12/{}", row.id));
        }
        Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: self.reader.organisation().clone(),
            service: self.reader.service().clone(),
            serial: self.reader.serial().to_owned(),
            ground: self.reader.ground().clone(),
            object,
            revision,
            groups,
            rules,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            digest: self.known.digest(shown),
            epoch: self.state.epoch(),
            view: None,
        }
    }

    /// The rights to an area's pictures, when there are any.
    fn rights_in(
        &self,
        area: &AreaId,
        kind: Option<samsyn_domain::PeriodKind>,
        live: bool,
    ) -> Result<Rights, Denial> {
        let registry = self.state.registry();
        if registry.area(area).is_none() {
            return Err(Denial::of(Why::NotFound).at("area"));
        }
        let rights = self.reader.rights(registry, kind, live);
        if Reader::areas(registry, &rights).contains(area) {
            return Ok(rights);
        }
        let agreement = registry.agreement_of(area).filter(|agreement| agreement.home.is_some());
        if agreement.is_some_and(|a| rights.parties.iter().any(|party| a.signed_by(party))) {
            return Err(Denial::of(Why::HomeElsewhere).by("POL-56").at("area"));
        }
        Err(Denial::of(Why::NoReleaseRow).by("POL-12").at("area"))
    }
}

/// A decision or dissent is told only to those who see what it is about: every contribution's
/// assessment; its reason, every contribution's text.
fn shown_in_part(mut finding: Finding) -> Finding {
    if !finding.contributions.iter().all(|seen| seen.assessment.is_some()) {
        finding.dissents.clear();
        finding.conflicts.clear();
        if finding.class == Class::Conflicting {
            finding.class =
                if finding.seen_by.len() > 1 { Class::Corroborated } else { Class::OneSided };
        }
    }
    if !finding.contributions.iter().all(|seen| seen.text_shown) {
        for conflict in &mut finding.conflicts {
            conflict.reason = None;
        }
        for dissent in &mut finding.dissents {
            dissent.reason = None;
        }
    }
    finding
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
