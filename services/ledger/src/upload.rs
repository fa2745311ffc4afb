//! Large publications: put down in parts before them, so that no entry of the log is large.

use prost::Message as _;
use samsyn_domain::{
    Caller, Observation,
    command::{AddPart, Command, Digest, InParts, PART_CHANGES_MAX, Publish, Upload},
};
use samsyn_proto::inbound::Publication;

use crate::{Ledger, Rejection, format, pictures::delta};

/// The most bytes of a part's observations, as they stand in the log.
const PART_BYTES_MAX: usize = 256 * 1024;

impl Ledger {
    /// Puts observations down in parts when they are too many for one entry; tells where. Nobody
    /// sees them there, and they are let go of when no publication names them in time.
    pub(crate) async fn put_down(
        &self,
        caller: &Caller,
        asked: &Publication,
        upload: Upload,
        body: Digest,
        sealed: &Publish,
    ) -> Result<Option<InParts>, Rejection> {
        let parts = split(&sealed.upserts);
        if parts.len() < 2 {
            return Ok(None);
        }
        // What would be refused anyway leaves no part behind.
        let now = (self.inner.clock)();
        self.read(|state| {
            let publish = delta(state, &asked.area, &asked.change, sealed.clone());
            let (service, organisation) = (caller.service(), caller.organisation());
            state.tried(now, service, organisation, &Command::Publish(publish))
        })?;
        let mut number = 0;
        for upserts in parts {
            let (upload, upserts) = (upload.clone(), upserts.to_vec());
            self.own_if(Command::AddPart(AddPart { upload, body, number, upserts })).await?;
            number += 1;
        }
        Ok(Some(InParts { upload, body, number }))
    }
}

/// Observations in order, in parts within their bounds.
fn split(mut upserts: &[Observation]) -> Vec<&[Observation]> {
    let mut parts = Vec::new();
    while !upserts.is_empty() {
        let mut bytes = 0_usize;
        let fits = |observation: &&Observation| {
            bytes = bytes.saturating_add(format::encode_observation(observation).encoded_len());
            bytes <= PART_BYTES_MAX
        };
        // One alone always fits: a request bounds it.
        let many = upserts.iter().take(PART_CHANGES_MAX).take_while(fits).count().max(1);
        let (part, rest) = upserts.split_at(many.min(upserts.len()));
        parts.push(part);
        upserts = rest;
    }
    parts
}
