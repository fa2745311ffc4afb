//! The two doors: `Permit` in, `View` out. Nobody outside this crate can make either.

use std::fmt;

use samsyn_domain::{Caller, Timestamp, disclosure::Disclosure};

/// A command that policy allowed.
#[must_use]
pub struct Permit<T> {
    command: T,
    caller: Caller,
    epoch: u64,
    valid_until: Timestamp,
}

impl<T> fmt::Debug for Permit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "permit for {} under epoch {}", self.caller.service(), self.epoch)
    }
}

impl<T> Permit<T> {
    pub(crate) const fn grant(
        command: T,
        caller: Caller,
        epoch: u64,
        valid_until: Timestamp,
    ) -> Self {
        Self { command, caller, epoch, valid_until }
    }

    /// What is allowed.
    pub const fn command(&self) -> &T {
        &self.command
    }

    /// To whom.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Under which epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Until when.
    pub const fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// Takes it apart, for the log.
    pub fn into_command(self) -> T {
        self.command
    }
}

/// What a caller may see, not yet recorded. Its content cannot be read from outside.
#[must_use]
pub struct Projection<T> {
    content: T,
    disclosures: Vec<Disclosure>,
}

impl<T> fmt::Debug for Projection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "projection with {} disclosures to record", self.disclosures.len())
    }
}

impl<T> Projection<T> {
    pub(crate) const fn new(content: T, disclosures: Vec<Disclosure>) -> Self {
        Self { content, disclosures }
    }

    /// What must be recorded first.
    pub fn disclosures(&self) -> &[Disclosure] {
        &self.disclosures
    }
}

/// Where a disclosure was recorded: its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt(pub u64);

/// The right to turn projections into views. Made once with the policy, owned by the ledger.
#[derive(Debug)]
pub struct Recorder {
    _private: (),
}

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self { _private: () }
    }

    /// Opens a projection whose disclosures are committed.
    pub fn release<T>(&self, projection: Projection<T>, receipt: Receipt) -> View<T> {
        View { content: projection.content, receipt }
    }
}

/// Content that may leave, its disclosure recorded.
#[must_use]
pub struct View<T> {
    content: T,
    receipt: Receipt,
}

impl<T> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "view under {:?}", self.receipt)
    }
}

impl<T> View<T> {
    /// The content.
    pub const fn content(&self) -> &T {
        &self.content
    }

    /// The record of its disclosure.
    pub const fn receipt(&self) -> Receipt {
        self.receipt
    }
}
