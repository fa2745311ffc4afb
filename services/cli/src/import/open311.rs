//! Requests of Open311 GeoReport v2, in JSON or XML, as rows of cells: a request is a row, a field
//! is a cell. Source: <https://wiki.open311.org/GeoReport_v2/>, "GET Service Requests".
//!
//! Both forms of a document give the same rows. Links to media are not among the fields: they are
//! neither followed nor carried over.

use serde_json::Value;

use super::{
    BadFile, FIELD_CHARACTERS_MAX, FILE_BYTES_MAX, Mapping, Rows, Wrong,
    decode::decode,
    named::{Draft, Items, item},
    xml::{BadXml, Token, Xml},
};

/// The shipped mapping.
pub(crate) const SHIPPED_OPEN311: &str = include_str!("../../../../config/import/open311.toml");

/// What a mapping may read.
const FIELDS: [&str; 16] = [
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
];
/// Bytes of a field that are kept: enough to see that it is longer than allowed.
const FIELD_BYTES_MAX: usize = FIELD_CHARACTERS_MAX * 4 + 4;

impl Rows {
    /// The requests of a document; XML if it begins with `<`, else JSON.
    ///
    /// # Errors
    /// When the file is too large, is neither form of a list of requests, or the mapping names
    /// what is no field of a request.
    pub(crate) fn of_open311(file: &[u8], mapping: &Mapping) -> Result<Self, BadFile> {
        let text = decode(file, mapping.encoding)?;
        let mut rows = Self::new(mapping);
        let strange = rows.columns().iter().find(|column| !FIELDS.contains(&column.as_str()));
        if let Some(column) = strange {
            return Err(BadFile::NoField { column: column.clone() });
        }
        let columns = rows.columns().to_vec();
        if text.trim_start().starts_with('<') {
            let bytes_max = u64::try_from(FILE_BYTES_MAX.saturating_mul(2)).unwrap_or(u64::MAX);
            let xml = Xml::new(text.as_bytes(), bytes_max);
            Document { xml, columns: &columns }.rows(&mut rows)?;
        } else {
            let requests: Items<'_> = serde_json::from_str(&text)
                .map_err(|why| BadFile::Json { line: why.line(), column: why.column() })?;
            let requests = requests.within_limit().ok_or(BadFile::TooManyRows)?;
            for (number, raw) in (1..).zip(requests) {
                let row = item(raw).and_then(|value| request(&value, &columns));
                rows.push(number, row)?;
            }
        }
        Ok(rows)
    }
}

fn request(value: &Value, columns: &[String]) -> Result<Vec<String>, Wrong> {
    let object = value.as_object();
    let object = object.ok_or_else(|| Wrong::unreadable("", "the row is no request; leave it out"));
    let mut row = Draft::new(columns);
    for (name, value) in object? {
        row.set_json(name, value);
    }
    row.done()
}

/// The XML form: `service_requests`, in it `request`s, in them fields.
struct Document<'a> {
    xml: Xml<&'a [u8]>,
    columns: &'a [String],
}

impl Document<'_> {
    fn rows(mut self, rows: &mut Rows) -> Result<(), BadFile> {
        self.enter("service_requests")?;
        let mut number = 0_usize;
        loop {
            match self.xml.next()? {
                Token::Open(element) if element.name == "request" => {
                    number = number.saturating_add(1);
                    let row = self.request()?;
                    rows.push(number, row)?;
                }
                Token::Open(_) => self.xml.skip()?,
                Token::Text(_) => {}
                Token::Close | Token::End => break,
            }
        }
        self.end()
    }

    /// Goes into the root element, which must have this name.
    fn enter(&mut self, root: &str) -> Result<(), BadFile> {
        loop {
            match self.xml.next()? {
                Token::Open(element) if element.name == root => return Ok(()),
                Token::Open(_) | Token::Close | Token::End => return Err(BadFile::NoRequests),
                Token::Text(_) => {}
            }
        }
    }

    fn request(&mut self) -> Result<Result<Vec<String>, Wrong>, BadFile> {
        let mut row = Draft::new(self.columns);
        loop {
            match self.xml.next()? {
                Token::Open(field) if row.reads(&field.name) => {
                    self.field(&field.name, &mut row)?
                }
                Token::Open(_) => self.xml.skip()?,
                Token::Text(_) => {}
                Token::Close | Token::End => return Ok(row.done()),
            }
        }
    }

    /// The text of a field; an empty one is not set, as `null` in the other form.
    fn field(&mut self, name: &str, row: &mut Draft<'_>) -> Result<(), BadFile> {
        let mut text = String::new();
        loop {
            match self.xml.next()? {
                Token::Text(more) if text.len() < FIELD_BYTES_MAX => text.push_str(&more),
                Token::Text(_) => {}
                Token::Open(_) => {
                    row.nested(name);
                    self.xml.skip()?;
                }
                Token::Close | Token::End => break,
            }
        }
        if !text.trim().is_empty() {
            row.set(name, text);
        }
        Ok(())
    }

    /// Nothing but remarks may follow the root element.
    fn end(mut self) -> Result<(), BadFile> {
        loop {
            match self.xml.next()? {
                Token::End => return Ok(()),
                Token::Text(_) => {}
                Token::Open(_) | Token::Close => return Err(self.xml.bad().into()),
            }
        }
    }
}

impl From<BadXml> for BadFile {
    fn from(BadXml { at }: BadXml) -> Self {
        Self::Xml { at }
    }
}

#[cfg(test)]
mod tests;
