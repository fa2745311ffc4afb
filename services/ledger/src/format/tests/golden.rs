//! A change of the format of what is stored shows as a diff:
//! `UPDATE=1 cargo test -p samsyn-ledger golden`.

use std::{collections::BTreeSet, env, fmt::Write as _, fs, path::Path};

use prost::Message as _;

use super::{examples, replies};
use crate::format::{Stored, encode_row, encode_submission, key::row_key};

const INTRODUCTION: &str = "\
# One encoded example of each command, reply and row, made by the format's tests. A line that
# changes is a change of what is on disk: nodes that run the earlier program cannot read it.
";

#[test]
fn what_is_on_disk_is_what_the_golden_file_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/log_bytes.txt");
    let made = made();
    if env::var("UPDATE").is_ok_and(|value| value == "1") {
        return fs::write(path, made).unwrap();
    }
    let kept = fs::read_to_string(path).unwrap();
    for (number, (kept, made)) in (1..).zip(kept.lines().zip(made.lines())) {
        let what: Vec<&str> = made.split(' ').take(2).collect();
        assert!(kept == made, "line {number}, {what:?}: review the change and set UPDATE=1");
    }
    assert_eq!(kept.lines().count(), made.lines().count(), "review the change and set UPDATE=1");
}

fn made() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut seen = BTreeSet::new();
    for (verb, command) in examples::commands() {
        // The first of each verb has every field set.
        let submission = examples::submission(command, seen.insert(verb));
        let bytes = hex::encode(encode_submission(&submission).encode_to_vec());
        writeln!(text, "command {verb} {bytes}").unwrap();
    }
    for reply in replies::all() {
        writeln!(text, "reply {}", hex::encode(Stored::encode(&reply).encode_to_vec())).unwrap();
    }
    for (name, row) in examples::rows() {
        let (key, value) = (row_key(&row), encode_row(&row).encode_to_vec());
        writeln!(text, "row {name} {} {}", hex::encode(key), hex::encode(value)).unwrap();
    }
    text
}
