//! Pictures: a party's own, and the joint one.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc};

use samsyn_domain::{
    AreaId, PartyId, Period, Sealed, Timestamp, UnitKey,
    commit::hash,
    disclosure::{ClassId, Object},
    merge::{self, ConflictRef, Finding, Key},
    registry::midnight,
};

use super::{Egress, Lens, kept::Made};
use crate::{
    Denial, Explanation, JointView, Masked, PictureView, Projection, PublishedView, Rights,
    Secrets, Shared, Why,
};

/// Which revision of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Newest,
    /// This revision of the view.
    Revision(u64),
    /// As it was known at this time.
    Recorded(Timestamp),
}

/// All that a joint picture is made from, but for the epoch and the keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PictureName {
    class: ClassId,
    masked: Masked,
    area: AreaId,
    period: Period,
    /// The area's revision that is read at, and its newest: it tells what became of what was.
    revisions: (u64, u64),
    /// The revision that is shown.
    shown: u64,
    valid_at: Option<Timestamp>,
}

impl Egress<'_> {
    /// A party's own picture, for those who speak for it.
    ///
    /// # Errors
    /// When the caller does not speak for the party, or the version does not exist.
    pub fn picture(
        &self,
        party: &PartyId,
        area: &AreaId,
        version: u64,
    ) -> Result<Projection<PictureView>, Denial> {
        if !self.reader.parties().contains(party) {
            return Err(Denial::of(Why::NotYourParty).at("party"));
        }
        let picture = self.state.picture(party, area);
        let version = if version == 0 { picture.version() } else { version };
        let revision = match picture.at(version) {
            // The newest is what is left of it: time may have ended something since.
            Some(_) if version == picture.version() => self.state.revision(area),
            Some(row) => row.revision,
            None if version == 0 => 0,
            None => return Err(Denial::of(Why::NotFound).at("version")),
        };
        let index = self.state.area(area);
        let observations: Vec<_> =
            index.into_iter().flat_map(|a| a.own(party, revision)).cloned().collect();
        let mut secrets = Secrets::default();
        for stage in &observations {
            let sealed = stage.observation.as_ref().and_then(|o| o.sealed.as_ref());
            if let Some((sealed, secret)) = sealed.and_then(|s| Some((s, self.known.open(s)?))) {
                secrets.keep(sealed, secret);
            }
        }
        let rights = self.reader.rights(self.state.registry(), None, true);
        let shown = format!("{party} {area} {version}");
        let object = Object::Picture(party.clone(), area.clone());
        let rows = observations.len();
        let record = self.disclosure(&rights, object, revision, rows, shown.as_bytes());
        Ok(Projection::new(PictureView { version, observations, secrets }, vec![record]))
    }

    /// The reader's live view of an area and a period.
    ///
    /// # Errors
    /// When no right of the reader reaches it, or the revision does not exist.
    pub fn joint(
        &self,
        area: &AreaId,
        period: Period,
        at: At,
    ) -> Result<Projection<Arc<Shared<JointView>>>, Denial> {
        self.joint_valid_at(area, period, at, None)
    }

    /// The reader's live view of an area and a period, or of what held at a moment of it.
    ///
    /// # Errors
    /// When no right of the reader reaches it, or the revision does not exist.
    pub fn joint_valid_at(
        &self,
        area: &AreaId,
        period: Period,
        at: At,
        valid_at: Option<Timestamp>,
    ) -> Result<Projection<Arc<Shared<JointView>>>, Denial> {
        let rights = self.rights_in(area, Some(period.kind()), true)?;
        let (revision, shown) = self.revision(area, at)?;
        let name = PictureName {
            class: rights.class(),
            masked: self.masked(area),
            area: area.clone(),
            period,
            revisions: (revision, self.state.revision(area)),
            shown,
            valid_at,
        };
        let view = self.joint_named(&rights, &name);
        let object = Object::Joint(area.clone(), period);
        let rows = view.findings.len();
        let record = self.disclosure(&rights, object, revision, rows, view.digest());
        Ok(Projection::new(view, vec![record]))
    }

    /// A joint picture: what is kept of it, else made.
    fn joint_named(&self, rights: &Rights, name: &PictureName) -> Arc<Shared<JointView>> {
        let Some((contents, now)) = self.kept else { return self.joint_made(rights, name).content };
        let make = || Ok::<_, Infallible>(self.joint_made(rights, name));
        let Ok(view) = contents.pictures.get(name, self.state, (self.known, now), make);
        view
    }

    fn joint_made(&self, rights: &Rights, name: &PictureName) -> Made<Shared<JointView>> {
        let PictureName { area, period, revisions: (revision, _), .. } = name;
        let findings = match name.valid_at {
            None => self.findings(rights, area, *period, *revision),
            Some(moment) => self.findings_valid_at(rights, area, *period, (*revision, moment)),
        };
        // Of what stands under seal, its ciphertext stands for it.
        let shown = format!("{findings:?}");
        let seen = findings.iter().flat_map(|finding| &finding.contributions);
        let sealed = seen.filter_map(|seen| Some(&*seen.sealed.as_ref()?.bytes));
        let digest = hash::hash(&[shown.as_bytes()].into_iter().chain(sealed).collect::<Vec<_>>());
        let view = JointView {
            masked: name.masked,
            area: area.clone(),
            period: *period,
            revision: name.shown,
            secrets: self.secrets(&findings),
            withheld: self.withheld(rights, area),
            findings,
        };
        Made {
            // In memory it takes about as much as it is long in words.
            bytes: shown.len(),
            units: self.units_of(name, &view.findings),
            // What policy has not decided is missing, and may be there once it has.
            is_whole: self.met_undecided().is_empty(),
            content: Arc::new(Shared::new(view, digest.0)),
        }
    }

    /// The units whose keys may open something of a joint picture.
    fn units_of(&self, name: &PictureName, findings: &[Finding]) -> BTreeSet<UnitKey> {
        let index = self.state.area(&name.area);
        let stages = index.into_iter().flat_map(|i| i.contributions(name.period, name.revisions.0));
        let secret = stages.filter_map(|stage| stage.observation.as_ref()?.sealed.as_ref());
        let conflicts = findings.iter().flat_map(|finding| &finding.conflicts);
        let dissents = findings.iter().flat_map(|finding| &finding.dissents);
        let reasons = conflicts.filter_map(|conflict| conflict.reason.as_ref());
        let reasons = reasons.chain(dissents.filter_map(|dissent| dissent.reason.as_ref()));
        secret.chain(reasons).map(|sealed: &Sealed| sealed.key.clone()).collect()
    }

    /// For every joint value of a finding, the rule and the contributions that gave it.
    ///
    /// # Errors
    /// When the reader sees no such finding.
    pub fn explain(
        &self,
        area: &AreaId,
        finding: &str,
        period: Period,
        at: At,
    ) -> Result<Projection<Explanation>, Denial> {
        let missing = || Denial::of(Why::NotFound).at("finding_id");
        let rights = self.rights_in(area, Some(period.kind()), true)?;
        let (revision, _) = self.revision(area, at)?;
        let key = Key::parse(finding, self.state.registry()).ok_or_else(missing)?;
        if key.geography.area != *area {
            return Err(missing());
        }
        let finding = self.finding(&rights, &key, period, (revision, Lens::Now), Vec::new());
        let steps = merge::explain(&finding.ok_or_else(missing)?);
        let shown = format!("{} {period}", key.id());
        let object = Object::Joint(area.clone(), period);
        let record = self.disclosure(&rights, object, revision, 1, shown.as_bytes());
        Ok(Projection::new(Explanation { steps }, vec![record]))
    }

    /// What a change of one's own tells back: counters, and the open conflicts in what one sees of
    /// the findings that it touched. Without conflicts it shows nothing that is not the caller's;
    /// what is at home elsewhere has its conflicts there.
    ///
    /// # Errors
    /// When the caller speaks for no party of the area.
    pub fn published(
        &self,
        area: &AreaId,
        counters: (u64, bool, u64),
        touched: &[ConflictRef],
    ) -> Result<Projection<PublishedView>, Denial> {
        let (version, unchanged, revision) = counters;
        let agreement = self.state.registry().agreement_of(area);
        if agreement.is_some_and(|agreement| agreement.home.is_some()) {
            let (conflicts, secrets) = (Vec::new(), Secrets::default());
            let view = PublishedView { version, unchanged, revision, conflicts, secrets };
            return Ok(Projection::new(view, Vec::new()));
        }
        let rights = self.rights_in(area, None, true)?;
        let mut conflicts = Vec::new();
        for at in touched.iter().filter(|at| self.several_see(at, revision)) {
            let finding =
                self.finding(&rights, &at.key, at.period, (revision, Lens::Now), Vec::new());
            conflicts.extend(finding.into_iter().flat_map(|f| f.conflicts));
        }
        conflicts.sort_by(|a, b| a.at.cmp(&b.at));
        conflicts.dedup_by(|a, b| a.at == b.at);
        let mut secrets = Secrets::default();
        for sealed in conflicts.iter().filter_map(|conflict| conflict.reason.as_ref()) {
            if let Some(secret) = self.known.open(sealed) {
                secrets.keep(sealed, secret);
            }
        }
        let mut records = Vec::new();
        if !conflicts.is_empty() {
            let shown = format!("{conflicts:?}");
            let object = Object::View(area.clone());
            let rows = conflicts.len();
            records.push(self.disclosure(&rights, object, revision, rows, shown.as_bytes()));
        }
        let view = PublishedView { version, unchanged, revision, conflicts, secrets };
        Ok(Projection::new(view, records))
    }

    /// Whether more than one party contributes to a finding: one alone is in no conflict.
    fn several_see(&self, at: &ConflictRef, revision: u64) -> bool {
        let Some(index) = self.state.area(at.area()) else { return false };
        let mut stages = index.contributions_to(&at.key, at.period, revision);
        let Some(first) = stages.next() else { return false };
        stages.any(|stage| stage.party != first.party)
    }

    /// The revision that a reader's view of an area has reached, as it is shown.
    #[must_use]
    pub fn view_reached(&self, area: &AreaId) -> u64 {
        self.revision(area, At::Newest).map_or(0, |(_, shown)| shown)
    }

    /// The area's revision to read at, and the revision to show: a signatory's is the area's, a
    /// partner's its view's.
    pub(super) fn revision(&self, area: &AreaId, at: At) -> Result<(u64, u64), Denial> {
        let missing = || Denial::of(Why::NotFound).at("revision");
        let newest = self.state.revision(area);
        let view = self.state.view(&self.reader.rights(self.state.registry(), None, false).class());
        let index = self.state.area(area);
        match (self.masked(area), at) {
            (Masked::Signatory, At::Newest) => Ok((newest, newest)),
            (Masked::Signatory, At::Revision(revision)) if revision <= newest => {
                Ok((revision, revision))
            }
            (Masked::Signatory, At::Recorded(time)) => {
                let revision = index.map_or(0, |index| index.revision_at(time));
                Ok((revision, revision))
            }
            (Masked::Partner, At::Recorded(time)) => {
                // A finer time would tell hidden changes apart, and before its rows began it had
                // no view.
                let time = time.whole_minute();
                if time < self.rows_began(area) {
                    return Err(Denial::of(Why::NotFound).at("recorded_at"));
                }
                Ok((index.map_or(0, |index| index.revision_at(time)), 0))
            }
            (Masked::Partner, At::Newest) => {
                let reached = view.map_or(0, |view| view.area(area));
                Ok((newest.max(reached), view.map_or(0, samsyn_domain::View::revision)))
            }
            (Masked::Partner, At::Revision(shown)) => {
                let view = view.filter(|view| shown <= view.revision()).ok_or_else(missing)?;
                Ok((view.area_at(area, shown), shown))
            }
            (Masked::Signatory, At::Revision(_)) => Err(missing()),
        }
    }

    /// Since when all rows by which the reader sees an area are in force.
    fn rows_began(&self, area: &AreaId) -> Timestamp {
        let registry = self.state.registry();
        let rights = self.reader.rights(registry, None, true);
        let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        let rows = rows.filter(|row| row.areas.contains(area));
        rows.map(|row| midnight(row.valid_from)).max().unwrap_or(Timestamp::ZERO)
    }

    /// The groups that the rows for an area do not give, where they declare it.
    pub(super) fn withheld(&self, rights: &Rights, area: &AreaId) -> Vec<(String, String)> {
        let registry = self.state.registry();
        let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        rows.filter(|row| row.declares_withheld && row.areas.contains(area))
            .flat_map(|row| {
                let groups = samsyn_domain::registry::FieldGroup::ALL.into_iter();
                let missing = groups.skip(1).filter(|group| !row.shown.contains_key(group));
                missing.map(|group| (group.as_str().to_owned(), format!("POL-12/{}", row.id)))
            })
            .collect()
    }
}
