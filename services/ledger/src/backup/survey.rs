//! What a snapshot holds, counted and digested in one pass.

use std::io::Read;

use samsyn_domain::{FeatureLevel, command::Digest, row::Row};
use sha2::{Digest as _, Sha256};

use super::Counts;
use crate::{Error, format::read_row, head::Head, snapshot};

impl Counts {
    fn add(&mut self, row: &Row) {
        let count = |number: &mut u64, counts: bool| {
            *number = number.saturating_add(u64::from(counts));
        };
        count(&mut self.rows, true);
        count(&mut self.versions, matches!(row, Row::Version(_)));
        count(&mut self.disclosures, matches!(row, Row::Disclosure(_)));
    }
}

/// What a snapshot holds.
#[derive(Debug, Clone)]
pub(super) struct Survey {
    pub(super) head: Head,
    /// The SHA-256 of all rows, in the order of their keys: key and value, each behind its length
    /// as eight bytes, big-endian. Whoever takes part in consensus changes nothing in it.
    pub(super) digest: Digest,
    pub(super) counts: Counts,
}

impl Survey {
    /// Reads a snapshot through, at a node that knows the log up to a level; gives each row, with
    /// the bytes of its key and value.
    ///
    /// # Errors
    /// When the snapshot or a row does not read, or taking it fails.
    pub(super) fn of<R: Read>(
        mut from: snapshot::Reader<R>,
        knows: FeatureLevel,
        mut take: impl FnMut(&[u8], &[u8], Row) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let head = from.head().clone().known(knows)?;
        let (mut hash, mut counts) = (Sha256::new(), Counts::default());
        while let Some(row) = from.next().transpose()? {
            let (key, value) = row;
            for part in [&key, &value] {
                hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(part);
            }
            let row = read_row(&value).map_err(|why| from.damaged(&why.to_string()))?;
            counts.add(&row);
            take(&key, &value, row)?;
        }
        Ok(Self { head, digest: hash.finalize().into(), counts })
    }
}
