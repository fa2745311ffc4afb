//! How a node ends.
//!
//! A crash is that of the process, as far as one process can show it: at one moment the node is
//! neither heard nor answered any more and its acknowledgements no longer count; its log is then
//! what had been written by a moment later, also in the middle of a record, and its state what had
//! been committed, which is seconds behind. What was written and not synced is kept, as it is when
//! a process is killed and not when power fails; and the state's file is let go in good order.
//! `crash.rs` kills a real process, of one node.

use std::{fs, path::Path};

use super::*;
use crate::raft_handle::log_dir;

impl Nodes3 {
    /// From now on nobody hears a node, and nothing that it says counts.
    fn take_down(&mut self, id: u64) -> Running {
        let running = self.nodes[usize::try_from(id).unwrap() - 1].take().expect("it runs");
        running.life.end();
        self.wire.disconnect(id);
        running.keeping.abort();
        running
    }

    /// Stops a node in good order.
    pub(crate) async fn stop(&mut self, id: u64) {
        let running = self.take_down(id);
        let_go(&running).await;
    }

    /// Has a node end at once.
    pub(crate) async fn crash(&mut self, id: u64) {
        let running = self.take_down(id);
        let consensus = &running.ledger.inner.consensus;
        consensus.abandon().await;
        let (dir, kept) = (self.folder(id), self.dir.path().join(format!("kept-{id}")));
        let copied = tokio::task::spawn_blocking(move || keep_files(&dir, &kept)).await;
        copied.unwrap();
        let_go(&running).await;
        let (dir, kept) = (self.folder(id), self.dir.path().join(format!("kept-{id}")));
        fs::remove_dir_all(log_dir(&dir)).unwrap();
        fs::rename(log_dir(&kept), log_dir(&dir)).unwrap();
        fs::rename(kept.join("keys.json"), dir.join("keys.json")).unwrap();
    }
}

/// Closes a node's files, and waits until nothing touches them.
async fn let_go(running: &Running) {
    running.ledger.close().await;
    let idle = tokio::time::timeout(PATIENCE, running.life.idle());
    idle.await.expect("nothing is done at a node that has ended");
}

/// Copies log and keys as they are at one moment: keys that did not change while the log was read.
fn keep_files(dir: &Path, kept: &Path) {
    loop {
        fs::create_dir_all(log_dir(kept)).unwrap();
        let keys = fs::read(dir.join("keys.json")).unwrap();
        for file in fs::read_dir(log_dir(dir)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), log_dir(kept).join(file.file_name())).unwrap();
        }
        if fs::read(dir.join("keys.json")).unwrap() == keys {
            return fs::write(kept.join("keys.json"), keys).unwrap();
        }
        fs::remove_dir_all(kept).unwrap();
    }
}
