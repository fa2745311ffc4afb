//! What may be in a line or a span: names on a list, and nothing else.

use std::fmt;

use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use tracing::{
    Level, Metadata, dispatcher,
    field::{Field, Visit},
    span::Id,
};
use tracing_opentelemetry::get_otel_context;

/// Every name that our lines and spans may have. What stands under them is ids, words of closed
/// sets, numbers, times, paths of the operator's own and texts of our errors: never content.
pub(super) const ALLOWED: [&str; 30] = [
    "alarm",
    "anchor",
    "applied",
    "aside",
    "at",
    "bytes",
    "code",
    "ended",
    "error",
    "events",
    "file",
    "issuer",
    "message",
    "method",
    "node",
    "offset",
    "otel.kind",
    "otel.name",
    "peer",
    "position",
    "reason",
    "remedy",
    "root",
    "sequence",
    "serial",
    "service",
    "source",
    "told",
    "verb",
    "why",
];

/// What our crates' names begin with.
const OURS: &str = "samsyn";
/// Libraries whose lines below a warning may be asked for. What they write of an entry is its verb.
const ASKABLE: [&str; 1] = ["openraft"];
/// The most that such a library says.
const ASKABLE_MOST: Level = Level::DEBUG;
/// The most that any other library says, whatever `RUST_LOG` asks for: below it they write headers,
/// frames and keys.
const OTHERS_MOST: Level = Level::WARN;

/// Whether a line or span may be written at all: one of ours has no name that is not on the list,
/// one of a library's is not too talkative.
pub(super) fn passes(metadata: &Metadata<'_>) -> bool {
    if is_ours(metadata) {
        return metadata.fields().iter().all(|field| is_allowed(&field));
    }
    let most = if ASKABLE.contains(&library(metadata)) { ASKABLE_MOST } else { OTHERS_MOST };
    *metadata.level() <= most
}

/// Whether a line or span is of our crates.
pub(super) fn is_ours(metadata: &Metadata<'_>) -> bool {
    library(metadata).starts_with(OURS)
}

/// The crate of a line or span.
pub(super) fn library<'a>(metadata: &'a Metadata<'_>) -> &'a str {
    let target = metadata.target();
    target.split_once("::").map_or(target, |(library, _)| library)
}

fn is_allowed(field: &Field) -> bool {
    ALLOWED.contains(&field.name())
}

/// Where a span stands in a trace that is exported.
pub(super) fn place(span: &Id) -> Option<SpanContext> {
    let context = dispatcher::get_default(|dispatch| get_otel_context(span, dispatch))?;
    let place = context.span().span_context().clone();
    (place.is_valid() && place.is_sampled()).then_some(place)
}

/// What a line says: its message, and what is under allowed names.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) message: String,
    pub(super) fields: Vec<Stated>,
}

/// What stands under one name.
#[derive(Debug)]
pub(super) struct Stated {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// Whether it was a text from the start.
    pub(super) is_text: bool,
}

impl Said {
    fn put(&mut self, field: &Field, value: String, is_text: bool) {
        let name = field.name();
        if name == "message" {
            self.message = value;
        } else if is_allowed(field) {
            self.fields.push(Stated { name, value, is_text });
        }
    }
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, plain(value), true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, plain(&format!("{value:?}")), false);
    }
}

/// A text that moves no cursor, ends no line and turns no direction: what would is written as an
/// escape.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || turns(letter) {
            plain.extend(letter.escape_unicode());
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Whether a letter changes the direction of others, or is a line's or paragraph's end (Unicode,
/// UAX 9 and section 23.2).
const fn turns(letter: char) -> bool {
    matches!(
        letter,
        '\u{061c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t26_no_letter_breaks_a_line_or_turns_one() {
        let text = "a\r\nb\u{1b}[31m\u{9b}\u{202e}\u{2028}å";
        let plain = plain(text);
        assert!(!plain.chars().any(|letter| letter.is_control() || turns(letter)), "{plain}");
        assert!(plain.ends_with('å') && plain.contains("\\u{1b}[31m"), "{plain}");
    }

    #[test]
    fn the_list_is_in_order_and_has_nothing_twice() {
        assert!(ALLOWED.is_sorted_by(|a, b| a < b));
    }
}
