//! The two trees, sections 5 and 6 of the protocol page: folded by those who have a proof, built
//! anew by those who endorse.

use std::collections::{BTreeMap, BTreeSet};

use super::hash::{Digest, keyed, node};

/// An object's id.
pub(super) type ObjectId = [u8; 16];

/// How many positions an object has.
pub(super) const POSITIONS: u8 = 32;
const OBJECT_LEVELS: u8 = 5;

/// Folds opened leaves, by ascending position, with their siblings to the object's root; none when
/// a sibling is missing or left over.
pub(super) fn fold_object(leaves: &[(u8, Digest)], siblings: &[Digest]) -> Option<Digest> {
    let mut siblings = siblings.iter();
    let mut known = leaves.to_vec();
    for _ in 0..OBJECT_LEVELS {
        let mut above = Vec::with_capacity(known.len());
        let mut level = known.into_iter().peekable();
        while let Some((index, digest)) = level.next() {
            let parent = if index % 2 == 1 {
                node(siblings.next()?, &digest)
            } else if let Some((_, right)) = level.next_if(|(next, _)| *next == index | 1) {
                node(&digest, &right)
            } else {
                node(&digest, siblings.next()?)
            };
            above.push((index / 2, parent));
        }
        known = above;
    }
    match (known.as_slice(), siblings.next()) {
        ([(0, root)], None) => Some(*root),
        _ => None,
    }
}

/// Folds an object's root with the siblings on its way up, from below.
pub(super) fn fold_edition(root: Digest, slot: u32, siblings: &[Digest]) -> Digest {
    let mut index = slot;
    siblings.iter().fold(root, |known, sibling| {
        let is_right = index % 2 == 1;
        index /= 2;
        if is_right { node(sibling, &known) } else { node(&known, sibling) }
    })
}

/// The root of an object: a leaf at each position, or a dummy where none was made.
pub(super) fn object_root(
    round_salt: &Digest,
    object: &ObjectId,
    leaves: &BTreeMap<u8, Digest>,
) -> Option<Digest> {
    let dummy = |position: u8| keyed(round_salt, &[b"dummy", object, &[position]]);
    let all: Vec<(u8, Digest)> =
        (0..POSITIONS).map(|p| (p, leaves.get(&p).copied().unwrap_or_else(|| dummy(p)))).collect();
    fold_object(&all, &[])
}

/// An edition tree.
#[derive(Debug)]
pub(super) struct Edition {
    /// Its root: the content root.
    pub(super) root: Digest,
    /// The slot of each object.
    pub(super) slots: BTreeMap<ObjectId, u32>,
}

/// Builds the edition tree over the roots of objects; none when there are more than half as many
/// as slots.
pub(super) fn edition(
    round_salt: &Digest,
    depth: u8,
    objects: &BTreeMap<ObjectId, Digest>,
) -> Option<Edition> {
    let room = 1_u64.checked_shl(u32::from(depth).checked_sub(1)?)?;
    if u64::try_from(objects.len()).ok()? > room {
        return None;
    }
    let slots = slots(round_salt, depth, objects.keys())?;
    let empty =
        |level: u8, index: u32| keyed(round_salt, &[b"empty", &[level], &index.to_be_bytes()]);
    let placed = objects.iter().filter_map(|(id, root)| Some((*slots.get(id)?, *root)));
    let mut known: BTreeMap<u32, Digest> = placed.collect();
    for level in 0..depth {
        let at = |index: u32| known.get(&index).copied().unwrap_or_else(|| empty(level, index));
        let above = known.keys().map(|index| {
            let (left, right) = (index & !1, index | 1);
            (index / 2, node(&at(left), &at(right)))
        });
        known = above.collect();
    }
    let root = known.get(&0).copied().unwrap_or_else(|| empty(depth, 0));
    Some(Edition { root, slots })
}

/// The slots of objects, given in ascending order.
fn slots<'o>(
    round_salt: &Digest,
    depth: u8,
    objects: impl Iterator<Item = &'o ObjectId>,
) -> Option<BTreeMap<ObjectId, u32>> {
    let dropped = 32_u32.checked_sub(u32::from(depth))?;
    let mut taken = BTreeSet::new();
    let mut slots = BTreeMap::new();
    for object in objects {
        let slot = (0..u32::MAX).find_map(|attempt| {
            let tried = keyed(round_salt, &[b"slot", object, &attempt.to_be_bytes()]);
            let slot = u32::from_be_bytes(*tried.first_chunk()?).checked_shr(dropped)?;
            taken.insert(slot).then_some(slot)
        })?;
        slots.insert(*object, slot);
    }
    Some(slots)
}
