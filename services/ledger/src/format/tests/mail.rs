//! One of everything that concerns messages and links, with each optional field set and unset.

use std::sync::Arc;

use samsyn_domain::{
    DomainId, FunctionId, LegalBasisId, PurposeId, UnitKey,
    command::{
        Command, Effect, LinkChange, MarkMessage, NumberEnvelopes, ReleaseEnvelope, Reply,
        SendMessage, SetLink, SettleEnvelopes, Source, TakeEnvelopes, ToNumber, ToTake,
    },
    disclosure::{Ground, Object},
    link::{
        Arrived, Chain, EnvelopeId, FrozenFor, Item, Link, Numbered, Outcome, Quarantined,
        QuarantinedFor, Queued, SignedPosition,
    },
    message::{
        Core, Inboxed, Message, MessageId, MessageKind, Precedence, Receipt, RejectedFor, Step,
    },
    row::Row,
};

use super::examples::{NOW, disclosure, labels, sealed, service};

fn peer() -> DomainId {
    DomainId::parse("b.example").unwrap()
}

fn function(name: &str) -> FunctionId {
    FunctionId::parse(&format!("2021000076/{name}")).unwrap()
}

const fn message_id(number: u8) -> MessageId {
    MessageId::of([number; 32])
}

pub(super) const fn envelope(number: u8) -> EnvelopeId {
    EnvelopeId::of([number; 32])
}

pub(super) const fn chain(sequence: u64, head: u8) -> Chain {
    Chain { epoch: 2, sequence, head: envelope(head) }
}

pub(super) fn bytes(length: usize) -> Arc<[u8]> {
    vec![7; length].into()
}

fn core(full: bool) -> Arc<Core> {
    Arc::new(Core {
        domain: DomainId::parse("a.example").unwrap(),
        from: function("samordnare"),
        to: ["kommunpolis", "mottagning"]
            .into_iter()
            .take(1 + usize::from(full))
            .map(function)
            .collect(),
        kind: if full { MessageKind::Answer } else { MessageKind::Notice },
        precedence: if full { Precedence::Flash } else { Precedence::Routine },
        thread: full.then_some(message_id(1)),
        in_reply_to: full.then_some(message_id(2)),
        respond_by: full.then_some(NOW),
        valid_seconds: 3_600,
        labels: labels(full).into(),
        ground: Ground {
            purpose: PurposeId::parse("prevention").unwrap(),
            legal_basis: LegalBasisId::parse("law").unwrap(),
            weighing: full.then(|| "dnr 1".to_owned()),
        },
        nonce: [3; 16],
        content: [4; 32],
        parts: Vec::new(),
    })
}

fn word() -> Arc<SignedPosition> {
    Arc::new(SignedPosition { payload: vec![1, 2], signature: vec![3; 64] })
}

fn items() -> [Item; 3] {
    let (message, to) = (message_id(5), function("mottagning"));
    let receipt = |step, reason| {
        let to = to.clone();
        Item::Receipt { message, to, step, at: NOW, reason }
    };
    [
        receipt(Step::Rejected, Some(RejectedFor::Declined)),
        receipt(Step::Acted, None),
        Item::Message { message, to: to.clone() },
    ]
}

pub(super) fn objects() -> [Object; 2] {
    [Object::Message(message_id(5)), Object::Inbox(function("mottagning"))]
}

pub(super) fn replies() -> [Reply; 1] {
    [Reply::Sent { message: message_id(5) }]
}

fn effects(full: bool, step: Step) -> [Effect; 3] {
    let (id, function) = (message_id(5), function("mottagning"));
    [
        Effect::Message {
            id,
            core: core(full),
            text: sealed(),
            sent_at: NOW,
            to: function.clone(),
        },
        Effect::Receipt {
            message: id,
            to: function,
            step,
            at: NOW,
            reason: full.then_some(RejectedFor::InboxFull),
        },
        Effect::Quarantine {
            reason: QuarantinedFor::UnknownKind,
            header: bytes(9),
            signature: bytes(64),
            payload: sealed(),
        },
    ]
}

pub(super) fn commands(full: bool) -> Vec<Command> {
    let (id, text) = (message_id(5), sealed());
    let function = function("mottagning");
    let step = if full { Step::Rejected } else { Step::Read };
    let take = |effect: Effect| ToTake { id: envelope(1), effect };
    let number = ToNumber {
        source: Source::Queued(8),
        id: envelope(2),
        header: bytes(9),
        signature: bytes(64),
        payload: sealed(),
        disclosure: full.then(|| disclosure(Object::Message(id), true)),
    };
    let changes = if full {
        vec![
            LinkChange::Freeze(FrozenFor::Fork),
            LinkChange::Freeze(FrozenFor::Regression),
            LinkChange::Pause,
            LinkChange::Renew,
        ]
    } else {
        vec![LinkChange::Resume]
    };
    let links =
        changes.into_iter().map(|change| Command::SetLink(SetLink { peer: peer(), change }));
    let mut all = vec![
        Command::SendMessage(SendMessage { id, core: core(full), text }.into()),
        Command::MarkMessage(MarkMessage { message: id, function, step }),
        Command::NumberEnvelopes(
            NumberEnvelopes {
                peer: peer(),
                after: chain(7, 1),
                envelopes: vec![number],
                dropped: if full { vec![3, 4] } else { Vec::new() },
                looked: Vec::new(),
            }
            .into(),
        ),
        Command::TakeEnvelopes(
            TakeEnvelopes {
                peer: peer(),
                after: if full { chain(7, 1) } else { Chain::default() },
                envelopes: effects(full, step).map(take).into(),
            }
            .into(),
        ),
        Command::SettleEnvelopes(SettleEnvelopes {
            peer: peer(),
            through: chain(7, 1),
            word: word(),
        }),
    ];
    all.extend(links);
    let effects = effects(full, step).into_iter().map(Some).chain([None]);
    let (epoch, sequence, id) = (2, 4, envelope(1));
    all.extend(effects.map(|effect| {
        let peer = peer();
        Command::ReleaseEnvelope(ReleaseEnvelope { peer, epoch, sequence, id, effect }.into())
    }));
    if full {
        let core = Core { parts: vec![[5; 32], [6; 32]], ..Core::clone(&core(full)) };
        let (id, text) = (message_id(7), sealed());
        all.push(Command::SendMessage(SendMessage { id, core: core.into(), text }.into()));
    }
    all
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let message = Message {
        id: message_id(5),
        core: core(full),
        text: sealed(),
        sent_at: NOW,
        at: NOW.after_seconds(1),
        service: full.then(|| service("stad/sdf")),
    };
    let receipt = Receipt {
        message: message_id(5),
        to: function("mottagning"),
        step: if full { Step::Rejected } else { Step::Stored },
        at: NOW,
        by: full.then(|| service("stad/sdf")),
        reason: full.then_some(RejectedFor::UnknownAddress),
        envelope: full.then(|| envelope(9)),
    };
    let link = Link {
        queued: 11,
        awaits_after: full.then_some(3),
        out: chain(9, 4),
        acknowledged: 7,
        word: full.then(word),
        taken: chain(3, 5),
        paused: full,
        frozen: full.then_some(FrozenFor::Fork),
        ..Link::new(peer())
    };
    let inboxed = Inboxed { function: function("mottagning"), number: 3, message: message_id(5) };
    let mut all = vec![
        ("message", Row::Message(message.into())),
        ("receipt", Row::Receipt(receipt)),
        ("inboxed", Row::Inboxed(inboxed)),
        ("link", Row::Link(link.into())),
        ("unqueued", Row::Unqueued(peer(), 4)),
        ("settled", Row::Settled(peer(), 2, 4)),
        ("passed", Row::Passed(peer(), 2, 4)),
        ("unquarantined", Row::Unquarantined(peer(), 2, 4)),
        ("quarantined", Row::Quarantined(quarantined(full).into())),
    ];
    let outcome =
        if full { Outcome::Quarantined(QuarantinedFor::NotYours) } else { Outcome::Taken };
    let id = envelope(1);
    all.push((
        "arrived",
        Row::Arrived(Arrived { peer: peer(), epoch: 2, sequence: 4, id, outcome }),
    ));
    for item in items()
        .into_iter()
        .chain(super::contributions::items())
        .chain(super::deliveries::items())
        .chain(super::editions::items())
    {
        let queued = Queued {
            peer: peer(),
            number: 4,
            at: NOW,
            precedence: Precedence::Immediate,
            until: full.then_some(NOW),
            item: item.clone(),
        };
        all.push(("queued", Row::Queued(queued.into())));
        all.push(("numbered", Row::Numbered(numbered(item).into())));
    }
    all
}

fn quarantined(full: bool) -> Quarantined {
    Quarantined {
        peer: peer(),
        epoch: 2,
        sequence: 4,
        reason: if full { QuarantinedFor::AboveCeiling } else { QuarantinedFor::Malformed },
        header: bytes(9),
        signature: bytes(64),
        payload: samsyn_domain::Sealed { key: UnitKey::named("link|b"), bytes: [1, 2].into() },
        at: NOW,
    }
}

fn numbered(item: Item) -> Numbered {
    Numbered {
        peer: peer(),
        epoch: 2,
        sequence: 4,
        id: envelope(1),
        header: bytes(9),
        signature: bytes(64),
        payload: sealed(),
        item,
        at: NOW,
    }
}
