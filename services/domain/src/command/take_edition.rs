//! An edition that a peer delivers takes the place of what came before; and answers to editions
//! cross back.

use std::sync::Arc;

use super::{AnswerEdition, Moment, take_contribution::said};
use crate::{
    AreaId, EditionId, Period, RowId, Sealed, Timestamp,
    edition::Edition,
    link::{
        AnswerTold, DeliveryRef, EDITIONS_MAX, EditionPiece, EditionRef, GivenAnswer, GivenRef,
        GivenTold, Received, ReceivedEdition,
    },
    row::{EditionRow, Row},
};

/// What the last piece of an edition brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtEdition {
    /// Of which delivery.
    pub delivery: RowId,
    /// Which edition.
    pub edition: EditionId,
    /// How many pieces came before the last one.
    pub pieces: u32,
    /// The number of the organisation that it is for.
    pub orgnr: Arc<str>,
    /// What it is now; none: there is no right to it any more.
    pub content: Option<EditionContent>,
}

/// What an edition is, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionContent {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// It is released.
    pub released: bool,
    /// How many findings it shows.
    pub findings: u32,
    /// How many leaves rebuild its content root.
    pub openings: u32,
    /// Header, content and proof, under seal.
    pub content: Sealed,
    /// All that rebuilds the content root, under seal.
    pub review: Option<Sealed>,
}

/// A piece waits for the last one of its edition. One of another edition than those that waited,
/// or the first anew, takes their place. What is of no view that came waits not.
pub(super) fn put_down(moment: Moment<'_>, piece: &EditionPiece, rows: &mut Vec<Row>) {
    let of = &piece.of.of;
    if moment.state.deliveries().received(of).is_none() {
        return;
    }
    let before = moment.state.delivered_editions().pieces(of);
    let stale = before.filter(|one| piece.number == 0 || one.of != piece.of);
    rows.extend(stale.map(|one| Row::LinkedEdition(EditionRow::PieceGone(of.clone(), one.number))));
    rows.push(Row::LinkedEdition(EditionRow::Piece(piece.clone().into())));
}

/// An edition takes the place of what came before. One of a view that has not begun here, or for
/// others than that, is not kept: with the view it comes anew. False: it was made of other pieces
/// than those that wait.
pub(super) fn take(
    moment: Moment<'_>,
    of: &DeliveryRef,
    brought: &BroughtEdition,
    rows: &mut Vec<Row>,
) -> bool {
    let editions = moment.state.delivered_editions();
    let id = EditionRef { of: of.clone(), edition: brought.edition.clone() };
    let waiting = editions.pieces(of).filter(|piece| piece.of == id).count();
    if waiting as u64 != u64::from(brought.pieces) {
        return false;
    }
    rows.extend(
        editions
            .pieces(of)
            .map(|one| Row::LinkedEdition(EditionRow::PieceGone(of.clone(), one.number))),
    );
    let fits = |received: &&Arc<Received>| {
        let Received { receiver, .. } = &***received;
        let area = brought.content.as_ref().map(|content| &content.area);
        receiver.orgnr == brought.orgnr && area.is_none_or(|area| receiver.areas.contains(area))
    };
    let received = moment.state.deliveries().received(of).filter(fits);
    let before = editions.one(of, &brought.edition);
    let Some((received, content)) = received.zip(brought.content.clone()) else {
        rows.extend(before.map(|_| Row::LinkedEdition(EditionRow::Forgotten(id))));
        return true;
    };
    if before.is_none() && editions.received(of).count() >= EDITIONS_MAX {
        let oldest = editions.received(of).min_by_key(|one| (one.opened_at, &one.of));
        let Some(oldest) = oldest.filter(|oldest| oldest.opened_at <= content.opened_at) else {
            return true;
        };
        rows.push(Row::LinkedEdition(EditionRow::Forgotten(oldest.of.clone())));
    }
    let number = received.number.saturating_add(1);
    let EditionContent { area, period, opened_at, released, findings, openings, .. } = content;
    let (content, review) = (content.content, content.review);
    rows.push(Row::LinkedEdition(EditionRow::Received(Arc::new(ReceivedEdition {
        of: id,
        number,
        area,
        period,
        opened_at,
        released,
        findings,
        openings,
        content,
        review,
        at: moment.at,
    }))));
    let received = Received { number, at: moment.at, ..Received::clone(received) };
    rows.push(Row::Received(received.into()));
    true
}

/// All editions of a view that came go, with what waits of them.
pub(super) fn let_go<'a>(
    moment: Moment<'a>,
    of: &'a DeliveryRef,
) -> impl Iterator<Item = Row> + use<'a> {
    let editions = moment.state.delivered_editions();
    let pieces = editions.pieces(of);
    let pieces =
        pieces.map(|piece| Row::LinkedEdition(EditionRow::PieceGone(of.clone(), piece.number)));
    pieces.chain(
        editions.received(of).map(|one| Row::LinkedEdition(EditionRow::Forgotten(one.of.clone()))),
    )
}

/// One edition of a view that came goes: what came of it last cannot be taken.
pub(super) fn refuse(
    moment: Moment<'_>,
    of: &DeliveryRef,
    edition: &EditionId,
    rows: &mut Vec<Row>,
) {
    let editions = moment.state.delivered_editions();
    let pieces = editions.pieces(of).filter(|piece| piece.of.edition == *edition);
    rows.extend(
        pieces.map(|piece| Row::LinkedEdition(EditionRow::PieceGone(of.clone(), piece.number))),
    );
    rows.extend(
        editions
            .one(of, edition)
            .map(|one| Row::LinkedEdition(EditionRow::Forgotten(one.of.clone()))),
    );
}

/// An answer of a party of the peer takes effect as if it had been given here; what the party is
/// told of it. The same answer again is told the same.
pub(super) fn answered(
    moment: Moment<'_>,
    answer: &AnswerEdition,
    rows: &mut Vec<Row>,
) -> AnswerTold {
    let refused = match answer.decide(moment) {
        Ok(decided) => {
            rows.extend(decided.rows);
            None
        }
        Err(_) if moment.state.edition(&answer.edition).is_some_and(|one| stands(one, answer)) => {
            None
        }
        Err(refusal) => Some(said(&refusal).unwrap_or_default()),
    };
    let (edition, party) = (answer.edition.clone(), answer.answer.party.clone());
    AnswerTold { edition, party, role: answer.answer.role, round: answer.round, refused }
}

/// Whether an answer stands in its round already, in the same words.
fn stands(edition: &Edition, answer: &AnswerEdition) -> bool {
    let mut rounds = edition.rounds.iter().filter(|round| round.number == answer.round);
    rounds.any(|round| round.answers.iter().any(|one| one.statement == answer.answer.statement))
}

/// What the peer says of an answer that was given here; what it says of another round, or of one
/// that nobody gave, says nothing.
pub(super) fn told(moment: Moment<'_>, of: &GivenRef, told: &AnswerTold, rows: &mut Vec<Row>) {
    let given = moment.state.delivered_editions().given(of);
    let is_meant = |given: &&Arc<GivenAnswer>| {
        let repeats = given.told.as_ref().is_some_and(|told| told.refused.is_none());
        given.round == told.round && !repeats
    };
    let Some(given) = given.filter(is_meant) else { return };
    let told = Some(GivenTold { at: moment.at, refused: told.refused.clone() });
    rows.push(Row::LinkedEdition(EditionRow::Given(
        GivenAnswer { told, ..GivenAnswer::clone(given) }.into(),
    )));
}
