//! What was observed of a run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use samsyn_domain::{PartyId, Sealed, Timestamp};

use super::{
    super::{
        Recorded, number_of,
        trade::{Reads, area},
    },
    shown::{Sent, Shown, Stream},
};
use crate::Ledger;

/// A record that a node acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) number: u64,
    /// At which node.
    pub(super) node: u64,
    pub(super) at: Recorded,
    /// What was sealed at this node, as the one that led, before the record.
    pub(super) sealed: Option<Sealed>,
}

/// How a reader asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A node, for what was acknowledged there before.
    Node(u64),
    /// A node that leads, behind a barrier, for what was acknowledged anywhere before.
    Leader(u64),
}

/// A read, and what it should have shown and did not.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) asked: Asked,
    pub(super) missing: Vec<u64>,
}

/// A disclosure as a node has it in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// The number of a writer's record.
    pub(super) number: Option<u64>,
    pub(super) sequence: u64,
    pub(super) at: Timestamp,
}

/// What a node has in the end.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) node: u64,
    pub(super) rows: Vec<Row>,
    /// Under which numbers what was shown is recorded.
    pub(super) shown: BTreeMap<Shown, Vec<u64>>,
    /// The version of each party's own picture.
    pub(super) versions: BTreeMap<PartyId, u64>,
}

/// A term, and who led in it.
type Led = (u64, u64);

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// In the order in which it was heard of.
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Records of which a node said that they were not ordered, and in which words.
    pub(super) refused: BTreeMap<u64, String>,
    /// Which nodes had which digest at a position.
    pub(super) roots: BTreeMap<u64, BTreeMap<[u8; 32], BTreeSet<u64>>>,
    /// Who led in which term, as any node knew it.
    pub(super) leaders: BTreeSet<Led>,
    /// Term and leader as a node knew them last, by where it is in memory: in each of its lives.
    followed: BTreeMap<(u64, usize), Led>,
    /// Nodes that followed one leader after another that comes later.
    pub(super) went_back: BTreeSet<(u64, Led, Led)>,
    pub(super) reads: Vec<Read>,
    /// Numbers of records, and nodes that had the record and did not open what came with it.
    pub(super) closed: BTreeSet<(u64, u64)>,
    /// So often it was looked whether what was sealed opens.
    pub(super) looks: usize,
    /// Nodes that gave up by themselves, and why.
    pub(super) gave_up: BTreeSet<(u64, String)>,
    pub(super) ended: Vec<Ended>,
    /// The last version of each party's own picture that it was told of.
    pub(super) published: BTreeMap<PartyId, u64>,
    /// Views that left a node.
    pub(super) sent: Vec<Sent>,
    /// What was answered to parties and readers that nothing gives a reason for.
    pub(super) surprises: Vec<String>,
    pub(super) streams: Vec<Stream>,
    /// Of each kind of reader one that begins in the end.
    pub(super) fresh: BTreeMap<Reads, Stream>,
    /// Streams, and for each one that begins in the end where it began.
    pub(super) compared: Vec<(Stream, Stream)>,
}

impl Observed {
    /// Notes how far a node is, and whom it knows to lead.
    pub(super) fn sample(&mut self, node: u64, ledger: &Ledger) {
        let consensus = &ledger.inner.consensus;
        for (position, root) in consensus.marks().into_iter().chain([consensus.reached()]) {
            let roots = self.roots.entry(position).or_default();
            roots.entry(*root.as_bytes()).or_default().insert(node);
        }
        if let (term, Some(leader)) = consensus.led() {
            self.leaders.insert((term, leader));
            let life = (node, Arc::as_ptr(&ledger.inner).addr());
            let before = self.followed.insert(life, (term, leader));
            if let Some(before) = before.filter(|before| *before > (term, leader)) {
                self.went_back.insert((node, (term, leader), before));
            }
        }
    }

    /// Notes whether a node opens what came with records that it has.
    pub(super) fn look(&mut self, node: u64, ledger: &Ledger) {
        let (applied, _) = ledger.inner.consensus.reached();
        for record in &self.acknowledged {
            let Some(sealed) = record.sealed.as_ref().filter(|_| record.at.position <= applied)
            else {
                continue;
            };
            self.looks += 1;
            if ledger.inner.keys.open_secret(sealed).is_none() {
                self.closed.insert((record.number, node));
            }
        }
    }

    /// Notes what a node has in the end.
    pub(super) fn ended(&mut self, ledger: &Ledger) {
        let node = ledger.cluster().node;
        self.sample(node, ledger);
        self.look(node, ledger);
        let ended = ledger.read(|state| {
            let mut shown: BTreeMap<Shown, Vec<u64>> = BTreeMap::new();
            let mut rows = Vec::new();
            for row in state.evidence().disclosures() {
                let (sequence, at) = (row.sequence, row.at);
                rows.push(Row { number: number_of(row), sequence, at });
                shown.entry(Shown::recorded(row)).or_default().push(sequence);
            }
            let version =
                |party: &PartyId| (party.clone(), state.picture(party, &area()).version());
            let versions = self.published.keys().map(version).collect();
            Ended { node, rows, shown, versions }
        });
        self.ended.push(ended);
    }
}

impl fmt::Display for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sealed = self.acknowledged.iter().filter(|record| record.sealed.is_some()).count();
        let at_leader = |read: &&Read| matches!(read.asked, Asked::Leader(_));
        let common = self.roots.values().filter(|roots| roots.values().any(|on| on.len() > 1));
        let moves = self.compared.iter().map(|(stream, _)| stream.nodes.len());
        let events = self.compared.iter().map(|(stream, _)| stream.got.len());
        write!(
            f,
            "{} acknowledged, {} refused, {sealed} with something sealed, \
             {} reads at nodes and {} at leaders, {} leaders by term, \
             {} positions compared, {} looks at what is sealed, \
             {} published, {} views sent, {} streams with {} events at {} nodes",
            self.acknowledged.len(),
            self.refused.len(),
            self.reads.len() - self.reads.iter().filter(at_leader).count(),
            self.reads.iter().filter(at_leader).count(),
            self.leaders.len(),
            common.count(),
            self.looks,
            self.published.values().sum::<u64>(),
            self.sent.len(),
            self.compared.len(),
            events.sum::<usize>(),
            moves.sum::<usize>(),
        )
    }
}
