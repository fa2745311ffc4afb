//! How long nodes wait for each other.

/// How far apart the nodes of a domain are; it decides how soon a silent leader is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timing {
    /// There is one node: nobody is waited for.
    #[default]
    Alone,
    /// All are at one site: messages take less than a few milliseconds.
    Site,
    /// They are at sites that are 10 to 30 ms apart.
    Sites,
}

impl Timing {
    /// How often a leader is heard, and how long it may be silent at least, in milliseconds.
    /// Followers wait up to twice as long, each another time, so that one of them is first.
    pub(super) const fn millis(self) -> (u64, u64) {
        match self {
            Self::Alone => (50, 150),
            Self::Site => (100, 500),
            Self::Sites => (300, 1_500),
        }
    }
}
