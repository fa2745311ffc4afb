//! Swedish number plates (registreringsnummer): `ABC123` and, since 2019, `ABC12D`
//! (Transportstyrelsen; the letters I, Q, V, Å, Ä and Ö are not in use, nor O at the end).
//!
//! Written together a plate hits in any case; with a space or dash only in capitals. Words that
//! precede numbers in ordinary text ([`WORDS`]) are left out, at the price of plates with them.
//! Personal plates have no form to tell them by.

use super::{
    Hit, Rule, Verdict,
    text::{Cursor, Folded, is_dash},
};

/// Three letters that mean a room, a unit, a currency, a month, a code or a plain word more often
/// than a plate.
const WORDS: [&str; 51] = [
    "APR", "AUG", "BRF", "BUS", "CHF", "DEC", "DEN", "DKK", "DNR", "EFT", "ETT", "EUR", "FEB",
    "FEM", "FRA", "GBP", "GPS", "HUS", "JAN", "JUL", "JUN", "KAP", "KTH", "LAG", "MAJ", "MAN",
    "MAR", "MAX", "MED", "MER", "NOK", "NOR", "NOT", "OCH", "PER", "PGA", "PLN", "RAL", "RUM",
    "SAL", "SEK", "SEP", "SKR", "SMS", "TAB", "TEL", "THE", "TOT", "TRE", "USD", "ZON",
];

pub(super) fn scan(text: &Folded) -> Vec<Hit> {
    (0..text.len())
        .filter(|&index| !text.before(index).is_some_and(char::is_alphanumeric))
        .filter_map(|first| {
            let end = plate_end(text.cursor(first))?;
            text.hit(Rule::NumberPlate, Verdict::Hold, first..end)
        })
        .collect()
}

fn plate_end(mut cursor: Cursor<'_>) -> Option<usize> {
    let letters: String = (0..3).map_while(|_| cursor.eat(is_plate_letter)).collect();
    if letters.len() < 3 || WORDS.contains(&letters.to_ascii_uppercase().as_str()) {
        return None;
    }
    let is_apart = cursor.eat(|character| character == ' ' || is_dash(character)).is_some();
    cursor.eat(|character| character.is_ascii_digit())?;
    cursor.eat(|character| character.is_ascii_digit())?;
    let last = cursor.eat(|last| last.is_ascii_digit() || is_last_letter(last))?;
    let has_lower_case =
        letters.contains(|letter: char| letter.is_ascii_lowercase()) || last.is_ascii_lowercase();
    let ends = !cursor.peek().is_some_and(char::is_alphanumeric);
    (ends && !(is_apart && has_lower_case)).then(|| cursor.position())
}

fn is_plate_letter(character: char) -> bool {
    character.is_ascii_alphabetic() && !matches!(character.to_ascii_uppercase(), 'I' | 'Q' | 'V')
}

fn is_last_letter(character: char) -> bool {
    is_plate_letter(character) && !matches!(character, 'O' | 'o')
}
