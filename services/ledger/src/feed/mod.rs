//! Streams and polls: the same events of a view, in the same order, under the same cursors. A view
//! is made here, or another domain delivers it.

mod home;
mod received;

use std::time::Duration;

use samsyn_domain::{
    Caller, State,
    command::{Acknowledge, Command},
    disclosure::Ground,
};
use samsyn_policy::{EventBatch, Reader, Scope, View};
use samsyn_proto::inbound::Context;

pub(crate) use home::{Follower, HomeFeed};
use received::ReceivedFeed;

use crate::{Error, Ledger, Rejection, cursor::Subscription, trace::Woken};

/// A subscription that is being served.
#[derive(Debug)]
pub struct Feed(Of);

#[derive(Debug)]
enum Of {
    Home(Box<HomeFeed>),
    Received(Box<ReceivedFeed>),
}

impl Ledger {
    /// Opens a subscription: from a cursor, or with a snapshot first.
    ///
    /// # Errors
    /// When the scope is wider than the caller's rights, the cursor does not hold, or this node
    /// does not come as far in time.
    pub async fn subscribe(
        &self,
        caller: &Caller,
        ground: Ground,
        asked: Scope,
        cursor: &str,
    ) -> Result<Feed, Rejection> {
        let reader = self.reader(caller, ground.clone())?;
        if let Some(received) = self.received_in(&reader, &asked)? {
            let feed = ReceivedFeed::open(self, caller, ground, asked, (&received, cursor))?;
            return Ok(Feed(Of::Received(feed.into())));
        }
        let follower = Follower::Caller(caller.clone(), ground);
        let feed = self.follow(follower, asked, cursor).await?;
        Ok(Feed(Of::Home(feed.into())))
    }

    /// Records that a service has stored all up to a cursor.
    ///
    /// # Errors
    /// When the cursor does not hold, this node does not come as far in time, or the record cannot
    /// be committed.
    pub async fn acknowledge(
        &self,
        caller: &Caller,
        context: &Context,
        cursor: &str,
    ) -> Result<(), Rejection> {
        let now = (self.inner.clock)();
        // Of the same receiver: rights of the time when the cursor was made may have ended since.
        let receiver = self.read(|state| Reader::view_rights(state, now, caller))?.organisation;
        let stored = Subscription::of_token(&receiver, &self.inner.keys, cursor);
        let (Subscription { class, .. }, cursor) = stored.ok_or(Rejection::CursorInvalid)?;
        if !self.has_received(&class, &cursor) {
            self.reach_cursor(&class, &cursor).await?;
            if !self.read(|state| cursor.is_of(state, &class)) {
                return Err(Rejection::CursorInvalid);
            }
        }
        // Inside a snapshot nothing of its revision is whole yet.
        let revision = if cursor.snapshot { 0 } else { cursor.revision };
        let command = Acknowledge { class, revision };
        let body = self.body("acknowledge", Command::Acknowledge(command.clone()))?;
        let make = |_: &State| Ok(Command::Acknowledge(command.clone()));
        self.propose(caller, context, &body, make).await.map(drop)
    }
}

impl Feed {
    /// The next events, at most so many; none when there is nothing new. What is shown is recorded
    /// before it is given, and only then does the subscription move on.
    ///
    /// # Errors
    /// When the caller's rights ended, or the record cannot be committed.
    pub async fn next(&mut self, limit: usize) -> Result<Option<View<EventBatch>>, Rejection> {
        match &mut self.0 {
            Of::Home(feed) => feed.next(limit).await,
            Of::Received(feed) => feed.next(limit).await,
        }
    }

    /// What woke the subscription for what it has just given.
    pub fn woken(&mut self) -> Woken {
        match &mut self.0 {
            Of::Home(feed) => feed.woken(),
            Of::Received(feed) => feed.woken(),
        }
    }

    /// The epoch in force. What was made under another may no longer be given.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        match &self.0 {
            Of::Home(feed) => feed.epoch(),
            Of::Received(feed) => feed.epoch(),
        }
    }

    /// The caller has the rights with which the subscription was opened: asked before what has
    /// waited is sent.
    ///
    /// # Errors
    /// When its rights ended or changed.
    pub fn holds(&self) -> Result<(), Rejection> {
        match &self.0 {
            Of::Home(feed) => feed.holds(),
            Of::Received(feed) => feed.holds(),
        }
    }

    /// Waits until something may be new, or so long.
    pub async fn wait(&mut self, longest: Duration) {
        match &mut self.0 {
            Of::Home(feed) => feed.wait(longest).await,
            Of::Received(feed) => feed.wait(longest).await,
        }
    }

    /// Passes over the snapshot, for who reads the picture itself; gives where to go on from.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub(crate) fn after_snapshot(&mut self) -> Result<String, Error> {
        match &mut self.0 {
            Of::Home(feed) => feed.after_snapshot(),
            Of::Received(feed) => feed.after_snapshot(),
        }
    }

    /// Where to go on from.
    ///
    /// # Errors
    /// When the token cannot be sealed.
    pub fn cursor(&self) -> Result<String, Error> {
        match &self.0 {
            Of::Home(feed) => feed.cursor(),
            Of::Received(feed) => feed.cursor(),
        }
    }
}
