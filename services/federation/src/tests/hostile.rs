//! A peer that does not keep to what was agreed: each fault has its own answer, and the link and
//! what came before stay as they were.

use std::{sync::Arc, time::Duration};

use samsyn_domain::{
    FunctionId, KeyId, Timestamp,
    commit::{canonical::Message, descriptor::PublicKey, dsse::PayloadType},
    link::{
        Address, CONTRIBUTIONS_LEVEL, Chain, EnvelopeId, FrozenFor, Header, Kind, LEVEL,
        MESSAGES_LEVEL, PAYLOAD_BYTES_MAX, PROTOCOL, Payload, Position, QuarantinedFor,
    },
    message::{MessageId, RejectedFor, Step},
    registry::{Peer, PeerKey},
};
use samsyn_ledger::NotTaken;
use samsyn_policy::judge_again;
use samsyn_proto::link::{Envelope, Hello, frame};
use tokio::{sync::mpsc, time::timeout};

use super::{
    impostor::{Bend, Hostile},
    pictures::draft,
    world::{CITY, Domain, NOW, POLICE, World, labels},
};
use crate::{Closing, Wire, session::came};

/// The city itself does not dial: its place is taken here.
async fn world() -> World {
    let world = World::new().await;
    world.wire.cut();
    world
}

async fn has(domain: &Domain, subjects: &[&str]) {
    assert_eq!(domain.inbox().await, subjects);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_peers_word_ends_the_session_and_takes_no_number() {
    type Spoil = fn(&World, &mut Hostile) -> Envelope;
    let faults: [(Closing, Spoil); 7] = [
        (Closing::BadSignature, |_, hostile| {
            let envelope = hostile.message("x", |_| ());
            Envelope { signature: vec![0; 64].into(), ..envelope }
        }),
        (Closing::BadSignature, |world, hostile| {
            // Signed, and by a key of somebody: of the police themselves.
            let envelope = hostile.message("x", |_| ());
            let police = &world.police.ledger;
            let signature = police.sign_as_domain(PayloadType::LinkEnvelope, &envelope.header);
            let key = PublicKey::Ed25519(police.public_key()).id().0;
            Envelope {
                signature: signature.to_vec().into(),
                key_id: key.to_vec().into(),
                ..envelope
            }
        }),
        (Closing::BadSignature, |_, hostile| {
            // A signature of the city over the same bytes as another kind of statement.
            let envelope = hostile.message("x", |_| ());
            let as_other = PayloadType::LinkPosition;
            let signature = hostile.key.sign_as_domain(as_other, &envelope.header);
            Envelope { signature: signature.to_vec().into(), ..envelope }
        }),
        (Closing::Malformed, |_, hostile| {
            let envelope = hostile.message("x", |_| ());
            Envelope { payload: b"another".to_vec().into(), ..envelope }
        }),
        (Closing::TooLarge, |_, hostile| {
            let payload = vec![0; PAYLOAD_BYTES_MAX + 1];
            hostile.envelope(&payload, Kind::Message.number(), |_| ())
        }),
        (Closing::WrongFederation, |_, hostile| {
            hostile.message("x", |header| "production".clone_into(&mut header.federation))
        }),
        (Closing::Malformed, |_, hostile| hostile.signed(vec![0; 40], b"", [0; 32])),
    ];
    let world = world().await;
    for (place, (expected, spoil)) in faults.into_iter().enumerate() {
        let mut hostile = Hostile::opens(&world, |_| ()).await;
        let envelope = spoil(&world, &mut hostile);
        hostile.sends(envelope).await;
        assert_eq!(hostile.closed().await, expected, "fault {place}");
        let link = world.police.ledger.link(&CITY.id());
        assert_eq!((link.taken.sequence, link.frozen), (0, None), "fault {place}");
    }
    has(&world.police, &[]).await;
    // The link is as it was: the city itself goes on.
    world.wire.mend();
    let id = world.city.sends(POLICE, "själv").await;
    world.city.reaches(id, Step::Accepted).await;
    has(&world.police, &["själv"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_follow_what_came_before_is_refused() {
    let faults: [(Closing, Bend); 4] = [
        (Closing::Gap, |header| header.sequence = 3),
        (Closing::EpochUnknown, |header| header.epoch = 0),
        (Closing::EpochUnknown, |header| header.epoch = 2),
        (Closing::Gap, |header| header.sequence = u64::MAX >> 1),
    ];
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let first = hostile.message("första", |_| ());
    hostile.sends(first).await;
    hostile.taken().await;
    for (place, (expected, bend)) in faults.into_iter().enumerate() {
        let mut hostile = Hostile::opens(&world, |_| ()).await;
        let envelope = hostile.message("x", bend);
        hostile.sends(envelope).await;
        let closed = hostile.closed().await;
        let far = place == 3 && closed == Closing::OverQuota;
        assert!(closed == expected || far, "fault {place}: {closed:?}");
        let link = world.police.ledger.link(&CITY.id());
        assert_eq!((link.taken.sequence, link.frozen), (1, None), "fault {place}");
    }
    has(&world.police, &["första"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_again_is_the_same_or_the_link_stands_still() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let first = hostile.message("första", |_| ());
    hostile.sends(first.clone()).await;
    assert_eq!(hostile.taken().await.set_aside, []);
    // The same once more, in this session and in another.
    hostile.sends(first.clone()).await;
    hostile.taken().await;
    let mut again = Hostile::opens(&world, |_| ()).await;
    again.sends(first).await;
    again.taken().await;
    has(&world.police, &["första"]).await;
    // Another under its number: there are two histories.
    again.chain = Chain::default();
    let other = again.message("andra", |_| ());
    again.sends(other).await;
    assert_eq!(again.closed().await, Closing::Fork);
    let link = world.police.ledger.link(&CITY.id());
    assert_eq!((link.taken.sequence, link.frozen), (1, Some(FrozenFor::Fork)));
    // It stands still for the city too, and nothing is lost.
    let mut later = Hostile::opens(&world, |_| ()).await;
    assert_eq!(later.closed().await, Closing::Frozen);
    has(&world.police, &["första"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_before_it_freezes_the_link() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let first = hostile.message("första", |_| ());
    hostile.sends(first).await;
    hostile.taken().await;
    let next = hostile.message("x", |header| header.previous = EnvelopeId::of([5; 32]));
    hostile.sends(next).await;
    assert_eq!(hostile.closed().await, Closing::Fork);
    assert_eq!(world.police.ledger.link(&CITY.id()).frozen, Some(FrozenFor::Fork));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_of_another_link_or_history_opens_nothing() {
    type BendHello = fn(&mut Hello);
    let faults: [(Closing, BendHello); 6] = [
        (Closing::WrongDomain, |hello| "region.example".clone_into(&mut hello.domain)),
        (Closing::WrongDomain, |hello| "region.example".clone_into(&mut hello.peer)),
        (Closing::WrongFederation, |hello| "production".clone_into(&mut hello.federation)),
        (Closing::ProtocolUnknown, |hello| hello.protocol = PROTOCOL + 1),
        (Closing::EpochUnknown, |hello| hello.numbered.as_mut().unwrap().epoch = 9),
        (Closing::Malformed, |hello| hello.taken = None),
    ];
    let world = world().await;
    for (place, (expected, bend)) in faults.into_iter().enumerate() {
        let mut hostile = Hostile::opens(&world, bend).await;
        assert_eq!(hostile.closed().await, expected, "fault {place}");
        assert_eq!(world.police.ledger.link(&CITY.id()).frozen, None, "fault {place}");
    }
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let first = hostile.message("första", |_| ());
    hostile.sends(first).await;
    hostile.taken().await;
    let forgot = |hello: &mut Hello| hello.numbered.as_mut().unwrap().sequence = 0;
    let mut hostile = Hostile::opens(&world, forgot).await;
    assert_eq!(hostile.closed().await, Closing::Regression);
    let frozen = world.police.ledger.link(&CITY.id()).frozen;
    assert_eq!(frozen, Some(FrozenFor::Regression));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_judged_by_what_is_agreed_no_more_is_not_taken() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let envelope = hostile.message("above", |header| header.labels = Some(labels(3).into()));
    let ledger = &world.police.ledger;
    let agreed = ledger.registered_peer(&CITY.id()).unwrap();
    let before = Peer { ceiling: 3, ..agreed };
    let taken = ledger.take_envelopes(&before, &[came(envelope)]).await;
    assert!(matches!(taken, Err(NotTaken::Replaced)), "{taken:?}");
    assert_eq!(ledger.link(&CITY.id()).taken.sequence, 0);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_is_judged_by_the_keys_of_now() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let Envelope { header, signature, payload, .. } = hostile.message("aside", |_| ());
    let peer = world.police.ledger.registered_peer(&CITY.id()).unwrap();
    let again =
        |peer: &Peer| judge_again((&POLICE.id(), LEVEL), peer, (&header, &signature), &payload);
    assert!(matches!(again(&peer).unwrap().brings, Ok(Payload::Message(_))));
    let public_key = hex::encode(world.police.ledger.public_key());
    let other = PeerKey { id: KeyId::parse("other").unwrap(), public_key };
    assert_eq!(again(&Peer { keys: [other].into(), ..peer }), None);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_acted_on_is_set_aside_and_the_next_is_taken() {
    let faults: [(QuarantinedFor, Bend); 6] = [
        (QuarantinedFor::UnknownKind, |header| header.kind = 99),
        (QuarantinedFor::UpgradeRequired, |header| header.level = LEVEL + 1),
        (QuarantinedFor::NotForUs, |header| {
            header.to.domain = samsyn_domain::DomainId::parse("region.example").unwrap();
        }),
        (QuarantinedFor::NotYours, |header| {
            let of_police = FunctionId::parse("2021000076/kommunpolis").unwrap();
            header.from = Address::function(CITY.id(), of_police);
        }),
        (QuarantinedFor::AboveCeiling, |header| header.labels = Some(labels(3).into())),
        // The labels that were judged are not those of the message.
        (QuarantinedFor::Malformed, |header| header.labels = Some(labels(0).into())),
    ];
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    for (place, (expected, bend)) in faults.into_iter().enumerate() {
        let envelope = hostile.message(&format!("{place}"), bend);
        hostile.sends(envelope).await;
        let told = hostile.taken().await.set_aside;
        assert_eq!(told.len(), 1, "fault {place}");
        assert_eq!(told[0].reason, expected.as_str(), "fault {place}");
        assert_eq!(told[0].sequence, place as u64 + 1);
    }
    // A field that must be understood and is not; one that need not be is passed over.
    for (field, expected) in [(0x8001, Some("upgrade_required")), (0x7fff, None)] {
        let plain = hostile.message(&format!("{field}"), |_| ());
        let header = Message::decode(&plain.header).unwrap().with(field, 1_i64).encode().unwrap();
        hostile.chain = Chain { sequence: hostile.chain.sequence - 1, ..hostile.chain };
        let envelope = hostile.signed(header, &plain.payload, [7; 32]);
        hostile.sends(envelope).await;
        let told = hostile.taken().await.set_aside;
        assert_eq!(told.first().map(|aside| aside.reason.as_str()), expected, "{field}");
    }
    let aside = world.police.ledger.quarantined(&CITY.id());
    assert_eq!(aside.len(), 7);
    let link = world.police.ledger.link(&CITY.id());
    assert_eq!((link.taken.sequence, link.frozen), (8, None));
    has(&world.police, &["32767"]).await;
    world.close().await;
}

impl Hostile {
    /// The level of the next receipt, which says that a message was rejected, and why it was.
    async fn rejected(&mut self) -> (u32, Option<RejectedFor>) {
        loop {
            let frame::Kind::Envelope(envelope) = self.next().await else { continue };
            let (header, _) = Header::decode(&envelope.header).unwrap();
            let kind = Kind::from_number(header.kind).unwrap();
            let Payload::Receipt { step, reason, .. } =
                Payload::decode(kind, &envelope.payload).unwrap()
            else {
                panic!("{kind:?}")
            };
            assert_eq!(step, Step::Rejected);
            return (header.level, reason);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_have_been_sent_from_here_is_declined_and_not_kept() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let long = "x".repeat(201);
    for subject in ["811218-9876", "ring\u{7}", "två\nrader", "", &long] {
        let envelope = hostile.message(subject, |_| ());
        hostile.sends(envelope).await;
        let (level, reason) = hostile.rejected().await;
        assert_eq!(level, CONTRIBUTIONS_LEVEL, "{subject:?}");
        assert_eq!(reason, Some(RejectedFor::Unfit), "{subject:?}");
    }
    let envelope = hostile.message("Ringer i morgon", |_| ());
    hostile.sends(envelope).await;
    while world.police.inbox().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    has(&world.police, &["Ringer i morgon"]).await;
    assert!(world.police.ledger.quarantined(&CITY.id()).is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_messages_alone_is_told_nothing_newer() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |hello| hello.level = MESSAGES_LEVEL).await;
    let envelope = hostile.message("811218-9876", |_| ());
    hostile.sends(envelope).await;
    let expected = (MESSAGES_LEVEL, Some(RejectedFor::NotAllowed));
    assert_eq!(hostile.rejected().await, expected);
    // An own picture waits until the peer knows of them.
    world.police.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    let (ledger, city) = (&world.police.ledger, CITY.id());
    let numbered = |level| ledger.number_envelopes(&city, level);
    assert_eq!(numbered(MESSAGES_LEVEL).await.unwrap(), 0);
    assert_eq!(numbered(CONTRIBUTIONS_LEVEL).await.unwrap(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_who_is_not_the_recipient_says_nothing() {
    let world = world().await;
    let own = world.police.sends(CITY, "till staden").await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let receipt = |message: MessageId, to: FunctionId, step: Step| {
        let reason = None;
        Payload::Receipt { message, to, step, at: NOW, reason }.encode().unwrap()
    };
    let as_domain: Bend = |header| {
        header.from = Address::domain(CITY.id());
        header.to = Address::domain(POLICE.id());
        header.labels = None;
    };
    let kind = Kind::Receipt.number();
    // Of a recipient that is at home elsewhere; of a message that is not there; of a step that only
    // the sender's domain gives.
    let police = receipt(own, POLICE.function(), Step::Acted);
    let envelope = hostile.envelope(&police, kind, as_domain);
    hostile.sends(envelope).await;
    assert_eq!(hostile.taken().await.set_aside[0].reason, "not_yours");
    for (message, step) in [(MessageId::of([4; 32]), Step::Read), (own, Step::Expired)] {
        let payload = receipt(message, CITY.function(), step);
        let envelope = hostile.envelope(&payload, kind, as_domain);
        hostile.sends(envelope).await;
        assert_eq!(hostile.taken().await.set_aside, []);
    }
    let steps = world.police.steps(own).await;
    assert!(steps.iter().all(|step| *step <= Step::Relayed), "{steps:?}");
    // The recipient itself, and then nothing after the end.
    for step in [Step::Acted, Step::Read, Step::Rejected] {
        let payload = receipt(own, CITY.function(), step);
        let envelope = hostile.envelope(&payload, kind, as_domain);
        hostile.sends(envelope).await;
        hostile.taken().await;
    }
    let steps = world.police.steps(own).await;
    assert_eq!(steps.iter().filter(|step| step.is_end()).count(), 1, "{steps:?}");
    assert_eq!(steps.last(), Some(&Step::Acted));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_more_than_it_was_granted_is_cut_off() {
    let world = World::agreed(|city| city.envelopes_per_minute = 3).await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    for n in 0..4 {
        let envelope = hostile.message(&n.to_string(), |_| ());
        hostile.sends(envelope).await;
    }
    assert_eq!(hostile.closed().await, Closing::OverQuota);
    let taken = world.police.ledger.link(&CITY.id()).taken.sequence;
    assert!(taken <= 3, "{taken}");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_comes_anew_has_used_what_it_was_granted_before() {
    let world = World::agreed(|city| city.envelopes_per_minute = 3).await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    for n in 0..3 {
        let envelope = hostile.message(&n.to_string(), |_| ());
        hostile.sends(envelope).await;
        assert_eq!(hostile.taken().await.set_aside, []);
    }
    let mut again = Hostile::opens(&world, |_| ()).await;
    let envelope = again.message("3", |_| ());
    again.sends(envelope).await;
    assert_eq!(again.closed().await, Closing::OverQuota);
    world.police.at(NOW.after_seconds(20));
    let mut later = Hostile::opens(&world, |_| ()).await;
    let envelope = later.message("3", |_| ());
    later.sends(envelope).await;
    assert_eq!(later.taken().await.set_aside, []);
    has(&world.police, &["0", "1", "2", "3"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_was_lost_with_the_wire_is_said_again() {
    let world = world().await;
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let envelope = hostile.message("0", |_| ());
    hostile.sends(envelope).await;
    hostile.taken().await;
    // It comes anew, has not heard that this was taken in, and has nothing more to send.
    let forgets = |hello: &mut Hello| hello.acknowledged.as_mut().unwrap().sequence = 0;
    let mut again = Hostile::opens(&world, forgets).await;
    let position = Position::decode(&again.taken().await.position).unwrap();
    assert_eq!(position.chain, again.chain);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_lies_is_shown_and_changes_nothing() {
    let world = world().await;
    let year = 365 * 86_400;
    let ahead = NOW.after_seconds(year);
    let mut hostile = Hostile::opens(&world, |hello| hello.clock_micros = ahead.micros()).await;
    for (n, at) in [(0, ahead), (1, Timestamp::ZERO), (2, NOW)] {
        let envelope = hostile.message(&n.to_string(), |header| header.issued_at = at);
        hostile.sends(envelope).await;
        assert_eq!(hostile.taken().await.set_aside, []);
    }
    let session = world.police.links.standing(&CITY.id()).session.unwrap();
    assert_eq!(session.clock_millis, year * 1_000);
    has(&world.police, &["0", "1", "2"]).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_is_let_go() {
    let world = world().await;
    let (outgoing, mut told) = mpsc::channel(8);
    let incoming = Box::pin(tokio_stream::pending());
    let wire = Wire {
        incoming,
        outgoing,
        certificate_until: NOW.after_seconds(60),
        holds: Arc::new(|| true),
    };
    world.police.links.answer(&CITY.id(), wire);
    let last = async {
        let mut last = None;
        while let Some(frame) = told.recv().await {
            last = frame.kind;
        }
        last
    };
    let last = timeout(Duration::from_secs(20), last).await.unwrap();
    let Some(frame::Kind::Closing(closing)) = last else { panic!("{last:?}") };
    assert_eq!(closing.reason, Closing::Silent.code());
    world.close().await;
}
