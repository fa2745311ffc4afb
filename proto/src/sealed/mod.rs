//! Domain to wire: responses that carry content are made from views alone.
//!
//! [`Encoded`] holds bytes and has no maker but views and the frames that carry nothing, so no
//! handler can build a response from what was not released and recorded.

mod contribution;
mod edition;
mod event;
mod finding;
mod joint;
mod link;
mod list;
mod message;
mod observation;
mod picture;
mod received;
mod received_edition;
#[cfg(test)]
mod tests;
mod value;

use std::{fmt, marker::PhantomData};

use bytes::{Buf, BufMut, Bytes};
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, WireType, skip_field},
};

pub use contribution::Delta;
pub use event::{Close, delivered};
pub use link::{envelopes, part};
pub use list::{disclosures, holders};
pub use received_edition::delivered_edition;

/// An encoded response of type `M`: bytes that all its receivers share.
pub struct Encoded<M> {
    bytes: Bytes,
    rows: usize,
    message: PhantomData<fn() -> M>,
}

impl<M> Encoded<M> {
    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether every field has its default value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// How many rows it has: findings, observations, events, lines; 1 where it is no list.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Of the bytes of parts of the message, the fields of each behind those of the one before.
    fn joined<'a>(parts: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let mut bytes = Vec::with_capacity(parts.clone().map(<[u8]>::len).sum());
        parts.for_each(|part| bytes.extend_from_slice(part));
        Self::of_bytes(bytes.into())
    }

    const fn of_bytes(bytes: Bytes) -> Self {
        Self { bytes, rows: 1, message: PhantomData }
    }

    fn with_rows(self, rows: usize) -> Self {
        Self { rows, ..self }
    }
}

impl<M: Message> Encoded<M> {
    fn seal(message: &M) -> Self {
        Self::of_bytes(message.encode_to_vec().into())
    }
}

impl<M> Clone for Encoded<M> {
    fn clone(&self) -> Self {
        Self::of_bytes(self.bytes.clone()).with_rows(self.rows)
    }
}

impl<M> fmt::Debug for Encoded<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "encoded response, {} bytes", self.len())
    }
}

impl<M> Message for Encoded<M> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.bytes);
    }

    // The server sends responses and never reads one.
    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        skip_field(wire_type, tag, buf, context)
    }

    fn encoded_len(&self) -> usize {
        self.len()
    }

    fn clear(&mut self) {
        self.bytes = Bytes::new();
    }
}

/// Which part of a list to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paged {
    /// The position of the first row.
    pub from: usize,
    /// How many rows at most; 0 counts as 1, so that paging ends.
    pub size: usize,
}

impl Paged {
    fn end(self) -> usize {
        self.from.saturating_add(self.size.max(1))
    }

    fn rows<T>(self, all: &[T]) -> &[T] {
        all.get(self.from..self.end().min(all.len())).unwrap_or_default()
    }

    /// The token of the next page; empty after the last one.
    fn next<T>(self, all: &[T], token: impl FnOnce(usize) -> String) -> String {
        if self.end() < all.len() { token(self.end()) } else { String::new() }
    }
}
