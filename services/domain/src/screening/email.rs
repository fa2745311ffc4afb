//! E-mail addresses (e-postadresser): a name, `@`, and a domain with a top-level domain.

use super::{
    Hit, Rule, Verdict,
    text::{Cursor, Folded},
};

pub(super) fn scan(text: &Folded) -> Vec<Hit> {
    (0..text.len())
        .filter(|&index| text.at(index) == Some('@'))
        .filter_map(|sign| {
            let first = name_start(text, sign)?;
            let end = domain_end(text.cursor(sign.saturating_add(1)))?;
            text.hit(Rule::Email, Verdict::Refuse, first..end)
        })
        .collect()
}

/// Stops at the `@` before, so the text is walked back over once.
fn name_start(text: &Folded, sign: usize) -> Option<usize> {
    let mut first = sign;
    while text.before(first).is_some_and(is_in_name) {
        first = first.saturating_sub(1);
    }
    (first < sign).then_some(first)
}

/// The end of the longest domain: at least two labels, the last one beginning with a letter.
fn domain_end(mut cursor: Cursor<'_>) -> Option<usize> {
    let mut end = None;
    let mut labels = 0_usize;
    loop {
        let begins_with_letter = cursor.peek().is_some_and(char::is_alphabetic);
        let length = cursor.eat_while(|character| character.is_alphanumeric() || character == '-');
        if length == 0 {
            return end;
        }
        labels = labels.saturating_add(1);
        if labels >= 2 && length >= 2 && begins_with_letter {
            end = Some(cursor.position());
        }
        if cursor.eat(|character| character == '.').is_none() {
            return end;
        }
    }
}

fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
}
