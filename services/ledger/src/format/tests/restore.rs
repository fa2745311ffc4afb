//! A state restored from the store, in the order of its keys, is the live state.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use samsyn_domain::{
    Audience, FeatureLevel, Observation, ObservationId, PartyId, Severity, State, Timestamp,
    command::{
        Acknowledge, AddPart, AdoptPolicy, AnswerEdition, ApproveChange, Command, Denials,
        Disclose, Found, Grants, LockEdition, OpenEdition, ProposeChange, Publish, RecordDissent,
        ReleaseEdition, Reply, ResolveConflict, Submission, SuspendService, Tick, WithdrawChange,
    },
    disclosure::{Change, Grant, Object},
    edition::{Answer, Phase, Verdict},
    merge::{Field, Outcome},
    registry::{Base, Record, Role, Signed, Track},
};

use super::{
    changes,
    examples::{self, NOW},
    parts,
};
use crate::format::{RowWrite, read_row, write_of};

/// A state with the store that follows it.
struct World {
    live: State,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    tables: BTreeSet<u8>,
    deleted: usize,
    now: Timestamp,
    position: u64,
}

impl World {
    fn founded() -> Self {
        let mut world = Self {
            live: State::default(),
            store: BTreeMap::new(),
            tables: BTreeSet::new(),
            deleted: 0,
            now: NOW,
            position: 0,
        };
        let document = examples::document().into();
        let found = Found {
            domain: "d".into(),
            document,
            key_file: [1; 32],
            policy: [2; 32],
            level: FeatureLevel::FIRST,
        };
        assert_eq!(world.apply(Command::Found(found.into())), Reply::Epoch { epoch: 1 });
        world
    }

    fn apply(&mut self, command: Command) -> Reply {
        self.position += 1;
        self.now = self.now.after_micros(1);
        let tail = u8::try_from(self.position % 256).unwrap();
        let submission = Submission {
            key: Some((examples::key_made(self.now, tail), [tail; 32])),
            epoch: self.live.epoch(),
            valid_until: self.now,
            ..examples::submission(command, true)
        };
        let applied = self.live.apply(self.now, self.position, &submission);
        for row in &applied.rows {
            match write_of(row) {
                RowWrite::Put { key, value } => {
                    self.tables.insert(key[0]);
                    self.store.insert(key, value);
                }
                RowWrite::Delete { key } => {
                    self.deleted += 1;
                    self.store.remove(&key).unwrap();
                }
            }
        }
        applied.reply
    }

    fn wait(&mut self, seconds: i64) {
        self.now = self.now.after_seconds(seconds);
    }

    fn restored(&self) -> State {
        let mut state = State::default();
        for value in self.store.values() {
            state.absorb(read_row(value).unwrap());
        }
        state
    }

    fn publish(&mut self, party: &str, upserts: Vec<Observation>, withdrawn: &[&str]) -> Reply {
        let (party, area) = (PartyId::parse(party).unwrap(), examples::area());
        let base_version = self.live.picture(&party, &area).version();
        let withdrawn = withdrawn.iter().map(|id| ObservationId::parse(id).unwrap()).collect();
        let reason = Some(examples::sealed());
        let covers = None;
        let publish = Publish {
            party,
            area,
            base_version,
            upserts,
            withdrawn,
            reason,
            covers,
            manifest: None,
            parts: None,
        };
        self.apply(Command::Publish(publish))
    }

    /// Puts a part down; nothing names it.
    fn put_down(&mut self, number: u32) -> Reply {
        let upserts = vec![observation("9", 1, None)];
        let upload = parts::upload();
        self.apply(Command::AddPart(AddPart { upload, body: [1; 32], number, upserts }))
    }

    fn resolve(&mut self, role: Role, severity: u32) -> Reply {
        self.apply(Command::ResolveConflict(ResolveConflict {
            conflict: examples::conflict(Field::Severity),
            revision: self.live.revision(&examples::area()),
            party: examples::party(),
            role,
            outcome: Outcome::Severity(Severity::of(severity).unwrap()),
            reason: None,
        }))
    }

    fn dissent(&mut self) -> Reply {
        self.apply(Command::RecordDissent(RecordDissent {
            finding: examples::conflict(Field::Severity).key,
            period: examples::october(),
            field: Field::Severity,
            party: examples::party(),
            reason: None,
        }))
    }

    fn open_edition(&mut self) -> Reply {
        self.apply(Command::OpenEdition(OpenEdition {
            area: examples::area(),
            period: examples::october(),
            track: Track::Operative,
            due: self.now.after_seconds(60),
            party: examples::party(),
        }))
    }

    /// One step further with the edition that is under way.
    fn advance_edition(&mut self, verdict: Verdict) -> Reply {
        let under_way =
            |phase| !matches!(phase, Phase::Released | Phase::Superseded | Phase::Recalled);
        let Some(edition) = self.live.editions().find(|e| under_way(e.phase)).cloned() else {
            return self.open_edition();
        };
        let (edition_id, party) = (edition.id.clone(), examples::party());
        let root = [3; 32];
        let answered = edition.current().map_or(0, |round| round.answers.len());
        self.apply(match (edition.phase, ["sdf", "lpo"].get(answered)) {
            (Phase::Endorsed, _) => {
                Command::ReleaseEdition(ReleaseEdition { edition: edition_id, root, party })
            }
            (Phase::InReview | Phase::Contested, Some(by)) => {
                let answer = examples::answer(by, true);
                let answer = Answer { verdict, ..answer };
                let round = edition.round();
                Command::AnswerEdition(
                    AnswerEdition { edition: edition_id, round, root, answer }.into(),
                )
            }
            _ => {
                let locked = examples::locked(self.live.revision(&examples::area()));
                let descriptor = [5; 32];
                Command::LockEdition(
                    LockEdition { edition: edition_id, party, locked, descriptor }.into(),
                )
            }
        })
    }

    fn disclose(&mut self, class: u8, change: Change) -> Reply {
        let revision = self.live.view(&examples::class(class)).map_or(1, |v| v.revision() + 1);
        let objects = [Object::View(examples::area()), Object::Duties];
        let disclosures = objects.map(|object| examples::disclosure(object, false)).into();
        let advances = vec![examples::advance(class, revision, change)];
        self.apply(Command::Disclose(Disclose { disclosures, advances }))
    }

    fn grants(&mut self, class: u8) -> Reply {
        let epoch = self.live.epoch();
        let grants = [true, false].map(|full| Grant { epoch, ..examples::grant(full, class) });
        self.apply(Command::Grants(Grants { grants: grants.into() }))
    }

    fn acknowledge(&mut self, class: u8, revision: u64) -> Reply {
        self.apply(Command::Acknowledge(Acknowledge { class: examples::class(class), revision }))
    }

    fn denials(&mut self) -> Reply {
        let denials = ["", "r\0", "r\u{1}", "r1"].map(examples::denied).into();
        self.apply(Command::Denials(Denials { denials }))
    }

    fn suspend(&mut self, id: &str) -> Reply {
        let service = examples::service(id);
        self.apply(Command::SuspendService(SuspendService { service, reason: None }))
    }

    /// A proposal by the city: of one registrar's effect or of two.
    fn propose(&mut self, record: Record) -> Reply {
        let digest = *self.live.registry_digest();
        self.apply(Command::ProposeChange(
            ProposeChange {
                change: changes::put(record),
                base: Base { epoch: self.live.epoch(), digest },
                signed: changes::signed(Timestamp::ZERO),
                reason: Some(examples::sealed()),
            }
            .into(),
        ))
    }

    /// The police approve what waits the longest.
    fn approve(&mut self) -> Reply {
        let waiting = self.live.proposals().find(|proposal| proposal.applied.is_none());
        let Some(proposal) = waiting.map(|proposal| proposal.id) else { return Reply::Done };
        let signed = changes::signed(Timestamp::ZERO);
        let signed = Signed { organisation: examples::police(), ..signed };
        self.apply(Command::ApproveChange(ApproveChange { proposal, signed }.into()))
    }

    fn withdraw(&mut self) -> Reply {
        let waiting = self.live.proposals().find(|proposal| proposal.applied.is_none());
        let Some(proposal) = waiting.map(|proposal| proposal.id) else { return Reply::Done };
        self.apply(Command::WithdrawChange(WithdrawChange { proposal }))
    }

    /// The city's service, suspended or not.
    fn city_service(&self, suspended: bool) -> Record {
        let id = examples::service("stad/sdf");
        let mut service = self.live.registry().service(&id).unwrap().clone();
        service.suspended = suspended;
        Record::Services(service)
    }
}

fn observation(id: &str, severity: u32, embargo: Option<Timestamp>) -> Observation {
    let mut observation = examples::observation(false);
    let mut labels = examples::labels(false);
    labels.audience = BTreeSet::from([Audience::parse(Audience::SIGNATORIES).unwrap()]);
    labels.embargo_until = embargo;
    observation.id = ObservationId::parse(id).unwrap();
    observation.content.severity = Severity::of(severity);
    observation.content.labels = labels.into();
    observation
}

fn area_change(to: u64) -> Change {
    Change::Area { area: examples::area(), from: 0, to }
}

#[test]
fn a_restored_state_is_the_live_one_with_rows_of_every_kind() {
    let mut world = World::founded();
    let embargo = Some(NOW.after_seconds(50));
    world.publish("sdf", vec![observation("1", 1, None), observation("2", 2, embargo)], &[]);
    world.publish("lpo", vec![observation("1", 5, None)], &[]);
    assert_eq!(world.resolve(Role::Coordinator, 3), Reply::Revised { revision: 3 });
    assert_eq!(world.resolve(Role::Kommunpolis, 3), Reply::Revised { revision: 4 });
    assert_eq!(world.dissent(), Reply::Revised { revision: 5 });
    world.publish("sdf", vec![], &["1"]);
    for _ in 0..2 {
        world.open_edition();
        for _ in 0..3 {
            world.advance_edition(Verdict::Endorsed);
        }
        assert!(matches!(world.advance_edition(Verdict::Endorsed), Reply::Edition { .. }));
    }
    world.open_edition();
    assert_eq!(world.live.released_editions(), 2);
    world.wait(100);
    world.apply(Command::Tick(Tick));
    assert_eq!(world.live.revision(&examples::area()), 7);
    world.grants(1);
    world.apply(Command::AdoptPolicy(AdoptPolicy { policy: [9; 32] }));
    world.grants(1);
    for number in 1..4 {
        world.disclose(1, area_change(number));
        world.disclose(2, Change::Edition(examples::edition_id()));
        world.acknowledge(1, number);
        world.denials();
    }
    world.put_down(0);
    world.put_down(1);
    world.suspend("stad/sdf");
    assert!(matches!(world.propose(changes::group(&["polis"])), Reply::Proposed { .. }));
    world.propose(changes::group(&["polis", "stad"]));
    assert_eq!(world.withdraw(), Reply::Done);
    let lifted = world.city_service(false);
    world.propose(lifted);
    assert!(matches!(world.approve(), Reply::Proposed { epoch: Some(_), .. }));
    world.suspend("stad/sdf");
    let narrowed = world.city_service(true);
    assert!(matches!(world.propose(narrowed), Reply::Refused(_)), "nothing changes");
    world.propose(changes::group(&["polis", "stad"]));
    assert!(matches!(world.approve(), Reply::Proposed { epoch: Some(_), .. }));
    world.wait(2 * 24 * 3_600);
    world.apply(Command::Tick(Tick));
    for command in super::backups::commands().into_iter().chain(super::levels::commands()) {
        world.apply(command);
    }
    assert_eq!((world.tables.len(), world.deleted), (23, 20), "{:?}", world.tables);
    assert_eq!(world.restored(), world.live);
}

/// The order in which one entry touched observations is not kept, and nobody can tell.
#[test]
fn an_unordered_publication_reads_the_same_after_a_restore() {
    let mut world = World::founded();
    let both = vec![observation("2", 1, None), observation("1", 1, None)];
    world.publish("sdf", both, &[]);
    world.publish("sdf", vec![observation("2", 3, None)], &["1"]);
    let (area, party) = (examples::area(), examples::party());
    let restored = world.restored();
    let (live, restored) = (world.live.area(&area).unwrap(), restored.area(&area).unwrap());
    for (from, to) in [(0, 1), (1, 2), (0, 2)] {
        assert_eq!(restored.changed(from, to), live.changed(from, to));
        assert!(restored.own(&party, to).eq(live.own(&party, to)));
        let october = examples::october();
        assert!(restored.contributions(october, to).eq(live.contributions(october, to)));
    }
}

proptest! {
    #[test]
    fn a_restored_state_is_the_live_one(
        steps in prop::collection::vec((0..16_u8, 0..8_u8, 1..6_u8), 1..60)
    ) {
        let mut world = World::founded();
        for (step, mask, number) in steps {
            take(&mut world, step, mask, number);
        }
        prop_assert_eq!(world.restored(), world.live);
    }
}

/// One step: what, which of three, and how much.
fn take(world: &mut World, step: u8, mask: u8, number: u8) {
    let party = if number.is_multiple_of(2) { "sdf" } else { "lpo" };
    let chosen: Vec<&str> = ["1", "2", "3"]
        .into_iter()
        .enumerate()
        .filter(|(i, _)| mask >> i & 1 == 1)
        .map(|(_, id)| id)
        .collect();
    match step {
        0 | 1 => {
            let embargo = (step == 1).then_some(NOW.after_seconds(3_600));
            let upserts = chosen.iter().map(|id| observation(id, number.into(), embargo));
            world.publish(party, upserts.collect(), &[]);
        }
        2 => {
            world.publish(party, vec![], &chosen);
        }
        3 => {
            let role = if mask > 3 { Role::Coordinator } else { Role::Kommunpolis };
            world.resolve(role, number.into());
        }
        4 => {
            world.dissent();
        }
        5 => {
            let verdict = if mask == 0 { Verdict::Objected } else { Verdict::Endorsed };
            world.advance_edition(verdict);
        }
        6 => {
            world.disclose(number, area_change(mask.into()));
        }
        7 => {
            world.grants(number);
        }
        8 => {
            world.acknowledge(number, mask.into());
        }
        9 => {
            world.denials();
        }
        11 => {
            let members = [&["polis"][..], &["stad"], &["polis", "stad"]];
            world.propose(changes::group(members[usize::from(number) % 3]));
        }
        12 => {
            let service = world.city_service(mask > 3);
            world.propose(service);
        }
        13 if mask < 6 => {
            world.approve();
        }
        13 => {
            world.withdraw();
        }
        14 => {
            world.put_down(mask.into());
        }
        10 => {
            world.suspend(["stad/sdf", "polis/lpo", "stad/unknown"][usize::from(number) % 3]);
        }
        _ => {
            world.wait(i64::from(mask) * i64::from(number) * 1_000);
            world.apply(Command::Tick(Tick));
        }
    }
}
