//! The versions of an own picture.

use crate::{Period, row::Version};

/// The versions of an own picture.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a>(pub(super) &'a [Version]);

impl Picture<'_> {
    /// The current version; 0 before the first.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.0.last().map_or(0, |version| version.version)
    }

    /// A version.
    #[must_use]
    pub fn at(&self, version: u64) -> Option<&Version> {
        // Versions are dense from 1.
        let place = usize::try_from(version.checked_sub(1)?).ok()?;
        self.0.get(place).filter(|v| v.version == version)
    }

    /// The version that stood at a revision of the area; 0 before the first.
    #[must_use]
    pub fn version_at(&self, revision: u64) -> u64 {
        let n = self.0.partition_point(|version| version.revision <= revision);
        n.checked_sub(1).and_then(|n| self.0.get(n)).map_or(0, |version| version.version)
    }

    /// Whether the party has said up to a revision that what it published is all of a period, or
    /// of a longer one that holds it.
    #[must_use]
    pub fn covers(&self, period: Period, revision: u64) -> bool {
        let (from, to) = period.bounds();
        self.0.iter().filter(|version| version.revision <= revision).any(|version| {
            version
                .covers
                .map(Period::bounds)
                .is_some_and(|(start, end)| start <= from && to <= end)
        })
    }
}
