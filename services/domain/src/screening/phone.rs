//! Swedish phone numbers (telefonnummer), grouped the way people write them.
//!
//! With the country code (`+46`, `0046`) any grouping hits. Without it the number has to begin
//! with a known area code set off from a subscriber number in usual groups, or be a mobile or
//! Stockholm number written together; so clock times, counts, years and house numbers stay out.

use std::ops::RangeInclusive;

use super::{
    Hit, Rule, Verdict,
    digits::{self, Gap, Group, Groups, Joint},
};

/// `0046`, a trunk zero and nine digits.
const INTERNATIONAL_DIGITS_MAX: usize = 14;
const DOMESTIC_DIGITS_MAX: usize = 10;

/// The two digits after the zero in area codes of three digits (Post- och telestyrelsen, the
/// Swedish numbering plan). Of two digits there is only `08`; the rest have four.
const AREA_CODES: [u8; 22] =
    [10, 11, 13, 16, 18, 19, 20, 21, 23, 26, 31, 33, 35, 36, 40, 42, 44, 46, 54, 60, 63, 90];

/// The lengths of the groups after the area code. Two and four are missing: that is a date.
const SUBSCRIBER_GROUPS: [&[usize]; 18] = [
    &[5],
    &[3, 2],
    &[2, 3],
    &[6],
    &[2, 2, 2],
    &[3, 3],
    &[7],
    &[3, 2, 2],
    &[2, 3, 2],
    &[2, 2, 3],
    &[3, 4],
    &[4, 3],
    &[8],
    &[3, 3, 2],
    &[3, 2, 3],
    &[4, 4],
    &[3, 5],
    &[2, 2, 2, 2],
];

pub(super) fn scan(groups: &Groups<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut taken = 0_usize;
    for tail in groups.tails() {
        if let Some(left) = taken.checked_sub(1) {
            taken = left;
            continue;
        }
        if let Some(number) = international(groups, tail).or_else(|| domestic(groups, tail)) {
            taken = number.len().saturating_sub(1);
            hits.extend(hit(groups, number));
        }
    }
    hits
}

/// Whether some groups in a row are exactly a domestic phone number.
pub(super) fn is_number(groups: &Groups<'_>, taken: &[Group]) -> bool {
    let digits = groups.digits(taken);
    match taken {
        [] => false,
        [_] => is_compact_number(&digits),
        [area, subscriber @ ..] => digits.split_at_checked(area.len()).is_some_and(|(code, _)| {
            let lengths: Vec<usize> = subscriber.iter().map(Group::len).collect();
            digits_with(code).is_some_and(|count| count.contains(&digits.len()))
                && SUBSCRIBER_GROUPS.contains(&lengths.as_slice())
                && has_usual_gaps(area, subscriber)
        }),
    }
}

fn hit(groups: &Groups<'_>, number: &[Group]) -> Option<Hit> {
    let range = digits::range(number);
    let first = match groups.text.before(range.start) {
        Some('+') => range.start.saturating_sub(1),
        Some(_) | None => range.start,
    };
    groups.text.hit(Rule::Phone, Verdict::Refuse, first..range.end)
}

fn international<'g>(groups: &Groups<'_>, tail: &'g [Group]) -> Option<&'g [Group]> {
    let has_plus = groups.text.before(tail.first()?.first) == Some('+');
    let joins = |gap| match gap {
        Gap::Spaced | Gap::Bracket => true,
        Gap::Joined(joint) | Gap::SpacedJoint(joint) => {
            matches!(joint, Joint::Dash | Joint::Dot | Joint::Slash)
        }
        Gap::Apart => false,
    };
    digits::prefixes(tail, INTERNATIONAL_DIGITS_MAX, joins)
        .map(|(taken, _)| taken)
        .take_while(|taken| may_be_international(&groups.digits(taken), has_plus))
        .filter(|taken| is_international(&groups.digits(taken), has_plus))
        .last()
}

/// Spares the work on groups that do not begin like an international number.
fn may_be_international(digits: &[u8], has_plus: bool) -> bool {
    has_plus || digits.starts_with(&[0, 0])
}

fn is_international(digits: &[u8], has_plus: bool) -> bool {
    let national = match digits {
        [0, 0, 4, 6, national @ ..] => national,
        [4, 6, national @ ..] if has_plus => national,
        _ => return false,
    };
    let subscriber = national.strip_prefix(&[0]).unwrap_or(national);
    subscriber.first().is_some_and(|&first| first > 0) && (7..=9).contains(&subscriber.len())
}

fn domestic<'g>(groups: &Groups<'_>, tail: &'g [Group]) -> Option<&'g [Group]> {
    if groups.text.at(tail.first()?.first) != Some('0') {
        return None;
    }
    // Two numbers may be written with a slash between them.
    let joins = |joint| joint != Joint::Slash;
    digits::prefixes(tail, DOMESTIC_DIGITS_MAX, |gap| gap != Gap::Apart)
        .map(|(taken, _)| taken)
        .filter(|taken| is_number(groups, taken) && digits::stand_alone(tail, taken, joins))
        .last()
}

fn is_compact_number(digits: &[u8]) -> bool {
    match digits {
        [0, 7, 0 | 2 | 3 | 6 | 9, ..] | [0, 1, 0, ..] => digits.len() == 10,
        [0, 8, ..] => matches!(digits.len(), 9 | 10),
        _ => false,
    }
}

/// How many digits a number with this area code has, the code included.
fn digits_with(area_code: &[u8]) -> Option<RangeInclusive<usize>> {
    let has_three_digits =
        |a: u8, b: u8| AREA_CODES.contains(&a.saturating_mul(10).saturating_add(b));
    match *area_code {
        [0, 8] => Some(8..=10),
        [0, 7, 0 | 2 | 3 | 6 | 9] | [0, 7, 0 | 2 | 3 | 6 | 9, _] => Some(10..=10),
        [0, a, b] if has_three_digits(a, b) => Some(8..=10),
        [0, a @ (1..=7 | 9), b, _] if !has_three_digits(a, b) => Some(9..=10),
        _ => None,
    }
}

fn has_usual_gaps(area: &Group, subscriber: &[Group]) -> bool {
    let [first, rest @ ..] = subscriber else { return false };
    let all = |gap| rest.iter().all(|group| group.gap == gap);
    match first.gap {
        // `08 12 14 16` are hours rather than a number.
        Gap::Spaced => (area.len() > 2 || first.len() > 2) && all(Gap::Spaced),
        Gap::Joined(Joint::Dash | Joint::Slash)
        | Gap::SpacedJoint(Joint::Dash | Joint::Slash)
        | Gap::Bracket => all(Gap::Spaced) || all(Gap::Joined(Joint::Dash)),
        Gap::Joined(Joint::Dot) => all(Gap::Joined(Joint::Dot)),
        Gap::Apart | Gap::Joined(_) | Gap::SpacedJoint(_) => false,
    }
}
