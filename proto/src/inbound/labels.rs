//! Labels (märkning): no object without them.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Audience, GroupId, Labels, OrganisationId, PartyId, PurposeId, Regime, Secrecy, Timestamp,
    registry::Registry,
};

use super::{fault::Within, value};
use crate::{Reason, v1};

const DAY_SECONDS: i64 = 86_400;

/// What labels are held against.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub(super) registry: &'a Registry,
    /// From when the longest retention counts; none when that is not known.
    pub(super) start: Option<Timestamp>,
    pub(super) now: Timestamp,
}

/// Reads the labels in field `name`; none when they are missing or stopped.
pub(super) fn labels(
    asked: Option<v1::Labels>,
    bounds: Bounds<'_>,
    within: &mut Within<'_>,
    name: &str,
) -> Option<Labels> {
    let Some(asked) = asked else {
        within.refuse(Reason::LabelsMissing, name);
        return None;
    };
    let mut within = within.message(name);
    let level = Secrecy::of(asked.level).ok_or(Reason::LevelTooHigh);
    let level = within.take("level", level);
    let audience = audience(&asked.audience, bounds.registry, &mut within);
    let purposes = purposes(&asked.purposes, bounds.registry, &mut within);
    let regime = value::code(&asked.regime, |code| Regime::from_code(code).ok_or(()));
    let regime = within.take("regime", regime);
    let secrecy_provisions = provisions(&asked.secrecy_provisions, bounds.registry, &mut within);
    let retain_until = retention(asked.retain_until, bounds);
    let retain_until = within.take("retain_until", retain_until);
    let embargo_until = asked.embargo_until.map(value::time).transpose();
    let embargo_until = within.take("embargo_until", embargo_until);
    // Nothing in a non-personal object can be tied to a person: that is what the word says.
    for (set, name) in
        [(asked.person_related, "person_related"), (asked.special_category, "special_category")]
    {
        if set && regime == Some(Regime::Nonpersonal) {
            within.refuse(Reason::BadLabels, name);
        }
    }
    Some(Labels {
        level: level?,
        audience,
        purposes,
        regime: regime?,
        secrecy_provisions,
        retain_until: retain_until?,
        person_related: asked.person_related,
        special_category: asked.special_category,
        originator_control: asked.originator_control,
        embargo_until: embargo_until?,
        onward_sharing: asked.onward_sharing,
    })
}

fn retention(
    asked: Option<prost_types::Timestamp>,
    bounds: Bounds<'_>,
) -> Result<Timestamp, Reason> {
    let until = value::time(asked.ok_or(Reason::RetentionMissing)?)?;
    let days = i64::from(bounds.registry.lists().retention_days_max);
    let ceiling = bounds.start.map(|start| start.after_seconds(days.saturating_mul(DAY_SECONDS)));
    let too_long = ceiling.is_some_and(|ceiling| until > ceiling) || until <= bounds.now;
    if too_long { Err(Reason::RetentionTooLong) } else { Ok(until) }
}

fn audience(tokens: &[String], registry: &Registry, within: &mut Within<'_>) -> BTreeSet<Audience> {
    each(tokens, "audience", within, |token| {
        let known = token == Audience::SIGNATORIES
            || PartyId::parse(token).is_ok_and(|id| registry.party(&id).is_some())
            || OrganisationId::parse(token).is_ok_and(|id| registry.organisation(&id).is_some())
            || GroupId::parse(token).is_ok_and(|id| registry.group(&id).is_some());
        Audience::parse(token).ok().filter(|_| known)
    })
}

fn purposes(codes: &[String], registry: &Registry, within: &mut Within<'_>) -> BTreeSet<PurposeId> {
    if codes.is_empty() {
        within.refuse(Reason::MissingField, "purposes");
    }
    let known = |id: &PurposeId| registry.lists().has_purpose(id);
    each(codes, "purposes", within, |code| PurposeId::parse(code).ok().filter(known))
}

fn provisions(
    codes: &[String],
    registry: &Registry,
    within: &mut Within<'_>,
) -> BTreeSet<Arc<str>> {
    let listed = &registry.lists().secrecy_provisions;
    each(codes, "secrecy_provisions", within, |code| {
        listed.get(code).map(|code| code.as_str().into())
    })
}

/// Those of a list that are known; the others are refused, each at its own place.
fn each<T: Ord>(
    codes: &[String],
    name: &str,
    within: &mut Within<'_>,
    known: impl Fn(&str) -> Option<T>,
) -> BTreeSet<T> {
    let mut all = BTreeSet::new();
    for (i, code) in codes.iter().enumerate() {
        match known(code) {
            Some(one) => {
                all.insert(one);
            }
            None => within.refuse(Reason::UnknownCode, &format!("{name}[{i}]")),
        }
    }
    all
}
