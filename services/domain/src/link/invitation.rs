//! What a domain says of itself to one that it would be linked with.

use std::{collections::BTreeMap, fmt};

use crate::{
    Timestamp,
    commit::{
        Error,
        canonical::{Message, Value},
        hash,
        reader::Fields,
    },
};

/// The longest invitation, in bytes.
pub const INVITATION_BYTES_MAX: usize = 128 * 1024;
/// How many endpoints, authorities and organisations it names at most, of each.
const PARTS_MAX: usize = 64;

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const FEDERATION: u16 = 3;
const ENDPOINTS: u16 = 4;
const AUTHORITIES: u16 = 5;
const PUBLIC_KEY: u16 = 6;
const ORGANISATIONS: u16 = 7;
const MADE_AT: u16 = 8;

const ORGNR: u16 = 1;
const NAME: u16 = 2;

/// The version of this form.
const CURRENT: i64 = 1;

/// An invitation. It is signed by the key that it names: that it is the domain's is for people to
/// find out, by comparing fingerprints over another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The domain.
    pub domain: String,
    /// Its federation.
    pub federation: String,
    /// Where it listens for links, `host:port`.
    pub endpoints: Vec<String>,
    /// The authorities that issue its link certificates, PEM.
    pub authorities: Vec<String>,
    /// The Ed25519 key with which it signs.
    pub public_key: [u8; 32],
    /// The organisations that are at home there: number and name.
    pub organisations: BTreeMap<String, String>,
    /// When it was made.
    pub made_at: Timestamp,
}

/// The fingerprint of a domain's key and authorities: 128 bits of a digest. Whoever would have
/// another key taken for it has to find one with this very fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Reads 32 hexadecimal digits, with whatever blanks, colons and hyphens between them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_gap = |c: &char| c.is_whitespace() || matches!(c, ':' | '-');
        let digits: String = text.chars().filter(|c| !is_gap(c)).collect();
        let mut bytes = [0; 16];
        hex::decode_to_slice(digits, &mut bytes).ok().map(|()| Self(bytes))
    }
}

/// Eight groups of four digits, to be read out.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.chunks(2).enumerate() {
            let gap = if place == 0 { "" } else { " " };
            write!(f, "{gap}{}", hex::encode(group))?;
        }
        Ok(())
    }
}

impl Invitation {
    /// What the operators of both domains compare over another way: of the key and of every
    /// authority. What else it says is signed by that key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let authorities = self.authorities.iter().map(|pem| hash::hash(&[pem.as_bytes()]).0);
        let parts: Vec<[u8; 32]> = std::iter::once(self.public_key).chain(authorities).collect();
        let digest = hash::hash(&[&[hash::TAG_FINGERPRINT], parts.as_flattened()]);
        Fingerprint(digest.0.first_chunk().copied().unwrap_or_default())
    }

    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let texts = |texts: &[String]| {
            Value::List(texts.iter().map(|text| Value::from(text.as_str())).collect())
        };
        let organisations = self.organisations.iter().map(|(orgnr, name)| {
            Value::from(Message::new().with(ORGNR, orgnr.as_str()).with(NAME, name.as_str()))
        });
        Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(FEDERATION, self.federation.as_str())
            .with(ENDPOINTS, texts(&self.endpoints))
            .with(AUTHORITIES, texts(&self.authorities))
            .with(PUBLIC_KEY, self.public_key.as_slice())
            .with(ORGANISATIONS, Value::List(organisations.collect()))
            .with(MADE_AT, self.made_at.micros())
            .encode_within(INVITATION_BYTES_MAX)
    }

    /// The invitation that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode_within(bytes, INVITATION_BYTES_MAX)?);
        fields.take_constant(VERSION, CURRENT)?;
        let invitation = Self {
            domain: fields.take_text(DOMAIN)?,
            federation: fields.take_text(FEDERATION)?,
            endpoints: texts(&mut fields, ENDPOINTS)?,
            authorities: texts(&mut fields, AUTHORITIES)?,
            public_key: fields.take_array(PUBLIC_KEY)?,
            organisations: organisations(&mut fields)?,
            made_at: Timestamp::from_micros(fields.take_i64(MADE_AT)?),
        };
        fields.finish()?;
        Ok(invitation)
    }
}

fn organisations(fields: &mut Fields) -> Result<BTreeMap<String, String>, Error> {
    let rows = fields.take_messages(ORGANISATIONS)?;
    if rows.len() > PARTS_MAX {
        return Err(Error::OutOfRange(ORGANISATIONS));
    }
    let mut organisations = BTreeMap::new();
    for row in rows {
        let mut fields = Fields::of(row);
        let (orgnr, name) = (fields.take_text(ORGNR)?, fields.take_text(NAME)?);
        fields.finish()?;
        // One order, so that there is one encoding.
        if organisations.last_key_value().is_some_and(|(last, _)| *last >= orgnr) {
            return Err(Error::OutOfRange(ORGANISATIONS));
        }
        organisations.insert(orgnr, name);
    }
    Ok(organisations)
}

fn texts(fields: &mut Fields, number: u16) -> Result<Vec<String>, Error> {
    let items = fields.take_list(number)?;
    if items.len() > PARTS_MAX {
        return Err(Error::OutOfRange(number));
    }
    let text = |item| match item {
        Value::Text(text) => Ok(text),
        Value::I64(_) | Value::Bytes(_) | Value::List(_) | Value::Message(_) | Value::Bool(_) => {
            Err(Error::Mistyped(number))
        }
    };
    items.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        Invitation {
            domain: "a.example".into(),
            federation: "f.example".into(),
            endpoints: vec!["a.example:7446".into()],
            authorities: vec!["one".into(), "two".into()],
            public_key: [7; 32],
            organisations: BTreeMap::from([("2120000142".into(), "Staden".into())]),
            made_at: Timestamp::ZERO,
        }
    }

    #[test]
    fn an_invitation_is_read_as_it_was_written() {
        let bytes = invitation().encode().unwrap();
        assert_eq!(Invitation::decode(&bytes), Ok(invitation()));
        for cut in 0..bytes.len() {
            assert!(Invitation::decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn a_fingerprint_is_of_the_key_and_of_every_authority_and_can_be_read_out() {
        let whole = invitation().fingerprint();
        let other_key = Invitation { public_key: [8; 32], ..invitation() };
        let fewer = Invitation { authorities: vec!["one".into()], ..invitation() };
        let joined = Invitation { authorities: vec!["onetwo".into()], ..invitation() };
        for other in [other_key, fewer, joined] {
            assert_ne!(other.fingerprint(), whole);
        }
        let moved = Invitation { endpoints: vec!["b.example:1".into()], ..invitation() };
        assert_eq!(moved.fingerprint(), whole);
        let told = whole.to_string();
        assert_eq!(told.split(' ').map(str::len).collect::<Vec<_>>(), [4; 8]);
        for spelled in [told.clone(), told.to_uppercase(), told.replace(' ', ":-\n")] {
            assert_eq!(Fingerprint::parse(&spelled), Some(whole), "{spelled}");
        }
        for no in ["", told.split_at(38).0, &format!("{told}0"), &told.replace(' ', "+")] {
            assert_eq!(Fingerprint::parse(no), None, "{no}");
        }
    }
}
