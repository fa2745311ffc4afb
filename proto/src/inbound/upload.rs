//! A publication that comes in parts: put together within its bounds, then checked as one.

use prost::Message as _;
use samsyn_domain::{Timestamp, registry::Registry};

use super::{
    fault::{Checked, Fault},
    publication::{self, Publication, SINGLE, Size},
};
use crate::{
    Reason,
    v1::{self, publish_picture_request::Change, upload_picture_request::Part},
};

/// In several messages.
const WHOLE: Size = Size { changes: 5_000, bytes: 4 * 1024 * 1024 };

/// A publication in the making.
#[derive(Clone, PartialEq)]
pub struct Upload {
    publication: v1::PublishPictureRequest,
    announced: usize,
    bytes: usize,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "upload of {} changes, {} bytes so far", self.announced, self.bytes)
    }
}

impl Upload {
    /// From the first message.
    ///
    /// # Errors
    /// When it does not begin a publication, or announces too much.
    pub fn begin(first: Option<v1::UploadPictureRequest>) -> Result<Self, Fault> {
        let missing = || Fault::new(Reason::MissingField, "begin");
        let first = first.ok_or_else(missing)?;
        let bytes = message_bytes(&first)?;
        let Some(Part::Begin(begin)) = first.part else { return Err(missing()) };
        let missing = || Fault::new(Reason::MissingField, "begin.publication");
        let publication = begin.publication.ok_or_else(missing)?;
        let announced = usize::try_from(begin.changes).unwrap_or(usize::MAX);
        if announced > WHOLE.changes {
            return Err(Fault::new(Reason::TooLarge, "begin.changes"));
        }
        let upload = Self { publication, announced, bytes };
        upload.within_bounds()?;
        Ok(upload)
    }

    /// Takes in one more message.
    ///
    /// # Errors
    /// When it begins another publication, does not fit the one begun, or is more than was
    /// announced.
    pub fn more(&mut self, message: v1::UploadPictureRequest) -> Result<(), Fault> {
        self.bytes = self.bytes.saturating_add(message_bytes(&message)?);
        let more = match message.part {
            Some(Part::More(more)) => more,
            Some(Part::Begin(_)) => return Err(Fault::new(Reason::BadField, "begin")),
            None => return Err(Fault::new(Reason::MissingField, "part")),
        };
        match &mut self.publication.change {
            Some(Change::Full(full)) if more.withdrawn_ids.is_empty() => {
                full.observations.extend(more.observations);
                full.series.extend(more.series);
                full.assessments.extend(more.assessments);
            }
            Some(Change::Delta(delta)) => {
                delta.upserts.extend(more.observations);
                delta.series.extend(more.series);
                delta.assessments.extend(more.assessments);
                delta.withdrawn_ids.extend(more.withdrawn_ids);
            }
            Some(Change::Full(_)) => {
                return Err(Fault::new(Reason::BadField, "more.withdrawn_ids"));
            }
            None => return Err(Fault::new(Reason::MissingField, "begin.publication.change")),
        }
        self.within_bounds()
    }

    /// Checks the whole; paths are those of the publication.
    #[must_use]
    pub fn end(self, registry: &Registry, now: Timestamp) -> Checked<Publication> {
        if self.publication.changes() != self.announced {
            let fault = Fault::new(Reason::BadField, "begin.changes");
            return Checked { value: None, faults: vec![fault] };
        }
        publication::within(WHOLE, self.publication, registry, now)
    }

    fn within_bounds(&self) -> Result<(), Fault> {
        if self.bytes > WHOLE.bytes {
            return Err(Fault::new(Reason::TooLarge, ""));
        }
        if self.publication.changes() > self.announced {
            return Err(Fault::new(Reason::BadField, "begin.changes"));
        }
        Ok(())
    }
}

/// How large a message is; one that is larger than a publication in one request is refused.
fn message_bytes(message: &v1::UploadPictureRequest) -> Result<usize, Fault> {
    let bytes = message.encoded_len();
    if bytes > SINGLE.bytes { Err(Fault::new(Reason::TooLarge, "")) } else { Ok(bytes) }
}
