//! An edition that a peer delivers takes the place of what came before; and answers to editions
//! cross back.

use std::sync::Arc;

use super::{AnswerEdition, Moment, take_step};
use crate::{
    AreaId, EditionId, Period, RowId, Sealed, Timestamp,
    edition::Edition,
    link::{
        AnswerTold, DeliveryRef, EDITIONS_BYTES_MAX, EDITIONS_MAX, EditionPiece, EditionRef,
        EnvelopeId, GivenAnswer, GivenRef, GivenTold, NotTakenFor, Received, ReceivedEdition,
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
    /// Its header alone, under seal.
    pub header: Sealed,
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
    // What goes waits for nothing.
    if brought.content.is_some() && waiting as u64 != u64::from(brought.pieces) {
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
    let is_new = content.released && before.is_none_or(|before| !before.released);
    // Only a release is an event of its own.
    let number = received.number.saturating_add(is_new.into());
    let EditionContent { area, period, opened_at, released, header, findings, openings, .. } =
        content;
    let came = ReceivedEdition {
        of: id,
        number: before.filter(|_| !is_new).map_or(number, |before| before.number),
        area,
        period,
        opened_at,
        released,
        header,
        findings,
        openings,
        content: content.content,
        review: content.review,
        at: moment.at,
    };
    let kept = (EDITIONS_MAX, EDITIONS_BYTES_MAX);
    let (stays, goes) = room_for(&came, editions.received(of), kept);
    rows.extend(goes.into_iter().map(|one| EditionRow::Forgotten(one.of.clone()).into()));
    if !stays {
        return true;
    }
    rows.push(EditionRow::Received(came.into()).into());
    let received = Received { number, at: moment.at, ..Received::clone(received) };
    rows.push(Row::Received(received.into()));
    true
}

/// Whether an edition that comes is among those that are kept, and which of them go for it: those
/// that were opened first.
fn room_for<'a>(
    came: &ReceivedEdition,
    received: impl Iterator<Item = &'a Arc<ReceivedEdition>>,
    (count_max, bytes_max): (usize, usize),
) -> (bool, Vec<&'a Arc<ReceivedEdition>>) {
    let mut others: Vec<_> = received.filter(|one| one.of != came.of).collect();
    others.sort_by_key(|one| (one.opened_at, &one.of));
    let bytes = others.iter().map(|one| one.bytes()).sum::<usize>().saturating_add(came.bytes());
    let (mut bytes, mut count) = (bytes, others.len().saturating_add(1));
    let mut goes = Vec::new();
    for one in others {
        if count <= count_max && bytes <= bytes_max {
            break;
        }
        if one.opened_at > came.opened_at {
            return (false, Vec::new());
        }
        bytes = bytes.saturating_sub(one.bytes());
        count = count.saturating_sub(1);
        goes.push(one);
    }
    (true, goes)
}

/// All editions of a view that came go, with what waits of them.
pub(super) fn let_go<'a>(
    moment: Moment<'a>,
    of: &'a DeliveryRef,
) -> impl Iterator<Item = Row> + use<'a> {
    let editions = moment.state.delivered_editions();
    let pieces = editions.pieces(of);
    let pieces = pieces.map(|piece| EditionRow::PieceGone(of.clone(), piece.number));
    let all = editions.received(of).map(|one| EditionRow::Forgotten(one.of.clone()));
    pieces.chain(all).map(Row::from)
}

/// What came of an edition last cannot be taken: what there was of it goes, and its view is not
/// shown until it begins anew, and the edition with it.
pub(super) fn refuse(
    moment: Moment<'_>,
    of: &DeliveryRef,
    edition: &EditionId,
    rows: &mut Vec<Row>,
) {
    let editions = moment.state.delivered_editions();
    let pieces = editions.pieces(of).filter(|piece| piece.of.edition == *edition);
    let pieces = pieces.map(|piece| EditionRow::PieceGone(of.clone(), piece.number));
    let before = editions.one(of, edition).map(|one| EditionRow::Forgotten(one.of.clone()));
    rows.extend(pieces.chain(before).map(Row::from));
    let received = moment.state.deliveries().received(of);
    rows.extend(received.and_then(|received| take_step::broken(received)));
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
        Err(refusal) => Some(NotTakenFor::of(&refusal)),
    };
    let (edition, party) = (answer.edition.clone(), answer.answer.party.clone());
    AnswerTold { edition, party, role: answer.answer.role, round: answer.round, refused }
}

/// Whether an answer stands in its round already, in the same words.
fn stands(edition: &Edition, answer: &AnswerEdition) -> bool {
    let mut rounds = edition.rounds.iter().filter(|round| round.number == answer.round);
    rounds.any(|round| round.answers.iter().any(|one| one.statement == answer.answer.statement))
}

/// What the peer says of an answer that was given here: of the one that this envelope brought.
/// What it says of another, or after it has taken it, says nothing.
pub(super) fn told(
    moment: Moment<'_>,
    of: &GivenRef,
    (envelope, told): (EnvelopeId, &AnswerTold),
    rows: &mut Vec<Row>,
) {
    let given = moment.state.delivered_editions().given(of);
    let is_meant = |given: &&Arc<GivenAnswer>| {
        let repeats = given.told.as_ref().is_some_and(|told| told.refused.is_none());
        given.envelope == Some(envelope) && !repeats
    };
    rows.extend(given.filter(is_meant).map(|given| said(moment, given, told.refused.clone())));
}

/// An answer that was given here has come to its end: taken there, or not.
pub(super) fn said(moment: Moment<'_>, given: &GivenAnswer, refused: Option<NotTakenFor>) -> Row {
    let told = Some(GivenTold { at: moment.at, refused });
    EditionRow::Given(GivenAnswer { told, ..given.clone() }.into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DomainId, UnitKey};

    fn edition(number: usize, opened: i64, bytes: usize) -> Arc<ReceivedEdition> {
        let id = format!("a:2025-10:operative:{number}");
        let sealed =
            |length: usize| Sealed { key: UnitKey::named("u"), bytes: vec![0; length].into() };
        let peer = DomainId::parse("b.example").unwrap();
        let of = DeliveryRef { peer, id: RowId::parse("d").unwrap() };
        Arc::new(ReceivedEdition {
            of: EditionRef { of, edition: EditionId::parse(&id).unwrap() },
            number: 0,
            area: AreaId::parse("a").unwrap(),
            period: "2025-10".parse().unwrap(),
            opened_at: Timestamp::from_micros(opened),
            released: true,
            header: sealed(0),
            findings: 0,
            openings: 0,
            content: sealed(bytes),
            review: None,
            at: Timestamp::ZERO,
        })
    }

    fn gone(came: &ReceivedEdition, all: &[Arc<ReceivedEdition>]) -> Option<Vec<EditionId>> {
        let (stays, goes) = room_for(came, all.iter(), (3, 100));
        stays.then(|| goes.into_iter().map(|one| one.of.edition.clone()).collect())
    }

    fn ids(all: &[Arc<ReceivedEdition>]) -> Option<Vec<EditionId>> {
        Some(all.iter().map(|one| one.of.edition.clone()).collect())
    }

    #[test]
    fn the_editions_that_were_opened_last_are_kept() {
        let all = [edition(0, 10, 1), edition(1, 11, 1), edition(2, 12, 1)];
        assert_eq!(gone(&edition(9, 13, 1), &all), ids(&all[..1]));
        // One that was opened before all of them has no place; one that is there keeps its own.
        assert_eq!(gone(&edition(9, 1, 1), &all), None);
        assert_eq!(gone(&edition(0, 10, 1), &all), ids(&[]));
    }

    #[test]
    fn all_that_an_edition_has_under_seal_takes_room() {
        let sealed = |length| Sealed { key: UnitKey::named("u"), bytes: vec![0; length].into() };
        let one = ReceivedEdition::clone(&edition(0, 10, 20));
        let one = ReceivedEdition { header: sealed(3), review: Some(sealed(100)), ..one };
        assert_eq!((one.sealed().count(), one.bytes()), (3, 123));
    }

    #[test]
    fn as_many_are_kept_as_have_room_together() {
        let all = [edition(0, 10, 49), edition(1, 11, 49)];
        assert_eq!(gone(&edition(2, 12, 2), &all), ids(&[]));
        assert_eq!(gone(&edition(2, 12, 3), &all), ids(&all[..1]));
        assert_eq!(gone(&edition(2, 12, 52), &all), ids(&all));
    }
}
