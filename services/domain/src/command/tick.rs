//! Time acts on state only here: what is due by now.

use std::{collections::BTreeMap, sync::Arc};

use super::{Decided, Moment, Reply, take_step};
use crate::{
    edition::Edition,
    link::{Item, ReceivedFinding},
    message::{Receipt, Step},
    row::{EditionRow, Part, Revised, Row, Stage, What},
};

/// How much one entry lets happen.
const CHANGES_MAX: usize = 500;

/// Time has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick;

impl Tick {
    pub(super) fn decide(self, moment: Moment<'_>) -> Decided {
        let mut rows: Vec<Row> = moment
            .state
            .overdue_by(moment.at)
            .take(CHANGES_MAX)
            .map(|edition| Row::Edition(Edition { overdue: true, ..edition.clone() }.into()))
            .collect();
        let embargoes = moment.state.embargoes_ended(moment.at).take(CHANGES_MAX);
        staged(moment, What::EmbargoEnd, embargoes, &mut rows, |due| Stage {
            embargoed: false,
            ..due.clone()
        });
        // What has an end to both is dealt with by the next tick.
        if !rows.iter().any(|row| matches!(row, Row::Stage(_))) {
            let ended = moment.state.retention_ended(moment.at).take(CHANGES_MAX);
            staged(moment, What::RetentionEnd, ended, &mut rows, |due| Stage {
                observation: None,
                embargoed: false,
                ..due.clone()
            });
        }
        let left = moment.state.parts().left_behind(moment.at).take(CHANGES_MAX);
        let gone = |part: &Part| Row::PartGone(part.upload.clone(), part.number);
        rows.extend(left.map(gone));
        let pieces = moment.state.contributions().left_behind(moment.at).take(CHANGES_MAX);
        rows.extend(pieces.map(|piece| Row::PieceGone(piece.of.clone(), piece.number)));
        let deliveries = moment.state.deliveries();
        let pieces = deliveries.left_behind(moment.at).take(CHANGES_MAX);
        rows.extend(pieces.map(|piece| Row::StepPieceGone(piece.of.clone(), piece.number)));
        let editions = moment.state.delivered_editions();
        let pieces = editions.left_behind(moment.at).take(CHANGES_MAX);
        rows.extend(pieces.map(|piece| {
            Row::LinkedEdition(EditionRow::PieceGone(piece.of.of.clone(), piece.number))
        }));
        let given = editions.given_long_ago(moment.at).take(CHANGES_MAX);
        rows.extend(
            given.map(|given| Row::LinkedEdition(EditionRow::GivenForgotten(given.of.clone()))),
        );
        let orphaned = deliveries.orphaned(moment.state.registry()).next();
        let ends = deliveries.ended(moment.at).take(CHANGES_MAX);
        let is_kept = |found: &&Arc<ReceivedFinding>| orphaned.is_none_or(|one| one.of != found.of);
        rows.extend(take_step::ended(moment, ends.filter(is_kept)));
        // One at a time: it may be large.
        if let Some(orphaned) = orphaned {
            rows.extend(take_step::let_go(moment, &orphaned.of));
        }
        for waited in moment.state.links().expired(moment.at).take(CHANGES_MAX) {
            rows.push(Row::Unqueued(waited.peer.clone(), waited.number));
            if let Item::Message { message, to } = &waited.item {
                rows.push(Row::Receipt(Receipt {
                    message: *message,
                    to: to.clone(),
                    step: Step::Expired,
                    at: moment.at,
                    by: None,
                    reason: None,
                    envelope: None,
                }));
            }
        }
        rows.push(Row::Ticked(moment.at));
        Decided::new(Reply::Done, rows)
    }
}

/// What observations become by now: one revision for each area.
fn staged<'a>(
    moment: Moment<'_>,
    what: What,
    due: impl Iterator<Item = &'a Stage>,
    rows: &mut Vec<Row>,
    becomes: fn(&Stage) -> Stage,
) {
    let mut revisions = BTreeMap::new();
    for due in due {
        let revision = *revisions.entry(due.area.clone()).or_insert_with(|| {
            let revision = moment.state.revision(&due.area) + 1;
            rows.push(Row::Revision(Revised {
                area: due.area.clone(),
                revision,
                at: moment.at,
                party: due.party.clone(),
                what,
            }));
            revision
        });
        rows.push(Row::Stage(Stage { revision, ..becomes(due) }));
    }
}
