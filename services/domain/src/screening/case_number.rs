//! Case numbers of the police (K-nummer): `5000-K123456-25`, the reporting unit, `K` with a serial
//! number, and the year. The unit may be missing, and the year of a long serial number.

use super::{
    Hit, Rule, Verdict,
    text::{Cursor, Folded, is_dash},
};

const SEPARATORS_MAX: usize = 3;

pub(super) fn scan(text: &Folded) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut searched = 0_usize;
    for first in 0..text.len() {
        if first < searched || text.before(first).is_some_and(char::is_alphanumeric) {
            continue;
        }
        if let Some(end) = case_end(text.cursor(first)) {
            searched = end;
            hits.extend(text.hit(Rule::CaseNumber, Verdict::Refuse, first..end));
        }
    }
    hits
}

fn case_end(mut cursor: Cursor<'_>) -> Option<usize> {
    let unit = digits(&mut cursor);
    if !matches!(unit, 0 | 4) || (unit > 0 && separators(&mut cursor, is_separator) == 0) {
        return None;
    }
    cursor.eat(|character| matches!(character, 'K' | 'k'))?;
    separators(&mut cursor, is_separator);
    let serial = digits(&mut cursor);
    let end = (!cursor.peek().is_some_and(char::is_alphabetic)).then(|| cursor.position())?;
    match (unit, serial) {
        (4, 3..=7) => year_end(cursor, is_separator).or_else(|| (serial >= 5).then_some(end)),
        (0, 4..=7) => year_end(cursor, is_sign),
        (_, _) => None,
    }
}

fn year_end(mut cursor: Cursor<'_>, is_wanted: fn(char) -> bool) -> Option<usize> {
    let separated = separators(&mut cursor, is_wanted) > 0;
    let year = digits(&mut cursor);
    (separated && matches!(year, 2 | 4)).then(|| cursor.position())
}

fn digits(cursor: &mut Cursor<'_>) -> usize {
    cursor.eat_while(|character| character.is_ascii_digit())
}

/// Takes the separators that follow and tells how many there were.
fn separators(cursor: &mut Cursor<'_>, is_wanted: fn(char) -> bool) -> usize {
    (0..SEPARATORS_MAX).map_while(|_| cursor.eat(is_wanted)).count()
}

fn is_separator(character: char) -> bool {
    character.is_whitespace() || is_sign(character)
}

fn is_sign(character: char) -> bool {
    is_dash(character) || matches!(character, '/' | '.' | '_')
}
