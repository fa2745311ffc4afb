//! Real input through the binary: what a party has a part in goes through, the rest is listed, and
//! importing again makes no duplicates.

use std::path::Path;

use serde_json::Value;

use crate::harness::{Domain, samsyn};

fn import(domain: &Domain) -> (i32, Value) {
    import_as(domain, "lpo-skarholmen", &["polisen-events"], "polisen-events.json")
}

fn import_as(domain: &Domain, name: &str, how: &[&str], file: &str) -> (i32, Value) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    let output = samsyn()
        .args(["import"])
        .args(how)
        .args(["--output", "json", "--as", name])
        .arg("--profiles")
        .arg(domain.path().join("profiles"))
        .arg(fixture.join(file))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report = serde_json::from_str(&text);
    let said = String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), report.unwrap_or_else(|why| panic!("{why}: {text}{said}")))
}

fn sum(report: &Value, field: &str) -> u64 {
    report["areas"].as_array().unwrap().iter().map(|area| area[field].as_u64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_rows_go_through_and_again_nothing_is_doubled() {
    let mut domain = Domain::written();
    domain.start();
    drop(domain.client("lpo-skarholmen").await);
    // The profile as it is written names the demo's port.
    let profile = domain.profile("lpo-skarholmen");
    profile.save(&domain.path().join("profiles/lpo-skarholmen")).unwrap();
    let (code, first) = import(&domain);
    let (rows, published) = (sum(&first, "rows"), sum(&first, "published"));
    let refused = first["refused"].as_array().unwrap();
    assert!(published > 0, "{first}");
    assert_eq!(refused.len() as u64, rows - published, "{first}");
    assert!(!refused.is_empty(), "the fixture has notices of areas that are not this party's");
    assert!(refused.iter().all(|row| row["field"] == "area"), "{first}");
    assert_eq!(code, 1, "what was not taken shows in the exit code");
    let (_, again) = import(&domain);
    assert_eq!(sum(&again, "published"), published);
    let changed = |report: &Value| {
        let areas = report["areas"].as_array().unwrap().iter();
        areas
            .filter(|area| area["published"].as_u64() > Some(0) && area["unchanged"] == false)
            .count()
    };
    assert!(changed(&first) > 0);
    assert_eq!(changed(&again), 0, "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_in_its_other_form_changes_nothing() {
    let mut domain = Domain::written();
    domain.start();
    drop(domain.client("sdf-jarva").await);
    let profile = domain.profile("sdf-jarva");
    profile.save(&domain.path().join("profiles/sdf-jarva")).unwrap();
    let import = |how: &[&str], file| import_as(&domain, "sdf-jarva", how, file);

    let (code, dry) = import(&["open311", "--dry-run", "--first", "1"], "open311-requests.xml");
    assert_eq!((code, sum(&dry, "rows"), sum(&dry, "published")), (1, 2, 0), "{dry}");
    assert_eq!(dry["first"].as_array().unwrap().len(), 1);
    let rows = &dry["rows"];
    assert_eq!((rows["rows_read"].as_u64(), rows["held_for_review"].as_u64()), (Some(7), Some(1)));

    let (code, xml) = import(&["open311"], "open311-requests.xml");
    assert_eq!((code, sum(&xml, "published")), (1, 2), "{xml}");
    assert_eq!(xml["areas"][0]["unchanged"], false);
    assert_eq!(xml["refused"].as_array().unwrap().len(), 0, "screened before it was sent: {xml}");
    let (_, json) = import(&["open311"], "open311-requests.json");
    assert_eq!(json["areas"][0]["unchanged"], true, "{json}");
    assert_eq!(json["areas"][0]["version"], xml["areas"][0]["version"]);
}
