//! The edition tree: object roots in secret slots of a tree of fixed depth.

use std::collections::BTreeMap;
use std::fmt;

use super::Error;
use super::hash::{Digest, node};
use super::object::ObjectId;
use super::salt::RoundSalt;

/// `d`: levels between the slots and the content root, 1 to 32, fixed by the descriptor so that
/// the shape of a proof says nothing about how many objects there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u8);

/// Where an object stands among the `2^d` slots of one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

/// The tree of one edition (*utgåva*) in one round.
#[derive(Clone)]
pub struct Tree {
    depth: Depth,
    slots: BTreeMap<ObjectId, Slot>,
    roots: BTreeMap<Slot, Digest>,
    /// Per level from the slots up, the nodes above an object and their siblings, by index.
    levels: Vec<Nodes>,
    root: Digest,
}

/// Nodes of one level by index, ascending.
type Nodes = Vec<(u32, Digest)>;

/// Why objects cannot be put into a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More than half of the slots would be taken.
    #[error("{objects} objects exceed the {limit} that the depth allows; split the edition")]
    Full {
        /// How many there are.
        objects: usize,
        /// How many fit: `2^(d-1)`.
        limit: u32,
    },
    /// An object is given twice.
    #[error("object {0} is given twice")]
    Repeated(ObjectId),
}

impl Depth {
    /// The depth that a descriptor has unless its parties choose another: 16, for 32,768 objects.
    pub const DEFAULT: Self = Self(16);

    /// The number of levels.
    #[must_use]
    pub const fn levels(self) -> u8 {
        self.0
    }

    /// How many objects fit, `2^(d-1)`: half of the slots, so that drawing a free one is quick.
    #[must_use]
    pub fn objects_max(self) -> u32 {
        1_u32.checked_shl(u32::from(self.0).saturating_sub(1)).unwrap_or(0)
    }

    /// Whether `slot < 2^d`.
    #[must_use]
    pub fn holds(self, slot: Slot) -> bool {
        u64::from(slot.0) >> self.0 == 0
    }

    /// The top `d` bits of `drawn`.
    fn slot(self, drawn: u32) -> Slot {
        Slot(drawn.checked_shr(32_u32.saturating_sub(self.0.into())).unwrap_or(0))
    }
}

impl TryFrom<i64> for Depth {
    type Error = Error;

    fn try_from(levels: i64) -> Result<Self, Error> {
        match u8::try_from(levels) {
            Ok(levels @ 1..=32) => Ok(Self(levels)),
            Ok(_) | Err(_) => Err(Error::UnknownCode(levels)),
        }
    }
}

impl Tree {
    /// The tree of depth `depth` over object roots, in time proportional to their number times
    /// the depth.
    ///
    /// # Errors
    /// When there are too many objects, or one is given twice.
    pub fn build(
        depth: Depth,
        salt: &RoundSalt,
        objects: Vec<(ObjectId, Digest)>,
    ) -> Result<Self, Refusal> {
        let limit = depth.objects_max();
        if u32::try_from(objects.len()).map_or(true, |count| count > limit) {
            return Err(Refusal::Full { objects: objects.len(), limit });
        }
        let mut ascending = BTreeMap::new();
        for (object, root) in objects {
            if ascending.insert(object, root).is_some() {
                return Err(Refusal::Repeated(object));
            }
        }
        let mut roots = BTreeMap::new();
        let mut slots = BTreeMap::new();
        for (object, root) in ascending {
            let slot = free_slot(depth, salt, object, &roots);
            roots.insert(slot, root);
            slots.insert(object, slot);
        }
        let mut nodes: Nodes = roots.iter().map(|(slot, root)| (slot.0, *root)).collect();
        let mut levels = Vec::with_capacity(depth.0.into());
        for level in 0..depth.0 {
            let (filled, above) = raise(salt, level, &nodes);
            levels.push(filled);
            nodes = above;
        }
        let root = nodes.first().map_or_else(|| salt.empty(depth.0, 0), |(_, root)| *root);
        Ok(Self { depth, slots, roots, levels, root })
    }

    /// The content root: what the parties endorse.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The depth.
    #[must_use]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Where `object` stands, if it is in the edition.
    #[must_use]
    pub fn slot(&self, object: ObjectId) -> Option<Slot> {
        self.slots.get(&object).copied()
    }

    /// The object root in `slot`, if an object stands there.
    #[must_use]
    pub fn object_root(&self, slot: Slot) -> Option<Digest> {
        self.roots.get(&slot).copied()
    }

    /// The `d` siblings on the way from `slot` to the root, from below, if an object stands there.
    #[must_use]
    pub fn siblings(&self, slot: Slot) -> Option<Vec<Digest>> {
        self.object_root(slot)?;
        (0..self.depth.0)
            .map(|level| self.node(level.into(), slot.0.checked_shr(level.into())? ^ 1))
            .collect()
    }

    fn node(&self, level: usize, index: u32) -> Option<Digest> {
        let nodes = self.levels.get(level)?;
        let at = nodes.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        nodes.get(at).map(|(_, digest)| *digest)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree(depth {}, {} objects, {})", self.depth.0, self.slots.len(), self.root)
    }
}

/// The content root that the root of the object in `slot` and its siblings lead to.
#[must_use]
pub fn fold_edition(slot: Slot, object_root: Digest, siblings: &[Digest]) -> Digest {
    let mut index = slot.0;
    let mut known = object_root;
    for sibling in siblings {
        known = if index & 1 == 0 { node(&known, sibling) } else { node(sibling, &known) };
        index >>= 1;
    }
    known
}

/// The first slot that `object` draws and no earlier object has: at most half are taken.
fn free_slot(
    depth: Depth,
    salt: &RoundSalt,
    object: ObjectId,
    taken: &BTreeMap<Slot, Digest>,
) -> Slot {
    let mut attempt = 0_u32;
    loop {
        let slot = depth.slot(salt.slot_draw(object, attempt));
        if !taken.contains_key(&slot) {
            return slot;
        }
        attempt = attempt.wrapping_add(1);
    }
}

/// The nodes of one level with the missing sibling of each filled in, and the level above.
///
/// A missing sibling roots a maximal empty subtree: the node above it is not empty.
fn raise(salt: &RoundSalt, level: u8, nodes: &[(u32, Digest)]) -> (Nodes, Nodes) {
    let mut filled = Vec::with_capacity(nodes.len());
    let mut above = Vec::with_capacity(nodes.len());
    let mut nodes = nodes.iter().copied().peekable();
    while let Some((index, digest)) = nodes.next() {
        let sibling = match nodes.next_if(|(next, _)| *next == index ^ 1) {
            Some((_, digest)) => digest,
            None => salt.empty(level, index ^ 1),
        };
        let (left, right) = if index & 1 == 0 { (digest, sibling) } else { (sibling, digest) };
        filled.extend([(index & !1, left), (index | 1, right)]);
        above.push((index >> 1, node(&left, &right)));
    }
    (filled, above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn objects(count: u16) -> Vec<(ObjectId, Digest)> {
        let object = |at: u16| {
            let digest = super::super::hash::hash(&[b"object", &at.to_be_bytes()]);
            (ObjectId::new(*digest.0.first_chunk().unwrap()), digest)
        };
        (0..count).map(object).collect()
    }

    fn build(levels: i64, count: u16, salt: u8) -> Tree {
        Tree::build(Depth::try_from(levels).unwrap(), &RoundSalt::new([salt; 32]), objects(count))
            .unwrap()
    }

    /// Every node of the full tree, by the definition and nothing else.
    fn naive_root(
        salt: &RoundSalt,
        roots: &BTreeMap<u32, Digest>,
        level: u8,
        index: u32,
    ) -> Digest {
        let first = index << level;
        if roots.range(first..=first | !(u32::MAX << level)).next().is_none() {
            return salt.empty(level, index);
        }
        let Some(below) = level.checked_sub(1) else { return roots[&index] };
        let left = naive_root(salt, roots, below, index << 1);
        node(&left, &naive_root(salt, roots, below, index << 1 | 1))
    }

    #[test]
    fn every_object_of_every_size_leads_to_the_root() {
        for count in 0..=300 {
            let tree = build(10, count, 1);
            let mut slots = BTreeSet::new();
            for (object, root) in objects(count) {
                let slot = tree.slot(object).unwrap();
                let siblings = tree.siblings(slot).unwrap();
                assert_eq!(siblings.len(), 10);
                assert_eq!(fold_edition(slot, root, &siblings), tree.root());
                assert!(tree.depth().holds(slot));
                assert!(slots.insert(slot), "slots are distinct");
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_whole_tree_built_naively() {
        let salt = RoundSalt::new([1; 32]);
        for count in 0..=32 {
            let tree = build(6, count, 1);
            let slot = |(object, root)| (tree.slot(object).unwrap().0, root);
            let roots = objects(count).into_iter().map(slot).collect();
            assert_eq!(tree.root(), naive_root(&salt, &roots, 6, 0), "{count} objects");
        }
    }

    #[test]
    fn the_order_of_the_objects_does_not_matter() {
        let depth = Depth::try_from(6).unwrap();
        let mut reversed = objects(30);
        reversed.reverse();
        let tree = Tree::build(depth, &RoundSalt::new([1; 32]), reversed).unwrap();
        assert_eq!(tree.root(), build(6, 30, 1).root());
    }

    #[test]
    fn padding_never_repeats_in_a_round_or_between_rounds() {
        let mut seen = BTreeSet::new();
        for round in 1..=20 {
            let tree = build(8, 5, round);
            let held: BTreeSet<_> = objects(5).into_iter().map(|(_, root)| root).collect();
            let nodes = tree.levels.iter().flatten().map(|(_, digest)| digest);
            let fresh = nodes.filter(|digest| !held.contains(*digest));
            assert!(fresh.copied().chain([tree.root()]).all(|digest| seen.insert(digest)));
        }
    }

    #[test]
    fn a_tree_takes_half_its_slots_and_no_more() {
        let salt = RoundSalt::new([1; 32]);
        for (levels, limit) in [(1, 1), (4, 8), (8, 128)] {
            let depth = Depth::try_from(levels).unwrap();
            assert!(Tree::build(depth, &salt, objects(limit)).is_ok());
            let refusal = Tree::build(depth, &salt, objects(limit + 1)).unwrap_err();
            let expected = Refusal::Full { objects: usize::from(limit) + 1, limit: limit.into() };
            assert_eq!(refusal, expected);
        }
    }

    #[test]
    fn an_object_given_twice_is_refused() {
        let mut twice = objects(2);
        twice.push(twice[0]);
        let refusal = Tree::build(Depth::DEFAULT, &RoundSalt::new([1; 32]), twice).unwrap_err();
        assert_eq!(refusal, Refusal::Repeated(objects(1)[0].0));
    }

    #[test]
    fn a_slot_without_an_object_has_no_proof() {
        let tree = build(4, 3, 1);
        let taken: Vec<_> = objects(3).iter().map(|(object, _)| tree.slot(*object)).collect();
        for slot in (0..16).map(Slot).filter(|slot| !taken.contains(&Some(*slot))) {
            assert_eq!(tree.siblings(slot), None);
            assert_eq!(tree.object_root(slot), None);
        }
    }

    #[test]
    fn depths_from_one_to_thirty_two_are_allowed() {
        let half = u32::MAX / 2 + 1;
        assert_eq!(Depth::try_from(32).map(Depth::objects_max), Ok(half));
        assert!(Depth::try_from(32).unwrap().holds(Slot(u32::MAX)));
        assert!(!Depth::try_from(31).unwrap().holds(Slot(half)));
        for refused in [-1, 0, 33, 256] {
            assert!(Depth::try_from(refused).is_err());
        }
    }
}
