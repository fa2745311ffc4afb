//! Records of disclosures, committed before the first byte leaves. What several readers wait for at
//! once becomes one entry: one place in the log, and one write on each disk.

use std::sync::{Arc, Weak};

use samsyn_domain::{
    command::{Command, Disclose, Reply},
    disclosure::Disclosure,
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tracing::{Instrument as _, Span};

use crate::{Error, Ledger, handle::Inner};

/// So many records are one entry at most, unless one read alone has more.
const RECORDS_MAX: usize = 256;
/// So many entries of records are under way at a time; what comes meanwhile gathers for the next.
const UNDER_WAY_MAX: usize = 2;
/// So many reads wait for an entry at most.
const WAITING_MAX: usize = 4096;

/// What one read discloses, made under an epoch, and who waits for its record.
#[derive(Debug)]
pub(crate) struct Ask {
    epoch: u64,
    disclosures: Vec<Disclosure>,
    answer: oneshot::Sender<Result<Reply, Error>>,
    span: Span,
}

/// Where reads ask for their records.
#[derive(Debug)]
pub(crate) struct Recording(mpsc::Sender<Ask>);

impl Recording {
    /// With what [`run`] takes in.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (asks, asked) = mpsc::channel(WAITING_MAX);
        (Self(asks), asked)
    }

    /// Records what a read discloses; the answer is as if it were an entry of its own.
    ///
    /// # Errors
    /// As ordering a change of the domain itself.
    pub(crate) async fn record(
        &self,
        epoch: u64,
        disclosures: Vec<Disclosure>,
    ) -> Result<Reply, Error> {
        let (answer, answered) = oneshot::channel();
        let ask = Ask { epoch, disclosures, answer, span: Span::current() };
        self.0.try_send(ask).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        answered.await.unwrap_or(Err(Error::OutcomeUnknown))
    }
}

/// Orders what is asked for, until nobody can ask any more.
pub(crate) async fn run(ledger: Weak<Inner>, mut asks: mpsc::Receiver<Ask>) {
    let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(ask) => Some(ask),
            None => asks.recv().await,
        };
        let (Some(first), Ok(place)) = (first, Arc::clone(&room).acquire_owned().await) else {
            return;
        };
        let mut batch = Batch::of(first);
        while let Ok(ask) = asks.try_recv() {
            if !batch.takes(&ask) {
                next = Some(ask);
                break;
            }
            batch.add(ask);
        }
        let Some(inner) = ledger.upgrade() else { return };
        tokio::spawn(async move {
            batch.order(&Ledger { inner }).await;
            drop(place);
        });
    }
}

/// Records that become one entry.
struct Batch {
    epoch: u64,
    disclosures: Vec<Disclosure>,
    /// Who waits, and how many records are before its own.
    waiting: Vec<(u64, oneshot::Sender<Result<Reply, Error>>)>,
    /// The span of the first: the entry is one thing, and stands in one trace.
    span: Span,
}

impl Batch {
    fn of(first: Ask) -> Self {
        let (epoch, span) = (first.epoch, first.span.clone());
        let mut this = Self { epoch, disclosures: Vec::new(), waiting: Vec::new(), span };
        this.add(first);
        this
    }

    fn takes(&self, ask: &Ask) -> bool {
        self.epoch == ask.epoch && self.disclosures.len() + ask.disclosures.len() <= RECORDS_MAX
    }

    fn add(&mut self, ask: Ask) {
        let before = u64::try_from(self.disclosures.len()).unwrap_or(u64::MAX);
        self.disclosures.extend(ask.disclosures);
        self.waiting.push((before, ask.answer));
    }

    async fn order(self, ledger: &Ledger) {
        let Self { epoch, disclosures, waiting, span } = self;
        let record = Command::Disclose(Disclose { disclosures, advances: Vec::new() });
        let outcome = ledger.own_under(epoch, record).instrument(span).await;
        for (before, answer) in waiting {
            let own = match &outcome {
                Ok(Reply::Recorded { first }) => Ok(Reply::Recorded { first: first + before }),
                Ok(reply) => Ok(reply.clone()),
                Err(error) => Err(error.clone()),
            };
            // Whoever read may have given up; that it was recorded stands.
            answer.send(own).ok();
        }
    }
}
