//! Objects: what an edition is made of, each a tree of 32 leaves.

use std::collections::BTreeMap;
use std::fmt;

use super::Error;
use super::canonical::Message;
use super::hash::{Digest, TAG_LEAF, hash, mac, node};
use super::position::{Mask, Position};
use super::reader::Fields;
use super::salt::{RoundSalt, Salt};
use crate::Form;

/// Levels between the leaves of an object and its root.
pub const OBJECT_DEPTH: usize = 5;

/// What kind of thing an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// 1: an observation (*iakttagelse*).
    Observation,
    /// 2: a point of a series of statistics (*statistikserie*).
    Series,
    /// 3: an assessment (*bedömning*).
    Assessment,
    /// 4: a cell of a protected table: one source, category, geography and period.
    Cell,
    /// 5: a decision on a conflict, or a dissent (*avvikande mening*).
    Decision,
    /// 6: the joint analysis of an edition (*gemensam analys*).
    Analysis,
}

/// `o`: the keyed name of an object, which says nothing about the publisher's own id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 16]);

/// `K_ref`: the domain's key for object ids.
#[derive(Clone)]
pub struct ReferenceKey([u8; 32]);

/// A committed value: its salt and its canonical bytes `C = {1: o, 2: p, 3: value}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    salt: Salt,
    canonical: Vec<u8>,
}

/// A leaf laid open: which object and position it says it is of, and what hashes to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    object: ObjectId,
    position: Position,
    leaf: Leaf,
}

/// The tree of one object in one round: 32 leaf hashes, five levels, one root.
#[derive(Clone)]
pub struct ObjectTree {
    object: ObjectId,
    levels: Vec<Vec<Digest>>,
}

impl ObjectKind {
    /// The number that stands in canonical bytes, 1 to 6.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Observation => 1,
            Self::Series => 2,
            Self::Assessment => 3,
            Self::Cell => 4,
            Self::Decision => 5,
            Self::Analysis => 6,
        }
    }
}

impl From<Form> for ObjectKind {
    fn from(form: Form) -> Self {
        match form {
            Form::Observation => Self::Observation,
            Form::Series => Self::Series,
            Form::Assessment => Self::Assessment,
        }
    }
}

impl TryFrom<i64> for ObjectKind {
    type Error = Error;

    fn try_from(code: i64) -> Result<Self, Error> {
        match code {
            1 => Ok(Self::Observation),
            2 => Ok(Self::Series),
            3 => Ok(Self::Assessment),
            4 => Ok(Self::Cell),
            5 => Ok(Self::Decision),
            6 => Ok(Self::Analysis),
            other => Err(Error::UnknownCode(other)),
        }
    }
}

impl ReferenceKey {
    /// A key of the domain's key file.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// `M(K_ref, u8 kind ‖ LP(owner) ‖ LP(area) ‖ LP(external id))`, its first 16 bytes.
    ///
    /// # Errors
    /// When a part is longer than `u32` can say.
    pub fn object_id(
        &self,
        kind: ObjectKind,
        owner: &str,
        area: &str,
        external_id: &str,
    ) -> Result<ObjectId, Error> {
        let [owner_length, area_length, id_length] =
            [length(owner)?, length(area)?, length(external_id)?];
        let name = mac(
            &self.0,
            &[
                &[kind.code()],
                &owner_length,
                owner.as_bytes(),
                &area_length,
                area.as_bytes(),
                &id_length,
                external_id.as_bytes(),
            ],
        );
        name.0.first_chunk().copied().map(ObjectId).ok_or(Error::Truncated)
    }
}

impl ObjectId {
    /// An id read from canonical bytes or from state.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Leaf {
    /// The leaf of `value` at `position` of `object`.
    ///
    /// # Errors
    /// When the value cannot be encoded.
    pub fn commit(
        object: ObjectId,
        position: Position,
        value: Message,
        salt: Salt,
    ) -> Result<Self, Error> {
        let canonical = Message::new()
            .with(1, object.0.as_slice())
            .with(2, i64::from(position.index()))
            .with(3, value)
            .encode()?;
        Ok(Self { salt, canonical })
    }

    /// A leaf as a proof carries it.
    #[must_use]
    pub const fn new(salt: Salt, canonical: Vec<u8>) -> Self {
        Self { salt, canonical }
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// `C`.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canonical
    }

    /// `H(0x00 ‖ s ‖ C)`.
    #[must_use]
    pub fn hash(&self) -> Digest {
        hash(&[&[TAG_LEAF], self.salt.as_bytes(), &self.canonical])
    }
}

impl Opening {
    /// What `leaf` says of itself.
    ///
    /// # Errors
    /// When its bytes are not exactly an object id, a position and a value.
    pub fn of(leaf: Leaf) -> Result<Self, Error> {
        let (object, position, _) = read(&leaf.canonical)?;
        Ok(Self { object, position, leaf })
    }

    /// The object that it is of.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        self.object
    }

    /// The position that it is of.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The salt and bytes that are laid open.
    #[must_use]
    pub const fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// The leaf alone.
    #[must_use]
    pub fn into_leaf(self) -> Leaf {
        self.leaf
    }

    /// The value; `absent` where the group has none.
    ///
    /// # Errors
    /// Never for an opening that was made: its bytes were read then.
    pub fn value(&self) -> Result<Message, Error> {
        read(&self.leaf.canonical).map(|(_, _, value)| value)
    }
}

impl ObjectTree {
    /// The tree of `object` over the hashes of its leaves, with a dummy at each other position.
    ///
    /// Hashes and not leaves, because the hash of a leaf outlives its salt.
    #[must_use]
    pub fn build(salt: &RoundSalt, object: ObjectId, leaves: &BTreeMap<Position, Digest>) -> Self {
        let leaf = |position| match leaves.get(&position) {
            Some(digest) => *digest,
            None => salt.dummy(object, position),
        };
        let mut level: Vec<Digest> = Position::all().map(leaf).collect();
        let mut levels = Vec::with_capacity(OBJECT_DEPTH.saturating_add(1));
        while let [_, _, ..] = level.as_slice() {
            let (pairs, _) = level.as_chunks();
            let above = pairs.iter().map(|[left, right]| node(left, right)).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { object, levels }
    }

    /// The object.
    #[must_use]
    pub const fn object(&self) -> ObjectId {
        self.object
    }

    /// The object root.
    #[must_use]
    pub fn root(&self) -> Digest {
        // INVARIANT: `build` ends with a level of one node, so the fallback is never taken.
        self.levels.last().and_then(|top| top.first()).map_or(Digest([0; 32]), |root| *root)
    }

    /// The hash at `position`: of a leaf, or a dummy.
    #[must_use]
    pub fn leaf(&self, position: Position) -> Option<Digest> {
        self.levels.first()?.get(usize::from(position.index())).copied()
    }

    /// The nodes that lead from the leaves in `opened` to the root, by (level, index), from below.
    /// Empty when `opened` is.
    #[must_use]
    pub fn siblings(&self, opened: Mask) -> Vec<Digest> {
        let mut siblings = Vec::new();
        let mut known: Vec<usize> = Position::all()
            .filter(|position| opened.contains(*position))
            .map(|position| usize::from(position.index()))
            .collect();
        for level in self.levels.iter().take(OBJECT_DEPTH) {
            let unknown = known.iter().map(|at| at ^ 1).filter(|at| !known.contains(at));
            siblings.extend(unknown.filter_map(|at| level.get(at)));
            known = known.iter().map(|at| at >> 1).collect();
            known.dedup();
        }
        siblings
    }
}

/// The object root that `leaves` and their `siblings` lead to, or nothing when a sibling is missing
/// or over, or there are no leaves.
#[must_use]
pub fn fold_object(leaves: &BTreeMap<Position, Digest>, siblings: &[Digest]) -> Option<Digest> {
    let mut siblings = siblings.iter();
    let mut known: Vec<(u8, Digest)> =
        leaves.iter().map(|(position, digest)| (position.index(), *digest)).collect();
    for _ in 0..OBJECT_DEPTH {
        let mut above = Vec::new();
        let mut below = known.into_iter().peekable();
        while let Some((at, digest)) = below.next() {
            let parent = if at & 1 == 1 {
                node(siblings.next()?, &digest)
            } else if let Some((_, right)) = below.next_if(|(next, _)| *next == at | 1) {
                node(&digest, &right)
            } else {
                node(&digest, siblings.next()?)
            };
            above.push((at >> 1, parent));
        }
        known = above;
    }
    match (known.as_slice(), siblings.as_slice()) {
        ([(_, root)], []) => Some(*root),
        _ => None,
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for ReferenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReferenceKey(redacted)")
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Leaf({} bytes)", self.canonical.len())
    }
}

impl fmt::Debug for ObjectTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectTree({}, {})", self.object, self.root())
    }
}

fn length(part: &str) -> Result<[u8; 4], Error> {
    let limit = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
    u32::try_from(part.len()).map(u32::to_be_bytes).map_err(|_| Error::TooLarge { limit })
}

fn read(canonical: &[u8]) -> Result<(ObjectId, Position, Message), Error> {
    let mut fields = Fields::of(Message::decode(canonical)?);
    let object = ObjectId(fields.take_array(1)?);
    let position = fields.take_integer::<u8>(2)?.try_into()?;
    let value = fields.take_message(3)?;
    fields.finish()?;
    Ok((object, position, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OBJECT: ObjectId = ObjectId([7; 16]);

    fn leaf(position: Position) -> Leaf {
        let salt = RoundSalt::new([1; 32]).clear(OBJECT, position);
        Leaf::commit(OBJECT, position, Message::new().with(1, "värde"), salt).unwrap()
    }

    fn tree(made: Mask) -> (ObjectTree, BTreeMap<Position, Digest>) {
        let made = Position::all().filter(|position| made.contains(*position));
        let leaves = made.map(|position| (position, leaf(position).hash())).collect();
        (ObjectTree::build(&RoundSalt::new([1; 32]), OBJECT, &leaves), leaves)
    }

    proptest! {
        #[test]
        fn any_opened_leaves_lead_to_the_root(opened in 1_u32..) {
            let (tree, leaves) = tree(Mask::from_bits(opened));
            let siblings = tree.siblings(Mask::from_bits(opened));
            prop_assert_eq!(fold_object(&leaves, &siblings), Some(tree.root()));
            let mut over = siblings.clone();
            over.push(Digest([0; 32]));
            prop_assert_eq!(fold_object(&leaves, &over), None);
            if let Some((_, fewer)) = siblings.split_last() {
                prop_assert_eq!(fold_object(&leaves, fewer), None);
            }
        }
    }

    #[test]
    fn nothing_opened_leads_nowhere() {
        let (tree, _) = tree(Mask::from_bits(1));
        assert_eq!(tree.siblings(Mask::default()), []);
        assert_eq!(fold_object(&BTreeMap::new(), &[]), None);
    }

    #[test]
    fn an_opening_says_which_object_and_position_it_is_of() {
        let position = Position::try_from(9).unwrap();
        let opening = Opening::of(leaf(position)).unwrap();
        assert_eq!((opening.object(), opening.position()), (OBJECT, position));
        assert_eq!(opening.value().unwrap(), Message::new().with(1, "värde"));
    }

    #[test]
    fn an_opening_with_a_fourth_field_or_a_bad_position_is_refused() {
        let body = |position: i64| {
            Message::new().with(1, &[7; 16][..]).with(2, position).with(3, Message::new())
        };
        let open = |message: &Message| {
            Opening::of(Leaf::new(Salt::new([0; 32]), message.encode().unwrap())).map(|_| ())
        };
        assert_eq!(open(&body(31)), Ok(()));
        assert_eq!(open(&body(32)), Err(Error::BadPosition(32)));
        assert_eq!(open(&body(-1)), Err(Error::OutOfRange(2)));
        assert_eq!(open(&body(1).with(4, true)), Err(Error::UnknownField(4)));
    }

    #[test]
    fn the_parts_of_an_object_id_do_not_run_into_each_other() {
        let key = ReferenceKey::new([3; 32]);
        let id = |owner, area| key.object_id(ObjectKind::Observation, owner, area, "x").unwrap();
        assert_ne!(id("ab", "c"), id("a", "bc"));
    }

    #[test]
    fn salts_and_dummies_are_fresh_in_every_round() {
        let rounds = [[1; 32], [2; 32]].map(RoundSalt::new);
        let mut seen = std::collections::BTreeSet::new();
        for round in &rounds {
            for position in Position::all() {
                let salts =
                    [round.clear(OBJECT, position), round.sealed(&[9; 32], OBJECT, position)];
                assert!(salts.into_iter().all(|salt| seen.insert(salt.as_bytes().to_vec())));
                assert!(seen.insert(round.dummy(OBJECT, position).0.to_vec()));
            }
            for (level, index) in [(0, 0), (0, 1), (1, 0), (16, 0)] {
                assert!(seen.insert(round.empty(level, index).0.to_vec()));
            }
        }
    }
}
