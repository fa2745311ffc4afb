//! Changes of the registry: proposed, approved, withdrawn, in force.

#[cfg(test)]
mod tests {
    use samsyn_domain::{
        FeatureLevel, KeyId, OrganisationId, Reason, ServiceId, State, Timestamp,
        command::{
            Actor, ApproveChange, Command, Found, ProposeChange, Reply, Submission, SuspendService,
            WithdrawChange,
        },
        registry::{
            Base, Change, Document, Effect, PROPOSAL_DAYS, PROPOSALS_OPEN_MAX, ProposalId,
            Registry, Signed, Standing,
        },
        row::Event,
    };
    use serde_json::{Value, json};

    const START: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);

    struct World {
        state: State,
        now: Timestamp,
        position: u64,
        events: Vec<Event>,
    }

    fn document() -> Value {
        let organisation = |id: &str| {
            json!({"id": id, "name": id, "orgnr": id, "trust_domain": format!("{id}.example"),
                "clearance": 2})
        };
        let key = |id: &str, n: u8| {
            let public_key = hex::encode([n; 32]);
            json!({"id": id, "organisation": id, "public_key": public_key})
        };
        json!({
            "organisations": [organisation("a"), organisation("b"), organisation("c")],
            "registry_keys": [key("a", 1), key("b", 2), key("c", 3)],
            "services": [{"id": "a/s", "organisation": "a", "roles": ["reader", "auditor"]}],
            "groups": [{"id": "g", "name": "g", "members": ["a", "b"]}],
        })
    }

    fn registry(document: Value) -> Registry {
        let document: Document = serde_json::from_value(document).unwrap();
        Registry::build(&document).unwrap()
    }

    impl World {
        fn new() -> Self {
            let state = State::default();
            let mut world = Self { state, now: START, position: 0, events: Vec::new() };
            let document: Document = serde_json::from_value(document()).unwrap();
            let found = Found {
                domain: "d".into(),
                document: document.into(),
                key_file: [0; 32],
                policy: [0; 32],
                level: FeatureLevel::FIRST,
            };
            assert_eq!(world.apply("a", Command::Found(found.into())), Reply::Epoch { epoch: 1 });
            world
        }

        fn apply(&mut self, organisation: &str, command: Command) -> Reply {
            self.position += 1;
            self.now = self.now.after_micros(1);
            let actor = Actor {
                organisation: OrganisationId::parse(organisation).unwrap(),
                service: ServiceId::parse(&format!("{organisation}/registrar")).unwrap(),
                role: None,
                pseudonym: None,
            };
            let (epoch, valid_until) = (self.state.epoch(), self.now);
            let submission = Submission { actor, key: None, epoch, valid_until, command };
            let applied = self.state.apply(self.now, self.position, &submission);
            self.events = applied.events;
            applied.reply
        }

        fn base(&self) -> Base {
            Base { epoch: self.state.epoch(), digest: *self.state.registry_digest() }
        }

        /// A proposal of what an edit of the registry in force comes to.
        fn propose(&mut self, organisation: &str, edit: impl FnOnce(&mut Value)) -> Reply {
            let before = self.state.registry();
            let mut document = serde_json::to_value(before.document()).unwrap();
            edit(&mut document);
            let change = Change::between(before, &registry(document)).unwrap();
            let (base, signed) = (self.base(), signed(organisation));
            self.propose_as(organisation, ProposeChange { change, base, signed, reason: None })
        }

        fn propose_as(&mut self, organisation: &str, proposal: ProposeChange) -> Reply {
            self.apply(organisation, Command::ProposeChange(proposal.into()))
        }

        fn approve(&mut self, organisation: &str, proposal: ProposalId) -> Reply {
            let signed = signed(organisation);
            let approve = ApproveChange { proposal, signed };
            self.apply(organisation, Command::ApproveChange(approve.into()))
        }

        fn waiting(&mut self, organisation: &str, edit: impl FnOnce(&mut Value)) -> ProposalId {
            let reply = self.propose(organisation, edit);
            let Reply::Proposed { id, epoch: None } = reply else { panic!("{reply:?}") };
            id
        }
    }

    fn signed(organisation: &str) -> Signed {
        Signed {
            organisation: OrganisationId::parse(organisation).unwrap(),
            service: ServiceId::parse(&format!("{organisation}/registrar")).unwrap(),
            key: KeyId::parse(organisation).unwrap(),
            statement: vec![1],
            signature: vec![2],
            at: Timestamp::ZERO,
        }
    }

    fn widen(document: &mut Value) {
        document["groups"][0]["members"] = json!(["a", "b", "c"]);
    }

    fn narrow(document: &mut Value) {
        document["groups"][0]["members"] = json!(["a"]);
    }

    fn refused(reply: &Reply) -> Reason {
        let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
        refusal.reason
    }

    #[test]
    fn what_only_takes_away_takes_effect_with_one_signature() {
        let mut world = World::new();
        let reply = world.propose("a", narrow);
        let id = ProposalId(2);
        assert_eq!(reply, Reply::Proposed { id, epoch: Some(2) });
        assert_eq!(
            (world.state.epoch(), world.events.as_slice()),
            (2, [Event::Epoch(2)].as_slice())
        );
        let members = world.state.registry().document().groups[0].members.len();
        assert_eq!(members, 1);
        let listed = world.state.proposal(id).unwrap();
        let was = listed.replaced[0].text();
        assert_eq!(
            (listed.effect, was.contains(r#"["a","b"]"#)),
            (Effect::Tightens, true),
            "{was}"
        );
        assert_eq!(listed.signed[0].at, world.now);
    }

    #[test]
    fn row32_what_may_give_waits_for_another_organisation() {
        let mut world = World::new();
        let id = world.waiting("a", widen);
        assert_eq!(world.state.epoch(), 1);
        let own = world.approve("a", id);
        assert_eq!(refused(&own), Reason::OwnProposal);
        let reply = world.approve("b", id);
        assert_eq!(reply, Reply::Proposed { id, epoch: Some(world.position) });
        assert_eq!(world.state.registry().document().groups[0].members.len(), 3);
        let again = world.approve("c", id);
        assert_eq!(refused(&again), Reason::ProposalClosed);
        assert_eq!(
            world.state.standing(world.state.proposal(id).unwrap(), world.now),
            Standing::Applied
        );
    }

    #[test]
    fn a_proposal_of_another_registry_is_refused() {
        let mut world = World::new();
        let base = world.base();
        let change = Change::between(world.state.registry(), &{
            let mut document = document();
            widen(&mut document);
            registry(document)
        });
        let change = change.unwrap();
        let waiting = world.waiting("a", widen);
        world.propose("c", |document| document["organisations"][1]["clearance"] = 1.into());
        assert_eq!(refused(&world.approve("b", waiting)), Reason::RegistryBaseStale);
        let late = ProposeChange { change, base, signed: signed("a"), reason: None };
        assert_eq!(refused(&world.propose_as("a", late.clone())), Reason::RegistryBaseStale);
        // Even when the registry is as it was then: what was proposed before is of another.
        let back = |document: &mut Value| document["organisations"][1]["clearance"] = 2.into();
        let back = world.waiting("b", back);
        world.approve("a", back);
        assert_eq!(*world.state.registry_digest(), base.digest);
        assert_eq!(refused(&world.approve("b", waiting)), Reason::NotFound);
        assert_eq!(refused(&world.propose_as("a", late)), Reason::RegistryBaseStale);
    }

    #[test]
    fn a_suspension_makes_another_registry() {
        let mut world = World::new();
        let waiting = world.waiting("a", widen);
        let service = ServiceId::parse("a/s").unwrap();
        world.apply("c", Command::SuspendService(SuspendService { service, reason: None }));
        assert_eq!(refused(&world.approve("b", waiting)), Reason::RegistryBaseStale);
    }

    #[test]
    fn a_proposal_waits_for_thirty_days() {
        let mut world = World::new();
        let id = world.waiting("a", widen);
        world.now = world.state.proposal(id).unwrap().until().after_micros(-1);
        assert_eq!(refused(&world.approve("a", id)), Reason::OwnProposal);
        world.now = world.now.after_micros(2);
        assert_eq!(refused(&world.approve("b", id)), Reason::ProposalClosed);
        let days = (world.now.micros() - START.micros()) / 86_400_000_000;
        assert_eq!(days, PROPOSAL_DAYS);
        let next = world.waiting("a", widen);
        let open: Vec<ProposalId> = world.state.proposals().map(|one| one.id).collect();
        assert_eq!(open, [next]);
    }

    #[test]
    fn so_many_proposals_wait_and_no_more() {
        let mut world = World::new();
        for _ in 0..PROPOSALS_OPEN_MAX {
            world.waiting("a", widen);
        }
        let more = world.propose("b", widen);
        assert_eq!(refused(&more), Reason::ProposalLimit);
        assert!(matches!(world.propose("b", narrow), Reply::Proposed { epoch: Some(_), .. }));
    }

    #[test]
    fn the_proposers_organisation_alone_takes_it_back() {
        let mut world = World::new();
        let proposal = world.waiting("a", widen);
        let withdraw = || Command::WithdrawChange(WithdrawChange { proposal });
        assert_eq!(refused(&world.apply("b", withdraw())), Reason::NotTheProposer);
        assert_eq!(world.apply("a", withdraw()), Reply::Done);
        assert_eq!(refused(&world.approve("b", proposal)), Reason::NotFound);
        let Reply::Proposed { id, .. } = world.propose("a", narrow) else { panic!("not taken") };
        let applied = Command::WithdrawChange(WithdrawChange { proposal: id });
        assert_eq!(refused(&world.apply("a", applied)), Reason::ProposalClosed);
    }

    #[test]
    fn a_registry_that_would_not_hold_is_not_proposed() {
        let mut world = World::new();
        let before = world.state.registry();
        let mut other = document();
        other["groups"][0]["members"] = json!(["a", "b"]);
        other["services"][0]["organisation"] = "a".into();
        other["organisations"] = json!(document()["organisations"].as_array().unwrap()[..2]);
        other["registry_keys"] = json!(document()["registry_keys"].as_array().unwrap()[..2]);
        let mut change = Change::between(before, &registry(other)).unwrap().operations().to_vec();
        // The key of the third organisation would stay without its organisation.
        change.retain(|one| one.key().table.as_str() != "registry_keys");
        let (change, base) = (Change::of(change).unwrap(), world.base());
        let signed = signed("a");
        let reply = world.propose_as("a", ProposeChange { change, base, signed, reason: None });
        assert_eq!(refused(&reply), Reason::RegistryInvalid);
    }

    #[test]
    fn lifting_a_suspension_takes_two_and_lets_the_service_in() {
        let mut world = World::new();
        let service = ServiceId::parse("a/s").unwrap();
        let suspend = SuspendService { service: service.clone(), reason: None };
        world.apply("c", Command::SuspendService(suspend));
        assert!(world.state.registry().service(&service).unwrap().suspended);
        let lift = |document: &mut Value| document["services"][0]["suspended"] = false.into();
        let id = world.waiting("c", lift);
        assert!(matches!(world.approve("a", id), Reply::Proposed { epoch: Some(_), .. }));
        assert!(!world.state.registry().service(&service).unwrap().suspended);
        assert!(world.state.suspension(&service).is_none());
    }

    #[test]
    fn a_suspension_by_change_is_one_like_any_other() {
        let mut world = World::new();
        let suspend = |document: &mut Value| document["services"][0]["suspended"] = true.into();
        assert!(matches!(world.propose("b", suspend), Reply::Proposed { epoch: Some(_), .. }));
        let service = ServiceId::parse("a/s").unwrap();
        assert!(world.events.contains(&Event::Suspended(service.clone())));
        assert_eq!(world.state.suspension(&service).unwrap().by.as_str(), "b/registrar");
        // Its roles can be narrowed while it is shut out, and it stays so.
        let roles = |document: &mut Value| document["services"][0]["roles"] = json!(["reader"]);
        assert!(matches!(world.propose("b", roles), Reply::Proposed { epoch: Some(_), .. }));
        assert!(world.state.suspension(&service).is_some());
        let gone = |document: &mut Value| document["services"] = json!([]);
        assert!(matches!(world.propose("b", gone), Reply::Proposed { epoch: Some(_), .. }));
        assert!(world.state.suspension(&service).is_none());
    }

    #[test]
    fn a_single_organisation_changes_its_registry_alone() {
        let mut world = World::new();
        let alone = |document: &mut Value| {
            document["registry_keys"].as_array_mut().unwrap().truncate(1);
        };
        let id = world.waiting("a", alone);
        assert!(matches!(world.approve("b", id), Reply::Proposed { epoch: Some(_), .. }));
        assert!(matches!(world.propose("a", widen), Reply::Proposed { epoch: Some(_), .. }));
    }
}
