//! Control characters and characters that change the direction of text.

use super::{Hit, Rule, Verdict, text::position};

/// One hit for each unbroken run. Allowed are the tab and the line break (LF, or CR with LF).
pub(super) fn scan(text: &str) -> Vec<Hit> {
    let mut hits: Vec<Hit> = Vec::new();
    let mut characters = text.chars().enumerate().peekable();
    while let Some((index, character)) = characters.next() {
        let next = characters.peek().map(|&(_, next)| next);
        if !is_forbidden(character, next) {
            continue;
        }
        let first_character = position(index);
        let end_character = first_character.saturating_add(1);
        match hits.last_mut() {
            Some(run) if run.end_character == first_character => run.end_character = end_character,
            Some(_) | None => hits.push(Hit {
                rule: Rule::ControlCharacter,
                verdict: Verdict::Refuse,
                first_character,
                end_character,
            }),
        }
    }
    hits
}

fn is_forbidden(character: char, next: Option<char>) -> bool {
    match character {
        '\n' | '\t' => false,
        '\r' => next != Some('\n'),
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}
