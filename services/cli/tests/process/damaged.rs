//! Damaged files through the binary: the process does not start, names the file and the place, and
//! leaves every byte as it is.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use crate::harness::{Domain, PARTY, delta, observation, samsyn};

/// A domain with a few publications, ended as a power cut would.
async fn used() -> Domain {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    for version in 0..5 {
        let mut observation = observation(&format!("A-{version}"), 2);
        observation.note = "Mörkt vid torget.".to_owned();
        client.publish(delta(PARTY, version, observation)).await.unwrap();
    }
    domain.kill();
    domain
}

fn start(domain: &Domain) -> (bool, String) {
    let output = samsyn()
        .args(["serve", "--config"])
        .arg(domain.config())
        .env("SAMSYN_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// The largest file below a folder whose path has this in it.
fn largest(dir: &Path, part: &str) -> PathBuf {
    let mut files: Vec<_> = files(dir).into_iter().collect();
    files.retain(|(path, _)| path.to_string_lossy().contains(part));
    files.into_iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0
}

/// A bit is flipped in the middle of the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t15_a_damaged_log_stops_the_start_and_is_left_as_it_is() {
    let domain = used().await;
    let data = domain.path().join("data");
    let chunk = largest(&data, "log");
    let mut bytes = fs::read(&chunk).unwrap();
    // The file may be longer than what is written in it.
    let written = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[written / 2] ^= 1;
    fs::write(&chunk, bytes).unwrap();
    let before = files(&data);
    let (started, said) = start(&domain);
    assert!(!started, "{said}");
    let name = chunk.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains(&name) && said.contains("byte"), "{said}");
    assert_eq!(files(&data), before, "a damaged folder was changed");
}

/// The key file is lost, or an older one is put in its place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t35_a_lost_or_older_key_file_is_not_taken_for_the_right_one() {
    let fresh = Domain::written();
    let domain = used().await;
    let keys = domain.path().join("data/keys.json");
    let newest = fs::read_to_string(&keys).unwrap();
    let mut older: serde_json::Value = serde_json::from_str(&newest).unwrap();
    older["units"] = serde_json::json!({});
    let other = fs::read_to_string(fresh.path().join("data/keys.json")).unwrap();
    let rows = [(None, "restore"), (Some(older.to_string()), "older"), (Some(other), "key file")];
    for (text, word) in rows {
        match text {
            Some(text) => fs::write(&keys, text).unwrap(),
            None => fs::remove_file(&keys).unwrap(),
        }
        let (started, said) = start(&domain);
        assert!(!started && said.contains(word), "`{word}` is not in:\n{said}");
        assert_eq!(keys.exists(), word != "restore", "a key file was made");
        fs::write(&keys, &newest).unwrap();
    }
}
