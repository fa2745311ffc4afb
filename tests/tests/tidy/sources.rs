//! Source files keep to a size that can be read at one sitting, and leave nothing open.

use crate::tree::Tree;

/// Lines in a file, its tests included.
const LINES_MAX: usize = 520;
/// Characters in a line.
const COLUMNS_MAX: usize = 100;
/// Where open ends are looked for.
const EXTENSIONS: [&str; 8] = ["rs", "proto", "toml", "md", "py", "sh", "cedar", "json"];
/// Marks of unfinished work, in two parts so that this file holds none.
const OPEN_ENDS: [(&str, &str); 4] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("dbg", "!")];

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let mut found: Vec<String> =
        tree.with_extension("rs").flat_map(|(path, text)| size_complaints(path, text)).collect();
    for (path, text) in tree.files().filter(|(path, _)| is_ours(path)) {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(mark) = open_end(line) {
                found.push(format!("{path}:{number}: `{mark}`: finish it or leave it out"));
            }
        }
    }
    found
}

fn size_complaints(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    let long_file = (lines > LINES_MAX)
        .then(|| format!("{path}: {lines} lines, at most {LINES_MAX}: split it by subject"));
    let long_lines = (1..).zip(text.lines()).filter_map(|(number, line): (u32, _)| {
        let columns = line.chars().count();
        let too_long = columns > COLUMNS_MAX;
        too_long.then(|| format!("{path}:{number}: {columns} columns, at most {COLUMNS_MAX}"))
    });
    long_file.into_iter().chain(long_lines).collect()
}

fn is_ours(path: &str) -> bool {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    path.starts_with(".ci/") || EXTENSIONS.contains(&extension)
}

fn open_end(line: &str) -> Option<String> {
    OPEN_ENDS.iter().map(|(head, tail)| format!("{head}{tail}")).find(|mark| holds(line, mark))
}

/// Whether the mark stands in the line as a word of its own.
fn holds(line: &str, mark: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(mark).any(|(at, _)| {
        let (before, rest) = line.split_at(at);
        let after = rest.strip_prefix(mark).unwrap_or_default();
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        complaints(&Tree::of([(path, text)]))
    }

    #[test]
    fn long_files_and_long_lines_are_found() {
        assert!(found("a.rs", &"x\n".repeat(520)).is_empty());
        assert_eq!(found("a.rs", &"x\n".repeat(521)).len(), 1);
        assert!(found("a.rs", &"å".repeat(100)).is_empty());
        assert_eq!(found("a.rs", &"å".repeat(101)), ["a.rs:1: 101 columns, at most 100"]);
        assert!(found("a.md", &"x".repeat(101)).is_empty());
    }

    #[test]
    fn open_ends_are_found_as_words() {
        for (head, tail) in OPEN_ENDS {
            let mark = format!("{head}{tail}");
            for path in ["a.rs", "b.proto", "c/d.md", ".ci/run"] {
                assert_eq!(found(path, &format!("fine\n// {mark}: x")).len(), 1, "{path} {mark}");
            }
            assert!(found("a.rs", &format!("A{mark}")).is_empty());
            assert!(found("a.bin", &mark).is_empty());
        }
    }
}
