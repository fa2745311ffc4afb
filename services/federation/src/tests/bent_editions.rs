//! A peer whose editions do not fit, and one whose answers do not hold.

use samsyn_domain::{
    EditionId, PartyId,
    edition::Verdict,
    link::{Address, AnswerTold, DeliveredEdition, Header, Kind, Payload, SentAnswer},
};
use samsyn_ledger::{Editions, Rejection};
use samsyn_proto::{
    inbound::AnswerAsked,
    link::{self, Taken, frame},
    v1,
};

use super::{
    deliveries::id,
    impostor::Hostile,
    pictures::area,
    steps::{found_in, step},
    world::{CITY, Domain, NOW, POLICE, World, ground, labels},
};

const EDITION: &str = "sthlm-skarholmen:2025-10:operative:1";

fn edition() -> EditionId {
    EditionId::parse(EDITION).unwrap()
}

/// An edition as the city would deliver it, its wire form changed.
fn delivered(edit: impl FnOnce(&mut v1::Edition)) -> DeliveredEdition {
    let header = v1::EditionHeader {
        id: EDITION.to_owned(),
        area: area().to_string(),
        period: Some(v1::Period { code: "2025-10".to_owned() }),
        track: "operative".to_owned(),
        state: v1::EditionState::Released.into(),
        round: 1,
        ..v1::EditionHeader::default()
    };
    let findings = vec![found_in("sthlm-skarholmen/vandalism", 1)];
    let mut edition = v1::Edition { header: Some(header), findings, ..v1::Edition::default() };
    edit(&mut edition);
    let edition = prost::Message::encode_to_vec(&edition);
    let content = link::DeliveredEdition { edition, review: Vec::new() };
    DeliveredEdition {
        delivery: id(),
        edition: EditionId::parse(EDITION).unwrap(),
        piece: 0,
        last: true,
        gone: false,
        opened_at: NOW,
        content: prost::Message::encode_to_vec(&content),
    }
}

impl Hostile {
    async fn brings(&mut self, edition: DeliveredEdition, bend: fn(&mut Header)) -> Taken {
        let payload = Payload::Edition(edition.into()).encode().unwrap();
        let envelope = self.envelope(&payload, Kind::Edition.number(), |header| {
            header.from = Address::domain(CITY.id());
            header.to =
                Address { orgnr: Some(POLICE.orgnr.to_owned()), ..Address::domain(POLICE.id()) };
            bend(header);
        });
        self.sends(envelope).await;
        self.settles().await
    }

    /// Sends an answer as if a party of the police had given it; what the city says of it.
    async fn answers(&mut self, sent: SentAnswer, orgnr: &str) -> AnswerTold {
        let payload = Payload::EditionAnswer(sent.into()).encode().unwrap();
        let envelope = self.envelope(&payload, Kind::EditionAnswer.number(), |header| {
            let orgnr = Some(orgnr.to_owned());
            header.from = Address { orgnr, ..Address::domain(POLICE.id()) };
            header.to = Address::domain(CITY.id());
            header.labels = None;
        });
        self.sends(envelope).await;
        loop {
            let frame::Kind::Envelope(envelope) = self.next().await else { continue };
            let (header, _) = Header::decode(&envelope.header).unwrap();
            let kind = Kind::from_number(header.kind).unwrap();
            if let Payload::EditionAnswered(told) =
                Payload::decode(kind, &envelope.payload).unwrap()
            {
                return *told;
            }
        }
    }
}

impl Domain {
    /// The ids of the editions that the police read here.
    async fn listed(&self) -> Result<Vec<String>, Rejection> {
        let reader = self.ledger.reader(&POLICE.caller(), ground())?;
        let Editions::Received(view) = self.ledger.editions(&reader, &area(), (0, 10)).await?
        else {
            return Ok(Vec::new());
        };
        let ids = view.content().editions.iter().map(|one| {
            let edition = <v1::Edition as prost::Message>::decode(one.content.as_slice()).unwrap();
            edition.header.unwrap().id
        });
        Ok(ids.collect())
    }
}

impl Domain {
    /// Why no editions are read here.
    async fn refused(&self) -> &'static str {
        match self.listed().await {
            Err(Rejection::Denied(denial)) => denial.why.id(),
            other => panic!("{other:?}"),
        }
    }
}

type Fault = (&'static str, fn(&mut DeliveredEdition), fn(&mut Header));

fn becomes(edition: &mut DeliveredEdition, edit: fn(&mut v1::Edition)) {
    edition.content = delivered(edit).content;
}

/// Of an area of which nothing says that its picture is ordered there.
fn of_farsta(one: &mut DeliveredEdition) {
    const OTHER: &str = "sthlm-farsta:2025-10:operative:1";
    one.edition = EditionId::parse(OTHER).unwrap();
    becomes(one, |one| {
        header_of(one).id = OTHER.to_owned();
        header_of(one).area = "sthlm-farsta".to_owned();
    });
}

const FAULTS: [Fault; 12] = [
    ("not_for_us", |_| (), |header| header.to.orgnr = Some("5560000000".to_owned())),
    ("above_ceiling", |_| (), |header| header.labels = Some(labels(3).into())),
    ("malformed", |one| one.content = vec![1, 2, 3], |_| ()),
    ("malformed", |one| becomes(one, |one| one.header = None), |_| ()),
    ("malformed", |one| one.piece = 3, |_| ()),
    ("malformed", |one| becomes(one, |one| one.analysis = "a\u{202e}b".to_owned()), |_| ()),
    ("malformed", |one| becomes(one, |one| header_of(one).id.push('1')), |_| ()),
    ("malformed", |one| becomes(one, |one| one.findings.push(found_in("a/theft", 3))), |_| ()),
    // It would be an edition of one area under the id of another's.
    ("malformed", |one| becomes(one, |one| header_of(one).area = "a-b".to_owned()), |_| ()),
    ("malformed", |_| (), |header| header.labels = None),
    ("malformed", |one| becomes(one, |one| header_of(one).state = 99), |_| ()),
    ("not_yours", of_farsta, |_| ()),
];

fn header_of(edition: &mut v1::Edition) -> &mut v1::EditionHeader {
    edition.header.as_mut().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edition_that_does_not_fit_is_not_kept_and_none_is_shown_until_the_view_begins_anew() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    // Before its view has begun it is of nothing.
    hostile.brings(delivered(|_| ()), |_| ()).await;
    hostile.delivers(step(1, Vec::new()), |_| ()).await;
    assert_eq!(world.police.listed().await.unwrap(), [""; 0]);
    for (n, (reason, bend, bend_header)) in FAULTS.into_iter().enumerate() {
        hostile.delivers(step(1, Vec::new()), |_| ()).await;
        hostile.brings(delivered(|_| ()), |_| ()).await;
        assert_eq!(world.police.listed().await.unwrap(), [EDITION], "{n}");
        let mut bent = delivered(|_| ());
        bend(&mut bent);
        let taken = hostile.brings(bent, bend_header).await;
        assert_eq!(taken.set_aside[0].reason, reason, "{n}");
        assert_eq!(world.police.refused().await, "VIEW_INCOMPLETE", "{n}");
    }
    hostile.delivers(step(1, Vec::new()), |_| ()).await;
    assert!(world.police.ledger.quarantined(&CITY.id()).is_empty());
    // That it goes is heard; when its view begins anew, it goes as well.
    hostile.brings(delivered(|_| ()), |_| ()).await;
    let gone = DeliveredEdition { gone: true, content: Vec::new(), ..delivered(|_| ()) };
    hostile.brings(gone, |header| header.labels = None).await;
    assert_eq!(world.police.listed().await.unwrap(), [""; 0]);
    hostile.brings(delivered(|_| ()), |_| ()).await;
    hostile.delivers(step(1, Vec::new()), |_| ()).await;
    assert_eq!(world.police.listed().await.unwrap(), [""; 0]);
    // What cannot be read may be of any edition: none is shown until the view begins anew.
    hostile.brings(delivered(|_| ()), |_| ()).await;
    let mut unread = delivered(|_| ());
    unread.gone = true;
    let taken = hostile.brings(unread, |_| ()).await;
    assert_eq!(taken.set_aside[0].reason, "malformed");
    assert_eq!(world.police.refused().await, "VIEW_INCOMPLETE");
    world.close().await;
}

fn sent(asked: &AnswerAsked) -> SentAnswer {
    SentAnswer {
        edition: asked.edition.clone(),
        party: asked.party.clone(),
        role: asked.role,
        verdict: asked.verdict,
        text: asked.text.clone().unwrap_or_default(),
        text_salt: asked.text_salt.clone(),
        statement: asked.statement.clone(),
        signature: asked.signature.clone(),
        key: asked.key.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_domain_has_not_from_its_party_is_not_taken() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    assert_eq!(id, edition());
    world.city.locks(&id, |_| ()).await;
    world.edition_is_same(&id).await;
    let good = sent(&world.police.signed(&id, "").await);
    let of_city = sent(&world.city.signed(&id, "").await);
    world.wire.cut();
    let mut hostile = Hostile::opens_from(&world.police, &world.city, |_| ()).await;
    let mut forged = good.clone();
    forged.signature[5] ^= 1;
    let key = samsyn_domain::KeyId::parse("key-sdf-skarholmen").unwrap();
    let unscreened = SentAnswer { text: "Ring 070-123 45 67".to_owned(), ..good.clone() };
    let none = EditionId::parse("sthlm-skarholmen:2025-10:operative:9").unwrap();
    let nobody = PartyId::parse("lpo-jarva").unwrap();
    let bent: [(SentAnswer, &str, (&str, &str)); 8] = [
        (forged, POLICE.orgnr, ("BAD_SIGNATURE", "answer.signature")),
        (
            SentAnswer { verdict: Verdict::Objected, ..good.clone() },
            POLICE.orgnr,
            ("BAD_FIELD", "answer.verdict"),
        ),
        (SentAnswer { key, ..good.clone() }, POLICE.orgnr, ("KEY_UNKNOWN", "answer.key_id")),
        (unscreened, POLICE.orgnr, ("IDENTIFIER_FOUND", "answer.text")),
        (SentAnswer { edition: none, ..good.clone() }, POLICE.orgnr, ("NOT_FOUND", "edition_id")),
        (SentAnswer { party: nobody, ..good.clone() }, POLICE.orgnr, ("NOT_YOUR_PARTY", "")),
        // Signed by the city's own party: it is not at home with the police.
        (of_city.clone(), POLICE.orgnr, ("NOT_YOUR_PARTY", "")),
        (of_city, CITY.orgnr, ("NOT_YOUR_PARTY", "")),
    ];
    for (n, (sent, orgnr, (reason, field))) in bent.into_iter().enumerate() {
        let told = hostile.answers(sent, orgnr).await;
        let refused = told.refused.unwrap();
        assert_eq!((refused.reason(), refused.field(), told.round), (reason, field, 1), "{n}");
    }
    let answers = world.city.shown(&id, CITY).await.unwrap().header().answers;
    assert!(answers.is_empty(), "{answers:?}");
    // What holds is taken once, and told the same however often it comes.
    for _ in 0..2 {
        let told = hostile.answers(good.clone(), POLICE.orgnr).await;
        assert_eq!((told.refused, told.round), (None, 1));
    }
    world.close().await;
}
