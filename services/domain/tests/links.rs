//! Links: what is numbered for an own picture and what an answer to it changes, what was set aside,
//! and what came of a view whose peer speaks for it no more.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Arc};

    use samsyn_domain::{
        AreaId, Basis, CategoryId, Content, DomainId, FeatureLevel, Form, Geography, Kind, Labels,
        LegalBasisId, Observation, ObservationId, OrganisationId, PartyId, PeriodKind, PriorityId,
        PurposeId, Reason, Regime, RowId, Sealed, Secrecy, ServiceId, State, Timestamp, UnitKey,
        command::{
            Actor, Command, Effect, Found, Looked, NumberEnvelopes, Offer, ReleaseEnvelope, Reply,
            Source, Submission, TakeEnvelopes, Tick, ToNumber, ToTake,
        },
        disclosure::Ground,
        link::{
            CHANGES_MAX, Compared, DeliveryRef, EnvelopeId, FindingRef, Header, NotTakenFor, Phase,
            PictureRef, QuarantinedFor, Received, ReceivedFinding, Receiver, Share,
        },
        registry::{Document, Peer},
        row::{Row, Stage},
    };

    const NOW: Timestamp = Timestamp::from_micros(1_759_312_800_000_000);

    struct World {
        state: State,
        position: u64,
        envelopes: u8,
    }

    fn picture() -> PictureRef {
        PictureRef {
            peer: DomainId::parse("b.example").unwrap(),
            party: PartyId::parse("lpo").unwrap(),
            area: AreaId::parse("area").unwrap(),
        }
    }

    fn id(name: &str) -> ObservationId {
        ObservationId::parse(name).unwrap()
    }

    fn refused(reason: &str) -> Option<NotTakenFor> {
        NotTakenFor::new(reason, "")
    }

    fn observation(id: ObservationId) -> Observation {
        let labels = Labels {
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
        };
        let content = Content {
            form: Form::Observation,
            category: CategoryId::parse("theft").unwrap(),
            kind: Kind::ReportedCrime,
            priority: PriorityId::parse("places").unwrap(),
            geography: Geography { area: picture().area, sub_area: None, place: None },
            starts_at: NOW,
            ends_at: NOW,
            count: None,
            severity: None,
            trend: None,
            basis: Basis::Fact,
            source: None,
            reliability: None,
            credibility: None,
            labels: Arc::new(labels),
        };
        Observation { id, content, sealed: None }
    }

    impl World {
        fn new() -> Self {
            Self::of(BTreeSet::new())
        }

        /// With a peer that may deliver what it says of some areas.
        fn of(areas: BTreeSet<AreaId>) -> Self {
            let peer = Peer {
                id: picture().peer,
                name: "b".to_owned(),
                federation: "f".to_owned(),
                endpoints: Vec::new(),
                authorities: Vec::new(),
                keys: BTreeSet::new(),
                organisations: BTreeSet::new(),
                ceiling: 2,
                message_kinds: BTreeSet::new(),
                envelopes_per_minute: 1,
                areas,
                deliveries: BTreeSet::new(),
            };
            let document = Document { peers: vec![peer], ..Document::default() };
            let found = Found {
                domain: "a.example".into(),
                document: Arc::new(document),
                key_file: [0; 32],
                policy: [1; 32],
                level: FeatureLevel::DELIVERIES,
            };
            let mut world = Self { state: State::default(), position: 0, envelopes: 0 };
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
            let (epoch, valid_until) = (self.state.epoch(), NOW.after_seconds(30));
            let submission = Submission { actor, key: None, epoch, valid_until, command };
            self.state.apply(NOW, self.position, &submission).reply
        }

        fn share(&self) -> Share {
            self.state.contributions().share(&picture())
        }

        fn looked(&self, turn: u64) -> Looked {
            let PictureRef { party, area, .. } = picture();
            Looked { party, area, turn, compared: Compared { revision: 3, epoch: 1 } }
        }

        fn offer(&self, changes: Vec<(ObservationId, Option<u64>)>) -> Offer {
            let looked = self.looked(self.share().turn);
            let orgnr = "2021000076".into();
            Offer { looked, orgnr, whole: false, last: true, more: false, changes }
        }

        /// The party has observations, each since revision 3 of the area.
        fn has(&mut self, ids: impl IntoIterator<Item = ObservationId>) {
            let PictureRef { party, area, .. } = picture();
            for id in ids {
                self.state.absorb(Row::Stage(Stage {
                    area: area.clone(),
                    party: party.clone(),
                    observation: Some(Arc::new(observation(id.clone()))),
                    id,
                    revision: 3,
                    version: 1,
                    embargoed: false,
                }));
            }
        }

        fn numbers(&mut self, offers: Vec<Offer>) -> Result<(), Reason> {
            let envelopes = offers.into_iter().map(|offer| {
                self.envelopes += 1;
                ToNumber {
                    source: Source::Picture(offer),
                    id: EnvelopeId::of([self.envelopes; 32]),
                    header: [0].into(),
                    signature: [0; 64].into(),
                    payload: Sealed { key: UnitKey::named("u"), bytes: [].into() },
                    disclosure: None,
                }
            });
            let envelopes = envelopes.collect();
            let peer = picture().peer;
            let after = self.state.links().link(&peer).out;
            let number =
                NumberEnvelopes { peer, after, envelopes, dropped: Vec::new(), looked: Vec::new() };
            let reply = self.apply(Command::NumberEnvelopes(number.into()));
            if let Reply::Refused(refusal) = reply { Err(refusal.reason) } else { Ok(()) }
        }

        /// The peer answers what waits.
        fn answered(&mut self, refused: Option<NotTakenFor>) {
            let PictureRef { peer, party, area } = picture();
            let under_way = self.share().under_way;
            let envelope = under_way.and_then(|one| one.envelopes.last().copied());
            let envelope = envelope.unwrap_or(EnvelopeId::NONE);
            let effect = Effect::Answer { party, area, envelope, version: 7, refused };
            let after = self.state.links().link(&peer).taken;
            let envelopes = vec![ToTake { id: EnvelopeId::of([0xaa; 32]), effect }];
            let take = TakeEnvelopes { peer, after, envelopes };
            assert_eq!(self.apply(Command::TakeEnvelopes(take.into())), Reply::Done);
        }

        fn held(&self) -> Vec<(String, u64)> {
            let held = self.state.contributions().held(&picture());
            held.map(|(id, revision)| (id.to_string(), revision)).collect()
        }
    }

    #[test]
    fn only_what_was_made_for_a_share_as_it_stands_is_numbered() {
        let mut world = World::new();
        world.has([id("a"), id("b")]);
        let first = world.offer(vec![(id("a"), Some(3))]);
        assert_eq!(world.numbers(vec![first.clone(), first.clone()]), Err(Reason::LinkStale));
        assert_eq!(world.numbers(vec![first.clone()]), Ok(()));
        assert_eq!(world.numbers(vec![first]), Err(Reason::LinkStale), "an earlier turn");
        let next = world.offer(vec![(id("b"), Some(3))]);
        assert_eq!(world.numbers(vec![next]), Err(Reason::LinkStale), "an answer is missing");
        world.answered(None);
        assert_eq!(world.held(), [("a".to_owned(), 3)]);
        let next = world.offer(vec![(id("a"), None), (id("b"), Some(3))]);
        assert_eq!(world.numbers(vec![next]), Ok(()));
        assert_eq!(world.state.contributions().may_hold(&picture()), 2, "until it is answered");
        world.answered(None);
        assert_eq!(world.held(), [("b".to_owned(), 3)]);
        // What is another by now, or is not there at all, does not go as it was.
        for stage in [Some(2), Some(4)] {
            let next = world.offer(vec![(id("b"), stage)]);
            assert_eq!(world.numbers(vec![next]), Err(Reason::LinkStale), "{stage:?}");
        }
        let next = world.offer(vec![(id("c"), Some(3))]);
        assert_eq!(world.numbers(vec![next]), Err(Reason::LinkStale));
    }

    #[test]
    fn a_contribution_has_a_bound_over_all_its_pieces() {
        let mut world = World::new();
        let many = |from: usize, count: usize| -> Vec<_> {
            (from..from + count).map(|n| (id(&format!("o{n}")), Some(3))).collect()
        };
        world.has((0..CHANGES_MAX + 2).map(|n| id(&format!("o{n}"))));
        let piece = Offer { last: false, ..world.offer(many(0, CHANGES_MAX - 1)) };
        assert_eq!(world.numbers(vec![piece]), Ok(()));
        let over = world.offer(many(CHANGES_MAX, 2));
        assert_eq!(world.numbers(vec![over]), Err(Reason::TooLarge));
        let last = world.offer(many(CHANGES_MAX, 1));
        assert_eq!(world.numbers(vec![last]), Ok(()));
        world.answered(None);
        assert_eq!(world.held().len(), CHANGES_MAX);
    }

    #[test]
    fn after_a_refusal_it_begins_anew_and_at_once_where_that_helps() {
        let (stands, at_once) = (Compared { revision: 3, epoch: 1 }, Compared::default());
        for (reason, whole, withdraws, compared) in [
            ("UNKNOWN_CODE", false, false, stands),
            // What must go from there does not wait.
            ("UNKNOWN_CODE", false, true, at_once),
            ("VERSION_CONFLICT", false, false, at_once),
            // What was whole names no version: that cannot be it.
            ("VERSION_CONFLICT", true, false, stands),
        ] {
            let mut world = World::new();
            world.has([id("a")]);
            let mut changes = vec![(id("a"), Some(3))];
            changes.extend(withdraws.then(|| (id("b"), None)));
            // There is more: after a refusal that alone is no reason to go on.
            let offer = Offer { whole, more: true, ..world.offer(changes) };
            world.numbers(vec![offer]).unwrap();
            world.answered(refused(reason));
            let share = world.share();
            assert_eq!((share.version, share.anew, share.waits()), (7, true, false), "{reason}");
            assert_eq!(share.compared, compared, "{reason}");
            assert_eq!(share.told.unwrap().refused, refused(reason));
            assert!(world.held().is_empty(), "{reason}");
        }
    }

    #[test]
    fn what_was_set_aside_is_let_go_by_its_own_id_alone() {
        let mut world = World::new();
        let (peer, header) = (picture().peer, b"header".as_slice());
        let effect = Effect::Quarantine {
            reason: QuarantinedFor::UnknownKind,
            header: header.into(),
            signature: [0; 64].into(),
            payload: Sealed { key: UnitKey::named("u"), bytes: [].into() },
        };
        let after = world.state.links().link(&peer).taken;
        let envelopes = vec![ToTake { id: Header::id_of(header), effect }];
        let take = TakeEnvelopes { peer: peer.clone(), after, envelopes };
        assert_eq!(world.apply(Command::TakeEnvelopes(take.into())), Reply::Done);
        let mut discard = |id: EnvelopeId| {
            let (peer, effect) = (peer.clone(), None);
            let discard = ReleaseEnvelope { peer, epoch: 1, sequence: 1, id, effect };
            let reply = world.apply(Command::ReleaseEnvelope(discard.into()));
            if let Reply::Refused(refusal) = reply { Err(refusal.reason) } else { Ok(()) }
        };
        // What a node that lags does not have yet it knows no id of.
        assert_eq!(discard(EnvelopeId::default()), Err(Reason::NotFound));
        assert_eq!(discard(Header::id_of(header)), Ok(()));
        assert_eq!(discard(Header::id_of(header)), Err(Reason::NotFound), "it is gone");
    }

    #[test]
    fn a_view_of_an_area_for_which_its_peer_does_not_speak_goes() {
        let area = picture().area;
        for (areas, stays) in [(BTreeSet::from([area.clone()]), true), (BTreeSet::new(), false)] {
            let mut world = World::of(areas);
            let of = DeliveryRef { peer: picture().peer, id: RowId::parse("d").unwrap() };
            let receiver = Receiver {
                orgnr: "2120000142".into(),
                parties: BTreeSet::new(),
                areas: [area.clone()].into(),
                periods: PeriodKind::ALL.into(),
                ground: Ground {
                    purpose: PurposeId::parse("prevention").unwrap(),
                    legal_basis: LegalBasisId::parse("law").unwrap(),
                    weighing: None,
                },
            };
            let (key, phase) = (of.clone(), Phase::Whole);
            let (step, number, begun, forgotten, at) = (2, 2, 1, 1, NOW);
            let received =
                Received { of: key, receiver, step, phase, number, begun, forgotten, at };
            world.state.absorb(Row::Received(received.into()));
            let found = ReceivedFinding {
                of: of.clone(),
                key: FindingRef {
                    area: area.clone(),
                    period: "2025-10".parse().unwrap(),
                    id: "area/theft".into(),
                },
                number,
                revision: 1,
                recorded_at: NOW,
                content: Some(Sealed { key: UnitKey::named("u"), bytes: [1].into() }),
                until: None,
                at,
            };
            world.state.absorb(Row::ReceivedFinding(found.into()));
            assert_eq!(world.state.has_due(NOW), !stays);
            world.apply(Command::Tick(Tick));
            assert!(!world.state.has_due(NOW));
            let deliveries = world.state.deliveries();
            assert_eq!(deliveries.received(&of).is_some(), stays);
            assert_eq!(deliveries.count(&of), usize::from(stays));
        }
    }
}
