//! Time acts on state only here: what is due by now.

use super::{Decided, Moment, Reply};
use crate::{
    edition::Edition,
    row::{Revised, Row, Stage, What},
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
        let mut revisions = std::collections::BTreeMap::new();
        for due in moment.state.embargoes_ended(moment.at).take(CHANGES_MAX) {
            let revision = *revisions.entry(due.area.clone()).or_insert_with(|| {
                let revision = moment.state.revision(&due.area) + 1;
                rows.push(Row::Revision(Revised {
                    area: due.area.clone(),
                    revision,
                    at: moment.at,
                    party: due.party.clone(),
                    what: What::EmbargoEnd,
                }));
                revision
            });
            rows.push(Row::Stage(Stage { revision, embargoed: false, ..due.clone() }));
        }
        rows.push(Row::Ticked(moment.at));
        Decided::new(Reply::Done, rows)
    }
}
