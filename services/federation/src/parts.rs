//! Parts of attachments in a session: fetched one after the other, and given to who asks.

use std::{collections::BTreeSet, time::Duration};

use samsyn_domain::{command::Digest, link::ATTACHMENTS_LEVEL};
use samsyn_proto::{
    link::{self, Frame, frame::Kind},
    sealed,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

use crate::{
    Closing,
    session::{Session, concerns, frame, lost},
};

/// How long a part that was asked for is waited for: long enough on the narrowest of lines.
const PART_MAX: Duration = Duration::from_mins(2);
/// After so long what the peer did not give is asked for again.
const AGAIN: Duration = Duration::from_mins(1);
/// How many parts a peer may ask for before the first is given. It asks for one at a time; who took
/// its place may not know of the last.
const ASKED_MAX: usize = 4;

/// What came of parts, on its way from who reads to who acts on it.
pub(crate) struct Came {
    asked: mpsc::Sender<Digest>,
    given: mpsc::Sender<link::Part>,
}

/// Where that arrives.
pub(crate) struct Arrivals {
    asked: mpsc::Receiver<Digest>,
    given: mpsc::Receiver<link::Part>,
}

/// Both ends.
pub(crate) fn arrivals() -> (Came, Arrivals) {
    let (asked, asks) = mpsc::channel(ASKED_MAX);
    let (given, gives) = mpsc::channel(1);
    (Came { asked, given }, Arrivals { asked: asks, given: gives })
}

impl Came {
    /// The peer asks for a part.
    pub(crate) fn asked(&self, fetch: &link::Fetch) -> Result<(), Closing> {
        let digest = Digest::try_from(&*fetch.digest).map_err(|_| Closing::Malformed)?;
        self.asked.try_send(digest).map_err(|_| Closing::OverQuota)
    }

    /// The peer gives a part. One that nobody waits for is passed over.
    pub(crate) fn given(&self, part: link::Part) {
        if let Err(passed) = self.given.try_send(part) {
            tracing::debug!(%passed, "a part came that nobody waits for");
        }
    }
}

impl Session {
    /// Fetches what messages of the peer name and is not here, and gives it what it asks for.
    pub(crate) async fn exchange_parts(
        &self,
        out: &mpsc::Sender<Frame>,
        Arrivals { mut asked, mut given }: Arrivals,
        level: u32,
    ) -> Closing {
        tokio::select! {
            ended = self.give(out, &mut asked) => ended,
            ended = self.fetch(out, &mut given, level) => ended,
        }
    }

    async fn give(&self, out: &mpsc::Sender<Frame>, asked: &mut mpsc::Receiver<Digest>) -> Closing {
        while let Some(digest) = asked.recv().await {
            let part = match self.ledger.part_for(&self.peer, &digest).await {
                Ok(Some((view, content))) => sealed::part(&view, content),
                Ok(None) => none(&digest),
                Err(why) => {
                    tracing::warn!(peer = %self.peer.id, %why, "a part of an attachment waits");
                    none(&digest)
                }
            };
            if out.send(frame(Kind::Part(part))).await.is_err() {
                return lost().await;
            }
        }
        std::future::pending().await
    }

    async fn fetch(
        &self,
        out: &mpsc::Sender<Frame>,
        given: &mut mpsc::Receiver<link::Part>,
        level: u32,
    ) -> Closing {
        if level < ATTACHMENTS_LEVEL {
            return std::future::pending().await;
        }
        let mut events = self.ledger.events();
        let mut without = BTreeSet::new();
        let mut since = Instant::now();
        loop {
            if since.elapsed() > AGAIN {
                without.clear();
                since = Instant::now();
            }
            let missing = match self.ledger.missing_part(&self.peer.id, &without).await {
                Ok(missing) => missing,
                Err(why) => {
                    tracing::warn!(peer = %self.peer.id, %why, "attachments are not fetched");
                    None
                }
            };
            let Some(digest) = missing else {
                tokio::select! {
                    () = concerns(&mut events, (&self.ledger, &self.peer.id)) => {}
                    () = sleep(AGAIN) => {}
                }
                continue;
            };
            let fetch = link::Fetch { digest: digest.to_vec().into() };
            if out.send(frame(Kind::Fetch(fetch))).await.is_err() {
                return lost().await;
            }
            let is_here = match timeout(PART_MAX, came(given, &digest)).await {
                Ok(part) => match self.ledger.take_part(&digest, part.content).await {
                    Ok(is_here) => is_here,
                    Err(why) => {
                        tracing::warn!(peer = %self.peer.id, %why, "a part is not kept");
                        false
                    }
                },
                Err(_) => false,
            };
            if !is_here {
                without.insert(digest);
            }
        }
    }
}

/// The part that was asked for.
async fn came(given: &mut mpsc::Receiver<link::Part>, digest: &Digest) -> link::Part {
    loop {
        match given.recv().await {
            Some(part) if *part.digest == *digest => return part,
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// That there is no such part for who asks.
fn none(digest: &Digest) -> link::Part {
    link::Part { digest: digest.to_vec().into(), content: Vec::new().into() }
}
