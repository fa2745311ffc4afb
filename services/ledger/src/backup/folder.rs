//! A backup in a folder: what it says, whether its files are those, and what is in them.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use age::{DecryptError, stream::StreamReader};
use samsyn_domain::{FeatureLevel, State, row::Row};
use sha2::{Digest as _, Sha256};

use super::{BadBackup, Identities, KEYS, MANIFEST, Manifest, ROWS, SIGNATURE, survey::Survey};
use crate::{Error, Levels, keys::Keys, snapshot};

/// The largest manifest and the largest key file that are read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1024 * 1024;
const KEYS_BYTES_MAX: u64 = 1024 * 1024 * 1024;
const MEND: &str = "take another copy, or another backup";

/// Checks what can be checked without a secret key: the format, the domain's signature over the
/// manifest, and that every part is what was written. Gives what the manifest says.
///
/// # Errors
/// What does not hold.
pub fn verify(from: &Path) -> Result<Manifest, BadBackup> {
    verified(from, Levels::default().knows)
}

fn verified(from: &Path, knows: FeatureLevel) -> Result<Manifest, BadBackup> {
    let manifest = manifest(from, knows)?;
    for name in [KEYS, ROWS] {
        check(from, &manifest, name)?;
    }
    Ok(manifest)
}

/// Checks all that there is: as [`verify`], and opens the parts, reads every row, counts and
/// digests them, and looks whether the keys are those of the domain and all there. The keys may be
/// those of another backup of the domain, a later one.
///
/// # Errors
/// What does not hold.
pub fn examine(
    from: &Path,
    keys_from: Option<&Path>,
    identities: &Identities,
) -> Result<Manifest, BadBackup> {
    let opened = Opened::of(from, keys_from, identities, Levels::default())?;
    opened.read(|_, _| Ok(())).map(|_| opened.manifest)
}

/// A backup that was checked from outside, with its keys.
pub(super) struct Opened<'a> {
    from: PathBuf,
    identities: &'a Identities,
    knows: FeatureLevel,
    keys_from: PathBuf,
    pub(super) manifest: Manifest,
    /// The key file.
    pub(super) keys: String,
}

impl<'a> Opened<'a> {
    pub(super) fn of(
        from: &Path,
        keys_from: Option<&Path>,
        identities: &'a Identities,
        Levels { knows, .. }: Levels,
    ) -> Result<Self, BadBackup> {
        let own = verified(from, knows)?;
        let keys_from = keys_from.unwrap_or(from);
        let of_keys = if keys_from == from { own.clone() } else { manifest(keys_from, knows)? };
        check(keys_from, &of_keys, KEYS)?;
        let file = keys_from.join(KEYS);
        let mut keys = String::new();
        let sealed = open(&file, &of_keys, identities)?;
        let read = sealed.take(KEYS_BYTES_MAX).read_to_string(&mut keys);
        read.map_err(|why| BadBackup::damaged(&file, why.to_string()))?;
        let (from, keys_from) = (from.to_owned(), file);
        Ok(Self { from, identities, knows, keys_from, manifest: own, keys })
    }

    /// Reads all rows, and compares them with the manifest and the keys with them. Gives each row's
    /// key and value.
    pub(super) fn read(
        &self,
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
    ) -> Result<(Survey, State), BadBackup> {
        let file = self.from.join(ROWS);
        let sealed = open(&file, &self.manifest, self.identities)?;
        let mut state = State::default();
        let absorb = |key: &[u8], value: &[u8], row: Row| {
            take(key, value)?;
            state.absorb(row);
            Ok(())
        };
        let survey = Survey::of(snapshot::Reader::of(&file, MEND, sealed)?, self.knows, absorb)?;
        if let Some(what) = self.manifest.differs(&survey) {
            return Err(BadBackup::damaged(&file, what));
        }
        self.fits(&state)?;
        Ok((survey, state))
    }

    /// Whether manifest, keys and rows are of one domain, and the keys all that is needed.
    fn fits(&self, state: &State) -> Result<(), BadBackup> {
        let keys = Keys::of_text(&self.keys_from, &self.keys)?;
        let founded = state.founded();
        if founded.is_none_or(|founded| founded.key_file != keys.identity()) {
            return Err(BadBackup::OtherKeys(self.keys_from.clone()));
        }
        let file = self.from.join(MANIFEST);
        if self.manifest.signer != hex::encode(keys.signer()) {
            return Err(BadBackup::damaged(&file, "it is signed by another than the domain"));
        }
        if founded.is_none_or(|founded| founded.domain != self.manifest.domain) {
            return Err(BadBackup::damaged(&file, "its rows are of another domain"));
        }
        match keys.missing(state.units().into_iter()).next() {
            None => Ok(()),
            Some(unit) => Err(BadBackup::OlderKeys {
                file: self.keys_from.clone(),
                unit: unit.as_str().to_owned(),
            }),
        }
    }
}

/// The manifest of a folder, whose signature was checked.
fn manifest(from: &Path, knows: FeatureLevel) -> Result<Manifest, BadBackup> {
    let text = |name: &str| {
        let file = from.join(name);
        let mut text = String::new();
        let opened = File::open(&file);
        let read = opened.and_then(|f| f.take(MANIFEST_BYTES_MAX).read_to_string(&mut text));
        match read {
            Ok(_) => Ok(text),
            Err(why) if why.kind() == io::ErrorKind::NotFound && name == MANIFEST => {
                Err(BadBackup::Unfinished(from.to_owned()))
            }
            Err(why) => Err(unread(&file, why)),
        }
    };
    Manifest::read(&from.join(MANIFEST), &text(MANIFEST)?, &text(SIGNATURE)?, knows)
}

/// Whether a part is what was written.
fn check(from: &Path, manifest: &Manifest, name: &str) -> Result<(), BadBackup> {
    let file = from.join(name);
    let Some(part) = manifest.parts.get(name) else {
        let what = format!("it names no part `{name}`");
        return Err(BadBackup::damaged(&from.join(MANIFEST), what));
    };
    let bytes = fs::metadata(&file).map_err(|why| unread(&file, why))?.len();
    if bytes != part.bytes {
        let what = format!("it has {bytes} bytes instead of {}", part.bytes);
        return Err(BadBackup::damaged(&file, what));
    }
    let mut hash = Sha256::new();
    let read = File::open(&file).and_then(|mut file| io::copy(&mut file, &mut hash));
    read.map_err(|why| unread(&file, why))?;
    if hex::encode(hash.finalize()) != part.sha256 {
        return Err(BadBackup::damaged(&file, "its SHA-256 is another"));
    }
    Ok(())
}

fn unread(file: &Path, why: io::Error) -> BadBackup {
    if why.kind() == io::ErrorKind::NotFound {
        return BadBackup::damaged(file, "it is missing");
    }
    if why.kind() == io::ErrorKind::InvalidData {
        return BadBackup::damaged(file, why.to_string());
    }
    BadBackup::io(file)(why)
}

type Unsealed = StreamReader<io::BufReader<File>>;

fn open(file: &Path, manifest: &Manifest, by: &Identities) -> Result<Unsealed, BadBackup> {
    let sealed = File::open(file).map_err(|why| unread(file, why))?;
    by.open(sealed).map_err(|why| {
        if matches!(why, DecryptError::NoMatchingKeys) {
            let (file, recipients) = (file.to_owned(), manifest.recipients.clone());
            return BadBackup::OtherIdentity { file, recipients };
        }
        BadBackup::damaged(file, why.to_string())
    })
}
