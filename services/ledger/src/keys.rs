//! The domain's key file: what the domain keys with, and the data key of every unit of erasure.

mod shared;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, atomic::AtomicU64},
};

use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _, Payload},
};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, Mac as _};
use samsyn_domain::{
    AreaId, Coordinates, PartyId, Period, PeriodKind, Sealed, Secret, Timestamp, UnitKey,
    command::Digest,
    commit::{canonical::Message, dsse::Signature, object::ReferenceKey, reader::Fields},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{Error, disk};

const FILE: &str = "keys.json";
const FORMAT: &str = "samsyn-keys/1";
const NONCE_BYTES: usize = 12;
/// Fields of what is sealed of an observation; a text alone has the first.
const NOTE: u16 = 1;
const LATITUDE: u16 = 2;
const LONGITUDE: u16 = 3;

/// The key file as it is written. Every key is 64 hexadecimal digits.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(fuzzing, derive(Default))]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    reference: String,
    cursor: String,
    digest: String,
    release: String,
    units: BTreeMap<String, String>,
    /// Other keys of units: of what is sealed under them it is not known whether it was taken into
    /// the log. They open, and nothing more is sealed under them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    others: BTreeMap<String, BTreeSet<String>>,
}

/// The domain's keys. Nothing of them is ever shown.
pub(crate) struct Keys {
    path: PathBuf,
    reference: ReferenceKey,
    cursor: [u8; 32],
    digest: [u8; 32],
    release: SigningKey,
    document: RwLock<Document>,
    /// The units in the order in which their keys came here; one comes again when it is replaced.
    came: RwLock<Vec<UnitKey>>,
    /// Keys that were replaced by those of a leader.
    replaced: AtomicU64,
    making: Mutex<()>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keys in {}", self.path.display())
    }
}

impl Keys {
    /// Opens the key file; makes one when there is none yet.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                // Whoever wrote it may have ended before it was durable.
                let file = File::open(&path).map_err(Error::io(&path))?;
                disk::sync_file(&file, &path)?;
                disk::sync_dir(dir)?;
                Self::of_text(&path, &text)
            }
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
                if holds_something(&dir.join("log"))? {
                    let what = "it is missing and the log beside it is not: restore it from its \
                                backup; without it nothing sealed can be read";
                    return Err(Error::damaged(&path, 0, what));
                }
                let document = Document {
                    format: FORMAT.to_owned(),
                    reference: fresh()?,
                    cursor: fresh()?,
                    digest: fresh()?,
                    release: fresh()?,
                    units: BTreeMap::new(),
                    others: BTreeMap::new(),
                };
                write(&path, &document)?;
                Self::of(&path, document)
            }
            Err(why) => Err(Error::io(&path)(why)),
        }
    }

    /// Reads what a key file holds.
    pub(crate) fn of_text(path: &Path, text: &str) -> Result<Self, Error> {
        let document = serde_json::from_str(text)
            .map_err(|why| Error::damaged(path, 0, format!("{why}; restore it")))?;
        Self::of(path, document)
    }

    fn of(path: &Path, document: Document) -> Result<Self, Error> {
        if document.format != FORMAT {
            let what = format!("its format is not `{FORMAT}`; use the program that wrote it");
            return Err(Error::damaged(path, 0, what));
        }
        let key = |hex: &str| {
            parse(hex).ok_or_else(|| {
                Error::damaged(path, 0, "a key is not 64 hexadecimal digits; restore the file")
            })
        };
        for unit in document.units.values().chain(document.others.values().flatten()) {
            key(unit)?;
        }
        let came = document.units.keys().map(|unit| UnitKey::named(unit)).collect();
        Ok(Self {
            reference: ReferenceKey::new(key(&document.reference)?),
            cursor: key(&document.cursor)?,
            digest: key(&document.digest)?,
            release: SigningKey::from_bytes(&key(&document.release)?),
            document: RwLock::new(document),
            came: RwLock::new(came),
            replaced: AtomicU64::new(0),
            making: Mutex::new(()),
            path: path.to_owned(),
        })
    }

    /// Keys that anybody knows and that are in no file.
    #[cfg(fuzzing)]
    pub(crate) fn known() -> Self {
        Self {
            reference: ReferenceKey::new([1; 32]),
            cursor: [2; 32],
            digest: [3; 32],
            release: SigningKey::from_bytes(&[4; 32]),
            document: RwLock::default(),
            came: RwLock::default(),
            replaced: AtomicU64::new(0),
            making: Mutex::default(),
            path: PathBuf::new(),
        }
    }

    /// A digest that names this key file, whatever units it holds.
    pub(crate) fn identity(&self) -> Digest {
        let mut hash = Sha256::new_with_prefix(b"samsyn key file 1");
        hash.update(mac(&self.digest, b"identity"));
        hash.update(self.release.verifying_key().as_bytes());
        hash.finalize().into()
    }

    pub(crate) const fn reference(&self) -> &ReferenceKey {
        &self.reference
    }

    /// The domain's public key for signatures.
    pub(crate) fn signer(&self) -> [u8; 32] {
        self.release.verifying_key().to_bytes()
    }

    pub(crate) fn sign_release(&self, bytes: &[u8]) -> Signature {
        Signature(self.release.sign(bytes).to_bytes())
    }

    /// A keyed digest for the log: of requests, views, events.
    pub(crate) fn digest(&self, what: &str, parts: &[&[u8]]) -> Digest {
        mac(&self.digest, &framed(what, parts))
    }

    /// A keyed digest for cursors and event ids.
    pub(crate) fn cursor_mac(&self, what: &str, parts: &[&[u8]]) -> Digest {
        mac(&self.cursor, &framed(what, parts))
    }

    /// Seals what a token says, for a release class: equal content gives equal bytes.
    pub(crate) fn seal_token(&self, class: &[u8], content: &[u8]) -> Result<Vec<u8>, Error> {
        seal(&self.cursor, b"cursor", class, content)
    }

    /// Opens a token of a release class; none when it is not one.
    pub(crate) fn open_token(&self, class: &[u8], token: &[u8]) -> Option<Vec<u8>> {
        open(&self.cursor, class, token)
    }

    /// The unit of erasure of a party's objects in an area and the month of a time.
    pub(crate) fn unit(party: &PartyId, area: &AreaId, at: Timestamp) -> UnitKey {
        Self::month_unit(&format!("{party}|{area}"), at)
    }

    /// The unit of erasure of something in the month of a time.
    pub(crate) fn month_unit(of: &str, at: Timestamp) -> UnitKey {
        let month = Period::holding(PeriodKind::Month, at);
        let month = month.map_or_else(String::new, |month| month.to_string());
        UnitKey::named(&format!("{of}|{month}"))
    }

    /// Makes the keys of units that have none yet, and makes them durable, all in one write: a key
    /// is on disk before anything sealed under it is in the log.
    pub(crate) fn make_units(&self, units: &BTreeSet<UnitKey>) -> Result<(), Error> {
        if units.iter().all(|unit| self.known_unit(unit).is_some()) {
            return Ok(());
        }
        self.change(|document| {
            let mut made = Vec::new();
            for unit in units {
                if !document.units.contains_key(unit.as_str()) {
                    document.units.insert(unit.as_str().to_owned(), fresh()?);
                    made.push(unit.clone());
                }
            }
            Ok(made)
        })
    }

    /// Changes the file, durably: it is on disk before anyone sees what is new. Nothing is written
    /// when the change is of no unit.
    fn change(
        &self,
        change: impl FnOnce(&mut Document) -> Result<Vec<UnitKey>, Error>,
    ) -> Result<(), Error> {
        // One writer at a time; who reads keys goes on meanwhile.
        let _making = self.making.lock().map_err(poisoned)?;
        let mut document = self.document.read().map_err(poisoned)?.clone();
        let changed = change(&mut document)?;
        if changed.is_empty() {
            return Ok(());
        }
        write(&self.path, &document)?;
        // INVARIANT: nothing is sealed under a key that is not on disk.
        *self.document.write().map_err(poisoned)? = document;
        self.came.write().map_err(poisoned)?.extend(changed);
        Ok(())
    }

    fn unit_key(&self, unit: &UnitKey) -> Result<[u8; 32], Error> {
        if let Some(key) = self.known_unit(unit) {
            return Ok(key);
        }
        self.make_units(&BTreeSet::from([unit.clone()]))?;
        let missing = || Error::Fatal("a unit key is missing after it was made".to_owned());
        self.known_unit(unit).ok_or_else(missing)
    }

    /// The units among some that have no key here.
    pub(crate) fn missing<'a>(
        &'a self,
        units: impl Iterator<Item = &'a UnitKey>,
    ) -> impl Iterator<Item = &'a UnitKey> {
        units.filter(|unit| self.known_unit(unit).is_none())
    }

    /// The key file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The key of a unit, when it is there.
    pub(crate) fn known_unit(&self, unit: &UnitKey) -> Option<[u8; 32]> {
        let document = self.document.read().ok()?;
        document.units.get(unit.as_str()).and_then(|hex| parse(hex))
    }

    /// Seals a message of an object: equal content of one object gives equal bytes.
    pub(crate) fn seal(
        &self,
        unit: &UnitKey,
        object: &str,
        message: &Message,
    ) -> Result<Sealed, Error> {
        let key = self.unit_key(unit)?;
        let content = message
            .encode()
            .map_err(|why| Error::Fatal(format!("a sealed field cannot be encoded: {why}")))?;
        let aad = unit.as_str().as_bytes();
        let bytes = seal(&key, object.as_bytes(), aad, &content)?;
        Ok(Sealed { key: unit.clone(), bytes: bytes.into() })
    }

    /// Opens what was sealed; none when its key is gone.
    pub(crate) fn open_message(&self, sealed: &Sealed) -> Option<Message> {
        let unit = sealed.key.as_str();
        let content = match open(&self.known_unit(&sealed.key)?, unit.as_bytes(), &sealed.bytes) {
            Some(content) => content,
            None => {
                let others = self.other_keys(&sealed.key);
                others.iter().find_map(|key| open(key, unit.as_bytes(), &sealed.bytes))?
            }
        };
        Message::decode(&content).ok()
    }

    /// Whether something is sealed under the key that its unit has now.
    pub(crate) fn is_of_now(&self, sealed: &Sealed) -> bool {
        let key = self.known_unit(&sealed.key);
        let open = |key| open(&key, sealed.key.as_str().as_bytes(), &sealed.bytes);
        key.and_then(open).is_some()
    }

    /// Seals note and coordinates; nothing when there are none.
    pub(crate) fn seal_secret(
        &self,
        unit: &UnitKey,
        object: &str,
        secret: &Secret,
    ) -> Result<Option<Sealed>, Error> {
        if secret.is_empty() {
            return Ok(None);
        }
        let message = Message::new()
            .with_opt(NOTE, secret.note.as_deref())
            .with_opt(LATITUDE, secret.coordinates.map(|c| i64::from(c.lat_e7)))
            .with_opt(LONGITUDE, secret.coordinates.map(|c| i64::from(c.lon_e7)));
        self.seal(unit, object, &message).map(Some)
    }

    /// Opens note and coordinates.
    pub(crate) fn open_secret(&self, sealed: &Sealed) -> Option<Secret> {
        let mut fields = Fields::of(self.open_message(sealed)?);
        let note = fields.take_opt_text(NOTE).ok()?;
        let lat_e7 = fields.take_opt_i64(LATITUDE).ok()?;
        let lon_e7 = fields.take_opt_i64(LONGITUDE).ok()?;
        let coordinates = lat_e7.zip(lon_e7).and_then(|(lat, lon)| {
            Coordinates::on_globe(i32::try_from(lat).ok()?, i32::try_from(lon).ok()?)
        });
        Some(Secret { note, coordinates })
    }

    /// Seals one text; nothing when there is none.
    pub(crate) fn seal_text(
        &self,
        unit: &UnitKey,
        object: &str,
        text: Option<&str>,
    ) -> Result<Option<Sealed>, Error> {
        let secret = Secret { note: text.map(str::to_owned), coordinates: None };
        self.seal_secret(unit, object, &secret)
    }
}

fn poisoned<T>(_: PoisonError<T>) -> Error {
    Error::Fatal("the key lock is poisoned".to_owned())
}

fn holds_something(dir: &Path) -> Result<bool, Error> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(why) => Err(Error::io(dir)(why)),
    }
}

/// 32 fresh random bytes.
pub(crate) fn random() -> Result<[u8; 32], Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|why| Error::Fatal(format!("the system gives no randomness: {why}")))?;
    Ok(bytes)
}

/// Nonce, ciphertext, tag. The nonce is a keyed hash of the object and the content (synthetic, as
/// in RFC 8452): equal content of one object gives equal bytes.
fn seal(key: &[u8; 32], object: &[u8], aad: &[u8], content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut nonce = mac(key, &framed("nonce", &[object, content])).to_vec();
    nonce.truncate(NONCE_BYTES);
    let cipher = ChaCha20Poly1305::new(&mac(key, &framed("seal", &[])).into());
    let sealed = cipher
        .encrypt(nonce.as_slice().into(), Payload { msg: content, aad })
        .map_err(|_| Error::Fatal("a field cannot be sealed".to_owned()))?;
    Ok([nonce, sealed].concat())
}

fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, content) = sealed.split_at_checked(NONCE_BYTES)?;
    let cipher = ChaCha20Poly1305::new(&mac(key, &framed("seal", &[])).into());
    cipher.decrypt(nonce.into(), Payload { msg: content, aad }).ok()
}

fn fresh() -> Result<String, Error> {
    random().map(hex::encode)
}

fn parse(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn framed(what: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in std::iter::once(what.as_bytes()).chain(parts.iter().copied()) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    bytes
}

fn mac(key: &[u8; 32], bytes: &[u8]) -> Digest {
    // HMAC takes a key of any length, so this never fails; a refusal would give an unusable tag.
    <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).map_or([0; 32], |mut mac| {
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    })
}

fn text(document: &Document) -> Result<String, Error> {
    serde_json::to_string_pretty(document)
        .map_err(|why| Error::Fatal(format!("the key file cannot be written: {why}")))
}

/// Writes the whole file anew: beside it, synced, then in its place.
fn write(path: &Path, document: &Document) -> Result<(), Error> {
    let text = text(document)?;
    let new = path.with_extension("new");
    let mut file = private(&new).map_err(Error::io(path))?;
    file.write_all(text.as_bytes()).map_err(Error::io(path))?;
    disk::sync_file(&file, &new)?;
    disk::replace(&new, path)
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> std::io::Result<File> {
    File::create(path)
}

#[cfg(test)]
mod tests;
