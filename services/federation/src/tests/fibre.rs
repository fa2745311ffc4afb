//! A wire in memory between two domains, which can be cut.

use std::sync::{
    Arc, Mutex, OnceLock,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use futures::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture};
use samsyn_domain::{DomainId, registry::Peer};
use samsyn_proto::link::{Frame, frame::Kind};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::world::NOW;
use crate::{Dial, DialError, Links, Wire, WireError};

/// What goes over the wire, and whether it does.
#[derive(Default)]
pub(super) struct Fibre {
    cut: AtomicBool,
    dials: AtomicUsize,
    /// A dial waits as long as somebody has this.
    pub(super) held: tokio::sync::Mutex<()>,
    broken: Mutex<Vec<tokio::sync::watch::Sender<bool>>>,
    /// How many envelopes were carried, and their bytes.
    envelopes: AtomicUsize,
    bytes: AtomicUsize,
    /// Answers at the other end.
    far: Mutex<Option<(DomainId, Links)>>,
    /// Sees each frame that crosses: whether the side that dials sent it, and what it is.
    watched: OnceLock<Watched>,
}

type Watched = Box<dyn Fn(bool, &Frame) + Send + Sync>;

impl Fibre {
    /// One of which each frame is seen that crosses it.
    pub(super) fn watched(by: impl Fn(bool, &Frame) + Send + Sync + 'static) -> Self {
        let this = Self::default();
        this.watch(by);
        this
    }

    /// From now on each frame is seen that crosses it.
    pub(super) fn watch(&self, by: impl Fn(bool, &Frame) + Send + Sync + 'static) {
        assert!(self.watched.set(Box::new(by)).is_ok(), "it is watched already");
    }

    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        for broken in self.broken.lock().unwrap().drain(..) {
            broken.send_replace(true);
        }
    }

    /// Breaks what is open; what is dialled from now on goes through.
    pub(super) fn tear(&self) {
        self.cut();
        self.mend();
    }

    /// How often it was dialled.
    pub(super) fn dials(&self) -> usize {
        self.dials.load(Ordering::SeqCst)
    }

    pub(super) fn mend(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Has it lead from a domain to the links of another.
    pub(super) fn leads(&self, from: DomainId, to: Links) {
        *self.far.lock().unwrap() = Some((from, to));
    }

    /// How many envelopes it has carried, and how many bytes of them.
    pub(super) fn carried(&self) -> (usize, usize) {
        (self.envelopes.load(Ordering::SeqCst), self.bytes.load(Ordering::SeqCst))
    }

    fn sees(&self, by_dialler: bool, frame: &Frame) {
        if let Some(Kind::Envelope(envelope)) = &frame.kind {
            let bytes = envelope.header.len() + envelope.payload.len();
            self.envelopes.fetch_add(1, Ordering::SeqCst);
            self.bytes.fetch_add(bytes, Ordering::SeqCst);
        }
        if let Some(watched) = self.watched.get() {
            watched(by_dialler, frame);
        }
    }
}

pub(super) struct DialFibre(pub(super) Arc<Fibre>);

impl Dial for DialFibre {
    fn dial(&self, _peer: &Peer, _endpoint: &str) -> BoxFuture<'static, Result<Wire, DialError>> {
        let fibre = Arc::clone(&self.0);
        async move {
            fibre.dials.fetch_add(1, Ordering::SeqCst);
            drop(fibre.held.lock().await);
            if fibre.cut.load(Ordering::SeqCst) {
                return Err(DialError("cut".to_owned()));
            }
            let (from, links) = fibre.far.lock().unwrap().clone().unwrap();
            let (broken, tear) = tokio::sync::watch::channel(false);
            fibre.broken.lock().unwrap().push(broken);
            let (outgoing, at_far) = mpsc::channel(8);
            let until = NOW.after_seconds(400 * 86_400);
            let (back, at_near) = mpsc::channel(8);
            let holds: crate::Holds = Arc::new(|| true);
            let (near, back_again) = (Arc::clone(&fibre), Arc::clone(&fibre));
            let at_far = ReceiverStream::new(at_far).inspect(move |one| near.sees(true, one));
            let incoming = until_torn(at_far, tear.clone());
            links.answer(
                &from,
                Wire {
                    incoming,
                    outgoing: back,
                    certificate_until: until,
                    holds: Arc::clone(&holds),
                },
            );
            let at_near = ReceiverStream::new(at_near);
            let incoming =
                until_torn(at_near.inspect(move |one| back_again.sees(false, one)), tear);
            Ok(Wire { incoming, outgoing, certificate_until: until, holds })
        }
        .boxed()
    }
}

fn until_torn(
    frames: impl Stream<Item = Frame> + Send + 'static,
    mut tear: tokio::sync::watch::Receiver<bool>,
) -> futures::stream::BoxStream<'static, Result<Frame, WireError>> {
    let torn = async move {
        let _ = tear.wait_for(|torn| *torn).await;
    };
    let ended = futures::stream::once(async { Err(WireError) });
    frames.map(Ok).take_until(torn).chain(ended).boxed()
}
