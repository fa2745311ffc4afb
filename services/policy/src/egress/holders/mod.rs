//! Who had one observation, and who has confirmed that it is gone.
//!
//! A record of a disclosure names a view and a revision, not the observations in it. So whoever may
//! have been shown it is named: what is told is more than what was, never less.

mod addressed;
mod followed;
mod gathered;
#[cfg(test)]
mod tests;

use samsyn_domain::{
    AreaId, DomainId, EditionId, ObservationId, OrganisationId, PartyId, ServiceId, Timestamp,
    disclosure::Object,
};

use self::gathered::Gathered;
use super::Egress;
use crate::{Denial, Projection, Why};

/// One observation, point or assessment of an own picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservationRef {
    /// Whose.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// Which.
    pub observation: ObservationId,
}

/// On which way something came to who may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By a call, which confirms nothing.
    Call,
    /// By stream or polling.
    Followed,
    /// In an edition, which stays as it was locked.
    Edition,
    /// As a view that is delivered over a link.
    Delivery,
    /// As a contribution to the home of its area.
    Contribution,
    /// From the home of its area back, as a view that it delivers.
    Returned,
}

impl Way {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Followed => "followed",
            Self::Edition => "edition",
            Self::Delivery => "delivery",
            Self::Contribution => "contribution",
            Self::Returned => "returned",
        }
    }
}

/// Whether it is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It may be seen now.
    Has,
    /// It has gone, and nobody has said so.
    Unconfirmed,
    /// It has gone, and its receiver said so then.
    Confirmed(Timestamp),
}

impl Held {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Has => "has",
            Self::Unconfirmed => "removal_unconfirmed",
            Self::Confirmed(_) => "removal_confirmed",
        }
    }
}

/// Who may have had it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Whether it is still there.
    pub held: Held,
    /// Which organisation; of a contribution, the other domain.
    pub receiver: OrganisationId,
    /// Through which service.
    pub service: ServiceId,
    /// The other domain, where it left over a link.
    pub peer: Option<DomainId>,
    /// On which way.
    pub way: Way,
    /// In which edition.
    pub edition: Option<EditionId>,
    /// When it may have been disclosed first.
    pub first_at: Timestamp,
    /// And last.
    pub last_at: Timestamp,
    /// Nothing that it was given stood at a moment at which it was there.
    pub in_passing: bool,
}

/// All who may have had an observation: who may have it still first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderList {
    /// When it went from its party's own picture; none while it is there.
    pub gone_at: Option<Timestamp>,
    /// Who.
    pub holders: Vec<Holder>,
}

impl Egress<'_> {
    /// Who may have had an observation, and who has confirmed that it is gone: for those who speak
    /// for its party, and for who oversees. Those who speak for it are not among them.
    ///
    /// # Errors
    /// When there never was such an observation, or the reader may not know of it.
    pub fn holders(
        &self,
        overseer: bool,
        of: &ObservationRef,
        now: Timestamp,
    ) -> Result<Projection<HolderList>, Denial> {
        let missing = || Denial::of(Why::NotFound).at("observation_id");
        if !overseer && !self.reader.parties().contains(&of.party) {
            return Err(missing());
        }
        let index = self.state.area(&of.area).ok_or_else(missing)?;
        let last = index.stages(&of.party, &of.observation).last().ok_or_else(missing)?;
        let gone = index.revised_by(last.revision).filter(|_| last.observation.is_none());
        let mut gathered = Gathered::new(self.state, index, of);
        for record in self.state.evidence().disclosures() {
            gathered.take(record);
        }
        let mut holders = gathered.holders(now);
        holders.sort_by(|a, b| {
            let key = |one: &Holder| (one.held, one.way);
            let (a_key, b_key) = (key(a), key(b));
            (a_key, &a.receiver, &a.service).cmp(&(b_key, &b.receiver, &b.service))
        });
        let rights = self.reader.rights(self.state.registry(), None, true);
        let shown = format!("holders {of:?} {holders:?}");
        let rows = holders.len();
        let record = self.disclosure(&rights, Object::Disclosures, 0, rows, shown.as_bytes());
        let list = HolderList { gone_at: gone.map(|row| row.at), holders };
        Ok(Projection::new(list, vec![record]))
    }
}
