//! One node's disk fails, or its files are damaged: it ends and says so, and the others go on.

use super::*;
use crate::platter::Fault;

async fn a_disk_fails(fault: Fault, says: &str) {
    let mut nodes = Several::start().await;
    let mut number = 0;
    for is_leader in [false, true] {
        let leader = nodes.leader().await.cluster().node;
        let other = leader % 3 + 1;
        let (failing, asked) = if is_leader { (leader, other) } else { (other, leader) };
        nodes.disks[&failing].fail(Some(fault));
        goes_on(&nodes, asked, &mut number).await;
        let failed = tokio::time::timeout(PATIENCE, nodes.at(failing).failed());
        let why = failed.await.expect("it ends");
        assert!(why.contains(says), "{why}");
        assert!(!nodes.at(failing).serves());
        goes_on(&nodes, asked, &mut number).await;
        nodes.stop(failing).await;
        nodes.disks[&failing].fail(None);
        nodes.open(failing).await;
        nodes.alike().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_whose_disk_is_full_ends_and_the_others_go_on() {
    a_disk_fails(Fault::Full, "no storage space").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_cannot_sync_ends_and_the_others_go_on() {
    a_disk_fails(Fault::Sync, "input/output error").await;
}

/// Flips some bits of a file, all over it.
fn flip_bits(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let length = bytes.len();
    (1..32).for_each(|part| bytes[length * part / 32] ^= 1);
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_stops_its_node_alone_and_a_new_node_takes_its_place() {
    let mut nodes = Several::start().await;
    let mut number = 0;
    for _ in 0..20 {
        goes_on(&nodes, 1, &mut number).await;
    }
    let leader = nodes.leader().await.cluster().node;
    let damaged = leader % 3 + 1;
    nodes.at(damaged).snapshot().await.unwrap();
    let dir = nodes.folder(damaged);
    within("a snapshot is built", || dir.join("snapshot").exists()).await;
    nodes.stop(damaged).await;
    let mut files = fs::read_dir(dir.join("log")).unwrap().map(|file| file.unwrap().path());
    let chunk = files.find(|path| path.extension().is_some_and(|it| it == "wal"));
    let files = [
        (chunk.unwrap(), "put the file back from a copy, or take this node out"),
        (dir.join("state.redb"), "move the file aside and start again"),
        (dir.join("snapshot"), "put the file back from a copy; without it, this node can join"),
        (dir.join("keys.json"), "restore it"),
    ];
    for (path, mend) in &files {
        let good = fs::read(path).unwrap();
        flip_bits(path);
        let error = nodes.start_node(damaged).await.expect_err("it does not start");
        let Error::Damaged { file, what, .. } = &error else { panic!("{error}") };
        assert_eq!(file, path);
        assert!(what.contains(mend), "{what}");
        goes_on(&nodes, leader, &mut number).await;
        fs::write(path, good).unwrap();
    }
    flip_bits(&files[0].0);
    let at = nodes.at(leader).clone();
    at.demote(damaged).await.unwrap();
    at.remove(damaged).await.unwrap();
    nodes.wipe(damaged);
    nodes.join(4).await;
    nodes.alike().await;
    at.promote(4).await.unwrap();
    goes_on(&nodes, 4, &mut number).await;
}
