//! A call that does nothing: what transport, TLS and both ends of gRPC cost by themselves.

use http::uri::PathAndQuery;
use samsyn_tests::raw::Failure;
use tonic::{client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

use crate::load::Worker;

/// A question to the standard health service (grpc.health.v1.HealthCheckRequest) for the whole
/// server, and as much of its answer as is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct HealthCheck {}

/// One that asks whether a server serves.
pub(crate) struct Asker(Grpc<Channel>);

impl Asker {
    pub(crate) fn new(channel: Channel) -> Self {
        Self(Grpc::new(channel))
    }
}

impl Worker for Asker {
    async fn once(&mut self) -> Result<(), Failure> {
        self.0.ready().await?;
        let path = PathAndQuery::from_static("/grpc.health.v1.Health/Check");
        let codec = ProstCodec::<HealthCheck, HealthCheck>::default();
        self.0.unary(tonic::Request::new(HealthCheck {}), path, codec).await?;
        Ok(())
    }
}
