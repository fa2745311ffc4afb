//! Descriptions of a person by age, mostly with gender (ålder och kön), in Swedish and English.
//!
//! - `kvinna i 80-årsåldern`, `man in his 40s`: such a band of ages always means a person.
//! - `15-åring`: likewise. The plural is left out; it is the language of surveys.
//! - `15-årig pojke`, `15-year-old boy`: with the person next to it, so that plans and contracts
//!   of so many years stay out.
//! - `pojke 15 år`, `kvinnan, 34,`, `man aged 34`: one person, followed by the age with nothing
//!   but linking words between, so that sentences and durations stay out.

use std::ops::Range;

use super::{
    Hit, Rule, Verdict,
    text::Folded,
    words::{Gap, Word, words},
};

const AGE_MAX: u16 = 125;
/// How far before an age the person may stand, in words.
const PERSON_BEFORE_WORDS_MAX: usize = 5;
/// How far after an age the person may stand, in words: `15-årig svensk pojke`.
const PERSON_AFTER_WORDS_MAX: usize = 2;

const PERSON: [&str; 40] = [
    "boy",
    "dam",
    "damen",
    "dotter",
    "dottern",
    "farbror",
    "female",
    "flicka",
    "flickan",
    "gentleman",
    "girl",
    "gosse",
    "grabb",
    "grabben",
    "gubbe",
    "gubben",
    "gumma",
    "gumman",
    "guy",
    "herre",
    "herren",
    "kille",
    "killen",
    "kvinna",
    "kvinnan",
    "kvinnlig",
    "lady",
    "male",
    "man",
    "manlig",
    "mannen",
    "pojke",
    "pojken",
    "son",
    "sonen",
    "tant",
    "tanten",
    "tjej",
    "tjejen",
    "woman",
];
const PERSONS: [&str; 24] = [
    "boys",
    "damer",
    "females",
    "flickor",
    "flickorna",
    "girls",
    "grabbar",
    "herrar",
    "killar",
    "killarna",
    "kvinnor",
    "kvinnorna",
    "ladies",
    "males",
    "men",
    "män",
    "männen",
    "par",
    "paret",
    "pojkar",
    "pojkarna",
    "tjejer",
    "tjejerna",
    "women",
];
const LINKS: [&str; 25] = [
    "a",
    "about",
    "age",
    "aged",
    "approximately",
    "around",
    "c",
    "ca",
    "circa",
    "cirka",
    "drygt",
    "is",
    "knappt",
    "of",
    "om",
    "omkring",
    "på",
    "runt",
    "som",
    "ungefär",
    "var",
    "was",
    "who",
    "ålder",
    "är",
];
const POSSESSIVES: [&str; 3] = ["her", "his", "their"];
const DECADES: [&str; 9] = [
    "teens",
    "twenties",
    "thirties",
    "forties",
    "fifties",
    "sixties",
    "seventies",
    "eighties",
    "nineties",
];
/// What makes years a time instead of an age.
const DURATIONS: [&str; 4] = ["fängelse", "sedan", "senare", "tidigare"];
const TENS: [&str; 8] =
    ["tjugo", "trettio", "fyrtio", "femtio", "sextio", "sjuttio", "åttio", "nittio"];
/// From two, for `ett år` is a common phrase.
const NUMBERS: [&str; 18] = [
    "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "tio", "elva", "tolv", "tretton",
    "fjorton", "femton", "sexton", "sjutton", "arton", "nitton",
];

pub(super) fn scan(text: &Folded) -> Vec<Hit> {
    let words = words(text);
    (0..words.len())
        .filter_map(|index| {
            let age = Age::at(&words, index)?;
            let found = age.with_person(text, &words)?;
            let (first, last) = (words.get(found.start)?, words.get(found.end.checked_sub(1)?)?);
            text.hit(Rule::AgeAndGender, Verdict::Hold, first.first..last.end)
        })
        .collect()
}

/// How an age is put, and so where its person must be.
#[derive(Clone, Copy)]
enum Form {
    /// `80-årsåldern`, `15-åring`, `his 40s`.
    Person,
    /// `15-årig`, `15-year-old`.
    Adjective,
    /// `15 år gammal`, `15 years old`.
    Old,
    /// `15 år`.
    Years,
    /// `15`.
    Bare,
}

/// An age in a range of words.
struct Age {
    words: Range<usize>,
    form: Form,
}

impl Age {
    fn at(words: &[Word], index: usize) -> Option<Self> {
        let (number, rest) = words.get(index..)?.split_first()?;
        let age =
            |count: usize, form| Some(Self { words: index..index.saturating_add(count), form });
        if let Some(form) = compound(&number.text) {
            return age(1, form);
        }
        if DECADES.contains(&number.text.as_str()) && follows_possessive(words, index) {
            return age(1, Form::Person);
        }
        if !is_age(&number.text) {
            return None;
        }
        let of_range = match rest {
            [upper, ..] if upper.gap == Gap::Other && is_age(&upper.text) => 1,
            [to, upper, ..] if matches!(to.text.as_str(), "till" | "to") && is_age(&upper.text) => {
                2
            }
            _ => 0,
        };
        let (of_unit, form) = unit(rest.get(of_range..)?);
        let is_decade = matches!(rest, [s, ..] if s.text == "s" && is_close(s));
        if is_decade && follows_possessive(words, index) {
            return age(2, Form::Person);
        }
        age(of_unit.saturating_add(of_range).saturating_add(1), form)
    }

    /// The words of the age and of the person it belongs to.
    fn with_person(&self, text: &Folded, words: &[Word]) -> Option<Range<usize>> {
        let Range { start, end } = self.words;
        let linked = || person_before(words, start, is_person, is_link).map(|first| first..end);
        let after = || person_after(words, end).map(|last| start..last);
        match self.form {
            Form::Person => {
                let anyone = |word: &Word, _: &Word| is_any_person(word);
                Some(person_before(words, start, anyone, |_, _| true).unwrap_or(start)..end)
            }
            Form::Adjective => after(),
            Form::Old => linked().or_else(after),
            Form::Years => {
                let next = words.get(end).map(|word| word.text.as_str());
                linked().filter(|_| !next.is_some_and(|next| DURATIONS.contains(&next)))
            }
            Form::Bare => {
                let is_aged = words.get(start.checked_sub(1)?)?.text == "aged";
                let set_off = || is_set_off(text, words, start).then(|| start.saturating_sub(1));
                if is_aged { linked() } else { set_off().map(|first| first..end) }
            }
        }
    }
}

/// The unit after a number: how many words, and the form it gives the age.
fn unit(rest: &[Word]) -> (usize, Form) {
    let [first, more @ ..] = rest else { return (0, Form::Bare) };
    if !is_close(first) {
        return (0, Form::Bare);
    }
    let second = more.first().filter(|word| is_close(word)).map_or("", |word| word.text.as_str());
    match (first.text.as_str(), second) {
        ("års", "åldern") => (2, Form::Person),
        ("år", "gammal" | "gamla" | "gammalt") | ("years" | "yrs", "old") => (2, Form::Old),
        ("year" | "yr", "old") => (2, Form::Adjective),
        ("år", _) => (1, Form::Years),
        (word, _) => ending(word)
            .filter(|(before, _)| before.is_empty())
            .map_or((0, Form::Bare), |(_, form)| (1, form)),
    }
}

/// A number and a unit in one word: `åttioårsåldern`, `femtonårig`.
fn compound(word: &str) -> Option<Form> {
    ending(word).filter(|(number, _)| is_number_word(number)).map(|(_, form)| form)
}

/// Splits off the ending that makes an age of a number. The double s is a frequent slip.
fn ending(word: &str) -> Option<(&str, Form)> {
    [
        ("årsåldern", Form::Person),
        ("årssåldern", Form::Person),
        ("åring", Form::Person),
        ("åringen", Form::Person),
        ("årig", Form::Adjective),
        ("åriga", Form::Adjective),
        ("årige", Form::Adjective),
    ]
    .into_iter()
    .find_map(|(ending, form)| Some((word.strip_suffix(ending)?, form)))
}

fn is_age(word: &str) -> bool {
    word.parse().is_ok_and(|age: u16| age <= AGE_MAX) || is_number_word(word)
}

fn is_number_word(word: &str) -> bool {
    let is_one = |word: &str| word == "ett" || NUMBERS.iter().take(8).any(|&number| number == word);
    NUMBERS.contains(&word)
        || TENS
            .iter()
            .filter_map(|tens| word.strip_prefix(tens))
            .any(|ones| ones.is_empty() || is_one(ones))
}

fn is_close(word: &Word) -> bool {
    matches!(word.gap, Gap::None | Gap::Other)
}

/// `in his 40s`, `in her late 40s`.
fn follows_possessive(words: &[Word], index: usize) -> bool {
    let is_part = |word: &&Word| matches!(word.text.as_str(), "early" | "mid" | "late");
    let before = words.get(..index).unwrap_or_default();
    before
        .iter()
        .rev()
        .take(2)
        .find(|word| !is_part(word))
        .is_some_and(|word| POSSESSIVES.contains(&word.text.as_str()))
}

/// Walks back from the word at `start` over links to a person, inside the sentence. Both
/// questions see a word and the one after it.
fn person_before(
    words: &[Word],
    start: usize,
    is_person: impl Fn(&Word, &Word) -> bool,
    is_link: impl Fn(&Word, &Word) -> bool,
) -> Option<usize> {
    let mut next = words.get(start)?;
    for index in (start.saturating_sub(PERSON_BEFORE_WORDS_MAX)..start).rev() {
        let word = words.get(index).filter(|_| next.gap != Gap::Break)?;
        if is_person(word, next) {
            return Some(index);
        }
        if !is_link(word, next) {
            return None;
        }
        next = word;
    }
    None
}

/// The word after the first person from `end` on, inside the phrase.
fn person_after(words: &[Word], end: usize) -> Option<usize> {
    words
        .get(end..)?
        .iter()
        .take(PERSON_AFTER_WORDS_MAX)
        .take_while(|word| is_close(word))
        .position(is_any_person)
        .map(|index| end.saturating_add(index).saturating_add(1))
}

fn is_any_person(word: &Word) -> bool {
    PERSON.contains(&word.text.as_str()) || PERSONS.contains(&word.text.as_str())
}

/// One person. In `om man är 15 år` the word is a pronoun.
fn is_person(word: &Word, next: &Word) -> bool {
    let is_pronoun = word.text == "man" && matches!(next.text.as_str(), "är" | "var");
    PERSON.contains(&word.text.as_str()) && !is_pronoun
}

fn is_link(word: &Word, next: &Word) -> bool {
    match word.text.as_str() {
        "i" => next.text.starts_with("ålder"),
        "åldern" => true,
        word => LINKS.contains(&word),
    }
}

/// `man (34)`, `kvinnan, 34, …`: a number set off right after a person.
fn is_set_off(text: &Folded, words: &[Word], index: usize) -> bool {
    let Some([person, number]) = index.checked_sub(1).and_then(|before| words.get(before..=index))
    else {
        return false;
    };
    is_person(person, number)
        && number.gap == Gap::Aside
        && matches!(text.at(number.end), Some(',' | ')' | ']'))
}
