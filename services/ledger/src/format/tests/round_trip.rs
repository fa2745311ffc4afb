use std::collections::BTreeSet;

use prost::Message as _;
use samsyn_domain::{command::Reply, registry::Registry};

use super::{examples, replies};
use crate::format::{
    RowWrite, Stored, decode_document, decode_row, decode_submission, encode_document, encode_row,
    encode_submission, key::row_key, log, read_row, write_of,
};

/// Rows after which nothing stands under their key.
const GONE: [&str; 17] = [
    "forgotten",
    "lifted",
    "dropped",
    "part_gone",
    "unqueued",
    "settled",
    "passed",
    "unquarantined",
    "unshared",
    "piece_gone",
    "received_gone",
    "finding_forgotten",
    "step_piece_gone",
    "edition_outlet_gone",
    "edition_forgotten",
    "edition_piece_gone",
    "given_answer_forgotten",
];

#[test]
fn every_command_comes_back_from_its_bytes() {
    let mut verbs = BTreeSet::new();
    for (verb, command) in examples::commands() {
        for full in [true, false] {
            let submission = examples::submission(command.clone(), full);
            let bytes = encode_submission(&submission).encode_to_vec();
            let message = log::Submission::decode(bytes.as_slice()).unwrap();
            assert!(decode_submission(message).unwrap() == submission, "{verb}");
        }
        verbs.insert(verb);
    }
    assert_eq!(verbs.len(), 30, "{verbs:?}");
}

#[test]
fn every_row_comes_back_from_its_bytes() {
    let mut names = BTreeSet::new();
    for (name, row) in examples::rows() {
        assert_eq!(decode_row(encode_row(&row)).unwrap(), row);
        let key = row_key(&row);
        match write_of(&row) {
            RowWrite::Put { key: put, value } => {
                assert_eq!((put, read_row(&value).unwrap()), (key, row));
            }
            RowWrite::Delete { key: deleted } => {
                assert_eq!(deleted, key);
                assert!(GONE.contains(&name), "{name}");
            }
        }
        names.insert(name);
    }
    assert_eq!(names.len(), 59, "{names:?}");
}

#[test]
fn every_reply_comes_back_from_its_bytes() {
    for reply in replies::all() {
        let bytes = Stored::encode(&reply).encode_to_vec();
        let message = log::Reply::decode(bytes.as_slice()).unwrap();
        assert_eq!(Reply::decode(message).unwrap(), reply);
    }
}

#[test]
fn a_registry_comes_back_with_every_field() {
    let document = examples::document();
    assert!(Registry::build(&document).is_ok());
    let bytes = encode_document(&document);
    assert_eq!(decode_document(&bytes, "f").unwrap(), document);
    assert_eq!(encode_document(&decode_document(&bytes, "f").unwrap()), bytes);
}
