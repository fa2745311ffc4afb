//! Typed reading of a message: every field is taken once, and none may be left.

use std::collections::BTreeMap;

use super::Error;
use super::canonical::{Message, Value};

/// The fields of a message that have not been taken yet.
///
/// A decoder takes each field it knows and then calls [`Fields::finish`], so that an unknown
/// number is refused and no second message decodes to the same thing.
#[derive(Debug)]
#[must_use = "call `finish`, or unknown fields pass unseen"]
pub struct Fields {
    left: BTreeMap<u16, Value>,
}

impl Fields {
    /// All fields of `message`.
    pub fn of(message: Message) -> Self {
        Self { left: message.into_fields() }
    }

    /// Takes an integer that must be there and fit in `T`.
    ///
    /// # Errors
    /// When the field is missing, of another type, or does not fit.
    pub fn take_integer<T: TryFrom<i64>>(&mut self, number: u16) -> Result<T, Error> {
        self.take_i64(number)?.try_into().map_err(|_| Error::OutOfRange(number))
    }

    /// Takes an integer that must be there.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_i64(&mut self, number: u16) -> Result<i64, Error> {
        self.take_opt_i64(number)?.ok_or(Error::Missing(number))
    }

    /// Takes an integer that may be left out.
    ///
    /// # Errors
    /// When the field is of another type.
    pub fn take_opt_i64(&mut self, number: u16) -> Result<Option<i64>, Error> {
        self.take(number, |value| if let Value::I64(value) = value { Some(value) } else { None })
    }

    /// Takes a text that must be there.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_text(&mut self, number: u16) -> Result<String, Error> {
        self.take_opt_text(number)?.ok_or(Error::Missing(number))
    }

    /// Takes a text that may be left out.
    ///
    /// # Errors
    /// When the field is of another type.
    pub fn take_opt_text(&mut self, number: u16) -> Result<Option<String>, Error> {
        self.take(number, |value| if let Value::Text(value) = value { Some(value) } else { None })
    }

    /// Takes a bool that must be there.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_bool(&mut self, number: u16) -> Result<bool, Error> {
        self.take(number, |value| if let Value::Bool(value) = value { Some(value) } else { None })?
            .ok_or(Error::Missing(number))
    }

    /// Takes bytes that must be there.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_bytes(&mut self, number: u16) -> Result<Vec<u8>, Error> {
        self.take_opt_bytes(number)?.ok_or(Error::Missing(number))
    }

    /// Takes bytes that may be left out.
    ///
    /// # Errors
    /// When the field is of another type.
    pub fn take_opt_bytes(&mut self, number: u16) -> Result<Option<Vec<u8>>, Error> {
        self.take(number, |value| if let Value::Bytes(value) = value { Some(value) } else { None })
    }

    /// Takes exactly `N` bytes that must be there.
    ///
    /// # Errors
    /// When the field is missing, of another type or of another length.
    pub fn take_array<const N: usize>(&mut self, number: u16) -> Result<[u8; N], Error> {
        self.take_bytes(number)?.try_into().map_err(|_| Error::OutOfRange(number))
    }

    /// Takes exactly `N` bytes that may be left out.
    ///
    /// # Errors
    /// When the field is of another type or of another length.
    pub fn take_opt_array<const N: usize>(
        &mut self,
        number: u16,
    ) -> Result<Option<[u8; N]>, Error> {
        let bytes = self.take_opt_bytes(number)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| Error::OutOfRange(number))).transpose()
    }

    /// Takes a message that must be there.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_message(&mut self, number: u16) -> Result<Message, Error> {
        self.take_opt_message(number)?.ok_or(Error::Missing(number))
    }

    /// Takes a message that may be left out.
    ///
    /// # Errors
    /// When the field is of another type.
    pub fn take_opt_message(&mut self, number: u16) -> Result<Option<Message>, Error> {
        let message = |value| if let Value::Message(value) = value { Some(value) } else { None };
        self.take(number, message)
    }

    /// Takes a list that must be there, as it stands.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_list(&mut self, number: u16) -> Result<Vec<Value>, Error> {
        self.take_opt_list(number)?.ok_or(Error::Missing(number))
    }

    /// Takes a list that may be left out, as it stands.
    ///
    /// # Errors
    /// When the field is of another type.
    pub fn take_opt_list(&mut self, number: u16) -> Result<Option<Vec<Value>>, Error> {
        self.take(number, |value| if let Value::List(value) = value { Some(value) } else { None })
    }

    /// Takes a list of messages that must be there, as it stands.
    ///
    /// # Errors
    /// When the field is missing or of another type.
    pub fn take_messages(&mut self, number: u16) -> Result<Vec<Message>, Error> {
        messages(number, self.take_list(number)?)
    }

    /// Takes a list that must be there and is a set: see [`Value::set`].
    ///
    /// # Errors
    /// When the field is missing, of another type, or not in the order of a set.
    pub fn take_set(&mut self, number: u16) -> Result<Vec<Value>, Error> {
        let items = self.take_list(number)?;
        if is_set(&items)? { Ok(items) } else { Err(Error::SetOrder) }
    }

    /// Takes a set of messages that must be there.
    ///
    /// # Errors
    /// As [`Fields::take_set`].
    pub fn take_message_set(&mut self, number: u16) -> Result<Vec<Message>, Error> {
        messages(number, self.take_set(number)?)
    }

    /// Takes field `number` as a constant that it must have.
    ///
    /// # Errors
    /// When it has not.
    pub fn take_constant(&mut self, number: u16, constant: i64) -> Result<(), Error> {
        if self.take_i64(number)? == constant { Ok(()) } else { Err(Error::OutOfRange(number)) }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// When a field is left: it is unknown, and an unknown field is refused, never skipped.
    pub fn finish(self) -> Result<(), Error> {
        match self.left.first_key_value() {
            Some((number, _)) => Err(Error::UnknownField(*number)),
            None => Ok(()),
        }
    }

    fn take<T>(
        &mut self,
        number: u16,
        typed: impl FnOnce(Value) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        match self.left.remove(&number) {
            Some(value) => typed(value).map(Some).ok_or(Error::Mistyped(number)),
            None => Ok(None),
        }
    }
}

/// Whether `items` are in strictly ascending order of their encoded bytes.
pub(super) fn is_set(items: &[Value]) -> Result<bool, Error> {
    let encoded: Vec<_> = items.iter().map(Value::item_bytes).collect::<Result<_, _>>()?;
    Ok(encoded.is_sorted_by(|left, right| left < right))
}

fn messages(number: u16, items: Vec<Value>) -> Result<Vec<Message>, Error> {
    items
        .into_iter()
        .map(
            |item| {
                if let Value::Message(item) = item {
                    Ok(item)
                } else {
                    Err(Error::Mistyped(number))
                }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_nobody_takes_is_refused() {
        let mut fields = Fields::of(Message::new().with(1, 1_i64).with(9, true));
        assert_eq!(fields.take_i64(1), Ok(1));
        assert_eq!(fields.finish(), Err(Error::UnknownField(9)));
    }

    #[test]
    fn missing_mistyped_and_misfitting_fields_are_told_apart() {
        let message = Message::new().with(1, "text").with(2, 1_i64 << 32).with(3, &[0_u8; 31][..]);
        let mut fields = Fields::of(message);
        assert_eq!(fields.take_i64(1), Err(Error::Mistyped(1)));
        assert_eq!(fields.take_integer::<u32>(2), Err(Error::OutOfRange(2)));
        assert_eq!(fields.take_array::<32>(3), Err(Error::OutOfRange(3)));
        assert_eq!(fields.take_bool(4), Err(Error::Missing(4)));
        assert_eq!(fields.take_opt_text(5), Ok(None));
    }

    #[test]
    fn a_set_out_of_order_is_refused() {
        for items in [vec![2_i64, 1], vec![1, 1]] {
            let list = Value::List(items.into_iter().map(Value::I64).collect());
            let mut fields = Fields::of(Message::new().with(1, list));
            assert_eq!(fields.take_set(1), Err(Error::SetOrder));
        }
    }
}
