//! Opens an edition: contributions are collected.

use super::{Decided, Moment, Reply};
use crate::{
    AreaId, EditionId, PartyId, Period, Reason, Refusal, Timestamp,
    edition::{Edition, Phase, ROUNDS_MAX},
    registry::Track,
    row::Row,
};

/// An edition to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenEdition {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// How it is agreed on.
    pub track: Track,
    /// By when the answers are wanted.
    pub due: Timestamp,
    /// Who opens it.
    pub party: PartyId,
}

impl OpenEdition {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let same =
            |e: &&Edition| e.area == self.area && e.period == self.period && e.track == self.track;
        let (mut number, mut under_way) = (1, false);
        for edition in moment.state.editions().filter(same) {
            number += 1;
            // What is objected to in its last round can go no way but this one.
            let spent = edition.phase == Phase::Contested && edition.rounds.len() >= ROUNDS_MAX;
            let done =
                matches!(edition.phase, Phase::Released | Phase::Superseded | Phase::Recalled);
            under_way |= !done && !spent;
        }
        if under_way {
            return Err(Refusal::at(Reason::EditionUnderWay, "period"));
        }
        let agreement = moment.state.registry().agreement_of(&self.area);
        if agreement.is_none_or(|agreement| agreement.endorsers(self.track).is_empty()) {
            return Err(Refusal::at(Reason::NotFound, "track"));
        }
        let period = self.period.to_string().to_ascii_lowercase();
        let id = format!("{}:{period}:{}:{number}", self.area, self.track.as_str());
        let id = EditionId::parse(&id).map_err(|_| Refusal::at(Reason::TooLarge, "area"))?;
        let edition = Edition {
            id: id.clone(),
            area: self.area.clone(),
            period: self.period,
            track: self.track,
            phase: Phase::Collecting,
            due: self.due,
            overdue: false,
            opened_by: self.party.clone(),
            opened_at: moment.at,
            rounds: Vec::new(),
            released: None,
        };
        let reply = Reply::Edition { id, round: 0 };
        Ok(Decided::new(reply, vec![Row::Edition(edition.into())]))
    }
}
