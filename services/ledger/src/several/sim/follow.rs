//! Who follows an area, from node to node: by step, and when a node is cut off, ends or falls
//! silent.

use std::{sync::Arc, time::Duration};

use samsyn_policy::Scope;
use tokio::time::{Instant, timeout};

use super::{
    super::{dice::Dice, trade::Reads, wire::Connected},
    load::{ANSWER_MAX, Shared, is_passing},
    shown::{Sent, Stream},
};
use crate::{Feed, Ledger, Rejection};

/// So long opening a stream may take: longer than a node waits for what a cursor has reached.
const OPEN_MAX: Duration = Duration::from_secs(6);
/// A reader looks this often whether it has to leave.
const LOOK: Duration = Duration::from_millis(20);
/// So long a stream waits for something new: in the end nothing but a wake-up may help.
const WAIT: Duration = Duration::from_secs(600);
/// So many events are recorded and sent at a time, in the gateway.
const BATCH_MAX: usize = 200;

impl Shared {
    /// Follows until the end, or until a node gives what does not follow.
    pub(super) async fn follow(self: Arc<Self>, reads: Reads, number: u64, mut dice: Dice) {
        let mut stream = Stream::of(reads, format!("stream-{number}"));
        while !self.has_all(&stream) && stream.wrong.is_none() {
            if let Some(node) = dice.pick(&self.nodes()) {
                self.follow_at(&node, &mut stream, &mut dice).await;
            }
            tokio::time::sleep(dice.millis(0, 50)).await;
        }
        self.observed(|observed| observed.streams.push(stream));
    }

    /// Whether a stream need not go on: it has come as far as its view is in the end.
    fn has_all(&self, stream: &Stream) -> bool {
        let goal = self.goal(stream.reads);
        goal.is_some_and(|goal| goal.is_none_or(|goal| stream.revision() >= Some(goal)))
    }

    async fn follow_at(&self, node: &Connected, stream: &mut Stream, dice: &mut Dice) {
        let Connected { life, ledger, .. } = node;
        let Ok(opened) = timeout(OPEN_MAX, open(ledger, stream)).await else { return };
        if life.is_over() {
            return;
        }
        let mut feed = match opened {
            Ok(feed) => feed,
            Err(rejection) => return refused(stream, ledger, &rejection),
        };
        let leaves = Instant::now() + dice.millis(50, 1_500);
        while !self.has_to_leave(node, stream, leaves) {
            let limit = if dice.percent(30) { BATCH_MAX } else { 1 + dice.index(6) };
            let Ok(next) = timeout(ANSWER_MAX, feed.next(limit)).await else { return };
            let cursor = feed.cursor().unwrap();
            if life.is_over() {
                return;
            }
            match next {
                Ok(Some(view)) => {
                    // Its connection may break between two events.
                    let breaks = dice.percent(10);
                    let events = view.content().events.len();
                    let first = if breaks { dice.index(events) } else { events };
                    let sent = stream.take(ledger, &view, first);
                    self.observed(|observed| observed.sent.push(sent));
                    if breaks {
                        return;
                    }
                }
                Ok(None) => {
                    stream.beat(ledger, cursor);
                    let left = async {
                        while !self.has_to_leave(node, stream, leaves) {
                            tokio::time::sleep(LOOK).await;
                        }
                    };
                    tokio::select! {
                        () = feed.wait(WAIT) => {}
                        () = left => return,
                    }
                }
                Err(rejection) => return refused(stream, ledger, &rejection),
            }
        }
    }

    /// Whether a stream is not served any longer, or its reader wants another node. In the end it
    /// stays where it is.
    fn has_to_leave(&self, node: &Connected, stream: &Stream, leaves: Instant) -> bool {
        let is_calm = self.goal(stream.reads).is_some();
        let is_gone = node.life.is_over() || node.ledger.is_cut_off();
        is_gone
            || self.has_all(stream)
            || stream.wrong.is_some()
            || !is_calm && leaves < Instant::now()
    }
}

/// Has a stream read all that there is at a node, from where it is.
///
/// # Errors
/// When the node does not show it now.
pub(super) async fn read_all(
    ledger: &Ledger,
    stream: &mut Stream,
    sent: &mut Vec<Sent>,
) -> Result<(), Rejection> {
    let mut feed = open(ledger, stream).await?;
    while stream.wrong.is_none() {
        let Some(view) = feed.next(BATCH_MAX).await? else {
            stream.beat(ledger, feed.cursor()?);
            break;
        };
        sent.push(stream.take(ledger, &view, BATCH_MAX));
    }
    Ok(())
}

async fn open(ledger: &Ledger, stream: &mut Stream) -> Result<Feed, Rejection> {
    let (caller, ground) = (stream.reads.caller(&stream.card), stream.reads.ground());
    let feed = ledger.subscribe(&caller, ground, Scope::default(), &stream.cursor).await?;
    stream.opened(ledger, feed.cursor()?);
    Ok(feed)
}

/// What a reader comes back from by itself does not matter.
fn refused(stream: &mut Stream, ledger: &Ledger, rejection: &Rejection) {
    if !is_passing(rejection) {
        let revision = stream.revision();
        stream.complain(ledger, format!("after revision {revision:?} it is refused: {rejection}"));
    }
}
