//! Crates import only what the layer table of `ARCHITECTURE.md` allows.
//!
//! The table names the crates without their prefix. Its second column lists the crates of ours
//! that may be imported, each in backticks, some `behind feature` one; its third column says what
//! a crate must not know, and the crates named there in backticks may not be dependencies.
//! Dependencies that only tests have do not ship and are not compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::Tree;

const PAGE: &str = "ARCHITECTURE.md";
const HEADER: &str = "| crate | may import (ours) | must not know |";
const PREFIX: &str = "samsyn-";

#[derive(Debug, Default)]
struct Layer {
    /// Crate of ours, and the feature that it stands behind.
    may_import: BTreeMap<String, Option<String>>,
    must_not_know: BTreeSet<String>,
}

#[derive(Debug)]
struct Dependency {
    name: String,
    optional: bool,
}

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let layers = layers_of(tree.text(PAGE).unwrap_or_default());
    if layers.is_empty() {
        return vec![format!("{PAGE}: the table `{HEADER}` is missing or empty")];
    }
    let members = match tree.members() {
        Ok(members) => members,
        Err(error) => return vec![error],
    };
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for (folder, manifest) in &members {
        let name = package_of(manifest);
        match layers.get(&name) {
            None => found.push(format!("{PAGE}: the table has no row for `{name}` in {folder}")),
            Some(layer) => found.extend(breaches(&name, layer, manifest)),
        }
        names.insert(name);
    }
    let gone = layers.keys().filter(|name| !names.contains(*name));
    found.extend(gone.map(|name| format!("{PAGE}: there is no crate `{name}`")));
    found
}

fn breaches(name: &str, layer: &Layer, manifest: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for dependency in dependencies_of(manifest) {
        let other = &dependency.name;
        match other.strip_prefix(PREFIX) {
            None if layer.must_not_know.contains(other) => {
                found.push(format!("`{name}` must not know `{other}`"));
            }
            None => {}
            Some(ours) => match layer.may_import.get(ours) {
                None => found.push(format!("`{name}` may not import `{ours}`")),
                Some(Some(feature)) if !(dependency.optional && has(manifest, feature, other)) => {
                    found.push(format!("`{name}` may import `{ours}` only behind `{feature}`"));
                }
                Some(_) => {}
            },
        }
    }
    found
}

fn layers_of(page: &str) -> BTreeMap<String, Layer> {
    page.lines()
        .skip_while(|line| line.trim() != HEADER)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split('|');
            let name = quoted(cells.next()?).next()?.to_owned();
            let may_import = cells.next()?.split(',').filter_map(import_of).collect();
            let must_not_know = quoted(cells.next()?).map(str::to_owned).collect();
            Some((name, Layer { may_import, must_not_know }))
        })
        .collect()
}

fn import_of(item: &str) -> Option<(String, Option<String>)> {
    let (name, feature) = item.split_once(" behind feature ").unwrap_or((item, ""));
    Some((quoted(name).next()?.to_owned(), quoted(feature).next().map(str::to_owned)))
}

/// The parts of a text that stand in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

fn package_of(manifest: &toml::Table) -> String {
    let name = manifest.get("package").and_then(|package| package.get("name"));
    let name = name.and_then(toml::Value::as_str).unwrap_or_default();
    name.strip_prefix(PREFIX).unwrap_or(name).to_owned()
}

/// What a crate is built from: its own and its build script's dependencies, on every target.
fn dependencies_of(manifest: &toml::Table) -> Vec<Dependency> {
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(|t| t.as_table());
    [manifest]
        .into_iter()
        .chain(targets)
        .flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")])
        .flatten()
        .filter_map(toml::Value::as_table)
        .flatten()
        .map(|(key, value)| {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            let optional = value.get("optional").and_then(toml::Value::as_bool).unwrap_or(false);
            Dependency { name: renamed.unwrap_or(key).to_owned(), optional }
        })
        .collect()
}

fn has(manifest: &toml::Table, feature: &str, dependency: &str) -> bool {
    let wanted = format!("dep:{dependency}");
    let enables = |name: &str| {
        let feature = manifest.get("features").and_then(|features| features.get(name));
        let items = feature.and_then(toml::Value::as_array).into_iter().flatten();
        items.filter_map(toml::Value::as_str).any(|item| item == wanted)
    };
    enables(feature) && !enables("default")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = [\"a\", \"b\"]";
    const TABLE: &str = "| crate | may import (ours) | must not know |\n|---|---|---|\n\
        | `a` | – | time (`clock`) |\n| `b` | `a` behind feature `server` | – |\n";
    const A: &str = "[package]\nname = \"samsyn-a\"\n[dependencies]\nserde = \"1\"";
    const B: &str = "[package]\nname = \"samsyn-b\"\n[features]\nserver = [\"dep:samsyn-a\"]\n\
        [dependencies]\nsamsyn-a = { workspace = true, optional = true }";

    fn found(page: &str, a: &str, b: &str) -> String {
        let files = [
            ("ARCHITECTURE.md", page),
            ("Cargo.toml", ROOT),
            ("a/Cargo.toml", a),
            ("b/Cargo.toml", b),
        ];
        complaints(&Tree::of(files)).join("\n")
    }

    #[test]
    fn allowed_imports_pass() {
        assert_eq!(found(TABLE, A, B), "");
        let for_tests = format!("{A}\n[dev-dependencies]\nsamsyn-b = \"1\"");
        assert_eq!(found(TABLE, &for_tests, B), "");
    }

    #[test]
    fn forbidden_imports_are_found() {
        let up = format!("{A}\nsamsyn-b.workspace = true");
        assert_eq!(found(TABLE, &up, B), "`a` may not import `b`");
        let renamed = format!("{A}\nx = {{ package = \"samsyn-b\", path = \"../b\" }}");
        assert_eq!(found(TABLE, &renamed, B), "`a` may not import `b`");
        let on_target = format!("{A}\n[target.'cfg(unix)'.build-dependencies]\nsamsyn-b = \"1\"");
        assert_eq!(found(TABLE, &on_target, B), "`a` may not import `b`");
        let knows = format!("{A}\nclock = \"1\"");
        assert_eq!(found(TABLE, &knows, B), "`a` must not know `clock`");
        let bare = B.replace(", optional = true", "");
        assert_eq!(found(TABLE, A, &bare), "`b` may import `a` only behind `server`");
        let always = B.replace("server = [", "default = [\"dep:samsyn-a\"]\nserver = [");
        assert_eq!(found(TABLE, A, &always), "`b` may import `a` only behind `server`");
    }

    #[test]
    fn table_and_workspace_name_the_same_crates() {
        let short = TABLE.replace("| `a` | – | time (`clock`) |\n", "");
        assert!(found(&short, A, B).contains("no row for `a`"));
        let long = format!("{TABLE}| `c` | – | – |\n");
        assert!(found(&long, A, B).contains("no crate `c`"));
        assert!(found("", A, B).contains("missing or empty"));
    }
}
