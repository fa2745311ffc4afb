//! Under which key a row stands in the state store.
//!
//! Keys sort as rows are to be absorbed: heads that others rest on first, histories in the order
//! of their counters. So a state is restored by absorbing all values in the order of their keys,
//! and a row that replaces another has its key.

use prost::Message as _;
use samsyn_domain::{
    AreaId, DomainId, LabelClass, ServiceId, Timestamp,
    command::{Digest, IdempotencyKey, Upload},
    disclosure::{Acknowledged, ClassId, Denied},
    link::{DeliveryRef, EditionRef, FindingRef, GivenRef, PictureRef},
    row::{EditionRow, Row, Stage},
};
use sha2::{Digest as _, Sha256};

use super::{Stored as _, encode_row};

/// What a row does to the state store.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum RowWrite {
    /// It stands under its key from now on.
    Put {
        /// The key.
        key: Vec<u8>,
        /// The row, as [`read_row`](super::read_row) reads it.
        value: Vec<u8>,
    },
    /// Nothing stands under this key any more.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
}

impl std::fmt::Debug for RowWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Put { key, value } => {
                write!(f, "put {}, {} bytes", hex::encode(key), value.len())
            }
            Self::Delete { key } => write!(f, "delete {}", hex::encode(key)),
        }
    }
}

/// What a row does to the state store.
#[must_use]
pub(crate) fn write_of(row: &Row) -> RowWrite {
    let key = row_key(row);
    match row {
        Row::Forgotten(..)
        | Row::Lifted(_)
        | Row::Dropped(_)
        | Row::PartGone(..)
        | Row::Unqueued(..)
        | Row::Settled(..)
        | Row::Passed(..)
        | Row::Unquarantined(..)
        | Row::Unshared(..)
        | Row::PieceGone(..)
        | Row::ReceivedGone(_)
        | Row::FindingForgotten(..)
        | Row::StepPieceGone(..) => RowWrite::Delete { key },
        Row::LinkedEdition(edition) if edition.is_gone() => RowWrite::Delete { key },
        Row::Founded(_)
        | Row::Policy(_)
        | Row::Epoch(_)
        | Row::Stamp(_)
        | Row::Ticked(_)
        | Row::Suspended(_)
        | Row::Proposal(_)
        | Row::Revision(_)
        | Row::Version(_)
        | Row::Stage(_)
        | Row::Part(_)
        | Row::Stated(_)
        | Row::Dissented(_)
        | Row::Edition(_)
        | Row::Grant(_)
        | Row::Disclosure(_)
        | Row::Step(_)
        | Row::Acknowledged(_)
        | Row::Denied(_)
        | Row::Outcome(_)
        | Row::BackedUp(_)
        | Row::Restored(_)
        | Row::Message(_)
        | Row::Inboxed(_)
        | Row::Receipt(_)
        | Row::Link(_)
        | Row::Queued(_)
        | Row::Numbered(_)
        | Row::Arrived(_)
        | Row::Quarantined(_)
        | Row::Share(_)
        | Row::Shared(..)
        | Row::Piece(_)
        | Row::Outlet(_)
        | Row::Received(_)
        | Row::ReceivedFinding(_)
        | Row::StepPiece(_)
        | Row::LinkedEdition(_)
        | Row::Level(_) => RowWrite::Put { key, value: encode_row(row).encode_to_vec() },
    }
}

/// The key under which a row stands; for what is gone, the key of what stood there.
#[must_use]
pub(super) fn row_key(row: &Row) -> Vec<u8> {
    let key = match row {
        Row::Founded(_) => Key::of(Table::Founded),
        Row::Policy(_) => Key::of(Table::Policy),
        Row::Epoch(_) => Key::of(Table::Epoch),
        Row::Stamp(_) => Key::of(Table::Stamp),
        Row::Ticked(_) => Key::of(Table::Ticked),
        Row::Suspended(row) => Key::of(Table::Suspended).text(row.service.as_str()),
        Row::Lifted(service) => Key::of(Table::Suspended).text(service.as_str()),
        Row::Proposal(proposal) => Key::of(Table::Proposal).number(proposal.id.0),
        Row::Dropped(id) => Key::of(Table::Proposal).number(id.0),
        Row::Revision(row) => revised(Table::Revision, &row.area, row.revision),
        Row::Version(row) => Key::of(Table::Version)
            .text(row.party.as_str())
            .text(row.area.as_str())
            .number(row.version),
        Row::Stage(row) => stage_key(row),
        Row::Part(part) => part_key(&part.upload, part.number),
        Row::PartGone(upload, number) => part_key(upload, *number),
        Row::Stated(row) => revised(Table::Stated, row.statement.conflict.area(), row.revision),
        Row::Dissented(row) => revised(Table::Dissented, &row.finding.geography.area, row.revision),
        Row::Edition(edition) => Key::of(Table::Edition).text(edition.id.as_str()),
        Row::Grant(grant) => {
            Key::of(Table::Grant).class(&grant.class).bytes(&label_digest(&grant.label))
        }
        Row::Disclosure(row) => Key::of(Table::Disclosure).number(row.sequence),
        Row::Step(step) => {
            Key::of(Table::Step).class(&step.advance.class).number(step.advance.revision)
        }
        Row::Acknowledged(row) => acknowledged_key(row),
        Row::Denied(row) => denied_key(row),
        Row::Outcome(row) => outcome_key(&row.service, row.key),
        Row::Forgotten(service, key) => outcome_key(service, *key),
        Row::BackedUp(row) => Key::of(Table::BackedUp).number(row.position),
        Row::Restored(row) => Key::of(Table::Restored).number(row.number),
        Row::Message(row) => Key::of(Table::Message).bytes(row.id.digest()),
        Row::Inboxed(row) => Key::of(Table::Inboxed).text(row.function.as_str()).number(row.number),
        Row::Receipt(row) => {
            let key = Key::of(Table::Receipt).bytes(row.message.digest()).text(row.to.as_str());
            key.number(row.step.number().cast_unsigned())
        }
        Row::Link(link) => Key::of(Table::Link).text(link.peer.as_str()),
        Row::Queued(row) => linked(Table::Queued, &row.peer, 0, row.number),
        Row::Unqueued(peer, number) => linked(Table::Queued, peer, 0, *number),
        Row::Numbered(row) => linked(Table::Numbered, &row.peer, row.epoch, row.sequence),
        Row::Settled(peer, epoch, sequence) => linked(Table::Numbered, peer, *epoch, *sequence),
        Row::Arrived(row) => linked(Table::Arrived, &row.peer, row.epoch, row.sequence),
        Row::Passed(peer, epoch, sequence) => linked(Table::Arrived, peer, *epoch, *sequence),
        Row::Quarantined(row) => linked(Table::Quarantined, &row.peer, row.epoch, row.sequence),
        Row::Unquarantined(peer, epoch, n) => linked(Table::Quarantined, peer, *epoch, *n),
        Row::Share(row) => pictured(Table::Share, &row.of),
        Row::Shared(of, id, _) | Row::Unshared(of, id) => {
            pictured(Table::Shared, of).text(id.as_str())
        }
        Row::Piece(row) => pictured(Table::Piece, &row.of).number(row.number.into()),
        Row::PieceGone(of, number) => pictured(Table::Piece, of).number((*number).into()),
        Row::Outlet(row) => delivered(Table::Outlet, &row.of),
        Row::Received(row) => delivered(Table::Received, &row.of),
        Row::ReceivedGone(of) => delivered(Table::Received, of),
        Row::ReceivedFinding(row) => finding_key(&row.of, &row.key),
        Row::FindingForgotten(of, key) => finding_key(of, key),
        Row::StepPiece(row) => step_piece_key(&row.of, row.number),
        Row::StepPieceGone(of, number) => step_piece_key(of, *number),
        Row::LinkedEdition(row) => edition_row_key(row),
        Row::Level(_) => Key::of(Table::Level),
    };
    key.0
}

fn stage_key(row: &Stage) -> Key {
    let key = Key::of(Table::Stage).text(row.area.as_str()).number(row.revision);
    key.text(row.party.as_str()).text(row.id.as_str())
}

fn revised(table: Table, area: &AreaId, revision: u64) -> Key {
    Key::of(table).text(area.as_str()).number(revision)
}

fn acknowledged_key(row: &Acknowledged) -> Key {
    let key = Key::of(Table::Acknowledged).class(&row.class).text(row.service.as_str());
    key.number(row.revision)
}

fn denied_key(row: &Denied) -> Key {
    let key = Key::of(Table::Denied).time(row.at).text(row.service.as_str());
    key.text(&row.reason).text(&row.rule)
}

fn linked(table: Table, peer: &DomainId, epoch: u64, sequence: u64) -> Key {
    Key::of(table).text(peer.as_str()).number(epoch).number(sequence)
}

fn pictured(table: Table, of: &PictureRef) -> Key {
    Key::of(table).text(of.peer.as_str()).text(of.party.as_str()).text(of.area.as_str())
}

fn delivered(table: Table, of: &DeliveryRef) -> Key {
    Key::of(table).text(of.peer.as_str()).text(of.id.as_str())
}

fn step_piece_key(of: &DeliveryRef, number: u32) -> Key {
    delivered(Table::StepPiece, of).number(number.into())
}

fn edition_row_key(row: &EditionRow) -> Key {
    match row {
        EditionRow::Outlet(row) => edition_key(Table::EditionOutlet, &row.of),
        EditionRow::OutletGone(of) => edition_key(Table::EditionOutlet, of),
        EditionRow::Received(row) => edition_key(Table::ReceivedEdition, &row.of),
        EditionRow::Forgotten(of) => edition_key(Table::ReceivedEdition, of),
        EditionRow::Piece(row) => edition_piece_key(&row.of.of, row.number),
        EditionRow::PieceGone(of, number) => edition_piece_key(of, *number),
        EditionRow::Given(row) => given_key(&row.of),
        EditionRow::GivenForgotten(of) => given_key(of),
    }
}

fn edition_key(table: Table, of: &EditionRef) -> Key {
    delivered(table, &of.of).text(of.edition.as_str())
}

fn edition_piece_key(of: &DeliveryRef, number: u32) -> Key {
    delivered(Table::EditionPiece, of).number(number.into())
}

fn given_key(of: &GivenRef) -> Key {
    let GivenRef { peer, edition, party, role } = of;
    let key = Key::of(Table::GivenAnswer).text(peer.as_str()).text(edition.as_str());
    key.text(party.as_str()).text(role.as_str())
}

fn finding_key(of: &DeliveryRef, key: &FindingRef) -> Key {
    let FindingRef { area, period, id } = key;
    delivered(Table::ReceivedFinding, of).text(area.as_str()).text(&period.to_string()).text(id)
}

fn outcome_key(service: &ServiceId, key: IdempotencyKey) -> Key {
    Key::of(Table::Outcome).text(service.as_str()).bytes(&key.uuid().to_be_bytes())
}

fn part_key(upload: &Upload, number: u32) -> Key {
    let key = Key::of(Table::Part).text(upload.service.as_str());
    key.bytes(&upload.key.uuid().to_be_bytes()).number(number.into())
}

/// Labels are too long for a key.
fn label_digest(label: &LabelClass) -> Digest {
    Sha256::digest(label.encode().encode_to_vec()).into()
}

/// The first byte of a key; in the order in which tables are absorbed. The level says what the rest
/// means. A suspension needs the registry of the founding; a change of the registry that took
/// effect keeps who is suspended.
#[derive(Debug, Clone, Copy)]
enum Table {
    Level = 0x00,
    Founded = 0x01,
    Policy = 0x02,
    Epoch = 0x03,
    Stamp = 0x04,
    Ticked = 0x05,
    Suspended = 0x06,
    Proposal = 0x07,
    Restored = 0x08,
    Revision = 0x10,
    Version = 0x11,
    Stage = 0x12,
    Stated = 0x13,
    Dissented = 0x14,
    Edition = 0x20,
    Grant = 0x30,
    Disclosure = 0x31,
    Step = 0x32,
    Acknowledged = 0x33,
    Denied = 0x34,
    BackedUp = 0x35,
    Outcome = 0x40,
    Part = 0x41,
    Message = 0x50,
    Inboxed = 0x51,
    Receipt = 0x52,
    Link = 0x53,
    Queued = 0x54,
    Numbered = 0x55,
    Arrived = 0x56,
    Quarantined = 0x57,
    Share = 0x58,
    Shared = 0x59,
    Piece = 0x5a,
    Outlet = 0x5b,
    Received = 0x5c,
    ReceivedFinding = 0x5d,
    StepPiece = 0x5e,
    EditionOutlet = 0x5f,
    ReceivedEdition = 0x60,
    EditionPiece = 0x61,
    GivenAnswer = 0x62,
}

/// A key in the making. No key is the beginning of another, and keys sort by their parts.
struct Key(Vec<u8>);

impl Key {
    fn of(table: Table) -> Self {
        Self(vec![table as u8])
    }

    /// A text of any length: 0 ends it, so 0 and 1 within it stand as 1 1 and 1 2.
    fn text(mut self, text: &str) -> Self {
        for byte in text.bytes() {
            match byte {
                0 => self.0.extend([1, 1]),
                1 => self.0.extend([1, 2]),
                byte => self.0.push(byte),
            }
        }
        self.0.push(0);
        self
    }

    fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// A time; the sign bit is turned, so that times before 1970 come first.
    fn time(self, time: Timestamp) -> Self {
        const SIGN: u64 = 1 << 63;
        self.number(time.micros().cast_unsigned() ^ SIGN)
    }

    fn class(self, class: &ClassId) -> Self {
        self.bytes(class.digest())
    }

    /// Bytes of a fixed length.
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(class: u8, text: &str, number: u64, at: i64, last: &str) -> Vec<u8> {
        let key = Key::of(Table::Denied).class(&ClassId::of([class; 32])).text(text);
        key.number(number).time(Timestamp::from_micros(at)).text(last).0
    }

    #[test]
    fn numbers_times_and_texts_sort_by_value() {
        assert!(key(0, "", 255, 0, "") < key(0, "", 256, 0, ""));
        assert!(key(0, "", 0, -1, "") < key(0, "", 0, 0, ""));
        assert!(key(0, "", 0, 0, "") < key(0, "", 0, 1, ""));
        assert!(key(0, "a", 0, 0, "") < key(0, "a-b", 0, 0, ""));
        assert!(key(0, "a", u64::MAX, 0, "") < key(0, "a\0", 0, 0, ""));
    }

    proptest! {
        #[test]
        fn keys_sort_by_their_parts_and_none_begins_another(
            a in (0..2_u8, "[\0\u{1}\u{2}a]{0,3}", any::<u64>(), any::<i64>(), "[\0\u{1}a]{0,2}"),
            b in (0..2_u8, "[\0\u{1}\u{2}a]{0,3}", any::<u64>(), any::<i64>(), "[\0\u{1}a]{0,2}"),
        ) {
            let first = key(a.0, &a.1, a.2, a.3, &a.4);
            let second = key(b.0, &b.1, b.2, b.3, &b.4);
            prop_assert_eq!(first.cmp(&second), a.cmp(&b));
            prop_assert_eq!(first.starts_with(&second), a == b);
        }
    }
}
