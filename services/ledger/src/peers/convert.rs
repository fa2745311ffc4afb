//! openraft's messages, as they go between nodes.

use std::io;

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest, VoteResponse,
};
use samsyn_domain::{FeatureLevel, UnitKey};
use samsyn_proto::raft::{self, append_response::Outcome};

use crate::{
    entry::{RaftEntry, SnapshotMeta, Types},
    format::{
        StoredPayload, damaged, decode_log_id, decode_stored_membership, decode_vote,
        encode_log_id, encode_stored_membership, encode_vote,
    },
};

/// A unit's key on its way.
pub(super) type Key = (UnitKey, [u8; 32]);

pub(super) fn encode_keys(keys: Vec<Key>) -> Vec<raft::UnitKey> {
    let key = |(unit, key): Key| raft::UnitKey { unit: unit.as_str().to_owned(), key: key.into() };
    keys.into_iter().map(key).collect()
}

pub(super) fn decode_keys(keys: Vec<raft::UnitKey>) -> io::Result<Vec<Key>> {
    let key = |raft::UnitKey { unit, key }| {
        let key = key.try_into().map_err(|_| damaged("a key is not 32 bytes"))?;
        Ok((UnitKey::named(&unit), key))
    };
    keys.into_iter().map(key).collect()
}

pub(super) fn encode_append(
    request: AppendEntriesRequest<Types>,
    keys: Vec<Key>,
) -> raft::AppendRequest {
    let entry = |entry: RaftEntry| raft::AppendedEntry {
        log_id: Some(encode_log_id(&entry.log_id)),
        payload: StoredPayload::new(entry.payload).into_bytes(),
    };
    raft::AppendRequest {
        vote: Some(encode_vote(&request.vote)),
        previous: request.prev_log_id.as_ref().map(encode_log_id),
        entries: request.entries.into_iter().map(entry).collect(),
        committed: request.leader_commit.as_ref().map(encode_log_id),
        keys: encode_keys(keys),
    }
}

pub(super) fn decode_append(
    request: raft::AppendRequest,
    knows: FeatureLevel,
) -> io::Result<(AppendEntriesRequest<Types>, Vec<Key>)> {
    let entry = |entry: raft::AppendedEntry| {
        let log_id = entry.log_id.ok_or_else(|| damaged("an entry without its place"))?;
        let payload = StoredPayload::from_bytes(entry.payload)?.into_payload(knows)?;
        Ok(RaftEntry { log_id: decode_log_id(&log_id), payload })
    };
    let vote = request.vote.ok_or_else(|| damaged("entries without a vote"))?;
    let entries = request.entries.into_iter().map(entry).collect::<io::Result<_>>()?;
    let append = AppendEntriesRequest {
        vote: decode_vote(&vote),
        prev_log_id: request.previous.as_ref().map(decode_log_id),
        entries,
        leader_commit: request.committed.as_ref().map(decode_log_id),
    };
    Ok((append, decode_keys(request.keys)?))
}

/// What became of entries; nothing where a node answers what this one never asks for.
pub(super) fn encode_appended(
    response: &AppendEntriesResponse<Types>,
) -> Option<raft::AppendResponse> {
    use raft::append_response::{Appended, Conflict};
    let outcome = match response {
        AppendEntriesResponse::Success => Outcome::Appended(Appended {}),
        AppendEntriesResponse::Conflict => Outcome::Conflict(Conflict {}),
        AppendEntriesResponse::HigherVote(vote) => Outcome::Higher(encode_vote(vote)),
        AppendEntriesResponse::PartialSuccess(_) => return None,
    };
    Some(raft::AppendResponse { outcome: Some(outcome) })
}

pub(super) fn decode_appended(
    response: raft::AppendResponse,
) -> io::Result<AppendEntriesResponse<Types>> {
    let outcome = response.outcome.ok_or_else(|| damaged("an answer without an outcome"))?;
    Ok(match outcome {
        Outcome::Appended(_) => AppendEntriesResponse::Success,
        Outcome::Conflict(_) => AppendEntriesResponse::Conflict,
        Outcome::Higher(vote) => AppendEntriesResponse::HigherVote(decode_vote(&vote)),
    })
}

pub(super) fn encode_ask(request: &VoteRequest<Types>, pre_vote: bool) -> raft::VoteRequest {
    raft::VoteRequest {
        vote: Some(encode_vote(&request.vote)),
        last: request.last_log_id.as_ref().map(encode_log_id),
        transfer: request.leadership_transfer,
        pre_vote,
    }
}

pub(super) fn decode_ask(request: &raft::VoteRequest) -> io::Result<VoteRequest<Types>> {
    let vote = request.vote.as_ref().ok_or_else(|| damaged("a question without a vote"))?;
    Ok(VoteRequest {
        vote: decode_vote(vote),
        last_log_id: request.last.as_ref().map(decode_log_id),
        leadership_transfer: request.transfer,
    })
}

pub(super) fn encode_voted(response: &VoteResponse<Types>) -> raft::VoteResponse {
    raft::VoteResponse {
        vote: Some(encode_vote(&response.vote)),
        granted: response.vote_granted,
        last: response.last_log_id.as_ref().map(encode_log_id),
    }
}

pub(super) fn decode_voted(response: &raft::VoteResponse) -> io::Result<VoteResponse<Types>> {
    let vote = response.vote.as_ref().ok_or_else(|| damaged("an answer without a vote"))?;
    let last = response.last.as_ref().map(decode_log_id);
    Ok(VoteResponse::new(decode_vote(vote), last, response.granted))
}

pub(super) fn encode_transfer(
    request: &TransferLeaderRequest<Types>,
) -> raft::TransferLeaderRequest {
    raft::TransferLeaderRequest {
        vote: Some(encode_vote(request.from_leader())),
        to: *request.to_node_id(),
        last: request.last_log_id().map(encode_log_id),
    }
}

pub(super) fn decode_transfer(
    request: &raft::TransferLeaderRequest,
) -> io::Result<TransferLeaderRequest<Types>> {
    let from = request.vote.as_ref().ok_or_else(|| damaged("a transfer without a vote"))?;
    let last = request.last.as_ref().map(decode_log_id);
    Ok(TransferLeaderRequest::new(decode_vote(from), request.to, last))
}

pub(super) fn encode_header(
    vote: &crate::entry::Vote,
    meta: &SnapshotMeta,
    bytes: u64,
    keys: Vec<Key>,
) -> raft::SnapshotHeader {
    raft::SnapshotHeader {
        vote: Some(encode_vote(vote)),
        last: meta.last_log_id.as_ref().map(encode_log_id),
        membership: Some(encode_stored_membership(&meta.last_membership)),
        bytes,
        keys: encode_keys(keys),
    }
}

pub(super) fn decode_header(
    header: raft::SnapshotHeader,
) -> io::Result<(crate::entry::Vote, SnapshotMeta, Vec<Key>)> {
    let vote = header.vote.ok_or_else(|| damaged("a snapshot without a vote"))?;
    let members = header.membership.ok_or_else(|| damaged("a snapshot without membership"))?;
    let meta = SnapshotMeta {
        last_log_id: header.last.as_ref().map(decode_log_id),
        last_membership: decode_stored_membership(members)?,
    };
    Ok((decode_vote(&vote), meta, decode_keys(header.keys)?))
}
