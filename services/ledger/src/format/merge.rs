//! Conflicts, statements and dissents.

use samsyn_domain::{
    CategoryId, PartyId, Severity, Trend,
    merge::{Candidates, ConflictRef, Dissent, Field, Key, Outcome, Statement},
    registry::Role,
};
use samsyn_proto::log::{self, resolution::Outcome as Wire};

use super::{Damaged, Stored, checked, code::Coded as _, optional, parsed, period, required};

impl Stored for Key {
    type Message = log::FindingKey;

    fn encode(&self) -> log::FindingKey {
        log::FindingKey {
            geography: Some(self.geography.encode()),
            category: self.category.to_string(),
        }
    }

    fn decode(message: log::FindingKey) -> Result<Self, Damaged> {
        Ok(Self {
            geography: required(message.geography, "finding_key.geography")?,
            category: parsed(&message.category, CategoryId::parse, "finding_key.category")?,
        })
    }
}

impl Stored for ConflictRef {
    type Message = log::Conflict;

    fn encode(&self) -> log::Conflict {
        log::Conflict {
            finding: Some(self.key.encode()),
            period: self.period.to_string(),
            field: self.field.code(),
        }
    }

    fn decode(message: log::Conflict) -> Result<Self, Damaged> {
        Ok(Self {
            key: required(message.finding, "conflict.finding")?,
            period: period(&message.period, "conflict.period")?,
            field: Field::of_code(message.field, "conflict.field")?,
        })
    }
}

impl Stored for Outcome {
    type Message = log::Resolution;

    fn encode(&self) -> log::Resolution {
        let outcome = match self {
            Self::Severity(severity) => Wire::Severity(severity.grade().into()),
            Self::Trend(trend) => Wire::Trend(trend.code()),
            Self::Dissent => Wire::BothStand(log::BothStand {}),
        };
        log::Resolution { outcome: Some(outcome) }
    }

    fn decode(message: log::Resolution) -> Result<Self, Damaged> {
        Ok(match message.outcome.ok_or(Damaged::Missing("resolution.outcome"))? {
            Wire::Severity(grade) => {
                Self::Severity(checked(Severity::of(grade), "resolution.severity")?)
            }
            Wire::Trend(trend) => Self::Trend(Trend::of_code(trend, "resolution.trend")?),
            Wire::BothStand(log::BothStand {}) => Self::Dissent,
        })
    }
}

impl Stored for Statement {
    type Message = log::Statement;

    fn encode(&self) -> log::Statement {
        log::Statement {
            conflict: Some(self.conflict.encode()),
            party: self.party.to_string(),
            role: self.role.code(),
            outcome: Some(self.outcome.encode()),
            candidates: encode_candidates(&self.candidates),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Statement) -> Result<Self, Damaged> {
        Ok(Self {
            conflict: required(message.conflict, "statement.conflict")?,
            party: parsed(&message.party, PartyId::parse, "statement.party")?,
            role: Role::of_code(message.role, "statement.role")?,
            outcome: required(message.outcome, "statement.outcome")?,
            candidates: decode_candidates(&message.candidates)?,
            reason: optional(message.reason)?,
        })
    }
}

fn encode_candidates(candidates: &Candidates) -> Vec<log::Candidate> {
    let candidate = |(party, number): (&PartyId, &u8)| log::Candidate {
        party: party.to_string(),
        number: (*number).into(),
    };
    candidates.iter().map(candidate).collect()
}

fn decode_candidates(candidates: &[log::Candidate]) -> Result<Candidates, Damaged> {
    let candidate = |candidate: &log::Candidate| {
        let party = parsed(&candidate.party, PartyId::parse, "candidate.party")?;
        let number = checked(u8::try_from(candidate.number).ok(), "candidate.number")?;
        Ok((party, number))
    };
    candidates.iter().map(candidate).collect()
}

impl Stored for Dissent {
    type Message = log::Dissent;

    fn encode(&self) -> log::Dissent {
        log::Dissent {
            party: self.party.to_string(),
            field: self.field.code(),
            reason: self.reason.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Dissent) -> Result<Self, Damaged> {
        Ok(Self {
            party: parsed(&message.party, PartyId::parse, "dissent.party")?,
            field: Field::of_code(message.field, "dissent.field")?,
            reason: optional(message.reason)?,
        })
    }
}
