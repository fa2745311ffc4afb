use super::*;
use crate::{platter::Platter, several::dice::Dice};

fn unit() -> UnitKey {
    UnitKey::named("sdf|a|2025-09")
}

fn secret(note: &str) -> Secret {
    Secret { note: Some(note.to_owned()), coordinates: Coordinates::on_globe(1, -2) }
}

#[test]
fn what_is_sealed_opens_again_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    let sealed = keys.seal_secret(&unit(), "1", &secret("mörkt")).unwrap().unwrap();
    let again = Keys::open(dir.path()).unwrap();
    assert_eq!(again.open_secret(&sealed), Some(secret("mörkt")));
    assert_eq!(again.identity(), keys.identity());
}

#[test]
fn equal_content_of_one_object_gives_equal_bytes_and_of_another_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    let seal = |object, note| keys.seal_secret(&unit(), object, &secret(note)).unwrap();
    assert_eq!(seal("1", "a"), seal("1", "a"));
    assert_ne!(seal("1", "a"), seal("2", "a"));
    assert_ne!(seal("1", "a"), seal("1", "b"));
}

#[test]
fn without_its_key_or_with_a_byte_changed_nothing_opens() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    let sealed = keys.seal_secret(&unit(), "1", &secret("a")).unwrap().unwrap();
    let other = tempfile::tempdir().unwrap();
    assert_eq!(Keys::open(other.path()).unwrap().open_secret(&sealed), None);
    for i in 0..sealed.bytes.len() {
        let mut bytes = sealed.bytes.to_vec();
        bytes[i] ^= 1;
        let changed = Sealed { key: unit(), bytes: bytes.into() };
        assert_eq!(keys.open_secret(&changed), None, "byte {i}");
    }
}

#[test]
fn a_key_that_could_not_be_made_durable_seals_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::open(dir.path()).unwrap();
    // Where the new file would be written stands a directory.
    fs::create_dir(dir.path().join("keys.new")).unwrap();
    keys.seal_secret(&unit(), "1", &secret("a")).unwrap_err();
    assert_eq!(keys.known_unit(&unit()), None, "a later entry would be sealed under it");
    fs::remove_dir(dir.path().join("keys.new")).unwrap();
    let sealed = keys.seal_secret(&unit(), "1", &secret("a")).unwrap().unwrap();
    assert_eq!(Keys::open(dir.path()).unwrap().open_secret(&sealed), Some(secret("a")));
}

#[test]
fn a_key_that_a_killed_process_left_is_durable_before_anything_is_sealed_under_it() {
    for seed in 1..20 {
        let dir = tempfile::tempdir().unwrap();
        let disk = Platter::watch(dir.path());
        let keys = Keys::open(dir.path()).unwrap();
        // The new file has its name, and the process is killed before that is durable.
        let mut document = keys.document.read().unwrap().clone();
        document.units.insert(unit().as_str().to_owned(), fresh().unwrap());
        let new = dir.path().join("keys.new");
        fs::write(&new, text(&document).unwrap()).unwrap();
        disk::sync_file(&File::open(&new).unwrap(), &new).unwrap();
        crate::platter::rename(&new, &dir.path().join(FILE)).unwrap();
        disk.restore(disk.killed());

        let keys = Keys::open(dir.path()).unwrap();
        let sealed = keys.seal_secret(&unit(), "1", &secret("a")).unwrap().unwrap();
        disk.restore(disk.powerless(&mut Dice::of(seed, 0)));
        let keys = Keys::open(dir.path()).unwrap();
        assert_eq!(keys.open_secret(&sealed), Some(secret("a")), "seed {seed}");
    }
}

#[test]
fn a_missing_key_file_beside_a_log_is_not_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("log")).unwrap();
    fs::write(dir.path().join("log/chunk"), "x").unwrap();
    let error = Keys::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("restore it"), "{error}");
    assert!(!dir.path().join("keys.json").exists(), "it would be taken for the right one");
}

#[test]
fn a_damaged_key_file_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(Keys::open(dir.path()).unwrap());
    let path = dir.path().join("keys.json");
    fs::write(&path, "{").unwrap();
    let error = Keys::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("keys.json"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{");
}
