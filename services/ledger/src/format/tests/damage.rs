use proptest::prelude::*;
use prost::Message as _;
use samsyn_domain::command::Reply;

use super::examples;
use crate::format::{
    Damaged, Stored as _, decode_submission, encode_row, encode_submission, log, read_row,
};

fn entry_field(change: impl FnOnce(&mut log::Submission)) -> Damaged {
    let (_, command) = examples::commands().into_iter().next().unwrap();
    let mut message = encode_submission(&examples::submission(command, true));
    change(&mut message);
    decode_submission(message).unwrap_err()
}

fn publish(message: &mut log::Submission) -> &mut log::Publish {
    match message.command.as_mut() {
        Some(log::submission::Command::Publish(publish)) => publish,
        other => panic!("{other:?}"),
    }
}

fn content(message: &mut log::Submission) -> &mut log::Content {
    publish(message).upserts[0].content.as_mut().unwrap()
}

#[test]
fn a_damaged_field_is_named() {
    let missing = Damaged::Missing;
    let invalid = Damaged::Invalid;
    assert_eq!(entry_field(|m| m.actor = None), missing("submission.actor"));
    assert_eq!(entry_field(|m| m.command = None), missing("submission.command"));
    let once = |m: &mut log::Submission| m.once.as_mut().unwrap().key[6] = 0x40;
    assert_eq!(entry_field(once), invalid("once.key"));
    let short = |m: &mut log::Submission| m.once.as_mut().unwrap().body.truncate(31);
    assert_eq!(entry_field(short), invalid("once.body"));
    assert_eq!(entry_field(|m| publish(m).area.clear()), invalid("publish.area"));
    assert_eq!(entry_field(|m| publish(m).withdrawn[0].push(' ')), invalid("publish.withdrawn"));
    assert_eq!(entry_field(|m| content(m).kind = 0), invalid("content.kind"));
    assert_eq!(entry_field(|m| content(m).trend = Some(0)), invalid("content.trend"));
    assert_eq!(entry_field(|m| content(m).severity = Some(6)), invalid("content.severity"));
    let letter = |m: &mut log::Submission| content(m).reliability = Some("G".into());
    assert_eq!(entry_field(letter), invalid("content.reliability"));
    assert_eq!(entry_field(|m| content(m).credibility = Some(0)), invalid("content.credibility"));
    assert_eq!(entry_field(|m| content(m).labels = None), missing("content.labels"));
    let level = |m: &mut log::Submission| content(m).labels.as_mut().unwrap().level = 4;
    assert_eq!(entry_field(level), invalid("labels.level"));
    assert_eq!(Reply::decode(log::Reply::default()).unwrap_err(), missing("reply.kind"));
    assert_eq!(read_row(&[]).unwrap_err(), missing("row.kind"));
    assert_eq!(read_row(&[0xff]).unwrap_err(), Damaged::Unreadable("row"));
}

#[test]
fn a_founding_without_a_registry_is_damaged() {
    for (name, row) in examples::rows() {
        let mut message = encode_row(&row);
        if let Some(log::row::Kind::Founded(founded)) = message.kind.as_mut() {
            founded.document.clear();
            let refused = read_row(&message.encode_to_vec()).unwrap_err();
            assert_eq!((name, refused), ("founded", Damaged::Invalid("founded.document")));
        }
    }
}

#[test]
fn the_message_says_what_to_do_and_nothing_of_the_content() {
    let damaged = entry_field(|m| publish(m).party = "Skärholmen".into());
    let message = damaged.to_string();
    assert!(message.contains("`publish.party`"), "{message}");
    assert!(message.contains("restore this node from a snapshot or another node"), "{message}");
    assert!(!message.contains("Skärholmen"), "{message}");
}

proptest! {
    /// What is read in spite of damage is written and read again as the same.
    #[test]
    fn damaged_bytes_are_refused_or_read_as_one_thing(
        example in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let rows = examples::rows();
        let (_, row) = example.get(&rows);
        let mut bytes = encode_row(row).encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(read) = read_row(&bytes) {
            let again = read_row(&encode_row(&read).encode_to_vec());
            prop_assert_eq!(again, Ok(read));
        }
    }
}
