//! Whether a message is what a table says.

use super::{Field, Table, Type, always};
use crate::commit::Error;
use crate::commit::canonical::{Message, Value};
use crate::commit::reader::is_set;

pub(super) fn message_of(table: Table, message: &Message) -> Result<(), Error> {
    let present = |number| message.fields().any(|(there, _)| there == number);
    for field in table {
        if field.always && !present(field.number) {
            return Err(Error::Missing(field.number));
        }
    }
    for (number, value) in message.fields() {
        let field = table.iter().find(|field| field.number == number);
        let field = field.ok_or(Error::UnknownField(number))?;
        if let Some(missing) = field.with.iter().find(|with| !present(**with)) {
            return Err(Error::Missing(*missing));
        }
        value_of(field, value)?;
    }
    Ok(())
}

fn value_of(field: &Field, value: &Value) -> Result<(), Error> {
    let number = field.number;
    let fits = match (field.holds, value) {
        (Type::Integer(least, greatest), Value::I64(value)) => (least..=greatest).contains(value),
        (Type::Bytes(length), Value::Bytes(bytes)) => bytes.len() == length,
        (Type::Text, Value::Text(_)) | (Type::Bool, Value::Bool(_)) => true,
        (Type::Message(_, table), Value::Message(message)) => {
            return message_of(table, message);
        }
        (Type::Texts, Value::List(items)) => return set_of(number, Type::Text, items),
        (Type::BytesSet(length), Value::List(items)) => {
            return set_of(number, Type::Bytes(length), items);
        }
        (Type::Messages(name, table), Value::List(items)) => {
            return set_of(number, Type::Message(name, table), items);
        }
        _ => return Err(Error::Mistyped(number)),
    };
    if fits { Ok(()) } else { Err(Error::OutOfRange(number)) }
}

fn set_of(number: u16, holds: Type, items: &[Value]) -> Result<(), Error> {
    if !is_set(items)? {
        return Err(Error::SetOrder);
    }
    items.iter().try_for_each(|item| value_of(&always(number, "item", holds), item))
}
