//! Canonical bytes, section 2 of the protocol page: read strictly, field by field, in the order in
//! which a message may have them. What is not asked for is refused.

use std::collections::BTreeSet;

use unicode_normalization::is_nfc;

use super::hash::Digest;

/// The most bytes of a canonical value other than a proof.
pub(super) const BYTES_MAX: usize = 1_048_576;
/// The most bytes of a partner proof.
pub(super) const PROOF_BYTES_MAX: usize = 67_108_864;
/// How deep lists and messages may lie in each other; the outermost message is 1.
const DEPTH_MAX: u8 = 8;

const I64: u8 = 2;
const BYTES: u8 = 3;
const TEXT: u8 = 4;
const LIST: u8 = 5;
const MESSAGE: u8 = 6;
const BOOL: u8 = 7;

/// Why bytes are not the canonical form of what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the bytes end inside a value")]
    Cut,
    #[error("there are more bytes than the protocol allows")]
    Long,
    #[error("lists and messages lie more than 8 deep")]
    Deep,
    #[error("field {0} is missing")]
    Missing(u16),
    #[error("field {0} does not belong where it stands")]
    Unexpected(u16),
    #[error("a value has another type than it should")]
    Type,
    #[error("a bool is neither 0 nor 1")]
    Bool,
    #[error("a text is not utf-8")]
    Utf8,
    #[error("a text is not in unicode normalization form c")]
    Nfc,
    #[error("field {0} is outside its range or has another length than it should")]
    Range(u16),
    #[error("a set or an ordered list is not in order")]
    Order,
    #[error("{0}")]
    Rule(&'static str),
}

/// The fields of one message that are still to be read.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    cursor: Cursor<'a>,
    last: Option<u16>,
}

/// One item of a list.
#[derive(Debug)]
pub(super) struct Item<'c, 'a>(&'c mut Cursor<'a>);

#[derive(Debug, Clone, Copy)]
struct Cursor<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Fields<'a> {
    /// The outermost message of canonical bytes.
    pub(super) fn of(bytes: &'a [u8], bytes_max: usize) -> Result<Self, Malformed> {
        if bytes.len() > bytes_max {
            return Err(Malformed::Long);
        }
        Ok(Self { cursor: Cursor { rest: bytes, depth: 1 }, last: None })
    }

    /// Whether there is nothing more to read.
    pub(super) const fn is_empty(&self) -> bool {
        self.cursor.rest.is_empty()
    }

    /// The number and type of the next field.
    pub(super) fn peek(&self) -> Result<Option<(u16, u8)>, Malformed> {
        if self.is_empty() {
            return Ok(None);
        }
        let [high, low, kind] = *self.cursor.rest.first_chunk().ok_or(Malformed::Cut)?;
        let number = u16::from_be_bytes([high, low]);
        if self.last.is_some_and(|last| number <= last) {
            return Err(Malformed::Unexpected(number));
        }
        Ok(Some((number, kind)))
    }

    /// Refuses what is left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        self.peek()?.map_or(Ok(()), |(number, _)| Err(Malformed::Unexpected(number)))
    }

    /// Steps over the header of a field when it is the next one.
    fn stands(&mut self, number: u16, kind: u8) -> Result<bool, Malformed> {
        match self.peek()? {
            Some((next, of)) if next == number => {
                if of != kind {
                    return Err(Malformed::Type);
                }
                self.cursor.array::<3>()?;
                self.last = Some(number);
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    fn must_stand(&mut self, number: u16, kind: u8) -> Result<(), Malformed> {
        if self.stands(number, kind)? {
            return Ok(());
        }
        match self.peek()? {
            Some((next, _)) if next < number => Err(Malformed::Unexpected(next)),
            Some(_) | None => Err(Malformed::Missing(number)),
        }
    }

    pub(super) fn i64(&mut self, number: u16) -> Result<i64, Malformed> {
        self.must_stand(number, I64)?;
        self.cursor.i64()
    }

    pub(super) fn i64_if(&mut self, number: u16) -> Result<Option<i64>, Malformed> {
        if self.stands(number, I64)? { self.cursor.i64().map(Some) } else { Ok(None) }
    }

    /// A number that must fit what it is asked as.
    pub(super) fn number<T: TryFrom<i64>>(&mut self, number: u16) -> Result<T, Malformed> {
        T::try_from(self.i64(number)?).map_err(|_| Malformed::Range(number))
    }

    pub(super) fn number_if<T: TryFrom<i64>>(
        &mut self,
        number: u16,
    ) -> Result<Option<T>, Malformed> {
        let value = self.i64_if(number)?;
        value.map(T::try_from).transpose().map_err(|_| Malformed::Range(number))
    }

    pub(super) fn bytes(&mut self, number: u16) -> Result<&'a [u8], Malformed> {
        self.must_stand(number, BYTES)?;
        self.cursor.prefixed()
    }

    /// Bytes of a fixed length.
    pub(super) fn array<const N: usize>(&mut self, number: u16) -> Result<[u8; N], Malformed> {
        self.bytes(number)?.try_into().map_err(|_| Malformed::Range(number))
    }

    pub(super) fn digest_if(&mut self, number: u16) -> Result<Option<Digest>, Malformed> {
        if !self.stands(number, BYTES)? {
            return Ok(None);
        }
        self.cursor.prefixed()?.try_into().map(Some).map_err(|_| Malformed::Range(number))
    }

    pub(super) fn text(&mut self, number: u16) -> Result<&'a str, Malformed> {
        self.must_stand(number, TEXT)?;
        self.cursor.text()
    }

    pub(super) fn text_if(&mut self, number: u16) -> Result<Option<&'a str>, Malformed> {
        if self.stands(number, TEXT)? { self.cursor.text().map(Some) } else { Ok(None) }
    }

    pub(super) fn bool(&mut self, number: u16) -> Result<bool, Malformed> {
        self.must_stand(number, BOOL)?;
        self.cursor.bool()
    }

    pub(super) fn message(&mut self, number: u16) -> Result<Self, Malformed> {
        self.must_stand(number, MESSAGE)?;
        self.cursor.message()
    }

    /// A list in the order that is given for it.
    pub(super) fn list<T>(
        &mut self,
        number: u16,
        read: impl FnMut(&mut Item<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.must_stand(number, LIST)?;
        self.cursor.list(false, read)
    }

    /// A list whose items ascend strictly by their encoded bytes.
    pub(super) fn set<T>(
        &mut self,
        number: u16,
        read: impl FnMut(&mut Item<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.must_stand(number, LIST)?;
        self.cursor.list(true, read)
    }

    /// A set of texts.
    pub(super) fn texts(&mut self, number: u16) -> Result<Vec<String>, Malformed> {
        self.set(number, |item| item.text().map(str::to_owned))
    }
}

impl<'a> Item<'_, 'a> {
    /// The type of the item.
    #[cfg(test)]
    pub(super) fn kind(&self) -> Option<u8> {
        self.0.rest.first().copied()
    }

    fn must_be(&mut self, kind: u8) -> Result<(), Malformed> {
        let [of] = self.0.array()?;
        if of == kind { Ok(()) } else { Err(Malformed::Type) }
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Malformed> {
        self.must_be(TEXT)?;
        self.0.text()
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        self.must_be(BYTES)?;
        self.0.prefixed()
    }

    pub(super) fn message(&mut self) -> Result<Fields<'a>, Malformed> {
        self.must_be(MESSAGE)?;
        self.0.message()
    }
}

/// What only the generic reader of the tests asks for: no item of the protocol is of these types.
#[cfg(test)]
impl<'a> Item<'_, 'a> {
    pub(super) fn i64(&mut self) -> Result<i64, Malformed> {
        self.must_be(I64)?;
        self.0.i64()
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        self.must_be(BOOL)?;
        self.0.bool()
    }

    pub(super) fn list<T>(
        &mut self,
        read: impl FnMut(&mut Item<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        self.must_be(LIST)?;
        self.0.list(false, read)
    }
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Cut)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Cut)
    }

    fn prefixed(&mut self) -> Result<&'a [u8], Malformed> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).map_err(|_| Malformed::Cut)?)
    }

    fn i64(&mut self) -> Result<i64, Malformed> {
        self.array().map(i64::from_be_bytes)
    }

    fn bool(&mut self) -> Result<bool, Malformed> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Malformed::Bool),
        }
    }

    fn text(&mut self) -> Result<&'a str, Malformed> {
        let text = std::str::from_utf8(self.prefixed()?).map_err(|_| Malformed::Utf8)?;
        if is_nfc(text) { Ok(text) } else { Err(Malformed::Nfc) }
    }

    fn deeper(&self) -> Result<u8, Malformed> {
        let depth = self.depth.saturating_add(1);
        if depth > DEPTH_MAX { Err(Malformed::Deep) } else { Ok(depth) }
    }

    fn message(&mut self) -> Result<Fields<'a>, Malformed> {
        let depth = self.deeper()?;
        Ok(Fields { cursor: Cursor { rest: self.prefixed()?, depth }, last: None })
    }

    fn list<T>(
        &mut self,
        is_set: bool,
        mut read: impl FnMut(&mut Item<'_, 'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = u32::from_be_bytes(self.array()?);
        let mut inner = Self { rest: self.rest, depth: self.deeper()? };
        // The count is a claim: nothing is set aside for items that are not there.
        let mut items = Vec::new();
        let mut previous: Option<&[u8]> = None;
        for _ in 0..count {
            let before = inner.rest;
            items.push(read(&mut Item(&mut inner))?);
            let length = before.len().saturating_sub(inner.rest.len());
            let encoded = before.get(..length).ok_or(Malformed::Cut)?;
            if is_set && previous.is_some_and(|previous| previous >= encoded) {
                return Err(Malformed::Order);
            }
            previous = Some(encoded);
        }
        self.rest = inner.rest;
        Ok(items)
    }
}

/// Writes canonical bytes; fields are given in ascending order.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    fn header(&mut self, number: u16, kind: u8) {
        self.0.extend(number.to_be_bytes());
        self.0.push(kind);
    }

    pub(super) fn i64(mut self, number: u16, value: i64) -> Self {
        self.header(number, I64);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn digest(mut self, number: u16, value: &Digest) -> Self {
        self.header(number, BYTES);
        self.0.extend([0, 0, 0, 32]);
        self.0.extend(value);
        self
    }

    #[cfg(test)]
    pub(super) fn bytes(mut self, number: u16, value: &[u8]) -> Self {
        self.header(number, BYTES);
        self.0.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(value);
        self
    }

    pub(super) fn text(mut self, number: u16, value: &str) -> Self {
        self.header(number, TEXT);
        // A text longer than this is refused where it is read.
        self.0.extend(u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(value.as_bytes());
        self
    }

    pub(super) fn bool(mut self, number: u16, value: bool) -> Self {
        self.header(number, BOOL);
        self.0.push(value.into());
        self
    }

    pub(super) fn message(mut self, number: u16, value: Self) -> Self {
        self.header(number, MESSAGE);
        self.0.extend(u32::try_from(value.0.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(value.0);
        self
    }

    /// A set of texts, given in any order.
    pub(super) fn texts(mut self, number: u16, values: &[String]) -> Self {
        let item = |text: &String| {
            let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
            [&[TEXT], length.as_slice(), text.as_bytes()].concat()
        };
        let items: BTreeSet<Vec<u8>> = values.iter().map(item).collect();
        self.header(number, LIST);
        self.0.extend(u32::try_from(items.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.0.extend(items.into_iter().flatten());
        self
    }

    /// A field that may be left out.
    pub(super) fn maybe<T>(self, value: Option<T>, write: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => write(self, value),
            None => self,
        }
    }

    pub(super) fn done(self) -> Vec<u8> {
        self.0
    }
}
