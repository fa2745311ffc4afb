//! Disclosure-control profiles that are known here: what coarser places and small counts must be.
//! Only what was held against one can be signed.

use std::collections::BTreeMap;

use samsyn_domain::registry::FieldGroup;
use sha2::{Digest as _, Sha256};

use super::{
    hash::Digest,
    object::{About, Amount, Counts, ObjectKind, Place, PlaceVariant, Treatment},
    rejected::{Rejected, Step},
    review::{Reviewed, ReviewedObject},
};

/// Coarser places for every observation, point and assessment; counts of cells from 1 to 4 as less
/// than 5.
const SAMSYN_1: &str = "samsyn-1";
const BELOW: u64 = 5;

/// What was reviewed and held against the profile of its descriptor: what may be signed.
#[derive(Debug, Clone, Copy)]
pub struct Controlled<'a>(&'a Reviewed);

impl Controlled<'_> {
    /// What was reviewed.
    #[must_use]
    pub const fn reviewed(&self) -> &Reviewed {
        self.0
    }

    #[cfg(test)]
    pub(super) const fn unchecked(reviewed: &Reviewed) -> Controlled<'_> {
        Controlled(reviewed)
    }
}

impl Reviewed {
    /// Holds all that readers may get in place of exact values against the disclosure-control
    /// profile that the descriptor names: every coarser place and every band is there, is what the
    /// profile makes of the exact value, and there is none beside.
    ///
    /// # Errors
    /// When the profile is not known here, or at the first object that differs from it.
    pub fn controlled(&self) -> Result<Controlled<'_>, Rejected> {
        if self.profile != known(SAMSYN_1) {
            let why = "its disclosure-control profile is not known here; take a newer client";
            return Err(Step::Descriptor.refuses(why));
        }
        let counted = counted(&self.objects);
        for (number, object) in (1..).zip(&self.objects) {
            let differs = |group| {
                let why = "it is not what the disclosure-control profile makes of the exact value";
                Step::Values.refuses(why).in_group(group).at_object(number)
            };
            if !has_coarser_places(object) {
                return Err(differs(FieldGroup::Place));
            }
            if !has_small_counts(object, &counted) {
                return Err(differs(FieldGroup::Counts));
            }
        }
        Ok(Controlled(self))
    }
}

/// The digest by which a descriptor names a profile.
fn known(profile: &str) -> Digest {
    Sha256::digest(profile.as_bytes()).into()
}

/// How much the observations in review count, by category and source.
fn counted(objects: &[ReviewedObject]) -> BTreeMap<(&str, &str), u64> {
    let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let observations = objects.iter().filter(|object| object.kind == ObjectKind::Observation);
    for object in observations {
        if let Some(((category, source), count)) = count(object) {
            let sum = counted.entry((category, source)).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    counted
}

fn count(object: &ReviewedObject) -> Option<((&str, &str), u64)> {
    let counts = object.fields.counts.value()?;
    let About::Contribution { category, .. } = &object.fields.identity.about else { return None };
    match counts.amount {
        Amount::Exact(Some(count)) => Some(((category, counts.source.as_deref()?), count)),
        Amount::Exact(None) | Amount::Band { .. } | Amount::Perturbed(_) => None,
    }
}

fn has_coarser_places(object: &ReviewedObject) -> bool {
    let Some(exact) = object.fields.place.value() else { return object.coarser_places.is_empty() };
    if object.kind.form().is_none() {
        return object.coarser_places.is_empty();
    }
    let coarser = |variant, level, sub_area: Option<&String>| Place {
        variant,
        place: None,
        sub_area: sub_area.cloned(),
        area: exact.area.clone(),
        coordinates: None,
        treatment: Some(treatment("coarser-place", ("level", level))),
    };
    object.coarser_places
        == [
            coarser(PlaceVariant::SubArea, 2, exact.sub_area.as_ref()),
            coarser(PlaceVariant::District, 3, None),
        ]
}

fn has_small_counts(object: &ReviewedObject, counted: &BTreeMap<(&str, &str), u64>) -> bool {
    if object.kind != ObjectKind::Cell {
        return object.protected_counts.is_empty();
    }
    let Some((of, count)) = count(object) else { return false };
    // A row may have less than all, never more.
    let within = counted.get(&of).copied().unwrap_or(0) >= count;
    let small = (1..BELOW).contains(&count).then(|| Counts {
        source: object.fields.counts.value().and_then(|counts| counts.source.clone()),
        amount: Amount::Band { lower: 1, below: BELOW },
        treatment: Some(treatment("small-counts", ("below", BELOW.cast_signed()))),
    });
    within && object.protected_counts.iter().eq(small.iter())
}

fn treatment(method: &str, (parameter, value): (&str, i64)) -> Treatment {
    Treatment {
        profile: SAMSYN_1.to_owned(),
        method: method.to_owned(),
        parameters: vec![(parameter.to_owned(), value)],
        bound: None,
    }
}

#[cfg(test)]
mod tests {
    use samsyn_domain::Timestamp;

    use super::{
        super::{
            object::{Fields, Identity, Labels, Opened},
            statement::Basis,
        },
        *,
    };

    fn fields(kind: ObjectKind, count: u64) -> Fields {
        let labels = Labels {
            level: 1,
            audience: ["signatories".to_owned()].into(),
            purposes: ["joint_picture".to_owned()].into(),
            regime: "nonpersonal".to_owned(),
            secrecy_provisions: [].into(),
            retain_until: Some(Timestamp::ZERO),
            person_related: false,
            special_category: false,
            originator_control: false,
            embargo_until: None,
            onward_sharing: false,
        };
        let about = About::Contribution {
            category: "graffiti".to_owned(),
            observation_kind: 2,
            priority: "unsafe_places".to_owned(),
            owner: String::new(),
            owner_kind: 1,
            geography: 1,
        };
        let of_cell = kind == ObjectKind::Cell;
        let place = Place {
            variant: PlaceVariant::Exact,
            place: (!of_cell).then(|| "a/s/p".to_owned()),
            sub_area: (!of_cell).then(|| "a/s".to_owned()),
            area: "a".to_owned(),
            coordinates: None,
            treatment: None,
        };
        let amount = Amount::Exact(Some(count));
        Fields {
            identity: Identity { about, area: "a".to_owned(), labels },
            place: Opened::Value(place),
            time: Opened::Absent,
            counts: Opened::Value(Counts {
                source: Some("patrol".into()),
                amount,
                treatment: None,
            }),
            assessment: Opened::Absent,
            text: Opened::Absent,
            provenance: Opened::Absent,
        }
    }

    fn object(kind: ObjectKind, count: u64) -> ReviewedObject {
        let fields = fields(kind, count);
        let coarser = |variant, level, sub_area: Option<&str>| Place {
            variant,
            place: None,
            sub_area: sub_area.map(str::to_owned),
            area: "a".to_owned(),
            coordinates: None,
            treatment: Some(treatment("coarser-place", ("level", level))),
        };
        let coarser_places = match kind {
            ObjectKind::Observation | ObjectKind::Series | ObjectKind::Assessment => vec![
                coarser(PlaceVariant::SubArea, 2, Some("a/s")),
                coarser(PlaceVariant::District, 3, None),
            ],
            ObjectKind::Cell | ObjectKind::Decision | ObjectKind::Analysis => Vec::new(),
        };
        let small = kind == ObjectKind::Cell && (1..5).contains(&count);
        let protected_counts = small.then(band).into_iter().collect();
        ReviewedObject { id: [1; 16], slot: 0, kind, fields, coarser_places, protected_counts }
    }

    fn band() -> Counts {
        Counts {
            source: Some("patrol".into()),
            amount: Amount::Band { lower: 1, below: 5 },
            treatment: Some(treatment("small-counts", ("below", 5))),
        }
    }

    fn reviewed(objects: Vec<ReviewedObject>) -> Reviewed {
        Reviewed {
            content_root: [0; 32],
            basis_commitment: [0; 32],
            descriptor_digest: [0; 32],
            profile: known(SAMSYN_1),
            domain: "d".into(),
            agreement: "a".into(),
            basis: Basis { pictures: [].into(), decisions: [].into(), revision: 1 },
            objects,
        }
    }

    fn step(objects: Vec<ReviewedObject>) -> Option<Step> {
        reviewed(objects).controlled().err().map(|rejected| rejected.step())
    }

    #[test]
    fn what_the_profile_makes_is_accepted() {
        for count in [0, 1, 4, 5, 7] {
            let cell = object(ObjectKind::Cell, count);
            assert_eq!(step(vec![object(ObjectKind::Observation, 7), cell]), None, "{count}");
        }
    }

    #[test]
    fn another_band_another_treatment_or_none_is_refused() {
        type Edit = fn(&mut ReviewedObject);
        let edits: [Edit; 6] = [
            |cell| cell.protected_counts.clear(),
            |cell| cell.protected_counts[0].amount = Amount::Band { lower: 3, below: 4 },
            |cell| cell.protected_counts[0].treatment = None,
            |cell| cell.protected_counts[0].treatment = Some(treatment("none", ("below", 5))),
            |cell| cell.protected_counts.push(band()),
            |cell| {
                cell.coarser_places
                    .push(object(ObjectKind::Observation, 1).coarser_places[0].clone())
            },
        ];
        for (number, edit) in edits.into_iter().enumerate() {
            let mut cell = object(ObjectKind::Cell, 3);
            edit(&mut cell);
            let refused = step(vec![object(ObjectKind::Observation, 7), cell]);
            assert_eq!(refused, Some(Step::Values), "edit {number}");
        }
        let mut large = object(ObjectKind::Cell, 7);
        large.protected_counts.push(band());
        assert_eq!(step(vec![object(ObjectKind::Observation, 7), large]), Some(Step::Values));
    }

    #[test]
    fn a_cell_counts_no_more_than_the_observations_in_review() {
        let cell = || object(ObjectKind::Cell, 7);
        assert_eq!(step(vec![object(ObjectKind::Observation, 6), cell()]), Some(Step::Values));
        assert_eq!(step(vec![cell()]), Some(Step::Values));
        let counted = vec![object(ObjectKind::Series, 7), cell()];
        assert_eq!(step(counted), Some(Step::Values), "statistics are no observations");
    }

    #[test]
    fn a_missing_or_other_coarser_place_is_refused() {
        for kind in [ObjectKind::Series, ObjectKind::Assessment] {
            assert_eq!(step(vec![object(kind, 1)]), None);
            let mut missing = object(kind, 1);
            missing.coarser_places.pop();
            assert_eq!(step(vec![missing]), Some(Step::Values));
        }
        let mut missing = object(ObjectKind::Observation, 1);
        missing.coarser_places.pop();
        assert_eq!(step(vec![missing]), Some(Step::Values));
        let mut finer = object(ObjectKind::Observation, 1);
        finer.coarser_places[1].sub_area = Some("a/s".to_owned());
        assert_eq!(step(vec![finer]), Some(Step::Values));
        let mut banded = object(ObjectKind::Observation, 1);
        banded.protected_counts.push(band());
        assert_eq!(step(vec![banded]), Some(Step::Values));
    }

    #[test]
    fn an_unknown_profile_is_not_signed() {
        let unknown = Reviewed { profile: [9; 32], ..reviewed(Vec::new()) };
        assert_eq!(unknown.controlled().unwrap_err().step(), Step::Descriptor);
    }
}
