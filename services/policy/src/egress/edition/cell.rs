//! Cells (celler): counts for receivers whose counts are protected. Made once, at the lock.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, CategoryId, Form, LabelClass, PeriodKind, RowId, SourceId, State,
    commit::{
        self,
        canonical::{Message, Value},
        reader::Fields,
    },
    merge::Amount,
    registry::{Category, FieldGroup, Registry, ReleaseRow},
    row::Stage,
};

use super::{Frame, Unmade};
use crate::Rights;

/// Counts from 1 up to below this are shown as less than this.
pub(super) const BELOW: u32 = 5;

const ROW: u16 = 1;
const SOURCE: u16 = 2;
const CATEGORY: u16 = 3;
const COUNT: u16 = 4;

/// How many events of one category one source counted in the whole area and period, of what one
/// release row may have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    pub(super) row: RowId,
    pub(super) source: SourceId,
    pub(super) category: CategoryId,
    pub(super) count: u32,
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cell of {} {} {}", self.row, self.source, self.category)
    }
}

impl Cell {
    /// What is shown of the count: 0 as 0, 1 to 4 as less than 5, more as it is.
    pub(super) const fn amount(&self) -> Amount {
        match self.count {
            1..BELOW => Amount::Below(BELOW),
            count => Amount::Exact(count),
        }
    }

    /// Its external id.
    pub(super) fn name(&self, frame: &Frame<'_>) -> String {
        let Self { row, source, category, .. } = self;
        format!("cell:{row}/{source}/{category}/{}/{}", frame.area, frame.period)
    }

    pub(super) fn to_message(&self) -> Message {
        Message::new()
            .with(ROW, self.row.as_str())
            .with(SOURCE, self.source.as_str())
            .with(CATEGORY, self.category.as_str())
            .with(COUNT, self.count)
    }

    pub(super) fn from_message(message: Message) -> Result<Self, commit::Error> {
        fn id<T, E>(number: u16, id: Result<T, E>) -> Result<T, commit::Error> {
            id.map_err(|_| commit::Error::OutOfRange(number))
        }
        let mut fields = Fields::of(message);
        let cell = Self {
            row: id(ROW, RowId::parse(&fields.take_text(ROW)?))?,
            source: id(SOURCE, SourceId::parse(&fields.take_text(SOURCE)?))?,
            category: id(CATEGORY, CategoryId::parse(&fields.take_text(CATEGORY)?))?,
            count: fields.take_integer(COUNT)?,
        };
        fields.finish()?;
        Ok(cell)
    }
}

/// Cells as they are kept: a list, in order.
pub(super) fn kept(cells: &[Cell]) -> Value {
    Value::List(cells.iter().map(|cell| cell.to_message().into()).collect())
}

/// What policy has yet to decide before an edition of an area and a kind of period can be made:
/// what each row with protected counts may have of each class of labels.
#[must_use]
pub fn undecided(state: &State, area: &AreaId, kind: PeriodKind) -> Vec<(Rights, LabelClass)> {
    let mut open = Vec::new();
    for row in protected(state.registry(), area, kind) {
        let rights = rights(row);
        let class = rights.class();
        let labels = state.area(area).into_iter().flat_map(|area| area.labels());
        let decided = |label: &&LabelClass| {
            state.evidence().grant(state.epoch(), &class, label).is_none() && !label.embargoed
        };
        open.extend(labels.filter(decided).map(|label| (rights.clone(), label.clone())));
    }
    open
}

/// The rows with protected counts that cover an area and a kind of period, by id.
pub(super) fn protected<'a>(
    registry: &'a Registry,
    area: &AreaId,
    kind: PeriodKind,
) -> impl Iterator<Item = &'a ReleaseRow> {
    registry.release_rows().filter(move |row| {
        row.protected_counts && row.areas.contains(area) && row.periods.contains(&kind)
    })
}

/// The rights of one row alone: its cells hold what it may have, whatever else its receiver has.
fn rights(row: &ReleaseRow) -> Rights {
    Rights {
        organisation: row.receiver.clone(),
        parties: BTreeSet::new(),
        rows: BTreeSet::from([row.id.clone()]),
        ceiling: None,
    }
}

/// The cells of a basis, by row, source and category.
///
/// A row's grid is its categories and the sources that counted anything that it may have: so the
/// grid tells nothing that the numbers in it do not.
pub(super) fn of_basis(
    state: &State,
    frame: &Frame<'_>,
    included: &[&Stage],
) -> Result<Vec<Cell>, Unmade> {
    let registry = frame.registry;
    let mut cells = Vec::new();
    for row in protected(registry, frame.area, frame.period.kind()) {
        let totals = totals(state, row, included)?;
        let sources: BTreeSet<&SourceId> = totals.keys().map(|(source, _)| *source).collect();
        for source in sources {
            for category in registry.categories().filter(|category| covers(row, category)) {
                let count = totals.get(&(source, &category.id)).copied().unwrap_or(0);
                cells.push(Cell {
                    row: row.id.clone(),
                    source: source.clone(),
                    category: category.id.clone(),
                    count,
                });
            }
        }
    }
    cells.sort();
    Ok(cells)
}

/// What each source counted of each category in observations, where it counted anything.
fn totals<'a>(
    state: &State,
    row: &ReleaseRow,
    included: &[&'a Stage],
) -> Result<BTreeMap<(&'a SourceId, &'a CategoryId), u32>, Unmade> {
    let class = rights(row).class();
    let mut totals: BTreeMap<_, u32> = BTreeMap::new();
    for stage in included {
        let Some((observation, label)) = stage.observation.as_ref().zip(stage.label_class()) else {
            continue;
        };
        let grant = state.evidence().grant(state.epoch(), &class, &label);
        let shown = grant.ok_or(Unmade::Undecided)?.shown.as_ref();
        let counted = shown.is_some_and(|shown| shown.contains_key(&FieldGroup::Counts));
        let content = &observation.content;
        // Statistics may hold what observations say: added to them they would count it twice, and
        // beside them in a protected row they would tell by subtraction what a cell covers.
        let observed = content.form == Form::Observation;
        let count = content.count.filter(|count| counted && observed && *count > 0);
        if let Some((source, count)) = content.source.as_ref().zip(count) {
            let total = totals.entry((source, &content.category)).or_default();
            *total = total.saturating_add(count);
        }
    }
    Ok(totals)
}

pub(super) fn covers(row: &ReleaseRow, category: &Category) -> bool {
    row.priorities.contains(&category.priority) && row.kinds.contains(&category.kind)
}
