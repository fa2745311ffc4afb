//! Text as a reader sees it, with the way back to the original positions.

use std::ops::Range;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{Hit, Rule, Verdict};

/// The zero of every block of decimal digits that NFKC leaves as it is (Unicode 14, category Nd).
const ZEROS: [u32; 58] = [
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
    0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0x104A0,
    0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0,
    0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0, 0x16B50, 0x1E140,
    0x1E2F0, 0x1E950,
];

/// One visible character and the original characters it stands for.
#[derive(Clone, Copy)]
struct Glyph {
    character: char,
    first: u32,
    end: u32,
}

/// A text folded for comparison. Indices count glyphs, not original characters.
pub(super) struct Folded(Vec<Glyph>);

impl Folded {
    /// Removes invisible characters, then normalises each character with the marks that follow
    /// it to NFKC. Marks that are left after that (a stroke through a digit, a keycap) fall away.
    pub(super) fn new(text: &str) -> Self {
        let mut glyphs = Vec::with_capacity(text.len());
        let mut cluster = Cluster::default();
        for (index, character) in text.chars().enumerate() {
            if is_invisible(character) {
                continue;
            }
            if !is_combining_mark(character) {
                cluster.flush(&mut glyphs);
            }
            cluster.push(position(index), character);
        }
        cluster.flush(&mut glyphs);
        Self(glyphs)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn at(&self, index: usize) -> Option<char> {
        self.0.get(index).map(|glyph| glyph.character)
    }

    pub(super) fn before(&self, index: usize) -> Option<char> {
        index.checked_sub(1).and_then(|index| self.at(index))
    }

    pub(super) fn chars(&self, range: Range<usize>) -> impl Iterator<Item = char> {
        self.0.get(range).unwrap_or_default().iter().map(|glyph| glyph.character)
    }

    pub(super) fn cursor(&self, at: usize) -> Cursor<'_> {
        Cursor { text: self, at }
    }

    /// A hit at `range`, given in glyphs; `None` when the range is empty.
    pub(super) fn hit(&self, rule: Rule, verdict: Verdict, range: Range<usize>) -> Option<Hit> {
        let glyphs = self.0.get(range)?;
        Some(Hit {
            rule,
            verdict,
            first_character: glyphs.first()?.first,
            end_character: glyphs.last()?.end,
        })
    }
}

/// A reading position in folded text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t Folded,
    at: usize,
}

impl Cursor<'_> {
    pub(super) fn position(self) -> usize {
        self.at
    }

    pub(super) fn peek(self) -> Option<char> {
        self.text.at(self.at)
    }

    /// Takes the next character if it is wanted.
    pub(super) fn eat(&mut self, wanted: impl Fn(char) -> bool) -> Option<char> {
        let next = self.peek().filter(|&character| wanted(character))?;
        self.at = self.at.saturating_add(1);
        Some(next)
    }

    /// Takes wanted characters as long as they come and tells how many there were.
    pub(super) fn eat_while(&mut self, wanted: impl Fn(char) -> bool) -> usize {
        let start = self.at;
        while self.eat(&wanted).is_some() {}
        self.at.saturating_sub(start)
    }
}

/// A character and the marks on it, waiting to be normalised together.
#[derive(Default)]
struct Cluster {
    characters: Vec<char>,
    first: u32,
    end: u32,
}

impl Cluster {
    fn push(&mut self, index: u32, character: char) {
        if self.characters.is_empty() {
            self.first = index;
        }
        self.end = index.saturating_add(1);
        self.characters.push(character);
    }

    fn flush(&mut self, glyphs: &mut Vec<Glyph>) {
        let (first, end) = (self.first, self.end);
        let seen = |&character: &char| !is_combining_mark(character) && !is_invisible(character);
        glyphs.extend(self.characters.drain(..).nfkc().filter(seen).map(|character| Glyph {
            character: western_digit(character),
            first,
            end,
        }));
    }
}

pub(super) fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Every dash (Unicode category Pd after NFKC) and the minus sign.
pub(super) fn is_dash(character: char) -> bool {
    matches!(
        character,
        '-' | '\u{58A}' | '\u{5BE}' | '\u{1400}' | '\u{1806}' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{2E17}'
                | '\u{2E1A}'
                | '\u{2E3A}'
                | '\u{2E3B}'
                | '\u{2E40}'
                | '\u{2E5D}'
                | '\u{301C}'
                | '\u{3030}'
                | '\u{30A0}'
                | '\u{10EAD}'
    )
}

/// The digit in ASCII when the character is a decimal digit, else the character itself.
fn western_digit(character: char) -> char {
    let code = u32::from(character);
    let block = ZEROS.partition_point(|&zero| zero <= code);
    block
        .checked_sub(1)
        .and_then(|block| ZEROS.get(block))
        .and_then(|&zero| char::from_digit(code.checked_sub(zero)?, 10))
        .unwrap_or(character)
}

/// Characters a reader does not see: the default-ignorable code points of Unicode (the soft hyphen,
/// joiners, direction marks, variation selectors and tags among them), interlinear annotation,
/// and control characters that are not white space.
fn is_invisible(character: char) -> bool {
    (character.is_control() && !character.is_whitespace())
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{202A}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}
