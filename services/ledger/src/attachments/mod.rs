//! Attachments of messages: sealed in parts under a key of their own, which only their message
//! holds. The log names the parts; their bytes are in an object store beside it.

mod store;

use chacha20poly1305::{
    ChaCha20Poly1305,
    aead::{Aead as _, KeyInit as _},
};
use samsyn_domain::{
    Caller, DomainId, FunctionId, Timestamp,
    command::Digest,
    commit::{canonical::Message, reader::Fields},
    message::{ATTACHMENTS_BYTES_MAX, Attachment, MediaType, PART_BYTES, fit_together},
};
use samsyn_policy::{AttachmentView, View};
use samsyn_proto::inbound::{AttachmentAsked, FileAsked, MailboxAsked};
use sha2::{Digest as _, Sha256};

pub use store::AttachmentsIn;
pub(crate) use store::{Part, Store};

use crate::{Error, Ledger, Rejection, handle::Inner, keys::random};

/// For how long a file that was uploaded can be sent, in seconds: a day.
const UPLOADED_SECONDS: i64 = 86_400;
/// After so long a part that no message names is taken away, in seconds: two days.
const UNNAMED_SECONDS: i64 = 2 * 86_400;

/// Why a file is not taken or not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAttachment {
    /// This node has no place for attachments.
    #[error("this node keeps no attachments; name a folder in its configuration")]
    NotKept,
    /// It has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is more than a message may have.
    #[error("the file is larger than 25 MiB")]
    TooLarge,
    /// It is of no type that is taken.
    #[error("the file is of no type that is taken")]
    Type,
    /// It was not uploaded here by this function, or longer ago than a day.
    #[error("no such file was uploaded for this function within a day")]
    Unknown(usize),
    /// There is no room for it.
    #[error("there is no room for files; try again later")]
    NoRoom,
    /// It came over a link, and is not what its sender says.
    #[error("the file is not what its sender says of it; nothing of it is given")]
    Unfit,
    /// The message has it, and its bytes have not come here yet.
    #[error("its bytes have not come here yet; try again shortly")]
    Coming,
}

impl BadAttachment {
    /// Its id in the table of errors.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::NotKept => "ATTACHMENTS_NOT_KEPT",
            Self::Empty => "MISSING_FIELD",
            Self::TooLarge => "TOO_LARGE",
            Self::Type => "ATTACHMENT_TYPE",
            Self::Unknown(_) => "NOT_FOUND",
            Self::NoRoom => "OVERLOADED",
            Self::Unfit => "ATTACHMENT_UNFIT",
            Self::Coming => "ATTACHMENT_COMING",
        }
    }

    /// The field that it is about; empty: the whole.
    #[must_use]
    pub fn field(self) -> String {
        match self {
            Self::Empty | Self::TooLarge | Self::Type => "chunk".to_owned(),
            Self::Unknown(place) => format!("attachments[{place}]"),
            Self::NotKept | Self::NoRoom | Self::Unfit | Self::Coming => String::new(),
        }
    }
}

/// A file on its way in.
pub struct FileUpload {
    ledger: Ledger,
    /// The domain that it is of.
    own: DomainId,
    function: FunctionId,
    attachment: Attachment,
    hash: Sha256,
    /// What is not sealed yet, less than a part.
    rest: Vec<u8>,
    text: Text,
    size: usize,
}

impl std::fmt::Debug for FileUpload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "upload of {} bytes so far", self.size)
    }
}

/// An attachment on its way out.
pub struct FileGiven {
    ledger: Ledger,
    view: View<AttachmentView>,
    /// Which part comes next.
    place: usize,
    text: Text,
}

impl std::fmt::Debug for FileGiven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} parts of a file so far", self.place)
    }
}

impl FileGiven {
    /// What it is.
    pub const fn view(&self) -> &View<AttachmentView> {
        &self.view
    }

    /// The bytes of its next part; none behind the last.
    ///
    /// # Errors
    /// When they have not come here yet, or are not what its sender says of them.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Rejection> {
        let AttachmentView { from, attachment } = self.view.content();
        let place = self.place;
        let Some(digest) = attachment.parts.get(place) else { return Ok(None) };
        let part = Part { of: from.clone(), digest: *digest };
        let sealed = self.ledger.store()?.get(&part).await?.ok_or(BadAttachment::Coming)?;
        self.place = place.saturating_add(1);
        let is_last = self.place == attachment.parts.len();
        let part = open(&attachment.key, (place, is_last), &sealed);
        let part = part.filter(|part| fits(attachment, place, part)).ok_or(BadAttachment::Unfit)?;
        if attachment.media_type == MediaType::Text && !self.text.goes_on(&part, is_last) {
            return Err(BadAttachment::Unfit.into());
        }
        Ok(Some(part))
    }
}

/// A file that was taken in.
#[derive(Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// What names it when a message is sent.
    pub token: Vec<u8>,
    /// What it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: u32,
    /// The SHA-256 digest of its bytes.
    pub digest: Digest,
}

impl std::fmt::Debug for Uploaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} bytes", self.media_type.as_str(), self.size)
    }
}

impl Ledger {
    /// Begins to take in a file for a function of the caller.
    ///
    /// # Errors
    /// When the caller does not speak for it, or no attachments are kept here.
    pub fn upload_file(&self, caller: &Caller, asked: FileAsked) -> Result<FileUpload, Rejection> {
        self.speaks_for(caller, &asked.of)?;
        self.store()?.room()?;
        let attachment = Attachment {
            name: asked.name,
            media_type: MediaType::Text,
            size: 0,
            digest: [0; 32],
            key: random()?,
            parts: Vec::new(),
        };
        let MailboxAsked { function, .. } = asked.of;
        let (ledger, own) = (self.clone(), self.own_domain()?);
        let (hash, rest, text) = (Sha256::new(), Vec::new(), Text::default());
        Ok(FileUpload { ledger, own, function, attachment, hash, rest, text, size: 0 })
    }

    /// The files that a message is sent with, by their tokens. One that was answered under its key
    /// is made again as it was, however old they are by now.
    pub(crate) async fn uploaded(
        &self,
        from: &FunctionId,
        tokens: &[Vec<u8>],
        is_repeated: bool,
    ) -> Result<Vec<Attachment>, Rejection> {
        let own = self.own_domain()?;
        let mut attachments = Vec::new();
        for (place, token) in tokens.iter().enumerate() {
            let unknown = BadAttachment::Unknown(place);
            let (at, attachment) = self.opened_token(from, token).ok_or(unknown)?;
            let is_old = at.after_seconds(UPLOADED_SECONDS) < (self.inner.clock)();
            if !is_repeated && (is_old || !self.are_here(&own, &attachment.parts).await?) {
                return Err(unknown.into());
            }
            attachments.push(attachment);
        }
        if !fit_together(&attachments) {
            return Err(BadAttachment::TooLarge.into());
        }
        Ok(attachments)
    }

    /// An attachment of a message, as one of its functions is shown it; recorded, once all of it is
    /// here.
    ///
    /// # Errors
    /// When the caller's function has neither sent nor received the message, there is none, or not
    /// all of it has come yet.
    pub async fn attachment(
        &self,
        caller: &Caller,
        asked: &AttachmentAsked,
    ) -> Result<View<AttachmentView>, Rejection> {
        let AttachmentAsked { of, message, number } = asked;
        let (from, parts) = self.read(|state| {
            let mailbox = self.mailbox(state, caller, of)?;
            Ok::<_, Rejection>(mailbox.parts_of(message, *number)?)
        })?;
        if !self.are_here(&from, &parts).await? {
            return Err(BadAttachment::Coming.into());
        }
        self.mail_shown(caller, of, |mailbox| Ok(mailbox.attachment(message, *number)?)).await
    }

    /// Whether parts of a domain's attachment are here.
    async fn are_here(&self, of: &DomainId, parts: &[Digest]) -> Result<bool, Rejection> {
        let store = self.store()?;
        for digest in parts {
            if !store.has(&Part { of: of.clone(), digest: *digest }).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Begins to give an attachment that is shown.
    #[must_use]
    pub fn give_file(&self, view: View<AttachmentView>) -> FileGiven {
        FileGiven { ledger: self.clone(), view, place: 0, text: Text::default() }
    }

    /// Takes away parts that no message names and that nobody can send any more.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sweep_attachments(&self) -> Result<usize, Rejection> {
        let Some(store) = &self.inner.attachments else { return Ok(0) };
        let before = (self.inner.clock)().after_seconds(-UNNAMED_SECONDS);
        let mut swept = 0_usize;
        for found in store.before(before).await? {
            let is_named = self.read(|state| {
                let mut named = state.messages().with_part(&found.digest);
                named.any(|kept| found.is_of(&kept.message.core.domain))
            });
            if !is_named {
                store.sweep(&found).await?;
                swept = swept.saturating_add(1);
            }
        }
        Ok(swept)
    }

    fn store(&self) -> Result<&Store, BadAttachment> {
        self.inner.attachments.as_ref().ok_or(BadAttachment::NotKept)
    }

    fn token(&self, of: &FunctionId, attachment: &Attachment) -> Result<Vec<u8>, Rejection> {
        let Inner { keys, clock, .. } = &*self.inner;
        let at = clock().micros();
        let message = Message::new().with(AT, at).with(FILE, attachment.message());
        Ok(keys.seal_token(&class(of), &message.encode().map_err(crate::messages::unwritten)?)?)
    }

    fn opened_token(&self, of: &FunctionId, token: &[u8]) -> Option<(Timestamp, Attachment)> {
        let opened = self.inner.keys.open_token(&class(of), token)?;
        let mut fields = Fields::of(Message::decode(&opened).ok()?);
        let at = Timestamp::from_micros(fields.take_i64(AT).ok()?);
        let attachment = Attachment::of(fields.take_message(FILE).ok()?).ok()?;
        fields.finish().ok()?;
        Some((at, attachment))
    }
}

const AT: u16 = 1;
const FILE: u16 = 2;

/// Whether a part is of the size and the type that are said of its file.
fn fits(attachment: &Attachment, place: usize, part: &[u8]) -> bool {
    let size = usize::try_from(attachment.size).unwrap_or(usize::MAX);
    let left = size.saturating_sub(place.saturating_mul(PART_BYTES));
    let is_of_type = place > 0 || MediaType::of(part) == attachment.media_type;
    part.len() == left.min(PART_BYTES) && is_of_type
}

/// A text in UTF-8 that comes in parts: a character may lie across two of them.
#[derive(Default)]
struct Text {
    /// How much of the end of a part is the beginning of a character.
    cut: Vec<u8>,
}

impl Text {
    /// Whether a part goes on it, without characters that no text has.
    fn goes_on(&mut self, part: &[u8], is_last: bool) -> bool {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(part);
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(why) if why.error_len().is_none() && !is_last => {
                let (text, cut) = bytes.split_at(why.valid_up_to());
                self.cut = cut.to_vec();
                std::str::from_utf8(text).unwrap_or_default()
            }
            Err(_) => return false,
        };
        !text.chars().any(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t'))
    }
}

/// Whose token it is.
fn class(of: &FunctionId) -> Vec<u8> {
    format!("attachment {of}").into_bytes()
}

impl FileUpload {
    /// Takes in what comes next.
    ///
    /// # Errors
    /// When it is more than a message may have, or of no type that is taken.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Rejection> {
        self.size = self.size.saturating_add(chunk.len());
        if self.size > ATTACHMENTS_BYTES_MAX {
            return Err(BadAttachment::TooLarge.into());
        }
        self.hash.update(chunk);
        self.rest.extend_from_slice(chunk);
        // The last part is known by the end.
        while self.rest.len() > PART_BYTES {
            let rest = self.rest.split_off(PART_BYTES);
            let part = std::mem::replace(&mut self.rest, rest);
            self.put(&part, false).await?;
        }
        Ok(())
    }

    /// All of it has come.
    ///
    /// # Errors
    /// When it is empty or of no type that is taken.
    pub async fn end(&mut self) -> Result<Uploaded, Rejection> {
        if self.size == 0 {
            return Err(BadAttachment::Empty.into());
        }
        let part = std::mem::take(&mut self.rest);
        self.put(&part, true).await?;
        self.attachment.size = u32::try_from(self.size).unwrap_or(u32::MAX);
        self.attachment.digest = self.hash.finalize_reset().into();
        let Attachment { media_type, size, digest, .. } = self.attachment;
        let token = self.ledger.token(&self.function, &self.attachment)?;
        Ok(Uploaded { token, media_type, size, digest })
    }

    /// Lets go of what has come: nobody can send it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn discard(self) -> Result<(), Rejection> {
        for digest in self.attachment.parts {
            self.ledger.store()?.remove(&Part { of: self.own.clone(), digest }).await?;
        }
        Ok(())
    }

    async fn put(&mut self, part: &[u8], is_last: bool) -> Result<(), Rejection> {
        let place = self.attachment.parts.len();
        if place == 0 {
            self.attachment.media_type = MediaType::of(part);
        }
        if self.attachment.media_type == MediaType::Text && !self.text.goes_on(part, is_last) {
            return Err(BadAttachment::Type.into());
        }
        let sealed = seal(&self.attachment.key, (place, is_last), part)?;
        let digest = self.ledger.store()?.put(&self.own, sealed.into()).await?;
        self.attachment.parts.push(digest);
        Ok(())
    }
}

/// Seals a part in its place: parts can be left out, doubled or moved no more than their bytes can
/// be changed (STREAM, by Hoang, Reyhanitabar, Rogaway and Vizár). The key is of one file, so a
/// nonce is never used twice.
fn seal(key: &[u8; 32], place: (usize, bool), part: &[u8]) -> Result<Vec<u8>, Error> {
    let sealed = ChaCha20Poly1305::new(key.into()).encrypt(&nonce(place).into(), part);
    sealed.map_err(|_| Error::Fatal("a part of an attachment cannot be sealed".to_owned()))
}

fn open(key: &[u8; 32], place: (usize, bool), sealed: &[u8]) -> Option<Vec<u8>> {
    ChaCha20Poly1305::new(key.into()).decrypt(&nonce(place).into(), sealed).ok()
}

fn nonce((place, is_last): (usize, bool)) -> [u8; 12] {
    let mut nonce = [0; 12];
    let (number, last) = nonce.split_at_mut(8);
    number.copy_from_slice(&(place as u64).to_be_bytes());
    if let Some(last) = last.last_mut() {
        *last = is_last.into();
    }
    nonce
}

#[cfg(test)]
mod tests;
