//! Changes of the registry reach those whom they concern.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use samsyn_client::{Client, Refused, admin, wire};
use tonic::Streaming;

use crate::harness::{AREA, Domain, PARTY, delta, observation, samsyn};

const BOUND: Duration = Duration::from_secs(5);
const PARTNER: &str = "raddningstjansten";
/// The registrars of the city and of the police.
const REGISTRARS: [&str; 2] = ["registrar", "registrar-polismyndigheten"];

/// Runs the command line as a registrar.
fn run(domain: &Domain, registrar: &str, args: &[&str]) -> Output {
    // The written profiles name the port of the configuration, not the one that is served.
    let profiles = domain.path().join("used");
    for name in REGISTRARS {
        domain.profile(name).save(&profiles.join(name)).unwrap();
    }
    let mut command = samsyn();
    command.args(["registry"]).args(args).args(["--as", registrar, "--profiles"]).arg(profiles);
    command.output().unwrap()
}

/// Runs it; it succeeds.
fn done(domain: &Domain, registrar: &str, args: &[&str]) -> String {
    let output = run(domain, registrar, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs it; it is refused.
fn refused(domain: &Domain, registrar: &str, args: &[&str]) -> String {
    let output = run(domain, registrar, args);
    assert!(!output.status.success(), "{args:?} is not refused");
    String::from_utf8(output.stderr).unwrap()
}

async fn row(registrar: &Client) -> admin::RegisteredReleaseRow {
    let request = admin::GetRegistryRequest { part: "release_rows".to_owned() };
    let rows = registrar.registry.clone().get_registry(request).await.unwrap().into_inner();
    rows.release_rows.into_iter().find(|row| row.receiver == PARTNER).unwrap()
}

async fn watch(
    client: &Client,
    cursor: &str,
) -> Result<Streaming<wire::WatchEventsResponse>, Refused> {
    let request = wire::WatchEventsRequest {
        context: Some(client.profile().read_context()),
        scope: None,
        cursor: cursor.to_owned(),
    };
    Ok(client.joint.clone().watch_events(request).await.map_err(Refused::from)?.into_inner())
}

/// Reads until a snapshot is complete; the last cursor.
async fn snapshot(stream: &mut Streaming<wire::WatchEventsResponse>) -> (String, bool) {
    let mut reset = false;
    loop {
        let event = stream.message().await.unwrap().unwrap().entry.unwrap();
        match event.what {
            Some(wire::event::What::SnapshotBegins(begins)) => reset |= begins.reset,
            Some(wire::event::What::SnapshotEnds(_)) => return (event.cursor, reset),
            _ => {}
        }
    }
}

/// The reason with which a stream is closed, within the bound.
async fn end(stream: &mut Streaming<wire::WatchEventsResponse>) -> String {
    let asked = Instant::now();
    let mut reason = String::new();
    let end = async {
        while let Ok(Some(message)) = stream.message().await {
            if let Some(wire::event::What::Closing(closing)) = message.entry.and_then(|e| e.what) {
                reason = closing.reason;
            }
        }
    };
    tokio::time::timeout(BOUND, end).await.expect("it still streams");
    println!("ended after {} ms: {reason}", asked.elapsed().as_millis());
    reason
}

async fn joint(client: &Client) -> Result<wire::GetJointPictureResponse, Refused> {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: "2025-09".to_owned() }),
        ..wire::GetJointPictureRequest::default()
    };
    Ok(client.joint.clone().get_joint_picture(request).await.map_err(Refused::from)?.into_inner())
}

/// The city publishes something that the partner may have.
async fn published(domain: &Domain) {
    let mut addressed = observation("A", 2);
    let labels = addressed.labels.as_mut().unwrap();
    labels.audience.push(PARTNER.to_owned());
    labels.audience.sort();
    let city = domain.client(PARTY).await;
    city.publish(delta(PARTY, 0, addressed)).await.unwrap();
}

/// Where the observation is, and whether its time is told.
async fn shown(client: &Client) -> (Option<wire::observation::Location>, bool) {
    let picture = joint(client).await.unwrap();
    let contribution = picture.findings[0].contributions[0].clone();
    let observation = contribution.observation.unwrap();
    (observation.location, observation.starts_at.is_some())
}

/// One registrar narrows a row: the partner's stream ends and begins anew without the field; two
/// widen it again; one removes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_row_reaches_its_receiver_within_five_seconds() {
    let mut domain = Domain::written();
    domain.start();
    let registrar = domain.client(REGISTRARS[0]).await;
    let partner = domain.client(PARTNER).await;
    published(&domain).await;
    let before = row(&registrar).await;
    let whole = shown(&partner).await;
    assert!(whole.1);
    let id = before.id.as_str();
    let exported = domain.path().join("registry-now.toml");
    let file = exported.to_str().unwrap();
    done(&domain, REGISTRARS[0], &["export", "--to", file]);

    let mut stream = watch(&partner, "").await.unwrap();
    let (cursor, _) = snapshot(&mut stream).await;
    let narrow =
        ["release-row", "edit", id, "--show", "identity,place:district", "--reason", "drill"];
    let planned = done(&domain, REGISTRARS[0], &[&narrow[..5], &["--plan"]].concat());
    assert!(planned.contains("one registrar is enough"), "{planned}");
    assert_eq!(row(&registrar).await, before);
    let told = done(&domain, REGISTRARS[0], &narrow);
    assert!(told.contains("in force from epoch"), "{told}");
    assert_eq!(end(&mut stream).await, "ACCESS_ENDED");
    let mut stream = watch(&partner, &cursor).await.unwrap();
    let (_, reset) = snapshot(&mut stream).await;
    assert!(reset, "what was held is to be dropped");
    assert_eq!(row(&registrar).await.field_groups, ["identity", "place:district"]);
    let district = wire::observation::Location::AreaId(AREA.to_owned());
    assert_eq!(shown(&partner).await, (Some(district), false));

    // The files that were exported hold the row as it was: to bring it back takes two.
    let widen = ["apply", "--from", file, "--reason", "drill over"];
    let told = done(&domain, REGISTRARS[0], &widen);
    assert!(told.contains("waits for a registrar of another organisation"), "{told}");
    let waiting = done(&domain, REGISTRARS[1], &["proposals", "--open", "--output", "json"]);
    let waiting: serde_json::Value = serde_json::from_str(&waiting).unwrap();
    assert_eq!(waiting["changes"][0]["effect"], "loosens");
    let proposal = waiting["changes"][0]["proposal"].to_string();
    let own = refused(&domain, REGISTRARS[0], &["approve", &proposal, "--from", file]);
    assert!(own.contains("OWN_PROPOSAL"), "{own}");
    assert_eq!(row(&registrar).await.field_groups, ["identity", "place:district"]);
    let told = done(&domain, REGISTRARS[1], &widen);
    assert!(told.contains("in force from epoch"), "{told}");
    assert_eq!(row(&registrar).await, before);
    assert_eq!(shown(&partner).await, whole);
    assert_eq!(end(&mut stream).await, "ACCESS_ENDED");

    let mut stream = watch(&partner, "").await.unwrap();
    snapshot(&mut stream).await;
    let remove = ["release-row", "remove", id, "--reason", "drill"];
    done(&domain, REGISTRARS[1], &remove);
    assert_eq!(end(&mut stream).await, "ACCESS_ENDED");
    let again = watch(&partner, "").await.unwrap_err();
    assert_eq!(again.reason.map(|reason| reason.id()), Some("NO_RELEASE_ROW"), "{again}");
    assert!(joint(&partner).await.is_err());
    let listed = done(&domain, REGISTRARS[0], &["proposals"]);
    assert!(listed.contains(&format!("release_rows {id}")), "{listed}");
    restarts_the_same(&mut domain).await;
}

/// What was changed is in force after a restart, and the files that found the domain stay.
async fn restarts_the_same(domain: &mut Domain) {
    let digest = |domain: &Domain| {
        let text = done(domain, REGISTRARS[0], &["export"]);
        let listed = done(domain, REGISTRARS[0], &["proposals", "--output", "json"]);
        (text, listed)
    };
    let before = digest(domain);
    domain.kill();
    domain.start();
    domain.client(REGISTRARS[0]).await;
    assert_eq!(digest(domain), before);
}

/// A suspended service is let in again by the registrars of two organisations.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lifted_suspension_lets_the_service_in_again() {
    let mut domain = Domain::written();
    domain.start();
    let partner = domain.client(PARTNER).await;
    published(&domain).await;
    let service = format!("{PARTNER}/{PARTNER}");
    let picture = joint(&partner).await.unwrap();
    done(&domain, REGISTRARS[0], &["suspend", &service, "--reason", "drill"]);
    let shut_out = joint(&domain.client(PARTNER).await).await.unwrap_err();
    assert_eq!(shut_out.reason.map(|reason| reason.id()), Some("SUSPENDED"), "{shut_out}");
    let lift = ["lift", &service, "--reason", "drill over"];
    done(&domain, REGISTRARS[1], &lift);
    let still = joint(&domain.client(PARTNER).await).await.unwrap_err();
    assert_eq!(still.reason.map(|reason| reason.id()), Some("SUSPENDED"), "{still}");
    done(&domain, REGISTRARS[0], &lift);
    let again = joint(&domain.client(PARTNER).await).await.unwrap();
    assert_eq!(again.findings, picture.findings);
}

/// Who has no registry key, or is no registrar, changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_changes_the_registry() {
    let mut domain = Domain::written();
    domain.start();
    let partner = domain.client(PARTNER).await;
    let exported = partner.export_registry().await.unwrap_err().to_string();
    assert!(exported.contains("NOT_ALLOWED"), "{exported}");
    let key = domain.path().join("used").join(REGISTRARS[0]).join("registry.key");
    let args = ["release-row", "remove", "x", "--reason", "drill"];
    refused(&domain, REGISTRARS[0], &args);
    let registrar = domain.client(REGISTRARS[0]).await;
    let row = row(&registrar).await;
    let remove = ["release-row", "remove", row.id.as_str(), "--reason", "drill"];
    // A key of one's own that nobody registered.
    let path = domain.path().join("profiles").join(REGISTRARS[0]).join("registry.key");
    std::fs::write(path, "07".repeat(32)).unwrap();
    let unknown = refused(&domain, REGISTRARS[0], &remove);
    assert!(unknown.contains("not registered"), "{unknown}");
    assert!(key.exists());
}
