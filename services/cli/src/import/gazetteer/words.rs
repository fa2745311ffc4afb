//! Text into words that can be compared.

/// Letters that may be written as two characters (a letter and a combining mark).
const COMPOSED: [(&str, &str); 8] = [
    ("a\u{30a}", "å"),
    ("a\u{308}", "ä"),
    ("o\u{308}", "ö"),
    ("e\u{301}", "é"),
    ("A\u{30a}", "Å"),
    ("A\u{308}", "Ä"),
    ("O\u{308}", "Ö"),
    ("E\u{301}", "É"),
];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// In lower case.
    pub(super) text: String,
    /// It began with a capital letter or a digit.
    pub(super) capital: bool,
}

/// The words of a text. Hyphens, slashes and colons part them as blanks do.
pub(super) fn of(text: &str) -> Vec<Word> {
    let combined = text.contains(['\u{30a}', '\u{308}', '\u{301}']);
    let composed = combined
        .then(|| COMPOSED.iter().fold(text.to_owned(), |text, (two, one)| text.replace(two, one)));
    let parts = composed.as_deref().unwrap_or(text).split(|c: char| !c.is_alphanumeric());
    let word = |part: &str| {
        let capital = part.chars().next().is_some_and(|c| !c.is_lowercase());
        Word { text: part.to_lowercase(), capital }
    };
    parts.filter(|part| !part.is_empty()).map(word).collect()
}

/// A name as it is looked up: its words in lower case, with one blank between.
pub(super) fn key(name: &str) -> String {
    of(name).into_iter().map(|word| word.text).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_case_hyphens_or_composition() {
        assert_eq!(key("Enskede-Årsta–Vantör"), "enskede årsta vantör");
        assert_eq!(key("S:t  Eriksplan"), "s t eriksplan");
        assert_eq!(key("A\u{30a}rsta"), "årsta");
        assert_eq!(key(" … "), "");
    }

    #[test]
    fn a_word_remembers_its_capital() {
        let words = of("vid Slussen, 3Arena");
        let capitals: Vec<_> = words.iter().map(|word| word.capital).collect();
        assert_eq!(capitals, [false, true, true]);
    }
}
