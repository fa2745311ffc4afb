//! Life among the other nodes: contact with the leader, the same keys, the same state, the members.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::join_all;
use samsyn_domain::FeatureLevel;
use samsyn_proto::raft::{GetHealthResponse, GetKeysRequest, GetKeysResponse};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{
    Cluster, Error, Ledger, Levels, Member, Node, Peer, Place, Role, Transport, handle::Inner,
    keys::Keys,
};

/// Without contact with a leader that has its quorum for so long, a node shows nothing.
const CONTACT_MAX: Duration = Duration::from_secs(3);
/// How often a node looks after its contact.
const LOOK: Duration = Duration::from_millis(500);
/// Every so many looks it compares its state and its clock with the others'.
const COMPARED_EVERY: u32 = 4;
/// How long another node may take to say how it is.
const HEALTH_MAX: Duration = Duration::from_secs(1);
/// How long it may take to give the keys.
const KEYS_MAX: Duration = Duration::from_secs(10);
/// How long a new node waits before it asks for the keys again.
const KEYS_WAIT: Duration = Duration::from_millis(500);
/// A node whose clock is further from the others' middle is not ready.
const SKEW_MAX_MICROS: u64 = 2_000_000;

/// When this node last knew a leader that has its quorum, and whether its clock is like that of the
/// others.
#[derive(Default)]
pub(crate) struct Contact(Mutex<Touch>);

#[derive(Default)]
struct Touch {
    at: Option<Instant>,
    skewed: bool,
}

impl Contact {
    pub(crate) fn is_fresh(&self) -> bool {
        let touch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !touch.skewed && touch.at.is_some_and(|at| at.elapsed() < CONTACT_MAX)
    }

    /// Notes that a quorum has confirmed its leader, so long ago.
    fn touch(&self, age: Duration) {
        let at = Instant::now().checked_sub(age);
        let mut touch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        touch.at = touch.at.max(at);
    }

    /// Notes whether the clock is off; whether that is news.
    fn skewed(&self, skewed: bool) -> bool {
        let mut touch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut touch.skewed, skewed) != skewed
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("is_fresh", &self.is_fresh()).finish()
    }
}

/// Gets the domain's key file for a node that has none, from the first of the others that gives it;
/// asks until one does. A node is given it once it was added to the cluster.
///
/// # Errors
/// When it cannot be kept, or this node does not know the domain's level.
pub async fn fetch_key_file(
    dir: &Path,
    transport: &Arc<dyn Transport>,
    others: &[Node],
    levels: Levels,
) -> Result<(), Error> {
    if Keys::are_in(dir) {
        return Ok(());
    }
    crate::disk::make_dir(dir)?;
    tracing::info!("asking the other nodes for the domain's keys");
    loop {
        for other in others {
            match transport.get_keys(other, asking(levels), KEYS_MAX).await {
                Ok(keys) => return Keys::receive(dir, &given(keys, levels)?),
                Err(why) => tracing::debug!(node = other.id, %why, "no keys yet"),
            }
        }
        tokio::time::sleep(KEYS_WAIT).await;
    }
}

fn asking(levels: Levels) -> GetKeysRequest {
    GetKeysRequest { level: levels.knows.number() }
}

/// The key file, where this node knows the domain's level.
fn given(keys: GetKeysResponse, Levels { knows, .. }: Levels) -> Result<String, Error> {
    let needs = FeatureLevel::of(keys.level).unwrap_or_default();
    if needs <= knows { Ok(keys.file) } else { Err(Error::LevelUnknown { needs, knows }) }
}

impl Ledger {
    /// What this node answers the other nodes.
    #[must_use]
    pub fn peer(&self) -> Peer {
        let Inner { consensus, keys, dir, .. } = &*self.inner;
        Peer::new(consensus.clone(), Arc::clone(keys), dir.clone())
    }

    /// Who leads, as this node knows it.
    #[must_use]
    pub fn place(&self) -> Place {
        self.inner.consensus.place()
    }

    /// The cluster as this node knows it.
    #[must_use]
    pub fn cluster(&self) -> Cluster {
        self.inner.consensus.cluster()
    }

    /// Whether this node has had no contact with a leader that has its quorum for some seconds.
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        let Inner { is_alone, contact, .. } = &*self.inner;
        !is_alone && !contact.is_fresh()
    }

    /// Whether a node is a member.
    #[must_use]
    pub fn has_member(&self, node: u64) -> bool {
        self.inner.consensus.is_member(node)
    }

    /// Waits, bounded, until this node's state has come to a position.
    ///
    /// # Errors
    /// When it does not in time.
    pub async fn reach(&self, position: u64) -> Result<(), Error> {
        self.inner.consensus.reach(position).await
    }

    /// Adds a node that gets everything and does not vote.
    ///
    /// # Errors
    /// When this node does not lead, or another change is under way.
    pub async fn add_learner(&self, node: Node) -> Result<(), Error> {
        if self.read(|state| state.was_a_node(node.id)) {
            return Err(Error::Membership(format!(
                "node {} carried the domain before it was restored; give the new machine a number \
                 that none had",
                node.id
            )));
        }
        self.inner.consensus.add_learner(node).await
    }

    /// Makes a learner that is not far behind a voter.
    ///
    /// # Errors
    /// As [`Self::add_learner`]; when it is far behind.
    pub async fn promote(&self, node: u64) -> Result<(), Error> {
        self.inner.consensus.promote(node).await
    }

    /// Makes a voter a learner.
    ///
    /// # Errors
    /// As [`Self::add_learner`].
    pub async fn demote(&self, node: u64) -> Result<(), Error> {
        self.inner.consensus.demote(node).await
    }

    /// Takes a learner out.
    ///
    /// # Errors
    /// As [`Self::add_learner`].
    pub async fn remove(&self, node: u64) -> Result<(), Error> {
        self.inner.consensus.remove(node).await
    }

    /// Hands leadership to a voter; it may take a moment, and may not come about.
    ///
    /// # Errors
    /// When consensus has stopped.
    pub async fn transfer(&self, to: u64) -> Result<(), Error> {
        self.inner.consensus.transfer(to).await
    }

    /// Has a snapshot built.
    ///
    /// # Errors
    /// When consensus has stopped.
    pub async fn snapshot(&self) -> Result<(), Error> {
        self.inner.consensus.snapshot().await
    }

    /// How another node is, or this one.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn health_of(&self, node: &Node) -> Result<GetHealthResponse, crate::Unreached> {
        let consensus = &self.inner.consensus;
        if node.id == consensus.node() {
            return Ok(consensus.health());
        }
        consensus.transport()?.get_health(node, HEALTH_MAX).await
    }

    /// Takes the keys of a leader: where both have one of a unit, the leader's counts.
    pub(crate) async fn fetch_keys(&self, leader: &Node) -> Result<(), Error> {
        let Inner { consensus, keys, .. } = &*self.inner;
        let transport = consensus.transport().map_err(|_| Error::NoLeader)?;
        let levels = consensus.levels();
        let keys_of = transport.get_keys(leader, asking(levels), KEYS_MAX).await;
        let file = given(keys_of.map_err(|_| Error::NoLeader)?, levels)?;
        if consensus.place() != Place::There(leader.clone()) {
            return Err(Error::NoLeader);
        }
        let keys = Arc::clone(keys);
        let taken = tokio::task::spawn_blocking(move || keys.take_file(&file)).await;
        taken.map_err(|error| Error::Fatal(error.to_string()))?
    }

    /// Looks after contact, keys and sameness until the ledger stops.
    pub async fn keep(self) {
        let mut timer = interval(LOOK);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut looks, mut followed) = (0_u32, None);
        loop {
            timer.tick().await;
            if self.inner.consensus.fatal().borrow().is_some() {
                return;
            }
            self.look(&mut followed).await;
            if looks.is_multiple_of(COMPARED_EVERY) {
                self.compare_nodes().await;
            }
            looks = looks.wrapping_add(1);
        }
    }

    async fn look(&self, followed: &mut Option<Node>) {
        let Inner { consensus, contact, .. } = &*self.inner;
        let quorum_age = consensus.quorum_age();
        consensus.be_silent_without_quorum(quorum_age);
        match consensus.place() {
            Place::Nowhere => {}
            Place::Here => {
                *followed = None;
                if let Some(age) = quorum_age {
                    contact.touch(age);
                }
                if !self.has_policy()
                    && let Err(error) = self.found().await
                {
                    tracing::warn!(%error, "this node's policy is not the domain's yet");
                }
            }
            Place::There(leader) => {
                if followed.as_ref() != Some(&leader) && self.fetch_keys(&leader).await.is_ok() {
                    *followed = Some(leader.clone());
                }
                let health = self.health_of(&leader).await;
                if let Some(age) = health.ok().and_then(|health| health.quorum_millis) {
                    contact.touch(Duration::from_millis(age));
                }
            }
        }
    }

    /// Compares state and clock with all nodes that answer.
    async fn compare_nodes(&self) {
        let Inner { consensus, contact, .. } = &*self.inner;
        let Cluster { node, members, .. } = consensus.cluster();
        if members.len() < 2 {
            return;
        }
        let own = consensus.health();
        let others = members.iter().map(|member| &member.node).filter(|other| other.id != node);
        let others = join_all(others.map(|other| self.health_of(other))).await;
        let others: Vec<_> = others.into_iter().flatten().collect();
        let votes = |member: &&Member| member.role != Role::Learner;
        let voters = members.iter().filter(votes).map(|member| member.node.id).collect();
        if let Some(position) = differs(&voters, &own, &others) {
            consensus.stop(&format!(
                "the state of this node differs from that of others at position {position}; \
                 empty its folder but for the key file and let it join anew"
            ));
        }
        let clocks = others.iter().chain([&own]).map(|health| health.clock_micros).collect();
        let off = skew(own.clock_micros, &clocks);
        let is_off = off > SKEW_MAX_MICROS;
        if contact.skewed(is_off) {
            tracing::warn!(micros = off, "this node's clock against the middle of all clocks");
        }
        consensus.stand_for_election(!is_off);
        if is_off && consensus.leads() {
            let fits = |health: &&GetHealthResponse| {
                voters.contains(&health.node)
                    && skew(health.clock_micros, &clocks) <= SKEW_MAX_MICROS
            };
            if let Some(next) = others.iter().find(fits)
                && let Err(error) = consensus.transfer(next.node).await
            {
                tracing::warn!(%error, "leadership was not handed to a node with a right clock");
            }
        }
    }
}

/// At which position a node's state is not that of a majority of the voters: the last that it has
/// in common with any of them. Where no majority agrees, nobody's state is.
fn differs(
    voters: &BTreeSet<u64>,
    own: &GetHealthResponse,
    others: &[GetHealthResponse],
) -> Option<u64> {
    let of = |health: &GetHealthResponse| -> BTreeMap<u64, Vec<u8>> {
        health.roots.iter().map(|at| (at.position, at.root.clone())).collect()
    };
    let others = others.iter().filter(|other| voters.contains(&other.node));
    let (votes, own) = (voters.contains(&own.node), of(own));
    let others = others.map(of).collect::<Vec<_>>();
    let common =
        |(position, _): &(&u64, &Vec<u8>)| others.iter().any(|roots| roots.contains_key(position));
    let (position, root) = own.iter().rev().find(common)?;
    let theirs: Vec<_> = others.iter().filter_map(|roots| roots.get(position)).collect();
    let like = theirs.iter().filter(|other| **other == root).count();
    let like = like.saturating_add(usize::from(votes));
    let one_differs = theirs.iter().any(|other| *other != root);
    (one_differs && like.saturating_mul(2) <= voters.len()).then_some(*position)
}

/// How far a clock is from the middle of all, in microseconds; where two are in the middle, from
/// the further of them: of two that differ it is not known which one is right.
fn skew(own: i64, clocks: &Clocks) -> u64 {
    let middles = [clocks.0.len().saturating_sub(1) / 2, clocks.0.len() / 2];
    let middles = middles.iter().filter_map(|middle| clocks.0.get(*middle));
    middles.map(|middle| own.abs_diff(*middle)).max().unwrap_or(0)
}

/// What time it is at nodes, in microseconds, in order.
struct Clocks(Vec<i64>);

impl FromIterator<i64> for Clocks {
    fn from_iter<T: IntoIterator<Item = i64>>(clocks: T) -> Self {
        let mut clocks: Vec<_> = clocks.into_iter().collect();
        clocks.sort_unstable();
        Self(clocks)
    }
}

#[cfg(test)]
mod tests {
    use samsyn_proto::raft::RootAt;

    use super::*;

    fn at(node: u64, roots: &[(u64, u8)]) -> GetHealthResponse {
        let root =
            |(position, byte): &(u64, u8)| RootAt { position: *position, root: vec![*byte; 32] };
        let roots = roots.iter().map(root).collect();
        GetHealthResponse { node, roots, ..GetHealthResponse::default() }
    }

    #[test]
    fn a_node_that_differs_from_a_majority_stops_and_the_majority_goes_on() {
        let three = BTreeSet::from([1, 2, 3]);
        let own = at(1, &[(64, 1), (128, 2)]);
        let same = at(2, &[(64, 1), (128, 2), (192, 3)]);
        let other = at(3, &[(64, 1), (128, 9)]);
        let differ = |own: &GetHealthResponse, others: &[&GetHealthResponse]| {
            let others: Vec<_> = others.iter().map(|one| (*one).clone()).collect();
            differs(&three, own, &others)
        };
        assert_eq!(differ(&own, &[&same, &same]), None);
        assert_eq!(differ(&own, &[&same, &other]), None, "two of three agree");
        assert_eq!(differ(&other, &[&own, &same]), Some(128));
        assert_eq!(differ(&own, &[&other]), Some(128), "no majority is known");
        assert_eq!(differ(&own, &[&at(2, &[(256, 7)])]), None, "nothing in common");
        assert_eq!(differ(&own, &[&at(2, &[])]), None, "a node that has nothing yet");
        assert_eq!(differ(&own, &[]), None);
    }

    #[test]
    fn a_learner_that_differs_stops_and_no_voter_does_for_it() {
        let one = BTreeSet::from([1]);
        let (voter, learner) = (at(1, &[(64, 1)]), at(2, &[(64, 9)]));
        assert_eq!(differs(&one, &voter, std::slice::from_ref(&learner)), None);
        assert_eq!(differs(&one, &learner, &[voter]), Some(64));
    }

    #[test]
    fn a_clock_is_compared_with_the_middle_of_all() {
        let of =
            |own: i64, others: &[i64]| skew(own, &others.iter().copied().chain([own]).collect());
        assert_eq!(of(30, &[10, 5_000_000]), 0);
        assert_eq!(of(5_000_000, &[10, 30]), 4_999_970);
        assert_eq!(of(0, &[10, -5_000_000]), 0, "one of the others is off");
        assert_eq!(of(30, &[10, 20, 5_000_000]), 10);
        assert_eq!((of(0, &[5_000_000]), of(5_000_000, &[0])), (5_000_000, 5_000_000));
        assert_eq!(of(5, &[]), 0);
    }
}
