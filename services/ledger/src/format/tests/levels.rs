//! One of everything that concerns feature levels.

use samsyn_domain::{
    FeatureLevel,
    command::{Command, RaiseLevel},
    row::Row,
};

pub(super) fn second() -> FeatureLevel {
    FeatureLevel::of(2).unwrap()
}

pub(super) fn commands() -> [Command; 1] {
    [Command::RaiseLevel(RaiseLevel { level: second() })]
}

pub(super) fn rows() -> [(&'static str, Row); 1] {
    [("level", Row::Level(second()))]
}
