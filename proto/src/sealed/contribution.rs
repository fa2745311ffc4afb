//! What of an own picture crosses a link: a delta, as its party would publish it at its home. It
//! goes under seal into the same entry as the record of its leaving.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use samsyn_domain::{Draft, Form, Observation, ObservationId};

use super::observation;
use crate::{
    size::{REQUEST_CHANGES_MAX, SERIES_POINTS_MAX},
    v1,
};

/// The most bytes of one piece: with its header it fits into an envelope.
pub(super) const PIECE_BYTES_MAX: usize = 240 * 1024;
/// How long an observation with a note is, about.
const USUAL_BYTES: usize = 1_024;

/// A piece of a contribution.
#[derive(Clone, PartialEq, Eq)]
pub struct Delta {
    /// The encoded `samsyn.v1.PictureDelta`.
    pub bytes: Vec<u8>,
    /// What it holds: upserts and withdrawals.
    pub holds: BTreeSet<ObservationId>,
}

impl std::fmt::Debug for Delta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "delta of {} changes, {} bytes", self.holds.len(), self.bytes.len())
    }
}

impl Delta {
    /// As much of some changes as one piece holds; what it does not hold is for the next.
    pub fn of(
        drafts: impl IntoIterator<Item = Draft>,
        withdrawn: impl IntoIterator<Item = ObservationId>,
    ) -> Self {
        let mut filling = Filling::default();
        for id in withdrawn {
            filling.withdraw(id);
        }
        for draft in drafts {
            if filling.is_full() {
                break;
            }
            filling.put(&draft);
        }
        let Filling { mut delta, holds, series, .. } = filling;
        let whole = |(said, points)| v1::Series { points, ..said };
        delta.series = series.into_values().map(whole).collect();
        Self { bytes: delta.encode_to_vec(), holds }
    }
}

#[derive(Default)]
struct Filling {
    delta: v1::PictureDelta,
    holds: BTreeSet<ObservationId>,
    bytes: usize,
    /// What is said of a series, without points, and its points.
    series: BTreeMap<String, (v1::Series, Vec<v1::SeriesPoint>)>,
}

impl Filling {
    fn withdraw(&mut self, id: ObservationId) {
        if self.fits(id.as_str().len() + 4) {
            self.delta.withdrawn_ids.push(id.to_string());
            self.holds.insert(id);
        }
    }

    fn put(&mut self, Draft { id, content, secret }: &Draft) {
        let one = Observation { id: id.clone(), content: content.clone(), sealed: None };
        let holds = match content.form {
            Form::Observation => {
                let wire = observation::published(id.as_str(), content, Some(secret));
                let fits = self.fits(wire.encoded_len() + 8);
                self.delta.upserts.extend(fits.then_some(wire));
                fits
            }
            Form::Series => {
                observation::series(&one, Some(secret)).is_some_and(|wire| self.point(wire))
            }
            Form::Assessment => {
                let wire = observation::assessment(&one, Some(secret));
                let wire = wire.filter(|wire| self.fits(wire.encoded_len() + 8));
                let fits = wire.is_some();
                self.delta.assessments.extend(wire);
                fits
            }
        };
        if holds {
            self.holds.insert(id.clone());
        }
    }

    /// A series stands once in a publication: its points go together, as long as all else that is
    /// said of them is the same.
    fn point(&mut self, mut wire: v1::Series) -> bool {
        let whole = wire.encoded_len();
        let points = std::mem::take(&mut wire.points);
        let length = match self.series.get(&wire.id) {
            None => whole,
            Some((said, so_far)) if *said == wire && so_far.len() < SERIES_POINTS_MAX => {
                points.iter().map(|point| point.encoded_len() + 8).sum()
            }
            Some(_) => return false,
        };
        let fits = self.fits(length + 8);
        if fits {
            let (_, so_far) =
                self.series.entry(wire.id.clone()).or_insert_with(|| (wire, Vec::new()));
            so_far.extend(points);
        }
        fits
    }

    /// Nothing more is tried: there is hardly room for one of the usual length.
    fn is_full(&self) -> bool {
        self.holds.len() >= REQUEST_CHANGES_MAX || self.bytes + USUAL_BYTES > PIECE_BYTES_MAX
    }

    fn fits(&mut self, length: usize) -> bool {
        let bytes = self.bytes.saturating_add(length);
        let fits = bytes <= PIECE_BYTES_MAX && self.holds.len() < REQUEST_CHANGES_MAX;
        if fits {
            self.bytes = bytes;
        }
        fits
    }
}
