//! Envelopes and parts of attachments for another domain: made from views of what was numbered
//! alone.

use bytes::Bytes;
use samsyn_policy::{LeavingPart, Parcel, View};

use crate::link;

/// Numbered envelopes as they go out, signed by the key of this id.
#[must_use]
pub fn envelopes(view: &View<Vec<Parcel>>, key_id: &[u8; 32]) -> Vec<link::Envelope> {
    let envelope = |parcel: &Parcel| link::Envelope {
        header: Bytes::copy_from_slice(&parcel.envelope.header),
        signature: Bytes::copy_from_slice(&parcel.envelope.signature),
        key_id: Bytes::copy_from_slice(key_id),
        payload: Bytes::copy_from_slice(&parcel.payload),
        salt: Bytes::copy_from_slice(&parcel.salt),
    };
    view.content().iter().map(envelope).collect()
}

/// Bytes of a part of an attachment that the peer may have; whether they are the last.
#[must_use]
pub fn part(view: &View<LeavingPart>, content: Bytes, last: bool) -> link::Part {
    link::Part { digest: Bytes::copy_from_slice(&view.content().digest), content, last }
}
