//! The descriptor: who must endorse, with which keys, and under which rules editions are made.
//!
//! Signed by every key that stands in its tracks; a new one by those and by those of the one it
//! replaces. A partner pins its digest when it is taken on, and moves the pin by hand or by a new
//! descriptor signed so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Error;
use super::canonical::{Message, Value};
use super::hash::{Digest, TAG_DESCRIPTOR, TAG_KEY, hash};
use super::reader::Fields;
use super::tree::Depth;

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const AGREEMENT: u16 = 3;
const VALID_FROM: u16 = 4;
const DEPTH: u16 = 5;
const PROFILE: u16 = 6;
const MERGE_VERSION: u16 = 7;
const TRACKS: u16 = 8;
const RELEASE_KEY: u16 = 9;

const TRACK_NAME: u16 = 1;
const TRACK_REQUIRED: u16 = 2;

const REQUIRED_PARTY: u16 = 1;
const REQUIRED_ROLE: u16 = 2;
const REQUIRED_KEY: u16 = 3;

const KEY_ALGORITHM: u16 = 1;
const KEY_BYTES: u16 = 2;

/// The version of this form.
const CURRENT: i64 = 1;

/// A public key and what it is for. Whether it is a point of its curve is asked where a signature
/// is verified.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublicKey {
    /// Algorithm 1: Ed25519 (RFC 8032), verified strictly: a scalar below the group order, no
    /// point of small order, the equation without cofactor.
    Ed25519([u8; 32]),
    /// Algorithm 2: ECDSA over P-256 with SHA-256 (FIPS 186-5); the key is the uncompressed point
    /// (SEC 1, section 2.3.3), the signature r ‖ s with s in the lower half.
    P256([u8; P256_BYTES]),
}

/// The length of an uncompressed point of P-256.
const P256_BYTES: usize = 65;
/// How an uncompressed point begins.
const UNCOMPRESSED: u8 = 4;

/// Someone whose answer counts: a party (*part*) in a role (*funktion*).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// The party.
    pub party: String,
    /// The role in which it answers.
    pub role: String,
}

/// Everyone who must endorse an edition of one track, each with its key.
pub type Track = BTreeMap<Function, PublicKey>;

/// What the signatories of an agreement have agreed about editions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// The domain that keeps the area's joint picture.
    pub domain: String,
    /// The agreement (*samverkansöverenskommelse*).
    pub agreement: String,
    /// From when, in microseconds since 1970.
    pub valid_from: i64,
    /// Depth of every edition tree.
    pub depth: Depth,
    /// Digest of the disclosure-control profile that makes the variants.
    pub profile: Digest,
    /// Version of the merge rules.
    pub merge_version: u32,
    /// The tracks by name, at least one, each with at least one function.
    pub tracks: BTreeMap<String, Track>,
    /// The key that signs release manifests; it endorses nothing.
    pub release_key: PublicKey,
}

impl PublicKey {
    /// `H(0x06 ‖ u8 algorithm ‖ key)`: how an envelope names the key of a signature.
    #[must_use]
    pub fn id(&self) -> Digest {
        hash(&[&[TAG_KEY, self.algorithm()], self.as_bytes()])
    }

    /// The number of the algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> u8 {
        match self {
            Self::Ed25519(_) => 1,
            Self::P256(_) => 2,
        }
    }

    /// From hexadecimal digits: 64 for Ed25519, 130 for P-256.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        let bytes = hex::decode(digits).ok()?;
        if let Ok(key) = bytes.as_slice().try_into() {
            return Some(Self::Ed25519(key));
        }
        let key: [u8; P256_BYTES] = bytes.try_into().ok()?;
        key.starts_with(&[UNCOMPRESSED]).then_some(Self::P256(key))
    }

    /// The encoded key: 32 bytes for Ed25519, 65 for P-256.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(bytes) => bytes,
            Self::P256(bytes) => bytes,
        }
    }

    fn to_message(self) -> Message {
        Message::new()
            .with(KEY_ALGORITHM, i64::from(self.algorithm()))
            .with(KEY_BYTES, self.as_bytes())
    }

    fn from_message(message: Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let key = match fields.take_i64(KEY_ALGORITHM)? {
            1 => Self::Ed25519(fields.take_array(KEY_BYTES)?),
            2 => Self::P256(fields.take_array(KEY_BYTES)?),
            _ => return Err(Error::OutOfRange(KEY_ALGORITHM)),
        };
        fields.finish()?;
        if matches!(key, Self::P256(bytes) if !bytes.starts_with(&[UNCOMPRESSED])) {
            return Err(Error::OutOfRange(KEY_BYTES));
        }
        Ok(key)
    }
}

impl Descriptor {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When there is no track, a track without functions, one key for two functions, or the
    /// release key among the endorsers; or a text is not NFC.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let tracks = self.tracks.iter().map(|(name, track)| track_message(name, track));
        let tracks: Vec<Value> = tracks.collect::<Result<_, _>>()?;
        Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(AGREEMENT, self.agreement.as_str())
            .with(VALID_FROM, self.valid_from)
            .with(DEPTH, i64::from(self.depth.levels()))
            .with(PROFILE, self.profile.0.as_slice())
            .with(MERGE_VERSION, self.merge_version)
            .with(TRACKS, Value::set(tracks)?)
            .with(RELEASE_KEY, self.release_key.to_message())
            .encode()
    }

    /// The descriptor that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        fields.take_constant(VERSION, CURRENT)?;
        let descriptor = Self {
            domain: fields.take_text(DOMAIN)?,
            agreement: fields.take_text(AGREEMENT)?,
            valid_from: fields.take_i64(VALID_FROM)?,
            depth: fields.take_integer(DEPTH)?,
            profile: Digest(fields.take_array(PROFILE)?),
            merge_version: fields.take_integer(MERGE_VERSION)?,
            tracks: read_tracks(fields.take_message_set(TRACKS)?)?,
            release_key: PublicKey::from_message(fields.take_message(RELEASE_KEY)?)?,
        };
        fields.finish()?;
        descriptor.check()?;
        Ok(descriptor)
    }

    /// What partners pin and endorsements name: `H(0x02 ‖ canonical bytes)`.
    ///
    /// # Errors
    /// As [`Descriptor::encode`].
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(&[&[TAG_DESCRIPTOR], &self.encode()?]))
    }

    /// The keys that must all sign this descriptor: those of its tracks.
    #[must_use]
    pub fn signers(&self) -> BTreeSet<PublicKey> {
        self.tracks.values().flat_map(Track::values).copied().collect()
    }

    /// One key speaks for one function, or one holder could endorse as two.
    fn check(&self) -> Result<(), Error> {
        if self.tracks.is_empty() {
            return Err(Error::OutOfRange(TRACKS));
        }
        let mut holders = BTreeMap::new();
        for track in self.tracks.values() {
            if track.is_empty() {
                return Err(Error::OutOfRange(TRACK_REQUIRED));
            }
            for (function, key) in track {
                if holders.insert(key, function).is_some_and(|earlier| earlier != function) {
                    return Err(Error::OutOfRange(REQUIRED_KEY));
                }
            }
        }
        if holders.contains_key(&self.release_key) {
            return Err(Error::OutOfRange(RELEASE_KEY));
        }
        Ok(())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

fn track_message(name: &str, track: &Track) -> Result<Value, Error> {
    let required = track.iter().map(|(function, key)| {
        Value::Message(
            Message::new()
                .with(REQUIRED_PARTY, function.party.as_str())
                .with(REQUIRED_ROLE, function.role.as_str())
                .with(REQUIRED_KEY, key.to_message()),
        )
    });
    let message = Message::new().with(TRACK_NAME, name);
    Ok(Value::Message(message.with(TRACK_REQUIRED, Value::set(required)?)))
}

fn read_tracks(messages: Vec<Message>) -> Result<BTreeMap<String, Track>, Error> {
    let mut tracks = BTreeMap::new();
    for message in messages {
        let mut fields = Fields::of(message);
        let name = fields.take_text(TRACK_NAME)?;
        let mut track = Track::new();
        for required in fields.take_message_set(TRACK_REQUIRED)? {
            let mut fields = Fields::of(required);
            let party = fields.take_text(REQUIRED_PARTY)?;
            let role = fields.take_text(REQUIRED_ROLE)?;
            let key = PublicKey::from_message(fields.take_message(REQUIRED_KEY)?)?;
            fields.finish()?;
            if track.insert(Function { party, role }, key).is_some() {
                return Err(Error::OutOfRange(TRACK_REQUIRED));
            }
        }
        fields.finish()?;
        if tracks.insert(name, track).is_some() {
            return Err(Error::OutOfRange(TRACKS));
        }
    }
    Ok(tracks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(byte: u8) -> PublicKey {
        PublicKey::Ed25519([byte; 32])
    }

    fn function(party: &str, role: &str) -> Function {
        Function { party: party.into(), role: role.into() }
    }

    fn descriptor() -> Descriptor {
        let track = Track::from([
            (function("farsta", "coordinator"), key(1)),
            (function("lpo-syd", "kommunpolis"), key(2)),
        ]);
        Descriptor {
            domain: "stockholm.se".into(),
            agreement: "farsta-2024".into(),
            valid_from: 1_704_063_600_000_000,
            depth: Depth::DEFAULT,
            profile: Digest([5; 32]),
            merge_version: 1,
            tracks: BTreeMap::from([("operative".into(), track)]),
            release_key: key(9),
        }
    }

    proptest! {
        #[test]
        fn descriptors_come_back_as_they_were(
            names in proptest::collection::btree_set("[a-zåäö]{1,9}", 1..5),
            roles in proptest::collection::btree_set("[a-z]{1,9}", 1..4),
            valid_from in any::<i64>(),
            levels in 1_i64..=32,
        ) {
            let track: Track = (10..).zip(&roles)
                .map(|(byte, role)| (function("part", role), key(byte)))
                .collect();
            let tracks = names.into_iter().map(|name| (name, track.clone())).collect();
            let depth = Depth::try_from(levels).unwrap();
            let made = Descriptor { valid_from, depth, tracks, ..descriptor() };
            prop_assert_eq!(Descriptor::decode(&made.encode().unwrap()), Ok(made));
        }
    }

    #[test]
    fn one_key_for_two_functions_is_refused() {
        let mut made = descriptor();
        let track = made.tracks.get_mut("operative").unwrap();
        track.insert(function("farsta", "kommunpolis"), key(1));
        assert_eq!(made.encode(), Err(Error::OutOfRange(REQUIRED_KEY)));
    }

    #[test]
    fn one_function_has_its_key_in_every_track() {
        let mut made = descriptor();
        let operative = made.tracks["operative"].clone();
        made.tracks.insert("strategic".into(), operative);
        assert_eq!(made.signers(), BTreeSet::from([key(1), key(2)]));
        assert_eq!(Descriptor::decode(&made.encode().unwrap()), Ok(made));
    }

    #[test]
    fn a_release_key_that_also_endorses_is_refused() {
        let made = Descriptor { release_key: key(2), ..descriptor() };
        assert_eq!(made.encode(), Err(Error::OutOfRange(RELEASE_KEY)));
    }

    #[test]
    fn a_track_that_nobody_must_endorse_is_refused() {
        let none = Descriptor { tracks: BTreeMap::new(), ..descriptor() };
        assert_eq!(none.encode(), Err(Error::OutOfRange(TRACKS)));
        let tracks = BTreeMap::from([("operative".into(), Track::new())]);
        let empty = Descriptor { tracks, ..descriptor() };
        assert_eq!(empty.encode(), Err(Error::OutOfRange(TRACK_REQUIRED)));
    }

    #[test]
    fn row27_an_unknown_version_algorithm_or_field_is_refused() {
        let decode = |message: &Message| Descriptor::decode(&message.encode().unwrap());
        let good = Message::decode(&descriptor().encode().unwrap()).unwrap();
        let refused = [
            (good.clone().with(VERSION, 2_i64), Error::OutOfRange(VERSION)),
            (good.clone().with(10, true), Error::UnknownField(10)),
            (good.clone().with(DEPTH, 0_i64), Error::OutOfRange(DEPTH)),
            (
                good.with(RELEASE_KEY, key(3).to_message().with(KEY_ALGORITHM, 3_i64)),
                Error::OutOfRange(KEY_ALGORITHM),
            ),
        ];
        for (message, error) in refused {
            assert_eq!(decode(&message), Err(error));
        }
    }

    #[test]
    fn any_change_gives_another_digest() {
        let digest = descriptor().digest().unwrap();
        let later = Descriptor { valid_from: 0, ..descriptor() };
        assert_ne!(later.digest().unwrap(), digest);
    }
}
