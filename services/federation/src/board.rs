//! What this node knows of its links beside what the ledger knows: who is there, how far its clock
//! is, what went wrong last. Nothing of it outlives the process.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use samsyn_domain::{DomainId, Timestamp};

use crate::{Closing, links::locked};

/// A session as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Since when.
    pub since: Timestamp,
    /// The feature level that the peer knows.
    pub level: u32,
    /// How far the peer's clock is from ours, in milliseconds.
    pub clock_millis: i64,
    /// Until when the certificate of the peer is good.
    pub certificate_until: Timestamp,
}

/// How a link is, as this node knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// The session; none where there is none.
    pub session: Option<Connection>,
    /// Why the last session or try ended, since a session was last open.
    pub fault: Option<Closing>,
    /// When the next try is due.
    pub next_try: Option<Timestamp>,
}

/// The links of a node; clones are the same board.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<BTreeMap<DomainId, Standing>>>);

impl Board {
    fn all(&self) -> MutexGuard<'_, BTreeMap<DomainId, Standing>> {
        locked(&self.0)
    }

    pub(crate) fn of(&self, peer: &DomainId) -> Standing {
        self.all().get(peer).copied().unwrap_or_default()
    }

    pub(crate) fn opened(&self, peer: &DomainId, connection: Connection) {
        let standing = Standing { session: Some(connection), fault: None, next_try: None };
        self.all().insert(peer.clone(), standing);
    }

    pub(crate) fn clock(&self, peer: &DomainId, millis: i64) {
        if let Some(session) =
            self.all().get_mut(peer).and_then(|standing| standing.session.as_mut())
        {
            session.clock_millis = millis;
        }
    }

    pub(crate) fn ended(&self, peer: &DomainId, why: Closing) {
        let mut all = self.all();
        let standing = all.entry(peer.clone()).or_default();
        standing.session = None;
        standing.fault = Some(why);
    }

    pub(crate) fn next_try(&self, peer: &DomainId, at: Option<Timestamp>) {
        self.all().entry(peer.clone()).or_default().next_try = at;
    }
}
