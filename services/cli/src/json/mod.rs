//! The JSON form of messages. Field names are those of the proto files and keys are sorted. Times
//! are RFC 3339, bytes are lower-case hexadecimal, codes of enumerations are lower case without
//! their prefix (`up`), a period is its code (`2025-W40`), coordinates are degrees. What is not
//! set is `null` or left out.

mod access;
mod edition;
mod event;
mod finding;
mod link;
mod message;
mod observation;
pub(crate) mod publication;
mod reader;
mod registry;
mod statement;

use std::fmt::Display;

use samsyn_client::wire;
use serde_json::{Map, Value};

pub(crate) use access::{
    access, agreement, collision, disclosure, duty, explained, holder, preview, problem,
    release_row, service,
};
pub(crate) use edition::header;
pub(crate) use event::event;
pub(crate) use finding::{conflict, finding, revision, step};
pub(crate) use link::{contributed, link, quarantined};
pub(crate) use message::{inbox_entry, message, step as message_step, tracked_message};
pub(crate) use observation::{degrees, observation};
pub(crate) use registry::{registry_change, replayed, right_change};
pub(crate) use statement::{assessment, series};

/// A list of messages.
pub(crate) fn list<T>(all: &[T], one: impl Fn(&T) -> Value) -> Value {
    all.iter().map(one).collect()
}

/// A time.
pub(crate) fn time(at: Option<&impl Display>) -> Value {
    at.map_or(Value::Null, |at| at.to_string().into())
}

fn period(period: Option<&wire::Period>) -> Value {
    period.map_or(Value::Null, |period| period.code.clone().into())
}

/// A code of an enumeration, without its prefix; nothing when it is unspecified.
fn code(name: &str, prefix: &str) -> Option<String> {
    let code = name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase();
    (code != "unspecified").then_some(code)
}

/// The code of a trend.
pub(crate) fn trend(number: i32) -> Option<String> {
    code(wire::Trend::try_from(number).ok()?.as_str_name(), "TREND_")
}

/// The code of a basis.
pub(crate) fn basis(number: i32) -> Option<String> {
    code(wire::Basis::try_from(number).ok()?.as_str_name(), "BASIS_")
}

/// The code of a kind.
pub(crate) fn kind(number: i32) -> Option<String> {
    code(wire::ObservationKind::try_from(number).ok()?.as_str_name(), "OBSERVATION_KIND_")
}

/// The code of a contribution's form.
pub(crate) fn form(number: i32) -> Option<String> {
    code(wire::Form::try_from(number).ok()?.as_str_name(), "FORM_")
}

/// The code of a finding's class.
pub(crate) fn class(number: i32) -> Option<String> {
    code(wire::FindingClass::try_from(number).ok()?.as_str_name(), "FINDING_CLASS_")
}

/// The code of an edition's state.
pub(crate) fn state(number: i32) -> Option<String> {
    code(wire::EditionState::try_from(number).ok()?.as_str_name(), "EDITION_STATE_")
}

/// The code of a verdict.
pub(crate) fn verdict(number: i32) -> Option<String> {
    code(wire::Verdict::try_from(number).ok()?.as_str_name(), "VERDICT_")
}

/// An object that leaves out what is not set.
#[derive(Debug, Default)]
struct Object(Map<String, Value>);

impl Object {
    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves out `None`, the empty text, `false` and the empty list.
    fn set_if(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let empty = match &value {
            Value::Null | Value::Bool(false) => true,
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Bool(true) | Value::Number(_) | Value::Object(_) => false,
        };
        if empty { self } else { self.set(name, value) }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lose_their_prefix_and_unspecified_is_none() {
        assert_eq!(trend(3).as_deref(), Some("up"));
        assert_eq!(trend(0), None);
        assert_eq!(trend(99), None);
        assert_eq!(kind(1).as_deref(), Some("reported_crime"));
        assert_eq!(class(2).as_deref(), Some("one_sided"));
        assert_eq!(state(2).as_deref(), Some("in_review"));
        assert_eq!(verdict(2).as_deref(), Some("endorsed_with_reservation"));
        assert_eq!(basis(1).as_deref(), Some("fact"));
        assert_eq!(form(2).as_deref(), Some("series"));
    }
}
