//! What a reader is told, taken apart: each thing that it learns is one fact. Which groups its rows
//! withhold is none: those are its own rights, which it is told anyway.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, EditionId, Level, PartyId, PeriodKind,
    merge::{Finding, Seen, Series},
};
use samsyn_policy::{At, Known as _, Reader, ViewChange};

use super::{World, act::PARTIES, area, id, reading::periods};

/// Things that a reader learns.
pub(crate) type Facts = BTreeSet<String>;

impl World {
    /// All that a service is told now, of now and of history; nothing when it may not read.
    pub(crate) fn facts(&mut self, service: &str, editions: &[EditionId]) -> Facts {
        let mut facts = Facts::new();
        let Ok(reader) = self.try_reader(service) else { return facts };
        self.decide(&reader);
        self.advance(&reader);
        let names = self.names();
        let mut told = Told { names: &names, facts: &mut facts };
        self.pictures_told(&reader, &mut told);
        self.stream_told(&reader, &mut told);
        self.editions_told(&reader, editions, &mut told);
        self.lists_told(&reader, &mut told);
        facts
    }

    fn pictures_told(&self, reader: &Reader, told: &mut Told<'_>) {
        let egress = self.egress(reader);
        let reached = self.view(reader).map_or(0, samsyn_domain::View::revision);
        let last = reached.max(self.revision());
        for period in periods() {
            let history = (0..=last).map(At::Revision);
            let history = history.filter(|_| period.kind() == PeriodKind::Month);
            for at in std::iter::once(At::Newest).chain(history) {
                if let Ok(projection) = egress.joint(&area(), period, at) {
                    let view = Self::opened(projection);
                    view.findings.iter().cloned().for_each(|f| told.finding(self, f));
                }
            }
        }
        for party in PARTIES {
            let party = id!(PartyId, party);
            if let Ok(projection) = egress.picture(&party, &area(), 0) {
                for stage in Self::opened(projection).observations {
                    told.learns(&format!("own picture {party} {}", stage.id));
                }
            }
        }
    }

    fn stream_told(&self, reader: &Reader, told: &mut Told<'_>) {
        let Ok(scope) = self.scope(reader) else { return };
        let Some(view) = self.view(reader) else { return };
        let egress = self.egress(reader);
        let revision = view.revision();
        let at: BTreeMap<AreaId, u64> = BTreeMap::from([(area(), view.area_at(&area(), revision))]);
        let snapshot = egress.snapshot(&scope, &at, revision);
        let steps = view.after(0).flat_map(|step| egress.step(&scope, &step.advance));
        for bare in snapshot.into_iter().chain(steps) {
            match bare.change {
                ViewChange::Finding(finding) => told.finding(self, *finding),
                ViewChange::Edition(edition) => told.learns(&format!("edition {}", edition.id)),
                ViewChange::SnapshotBegins { .. }
                | ViewChange::Delivered(_)
                | ViewChange::DeliveredEdition(_)
                | ViewChange::Removed { .. }
                | ViewChange::SnapshotEnds { .. } => {}
            }
        }
    }

    fn editions_told(&self, reader: &Reader, editions: &[EditionId], told: &mut Told<'_>) {
        let egress = self.egress(reader);
        for id in editions {
            let Ok(projection) = egress.edition(id, 0, 1_000) else { continue };
            let view = Self::opened(projection);
            told.learns(&format!("edition {id}"));
            if let Some(analysis) = view.analysis {
                told.learns(&format!("analysis {id} {analysis}"));
            }
            for (n, text) in view.header.texts.iter().enumerate() {
                if text.is_some() {
                    told.learns(&format!("answer {id} {n}"));
                }
            }
            for finding in view.joint.findings {
                told.cells(id, &finding);
                told.finding(self, finding);
            }
        }
    }

    fn lists_told(&self, reader: &Reader, told: &mut Told<'_>) {
        let egress = self.egress(reader);
        if let Ok(projection) = egress.editions(&area()) {
            for header in Self::opened(projection).editions {
                told.learns(&format!("edition {}", header.edition.id));
            }
        }
        if let Ok(projection) = egress.revisions(&area()) {
            for row in Self::opened(projection).revisions {
                told.learns(&format!("revision {}", row.revision));
            }
        }
        if let Ok(projection) = egress.duties(self.now) {
            for duty in Self::opened(projection).duties {
                told.learns(&format!("duty {:?} {} {:?}", duty.kind, duty.party, duty.role));
            }
        }
    }

    /// What partners' names of observations stand for.
    fn names(&self) -> BTreeMap<String, String> {
        let Some(index) = self.state.area(&area()) else { return BTreeMap::new() };
        let parties = PARTIES.map(|party| id!(PartyId, party));
        let all = parties.iter().flat_map(|party| {
            (0..=index.revision()).flat_map(move |revision| index.own(party, revision))
        });
        let named = |stage: &samsyn_domain::row::Stage| {
            let name = hex::encode(self.keys.object_id(stage));
            (name, format!("{}/{}", stage.party, stage.id))
        };
        all.map(named).collect()
    }
}

struct Told<'a> {
    names: &'a BTreeMap<String, String>,
    facts: &'a mut Facts,
}

impl Told<'_> {
    fn learns(&mut self, fact: &str) {
        self.facts.insert(fact.to_owned());
    }

    fn finding(&mut self, world: &World, finding: Finding) {
        let finding = world.masked(finding);
        for seen in &finding.contributions {
            self.contribution(seen);
        }
        for conflict in finding.conflicts.iter().filter(|conflict| !conflict.stated.is_empty()) {
            let (at, stated, reason) = (conflict.at.id(), &conflict.stated, &conflict.reason);
            self.learns(&format!("stated {at} {stated:?}"));
            if let Some(reason) = reason {
                self.learns(&format!("stated {at} because {reason:?}"));
            }
        }
        for dissent in &finding.dissents {
            let (key, period) = (finding.key.id(), finding.period);
            self.learns(&format!("dissent {key} {period} {:?} {}", dissent.field, dissent.party));
            if let Some(reason) = &dissent.reason {
                self.learns(&format!("dissent {key} {period} because {reason:?}"));
            }
        }
    }

    fn contribution(&mut self, seen: &Seen) {
        let own = format!("{}/{}", seen.party, seen.id);
        let name = self.names.get(&seen.id).cloned().unwrap_or(own);
        self.learns(&format!("{name} is {} {:?}", seen.category, seen.labels));
        for level in [Level::Place, Level::SubArea, Level::District] {
            if level >= seen.geography.level() {
                self.learns(&format!("{name} lies in {}", seen.geography.coarsened(level).id()));
            }
        }
        if let Some(time) = seen.time {
            self.learns(&format!("{name} was at {time:?}"));
        }
        if let Some(count) = &seen.count {
            self.learns(&format!("{name} counts {count:?}"));
        }
        if let Some(assessment) = &seen.assessment {
            self.learns(&format!("{name} is assessed {assessment:?}"));
        }
        if let Some(version) = seen.version {
            self.learns(&format!("{name} is of version {version}"));
        }
        if let Some(sealed) = &seen.sealed {
            // The world has opened it: a note and coordinates, or that there is none shown.
            let shown = String::from_utf8(sealed.bytes.to_vec()).unwrap();
            let (note, coordinates) = shown.split_once(' ').unwrap();
            for (what, shown) in [("note", note), ("coordinates", coordinates)] {
                if shown != "None" {
                    self.learns(&format!("{name} has the {what} {shown}"));
                }
            }
        }
    }

    /// Counts of no contribution: those of cells.
    fn cells(&mut self, edition: &EditionId, finding: &Finding) {
        if finding.contributions.is_empty() {
            for Series { source, amount, .. } in &finding.counts {
                let of = &finding.key.category;
                self.learns(&format!("cell of {edition} {of} {source} {amount:?}"));
            }
        }
    }
}
