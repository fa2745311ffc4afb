//! `samsyn partner kit`: a folder with what a new partner needs to begin.

use std::{
    fs,
    path::{Path, PathBuf},
};

use samsyn_client::Reason;
use serde_json::json;

use crate::{failure::Failure, names, output, session::Globals};

/// Public files, as they are in the release.
const FILES: [(&str, &str); 22] = [
    ("contract.py", include_str!("../../../kit/contract.py")),
    ("python/partner.py", include_str!("../../../kit/python/partner.py")),
    ("python/requirements.txt", include_str!("../../../kit/python/requirements.txt")),
    ("python/verify.py", include_str!("../../../../../tests/interop/verify.py")),
    ("python/canonical.py", include_str!("../../../../../tests/interop/canonical.py")),
    ("python/forms.py", include_str!("../../../../../tests/interop/forms.py")),
    ("python/trees.py", include_str!("../../../../../tests/interop/trees.py")),
    ("java/pom.xml", include_str!("../../../kit/java/pom.xml")),
    (
        "java/src/main/java/partner/Partner.java",
        include_str!("../../../kit/java/src/main/java/partner/Partner.java"),
    ),
    ("dotnet/partner.csproj", include_str!("../../../kit/dotnet/partner.csproj")),
    ("dotnet/Program.cs", include_str!("../../../kit/dotnet/Program.cs")),
    ("protocol.md", include_str!("../../../../../docs/protocol.md")),
    ("vectors/commitments.json", include_str!("../../../../../tests/vectors/commitments.json")),
    ("proto/samsyn/v1/access.proto", include_str!("../../../../../proto/samsyn/v1/access.proto")),
    ("proto/samsyn/v1/common.proto", include_str!("../../../../../proto/samsyn/v1/common.proto")),
    ("proto/samsyn/v1/edition.proto", include_str!("../../../../../proto/samsyn/v1/edition.proto")),
    ("proto/samsyn/v1/event.proto", include_str!("../../../../../proto/samsyn/v1/event.proto")),
    ("proto/samsyn/v1/finding.proto", include_str!("../../../../../proto/samsyn/v1/finding.proto")),
    (
        "proto/samsyn/v1/joint_picture.proto",
        include_str!("../../../../../proto/samsyn/v1/joint_picture.proto"),
    ),
    ("proto/samsyn/v1/message.proto", include_str!("../../../../../proto/samsyn/v1/message.proto")),
    ("proto/samsyn/v1/picture.proto", include_str!("../../../../../proto/samsyn/v1/picture.proto")),
    ("proto/samsyn/v1/rules.proto", include_str!("../../../../../proto/samsyn/v1/rules.proto")),
];
/// Words in braces are filled in for the partner.
const GUIDES: [(&str, &str); 2] = [
    ("README.md", include_str!("../../../kit/README.md")),
    ("README.sv.md", include_str!("../../../kit/README.sv.md")),
];

/// Writes what a new partner needs to begin.
///
/// Nothing in it is secret: the partner makes its own key and keeps it. The authority, the address
/// and the pinned descriptor are those of the profile.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  samsyn partner kit region-stockholm --out kit --as registrar")]
pub(in crate::commands) struct Kit {
    /// The partner's service, as it is registered.
    name: String,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The partner's trust domain [default: as in the registry that is shipped].
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
}

pub(super) fn run(globals: &Globals, args: Kit) -> Result<(), Failure> {
    let profile = globals.profile()?;
    if args.out.exists() {
        let out = args.out.display();
        return Err(Failure::Local(format!("`{out}` is there already; choose another folder")));
    }
    let trust_domain = args.trust_domain.unwrap_or_else(|| trust_domain_of(&args.name));
    let words = [
        ("{name}", args.name.as_str()),
        ("{trust_domain}", &trust_domain),
        ("{endpoint}", &profile.endpoint),
        ("{descriptor}", &profile.descriptor),
    ];
    let guides = GUIDES.map(|(name, text)| (name.to_owned(), filled(text, words)));
    let public = FILES.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let own = ("ca.pem".to_owned(), profile.ca_pem);
    let mut written = Vec::new();
    for (name, text) in guides.into_iter().chain([own]).chain(public).chain(errors()) {
        let file = args.out.join(name);
        write(&file, &text).map_err(|why| Failure::file("write", &file, &why))?;
        written.push(file.display().to_string());
    }
    globals.show(
        || json!({ "files": written }),
        || {
            output::pairs([
                ("wrote", format!("{} files to {}", written.len(), args.out.display())),
                ("begin with", args.out.join("README.md").display().to_string()),
            ])
        },
    )
}

fn filled(text: &str, words: [(&str, &str); 4]) -> String {
    words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
}

/// The list of errors, and a page for each.
fn errors() -> impl Iterator<Item = (String, String)> {
    let page = |reason: &Reason| (format!("errors/{reason}.md"), reason.page());
    let list = ("errors.md".to_owned(), Reason::index());
    std::iter::once(list).chain(Reason::ALL.iter().map(page))
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, text)
}

/// The trust domain of the organisation of that name; else a word to fill in.
fn trust_domain_of(name: &str) -> String {
    let registry = names::registry(None).unwrap_or_default();
    let own = registry.organisations().find(|organisation| organisation.id.as_str() == name);
    own.map_or_else(|| "YOUR-TRUST-DOMAIN".into(), |own| own.trust_domain.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_proto_file_that_another_imports_is_in_the_kit() {
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        let protos = FILES.iter().filter(|(name, _)| name.ends_with(".proto"));
        for (name, text) in protos {
            let imports = text.lines().filter_map(|line| line.strip_prefix("import \"samsyn/"));
            for import in imports {
                let import = format!("proto/samsyn/{}", import.trim_end_matches("\";"));
                assert!(names.contains(&import.as_str()), "{name}: {import}");
            }
        }
        let there = fs::read_dir("../../proto/samsyn/v1").unwrap().count();
        assert_eq!(names.iter().filter(|name| name.ends_with(".proto")).count(), there);
    }

    #[test]
    fn the_guides_have_no_word_left_to_fill_in_and_name_files_that_are_there() {
        let words =
            [("{name}", "n"), ("{trust_domain}", "t"), ("{endpoint}", "e"), ("{descriptor}", "d")];
        for (guide, text) in GUIDES {
            let filled = filled(text, words);
            assert!(!filled.contains('{') && !filled.contains('}'), "{guide}: {filled}");
            let rows = filled.lines().filter(|line| line.starts_with("| `"));
            let names = rows.flat_map(|row| row.split('`').skip(1).step_by(2).take(3));
            for name in names.filter(|name| *name != "samsyn.v1") {
                let there = ["ca.pem", "errors.md", "errors/"].contains(&name)
                    || FILES.iter().any(|(file, _)| file.starts_with(name));
                assert!(there, "{guide}: `{name}`");
            }
        }
    }

    #[test]
    fn a_partner_that_is_not_registered_fills_in_its_trust_domain() {
        assert_eq!(trust_domain_of("region-stockholm"), "region-stockholm.example");
        assert_eq!(trust_domain_of("nobody"), "YOUR-TRUST-DOMAIN");
    }

    #[test]
    fn every_module_that_a_sample_in_python_imports_is_in_the_kit() {
        let ours = ["verify", "canonical", "forms", "trees", "partner", "contract"];
        let scripts = FILES.iter().filter(|(name, _)| name.ends_with(".py"));
        for (name, text) in scripts {
            for line in text.lines().map(str::trim) {
                let Some(rest) =
                    line.strip_prefix("import ").or_else(|| line.strip_prefix("from "))
                else {
                    continue;
                };
                let module = rest.split([' ', ',', '.']).next().unwrap();
                let file = format!("python/{module}.py");
                let there = FILES.iter().any(|(name, _)| *name == file);
                assert_eq!(ours.contains(&module), there, "{name}: {module}");
            }
        }
    }
}
