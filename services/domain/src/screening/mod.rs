//! Screening (granskning) of free text for what must not be in a picture: identifiers of a
//! person, descriptions of a person by age and gender, and characters that hide or reorder text.
//!
//! Text is read the way a reader sees it: normalised to NFKC, invisible characters removed,
//! decimal digits of every script taken as digits. Positions always refer to the original text.
//! A hit never carries the text it was found in, so it is safe in an answer, a log and evidence.
//!
//! | rule | verdict |
//! |---|---|
//! | identity and coordination number, right check digit | refuse |
//! | the same, twelve digits written together and a time near the observation | warn |
//! | the same, wrong check digit | hold |
//! | phone, e-mail, case number, control character | refuse |
//! | number plate, age and gender | hold |
//!
//! The work is linear in the length of the text. Time is an argument ([`Near`]).

mod age_and_gender;
mod case_number;
mod control;
mod digits;
mod email;
mod identity_number;
mod near;
mod number_plate;
mod phone;
mod rule;
mod text;
mod words;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use digits::Groups;
use text::Folded;

pub use near::Near;
pub use rule::Rule;

/// What a hit means for the text as a whole, mildest first: the text follows its gravest hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Let the text through and tell the author (varna).
    Warn,
    /// Keep the text until its owner has reviewed it (håll för granskning).
    Hold,
    /// Do not accept the text (vägra).
    Refuse,
}

/// One place in a text that a rule found, without the text itself.
///
/// Positions count characters (Unicode scalar values) of the original text from zero; the range
/// is half-open, never empty and never outside the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hit {
    /// The rule that found it.
    pub rule: Rule,
    /// What follows from it.
    pub verdict: Verdict,
    /// The first character of the hit.
    pub first_character: u32,
    /// The character after the last one of the hit.
    pub end_character: u32,
}

impl Hit {
    fn covers(&self, other: &Self) -> bool {
        self.rule == other.rule
            && self.verdict >= other.verdict
            && self.first_character <= other.first_character
            && self.end_character >= other.end_character
    }
}

/// Screens one text field. `near` is the start of the observation the text describes; without
/// it no number is excused as a time.
///
/// Hits come in the order of the text. Two rules may find the same place; a hit inside an equally
/// grave hit of the same rule is left out.
#[must_use]
pub fn screen(text: &str, near: Option<Near>) -> Vec<Hit> {
    let mut hits = control::scan(text);
    let folded = Folded::new(text);
    let groups = Groups::new(&folded);
    hits.extend(identity_number::scan(&groups, near));
    hits.extend(phone::scan(&groups));
    hits.extend(email::scan(&folded));
    hits.extend(number_plate::scan(&folded));
    hits.extend(case_number::scan(&folded));
    hits.extend(age_and_gender::scan(&folded));
    in_text_order(hits)
}

fn in_text_order(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.rule, hit.first_character, std::cmp::Reverse(hit.end_character)));
    hits.dedup_by(|later, kept| kept.covers(later));
    hits.sort_by_key(|hit| (hit.first_character, hit.end_character, hit.rule));
    hits
}
