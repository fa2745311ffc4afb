//! Two revisions of a view beside each other, and the versions of an own picture.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, PartyId, Period,
    disclosure::Object,
    link::{self, PictureRef},
    merge::Finding,
};

use super::{At, Egress};
use crate::{
    Compared, ComparedView, ContributedView, Denial, PictureVersion, PictureVersions, Projection,
    Secrets, Why,
};

impl Egress<'_> {
    /// What is different between two revisions of the reader's view of an area and a period: each
    /// side is made as it would be shown now. Revision 0 of the first is the empty picture.
    ///
    /// # Errors
    /// When no right of the reader reaches it, or a revision does not exist.
    pub fn compare(
        &self,
        area: &AreaId,
        period: Period,
        (from, to): (u64, At),
    ) -> Result<Projection<ComparedView>, Denial> {
        let rights = self.rights_in(area, Some(period.kind()), true)?;
        let (revision, shown_to) = self.revision(area, to)?;
        let compared_with = match from {
            0 => None,
            from => {
                let found = self.revision(area, At::Revision(from));
                Some(found.map_err(|denial| denial.at("from_revision"))?.0)
            }
        };
        let before = compared_with
            .map_or_else(BTreeMap::new, |at| by_id(self.findings(&rights, area, period, at)));
        let after = by_id(self.findings(&rights, area, period, revision));
        let changes = self.changes_between(before, after);
        let sides = || changes.iter().flat_map(|one| [&one.before, &one.after]).flatten();
        let secrets = self.secrets(sides());
        let shown = format!("{from} {changes:?}");
        let object = Object::Joint(area.clone(), period);
        // What is shown of each side is of that revision, and so is its record.
        let record = |at: u64, rows: usize| {
            self.disclosure(&rights, object.clone(), at, rows, shown.as_bytes())
        };
        let before = changes.iter().filter(|one| one.before.is_some()).count();
        let earlier = compared_with.filter(|_| before > 0).map(|at| record(at, before));
        let records = earlier.into_iter().chain([record(revision, changes.len())]).collect();
        let view = ComparedView {
            masked: self.masked(area),
            from,
            to: shown_to,
            changes,
            secrets,
            withheld: self.withheld(&rights, area),
        };
        Ok(Projection::new(view, records))
    }

    /// The versions of a party's own picture, the newest first, for those who speak for it.
    ///
    /// # Errors
    /// When the caller does not speak for the party.
    pub fn versions(
        &self,
        party: &PartyId,
        area: &AreaId,
    ) -> Result<Projection<PictureVersions>, Denial> {
        if !self.reader.parties().contains(party) {
            return Err(Denial::of(Why::NotYourParty).at("party"));
        }
        let picture = self.state.picture(party, area);
        let index = self.state.area(area);
        let mut secrets = Secrets::default();
        let mut versions = Vec::new();
        for version in (1..=picture.version()).rev().filter_map(|n| picture.at(n)) {
            if let Some((sealed, secret)) =
                version.reason.as_ref().and_then(|s| Some((s, self.known.open(s)?)))
            {
                secrets.keep(sealed, secret);
            }
            let (published, withdrawn) =
                index.map_or((0, 0), |index| index.changed_by(party, version.revision));
            let salt = version.manifest.as_ref().and_then(|signed| self.known.open(&signed.salt));
            let salt = salt.and_then(|secret| hex::decode(secret.note?).ok()).unwrap_or_default();
            versions.push(PictureVersion { version: version.clone(), salt, published, withdrawn });
        }
        let rights = self.reader.rights(self.state.registry(), None, true);
        let shown = format!("{party} {area} versions {}", versions.len());
        let object = Object::Picture(party.clone(), area.clone());
        let (revision, rows) = (self.state.revision(area), versions.len());
        let record = self.disclosure(&rights, object, revision, rows, shown.as_bytes());
        let contributed = self.contributed(party, area);
        Ok(Projection::new(PictureVersions { versions, secrets, contributed }, vec![record]))
    }

    /// How an own picture stands with the home of its area, where that is another domain.
    fn contributed(&self, party: &PartyId, area: &AreaId) -> Option<ContributedView> {
        let peer = self.state.registry().agreement_of(area)?.home.clone()?;
        let of = PictureRef { peer, party: party.clone(), area: area.clone() };
        let contributions = self.state.contributions();
        let share = contributions.share(&of);
        let revision = self.state.revision(area);
        let now = link::Compared { revision, epoch: self.state.epoch() };
        let is_new = share.turn == 0 && self.state.picture(party, area).version() == 0;
        let index = self.state.area(area);
        Some(ContributedView {
            held: contributions.held(&of).count(),
            may_hold: contributions.may_hold(&of),
            of: index.into_iter().flat_map(|index| index.own(party, revision)).count(),
            in_step: share.under_way.is_none()
                && (share.compared == now || is_new)
                && share.told.as_ref().is_none_or(|told| told.refused.is_none()),
            share,
        })
    }

    /// What is on one side alone, or looks another to who is shown it, by id.
    fn changes_between(
        &self,
        mut before: BTreeMap<String, Finding>,
        mut after: BTreeMap<String, Finding>,
    ) -> Vec<Compared> {
        let ids: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
        let sides = ids.into_iter().map(|id| (before.remove(&id), after.remove(&id)));
        sides
            .filter(|(before, after)| !self.look_alike(before.as_ref(), after.as_ref()))
            .map(|(before, after)| Compared { before, after })
            .collect()
    }
}

fn by_id(findings: Vec<Finding>) -> BTreeMap<String, Finding> {
    findings.into_iter().map(|finding| (finding.key.id(), finding)).collect()
}
