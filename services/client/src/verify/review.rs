//! The endorser's review, sections 6 and 10 of the protocol page: the content root made anew from
//! the whole content.

use std::collections::BTreeMap;

use samsyn_domain::registry::FieldGroup;
use samsyn_proto::v1;

use super::{
    Pinned,
    canonical::{BYTES_MAX, Malformed},
    form::{self, Position, Value},
    hash::{self, Digest, keyed},
    object::Fields,
    object::{Amount, Counts, ObjectKind, Opened, Place, PlaceVariant},
    rejected::{Rejected, Step},
    statement::{Basis, Descriptor},
    tree::{self, ObjectId},
};

/// What an endorser has checked and may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The root that the whole content comes to. Sign only if it is the one in review.
    pub content_root: Digest,
    /// The commitment to what the edition rests on.
    pub basis_commitment: Digest,
    /// The digest of the descriptor.
    pub descriptor_digest: Digest,
    /// The digest of the disclosure-control profile, as in the descriptor.
    pub profile: Digest,
    /// The domain, as in the descriptor.
    pub domain: String,
    /// The agreement, as in the descriptor.
    pub agreement: String,
    /// What the edition rests on.
    pub basis: Basis,
    /// The whole content, by ascending id.
    pub objects: Vec<ReviewedObject>,
}

/// An object in review, with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewedObject {
    /// Its id.
    pub id: [u8; 16],
    /// Its slot in the edition tree.
    pub slot: u32,
    /// What it is.
    pub kind: ObjectKind,
    /// What it says, as published.
    pub fields: Fields,
    /// The coarser places that readers may get instead.
    pub coarser_places: Vec<Place>,
    /// The bands and perturbed counts that readers may get instead.
    pub protected_counts: Vec<Counts>,
}

/// Makes the content root of a round anew from everything in it, every leaf, dummy, slot and
/// padding. `openings` are those of all pages, in any order. Salts of clear leaves are made again;
/// of sealed leaves they are taken as given, since the data keys stay with the domain.
///
/// # Errors
/// When the descriptor is not the pinned one, a leaf is missing, malformed or salted otherwise than
/// it must be, a coarser place or a band does not fit the exact value, or the basis is malformed or
/// has other decisions.
pub fn review(
    pinned: &Pinned,
    descriptor_bytes: &[u8],
    round_salt: &Digest,
    basis: &[u8],
    basis_salt: &Digest,
    openings: &[v1::Opening],
) -> Result<Reviewed, Rejected> {
    let descriptor =
        descriptor(pinned, descriptor_bytes).map_err(|why| Step::Descriptor.refuses(why))?;
    let mut grouped: BTreeMap<ObjectId, BTreeMap<u8, &v1::Opening>> = BTreeMap::new();
    for opening in openings {
        let place = <ObjectId>::try_from(opening.object_id.as_slice()).ok();
        let place = place.zip(u8::try_from(opening.position).ok());
        let fresh = place.and_then(|(object, position)| {
            grouped.entry(object).or_default().insert(position, opening).is_none().then_some(())
        });
        fresh.ok_or_else(|| {
            Step::Openings.refuses("a leaf stands twice, or its object or position is none")
        })?;
    }
    let mut roots = BTreeMap::new();
    let mut objects = Vec::with_capacity(grouped.len());
    for (number, (id, leaves)) in (1..).zip(&grouped) {
        let (object, root) = Rebuilt::of(round_salt, *id, leaves)
            .and_then(|rebuilt| rebuilt.finish(round_salt))
            .map_err(|rejected| rejected.at_object(number))?;
        roots.insert(*id, root);
        objects.push(object);
    }
    let edition = tree::edition(round_salt, descriptor.depth, &roots)
        .ok_or_else(|| Step::Root.refuses("there are more objects than the edition tree takes"))?;
    for object in &mut objects {
        object.slot = edition.slots.get(&object.id).copied().unwrap_or_default();
    }
    let basis_commitment = Basis::commitment_of(basis, basis_salt);
    let basis = Basis::read(basis).map_err(|fault| Step::Basis.refuses(fault))?;
    let decisions = objects.iter().filter(|object| object.kind == ObjectKind::Decision);
    if !decisions.map(|object| &object.id).eq(&basis.decisions) {
        return Err(Step::Basis.refuses("its decisions are not those in the content"));
    }
    Ok(Reviewed {
        content_root: edition.root,
        basis_commitment,
        descriptor_digest: descriptor.digest,
        profile: descriptor.profile,
        domain: descriptor.domain,
        agreement: descriptor.agreement,
        basis,
        objects,
    })
}

fn descriptor(pinned: &Pinned, bytes: &[u8]) -> Result<Descriptor, Malformed> {
    if bytes.len() > BYTES_MAX {
        return Err(Malformed::Long);
    }
    if Descriptor::digest_of(bytes) != pinned.descriptor {
        return Err(Malformed::Rule("it is not the one that is pinned"));
    }
    Descriptor::read(bytes)
}

/// An object whose leaves have been read and hashed.
struct Rebuilt {
    id: ObjectId,
    kind: ObjectKind,
    values: BTreeMap<u8, Value>,
    leaves: BTreeMap<u8, Digest>,
}

impl Rebuilt {
    fn of(
        round_salt: &Digest,
        id: ObjectId,
        openings: &BTreeMap<u8, &v1::Opening>,
    ) -> Result<Self, Rejected> {
        let (mut kind, mut values, mut leaves) = (None, BTreeMap::new(), BTreeMap::new());
        for (number, opening) in openings {
            let rejected = |why: Malformed| Step::Openings.refuses(why);
            let position = Position::of(*number)
                .ok_or_else(|| rejected(Malformed::Rule("a position is not below 32")))?;
            let at = |rejected: Rejected| match position.group() {
                Some(group) => rejected.in_group(group),
                None => rejected,
            };
            if kind.is_none() && position != Position::IDENTITY {
                return Err(rejected(Malformed::Rule("position 0 is missing")));
            }
            let leaf = form::leaf(&opening.canonical, position, kind)
                .map_err(|fault| at(rejected(fault)))?;
            if leaf.object != id {
                return Err(at(rejected(Malformed::Rule("the leaf is of another object"))));
            }
            let salt = salt(round_salt, &id, position, opening, &leaf.value)
                .map_err(|fault| at(rejected(fault)))?;
            kind = Some(leaf.kind);
            leaves.insert(*number, hash::leaf(&salt, &opening.canonical));
            values.insert(*number, leaf.value);
        }
        let kind = kind.ok_or_else(|| Step::Openings.refuses("position 0 is missing"))?;
        Ok(Self { id, kind, values, leaves })
    }

    /// Takes the values apart, holds the variants against them, and makes the root.
    fn finish(mut self, round_salt: &Digest) -> Result<(ReviewedObject, Digest), Rejected> {
        let root = tree::object_root(round_salt, &self.id, &self.leaves);
        let root = root.ok_or_else(|| Step::Root.refuses("its leaves do not fold"))?;
        let fields = self.published().ok_or_else(|| {
            Step::Openings.refuses("one of the leaves that every object has is missing")
        })?;
        let (mut coarser_places, mut protected_counts) = (Vec::new(), Vec::new());
        for value in self.values.into_values() {
            match value {
                Value::Place(Some(coarser)) => {
                    if !is_coarser(&coarser, &fields.place) {
                        return Err(unlike(FieldGroup::Place));
                    }
                    coarser_places.push(coarser);
                }
                Value::Counts(protected) => {
                    if !protects(protected.as_ref(), &fields.counts) {
                        return Err(unlike(FieldGroup::Counts));
                    }
                    protected_counts.extend(protected);
                }
                Value::Identity(_)
                | Value::Place(None)
                | Value::Time(_)
                | Value::Assessment(_)
                | Value::Text(_)
                | Value::Provenance(_) => {}
            }
        }
        let (id, kind, slot) = (self.id, self.kind, 0);
        Ok((ReviewedObject { id, slot, kind, fields, coarser_places, protected_counts }, root))
    }

    /// The values as published, taken out; none when a leaf that every object has is missing.
    fn published(&mut self) -> Option<Fields> {
        let mut taken = Position::always().map(|position| self.values.remove(&position.number()));
        let (
            Some(Value::Identity(identity)),
            Some(Value::Place(place)),
            Some(Value::Time(time)),
            Some(Value::Counts(counts)),
            Some(Value::Assessment(assessment)),
            Some(Value::Text(text)),
            Some(Value::Provenance(provenance)),
        ) = (
            taken.next()?,
            taken.next()?,
            taken.next()?,
            taken.next()?,
            taken.next()?,
            taken.next()?,
            taken.next()?,
        )
        else {
            return None;
        };
        Some(Fields {
            identity,
            place: Opened::of(place),
            time: Opened::of(time),
            counts: Opened::of(counts),
            assessment: Opened::of(assessment),
            text: Opened::of(text),
            provenance: Opened::of(provenance),
        })
    }
}

/// The salt of a leaf: made again for a clear one, taken as given for a sealed one.
fn salt(
    round_salt: &Digest,
    id: &ObjectId,
    position: Position,
    opening: &v1::Opening,
    value: &Value,
) -> Result<Digest, Malformed> {
    let given: Digest = opening
        .salt
        .as_slice()
        .try_into()
        .map_err(|_| Malformed::Rule("a salt is not of 32 bytes"))?;
    let sealed = match value {
        Value::Text(_) => true,
        Value::Place(place) => place.as_ref().is_some_and(|place| place.coordinates.is_some()),
        Value::Identity(_)
        | Value::Time(_)
        | Value::Counts(_)
        | Value::Assessment(_)
        | Value::Provenance(_) => false,
    };
    if sealed || given == keyed(round_salt, &[b"salt", id, &[position.number()]]) {
        return Ok(given);
    }
    Err(Malformed::Rule("the salt is not the one that follows from the salt of the round"))
}

fn unlike(group: FieldGroup) -> Rejected {
    Step::Values.refuses("a variant does not fit the value as published").in_group(group)
}

fn is_coarser(coarser: &Place, exact: &Opened<Place>) -> bool {
    let Some(exact) = exact.value() else { return false };
    let sub_area = match coarser.variant {
        PlaceVariant::SubArea => exact.sub_area.as_ref(),
        PlaceVariant::Exact | PlaceVariant::District => None,
    };
    coarser.area == exact.area && coarser.sub_area.as_ref() == sub_area
}

/// Whether a band holds the exact count, or a perturbed one lies within its stated bound. Where
/// there is no count there is nothing to protect.
fn protects(protected: Option<&Counts>, exact: &Opened<Counts>) -> bool {
    let count = exact.value().and_then(|exact| match exact.amount {
        Amount::Exact(count) => count,
        Amount::Band { .. } | Amount::Perturbed(_) => None,
    });
    let (protected, count, exact) = match (protected, count, exact.value()) {
        (Some(protected), Some(count), Some(exact)) => (protected, count, exact),
        (protected, count, _) => return protected.is_none() && count.is_none(),
    };
    let bound = protected.treatment.as_ref().and_then(|treatment| treatment.bound);
    let fits = match protected.amount {
        Amount::Band { lower, below } => {
            let farthest = count.abs_diff(lower).max(below.saturating_sub(1).abs_diff(count));
            (lower..below).contains(&count) && bound.is_none_or(|bound| farthest <= bound)
        }
        Amount::Perturbed(shown) => bound.is_some_and(|bound| shown.abs_diff(count) <= bound),
        Amount::Exact(_) => false,
    };
    fits && protected.source == exact.source
}
