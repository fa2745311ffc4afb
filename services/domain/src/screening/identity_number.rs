//! Personal identity numbers (personnummer) and coordination numbers (samordningsnummer).
//!
//! Six or eight digits that are a date (in a coordination number with 60 added to the day) and
//! four digits, the last of them a check digit over the ten (SKV 704; the Luhn formula).
//! Grouped the way people write such numbers, they hit with a wrong check digit too; with other
//! separators between the digits only a right check digit tells them from counts and dates.

use jiff::civil::{Date, DateTime};

use super::{
    Hit, Near, Rule, Verdict,
    digits::{self, Gap, Group, Groups, Joint},
    phone,
};

const DIGITS_MAX: usize = 12;
/// Added to the day of birth in a coordination number.
const COORDINATION_DAYS: u8 = 60;

pub(super) fn scan(groups: &Groups<'_>, near: Option<Near>) -> Vec<Hit> {
    groups.tails().flat_map(|tail| at(groups, tail, near)).collect()
}

fn at(groups: &Groups<'_>, tail: &[Group], near: Option<Near>) -> Vec<Hit> {
    let joins = |gap| !matches!(gap, Gap::Apart | Gap::Bracket);
    digits::prefixes(tail, DIGITS_MAX, joins)
        .filter(|(_, count)| matches!(count, 10 | 12))
        .filter_map(|(taken, _)| {
            let number = Number::parse(&groups.digits(taken))?;
            let verdict = number.verdict(groups, tail, taken, near)?;
            groups.text.hit(number.rule, verdict, digits::range(taken))
        })
        .collect()
}

/// Digits that have the form of an identity number.
struct Number {
    rule: Rule,
    has_century: bool,
    has_right_check_digit: bool,
    /// The digits read as a date and a time of day.
    time: Option<DateTime>,
}

impl Number {
    fn parse(digits: &[u8]) -> Option<Self> {
        let (century, ten) = match digits {
            [first, second, ten @ ..] if ten.len() == 10 => (Some(pair(*first, *second)), ten),
            ten => (None, ten),
        };
        let &[y1, y2, m1, m2, d1, d2, s1, s2, s3, s4] = ten else { return None };
        let (year, month, day) = (pair(y1, y2), pair(m1, m2), pair(d1, d2));
        let (rule, birthday) = match day.checked_sub(COORDINATION_DAYS) {
            Some(birthday @ 1..) => (Rule::CoordinationNumber, birthday),
            Some(_) | None => (Rule::PersonalIdentityNumber, day),
        };
        let mut centuries = match century {
            Some(century @ 18..=20) => century..=century,
            Some(_) => return None,
            None => 19..=20,
        };
        let date = centuries.find_map(|century| date(century, year, month, birthday))?;
        Some(Self {
            rule,
            has_century: century.is_some(),
            has_right_check_digit: has_right_check_digit(ten),
            time: clock(date, [s1, s2, s3, s4]).filter(|_| rule == Rule::PersonalIdentityNumber),
        })
    }

    fn verdict(
        &self,
        groups: &Groups<'_>,
        tail: &[Group],
        taken: &[Group],
        near: Option<Near>,
    ) -> Option<Verdict> {
        if self.time.is_some() && ends_in_clock_time(taken) {
            return None;
        }
        let is_close = |time| near.is_some_and(|near| near.is_close_to(time));
        if self.has_century && is_written_together(taken) && self.time.is_some_and(is_close) {
            return Some(Verdict::Warn);
        }
        let layout = Layout::of(taken);
        if layout == Layout::Plain && self.has_right_check_digit {
            return Some(Verdict::Refuse);
        }
        // Less certain: part of a longer number or a phone number is rather that.
        if !digits::stand_alone(tail, taken, |_| true) || phone::is_number(groups, taken) {
            return None;
        }
        match (layout, self.has_right_check_digit) {
            (Layout::Plain | Layout::DateInParts | Layout::Loose, true) => Some(Verdict::Refuse),
            (Layout::Plain | Layout::DateInParts, false) => Some(Verdict::Hold),
            (Layout::Loose, false) => None,
        }
    }
}

/// How the digits of a number are grouped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `8507099805`, `850709-9805`, `19850709 9805`.
    Plain,
    /// `1985-07-09-9805`, `85 07 09 9805`.
    DateInParts,
    /// Any other grouping.
    Loose,
}

impl Layout {
    fn of(groups: &[Group]) -> Self {
        let lengths: Vec<usize> = groups.iter().map(Group::len).collect();
        let has_usual_sign = groups.last().is_some_and(|serial| match serial.gap {
            Gap::Spaced => true,
            Gap::Joined(joint) | Gap::SpacedJoint(joint) => {
                matches!(joint, Joint::Dash | Joint::Plus)
            }
            Gap::Apart | Gap::Bracket => false,
        });
        match lengths.as_slice() {
            [10 | 12] => Self::Plain,
            [6 | 8, 4] if has_usual_sign => Self::Plain,
            [2 | 4, 2, 2, 4] if has_usual_sign => Self::DateInParts,
            _ => Self::Loose,
        }
    }
}

/// `2025-08-25 14.28`: the full stop makes the last four digits a time of day, unless full stops
/// separate all the groups.
fn ends_in_clock_time(groups: &[Group]) -> bool {
    let is_dotted = |group: &Group| group.gap == Gap::Joined(Joint::Dot);
    let [date @ .., hour, minute] = groups else { return false };
    (hour.len(), minute.len()) == (2, 2)
        && is_dotted(minute)
        && !date.iter().skip(1).chain([hour]).all(is_dotted)
}

/// Without separator; the underscore of file names counts as none.
fn is_written_together(groups: &[Group]) -> bool {
    groups.iter().skip(1).all(|group| group.gap == Gap::Joined(Joint::Underscore))
}

fn pair(tens: u8, ones: u8) -> u8 {
    tens.saturating_mul(10).saturating_add(ones)
}

fn date(century: u8, year: u8, month: u8, day: u8) -> Option<Date> {
    let year = i16::from(century).saturating_mul(100).saturating_add(i16::from(year));
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn clock(date: Date, [h1, h2, m1, m2]: [u8; 4]) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(pair(h1, h2)).ok()?, i8::try_from(pair(m1, m2)).ok()?);
    DateTime::new(date.year(), date.month(), date.day(), hour, minute, 0, 0).ok()
}

/// The Luhn formula: every other digit doubled, the digits of the products summed.
fn has_right_check_digit(ten: &[u8]) -> bool {
    let sum: u32 = ten
        .iter()
        .zip([2_u8, 1].into_iter().cycle())
        .map(|(&digit, weight)| digit.saturating_mul(weight))
        .map(|product| if product > 9 { product.saturating_sub(9) } else { product })
        .map(u32::from)
        .sum();
    sum.is_multiple_of(10)
}
