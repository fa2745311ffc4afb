//! Certificates that hold, of services that are not let in.

use samsyn_client::{Client, admin, wire};
use tonic::Code::{PermissionDenied, Unauthenticated};

use crate::{
    harness::{Domain, PARTY},
    refused::told,
    revoked::Authority,
};

async fn asked(client: &Client) -> samsyn_client::Refused {
    let request = wire::ListDutiesRequest {
        context: Some(client.profile().read_context()),
        ..wire::ListDutiesRequest::default()
    };
    client.access.clone().list_duties(request).await.map(drop).unwrap_err().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row35_who_is_not_registered_or_is_suspended_is_told_so() {
    let mut domain = Domain::written();
    let authority = Authority::of_the_city(&domain);
    domain.start();
    // Waits until the process serves.
    drop(domain.client("lpo-skarholmen").await);
    let nobody = authority.issue_like(&domain, "sdf-ingenstans", PARTY);
    let nobody = Client::connect(&nobody).await.unwrap();
    assert_eq!(told(&asked(&nobody).await), (Unauthenticated, "UNKNOWN_SERVICE", vec![]));

    let known = Client::connect(&authority.issue(&domain, PARTY)).await.unwrap();
    let registrar = Client::connect(&authority.issue(&domain, "registrar")).await.unwrap();
    let suspend = admin::SuspendServiceRequest {
        context: Some(samsyn_client::write_context("registrar")),
        service: format!("stockholms-stad/{PARTY}"),
        reason: "drill".to_owned(),
    };
    registrar.registry.clone().suspend_service(suspend).await.unwrap();
    drop(known);
    let again = Client::connect(&authority.issue(&domain, PARTY)).await.unwrap();
    assert_eq!(told(&asked(&again).await), (PermissionDenied, "SUSPENDED", vec![]));
}
