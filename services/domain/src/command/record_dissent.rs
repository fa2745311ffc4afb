//! A signatory dissents (avvikande mening) on a field of a finding.

use super::{Decided, Moment, Reply};
use crate::{
    PartyId, Period, Reason, Refusal, Sealed,
    merge::{ConflictRef, Dissent, Field, Key},
    row::{Dissented, Revised, Row, What},
};

/// A dissent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordDissent {
    /// On which finding.
    pub finding: Key,
    /// Of which period.
    pub period: Period,
    /// On which field.
    pub field: Field,
    /// Who dissents.
    pub party: PartyId,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

impl RecordDissent {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let area = &self.finding.geography.area;
        let now = moment.state.revision(area);
        let at = ConflictRef { key: self.finding.clone(), period: self.period, field: self.field };
        if moment.state.common_finding(&at, now).is_none() {
            return Err(Refusal::at(Reason::NotFound, "finding_id"));
        }
        let revision = now + 1;
        let dissent =
            Dissent { party: self.party.clone(), field: self.field, reason: self.reason.clone() };
        let rows = vec![
            Row::Revision(Revised {
                area: area.clone(),
                revision,
                at: moment.at,
                party: self.party.clone(),
                what: What::Dissent,
            }),
            Row::Dissented(Dissented {
                revision,
                period: self.period,
                finding: self.finding.clone(),
                dissent,
            }),
        ];
        Ok(Decided::new(Reply::Revised { revision }, rows))
    }
}
