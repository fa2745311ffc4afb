//! How the demo speaks: lines of a fixed width, and checks that hold or fail.

use std::{
    fmt,
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// The width of a line, in characters.
pub(super) const WIDTH: usize = 98;
/// How far text stands in.
const INDENT: usize = 3;

/// How many checks held, and how many did not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Checks {
    held: u32,
    failed: u32,
}

impl Checks {
    /// No check has failed.
    pub(super) const fn all_held(self) -> bool {
        self.failed == 0
    }

    /// Those of a story that was not told to its end.
    pub(super) const fn interrupted() -> Self {
        Self { held: 0, failed: 1 }
    }

    const fn all(self) -> u32 {
        self.held.saturating_add(self.failed)
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} checks held", self.held, self.all())
    }
}

/// One section of the story: it is told when it is over, with the time it took.
#[derive(Debug)]
pub(super) struct Section {
    number: u8,
    title: String,
    started: Instant,
    lines: Vec<String>,
    checks: Checks,
}

impl Section {
    /// Begins a section.
    pub(super) fn new(number: u8, title: &str) -> Self {
        Self {
            number,
            title: title.to_owned(),
            started: Instant::now(),
            lines: Vec::new(),
            checks: Checks::default(),
        }
    }

    /// Says more in the heading.
    pub(super) fn heading(&mut self, more: &str) {
        self.title.push_str(more);
    }

    /// Text that is no check; it is wrapped.
    pub(super) fn say(&mut self, text: &str) {
        self.lines.extend(wrapped(text, "   ", INDENT));
    }

    /// A line that stands as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.lines.push(format!("   {line}").trim_end().to_owned());
    }

    /// A check that can fail: what is claimed, and why it does not hold.
    pub(super) fn check(&mut self, claim: &str, holds: Result<(), String>) {
        let (mark, counter) = match &holds {
            Ok(()) => (" ✓ ", &mut self.checks.held),
            Err(_) => (" ✗ ", &mut self.checks.failed),
        };
        *counter = counter.saturating_add(1);
        self.lines.extend(wrapped(claim, mark, INDENT));
        if let Err(why) = holds {
            self.lines.extend(wrapped(&why, "   but: ", INDENT.saturating_add(5)));
        }
    }

    /// A check of a condition.
    pub(super) fn holds(&mut self, claim: &str, holds: bool, why_not: impl FnOnce() -> String) {
        self.check(claim, if holds { Ok(()) } else { Err(why_not()) });
    }

    /// The section cannot go on.
    pub(super) fn broke_off(&mut self, why: &dyn fmt::Display) {
        self.check("the section was told to its end", Err(why.to_string()));
    }

    /// The whole section as it is told, and its checks.
    pub(super) fn end(self) -> (String, Checks) {
        let heading = format!("{:>2} {}", self.number, self.title);
        let heading = spread(&heading, &seconds(self.started.elapsed()));
        let lines = std::iter::once(heading).chain(self.lines);
        (lines.flat_map(|line| [line, "\n".to_owned()]).collect(), self.checks)
    }
}

impl std::ops::AddAssign for Checks {
    fn add_assign(&mut self, other: Self) {
        self.held = self.held.saturating_add(other.held);
        self.failed = self.failed.saturating_add(other.failed);
    }
}

/// Says something now. A reader that has gone away ends no story.
pub(super) fn tell(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line across.
pub(super) fn rule() -> String {
    "─".repeat(WIDTH)
}

/// One text at the left, one at the right.
pub(super) fn spread(left: &str, right: &str) -> String {
    let used = characters(left).saturating_add(characters(right));
    let gap = WIDTH.saturating_sub(used).max(2);
    format!("{left}{}{right}", " ".repeat(gap))
}

/// A text cut or filled to a width.
pub(super) fn cell(text: &str, width: usize) -> String {
    if characters(text) <= width {
        let gap = width.saturating_sub(characters(text));
        return format!("{text}{}", " ".repeat(gap));
    }
    let start: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{start}…")
}

/// Breaks a text between words; `first` stands before its first line.
fn wrapped(text: &str, first: &str, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ') {
        let gap = usize::from(!empty);
        let wide = characters(&line).saturating_add(gap).saturating_add(characters(word)) > WIDTH;
        if wide && !empty {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
        } else if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    lines.push(line);
    lines
}

/// A number with its thousands apart.
pub(super) fn number(number: usize) -> String {
    let digits = number.to_string();
    let length = digits.len();
    let apart = |(at, digit): (usize, char)| {
        let left = length.saturating_sub(at);
        let gap = at > 0 && left.is_multiple_of(3);
        gap.then_some(' ').into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(apart).collect()
}

/// How many of something, in words that fit.
pub(super) fn count(many: usize, one: &str, more: &str) -> String {
    format!("{} {}", number(many), if many == 1 { one } else { more })
}

/// The beginning of a root.
pub(super) fn short(digest: &[u8]) -> String {
    match digest {
        [a, b, c, d, ..] => format!("{a:02x}{b:02x} {c:02x}{d:02x} …"),
        _ => "none".to_owned(),
    }
}

/// Seconds, one digit after the point.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (of, text) in [(0, "0"), (999, "999"), (1_000, "1 000"), (31_648, "31 648")] {
            assert_eq!(number(of), text);
        }
        assert_eq!(number(1_234_567), "1 234 567");
        assert_eq!(
            (count(1, "row", "rows"), count(2, "row", "rows")),
            ("1 row".into(), "2 rows".into())
        );
    }

    #[test]
    fn a_cell_is_as_wide_as_it_is_told() {
        assert_eq!(cell("Sätra", 7), "Sätra  ");
        assert_eq!(cell("Skärholmstorget", 7), "Skärho…");
    }

    #[test]
    fn left_and_right_fill_the_width() {
        let line = spread(" 1 En stad på egen maskin", "1.6 s");
        assert_eq!(line.chars().count(), WIDTH);
        assert!(line.ends_with("  1.6 s"));
    }

    #[test]
    fn long_text_is_broken_between_words_and_stands_in() {
        let text = "ord ".repeat(60);
        let lines = wrapped(text.trim_end(), " ✓ ", 3);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH));
        assert!(lines[0].starts_with(" ✓ ord") && lines[1].starts_with("   ord"));
    }

    #[test]
    fn a_failed_check_says_why_and_counts() {
        let mut section = Section::new(2, "Own pictures");
        section.holds("all came in", true, String::new);
        section.holds("all were taken", false, || "one was not".into());
        let (text, checks) = section.end();
        assert!(!checks.all_held());
        assert_eq!(checks.to_string(), "1 of 2 checks held");
        assert!(
            text.contains("\n ✓ all came in\n ✗ all were taken\n   but: one was not\n"),
            "{text}"
        );
    }

    #[test]
    fn a_root_is_shown_by_its_beginning() {
        assert_eq!(short(&[0x7f, 0x3a, 0x91, 0xc2, 0]), "7f3a 91c2 …");
        assert_eq!(short(&[]), "none");
    }
}
