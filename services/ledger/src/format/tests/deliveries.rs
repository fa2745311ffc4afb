//! One of everything that concerns views over links, with each optional field set and unset.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, DomainId, LegalBasisId, PartyId, PeriodKind, PurposeId, RowId,
    command::{
        BroughtStep, Command, Effect, FindingChange, NumberEnvelopes, Reached, Source,
        TakeEnvelopes, ToNumber, ToTake, ViewOffer,
    },
    disclosure::{ClassId, Ground, ViewPart},
    link::{
        DeliveryRef, FindingRef, Item, Outlet, Phase, QuarantinedFor, Received, ReceivedFinding,
        Receiver, StepPiece, StepTerms,
    },
    row::Row,
};

use super::{
    examples::{NOW, october, sealed},
    mail::{bytes, chain, envelope},
};

fn delivery() -> RowId {
    RowId::parse("polisen").unwrap()
}

fn of() -> DeliveryRef {
    DeliveryRef { peer: DomainId::parse("b.example").unwrap(), id: delivery() }
}

pub(super) fn receiver(full: bool) -> Receiver {
    let parties = full.then(|| PartyId::parse("lpo-skarholmen").unwrap());
    Receiver {
        orgnr: "2021000076".into(),
        parties: parties.into_iter().collect(),
        areas: [AreaId::parse("sthlm-skarholmen").unwrap()].into(),
        periods: if full { [PeriodKind::Month].into() } else { BTreeSet::new() },
        ground: Ground {
            purpose: PurposeId::parse("prevention").unwrap(),
            legal_basis: LegalBasisId::parse("law").unwrap(),
            weighing: full.then(|| "dnr 1".to_owned()),
        },
    }
}

fn key() -> FindingRef {
    let area = AreaId::parse("sthlm-skarholmen").unwrap();
    FindingRef { area, period: october(), id: "sthlm-skarholmen/theft".into() }
}

fn part() -> ViewPart {
    ViewPart { class: ClassId::of([6; 32]), revision: 8 }
}

pub(super) fn items() -> [Item; 2] {
    [Some(part()), None].map(|part| Item::View { delivery: delivery(), part })
}

fn effects(full: bool) -> [Effect; 3] {
    let Receiver { orgnr, parties, areas, periods, ground } = receiver(full);
    let change = FindingChange {
        key: key(),
        revision: 8,
        recorded_at: NOW,
        content: full.then(sealed),
        until: full.then_some(NOW),
    };
    let (begins, whole, ended) = (full, full, !full);
    [
        Effect::StepPiece { delivery: delivery(), step: 4, piece: 1, events: sealed() },
        Effect::Step(Box::new(BroughtStep {
            delivery: delivery(),
            step: 4,
            pieces: u32::from(full),
            orgnr,
            terms: StepTerms { parties, areas, periods, ground, begins, whole, ended },
            changes: vec![change],
        })),
        Effect::RefuseStep { delivery: delivery(), reason: QuarantinedFor::NotForUs },
    ]
}

pub(super) fn commands(full: bool) -> Vec<Command> {
    let reached =
        Reached { receiver: receiver(full), cursor: "c0ffee".into(), begins: false, ended: !full };
    let offer = ViewOffer {
        delivery: delivery(),
        turn: 3,
        part: full.then(part),
        reached: full.then_some(reached),
    };
    let number = ToNumber {
        source: Source::View(offer),
        id: envelope(2),
        header: bytes(9),
        signature: bytes(64),
        payload: sealed(),
        disclosure: None,
    };
    let (peer, after) = (of().peer, chain(7, 1));
    let take = |effect: Effect| ToTake { id: envelope(1), effect };
    let (dropped, looked) = (Vec::new(), Vec::new());
    let envelopes = effects(full).map(take).into();
    vec![
        Command::NumberEnvelopes(
            NumberEnvelopes { peer: peer.clone(), after, envelopes: vec![number], dropped, looked }
                .into(),
        ),
        Command::TakeEnvelopes(TakeEnvelopes { peer, after, envelopes }.into()),
    ]
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let outlet = Outlet {
        turn: 3,
        step: 4,
        receiver: full.then(|| receiver(full).into()),
        cursor: if full { "c0ffee" } else { "" }.into(),
        ended: !full,
        ..Outlet::new(of())
    };
    let received = Received {
        of: of(),
        receiver: receiver(full),
        step: 4,
        phase: if full { Phase::Whole } else { Phase::Broken },
        number: 12,
        begun: 3,
        forgotten: u64::from(full),
        at: NOW,
    };
    let finding = ReceivedFinding {
        of: of(),
        key: key(),
        number: 12,
        revision: 8,
        recorded_at: NOW,
        content: full.then(sealed),
        until: full.then_some(NOW),
        at: NOW,
    };
    let piece = StepPiece { of: of(), step: 4, number: 1, at: NOW, events: sealed() };
    vec![
        ("outlet", Row::Outlet(outlet.into())),
        ("received", Row::Received(received.into())),
        ("received_gone", Row::ReceivedGone(of())),
        ("received_finding", Row::ReceivedFinding(finding.into())),
        ("finding_forgotten", Row::FindingForgotten(of(), key())),
        ("step_piece", Row::StepPiece(piece.into())),
        ("step_piece_gone", Row::StepPieceGone(of(), 1)),
    ]
}
