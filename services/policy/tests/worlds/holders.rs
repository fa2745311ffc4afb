//! Whoever was shown something is named as one who may have had it, whatever happened since; and
//! who is said to have confirmed that it is gone has stored a view without it.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use samsyn_domain::{
        ObservationId, PartyId, Period,
        command::{Command, Disclose, Reply},
        disclosure::{Acknowledged, ClassId},
        merge::Finding,
        registry::{
            Applied, Base, Change, Effect, Operation, Proposal, ProposalId, RecordKey, Table,
        },
        row::Row,
    };
    use samsyn_policy::{
        At, Bare, Held, Holder, Known as _, ObservationRef, Projection, Reader, ViewChange,
        ViewEvent, Way,
    };

    use crate::world::{
        BEAT_SECONDS, World,
        act::{Case, PARTIES, cases},
        area,
    };

    const READERS: [&str; 5] = ["kv/reader", "fk/reader", "stad/sdf", "stad/tk", "polis/lpo"];

    fn month() -> Period {
        "2025-10".parse().unwrap()
    }

    /// Contributions, each by its party and the id under which it is shown.
    type Seen = BTreeSet<(PartyId, String)>;

    fn seen<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Seen {
        let all = findings.into_iter().flat_map(|finding| &finding.contributions);
        all.map(|one| (one.party.clone(), one.id.clone())).collect()
    }

    /// A system that reads by calls and follows.
    #[derive(Default)]
    struct System {
        /// All that it was ever shown.
        shown: Seen,
        /// Up to where it has followed which view.
        cursor: Option<(ClassId, u64)>,
        held: BTreeMap<(Period, String), Seen>,
        /// What it held when it last said so.
        stored: Option<Seen>,
    }

    struct Domain {
        world: World,
        systems: BTreeMap<&'static str, System>,
        /// A row of the registry is gone.
        changed: bool,
    }

    /// What is shown, once that is recorded.
    fn recorded<T: Clone>(world: &mut World, projection: Projection<T>) -> T {
        let disclosures = projection.disclosures().to_vec();
        let reply = world.apply(Command::Disclose(Disclose { disclosures, advances: Vec::new() }));
        assert!(matches!(reply, Reply::Recorded { .. }), "{reply:?}");
        World::opened(projection)
    }

    impl Domain {
        fn live(case: &Case) -> Self {
            let systems = READERS.map(|name| (name, System::default())).into();
            let mut domain = Self { world: World::new(&case.rows), systems, changed: false };
            for (beat, number) in case.beats.iter().zip(0_usize..) {
                if let Some(deed) = beat.act.deed(&domain.world) {
                    deed.done_in(&mut domain.world);
                }
                if beat.hidden && number > 2 && !domain.changed {
                    domain.takes_a_row();
                }
                for (name, turn) in READERS.into_iter().zip(number..) {
                    if beat.read || turn.is_multiple_of(3) {
                        domain.reads(name, turn);
                    }
                }
                domain.world.now = domain.world.now.after_seconds(BEAT_SECONDS);
                domain.world.tick_if_due();
            }
            if case.edition {
                domain.reads_an_edition();
            }
            domain
        }

        /// The first release row ends by a change of the registry.
        fn takes_a_row(&mut self) {
            self.changed = true;
            let row = RecordKey { table: Table::ReleaseRows, id: "row-0".to_owned() };
            let world = &mut self.world;
            let (epoch, digest) = (world.state.epoch() + 1, *world.state.registry_digest());
            let applied = Some(Applied { epoch, at: world.now });
            let proposal = Proposal {
                id: ProposalId(epoch),
                change: Change::of(vec![Operation::Remove(row)]).unwrap(),
                base: Base { epoch: epoch - 1, digest },
                replaced: Vec::new(),
                effect: Effect::Tightens,
                needed: 1,
                signed: Vec::new(),
                reason: None,
                applied,
            };
            world.state.absorb(Row::Proposal(proposal.into()));
            world.state.absorb(Row::Epoch(epoch));
            world.looked_anew();
            // A subscription begins anew under other terms.
            self.systems.values_mut().for_each(|system| system.cursor = None);
            self.world.now = self.world.now.after_seconds(1);
        }

        fn reads(&mut self, name: &'static str, turn: usize) {
            let Self { world, systems, .. } = self;
            let Ok(reader) = world.try_reader(name) else { return };
            world.advance(&reader);
            world.decide(&reader);
            let system = systems.get_mut(name).unwrap();
            if turn.is_multiple_of(2) {
                if let Ok(joint) = world.egress(&reader).joint(&area(), month(), At::Newest) {
                    system.shown.extend(seen(&recorded(world, joint).findings));
                }
            } else {
                let reached = world.egress(&reader).view_reached(&area());
                let from = (turn as u64) % reached.max(1);
                let asked = (from, At::Newest);
                if let Ok(compared) = world.egress(&reader).compare(&area(), month(), asked) {
                    let changes = recorded(world, compared).changes;
                    let sides = changes.iter().flat_map(|one| [&one.before, &one.after]);
                    system.shown.extend(seen(sides.flatten()));
                }
            }
            if !turn.is_multiple_of(4) {
                system.follows(world, &reader);
            }
            if turn.is_multiple_of(5) {
                system.stores(world, &reader);
            }
        }

        fn reads_an_edition(&mut self) {
            let Some(id) = self.world.release_edition(month()) else { return };
            for name in READERS {
                let Ok(reader) = self.world.try_reader(name) else { continue };
                self.world.decide(&reader);
                let Ok(edition) = self.world.egress(&reader).edition(&id, 0, 1_000) else {
                    continue;
                };
                let shown = seen(&recorded(&mut self.world, edition).joint.findings);
                self.systems.get_mut(name).unwrap().shown.extend(shown);
            }
        }

        /// Each observation there ever was, with the names under which it is shown.
        fn observations(&self) -> Vec<(ObservationRef, Seen)> {
            let index = self.world.state.area(&area()).unwrap();
            let mut all = Vec::new();
            for party in PARTIES.map(|party| PartyId::parse(party).unwrap()) {
                let ids: BTreeSet<ObservationId> = (0..=index.revision())
                    .flat_map(|at| index.own(&party, at).map(|stage| stage.id.clone()))
                    .collect();
                for observation in ids {
                    let stages = index.stages(&party, &observation).iter();
                    let stages = stages.filter(|stage| stage.observation.is_some());
                    let hashed = stages.map(|stage| self.world.keys.object_id(stage));
                    let names = hashed.map(hex::encode).chain([observation.to_string()]);
                    let names = names.map(|name| (party.clone(), name)).collect();
                    let (party, area) = (party.clone(), area());
                    all.push((ObservationRef { party, area, observation }, names));
                }
            }
            all
        }

        fn holders(&self, of: &ObservationRef) -> Vec<Holder> {
            let reader = self.world.reader("stad/sdf");
            let told = self.world.egress(&reader).holders(true, of, self.world.now).unwrap();
            World::opened(told).holders
        }
    }

    impl System {
        /// Takes what is new of its view: a snapshot first, where it begins anew.
        fn follows(&mut self, world: &mut World, reader: &Reader) {
            let Ok(scope) = world.scope(reader) else { return };
            let class = world.class(reader);
            let view = world.view(reader);
            let reached = view.map_or(0, samsyn_domain::View::revision);
            let cursor = self.cursor.replace((class, reached)).filter(|(of, _)| *of == class);
            let egress = world.egress(reader);
            let bare: Vec<Bare> = match cursor {
                Some((_, from)) => {
                    let steps = view.into_iter().flat_map(|view| view.after(from));
                    steps.flat_map(|step| egress.step(&scope, &step.advance)).collect()
                }
                None => {
                    self.held.clear();
                    let at = view.map_or(0, |view| view.area_at(&area(), reached));
                    egress.snapshot(&scope, &BTreeMap::from([(area(), at)]), reached)
                }
            };
            if bare.is_empty() {
                return;
            }
            let at = world.now;
            let event = |bare: Bare| ViewEvent {
                id: String::new(),
                cursor: String::new(),
                area: bare.area.clone(),
                masked: egress.masked(&bare.area),
                revision: bare.revision,
                at,
                change: bare.change,
            };
            let events = bare.into_iter().map(event).collect();
            let batch = egress.batch(events, reached, String::new()).unwrap();
            for event in recorded(world, batch).events {
                match event.change {
                    ViewChange::Finding(finding) => {
                        let shown = seen([finding.as_ref()]);
                        self.shown.extend(shown.clone());
                        self.held.insert((finding.period, finding.key.id()), shown);
                    }
                    ViewChange::Removed { id, period } => drop(self.held.remove(&(period, id))),
                    ViewChange::SnapshotBegins { .. }
                    | ViewChange::Delivered(_)
                    | ViewChange::DeliveredEdition(_)
                    | ViewChange::SnapshotEnds { .. }
                    | ViewChange::Edition(_) => {}
                }
            }
        }

        /// Says that it has stored what it holds.
        fn stores(&mut self, world: &mut World, reader: &Reader) {
            let Some((class, revision)) = self.cursor else { return };
            let service = reader.service();
            if world.state.acknowledged(&class, service).is_some_and(|before| before >= revision) {
                return;
            }
            let (service, at) = (service.clone(), world.now);
            world.state.absorb(Row::Acknowledged(Acknowledged { class, service, revision, at }));
            self.stored = Some(self.held.values().flatten().cloned().collect());
        }
    }

    fn is_whole(case: &Case) -> Result<(), TestCaseError> {
        let domain = Domain::live(case);
        for (of, names) in domain.observations() {
            let holders = domain.holders(&of);
            for (name, system) in &domain.systems {
                let service = domain.world.state.registry().services();
                let service = service.into_iter().find(|one| one.id.as_str() == *name).unwrap();
                let mut its = holders.iter().filter(|holder| holder.service == service.id);
                if service.parties.contains(&of.party) {
                    prop_assert_eq!(its.next(), None, "{} is the originator", name);
                    continue;
                }
                let was_shown = !system.shown.is_disjoint(&names);
                prop_assert!(!was_shown || its.clone().count() > 0, "{of:?} was shown to {name}");
                let followed = its.find(|holder| holder.way == Way::Followed);
                if let Some(Held::Confirmed(_)) = followed.map(|holder| holder.held) {
                    let stored = system.stored.as_ref();
                    let is_gone = stored.is_some_and(|stored| stored.is_disjoint(&names));
                    prop_assert!(is_gone, "{name} has not confirmed that {of:?} is gone");
                }
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 48, max_shrink_iters: 1_000, failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn whoever_was_shown_something_is_named_and_who_has_confirmed_has_it_no_more(
            case in cases(24)
        ) {
            is_whole(&case)?;
        }
    }
}
