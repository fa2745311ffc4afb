//! The texts of a project, by path.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use samsyn_tests::project_root;

/// Folders that hold nothing of the project's own.
const FOREIGN: [&str; 5] = [".git", ".venv", "__pycache__", "node_modules", "target"];

/// Every text file of a project: paths from its root, with `/`, in order.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// The project that this test belongs to.
    pub(crate) fn of_project() -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read(&project_root(), "")?;
        Ok(tree)
    }

    /// A made-up project, for showing that a check can fail.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self { files: files.into() }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file, or a folder with something in it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path) || self.files.keys().any(|file| file.starts_with(&folder))
    }

    /// Every file as path and text.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose name ends with `.extension`.
    pub(crate) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        self.files().filter(move |(path, _)| {
            Path::new(path).extension().is_some_and(|found| found == extension)
        })
    }

    /// The manifests of the workspace's members: the folder, and the parsed `Cargo.toml`.
    pub(crate) fn members(&self) -> Result<Vec<(String, toml::Table)>, String> {
        let root = self.manifest("Cargo.toml")?;
        let members = root.get("workspace").and_then(|workspace| workspace.get("members"));
        let members = members.and_then(toml::Value::as_array).ok_or("`Cargo.toml`: no members")?;
        members
            .iter()
            .filter_map(toml::Value::as_str)
            .map(|folder| Ok((folder.to_owned(), self.manifest(&format!("{folder}/Cargo.toml"))?)))
            .collect()
    }

    /// A parsed TOML file.
    pub(crate) fn manifest(&self, path: &str) -> Result<toml::Table, String> {
        let text = self.text(path).ok_or_else(|| format!("`{path}` is missing"))?;
        text.parse().map_err(|error| format!("`{path}`: {error}"))
    }

    fn read(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if entry.file_type()?.is_dir() {
                if !FOREIGN.contains(&name.as_str()) {
                    self.read(&entry.path(), &format!("{path}/"))?;
                }
            } else if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                self.files.insert(path, text);
            }
        }
        Ok(())
    }
}

/// The path that `target` names when it is written in the file or folder `from`: `a/b`, `../c`
/// gives `a/c`. `None` where it leaves the project.
pub(crate) fn joined(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The folder of a path; empty for a file in the root.
pub(crate) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_walks_up_and_down_and_never_out() {
        assert_eq!(joined("docs/decisions", "../errors.md").as_deref(), Some("docs/errors.md"));
        assert_eq!(joined("", "./docs/a.md").as_deref(), Some("docs/a.md"));
        assert_eq!(joined("docs", "../../elsewhere"), None);
    }

    #[test]
    fn project_tree_holds_this_file_and_nothing_built() -> io::Result<()> {
        let tree = Tree::of_project()?;
        assert!(tree.has("tests/tests/tidy/tree.rs"));
        assert!(tree.has("services/domain/"));
        assert!(!tree.has("target"));
        Ok(())
    }
}
