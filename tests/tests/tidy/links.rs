//! Every page under `docs/` can be reached from the front pages, and no link leads nowhere.

use std::collections::BTreeSet;

use crate::tree::{Tree, folder_of, joined};

/// Where a reader starts.
const FRONT: [&str; 2] = ["README.md", "ARCHITECTURE.md"];

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let mut found = broken(tree);
    let reached = reached(tree);
    let lost = tree.files().filter(|(path, _)| path.starts_with("docs/"));
    let lost = lost.filter(|(path, _)| !reached.contains(*path));
    found.extend(lost.map(|(path, _)| format!("{path}: no page links here")));
    found
}

fn broken(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("md") {
        for target in targets_of(text) {
            if !joined(folder_of(path), target).is_some_and(|to| to.is_empty() || tree.has(&to)) {
                found.push(format!("{path}: the link to `{target}` leads nowhere"));
            }
        }
    }
    found
}

fn reached(tree: &Tree) -> BTreeSet<String> {
    let mut open: Vec<String> = FRONT.map(str::to_owned).into();
    let mut reached = BTreeSet::new();
    while let Some(path) = open.pop() {
        let is_page = path.ends_with(".md");
        if let (true, Some(text)) = (reached.insert(path.clone()) && is_page, tree.text(&path)) {
            open.extend(targets_of(text).filter_map(|to| joined(folder_of(&path), to)));
        }
    }
    reached
}

/// The targets of `[text](target)` that lie in the project, without their anchors.
fn targets_of(text: &str) -> impl Iterator<Item = &str> {
    prose_of(text)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split([')', ' ']).next())
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
}

/// The lines outside fenced code.
fn prose_of(text: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_pages_pass_by_any_way() {
        let tree = Tree::of([
            ("README.md", "[a](docs/a.md#top), [site](https://example.org), [here](#x)"),
            ("ARCHITECTURE.md", "![b](./docs/b.svg)\n```\n[x](y)\n```\n[folder](docs/)"),
            ("docs/a.md", "[c](deep/c.md) [up](../README.md)"),
            ("docs/b.svg", ""),
            ("docs/deep/c.md", ""),
        ]);
        assert_eq!(complaints(&tree), [""; 0]);
    }

    #[test]
    fn lost_pages_and_broken_links_are_found() {
        let tree = Tree::of([
            ("README.md", "[a](docs/gone.md) and [out](../../etc)"),
            ("docs/island.md", "[itself](island.md), [twin](twin.md)"),
            ("docs/twin.md", "[island](island.md)"),
        ]);
        let found = complaints(&tree).join("\n");
        assert_eq!(found.lines().count(), 4, "{found}");
        for part in ["docs/gone.md", "../../etc", "docs/island.md:", "docs/twin.md:"] {
            assert!(found.contains(part), "{found}");
        }
    }
}
