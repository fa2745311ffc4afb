//! Attachments (bilagor): files that go with a message, in sealed parts outside the log.

use std::fmt;

use super::codes;
use crate::{
    command::Digest,
    commit::{
        Error,
        canonical::{Message, Value},
        reader::Fields,
    },
};

/// How many attachments a message has at most.
pub const ATTACHMENTS_MAX: usize = 10;
/// How many bytes the attachments of a message have together at most: 25 MiB.
pub const ATTACHMENTS_BYTES_MAX: usize = 25 * 1024 * 1024;
/// The longest name of an attachment, in characters.
pub const ATTACHMENT_NAME_CHARACTERS_MAX: usize = 120;
/// How many bytes of a file a part holds; the last of an attachment may hold fewer. Sealed, it fits
/// into a frame of a link.
pub const PART_BYTES: usize = 480 * 1024;
/// How many bytes a part has at most once it is sealed.
pub const SEALED_PART_BYTES_MAX: usize = PART_BYTES + 16;
/// How many parts the attachments of a message have together at most: as many as a header names.
pub const ATTACHMENT_PARTS_MAX: usize = 64;

const NAME: u16 = 1;
const MEDIA_TYPE: u16 = 2;
const SIZE: u16 = 3;
const DIGEST: u16 = 4;
const KEY: u16 = 5;
const PARTS: u16 = 6;

codes! {
    /// What a file is, by its first bytes; nothing else is taken. New ones are added at the end:
    /// numbers are signed.
    MediaType {
        /// Portable Document Format.
        Pdf = "application/pdf",
        /// Portable Network Graphics.
        Png = "image/png",
        /// JPEG.
        Jpeg = "image/jpeg",
        /// A document of Office Open XML: text, workbook or slides.
        OfficeOpenXml = "application/vnd.openxmlformats-officedocument",
        /// A document of OpenDocument.
        OpenDocument = "application/vnd.oasis.opendocument",
        /// Text in UTF-8, comma-separated values among it.
        Text = "text/plain",
    }
}

/// What a ZIP archive begins with, up to the name of its first entry.
const ZIP: &[u8] = b"PK\x03\x04";
const ZIP_NAME_FROM: usize = 30;

/// With one of these the first entry of a document of Office Open XML begins, by whichever program.
const OOXML: [&[u8]; 6] =
    [b"[Content_Types].xml", b"_rels/", b"docProps/", b"word/", b"xl/", b"ppt/"];

impl MediaType {
    /// What a file is that begins with these bytes, one part of it at least. What is not told by
    /// them may be text: that is seen by all of it.
    #[must_use]
    pub fn of(first: &[u8]) -> Self {
        let entry = |name: &[u8]| {
            first.starts_with(ZIP)
                && first.get(ZIP_NAME_FROM..).is_some_and(|rest| rest.starts_with(name))
        };
        if first.starts_with(b"%PDF-") {
            Self::Pdf
        } else if first.starts_with(b"\x89PNG\r\n\x1a\n") {
            Self::Png
        } else if first.starts_with(b"\xff\xd8\xff") {
            Self::Jpeg
        } else if OOXML.iter().any(|name| entry(name)) {
            Self::OfficeOpenXml
        } else if entry(b"mimetypeapplication/vnd.oasis.opendocument.") {
            Self::OpenDocument
        } else {
            Self::Text
        }
    }
}

/// A file that goes with a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, for people.
    pub name: String,
    /// What it is.
    pub media_type: MediaType,
    /// How many bytes it has.
    pub size: u32,
    /// The SHA-256 digest of its bytes.
    pub digest: Digest,
    /// What opens its parts; it is of this attachment alone.
    pub key: [u8; 32],
    /// The SHA-256 digests of its parts as they are sealed, in order.
    pub parts: Vec<Digest>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} bytes", self.media_type.as_str(), self.size)
    }
}

impl Attachment {
    /// The canonical form: what is committed to, sealed, and crosses a link.
    #[must_use]
    pub fn message(&self) -> Message {
        let parts = self.parts.iter().map(|part| Value::from(part.as_slice())).collect();
        Message::new()
            .with(NAME, self.name.as_str())
            .with(MEDIA_TYPE, self.media_type.number())
            .with(SIZE, self.size)
            .with(DIGEST, self.digest.as_slice())
            .with(KEY, self.key.as_slice())
            .with(PARTS, Value::List(parts))
    }

    /// Reads the canonical form.
    ///
    /// # Errors
    /// When a field is missing or unknown, or there are not as many parts as so many bytes have.
    pub fn of(message: Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let attachment = Self {
            name: fields.take_text(NAME)?,
            media_type: MediaType::from_number(fields.take_i64(MEDIA_TYPE)?)
                .ok_or(Error::OutOfRange(MEDIA_TYPE))?,
            size: fields.take_integer(SIZE)?,
            digest: fields.take_array(DIGEST)?,
            key: fields.take_array(KEY)?,
            parts: digests(PARTS, fields.take_list(PARTS)?)?,
        };
        fields.finish()?;
        let size = usize::try_from(attachment.size).unwrap_or(usize::MAX);
        if size == 0 || size > ATTACHMENTS_BYTES_MAX {
            return Err(Error::OutOfRange(SIZE));
        }
        if attachment.parts.len() != size.div_ceil(PART_BYTES) {
            return Err(Error::OutOfRange(PARTS));
        }
        Ok(attachment)
    }
}

/// Reads digests out of a list; there are at most as many as a message has parts.
pub(crate) fn digests(field: u16, items: Vec<Value>) -> Result<Vec<Digest>, Error> {
    if items.len() > ATTACHMENT_PARTS_MAX {
        return Err(Error::OutOfRange(field));
    }
    let read = |item| match item {
        Value::Bytes(bytes) => Digest::try_from(bytes).map_err(|_| Error::OutOfRange(field)),
        Value::I64(_) | Value::Text(_) | Value::List(_) | Value::Message(_) | Value::Bool(_) => {
            Err(Error::Mistyped(field))
        }
    };
    items.into_iter().map(read).collect()
}

/// Whether the attachments of one message keep to its limits.
#[must_use]
pub fn fit_together(attachments: &[Attachment]) -> bool {
    let bytes: u64 = attachments.iter().map(|one| u64::from(one.size)).sum();
    let parts: usize = attachments.iter().map(|one| one.parts.len()).sum();
    attachments.len() <= ATTACHMENTS_MAX
        && bytes <= ATTACHMENTS_BYTES_MAX as u64
        && parts <= ATTACHMENT_PARTS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(size: u32, parts: usize) -> Attachment {
        Attachment {
            name: "lista.csv".to_owned(),
            media_type: MediaType::Text,
            size,
            digest: [1; 32],
            key: [2; 32],
            parts: vec![[3; 32]; parts],
        }
    }

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let zip = |name: &[u8]| [b"PK\x03\x04".as_slice(), &[0; 26], name].concat();
        let known: [(&[u8], MediaType); 8] = [
            (b"%PDF-1.7 ...", MediaType::Pdf),
            (b"\x89PNG\r\n\x1a\n...", MediaType::Png),
            (b"\xff\xd8\xff\xe0", MediaType::Jpeg),
            (&zip(b"[Content_Types].xml"), MediaType::OfficeOpenXml),
            (&zip(b"docProps/app.xml"), MediaType::OfficeOpenXml),
            (
                &zip(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
                MediaType::OpenDocument,
            ),
            (b"plats;antal\n", MediaType::Text),
            // An archive of something else is no text, which is seen by its bytes.
            (&zip(b"setup.exe"), MediaType::Text),
        ];
        for (first, expected) in known {
            assert_eq!(MediaType::of(first), expected, "{first:?}");
        }
    }

    #[test]
    fn an_attachment_has_as_many_parts_as_its_bytes() {
        let part = u32::try_from(PART_BYTES).unwrap();
        for (size, parts) in [(1, 1), (part, 1), (part + 1, 2), (50 * part, 50)] {
            let one = attachment(size, parts);
            assert_eq!(Attachment::of(one.message()).unwrap(), one);
        }
        for (size, parts) in [(0, 0), (0, 1), (1, 0), (part, 2), (part + 1, 1), (54 * part, 54)] {
            assert!(Attachment::of(attachment(size, parts).message()).is_err(), "{size} {parts}");
        }
    }

    #[test]
    fn a_message_has_ten_of_25_mebibytes_together_at_most() {
        let part = u32::try_from(PART_BYTES).unwrap();
        assert!(fit_together(&vec![attachment(5 * part, 5); 10]));
        assert!(!fit_together(&vec![attachment(1, 1); 11]));
        assert!(!fit_together(&[attachment(27 * part, 27), attachment(27 * part, 27)]));
        // Ten that each have a part that is not full are within what a header names.
        assert!(fit_together(&vec![attachment(5 * part - 1, 5); 10]));
    }
}
