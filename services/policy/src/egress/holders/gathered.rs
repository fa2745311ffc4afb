//! What the records of disclosures, links and views say of one observation.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaState, DomainId, EditionId, LabelClass, OrganisationId, PartyId, Period, PeriodKind,
    ServiceId, State, Timestamp,
    disclosure::{ClassId, Disclosure, Object, ViewPart},
    edition::Edition,
    link::{DeliveryRef, Item, Outlet, PictureRef, Position},
    registry::{Registry, Role},
    row::Stage,
};

use super::{Held, Holder, ObservationRef, Way, addressed::Recipient, followed::Steps};
use crate::{Home, Reader, received::is_of_received};

/// Through whom somebody received.
#[derive(Debug)]
struct Known {
    /// The parties that it speaks for, or may have.
    parties: BTreeSet<PartyId>,
    /// It is the link with a domain.
    peer: Option<DomainId>,
    /// It speaks for the observation's party.
    is_originator: bool,
}

/// One who may have had it: through which service, on which way, in which edition.
type Key<'a> = (&'a OrganisationId, &'a ServiceId, Way, Option<&'a EditionId>);

/// What one of them was given.
#[derive(Debug)]
struct Found<'a> {
    first: Timestamp,
    last: Timestamp,
    /// When it was last given something that stood where the observation was there.
    stood: Option<Timestamp>,
    /// By which classes of views, each with a record of it.
    classes: BTreeMap<ClassId, &'a Disclosure>,
}

/// All who may have had an observation.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    state: &'a State,
    index: &'a AreaState,
    of: &'a ObservationRef,
    stages: &'a [Stage],
    known: BTreeMap<(&'a OrganisationId, &'a ServiceId), Known>,
    /// How far a service had come in a view, by the records before.
    reached: BTreeMap<(&'a ServiceId, ClassId), u64>,
    views: BTreeMap<ClassId, Steps<'a>>,
    found: BTreeMap<Key<'a>, Found<'a>>,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(state: &'a State, index: &'a AreaState, of: &'a ObservationRef) -> Self {
        let stages = index.stages(&of.party, &of.observation);
        let (known, reached, views, found) = Default::default();
        Self { state, index, of, stages, known, reached, views, found }
    }

    /// Takes in a record, in the order in which they were made.
    pub(super) fn take(&mut self, record: &'a Disclosure) {
        if record.object.area() != Some(self.of.area.as_str()) {
            return;
        }
        let known = self.look_up(record);
        let (is_originator, is_link) = (known.is_originator, known.peer.is_some());
        let Some((way, edition)) = self.way(record, is_link) else { return };
        // What a service had before, its first record in the view tells: it may be of all steps.
        let before = record.view.map_or(0, |ViewPart { class, revision }| {
            let before = self.reached.insert((&record.service, class), revision);
            before.map_or(0, |before| before.min(revision.saturating_sub(1)))
        });
        if is_originator {
            return;
        }
        let Some(stands) = self.shows(record, way, before) else { return };
        let key = (&record.receiver, &record.service, way, edition);
        let found = self.found.entry(key).or_insert_with(|| Found {
            first: record.at,
            last: record.at,
            stood: None,
            classes: BTreeMap::new(),
        });
        found.last = record.at;
        found.stood = if stands { Some(record.at) } else { found.stood };
        if let Some(part) = record.view {
            found.classes.entry(part.class).or_insert(record);
        }
    }

    /// On which way a record may have shown it, and in which edition; none: on none.
    fn way(&self, record: &'a Disclosure, is_link: bool) -> Option<(Way, Option<&'a EditionId>)> {
        match &record.object {
            Object::Picture(party, _) if *party != self.of.party => None,
            Object::Picture(..) if is_link => Some((Way::Contribution, None)),
            Object::Joint(..) | Object::View(_) | Object::Edition(_) | Object::Review(_)
                if is_of_received(record) =>
            {
                Some((Way::Returned, None))
            }
            Object::View(_) if record.view.is_some() && is_link => Some((Way::Delivery, None)),
            Object::View(_) if record.view.is_some() => Some((Way::Followed, None)),
            Object::Picture(..) | Object::Joint(..) | Object::View(_) => Some((Way::Call, None)),
            Object::Edition(id) | Object::Review(id) => Some((Way::Edition, Some(id))),
            Object::Revisions(_)
            | Object::Editions(_)
            | Object::Duties
            | Object::Disclosures
            | Object::Meetings
            | Object::Message(_)
            | Object::Inbox(_) => None,
        }
    }

    /// Through whom a record was given.
    fn look_up(&mut self, record: &'a Disclosure) -> &Known {
        let Self { state, of, known, .. } = self;
        known.entry((&record.receiver, &record.service)).or_insert_with(|| {
            let registry = state.registry();
            let service = registry.service(&record.service);
            let is_originator = service.is_some_and(|one| one.parties.contains(&of.party));
            let spoken_for = state.spoken_for(&record.service);
            let link = record.service.as_str().strip_suffix("/link");
            let peer = link.filter(|_| spoken_for.is_none()).map(DomainId::parse);
            let its = registry.parties().filter(|party| party.organisation == record.receiver);
            let parties = spoken_for.unwrap_or_else(|| its.map(|party| party.id.clone()).collect());
            Known { parties, peer: peer.and_then(Result::ok), is_originator }
        })
    }

    fn known(&self, receiver: &'a OrganisationId, service: &'a ServiceId) -> Option<&Known> {
        self.known.get(&(receiver, service))
    }

    /// Whether a record may have shown it: true where it was there at the moment of which what was
    /// given is; false where it may have been on the way there; none where it cannot have.
    fn shows(&mut self, record: &'a Disclosure, way: Way, before: u64) -> Option<bool> {
        let registry = self.state.registry_at(record.at);
        let there = self.stage(record.revision);
        match way {
            Way::Call | Way::Edition => {
                let is_there = there.is_some_and(|stage| self.called(record, registry, stage));
                is_there.then_some(true)
            }
            Way::Contribution => {
                let known = self.known(&record.receiver, &record.service)?;
                let peer = known.peer.as_ref()?;
                let label = there?.label_class()?;
                goes(registry, peer, &label).then_some(true)
            }
            Way::Returned => {
                // Which revision here it is of is not known: it may be there once it has left.
                let has_left = self.found.keys().any(|(_, _, way, _)| *way == Way::Contribution);
                let at = self.index.revision_at(record.at);
                has_left.then(|| self.stage(at).is_some())
            }
            Way::Followed | Way::Delivery => {
                let part = record.view?;
                self.look(part.class);
                let recipient = self.recipient(record)?;
                let steps = self.views.get(&part.class)?;
                let shown = |stage: Option<&Stage>| {
                    let upto = record.revision;
                    stage.is_some_and(|one| self.shown(&recipient, registry, one, (upto, true)))
                };
                let stands = steps.standing(part.revision).is_some_and(|step| shown(step.stage));
                let mut passed = steps.within(before, part.revision).iter();
                (stands || passed.any(|step| shown(step.stage))).then_some(stands)
            }
        }
    }

    /// What it was at a revision, where it was there.
    fn stage(&self, revision: u64) -> Option<&'a Stage> {
        let stage = self.index.at(&self.of.party, &self.of.observation, revision);
        stage.filter(|stage| stage.observation.is_some())
    }

    fn look(&mut self, class: ClassId) {
        let Self { state, index, of, views, .. } = self;
        views.entry(class).or_insert_with(|| {
            state.view(&class).map_or_else(Steps::default, |view| Steps::of(view, index, of))
        });
    }

    fn recipient(&self, record: &'a Disclosure) -> Option<Recipient<'_>> {
        let known = self.known(&record.receiver, &record.service)?;
        Some(Recipient::of(record, &known.parties, known.peer.as_ref()))
    }

    /// Whether a call may have shown a stage: of that period, and to who called.
    fn called(&self, record: &'a Disclosure, registry: &Registry, stage: &Stage) -> bool {
        let Some(recipient) = self.recipient(record) else { return false };
        let upto = record.revision;
        match &record.object {
            // Whoever read an own picture spoke for its party.
            Object::Picture(..) => true,
            Object::Joint(_, period) => {
                is_within(stage, *period) && self.shown(&recipient, registry, stage, (upto, true))
            }
            Object::View(_) => self.shown(&recipient, registry, stage, (upto, true)),
            Object::Edition(id) | Object::Review(id) => {
                let edition = self.state.edition(id);
                edition.is_some_and(|edition| is_within(stage, edition.period))
                    && self.shown(&recipient, registry, stage, (upto, false))
            }
            Object::Revisions(_)
            | Object::Editions(_)
            | Object::Duties
            | Object::Disclosures
            | Object::Meetings
            | Object::Message(_)
            | Object::Inbox(_) => false,
        }
    }

    /// Whether a stage may have been shown to somebody who read up to a revision: by its labels of
    /// then and by those that it had by then.
    fn shown(
        &self,
        recipient: &Recipient<'_>,
        registry: &Registry,
        stage: &Stage,
        (upto, live): (u64, bool),
    ) -> bool {
        let later = self.stages.iter().skip_while(|one| one.revision < stage.revision);
        let later = later.take_while(|one| one.observation.is_some() && one.revision <= upto);
        let has = |stage: &Stage| {
            let label = stage.label_class();
            label.is_some_and(|label| recipient.may_see(registry, &label, live))
        };
        has_period(stage) && has(stage) && later.last().is_none_or(has)
    }

    /// All who may have had it, each with what has become of that.
    pub(super) fn holders(&self, now: Timestamp) -> Vec<Holder> {
        let holder = |(key, found): (&Key<'a>, &Found<'a>)| {
            let (receiver, service, way, edition) = *key;
            Holder {
                held: self.held(key, found, now),
                receiver: receiver.clone(),
                service: service.clone(),
                peer: self.known(receiver, service).and_then(|known| known.peer.clone()),
                way,
                edition: edition.cloned(),
                first_at: found.first,
                last_at: found.last,
                in_passing: found.stood.is_none(),
            }
        };
        self.found.iter().map(holder).collect()
    }

    fn held(&self, key: &Key<'a>, found: &Found<'a>, now: Timestamp) -> Held {
        let (receiver, service, way, edition) = *key;
        let peer = self.known(receiver, service).and_then(|known| known.peer.as_ref());
        let is = |has: bool| if has { Held::Has } else { Held::Unconfirmed };
        match (way, peer) {
            (Way::Call, _) => is(self.reads_now(receiver, service, now)),
            (Way::Followed, _) if self.reads_now(receiver, service, now) => Held::Has,
            (Way::Followed, _) => self.acknowledged(service, found),
            (Way::Edition, Some(peer)) if self.has_none(peer, edition) => {
                let went = |item: &Item| match item {
                    Item::Edition { edition: of, .. } => Some(of) == edition,
                    Item::View { part, .. } => part.is_none(),
                    Item::Message { .. }
                    | Item::Receipt { .. }
                    | Item::Contribution { .. }
                    | Item::Answer { .. }
                    | Item::EditionAnswer { .. }
                    | Item::EditionAnswered { .. } => false,
                };
                self.word(peer, went)
            }
            (Way::Edition, _) => {
                let edition = edition.and_then(|id| self.state.edition(id));
                is(edition.is_some_and(|edition| self.is_in(edition)))
            }
            (Way::Returned, _) => {
                let contributions = self.state.contributions();
                let mut shares = contributions.shares().map(|share| &share.of);
                let is_there = self.label().is_some();
                is(is_there && shares.any(|of| self.is_of(of) && self.may_have(of)))
            }
            (Way::Delivery, Some(peer)) => self.delivered(peer, key, found, now),
            (Way::Contribution, Some(peer)) => self.contributed(peer),
            (Way::Delivery | Way::Contribution, None) => Held::Unconfirmed,
        }
    }

    /// The labels that it has now; none when it is not there any more.
    fn label(&self) -> Option<LabelClass> {
        self.stages.last()?.label_class()
    }

    fn is_of(&self, of: &PictureRef) -> bool {
        of.party == self.of.party && of.area == self.of.area
    }

    fn may_have(&self, of: &PictureRef) -> bool {
        self.state.contributions().may_have(of, &self.of.observation)
    }

    /// Whether a service may see it now.
    fn reads_now(&self, receiver: &OrganisationId, service: &ServiceId, now: Timestamp) -> bool {
        let registry = self.state.registry();
        let service = registry.service(service).filter(|service| !service.suspended);
        let Some((service, label)) = service.zip(self.label()) else { return false };
        let rows = Reader::rows_in_force(registry, receiver, now);
        let rows = rows.filter(|_| service.roles.contains(&Role::Reader));
        let recipient = Recipient {
            organisation: receiver,
            parties: service.parties.clone(),
            rows: rows.map(|row| row.id.clone()).collect(),
            peer: None,
        };
        recipient.may_see(registry, &label, true)
    }

    /// Whether a receiver has stored each view that showed it as it was once that had gone.
    fn acknowledged(&self, service: &ServiceId, found: &Found<'a>) -> Held {
        let since = found.stood.unwrap_or(found.last);
        let stored = found.classes.iter().map(|(class, record)| {
            let recipient = self.recipient(record)?;
            let gone_from = self.views.get(class)?.gone_from(|step| {
                let registry = self.state.registry_at(step.at);
                step.stage.is_some_and(|stage| {
                    self.shown(&recipient, registry, stage, (stage.revision, true))
                })
            });
            let evidence = self.state.evidence();
            evidence.acknowledged_since(class, service, (gone_from?, since))
        });
        let stored: Option<Vec<Timestamp>> = stored.collect();
        let last = stored.and_then(|all| all.into_iter().max());
        last.map_or(Held::Unconfirmed, Held::Confirmed)
    }

    /// Whether an edition shows it, as it is locked now.
    fn is_in(&self, edition: &Edition) -> bool {
        let stage = edition.current().and_then(|round| self.stage(round.locked.revision));
        stage.is_some_and(|stage| is_within(stage, edition.period) && !stage.embargoed)
    }

    /// What the peer of a delivery has.
    fn delivered(
        &self,
        peer: &DomainId,
        (receiver, service, ..): &Key<'a>,
        found: &Found<'a>,
        now: Timestamp,
    ) -> Held {
        let (registry, deliveries) = (self.state.registry(), self.state.deliveries());
        let orgnr = registry.organisation(receiver).map(|one| one.orgnr.as_str());
        let is_its = |outlet: &&Outlet| {
            outlet.receiver.as_ref().is_some_and(|receiver| {
                receiver.areas.contains(&self.of.area)
                    && orgnr.is_none_or(|orgnr| *receiver.orgnr == *orgnr)
            })
        };
        let outlets = || deliveries.outlets(peer).map(AsRef::as_ref).filter(is_its);
        let open = || outlets().filter(|outlet| outlet.is_held());
        if open().any(|outlet| self.delivers_now(&outlet.of, now)) {
            return Held::Has;
        }
        // What has begun anew, or ended, is there until the other side has taken that in.
        let begins = open().any(|outlet| outlet.cursor.is_empty());
        let turns = |item: &Item| match item {
            Item::View { delivery, part: None } => outlets().any(|one| one.of.id == *delivery),
            Item::View { part: Some(_), .. }
            | Item::Message { .. }
            | Item::Receipt { .. }
            | Item::Contribution { .. }
            | Item::Answer { .. }
            | Item::Edition { .. }
            | Item::EditionAnswer { .. }
            | Item::EditionAnswered { .. } => false,
        };
        match self.word(peer, turns) {
            Held::Confirmed(_) if begins => Held::Unconfirmed,
            Held::Confirmed(_) if open().next().is_some() => self.acknowledged(service, found),
            held @ (Held::Has | Held::Unconfirmed | Held::Confirmed(_)) => held,
        }
    }

    /// The latest word of a peer, once it has taken in all that went of a kind: not while the link
    /// stands still for what one side has forgotten.
    fn word(&self, peer: &DomainId, went: impl Fn(&Item) -> bool) -> Held {
        let link = self.state.links().link(peer);
        let after = self.state.links().numbered_after(peer, link.out.epoch, link.acknowledged);
        if link.frozen.is_some() || after.into_iter().any(|numbered| went(&numbered.item)) {
            return Held::Unconfirmed;
        }
        let word = link.word.as_ref().and_then(|word| Position::decode(&word.payload).ok());
        word.map_or(Held::Unconfirmed, |word| Held::Confirmed(word.at))
    }

    /// Whether a peer is to have no view of an edition.
    fn has_none(&self, peer: &DomainId, edition: Option<&EditionId>) -> bool {
        let deliveries = self.state.deliveries().outlets(peer);
        let editions = self.state.delivered_editions();
        let mut has = deliveries.flat_map(|outlet| editions.outlets(&outlet.of));
        !has.any(|outlet| Some(&outlet.of.edition) == edition)
    }

    /// Whether a delivery may show it now.
    fn delivers_now(&self, of: &DeliveryRef, now: Timestamp) -> bool {
        let registry = self.state.registry();
        let Some((reader, label)) = Reader::delivered(self.state, now, of).ok().zip(self.label())
        else {
            return false;
        };
        let rights = reader.rights(registry, None, true);
        let recipient = Recipient {
            organisation: &rights.organisation,
            parties: rights.parties,
            rows: rights.rows,
            peer: Some(&of.peer),
        };
        recipient.may_see(registry, &label, true)
    }

    /// What the home of the area has said of a contribution.
    fn contributed(&self, peer: &DomainId) -> Held {
        let ObservationRef { party, area, .. } = self.of.clone();
        let of = PictureRef { peer: peer.clone(), party, area };
        let share = self.state.contributions().share(&of);
        if self.may_have(&of) {
            let goes = self.label().is_some_and(|label| goes(self.state.registry(), peer, &label));
            return if goes { Held::Has } else { Held::Unconfirmed };
        }
        let told = share.told.filter(|told| told.refused.is_none() && !share.anew);
        told.map_or(Held::Unconfirmed, |told| Held::Confirmed(told.at))
    }
}

/// Whether what has these labels may go to a peer as a contribution.
fn goes(registry: &Registry, peer: &DomainId, label: &LabelClass) -> bool {
    let peer = registry.peer(peer);
    peer.is_some_and(|peer| Home::of(registry, peer).may_have(registry, label))
}

fn is_within(stage: &Stage, period: Period) -> bool {
    let observation = stage.observation.as_ref();
    observation.is_some_and(|one| one.content.is_within(period.bounds()))
}

/// Whether it lies within one period of some kind: else it is in no picture.
fn has_period(stage: &Stage) -> bool {
    let Some(observation) = &stage.observation else { return false };
    let starts = observation.content.starts_at;
    let mut periods = PeriodKind::ALL.into_iter().filter_map(|kind| Period::holding(kind, starts));
    periods.any(|period| is_within(stage, period))
}
