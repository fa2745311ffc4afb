//! The house rules, kept by a test: layers, size of files, names in the interface, dead files,
//! open ends, decision pages, dependencies, the security guide. Each check is a function from the
//! project's texts to its complaints, and each is shown to complain about a project that breaks its
//! rule.

mod decisions;
mod dependencies;
mod layers;
mod links;
mod modules;
mod proto_names;
mod security;
mod sources;
mod tree;

use std::io;

use tree::Tree;

type Check = fn(&Tree) -> Vec<String>;

#[test]
fn crates_import_only_what_the_layer_table_allows() -> io::Result<()> {
    holds(layers::complaints)
}

#[test]
fn source_files_keep_their_size_and_leave_nothing_open() -> io::Result<()> {
    holds(sources::complaints)
}

#[test]
fn field_names_are_no_keywords_in_python_java_or_csharp() -> io::Result<()> {
    holds(proto_names::complaints)
}

#[test]
fn source_files_are_all_reached_from_a_crate_root() -> io::Result<()> {
    holds(modules::complaints)
}

#[test]
fn pages_are_all_linked_and_no_link_is_broken() -> io::Result<()> {
    holds(links::complaints)
}

#[test]
fn decision_pages_have_title_status_and_date() -> io::Result<()> {
    holds(decisions::complaints)
}

#[test]
fn dependencies_each_have_a_line_that_says_why() -> io::Result<()> {
    holds(dependencies::complaints)
}

#[test]
fn security_guide_names_every_row_and_its_tests() -> io::Result<()> {
    holds(security::complaints)
}

fn holds(check: Check) -> io::Result<()> {
    let found = check(&Tree::of_project()?);
    assert!(found.is_empty(), "{} complaints:\n{}", found.len(), found.join("\n"));
    Ok(())
}
