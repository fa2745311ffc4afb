//! Who leads, and whether all have come to the same state.

use std::time::{Duration, Instant};

use samsyn_client::{
    Refused,
    admin::{GetClusterResponse, NodeHealth, TransferLeaderRequest},
};
use tokio::{task::JoinSet, time::sleep};

use super::{Cluster, OPERATOR, PATIENCE, PAUSE, leader};
use crate::raw::Failure;

impl Cluster {
    /// The node that leads, by the word of a node of some; it is one of those.
    ///
    /// # Errors
    /// When none of them does in time.
    pub async fn leader(&self, among: &[u64]) -> Result<u64, Failure> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            for node in among {
                let status = Box::pin(self.status(*node)).await;
                let leader = status.as_ref().ok().and_then(leader);
                if let Some(leader) = leader.filter(|leader| among.contains(leader)) {
                    return Ok(leader);
                }
            }
            sleep(PAUSE).await;
        }
        Err(self.late(&format!("none of {among:?} leads")))
    }

    /// How long after a moment a node of some named a leader that is one of them, and another than
    /// before where there was one. A node says who led when it was asked: the time counts until
    /// then.
    ///
    /// # Errors
    /// When none does in time.
    pub async fn elected(
        &self,
        before: Option<u64>,
        among: &[u64],
        since: Instant,
    ) -> Result<(u64, Duration), Failure> {
        let mut asked = JoinSet::new();
        while since.elapsed() < PATIENCE {
            for node in among {
                let (answer, took) = (self.ask(*node)?, since.elapsed());
                asked.spawn(async move { Some((leader(&answer.await.ok()?)?, took)) });
            }
            sleep(PAUSE).await;
            while let Some(answer) = asked.try_join_next() {
                let named = answer.ok().flatten().filter(|(leader, _)| among.contains(leader));
                if let Some(found) = named.filter(|(leader, _)| Some(*leader) != before) {
                    return Ok(found);
                }
            }
        }
        Err(self.late(&format!("none of {among:?} leads")))
    }

    /// Has a node lead.
    ///
    /// # Errors
    /// When it does not come about.
    pub async fn lead(&self, node: u64) -> Result<(), Failure> {
        let operator = self.client(self.first()?, OPERATOR).await?;
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            if self.leader(&self.nodes()).await? == node {
                return Ok(());
            }
            let request = TransferLeaderRequest { node };
            let asked = operator.cluster.clone().transfer_leader(request).await;
            if let Some(refused) = asked.map_err(Refused::from).err().filter(|r| !r.is_retryable())
            {
                return Err(refused.into());
            }
            sleep(PAUSE).await;
        }
        Err(self.late(&format!("node {node} does not lead")))
    }

    /// Waits until all nodes have the same state.
    ///
    /// # Errors
    /// When they do not come to it.
    pub async fn alike(&self) -> Result<(), Failure> {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            for node in self.places.keys() {
                if Box::pin(self.status(*node)).await.as_ref().is_ok_and(is_alike) {
                    return Ok(());
                }
            }
            sleep(PAUSE).await;
        }
        Err(self.late("the nodes do not come to the same state"))
    }
}

/// Whether all nodes answer, and have the same state.
fn is_alike(status: &GetClusterResponse) -> bool {
    let health: Option<Vec<_>> = status.nodes.iter().map(|node| node.health.as_ref()).collect();
    let same = |two: &[&NodeHealth]| {
        let mut states = two.iter().map(|health| (health.applied, &health.root));
        states.next() == states.next()
    };
    health.is_some_and(|health| health.windows(2).all(same))
}
