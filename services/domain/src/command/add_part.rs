//! The gateway puts down a part of a publication that is too large for one entry.
//!
//! Entries stay small, so that no large publication holds up what comes after it. A part has no
//! effect of its own: the publication that names it is permitted, ordered and applied as a whole.

use std::sync::Arc;

use super::{Decided, Digest, IdempotencyKey, Moment, Reply};
use crate::{
    Observation, Reason, Refusal, ServiceId,
    row::{Part, Row},
};

/// The largest number of observations in a part, and in a publication that has none.
pub const PART_CHANGES_MAX: usize = 500;
/// The largest number of parts of a publication.
pub const PARTS_MAX: u32 = 64;
/// How many publications may be under way in parts.
pub const UPLOADS_MAX: usize = 32;
/// How many of them may be of one service.
pub const UPLOADS_PER_SERVICE_MAX: usize = 4;
/// How long a part is kept for its publication.
pub const PART_SECONDS: i64 = 10 * 60;

/// Which publication is put down in parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Upload {
    /// The service that publishes.
    pub service: ServiceId,
    /// Under which key.
    pub key: IdempotencyKey,
}

/// A part of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddPart {
    /// Of which publication.
    pub upload: Upload,
    /// The keyed digest of the whole request.
    pub body: Digest,
    /// Which part, from 0.
    pub number: u32,
    /// Its observations.
    pub upserts: Vec<Observation>,
}

impl AddPart {
    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        if self.number >= PARTS_MAX || self.upserts.len() > PART_CHANGES_MAX {
            return Err(Refusal::of(Reason::TooLarge));
        }
        let parts = moment.state.parts();
        let full = parts.uploads() >= UPLOADS_MAX
            || parts.uploads_of(&self.upload.service) >= UPLOADS_PER_SERVICE_MAX;
        if full && !parts.has(&self.upload) {
            return Err(Refusal::of(Reason::UploadLimit));
        }
        let part = Part {
            upload: self.upload.clone(),
            body: self.body,
            number: self.number,
            at: moment.at,
            upserts: self.upserts.clone(),
        };
        Ok(Decided::new(Reply::Done, vec![Row::Part(Arc::new(part))]))
    }
}
