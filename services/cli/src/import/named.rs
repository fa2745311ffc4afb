//! Rows whose cells come with their names: JSON objects, XML elements.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{
    Value,
    value::{Number, RawValue},
};

use super::{ROWS_MAX, Wrong};

/// The largest item of a list, in bytes of JSON.
const ITEM_BYTES_MAX: usize = 256 * 1024;

/// A row that is being filled; only cells of the columns that the mapping reads are kept.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    columns: &'a [String],
    cells: Vec<Option<String>>,
    wrong: Option<Wrong>,
}

impl<'a> Draft<'a> {
    /// Without cells, under sorted columns.
    pub(super) fn new(columns: &'a [String]) -> Self {
        Self { columns, cells: vec![None; columns.len()], wrong: None }
    }

    /// Whether a column is read.
    pub(super) fn reads(&self, name: &str) -> bool {
        self.at(name).is_some()
    }

    /// Fills the cell of a column, if it is read.
    pub(super) fn set(&mut self, name: &str, cell: impl Into<String>) {
        let slot = self.at(name).and_then(|at| self.cells.get_mut(at));
        if let Some(slot) = slot
            && slot.replace(cell.into()).is_some()
        {
            self.wrong(Wrong::unreadable(name, "the field stands twice; keep one"));
        }
    }

    /// Fills the cell of a column with a JSON value, if it is read.
    pub(super) fn set_json(&mut self, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::String(text) => self.set(name, text.as_str()),
            Value::Bool(truth) => self.set(name, truth.to_string()),
            Value::Number(number) => self.set(name, plain(number)),
            Value::Array(_) | Value::Object(_) => self.nested(name),
        }
    }

    /// A column that is read holds more than one value.
    pub(super) fn nested(&mut self, name: &str) {
        if self.reads(name) {
            let reason = "the field holds a list or an object; give a text or a number";
            self.wrong(Wrong::unreadable(name, reason));
        }
    }

    /// The row does not go through; of several reasons, the first one counts.
    pub(super) fn wrong(&mut self, wrong: Wrong) {
        self.wrong.get_or_insert(wrong);
    }

    /// The cells in the order of the columns.
    pub(super) fn done(self) -> Result<Vec<String>, Wrong> {
        let cells = self.cells.into_iter().map(Option::unwrap_or_default).collect();
        self.wrong.map_or(Ok(cells), Err)
    }

    fn at(&self, name: &str) -> Option<usize> {
        self.columns.binary_search_by(|column| column.as_str().cmp(name)).ok()
    }
}

/// A number in digits, never with an exponent.
fn plain(number: &Number) -> String {
    let fraction = number.as_f64().filter(|_| !number.is_i64() && !number.is_u64());
    fraction.map_or_else(|| number.to_string(), |fraction| fraction.to_string())
}

/// The items of a JSON list, unread; further ones than are allowed are not kept.
#[derive(Debug, Default)]
pub(super) struct Items<'a> {
    items: Vec<&'a RawValue>,
    too_many: bool,
}

impl<'a> Items<'a> {
    /// The items; none when there are too many.
    pub(super) fn within_limit(self) -> Option<Vec<&'a RawValue>> {
        (!self.too_many).then_some(self.items)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Items::default();
                while list.items.len() < ROWS_MAX {
                    let Some(item) = seq.next_element()? else { return Ok(list) };
                    list.items.push(item);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    list.too_many = true;
                }
                Ok(list)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// One item of a list; when it is too large or too deep, what to do.
pub(super) fn item(raw: &RawValue) -> Result<Value, Wrong> {
    let whole = |reason: &str| Wrong::unreadable("", reason);
    if raw.get().len() > ITEM_BYTES_MAX {
        return Err(whole("the row is larger than 256 KiB; simplify it or leave it out"));
    }
    serde_json::from_str(raw.get())
        .map_err(|_| whole("the row is nested too deeply or has a number out of range; correct it"))
}
