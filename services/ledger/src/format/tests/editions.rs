//! One of everything that concerns editions over links, with each optional field set and unset.

use samsyn_domain::{
    AreaId, DomainId, EditionId, KeyId, PartyId, RowId,
    command::{
        AnswerEdition, BroughtEdition, Command, EditionContent, EditionOffer, Effect, GiveAnswer,
        NumberEnvelopes, Reached, ReleaseEnvelope, Source, TakeEnvelopes, ToNumber, ToTake,
        ViewOffer,
    },
    edition::{Answer, Verdict},
    link::{
        AnswerTold, DeliveryRef, EditionOutlet, EditionPiece, EditionRef, GivenAnswer, GivenRef,
        GivenTold, Item, NotTakenFor, QuarantinedFor, ReceivedEdition,
    },
    registry::Role,
    row::{EditionRow, Row},
};

use super::{
    deliveries::receiver,
    examples::{NOW, october, sealed},
    mail::{bytes, chain, envelope},
};

fn delivery() -> RowId {
    RowId::parse("polisen").unwrap()
}

fn edition() -> EditionId {
    EditionId::parse("sthlm-skarholmen:2025-10:operative:1").unwrap()
}

fn of() -> EditionRef {
    let peer = DomainId::parse("b.example").unwrap();
    EditionRef { of: DeliveryRef { peer, id: delivery() }, edition: edition() }
}

fn party() -> PartyId {
    PartyId::parse("lpo-skarholmen").unwrap()
}

fn given() -> GivenRef {
    let (peer, edition, party) = (of().of.peer, edition(), party());
    GivenRef { peer, edition, party, role: Role::Endorser }
}

fn refused() -> NotTakenFor {
    NotTakenFor::new("ROOT_MISMATCH", "answer.statement").unwrap()
}

fn told(full: bool) -> AnswerTold {
    let (edition, party, role) = (edition(), party(), Role::Endorser);
    AnswerTold { edition, party, role, round: 2, refused: full.then(refused) }
}

fn answer(full: bool) -> Answer {
    Answer {
        party: party(),
        role: Role::Endorser,
        verdict: if full { Verdict::Reserved } else { Verdict::Endorsed },
        text: full.then(sealed),
        statement: vec![1, 2],
        signature: vec![3; 64],
        key: KeyId::parse("lpo-skarholmen-1").unwrap(),
        at: NOW,
    }
}

pub(super) fn items() -> [Item; 3] {
    let (edition, party, role) = (edition(), party(), Role::Endorser);
    [
        Item::Edition { delivery: delivery(), edition: edition.clone() },
        Item::EditionAnswer { edition, party, role },
        Item::EditionAnswered { envelope: envelope(3), told: told(true).into() },
    ]
}

fn effects(full: bool) -> Vec<Effect> {
    let (delivery, edition, content) = (delivery(), edition(), sealed());
    let made = EditionContent {
        area: AreaId::parse("sthlm-skarholmen").unwrap(),
        period: october(),
        opened_at: NOW,
        released: full,
        header: sealed(),
        findings: 3,
        openings: u32::from(full),
        content: content.clone(),
        review: full.then(sealed),
    };
    let brought = BroughtEdition {
        delivery: delivery.clone(),
        edition: edition.clone(),
        pieces: u32::from(full),
        orgnr: "2021000076".into(),
        content: full.then_some(made),
    };
    let answer =
        AnswerEdition { edition: edition.clone(), round: 2, root: [7; 32], answer: answer(full) };
    vec![
        Effect::EditionPiece {
            delivery: delivery.clone(),
            edition: edition.clone(),
            piece: 1,
            content,
        },
        Effect::Edition(brought.into()),
        Effect::RefuseEdition { delivery, edition, reason: QuarantinedFor::AboveCeiling },
        Effect::EditionAnswer(answer.into()),
        Effect::RefuseAnswer(told(full).into()),
        Effect::EditionAnswered { envelope: envelope(5), told: told(full).into() },
    ]
}

pub(super) fn commands(full: bool) -> Vec<Command> {
    let offer = EditionOffer {
        delivery: delivery(),
        turn: 3,
        edition: edition(),
        before: full.then_some([4; 32]),
        after: (!full).then_some([5; 32]),
        last: full,
    };
    let reached =
        Reached { receiver: receiver(full), cursor: "".into(), begins: true, ended: false };
    let begins = ViewOffer { delivery: delivery(), turn: 3, part: None, reached: Some(reached) };
    let number = |source| ToNumber {
        source,
        id: envelope(2),
        header: bytes(9),
        signature: bytes(64),
        payload: sealed(),
        disclosure: None,
    };
    let numbered = vec![number(Source::Edition(offer)), number(Source::View(begins))];
    let (peer, after) = (of().of.peer, chain(7, 1));
    let take = |effect: Effect| ToTake { id: envelope(1), effect };
    let (dropped, looked) = (Vec::new(), Vec::new());
    let envelopes = effects(full).into_iter().map(take).collect();
    let released = ReleaseEnvelope {
        peer: peer.clone(),
        epoch: 1,
        sequence: 4,
        id: envelope(1),
        effect: Some(Effect::EditionAnswered { envelope: envelope(5), told: told(full).into() }),
    };
    let give = GiveAnswer { of: given(), delivery: delivery(), round: 2, answer: answer(full) };
    vec![
        Command::NumberEnvelopes(
            NumberEnvelopes { peer: peer.clone(), after, envelopes: numbered, dropped, looked }
                .into(),
        ),
        Command::TakeEnvelopes(TakeEnvelopes { peer, after, envelopes }.into()),
        Command::ReleaseEnvelope(released.into()),
        Command::GiveAnswer(give.into()),
    ]
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let received = ReceivedEdition {
        of: of(),
        number: 12,
        area: AreaId::parse("sthlm-skarholmen").unwrap(),
        period: october(),
        opened_at: NOW,
        released: full,
        header: sealed(),
        findings: 3,
        openings: u32::from(full),
        content: sealed(),
        review: full.then(sealed),
        at: NOW,
    };
    let told = GivenTold { at: NOW, refused: full.then(refused) };
    let answered = GivenAnswer {
        of: given(),
        round: 2,
        answer: answer(full),
        envelope: full.then(|| envelope(6)),
        told: full.then_some(told),
    };
    let outlet = EditionOutlet { of: of(), shown: [8; 32], at: NOW };
    let piece = EditionPiece { of: of(), number: 1, at: NOW, content: sealed() };
    vec![
        ("edition_outlet", Row::LinkedEdition(EditionRow::Outlet(outlet.into()))),
        ("edition_outlet_gone", Row::LinkedEdition(EditionRow::OutletGone(of()))),
        ("received_edition", Row::LinkedEdition(EditionRow::Received(received.into()))),
        ("edition_forgotten", Row::LinkedEdition(EditionRow::Forgotten(of()))),
        ("edition_piece", Row::LinkedEdition(EditionRow::Piece(piece.into()))),
        ("edition_piece_gone", Row::LinkedEdition(EditionRow::PieceGone(of().of, 1))),
        ("given_answer", Row::LinkedEdition(EditionRow::Given(answered.into()))),
        ("given_answer_forgotten", Row::LinkedEdition(EditionRow::GivenForgotten(given()))),
    ]
}
