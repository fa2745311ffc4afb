//! What consensus keeps on disk, in our own messages: openraft's structs never reach the disk.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
    sync::Arc,
};

use bytes::Bytes;
use openraft::{BasicNode, vote::leader_id_adv::LeaderId};
use prost::Message;
use raft_log::codeq::{Decode, Encode};
use samsyn_domain::{FeatureLevel, Timestamp};
use samsyn_proto::log;

use super::{
    decode_submission, encode_submission,
    level::{decode_level, encode_level},
    record::{damaged, read_record, write_record},
};
use crate::{
    Error,
    entry::{Entry, LogId, Membership, Payload, StoredMembership, Vote},
    head::Head,
    root::Root,
    trace::Cause,
};

/// A log id, in the log's order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StoredLogId(pub(crate) LogId);

impl Encode for StoredLogId {
    fn encode<W: Write>(&self, to: W) -> io::Result<usize> {
        write_record(to, &encode_log_id(&self.0).encode_to_vec())
    }
}

impl Decode for StoredLogId {
    fn decode<R: Read>(from: R) -> io::Result<Self> {
        message(from).map(|id: log::LogId| Self(decode_log_id(&id)))
    }
}

/// A vote, in the order of votes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd)]
pub(crate) struct StoredVote(pub(crate) Vote);

impl Encode for StoredVote {
    fn encode<W: Write>(&self, to: W) -> io::Result<usize> {
        write_record(to, &encode_vote(&self.0).encode_to_vec())
    }
}

impl Decode for StoredVote {
    fn decode<R: Read>(from: R) -> io::Result<Self> {
        message(from).map(|vote: log::Vote| Self(decode_vote(&vote)))
    }
}

/// What an entry carries, with its bytes: encoded once, outside the log's lock.
#[derive(Clone)]
pub(crate) struct StoredPayload {
    /// What whoever reads it must know.
    level: FeatureLevel,
    /// None where this program does not know that level, and so not what the bytes say.
    payload: Option<Payload>,
    bytes: Bytes,
}

impl StoredPayload {
    pub(crate) fn new(payload: Payload) -> Self {
        let encoded = encode_payload(&payload);
        let level = level_of(&encoded);
        Self { level, payload: Some(payload), bytes: encoded.encode_to_vec().into() }
    }

    /// As it was encoded before.
    pub(crate) fn from_bytes(bytes: Bytes) -> io::Result<Self> {
        let payload = log::Payload::decode(bytes.clone()).map_err(damaged)?;
        let level = level_of(&payload);
        let payload = match decode_payload(payload) {
            Err(_) if level > FeatureLevel::NEWEST => None,
            decoded => Some(decoded?),
        };
        Ok(Self { level, payload, bytes })
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What it carries, to a node that knows the log up to a level.
    ///
    /// # Errors
    /// [`Error::LevelUnknown`] when it needs a higher one, whether it seems to read or not.
    pub(crate) fn into_payload(self, knows: FeatureLevel) -> Result<Payload, Error> {
        let unknown = Error::LevelUnknown { needs: self.level, knows };
        if self.level > knows { Err(unknown) } else { self.payload.ok_or(unknown) }
    }

    /// How many bytes it has in the log.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// About how many bytes of memory it takes, its decoded form included.
    pub(crate) fn memory_bytes(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX).saturating_mul(3).saturating_add(512)
    }
}

impl std::fmt::Debug for StoredPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.payload {
            Some(payload) => std::fmt::Debug::fmt(payload, f),
            None => write!(f, "of level {}", self.level),
        }
    }
}

impl Encode for StoredPayload {
    fn encode<W: Write>(&self, to: W) -> io::Result<usize> {
        write_record(to, &self.bytes)
    }
}

impl Decode for StoredPayload {
    fn decode<R: Read>(from: R) -> io::Result<Self> {
        Self::from_bytes(read_record(from)?.into())
    }
}

/// raft-log keeps a place for data of its user. Nothing is kept there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoUserData;

impl Encode for NoUserData {
    fn encode<W: Write>(&self, to: W) -> io::Result<usize> {
        write_record(to, &[])
    }
}

impl Decode for NoUserData {
    fn decode<R: Read>(from: R) -> io::Result<Self> {
        if read_record(from)?.is_empty() { Ok(Self) } else { Err(damaged("data nobody wrote")) }
    }
}

pub(crate) fn encode_head(head: &Head) -> Vec<u8> {
    log::SnapshotHead {
        last: head.applied.as_ref().map(encode_log_id),
        membership: Some(encode_stored_membership(&head.membership)),
        root: head.root.as_bytes().to_vec(),
        rows: head.rows,
        level: encode_level(head.level),
    }
    .encode_to_vec()
}

pub(crate) fn decode_head(bytes: &[u8]) -> io::Result<Head> {
    let head = log::SnapshotHead::decode(bytes).map_err(damaged)?;
    let root = head.root.try_into().map_err(|_| damaged("a root is not 32 bytes"))?;
    let membership = head.membership.ok_or_else(|| damaged("a head without membership"))?;
    Ok(Head {
        applied: head.last.as_ref().map(decode_log_id),
        membership: decode_stored_membership(membership)?,
        root: Root::from_bytes(root),
        rows: head.rows,
        level: decode_level(head.level),
    })
}

fn message<R: Read, M: Message + Default>(from: R) -> io::Result<M> {
    M::decode(read_record(from)?.as_slice()).map_err(damaged)
}

pub(crate) const fn encode_vote(vote: &Vote) -> log::Vote {
    let Vote { leader_id, committed } = vote;
    log::Vote { term: leader_id.term, node: leader_id.node_id, committed: *committed }
}

pub(crate) const fn decode_vote(vote: &log::Vote) -> Vote {
    let leader_id = LeaderId { term: vote.term, node_id: vote.node };
    Vote { leader_id, committed: vote.committed }
}

pub(crate) const fn encode_log_id(id: &LogId) -> log::LogId {
    log::LogId { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
}

pub(crate) const fn decode_log_id(id: &log::LogId) -> LogId {
    LogId { leader_id: LeaderId { term: id.term, node_id: id.node }, index: id.index }
}

fn encode_payload(payload: &Payload) -> log::Payload {
    use log::payload::Kind;
    let kind = match payload {
        Payload::Blank => None,
        Payload::Normal(entry) => Some(Kind::Entry(log::Entry {
            stamp_micros: entry.at.micros(),
            submission: Some(encode_submission(&entry.submission)),
            trace: entry.cause.map(encode_cause),
            level: encode_level(entry.level),
        })),
        Payload::Membership(membership) => Some(Kind::Membership(encode_membership(membership))),
    };
    log::Payload { kind }
}

fn decode_payload(payload: log::Payload) -> io::Result<Payload> {
    use log::payload::Kind;
    Ok(match payload.kind {
        None => Payload::Blank,
        Some(Kind::Entry(entry)) => {
            let submission = entry.submission.ok_or_else(|| damaged("an entry without content"))?;
            Payload::Normal(Entry {
                at: Timestamp::from_micros(entry.stamp_micros),
                submission: Arc::new(decode_submission(submission).map_err(damaged)?),
                cause: entry.trace.map(decode_cause).transpose()?,
                level: decode_level(entry.level),
            })
        }
        Some(Kind::Membership(membership)) => Payload::Membership(decode_membership(membership)?),
    })
}

/// Nothing else of an entry is looked at before it.
fn level_of(payload: &log::Payload) -> FeatureLevel {
    match &payload.kind {
        Some(log::payload::Kind::Entry(entry)) => decode_level(entry.level),
        Some(log::payload::Kind::Membership(_)) | None => FeatureLevel::FIRST,
    }
}

fn encode_cause(cause: Cause) -> log::TraceContext {
    let (trace, span) = cause.to_bytes();
    log::TraceContext { trace_id: trace.to_vec(), span_id: span.to_vec() }
}

fn decode_cause(trace: log::TraceContext) -> io::Result<Cause> {
    let log::TraceContext { trace_id, span_id } = trace;
    let ids = (trace_id.try_into().ok()).zip(span_id.try_into().ok());
    let cause = ids.and_then(|(trace, span)| Cause::from_bytes(trace, span));
    cause.ok_or_else(|| damaged("a place in a trace without its ids"))
}

fn encode_membership(membership: &Membership) -> log::Membership {
    let voters = |ids: &BTreeSet<u64>| log::Voters { ids: ids.iter().copied().collect() };
    log::Membership {
        configs: membership.get_joint_config().iter().map(voters).collect(),
        nodes: membership
            .nodes()
            .map(|(id, node)| (*id, log::Node { address: node.addr.clone() }))
            .collect(),
    }
}

fn decode_membership(membership: log::Membership) -> io::Result<Membership> {
    let configs = membership.configs.into_iter().map(|voters| voters.ids.into_iter().collect());
    let nodes = membership.nodes.into_iter().map(|(id, node)| (id, BasicNode::new(node.address)));
    Membership::new(configs.collect(), nodes.collect::<BTreeMap<_, _>>()).map_err(damaged)
}

pub(crate) fn encode_stored_membership(stored: &StoredMembership) -> log::StoredMembership {
    log::StoredMembership {
        log_id: stored.log_id().as_ref().map(encode_log_id),
        membership: Some(encode_membership(stored.membership())),
    }
}

pub(crate) fn decode_stored_membership(
    stored: log::StoredMembership,
) -> io::Result<StoredMembership> {
    let log_id = stored.log_id.as_ref().map(decode_log_id);
    let membership = stored.membership.ok_or_else(|| damaged("a membership without voters"))?;
    if membership.configs.is_empty() && log_id.is_none() {
        return Ok(StoredMembership::default());
    }
    Ok(StoredMembership::new(log_id, decode_membership(membership)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(index: u64) -> LogId {
        LogId { leader_id: LeaderId { term: 3, node_id: 2 }, index }
    }

    fn membership() -> Membership {
        let configs = vec![BTreeSet::from([1, 2]), BTreeSet::from([2, 3])];
        let nodes = (1..=4).map(|n| (n, BasicNode::new(format!("node{n}:7000"))));
        Membership::new(configs, nodes.collect::<BTreeMap<_, _>>()).unwrap()
    }

    fn again<T: Encode + Decode>(value: &T) -> T {
        let mut bytes = Vec::new();
        assert_eq!(value.encode(&mut bytes).unwrap(), bytes.len());
        T::decode(bytes.as_slice()).unwrap()
    }

    fn read(payload: &StoredPayload) -> Payload {
        again(payload).into_payload(FeatureLevel::FIRST).unwrap()
    }

    #[test]
    fn log_ids_votes_and_payloads_read_as_they_were_written() {
        assert_eq!(again(&StoredLogId(id(9))), StoredLogId(id(9)));
        for committed in [false, true] {
            let vote = StoredVote(Vote { leader_id: id(0).leader_id, committed });
            assert_eq!(again(&vote), vote);
        }
        for payload in [Payload::Blank, Payload::Membership(membership())] {
            assert_eq!(read(&StoredPayload::new(payload.clone())), payload);
        }
    }

    #[test]
    fn what_caused_an_entry_reads_as_it_was_written() {
        let Payload::Normal(entry) = crate::samples::tick(1).payload else { panic!() };
        let cause = Cause::from_bytes([3; 16], [4; 8]);
        let payload = Payload::Normal(Entry { cause, ..entry });
        assert_eq!(read(&StoredPayload::new(payload.clone())), payload);
        let short = log::TraceContext { trace_id: vec![3; 15], span_id: vec![4; 8] };
        assert_eq!(decode_cause(short).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn an_entry_of_a_higher_level_is_told_as_such_whether_it_reads_or_not() {
        let Payload::Normal(entry) = crate::samples::tick(1).payload else { panic!() };
        let higher = FeatureLevel::of(FeatureLevel::NEWEST.number() + 1).unwrap();
        let mut known = encode_payload(&Payload::Normal(Entry { level: higher, ..entry }));
        let bytes = known.encode_to_vec();
        let Some(log::payload::Kind::Entry(entry)) = &mut known.kind else { panic!() };
        // As a command looks that this program does not have.
        entry.submission.as_mut().unwrap().command = None;
        for bytes in [bytes, known.encode_to_vec()] {
            let read = StoredPayload::from_bytes(bytes.clone().into()).unwrap();
            assert_eq!(read.clone().into_bytes(), bytes, "it is kept as it is");
            let refused = read.into_payload(FeatureLevel::NEWEST).unwrap_err();
            let told = Error::LevelUnknown { needs: higher, knows: FeatureLevel::NEWEST };
            assert_eq!(refused.to_string(), told.to_string());
        }
        let Some(log::payload::Kind::Entry(entry)) = &mut known.kind else { panic!() };
        entry.level = 0;
        let damaged = StoredPayload::from_bytes(known.encode_to_vec().into()).unwrap_err();
        assert_eq!(damaged.kind(), io::ErrorKind::InvalidData, "of this level it is damage");
    }

    #[test]
    fn a_head_reads_as_it_was_written() {
        let full = Head {
            applied: Some(id(7)),
            membership: StoredMembership::new(Some(id(1)), membership()),
            root: Root::default().after(7, &[]),
            rows: 12,
            level: FeatureLevel::of(3).unwrap(),
        };
        for head in [Head::default(), full] {
            assert_eq!(decode_head(&encode_head(&head)).unwrap(), head);
        }
    }

    #[test]
    fn a_root_of_another_length_is_damage() {
        let head = log::SnapshotHead {
            membership: Some(encode_stored_membership(&StoredMembership::default())),
            root: vec![1; 31],
            ..log::SnapshotHead::default()
        };
        let error = decode_head(&head.encode_to_vec()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
