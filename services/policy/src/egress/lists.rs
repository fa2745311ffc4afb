//! Lists: revisions, duties, disclosures.

use std::sync::Arc;

use samsyn_domain::{
    AreaId, ConflictId, OrganisationId, Period, Timestamp, disclosure::Object, registry::Role,
};

use super::Egress;
use crate::{
    CollisionList, Denial, DisclosureList, Duty, DutyKind, DutyList, Projection, RevisionList, Why,
};

/// Which disclosures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DisclosureFilter {
    /// Of this organisation.
    pub receiver: Option<OrganisationId>,
    /// Of this area.
    pub area: Option<AreaId>,
    /// From when, inclusive.
    pub from: Option<Timestamp>,
    /// Until when, exclusive.
    pub to: Option<Timestamp>,
}

impl Egress<'_> {
    /// The revisions of an area, the newest first; signatories only.
    ///
    /// # Errors
    /// When the reader speaks for no signatory of the area.
    pub fn revisions(&self, area: &AreaId) -> Result<Projection<RevisionList>, Denial> {
        let rights = self.rights_in(area, None, true)?;
        if self.masked(area) == crate::Masked::Partner {
            return Err(Denial::of(Why::NotFound).at("area"));
        }
        let rows = self.state.area(area).into_iter().flat_map(|a| a.revisions().iter().rev());
        let revisions: Vec<_> = rows.cloned().collect();
        let object = Object::Revisions(area.clone());
        let at = self.state.revision(area);
        let record = self.disclosure(&rights, object, at, revisions.len(), b"revisions");
        Ok(Projection::new(RevisionList { revisions }, vec![record]))
    }

    /// What waits for the reader's parties, in all areas: answers to give, answers of others that
    /// are overdue, for those who coordinate, conflicts to settle in the periods of editions under
    /// way and in the current month.
    ///
    /// # Errors
    /// When the reader speaks for no party.
    pub fn duties(&self, now: Timestamp) -> Result<Projection<DutyList>, Denial> {
        if !self.reader.is_signatory() {
            return Err(Denial::of(Why::NotAllowed));
        }
        let mut duties = Vec::new();
        for edition in self.state.editions() {
            for endorser in self.state.waiting_for(edition) {
                let kind = if self.reader.parties().contains(&endorser.party) {
                    DutyKind::AnswerEdition(edition.id.clone())
                } else if edition.overdue && self.coordinates(&edition.area) {
                    DutyKind::ChaseEdition(edition.id.clone())
                } else {
                    continue;
                };
                duties.push(Duty {
                    kind,
                    area: edition.area.clone(),
                    party: endorser.party,
                    role: endorser.role,
                    due: Some(edition.due),
                    overdue: edition.overdue,
                });
            }
        }
        let registry = self.state.registry();
        let signed = registry.agreements().filter_map(|agreement| {
            let party = self.reader.parties().iter().find(|party| agreement.signed_by(party))?;
            Some((&agreement.area, party))
        });
        for (area, party) in signed {
            duties.extend(self.conflicts_to_settle(area, party, now));
        }
        duties.sort_by_key(|duty| (duty.due.is_none(), duty.due, duty.area.clone()));
        let rights = self.reader.rights(registry, None, true);
        let rows = duties.len();
        let record = self.disclosure(&rights, Object::Duties, 0, rows, b"duties");
        Ok(Projection::new(DutyList { duties }, vec![record]))
    }

    /// Whether the reader coordinates an area: for one of its signatories, as one of the functions
    /// that act for all.
    fn coordinates(&self, area: &AreaId) -> bool {
        let acts = [Role::Coordinator, Role::Kommunpolis];
        self.masked(area) == crate::Masked::Signatory
            && acts.iter().any(|role| self.reader.roles().contains(role))
    }

    /// Where a function is wanted in several meetings at once, in all areas.
    ///
    /// # Errors
    /// When the reader speaks for no party.
    pub fn collisions(
        &self,
        role: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Projection<CollisionList>, Denial> {
        if !self.reader.is_signatory() {
            return Err(Denial::of(Why::NotAllowed));
        }
        // A series tells when a group meets and which functions it wants, and nothing of what is
        // dealt with: whoever takes part in some group may see where it is wanted.
        let registry = self.state.registry();
        let rights = self.reader.rights(registry, None, true);
        let collisions = registry.collisions(role, from, to);
        let record = self.disclosure(&rights, Object::Meetings, 0, collisions.len(), b"meetings");
        let list = CollisionList { role: role.to_owned(), collisions };
        Ok(Projection::new(list, vec![record]))
    }

    fn conflicts_to_settle(
        &self,
        area: &AreaId,
        party: &samsyn_domain::PartyId,
        now: Timestamp,
    ) -> Vec<Duty> {
        let roles: Vec<Role> = self.conflict_roles(area).into_iter().collect();
        let acts: Vec<Role> =
            roles.into_iter().filter(|role| self.reader.roles().contains(role)).collect();
        let affected = self.reader.roles().contains(&Role::Endorser);
        if acts.is_empty() && !affected {
            return Vec::new();
        }
        let under_way = self.state.editions().filter(|e| e.area == *area && e.released.is_none());
        let mut periods: std::collections::BTreeSet<Period> = under_way.map(|e| e.period).collect();
        periods.extend(Period::holding(samsyn_domain::PeriodKind::Month, now));
        let mut duties = Vec::new();
        for period in periods {
            let rights = self.reader.rights(self.state.registry(), Some(period.kind()), true);
            let findings = self.findings(&rights, area, period, self.state.revision(area));
            for conflict in findings.iter().flat_map(|f| &f.conflicts).filter(|c| !c.resolved) {
                let mine = acts.iter().find(|role| conflict.must_act.contains(role)).copied();
                let asked = mine
                    .or_else(|| conflict.candidates.contains_key(party).then_some(Role::Endorser));
                let id = ConflictId::parse(&conflict.at.id()).ok();
                if let (Some(role), Some(id)) = (asked, id) {
                    duties.push(Duty {
                        kind: DutyKind::SettleConflict(id),
                        area: area.clone(),
                        party: party.clone(),
                        role,
                        due: None,
                        overdue: false,
                    });
                }
            }
        }
        duties
    }

    /// Who received what, the newest first. Auditors see all; others what their own organisation
    /// received, and that something of an area that they have signed was given, to whom and on
    /// what ground. Theirs is numbered as they see it: the domain's count, an area's revision and
    /// how much another was given would tell what is not theirs to know.
    ///
    /// # Errors
    /// When the filter names what the reader may not know of.
    pub fn disclosures(
        &self,
        overseer: bool,
        filter: &DisclosureFilter,
    ) -> Result<Projection<DisclosureList>, Denial> {
        let registry = self.state.registry();
        let signed = |area: &str| {
            registry.agreements().any(|agreement| {
                agreement.area.as_str() == area
                    && self.reader.parties().iter().any(|party| agreement.signed_by(party))
            })
        };
        let evidence = self.state.evidence();
        let mut known = 0_u64;
        let mut disclosures = Vec::new();
        for row in evidence.disclosures() {
            let own = row.receiver == *self.reader.organisation();
            // What a party reads of its own picture concerns nobody else.
            let own_picture = matches!(row.object, Object::Picture(..));
            let signed = !own_picture && row.object.area().is_some_and(signed);
            if !(overseer || own || signed) {
                continue;
            }
            known = known.saturating_add(1);
            let wanted = filter.receiver.as_ref().is_none_or(|r| row.receiver == *r)
                && filter.area.as_ref().is_none_or(|a| row.object.area() == Some(a.as_str()))
                && filter.from.is_none_or(|from| from <= row.at)
                && filter.to.is_none_or(|to| row.at < to);
            if !wanted {
                continue;
            }
            let stored = evidence.stored(row);
            let mut shown = row.as_ref().clone();
            if !overseer {
                shown.sequence = known;
                shown.revision = if signed { row.revision } else { 0 };
                shown.rows = if own { row.rows } else { 0 };
            }
            disclosures.push((Arc::new(shown), stored));
        }
        disclosures.reverse();
        let rights = self.reader.rights(registry, None, true);
        let rows = disclosures.len();
        let record = self.disclosure(&rights, Object::Disclosures, 0, rows, b"disclosures");
        Ok(Projection::new(DisclosureList { disclosures }, vec![record]))
    }
}
