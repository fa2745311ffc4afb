//! What was found: one line for each check.

use std::fmt;

use serde_json::{Value, json};

use crate::output::plain;

/// The exit code after a warning.
const WARNED: u8 = 1;
/// The exit code when something failed.
pub(super) const FAILED: u8 = 2;
/// Columns of the verdict, and between the name and what was found.
const VERDICT_WIDTH: usize = 9;
const GAP: usize = 2;

/// How a check came out; the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Good,
    Warning,
    Failed,
}

impl Verdict {
    const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) verdict: Verdict,
    pub(super) found: String,
    /// What to do; empty when all is well.
    pub(super) mend: String,
}

impl Line {
    pub(super) fn good(name: impl Into<String>, found: impl Into<String>) -> Self {
        let (name, found, mend) = (name.into(), found.into(), String::new());
        Self { name, verdict: Verdict::Good, found, mend }
    }

    pub(super) fn warning(
        name: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (name, found, mend) = (name.into(), found.into(), mend.into());
        Self { name, verdict: Verdict::Warning, found, mend }
    }

    pub(super) fn failed(
        name: impl Into<String>,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        let (name, found, mend) = (name.into(), found.into(), mend.into());
        Self { name, verdict: Verdict::Failed, found, mend }
    }
}

/// All checks, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<Line>,
}

impl Report {
    pub(super) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(super) fn add_all(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.lines.extend(lines);
    }

    fn worst(&self) -> Verdict {
        self.lines.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Good)
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.lines.iter().filter(|line| line.verdict == verdict).count()
    }

    /// 0 when all is well, 1 after a warning, 2 when something failed.
    pub(super) fn exit_code(&self) -> u8 {
        match self.worst() {
            Verdict::Good => 0,
            Verdict::Warning => WARNED,
            Verdict::Failed => FAILED,
        }
    }

    pub(super) fn json(&self) -> Value {
        let line = |line: &Line| {
            json!({
                "check": line.name,
                "verdict": line.verdict.word(),
                "found": line.found,
                "mend": line.mend,
            })
        };
        json!({
            "verdict": self.worst().word(),
            "checks": self.lines.iter().map(line).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.lines.iter().map(|line| line.name.chars().count());
        let width = names.max().unwrap_or(0).saturating_add(GAP);
        for line in &self.lines {
            let (verdict, found) = (line.verdict.word(), plain(&line.found));
            writeln!(f, "{verdict:VERDICT_WIDTH$}{:width$}{found}", plain(&line.name))?;
            if !line.mend.is_empty() {
                writeln!(f, "{:VERDICT_WIDTH$}→ {}", "", plain(&line.mend))?;
            }
        }
        let (good, warned) = (self.count(Verdict::Good), self.count(Verdict::Warning));
        writeln!(f, "\n{good} ok, {warned} warnings, {} failed", self.count(Verdict::Failed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_line_gives_the_exit_code() {
        let mut report = Report::default();
        let lines =
            [Line::good("a", "b"), Line::warning("c", "d", "e"), Line::failed("f", "g", "h")];
        for (line, code) in lines.into_iter().zip([0, 1, 2]) {
            report.add(line);
            assert_eq!(report.exit_code(), code);
        }
        report.add(Line::good("a", "b"));
        assert_eq!((report.exit_code(), &report.json()["verdict"]), (2, &json!("failed")));
        assert_eq!(report.json()["checks"][1]["mend"], "e");
    }

    #[test]
    fn what_to_do_stands_under_what_is_wrong() {
        let mut report = Report::default();
        report.add(Line::good("clock", "fine"));
        report.add(Line::failed("port", "taken\u{1b}[31m", "choose another"));
        let golden = "\
ok       clock  fine
failed   port   taken\u{fffd}[31m
         → choose another

1 ok, 0 warnings, 1 failed
";
        assert_eq!(report.to_string(), golden);
    }
}
