//! What a partner is not shown makes no difference to anything it is given; what comes in steps is
//! what comes at once.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use samsyn_domain::{CategoryId, Period, PriorityId, merge::Outcome};
    use samsyn_policy::{Reader, Scope};

    use crate::world::{
        BEAT_SECONDS, World,
        act::{Act, Beat, Case, Put, Tweak, cases},
        area,
        deed::Deed,
        oracle,
        reading::Told,
        registry::RowSpec,
    };

    const PARTNERS: [&str; 2] = ["kv/reader", "fk/reader"];
    const READERS: [&str; 5] = ["kv/reader", "fk/reader", "stad/sdf", "stad/tk", "polis/lpo"];

    fn month() -> Period {
        "2025-10".parse().unwrap()
    }

    /// Two worlds side by side: the second has the hidden acts, too.
    struct Twins {
        plain: World,
        other: World,
        /// On what something was decided. In an edition a decision names what is in its finding
        /// at the lock, so a hidden act there is one on the decision.
        decided: BTreeSet<CategoryId>,
        edition: bool,
    }

    impl Twins {
        fn live(case: &Case, partner: &str) -> Self {
            let (plain, other) = (World::new(&case.rows), World::new(&case.rows));
            let (decided, edition) = (BTreeSet::new(), case.edition);
            let mut twins = Self { plain, other, decided, edition };
            let (reader, stranger) = (twins.plain.reader(partner), twins.plain.reader("stad/tk"));
            for beat in &case.beats {
                if beat.hidden {
                    twins.one(&reader, &beat.act);
                    twins.other.read(&stranger, month());
                } else {
                    twins.both(&reader, &beat.act);
                }
                for world in [&mut twins.plain, &mut twins.other] {
                    if beat.read {
                        world.advance(&reader);
                        world.read(&reader, month());
                    }
                    world.now = world.now.after_seconds(BEAT_SECONDS);
                    world.tick_if_due();
                }
            }
            twins
        }

        /// An act of the second world alone, when the partner may not notice it.
        fn one(&mut self, reader: &Reader, act: &Act) {
            let Some(deed) = act.deed(&self.other) else { return };
            let touched = touched(&self.other, &deed);
            let hidden = oracle::hidden(&self.other, reader, &deed);
            if hidden && !(self.edition && touched.iter().any(|c| self.decided.contains(c))) {
                deed.done_in(&mut self.other);
            }
        }

        /// An act of both worlds. A decision that the partner may see in one of them alone is
        /// another history, not a hidden part of the same.
        fn both(&mut self, reader: &Reader, act: &Act) {
            let Some(deed) = act.deed(&self.plain) else { return };
            if let Deed::State { at, .. } | Deed::Dissent { at, .. } = &deed {
                let told = |world| oracle::told(world, reader, at);
                if told(&self.plain) != told(&self.other) {
                    return;
                }
                self.decided.insert(at.key.category.clone());
            }
            deed.done_in(&mut self.plain);
            deed.done_in(&mut self.other);
        }
    }

    fn touched(world: &World, deed: &Deed) -> Vec<CategoryId> {
        match deed {
            Deed::Leave { party, id, left } => {
                let before = world.state.current(party, &area(), id);
                let before = before.and_then(|stage| stage.observation.as_deref());
                let both = before.into_iter().chain(left.as_deref());
                both.map(|one| one.content.category.clone()).collect()
            }
            Deed::State { at, .. } | Deed::Dissent { at, .. } => vec![at.key.category.clone()],
            Deed::Tick => Vec::new(),
        }
    }

    fn same_to(partner: &str, case: &Case) -> Result<(), TestCaseError> {
        let mut twins = Twins::live(case, partner);
        let mut edition = None;
        if case.edition {
            let (a, b) =
                (twins.plain.release_edition(month()), twins.other.release_edition(month()));
            prop_assert_eq!(&a, &b);
            edition = a;
        }
        let reader = twins.plain.reader(partner);
        for world in [&mut twins.plain, &mut twins.other] {
            world.decide(&reader);
            world.advance(&reader);
        }
        let plain = twins.plain.told(&reader, edition.as_ref());
        let other = twins.other.told(&reader, edition.as_ref());
        for (plain, other) in plain.iter().zip(&other) {
            prop_assert_eq!(plain, other);
        }
        prop_assert_eq!(plain.len(), other.len());
        Ok(())
    }

    fn narrowed(scope: &Scope) -> Scope {
        let first: BTreeSet<PriorityId> = scope.priorities.iter().take(1).cloned().collect();
        Scope { priorities: first, ..scope.clone() }
    }

    fn steps_make_the_snapshot(service: &str, case: &Case) -> Result<(), TestCaseError> {
        let mut world = World::new(&case.rows);
        let reader = world.reader(service);
        for beat in &case.beats {
            if let Some(deed) = beat.act.deed(&world) {
                deed.done_in(&mut world);
            }
            world.now = world.now.after_seconds(BEAT_SECONDS);
            if beat.read {
                world.advance(&reader);
            }
        }
        world.advance(&reader);
        let Ok(full) = world.scope(&reader) else { return Ok(()) };
        let Some(view) = world.view(&reader) else { return Ok(()) };
        for scope in [narrowed(&full), full] {
            let mut held = world.held(&reader, &scope, 0);
            for step in view.after(0) {
                held.take(&world, world.egress(&reader).step(&scope, &step.advance));
                let whole = world.held(&reader, &scope, step.advance.revision);
                prop_assert_eq!(&held, &whole, "at revision {}", step.advance.revision);
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 64, max_shrink_iters: 1_000, failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_a_partner_is_not_shown_changes_nothing_that_it_is_given(case in cases(14)) {
            for partner in PARTNERS {
                same_to(partner, &case)?;
            }
        }

        #[test]
        fn a_snapshot_and_its_steps_come_to_the_next_snapshot(case in cases(14)) {
            for reader in READERS {
                steps_make_the_snapshot(reader, &case)?;
            }
        }
    }

    /// A partner with places or without, and some groups more.
    fn case(place: Option<&'static str>, groups: [bool; 5], acts: &[(Act, bool)]) -> Case {
        let row = RowSpec {
            receiver: "kv",
            place,
            groups,
            priorities: 0,
            periods: 0,
            wide: false,
            live: true,
            protected: false,
        };
        let beat =
            |(act, hidden): &(Act, bool)| Beat { act: act.clone(), hidden: *hidden, read: true };
        Case { rows: vec![row], beats: acts.iter().map(beat).collect(), edition: false }
    }

    fn severe(party: usize, id: u8, grade: u32, audience: usize) -> Act {
        Act::Put(Put {
            id,
            category: 0,
            geography: 2,
            severity: Some(grade),
            audience,
            ..Put::for_signatories(party)
        })
    }

    const ASSESSMENT: [bool; 5] = [false, false, true, false, false];
    const TEXT: [bool; 5] = [false, false, false, true, false];
    const EXACT: Option<&str> = Some("exact");
    const FOR_KV: usize = 2;
    const FOR_SIGNATORIES: usize = 3;

    fn sealed(note: Option<u8>, coordinates: Option<i32>) -> Act {
        Act::Put(Put {
            id: 0,
            category: 0,
            geography: 2,
            coordinates,
            note,
            audience: FOR_KV,
            ..Put::for_signatories(0)
        })
    }

    #[test]
    fn a_note_beside_coordinates_makes_no_event_for_who_has_places_alone() {
        let note = Act::Tweak { pick: 0, tweak: Tweak::Note(1) };
        for before in [sealed(Some(0), Some(1)), sealed(None, Some(1)), sealed(None, None)] {
            let acts = [(before, false), (note.clone(), true)];
            same_to("kv/reader", &case(EXACT, [false; 5], &acts)).unwrap();
        }
    }

    #[test]
    fn coordinates_beside_a_note_make_no_event_for_who_has_texts_alone() {
        let coordinates = Act::Tweak { pick: 0, tweak: Tweak::Coordinates(2) };
        for before in [sealed(Some(0), Some(1)), sealed(Some(0), None), sealed(None, None)] {
            let acts = [(before, false), (coordinates.clone(), true)];
            same_to("kv/reader", &case(None, TEXT, &acts)).unwrap();
        }
    }

    #[test]
    fn a_decision_that_names_what_is_not_shown_is_not_told() {
        let state = Act::State { pick: 0, outcome: Outcome::Dissent, both: true };
        let acts = [
            (severe(0, 0, 5, FOR_KV), false),
            (severe(2, 0, 1, FOR_KV), false),
            (severe(0, 1, 2, FOR_SIGNATORIES), true),
            (state, true),
        ];
        same_to("kv/reader", &case(EXACT, ASSESSMENT, &acts)).unwrap();
    }

    #[test]
    fn a_dissent_on_what_is_not_shown_is_not_told() {
        let field = samsyn_domain::merge::Field::Severity;
        let acts = [
            (severe(0, 0, 5, FOR_KV), false),
            (severe(2, 0, 5, FOR_SIGNATORIES), true),
            (Act::Dissent { pick: 0, field, party: 2 }, true),
        ];
        same_to("kv/reader", &case(EXACT, ASSESSMENT, &acts)).unwrap();
    }

    #[test]
    fn what_others_read_and_publish_does_not_show_in_ones_own_disclosures() {
        let acts = [
            (severe(0, 0, 5, FOR_KV), false),
            (severe(2, 0, 5, FOR_SIGNATORIES), true),
            (severe(0, 0, 4, FOR_KV), false),
        ];
        same_to("kv/reader", &case(EXACT, ASSESSMENT, &acts)).unwrap();
    }

    #[test]
    fn what_is_narrowed_is_narrowed_in_history_too() {
        let shown = (severe(0, 0, 5, FOR_KV), false);
        let narrowed = (severe(0, 0, 5, FOR_SIGNATORIES), false);
        let findings = |acts: &[(Act, bool)]| -> Vec<usize> {
            let twins = Twins::live(&case(EXACT, ASSESSMENT, acts), "kv/reader");
            let reader = twins.plain.reader("kv/reader");
            let told = twins.plain.told(&reader, None).into_iter();
            let asked = told.filter(|(name, _)| name.starts_with("joint 2025-10"));
            let shown = asked.filter_map(|(_, told)| {
                let Told::Picture(_, findings, _) = told else { return None };
                Some(findings.len())
            });
            shown.collect()
        };
        assert!(findings(std::slice::from_ref(&shown)).iter().sum::<usize>() >= 2);
        let history = findings(&[shown, narrowed]);
        assert!(history.len() >= 4 && history.iter().all(|n| *n == 0), "{history:?}");
    }

    #[test]
    fn what_is_shown_coarser_than_it_is_comes_near_by_a_step_as_by_a_snapshot() {
        let put = |id, geography, purpose| {
            let audience = FOR_KV;
            Act::Put(Put {
                id,
                category: 0,
                geography,
                audience,
                purpose,
                ..Put::for_signatories(0)
            })
        };
        let acts = [(put(0, 2, "joint"), false), (put(1, 3, "other"), false)];
        let mut case = case(EXACT, [false; 5], &acts);
        case.rows.push(RowSpec { place: None, wide: true, ..case.rows[0].clone() });
        steps_make_the_snapshot("kv/reader", &case).unwrap();
    }

    #[test]
    fn a_hidden_change_of_what_is_narrowed_later_shows_in_no_step() {
        let put = |party, id, day, category| {
            let (geography, audience) = (2, FOR_KV);
            Act::Put(Put { id, category, geography, day, audience, ..Put::for_signatories(party) })
        };
        let acts = [
            (put(0, 1, 3, 0), false),
            (Act::Tweak { pick: 0, tweak: Tweak::Count(0) }, true),
            (put(1, 0, 0, 0), false),
            (put(0, 1, 0, 2), false),
        ];
        same_to("kv/reader", &case(EXACT, [false; 5], &acts)).unwrap();
    }
}
