//! What an authority has issued, and what of it is revoked.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Error, Revoked};

/// The index of an authority. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    trust_domain: String,
    authority_until: i64,
    #[serde(default, rename = "certificate")]
    rows: Vec<Row>,
}

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    name: String,
    serial: String,
    until: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked: Option<i64>,
}

impl Row {
    /// A certificate that is not revoked.
    pub(super) fn new(name: &str, serial: &str, until: OffsetDateTime) -> Self {
        let (name, serial) = (name.to_owned(), serial.to_owned());
        Self { name, serial, until: until.unix_timestamp(), revoked: None }
    }
}

impl Index {
    /// The index of a new authority.
    pub(super) fn new(trust_domain: &str, authority_until: OffsetDateTime) -> Self {
        let authority_until = authority_until.unix_timestamp();
        Self { trust_domain: trust_domain.to_owned(), authority_until, rows: Vec::new() }
    }

    /// Reads an index.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn from_toml(text: &str) -> Result<Self, Error> {
        toml::from_str(text).map_err(|source| Error::Index { source: source.into() })
    }

    /// Writes an index.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub(super) fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|source| Error::Index { source: source.into() })
    }

    /// The authority's trust domain.
    pub(super) fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// The end of the authority.
    ///
    /// # Errors
    /// [`Error::Index`] when the number is no time.
    pub(super) fn authority_until(&self) -> Result<OffsetDateTime, Error> {
        time(self.authority_until)
    }

    /// Adds a certificate.
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Marks the certificates of a name as revoked; the serial numbers of those that were good.
    pub(super) fn revoke(&mut self, name: &str, now: OffsetDateTime) -> Vec<String> {
        let now = now.unix_timestamp();
        let good = |row: &&mut Row| row.name == name && row.revoked.is_none() && row.until > now;
        self.rows
            .iter_mut()
            .filter(good)
            .map(|row| {
                row.revoked = Some(now);
                row.serial.clone()
            })
            .collect()
    }

    /// What the revocation list must name: revoked, and not ended by itself.
    ///
    /// # Errors
    /// [`Error::Index`] when a row does not parse.
    pub(super) fn revoked(&self, now: OffsetDateTime) -> Result<Vec<Revoked>, Error> {
        let now = now.unix_timestamp();
        self.rows
            .iter()
            .filter(|row| row.until > now)
            .filter_map(|row| row.revoked.map(|at| (row, at)))
            .map(|(row, at)| Ok(Revoked { serial: row.serial.clone(), at: time(at)? }))
            .collect()
    }
}

fn time(seconds: i64) -> Result<OffsetDateTime, Error> {
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_err(|source| Error::Index { source: source.into() })
}
