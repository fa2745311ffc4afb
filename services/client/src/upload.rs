//! Publications that are too large for one request, in messages within their bounds.

use prost::Message as _;

use crate::wire::{
    PublishPictureRequest, UploadBegin, UploadMore, UploadPictureRequest,
    publish_picture_request::Change, upload_picture_request::Part,
};

/// What one request takes.
const CHANGES_MAX: usize = 500;
/// What one message takes is 256 KiB; the frame around the observations needs a little.
const BYTES_MAX: usize = 240 * 1024;
/// What stands before each item of a list, at most: its tag and length.
const ITEM_BYTES: usize = 6;

/// The messages of an upload; none when the publication fits into one request.
pub(crate) fn messages(request: &PublishPictureRequest) -> Option<Vec<UploadPictureRequest>> {
    let changes = match &request.change {
        None => 0,
        Some(Change::Full(full)) => full.observations.len(),
        Some(Change::Delta(delta)) => delta.upserts.len().saturating_add(delta.withdrawn_ids.len()),
    };
    if changes <= CHANGES_MAX && request.encoded_len() <= BYTES_MAX {
        return None;
    }
    let mut first = request.clone();
    let (observations, withdrawn) = match &mut first.change {
        None => (Vec::new(), Vec::new()),
        Some(Change::Full(full)) => (std::mem::take(&mut full.observations), Vec::new()),
        Some(Change::Delta(delta)) => {
            (std::mem::take(&mut delta.upserts), std::mem::take(&mut delta.withdrawn_ids))
        }
    };
    let changes = u32::try_from(changes).unwrap_or(u32::MAX);
    let begin = UploadBegin { publication: Some(first), changes };
    let mut parts = vec![Part::Begin(begin)];
    let mut more = UploadMore::default();
    let mut bytes = 0_usize;
    let mut room = |size: usize, more: &mut UploadMore| {
        let size = size.saturating_add(ITEM_BYTES);
        if bytes.saturating_add(size) > BYTES_MAX {
            parts.push(Part::More(std::mem::take(more)));
            bytes = 0;
        }
        bytes = bytes.saturating_add(size);
    };
    for observation in observations {
        room(observation.encoded_len(), &mut more);
        more.observations.push(observation);
    }
    for id in withdrawn {
        room(id.len(), &mut more);
        more.withdrawn_ids.push(id);
    }
    parts.push(Part::More(more));
    Some(parts.into_iter().map(|part| UploadPictureRequest { part: Some(part) }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{FullPicture, Observation, PictureDelta};

    fn observations(n: usize) -> Vec<Observation> {
        let one =
            |i| Observation {
                id: format!("{i}"), note: "å".repeat(200), ..Observation::default()
            };
        (0..n).map(one).collect()
    }

    fn request(change: Change) -> PublishPictureRequest {
        PublishPictureRequest { change: Some(change), ..PublishPictureRequest::default() }
    }

    #[test]
    fn what_fits_into_one_request_stays_in_one() {
        let full = FullPicture { period: None, observations: observations(500) };
        assert!(messages(&request(Change::Full(full))).is_none());
    }

    #[test]
    fn nothing_is_lost_or_moved_and_every_message_is_within_bounds() {
        let upserts = observations(3_000);
        let withdrawn_ids: Vec<String> = (0..1_000).map(|i| format!("w{i}")).collect();
        let reason = "Varför.".to_owned();
        let (upserts_too, withdrawn_too) = (upserts.clone(), withdrawn_ids.clone());
        let delta = PictureDelta { upserts, withdrawn_ids, reason };
        let all = messages(&request(Change::Delta(delta))).unwrap();
        assert!(all.len() > 3 && all.iter().all(|one| one.encoded_len() <= 256 * 1024));
        let (mut upserts, mut withdrawn) = (Vec::new(), Vec::new());
        for (i, message) in all.into_iter().enumerate() {
            match message.part {
                Some(Part::Begin(begin)) => {
                    assert_eq!((i, begin.changes), (0, 4_000));
                    let Some(Change::Delta(delta)) = begin.publication.unwrap().change else {
                        panic!("it is a delta");
                    };
                    assert_eq!(delta.reason, "Varför.");
                }
                Some(Part::More(more)) => {
                    upserts.extend(more.observations);
                    withdrawn.extend(more.withdrawn_ids);
                }
                None => panic!("every message is a part"),
            }
        }
        assert_eq!((upserts, withdrawn), (upserts_too, withdrawn_too));
    }
}
