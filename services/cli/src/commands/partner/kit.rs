//! `samsyn partner kit`: a folder with what a new partner needs to begin.

use std::{
    fs,
    path::{Path, PathBuf},
};

use samsyn_client::Reason;
use serde_json::json;

use crate::{failure::Failure, names, output, session::Globals};

/// Public files, as they are in the release.
const FILES: [(&str, &str); 12] = [
    ("partner.py", include_str!("kit/partner.py")),
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
    ("proto/samsyn/v1/picture.proto", include_str!("../../../../../proto/samsyn/v1/picture.proto")),
    ("proto/samsyn/v1/rules.proto", include_str!("../../../../../proto/samsyn/v1/rules.proto")),
    ("requirements.txt", "grpcio\ngrpcio-tools\n"),
];
const README: &str = include_str!("kit/README.md");

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
    let readme = README
        .replace("{name}", &args.name)
        .replace("{trust_domain}", &trust_domain)
        .replace("{endpoint}", &profile.endpoint)
        .replace("{descriptor}", &profile.descriptor);
    let own = [("README.md", readme.as_str()), ("ca.pem", profile.ca_pem.as_str())];
    let public = own.into_iter().chain(FILES);
    let public = public.map(|(name, text)| (name.to_owned(), text.to_owned())).chain(errors());
    let mut written = Vec::new();
    for (name, text) in public {
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
    fn the_readme_has_no_word_left_to_fill_in() {
        let filled = README
            .replace("{name}", "n")
            .replace("{trust_domain}", "t")
            .replace("{endpoint}", "e")
            .replace("{descriptor}", "d");
        for word in ["{name}", "{trust_domain}", "{endpoint}", "{descriptor}"] {
            assert!(README.contains(word) && !filled.contains(word), "{word}");
        }
        assert_eq!(trust_domain_of("region-stockholm"), "region-stockholm.example");
        assert_eq!(trust_domain_of("nobody"), "YOUR-TRUST-DOMAIN");
    }
}
