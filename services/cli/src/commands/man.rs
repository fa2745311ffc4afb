//! `samsyn man`: manual pages, one for each command.

use std::{fs, path::PathBuf};

use clap::{Command, CommandFactory as _, builder::Resettable};
use clap_mangen::Man;
use serde_json::json;

use super::Cli;
use crate::{
    failure::{EXIT_CODES, Failure},
    output,
    session::Globals,
};

/// Writes the manual pages to a folder, one for each command.
///
/// `man -l DIR/samsyn-joint-get.1` shows one; in a folder `man1` of `MANPATH` they are found by
/// name.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn man --out /usr/local/share/man/man1")]
pub(super) struct Args {
    /// The folder; it is made when it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let dir = &args.out;
    fs::create_dir_all(dir).map_err(|why| Failure::file("make", dir, &why))?;
    let mut written = Vec::new();
    for (name, page) in pages().map_err(|why| Failure::file("write", dir, &why))? {
        let file = dir.join(name);
        fs::write(&file, page).map_err(|why| Failure::file("write", &file, &why))?;
        written.push(file.display().to_string());
    }
    let first = dir.join("samsyn.1").display().to_string();
    globals.show(
        || json!({ "files": written }),
        || {
            output::pairs([
                ("wrote", format!("{} pages to {}", written.len(), dir.display())),
                ("show one", format!("man -l {first}")),
            ])
        },
    )
}

/// All pages, by the name of their file.
fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = Cli::command();
    root.build();
    let mut pages = Vec::new();
    collect(&root, "samsyn", &mut pages)?;
    Ok(pages)
}

fn collect(
    command: &Command,
    name: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> std::io::Result<()> {
    pages.push((format!("{name}.1"), page(command, name)?));
    for child in command.get_subcommands() {
        collect(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str) -> std::io::Result<Vec<u8>> {
    let mut named = command.clone().display_name(name.to_owned());
    let own = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (_, examples) =
        own.split_once(":\n").filter(|(head, _)| head.starts_with("Example")).unwrap_or_default();
    if !examples.is_empty() || own == EXIT_CODES {
        // They have sections of their own.
        named = named.after_help(Resettable::Reset);
    }
    let mut page = Vec::new();
    Man::new(named).title(name.to_uppercase()).manual("Samsyn").render(&mut page)?;
    if !examples.is_empty() {
        page.extend(section("EXAMPLES", examples));
    }
    page.extend(exit_codes());
    Ok(page)
}

/// A section whose lines stay as they are.
fn section(heading: &str, lines: &str) -> Vec<u8> {
    let mut section = format!(".SH {heading}\n.nf\n");
    for line in lines.lines() {
        // A line that begins with a dot would be an instruction.
        let line = line.trim_start().replace('\\', "\\e").replace('-', "\\-");
        section.push_str(&format!("\\&{line}\n"));
    }
    section.push_str(".fi\n");
    section.into_bytes()
}

/// The exit codes, as a section of a page.
fn exit_codes() -> Vec<u8> {
    let mut section = ".SH \"EXIT STATUS\"\n".to_owned();
    for line in EXIT_CODES.lines().skip(1) {
        if let Some((code, meaning)) = line.trim().split_once("  ") {
            section.push_str(&format!(".TP\n{code}\n{meaning}\n"));
        }
    }
    section.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::process::{Command as Process, Stdio};

    use super::*;

    #[test]
    fn every_command_has_a_page_that_names_it_and_its_examples() {
        let pages = pages().unwrap();
        let names: Vec<_> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in ["samsyn.1", "samsyn-serve.1", "samsyn-joint-get.1", "samsyn-partner-kit.1"] {
            assert!(names.contains(&name), "{name} is not in {names:?}");
        }
        for (name, page) in &pages {
            let page = String::from_utf8(page.clone()).unwrap();
            let command = name.trim_end_matches(".1");
            assert!(page.contains(&command.replace('-', "\\-")), "{name}: {page}");
            assert_eq!(page.matches("what should be verified does not hold").count(), 1, "{name}");
        }
    }

    #[test]
    fn groff_renders_every_page_without_a_warning() {
        let groff = || {
            let mut groff = Process::new("groff");
            groff.args(["-man", "-Tutf8", "-ww", "-Kutf8", "-P-cbou"]);
            groff
        };
        if groff().arg("--version").output().is_err() {
            eprintln!("skipped: there is no groff to render the pages");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        for (name, page) in pages().unwrap() {
            let file = dir.path().join(&name);
            fs::write(&file, page).unwrap();
            let shown = groff().arg(&file).stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&shown.stderr).into_owned();
            assert!(shown.status.success() && said.is_empty(), "{name}: {said}");
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(text.contains("SYNOPSIS") && text.contains("EXIT STATUS"), "{name}: {text}");
            if name == "samsyn-partner-kit.1" {
                let example = "samsyn partner kit region-stockholm --out kit --as registrar\n";
                assert!(text.contains(example), "{text}");
            }
        }
    }
}
