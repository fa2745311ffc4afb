//! The links of a node: dials whom it can reach, answers who dials, one session a link.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{future::BoxFuture, stream::BoxStream};
use samsyn_domain::{DomainId, Timestamp, registry::Peer};
use samsyn_ledger::{Clock, Ledger};
use samsyn_proto::link::{self, Frame, frame::Kind};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, interval, sleep},
};

use crate::{
    Closing, Standing,
    backoff::{Backoff, draw},
    board::Board,
    quota::Quotas,
    session::{Session, frame},
};

/// How often it is looked which links there are.
const LOOK: Duration = Duration::from_millis(500);
/// A session that has lasted so long was one.
const GOOD: Duration = Duration::from_secs(2);

/// Both ways to the other side.
pub struct Wire {
    /// What it says; ends when it is gone.
    pub incoming: BoxStream<'static, Result<Frame, WireError>>,
    /// What it is told.
    pub outgoing: mpsc::Sender<Frame>,
    /// Until when its certificate is good.
    pub certificate_until: Timestamp,
    /// Whether it still proves to be that peer, by what is registered and revoked now.
    pub holds: Holds,
}

/// Asked again and again while a session is open.
pub type Holds = Arc<dyn Fn() -> bool + Send + Sync>;

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("wire")
    }
}

/// A wire broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection broke")]
pub struct WireError;

/// Why an endpoint was not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DialError(pub String);

/// The way to a peer's endpoints.
pub trait Dial: Send + Sync {
    /// Opens a wire to an endpoint of a peer, once it has proved to be that peer.
    fn dial(&self, peer: &Peer, endpoint: &str) -> BoxFuture<'static, Result<Wire, DialError>>;
}

/// A session that is open.
#[derive(Debug)]
struct Open {
    /// Which one.
    number: u64,
    /// Which domain opened it.
    by: DomainId,
    over: watch::Sender<Option<Closing>>,
}

/// So many bytes of files are fetched from a peer at once, and then in a day, where nothing else is
/// said: 4 GiB.
pub const FILE_BYTES_A_DAY: u64 = 4 << 30;

#[derive(Debug)]
struct Sessions {
    open: BTreeMap<DomainId, Open>,
    last: u64,
    /// How many bytes of files are fetched from each peer at once, and then in a day.
    file_bytes_a_day: u64,
    /// What each peer may send: it outlives its sessions.
    quotas: BTreeMap<DomainId, Arc<Mutex<Quotas>>>,
    /// The node stops: there are no more.
    draining: bool,
}

/// What came of a try to open a session.
enum Tried {
    /// The peer was not there.
    Unreached,
    /// It was there, and said why there is no session.
    Answered,
    /// There was one, here or on another node.
    Linked,
}

/// A session has its place.
struct Begun {
    number: u64,
    over: watch::Receiver<Option<Closing>>,
    quotas: Arc<Mutex<Quotas>>,
}

/// The links of a node; clones are the same.
#[derive(Clone)]
pub struct Links {
    ledger: Ledger,
    clock: Clock,
    dialer: Option<Arc<dyn Dial>>,
    board: Board,
    sessions: Arc<Mutex<Sessions>>,
}

pub(crate) fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("links")
    }
}

impl Links {
    /// The links of a ledger; without a way out it only answers.
    #[must_use]
    pub fn new(ledger: Ledger, clock: Clock, dialer: Option<Arc<dyn Dial>>) -> Self {
        let sessions = Sessions {
            open: BTreeMap::new(),
            last: 0,
            file_bytes_a_day: FILE_BYTES_A_DAY,
            quotas: BTreeMap::new(),
            draining: false,
        };
        let (board, sessions) = (Board::default(), Arc::new(Mutex::new(sessions)));
        Self { ledger, clock, dialer, board, sessions }
    }

    /// From the next session on, so many bytes of files are fetched from each peer at once, and
    /// then in a day, by this node.
    pub fn allow_files(&self, bytes_a_day: u64) {
        self.sessions().file_bytes_a_day = bytes_a_day;
    }

    /// The peers whose files wait, since they sent more than a day allows.
    #[must_use]
    pub fn slowed(&self) -> Vec<DomainId> {
        let sessions = self.sessions();
        let waits = |id: &&DomainId| {
            sessions.quotas.get(*id).is_some_and(|quotas| locked(quotas).files_wait())
        };
        sessions.open.keys().filter(waits).cloned().collect()
    }

    /// The time, as links see it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// How a link is, as this node knows it.
    #[must_use]
    pub fn standing(&self, peer: &DomainId) -> Standing {
        self.board.of(peer)
    }

    /// Dials peers as long as it is polled: on the node that leads, whom it has an endpoint of and
    /// no session with.
    pub async fn run(self) {
        let mut tasks = JoinSet::new();
        let mut dialled: BTreeMap<DomainId, watch::Sender<()>> = BTreeMap::new();
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                _ = look.tick() => {}
                Some(_) = tasks.join_next() => continue,
            }
            let registry = self.ledger.registry();
            let wanted = |id: &DomainId| {
                self.dialer.is_some()
                    && self.ledger.holds_links()
                    && registry.peer(id).is_some_and(|peer| !peer.endpoints.is_empty())
            };
            // A task ends when its sender is dropped.
            dialled.retain(|id, _| wanted(id));
            for peer in registry.peers().filter(|peer| wanted(&peer.id)) {
                if !dialled.contains_key(&peer.id) {
                    let (keep, kept) = watch::channel(());
                    tasks.spawn(self.clone().dial(peer.id.clone(), kept));
                    dialled.insert(peer.id.clone(), keep);
                }
            }
        }
    }

    /// Keeps a link with a peer as long as it is wanted.
    async fn dial(self, peer: DomainId, mut kept: watch::Receiver<()>) {
        let mut backoff = Backoff::new();
        let mut turn = 0_usize;
        loop {
            let tried = self.try_once(&peer, turn);
            let tried = tokio::select! {
                tried = tried => tried,
                _ = kept.changed() => return,
            };
            turn = turn.wrapping_add(1);
            match tried {
                Tried::Unreached => {}
                Tried::Answered => backoff.answered(),
                Tried::Linked => backoff.reset(),
            }
            let wait = backoff.wait(draw());
            let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
            self.board.next_try(&peer, Some((self.clock)().after_micros(micros)));
            tokio::select! {
                () = sleep(wait) => {}
                _ = kept.changed() => return,
            }
        }
    }

    /// One try at the next endpoint.
    async fn try_once(&self, id: &DomainId, turn: usize) -> Tried {
        let Some(peer) = self.ledger.registered_peer(id) else { return Tried::Unreached };
        let Some(dialer) = &self.dialer else { return Tried::Unreached };
        if !self.ledger.link(id).is_open() || self.has_session(id) {
            return Tried::Linked;
        }
        let place = turn.checked_rem(peer.endpoints.len()).unwrap_or_default();
        let Some(endpoint) = peer.endpoints.get(place) else { return Tried::Unreached };
        self.board.next_try(id, None);
        match dialer.dial(&peer, endpoint).await {
            Ok(wire) => {
                let Ok(domain) = DomainId::parse(&self.ledger.domain()) else {
                    return Tried::Unreached;
                };
                match self.begin(&peer, domain) {
                    Ok(begun) => {
                        let began = Instant::now();
                        let ended = self.session(peer, wire, begun).await;
                        // Another node of the peer holds the session, or it was a good one: then it
                        // is tried again at once.
                        let elsewhere = matches!(
                            ended,
                            Closing::NotLeading | Closing::Draining | Closing::Replaced
                        );
                        if elsewhere || began.elapsed() > GOOD {
                            Tried::Linked
                        } else if ended == Closing::Broken {
                            Tried::Unreached
                        } else {
                            Tried::Answered
                        }
                    }
                    Err(_) => Tried::Linked,
                }
            }
            Err(why) => {
                tracing::debug!(peer = %id, %why, "a peer was not reached");
                let sessions = self.sessions();
                // The peer may have come by itself meanwhile.
                if !sessions.open.contains_key(id) {
                    self.board.ended(id, Closing::Broken);
                }
                Tried::Unreached
            }
        }
    }

    /// Answers a peer that has dialled and proved who it is. What it is told ends when the session
    /// does; where there is none, it is told why.
    pub fn answer(&self, id: &DomainId, wire: Wire) {
        let refused = match self.ledger.registered_peer(id) {
            _ if !self.ledger.holds_links() => Err(Closing::NotLeading),
            None => Err(Closing::NotRegistered),
            Some(peer) => {
                let link = self.ledger.link(id);
                if link.frozen.is_some() {
                    Err(Closing::Frozen)
                } else if link.paused {
                    Err(Closing::Paused)
                } else {
                    self.begin(&peer, id.clone()).map(|begun| (peer, begun))
                }
            }
        };
        match refused {
            Ok((peer, begun)) => {
                let this = self.clone();
                tokio::spawn(async move { this.session(peer, wire, begun).await });
            }
            Err(why) => {
                let closing =
                    link::Closing { reason: why.code().to_owned(), retry_after_millis: 0 };
                // The channel is new: there is room.
                let _ = wire.outgoing.try_send(frame(Kind::Closing(closing)));
            }
        }
    }

    /// Ends all sessions, and begins no more: the node stops.
    pub fn drain(&self) {
        let mut sessions = self.sessions();
        sessions.draining = true;
        for open in sessions.open.values() {
            open.over.send_replace(Some(Closing::Draining));
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        locked(&self.sessions)
    }

    fn has_session(&self, peer: &DomainId) -> bool {
        self.sessions().open.contains_key(peer)
    }

    /// Takes the place of the link's session. Where both sides dialled at once, that of the domain
    /// stays whose name comes first; else the newer one: the older may be dead and not know it.
    fn begin(&self, peer: &Peer, by: DomainId) -> Result<Begun, Closing> {
        let now = self.now();
        let mut sessions = self.sessions();
        let allowed = (peer.envelopes_per_minute, sessions.file_bytes_a_day);
        if sessions.draining {
            return Err(Closing::Draining);
        }
        if let Some(open) = sessions.open.get(&peer.id) {
            if open.by < by {
                return Err(Closing::Replaced);
            }
            open.over.send_replace(Some(Closing::Replaced));
        }
        let number = sessions.last.saturating_add(1);
        sessions.last = number;
        let (over, ended) = watch::channel(None);
        sessions.open.insert(peer.id.clone(), Open { number, by, over });
        let quotas = sessions.quotas.entry(peer.id.clone());
        let quotas = quotas.or_insert_with(|| Arc::new(Mutex::new(Quotas::new(allowed, now))));
        locked(quotas).agree(allowed, now);
        Ok(Begun { number, over: ended, quotas: Arc::clone(quotas) })
    }

    async fn session(&self, peer: Peer, wire: Wire, begun: Begun) -> Closing {
        let Begun { number, over, quotas } = begun;
        // Whoever drops the session had no further use for it.
        let (id, ended) = (peer.id.clone(), Closing::NotLeading);
        let mut left = Left { links: self, peer: id, number, ended };
        let Ok(domain) = DomainId::parse(&self.ledger.domain()) else { return Closing::Failed };
        let session = Session {
            ledger: self.ledger.clone(),
            clock: Arc::clone(&self.clock),
            board: self.board.clone(),
            domain,
            peer,
            certificate_until: wire.certificate_until,
            holds: wire.holds,
            over,
            quotas,
        };
        left.ended = session.run(wire.incoming, wire.outgoing).await;
        left.ended
    }
}

/// Leaves the place of a session when it ends, however it ends.
struct Left<'a> {
    links: &'a Links,
    peer: DomainId,
    number: u64,
    ended: Closing,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let mut sessions = self.links.sessions();
        let is_current = |open: &Open| open.number == self.number;
        if sessions.open.get(&self.peer).is_some_and(is_current) {
            sessions.open.remove(&self.peer);
            self.links.board.ended(&self.peer, self.ended);
        }
    }
}
