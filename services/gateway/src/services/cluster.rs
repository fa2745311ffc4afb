//! The nodes of the domain, for operators.

use futures::future::join_all;
use samsyn_domain::{Caller, FeatureLevel};
use samsyn_ledger::{Cluster, Error, Member, Node, Rejection, Role};
use samsyn_proto::{
    Reason,
    admin::v1::{
        AddLearnerRequest, AddLearnerResponse, BuildSnapshotRequest, BuildSnapshotResponse,
        ClusterNode, DemoteNodeRequest, DemoteNodeResponse, GetClusterRequest, GetClusterResponse,
        NodeHealth, NodeRole, PromoteNodeRequest, PromoteNodeResponse, RaiseLevelRequest,
        RaiseLevelResponse, RemoveNodeRequest, RemoveNodeResponse, TransferLeaderRequest,
        TransferLeaderResponse, cluster_service_server::ClusterService,
    },
    raft::GetHealthResponse,
};
use tonic::{Request, Response, Status};

use super::Shared;
use crate::{caller::caller, status};

/// An address is at most so long, in bytes: a DNS name with its port.
const ADDRESS_BYTES_MAX: usize = 260;
const MILLI: i64 = 1_000;
const DAY: i64 = 24 * 60 * 60;

impl Shared {
    /// A caller that may see the nodes (`administer`) or change them (`operate`).
    fn allowed<T>(&self, request: &Request<T>, action: &str) -> Result<Caller, Status> {
        let caller = caller(request)?;
        let allowed = self.ledger.oversee(&caller, action);
        allowed.map_err(|rejection| self.denied(&caller, &rejection))?;
        Ok(caller)
    }

    fn changed(&self, caller: &Caller, outcome: Result<(), Error>) -> Result<(), Status> {
        outcome.map_err(|error| self.denied(caller, &Rejection::from(error)))
    }
}

#[tonic::async_trait]
impl ClusterService for Shared {
    async fn get_cluster(
        &self,
        request: Request<GetClusterRequest>,
    ) -> Result<Response<GetClusterResponse>, Status> {
        self.allowed(&request, "administer")?;
        let Cluster { node, term, members, changing } = self.ledger.cluster();
        let health = members.iter().map(|member| self.ledger.health_of(&member.node));
        let health: Vec<_> = join_all(health).await.into_iter().map(Result::ok).collect();
        // All clocks are compared with what this node's own showed when it was asked itself.
        let own = health.iter().flatten().find(|health| health.node == node);
        let now = own.map_or_else(|| (self.clock)().micros(), |own| own.clock_micros);
        let last = health.iter().flatten().map(|health| health.last_log).max().unwrap_or(0);
        let nodes = members.into_iter().zip(health).map(|(member, health)| ClusterNode {
            node: member.node.id,
            role: role(&member).into(),
            health: health.map(|health| shown(&health, last, now)),
            address: member.node.address,
        });
        let (nodes, level) = (nodes.collect(), self.ledger.level().number());
        Ok(Response::new(GetClusterResponse { node, term, changing, nodes, level }))
    }

    async fn add_learner(
        &self,
        request: Request<AddLearnerRequest>,
    ) -> Result<Response<AddLearnerResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let AddLearnerRequest { node, address } = request.into_inner();
        if node == 0 {
            return Err(status::reason(Reason::MissingField, "node"));
        }
        let is_address = address.len() <= ADDRESS_BYTES_MAX
            && address.bytes().all(|c| c.is_ascii_alphanumeric() || b".-:[]".contains(&c))
            && address.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
            });
        if !is_address {
            return Err(status::reason(Reason::BadField, "address"));
        }
        let added = self.ledger.add_learner(Node { id: node, address }).await;
        self.changed(&caller, added)?;
        Ok(Response::new(AddLearnerResponse {}))
    }

    async fn promote_node(
        &self,
        request: Request<PromoteNodeRequest>,
    ) -> Result<Response<PromoteNodeResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let promoted = self.ledger.promote(request.into_inner().node).await;
        self.changed(&caller, promoted)?;
        Ok(Response::new(PromoteNodeResponse {}))
    }

    async fn demote_node(
        &self,
        request: Request<DemoteNodeRequest>,
    ) -> Result<Response<DemoteNodeResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let demoted = self.ledger.demote(request.into_inner().node).await;
        self.changed(&caller, demoted)?;
        Ok(Response::new(DemoteNodeResponse {}))
    }

    async fn remove_node(
        &self,
        request: Request<RemoveNodeRequest>,
    ) -> Result<Response<RemoveNodeResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let removed = self.ledger.remove(request.into_inner().node).await;
        self.changed(&caller, removed)?;
        Ok(Response::new(RemoveNodeResponse {}))
    }

    async fn transfer_leader(
        &self,
        request: Request<TransferLeaderRequest>,
    ) -> Result<Response<TransferLeaderResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let handed = self.ledger.transfer(request.into_inner().node).await;
        self.changed(&caller, handed)?;
        Ok(Response::new(TransferLeaderResponse {}))
    }

    async fn build_snapshot(
        &self,
        request: Request<BuildSnapshotRequest>,
    ) -> Result<Response<BuildSnapshotResponse>, Status> {
        let caller = self.allowed(&request, "operate")?;
        let begun = self.ledger.snapshot().await;
        self.changed(&caller, begun)?;
        Ok(Response::new(BuildSnapshotResponse {}))
    }

    async fn raise_level(
        &self,
        request: Request<RaiseLevelRequest>,
    ) -> Result<Response<RaiseLevelResponse>, Status> {
        let caller = caller(&request)?;
        let to = FeatureLevel::of(request.into_inner().level);
        let raised = self.ledger.raise_level(&caller, to).await;
        let level = raised.map_err(|rejection| self.denied(&caller, &rejection))?;
        Ok(Response::new(RaiseLevelResponse { level: level.number() }))
    }
}

const fn role(member: &Member) -> NodeRole {
    match member.role {
        Role::Leader => NodeRole::Leader,
        Role::Voter => NodeRole::Voter,
        Role::Learner => NodeRole::Learner,
    }
}

fn shown(health: &GetHealthResponse, last: u64, now: i64) -> NodeHealth {
    let mark = health.roots.last();
    let root = mark.map(|mark| hex::encode(mark.root.get(..8).unwrap_or_default()));
    let until = i64::try_from(health.certificate_until).unwrap_or(i64::MAX);
    let left = until.saturating_sub(now / (MILLI * MILLI));
    NodeHealth {
        last_log: health.last_log,
        applied: health.applied,
        lag: last.saturating_sub(health.applied),
        root: root.unwrap_or_default(),
        root_position: mark.map_or(0, |mark| mark.position),
        clock_millis: health.clock_micros.saturating_sub(now) / MILLI,
        version: health.version.clone(),
        log_bytes: health.log_bytes,
        free_bytes: health.free_bytes,
        certificate_days: left / DAY,
        level: FeatureLevel::of(health.level).unwrap_or_default().number(),
    }
}
