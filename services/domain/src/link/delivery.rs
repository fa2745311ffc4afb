//! Views of joint pictures that are delivered over a link.
//!
//! The home of an area delivers what an organisation at home in the peer may see of it, as its
//! registry says. What goes are the events of that view, in their order, in steps; whoever receives
//! them has the same findings, in the same bytes, as a system of that organisation that reads at
//! the home itself.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{
    AreaId, DomainId, PartyId, Period, PeriodKind, RowId, Sealed, Timestamp, disclosure::Ground,
    message::codes,
};

/// In how many pieces a step of a delivery may come.
pub const STEP_PIECES_MAX: u32 = 16;
/// How many events a step brings at most.
pub const STEP_EVENTS_MAX: usize = 2_000;
/// How many deliveries of one peer a domain takes at most.
pub const DELIVERIES_MAX: usize = 64;
/// How many findings of one delivery a domain keeps at most.
pub const FINDINGS_MAX: usize = 20_000;
/// How many bytes they may be together, under seal.
pub const FINDINGS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Of how many that have gone it is known at most that they have.
pub const GONE_MAX: usize = 3 * FINDINGS_MAX;
/// For how long a piece of a step waits for the last one at most, in seconds: seven days.
pub const STEP_PIECE_SECONDS: i64 = 7 * 86_400;
/// For how long it is known that a finding has gone, in seconds: as long as cursors hold.
pub const GONE_SECONDS: i64 = 400 * 86_400;

/// A delivery with the peer that it goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryRef {
    /// The peer.
    pub peer: DomainId,
    /// Its id, as the domain that delivers has registered it.
    pub id: RowId,
}

/// What crosses: a piece of a step of a delivery.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Of which delivery.
    pub delivery: RowId,
    /// Which step, from 1.
    pub step: u64,
    /// Which piece of it, from 0. A step takes effect with its last one.
    pub piece: u32,
    /// No piece follows.
    pub last: bool,
    /// For whom, and what the step does; the same in each piece.
    pub terms: StepTerms,
    /// What it brings: the bytes of a `samsyn.v1.ListEventsResponse`, cut where a piece ends.
    pub events: Vec<u8>,
}

impl fmt::Debug for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivery, step, piece, .. } = self;
        write!(f, "piece {piece} of step {step} of {delivery}")
    }
}

/// For whom a step of a delivery is, and what it does beside what it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTerms {
    /// For which parties of the organisation that the header names; none: for itself.
    pub parties: BTreeSet<PartyId>,
    /// Of which areas.
    pub areas: BTreeSet<AreaId>,
    /// In which kinds of period; of others nothing is shown.
    pub periods: BTreeSet<PeriodKind>,
    /// On what ground it is given; whoever reads it there reads on the same.
    pub ground: Ground,
    /// What was received before is to go.
    pub begins: bool,
    /// With it all of the view has come.
    pub whole: bool,
    /// There is no right to it any more: all of it is to go.
    pub ended: bool,
}

/// How a delivery to a peer stands. Absent is as [`Outlet::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlet {
    /// Which delivery, to whom.
    pub of: DeliveryRef,
    /// One more with each change of this: what was made for an earlier turn is stale.
    pub turn: u64,
    /// The last step that was numbered.
    pub step: u64,
    /// For whom that was; a right that has ended is ended in its name.
    pub receiver: Option<Arc<Receiver>>,
    /// From where the view goes on: a token of this domain; empty: from its beginning.
    pub cursor: Arc<str>,
    /// The last step said that there is no right to it.
    pub ended: bool,
}

impl Outlet {
    /// Of a delivery of which nothing has gone.
    #[must_use]
    pub fn new(of: DeliveryRef) -> Self {
        Self { of, turn: 0, step: 0, receiver: None, cursor: "".into(), ended: false }
    }

    /// Whether the peer has something of it, or may have.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.step > 0 && !self.ended
    }
}

/// For whom a delivery is, of what and on what ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The number of the organisation.
    pub orgnr: Arc<str>,
    /// For which of its parties; none: for itself.
    pub parties: BTreeSet<PartyId>,
    /// Of which areas.
    pub areas: BTreeSet<AreaId>,
    /// In which kinds of period; of others nothing is shown.
    pub periods: BTreeSet<PeriodKind>,
    /// On what ground it is given; whoever reads it there reads on the same.
    pub ground: Ground,
}

codes! {
    /// How far a view of a peer has come. New ones are added at the end: numbers are stored.
    Phase {
        /// It is on its way: nothing is shown of it.
        Coming = "coming",
        /// It is whole.
        Whole = "whole",
        /// Something of it could not be read, or is missing: it must begin anew.
        Broken = "broken",
        /// It is more than is kept.
        TooLarge = "too_large",
    }
}

/// A view of a peer, as it has come so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Which delivery, from whom.
    pub of: DeliveryRef,
    /// For whom.
    pub receiver: Receiver,
    /// The last step that was taken in.
    pub step: u64,
    /// How far it has come.
    pub phase: Phase,
    /// Counts what has come and gone: each finding has the number of its last change.
    pub number: u64,
    /// From which number on it is this view: before that it was another one, or began otherwise.
    pub begun: u64,
    /// Up to which of them it is not known any more what has gone.
    pub forgotten: u64,
    /// When the last step was taken in.
    pub at: Timestamp,
}

/// Which finding: its id is one in an area and a period.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FindingRef {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// Its id, as the home gives it.
    pub id: Arc<str>,
}

/// A finding of a view of a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedFinding {
    /// Of which delivery.
    pub of: DeliveryRef,
    /// Which.
    pub key: FindingRef,
    /// When it was changed last, as the delivery counts here.
    pub number: u64,
    /// The revision of the view at its home with which it came.
    pub revision: u64,
    /// When that was recorded there.
    pub recorded_at: Timestamp,
    /// What it says, under seal: the bytes of a `samsyn.v1.Finding`; none: it is gone.
    pub content: Option<Sealed>,
    /// Until when it may be kept, where anything of it says so.
    pub until: Option<Timestamp>,
    /// When it came or went.
    pub at: Timestamp,
}

/// A piece of a step that waits for the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepPiece {
    /// Of which delivery.
    pub of: DeliveryRef,
    /// Of which step.
    pub step: u64,
    /// Which piece, from 0.
    pub number: u32,
    /// Since when it waits.
    pub at: Timestamp,
    /// Its bytes, under seal.
    pub events: Sealed,
}
