//! Words and numbers in folded text, and what stands between them.

use std::ops::Range;

use super::text::Folded;

/// Written with a full stop that does not end a sentence.
const ABBREVIATIONS: [&str; 3] = ["a", "c", "ca"];

/// A run of letters in lower case, or of digits.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) gap: Gap,
}

/// What stands between a word and the word before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Nothing: digits and letters written together.
    None,
    /// The end of a sentence or line.
    Break,
    /// A comma or an opening parenthesis.
    Aside,
    /// Anything else.
    Other,
}

pub(super) fn words(text: &Folded) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut cursor = text.cursor(0);
    let mut last_end = 0_usize;
    while let Some(next) = cursor.peek() {
        let first = cursor.position();
        let length = if next.is_ascii_digit() {
            cursor.eat_while(|character| character.is_ascii_digit())
        } else {
            cursor.eat_while(char::is_alphabetic)
        };
        if length == 0 {
            cursor.eat(|_| true);
            continue;
        }
        let end = cursor.position();
        words.push(Word {
            text: text.chars(first..end).flat_map(char::to_lowercase).collect(),
            first,
            end,
            gap: gap_in(text, last_end..first, words.last()),
        });
        last_end = end;
    }
    words
}

fn gap_in(text: &Folded, range: Range<usize>, before: Option<&Word>) -> Gap {
    let is_abbreviated = before.is_some_and(|word| ABBREVIATIONS.contains(&word.text.as_str()));
    let mut gap = if range.is_empty() { Gap::None } else { Gap::Other };
    let mut after_full_stop = false;
    for character in text.chars(range) {
        match character {
            '!' | '?' | ';' | '\n' => return Gap::Break,
            space if space.is_whitespace() && after_full_stop => return Gap::Break,
            ',' | '(' | '[' => gap = Gap::Aside,
            _ => {}
        }
        after_full_stop = character == '.' && !is_abbreviated;
    }
    gap
}
