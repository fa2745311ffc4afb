//! The command line as a whole.

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use super::*;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

/// A line for each command.
const LINES: [&str; 86] = [
    "samsyn serve --config gateway.toml",
    "samsyn serve --check --config gateway.toml",
    "samsyn demo --once",
    "samsyn sandbox --every 1 --for 600 --seed 7 --story",
    "samsyn pki init pki --trust-domain a.example",
    "samsyn pki issue pki --service sdf-a",
    "samsyn pki issue pki --server --dns a.example --ip 127.0.0.1",
    "samsyn pki revoke pki sdf-a",
    "samsyn pki refresh pki",
    "samsyn whoami --as region-stockholm",
    "samsyn publish week.json --as sdf-a --role publisher",
    "samsyn publish - --output json",
    "samsyn validate week.json --profiles profiles",
    "samsyn import polisen-events e.json --area a --area b --dry-run --retention 12",
    "samsyn import csv f.csv --mapping m.toml --level 2 --audience partners",
    "samsyn import xlsx f.xlsx --mapping m.toml --sheet Blad1 --dry-run --first 10",
    "samsyn import geojson f.geojson --mapping m.toml --party p",
    "samsyn import open311 r.xml",
    "samsyn import open311 r.json --mapping m.toml",
    "samsyn picture sthlm-a --version 7",
    "samsyn joint get sthlm-a",
    "samsyn joint get sthlm-a 2025-09 --as sdf-a",
    "samsyn joint get sthlm-a --period 2025-W40 --revision 37",
    "samsyn joint explain sthlm-a sthlm-a/b/graffiti --period 2025-Q3",
    "samsyn joint export sthlm-a --period 2025-09 --revision 3 --format geojson --out f",
    "samsyn edition export e1 --format csv",
    "samsyn joint watch --area sthlm-a --cursor abc --count 3",
    "samsyn joint revisions sthlm-a",
    "samsyn edition list sthlm-a",
    "samsyn edition open sthlm-a --period 2025-09 --track strategic --due 2025-10-14",
    "samsyn edition lock e1 --analysis text --revision 40",
    "samsyn edition answer e1 --reserve text --as sthlm-trafikkontoret",
    "samsyn edition answer e1 --object text --dry-run",
    "samsyn edition release e1 --root 00",
    "samsyn edition show e1",
    "samsyn conflict settle 2025-09:a/b:severity --severity 3 --reason r",
    "samsyn conflict settle 2025-09:a/b:trend --trend up --reason r --revision 3",
    "samsyn conflict settle 2025-09:a/b:trend --both-stand --reason r",
    "samsyn conflict dissent a a/b --period 2025-09 --field trend --reason r",
    "samsyn message send --to 1/a --to 2/b --kind notice --subject s --body b --level 2",
    "samsyn message send --from 1/a --to 2/b --reply-to 3f9a01c2 --subject s --body-file - \
     --respond-by 2025-10-14 --precedence flash --valid 48",
    "samsyn message inbox --function 1/a --after 7 --open --wait 30",
    "samsyn message inbox --watch --count 2 --output json",
    "samsyn message read 3f9a01c2",
    "samsyn message ack 3f9a01c2 --as sdf-a",
    "samsyn message thread 3f9a01c2",
    "samsyn message track",
    "samsyn partner watch --cursor-file at --acknowledge",
    "samsyn partner poll --wait 30 --limit 10",
    "samsyn partner verify e1 --save e1.bin",
    "samsyn partner verify e1.bin --pin 00",
    "samsyn partner kit region-stockholm --out kit",
    "samsyn duties",
    "samsyn collisions kommunpolis --from 2025-10-01 --to 2025-11-01",
    "samsyn disclosures --receiver r --area a --from 2025-10-01",
    "samsyn disclosures holders sthlm-a W40-17 --party sdf-a --output json",
    "samsyn access explain place --area a --priority p",
    "samsyn registry show release-rows",
    "samsyn registry suspend a/b --reason r --as registrar",
    "samsyn registry export --to registry.toml",
    "samsyn registry plan --from registry.toml",
    "samsyn registry propose --from registry --reason r",
    "samsyn registry approve 71 --from registry.toml",
    "samsyn registry apply --from registry.toml --reason r",
    "samsyn registry apply --from registry.toml --plan",
    "samsyn registry withdraw 71",
    "samsyn registry lift a/b --reason r",
    "samsyn registry proposals --open",
    "samsyn registry release-row edit r --areas a,b --show place:district,time --live false \
     --valid-to 2026-01-01 --reason r",
    "samsyn registry release-row remove r --reason r",
    "samsyn registry agreement edit a --periods month,quarter --reason r",
    "samsyn registry key profiles/registrar/registry.key",
    "samsyn pki issue links --link --dns link.a.example",
    "samsyn pki issue links --link link-2 --ip 10.0.0.2",
    "samsyn link status b.example --output json",
    "samsyn link pause b.example",
    "samsyn invite --out a.invitation --endpoint link-2.a.example:7446",
    "samsyn accept b.invitation --fingerprint 0011-2233-4455-6677-8899-aabb-ccdd-eeff --ceiling 1 \
     --kinds notice,answer --organisation 2120000142 --reason r",
    "samsyn accept b.invitation --ceiling 0 --kinds notice --out registry/b.toml",
    "samsyn doctor --config gateway.toml",
    "samsyn doctor --as region-stockholm --output json",
    "samsyn completions elvish",
    "samsyn man --out man",
    "samsyn picture sthlm-a --versions",
    "samsyn joint get sthlm-a 2025-09 --valid-at 2025-09-12T21:00:00+02:00",
    "samsyn joint diff sthlm-a --period 2025-09 --from 3 --to 7",
];

#[test]
fn every_command_parses() {
    for line in LINES {
        assert!(parsed(line).is_ok(), "{line}: {}", parsed(line).unwrap_err());
    }
}

#[test]
fn what_does_not_hold_is_a_usage_error() {
    for (line, kind) in [
        ("samsyn", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("samsyn fly", ErrorKind::InvalidSubcommand),
        ("samsyn serve", ErrorKind::MissingRequiredArgument),
        ("samsyn joint get a --period 2025-13", ErrorKind::ValueValidation),
        ("samsyn joint get a 2025-09 --period 2025-09", ErrorKind::ArgumentConflict),
        ("samsyn whoami --role chef", ErrorKind::ValueValidation),
        ("samsyn whoami --output xml", ErrorKind::InvalidValue),
        ("samsyn pki issue pki", ErrorKind::MissingRequiredArgument),
        ("samsyn pki issue pki --service a --dns b", ErrorKind::ArgumentConflict),
        ("samsyn pki issue links --link --node 1", ErrorKind::ArgumentConflict),
        ("samsyn accept i --ceiling 1 --kinds notice", ErrorKind::MissingRequiredArgument),
        ("samsyn accept i --ceiling 1 --reason r", ErrorKind::MissingRequiredArgument),
        ("samsyn accept i --ceiling 4 --kinds notice --reason r", ErrorKind::ValueValidation),
        ("samsyn accept i --ceiling 1 --kinds gossip --reason r", ErrorKind::ValueValidation),
        (
            "samsyn accept i --ceiling 1 --kinds notice --reason r --fingerprint 00",
            ErrorKind::ValueValidation,
        ),
        (
            "samsyn accept i --ceiling 1 --kinds notice --reason r --out f",
            ErrorKind::ArgumentConflict,
        ),
        ("samsyn conflict settle c --reason r", ErrorKind::MissingRequiredArgument),
        ("samsyn conflict settle c --severity 6 --reason r", ErrorKind::ValueValidation),
        (
            "samsyn conflict settle c --severity 3 --trend up --reason r",
            ErrorKind::ArgumentConflict,
        ),
        ("samsyn edition answer e --reserve r --object o", ErrorKind::ArgumentConflict),
        ("samsyn edition lock e", ErrorKind::MissingRequiredArgument),
        (
            "samsyn edition open a --period 2025-09 --track slow --due 2025-10-14",
            ErrorKind::ValueValidation,
        ),
        ("samsyn import csv f.csv", ErrorKind::MissingRequiredArgument),
        ("samsyn import xlsx f.xlsx", ErrorKind::MissingRequiredArgument),
        ("samsyn import geojson f.geojson", ErrorKind::MissingRequiredArgument),
        ("samsyn import open311 r.json --dry-run --first 51", ErrorKind::ValueValidation),
        ("samsyn joint export a", ErrorKind::MissingRequiredArgument),
        ("samsyn joint export a --format pdf", ErrorKind::InvalidValue),
        ("samsyn partner poll --wait 31", ErrorKind::ValueValidation),
        ("samsyn message send --to a --subject s", ErrorKind::MissingRequiredArgument),
        ("samsyn message send --to a --kind letter --subject s", ErrorKind::InvalidValue),
        ("samsyn message send --kind notice --subject s", ErrorKind::MissingRequiredArgument),
        ("samsyn message inbox --watch --wait 3", ErrorKind::ArgumentConflict),
        ("samsyn message inbox --count 3", ErrorKind::MissingRequiredArgument),
        ("samsyn registry apply --from f", ErrorKind::MissingRequiredArgument),
        ("samsyn registry release-row edit r --live maybe --reason r", ErrorKind::InvalidValue),
    ] {
        assert_eq!(parsed(line).unwrap_err().kind(), kind, "{line}");
        let code = parsed(line).unwrap_err().exit_code();
        assert_eq!(code, 2, "{line}");
    }
}

#[test]
fn every_command_has_an_example_that_parses() {
    fn examples(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let own = help.lines().map(str::trim).filter(|line| line.starts_with("samsyn "));
        let own: Vec<String> = own.map(str::to_owned).collect();
        let children = command.get_subcommands().count();
        assert!(!own.is_empty() || children > 0, "{path} has no example");
        assert!(command.get_about().is_some(), "{path} does not say what it does");
        found.extend(own);
        for child in command.get_subcommands() {
            examples(child, &path, found);
        }
    }
    let mut found = Vec::new();
    examples(&Cli::command(), "", &mut found);
    assert!(found.len() > 30, "{}", found.len());
    for line in found.iter().filter(|line| !line.ends_with('\\')) {
        let words = split_as_shell(line);
        let parsed = Cli::try_parse_from(words);
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

/// Words with quotation marks taken off; what follows several blanks is a remark, and where the
/// output goes is the shell's matter.
fn split_as_shell(line: &str) -> Vec<String> {
    let line = line.split("       ").next().unwrap_or_default();
    let line = line.split(" > ").next().unwrap_or_default();
    let parts = line.split('"').enumerate();
    parts
        .flat_map(|(i, part)| match i % 2 {
            1 => vec![part.to_owned()],
            _ => part.split_whitespace().map(str::to_owned).collect(),
        })
        .collect()
}

#[test]
fn the_help_tells_the_exit_codes() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("4  what should be verified does not hold"), "{help}");
}
