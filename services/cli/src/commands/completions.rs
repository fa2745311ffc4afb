//! `samsyn completions`: what a shell needs to complete command lines.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use super::Cli;
use crate::{failure::Failure, output};

/// Writes a completion script for a shell to standard output.
///
/// Commands, options and fixed values are completed; names of profiles are not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    samsyn completions bash > /etc/bash_completion.d/samsyn\n  \
    samsyn completions fish > ~/.config/fish/completions/samsyn.fish\n  \
    samsyn completions zsh > ~/.zfunc/_samsyn")]
pub(super) struct Args {
    /// For which shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let written = String::from_utf8(script(args.shell));
    let written = written.map_err(std::io::Error::other).and_then(|script| output::text(&script));
    written.map_err(|why| Failure::Local(format!("cannot write the script: {why}")))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "samsyn", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use std::{path::Path, process::Command};

    use clap::ValueEnum as _;

    use super::*;

    /// What a real bash offers after some words, with our script loaded.
    fn offered(dir: &Path, words: &[&str]) -> String {
        let file = dir.join("samsyn.bash");
        std::fs::write(&file, script(Shell::Bash)).unwrap();
        let ask = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                   COMPREPLY=(); _samsyn samsyn \"${COMP_WORDS[COMP_CWORD]}\" \
                   \"${COMP_WORDS[COMP_CWORD-1]}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
        let mut bash = Command::new("bash");
        bash.args(["--norc", "--noprofile", "-c", ask, "bash"]).arg(&file).args(words);
        let said = bash.output().unwrap();
        let errors = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(errors.is_empty(), "{errors}");
        String::from_utf8(said.stdout).unwrap()
    }

    fn has_bash() -> bool {
        let found = Command::new("bash").arg("--version").output().is_ok();
        if !found {
            eprintln!("skipped: there is no bash to load the script");
        }
        found
    }

    #[test]
    fn a_bash_that_has_loaded_the_script_completes_commands_options_and_values() {
        if !has_bash() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        for (words, expected) in [
            (&["samsyn", "jo"][..], "joint"),
            (&["samsyn", "joint", "ex"], "explain"),
            (&["samsyn", "joint", "get", "--per"], "--period"),
            (&["samsyn", "whoami", "--output", ""], "json"),
            (&["samsyn", "completions", "po"], "powershell"),
            (&["samsyn", "registry", "show", "re"], "release-rows"),
        ] {
            let offered = offered(dir.path(), words);
            assert!(offered.lines().any(|one| one == expected), "{words:?}: {offered}");
        }
        assert!(!offered(dir.path(), &["samsyn", "zz"]).contains("joint"));
    }

    #[test]
    fn every_shell_has_a_script_that_names_every_command() {
        let command = Cli::command();
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for name in command.get_subcommands().map(clap::Command::get_name) {
                assert!(script.contains(name), "{shell}: `{name}`");
            }
        }
    }
}
