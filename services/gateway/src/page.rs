//! Page tokens: where the next page begins, and of which revision. Rights are decided anew for each
//! page, so a token needs no secrecy; it is opaque so that nobody builds one.

use samsyn_proto::{Reason, inbound::PageAsked, sealed::Paged};
use tonic::Status;

use crate::status;

/// A place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// Of which revision; 0 where a list has none.
    pub(crate) revision: u64,
    /// How many rows stand before it.
    pub(crate) from: usize,
}

impl Place {
    /// Where a page begins.
    pub(crate) fn of(asked: &PageAsked) -> Result<Self, Status> {
        if asked.token.is_empty() {
            return Ok(Self::default());
        }
        let bad = || status::reason(Reason::PageTokenInvalid, "page.token");
        // A token has one spelling.
        let bytes = hex::decode(&asked.token).ok().filter(|b| hex::encode(b) == asked.token);
        let bytes: [u8; 16] = bytes.and_then(|b| b.try_into().ok()).ok_or_else(bad)?;
        let token = u128::from_be_bytes(bytes);
        let revision = u64::try_from(token >> 64).map_err(|_| bad())?;
        let from = usize::try_from(token & u128::from(u64::MAX)).map_err(|_| bad())?;
        Ok(Self { revision, from })
    }

    /// The rows of a page of this size.
    pub(crate) const fn rows(self, size: usize) -> Paged {
        Paged { from: self.from, size }
    }

    /// The token of the page that begins with a row.
    pub(crate) fn token(self, from: usize) -> String {
        let token = u128::from(self.revision) << 64 | u128::try_from(from).unwrap_or(0);
        hex::encode(token.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row41_a_token_leads_to_its_page_and_another_text_to_none() {
        let first = Place { revision: 7, from: 0 };
        let token = first.token(100);
        let second = Place::of(&PageAsked { size: 100, token }).unwrap();
        assert_eq!(second, Place { revision: 7, from: 100 });
        assert!(Place::of(&PageAsked { size: 1, token: "x".into() }).is_err());
    }

    #[test]
    fn row41_a_page_token_in_another_spelling_is_none() {
        let token = Place { revision: 10, from: 0 }.token(11);
        Place::of(&PageAsked { size: 1, token: token.clone() }).unwrap();
        for other in [token.to_ascii_uppercase(), format!("{token} "), format!("{token}00")] {
            assert!(Place::of(&PageAsked { size: 1, token: other.clone() }).is_err(), "{other}");
        }
    }
}
