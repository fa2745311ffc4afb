//! Statements on conflicts and dissents: what they need, what they are refused for, what they do.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use samsyn_domain::{
        AreaId, Audience, Basis, CategoryId, ConflictId, Content, FeatureLevel, Form, Geography,
        Kind, Labels, Observation, ObservationId, OrganisationId, PartyId, Period, PlaceId,
        PriorityId, Reason, Regime, Secrecy, ServiceId, Severity, SourceId, State, SubAreaId,
        Timestamp, Trend,
        command::{
            Actor, Command, Found, Publish, RecordDissent, Reply, ResolveConflict, Submission,
        },
        merge::{ConflictRef, Field, Finding, Key, Outcome},
        registry::{Document, Registry, Role},
        row::What,
    };

    const NOW: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);

    macro_rules! id {
        ($kind:ident, $text:expr) => {
            $kind::parse($text).unwrap()
        };
    }

    struct World {
        state: State,
        position: u64,
    }

    impl World {
        /// The city says 5 and up, the police say 1 and down.
        fn in_conflict() -> Self {
            let mut world = Self { state: State::default(), position: 0 };
            let document = document().into();
            let found = Found {
                domain: "d".into(),
                document,
                key_file: [0; 32],
                policy: [1; 32],
                level: FeatureLevel::FIRST,
            };
            assert_eq!(world.apply(Command::Found(found.into())), Reply::Epoch { epoch: 1 });
            world.publish("sdf", "1", 5, Trend::Up);
            world.publish("lpo", "1", 1, Trend::Down);
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
            let (epoch, valid_until) = (self.state.epoch(), NOW.after_seconds(30));
            let submission = Submission { actor, key: None, epoch, valid_until, command };
            self.state.apply(NOW, self.position, &submission).reply
        }

        fn publish(&mut self, party: &str, id: &str, severity: u32, trend: Trend) {
            let party = id!(PartyId, party);
            let base_version = self.state.picture(&party, &area()).version();
            let reply = self.apply(Command::Publish(Publish {
                party,
                area: area(),
                base_version,
                upserts: vec![observation(id, severity, trend)],
                withdrawn: Vec::new(),
                reason: None,
                covers: None,
                manifest: None,
                parts: None,
            }));
            assert!(matches!(reply, Reply::Published { unchanged: false, .. }), "{reply:?}");
        }

        fn revision(&self) -> u64 {
            self.state.revision(&area())
        }

        fn finding(&self) -> Finding {
            self.state.common_finding(&at(Field::Severity), self.revision()).unwrap()
        }

        fn state(&mut self, role: Role, field: Field, outcome: Outcome, revision: u64) -> Reply {
            self.apply(Command::ResolveConflict(ResolveConflict {
                conflict: at(field),
                revision,
                party: id!(PartyId, "sdf"),
                role,
                outcome,
                reason: None,
            }))
        }
    }

    fn severity(grade: u32) -> Outcome {
        Outcome::Severity(Severity::of(grade).unwrap())
    }

    fn refused(reply: &Reply) -> Option<(Reason, &str, u64)> {
        let Reply::Refused(refusal) = reply else { return None };
        Some((refusal.reason, &refusal.field, refusal.current))
    }

    #[test]
    fn two_equal_statements_settle_each_field_with_a_revision_each() {
        let mut world = World::in_conflict();
        let outcomes =
            [(Field::Severity, severity(3)), (Field::Trend, Outcome::Trend(Trend::Flat))];
        let mut revision = 2;
        for (field, outcome) in outcomes {
            for role in [Role::Coordinator, Role::Kommunpolis] {
                let reply = world.state(role, field, outcome, revision);
                revision += 1;
                assert_eq!(reply, Reply::Revised { revision });
                assert_eq!(world.revision(), revision);
            }
        }
        let finding = world.finding();
        assert_eq!((finding.severity, finding.trend), (Severity::of(3), Some(Trend::Flat)));
        assert!(finding.conflicts.iter().all(|conflict| conflict.resolved));
        let revisions = world.state.area(&area()).unwrap().revisions();
        let told = revisions.iter().skip(2).map(|row| (row.revision, row.what, row.party.as_str()));
        let decisions: Vec<_> = told.collect();
        assert_eq!(decisions, [3, 4, 5, 6].map(|revision| (revision, What::Decision, "sdf")));
    }

    #[test]
    fn an_outcome_fits_its_own_field() {
        let fits = |outcome: Outcome| Field::ALL.map(|field| outcome.fits(field));
        assert_eq!(fits(severity(3)), [false, true, false, false]);
        assert_eq!(fits(Outcome::Trend(Trend::Up)), [false, false, true, false]);
        assert_eq!(fits(Outcome::Dissent), [false, true, true, false]);
        let mut world = World::in_conflict();
        let reply = world.state(Role::Coordinator, Field::Severity, Outcome::Trend(Trend::Up), 2);
        assert_eq!(refused(&reply), Some((Reason::ConflictUnknownValue, "outcome", 0)));
        assert_eq!(world.revision(), 2);
    }

    #[test]
    fn who_saw_other_values_must_look_again() {
        let mut world = World::in_conflict();
        world.publish("lpo", "1", 2, Trend::Down);
        let stale = Some((Reason::RevisionStale, "revision", 3));
        for seen in [1, 2, 4] {
            let reply = world.state(Role::Coordinator, Field::Severity, severity(3), seen);
            assert_eq!(refused(&reply), stale, "revision {seen}");
        }
        // The values are those that revision 3 had: what came since does not concern them.
        world.publish("lpo", "elsewhere", 2, Trend::Down);
        let reply = world.state(Role::Coordinator, Field::Severity, severity(3), 3);
        assert_eq!(reply, Reply::Revised { revision: 5 });
        let reply = world.state(Role::Kommunpolis, Field::Severity, severity(3), 5);
        assert_eq!(reply, Reply::Revised { revision: 6 });
        assert!(world.finding().conflicts.iter().any(|c| c.resolved));
    }

    #[test]
    fn where_nobody_disagrees_there_is_nothing_to_settle() {
        let mut world = World::in_conflict();
        world.publish("lpo", "1", 5, Trend::Down);
        let reply = world.state(Role::Coordinator, Field::Severity, severity(3), 3);
        assert_eq!(refused(&reply), Some((Reason::ConflictSettled, "conflict_id", 3)));
    }

    #[test]
    fn a_dissent_needs_its_finding_and_changes_no_value() {
        let mut world = World::in_conflict();
        let dissent = |key: Key| {
            Command::RecordDissent(RecordDissent {
                finding: key,
                period: period(),
                field: Field::Trend,
                party: id!(PartyId, "sdf"),
                reason: None,
            })
        };
        let nowhere = Key { category: id!(CategoryId, "noise"), ..at(Field::Trend).key };
        let reply = world.apply(dissent(nowhere));
        assert_eq!(refused(&reply), Some((Reason::NotFound, "finding_id", 0)));
        let before = world.finding();
        assert_eq!(world.apply(dissent(at(Field::Trend).key)), Reply::Revised { revision: 3 });
        let after = world.finding();
        let told: Vec<_> = after.dissents.iter().map(|d| (d.party.as_str(), d.field)).collect();
        assert_eq!(told, [("sdf", Field::Trend)]);
        assert_eq!(Finding { dissents: Vec::new(), ..after }, before);
        let other = Key { category: id!(CategoryId, "noise"), ..at(Field::Trend).key };
        assert!(
            world
                .state
                .common_finding(&ConflictRef { key: other, ..at(Field::Trend) }, 3)
                .is_none()
        );
    }

    #[test]
    fn ids_of_conflicts_and_findings_read_back() {
        let registry = Registry::build(&document()).unwrap();
        let geography = |place: Option<&str>, sub_area: Option<&str>| Geography {
            area: area(),
            sub_area: sub_area.map(|id| id!(SubAreaId, id)),
            place: place.map(|id| id!(PlaceId, id)),
        };
        let places = [
            geography(Some("a/s/p"), Some("a/s")),
            geography(None, Some("a/s")),
            geography(None, None),
        ];
        for geography in places {
            let key = Key { geography, category: id!(CategoryId, "graffiti") };
            assert_eq!(Key::parse(&key.id(), &registry), Some(key.clone()));
            for field in Field::ALL {
                let conflict = ConflictRef { key: key.clone(), period: period(), field };
                let id = id!(ConflictId, &conflict.id());
                assert_eq!(ConflictRef::parse(&id, &registry), Some(conflict));
                assert_eq!(Field::from_code(field.as_str()), Some(field));
            }
        }
        for id in ["a/s/x/graffiti", "a/weather", "graffiti"] {
            assert_eq!(Key::parse(id, &registry), None, "{id}");
        }
        assert_eq!(Field::from_code("colour"), None);
        let other = id!(ConflictId, "2025-10:a/graffiti:colour");
        assert_eq!(ConflictRef::parse(&other, &registry), None);
    }

    fn area() -> AreaId {
        id!(AreaId, "a")
    }

    fn period() -> Period {
        "2025-10".parse().unwrap()
    }

    fn at(field: Field) -> ConflictRef {
        let geography = Geography { area: area(), sub_area: None, place: None };
        let key = Key { geography, category: id!(CategoryId, "graffiti") };
        ConflictRef { key, period: period(), field }
    }

    /// The id `elsewhere` is of another category.
    fn observation(id: &str, severity: u32, trend: Trend) -> Observation {
        let category = if id == "elsewhere" { "noise" } else { "graffiti" };
        let labels = Labels {
            level: Secrecy::of(1).unwrap(),
            audience: BTreeSet::from([id!(Audience, "signatories")]),
            purposes: BTreeSet::new(),
            regime: Regime::Nonpersonal,
            secrecy_provisions: BTreeSet::new(),
            retain_until: NOW.after_seconds(86_400),
            person_related: false,
            special_category: false,
            originator_control: false,
            embargo_until: None,
            onward_sharing: false,
        };
        Observation {
            id: id!(ObservationId, id),
            content: Content {
                form: Form::Observation,
                category: id!(CategoryId, category),
                kind: Kind::ObservedDisorder,
                priority: id!(PriorityId, "unsafe_places"),
                geography: Geography { area: area(), sub_area: None, place: None },
                starts_at: NOW,
                ends_at: NOW.after_seconds(60),
                count: None,
                severity: Severity::of(severity),
                trend: Some(trend),
                basis: Basis::Fact,
                source: Some(id!(SourceId, "reports")),
                reliability: None,
                credibility: None,
                labels: labels.into(),
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
        let party = |id: &str, organisation: &str, kind: &str| {
            serde_json::json!({"id": id, "organisation": organisation, "name": id, "kind": kind,
                "sub_kind": "s"})
        };
        let category = |id: &str| {
            serde_json::json!({"id": id, "sv": id, "en": id, "kind": "observed_disorder",
                "priority": "unsafe_places", "geography": "place"})
        };
        serde_json::from_value(serde_json::json!({
            "lists": {"priorities": [{"id": "unsafe_places", "sv": "s", "en": "e"}]},
            "organisations": [organisation("stad"), organisation("polis")],
            "parties": [party("sdf", "stad", "municipal"), party("lpo", "polis", "police")],
            "categories": [category("graffiti"), category("noise")],
            "areas": [{"id": "a", "name": "A"}],
            "sub_areas": [{"id": "a/s", "area": "a", "name": "S", "outline": [],
                "centre": {"lat_e7": 0, "lon_e7": 0}}],
            "places": [{"id": "a/s/p", "sub_area": "a/s", "name": "P"}],
            "agreements": [{"id": "a-1", "area": "a", "valid_from": "2024-01-01",
                "signatories": [{"party": "sdf", "capacity": "d"},
                    {"party": "lpo", "capacity": "l"}],
                "periods": ["month"],
                "tracks": {"operative": [{"party": "sdf", "role": "coordinator"},
                    {"party": "lpo", "role": "kommunpolis"}]},
                "conflict_roles": ["coordinator", "kommunpolis"]}],
        }))
        .unwrap()
    }
}
