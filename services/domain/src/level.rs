//! Which features of the log a domain uses.

use std::fmt;

/// A feature level: which commands and rows the log of a domain may hold, and what applying them
/// does. The founding entry sets it, and entries raise it, once every node knows the next; whatever
/// is applied follows the level of the state, never the program, so that nodes with different
/// programs have the same state. It never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeatureLevel(u32);

impl FeatureLevel {
    /// The level of a domain whose log names none.
    pub const FIRST: Self = Self(1);

    /// Messages, and links with other domains.
    pub const MESSAGES: Self = Self(2);

    /// Own pictures that cross a link to the home of their area, and messages that are declined for
    /// what they hold.
    pub const CONTRIBUTIONS: Self = Self(3);

    /// Views of joint pictures that are delivered over links, and links that begin anew.
    pub const DELIVERIES: Self = Self(4);

    /// Editions that are delivered over links and answered in another domain.
    pub const EDITIONS: Self = Self(5);

    /// Messages with attachments, and to groups of functions.
    pub const ATTACHMENTS: Self = Self(6);

    /// The highest level that this program knows.
    pub const NEWEST: Self = Self::ATTACHMENTS;

    /// What each level brought, from the first on: a level is never taken out and never changes
    /// what it means.
    pub const BROUGHT: &'static [(Self, &'static str)] = &[
        (
            Self::FIRST,
            "own pictures, the joint picture, editions, releases, changes of the registry, records \
             of what was shown, backups, and the raising of the level",
        ),
        (Self::MESSAGES, "messages between functions, and links with other domains"),
        (
            Self::CONTRIBUTIONS,
            "own pictures that cross a link to the home of their area, and messages of other \
             domains that are declined for what they hold",
        ),
        (
            Self::DELIVERIES,
            "views of joint pictures that are delivered over links, and links that begin anew",
        ),
        (Self::EDITIONS, "editions that are delivered over links, and answered in another domain"),
        (Self::ATTACHMENTS, "messages with attachments, and to groups of functions"),
    ];

    /// Takes a number, from 1 on.
    #[must_use]
    pub const fn of(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Default for FeatureLevel {
    fn default() -> Self {
        Self::FIRST
    }
}

impl fmt::Display for FeatureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_up_to_the_newest_says_what_it_brought() {
        let told: Vec<u32> = FeatureLevel::BROUGHT.iter().map(|(level, _)| level.0).collect();
        assert_eq!(told, (1..=FeatureLevel::NEWEST.0).collect::<Vec<_>>());
        let page = include_str!("../../../docs/versioning.md");
        for (level, brought) in FeatureLevel::BROUGHT {
            assert!(page.contains(&format!("| {level} | {brought} |")), "{brought}");
        }
    }
}
