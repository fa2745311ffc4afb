//! Every transition of an edition (utgåva): the legal ones as specified, every other refused with
//! its reason. The table is a golden file; `UPDATE=1 cargo test -p samsyn-domain --test editions`.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

    use samsyn_domain::{
        AreaId, Audience, Basis, CategoryId, Content, EditionId, FeatureLevel, Form, Geography,
        KeyId, Kind, Labels, Observation, ObservationId, OrganisationId, PartyId, Period,
        PriorityId, Reason, Regime, Sealed, Secrecy, ServiceId, Severity, SourceId, State,
        Timestamp, UnitKey,
        command::{
            Actor, AnswerEdition, Command, Found, LockEdition, OpenEdition, Publish,
            ReleaseEdition, Reply, Submission, Tick,
        },
        edition::{Answer, Edition, Locked, Phase, ROUNDS_MAX, Verdict},
        registry::{Document, Role, Track},
        row::Row,
    };

    const NOW: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
    const DUE: Timestamp = NOW.after_seconds(60);
    const ROOT: [u8; 32] = [7; 32];
    const ENDORSERS: [(&str, Role); 2] = [("sdf", Role::Coordinator), ("lpo", Role::Kommunpolis)];

    macro_rules! id {
        ($kind:ident, $text:expr) => {
            $kind::parse($text).unwrap()
        };
    }

    #[derive(Clone)]
    struct World {
        state: State,
        at: Timestamp,
        position: u64,
    }

    impl World {
        /// With a municipal and a police contribution to the month.
        fn new() -> Self {
            let mut world = Self::founded();
            world.publish("sdf", 2);
            world.publish("lpo", 2);
            world
        }

        fn founded() -> Self {
            let mut world = Self { state: State::default(), at: NOW, position: 0 };
            let document = document().into();
            let (key_file, policy) = ([0; 32], [1; 32]);
            let found = Found {
                domain: "d".into(),
                document,
                key_file,
                policy,
                level: FeatureLevel::FIRST,
            };
            assert_eq!(world.apply(Command::Found(found.into())), Reply::Epoch { epoch: 1 });
            world
        }

        fn apply(&mut self, command: Command) -> Reply {
            self.position += 1;
            let actor = Actor {
                organisation: id!(OrganisationId, "stad"),
                service: id!(ServiceId, "stad/sdf"),
                role: None,
                pseudonym: None,
            };
            let (epoch, valid_until) = (self.state.epoch(), self.at.after_seconds(30));
            let submission = Submission { actor, key: None, epoch, valid_until, command };
            self.state.apply(self.at, self.position, &submission).reply
        }

        fn publish(&mut self, party: &str, severity: u32) {
            let party = id!(PartyId, party);
            let base_version = self.state.picture(&party, &area()).version();
            let publish = Publish {
                party,
                area: area(),
                base_version,
                upserts: vec![observation(severity)],
                withdrawn: Vec::new(),
                reason: None,
                covers: None,
                manifest: None,
                parts: None,
            };
            let reply = self.apply(Command::Publish(publish));
            assert!(matches!(reply, Reply::Published { unchanged: false, .. }), "{reply:?}");
        }

        fn did(&mut self, command: Command) {
            let reply = self.apply(command);
            assert!(matches!(reply, Reply::Edition { .. }), "{reply:?}");
        }

        fn edition(&self) -> &Edition {
            self.state.edition(&edition()).unwrap()
        }

        fn round(&self) -> u32 {
            self.state.edition(&edition()).map_or(0, Edition::round)
        }

        fn lock(&self) -> Command {
            lock(self.state.revision(&area()))
        }

        fn answer(&self, who: usize, verdict: Verdict) -> Command {
            answer(ENDORSERS[who], verdict, self.round(), ROOT)
        }

        /// The same domain with its edition in a phase.
        fn in_phase(phase: Phase) -> Self {
            let mut world = Self::new();
            world.did(open());
            let steps: &[&[usize]] = match phase {
                Phase::Collecting | Phase::Recalled => &[],
                Phase::InReview | Phase::Contested => &[&[]],
                Phase::Endorsed | Phase::Released | Phase::Superseded => &[&[0, 1]],
            };
            for endorsers in steps {
                world.did(world.lock());
                for who in *endorsers {
                    world.did(world.answer(*who, Verdict::Endorsed));
                }
            }
            if phase == Phase::Contested {
                world.did(world.answer(1, Verdict::Objected));
            }
            if matches!(phase, Phase::Released | Phase::Superseded) {
                world.did(release(&edition(), ROOT));
            }
            if matches!(phase, Phase::Superseded | Phase::Recalled) {
                // No command of this version makes them of an edition alone.
                let edition = Edition { phase, ..world.edition().clone() };
                world.state.absorb(Row::Edition(edition.into()));
            }
            assert_eq!(world.edition().phase, phase);
            world
        }
    }

    fn area() -> AreaId {
        id!(AreaId, "a")
    }

    fn period() -> Period {
        "2025-10".parse().unwrap()
    }

    fn edition() -> EditionId {
        id!(EditionId, "a:2025-10:operative:1")
    }

    fn open() -> Command {
        let (area, period, track) = (area(), period(), Track::Operative);
        Command::OpenEdition(OpenEdition { area, period, track, due: DUE, party: sdf() })
    }

    fn lock(revision: u64) -> Command {
        let locked = Locked {
            revision,
            root: ROOT,
            basis: [8; 32],
            secrets: Sealed { key: UnitKey::named("u"), bytes: vec![1].into() },
            analysis_labels: labels(),
            objects: 2,
        };
        let lock = LockEdition { edition: edition(), party: sdf(), locked, descriptor: [9; 32] };
        Command::LockEdition(lock.into())
    }

    fn answer(
        (party, role): (&str, Role),
        verdict: Verdict,
        round: u32,
        root: [u8; 32],
    ) -> Command {
        let answer = Answer {
            party: id!(PartyId, party),
            role,
            verdict,
            text: None,
            statement: Vec::new(),
            signature: Vec::new(),
            key: id!(KeyId, "k"),
            at: Timestamp::ZERO,
        };
        Command::AnswerEdition(AnswerEdition { edition: edition(), round, root, answer }.into())
    }

    fn release(edition: &EditionId, root: [u8; 32]) -> Command {
        let edition = edition.clone();
        Command::ReleaseEdition(ReleaseEdition { edition, root, party: sdf() })
    }

    fn sdf() -> PartyId {
        id!(PartyId, "sdf")
    }

    /// What each command comes to in a phase: the phase and round after it, or why not.
    fn outcomes(phase: Phase) -> Vec<(&'static str, String)> {
        let world = World::in_phase(phase);
        let (round, revision) = (world.round(), world.state.revision(&area()));
        let stranger = ("sdf", Role::Endorser);
        let one = ENDORSERS[0];
        let commands = [
            ("open the same again", open()),
            ("lock", world.lock()),
            ("lock at an earlier revision", lock(revision - 1)),
            ("lock at a later revision", lock(revision + 1)),
            ("endorse", world.answer(0, Verdict::Endorsed)),
            ("endorse with reservation", world.answer(0, Verdict::Reserved)),
            ("object", world.answer(0, Verdict::Objected)),
            ("endorse as the other", world.answer(1, Verdict::Endorsed)),
            ("endorse in another role", answer(stranger, Verdict::Endorsed, round, ROOT)),
            (
                "endorse as who is not asked",
                answer(("tk", Role::Endorser), Verdict::Endorsed, round, ROOT),
            ),
            (
                "endorse an earlier round",
                answer(one, Verdict::Endorsed, round.saturating_sub(1), ROOT),
            ),
            ("endorse a later round", answer(one, Verdict::Endorsed, round + 1, ROOT)),
            ("endorse another root", answer(one, Verdict::Endorsed, round, [0; 32])),
            ("release", release(&edition(), ROOT)),
            ("release another root", release(&edition(), [0; 32])),
            ("time passes its due", Command::Tick(Tick)),
        ];
        let came_to = commands.into_iter().map(|(name, command)| {
            let mut after = world.clone();
            if matches!(command, Command::Tick(_)) {
                after.at = DUE;
            }
            let reply = after.apply(command);
            (name, told(&world, &after, &reply))
        });
        came_to.collect()
    }

    fn told(before: &World, after: &World, reply: &Reply) -> String {
        if let Reply::Refused(refusal) = reply {
            assert_eq!(after.edition(), before.edition(), "a refusal changes nothing");
            return format!("{} at `{}`", refusal.reason.id(), refusal.field);
        }
        let opened = after.state.editions().count() > before.state.editions().count();
        let now = after.edition();
        let overdue = if now.overdue { ", overdue" } else { "" };
        let other = if opened { ", another opened" } else { "" };
        let answers = now.current().map_or(0, |round| round.answers.len());
        let (phase, round) = (now.phase.as_str(), now.round());
        format!("{phase}, round {round}, answers {answers}{overdue}{other}")
    }

    #[test]
    fn every_transition_is_as_the_table_says() {
        let mut table = String::from("# phase | command | what it comes to\n");
        for phase in Phase::ALL {
            for (command, outcome) in outcomes(phase) {
                writeln!(table, "{} | {command} | {outcome}", phase.as_str()).unwrap();
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/editions.txt");
        if std::env::var("UPDATE").is_ok_and(|value| value == "1") {
            fs::write(&path, &table).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap();
        for (kept, made) in kept.lines().zip(table.lines()) {
            assert_eq!(kept, made, "review the change and set UPDATE=1");
        }
        assert_eq!(kept, table, "review the change and set UPDATE=1");
    }

    #[test]
    fn what_is_unknown_cannot_be_changed() {
        let mut world = World::new();
        for command in [world.lock(), world.answer(0, Verdict::Endorsed), release(&edition(), ROOT)]
        {
            assert_eq!(
                refused(&world.apply(command)),
                Some((Reason::NotFound, "edition_id".into()))
            );
        }
        let strategic = OpenEdition {
            area: area(),
            period: period(),
            track: Track::Strategic,
            due: DUE,
            party: sdf(),
        };
        let reply = world.apply(Command::OpenEdition(strategic));
        assert_eq!(refused(&reply), Some((Reason::NotFound, "track".into())));
    }

    #[test]
    fn a_new_round_voids_the_answers() {
        let mut world = World::in_phase(Phase::InReview);
        world.did(world.answer(0, Verdict::Endorsed));
        world.publish("lpo", 3);
        world.did(world.lock());
        assert_eq!(world.edition().rounds[0].answers.len(), 1, "what was answered stays on record");
        assert_eq!(world.edition().current().unwrap().answers, []);
        world.did(world.answer(1, Verdict::Endorsed));
        assert_eq!(world.edition().phase, Phase::InReview);
        assert_eq!(world.state.waiting_for(world.edition()).len(), 1);
        world.did(world.answer(0, Verdict::Endorsed));
        assert_eq!(world.edition().phase, Phase::Endorsed);
    }

    #[test]
    fn a_new_round_takes_an_endorsement_back() {
        let mut world = World::in_phase(Phase::Endorsed);
        world.did(world.lock());
        assert_eq!(world.edition().phase, Phase::InReview);
        let reply = world.apply(release(&edition(), ROOT));
        assert_eq!(refused(&reply), Some((Reason::EditionWrongState, "edition_id".into())));
    }

    #[test]
    fn one_objection_stands_against_all_endorsements() {
        let mut world = World::in_phase(Phase::Contested);
        world.did(world.answer(0, Verdict::Endorsed));
        assert_eq!(world.edition().phase, Phase::Contested);
    }

    #[test]
    fn no_time_endorses() {
        for phase in [Phase::Collecting, Phase::InReview, Phase::Contested] {
            let mut world = World::in_phase(phase);
            for days in 1..400 {
                world.at = NOW.after_seconds(days * 86_400);
                world.apply(Command::Tick(Tick));
                assert_eq!(world.edition().phase, phase);
            }
            let answered = world.edition().current().map_or(0, |round| round.answers.len());
            assert_eq!(answered, usize::from(phase == Phase::Contested));
        }
    }

    #[test]
    fn what_is_overdue_can_still_be_endorsed_by_all_and_by_nothing_less() {
        let mut world = World::in_phase(Phase::InReview);
        world.at = DUE;
        world.apply(Command::Tick(Tick));
        assert!(world.edition().overdue);
        world.did(world.answer(0, Verdict::Endorsed));
        assert_eq!((world.edition().phase, world.edition().overdue), (Phase::InReview, true));
        assert_eq!(world.edition().current().unwrap().answers[0].at, DUE);
        world.did(world.answer(1, Verdict::Endorsed));
        assert_eq!((world.edition().phase, world.edition().overdue), (Phase::Endorsed, false));
    }

    #[test]
    fn no_contribution_alters_what_is_locked() {
        for phase in [Phase::InReview, Phase::Endorsed, Phase::Released] {
            let mut world = World::in_phase(phase);
            let (before, revision) = (world.edition().clone(), world.state.revision(&area()));
            let basis = |world: &World| {
                let index = world.state.area(&area()).unwrap();
                let stages = index.contributions(period(), revision);
                stages.cloned().collect::<Vec<_>>()
            };
            let locked = basis(&world);
            for severity in [3, 4, 5] {
                world.publish("sdf", severity);
                world.publish("lpo", severity);
            }
            assert_eq!(*world.edition(), before);
            assert_eq!(basis(&world), locked);
        }
    }

    #[test]
    fn a_later_release_supersedes_an_earlier_one_and_no_other_does() {
        let mut world = World::in_phase(Phase::Released);
        world.did(open());
        assert_eq!(world.edition().phase, Phase::Released, "until the next is released");
        let second = id!(EditionId, "a:2025-10:operative:2");
        let mut next = world.edition().clone();
        next.id = second.clone();
        (next.phase, next.released) = (Phase::Endorsed, None);
        world.state.absorb(Row::Edition(next.into()));
        world.did(release(&second, ROOT));
        assert_eq!(world.edition().phase, Phase::Superseded);
        assert_eq!(world.state.edition(&second).unwrap().phase, Phase::Released);
        assert_eq!(world.state.released_editions(), 2);
        // Released editions of another area, period or track stay as they are.
        let others: [fn(&mut Edition); 3] = [
            |other| other.area = id!(AreaId, "b"),
            |other| other.period = "2025-11".parse().unwrap(),
            |other| other.track = Track::Strategic,
        ];
        let latest = world.state.edition(&second).unwrap().clone();
        for (number, change) in others.into_iter().enumerate() {
            let mut other = latest.clone();
            other.id = id!(EditionId, &format!("other-{number}"));
            change(&mut other);
            world.state.absorb(Row::Edition(other.into()));
        }
        let mut third = latest;
        third.id = id!(EditionId, "a:2025-10:operative:3");
        (third.phase, third.released) = (Phase::Endorsed, None);
        world.state.absorb(Row::Edition(third.clone().into()));
        world.did(release(&third.id, ROOT));
        assert_eq!(world.state.edition(&second).unwrap().phase, Phase::Superseded);
        for number in 0..3 {
            let other = id!(EditionId, &format!("other-{number}"));
            assert_eq!(world.state.edition(&other).unwrap().phase, Phase::Released, "{number}");
        }
    }

    #[test]
    fn one_edition_of_an_area_period_and_track_is_under_way_at_a_time() {
        let mut world = World::in_phase(Phase::Released);
        world.did(open());
        assert!(world.state.edition(&id!(EditionId, "a:2025-10:operative:2")).is_some());
        let under_way = Some((Reason::EditionUnderWay, "period".into()));
        assert_eq!(refused(&world.apply(open())), under_way);
        let Command::OpenEdition(one) = open() else { panic!("it opens") };
        let other = OpenEdition { period: "2025-11".parse().unwrap(), ..one };
        world.did(Command::OpenEdition(other));
        assert!(world.state.edition(&id!(EditionId, "a:2025-11:operative:1")).is_some());
    }

    #[test]
    fn there_is_an_end_to_locking() {
        let mut world = World::in_phase(Phase::Collecting);
        for _ in 0..ROUNDS_MAX {
            world.did(world.lock());
        }
        let reply = world.apply(world.lock());
        assert_eq!(refused(&reply), Some((Reason::TooLarge, "edition_id".into())));
        // It can still be answered; when it is objected to, another takes its place.
        assert_eq!(refused(&world.apply(open())), Some((Reason::EditionUnderWay, "period".into())));
        world.did(world.answer(1, Verdict::Objected));
        world.did(open());
    }

    fn refused(reply: &Reply) -> Option<(Reason, String)> {
        let Reply::Refused(refusal) = reply else { return None };
        Some((refusal.reason, refusal.field.to_string()))
    }

    fn labels() -> Labels {
        Labels {
            level: Secrecy::of(1).unwrap(),
            audience: BTreeSet::from([id!(Audience, "signatories")]),
            purposes: BTreeSet::new(),
            regime: Regime::Nonpersonal,
            secrecy_provisions: BTreeSet::new(),
            retain_until: NOW,
            person_related: false,
            special_category: false,
            originator_control: false,
            embargo_until: None,
            onward_sharing: false,
        }
    }

    fn observation(severity: u32) -> Observation {
        Observation {
            id: id!(ObservationId, "1"),
            content: Content {
                form: Form::Observation,
                category: id!(CategoryId, "graffiti"),
                kind: Kind::ObservedDisorder,
                priority: id!(PriorityId, "unsafe_places"),
                geography: Geography { area: area(), sub_area: None, place: None },
                starts_at: NOW,
                ends_at: NOW.after_seconds(60),
                count: Some(1),
                severity: Severity::of(severity),
                trend: None,
                basis: Basis::Fact,
                source: Some(id!(SourceId, "reports")),
                reliability: None,
                credibility: None,
                labels: labels().into(),
            },
            sealed: None,
        }
    }

    fn document() -> Document {
        let organisation = |id: &str| {
            let domain = format!("{id}.example");
            serde_json::json!({"id": id, "name": id, "orgnr": id, "trust_domain": domain,
                "clearance": 3})
        };
        serde_json::from_value(serde_json::json!({
            "lists": {"priorities": [{"id": "unsafe_places", "sv": "s", "en": "e"}]},
            "organisations": [organisation("stad"), organisation("polis")],
            "parties": [
                {"id": "sdf", "organisation": "stad", "name": "s", "kind": "municipal",
                    "sub_kind": "d"},
                {"id": "tk", "organisation": "stad", "name": "t", "kind": "municipal",
                    "sub_kind": "c"},
                {"id": "lpo", "organisation": "polis", "name": "l", "kind": "police",
                    "sub_kind": "l"}
            ],
            "categories": [{"id": "graffiti", "sv": "Klotter", "en": "Graffiti",
                "kind": "observed_disorder", "priority": "unsafe_places", "geography": "place"}],
            "areas": [{"id": "a", "name": "A"}],
            "agreements": [{"id": "a-1", "area": "a", "valid_from": "2024-01-01",
                "signatories": [{"party": "sdf", "capacity": "d"}, {"party": "tk", "capacity": "c"},
                    {"party": "lpo", "capacity": "l"}],
                "periods": ["month"],
                "tracks": {"operative": [{"party": "sdf", "role": "coordinator"},
                    {"party": "lpo", "role": "kommunpolis"}]},
                "conflict_roles": ["coordinator", "kommunpolis"]}],
        }))
        .unwrap()
    }
}
