//! What a publisher signs, section 15 of the protocol page.

use samsyn_proto::v1::{
    Labels, Observation, PublishPictureRequest, observation::Location,
    publish_picture_request::Change,
};
use unicode_normalization::UnicodeNormalization as _;

use super::{
    canonical::Writer,
    envelope::Payload,
    hash::{Digest, Use, hash, keyed},
};

/// The canonical payload of a publication's manifest; none when the publication lacks something
/// that the gateway would refuse it for.
#[must_use]
pub fn publication_payload(
    domain: &str,
    request: &PublishPictureRequest,
    salt: &Digest,
) -> Option<Vec<u8>> {
    let (covers, observations, withdrawn, reason) = match request.change.as_ref()? {
        Change::Full(full) => (Some(&full.period.as_ref()?.code), &full.observations, &[][..], ""),
        Change::Delta(delta) => {
            (None, &delta.upserts, delta.withdrawn_ids.as_slice(), delta.reason.as_str())
        }
    };
    let mut entries: Vec<(&str, Option<Digest>)> = Vec::new();
    for observation in observations {
        let published = published(observation)?.done();
        entries.push((&observation.id, Some(keyed(salt, &[b"observation", &published]))));
    }
    entries.extend(withdrawn.iter().map(|id| (id.as_str(), None)));
    entries.sort_unstable_by_key(|(id, _)| *id);
    let reason: String = reason.nfc().collect();
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| keyed(salt, &[b"reason", reason.as_bytes()]));
    let payload = Writer::default()
        .i64(1, 1)
        .text(2, domain)
        .text(3, &request.party)
        .text(4, &request.area)
        .i64(5, request.base_version.try_into().ok()?)
        .maybe(covers, |to, covers| to.text(6, covers))
        .i64(7, entries.len().try_into().ok()?)
        .digest(8, &root(&entries))
        .maybe(reason, |to, reason| to.digest(9, &reason));
    Some(payload.done())
}

/// The bytes under the signature of a manifest.
#[must_use]
pub fn publication_to_sign(payload: &[u8]) -> Vec<u8> {
    Payload::PublicationManifest.to_sign(payload)
}

/// The digest of a manifest, which observations name as their provenance.
#[must_use]
pub fn publication_digest(payload: &[u8]) -> Digest {
    hash(Use::Publication, &[payload])
}

fn root(entries: &[(&str, Option<Digest>)]) -> Digest {
    let leaf = |(id, commitment): &(&str, Option<Digest>)| {
        let entry = Writer::default().text(1, id);
        let entry = entry.maybe(commitment.as_ref(), |to, digest| to.digest(2, digest));
        hash(Use::Entry, &[&entry.done()])
    };
    let mut level: Vec<Digest> = entries.iter().map(leaf).collect();
    while level.len() > 1 {
        let pair = |pair: &[Digest]| match pair {
            [left, right] => hash(Use::EntryNode, &[left, right]),
            alone => alone.first().copied().unwrap_or_default(),
        };
        level = level.chunks(2).map(pair).collect();
    }
    level.first().copied().unwrap_or_else(|| hash(Use::Entry, &[]))
}

fn published(observation: &Observation) -> Option<Writer> {
    let (starts, ends) = (observation.starts_at.as_ref()?, observation.ends_at.as_ref()?);
    let starts = micros(starts.seconds, starts.nanos)?;
    let ends = micros(ends.seconds, ends.nanos)?;
    let to = Writer::default().text(1, &observation.id).text(2, &observation.category);
    let to = match observation.location.as_ref()? {
        Location::PlaceId(place) => to.text(3, place),
        Location::SubAreaId(sub_area) => to.text(4, sub_area),
        Location::AreaId(area) => to.text(5, area),
        Location::Coordinates(at) => to.i64(6, at.lat_e7.into()).i64(7, at.lon_e7.into()),
    };
    let reliability = observation.reliability.bytes().next();
    let reliability = reliability.map(|letter| i64::from(letter) - i64::from(b'A') + 1);
    let note: String = observation.note.nfc().collect();
    let labels = observation.labels.as_ref()?;
    let some = |number: i32| Some(i64::from(number)).filter(|number| *number != 0);
    Some(
        to.i64(8, starts)
            .i64(9, ends)
            .maybe(observation.count, |to, count| to.i64(10, count.into()))
            .maybe(observation.severity, |to, grade| to.i64(11, grade.into()))
            .maybe(some(observation.trend), |to, trend| to.i64(12, trend))
            .i64(13, observation.basis.into())
            .text(14, &observation.source_kind)
            .maybe(reliability, |to, grade| to.i64(15, grade))
            .maybe(Some(observation.credibility).filter(|grade| *grade != 0), |to, grade| {
                to.i64(16, grade.into())
            })
            .maybe(Some(note).filter(|note| !note.is_empty()), |to, note| to.text(17, &note))
            .message(18, labelled(labels)?),
    )
}

/// Microseconds since 1970: what is finer is cut off.
fn micros(seconds: i64, nanos: i32) -> Option<i64> {
    seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos / 1_000))
}

fn labelled(labels: &Labels) -> Option<Writer> {
    let retain = labels.retain_until.as_ref()?;
    let embargo = match &labels.embargo_until {
        Some(until) => Some(micros(until.seconds, until.nanos)?),
        None => None,
    };
    Some(
        Writer::default()
            .i64(1, labels.level.into())
            .texts(2, &labels.audience)
            .texts(3, &labels.purposes)
            .text(4, &labels.regime)
            .texts(5, &labels.secrecy_provisions)
            .i64(6, micros(retain.seconds, retain.nanos)?)
            .bool(7, labels.person_related)
            .bool(8, labels.special_category)
            .bool(9, labels.originator_control)
            .maybe(embargo, |to, until| to.i64(10, until))
            .bool(11, labels.onward_sharing),
    )
}
