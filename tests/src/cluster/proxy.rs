//! What stands between nodes: a way for each two of them and each direction, which can be cut,
//! held, delayed or narrowed.
//!
//! A node has one address for all others. Who dialled is asked of the system, so that a connection
//! is known to be of one node to another and each direction in it can be treated alone. Bytes are
//! never lost or changed: what is held passes when the way opens, as TCP sends again what was lost.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::dialler::dialler;
use crate::dice::Dice;

const CHUNK_BYTES: usize = 16 * 1024;
/// So many chunks are under way in one direction of a connection; the next waits to be read.
const CHUNKS_MAX: usize = 64;
/// A narrow way passes as much at once as in this time.
const STROKE: Duration = Duration::from_millis(50);
const STROKES_PER_SECOND: u32 = 20;
const MADE_UP_MAX: Duration = Duration::from_secs(1);

/// What becomes of what one node says to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// It arrives.
    #[default]
    Open,
    /// Connections between the two are closed, and none is made, whoever dials.
    Cut,
    /// Connections stand, and nothing arrives.
    Silent,
    /// It arrives later, in order.
    Late {
        /// By so much at least.
        least: Duration,
        /// By less than so much more, by chance.
        spread: Duration,
    },
    /// So much arrives in a second.
    Narrow {
        /// So many bytes.
        bytes_per_second: u32,
    },
}

/// The ways, by who speaks and who hears.
type Ways = BTreeMap<(u64, u64), watch::Sender<Way>>;

/// All ways between some nodes. It ends with this.
#[derive(Debug)]
pub struct Proxy {
    addresses: BTreeMap<u64, SocketAddr>,
    ways: Arc<Ways>,
    processes: Arc<Mutex<BTreeMap<u64, u32>>>,
    // Aborted when dropped.
    _fronts: JoinSet<()>,
}

impl Proxy {
    /// Before nodes that listen at these addresses; chance comes from the seed.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(targets: BTreeMap<u64, SocketAddr>, seed: u64) -> io::Result<Self> {
        let pairs = targets.keys().flat_map(|from| targets.keys().map(move |to| (*from, *to)));
        let ways = pairs.filter(|(from, to)| from != to);
        let ways: Ways = ways.map(|pair| (pair, watch::Sender::new(Way::Open))).collect();
        let (ways, processes) = (Arc::new(ways), Arc::default());
        let (mut addresses, mut fronts) = (BTreeMap::new(), JoinSet::new());
        for (node, target) in targets {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            addresses.insert(node, listener.local_addr()?);
            let (ways, processes) = (Arc::clone(&ways), Arc::clone(&processes));
            let front = Front { node, target, ways, processes, seed };
            fronts.spawn(front.run(listener));
        }
        Ok(Self { addresses, ways, processes, _fronts: fronts })
    }

    /// Where the other nodes reach a node.
    #[must_use]
    pub fn address(&self, node: u64) -> Option<SocketAddr> {
        self.addresses.get(&node).copied()
    }

    /// Tells which process a node is.
    pub(super) fn knows(&self, node: u64, process: u32) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).insert(node, process);
    }

    /// What becomes from now on of what one node says to another.
    pub fn set(&self, from: u64, to: u64, way: Way) {
        if let Some(now) = self.ways.get(&(from, to)) {
            now.send_replace(way);
        }
    }

    /// The same of everything that a node says, to whomever.
    pub fn set_from(&self, from: u64, way: Way) {
        self.set_where(way, |(speaks, _)| speaks == from);
    }

    /// The same of everything that is said to a node.
    pub fn set_to(&self, to: u64, way: Way) {
        self.set_where(way, |(_, hears)| hears == to);
    }

    /// The same of everything that any node says.
    pub fn set_all(&self, way: Way) {
        self.set_where(way, |_| true);
    }

    fn set_where(&self, way: Way, which: impl Fn((u64, u64)) -> bool) {
        for (_, now) in self.ways.iter().filter(|(pair, _)| which(**pair)) {
            now.send_replace(way);
        }
    }
}

/// What stands before one node.
struct Front {
    node: u64,
    target: SocketAddr,
    ways: Arc<Ways>,
    processes: Arc<Mutex<BTreeMap<u64, u32>>>,
    seed: u64,
}

impl Front {
    async fn run(self, listener: TcpListener) {
        let mut carried = JoinSet::new();
        let mut streams = 0..;
        loop {
            let accepted = tokio::select! {
                Some(_) = carried.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            // What has no files left waits for some.
            let Ok((dialled, from)) = accepted else {
                sleep(STROKE).await;
                continue;
            };
            let Some((out, back)) = dialled.local_addr().ok().and_then(|at| self.ways(from, at))
            else {
                continue;
            };
            let mut dice = || Dice::of(self.seed, streams.next().unwrap_or(0));
            carried.spawn(carry(dialled, self.target, (out, dice()), (back, dice())));
        }
    }

    /// The ways of a connection: of what who dialled says, and of what it hears.
    fn ways(
        &self,
        from: SocketAddr,
        at: SocketAddr,
    ) -> Option<(watch::Receiver<Way>, watch::Receiver<Way>)> {
        let processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dialler = dialler(from, at, &processes)?;
        let way = |pair| self.ways.get(&pair).map(watch::Sender::subscribe);
        way((dialler, self.node)).zip(way((self.node, dialler)))
    }
}

/// Carries one connection until an end closes it or it is cut.
async fn carry(
    dialled: TcpStream,
    target: SocketAddr,
    (out, of_out): (watch::Receiver<Way>, Dice),
    (back, of_back): (watch::Receiver<Way>, Dice),
) {
    let (cut_out, cut_back) = (cut(out.clone()), cut(back.clone()));
    let carried = async {
        let Ok(reached) = TcpStream::connect(target).await else { return };
        for stream in [&dialled, &reached] {
            // It fails on a dead connection.
            let _ = stream.set_nodelay(true);
        }
        let (from_dialler, to_dialler) = dialled.into_split();
        let (from_target, to_target) = reached.into_split();
        tokio::select! {
            () = pass(from_dialler, to_target, out, of_out) => {}
            () = pass(from_target, to_dialler, back, of_back) => {}
        }
    };
    tokio::select! {
        biased;
        () = cut_out => {}
        () = cut_back => {}
        () = carried => {}
    }
}

/// Until a way is cut.
async fn cut(mut way: watch::Receiver<Way>) {
    // A sender that is gone means that all has ended.
    let _ = way.wait_for(|way| *way == Way::Cut).await;
}

/// Passes what is said in one direction until an end closes.
async fn pass(
    mut from: OwnedReadHalf,
    to: OwnedWriteHalf,
    way: watch::Receiver<Way>,
    mut dice: Dice,
) {
    let (queue, queued) = mpsc::channel(CHUNKS_MAX);
    let now = way.clone();
    let taking = async move {
        let mut due = Instant::now();
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let Ok(bytes @ 1..) = from.read(&mut chunk).await else { return };
            chunk.truncate(bytes);
            let late = match *now.borrow() {
                Way::Late { least, spread } => least + dice.within(spread),
                Way::Open | Way::Cut | Way::Silent | Way::Narrow { .. } => Duration::ZERO,
            };
            // In order: none overtakes the one before.
            due = due.max(Instant::now() + late);
            if queue.send((due, chunk)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(taking, give(to, queued, way));
}

/// Gives what is due, as fast as the way lets it.
async fn give(
    mut to: OwnedWriteHalf,
    mut queued: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut way: watch::Receiver<Way>,
) {
    let mut free = Instant::now();
    while let Some((due, chunk)) = queued.recv().await {
        sleep_until(due).await;
        free = free.max(due);
        let mut rest = chunk.as_slice();
        while !rest.is_empty() {
            let Ok(now) = way.wait_for(|way| *way != Way::Silent).await.map(|way| *way) else {
                return;
            };
            let bytes = match now {
                Way::Narrow { bytes_per_second } => {
                    // Who wakes up late makes up for it, but not for a time of silence.
                    free = free.max(Instant::now() - MADE_UP_MAX) + STROKE;
                    sleep_until(free).await;
                    usize::try_from(bytes_per_second / STROKES_PER_SECOND).unwrap_or(usize::MAX)
                }
                Way::Open | Way::Cut | Way::Silent | Way::Late { .. } => rest.len(),
            };
            let (piece, left) = rest.split_at(bytes.clamp(1, rest.len()));
            if to.write_all(piece).await.is_err() {
                return;
            }
            rest = left;
        }
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
