//! A registrar's word on a change of the registry: it proposes it, or approves what another
//! organisation has proposed.

use super::Error;
use super::canonical::Message;
use super::hash::Digest;
use super::reader::Fields;

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const BASE_EPOCH: u16 = 3;
const BASE: u16 = 4;
const CHANGE: u16 = 5;
const DECISION: u16 = 6;
const ORGANISATION: u16 = 7;

/// The version of this form.
const CURRENT: i64 = 1;

/// What a registrar says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// 1: it proposes it.
    Propose,
    /// 2: it approves it.
    Approve,
}

/// The payload that a registrar signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryStatement {
    /// The domain.
    pub domain: String,
    /// The epoch when the registry was read that the change is made against.
    pub base_epoch: u64,
    /// The digest of that registry.
    pub base: Digest,
    /// The digest of the change.
    pub change: Digest,
    /// What is said of it.
    pub decision: Decision,
    /// Whose registrar says it.
    pub organisation: String,
}

impl Decision {
    /// The number that stands in canonical bytes, 1 or 2.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Propose => 1,
            Self::Approve => 2,
        }
    }
}

impl TryFrom<i64> for Decision {
    type Error = Error;

    fn try_from(code: i64) -> Result<Self, Error> {
        match code {
            1 => Ok(Self::Propose),
            2 => Ok(Self::Approve),
            other => Err(Error::UnknownCode(other)),
        }
    }
}

impl RegistryStatement {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC, or the epoch exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let epoch = i64::try_from(self.base_epoch).map_err(|_| Error::OutOfRange(BASE_EPOCH))?;
        Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(BASE_EPOCH, epoch)
            .with(BASE, self.base.0.as_slice())
            .with(CHANGE, self.change.0.as_slice())
            .with(DECISION, i64::from(self.decision.code()))
            .with(ORGANISATION, self.organisation.as_str())
            .encode()
    }

    /// The statement that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        fields.take_constant(VERSION, CURRENT)?;
        let statement = Self {
            domain: fields.take_text(DOMAIN)?,
            base_epoch: fields.take_integer(BASE_EPOCH)?,
            base: Digest(fields.take_array(BASE)?),
            change: Digest(fields.take_array(CHANGE)?),
            decision: fields.take_integer(DECISION)?,
            organisation: fields.take_text(ORGANISATION)?,
        };
        fields.finish()?;
        Ok(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_comes_back_as_it_was_and_in_no_other_form() {
        for decision in [Decision::Propose, Decision::Approve] {
            let statement = RegistryStatement {
                domain: "d".into(),
                base_epoch: 7,
                base: Digest([1; 32]),
                change: Digest([2; 32]),
                decision,
                organisation: "o".into(),
            };
            let bytes = statement.encode().unwrap();
            assert_eq!(RegistryStatement::decode(&bytes), Ok(statement));
            for end in 0..bytes.len() {
                assert!(RegistryStatement::decode(&bytes[..end]).is_err(), "{end}");
            }
        }
    }
}
