//! Inboxes by stream and by poll: the same messages, in the order of their numbers.

use std::time::Duration;

use samsyn_domain::{Caller, row::Event};
use samsyn_policy::{InboxView, View};
use samsyn_proto::inbound::MailboxAsked;

use crate::{Ledger, Rejection, trace::Woken, wake::Wake};

/// An inbox that is followed from a number on.
#[derive(Debug)]
pub struct Inbox {
    ledger: Ledger,
    caller: Caller,
    of: MailboxAsked,
    /// The number of the last message that was given.
    after: u64,
    wake: Wake,
}

impl Ledger {
    /// Follows an inbox after a number.
    ///
    /// # Errors
    /// When the caller does not speak for the function.
    pub fn inbox(&self, caller: &Caller, of: MailboxAsked, after: u64) -> Result<Inbox, Rejection> {
        // Listened to before it is looked at: nothing falls between.
        let wake = Wake::by(self.events());
        let caller = caller.clone();
        let inbox = Inbox { ledger: self.clone(), caller, of, after, wake };
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
        self.wake.catch_up(|event| concerns(&self.of, event));
        let Self { ledger, caller, of, after, .. } = self;
        let after = *after;
        let shown = ledger.mail(caller, of, |mailbox| Ok(mailbox.inbox(after, limit))).await?;
        match shown.as_ref().and_then(|view| view.content().lines.last()) {
            Some(last) => self.after = last.number,
            // It woke for what came to nothing here.
            None => drop(self.wake.take()),
        }
        Ok(shown)
    }

    /// What woke it for what it has just given.
    pub fn woken(&mut self) -> Woken {
        self.wake.take()
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
        self.wake.wait(longest, |event| concerns(&self.of, event)).await;
    }
}

/// Whether something may be new, or no longer be given, after it.
fn concerns(of: &MailboxAsked, event: &Event) -> bool {
    match event {
        Event::Inboxed(function) => *function == of.function,
        Event::Epoch(_) | Event::Suspended(_) => true,
        Event::Revised { .. }
        | Event::Edition(_)
        | Event::Advanced(_)
        | Event::Receipt(_)
        | Event::Linked(_)
        | Event::Received(_) => false,
    }
}
