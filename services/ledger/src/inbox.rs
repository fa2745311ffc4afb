//! Inboxes by stream and by poll: the same messages, in the order of their numbers.

use std::time::Duration;

use samsyn_domain::{Caller, row::Event};
use samsyn_policy::{InboxView, View};
use samsyn_proto::inbound::MailboxAsked;
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    time::timeout,
};

use crate::{
    Ledger, Rejection,
    trace::{Happened, Woken},
};

/// An inbox that is followed from a number on.
#[derive(Debug)]
pub struct Inbox {
    ledger: Ledger,
    caller: Caller,
    of: MailboxAsked,
    /// The number of the last message that was given.
    after: u64,
    events: broadcast::Receiver<Happened>,
    woken: Woken,
}

impl Ledger {
    /// Follows an inbox after a number.
    ///
    /// # Errors
    /// When the caller does not speak for the function.
    pub fn inbox(&self, caller: &Caller, of: MailboxAsked, after: u64) -> Result<Inbox, Rejection> {
        // Listened to before it is looked at: nothing falls between.
        let events = self.events();
        let caller = caller.clone();
        let inbox =
            Inbox { ledger: self.clone(), caller, of, after, events, woken: Woken::default() };
        inbox.holds()?;
        Ok(inbox)
    }
}

impl Inbox {
    /// The next messages, at most so many; none when there is nothing new. What is shown is
    /// recorded before it is given.
    ///
    /// # Errors
    /// When the caller no longer speaks for the function, or the record cannot be committed.
    pub async fn next(&mut self, limit: usize) -> Result<Option<View<InboxView>>, Rejection> {
        self.catch_up();
        let Self { ledger, caller, of, after, .. } = self;
        let after = *after;
        let shown = ledger.mail(caller, of, |mailbox| Ok(mailbox.inbox(after, limit))).await?;
        match shown.as_ref().and_then(|view| view.content().lines.last()) {
            Some(last) => self.after = last.number,
            // It woke for what came to nothing here.
            None => self.woken = Woken::default(),
        }
        Ok(shown)
    }

    /// What woke it for what it has just given.
    pub fn woken(&mut self) -> Woken {
        std::mem::take(&mut self.woken)
    }

    /// The epoch in force. What was made under another may no longer be given.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.ledger.epoch()
    }

    /// The caller speaks for the function: asked before what has waited is sent.
    ///
    /// # Errors
    /// When it does not.
    pub fn holds(&self) -> Result<(), Rejection> {
        self.ledger.speaks_for(&self.caller, &self.of)
    }

    /// Waits until something may be new, or so long.
    pub async fn wait(&mut self, longest: Duration) {
        let relevant = async {
            loop {
                match self.events.recv().await {
                    Ok(happened) if self.concerns(&happened.event) => {
                        return self.woken.by(&happened);
                    }
                    Err(RecvError::Lagged(_)) => return,
                    Ok(_) => {}
                    Err(RecvError::Closed) => std::future::pending::<()>().await,
                }
            }
        };
        // Either way it is looked at again.
        let _ = timeout(longest, relevant).await;
    }

    /// Whether something may be new, or no longer be given, after it.
    fn concerns(&self, event: &Event) -> bool {
        match event {
            Event::Inboxed(function) => *function == self.of.function,
            Event::Epoch(_) | Event::Suspended(_) => true,
            Event::Revised { .. }
            | Event::Edition(_)
            | Event::Advanced(_)
            | Event::Receipt(_)
            | Event::Linked(_)
            | Event::Received(_) => false,
        }
    }

    /// Takes in what has happened by now: what comes next shows all of it.
    fn catch_up(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(happened) if self.concerns(&happened.event) => self.woken.by(&happened),
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }
}
