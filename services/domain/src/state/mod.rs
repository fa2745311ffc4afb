//! Everything replicated: an index over rows.

mod area;
mod contributions;
mod delivered_editions;
mod deliveries;
mod evidence;
mod idempotency;
mod links;
mod messages;
mod parts;
mod picture;
mod registry;
mod restored;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use area::{AreaState, Placed, in_full};
pub use contributions::Contributions;
pub use delivered_editions::DeliveredEditions;
pub use deliveries::Deliveries;
pub use evidence::View;
pub use links::Links;
pub(crate) use links::Outbox;
pub use messages::{Kept, Messages};
pub use parts::Parts;
pub use picture::Picture;

use crate::{
    AreaId, EditionId, FeatureLevel, ObservationId, OrganisationId, PartyId, Period, Reason,
    Refusal, ServiceId, Timestamp, UnitKey,
    command::{Actor, Command, Decided, Digest, IdempotencyKey, Moment, Reply, Submission},
    disclosure::ClassId,
    edition::{Edition, Phase},
    merge::{ConflictRef, Finding},
    registry::{Endorser, PartyKind, Proposal, ProposalId, Registry},
    row::{BackedUp, Event, Founded, Restored, Row, Stage, Suspended, Version},
};

/// What an entry came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The answer.
    pub reply: Reply,
    /// The facts it made, in order.
    pub rows: Vec<Row>,
    /// What wakes those who watch.
    pub events: Vec<Event>,
}

/// Everything replicated. Changed by [`State::apply`] and [`State::absorb`] alone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct State {
    founded: Option<Founded>,
    registry: Arc<Registry>,
    registry_digest: Digest,
    policy: Option<Digest>,
    epoch: u64,
    stamp: Timestamp,
    suspended: BTreeMap<ServiceId, Suspended>,
    proposals: BTreeMap<ProposalId, Arc<Proposal>>,
    /// The registries before the one in force, each with the time until which it was.
    past: Vec<(Timestamp, Arc<Registry>)>,
    versions: BTreeMap<(PartyId, AreaId), Vec<Version>>,
    areas: BTreeMap<AreaId, AreaState>,
    editions: BTreeMap<EditionId, Arc<Edition>>,
    evidence: evidence::Evidence,
    outcomes: idempotency::Outcomes,
    parts: Parts,
    backups: Vec<BackedUp>,
    restored: Vec<Restored>,
    messages: Messages,
    links: Links,
    contributions: Contributions,
    deliveries: Deliveries,
    delivered_editions: DeliveredEditions,
    level: FeatureLevel,
}

impl State {
    /// Applies one ordered submission. Pure: the stamp and position are the entry's.
    pub fn apply(&mut self, at: Timestamp, position: u64, submission: &Submission) -> Applied {
        let (reply, mut rows) = match self.decide(at, position, submission) {
            Ok(decided) => (decided.reply, decided.rows),
            Err(refusal) => (Reply::Refused(refusal), Vec::new()),
        };
        rows.push(Row::Stamp(at));
        self.outcomes.record(at, submission, &reply, &mut rows);
        let events = rows.iter().filter_map(Event::of).collect();
        for row in &rows {
            self.absorb(row.clone());
        }
        Applied { reply, rows, events }
    }

    fn decide(
        &self,
        at: Timestamp,
        position: u64,
        submission: &Submission,
    ) -> Result<Decided, Refusal> {
        if let Some(known) = self.outcomes.known(submission, at)? {
            return Ok(Decided::new(known, Vec::new()));
        }
        if submission.epoch != self.epoch || at > submission.valid_until {
            return Err(Refusal::of(Reason::EpochStale).now(self.epoch));
        }
        self.takes(&submission.command, submission.command.level())?;
        let moment = Moment { state: self, at, position, actor: &submission.actor };
        submission.command.decide(moment)
    }

    /// What a command would be refused for if it came now; nothing is done.
    ///
    /// # Errors
    /// The refusal.
    pub fn tried(
        &self,
        at: Timestamp,
        service: &ServiceId,
        organisation: &OrganisationId,
        command: &Command,
    ) -> Result<(), Refusal> {
        let (organisation, service) = (organisation.clone(), service.clone());
        let actor = Actor { organisation, service, role: None, pseudonym: None };
        let moment = Moment { state: self, at, position: 0, actor: &actor };
        command.decide(moment).map(drop)
    }

    /// Takes in one fact.
    pub fn absorb(&mut self, row: Row) {
        match row {
            Row::Founded(founded) => {
                self.registry = Registry::of(&founded.document).into();
                self.registry_digest = self.registry.digest();
                self.founded = Some(founded);
            }
            Row::Policy(digest) => self.policy = Some(digest),
            Row::Epoch(epoch) => self.epoch = epoch,
            Row::Stamp(at) => self.stamp = at,
            Row::Ticked(at) => self.evidence.ticked(at),
            Row::Suspended(row) => {
                Arc::make_mut(&mut self.registry).suspend(&row.service);
                self.registry_digest = self.registry.digest();
                self.suspended.insert(row.service.clone(), row);
            }
            Row::Lifted(service) => drop(self.suspended.remove(&service)),
            Row::Proposal(proposal) => self.proposed(proposal),
            Row::Dropped(id) => drop(self.proposals.remove(&id)),
            Row::Revision(row) => self.area_mut(&row.area.clone()).revised(row),
            Row::Version(row) => {
                let key = (row.party.clone(), row.area.clone());
                self.versions.entry(key).or_default().push(row);
            }
            Row::Stage(row) => self.area_mut(&row.area.clone()).staged(row),
            Row::Part(part) => self.parts.put(part),
            Row::PartGone(upload, number) => self.parts.drop(&upload, number),
            Row::Stated(row) => self.area_mut(&row.statement.conflict.area().clone()).stated(row),
            Row::Dissented(row) => {
                self.area_mut(&row.finding.geography.area.clone()).dissented(row);
            }
            Row::Edition(edition) => {
                self.editions.insert(edition.id.clone(), edition);
            }
            Row::Grant(grant) => self.evidence.granted(grant),
            Row::Disclosure(row) => self.evidence.disclosed(row),
            Row::Step(step) => self.evidence.advanced(step),
            Row::Acknowledged(row) => self.evidence.acknowledge(row),
            Row::Denied(row) => self.evidence.denied(row),
            Row::Outcome(row) => self.outcomes.insert(row),
            Row::Forgotten(service, key) => self.outcomes.forget(&service, key),
            Row::BackedUp(row) => self.backups.push(row),
            Row::Restored(row) => self.restored.push(row),
            Row::Message(message) => self.messages.put(message),
            Row::Inboxed(row) => self.messages.inboxed(&row),
            Row::Receipt(receipt) => self.messages.receipt(receipt),
            Row::Link(link) => self.links.stands(link),
            Row::Queued(queued) => self.links.queue_up(queued),
            Row::Unqueued(peer, number) => self.links.unqueue(&peer, number),
            Row::Numbered(envelope) => self.links.number(envelope),
            Row::Settled(peer, epoch, sequence) => self.links.settle(&peer, epoch, sequence),
            Row::Arrived(row) => self.links.arrive(row),
            Row::Passed(peer, epoch, n) => self.links.forget_arrived(&peer, epoch, n),
            Row::Quarantined(row) => self.links.quarantine(row),
            Row::Unquarantined(peer, epoch, n) => self.links.release(&peer, epoch, n),
            Row::Share(share) => self.contributions.stands(share),
            Row::Shared(of, id, revision) => self.contributions.shared(of, id, revision),
            Row::Unshared(of, id) => self.contributions.unshared(&of, &id),
            Row::Piece(piece) => self.contributions.put_down(piece),
            Row::PieceGone(of, number) => self.contributions.take_up(&of, number),
            Row::Outlet(outlet) => self.deliveries.stands(outlet),
            Row::Received(received) => self.deliveries.came(received),
            Row::ReceivedGone(of) => self.deliveries.went(&of),
            Row::ReceivedFinding(found) => self.deliveries.find(found),
            Row::FindingForgotten(of, key) => self.deliveries.forget(&of, &key),
            Row::StepPiece(piece) => self.deliveries.put_down(piece),
            Row::StepPieceGone(of, number) => self.deliveries.take_up(&of, number),
            Row::LinkedEdition(row) => self.delivered_editions.absorb(row),
            Row::Level(level) => self.level = level,
        }
    }

    fn area_mut(&mut self, area: &AreaId) -> &mut AreaState {
        self.areas.entry(area.clone()).or_default()
    }

    /// The founding of the domain.
    #[must_use]
    pub const fn founded(&self) -> Option<&Founded> {
        self.founded.as_ref()
    }

    /// The feature level: what is applied follows it.
    #[must_use]
    pub const fn level(&self) -> FeatureLevel {
        self.level
    }

    /// Whether a command that needs a level may be ordered at the level of now.
    ///
    /// # Errors
    /// [`Reason::FeatureLevelTooLow`] when it may not.
    pub fn takes(&self, command: &Command, needs: FeatureLevel) -> Result<(), Refusal> {
        if needs <= self.level || command.sets_level() {
            return Ok(());
        }
        Err(Refusal::of(Reason::FeatureLevelTooLow).now(self.level.number().into()))
    }

    /// The registry.
    #[must_use]
    pub const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// The digest of the registry in force.
    #[must_use]
    pub const fn registry_digest(&self) -> &Digest {
        &self.registry_digest
    }

    /// The digest of the policy in force.
    #[must_use]
    pub const fn policy(&self) -> Option<&Digest> {
        self.policy.as_ref()
    }

    /// The epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The consensus time of the last entry.
    #[must_use]
    pub const fn stamp(&self) -> Timestamp {
        self.stamp
    }

    /// A suspension.
    #[must_use]
    pub fn suspension(&self, service: &ServiceId) -> Option<&Suspended> {
        self.suspended.get(service)
    }

    /// The versions of an own picture.
    #[must_use]
    pub fn picture(&self, party: &PartyId, area: &AreaId) -> Picture<'_> {
        let key = (party.clone(), area.clone());
        Picture(self.versions.get(&key).map_or(&[], Vec::as_slice))
    }

    /// What an observation is now.
    #[must_use]
    pub fn current(&self, party: &PartyId, area: &AreaId, id: &ObservationId) -> Option<&Stage> {
        self.areas.get(area)?.current(party, id)
    }

    /// An area's contributions and decisions.
    #[must_use]
    pub fn area(&self, area: &AreaId) -> Option<&AreaState> {
        self.areas.get(area)
    }

    /// An area's revision; 0 before the first.
    #[must_use]
    pub fn revision(&self, area: &AreaId) -> u64 {
        self.areas.get(area).map_or(0, AreaState::revision)
    }

    /// An edition.
    #[must_use]
    pub fn edition(&self, id: &EditionId) -> Option<&Edition> {
        self.editions.get(id).map(Arc::as_ref)
    }

    /// All editions, by id.
    pub fn editions(&self) -> impl Iterator<Item = &Edition> {
        self.editions.values().map(Arc::as_ref)
    }

    /// How many editions have been released.
    #[must_use]
    pub fn released_editions(&self) -> u64 {
        self.editions().filter_map(|e| e.released.as_ref()).map(|r| r.sequence).max().unwrap_or(0)
    }

    /// The kinds of party that have said of an area up to a revision what they have of a whole
    /// period, be it nothing.
    #[must_use]
    pub fn covered_by(&self, area: &AreaId, period: Period, revision: u64) -> BTreeSet<PartyKind> {
        let covered = self.versions.iter().filter(|((_, of), versions)| {
            of == area && Picture(versions.as_slice()).covers(period, revision)
        });
        covered.filter_map(|((party, _), _)| Some(self.registry.party(party)?.kind)).collect()
    }

    /// Whose answers an edition requires.
    #[must_use]
    pub fn required(&self, edition: &Edition) -> Vec<Endorser> {
        let agreement = self.registry_of(edition).agreement_of(&edition.area);
        agreement.map_or_else(Vec::new, |a| a.endorsers(edition.track).to_vec())
    }

    /// Whose answers are missing in the current round.
    #[must_use]
    pub fn waiting_for(&self, edition: &Edition) -> Vec<Endorser> {
        let asked = matches!(edition.phase, Phase::InReview | Phase::Contested);
        let Some(round) = edition.current().filter(|_| asked) else { return Vec::new() };
        let answered =
            |e: &Endorser| round.answers.iter().any(|a| a.party == e.party && a.role == e.role);
        self.required(edition).into_iter().filter(|endorser| !answered(endorser)).collect()
    }

    /// The finding of a conflict as all signatories see it.
    #[must_use]
    pub fn common_finding(&self, at: &ConflictRef, revision: u64) -> Option<Finding> {
        let roles = self.registry.agreement_of(at.area())?.conflict_roles.clone();
        self.areas.get(at.area())?.common_finding(&self.registry, at, revision, roles)
    }

    /// Observations whose embargo has ended by a time and that are still held back.
    pub(crate) fn embargoes_ended(&self, at: Timestamp) -> impl Iterator<Item = &Stage> {
        self.areas.values().flat_map(move |area| area.embargoes_ended(at))
    }

    /// Observations that were to be kept until a time that has come.
    pub(crate) fn retention_ended(&self, at: Timestamp) -> impl Iterator<Item = &Stage> {
        self.areas.values().flat_map(move |area| area.retention_ended(at))
    }

    /// Whether a tick at this time would change anything.
    #[must_use]
    pub fn has_due(&self, now: Timestamp) -> bool {
        self.embargoes_ended(now).next().is_some()
            || self.retention_ended(now).next().is_some()
            || self.overdue_by(now).next().is_some()
            || self.parts.left_behind(now).next().is_some()
            || self.links.expired(now).next().is_some()
            || self.contributions.left_behind(now).next().is_some()
            || self.deliveries.left_behind(now).next().is_some()
            || self.deliveries.ended(now).next().is_some()
            || self.deliveries.orphaned(&self.registry).next().is_some()
            || self.delivered_editions.left_behind(now).next().is_some()
            || self.delivered_editions.given_long_ago(now).next().is_some()
    }

    /// Editions whose due time has passed, whose answers are missing, and that are not marked yet.
    pub(crate) fn overdue_by(&self, now: Timestamp) -> impl Iterator<Item = &Edition> {
        self.editions().filter(move |edition| {
            let waits =
                matches!(edition.phase, Phase::Collecting | Phase::InReview | Phase::Contested);
            waits && !edition.overdue && edition.due <= now
        })
    }

    /// Parts of publications that wait for the publication itself.
    #[must_use]
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Whether a service was answered under a key, whatever it had asked.
    #[must_use]
    pub fn has_answered(&self, service: &ServiceId, key: IdempotencyKey) -> bool {
        self.outcomes.has_answered(service, key)
    }

    /// What a service was answered under a key: the same again is neither judged nor done anew.
    ///
    /// # Errors
    /// When the key stands for another body.
    pub fn answered(
        &self,
        service: &ServiceId,
        key: IdempotencyKey,
        body: &Digest,
    ) -> Result<Option<Reply>, Refusal> {
        self.outcomes.answered(service, key, body)
    }

    /// The units of erasure under whose keys anything is sealed.
    #[must_use]
    pub fn units(&self) -> BTreeSet<&UnitKey> {
        let areas = self.areas.values().flat_map(AreaState::sealed);
        let versions = || self.versions.values().flatten();
        let reasons = versions().filter_map(|row| row.reason.as_ref());
        let salts = versions().filter_map(|row| row.manifest.as_ref()).map(|signed| &signed.salt);
        let parts = self.parts.all().flat_map(|part| &part.upserts);
        let parts = parts.filter_map(|observation| observation.sealed.as_ref());
        let suspended = self.suspended.values().filter_map(|row| row.reason.as_ref());
        let proposed = self.proposals.values().filter_map(|row| row.reason.as_ref());
        let rounds = || self.editions.values().flat_map(|edition| &edition.rounds);
        let messages = self.messages.all().map(|kept| &kept.message.text);
        let secrets = rounds().map(|round| &round.locked.secrets);
        let texts = rounds().flat_map(|round| &round.answers).filter_map(|a| a.text.as_ref());
        let all = areas
            .chain(parts)
            .chain(reasons)
            .chain(salts)
            .chain(suspended)
            .chain(proposed)
            .chain(secrets)
            .chain(texts)
            .chain(messages)
            .chain(self.links.sealed())
            .chain(self.contributions.sealed())
            .chain(self.deliveries.sealed())
            .chain(self.delivered_editions.sealed());
        all.map(|sealed| &sealed.key).collect()
    }

    /// Messages, inboxes, receipts.
    #[must_use]
    pub const fn messages(&self) -> &Messages {
        &self.messages
    }

    /// What goes to other domains and comes from them.
    #[must_use]
    pub const fn links(&self) -> &Links {
        &self.links
    }

    /// Own pictures that cross links.
    #[must_use]
    pub const fn contributions(&self) -> &Contributions {
        &self.contributions
    }

    /// Views of joint pictures that are delivered over links.
    #[must_use]
    pub const fn deliveries(&self) -> &Deliveries {
        &self.deliveries
    }

    /// Editions that cross links, and answers to them.
    #[must_use]
    pub const fn delivered_editions(&self) -> &DeliveredEditions {
        &self.delivered_editions
    }

    /// What is recorded of who received what.
    #[must_use]
    pub const fn evidence(&self) -> &evidence::Evidence {
        &self.evidence
    }

    /// How far a view has come.
    #[must_use]
    pub fn view(&self, class: &ClassId) -> Option<&View> {
        self.evidence.view(class)
    }

    pub(crate) const fn disclosures_recorded(&self) -> u64 {
        self.evidence.recorded()
    }

    /// Up to which revision a service has acknowledged a view.
    #[must_use]
    pub fn acknowledged(&self, class: &ClassId, service: &ServiceId) -> Option<u64> {
        self.evidence.acknowledged(class, service)
    }
}

#[cfg(test)]
mod tests;
