//! The demo city: Stockholm with real names and invented figures, the same on every machine.
//!
//! From two files under `config/demo` come a registry document ([`registry()`]) and eight weeks of
//! own pictures ([`publications()`]). No clock, no floating point number and no outside chance goes
//! into either: the same seed gives the same bytes.

mod calendar;
mod dice;
mod events;
mod news;
mod notes;
mod publications;
mod registry;
mod row;
mod seed;
mod staged;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use news::{News, news};
pub(crate) use publications::{Publication, demo_weeks, publications};
pub(crate) use registry::{endorsers, publisher_key_id, publishers, registrars, registry};
pub(crate) use seed::Seed;
pub(crate) use staged::sodermalm_with_identifiers;

/// The number from which the demo's figures are drawn.
pub(crate) const RNG: u64 = 20_240_101;

/// The demo city cannot be made: a file of the release was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The city.
    #[error("`config/demo/stockholm.json` does not describe a city; restore it as released")]
    City(#[source] serde_json::Error),
    /// The rights.
    #[error("`config/demo/rights.toml` is no part of a registry; restore it as released")]
    Rights(#[source] toml::de::Error),
    /// A text that should become an id.
    #[error("`{text}` {why}")]
    Id {
        /// The text.
        text: String,
        /// What ids are like.
        why: String,
    },
    /// A category without a profile in time.
    #[error("category `{category}` names profile `{profile}`, which is not there; add it")]
    Profile {
        /// The category.
        category: String,
        /// The profile.
        profile: String,
    },
}

impl Error {
    fn id(text: &str, why: impl fmt::Display) -> Self {
        Self::Id { text: text.to_owned(), why: why.to_string() }
    }
}
