//! How a node ends.
//!
//! At one moment it is neither heard nor answered any more and its acknowledgements no longer
//! count. What is in its folder then is kept: all that was written when its process is killed, what
//! was synced and what chance leaves of the rest when power is cut. Then it is closed, and what it
//! writes on the way is thrown away. `crash.rs` kills a real process, of one node.

use super::{dice::Dice, *};

impl Several {
    /// From now on nobody hears a node, and nothing that it says counts.
    fn take_down(&mut self, id: u64) -> Running {
        let running = self.nodes.remove(&id).expect("it runs");
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

    /// Has the processes of nodes end at once.
    pub(crate) async fn crash(&mut self, ids: impl IntoIterator<Item = u64>) {
        self.end_at_once(ids, |_, disk| disk.killed()).await;
    }

    /// Cuts the power of nodes.
    pub(crate) async fn cut_power(&mut self, ids: impl IntoIterator<Item = u64>, chance: u64) {
        let found = move |id, disk: &Platter| disk.powerless(&mut Dice::of(chance, id));
        self.end_at_once(ids, found).await;
    }

    async fn end_at_once(
        &mut self,
        ids: impl IntoIterator<Item = u64>,
        keep: impl Fn(u64, &Platter) -> Image + Send + 'static,
    ) {
        let ended: Vec<_> = ids.into_iter().map(|id| (id, self.take_down(id))).collect();
        let disks: Vec<_> = ended.iter().map(|(id, node)| (*id, Arc::clone(&node.disk))).collect();
        let images = tokio::task::spawn_blocking(move || {
            disks.iter().map(|(id, disk)| keep(*id, disk)).collect::<Vec<_>>()
        });
        for ((_, node), image) in ended.iter().zip(images.await.unwrap()) {
            let_go(node).await;
            node.disk.restore(image);
        }
    }
}

/// Closes a node's files, and waits until nothing touches them.
async fn let_go(running: &Running) {
    running.ledger.close().await;
    let idle = tokio::time::timeout(PATIENCE, running.life.idle());
    idle.await.expect("nothing is done at a node that has ended");
}
