//! To whom backups are sealed, and who opens them: X25519 keys of the age format.

use std::{
    fmt,
    io::{self, BufReader, Read, Write},
    str::FromStr as _,
};

use age::{
    DecryptError, Decryptor, Encryptor,
    secrecy::ExposeSecret as _,
    stream::{StreamReader, StreamWriter},
    x25519::{Identity, Recipient},
};
use samsyn_domain::command::Digest;
use sha2::{Digest as _, Sha256};

/// So many may open a backup at most.
const RECIPIENTS_MAX: usize = 16;
const BUFFER_BYTES: usize = 256 * 1024;

/// A recipient is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRecipient {
    /// One does not read.
    #[error("`{0}` is no public key; write one as `age1…`, made by `samsyn backup key`")]
    Unread(String),
    /// There are none, or too many.
    #[error("{0} recipients; name from 1 to {RECIPIENTS_MAX}")]
    Number(usize),
}

/// The public keys that a backup is sealed to; who has the key to any of them opens it.
#[derive(Clone)]
pub struct Recipients {
    names: Vec<String>,
    keys: Vec<Recipient>,
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.names).finish()
    }
}

impl Recipients {
    /// Reads public keys.
    ///
    /// # Errors
    /// When one does not read, or there are none or too many.
    pub fn parse(names: &[String]) -> Result<Self, BadRecipient> {
        if names.is_empty() || names.len() > RECIPIENTS_MAX {
            return Err(BadRecipient::Number(names.len()));
        }
        let key = |name: &String| {
            Recipient::from_str(name).map_err(|_| BadRecipient::Unread(name.clone()))
        };
        let keys = names.iter().map(key).collect::<Result<_, _>>()?;
        Ok(Self { names: names.to_vec(), keys })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// A digest that names them, in the order in which they are written.
    pub(super) fn digest(&self) -> Digest {
        let mut hash = Sha256::new_with_prefix(b"samsyn backup recipients 1");
        for name in &self.names {
            hash.update(name);
            hash.update([0]);
        }
        hash.finalize().into()
    }

    /// Seals what is written, for all of them.
    ///
    /// # Errors
    /// When what is sealed cannot be written.
    pub(super) fn seal<W: Write>(&self, to: W) -> io::Result<StreamWriter<W>> {
        let keys = self.keys.iter().map(|key| key as &dyn age::Recipient);
        Encryptor::with_recipients(keys).map_err(io::Error::other)?.wrap_output(to)
    }
}

/// A file of identities holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadIdentity {
    /// A line does not read.
    #[error("line {0} is no identity; it begins with `AGE-SECRET-KEY-1`, or with `#`")]
    Unread(usize),
    /// There is no line.
    #[error("no identity is in it; `samsyn backup key` makes one")]
    Empty,
}

/// The secret keys that open a backup.
pub struct Identities(Vec<Identity>);

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} identities", self.0.len())
    }
}

impl Identities {
    /// Reads identities, one a line, as `age-keygen` writes them too; `#` begins a comment.
    ///
    /// # Errors
    /// When a line does not read, or there is none.
    pub fn parse(text: &str) -> Result<Self, BadIdentity> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let identity =
            |(number, line)| Identity::from_str(line).map_err(|_| BadIdentity::Unread(number));
        let all = lines.map(identity).collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() { Err(BadIdentity::Empty) } else { Ok(Self(all)) }
    }

    /// Opens what is sealed.
    ///
    /// # Errors
    /// When none of them opens it, or its header does not read.
    pub(super) fn open<R: Read>(
        &self,
        from: R,
    ) -> Result<StreamReader<BufReader<R>>, DecryptError> {
        let sealed = Decryptor::new_buffered(BufReader::with_capacity(BUFFER_BYTES, from))?;
        sealed.decrypt(self.0.iter().map(|identity| identity as &dyn age::Identity))
    }
}

/// A new identity: the text of its file, and its public key.
#[must_use]
pub fn new_identity() -> (String, String) {
    let identity = Identity::generate();
    let public = identity.to_public().to_string();
    let secret = identity.to_string();
    let file = format!("# public key: {public}\n{}\n", secret.expose_secret());
    (file, public)
}
