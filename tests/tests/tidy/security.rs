//! The security guide tells of every threat and every bad input once, the tests that it names
//! exist, and every test that is named after a number is named by it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::tree::Tree;

const PAGE: &str = "docs/security.md";
/// How many threats there are.
const THREATS: u32 = 35;
/// How many kinds of bad input there are.
const INPUTS: u32 = 52;
/// What a row says when there is nothing to test.
const NOTHING: [&str; 3] = ["not built", "there is no", "there are no"];

/// The number of a row of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Threat(u32),
    Input(u32),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threat(number) => write!(f, "T{number}"),
            Self::Input(number) => write!(f, "row {number}"),
        }
    }
}

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let Some(page) = tree.text(PAGE) else { return vec![format!("`{PAGE}` is missing")] };
    let rows: Vec<(Number, &str)> = page.lines().filter_map(row).collect();
    let mut found = each_once(&rows);
    found.extend(rows.iter().filter_map(|(number, line)| without_test(*number, line)));
    for (path, test) in page.lines().flat_map(named) {
        let exists = tree.text(path).is_some_and(|text| text.contains(&format!("fn {test}(")));
        if !exists {
            found.push(format!("{PAGE}: there is no test `{path}::{test}`"));
        }
    }
    let named: BTreeSet<(Number, (&str, &str))> = rows
        .iter()
        .flat_map(|(number, line)| named(line).into_iter().map(|test| (*number, test)))
        .collect();
    for (path, text) in tree.with_extension("rs") {
        for test in text.lines().filter_map(function) {
            for number in numbers(test) {
                if !named.contains(&(number, (path, test))) {
                    found.push(format!("{PAGE}: {number} does not name `{path}::{test}`"));
                }
            }
        }
    }
    found
}

fn each_once(rows: &[(Number, &str)]) -> Vec<String> {
    let mut times: BTreeMap<Number, u32> = BTreeMap::new();
    for (number, _) in rows {
        *times.entry(*number).or_default() += 1;
    }
    let all = (1..=THREATS).map(Number::Threat).chain((1..=INPUTS).map(Number::Input));
    let expected: BTreeSet<Number> = all.collect();
    let missing = expected.iter().filter(|number| !times.contains_key(number));
    let missing = missing.map(|number| format!("{PAGE}: {number} has no row"));
    let other = times.iter().filter(|(number, times)| **times != 1 || !expected.contains(number));
    let other = other.map(|(number, times)| format!("{PAGE}: {number} has {times} rows"));
    missing.chain(other).collect()
}

/// A row says which test shows it, or why none does.
fn without_test(number: Number, line: &str) -> Option<String> {
    let why = NOTHING.iter().any(|words| line.contains(words));
    let whole = !named(line).is_empty() || (line.ends_with("| none |") && why);
    (!whole).then(|| format!("{PAGE}: {number} names no test and does not say why"))
}

/// The number of a line of a table.
fn row(line: &str) -> Option<(Number, &str)> {
    let first = line.strip_prefix("| ")?.split(" |").next()?;
    let number = match first.strip_prefix('T') {
        Some(threat) => Number::Threat(threat.parse().ok()?),
        None => Number::Input(first.parse().ok()?),
    };
    Some((number, line))
}

/// The tests that a line names: file and function.
fn named(line: &str) -> Vec<(&str, &str)> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains(".rs::")).filter_map(|text| text.split_once("::")).collect()
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split('(').next()
}

/// The numbers that a test is named after: `t4_`, `row16_`, `rows42_and_43_`, `t9_row38_`.
fn numbers(test: &str) -> Vec<Number> {
    let mut found = Vec::new();
    let mut words = test.split('_').peekable();
    while let Some(word) = words.next() {
        if let Some(number) = word.strip_prefix("rows").and_then(|n| n.parse().ok()) {
            found.push(Number::Input(number));
            let joins = words.next_if(|word| matches!(*word, "to" | "and")).is_some();
            let last = words.next_if(|_| joins).and_then(|word| word.parse().ok());
            found.extend(last.map(Number::Input));
        } else if let Some(number) = word.strip_prefix("row").and_then(|n| n.parse().ok()) {
            found.push(Number::Input(number));
        } else if let Some(number) = word.strip_prefix('t').and_then(|n| n.parse().ok()) {
            found.push(Number::Threat(number));
        } else {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: &str = "#[test]\nfn t1_rows1_and_2_it_holds() {}\n";

    fn page(instead: impl Fn(Number) -> Option<&'static str>) -> String {
        let all = (1..=THREATS).map(Number::Threat).chain((1..=INPUTS).map(Number::Input));
        let line = |number: Number| {
            let name = match number {
                Number::Threat(number) => format!("T{number}"),
                Number::Input(number) => number.to_string(),
            };
            let rest = instead(number).unwrap_or("not built | none |");
            format!("| {name} | something | {rest}\n")
        };
        all.map(line).collect()
    }

    const GOOD: &str = "it is refused | `a.rs::t1_rows1_and_2_it_holds` |";

    fn shown(number: Number) -> Option<&'static str> {
        let known = [Number::Threat(1), Number::Input(1), Number::Input(2)];
        known.contains(&number).then_some(GOOD)
    }

    fn found(page: &str, source: &str) -> Vec<String> {
        complaints(&Tree::of([(PAGE, page), ("a.rs", source)]))
    }

    #[test]
    fn a_whole_guide_passes() {
        assert_eq!(found(&page(shown), TEST), [""; 0]);
    }

    #[test]
    fn missing_rows_lost_tests_and_unnamed_tests_are_found() {
        let whole = page(shown);
        let without = whole.replace("| T7 | something | not built | none |\n", "");
        assert_eq!(found(&without, TEST), [format!("{PAGE}: T7 has no row")]);
        let twice = format!("{whole}| T7 | again | not built | none |\n");
        assert_eq!(found(&twice, TEST), [format!("{PAGE}: T7 has 2 rows")]);
        assert_eq!(found(&whole, "fn other() {}").len(), 3, "each row names a test that is gone");
        let unnamed = page(|number| shown(number).filter(|_| number != Number::Input(2)));
        let complaint = format!("{PAGE}: row 2 does not name `a.rs::t1_rows1_and_2_it_holds`");
        assert_eq!(found(&unnamed, TEST), [complaint]);
        let silent = page(|number| {
            shown(number)
                .or_else(|| (number == Number::Input(9)).then_some("it is refused | none |"))
        });
        let complaint = format!("{PAGE}: row 9 names no test and does not say why");
        assert_eq!(found(&silent, TEST), [complaint]);
    }

    #[test]
    fn numbers_are_read_from_names() {
        use Number::{Input, Threat};
        assert_eq!(numbers("t9_row38_it"), [Threat(9), Input(38)]);
        assert_eq!(numbers("t26_t27_it"), [Threat(26), Threat(27)]);
        assert_eq!(numbers("t19_rows7_and_8_it"), [Threat(19), Input(7), Input(8)]);
        assert_eq!(numbers("rows10_to_31_each"), [Input(10), Input(31)]);
        for none in ["rows_are_counted", "two_rows", "the_t4_thing", "t_one", "row_10_x"] {
            assert_eq!(numbers(none), [], "{none}");
        }
    }
}
