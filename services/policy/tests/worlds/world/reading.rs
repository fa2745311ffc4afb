//! All that a partner is given, with what is opaque masked.

use std::collections::BTreeMap;

use samsyn_domain::{
    EditionId, Period, PeriodKind, Sealed, Secret, Timestamp, UnitKey, edition::Edition,
    merge::Finding,
};
use samsyn_policy::{
    At, Bare, Denial, DisclosureFilter, EditionHeader, Egress, Known as _, Reader, Scope,
    ViewChange,
};

use super::{World, act::starts, area};

/// One thing that a reader is given, under the name of what it asked for.
pub(crate) type Given = (String, Told);

/// What a reader is told.
#[derive(Debug, PartialEq)]
pub(crate) enum Told {
    /// Findings, with the revision and what is declared withheld.
    Picture(u64, Vec<Finding>, Vec<(String, String)>),
    /// Findings as they were and as they are.
    Compared(Vec<(Option<Finding>, Option<Finding>)>),
    /// The steps of an explanation.
    Explained(Vec<samsyn_domain::merge::Step>),
    /// Events, in order.
    Events(Vec<Bare>),
    /// Headers of editions.
    Headers(Vec<EditionHeader>),
    /// An edition: its analysis, its findings, how many bytes its proof has.
    Edition(Option<String>, Vec<Finding>, bool),
    /// Numbers.
    Number(u64),
    /// No.
    Refused(Denial),
}

impl World {
    /// Everything that egress gives a partner now, of now and of the whole history.
    pub(crate) fn told(&self, reader: &Reader, edition: Option<&EditionId>) -> Vec<Given> {
        let mut given = Vec::new();
        let egress = self.egress(reader);
        self.pictures(&egress, reader, &mut given);
        self.stream(&egress, reader, &mut given);
        self.lists(&egress, reader, &mut given);
        if let Some(id) = edition {
            let told = egress.edition(id, 0, 1_000).map(|projection| {
                let view = Self::opened(projection);
                let findings = view.joint.findings.into_iter().map(|f| self.masked(f)).collect();
                Told::Edition(view.analysis, findings, view.proof.is_empty())
            });
            given.push(("edition".into(), or_refused(told)));
            let header = egress.edition_header(id).map(|projection| {
                let list = Self::opened(projection);
                assert!(list.left_out.is_empty(), "a partner owns nothing that is left out");
                Told::Headers(list.editions.into_iter().map(bare_header).collect())
            });
            given.push(("edition header".into(), or_refused(header)));
        }
        given
    }

    fn pictures(&self, egress: &Egress<'_>, reader: &Reader, given: &mut Vec<Given>) {
        let area = area();
        let reached = self.view(reader).map_or(0, samsyn_domain::View::revision);
        let beats = (self.now.micros() - super::START.micros()) / (super::BEAT_SECONDS * 1_000_000);
        let mid = |beat: i64| super::START.after_seconds(beat * super::BEAT_SECONDS + 1);
        for period in periods() {
            let revisions = (0..=reached.saturating_add(1)).map(At::Revision);
            let times = (0..=beats).map(|beat| At::Recorded(mid(beat)));
            let history = revisions.chain(times).filter(|_| period.kind() == PeriodKind::Month);
            for at in [At::Newest].into_iter().chain(history) {
                let told = egress.joint(&area, period, at).map(|projection| {
                    let view = Self::opened(projection);
                    let findings = view.findings.iter().cloned().map(|f| self.masked(f)).collect();
                    Told::Picture(view.revision, findings, view.withheld.clone())
                });
                given.push((format!("joint {period} {at:?}"), or_refused(told)));
            }
            self.compared(egress, period, reached, given);
            for key in keys(self, period) {
                let told = egress.explain(&area, &key, period, At::Newest);
                let told = told.map(|projection| Told::Explained(Self::opened(projection).steps));
                given.push((format!("explain {period} {key}"), or_refused(told)));
            }
        }
    }

    /// What held at each moment at which something starts, and every two revisions beside each
    /// other.
    fn compared(&self, egress: &Egress<'_>, period: Period, reached: u64, given: &mut Vec<Given>) {
        if period.kind() != PeriodKind::Month {
            return;
        }
        let area = area();
        for moment in starts() {
            let told =
                egress.joint_valid_at(&area, period, At::Newest, Some(moment)).map(|projection| {
                    let view = Self::opened(projection);
                    let findings = view.findings.iter().cloned().map(|f| self.masked(f)).collect();
                    Told::Picture(view.revision, findings, view.withheld.clone())
                });
            given.push((format!("valid {period} {}", moment.micros()), or_refused(told)));
        }
        for from in 0..=reached.saturating_add(1) {
            let told = egress.compare(&area, period, (from, At::Newest)).map(|projection| {
                let view = Self::opened(projection);
                let side = |one: Option<Finding>| one.map(|finding| self.masked(finding));
                let changes = view.changes.into_iter();
                Told::Compared(changes.map(|one| (side(one.before), side(one.after))).collect())
            });
            given.push((format!("compared {period} {from}"), or_refused(told)));
        }
    }

    fn stream(&self, egress: &Egress<'_>, reader: &Reader, given: &mut Vec<Given>) {
        let Ok(scope) = self.scope(reader) else { return };
        let Some(view) = self.view(reader) else { return };
        given.push(("revision".into(), Told::Number(egress.view_reached(&area()))));
        for step in view.after(0) {
            let revision = step.advance.revision;
            let at = BTreeMap::from([(area(), view.area_at(&area(), revision))]);
            let snapshot = egress.snapshot(&scope, &at, revision);
            given.push((format!("snapshot {revision}"), self.events(snapshot)));
            let events = egress.step(&scope, &step.advance);
            given.push((format!("step {revision}"), self.events(events)));
            let time = egress.time_shown(&area(), step.at).micros();
            given.push((format!("time {revision}"), Told::Number(time.unsigned_abs())));
        }
    }

    fn lists(&self, egress: &Egress<'_>, reader: &Reader, given: &mut Vec<Given>) {
        let area = area();
        let editions = egress.editions(&area).map(|projection| {
            let list = Self::opened(projection);
            Told::Headers(list.editions.into_iter().map(bare_header).collect())
        });
        given.push(("editions".into(), or_refused(editions)));
        let rows = |n: usize| Told::Number(n as u64);
        let revisions = egress.revisions(&area);
        let revisions = revisions.map(|list| rows(Self::opened(list).revisions.len()));
        given.push(("revisions".into(), or_refused(revisions)));
        let duties = egress.duties(self.now).map(|list| rows(Self::opened(list).duties.len()));
        given.push(("duties".into(), or_refused(duties)));
        for party in super::act::PARTIES {
            let party = samsyn_domain::PartyId::parse(party).unwrap();
            let picture = egress.picture(&party, &area, 0);
            let picture = picture.map(|view| rows(Self::opened(view).observations.len()));
            given.push((format!("picture {party}"), or_refused(picture)));
            let versions = egress.versions(&party, &area);
            let versions = versions.map(|view| rows(Self::opened(view).versions.len()));
            given.push((format!("versions {party}"), or_refused(versions)));
        }
        let disclosures = egress.disclosures(false, &DisclosureFilter::default());
        for (row, stored) in Self::opened(disclosures.unwrap()).disclosures {
            assert_eq!(row.receiver, *reader.organisation());
            let name = format!("disclosure {} {} {stored:?}", row.sequence, row.object);
            given.push((name, Told::Number(row.revision)));
        }
    }

    /// What a view says at a revision, as a receiver that took only its snapshot holds it.
    pub(crate) fn held(&self, reader: &Reader, scope: &Scope, revision: u64) -> Held {
        let view = self.view(reader).unwrap();
        let at = BTreeMap::from([(area(), view.area_at(&area(), revision))]);
        let mut held = Held::default();
        held.take(self, self.egress(reader).snapshot(scope, &at, revision));
        held
    }

    fn events(&self, events: Vec<Bare>) -> Told {
        let masked = |bare: Bare| Bare {
            change: match bare.change {
                ViewChange::Finding(finding) => {
                    ViewChange::Finding(Box::new(self.masked(*finding)))
                }
                ViewChange::Edition(edition) => {
                    ViewChange::Edition(bare_edition(edition.as_ref()).into())
                }
                same @ (ViewChange::SnapshotBegins { .. }
                | ViewChange::Delivered(_)
                | ViewChange::DeliveredEdition(_)
                | ViewChange::Removed { .. }
                | ViewChange::SnapshotEnds { .. }) => same,
            },
            ..bare
        };
        Told::Events(events.into_iter().map(masked).collect())
    }

    /// A finding with what stands under seal in the place of the seal, where it is shown.
    pub(crate) fn masked(&self, mut finding: Finding) -> Finding {
        let opened = |sealed: &Sealed| self.keys.open(sealed).unwrap();
        for seen in &mut finding.contributions {
            let secret = seen.sealed.as_ref().map(opened).unwrap_or_default();
            let note = secret.note.filter(|_| seen.text_shown);
            let coordinates = secret.coordinates.filter(|_| seen.coordinates_shown);
            seen.sealed = Some(unsealed(&Secret { note, coordinates }));
        }
        for reason in finding.conflicts.iter_mut().filter_map(|c| c.reason.as_mut()) {
            *reason = unsealed(&opened(reason));
        }
        finding
    }
}

impl World {
    /// Some observation was labelled otherwise at an earlier revision.
    fn relabelled(&self) -> bool {
        let Some(index) = self.state.area(&area()) else { return false };
        let revisions = 1..self.revision();
        let of = |period| revisions.clone().flat_map(move |at| index.contributions(period, at));
        let then: Vec<_> = periods().into_iter().flat_map(of).collect();
        then.into_iter().any(|stage| {
            let (now, _) = index.became(stage);
            now.is_some_and(|now| now.label_class() != stage.label_class())
        })
    }
}

/// What a receiver holds, by period and finding.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Held(BTreeMap<(PeriodKind, Period, String), Finding>);

impl Held {
    /// Takes in events, as a receiver does.
    pub(crate) fn take(&mut self, world: &World, events: Vec<Bare>) {
        for bare in events {
            match bare.change {
                ViewChange::Finding(finding) => {
                    let (period, id) = (finding.period, finding.key.id());
                    let finding = world.masked(*finding);
                    let before = self.0.insert((period.kind(), period, id), finding.clone());
                    // What was shown once and is narrowed since is taken back at every replay.
                    let same = before == Some(finding);
                    assert!(!same || world.relabelled(), "an event that changes nothing");
                }
                ViewChange::Removed { id, period } => {
                    let before = self.0.remove(&(period.kind(), period, id));
                    let held = before.is_some();
                    assert!(held || world.relabelled(), "removed what was not held");
                }
                ViewChange::SnapshotBegins { .. }
                | ViewChange::Delivered(_)
                | ViewChange::DeliveredEdition(_)
                | ViewChange::SnapshotEnds { .. }
                | ViewChange::Edition(_) => {}
            }
        }
    }
}

/// All periods in which anything that is drawn can lie, and one in which nothing does.
pub(crate) fn periods() -> Vec<Period> {
    let starts: Vec<Timestamp> = starts().collect();
    let kinds = PeriodKind::ALL.into_iter();
    let mut periods: Vec<Period> = kinds
        .flat_map(|kind| starts.iter().filter_map(move |start| Period::holding(kind, *start)))
        .chain(["2025-01".parse().unwrap()])
        .collect();
    periods.sort();
    periods.dedup();
    periods
}

fn keys(world: &World, period: Period) -> Vec<String> {
    if period.kind() != PeriodKind::Month {
        return Vec::new();
    }
    let registry = world.state.registry();
    let geographies = (0..super::registry::GEOGRAPHIES.len()).map(super::act::geography);
    let keys = geographies.flat_map(|geography| {
        registry.categories().map(move |category| format!("{}/{}", geography.id(), category.id))
    });
    keys.collect()
}

fn or_refused(told: Result<Told, Denial>) -> Told {
    told.unwrap_or_else(Told::Refused)
}

fn unsealed(secret: &Secret) -> Sealed {
    let shown = format!("{:?} {:?}", secret.note, secret.coordinates);
    Sealed { key: UnitKey::named("opened"), bytes: shown.into_bytes().into() }
}

fn bare_header(header: EditionHeader) -> EditionHeader {
    EditionHeader { edition: bare_edition(&header.edition).into(), ..header }
}

/// An edition without its opaque fields, and without what partners' headers do not have.
fn bare_edition(edition: &Edition) -> Edition {
    let mut bare = edition.clone();
    for round in &mut bare.rounds {
        round.locked.revision = 0;
        round.locked.root = [0; 32];
        round.locked.basis = [0; 32];
        round.locked.objects = 0;
        round.locked.secrets = unsealed(&Secret::default());
    }
    bare
}
