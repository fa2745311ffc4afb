//! A decision page says what was decided, whether it holds, and since when.

use crate::tree::Tree;

const FOLDER: &str = "docs/decisions/";
const INDEX: &str = "docs/decisions/README.md";
const STATES: [&str; 3] = ["proposed", "accepted", "superseded by "];

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let pages = tree.with_extension("md").filter(|(path, _)| path.starts_with(FOLDER));
    let index = tree.text(INDEX).unwrap_or_default();
    pages
        .filter(|(path, _)| *path != INDEX)
        .flat_map(|(path, text)| {
            let name = path.strip_prefix(FOLDER).unwrap_or(path);
            [
                (!has_title(text)).then_some("begin with `# ` and the decision"),
                (!has_status(text))
                    .then_some("add `- Status: ` and proposed, accepted or superseded"),
                (!has_date(text)).then_some("add `- Date: ` as YYYY-MM-DD"),
                (!index.contains(&format!("]({name})"))).then_some("list it in the index"),
            ]
            .into_iter()
            .flatten()
            .map(move |remedy| format!("{path}: {remedy}"))
        })
        .collect()
}

fn has_title(text: &str) -> bool {
    let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
    title.is_some_and(|title| !title.trim().is_empty())
}

fn has_status(text: &str) -> bool {
    value_of(text, "- Status: ").is_some_and(|is| STATES.iter().any(|state| is.starts_with(state)))
}

fn has_date(text: &str) -> bool {
    value_of(text, "- Date: ").is_some_and(|date| {
        let parts: Vec<&str> = date.trim().split('-').collect();
        let number = |part: &&str| part.parse::<u32>().ok();
        match parts.iter().map(number).collect::<Option<Vec<_>>>().as_deref() {
            Some([2000..=2999, 1..=12, 1..=31]) => {
                parts.iter().map(|part| part.len()).eq([4, 2, 2])
            }
            Some(_) | None => false,
        }
    })
}

fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Use a log\n\n- Status: accepted\n- Date: 2025-11-22\n\nBecause.\n";

    fn found(page: &str, index: &str) -> usize {
        let files = [("docs/decisions/log.md", page), (INDEX, index)];
        complaints(&Tree::of(files)).len()
    }

    #[test]
    fn whole_pages_pass() {
        assert_eq!(found(GOOD, "[Use a log](log.md)"), 0);
        let old = GOOD.replace("accepted", "superseded by [another](another.md)");
        assert_eq!(found(&old, "[Use a log](log.md)"), 0);
    }

    #[test]
    fn each_missing_part_is_found() {
        let index = "[Use a log](log.md)";
        assert_eq!(found(&GOOD.replace("# ", ""), index), 1);
        assert_eq!(found(&GOOD.replace("accepted", "perhaps"), index), 1);
        assert_eq!(found(&GOOD.replace("2025-11-22", "22 November"), index), 1);
        assert_eq!(found(&GOOD.replace("2025-11-22", "2025-13-22"), index), 1);
        assert_eq!(found(&GOOD.replace("2025-11-22", "2025-1-22"), index), 1);
        assert_eq!(found(GOOD, ""), 1);
        assert_eq!(found("", ""), 4);
    }
}
