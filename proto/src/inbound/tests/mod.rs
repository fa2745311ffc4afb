//! What comes in: the catalogue of bad input, and that every screened field is screened.

mod catalogue;
mod changes;
mod publications;
mod recipients;
mod requests;
mod screened;
mod statements;

use super::{Checked, Fault, Publication};
use crate::{Reason, inbound::fixture, v1};

/// Checks a publication against the fixed registry and time.
fn checked(request: v1::PublishPictureRequest) -> Checked<Publication> {
    super::publication(request, &fixture::registry(), fixture::NOW)
}

/// The faults of a full publication whose one observation was changed, as reason and path.
fn faults_of(change: impl FnOnce(&mut v1::Observation)) -> Vec<(Reason, String)> {
    let mut observation = fixture::observation("obs-one");
    change(&mut observation);
    named(&checked(fixture::full(vec![observation])).faults)
}

/// The same for its labels.
fn label_faults_of(change: impl FnOnce(&mut v1::Labels)) -> Vec<(Reason, String)> {
    faults_of(|observation| change(observation.labels.get_or_insert_default()))
}

fn named(faults: &[Fault]) -> Vec<(Reason, String)> {
    faults.iter().map(|fault| (fault.reason, fault.field.clone())).collect()
}

/// One fault at a field of the first observation of a full publication.
fn one(reason: Reason, field: &str) -> Vec<(Reason, String)> {
    vec![(reason, format!("full.observations[0].{field}"))]
}
