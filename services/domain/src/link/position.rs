//! How far a domain has taken in what another sent: what it signs for it.

use super::{Chain, EnvelopeId};
use crate::{
    DomainId, Timestamp,
    commit::{Error, canonical::Message, reader::Fields},
};

/// The longest position, in bytes.
pub const POSITION_BYTES_MAX: usize = 1024;

const VERSION: u16 = 1;
const FROM: u16 = 2;
const BY: u16 = 3;
const EPOCH: u16 = 4;
const SEQUENCE: u16 = 5;
const HEAD: u16 = 6;
const AT: u16 = 7;

/// The version of this form.
const CURRENT: i64 = 1;

/// A word of one domain to another: so far I have taken in, durably, what you sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Whose envelopes.
    pub from: DomainId,
    /// Who has taken them in, and signs.
    pub by: DomainId,
    /// Up to where.
    pub chain: Chain,
    /// When.
    pub at: Timestamp,
}

impl Position {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a number exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let number = |field, value| i64::try_from(value).map_err(|_| Error::OutOfRange(field));
        Message::new()
            .with(VERSION, CURRENT)
            .with(FROM, self.from.as_str())
            .with(BY, self.by.as_str())
            .with(EPOCH, number(EPOCH, self.chain.epoch)?)
            .with(SEQUENCE, number(SEQUENCE, self.chain.sequence)?)
            .with(HEAD, self.chain.head.digest().as_slice())
            .with(AT, self.at.micros())
            .encode_within(POSITION_BYTES_MAX)
    }

    /// The position that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode_within(bytes, POSITION_BYTES_MAX)?);
        fields.take_constant(VERSION, CURRENT)?;
        let domain =
            |field, text: &str| DomainId::parse(text).map_err(|_| Error::OutOfRange(field));
        let position = Self {
            from: domain(FROM, &fields.take_text(FROM)?)?,
            by: domain(BY, &fields.take_text(BY)?)?,
            chain: Chain {
                epoch: fields.take_integer(EPOCH)?,
                sequence: fields.take_integer(SEQUENCE)?,
                head: EnvelopeId::of(fields.take_array(HEAD)?),
            },
            at: Timestamp::from_micros(fields.take_i64(AT)?),
        };
        fields.finish()?;
        Ok(position)
    }
}
