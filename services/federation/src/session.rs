//! A session: hello, and then each side sends what it has numbered and tells how far it has taken
//! in what came.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{Stream, StreamExt as _};
use samsyn_domain::{
    DomainId, Timestamp,
    link::{BATCH_MAX, SignedPosition},
    registry::Peer,
    row::Event,
};
use samsyn_ledger::{Clock, Happened, Ledger};
use samsyn_policy::Came;
use samsyn_proto::{
    link::{self, Frame, SetAside, frame::Kind},
    sealed,
};
use tokio::{
    sync::{Notify, broadcast, mpsc, watch},
    time::{Instant, interval, sleep, timeout},
};

use crate::{
    Closing, Holds,
    board::{Board, Connection},
    hello::{self, Apart, Greeted},
    links::locked,
    parts::{self, Came as CameOfParts},
    quota::Quotas,
};

/// How long the other side may take to say hello.
const HELLO_MAX: Duration = Duration::from_secs(5);
/// How often something is said when there is nothing.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long nothing may come.
const SILENT_MAX: Duration = Duration::from_secs(15);
/// How often it is looked whether the link still stands as it was agreed.
const LOOK: Duration = Duration::from_millis(500);
/// How many envelopes are opened and handed on at a time.
const SEND_BATCH: usize = 32;
/// How many frames are ready to go out at most.
pub const FRAMES_READY: usize = 64;

/// What a session works with.
pub(crate) struct Session {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) board: Board,
    pub(crate) domain: DomainId,
    pub(crate) peer: Peer,
    pub(crate) certificate_until: Timestamp,
    pub(crate) holds: Holds,
    /// Set when the session is to end.
    pub(crate) over: watch::Receiver<Option<Closing>>,
    /// What the peer may send.
    pub(crate) quotas: Arc<Mutex<Quotas>>,
}

/// How far the peer takes what is sent: up to this number.
type Limit = watch::Sender<u64>;

/// What the peer is to be told of how far its envelopes were taken in. The newest word holds: who
/// reads never waits until it is written, or both sides could wait for each other.
#[derive(Default)]
struct Word {
    taken: Mutex<Option<link::Taken>>,
    there: Notify,
}

impl Word {
    fn say(&self, mut newest: link::Taken) {
        let mut taken = locked(&self.taken);
        if let Some(before) = taken.take() {
            newest.set_aside.splice(0..0, before.set_aside);
        }
        *taken = Some(newest);
        drop(taken);
        self.there.notify_one();
    }

    fn take(&self) -> Option<link::Taken> {
        locked(&self.taken).take()
    }
}

impl Session {
    /// Runs until it ends; says why, to the other side too where it does not know.
    pub(crate) async fn run<E>(
        mut self,
        incoming: impl Stream<Item = Result<Frame, E>> + Send + Unpin,
        out: mpsc::Sender<Frame>,
    ) -> Closing {
        let ended = self.carry(incoming, &out).await;
        let peer = &self.peer.id;
        if ended.is_alarm() {
            tracing::warn!(%peer, reason = ended.code(), "a link's session ended");
        } else {
            tracing::info!(%peer, reason = ended.code(), "a link's session ended");
        }
        if ended != Closing::Broken {
            let closing = link::Closing { reason: ended.code().to_owned(), retry_after_millis: 0 };
            // Who is gone hears nothing.
            let _ = timeout(HEARTBEAT, out.send(frame(Kind::Closing(closing)))).await;
        }
        ended
    }

    async fn carry<E>(
        &mut self,
        mut incoming: impl Stream<Item = Result<Frame, E>> + Send + Unpin,
        out: &mpsc::Sender<Frame>,
    ) -> Closing {
        if let Err(why) = self.ledger.up_to_date().await {
            return Closing::from(&why);
        }
        let now = (self.clock)();
        let granted = locked(&self.quotas).credits(now);
        let link = self.ledger.link(&self.peer.id);
        let level = self.ledger.link_level();
        let first = hello::hello((&self.domain, level), &self.peer, &link, now, granted);
        // Who does not listen any more may have said why: that is read next.
        let _ = out.send(frame(Kind::Hello(first))).await;
        let greeted = match self.greet(&mut incoming, link.out.epoch).await {
            Ok(greeted) => greeted,
            Err(why) => return why,
        };
        self.board.opened(
            &self.peer.id,
            Connection {
                since: now,
                level: greeted.level,
                clock_millis: greeted.clock_millis,
                certificate_until: self.certificate_until,
            },
        );
        tracing::info!(peer = %self.peer.id, "a link's session is open");
        let from = greeted.taken.sequence;
        let limit = watch::Sender::new(from.saturating_add(greeted.credits.into()));
        let granted = link.taken.sequence.saturating_add(granted.into());
        let mut over = self.over.clone();
        // The word that told the peer so may have been lost with the wire.
        let owed = greeted.heard < link.taken.sequence;
        let (this, word, chain) = (&*self, Word::default(), link.out.epoch);
        let (came, arrivals) = parts::arrivals();
        let came = (&word, owed, &came);
        // It holds a part at a time: too much for what is moved about.
        let parts = Box::pin(this.exchange_parts(out, arrivals, greeted.level.min(level)));
        tokio::select! {
            biased;
            ended = ended(&mut over) => ended,
            ended = this.stands(chain, level) => ended,
            ended = this.receive(incoming, came, (&limit, granted), chain) => ended,
            ended = this.send(out, &word, (&limit, from), greeted.level) => ended,
            ended = parts => ended,
        }
    }

    async fn greet<E>(
        &self,
        incoming: &mut (impl Stream<Item = Result<Frame, E>> + Send + Unpin),
        chain: u64,
    ) -> Result<Greeted, Closing> {
        let first = timeout(HELLO_MAX, incoming.next()).await.map_err(|_| Closing::Silent)?;
        let hello = match first {
            Some(Ok(Frame { kind: Some(Kind::Hello(hello)) })) => hello,
            Some(Ok(Frame { kind: Some(Kind::Closing(closing)) })) => {
                return Err(Closing::from_code(&closing.reason).unwrap_or(Closing::Malformed));
            }
            Some(Ok(_)) => return Err(Closing::Malformed),
            Some(Err(_)) | None => return Err(Closing::Broken),
        };
        let now = (self.clock)();
        let of = (&self.ledger, &self.domain);
        match hello::greeted(of, &self.peer, &hello, now) {
            Ok(greeted) => Ok(greeted),
            Err(Apart::Close(why)) => Err(why),
            Err(Apart::Freeze(why)) => {
                // Once another session has taken its place, what came here may be of before that.
                if let Some(over) = *self.over.borrow() {
                    return Err(over);
                }
                self.ledger
                    .freeze_link(&self.peer.id, chain, why)
                    .await
                    .map_err(|rejection| Closing::from(&rejection))?;
                Err(why.into())
            }
        }
    }

    /// Looks whether this node still holds the link, and whether it still stands as it was agreed,
    /// by the chain and the level of which it has told.
    async fn stands(&self, chain: u64, level: u32) -> Closing {
        loop {
            if !self.ledger.holds_links() {
                return Closing::NotLeading;
            }
            match self.ledger.registered_peer(&self.peer.id) {
                Some(peer) if peer == self.peer && self.ledger.link_level() == level => {}
                // It begins anew by what is agreed now.
                Some(_) => return Closing::Replaced,
                None => return Closing::NotRegistered,
            }
            let link = self.ledger.link(&self.peer.id);
            if link.frozen.is_some() {
                return Closing::Frozen;
            }
            if link.paused {
                return Closing::Paused;
            }
            if link.out.epoch != chain {
                return Closing::EpochUnknown;
            }
            if !(self.holds)() {
                return Closing::NotTrusted;
            }
            sleep(LOOK).await;
        }
    }

    /// Sends what is numbered, in order, up to what the peer takes; has what waits numbered.
    async fn send(
        &self,
        out: &mpsc::Sender<Frame>,
        word: &Word,
        (limit, from): (&Limit, u64),
        level: u32,
    ) -> Closing {
        let mut events = self.ledger.events();
        let mut limits = limit.subscribe();
        let mut heartbeat = interval(HEARTBEAT);
        let mut sent = from;
        let key = self.ledger.link_key();
        loop {
            let to = *limits.borrow_and_update();
            match self.sent((out, word), (to, level), &mut sent, &key).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(Closing::Broken) => return lost().await,
                Err(why) => return why,
            }
            tokio::select! {
                changed = limits.changed() => if changed.is_err() { return Closing::Broken },
                () = concerns(&mut events, (&self.ledger, &self.peer.id)) => {}
                () = word.there.notified() => {}
                _ = heartbeat.tick() => {
                    let clock_micros = (self.clock)().micros();
                    let heartbeat = Kind::Heartbeat(link::Heartbeat { clock_micros });
                    if out.send(frame(heartbeat)).await.is_err() {
                        return lost().await;
                    }
                }
            }
        }
    }

    /// Sends what may go now; whether there may be more.
    async fn sent(
        &self,
        (out, word): (&mpsc::Sender<Frame>, &Word),
        (limit, level): (u64, u32),
        sent: &mut u64,
        key: &[u8; 32],
    ) -> Result<bool, Closing> {
        let failed = |why: samsyn_ledger::Rejection| {
            tracing::warn!(peer = %self.peer.id, %why, "a link does not send");
            Closing::from(&why)
        };
        let peer = &self.peer.id;
        say(out, word).await?;
        let numbered = self.ledger.number_envelopes(peer, level).await.map_err(failed)?;
        let room = usize::try_from(limit.saturating_sub(*sent)).unwrap_or(usize::MAX);
        if room == 0 {
            return Ok(false);
        }
        let parcels = self.ledger.parcels(peer, *sent, room.min(SEND_BATCH)).map_err(failed)?;
        let last = parcels.content().last().map(|parcel| parcel.envelope.sequence);
        for envelope in sealed::envelopes(&parcels, key) {
            say(out, word).await?;
            out.send(frame(Kind::Envelope(envelope))).await.map_err(|_| Closing::Broken)?;
        }
        *sent = last.unwrap_or(*sent);
        Ok(last.is_some() || numbered > 0)
    }

    /// Takes in what comes.
    async fn receive<E>(
        &self,
        incoming: impl Stream<Item = Result<Frame, E>> + Send + Unpin,
        (word, mut owed, parts): (&Word, bool, &CameOfParts),
        (limit, mut granted): (&Limit, u64),
        chain: u64,
    ) -> Closing {
        // What is there at once is taken in at once.
        let mut incoming = incoming.ready_chunks(BATCH_MAX);
        let mut grant = interval(Duration::from_secs(1));
        let mut heard = Instant::now();
        loop {
            let frames = tokio::select! {
                frames = incoming.next() => frames,
                _ = grant.tick() => {
                    if heard.elapsed() >= SILENT_MAX {
                        return Closing::Silent;
                    }
                    match self.grant(word, granted, std::mem::take(&mut owed)) {
                        Ok(now) => granted = now,
                        Err(why) => return why,
                    }
                    continue;
                }
            };
            let Some(frames) = frames else { return Closing::Broken };
            heard = Instant::now();
            let mut envelopes = Vec::new();
            for one in frames {
                let Ok(Frame { kind }) = one else { return Closing::Broken };
                match kind {
                    Some(Kind::Envelope(envelope)) => envelopes.push(came(envelope)),
                    Some(Kind::Taken(taken)) => {
                        if let Err(why) = self.settle(taken, limit).await {
                            return why;
                        }
                    }
                    Some(Kind::Heartbeat(beat)) => {
                        let now = (self.clock)().micros();
                        let skew = beat.clock_micros.saturating_sub(now) / 1_000;
                        self.board.clock(&self.peer.id, skew);
                    }
                    Some(Kind::Closing(closing)) => {
                        return Closing::from_code(&closing.reason).unwrap_or(Closing::Malformed);
                    }
                    Some(Kind::Fetch(fetch)) => {
                        if let Err(why) = parts.asked(&fetch) {
                            return why;
                        }
                    }
                    Some(Kind::Part(part)) => parts.given(part),
                    Some(Kind::Hello(_)) => return Closing::Malformed,
                    None => {}
                }
            }
            if envelopes.is_empty() {
                continue;
            }
            // What comes for a link that has begun anew is of what was before.
            if self.ledger.link(&self.peer.id).out.epoch != chain {
                return Closing::EpochUnknown;
            }
            match self.take(&envelopes, word, granted).await {
                Ok(now) => granted = now,
                Err(why) => return why,
            }
        }
    }

    /// Takes envelopes in, and tells how far.
    async fn take(&self, envelopes: &[Came], word: &Word, granted: u64) -> Result<u64, Closing> {
        let before = self.ledger.link(&self.peer.id).taken.sequence;
        if before.saturating_add(envelopes.len() as u64) > granted {
            // More than was granted, or what was taken in before once more; the ledger tells.
            let last = envelopes.last().and_then(sequence_of);
            if last.is_none_or(|last| last > granted) {
                return Err(Closing::OverQuota);
            }
        }
        let taken = self.ledger.take_envelopes(&self.peer, envelopes).await;
        let taken = taken.map_err(|why| {
            tracing::warn!(peer = %self.peer.id, %why, "envelopes were not taken in");
            Closing::from(&why)
        })?;
        for (sequence, why) in &taken.set_aside {
            tracing::warn!(
                peer = %self.peer.id, sequence, reason = why.as_str(), "an envelope was set aside"
            );
        }
        let now = (self.clock)();
        let credits = {
            let mut quotas = locked(&self.quotas);
            quotas.took(taken.sequence.saturating_sub(before), now);
            quotas.credits(now)
        };
        let set_aside = taken.set_aside.iter().map(|(sequence, why)| SetAside {
            sequence: *sequence,
            reason: why.as_str().to_owned(),
        });
        word.say(self.told(&taken.position, set_aside.collect(), credits));
        Ok(taken.sequence.saturating_add(credits.into()).max(granted))
    }

    /// Grants more, where the peer has used half of what it had and more has come together; or
    /// where it is owed a word.
    fn grant(&self, word: &Word, granted: u64, owed: bool) -> Result<u64, Closing> {
        let taken = self.ledger.link(&self.peer.id).taken.sequence;
        let left = granted.saturating_sub(taken);
        let credits = locked(&self.quotas).credits((self.clock)());
        if !owed && u64::from(credits) < left.saturating_mul(2).max(1) {
            return Ok(granted);
        }
        let position = self.ledger.position(&self.peer.id).map_err(|why| Closing::from(&why))?;
        word.say(self.told(&position, Vec::new(), credits));
        Ok(taken.saturating_add(credits.into()).max(granted))
    }

    fn told(
        &self,
        position: &SignedPosition,
        set_aside: Vec<SetAside>,
        credits: u32,
    ) -> link::Taken {
        link::Taken {
            position: position.payload.clone(),
            signature: position.signature.clone(),
            key_id: self.ledger.link_key().to_vec(),
            set_aside,
            credits,
        }
    }

    /// The peer tells how far it is.
    async fn settle(&self, taken: link::Taken, limit: &Limit) -> Result<(), Closing> {
        let said = (taken.position.as_slice(), taken.signature.as_slice(), taken.key_id.as_slice());
        let settled = self.ledger.settle_envelopes(&self.peer, said).await.map_err(|why| {
            tracing::warn!(peer = %self.peer.id, %why, "a position was not taken in");
            Closing::from(&why)
        })?;
        for aside in taken.set_aside {
            // A code of the other side: only one that is known is written down.
            let reason = samsyn_domain::link::QuarantinedFor::from_code(&aside.reason);
            let reason = reason.map_or("unknown", |reason| reason.as_str());
            let sequence = aside.sequence;
            tracing::warn!(peer = %self.peer.id, sequence, reason, "the peer set one aside");
        }
        let to = settled.saturating_add(taken.credits.into());
        limit.send_if_modified(|limit| {
            let more = to > *limit;
            *limit = to.max(*limit);
            more
        });
        Ok(())
    }
}

/// Tells the peer how far its envelopes were taken in, where there is something to tell.
async fn say(out: &mpsc::Sender<Frame>, word: &Word) -> Result<(), Closing> {
    match word.take() {
        None => Ok(()),
        Some(taken) => out.send(frame(Kind::Taken(taken))).await.map_err(|_| Closing::Broken),
    }
}

pub(crate) fn came(envelope: link::Envelope) -> Came {
    Came {
        header: envelope.header.into(),
        signature: envelope.signature.into(),
        key: envelope.key_id.into(),
        payload: envelope.payload.into(),
        salt: envelope.salt.into(),
    }
}

fn sequence_of(came: &Came) -> Option<u64> {
    let (header, _) = samsyn_domain::link::Header::decode(&came.header).ok()?;
    Some(header.sequence)
}

pub(crate) const fn frame(kind: Kind) -> Frame {
    Frame { kind: Some(kind) }
}

/// Nobody takes what is sent any more: a last word that is on its way is heard first.
pub(crate) async fn lost() -> Closing {
    sleep(LOOK).await;
    Closing::Broken
}

/// Waits until it is told that the session is over.
async fn ended(over: &mut watch::Receiver<Option<Closing>>) -> Closing {
    match over.wait_for(Option::is_some).await {
        Ok(why) => why.unwrap_or(Closing::Draining),
        Err(_) => Closing::Draining,
    }
}

/// Waits until something on the link changed, or may be due for it, or much happened at once.
pub(crate) async fn concerns(
    events: &mut broadcast::Receiver<Happened>,
    (ledger, peer): (&Ledger, &DomainId),
) {
    loop {
        match events.recv().await {
            Ok(happened) => match &happened.event {
                Event::Linked(with) if with == peer => return,
                // What the peer may have of an own picture may be another by now.
                Event::Revised { area, .. } if ledger.concerns_link(peer, area) => return,
                Event::Edition(id) if ledger.edition_concerns_link(peer, id) => return,
                Event::Epoch(_) => return,
                Event::Revised { .. }
                | Event::Linked(_)
                | Event::Edition(_)
                | Event::Suspended(_)
                | Event::Advanced(_)
                | Event::Inboxed(_)
                | Event::Receipt(_)
                | Event::Received(_) => {}
            },
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}
