//! Partner proofs: that what a partner was shown belongs to what the parties endorsed.
//!
//! This is the prover and the form. The verifier is written from `docs/protocol.md`, elsewhere,
//! and shares no code with this: a mistake here must not be able to hide in a check of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Error;
use super::canonical::{Message, Value};
use super::dsse::Envelope;
use super::hash::Digest;
use super::object::{Leaf, ObjectId, ObjectTree, Opening, fold_object};
use super::position::{Mask, Position};
use super::reader::Fields;
use super::salt::Salt;
use super::tree::{Slot, Tree, fold_edition};

/// Greatest size of an encoded proof, in bytes: every object of a full edition of depth 16.
pub const SIZE_MAX: usize = 64 << 20;

const DESCRIPTOR: u16 = 1;
const ENDORSEMENTS: u16 = 2;
const MANIFEST: u16 = 3;
const OBJECTS: u16 = 4;

const OBJECT_SLOT: u16 = 1;
const OBJECT_OPENINGS: u16 = 2;
const OBJECT_SIBLINGS: u16 = 3;
const EDITION_SIBLINGS: u16 = 4;

const OPENING_POSITION: u16 = 1;
const OPENING_SALT: u16 = 2;
const OPENING_CANONICAL: u16 = 3;

/// All that a partner needs, beside the pinned descriptor digest, to check what it was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerProof {
    /// The descriptor, signed by exactly the keys of its tracks.
    pub descriptor: Envelope,
    /// The endorsements of the track, each signed by exactly the key of its function.
    pub endorsements: BTreeSet<Envelope>,
    /// The release manifest, signed by the domain's release key.
    pub manifest: Envelope,
    /// The objects that are shown, by slot.
    pub objects: BTreeMap<Slot, ProvenObject>,
}

/// One object's opened leaves with the way from them to the content root.
#[derive(Clone, PartialEq, Eq)]
pub struct ProvenObject {
    /// The opened leaves, all of one object, in a set that [`Mask::is_openable`].
    openings: BTreeMap<Position, Leaf>,
    object_siblings: Vec<Digest>,
    edition_siblings: Vec<Digest>,
}

/// Why an object cannot be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is not in the edition, or with another root.
    #[error("object {0} is not in the edition as it stands")]
    NotInEdition(ObjectId),
    /// An opening is of another object.
    #[error("an opening is of object {0}, not of the one to prove")]
    OfAnotherObject(ObjectId),
    /// An opening is not what the object commits to at its position.
    #[error("position {} is not committed to with that value and salt", .0.index())]
    NotCommitted(Position),
    /// No identity, two variants of a group, or a reserved position.
    #[error("{0:?} does not open the identity and at most one variant of each group")]
    NotOpenable(Mask),
}

impl ProvenObject {
    /// The proof that `openings` belong to `object` and that to the edition.
    ///
    /// Gives the slot too, under which the manifest lists the object's [`ProvenObject::mask`].
    ///
    /// # Errors
    /// When they do not, or may not be opened together.
    pub fn prove(
        edition: &Tree,
        object: &ObjectTree,
        openings: impl IntoIterator<Item = Opening>,
    ) -> Result<(Slot, Self), Refusal> {
        let id = object.object();
        let absent = Refusal::NotInEdition(id);
        let slot = edition.slot(id).ok_or(absent)?;
        if edition.object_root(slot) != Some(object.root()) {
            return Err(absent);
        }
        let mut opened = BTreeMap::new();
        for opening in openings {
            if opening.object() != id {
                return Err(Refusal::OfAnotherObject(opening.object()));
            }
            let position = opening.position();
            if object.leaf(position) != Some(opening.leaf().hash()) {
                return Err(Refusal::NotCommitted(position));
            }
            opened.insert(position, opening.into_leaf());
        }
        let mask: Mask = opened.keys().copied().collect();
        if !mask.is_openable() {
            return Err(Refusal::NotOpenable(mask));
        }
        let object_siblings = object.siblings(mask);
        let edition_siblings = edition.siblings(slot).ok_or(absent)?;
        Ok((slot, Self { openings: opened, object_siblings, edition_siblings }))
    }

    /// The positions that are opened.
    #[must_use]
    pub fn mask(&self) -> Mask {
        self.openings.keys().copied().collect()
    }

    /// The opened leaves.
    #[must_use]
    pub const fn openings(&self) -> &BTreeMap<Position, Leaf> {
        &self.openings
    }

    /// The content root that this leads to from `slot`, or nothing when an object sibling is
    /// missing or over.
    #[must_use]
    pub fn fold(&self, slot: Slot) -> Option<Digest> {
        let leaves = self.openings.iter().map(|(at, leaf)| (*at, leaf.hash())).collect();
        let root = fold_object(&leaves, &self.object_siblings)?;
        Some(fold_edition(slot, root, &self.edition_siblings))
    }

    fn to_message(&self, slot: Slot) -> Message {
        let openings = self.openings.iter().map(|(position, leaf)| {
            Value::Message(
                Message::new()
                    .with(OPENING_POSITION, i64::from(position.index()))
                    .with(OPENING_SALT, leaf.salt().as_bytes().as_slice())
                    .with(OPENING_CANONICAL, leaf.canonical()),
            )
        });
        Message::new()
            .with(OBJECT_SLOT, slot.0)
            .with(OBJECT_OPENINGS, Value::List(openings.collect()))
            .with(OBJECT_SIBLINGS, joined(&self.object_siblings))
            .with(EDITION_SIBLINGS, joined(&self.edition_siblings))
    }

    fn from_message(message: Message) -> Result<(Slot, Self), Error> {
        let mut fields = Fields::of(message);
        let slot = Slot(fields.take_integer(OBJECT_SLOT)?);
        let openings = read_openings(fields.take_messages(OBJECT_OPENINGS)?)?;
        let object_siblings = split(OBJECT_SIBLINGS, &fields.take_bytes(OBJECT_SIBLINGS)?)?;
        let edition_siblings = split(EDITION_SIBLINGS, &fields.take_bytes(EDITION_SIBLINGS)?)?;
        fields.finish()?;
        Ok((slot, Self { openings, object_siblings, edition_siblings }))
    }
}

impl PartnerProof {
    /// The canonical bytes, at most [`SIZE_MAX`].
    ///
    /// # Errors
    /// When an envelope has no signature, or the proof is too large.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let endorsements = self.endorsements.iter().map(Envelope::to_message);
        let endorsements: Vec<Message> = endorsements.collect::<Result<_, _>>()?;
        let objects = self.objects.iter().map(|(slot, object)| object.to_message(*slot).into());
        Message::new()
            .with(DESCRIPTOR, self.descriptor.to_message()?)
            .with(ENDORSEMENTS, Value::set(endorsements.into_iter().map(Value::Message))?)
            .with(MANIFEST, self.manifest.to_message()?)
            .with(OBJECTS, Value::List(objects.collect()))
            .encode_within(SIZE_MAX)
    }

    /// The proof that encodes to exactly `bytes`. It says that the form is right, and no more.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode_within(bytes, SIZE_MAX)?);
        let descriptor = Envelope::from_message(fields.take_message(DESCRIPTOR)?)?;
        let endorsements = fields
            .take_message_set(ENDORSEMENTS)?
            .into_iter()
            .map(Envelope::from_message)
            .collect::<Result<_, _>>()?;
        let manifest = Envelope::from_message(fields.take_message(MANIFEST)?)?;
        let mut objects = BTreeMap::new();
        for message in fields.take_messages(OBJECTS)? {
            let (slot, object) = ProvenObject::from_message(message)?;
            if objects.last_key_value().is_some_and(|(last, _)| *last >= slot) {
                return Err(Error::SetOrder);
            }
            objects.insert(slot, object);
        }
        fields.finish()?;
        Ok(Self { descriptor, endorsements, manifest, objects })
    }

    /// What the manifest must list: the mask of every object, by slot.
    #[must_use]
    pub fn opened(&self) -> BTreeMap<Slot, Mask> {
        self.objects.iter().map(|(slot, object)| (*slot, object.mask())).collect()
    }
}

impl fmt::Debug for ProvenObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvenObject({:?})", self.mask())
    }
}

fn read_openings(messages: Vec<Message>) -> Result<BTreeMap<Position, Leaf>, Error> {
    let mut openings = BTreeMap::new();
    let mut object = None;
    for message in messages {
        let mut fields = Fields::of(message);
        let position: Position = fields.take_integer::<u8>(OPENING_POSITION)?.try_into()?;
        let salt = Salt::new(fields.take_array(OPENING_SALT)?);
        let leaf = Leaf::new(salt, fields.take_bytes(OPENING_CANONICAL)?);
        fields.finish()?;
        let opening = Opening::of(leaf)?;
        let same_object = object.is_none_or(|object| object == opening.object());
        object = Some(opening.object());
        if !same_object || opening.position() != position {
            return Err(Error::OutOfRange(OPENING_CANONICAL));
        }
        if openings.last_key_value().is_some_and(|(last, _)| *last >= position) {
            return Err(Error::SetOrder);
        }
        openings.insert(position, opening.into_leaf());
    }
    let mask: Mask = openings.keys().copied().collect();
    if mask.is_openable() { Ok(openings) } else { Err(Error::OutOfRange(OBJECT_OPENINGS)) }
}

fn joined(digests: &[Digest]) -> Value {
    Value::Bytes(digests.iter().flat_map(|digest| digest.0).collect())
}

fn split(number: u16, bytes: &[u8]) -> Result<Vec<Digest>, Error> {
    match bytes.as_chunks() {
        (digests, []) => Ok(digests.iter().copied().map(Digest).collect()),
        _ => Err(Error::OutOfRange(number)),
    }
}
