//! Several nodes: who leads, who takes part, and what is asked of the leader.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use openraft::{
    BasicNode, ChangeMembers, Instant as _, ServerState,
    async_runtime::watch::WatchReceiver as _,
    errors::{ClientWriteError, RaftError},
};
use prost::Message as _;
use samsyn_domain::command::{Digest, Reply, Submission};
use samsyn_proto::raft;

use super::{Consensus, SUBMISSION_BYTES_MAX, log_dir, stopped};
use crate::{
    Error, disk,
    entry::{LogId, Raft, Types},
    format::{Stored as _, encode_submission},
    peers::{Node, Transport, Unreached},
};

/// So long a follower waits for the leader's answer to a change of the domain itself.
const FORWARD_MAX: Duration = Duration::from_secs(10);
/// So long a node waits until its own state holds what the leader has answered.
const CATCH_UP_MAX: Duration = Duration::from_secs(10);
/// A new node is at most so many entries behind when it becomes a voter.
const LAG_MAX: u64 = 1_000;

/// What a node tells of itself that consensus does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Card {
    /// The version of its program.
    pub version: String,
    /// When the certificate that it shows to nodes ends, in seconds since 1970.
    pub certificate_until: u64,
}

/// Who leads, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This node.
    Here,
    /// Another node.
    There(Node),
    /// Nobody, or it is not known.
    Nowhere,
}

/// What a member does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It orders changes.
    Leader,
    /// It votes.
    Voter,
    /// It has everything and does not vote.
    Learner,
}

/// A member of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which node.
    pub node: Node,
    /// What it does.
    pub role: Role,
}

/// The cluster as one node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// This node.
    pub node: u64,
    /// Its term.
    pub term: u64,
    /// All members, by number.
    pub members: Vec<Member>,
    /// The voters are being changed.
    pub changing: bool,
}

impl Consensus {
    pub(crate) const fn raft(&self) -> &Raft {
        &self.raft
    }

    /// Who leads.
    pub(crate) fn place(&self) -> Place {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let Some(leader) = metrics.current_leader else { return Place::Nowhere };
        if leader == metrics.id {
            return Place::Here;
        }
        let node = metrics.membership_config.membership().get_node(&leader);
        node.map_or(Place::Nowhere, |node| {
            Place::There(Node { id: leader, address: node.addr.clone() })
        })
    }

    /// The way to the other nodes.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn transport(&self) -> Result<&Arc<dyn Transport>, Unreached> {
        self.network.transport()
    }

    /// Has the process end.
    pub(crate) fn stop(&self, why: &str) {
        self.fatal.report(why);
    }

    /// Whether this node stands for election when nobody leads.
    pub(crate) fn stand_for_election(&self, stands: bool) {
        self.raft.runtime_config().elect(stands);
    }

    /// Has a leader be silent that no quorum has answered for longer than an election takes: others
    /// may hear it all the same, and would wait for it.
    pub(crate) fn be_silent_without_quorum(&self, quorum_age: Option<Duration>) {
        let longest = Duration::from_millis(self.raft.config().election_timeout_max);
        self.raft.runtime_config().heartbeat(quorum_age.is_none_or(|age| age <= longest));
    }

    /// Whether this node leads.
    pub(crate) fn leads(&self) -> bool {
        self.place() == Place::Here
    }

    /// Orders a change that the domain itself makes, at whichever node leads, under the policy by
    /// which this node decides. What it wrote is in this node's state when it returns.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(crate) async fn order(
        &self,
        submission: Submission,
        policy: &Digest,
    ) -> Result<(u64, Reply), Error> {
        let leader = match self.place() {
            Place::Here => return self.submit(submission).await,
            Place::There(leader) => leader,
            Place::Nowhere => return Err(self.reason().unwrap_or(Error::NoLeader)),
        };
        // A leader of an earlier version would not even read it.
        if let Err(refusal) = self.takes(&submission.command) {
            return Ok((self.applied(), Reply::Refused(refusal)));
        }
        let submission = encode_submission(&submission);
        let bytes = submission.encoded_len();
        if bytes > SUBMISSION_BYTES_MAX {
            return Err(Error::TooLarge { bytes, bytes_max: SUBMISSION_BYTES_MAX });
        }
        let request = raft::SubmitRequest { submission: Some(submission), policy: policy.to_vec() };
        let transport = self.network.transport().map_err(|_| Error::NoLeader)?;
        let answer = transport.submit(&leader, request, FORWARD_MAX).await;
        let answer = answer.map_err(|why| match why {
            Unreached::Away(_) | Unreached::Refused(_) => Error::NoLeader,
            Unreached::Silent(_) => Error::OutcomeUnknown,
        })?;
        let reply = answer.reply.ok_or(Error::OutcomeUnknown)?;
        let reply = Reply::decode(reply).map_err(|_| Error::OutcomeUnknown)?;
        self.reach(answer.position).await?;
        Ok((answer.position, reply))
    }

    /// Waits until this node's state has come to a position.
    ///
    /// # Errors
    /// [`Error::Behind`] when that takes too long.
    pub(crate) async fn reach(&self, position: u64) -> Result<(), Error> {
        if self.applied() >= position {
            return Ok(());
        }
        let wait = self.raft.wait(Some(CATCH_UP_MAX));
        let reached = wait.applied_index_at_least(Some(position), "what was answered").await;
        reached.map(drop).map_err(|_| self.reason().unwrap_or(Error::Behind))
    }

    /// Waits until this node knows who leads and has what the leader had then.
    ///
    /// # Errors
    /// When the leader does not answer, or this node does not catch up in time.
    pub(crate) async fn catch_up(&self) -> Result<(), Error> {
        match self.place() {
            Place::Here => self.barrier().await,
            Place::There(leader) => {
                let transport = self.network.transport().map_err(|_| Error::NoLeader)?;
                let health = transport.get_health(&leader, FORWARD_MAX).await;
                let health = health.map_err(|_| Error::NoLeader)?;
                // One that has started anew leads no more, and may not know what was committed.
                if health.leader != leader.id {
                    return Err(Error::NoLeader);
                }
                self.reach(health.committed).await?;
                // A leader knows what was committed before it led once an entry of its own is.
                let applied = self.machine.head().applied;
                if is_of_leader(applied, &health) { Ok(()) } else { Err(Error::Behind) }
            }
            Place::Nowhere => Err(self.reason().unwrap_or(Error::NoLeader)),
        }
    }

    /// The cluster as this node knows it.
    pub(crate) fn cluster(&self) -> Cluster {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let voters: BTreeSet<u64> = membership.voter_ids().collect();
        let member = |(id, node): (&u64, &BasicNode)| {
            let role = if metrics.current_leader == Some(*id) {
                Role::Leader
            } else if voters.contains(id) {
                Role::Voter
            } else {
                Role::Learner
            };
            Member { node: Node { id: *id, address: node.addr.clone() }, role }
        };
        Cluster {
            node: metrics.id,
            term: metrics.current_term,
            members: membership.nodes().map(member).collect(),
            changing: membership.get_joint_config().len() > 1,
        }
    }

    /// Which node this is.
    pub(crate) fn node(&self) -> u64 {
        *self.raft.node_id()
    }

    pub(crate) fn is_member(&self, node: u64) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.membership().get_node(&node).is_some()
    }

    /// Adds a node that gets everything and does not vote.
    ///
    /// # Errors
    /// When this node does not lead, or another change is under way.
    pub(crate) async fn add_learner(&self, node: Node) -> Result<(), Error> {
        let added = self.raft.add_learner(node.id, BasicNode::new(node.address), false).await;
        changed(added.map(drop))
    }

    /// Makes a learner that is not far behind a voter.
    ///
    /// # Errors
    /// As [`Self::add_learner`]; [`Error::Behind`] when it is.
    pub(crate) async fn promote(&self, node: u64) -> Result<(), Error> {
        self.is_one(node, &[Role::Learner], "no learner")?;
        if !self.leads() {
            // Only who leads knows how far others are.
            return Err(Error::NoLeader);
        }
        if self.lag(node).is_none_or(|lag| lag > LAG_MAX) {
            return Err(Error::Behind);
        }
        let change = ChangeMembers::AddVoterIds(BTreeSet::from([node]));
        changed(self.raft.change_membership(change, true).await.map(drop))
    }

    /// Makes a voter a learner.
    ///
    /// # Errors
    /// As [`Self::add_learner`].
    pub(crate) async fn demote(&self, node: u64) -> Result<(), Error> {
        self.is_one(node, &[Role::Leader, Role::Voter], "no voter")?;
        let change = ChangeMembers::RemoveVoters(BTreeSet::from([node]));
        changed(self.raft.change_membership(change, true).await.map(drop))
    }

    /// Takes a learner out.
    ///
    /// # Errors
    /// As [`Self::add_learner`].
    pub(crate) async fn remove(&self, node: u64) -> Result<(), Error> {
        self.is_one(node, &[Role::Learner], "no learner")?;
        let change = ChangeMembers::RemoveNodes(BTreeSet::from([node]));
        changed(self.raft.change_membership(change, true).await.map(drop))
    }

    /// Hands leadership to a voter.
    ///
    /// # Errors
    /// When it is none, or consensus has stopped.
    pub(crate) async fn transfer(&self, to: u64) -> Result<(), Error> {
        self.is_one(to, &[Role::Leader, Role::Voter], "no voter")?;
        let asked = self.raft.trigger().transfer_leader(to).await;
        asked.map_err(|stop| stopped(&stop))
    }

    /// Has a snapshot built.
    ///
    /// # Errors
    /// When consensus has stopped.
    pub(crate) async fn snapshot(&self) -> Result<(), Error> {
        let asked = self.raft.trigger().snapshot().await;
        asked.map_err(|stop| stopped(&stop))
    }

    /// Whether a node has one of some roles.
    fn is_one(&self, node: u64, roles: &[Role], what: &str) -> Result<(), Error> {
        let members = self.cluster().members;
        let member = members.iter().find(|member| member.node.id == node);
        if member.is_some_and(|member| roles.contains(&member.role)) {
            return Ok(());
        }
        Err(Error::Membership(format!("node {node} is {what}")))
    }

    /// How many entries another node is behind, as the leader knows it.
    fn lag(&self, node: u64) -> Option<u64> {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let matched = metrics.replication.as_ref()?.get(&node)?.as_ref()?.index;
        Some(metrics.last_log_index?.saturating_sub(matched))
    }

    /// How long ago a quorum confirmed that this node leads.
    pub(crate) fn quorum_age(&self) -> Option<Duration> {
        if self.machine.head().has_one_voter() && self.leads() {
            return Some(Duration::ZERO);
        }
        let leader = self.raft.as_leader().ok()?;
        leader.last_quorum_acked().map(|at| at.elapsed())
    }

    /// How this node is.
    pub(crate) fn health(&self) -> raft::GetHealthResponse {
        // Each looks at the metrics: none while another does, as a writer may wait in between.
        let (quorum_age, head) = (self.quorum_age(), self.machine.head());
        let applied = head.index();
        let root = |(position, root): (u64, crate::root::Root)| raft::RootAt {
            position,
            root: root.as_bytes().to_vec(),
        };
        let marks =
            self.machine.marks().into_iter().filter(|(position, _)| Some(*position) < applied);
        let now = applied.map(|position| (position, head.root));
        let roots = marks.chain(now).map(root).collect();
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        let leads = metrics.state == ServerState::Leader;
        let committed = metrics.cluster_committed.as_ref();
        raft::GetHealthResponse {
            node: metrics.id,
            term: metrics.current_term,
            leader: metrics.current_leader.unwrap_or(0),
            last_log: metrics.last_log_index.unwrap_or(0),
            applied: applied.unwrap_or(0),
            committed: committed.map_or(0, |id| id.index),
            quorum_millis: quorum_age.filter(|_| leads).map(millis),
            roots,
            clock_micros: self.stamps.now().micros(),
            version: self.card.version.clone(),
            log_bytes: disk::bytes_in(&log_dir(&self.dir)),
            free_bytes: disk::free_in(&self.dir),
            certificate_until: self.card.certificate_until,
            level: self.levels.knows.number(),
        }
    }
}

/// Whether what is applied last is of whoever leads, in the term that it says itself: this node may
/// only know of one in which it led before.
fn is_of_leader(applied: Option<LogId>, leader: &raft::GetHealthResponse) -> bool {
    // Two may lead in one term, one after the other.
    let is_its =
        |last: LogId| (last.leader_id.term, last.leader_id.node_id) == (leader.term, leader.leader);
    applied.is_some_and(is_its)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn changed(outcome: Result<(), RaftError<Types, ClientWriteError<Types>>>) -> Result<(), Error> {
    match outcome {
        Ok(()) => Ok(()),
        Err(RaftError::Fatal(stop)) => Err(stopped(&stop)),
        Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Err(Error::NoLeader),
        Err(RaftError::APIError(refused)) => Err(Error::Membership(refused.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use openraft::vote::RaftLeaderId as _;

    use super::*;

    #[test]
    fn what_is_applied_of_a_term_before_says_nothing_of_a_leader_of_now() {
        let leader = |term, leader| raft::GetHealthResponse {
            term,
            leader,
            ..raft::GetHealthResponse::default()
        };
        let of = openraft::type_config::alias::LeaderIdOf::<Types>::new(3, 1);
        let applied = Some(LogId::new(of.to_committed(), 7));
        assert!(is_of_leader(applied, &leader(3, 1)));
        // It was killed and elected anew: what it has committed since is not here yet.
        assert!(!is_of_leader(applied, &leader(4, 1)));
        assert!(!is_of_leader(applied, &leader(3, 2)));
        assert!(!is_of_leader(None, &leader(3, 1)));
    }
}
