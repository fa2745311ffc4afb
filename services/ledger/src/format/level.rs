//! Feature levels.

use samsyn_domain::{FeatureLevel, command::RaiseLevel};
use samsyn_proto::log;

use super::{Damaged, Stored, checked};

/// Beside something else: the first is left out, as it was before there were levels.
pub(super) const fn encode_level(level: FeatureLevel) -> u32 {
    if level.number() == FeatureLevel::FIRST.number() { 0 } else { level.number() }
}

pub(super) fn decode_level(number: u32) -> FeatureLevel {
    FeatureLevel::of(number).unwrap_or(FeatureLevel::FIRST)
}

impl Stored for RaiseLevel {
    type Message = log::RaiseLevel;

    fn encode(&self) -> log::RaiseLevel {
        log::RaiseLevel { level: self.level.number() }
    }

    fn decode(message: log::RaiseLevel) -> Result<Self, Damaged> {
        Ok(Self { level: checked(FeatureLevel::of(message.level), "raise_level.level")? })
    }
}
