//! Changes of the registry, with each optional field set and unset.

use samsyn_domain::{
    KeyId, Timestamp,
    command::{ApproveChange, Command, ProposeChange, WithdrawChange},
    registry::{
        Applied, Base, Change, Effect, Operation, Proposal, ProposalId, Record, RecordKey, Signed,
        Table,
    },
    row::Row,
};

use super::examples::{NOW, organisation, sealed, service};

/// A group of some members.
pub(super) fn group(members: &[&str]) -> Record {
    let members: Vec<String> = members.iter().map(|member| format!("\"{member}\"")).collect();
    let members = members.join(",");
    let text = format!(r#"{{"id":"bolag","members":[{members}],"name":"Bolag"}}"#);
    Record::read(Table::Groups, &text).unwrap()
}

pub(super) fn put(record: Record) -> Change {
    Change::of(vec![Operation::Put(record.into())]).unwrap()
}

fn change() -> Change {
    let key = RecordKey { table: Table::ReleaseRows, id: "row-1".into() };
    let put = Operation::Put(group(&["polis"]).into());
    Change::of(vec![put, Operation::Remove(key)]).unwrap()
}

pub(super) fn signed(at: Timestamp) -> Signed {
    Signed {
        organisation: organisation(),
        service: service("stad/sdf"),
        key: KeyId::parse("stad-1").unwrap(),
        statement: vec![7; 3],
        signature: vec![8; 64],
        at,
    }
}

pub(super) fn commands(full: bool) -> Vec<Command> {
    let (change, base) = (change(), Base { epoch: 1, digest: [6; 32] });
    let (signed, reason) = (signed(Timestamp::ZERO), full.then(sealed));
    let proposal = ProposalId(3);
    vec![
        Command::ProposeChange(
            ProposeChange { change, base, signed: signed.clone(), reason }.into(),
        ),
        Command::ApproveChange(ApproveChange { proposal, signed }.into()),
        Command::WithdrawChange(WithdrawChange { proposal }),
    ]
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let proposal = Proposal {
        id: ProposalId(3),
        change: change(),
        base: Base { epoch: 1, digest: [6; 32] },
        replaced: vec![group(&["polis", "stad"])],
        effect: if full { Effect::Loosens } else { Effect::Tightens },
        needed: if full { 2 } else { 1 },
        signed: vec![signed(NOW); if full { 2 } else { 1 }],
        reason: full.then(sealed),
        applied: full.then_some(Applied { epoch: 9, at: NOW }),
    };
    vec![
        ("lifted", Row::Lifted(service("stad/sdf"))),
        ("proposal", Row::Proposal(proposal.into())),
        ("dropped", Row::Dropped(ProposalId(3))),
    ]
}
