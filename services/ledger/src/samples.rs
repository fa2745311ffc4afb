//! What the tests of this crate submit.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use openraft::vote::leader_id_adv::LeaderId;
use samsyn_domain::{
    FeatureLevel, LegalBasisId, OrganisationId, PurposeId, ServiceId, Timestamp,
    command::{Actor, AdoptPolicy, Command, Disclose, IdempotencyKey, Submission, Tick},
    disclosure::{Disclosure, Ground, Object},
};

use crate::{
    Levels,
    entry::{Entry, LogId, Payload, RaftEntry},
    keys::Keys,
    peers::Network,
    proposer::Clock,
    raft_handle::{Card, Consensus, Options, Timing},
};

/// 2025-10-01T06:26:40Z.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_759_300_000_000_000);

pub(crate) fn log_id(index: u64) -> LogId {
    LogId { leader_id: LeaderId { term: 1, node_id: 1 }, index }
}

/// A small entry that changes state.
pub(crate) fn tick(index: u64) -> RaftEntry {
    let submission = Arc::new(own(Command::Tick(Tick)));
    let level = FeatureLevel::FIRST;
    let entry = Entry { at: NOW.after_seconds(1), submission, cause: None, level };
    RaftEntry { log_id: log_id(index), payload: Payload::Normal(entry) }
}

/// A disclosure with its number as serial, under a key of its own.
pub(crate) fn numbered(number: u64) -> Submission {
    let millis = u128::try_from(NOW.micros() / 1_000).unwrap();
    let key = millis << 80 | 7 << 76 | 0b10 << 62 | u128::from(number);
    let key = IdempotencyKey::of(key).unwrap();
    let disclosure = Disclosure {
        sequence: 0,
        at: Timestamp::ZERO,
        receiver: OrganisationId::parse("stad").unwrap(),
        service: ServiceId::parse("stad/sdf").unwrap(),
        serial: number.to_string(),
        ground: Ground {
            purpose: PurposeId::parse("prevention").unwrap(),
            legal_basis: LegalBasisId::parse("osl-10-27").unwrap(),
            weighing: None,
        },
        object: Object::Duties,
        revision: 0,
        groups: BTreeSet::new(),
        rules: BTreeSet::new(),
        rows: 1,
        digest: [6; 32],
        epoch: 0,
        view: None,
    };
    let command = Disclose { disclosures: vec![disclosure], advances: Vec::new() };
    Submission { key: Some((key, [4; 32])), ..own(Command::Disclose(command)) }
}

/// What moves the epoch.
pub(crate) fn adopt_policy() -> Submission {
    own(Command::AdoptPolicy(AdoptPolicy { policy: [3; 32] }))
}

fn own(command: Command) -> Submission {
    Submission {
        actor: Actor {
            organisation: OrganisationId::parse("stad").unwrap(),
            service: ServiceId::parse("stad/gateway").unwrap(),
            role: None,
            pseudonym: None,
        },
        key: None,
        epoch: 0,
        valid_until: Timestamp::from_micros(i64::MAX),
        command,
    }
}

/// A clock that stands still.
pub(crate) fn standing() -> Clock {
    Arc::new(|| NOW)
}

/// A node that is alone.
pub(crate) fn alone(dir: &Path) -> Options {
    let keys = dir.join("keys");
    std::fs::create_dir_all(&keys).unwrap();
    Options {
        dir: dir.to_owned(),
        node: 1,
        address: "local".to_owned(),
        card: Card::default(),
        founds: true,
        timing: Timing::Alone,
        network: Network::new(Keys::open(&keys).unwrap().into(), None),
        levels: Levels::default(),
        threads: tokio::runtime::Handle::current(),
    }
}

pub(crate) async fn open(dir: &Path) -> Consensus {
    let consensus = Consensus::open(alone(dir), standing()).await.unwrap();
    consensus.recover().await.unwrap();
    consensus
}
