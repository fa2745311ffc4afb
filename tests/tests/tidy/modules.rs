//! Every source file is reached from a crate root by `mod`.

use std::collections::BTreeSet;

use crate::tree::{Tree, folder_of, joined};

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let members = match tree.members() {
        Ok(members) => members,
        Err(error) => return vec![error],
    };
    let mut open: Vec<String> = tree
        .with_extension("rs")
        .filter(|(path, _)| members.iter().any(|(folder, _)| is_root(path, folder)))
        .map(|(path, _)| path.to_owned())
        .collect();
    let roots: BTreeSet<String> = open.iter().cloned().collect();
    let mut reached = BTreeSet::new();
    while let Some(path) = open.pop() {
        if reached.contains(&path) {
            continue;
        }
        for declared in tree.text(&path).map(modules_of).unwrap_or_default() {
            open.extend(places_of(&path, roots.contains(&path), &declared));
        }
        reached.insert(path);
    }
    tree.with_extension("rs")
        .filter(|(path, _)| !reached.contains(*path))
        .map(|(path, _)| format!("{path}: no `mod` leads to this file"))
        .collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Declared {
    name: String,
    path: Option<String>,
}

/// What cargo takes for the root of a library, binary, test, bench, example or build script, and
/// cargo-fuzz for that of a target.
fn is_root(path: &str, member: &str) -> bool {
    let Some(inside) = path.strip_prefix(&format!("{member}/")) else { return false };
    match inside.split('/').collect::<Vec<_>>().as_slice() {
        ["build.rs"] | ["src", "lib.rs" | "main.rs"] | ["fuzz", "fuzz_targets", _] => true,
        ["src", "bin", rest @ ..] | ["tests" | "benches" | "examples", rest @ ..] => {
            matches!(rest, [_] | [_, "main.rs"])
        }
        _ => false,
    }
}

/// The modules that a file declares without a body, with the path attribute above, if any.
fn modules_of(text: &str) -> Vec<Declared> {
    let mut found = Vec::new();
    let mut path = None;
    for line in text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[path = \"") {
            path = attribute.split('"').next().map(str::to_owned);
        } else if let Some(name) = module_name(line) {
            found.push(Declared { name: name.to_owned(), path: path.take() });
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            path = None;
        }
    }
    found
}

fn module_name(line: &str) -> Option<&str> {
    let declaration = line.strip_suffix(';')?;
    let (before, name) = declaration.rsplit_once("mod ")?;
    let before = before.trim();
    let is_visibility = before.is_empty() || before == "pub" || before.starts_with("pub(");
    (is_visibility && name.chars().all(|c| c.is_alphanumeric() || c == '_')).then_some(name)
}

fn places_of(file: &str, is_root: bool, declared: &Declared) -> Vec<String> {
    let folder = folder_of(file);
    if let Some(path) = &declared.path {
        return joined(folder, path).into_iter().collect();
    }
    let owner = if is_root || file.ends_with("/mod.rs") {
        folder
    } else {
        file.strip_suffix(".rs").unwrap_or(file)
    };
    let name = &declared.name;
    vec![format!("{owner}/{name}.rs"), format!("{owner}/{name}/mod.rs")]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace]\nmembers = [\"a\"]");
    const MEMBER: (&str, &str) = ("a/Cargo.toml", "[package]\nname = \"a\"");

    #[test]
    fn files_are_followed_through_every_form_of_mod() {
        let tree = Tree::of([
            ROOT,
            MEMBER,
            ("a/build.rs", "#[path = \"build/help.rs\"]\nmod help;"),
            ("a/build/help.rs", ""),
            ("a/src/lib.rs", "pub mod x;\nmod y;\nmod inline {\n}"),
            ("a/src/x.rs", "#[cfg(test)]\npub(crate) mod z;"),
            ("a/src/x/z.rs", ""),
            ("a/src/y/mod.rs", "mod w;"),
            ("a/src/y/w.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/one.rs", ""),
            ("a/tests/two/main.rs", "mod part;"),
            ("a/tests/two/part.rs", ""),
        ]);
        assert_eq!(complaints(&tree), [""; 0]);
    }

    #[test]
    fn files_without_a_mod_are_found() {
        let tree = Tree::of([
            ROOT,
            MEMBER,
            ("a/src/lib.rs", "// mod y;\nmod x;\nlet z = \"mod y;\";"),
            ("a/src/x.rs", "mod x;"),
            ("a/src/y.rs", ""),
            ("a/tests/two/part.rs", ""),
            ("stray.rs", ""),
        ]);
        let found = complaints(&tree).join("\n");
        assert_eq!(found.lines().count(), 3, "{found}");
        for path in ["a/src/y.rs", "a/tests/two/part.rs", "stray.rs"] {
            assert!(found.contains(path), "{found}");
        }
    }
}
