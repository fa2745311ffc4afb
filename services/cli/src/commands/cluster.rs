//! `samsyn cluster`: the nodes that carry a domain.

use clap::Subcommand;
use samsyn_client::admin::{
    AddLearnerRequest, BuildSnapshotRequest, ClusterNode, DemoteNodeRequest, GetClusterRequest,
    GetClusterResponse, NodeHealth, NodeRole, PromoteNodeRequest, RaiseLevelRequest,
    RemoveNodeRequest, TransferLeaderRequest,
};
use serde_json::{Value, json};

use crate::{
    failure::Failure,
    output::{self, Table},
    session::{Globals, Session, answer},
};

const MEBIBYTE: u64 = 1024 * 1024;

#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    samsyn cluster status --as drift\n  \
    samsyn cluster add-learner 2 10.0.0.2:7402 --as drift\n  \
    samsyn cluster promote 2 --as drift\n  \
    samsyn cluster transfer-leader 2 --as drift\n  \
    samsyn cluster raise-level --as drift")]
pub(super) enum Command {
    /// Shows every node: its role, how far it is, its log, its clock, its certificate.
    #[command(after_help = "Example:\n  samsyn cluster status --as drift")]
    Status,
    /// Adds a node that gets everything and does not vote.
    #[command(after_help = "Example:\n  samsyn cluster add-learner 2 10.0.0.2:7402 --as drift")]
    AddLearner {
        /// Its number: one that no node of the domain has had.
        node: u64,
        /// How other nodes reach it: host and port of its `cluster.listen`.
        address: String,
    },
    /// Makes a learner that has caught up a voter.
    #[command(after_help = "Example:\n  samsyn cluster promote 2 --as drift")]
    Promote {
        /// Its number.
        node: u64,
    },
    /// Makes a voter a learner.
    #[command(after_help = "Example:\n  samsyn cluster demote 2 --as drift")]
    Demote {
        /// Its number.
        node: u64,
    },
    /// Takes a learner out; its number is not used again.
    #[command(after_help = "Example:\n  samsyn cluster remove 2 --as drift")]
    Remove {
        /// Its number.
        node: u64,
    },
    /// Hands leadership to a voter.
    #[command(after_help = "Example:\n  samsyn cluster transfer-leader 2 --as drift")]
    TransferLeader {
        /// Its number.
        node: u64,
    },
    /// Has the node that is asked build a snapshot of its state.
    #[command(after_help = "Example:\n  samsyn cluster snapshot --as drift")]
    Snapshot,
    /// Raises the feature level of the domain, once all nodes run a version that knows it. There is
    /// no way back to a version that does not.
    #[command(after_help = "Example:\n  samsyn cluster raise-level --as drift")]
    RaiseLevel {
        /// The level; without it, the newest that the node that leads knows.
        #[arg(value_parser = clap::value_parser!(u32).range(1..))]
        level: Option<u32>,
    },
}

pub(super) async fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    let session = globals.connect().await?;
    let mut cluster = session.client.cluster.clone();
    let done = match command {
        Command::Status => {
            let status = answer(cluster.get_cluster(GetClusterRequest {})).await?;
            return shown(&session, &status);
        }
        Command::AddLearner { node, address } => {
            let request = AddLearnerRequest { node, address: address.clone() };
            answer(cluster.add_learner(request)).await?;
            format!(
                "node {node} at {address} is added; start it, then `samsyn cluster promote {node}`"
            )
        }
        Command::Promote { node } => {
            answer(cluster.promote_node(PromoteNodeRequest { node })).await?;
            format!("node {node} votes")
        }
        Command::Demote { node } => {
            answer(cluster.demote_node(DemoteNodeRequest { node })).await?;
            format!("node {node} votes no longer")
        }
        Command::Remove { node } => {
            answer(cluster.remove_node(RemoveNodeRequest { node })).await?;
            format!("node {node} is taken out")
        }
        Command::TransferLeader { node } => {
            answer(cluster.transfer_leader(TransferLeaderRequest { node })).await?;
            format!("node {node} is asked to lead; see `samsyn cluster status`")
        }
        Command::Snapshot => {
            answer(cluster.build_snapshot(BuildSnapshotRequest {})).await?;
            "a snapshot is being built".to_owned()
        }
        Command::RaiseLevel { level } => {
            let request = RaiseLevelRequest { level: level.unwrap_or(0) };
            let level = answer(cluster.raise_level(request)).await?.level;
            format!("the domain is at level {level}")
        }
    };
    session.show(|| json!({ "done": done }), || output::pairs([("done", done.clone())]))
}

fn shown(session: &Session, status: &GetClusterResponse) -> Result<(), Failure> {
    session.show(
        || {
            json!({
                "node": status.node,
                "term": status.term,
                "changing": status.changing,
                "level": status.level,
                "nodes": status.nodes.iter().map(node_json).collect::<Vec<_>>(),
            })
        },
        || {
            let mut table = Table::new([
                "node",
                "address",
                "role",
                "applied",
                "lag",
                "root",
                "log",
                "disk",
                "clock",
                "certificate",
                "version",
                "level",
            ]);
            for node in &status.nodes {
                table.row(row(node));
            }
            let changing = if status.changing { "; the voters are being changed" } else { "" };
            let GetClusterResponse { node, term, level, .. } = status;
            format!("term {term}, level {level}, as node {node} knows it{changing}\n{table}")
        },
    )
}

fn row(node: &ClusterNode) -> [String; 12] {
    let (id, address, role) = (node.node.to_string(), node.address.clone(), role(node).to_owned());
    let Some(health) = &node.health else {
        let none = || "–".to_owned();
        return [
            id,
            address,
            role,
            "DOES NOT ANSWER".to_owned(),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
            none(),
        ];
    };
    [
        id,
        address,
        role,
        health.applied.to_string(),
        health.lag.to_string(),
        root(health),
        format!("{} MiB", health.log_bytes / MEBIBYTE),
        match health.free_bytes {
            0 => "–".to_owned(),
            free => format!("{} MiB free", free / MEBIBYTE),
        },
        format!("{:+} ms", health.clock_millis),
        format!("{} days", health.certificate_days),
        health.version.clone(),
        format!("knows {}", health.level),
    ]
}

fn root(health: &NodeHealth) -> String {
    if health.root.is_empty() {
        return "–".to_owned();
    }
    format!("{} at {}", health.root, health.root_position)
}

fn role(node: &ClusterNode) -> &'static str {
    match node.role() {
        NodeRole::Unspecified => "unknown",
        NodeRole::Leader => "leader",
        NodeRole::Voter => "voter",
        NodeRole::Learner => "learner",
    }
}

fn node_json(node: &ClusterNode) -> Value {
    let health = node.health.as_ref().map(|health| {
        json!({
            "last_log": health.last_log,
            "applied": health.applied,
            "lag": health.lag,
            "root": health.root,
            "root_position": health.root_position,
            "clock_millis": health.clock_millis,
            "version": health.version,
            "log_bytes": health.log_bytes,
            "free_bytes": health.free_bytes,
            "certificate_days": health.certificate_days,
            "level": health.level,
        })
    });
    json!({ "node": node.node, "address": node.address, "role": role(node), "health": health })
}
