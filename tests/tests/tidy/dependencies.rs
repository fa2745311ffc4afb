//! Every crate that the workspace depends on has a line that says what for, why this one, and who
//! keeps it; every such line is of a crate in use; and what a crate declares, its sources name.

use std::collections::BTreeSet;

use crate::tree::Tree;

const PAGE: &str = "docs/decisions/dependencies.md";
/// Named by generated code alone.
const GENERATED: [&str; 1] = ["tonic-prost"];
/// Has a workspace of its own.
const FUZZ: &str = "tests/fuzz/Cargo.toml";
const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let used = match used(tree) {
        Ok(used) => used,
        Err(error) => return vec![error],
    };
    let rows: Vec<Vec<&str>> =
        tree.text(PAGE).unwrap_or_default().lines().filter_map(row).collect();
    let named: BTreeSet<&str> = rows.iter().filter_map(|cells| cells.first().copied()).collect();
    let missing = used.iter().filter(|name| !named.contains(name.as_str()));
    let missing = missing.map(|name| format!("{PAGE}: add a line for `{name}`"));
    let gone = named.iter().filter(|name| !used.contains(**name));
    let gone = gone.map(|name| format!("{PAGE}: `{name}` is not a dependency"));
    let bare = rows.iter().filter(|cells| cells.len() != 4 || cells.contains(&""));
    let bare = bare.map(|cells| format!("{PAGE}: `{}` lacks a reason", cells.join(" | ")));
    missing.chain(gone).chain(bare).chain(idle(tree)).collect()
}

/// Dependencies that no source file of their crate names. Crates are found by folder.
fn idle(tree: &Tree) -> Vec<String> {
    let mut idle = Vec::new();
    for (folder, manifest) in tree.members().unwrap_or_default() {
        let tables = TABLES.map(|table| manifest.get(table).and_then(toml::Value::as_table));
        let names_of = tables.into_iter().flatten().flat_map(toml::Table::keys);
        for name in names_of.filter(|name| !GENERATED.contains(&name.as_str())) {
            let ident = name.replace('-', "_");
            let within = format!("{folder}/");
            let mut sources = tree.with_extension("rs");
            if !sources.any(|(path, text)| path.starts_with(&within) && names(text, &ident)) {
                idle.push(format!("{folder}/Cargo.toml: no source file names `{name}`"));
            }
        }
    }
    idle
}

/// Whether a text has a word in it.
fn names(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !part(c)).any(|one| one == word)
}

/// The crates of others, by the names under which they are published.
fn used(tree: &Tree) -> Result<BTreeSet<String>, String> {
    let mut manifests: Vec<toml::Table> =
        tree.members()?.into_iter().map(|(_, manifest)| manifest).collect();
    let root = tree.manifest("Cargo.toml")?;
    manifests.extend(root.get("workspace").and_then(toml::Value::as_table).cloned());
    manifests.extend(tree.manifest(FUZZ));
    let tables = manifests.iter().flat_map(|manifest| TABLES.map(|table| manifest.get(table)));
    let entries = tables.flatten().filter_map(toml::Value::as_table).flatten();
    let names = entries.map(|(key, value)| {
        value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned()
    });
    Ok(names.filter(|name| !name.starts_with("samsyn-")).collect())
}

/// The cells of a table row that begins with a name in backticks.
fn row(line: &str) -> Option<Vec<&str>> {
    let rest = line.strip_prefix("| `")?;
    let (name, rest) = rest.split_once("` |")?;
    let cells = rest.strip_suffix('|')?.split('|').map(str::trim);
    Some([name].into_iter().chain(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_TEXT: &str = "\
        | crate | what for | why this one | who keeps it |\n|---|---|---|---|\n\
        | `log` | logs | small | its team |\n| `time` | time | good | its team |\n";

    const SOURCE: &str = "use log::info;\nfn now() { clock::now() }";

    fn found(page: &str) -> Vec<String> {
        found_in(page, SOURCE)
    }

    fn found_in(page: &str, source: &str) -> Vec<String> {
        let root = "[workspace]\nmembers = [\"a\"]\n[workspace.dependencies]\nlog = \"1\"\n\
            samsyn-a = { path = \"a\" }";
        let member = "[package]\nname = \"samsyn-a\"\n[dependencies]\nlog.workspace = true\n\
            [dev-dependencies]\nclock = { package = \"time\", version = \"1\" }";
        complaints(&Tree::of([
            ("Cargo.toml", root),
            ("a/Cargo.toml", member),
            ("a/src/lib.rs", source),
            (PAGE, page),
        ]))
    }

    #[test]
    fn a_dependency_that_nothing_names_is_found() {
        let idle = found_in(PAGE_TEXT, "fn clocks() { log::info() }");
        assert_eq!(idle, ["a/Cargo.toml: no source file names `clock`"]);
    }

    #[test]
    fn a_line_for_each_passes() {
        assert_eq!(found(PAGE_TEXT), [""; 0]);
    }

    #[test]
    fn missing_left_over_and_bare_lines_are_found() {
        let short = PAGE_TEXT.replace("| `time` | time | good | its team |\n", "");
        assert_eq!(found(&short), [format!("{PAGE}: add a line for `time`")]);
        let long = format!("{PAGE_TEXT}| `old` | x | y | z |\n");
        assert_eq!(found(&long), [format!("{PAGE}: `old` is not a dependency")]);
        assert_eq!(found(&PAGE_TEXT.replace("small", "")).len(), 1);
        assert_eq!(found(&PAGE_TEXT.replace(" | small", "")).len(), 1);
    }
}
