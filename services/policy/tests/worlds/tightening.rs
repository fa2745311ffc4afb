//! A change of the registry that is said to tighten never lets anybody see more.

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use samsyn_domain::{
        EditionId, KeyId, OrganisationId, Period, ServiceId, Timestamp,
        command::{Command, ProposeChange, Reply},
        registry::{Base, Change, Document, Effect, Registry, Signed},
    };
    use serde_json::{Value, json};

    use crate::world::{
        BEAT_SECONDS, World,
        act::{Beat, Case, cases},
        registry::document,
    };

    const READERS: [&str; 5] = ["kv/reader", "fk/reader", "stad/sdf", "stad/tk", "polis/lpo"];

    /// An edit of the registry's files, as a registrar might make it; most of them tighten.
    #[derive(Debug, Clone)]
    enum Edit {
        /// Items are taken from a set of a row: those whose bit is set.
        Less { row: usize, field: &'static str, mask: u8 },
        /// A field of a row has another value.
        Set { row: usize, field: &'static str, value: Value },
        /// A group of a row is not shown any more.
        Hide { row: usize, group: &'static str },
        /// A row is gone.
        RemoveRow { row: usize },
        /// Places of a row are shown in this variant.
        Place { row: usize, variant: &'static str },
        /// An organisation is cleared up to this level.
        Clearance { organisation: usize, level: u8 },
        /// Members are taken from the group of partners.
        Members { mask: u8 },
        /// The group is gone.
        RemoveGroup,
        /// Of a service, all roles, all parties, or itself is taken away; or it is suspended.
        Service { service: usize, what: &'static str },
        /// An endorsement key is gone.
        RemoveKey { key: usize },
    }

    impl Edit {
        fn make(&self, document: &mut Value) {
            match self {
                Self::Less { row, field, mask } => {
                    if let Some(set) = at(document, *row).and_then(|row| row[*field].as_array_mut())
                    {
                        let mut number = 0;
                        set.retain(|_| {
                            number += 1;
                            mask >> (number - 1) & 1 == 0
                        });
                    }
                }
                Self::Set { row, field, value } => {
                    if let Some(row) = at(document, *row) {
                        row[*field] = value.clone();
                    }
                }
                Self::Hide { row, group } => {
                    if let Some(row) = at(document, *row) {
                        row["shown"].as_object_mut().unwrap().remove(*group);
                    }
                }
                Self::RemoveRow { row } => {
                    let rows = document["release_rows"].as_array_mut().unwrap();
                    if *row < rows.len() {
                        rows.remove(*row);
                    }
                }
                Self::Place { row, variant } => {
                    if let Some(row) = at(document, *row) {
                        row["shown"]["place"] = (*variant).into();
                    }
                }
                Self::Clearance { organisation, level } => {
                    document["organisations"][*organisation]["clearance"] = (*level).into();
                }
                Self::Members { mask } => {
                    let all = ["kv", "fk"].into_iter().enumerate();
                    let left = all.filter(|(n, _)| mask >> n & 1 == 0).map(|(_, member)| member);
                    let left: Vec<&str> = left.collect();
                    if let Some(group) = document["groups"].get_mut(0) {
                        group["members"] = json!(left);
                    }
                }
                Self::RemoveGroup => document["groups"] = json!([]),
                Self::Service { service, what } => {
                    let services = document["services"].as_array_mut().unwrap();
                    let Some(one) = services.get_mut(*service) else { return };
                    match *what {
                        "suspended" => one["suspended"] = true.into(),
                        "service" => drop(services.remove(*service)),
                        set => one[set] = json!([]),
                    }
                }
                Self::RemoveKey { key } => {
                    let keys = document["endorsement_keys"].as_array_mut().unwrap();
                    if *key < keys.len() {
                        keys.remove(*key);
                    }
                }
            }
        }
    }

    fn at(document: &mut Value, row: usize) -> Option<&mut Value> {
        document["release_rows"].get_mut(row)
    }

    fn edits() -> impl Strategy<Value = Edit> {
        let row = || 0..2_usize;
        let sets = select(vec!["priorities", "kinds", "periods", "purposes"]);
        let less = (row(), sets, 1..7_u8);
        let less = less.prop_map(|(row, field, mask)| Edit::Less { row, field, mask });
        let values = select(vec![
            ("live", json!(false)),
            ("declares_withheld", json!(false)),
            ("valid_to", json!("2025-10-01")),
            ("valid_to", json!("2029-01-01")),
            ("valid_from", json!("2025-12-01")),
            ("protected_counts", json!(true)),
            ("protected_counts", json!(false)),
        ]);
        let set = (row(), values);
        let set = set.prop_map(|(row, (field, value))| Edit::Set { row, field, value });
        let groups = select(vec!["place", "time", "counts", "assessment", "text", "provenance"]);
        let hide = (row(), groups).prop_map(|(row, group)| Edit::Hide { row, group });
        let place = (row(), select(vec!["sub_area", "district", "exact"]));
        let place = place.prop_map(|(row, variant)| Edit::Place { row, variant });
        let clearance = (0..4_usize, 0..3_u8)
            .prop_map(|(organisation, level)| Edit::Clearance { organisation, level });
        let what = select(vec!["roles", "parties", "service", "suspended"]);
        let service = (0..5_usize, what);
        let service = service.prop_map(|(service, what)| Edit::Service { service, what });
        prop_oneof![
            4 => less,
            3 => set,
            3 => hide,
            2 => row().prop_map(|row| Edit::RemoveRow { row }),
            3 => place,
            2 => clearance,
            1 => (1..4_u8).prop_map(|mask| Edit::Members { mask }),
            1 => Just(Edit::RemoveGroup),
            2 => service,
            1 => (0..2_usize).prop_map(|key| Edit::RemoveKey { key }),
        ]
    }

    /// A history, a change in the middle of it, and whether its rows cover different priorities.
    #[derive(Debug, Clone)]
    struct Changed {
        case: Case,
        apart: bool,
        edits: Vec<Edit>,
        after: usize,
        early_edition: bool,
    }

    prop_compose! {
        fn changed()(
            case in cases(12),
            apart in any::<bool>(),
            edits in prop::collection::vec(edits(), 1..3),
            after in 1..12_usize,
            early_edition in any::<bool>(),
        ) -> Changed {
            Changed { case, apart, edits, after, early_edition }
        }
    }

    impl Changed {
        fn founding(&self) -> Value {
            let mut value = serde_json::to_value(document(&self.case.rows)).unwrap();
            if self.apart {
                for (row, priority) in [(0, "unsafe_places"), (1, "criminal_milieus")] {
                    if let Some(row) = at(&mut value, row) {
                        row["priorities"] = json!([priority]);
                    }
                }
            }
            value
        }

        /// The change, when it is one, and tightens.
        fn change(&self, before: &Registry) -> Option<Change> {
            let mut document = serde_json::to_value(before.document()).unwrap();
            self.edits.iter().for_each(|edit| edit.make(&mut document));
            let document: Document = serde_json::from_value(document).ok()?;
            let change = Change::between(before, &Registry::build(&document).ok()?).ok()?;
            (before.effect(&change) == Effect::Tightens).then_some(change)
        }
    }

    fn live(world: &mut World, beats: &[Beat]) {
        for beat in beats {
            if let Some(deed) = beat.act.deed(world) {
                deed.done_in(world);
            }
            world.now = world.now.after_seconds(BEAT_SECONDS);
            world.tick_if_due();
        }
    }

    fn release(world: &mut World, editions: &mut Vec<EditionId>) {
        let period: Period = "2025-10".parse().unwrap();
        let both = ["stad/sdf", "polis/lpo"];
        if both.iter().all(|service| world.try_reader(service).is_ok()) {
            editions.extend(world.release_edition(period));
        }
    }

    /// Whether the change was made, and nobody sees more by it.
    fn nobody_sees_more(changed: &Changed) -> Result<bool, TestCaseError> {
        let founding: Document = serde_json::from_value(changed.founding()).unwrap();
        let mut plain = World::founded(founding);
        let (first, then) =
            changed.case.beats.split_at(changed.after.min(changed.case.beats.len()));
        live(&mut plain, first);
        let mut editions = Vec::new();
        if changed.early_edition {
            release(&mut plain, &mut editions);
        }
        for service in READERS {
            plain.facts(service, &editions);
        }
        let mut narrowed = plain.clone();
        let Some(change) = changed.change(narrowed.state.registry()) else { return Ok(false) };
        if !narrowed.propose(change) {
            return Ok(false);
        }
        let compare = |plain: &mut World, narrowed: &mut World, both: [&[EditionId]; 2]| {
            for service in READERS {
                let before = plain.facts(service, both[0]);
                let after = narrowed.facts(service, both[1]);
                let more: Vec<&String> = after.difference(&before).collect();
                prop_assert!(more.is_empty(), "{} sees more: {:?}", service, more);
            }
            Ok(())
        };
        compare(&mut plain, &mut narrowed, [&editions, &editions])?;
        live(&mut plain, then);
        live(&mut narrowed, then);
        let mut others = editions.clone();
        if changed.case.edition {
            release(&mut plain, &mut editions);
            release(&mut narrowed, &mut others);
        }
        compare(&mut plain, &mut narrowed, [&editions, &others])?;
        Ok(true)
    }

    impl World {
        /// One registrar's change; whether it took effect.
        fn propose(&mut self, change: Change) -> bool {
            // Stamps rise from entry to entry.
            self.now = self.now.after_micros(1);
            let base = Base { epoch: self.state.epoch(), digest: *self.state.registry_digest() };
            let signed = Signed {
                organisation: OrganisationId::parse("stad").unwrap(),
                service: ServiceId::parse("stad/registrar").unwrap(),
                key: KeyId::parse("key-stad").unwrap(),
                statement: Vec::new(),
                signature: Vec::new(),
                at: Timestamp::ZERO,
            };
            let propose = ProposeChange { change, base, signed, reason: None };
            let reply = self.apply(Command::ProposeChange(propose.into()));
            self.looked_anew();
            matches!(reply, Reply::Proposed { epoch: Some(_), .. })
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 96, max_shrink_iters: 2_000, failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn what_tightens_lets_nobody_see_more(changed in changed()) {
            nobody_sees_more(&changed)?;
        }
    }

    #[test]
    fn most_of_the_changes_that_are_drawn_take_effect() {
        use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
        let mut runner = TestRunner::deterministic();
        let drawn = 40;
        let made = (0..drawn).filter(|_| {
            let changed = changed().new_tree(&mut runner).unwrap().current();
            nobody_sees_more(&changed).unwrap()
        });
        let made = made.count();
        assert!(made * 3 > drawn, "{made} of {drawn}");
    }
}
