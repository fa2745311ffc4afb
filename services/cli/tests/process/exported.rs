//! A view as a file, through the binary: what the caller sees, of one revision, in a form that
//! other programs read.

use std::process::Output;

use serde_json::Value;

use crate::{
    harness::{AREA, Domain, PARTY, delta, observation, samsyn},
    rfc7946,
};

fn export(domain: &Domain, name: &str, more: &[&str]) -> Output {
    samsyn()
        .args(["joint", "export", AREA, "--period", "2025-09", "--as", name])
        .arg("--profiles")
        .arg(domain.path().join("profiles"))
        .args(more)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_is_exported_as_the_caller_sees_it() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    for name in [PARTY, "lpo-skarholmen"] {
        let profile = domain.profile(name);
        profile.save(&domain.path().join("profiles").join(name)).unwrap();
    }
    let mut first = observation("x-1", 3);
    first.note = "=HYPERLINK(klotter)".into();
    let at = samsyn_client::wire::Coordinates { lat_e7: 592_771_000, lon_e7: 179_070_000 };
    first.location = Some(samsyn_client::wire::observation::Location::Coordinates(at));
    let answer = client.publish(delta(PARTY, 0, first)).await.unwrap();

    let document = text(&export(&domain, PARTY, &["--format", "geojson"]));
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(rfc7946::faults(&document), [""; 0]);
    let head = &document["samsyn"];
    assert_eq!((head["area"].as_str(), head["period"].as_str()), (Some(AREA), Some("2025-09")));
    assert_eq!(head["purpose"], "joint_picture");
    let revision = head["revision"].as_u64().unwrap();
    assert!(revision > 0);
    let [feature] = document["features"].as_array().unwrap().as_slice() else {
        panic!("{document:#}")
    };
    let wanted = serde_json::json!({ "type": "Point", "coordinates": [17.907, 59.2771] });
    assert_eq!(feature["geometry"], wanted);

    let second = observation("x-2", 4);
    client.publish(delta(PARTY, answer.version, second)).await.unwrap();
    let at = revision.to_string();
    let csv = text(&export(&domain, PARTY, &["--format", "csv", "--revision", &at]));
    assert!(csv.contains(",'=HYPERLINK(klotter),"), "{csv}");
    assert!(!csv.contains(",x-2,"), "what came after that revision: {csv}");
    let newest = text(&export(&domain, PARTY, &["--format", "csv"]));
    assert!(newest.contains(",x-2,"), "{newest}");

    let file = domain.path().join("view.geojson");
    let out = ["--format", "geojson", "--out", file.to_str().unwrap()];
    assert!(text(&export(&domain, "lpo-skarholmen", &out)).contains("findings"));
    let again = export(&domain, "lpo-skarholmen", &out);
    assert_eq!(again.status.code(), Some(5), "a file that is there is not written over");
    let saved = std::fs::read_to_string(&file).unwrap();
    assert_eq!(rfc7946::faults(&serde_json::from_str(&saved).unwrap()), [""; 0]);
    domain.kill();
}
