//! A party answers an edition that another domain delivers: the answer goes there.

use std::sync::Arc;

use super::{Decided, Moment, Reply};
use crate::{
    Reason, Refusal, RowId,
    edition::Answer,
    link::{DeliveryRef, GivenAnswer, GivenRef, Item, QUEUE_MAX},
    message::Precedence,
    row::{EditionRow, Row},
    state::Outbox,
};

/// An answer to an edition of a peer; its signature was verified at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GiveAnswer {
    /// Whose, to which edition.
    pub of: GivenRef,
    /// Which delivery brought it.
    pub delivery: RowId,
    /// The round that was reviewed.
    pub round: u32,
    /// The answer.
    pub answer: Answer,
}

impl GiveAnswer {
    /// Which delivery brought the edition.
    #[must_use]
    pub fn came_with(&self) -> DeliveryRef {
        DeliveryRef { peer: self.of.peer.clone(), id: self.delivery.clone() }
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let Self { of, round, answer, .. } = self;
        let editions = moment.state.delivered_editions();
        if editions.one(&self.came_with(), &of.edition).is_none() {
            return Err(Refusal::at(Reason::NotFound, "edition_id"));
        }
        // One that was not taken there, or for an earlier round, can be given anew.
        let stands = |given: &&Arc<GivenAnswer>| {
            let is_refused = given.told.as_ref().is_some_and(|told| told.refused.is_some());
            given.round == *round && !is_refused
        };
        if editions.given(of).is_some_and(|given| stands(&given)) {
            return Err(Refusal::at(Reason::AlreadyAnswered, "answer.party"));
        }
        let mut outbox = Outbox::new(moment.state, moment.at);
        if outbox.waiting(&of.peer) >= QUEUE_MAX {
            return Err(Refusal::of(Reason::LinkFull));
        }
        let answer = Answer { at: moment.at, ..answer.clone() };
        let given =
            GivenAnswer { of: of.clone(), round: *round, answer, envelope: None, told: None };
        let GivenRef { peer, edition, party, role } = of.clone();
        let item = Item::EditionAnswer { edition, party, role };
        outbox.put(&peer, Precedence::Immediate, None, item);
        let mut rows = vec![Row::LinkedEdition(EditionRow::Given(given.into()))];
        rows.extend(outbox.into_rows());
        let reply = Reply::Edition { id: of.edition.clone(), round: *round };
        Ok(Decided::new(reply, rows))
    }
}
