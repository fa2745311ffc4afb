//! What a receiver may see of one observation, by the recorded grants.

use samsyn_domain::{
    State,
    disclosure::Grant,
    in_full,
    merge::Seen,
    registry::{FieldGroup, Shown, Variant},
    row::Stage,
};

/// An observation as a grant lets it be seen; none when it is not shown.
pub(crate) fn seen(state: &State, grant: &Grant, stage: &Stage) -> Option<Seen> {
    Some(masked(in_full(state.registry(), stage)?, grant.shown.as_ref()?))
}

/// As [`seen`], and no wider than another grant: what both give, each group in the coarser variant.
pub(crate) fn seen_by_both(
    state: &State,
    grant: &Grant,
    other: &Grant,
    stage: &Stage,
) -> Option<Seen> {
    let (shown, other) = (grant.shown.as_ref()?, other.shown.as_ref()?);
    let common = |(group, variant): (&FieldGroup, &Variant)| {
        Some((*group, (*variant).max(*other.get(group)?)))
    };
    let common: Shown = shown.iter().filter_map(common).collect();
    Some(masked(in_full(state.registry(), stage)?, &common))
}

/// Takes away what is not shown.
fn masked(full: Seen, shown: &Shown) -> Seen {
    let has = |group| shown.contains_key(&group);
    let place = shown.get(&FieldGroup::Place).copied();
    // A place that is not shown is known no finer than the area that the view is of.
    let level = place.unwrap_or(Variant::District).level();
    let coordinates_shown = place == Some(Variant::Exact);
    let text_shown = has(FieldGroup::Text);
    Seen {
        geography: full.geography.coarsened(level),
        place_shown: place.is_some(),
        time: full.time.filter(|_| has(FieldGroup::Time)),
        count: full.count.filter(|_| has(FieldGroup::Counts)),
        assessment: full.assessment.filter(|_| has(FieldGroup::Assessment)),
        sealed: full.sealed.filter(|_| text_shown || coordinates_shown),
        version: full.version.filter(|_| has(FieldGroup::Provenance)),
        text_shown,
        coordinates_shown,
        ..full
    }
}

#[cfg(test)]
mod tests;
