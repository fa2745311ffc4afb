//! Parts of attachments in a session: fetched one after the other, and given to who asks.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use samsyn_domain::{command::Digest, link::ATTACHMENTS_LEVEL, message::SEALED_PART_BYTES_MAX};
use samsyn_proto::{
    link::{self, Frame, frame::Kind},
    sealed,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    Closing,
    links::locked,
    session::{Session, concerns, frame, lost},
};

/// How long a part that was asked for is waited for: long enough on the narrowest of lines.
const PART_MAX: Duration = Duration::from_mins(2);
/// After so long a part that the peer did not give is asked for again: a restored one may not know
/// yet that it has sent its message.
const AGAIN_MIN: Duration = Duration::from_secs(2);
/// Each time after twice as long, up to this.
const AGAIN_MAX: Duration = Duration::from_mins(10);
/// How often it is looked for parts while nothing happens, or after the store has failed.
const LOOK: Duration = Duration::from_mins(1);
/// How often it is looked whether a peer may send more, that has sent what a day allows.
const HELD: Duration = Duration::from_secs(5);
/// How long the store may take for a part: a disk that is shared may not answer.
const STORE_MAX: Duration = Duration::from_secs(30);
/// How many bytes of a part are given at a time: what is urgent goes between them.
const FRAME_BYTES: usize = 64 * 1024;
/// How many frames of a part wait to be taken in at most: all of one, and what nobody waits for.
const FRAMES_MAX: usize = 16;
/// How many parts a peer may ask for before the first is given. It asks for one at a time; who took
/// its place may not know of the last.
const ASKED_MAX: usize = 4;

/// A part that the peer did not give, or that could not be kept.
struct Ungiven {
    /// When it is asked for again.
    again: Instant,
    /// How often it was asked for.
    times: u32,
}

impl Ungiven {
    /// It was asked for once more.
    fn after(before: Option<&Self>) -> Self {
        let times = before.map_or(0, |before| before.times);
        let pause = AGAIN_MIN.saturating_mul(2_u32.saturating_pow(times)).min(AGAIN_MAX);
        Self { again: Instant::now() + pause, times: times.saturating_add(1) }
    }
}

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
    let (given, gives) = mpsc::channel(FRAMES_MAX);
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
        if self.given.try_send(part).is_err() {
            tracing::debug!("a part came that nobody waits for");
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
            let found = timeout(STORE_MAX, self.ledger.part_for(&self.peer, &digest)).await;
            let parts = match found {
                Ok(Ok(Some((view, content)))) => {
                    let count = content.len().div_ceil(FRAME_BYTES).max(1);
                    let part = |n: usize| {
                        let from = n.saturating_mul(FRAME_BYTES);
                        let to = from.saturating_add(FRAME_BYTES).min(content.len());
                        sealed::part(&view, content.slice(from..to), n.saturating_add(1) == count)
                    };
                    (0..count).map(part).collect()
                }
                Ok(Ok(None)) => vec![none(&digest)],
                Ok(Err(why)) => {
                    tracing::warn!(peer = %self.peer.id, %why, "a part of an attachment waits");
                    vec![none(&digest)]
                }
                Err(_) => vec![none(&digest)],
            };
            for part in parts {
                if out.send(frame(Kind::Part(part))).await.is_err() {
                    return lost().await;
                }
            }
        }
        std::future::pending().await
    }

    /// Whether one more part may be fetched; waits a while where not.
    async fn may_fetch(&self) -> bool {
        if !self.ledger.has_room_for_parts() {
            sleep(LOOK).await;
            return false;
        }
        let may = locked(&self.quotas).may_fetch((self.clock)());
        if !may {
            sleep(HELD).await;
        }
        may
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
        let mut ungiven: BTreeMap<Digest, Ungiven> = BTreeMap::new();
        loop {
            let now = Instant::now();
            let turn = |digest: &Digest| match ungiven.get(digest) {
                None => Some(0),
                Some(one) => (one.again <= now).then_some(one.times),
            };
            let missing = match self.ledger.missing_parts(&self.peer.id, turn).await {
                Ok(missing) => missing,
                Err(why) => {
                    tracing::warn!(peer = %self.peer.id, %why, "attachments are not fetched");
                    sleep(LOOK).await;
                    continue;
                }
            };
            if missing.is_empty() {
                locked(&self.quotas).fetched_all();
                // What is due and not missing is not named any more.
                let next = ungiven.values().map(|one| one.again).filter(|again| *again > now).min();
                let look = Instant::now() + LOOK;
                tokio::select! {
                    () = concerns(&mut events, (&self.ledger, &self.peer.id)) => {}
                    () = sleep_until(next.map_or(look, |next| next.min(look))) => {}
                }
            }
            for digest in missing {
                if !self.may_fetch().await {
                    break;
                }
                let fetch = link::Fetch { digest: digest.to_vec().into() };
                if out.send(frame(Kind::Fetch(fetch))).await.is_err() {
                    return lost().await;
                }
                let part = timeout(PART_MAX, came(given, &digest)).await.unwrap_or_default();
                locked(&self.quotas).fetched(part.len(), (self.clock)());
                let kept = self.ledger.take_part(&self.peer.id, &digest, part).await;
                if let Err(why) = &kept {
                    tracing::warn!(peer = %self.peer.id, %why, "a part is not kept");
                    sleep(LOOK).await;
                }
                if kept.unwrap_or_default() {
                    ungiven.remove(&digest);
                } else {
                    let asked = Ungiven::after(ungiven.get(&digest));
                    ungiven.insert(digest, asked);
                }
                // Something else may be more urgent by now.
                let news = concerns(&mut events, (&self.ledger, &self.peer.id)).now_or_never();
                if news.is_some() || now.elapsed() > LOOK {
                    break;
                }
            }
        }
    }
}

/// The bytes of the part that was asked for, once all of them have come; no more than one may have.
async fn came(given: &mut mpsc::Receiver<link::Part>, digest: &Digest) -> Bytes {
    let mut bytes = Vec::new();
    loop {
        match given.recv().await {
            Some(link::Part { digest: of, content, last }) if *of == *digest => {
                bytes.extend_from_slice(&content);
                if last || bytes.len() > SEALED_PART_BYTES_MAX {
                    return bytes.into();
                }
            }
            // Of one that was given up before.
            Some(_) => {}
            None => std::future::pending().await,
        }
    }
}

/// That there is no such part for who asks.
fn none(digest: &Digest) -> link::Part {
    link::Part { digest: digest.to_vec().into(), content: Bytes::new(), last: true }
}
