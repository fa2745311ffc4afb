//! Which client profile a command uses: a folder `NAME` under the folder of profiles.

use std::{
    fs,
    path::{Path, PathBuf},
};

use samsyn_client::Profile;

use crate::failure::Failure;

/// The environment variable with the folder of profiles.
pub(crate) const ENVIRONMENT: &str = "SAMSYN_PROFILES";
/// The file in the folder for temporary files in which a running demo leaves its profiles' path.
pub(crate) const POINTER: &str = "samsyn-demo-profiles";

/// Where profiles are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    /// As the command line says.
    pub(crate) flag: Option<PathBuf>,
    /// As the environment says.
    pub(crate) environment: Option<PathBuf>,
    /// The folder for temporary files.
    pub(crate) temporary: PathBuf,
}

impl Places {
    /// With what the process's environment says.
    pub(crate) fn of_process(flag: Option<PathBuf>) -> Self {
        let environment = std::env::var_os(ENVIRONMENT).filter(|value| !value.is_empty());
        Self { flag, environment: environment.map(PathBuf::from), temporary: std::env::temp_dir() }
    }

    /// The folder of profiles: of the flag, else of the environment, else of a running demo.
    ///
    /// # Errors
    /// When nothing names one.
    pub(crate) fn folder(&self) -> Result<PathBuf, Failure> {
        if let Some(dir) = self.flag.as_ref().or(self.environment.as_ref()) {
            return Ok(dir.clone());
        }
        let pointer = self.temporary.join(POINTER);
        let text = fs::read_to_string(&pointer).map_err(|_| {
            let wanted = "no folder of profiles is named and no demo is running";
            Failure::Local(format!(
                "{wanted}; give `--profiles DIR`, set {ENVIRONMENT}, or run `samsyn demo`"
            ))
        })?;
        let dir = PathBuf::from(text.trim());
        if dir.is_dir() {
            return Ok(dir);
        }
        let (pointer, dir) = (pointer.display(), dir.display());
        Err(Failure::Local(format!(
            "`{pointer}` points to `{dir}`, which is gone; run `samsyn demo` again or give \
             `--profiles DIR`"
        )))
    }

    /// Loads a profile by its name. Without a name, the folder must hold exactly one.
    ///
    /// # Errors
    /// When there is none of that name, or it does not hold.
    pub(crate) fn load(&self, name: Option<&str>) -> Result<Profile, Failure> {
        let folder = self.folder()?;
        let names = names(&folder)?;
        let listed = || names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        let name = match (name, names.as_slice()) {
            (Some(name), _) if names.iter().any(|own| own == name) => name,
            (Some(name), _) => {
                let (folder, there) = (folder.display(), listed());
                return Err(Failure::Local(format!(
                    "`{folder}` has no profile `{name}`; there are {there}"
                )));
            }
            (None, [only]) => only,
            (None, _) => {
                let there = listed();
                return Err(Failure::Usage(format!("say as whom: `--as` one of {there}")));
            }
        };
        Ok(Profile::load(&folder.join(name))?)
    }
}

/// The profiles in a folder, by name.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |why: std::io::Error| Failure::file("read", folder, &why);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().join("profile.toml").is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            names.push(name);
        }
    }
    if names.is_empty() {
        let folder = folder.display();
        let wanted = "folders with a `profile.toml`";
        return Err(Failure::Local(format!("`{folder}` holds no profiles: no {wanted} in it")));
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(dir: &Path, name: &str) {
        let profile = Profile {
            endpoint: format!("https://{name}:1"),
            others: Vec::new(),
            ca_pem: String::new(),
            certificate_pem: String::new(),
            key_pem: String::new(),
            purpose: String::new(),
            legal_basis: String::new(),
            weighing_ref: String::new(),
            party: String::new(),
            function: String::new(),
            descriptor: String::new(),
            endorsement_keys: std::collections::BTreeMap::new(),
            registry_key: None,
            publisher_key: None,
        };
        profile.save(&dir.join(name)).unwrap();
    }

    fn places(temporary: &Path) -> Places {
        Places { flag: None, environment: None, temporary: temporary.to_owned() }
    }

    #[test]
    fn the_flag_goes_before_the_environment_and_that_before_a_running_demo() {
        let dir = tempfile::tempdir().unwrap();
        for (folder, name) in [("flag", "f"), ("environment", "e"), ("demo", "d")] {
            profile(&dir.path().join(folder), name);
        }
        let demo = dir.path().join("demo");
        fs::write(dir.path().join(POINTER), format!("{}\n", demo.display())).unwrap();
        let of_demo = places(dir.path());
        let environment = Some(dir.path().join("environment"));
        let of_environment = Places { environment, ..of_demo.clone() };
        let flag = Some(dir.path().join("flag"));
        let of_flag = Places { flag, ..of_environment.clone() };
        for (places, name) in [(of_flag, "f"), (of_environment, "e"), (of_demo, "d")] {
            assert_eq!(places.load(None).unwrap().endpoint, format!("https://{name}:1"));
        }
    }

    #[test]
    fn without_any_folder_the_message_says_what_to_give() {
        let dir = tempfile::tempdir().unwrap();
        let failure = places(dir.path()).load(Some("x")).unwrap_err();
        assert_eq!(failure.number(), 5);
        assert!(failure.to_string().contains("--profiles DIR"), "{failure}");
    }

    #[test]
    fn a_stale_pointer_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(POINTER), "/nowhere/at/all").unwrap();
        let failure = places(dir.path()).load(Some("x")).unwrap_err().to_string();
        assert!(
            failure.contains("/nowhere/at/all") && failure.contains("samsyn demo"),
            "{failure}"
        );
    }

    #[test]
    fn an_unknown_name_and_a_missing_one_list_what_there_is() {
        let dir = tempfile::tempdir().unwrap();
        profile(dir.path(), "b");
        profile(dir.path(), "a");
        let places = Places { flag: Some(dir.path().into()), ..places(dir.path()) };
        let unknown = places.load(Some("c")).unwrap_err();
        assert!(unknown.to_string().ends_with("there are `a`, `b`"), "{unknown}");
        let missing = places.load(None).unwrap_err();
        assert_eq!(missing.number(), 2);
        assert!(missing.to_string().contains("`a`, `b`"), "{missing}");
        assert!(places.load(Some("a")).is_ok());
    }
}
