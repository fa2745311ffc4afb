//! The registry as rows: each of one table, under one key, in one written form.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value;

use super::{
    Agreement, Area, Category, Document, EndorsementKey, Function, Group, Lists, Meeting,
    Organisation, Party, Peer, Place, PublisherKey, Registry, RegistryKey, ReleaseRow,
    Responsibility, Service, SignedDescriptor, SubArea,
};

/// The key of the one row of the code lists.
const LISTS: &str = "lists";

/// A row as it came in is not one of its table, or not in its written form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// There is no such table.
    #[error("there is no such table; see the registry's own")]
    Table,
    /// The text is no row of its table.
    #[error("is no row of its table; write all of its fields and no others")]
    Row,
    /// The row has another written form.
    #[error("is not in its written form: no spaces, fields in alphabetical order")]
    Form,
}

/// Of which table, under which key; ordered by the names of the tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordKey {
    /// The table.
    pub table: Table,
    /// The id within it.
    pub id: String,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.table.as_str(), self.id)
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident($row:ty) = $field:ident by $key:expr;)+) => {
        /// A table of the registry, as its files name it; in alphabetical order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Table {
            $($(#[$doc])* $table,)+
        }

        impl Table {
            /// All tables, in alphabetical order.
            pub const ALL: &'static [Self] = &[$(Self::$table,)+];

            /// Its name, as in files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$table => stringify!($field),)+ }
            }

            /// Parses its name.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|table| table.as_str() == code)
            }
        }

        /// A row of the registry.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Record {
            $($(#[$doc])* $table($row),)+
        }

        impl Record {
            /// Its table.
            #[must_use]
            pub const fn table(&self) -> Table {
                match self { $(Self::$table(_) => Table::$table,)+ }
            }

            /// Its table and key.
            #[must_use]
            pub fn key(&self) -> RecordKey {
                let id = match self { $(Self::$table(row) => written(row, $key),)+ };
                RecordKey { table: self.table(), id }
            }

            /// Its fields. Every key of its maps is text, so it always has them.
            pub(super) fn fields(&self) -> Value {
                let fields = match self { $(Self::$table(row) => serde_json::to_value(row),)+ };
                fields.unwrap_or_default()
            }

            fn of_text(table: Table, text: &str) -> Result<Self, BadRecord> {
                match table {
                    $(Table::$table => serde_json::from_str(text).map(Self::$table),)+
                }
                .map_err(|_| BadRecord::Row)
            }
        }

        impl Registry {
            /// Every row but the code lists.
            fn rows(&self) -> impl Iterator<Item = Record> {
                std::iter::empty()$(.chain(
                    self.$field.rows().cloned().map(Record::$table)
                ))+
            }

            /// A row, by its table and key.
            #[must_use]
            pub fn record(&self, key: &RecordKey) -> Option<Record> {
                match key.table {
                    $(Table::$table => {
                        let mut rows = self.$field.rows();
                        let row = rows.find(|row| written(row, $key) == key.id);
                        row.cloned().map(Record::$table)
                    })+
                }
            }

            /// Puts a row in the place of the one that has its key.
            pub(super) fn put(&mut self, record: Record) {
                match record {
                    $(Record::$table(row) => {
                        let key = key_of(&row, $key);
                        Arc::make_mut(&mut self.$field).put(key, row);
                    })+
                }
            }

            /// Takes a row away.
            pub(super) fn remove(&mut self, key: &RecordKey) {
                match key.table {
                    $(Table::$table => Arc::make_mut(&mut self.$field).take(&key.id),)+
                }
            }
        }
    };
}

tables! {
    /// Agreements.
    Agreements(Agreement) = agreements by |row| row.id.clone();
    /// Areas with a joint picture.
    Areas(Area) = areas by |row| row.id.clone();
    /// Categories of observations.
    Categories(Category) = categories by |row| row.id.clone();
    /// What signatories have signed about how they endorse.
    Descriptors(SignedDescriptor) = descriptors by |row| row.agreement.clone();
    /// Keys that endorse.
    EndorsementKeys(EndorsementKey) = endorsement_keys by |row| row.id.clone();
    /// Functions that messages are addressed to.
    Functions(Function) = functions by |row| row.id.clone();
    /// Named groups of organisations.
    Groups(Group) = groups by |row| row.id.clone();
    /// Code lists: one row.
    Lists(Lists) = lists by |_| LISTS;
    /// Meetings that recur.
    Meetings(Meeting) = meetings by |row| row.id.clone();
    /// Legal entities.
    Organisations(Organisation) = organisations by |row| row.id.clone();
    /// Who acts in agreements.
    Parties(Party) = parties by |row| row.id.clone();
    /// Domains that this one is linked with.
    Peers(Peer) = peers by |row| row.id.clone();
    /// Registered places.
    Places(Place) = places by |row| row.id.clone();
    /// Keys that sign publications.
    PublisherKeys(PublisherKey) = publisher_keys by |row| row.id.clone();
    /// Keys that sign changes of the registry.
    RegistryKeys(RegistryKey) = registry_keys by |row| row.id.clone();
    /// What receivers may have.
    ReleaseRows(ReleaseRow) = release_rows by |row| row.id.clone();
    /// Which party answers for which sub-area, and when.
    Responsibilities(Responsibility) = responsibilities by |row| row.key();
    /// Calling systems.
    Services(Service) = services by |row| row.id.clone();
    /// Parts of areas.
    SubAreas(SubArea) = sub_areas by |row| row.id.clone();
}

impl Record {
    /// Its written form: JSON without spaces, the fields of each object in the order of their
    /// names, whole numbers in decimal, fields that are not set left out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        write(&self.fields(), &mut text);
        text
    }

    /// Reads a row from its written form.
    ///
    /// # Errors
    /// When it is no row of its table, or written otherwise.
    pub fn read(table: Table, text: &str) -> Result<Self, BadRecord> {
        let record = Self::of_text(table, text)?;
        if record.text() == text { Ok(record) } else { Err(BadRecord::Form) }
    }
}

impl Registry {
    /// The registry of some rows, unchecked: it was checked by who took it in.
    #[must_use]
    pub fn of_records(records: impl IntoIterator<Item = Record>) -> Self {
        let mut registry = Self::default();
        records.into_iter().for_each(|record| registry.put(record));
        registry
    }

    /// Every row, by table and key.
    #[must_use]
    pub fn records(&self) -> BTreeMap<RecordKey, Record> {
        self.rows().map(|record| (record.key(), record)).collect()
    }

    /// The registry as it is written in files; rows stand in the order of their keys.
    #[must_use]
    pub fn document(&self) -> Document {
        Document {
            lists: Lists::clone(&self.lists),
            organisations: self.organisations.values().cloned().collect(),
            parties: self.parties.values().cloned().collect(),
            services: self.services.values().cloned().collect(),
            endorsement_keys: self.endorsement_keys.values().cloned().collect(),
            registry_keys: self.registry_keys.values().cloned().collect(),
            publisher_keys: self.publisher_keys.values().cloned().collect(),
            groups: self.groups.values().cloned().collect(),
            categories: self.categories.values().cloned().collect(),
            areas: self.areas.values().cloned().collect(),
            sub_areas: self.sub_areas.values().cloned().collect(),
            places: self.places.values().cloned().collect(),
            responsibilities: self.responsibilities.values().cloned().collect(),
            agreements: self.agreements.values().cloned().collect(),
            descriptors: self.descriptors.values().cloned().collect(),
            release_rows: self.release_rows.values().cloned().collect(),
            meetings: self.meetings.values().cloned().collect(),
            functions: self.functions.values().cloned().collect(),
            peers: self.peers.values().cloned().collect(),
        }
    }
}

/// The rows of a table.
trait Rows<K, V> {
    fn rows<'a>(&'a self) -> impl Iterator<Item = &'a V>
    where
        V: 'a;
    fn put(&mut self, key: K, row: V);
    fn take(&mut self, id: &str);
}

impl<K: Ord + fmt::Display, V> Rows<K, V> for BTreeMap<K, V> {
    fn rows<'a>(&'a self) -> impl Iterator<Item = &'a V>
    where
        V: 'a,
    {
        self.values()
    }

    fn put(&mut self, key: K, row: V) {
        self.insert(key, row);
    }

    fn take(&mut self, id: &str) {
        self.retain(|key, _| key.to_string() != id);
    }
}

/// The code lists are one row, which can be replaced and not taken away.
impl Rows<&'static str, Self> for Lists {
    fn rows<'a>(&'a self) -> impl Iterator<Item = &'a Self>
    where
        Self: 'a,
    {
        std::iter::once(self)
    }

    fn put(&mut self, _: &'static str, row: Self) {
        *self = row;
    }

    fn take(&mut self, _: &str) {
        *self = Self::default();
    }
}

fn written<R, K: fmt::Display>(row: &R, key: impl FnOnce(&R) -> K) -> String {
    key(row).to_string()
}

fn key_of<R, K>(row: &R, key: impl FnOnce(&R) -> K) -> K {
    key(row)
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            // Whichever order the map keeps, this is that of the names.
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            text.push('{');
            for (i, (name, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_in_the_order_of_their_names() {
        let names: Vec<&str> = Table::ALL.iter().map(|table| table.as_str()).collect();
        assert!(names.is_sorted());
        for (table, name) in Table::ALL.iter().zip(names) {
            assert_eq!(Table::from_code(name), Some(*table));
        }
    }

    #[test]
    fn a_row_has_one_written_form() {
        let text = r#"{"id":"g","members":["a","b"],"name":"Å\n"}"#;
        let record = Record::read(Table::Groups, text).unwrap();
        assert_eq!(record.text(), text);
        assert_eq!(record.key(), RecordKey { table: Table::Groups, id: "g".into() });
        for other in [
            r#"{"members":["a","b"],"id":"g","name":"Å\n"}"#,
            r#"{"id":"g","members":["b","a"],"name":"Å\n"}"#,
            r#"{"id":"g", "members":["a","b"],"name":"Å\n"}"#,
            r#"{"id":"g","members":["a","b"],"name":"\u00c5\n"}"#,
        ] {
            assert_eq!(Record::read(Table::Groups, other), Err(BadRecord::Form), "{other}");
        }
        let more = r#"{"id":"g","members":[],"name":"n","x":1}"#;
        assert_eq!(Record::read(Table::Groups, more), Err(BadRecord::Row));
    }

    #[test]
    fn what_is_not_set_is_left_out_and_what_has_a_default_is_written() {
        let service =
            r#"{"id":"o/s","organisation":"o","parties":[],"roles":["reader"],"suspended":false}"#;
        assert!(Record::read(Table::Services, service).is_ok());
        let short = r#"{"id":"o/s","organisation":"o","roles":["reader"]}"#;
        assert_eq!(Record::read(Table::Services, short), Err(BadRecord::Form));
    }
}
