//! Groups of digits and what stands between them: the ground for every number that people write
//! with separators.

use std::ops::Range;

use super::text::{Folded, is_dash};

/// The longest text between two groups that can belong to one number.
const GAP_CHARACTERS_MAX: usize = 4;

/// A sign that joins digits to one number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    Dash,
    Plus,
    Dot,
    Slash,
    Underscore,
}

/// What stands between a group and the group before it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Anything else: the two have nothing to do with each other.
    Apart,
    /// A sign without white space.
    Joined(Joint),
    /// A sign with white space around it, or the same sign twice.
    SpacedJoint(Joint),
    /// White space alone.
    Spaced,
    /// A parenthesis, perhaps with white space or a dash.
    Bracket,
}

/// An unbroken run of digits, in glyphs of the folded text.
pub(super) struct Group {
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) gap: Gap,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end.saturating_sub(self.first)
    }
}

/// All groups of digits of a text, in order.
pub(super) struct Groups<'t> {
    pub(super) text: &'t Folded,
    groups: Vec<Group>,
}

impl<'t> Groups<'t> {
    pub(super) fn new(text: &'t Folded) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut cursor = text.cursor(0);
        while cursor.peek().is_some() {
            let first = cursor.position();
            if cursor.eat_while(|character| character.is_ascii_digit()) > 0 {
                let gap = groups.last().map_or(Gap::Apart, |last| gap_in(text, last.end..first));
                groups.push(Group { first, end: cursor.position(), gap });
            }
            cursor.eat_while(|character| !character.is_ascii_digit());
        }
        Self { text, groups }
    }

    /// The rest of the groups from each group on.
    pub(super) fn tails(&self) -> impl Iterator<Item = &[Group]> {
        (0..self.groups.len()).filter_map(|index| self.groups.get(index..))
    }

    /// The values of the digits of some groups in a row.
    pub(super) fn digits(&self, groups: &[Group]) -> Vec<u8> {
        groups
            .iter()
            .flat_map(|group| self.text.chars(group.first..group.end))
            .filter_map(|character| character.to_digit(10))
            .filter_map(|digit| u8::try_from(digit).ok())
            .collect()
    }
}

/// The prefixes of `tail`, shortest first, each with its number of digits, as long as they can be
/// one number of at most `digits_max` digits with gaps that `joins` accepts.
pub(super) fn prefixes(
    tail: &[Group],
    digits_max: usize,
    joins: impl Fn(Gap) -> bool,
) -> impl Iterator<Item = (&[Group], usize)> {
    tail.iter()
        .enumerate()
        .take_while(move |(index, group)| *index == 0 || joins(group.gap))
        .scan(0_usize, |digits, (index, group)| {
            *digits = digits.saturating_add(group.len());
            Some((index.saturating_add(1), *digits))
        })
        .take_while(move |(_, digits)| *digits <= digits_max)
        .filter_map(|(count, digits)| Some((tail.get(..count)?, digits)))
}

/// The glyphs from the first to the last of some groups in a row.
pub(super) fn range(groups: &[Group]) -> Range<usize> {
    match (groups.first(), groups.last()) {
        (Some(first), Some(last)) => first.first..last.end,
        (_, _) => 0..0,
    }
}

/// Whether `taken`, the start of `tail`, is not joined to digits before or after it by a sign
/// that `joins` accepts.
pub(super) fn stand_alone(tail: &[Group], taken: &[Group], joins: impl Fn(Joint) -> bool) -> bool {
    let is_joined = |group: &Group| match group.gap {
        Gap::Joined(joint) => joins(joint),
        Gap::Apart | Gap::SpacedJoint(_) | Gap::Spaced | Gap::Bracket => false,
    };
    !tail.first().is_some_and(is_joined) && !tail.get(taken.len()).is_some_and(is_joined)
}

fn gap_in(text: &Folded, range: Range<usize>) -> Gap {
    if range.len() > GAP_CHARACTERS_MAX {
        return Gap::Apart;
    }
    let (mut spaced, mut bracket, mut joint, mut joints) = (false, false, None, 0_usize);
    for character in text.chars(range) {
        let Some(found) = joint_of(character) else {
            match character {
                '(' | ')' => bracket = true,
                space if space.is_whitespace() => spaced = true,
                _ => return Gap::Apart,
            }
            continue;
        };
        if joint.is_some_and(|joint| joint != found) {
            return Gap::Apart;
        }
        joint = Some(found);
        joints = joints.saturating_add(1);
    }
    match (joint, bracket) {
        (None | Some(Joint::Dash), true) => Gap::Bracket,
        (Some(_), true) => Gap::Apart,
        (None, false) => Gap::Spaced,
        // A full stop with white space ends a sentence.
        (Some(Joint::Dot), false) if spaced => Gap::Apart,
        (Some(joint), false) if spaced || joints > 1 => Gap::SpacedJoint(joint),
        (Some(joint), false) => Gap::Joined(joint),
    }
}

fn joint_of(character: char) -> Option<Joint> {
    match character {
        '+' => Some(Joint::Plus),
        '.' | '·' => Some(Joint::Dot),
        '/' => Some(Joint::Slash),
        '_' => Some(Joint::Underscore),
        dash if is_dash(dash) => Some(Joint::Dash),
        _ => None,
    }
}
