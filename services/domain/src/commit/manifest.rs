//! Release manifests: what the gateway gave to a release class, signed by the domain.

use std::collections::BTreeMap;

use super::Error;
use super::canonical::{Message, Value};
use super::hash::{Digest, TAG_MANIFEST, hash};
use super::position::Mask;
use super::reader::Fields;
use super::tree::Slot;

const EDITION: u16 = 1;
const ROUND: u16 = 2;
const CONTENT_ROOT: u16 = 3;
const CLASS: u16 = 4;
const SEQUENCE: u16 = 5;
const OPENED: u16 = 6;

const OPENED_SLOT: u16 = 1;
const OPENED_MASK: u16 = 2;

/// Which positions of which slots a release class may open in an edition.
///
/// It binds the gateway to what it sent: a proof that opens anything else is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The edition (*utgåva*).
    pub edition: String,
    /// The round that was endorsed.
    pub round: u32,
    /// The content root that was endorsed.
    pub content_root: Digest,
    /// Digest of the release class: of the receiver's rights and scope.
    pub class: Digest,
    /// The manifest's number among those of the class, so that an older one is known as such.
    pub sequence: u64,
    /// The opened positions by slot; each mask is one that [`Mask::is_openable`].
    pub opened: BTreeMap<Slot, Mask>,
}

impl Manifest {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a mask cannot be opened, the sequence exceeds 2⁶³ − 1, or the text is not NFC.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let sequence = i64::try_from(self.sequence).map_err(|_| Error::OutOfRange(SEQUENCE))?;
        let mut opened = Vec::with_capacity(self.opened.len());
        for (slot, mask) in &self.opened {
            if !mask.is_openable() {
                return Err(Error::OutOfRange(OPENED_MASK));
            }
            let fields = Message::new().with(OPENED_SLOT, slot.0).with(OPENED_MASK, mask.bits());
            opened.push(Value::Message(fields));
        }
        Message::new()
            .with(EDITION, self.edition.as_str())
            .with(ROUND, self.round)
            .with(CONTENT_ROOT, self.content_root.0.as_slice())
            .with(CLASS, self.class.0.as_slice())
            .with(SEQUENCE, sequence)
            .with(OPENED, Value::List(opened))
            .encode()
    }

    /// The manifest that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        let edition = fields.take_text(EDITION)?;
        let round = fields.take_integer(ROUND)?;
        let content_root = Digest(fields.take_array(CONTENT_ROOT)?);
        let class = Digest(fields.take_array(CLASS)?);
        let sequence = fields.take_integer(SEQUENCE)?;
        let mut opened = BTreeMap::new();
        for entry in fields.take_messages(OPENED)? {
            let mut fields = Fields::of(entry);
            let slot = Slot(fields.take_integer(OPENED_SLOT)?);
            let mask = Mask::from_bits(fields.take_integer(OPENED_MASK)?);
            fields.finish()?;
            if !mask.is_openable() {
                return Err(Error::OutOfRange(OPENED_MASK));
            }
            if opened.last_key_value().is_some_and(|(last, _)| *last >= slot) {
                return Err(Error::SetOrder);
            }
            opened.insert(slot, mask);
        }
        fields.finish()?;
        Ok(Self { edition, round, content_root, class, sequence, opened })
    }

    /// What the log keeps of a manifest: `H(0x03 ‖ canonical bytes)`.
    ///
    /// # Errors
    /// As [`Manifest::encode`].
    pub fn digest(&self) -> Result<Digest, Error> {
        Ok(hash(&[&[TAG_MANIFEST], &self.encode()?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest() -> Manifest {
        Manifest {
            edition: "farsta/2025-W40/operative".into(),
            round: 2,
            content_root: Digest([1; 32]),
            class: Digest([2; 32]),
            sequence: 7,
            opened: BTreeMap::from([
                (Slot(3), Mask::from_bits(1)),
                (Slot(9), Mask::from_bits(0x11)),
            ]),
        }
    }

    proptest! {
        #[test]
        fn manifests_come_back_as_they_were(
            slots in proptest::collection::btree_set(any::<u32>(), 0..20),
            sequence in 0..=i64::MAX as u64,
        ) {
            let opened = slots.into_iter().map(|slot| (Slot(slot), Mask::from_bits(1))).collect();
            let made = Manifest { sequence, opened, ..manifest() };
            prop_assert_eq!(Manifest::decode(&made.encode().unwrap()), Ok(made));
        }
    }

    #[test]
    fn a_full_tree_of_the_default_depth_fits_in_one_manifest() {
        let opened = (0..32_768).map(|slot| (Slot(slot * 2), Mask::from_bits(1))).collect();
        let made = Manifest { opened, ..manifest() };
        assert_eq!(Manifest::decode(&made.encode().unwrap()), Ok(made));
    }

    #[test]
    fn slots_out_of_order_and_masks_that_cannot_be_opened_are_refused() {
        let good = Message::decode(&manifest().encode().unwrap()).unwrap();
        let entry = |slot: i64, mask: i64| {
            Value::Message(Message::new().with(OPENED_SLOT, slot).with(OPENED_MASK, mask))
        };
        for (entries, error) in [
            (vec![entry(9, 1), entry(3, 1)], Error::SetOrder),
            (vec![entry(3, 1), entry(3, 0x11)], Error::SetOrder),
            (vec![entry(3, 0)], Error::OutOfRange(OPENED_MASK)),
            (vec![entry(3, 1 << 32)], Error::OutOfRange(OPENED_MASK)),
            (vec![entry(-1, 1)], Error::OutOfRange(OPENED_SLOT)),
        ] {
            let message = good.clone().with(OPENED, Value::List(entries));
            assert_eq!(Manifest::decode(&message.encode().unwrap()), Err(error));
        }
    }
}
