//! Publications that are too large for one request, in messages within their bounds.

use std::mem::take;

use prost::Message as _;
use samsyn_proto::size::{REQUEST_BYTES_MAX, REQUEST_CHANGES_MAX};

use crate::wire::{
    PublishPictureRequest, UploadBegin, UploadMore, UploadPictureRequest,
    publish_picture_request::Change, upload_picture_request::Part,
};

/// The frame around the observations needs a little of what a message takes.
const BYTES_MAX: usize = REQUEST_BYTES_MAX - 16 * 1024;
/// What stands before each item of a list, at most: its tag and length.
const ITEM_BYTES: usize = 6;

/// The messages of an upload; none when the publication fits into one request.
pub(crate) fn messages(request: &PublishPictureRequest) -> Option<Vec<UploadPictureRequest>> {
    let changes = request.changes();
    if changes <= REQUEST_CHANGES_MAX && request.encoded_len() <= BYTES_MAX {
        return None;
    }
    let mut first = request.clone();
    let all = taken(&mut first.change);
    let changes = u32::try_from(changes).unwrap_or(u32::MAX);
    let begin = UploadBegin { publication: Some(first), changes };
    let mut parts = vec![Part::Begin(begin)];
    let mut more = UploadMore::default();
    let mut bytes = 0_usize;
    let mut room = |size: usize, more: &mut UploadMore| {
        let size = size.saturating_add(ITEM_BYTES);
        if bytes.saturating_add(size) > BYTES_MAX {
            parts.push(Part::More(take(more)));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
    };
    for observation in all.observations {
        room(observation.encoded_len(), &mut more);
        more.observations.push(observation);
    }
    for series in all.series {
        room(series.encoded_len(), &mut more);
        more.series.push(series);
    }
    for assessment in all.assessments {
        room(assessment.encoded_len(), &mut more);
        more.assessments.push(assessment);
    }
    for id in all.withdrawn_ids {
        room(id.len(), &mut more);
        more.withdrawn_ids.push(id);
    }
    parts.push(Part::More(more));
    Some(parts.into_iter().map(|part| UploadPictureRequest { part: Some(part) }).collect())
}

/// What is to be sent, taken out of the publication.
fn taken(change: &mut Option<Change>) -> UploadMore {
    match change {
        None => UploadMore::default(),
        Some(Change::Full(full)) => UploadMore {
            observations: take(&mut full.observations),
            series: take(&mut full.series),
            assessments: take(&mut full.assessments),
            withdrawn_ids: Vec::new(),
        },
        Some(Change::Delta(delta)) => UploadMore {
            observations: take(&mut delta.upserts),
            series: take(&mut delta.series),
            assessments: take(&mut delta.assessments),
            withdrawn_ids: take(&mut delta.withdrawn_ids),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{
        Assessment, FullPicture, Observation, Period, PictureDelta, Series, SeriesPoint,
    };

    fn observations(n: usize) -> Vec<Observation> {
        let one =
            |i| Observation {
                id: format!("{i}"), note: "å".repeat(200), ..Observation::default()
            };
        (0..n).map(one).collect()
    }

    fn series(n: usize) -> Vec<Series> {
        let point = |i: usize| SeriesPoint {
            period: Some(Period { code: format!("{}", 1900 + i) }),
            count: Some(1),
        };
        let points: Vec<_> = (0..120).map(point).collect();
        let one = |i| Series { id: format!("s{i}"), points: points.clone(), ..Series::default() };
        (0..n).map(one).collect()
    }

    fn assessments(n: usize) -> Vec<Assessment> {
        let one =
            |i| Assessment { id: format!("a{i}"), text: "å".repeat(200), ..Assessment::default() };
        (0..n).map(one).collect()
    }

    fn request(change: Change) -> PublishPictureRequest {
        PublishPictureRequest { change: Some(change), ..PublishPictureRequest::default() }
    }

    #[test]
    fn what_fits_into_one_request_stays_in_one() {
        let full = FullPicture { observations: observations(500), ..FullPicture::default() };
        assert!(messages(&request(Change::Full(full))).is_none());
    }

    #[test]
    fn nothing_is_lost_or_moved_and_every_message_is_within_bounds() {
        let upserts = observations(3_000);
        let withdrawn_ids: Vec<String> = (0..1_000).map(|i| format!("w{i}")).collect();
        let reason = "Varför.".to_owned();
        let (upserts_too, withdrawn_too) = (upserts.clone(), withdrawn_ids.clone());
        let (series, assessments) = (series(20), assessments(500));
        let (series_too, assessments_too) = (series.clone(), assessments.clone());
        let delta = PictureDelta { upserts, withdrawn_ids, reason, series, assessments };
        let all = messages(&request(Change::Delta(delta))).unwrap();
        assert!(all.len() > 3 && all.iter().all(|one| one.encoded_len() <= 256 * 1024));
        let (mut upserts, mut withdrawn) = (Vec::new(), Vec::new());
        let (mut series, mut assessments) = (Vec::new(), Vec::new());
        for (i, message) in all.into_iter().enumerate() {
            match message.part {
                Some(Part::Begin(begin)) => {
                    assert_eq!((i, begin.changes), (0, 4_000 + 20 * 120 + 500));
                    let Some(Change::Delta(delta)) = begin.publication.unwrap().change else {
                        panic!("it is a delta");
                    };
                    assert_eq!(delta.reason, "Varför.");
                }
                Some(Part::More(more)) => {
                    upserts.extend(more.observations);
                    withdrawn.extend(more.withdrawn_ids);
                    series.extend(more.series);
                    assessments.extend(more.assessments);
                }
                None => panic!("every message is a part"),
            }
        }
        assert_eq!((upserts, withdrawn), (upserts_too, withdrawn_too));
        assert_eq!((series, assessments), (series_too, assessments_too));
    }
}
