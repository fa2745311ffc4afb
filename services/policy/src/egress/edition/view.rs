//! What a release class sees of an edition: the merge of what it may have, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, CategoryId, PartyId, SourceId,
    commit::{object::ObjectId, position::Position},
    edition::{Edition, Round},
    merge::{self, Class, Decisions, Field, Finding, Key, Seen, Series},
    registry::{FieldGroup, ReleaseRow, Shown},
};

use super::super::{Lens, decided::Numbered};
use super::{
    cell::{self, Cell},
    content::{Content, registered},
    decision::Decision,
    object::{What, counts_variant, exact, position},
};
use crate::{Egress, Masked, Rights};

/// What a class sees of an edition, and the leaves that prove it.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) findings: Vec<Finding>,
    pub(super) opened: BTreeMap<ObjectId, Vec<Position>>,
}

/// A contribution as a class sees it.
struct Visible {
    id: ObjectId,
    seen: Seen,
    shown: Shown,
}

impl Egress<'_> {
    /// What some rights see of an edition: cells where one of their rows protects counts, else
    /// contributions and what was decided on them.
    pub(super) fn sight(
        &self,
        rights: &Rights,
        edition: &Edition,
        round: &Round,
        content: &Content,
    ) -> Sight {
        let protected = self.protected(rights, edition);
        let partner = self.masked(&edition.area) == Masked::Partner;
        let mut sight = if partner && !protected.is_empty() {
            // Cells count all that their receiver is cleared for: that must be able to cross.
            let organisation = self.state.registry().organisation(&rights.organisation);
            let cleared = organisation.map_or(u8::MAX, |organisation| organisation.clearance);
            match rights.ceiling.is_none_or(|ceiling| cleared <= ceiling) {
                true => self.cells(&protected, edition, content),
                false => Sight::default(),
            }
        } else {
            self.observations(rights, edition, round, content)
        };
        if self.reached(rights, edition, &round.locked.analysis_labels) {
            let analyses = content.objects.iter().filter(|(_, o)| matches!(o.what, What::Analysis));
            let positions = || vec![exact(FieldGroup::Identity), exact(FieldGroup::Text)];
            sight.opened.extend(analyses.map(|(id, _)| (*id, positions())));
        }
        sight
    }

    /// The rows of some rights that give an edition's cells.
    fn protected(&self, rights: &Rights, edition: &Edition) -> Vec<&ReleaseRow> {
        cell::protected(self.state.registry(), &edition.area, edition.period.kind())
            .filter(|row| rights.rows.contains(&row.id))
            .collect()
    }

    /// One finding a category, of counts alone. Where two rows give a cell of one source and
    /// category the first row's is shown: two numbers would tell their difference.
    fn cells(&self, rows: &[&ReleaseRow], edition: &Edition, content: &Content) -> Sight {
        let mut chosen: BTreeMap<(&CategoryId, &SourceId), (ObjectId, &Cell, &ReleaseRow)> =
            BTreeMap::new();
        for row in rows {
            for (id, object) in &content.objects {
                // The row may have been narrowed since the cell was made.
                if let What::Cell(cell) = &object.what
                    && cell.row == row.id
                    && self.covered(row, cell)
                {
                    let key = (&cell.category, &cell.source);
                    chosen.entry(key).or_insert((*id, cell, row));
                }
            }
        }
        let mut sight = Sight::default();
        let mut series: BTreeMap<&CategoryId, Vec<(&Cell, &ReleaseRow)>> = BTreeMap::new();
        for ((category, _), (id, cell, row)) in chosen {
            sight.opened.insert(id, cell_positions(cell, &row.shown));
            series.entry(category).or_default().push((cell, row));
        }
        for (category, cells) in series {
            sight.findings.extend(self.counted(edition, category, &cells));
        }
        sight
    }

    fn covered(&self, row: &ReleaseRow, cell: &Cell) -> bool {
        let category = self.state.registry().category(&cell.category);
        category.is_some_and(|category| cell::covers(row, category))
    }

    fn counted(
        &self,
        edition: &Edition,
        category: &CategoryId,
        cells: &[(&Cell, &ReleaseRow)],
    ) -> Option<Finding> {
        let registry = self.state.registry();
        let category = registry.category(category)?;
        let shown = cells.iter().filter(|(_, row)| row.shown.contains_key(&FieldGroup::Counts));
        let counts = shown.map(|(cell, _)| Series {
            kind: category.kind,
            source: cell.source.clone(),
            party: None,
            statistics: false,
            amount: cell.amount(),
        });
        Some(Finding {
            key: Key {
                geography: registry.geography_of_area(&edition.area)?,
                category: category.id.clone(),
            },
            period: edition.period,
            kind: category.kind,
            priority: category.priority.clone(),
            class: Class::OneSided,
            seen_by: BTreeSet::new(),
            severity: None,
            trend: None,
            counts: counts.collect(),
            conflicts: Vec::new(),
            dissents: Vec::new(),
            related: Vec::new(),
            contributions: Vec::new(),
        })
    }

    fn observations(
        &self,
        rights: &Rights,
        edition: &Edition,
        round: &Round,
        content: &Content,
    ) -> Sight {
        let visible = self.visible(rights, &edition.area, content);
        let registry = self.state.registry_of(edition);
        let mut groups: BTreeMap<Key, BTreeSet<ObjectId>> = BTreeMap::new();
        for one in &visible {
            let key = merge::key(&one.seen, registered(registry, &one.seen.category));
            groups.entry(key).or_default().insert(one.id);
        }
        let (area, at) = (&edition.area, round.locked.revision);
        let (conflicts, dissents) = self.told_of(&rights.class(), area, edition.period, at);
        let is_told = |decision: &Decision| match &decision.dissent {
            None => conflicts.contains(&decision.at),
            Some(_) => numbered(decision).is_some_and(|one| dissents.contains(&one)),
        };
        let may_know: Vec<(ObjectId, &Decision)> = decisions(content)
            .filter(|(_, decision)| is_told(decision) && shown_whole(decision, &groups))
            .collect();
        let Some(index) = self.state.area(&edition.area) else { return Sight::default() };
        let agreement = registry.agreement_of(&edition.area);
        let roles = agreement.map_or_else(BTreeSet::new, |a| a.conflict_roles.clone());
        let all = index.decisions(edition.period, round.locked.revision, roles);
        let counting = counting(all, &may_know);
        let seen = visible.iter().map(|one| one.seen.clone());
        let findings = merge::merge(edition.period, seen, &counting, |category| {
            registered(registry, category)
        });
        let findings: Vec<Finding> =
            findings.into_iter().map(super::super::shown_in_part).collect();
        let mut opened: BTreeMap<ObjectId, Vec<Position>> =
            visible.into_iter().map(|one| (one.id, positions(&one.shown))).collect();
        opened.extend(may_know.into_iter().filter_map(|(id, decision)| {
            Some((id, decision_positions(findings.iter().find(|f| told(f, decision))?)))
        }));
        Sight { findings, opened }
    }

    /// The contributions to an edition that some rights see, by object.
    fn visible(&self, rights: &Rights, area: &AreaId, content: &Content) -> Vec<Visible> {
        let (class, masked) = (rights.class(), self.masked(area));
        let see = |(id, object): (&ObjectId, &super::object::Object)| {
            let What::Contribution(stage) = &object.what else { return None };
            let shown = self.grant(&class, stage)?.shown.clone()?;
            Some(Visible { id: *id, seen: self.seen(&class, stage, masked, Lens::Then)?, shown })
        };
        content.objects.iter().filter_map(see).collect()
    }

    /// Whether an object without a class of labels reaches some rights by its labels alone: it is
    /// addressed to them, they are cleared for it and, for partners, it is for a purpose of theirs.
    fn reached(&self, rights: &Rights, edition: &Edition, labels: &samsyn_domain::Labels) -> bool {
        let registry = self.state.registry();
        let Some(organisation) = registry.organisation(&rights.organisation) else { return false };
        let highest = rights.ceiling.unwrap_or(u8::MAX).min(organisation.clearance);
        if labels.level.level() > highest || labels.embargoed(self.state.stamp()) {
            return false;
        }
        let tokens: BTreeSet<&str> = labels.audience.iter().map(|token| token.as_str()).collect();
        let organised = tokens.contains(organisation.id.as_str());
        match self.masked(&edition.area) {
            Masked::Signatory => {
                let named = |party: &PartyId| tokens.contains(party.as_str());
                labels.for_signatories() || organised || rights.parties.iter().any(named)
            }
            Masked::Partner => {
                let mut groups = registry.groups_of(&organisation.id);
                let addressed = organised || groups.any(|g| tokens.contains(g.id.as_str()));
                let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
                let mut rows = rows.filter(|row| row.areas.contains(&edition.area));
                addressed && rows.any(|row| !row.purposes.is_disjoint(&labels.purposes))
            }
        }
    }
}

/// The decisions of an edition, by object.
fn decisions(content: &Content) -> impl Iterator<Item = (ObjectId, &Decision)> {
    content.objects.iter().filter_map(|(id, object)| match &object.what {
        What::Decision(decision) => Some((*id, decision)),
        What::Contribution(_) | What::Cell(_) | What::Analysis => None,
    })
}

/// Whether everything that a decision names is shown, in the finding that it is on, and nothing in
/// that finding stands elsewhere in the full picture.
fn shown_whole(decision: &Decision, groups: &BTreeMap<Key, BTreeSet<ObjectId>>) -> bool {
    groups.get(&decision.at.key).is_some_and(|group| {
        decision.candidates.is_subset(group) && group.is_subset(&decision.group)
    })
}

/// The statements and dissents that are among some decisions.
fn counting<'a>(all: Decisions<'a>, among: &[(ObjectId, &Decision)]) -> Decisions<'a> {
    let known: BTreeSet<Numbered> = among.iter().filter_map(|(_, d)| numbered(d)).collect();
    let Decisions { mut statements, mut dissents, roles } = all;
    statements.retain(|statement| {
        among.iter().any(|(_, d)| d.dissent.is_none() && d.at == statement.conflict)
    });
    let mut earlier: BTreeMap<(Key, Field, PartyId), u32> = BTreeMap::new();
    dissents.retain(|(key, dissent)| {
        let (key, field, party) = (key.clone(), dissent.field, dissent.party.clone());
        let nth = earlier.entry((key.clone(), field, party.clone())).or_default();
        *nth = nth.saturating_add(1);
        known.contains(&(key, field, party, *nth))
    });
    Decisions { statements, dissents, roles }
}

/// The dissent that a decision is.
fn numbered(decision: &Decision) -> Option<Numbered> {
    let (party, nth) = decision.dissent.as_ref()?;
    Some((decision.at.key.clone(), decision.at.field, party.clone(), *nth))
}

/// Whether a finding, as it is shown, tells of a decision.
fn told(finding: &Finding, decision: &Decision) -> bool {
    if finding.key != decision.at.key {
        return false;
    }
    if let Some((party, _)) = &decision.dissent {
        let mut dissents = finding.dissents.iter();
        return dissents.any(|one| one.field == decision.at.field && one.party == *party);
    }
    finding.conflicts.iter().any(|c| c.at == decision.at && !c.stated.is_empty())
}

/// What is opened of a decision on a finding: its reason where the finding's texts are shown.
fn decision_positions(finding: &Finding) -> Vec<Position> {
    let mut positions = vec![exact(FieldGroup::Identity), exact(FieldGroup::Assessment)];
    if finding.contributions.iter().all(|seen| seen.text_shown) {
        positions.push(exact(FieldGroup::Text));
    }
    positions
}

/// What is opened of a contribution: its identity, and each group in the variant granted.
fn positions(shown: &Shown) -> Vec<Position> {
    let groups = shown.iter().map(|(group, variant)| position(*group, *variant));
    let all: BTreeSet<Position> =
        std::iter::once(exact(FieldGroup::Identity)).chain(groups).collect();
    all.into_iter().collect()
}

/// What is opened of a cell. It is of the district, so its place has one form.
fn cell_positions(cell: &Cell, shown: &Shown) -> Vec<Position> {
    let mut positions = vec![exact(FieldGroup::Identity)];
    let plain = [FieldGroup::Place, FieldGroup::Time].into_iter();
    positions.extend(plain.filter(|group| shown.contains_key(group)).map(exact));
    if shown.contains_key(&FieldGroup::Counts) {
        let group = samsyn_domain::commit::position::Group::Counts;
        positions.push(Position::new(group, counts_variant(cell)));
    }
    positions
}
