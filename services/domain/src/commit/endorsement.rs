//! Endorsements: one function's answer to one edition and round.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::is_nfc;

use super::Error;
use super::canonical::{Message, Value};
use super::hash::{Digest, TAG_BASIS, TAG_RESERVATION, hash};
use super::object::ObjectId;
use super::reader::Fields;
use super::salt::Salt;

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const AGREEMENT: u16 = 3;
const DESCRIPTOR: u16 = 4;
const AREA: u16 = 5;
const EDITION: u16 = 6;
const ROUND: u16 = 7;
const TRACK: u16 = 8;
const FROM: u16 = 9;
const TO: u16 = 10;
const CONTENT_ROOT: u16 = 11;
const BASIS: u16 = 12;
const PARTY: u16 = 13;
const ROLE: u16 = 14;
const VERDICT: u16 = 15;
const RESERVATION: u16 = 16;

const BASIS_PICTURES: u16 = 1;
const BASIS_DECISIONS: u16 = 2;
const BASIS_REVISION: u16 = 3;

const PICTURE_PARTY: u16 = 1;
const PICTURE_AREA: u16 = 2;
const PICTURE_VERSION: u16 = 3;

/// The version of this form.
const CURRENT: i64 = 1;

/// What a function answers to an edition in review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// 1: it endorses.
    Endorse,
    /// 2: it endorses with a reservation (*reservation*).
    Reserve,
    /// 3: it objects; the edition is contested and has no valid proof.
    Object,
}

/// The payload that a function signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// The domain that keeps the area's joint picture.
    pub domain: String,
    /// The agreement.
    pub agreement: String,
    /// Digest of the descriptor in force.
    pub descriptor: Digest,
    /// The area.
    pub area: String,
    /// The edition (*utgåva*).
    pub edition: String,
    /// The round: one more at each lock, which voids all earlier answers.
    pub round: u32,
    /// The track of the descriptor whose functions must endorse.
    pub track: String,
    /// Start of the period, in microseconds since 1970, inside it.
    pub from: i64,
    /// End of the period, in microseconds since 1970, outside it; later than the start.
    pub to: i64,
    /// The root that the function's own client has rebuilt.
    pub content_root: Digest,
    /// Commitment to the [`Basis`].
    pub basis: Digest,
    /// The party that answers.
    pub party: String,
    /// The role in which it answers.
    pub role: String,
    /// The answer.
    pub verdict: Verdict,
    /// Commitment to the text of a reservation or objection, empty when there is none; always
    /// there, so that its presence says nothing.
    pub reservation: Digest,
}

/// What an edition was made from: exact versions, decisions and the area's revision.
///
/// Which objects were left out, and how many, is not part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// Version of each own picture (*egen lägesbild*), by party and area.
    pub pictures: BTreeMap<(String, String), u64>,
    /// The decisions in force.
    pub decisions: BTreeSet<ObjectId>,
    /// Revision of the area's joint picture at the lock.
    pub revision: u64,
}

impl Verdict {
    /// The number that stands in canonical bytes, 1 to 3.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Endorse => 1,
            Self::Reserve => 2,
            Self::Object => 3,
        }
    }
}

impl TryFrom<i64> for Verdict {
    type Error = Error;

    fn try_from(code: i64) -> Result<Self, Error> {
        match code {
            1 => Ok(Self::Endorse),
            2 => Ok(Self::Reserve),
            3 => Ok(Self::Object),
            other => Err(Error::UnknownCode(other)),
        }
    }
}

impl Endorsement {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When the period does not end after it starts, or a text is not NFC.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        if self.from >= self.to {
            return Err(Error::OutOfRange(TO));
        }
        Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(AGREEMENT, self.agreement.as_str())
            .with(DESCRIPTOR, self.descriptor.0.as_slice())
            .with(AREA, self.area.as_str())
            .with(EDITION, self.edition.as_str())
            .with(ROUND, self.round)
            .with(TRACK, self.track.as_str())
            .with(FROM, self.from)
            .with(TO, self.to)
            .with(CONTENT_ROOT, self.content_root.0.as_slice())
            .with(BASIS, self.basis.0.as_slice())
            .with(PARTY, self.party.as_str())
            .with(ROLE, self.role.as_str())
            .with(VERDICT, i64::from(self.verdict.code()))
            .with(RESERVATION, self.reservation.0.as_slice())
            .encode()
    }

    /// The endorsement that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        fields.take_constant(VERSION, CURRENT)?;
        let endorsement = Self {
            domain: fields.take_text(DOMAIN)?,
            agreement: fields.take_text(AGREEMENT)?,
            descriptor: Digest(fields.take_array(DESCRIPTOR)?),
            area: fields.take_text(AREA)?,
            edition: fields.take_text(EDITION)?,
            round: fields.take_integer(ROUND)?,
            track: fields.take_text(TRACK)?,
            from: fields.take_i64(FROM)?,
            to: fields.take_i64(TO)?,
            content_root: Digest(fields.take_array(CONTENT_ROOT)?),
            basis: Digest(fields.take_array(BASIS)?),
            party: fields.take_text(PARTY)?,
            role: fields.take_text(ROLE)?,
            verdict: fields.take_integer(VERDICT)?,
            reservation: Digest(fields.take_array(RESERVATION)?),
        };
        fields.finish()?;
        if endorsement.from >= endorsement.to {
            return Err(Error::OutOfRange(TO));
        }
        Ok(endorsement)
    }
}

impl Basis {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC, or a version or revision exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let mut pictures = Vec::with_capacity(self.pictures.len());
        for ((party, area), version) in &self.pictures {
            let version =
                i64::try_from(*version).map_err(|_| Error::OutOfRange(PICTURE_VERSION))?;
            let picture = Message::new()
                .with(PICTURE_PARTY, party.as_str())
                .with(PICTURE_AREA, area.as_str())
                .with(PICTURE_VERSION, version);
            pictures.push(Value::Message(picture));
        }
        let decision = |decision: &ObjectId| Value::from(decision.as_bytes().as_slice());
        let revision =
            i64::try_from(self.revision).map_err(|_| Error::OutOfRange(BASIS_REVISION))?;
        Message::new()
            .with(BASIS_PICTURES, Value::set(pictures)?)
            .with(BASIS_DECISIONS, Value::set(self.decisions.iter().map(decision))?)
            .with(BASIS_REVISION, revision)
            .encode()
    }

    /// The basis that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        let mut basis = Self::default();
        for picture in fields.take_message_set(BASIS_PICTURES)? {
            let mut fields = Fields::of(picture);
            let key = (fields.take_text(PICTURE_PARTY)?, fields.take_text(PICTURE_AREA)?);
            let version = fields.take_integer(PICTURE_VERSION)?;
            fields.finish()?;
            if basis.pictures.insert(key, version).is_some() {
                return Err(Error::OutOfRange(BASIS_PICTURES));
            }
        }
        for decision in fields.take_set(BASIS_DECISIONS)? {
            let Value::Bytes(bytes) = decision else {
                return Err(Error::Mistyped(BASIS_DECISIONS));
            };
            let id = bytes.try_into().map_err(|_| Error::OutOfRange(BASIS_DECISIONS))?;
            basis.decisions.insert(ObjectId::new(id));
        }
        basis.revision = fields.take_integer(BASIS_REVISION)?;
        fields.finish()?;
        Ok(basis)
    }

    /// `H(0x04 ‖ s_b ‖ canonical basis)`: field 12 of the endorsement.
    ///
    /// # Errors
    /// As [`Basis::encode`].
    pub fn commitment(&self, salt: &Salt) -> Result<Digest, Error> {
        Ok(hash(&[&[TAG_BASIS], salt.as_bytes(), &self.encode()?]))
    }
}

/// `H(0x05 ‖ s_r ‖ text)`: field 16 of the endorsement. The text is UTF-8 without a length.
///
/// # Errors
/// When the text is not NFC.
pub fn reservation_commitment(salt: &Salt, text: &str) -> Result<Digest, Error> {
    if !is_nfc(text) {
        return Err(Error::NotNormalized);
    }
    Ok(hash(&[&[TAG_RESERVATION], salt.as_bytes(), text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endorsement() -> Endorsement {
        Endorsement {
            domain: "stockholm.se".into(),
            agreement: "farsta-2024".into(),
            descriptor: Digest([1; 32]),
            area: "farsta".into(),
            edition: "farsta/2025-W40/operative".into(),
            round: 1,
            track: "operative".into(),
            from: 0,
            to: 1,
            content_root: Digest([2; 32]),
            basis: Digest([3; 32]),
            party: "lpo-syd".into(),
            role: "kommunpolis".into(),
            verdict: Verdict::Reserve,
            reservation: Digest([4; 32]),
        }
    }

    proptest! {
        #[test]
        fn endorsements_come_back_as_they_were(
            round in any::<u32>(), from in any::<i32>(), days in 1_u32.., code in 1_i64..=3
        ) {
            let from = i64::from(from);
            let verdict = Verdict::try_from(code).unwrap();
            let to = from.saturating_add(days.into());
            let made = Endorsement { round, from, to, verdict, ..endorsement() };
            prop_assert_eq!(Endorsement::decode(&made.encode().unwrap()), Ok(made));
        }

        #[test]
        fn a_basis_comes_back_as_it_was(
            pictures in
                proptest::collection::btree_map(("[a-ö]{1,5}", "[a-z]{1,5}"), 0..9_u64, 0..6),
            decisions in proptest::collection::btree_set(any::<[u8; 16]>(), 0..6),
            revision in 0..=i64::MAX as u64,
        ) {
            let decisions = decisions.into_iter().map(ObjectId::new).collect();
            let basis = Basis { pictures, decisions, revision };
            prop_assert_eq!(Basis::decode(&basis.encode().unwrap()), Ok(basis));
        }
    }

    #[test]
    fn every_field_must_be_there_and_no_other() {
        let good = Message::decode(&endorsement().encode().unwrap()).unwrap();
        for left_out in VERSION..=RESERVATION {
            let fields = good.fields().filter(|(number, _)| *number != left_out);
            let message = fields.fold(Message::new(), |m, (n, value)| m.with(n, value.clone()));
            let decoded = Endorsement::decode(&message.encode().unwrap());
            assert_eq!(decoded, Err(Error::Missing(left_out)));
        }
        let over = good.with(17, true).encode().unwrap();
        assert_eq!(Endorsement::decode(&over), Err(Error::UnknownField(17)));
    }

    #[test]
    fn a_fourth_verdict_or_an_empty_period_is_refused() {
        let good = Message::decode(&endorsement().encode().unwrap()).unwrap();
        let verdict = good.clone().with(VERDICT, 4_i64).encode().unwrap();
        assert_eq!(Endorsement::decode(&verdict), Err(Error::OutOfRange(VERDICT)));
        let empty = good.with(TO, 0_i64).encode().unwrap();
        assert_eq!(Endorsement::decode(&empty), Err(Error::OutOfRange(TO)));
        let empty = Endorsement { from: 1, ..endorsement() };
        assert_eq!(empty.encode(), Err(Error::OutOfRange(TO)));
    }

    #[test]
    fn one_picture_in_two_versions_is_refused() {
        let picture = |version: i64| {
            let fields = Message::new().with(PICTURE_PARTY, "a").with(PICTURE_AREA, "b");
            Value::Message(fields.with(PICTURE_VERSION, version))
        };
        let message = Message::decode(&Basis::default().encode().unwrap()).unwrap();
        let twice = Value::set([picture(1), picture(2)]).unwrap();
        let bytes = message.with(BASIS_PICTURES, twice).encode().unwrap();
        assert_eq!(Basis::decode(&bytes), Err(Error::OutOfRange(BASIS_PICTURES)));
    }

    #[test]
    fn commitments_depend_on_salt_and_content() {
        let [one, two] = [[1; 32], [2; 32]].map(Salt::new);
        let basis = Basis { revision: 1, ..Basis::default() };
        let commit = |basis: &Basis, salt| basis.commitment(salt).unwrap();
        assert_ne!(commit(&basis, &one), commit(&basis, &two));
        assert_ne!(commit(&basis, &one), commit(&Basis::default(), &one));
        let reserve = |salt, text| reservation_commitment(salt, text).unwrap();
        assert_ne!(reserve(&one, ""), reserve(&two, ""));
        assert_ne!(reserve(&one, ""), reserve(&one, "skäl"));
        assert_eq!(reservation_commitment(&one, "a\u{30a}"), Err(Error::NotNormalized));
    }
}
