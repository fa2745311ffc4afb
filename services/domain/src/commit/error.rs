//! What can be wrong with the bytes.

use super::canonical::DEPTH_MAX;

/// What is wrong with canonical bytes, or with a value that should become such bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end inside a value, or stray bytes follow the last one.
    #[error("the bytes end inside a value; send the whole message and nothing after it")]
    Truncated,
    /// A type number that this version does not know.
    #[error("type {0} is not one of 2 to 7")]
    UnknownType(u8),
    /// A field number that does not exceed the one before it.
    #[error("field {0} is repeated or out of order; write fields in ascending order")]
    FieldOrder(u16),
    /// A bool that is neither 0 nor 1.
    #[error("a bool is {0}; write 0 or 1")]
    BadBool(u8),
    /// Text that is not UTF-8.
    #[error("a text is not utf-8")]
    NotUtf8,
    /// Text in another form than NFC.
    #[error("a text is not in unicode normalization form c; normalize it")]
    NotNormalized,
    /// Lists and messages nested beyond [`DEPTH_MAX`].
    #[error("lists and messages are nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// An encoding above the limit.
    #[error("the encoding exceeds {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A position that no object has.
    #[error("position {0} is not one of 0 to 31")]
    BadPosition(u8),
    /// A set whose items are not in strictly ascending order of their bytes.
    #[error("a set is unsorted or repeats an item; sort by encoded bytes, each once")]
    SetOrder,
    /// A number that no member of the code list has.
    #[error("code {0} is not in its list")]
    UnknownCode(i64),
    /// A field that must be there is not.
    #[error("field {0} is missing")]
    Missing(u16),
    /// A field that this kind of message does not have.
    #[error("field {0} is not known in this message")]
    UnknownField(u16),
    /// A field of another type than the format gives it.
    #[error("field {0} has another type than the format gives it")]
    Mistyped(u16),
    /// A field with a value that the format does not allow there.
    #[error("field {0} has a value that the format does not allow")]
    OutOfRange(u16),
}
