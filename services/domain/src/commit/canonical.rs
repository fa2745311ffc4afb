//! Canonical bytes: one value, one encoding, in every language.
//!
//! Not protobuf, which has no canonical encoding across languages and versions. A message is its
//! fields in ascending order of number, none twice, each `u16 number ‖ u8 type ‖ value`; integers
//! are big-endian and lengths are `u32`. There are no floats and no maps, and a field without a
//! value is left out. Decoding refuses whatever encoding would not have made.

use std::collections::BTreeMap;
use std::fmt;

use unicode_normalization::is_nfc;

use super::Error;

/// Greatest size of an encoded message, in bytes, unless the caller names another limit.
pub const SIZE_MAX: usize = 1 << 20;

/// Greatest nesting: the outermost message is 1, each list or message inside adds 1.
pub const DEPTH_MAX: usize = 8;

const I64: u8 = 2;
const BYTES: u8 = 3;
const TEXT: u8 = 4;
const LIST: u8 = 5;
const MESSAGE: u8 = 6;
const BOOL: u8 = 7;

/// The fewest bytes a list item takes: its type and a bool.
const ITEM_SIZE_MIN: usize = 2;

/// A value of one of the six canonical types.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// Type 2: 8 bytes, two's complement. Times are microseconds since 1970-01-01T00:00:00Z.
    I64(i64),
    /// Type 3: length and bytes.
    Bytes(Vec<u8>),
    /// Type 4: length and UTF-8 in Unicode normalization form C.
    Text(String),
    /// Type 5: count and items, each `u8 type ‖ value`.
    List(Vec<Self>),
    /// Type 6: length and fields.
    Message(Message),
    /// Type 7: one byte, 0 or 1.
    Bool(bool),
}

/// Numbered fields, in ascending order of number.
///
/// The empty message is the value `absent`: a group that is committed to, without a value.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Message {
    fields: BTreeMap<u16, Value>,
}

impl Message {
    /// A message without fields, which is also the value `absent`.
    #[must_use]
    pub const fn new() -> Self {
        Self { fields: BTreeMap::new() }
    }

    /// This message with field `number` set, in place of an earlier value.
    #[must_use]
    pub fn with(mut self, number: u16, value: impl Into<Value>) -> Self {
        self.fields.insert(number, value.into());
        self
    }

    /// This message with field `number` set, or left out when there is no value.
    #[must_use]
    pub fn with_opt(self, number: u16, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(number, value),
            None => self,
        }
    }

    /// Whether there are no fields: the value `absent`.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        self.fields.is_empty()
    }

    /// The fields in ascending order of number.
    pub fn fields(&self) -> impl Iterator<Item = (u16, &Value)> {
        self.fields.iter().map(|(number, value)| (*number, value))
    }

    /// The canonical bytes, at most [`SIZE_MAX`].
    ///
    /// # Errors
    /// When a text is not NFC, or the message is too deep or too large: what `decode` refuses.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.encode_within(SIZE_MAX)
    }

    /// The canonical bytes, at most `limit`.
    ///
    /// # Errors
    /// As [`Message::encode`].
    pub fn encode_within(&self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        write_fields(&mut out, self, 1)?;
        if out.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        Ok(out)
    }

    /// The message that encodes to exactly `bytes`, at most [`SIZE_MAX`] of them.
    ///
    /// # Errors
    /// When no message does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::decode_within(bytes, SIZE_MAX)
    }

    /// The message that encodes to exactly `bytes`, at most `limit` of them.
    ///
    /// # Errors
    /// When no message does.
    pub fn decode_within(bytes: &[u8], limit: usize) -> Result<Self, Error> {
        if bytes.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        read_fields(bytes, 1)
    }

    pub(super) fn into_fields(self) -> BTreeMap<u16, Value> {
        self.fields
    }
}

impl Value {
    /// A list in ascending order of the items' encoded bytes (type included), each once.
    ///
    /// Encoded text begins with its length, so a shorter text comes before a longer one.
    ///
    /// # Errors
    /// When an item is repeated or cannot be encoded.
    pub fn set(items: impl IntoIterator<Item = Self>) -> Result<Self, Error> {
        let mut sorted = BTreeMap::new();
        for item in items {
            if sorted.insert(item.item_bytes()?, item).is_some() {
                return Err(Error::SetOrder);
            }
        }
        Ok(Self::List(sorted.into_values().collect()))
    }

    /// The value as a list item: `u8 type ‖ value`.
    pub(super) fn item_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        write_value(&mut out, self, 1)?;
        Ok(out)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::I64(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl From<Message> for Value {
    fn from(value: Message) -> Self {
        Self::Message(value)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I64(_) => f.write_str("i64"),
            Self::Bytes(bytes) => write!(f, "bytes({})", bytes.len()),
            Self::Text(text) => write!(f, "text({})", text.len()),
            Self::List(items) => f.debug_list().entries(items).finish(),
            Self::Message(message) => message.fmt(f),
            Self::Bool(_) => f.write_str("bool"),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.fields).finish()
    }
}

/// Appends `u32 length ‖ bytes`.
fn write_prefixed(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    write_count(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn write_count(out: &mut Vec<u8>, count: usize) -> Result<(), Error> {
    let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
    let count = u32::try_from(count).map_err(|_| Error::TooLarge { limit })?;
    out.extend_from_slice(&count.to_be_bytes());
    Ok(())
}

fn write_fields(out: &mut Vec<u8>, message: &Message, depth: usize) -> Result<(), Error> {
    if depth > DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    for (number, value) in &message.fields {
        out.extend_from_slice(&number.to_be_bytes());
        write_value(out, value, depth)?;
    }
    Ok(())
}

/// Appends `u8 type ‖ value` for a value that stands in a container at `depth`.
fn write_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> Result<(), Error> {
    match value {
        Value::I64(number) => {
            out.push(I64);
            out.extend_from_slice(&number.to_be_bytes());
            Ok(())
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            write_prefixed(out, bytes)
        }
        Value::Text(text) => {
            if !is_nfc(text) {
                return Err(Error::NotNormalized);
            }
            out.push(TEXT);
            write_prefixed(out, text.as_bytes())
        }
        Value::List(items) => {
            let inner = depth.saturating_add(1);
            if inner > DEPTH_MAX {
                return Err(Error::TooDeep);
            }
            out.push(LIST);
            write_count(out, items.len())?;
            items.iter().try_for_each(|item| write_value(out, item, inner))
        }
        Value::Message(message) => {
            let mut fields = Vec::new();
            write_fields(&mut fields, message, depth.saturating_add(1))?;
            out.push(MESSAGE);
            write_prefixed(out, &fields)
        }
        Value::Bool(value) => {
            out.extend_from_slice(&[BOOL, u8::from(*value)]);
            Ok(())
        }
    }
}

/// The bytes not yet read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    fn count(&mut self) -> Result<usize, Error> {
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| Error::Truncated)
    }

    fn prefixed(&mut self) -> Result<&'a [u8], Error> {
        let count = self.count()?;
        self.take(count)
    }
}

fn read_fields(bytes: &[u8], depth: usize) -> Result<Message, Error> {
    if depth > DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    let mut input = Input(bytes);
    let mut fields = BTreeMap::new();
    while !input.0.is_empty() {
        let number = u16::from_be_bytes(input.array()?);
        if fields.last_key_value().is_some_and(|(last, _)| *last >= number) {
            return Err(Error::FieldOrder(number));
        }
        fields.insert(number, read_value(&mut input, depth)?);
    }
    Ok(Message { fields })
}

/// Reads `u8 type ‖ value` of a value that stands in a container at `depth`.
fn read_value(input: &mut Input<'_>, depth: usize) -> Result<Value, Error> {
    match input.byte()? {
        I64 => Ok(Value::I64(i64::from_be_bytes(input.array()?))),
        BYTES => Ok(Value::Bytes(input.prefixed()?.to_vec())),
        TEXT => {
            let text = str::from_utf8(input.prefixed()?).map_err(|_| Error::NotUtf8)?;
            if is_nfc(text) { Ok(text.into()) } else { Err(Error::NotNormalized) }
        }
        LIST => read_list(input, depth.saturating_add(1)),
        MESSAGE => read_fields(input.prefixed()?, depth.saturating_add(1)).map(Value::Message),
        BOOL => match input.byte()? {
            0 => Ok(Value::Bool(false)),
            1 => Ok(Value::Bool(true)),
            other => Err(Error::BadBool(other)),
        },
        other => Err(Error::UnknownType(other)),
    }
}

fn read_list(input: &mut Input<'_>, depth: usize) -> Result<Value, Error> {
    if depth > DEPTH_MAX {
        return Err(Error::TooDeep);
    }
    let count = input.count()?;
    // Checked before anything is reserved, so that a count alone cannot exhaust memory.
    if count > input.0.len() / ITEM_SIZE_MIN {
        return Err(Error::Truncated);
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(read_value(input, depth)?);
    }
    Ok(Value::List(items))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::I64),
            any::<bool>().prop_map(Value::Bool),
            proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
            "[a-zåäö \u{2028}]{0,12}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
                proptest::collection::btree_map(any::<u16>(), inner, 0..6)
                    .prop_map(|fields| Value::Message(Message { fields })),
            ]
        })
    }

    fn nested(levels: usize) -> Message {
        (1..levels).fold(Message::new(), |inner, _| Message::new().with(1, inner))
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(value in value(), number in any::<u16>()) {
            let message = Message::new().with(number, value);
            let bytes = message.encode().unwrap();
            prop_assert_eq!(Message::decode(&bytes).unwrap(), message);
        }

        #[test]
        fn bytes_that_decode_are_the_only_encoding(
            bytes in proptest::collection::vec(0_u8..8, 0..40)
        ) {
            if let Ok(message) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode().unwrap(), bytes);
            }
        }

        #[test]
        fn a_changed_byte_gives_another_message_or_none(
            value in value(), at in any::<prop::sample::Index>(), flip in 1_u8..=255
        ) {
            let message = Message::new().with(1, value);
            let mut bytes = message.encode().unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert_ne!(Message::decode(&bytes), Ok(message));
        }
    }

    #[test]
    fn a_set_is_sorted_by_bytes_and_refuses_a_repeat() {
        let set = Value::set(["bb", "c", "a"].map(Value::from)).unwrap();
        assert_eq!(set, Value::List(["a", "c", "bb"].map(Value::from).to_vec()));
        assert_eq!(Value::set([Value::I64(1), Value::I64(1)]), Err(Error::SetOrder));
    }

    #[test]
    fn strict_decoding_refuses_every_malformed_form() {
        let good = Message::new().with(1, 5_i64).with(2, true).encode().unwrap();
        let mut trailing = good.clone();
        trailing.push(0);
        for (bytes, error) in [
            (&good[..good.len() - 1], Error::Truncated),
            (&trailing, Error::Truncated),
            (&[0, 1, 1, 0], Error::UnknownType(1)),
            (&[0, 1, 8, 0], Error::UnknownType(8)),
            (&[0, 2, 7, 0, 0, 1, 7, 0], Error::FieldOrder(1)),
            (&[0, 1, 7, 0, 0, 1, 7, 0], Error::FieldOrder(1)),
            (&[0, 1, 7, 2], Error::BadBool(2)),
            (&[0, 1, 4, 0, 0, 0, 1, 0xff], Error::NotUtf8),
            (&[0, 1, 4, 0, 0, 0, 3, b'a', 0xcc, 0x8a], Error::NotNormalized),
            (&[0, 1, 3, 0xff, 0xff, 0xff, 0xff, 0], Error::Truncated),
            (&[0, 1, 5, 0xff, 0xff, 0xff, 0xff, 7, 0], Error::Truncated),
            (&[0, 1, 6, 0, 0, 0, 3, 0, 1, 7], Error::Truncated),
        ] {
            assert_eq!(Message::decode(bytes), Err(error), "{bytes:?}");
        }
    }

    #[test]
    fn depth_and_size_have_the_same_limit_in_both_directions() {
        let deepest = nested(DEPTH_MAX);
        let bytes = deepest.encode().unwrap();
        assert_eq!(Message::decode(&bytes), Ok(deepest));
        assert_eq!(nested(DEPTH_MAX + 1).encode(), Err(Error::TooDeep));
        let mut beyond = vec![0, 1, MESSAGE];
        write_prefixed(&mut beyond, &bytes).unwrap();
        assert_eq!(Message::decode(&beyond), Err(Error::TooDeep));

        let limit = SIZE_MAX;
        let full = Message::new().with(1, vec![0; SIZE_MAX - 7].as_slice());
        assert_eq!(full.encode().unwrap().len(), SIZE_MAX);
        let over = Message::new().with(1, vec![0; SIZE_MAX - 6].as_slice());
        assert_eq!(over.encode(), Err(Error::TooLarge { limit }));
        assert_eq!(Message::decode(&vec![0; SIZE_MAX + 1]), Err(Error::TooLarge { limit }));
    }

    #[test]
    fn lists_nest_to_the_same_depth_as_messages() {
        let list = (1..DEPTH_MAX).fold(Value::I64(1), |inner, _| Value::List(vec![inner]));
        let deepest = Message::new().with(1, list.clone());
        assert_eq!(Message::decode(&deepest.encode().unwrap()), Ok(deepest));
        let over = Message::new().with(1, Value::List(vec![list]));
        assert_eq!(over.encode(), Err(Error::TooDeep));
    }

    #[test]
    fn text_that_is_not_normalized_is_not_encoded() {
        assert_eq!(Message::new().with(1, "a\u{30a}").encode(), Err(Error::NotNormalized));
        assert!(Message::new().with(1, "å").encode().is_ok());
    }

    #[test]
    fn debug_shows_no_content() {
        let message = Message::new().with(1, "hemligt").with(2, 4711_i64);
        assert_eq!(format!("{message:?}"), "{1: text(7), 2: i64}");
    }
}
