//! Messages: what belongs to a thread, what a recipient may say, what is full, what time ends.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use samsyn_domain::{
        DomainId, FeatureLevel, FunctionId, Labels, OrganisationId, PurposeId, Reason, Regime,
        Sealed, Secrecy, ServiceId, State, Timestamp, UnitKey,
        command::{
            Actor, Command, Found, MarkMessage, NumberEnvelopes, Reply, SendMessage, Submission,
            Tick,
        },
        disclosure::Ground,
        message::{
            Core, INBOX_MAX, MessageId, MessageKind, Precedence, Receipt, RejectedFor, Step,
        },
        registry::{Document, Registry},
        row::Row,
    };

    const NOW: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);
    const CITY: &str = "2120000142/samordnare";
    const POLICE: &str = "2021000076/kommunpolis";
    const OTHER: &str = "2021000076/annan";
    const FAR: &str = "2021000225/mottagning";

    struct World {
        state: State,
        position: u64,
        sent: u128,
        now: Timestamp,
    }

    fn function(address: &str) -> FunctionId {
        FunctionId::parse(address).unwrap()
    }

    impl World {
        fn new() -> Self {
            let mut world = Self { state: State::default(), position: 0, sent: 0, now: NOW };
            let document = document();
            Registry::build(&document).unwrap();
            let found = Found {
                domain: "a.example".into(),
                document: document.into(),
                key_file: [0; 32],
                policy: [1; 32],
                level: FeatureLevel::MESSAGES,
            };
            assert_eq!(world.apply(Command::Found(found.into())), Reply::Epoch { epoch: 1 });
            world
        }

        fn apply(&mut self, command: Command) -> Reply {
            self.position += 1;
            let actor = Actor {
                organisation: OrganisationId::parse("stad").unwrap(),
                service: ServiceId::parse("stad/sdf").unwrap(),
                role: None,
                pseudonym: None,
            };
            let (epoch, valid_until) = (self.state.epoch(), self.now.after_seconds(30));
            let submission = Submission { actor, key: None, epoch, valid_until, command };
            self.state.apply(self.now, self.position, &submission).reply
        }

        fn send(&mut self, from: &str, to: &[&str], answers: Option<MessageId>) -> Reply {
            let thread = answers.and_then(|id| self.state.messages().get(&id));
            let thread = thread.map(|kept| kept.message.thread());
            self.send_in(from, to, (thread, answers))
        }

        fn send_in(
            &mut self,
            from: &str,
            to: &[&str],
            (thread, in_reply_to): (Option<MessageId>, Option<MessageId>),
        ) -> Reply {
            self.sent += 1;
            let core = Core {
                domain: DomainId::parse("a.example").unwrap(),
                from: function(from),
                to: to.iter().map(|to| function(to)).collect(),
                kind: MessageKind::Question,
                precedence: Precedence::Routine,
                thread,
                in_reply_to,
                respond_by: None,
                valid_seconds: 60,
                labels: Arc::new(labels()),
                ground: Ground {
                    purpose: PurposeId::parse("prevention").unwrap(),
                    legal_basis: samsyn_domain::LegalBasisId::parse("law").unwrap(),
                    weighing: None,
                },
                nonce: self.sent.to_be_bytes(),
                content: [0; 32],
                parts: Vec::new(),
            };
            let text = Sealed { key: UnitKey::named("u"), bytes: [].into() };
            let id = core.id().unwrap();
            self.apply(Command::SendMessage(SendMessage { id, core: core.into(), text }.into()))
        }

        fn sent(&mut self, from: &str, to: &[&str], answers: Option<MessageId>) -> MessageId {
            let reply = self.send(from, to, answers);
            let Reply::Sent { message } = reply else { panic!("{reply:?}") };
            message
        }

        fn mark(&mut self, message: MessageId, by: &str, step: Step) -> Reply {
            self.apply(Command::MarkMessage(MarkMessage { message, function: function(by), step }))
        }

        fn step(&self, message: &MessageId, to: &str) -> Option<Step> {
            self.state.messages().get(message).unwrap().step(&function(to))
        }
    }

    fn refused(reply: &Reply) -> (Reason, &str) {
        let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
        (refusal.reason, &refusal.field)
    }

    fn labels() -> Labels {
        Labels {
            level: Secrecy::of(1).unwrap(),
            audience: BTreeSet::new(),
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

    #[test]
    fn an_answer_is_to_what_its_function_has_sent_or_got() {
        let mut world = World::new();
        let asked = world.sent(CITY, &[POLICE], None);
        let answered = world.sent(POLICE, &[CITY], Some(asked));
        world.sent(CITY, &[POLICE], Some(answered));
        let not_found = (Reason::NotFound, "in_reply_to");
        assert_eq!(refused(&world.send(OTHER, &[CITY], Some(asked))), not_found);
        let unknown = MessageId::of([9; 32]);
        assert_eq!(refused(&world.send(CITY, &[POLICE], Some(unknown))), not_found);
        // Neither into another thread, nor into one without answering anything in it.
        let apart = world.sent(CITY, &[POLICE], None);
        let into = (Some(apart), Some(asked));
        assert_eq!(refused(&world.send_in(CITY, &[POLICE], into)), not_found);
        assert_eq!(refused(&world.send_in(CITY, &[POLICE], (Some(asked), None))), not_found);
        assert_eq!(world.state.messages().thread(&asked).count(), 3);
    }

    #[test]
    fn a_recipient_moves_its_own_ladder_upwards_to_one_end() {
        let mut world = World::new();
        let id = world.sent(CITY, &[POLICE, OTHER], None);
        let not_found = (Reason::NotFound, "message_id");
        assert_eq!(refused(&world.mark(id, CITY, Step::Read)), not_found);
        assert_eq!(world.mark(id, POLICE, Step::Acted), Reply::Done);
        for step in [Step::Read, Step::Acted] {
            assert_eq!(world.mark(id, POLICE, step), Reply::Done, "it stands already");
        }
        let closed = (Reason::MessageClosed, "message_id");
        assert_eq!(refused(&world.mark(id, POLICE, Step::Rejected)), closed);
        assert_eq!(world.mark(id, OTHER, Step::Rejected), Reply::Done);
        assert_eq!(refused(&world.mark(id, OTHER, Step::Acted)), closed);
        let kept = world.state.messages().get(&id).unwrap();
        let steps = |to| kept.receipts(&function(to)).iter().map(|r| r.step).collect::<Vec<_>>();
        assert_eq!(steps(POLICE), [Step::Stored, Step::Accepted, Step::Acted]);
        let last = kept.receipts(&function(OTHER)).last().unwrap();
        assert_eq!((last.step, last.reason), (Step::Rejected, Some(RejectedFor::Declined)));
    }

    #[test]
    fn an_inbox_is_full_until_something_in_it_is_dealt_with() {
        let mut world = World::new();
        let first = world.sent(CITY, &[POLICE], None);
        for _ in 1..INBOX_MAX {
            world.sent(CITY, &[POLICE], None);
        }
        let full = world.send(CITY, &[OTHER, POLICE], None);
        assert_eq!(refused(&full), (Reason::InboxFull, "to_functions[1]"));
        assert_eq!(world.state.messages().received(&function(OTHER)), 0, "nobody gets it");
        world.mark(first, POLICE, Step::Read);
        assert_eq!(refused(&world.send(CITY, &[POLICE], None)).0, Reason::InboxFull);
        world.mark(first, POLICE, Step::Acted);
        world.sent(CITY, &[POLICE], None);
        let received = world.state.messages().received(&function(POLICE));
        assert_eq!(received, INBOX_MAX as u64 + 1, "numbers go on");
    }

    #[test]
    fn what_waits_for_a_link_beyond_its_time_is_expired_and_an_unknown_address_is_told() {
        let mut world = World::new();
        let id = world.sent(CITY, &[FAR, POLICE], None);
        assert_eq!(world.step(&id, FAR), Some(Step::Stored));
        for (seconds, step) in [(59, Step::Stored), (61, Step::Expired)] {
            world.now = NOW.after_seconds(seconds);
            world.apply(Command::Tick(Tick));
            assert_eq!(world.step(&id, FAR), Some(step), "{seconds}");
        }
        assert_eq!(world.step(&id, POLICE), Some(Step::Accepted), "who is here has it");
        let nobody = world.send(CITY, &["2021000084/ingen"], None);
        assert_eq!(refused(&nobody), (Reason::UnknownAddress, "to_functions[0]"));
    }

    #[test]
    fn what_has_left_before_is_not_said_to_be_turned_away() {
        for (has_left, last) in [(false, Step::Rejected), (true, Step::Relayed)] {
            let mut world = World::new();
            let id = world.sent(CITY, &[FAR], None);
            if has_left {
                world.state.absorb(Row::Receipt(Receipt {
                    message: id,
                    to: function(FAR),
                    step: Step::Relayed,
                    at: NOW,
                    by: None,
                    reason: None,
                    envelope: None,
                }));
            }
            let peer = DomainId::parse("b.example").unwrap();
            let after = world.state.links().link(&peer).out;
            let dropped = world.state.links().queue(&peer).map(|queued| queued.number).collect();
            let (envelopes, looked) = (Vec::new(), Vec::new());
            let number = NumberEnvelopes { peer, after, envelopes, dropped, looked };
            assert_eq!(world.apply(Command::NumberEnvelopes(number.into())), Reply::Done);
            assert_eq!(world.step(&id, FAR), Some(last));
        }
    }

    fn document() -> Document {
        let text = r#"{
            "lists": {
                "edition": "1", "secrecy_provisions": [], "retention_days_max": 731,
                "own_purpose": "prevention", "own_basis": "law",
                "priorities": [],
                "purposes": [{"id": "prevention", "sv": "P", "en": "P"}],
                "legal_bases": [{"id": "law", "sv": "L", "en": "L"}],
                "sources": []
            },
            "organisations": [
                {"id": "stad", "name": "Stad", "orgnr": "2120000142",
                    "trust_domain": "stad.example", "clearance": 3},
                {"id": "polis", "name": "Polis", "orgnr": "2021000076",
                    "trust_domain": "polis.example", "clearance": 3}
            ],
            "services": [
                {"id": "stad/sdf", "organisation": "stad", "roles": ["reader"]},
                {"id": "polis/lpo", "organisation": "polis", "roles": ["reader"]}
            ],
            "functions": [
                {"id": "2120000142/samordnare", "organisation": "stad", "name": "S",
                    "services": ["stad/sdf"]},
                {"id": "2021000076/kommunpolis", "organisation": "polis", "name": "K",
                    "services": ["polis/lpo"]},
                {"id": "2021000076/annan", "organisation": "polis", "name": "A",
                    "services": ["polis/lpo"]}
            ],
            "peers": [{"id": "b.example", "name": "B", "federation": "prov", "authorities": ["PEM"],
                "keys": [{"id": "b-1", "public_key":
                    "00000000000000000000000000000000000000000000000000000000000000cc"}],
                "organisations": [{"orgnr": "2021000225", "name": "Kriminalvården"}],
                "ceiling": 2, "message_kinds": ["question"], "envelopes_per_minute": 60}]
        }"#;
        serde_json::from_str(text).unwrap()
    }
}
