//! How large a publication is. Client and gateway count by this, so that what one sends in parts is
//! what the other asks for.

use crate::v1::{Assessment, Observation, PublishPictureRequest, Series, publish_picture_request};

/// The most changes of a publication in one request.
pub const REQUEST_CHANGES_MAX: usize = 500;
/// The most bytes of a publication in one request, and of a message of an upload.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024;
/// The most points of a series in one publication.
pub const SERIES_POINTS_MAX: usize = 120;

impl PublishPictureRequest {
    /// How many observations, points of series, assessments and withdrawals it holds.
    #[must_use]
    pub fn changes(&self) -> usize {
        use publish_picture_request::Change;
        match &self.change {
            None => 0,
            Some(Change::Full(full)) => rows(&full.observations, &full.series, &full.assessments),
            Some(Change::Delta(delta)) => {
                let upserts = rows(&delta.upserts, &delta.series, &delta.assessments);
                upserts.saturating_add(delta.withdrawn_ids.len())
            }
        }
    }
}

fn rows(observations: &[Observation], series: &[Series], assessments: &[Assessment]) -> usize {
    let points = series.iter().map(|series| series.points.len()).fold(0, usize::saturating_add);
    observations.len().saturating_add(points).saturating_add(assessments.len())
}
