//! The 32 positions of an object: eight field groups in four variants each.

use std::fmt;

use super::Error;

/// How many positions an object has.
pub const POSITIONS: u8 = 32;

const VARIANTS: u8 = 4;

/// A field group: what a release row opens or withholds as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// 0: kind, category, owner, area and labels; never the publisher's own id.
    Identity,
    /// 1: where.
    Place,
    /// 2: when.
    Time,
    /// 3: how many.
    Counts,
    /// 4: how severe and how sure; for a decision, what was decided.
    Assessment,
    /// 5: free text.
    Text,
    /// 6: who published it, under which manifest.
    Provenance,
    /// 7: nothing yet; its four positions are dummies.
    Reserved,
}

/// Which form of a group's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// 0: as published.
    Exact,
    /// 1: a place as its sub-area; counts as a band.
    First,
    /// 2: a place as its district; counts perturbed.
    Second,
    /// 3: nothing yet.
    Third,
}

/// Position `4 · group + variant` of a leaf in its object, 0 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u8);

/// A set of positions: bit `p` stands for position `p`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mask(u32);

impl Group {
    /// The groups that hold values, in order of number. Every object commits to the exact variant
    /// of each, as `absent` where it has no value, so that presence says nothing about content.
    pub const HELD: [Self; 7] = [
        Self::Identity,
        Self::Place,
        Self::Time,
        Self::Counts,
        Self::Assessment,
        Self::Text,
        Self::Provenance,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Identity => 0,
            Self::Place => 1,
            Self::Time => 2,
            Self::Counts => 3,
            Self::Assessment => 4,
            Self::Text => 5,
            Self::Provenance => 6,
            Self::Reserved => 7,
        }
    }
}

impl Variant {
    const fn code(self) -> u8 {
        match self {
            Self::Exact => 0,
            Self::First => 1,
            Self::Second => 2,
            Self::Third => 3,
        }
    }
}

impl Position {
    /// The position of a variant of a group.
    #[must_use]
    pub const fn new(group: Group, variant: Variant) -> Self {
        Self(group.code().saturating_mul(VARIANTS).saturating_add(variant.code()))
    }

    /// All 32 positions in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..POSITIONS).map(Self)
    }

    /// 0 to 31.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }

    /// The group.
    #[must_use]
    pub const fn group(self) -> Group {
        match self.0 / VARIANTS {
            0 => Group::Identity,
            1 => Group::Place,
            2 => Group::Time,
            3 => Group::Counts,
            4 => Group::Assessment,
            5 => Group::Text,
            6 => Group::Provenance,
            _ => Group::Reserved,
        }
    }

    /// The variant.
    #[must_use]
    pub const fn variant(self) -> Variant {
        match self.0 % VARIANTS {
            0 => Variant::Exact,
            1 => Variant::First,
            2 => Variant::Second,
            _ => Variant::Third,
        }
    }
}

impl TryFrom<u8> for Position {
    type Error = Error;

    fn try_from(index: u8) -> Result<Self, Error> {
        if index < POSITIONS { Ok(Self(index)) } else { Err(Error::BadPosition(index)) }
    }
}

impl Mask {
    /// The set whose bits are `bits`.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Bit `p` is set when position `p` is in the set.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether `position` is in the set.
    #[must_use]
    pub fn contains(self, position: Position) -> bool {
        self.0 & bit(position) != 0
    }

    /// Whether the set is one that a proof may open: the identity is there, without which the
    /// kind of the object is unknown, no group is there in two variants, and group 7 is not.
    #[must_use]
    pub fn is_openable(self) -> bool {
        let one_variant = |group| {
            let variants =
                |position: &Position| position.group() == group && self.contains(*position);
            Position::all().filter(variants).count() <= 1
        };
        self.contains(Position::new(Group::Identity, Variant::Exact))
            && Group::HELD.into_iter().all(one_variant)
            && Position::all().all(|p| p.group() != Group::Reserved || !self.contains(p))
    }
}

impl FromIterator<Position> for Mask {
    fn from_iter<I: IntoIterator<Item = Position>>(positions: I) -> Self {
        Self(positions.into_iter().fold(0, |mask, position| mask | bit(position)))
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#034b}", self.0)
    }
}

/// A position is below 32, so the shift is always defined.
fn bit(position: Position) -> u32 {
    1_u32.checked_shl(position.0.into()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_four_times_group_plus_variant() {
        assert_eq!(Position::new(Group::Identity, Variant::Exact).index(), 0);
        assert_eq!(Position::new(Group::Place, Variant::Second).index(), 6);
        assert_eq!(Position::new(Group::Reserved, Variant::Third).index(), 31);
        for position in Position::all() {
            assert_eq!(Position::new(position.group(), position.variant()), position);
            assert_eq!(Position::try_from(position.index()), Ok(position));
        }
        assert_eq!(Position::try_from(32), Err(Error::BadPosition(32)));
    }

    #[test]
    fn a_mask_opens_the_identity_and_one_variant_a_group() {
        let openable = |bits| Mask::from_bits(bits).is_openable();
        assert!(openable(0b0001));
        assert!(openable(1 | 1 << 5 | 1 << 8 | 1 << 24));
        for refused in [0, 0b0011, 1 << 4, 1 | 1 << 4 | 1 << 6, 1 | 1 << 28, 1 | 1 << 31] {
            assert!(!openable(refused), "{refused:#b}");
        }
    }
}
