//! The dates of a revocation list.

use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

/// When a revocation list was made and when it ends, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dates {
    made: u64,
    ends: u64,
}

impl Dates {
    /// Of a list; none when it does not say when it ends.
    pub(crate) fn of(list: &CertificateRevocationListDer<'_>) -> Option<Self> {
        let (_, list) = CertificateRevocationList::from_der(list).ok()?;
        let made = u64::try_from(list.last_update().timestamp()).ok()?;
        let ends = u64::try_from(list.next_update()?.timestamp()).ok()?;
        Some(Self { made, ends })
    }

    /// When it ends.
    pub(crate) const fn ends(self) -> u64 {
        self.ends
    }

    /// Half of its time or more has gone.
    pub(crate) const fn is_half_over(self, now: u64) -> bool {
        now >= self.made.midpoint(self.ends)
    }
}
