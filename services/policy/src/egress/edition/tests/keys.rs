//! The keys of the small world.

use std::sync::atomic::{AtomicUsize, Ordering};

use samsyn_domain::{
    Coordinates, Sealed, Secret, UnitKey,
    command::Digest,
    commit::{canonical::Message, dsse::Signature, hash, object::ReferenceKey, reader::Fields},
    row::Stage,
};

use super::world::{RELEASE, sign};
use crate::Known;

/// Keys that seal by name only: what is under test is what leaves, not the cipher.
#[derive(Debug)]
pub(super) struct Keys {
    reference: ReferenceKey,
    /// How often an object's id was made.
    named: AtomicUsize,
    /// The key of the one unit; none once it is destroyed.
    pub(super) unit: Option<[u8; 32]>,
}

impl Keys {
    pub(super) fn new() -> Self {
        let (named, unit) = (AtomicUsize::new(0), Some([3; 32]));
        Self { reference: ReferenceKey::new([4; 32]), named, unit }
    }

    /// How many objects of content were made.
    pub(super) fn made(&self) -> usize {
        self.named.load(Ordering::Relaxed)
    }

    pub(super) fn seal(message: &Message) -> Sealed {
        Sealed { key: UnitKey::named("unit"), bytes: message.encode().unwrap().into() }
    }

    pub(super) fn seal_secret(note: Option<&str>, at: Option<(i32, i32)>) -> Sealed {
        let message = Message::new()
            .with_opt(1, note)
            .with_opt(2, at.map(|at| i64::from(at.0)))
            .with_opt(3, at.map(|at| i64::from(at.1)));
        Self::seal(&message)
    }
}

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let (party, area) = (stage.party.as_str(), stage.area.as_str());
        let kind = stage.form().into();
        *self.reference.object_id(kind, party, area, stage.id.as_str()).unwrap().as_bytes()
    }

    fn open(&self, sealed: &Sealed) -> Option<Secret> {
        let mut fields = Fields::of(self.open_message(sealed)?);
        let note = fields.take_opt_text(1).unwrap();
        let number = |number: Option<i64>| number.map(|number| i32::try_from(number).unwrap());
        let lat = number(fields.take_opt_i64(2).unwrap());
        let lon = number(fields.take_opt_i64(3).unwrap());
        let coordinates = lat.zip(lon);
        Some(Secret {
            note,
            coordinates: coordinates.map(|(lat_e7, lon_e7)| Coordinates { lat_e7, lon_e7 }),
        })
    }

    fn digest(&self, shown: &[u8]) -> Digest {
        hash::hash(&[shown]).0
    }

    fn reference_key(&self) -> &ReferenceKey {
        self.named.fetch_add(1, Ordering::Relaxed);
        &self.reference
    }

    fn unit_key(&self, unit: &UnitKey) -> Option<[u8; 32]> {
        self.unit.filter(|_| unit.as_str() == "unit")
    }

    fn open_message(&self, sealed: &Sealed) -> Option<Message> {
        self.unit_key(&sealed.key)?;
        Message::decode(&sealed.bytes).ok()
    }

    fn sign_release(&self, bytes: &[u8]) -> Signature {
        sign(RELEASE, bytes)
    }
}
