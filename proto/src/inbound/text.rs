//! Free text: bounded, in normal form C, screened.

use samsyn_domain::{
    Timestamp,
    message::{ATTACHMENT_NAME_CHARACTERS_MAX, BODY_CHARACTERS_MAX, SUBJECT_CHARACTERS_MAX},
    screening::{Hit, Near, Rule, Verdict, screen},
};
use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::fault::{Fault, Within};
use crate::Reason;

/// What a text field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    characters_max: usize,
    /// Line breaks and tabs are allowed.
    lines: bool,
    /// It is signed or compared as it stands, so it must come in normal form C.
    verbatim: bool,
}

impl Form {
    /// A note or a reason: at most 500 characters.
    pub(super) const NOTE: Self =
        Self { characters_max: samsyn_domain::NOTE_CHARACTERS_MAX, lines: true, verbatim: false };
    /// A reservation or objection, whose commitment is signed: at most 2,000 characters.
    pub(super) const ANSWER: Self = Self { characters_max: 2_000, lines: true, verbatim: true };
    /// The joint analysis: at most 8,000 characters.
    pub(super) const ANALYSIS: Self = Self { characters_max: 8_000, lines: true, verbatim: false };
    /// What a message is about, on one line: at most 200 characters. Its commitment is signed.
    pub(super) const SUBJECT: Self =
        Self { characters_max: SUBJECT_CHARACTERS_MAX, lines: false, verbatim: false };
    /// What a message says: at most 8,000 characters.
    pub(super) const BODY: Self =
        Self { characters_max: BODY_CHARACTERS_MAX, lines: true, verbatim: false };
    /// The name of a file, on one line: at most 120 characters.
    pub(super) const FILE_NAME: Self =
        Self { characters_max: ATTACHMENT_NAME_CHARACTERS_MAX, lines: false, verbatim: false };
    /// A pseudonym or a reference, on one line: at most 128 characters.
    pub(super) const REFERENCE: Self = Self { characters_max: 128, lines: false, verbatim: false };
}

/// Reads a text; none when it is empty or stopped. `near` is the time that the text is about.
pub(super) fn collected(
    raw: String,
    form: Form,
    near: Option<Timestamp>,
    within: &mut Within<'_>,
    name: &str,
) -> Option<String> {
    let (text, faults) = read(raw, form, near, &within.field(name));
    faults.into_iter().for_each(|fault| within.push(fault));
    text
}

/// Reads a text that stands alone; none when it is empty.
pub(super) fn alone(raw: String, form: Form, field: &str) -> Result<Option<String>, Fault> {
    let (text, faults) = read(raw, form, None, field);
    match faults.into_iter().find(|fault| !fault.warning) {
        Some(fault) => Err(fault),
        None => Ok(text),
    }
}

/// What screening finds in a text or an id.
pub(super) fn screened(text: &str, near: Option<Timestamp>, field: &str) -> Vec<Fault> {
    let near = near.map(|at| Near::from_microseconds(at.micros()));
    screen(text, near).into_iter().map(|hit| fault(hit, field)).collect()
}

/// Whether a text has only characters that one may have.
pub(super) fn is_clean(text: &str) -> bool {
    screen(text, None).iter().all(|hit| hit.rule != Rule::ControlCharacter)
}

fn read(
    raw: String,
    form: Form,
    near: Option<Timestamp>,
    field: &str,
) -> (Option<String>, Vec<Fault>) {
    let refused = |reason| (None, vec![Fault::new(reason, field)]);
    // Normalising shortens a text to a third at most, so what is far too long is not looked at.
    if raw.chars().nth(form.characters_max.saturating_mul(4)).is_some() {
        return refused(Reason::FieldTooLong);
    }
    let normal = is_nfc(&raw);
    if form.verbatim && !normal {
        return refused(Reason::BadCharacters);
    }
    // Screened as it was sent, so that positions are those of the sender's text.
    let mut faults = screened(&raw, near, field);
    if !form.lines && raw.contains(char::is_control) && !faults.iter().any(is_control) {
        faults.push(Fault::new(Reason::BadCharacters, field));
    }
    let text: String = if normal { raw } else { raw.nfc().collect() };
    if text.chars().nth(form.characters_max).is_some() {
        faults.push(Fault::new(Reason::FieldTooLong, field));
    }
    let stopped = faults.iter().any(|fault| !fault.warning);
    (Some(text).filter(|text| !stopped && !text.is_empty()), faults)
}

fn is_control(fault: &Fault) -> bool {
    fault.rule == Some(Rule::ControlCharacter)
}

fn fault(hit: Hit, field: &str) -> Fault {
    let reason = match (hit.rule, hit.verdict) {
        (Rule::ControlCharacter, _) => Reason::BadCharacters,
        (_, Verdict::Refuse) => Reason::IdentifierFound,
        (_, Verdict::Hold | Verdict::Warn) => Reason::IdentifierSuspected,
    };
    Fault {
        characters: Some((hit.first_character, hit.end_character)),
        rule: Some(hit.rule),
        warning: hit.verdict == Verdict::Warn,
        ..Fault::new(reason, field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone_in(raw: &str, form: Form) -> Result<Option<String>, Reason> {
        alone(raw.to_owned(), form, "x").map_err(|fault| fault.reason)
    }

    #[test]
    fn text_enters_in_normal_form_c() {
        assert_eq!(alone_in("A\u{30a}ngrar", Form::NOTE), Ok(Some("Ångrar".to_owned())));
        assert_eq!(alone_in("", Form::NOTE), Ok(None));
    }

    #[test]
    fn a_signed_text_is_not_changed_but_refused() {
        assert_eq!(alone_in("A\u{30a}", Form::ANSWER), Err(Reason::BadCharacters));
    }

    #[test]
    fn the_limit_counts_characters_of_the_normal_form() {
        let decomposed = "a\u{30a}".repeat(500);
        assert!(alone_in(&decomposed, Form::NOTE).is_ok());
        let too_long = format!("{decomposed}a");
        assert_eq!(alone_in(&too_long, Form::NOTE), Err(Reason::FieldTooLong));
        assert_eq!(alone_in(&"å".repeat(10_000), Form::NOTE), Err(Reason::FieldTooLong));
    }

    #[test]
    fn a_reference_stands_on_one_line() {
        assert!(alone_in("rad\nrad", Form::NOTE).is_ok());
        assert_eq!(alone_in("rad\nrad", Form::REFERENCE), Err(Reason::BadCharacters));
        assert_eq!(alone_in("rad\u{202e}rad", Form::REFERENCE), Err(Reason::BadCharacters));
    }

    #[test]
    fn positions_are_those_of_the_text_that_was_sent() {
        let fault = alone("a\u{30a} 19121212-1212".to_owned(), Form::NOTE, "x").unwrap_err();
        assert_eq!(fault.characters, Some((3, 16)));
        assert_eq!(fault.rule, Some(Rule::PersonalIdentityNumber));
        assert!(!format!("{fault:?} {fault}").contains("1912"));
    }
}
