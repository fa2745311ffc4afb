//! One of everything that concerns own pictures over links, with each optional field set and unset.

use samsyn_domain::{
    AreaId, DomainId, FunctionId, ObservationId, PartyId,
    command::{
        Brought, Command, Effect, Looked, NumberEnvelopes, Offer, Source, TakeEnvelopes, ToNumber,
        ToTake,
    },
    link::{Compared, EnvelopeId, Item, NotTakenFor, PictureRef, Piece, Share, Told, UnderWay},
    message::MessageId,
    row::Row,
};

use super::{
    examples::{NOW, observation, sealed},
    mail::{bytes, chain, envelope},
};

fn party() -> PartyId {
    PartyId::parse("lpo-skarholmen").unwrap()
}

fn area() -> AreaId {
    AreaId::parse("sthlm-skarholmen").unwrap()
}

fn picture() -> PictureRef {
    PictureRef { peer: DomainId::parse("b.example").unwrap(), party: party(), area: area() }
}

fn id(name: &str) -> ObservationId {
    ObservationId::parse(name).unwrap()
}

fn refused() -> NotTakenFor {
    NotTakenFor::new("UNKNOWN_CODE", "delta.upserts[3].category").unwrap()
}

fn looked() -> Looked {
    Looked { party: party(), area: area(), turn: 5, compared: Compared { revision: 9, epoch: 3 } }
}

fn changes() -> Vec<(ObservationId, Option<u64>)> {
    vec![(id("a"), Some(7)), (id("b"), None)]
}

pub(super) fn items() -> [Item; 3] {
    let answer = |refused| Item::Answer {
        party: party(),
        area: area(),
        envelope: envelope(1),
        version: 4,
        refused,
    };
    let contribution = Item::Contribution { party: party(), area: area() };
    [contribution, answer(None), answer(Some(refused()))]
}

fn effects(full: bool) -> [Effect; 4] {
    let to = FunctionId::parse("2021000076/mottagning").unwrap();
    let brought = Brought {
        expected: full.then_some(4),
        piece: u32::from(full),
        last: full,
        upserts: vec![observation(full)],
        withdrawn: if full { vec![id("b")] } else { Vec::new() },
    };
    [
        Effect::Contribution { party: party(), area: area(), brought },
        Effect::Decline { message: MessageId::of([5; 32]), to },
        Effect::Refuse { party: party(), area: area(), refused: refused() },
        Effect::Answer {
            party: party(),
            area: area(),
            envelope: envelope(1),
            version: 4,
            refused: full.then(refused),
        },
    ]
}

pub(super) fn commands(full: bool) -> Vec<Command> {
    let (whole, last, orgnr) = (full, !full, "2021000076".into());
    let offer = Offer { looked: looked(), orgnr, whole, last, more: full, changes: changes() };
    let number = ToNumber {
        source: Source::Picture(offer),
        id: envelope(2),
        header: bytes(9),
        signature: bytes(64),
        payload: sealed(),
        disclosure: None,
    };
    let peer = picture().peer;
    let take = |effect: Effect| ToTake { id: envelope(1), effect };
    vec![
        Command::NumberEnvelopes(
            NumberEnvelopes {
                peer: peer.clone(),
                after: chain(7, 1),
                envelopes: vec![number],
                dropped: Vec::new(),
                looked: if full { vec![looked()] } else { Vec::new() },
            }
            .into(),
        ),
        Command::TakeEnvelopes(
            TakeEnvelopes { peer, after: chain(7, 1), envelopes: effects(full).map(take).into() }
                .into(),
        ),
    ]
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let under_way = UnderWay {
        envelopes: vec![EnvelopeId::of([3; 32]), EnvelopeId::of([4; 32])],
        compared: Compared { revision: 8, epoch: 2 },
        whole: true,
        last: true,
        more: full,
        since: NOW,
        changes: changes(),
    };
    let share = Share {
        orgnr: if full { "2021000076" } else { "" }.into(),
        turn: 5,
        version: 4,
        compared: Compared { revision: 9, epoch: 3 },
        under_way: full.then(|| under_way.into()),
        told: full.then(|| Told { at: NOW, refused: Some(refused()) }),
        anew: full,
        ..Share::new(picture())
    };
    let piece = Piece {
        of: picture(),
        number: u32::from(full),
        epoch: 3,
        at: NOW,
        upserts: vec![observation(full)],
        withdrawn: if full { vec![id("b")] } else { Vec::new() },
    };
    vec![
        ("share", Row::Share(share.into())),
        ("shared", Row::Shared(picture(), id("a"), 7)),
        ("unshared", Row::Unshared(picture(), id("a"))),
        ("piece", Row::Piece(piece.into())),
        ("piece_gone", Row::PieceGone(picture(), u32::from(full))),
    ]
}
