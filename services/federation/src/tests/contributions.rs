//! A peer whose contributions do not fit: each is answered with what is in the way, nothing of it
//! takes effect, and the next is taken.

use samsyn_domain::{
    Draft, Labels, ObservationId,
    command::LinkChange,
    link::{
        Address, CONTRIBUTIONS_LEVEL, Contribution, EnvelopeId, Header, Kind, MESSAGES_LEVEL,
        Payload,
    },
};
use samsyn_proto::{
    link::{Hello, frame},
    sealed::Delta,
};

use super::{
    impostor::Hostile,
    pictures::{area, draft, kept},
    world::{CITY, POLICE, World, labels},
};

/// What the police's domain would send, and how it is bent.
struct Sent {
    contribution: Contribution,
    expected: Option<u64>,
    labels: Option<Labels>,
    orgnr: Option<String>,
}

fn of(drafts: Vec<Draft>, withdrawn: &[&str]) -> Sent {
    let labels = Labels::derived(drafts.iter().map(|draft| &*draft.content.labels));
    let withdrawn = withdrawn.iter().map(|id| ObservationId::parse(id).unwrap());
    let delta = Delta::of(drafts, withdrawn).bytes;
    let contribution =
        Contribution { party: POLICE.party(), area: area(), piece: 0, last: true, delta };
    Sent { contribution, expected: Some(0), labels, orgnr: Some(POLICE.orgnr.to_owned()) }
}

impl Sent {
    fn bent(mut self, bend: impl FnOnce(&mut Self)) -> Self {
        bend(&mut self);
        self
    }
}

impl Hostile {
    async fn contributes(&mut self, sent: Sent) {
        let Sent { contribution, expected, labels, orgnr } = sent;
        let payload = Payload::Contribution(contribution.into()).encode().unwrap();
        let bend = |header: &mut Header| {
            header.from = Address { orgnr, ..Address::domain(POLICE.id()) };
            header.to = Address::domain(CITY.id());
            header.expected_version = expected;
            header.labels = labels.map(Into::into);
        };
        let envelope = self.envelope(&payload, Kind::Contribution.number(), bend);
        self.sends(envelope).await;
    }

    /// Why the city sets the next thing aside.
    async fn set_aside(&mut self) -> String {
        loop {
            if let Some(aside) = self.taken().await.set_aside.pop() {
                return aside.reason;
            }
        }
    }

    /// What the city answers: the version there, and why it did not take it.
    async fn answered(&mut self) -> (u64, Option<(String, String)>) {
        loop {
            let frame::Kind::Envelope(envelope) = self.next().await else { continue };
            let (header, _) = Header::decode(&envelope.header).unwrap();
            let kind = Kind::from_number(header.kind).unwrap();
            let Payload::Answer { version, refused, .. } =
                Payload::decode(kind, &envelope.payload).unwrap()
            else {
                continue;
            };
            assert!(header.in_reply_to.is_some(), "it answers an envelope");
            let refused = refused.map(|why| (why.reason().to_owned(), why.field().to_owned()));
            return (version, refused);
        }
    }
}

async fn world() -> World {
    let world = World::new().await;
    world.wire.cut();
    world
}

fn bad(text: &str) -> Draft {
    let mut draft = draft("bad", 1);
    draft.secret.note = Some(text.to_owned());
    draft
}

fn secret() -> Draft {
    let mut draft = draft("secret", 1);
    let audience = draft.content.labels.audience.clone();
    draft.content.labels = Labels { audience, ..labels(3) }.into();
    draft
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contribution_that_does_not_fit_is_answered_and_changes_nothing() {
    let one = || vec![draft("a", 1)];
    let garbage = vec![0xff; 10];
    let unknown = {
        let mut draft = draft("a", 1);
        draft.content.category = samsyn_domain::CategoryId::parse("nowhere").unwrap();
        draft
    };
    let faults = [
        ("NOT_YOUR_PARTY", "", of(one(), &[]).bent(|s| s.contribution.party = CITY.party())),
        ("NOT_YOUR_PARTY", "", of(one(), &[]).bent(|s| s.orgnr = Some(CITY.orgnr.to_owned()))),
        ("NOT_YOUR_AREA", "", of(one(), &[]).bent(|s| s.contribution.area = elsewhere())),
        ("VERSION_CONFLICT", "", of(one(), &[]).bent(|s| s.expected = Some(7))),
        ("VERSION_CONFLICT", "", of(one(), &[]).bent(|s| s.contribution.piece = 3)),
        ("ABOVE_CEILING", "", of(vec![secret()], &[])),
        ("BAD_LABELS", "", of(one(), &[]).bent(|s| s.labels = Some(labels(0)))),
        ("BAD_LABELS", "", of(one(), &[]).bent(|s| s.labels = None)),
        ("MALFORMED", "delta", of(one(), &[]).bent(|s| s.contribution.delta = garbage)),
        ("UNKNOWN_CODE", "delta.upserts[0].category", of(vec![unknown], &[])),
        ("IDENTIFIER_FOUND", "delta.upserts[0].note", of(vec![bad("811218-9876 är här")], &[])),
        ("DUPLICATE_ID", "delta.withdrawn_ids[0]", of(one(), &["a"])),
    ];
    let world = world().await;
    let mut hostile = Hostile::opens_from(&world.police, &world.city, |_| ()).await;
    for (place, (reason, field, sent)) in faults.into_iter().enumerate() {
        hostile.contributes(sent).await;
        let (version, refused) = hostile.answered().await;
        assert_eq!(refused, Some((reason.to_owned(), field.to_owned())), "fault {place}");
        assert_eq!(version, 0, "fault {place}");
    }
    assert!(world.city.has(POLICE).await.counts.is_empty());
    // In the name of nobody.
    hostile.contributes(of(one(), &[]).bent(|s| s.orgnr = None)).await;
    assert_eq!(hostile.set_aside().await, "malformed");
    hostile.contributes(of(one(), &[])).await;
    assert_eq!(hostile.answered().await, (1, None));
    assert_eq!(world.city.has(POLICE).await.counts.len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_wait_for_the_last_one_and_go_when_another_begins() {
    let world = world().await;
    let mut hostile = Hostile::opens_from(&world.police, &world.city, |_| ()).await;
    let piece = |id: &str, number: u32, last: bool| {
        of(vec![draft(id, number)], &[]).bent(|sent| {
            sent.contribution.piece = number;
            sent.contribution.last = last;
        })
    };
    // Two pieces, and then another contribution begins: what waited has no effect.
    hostile.contributes(piece("a", 0, false)).await;
    hostile.contributes(piece("b", 1, false)).await;
    hostile.contributes(piece("c", 0, false)).await;
    hostile.contributes(piece("d", 1, true)).await;
    assert_eq!(hostile.answered().await, (1, None));
    let ids: Vec<String> = world.city.has(POLICE).await.counts.into_keys().collect();
    assert_eq!(ids, ["c", "d"]);
    // What is whole takes away what it does not name.
    let whole = of(vec![draft("d", 1), draft("e", 2)], &[]).bent(|sent| {
        sent.expected = None;
    });
    hostile.contributes(whole).await;
    assert_eq!(hostile.answered().await, (2, None));
    let ids: Vec<String> = world.city.has(POLICE).await.counts.into_keys().collect();
    assert_eq!(ids, ["d", "e"]);
    // The same envelope again has no effect again, and what nobody may see is not shown.
    let alone = of(vec![kept("f", 1)], &["d"]).bent(|sent| sent.expected = Some(2));
    hostile.contributes(alone).await;
    assert_eq!(hostile.answered().await, (3, None));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_what_was_not_asked_says_nothing() {
    let world = world().await;
    world.police.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    let mut hostile = Hostile::opens_from(&world.city, &world.police, |_| ()).await;
    let contribution = loop {
        if let frame::Kind::Envelope(envelope) = hostile.next().await {
            break Header::id_of(&envelope.header);
        }
    };
    let answers = |hostile: &mut Hostile, version: u64, to: Option<EnvelopeId>| {
        let (party, area) = (POLICE.party(), area());
        let answer = Payload::Answer { party, area, version, refused: None };
        let payload = answer.encode().unwrap();
        hostile.envelope(&payload, Kind::Answer.number(), |header| {
            header.from = Address::domain(CITY.id());
            header.to = Address::domain(POLICE.id());
            header.labels = None;
            header.in_reply_to = to;
        })
    };
    for to in [Some(EnvelopeId::of([9; 32])), None] {
        let envelope = answers(&mut hostile, 5, to);
        hostile.sends(envelope).await;
    }
    while world.police.ledger.link(&CITY.id()).taken.sequence < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let envelope = answers(&mut hostile, 9, Some(contribution));
    let before = world.police.contributed().await;
    assert!(before.share.waits() && before.held == 0, "{before:?}");
    hostile.sends(envelope).await;
    let stands = world.police.is_in_step().await;
    assert_eq!((stands.held, stands.share.version), (1, 9));
    let aside = world.police.ledger.quarantined(&CITY.id());
    assert_eq!(aside.len(), 1, "one that answers nothing");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_and_never_answered_goes_when_the_link_is_resumed() {
    let world = world().await;
    world.police.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    // Somebody takes it who does not answer; the operator stops the link, and the party withdraws.
    let mut hostile = Hostile::opens_from(&world.city, &world.police, |_| ()).await;
    while !matches!(hostile.next().await, frame::Kind::Envelope(_)) {}
    world.police.sets_link(LinkChange::Pause).await;
    world.police.publishes(Vec::new(), &["a"]).await.unwrap();
    world.police.sets_link(LinkChange::Resume).await;
    drop(hostile);
    // What was numbered goes out all the same, and what it brought is taken back.
    world.wire.mend();
    let stands = world.police.is_in_step().await;
    assert!(world.city.has(POLICE).await.counts.is_empty());
    assert_eq!((stands.held, stands.may_hold), (0, 0));
    assert!(stands.share.version > 1, "it was there: {stands:?}");
    world.close().await;
}

fn elsewhere() -> samsyn_domain::AreaId {
    samsyn_domain::AreaId::parse("sthlm-farsta").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_waits_until_its_peer_says_that_it_reads_it() {
    let world = world().await;
    // As between the raising of its level and the session in which it says so.
    let says = |hello: &mut Hello| hello.level = MESSAGES_LEVEL;
    let mut hostile = Hostile::opens_from(&world.police, &world.city, says).await;
    hostile.contributes(of(vec![draft("a", 1)], &[])).await;
    assert_eq!(hostile.taken().await.set_aside, []);
    assert_eq!(world.city.has(POLICE).await.counts.len(), 1);
    let (ledger, police) = (&world.city.ledger, POLICE.id());
    assert_eq!(ledger.number_envelopes(&police, MESSAGES_LEVEL).await.unwrap(), 0);
    assert_eq!(ledger.link(&police).out.sequence, 0);
    assert_eq!(ledger.number_envelopes(&police, CONTRIBUTIONS_LEVEL).await.unwrap(), 1);
    world.close().await;
}
