//! What a publisher signs, section 15 of the protocol page.

use samsyn_proto::v1::{
    Assessment, Basis, Labels, Observation, Period, PublishPictureRequest, Series, SeriesPoint,
    assessment, observation::Location, publish_picture_request::Change, series,
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
    let (covers, (observations, series, assessments), withdrawn, reason) =
        match request.change.as_ref()? {
            Change::Full(full) => {
                let told = (&full.observations, &full.series, &full.assessments);
                (Some(&full.period.as_ref()?.code), told, &[][..], "")
            }
            Change::Delta(delta) => {
                let told = (&delta.upserts, &delta.series, &delta.assessments);
                (None, told, delta.withdrawn_ids.as_slice(), delta.reason.as_str())
            }
        };
    let entry = |told: Told<'_>| {
        let published = published(told)?.done();
        Some((told.id.to_owned(), Some(keyed(salt, &[b"observation", &published]))))
    };
    let mut entries: Vec<(String, Option<Digest>)> = Vec::new();
    for observation in observations {
        entries.push(entry(observed(observation)?)?);
    }
    for series in series {
        for point in &series.points {
            let id = format!("{}@{}", series.id, point.period.as_ref()?.code);
            entries.push(entry(counted(series, point, &id)?)?);
        }
    }
    for assessment in assessments {
        entries.push(entry(assessed(assessment)?)?);
    }
    entries.extend(withdrawn.iter().map(|id| (id.clone(), None)));
    entries.sort_unstable();
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

/// A salt that only the holder of a secret can make, another for each idempotency key.
pub(crate) fn publication_salt(secret: &[u8; 32], request: &PublishPictureRequest) -> Digest {
    let context = request.context.as_ref();
    let key = context.map_or("", |context| context.idempotency_key.as_str());
    keyed(secret, &[b"samsyn publication salt", key.as_bytes()])
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

fn root(entries: &[(String, Option<Digest>)]) -> Digest {
    let leaf = |(id, commitment): &(String, Option<Digest>)| {
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

/// What is committed to of an observation, a point of a series or an assessment.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// 2 for a point of a series, 3 for an assessment.
    form: Option<i64>,
    id: &'a str,
    category: &'a str,
    place: Where<'a>,
    time: (i64, i64),
    count: Option<u32>,
    severity: Option<u32>,
    trend: i32,
    basis: Basis,
    source: Option<&'a str>,
    reliability: &'a str,
    credibility: u32,
    note: &'a str,
    labels: Option<&'a Labels>,
}

#[derive(Clone, Copy)]
enum Where<'a> {
    Place(&'a str),
    SubArea(&'a str),
    Area(&'a str),
    At(i32, i32),
}

fn observed(told: &Observation) -> Option<Told<'_>> {
    let (starts, ends) = (told.starts_at.as_ref()?, told.ends_at.as_ref()?);
    Some(Told {
        form: None,
        id: &told.id,
        category: &told.category,
        place: match told.location.as_ref()? {
            Location::PlaceId(id) => Where::Place(id),
            Location::SubAreaId(id) => Where::SubArea(id),
            Location::AreaId(id) => Where::Area(id),
            Location::Coordinates(at) => Where::At(at.lat_e7, at.lon_e7),
        },
        time: (micros(starts.seconds, starts.nanos)?, micros(ends.seconds, ends.nanos)?),
        count: told.count,
        severity: told.severity,
        trend: told.trend,
        basis: Basis::try_from(told.basis).ok()?,
        source: Some(&told.source_kind),
        reliability: &told.reliability,
        credibility: told.credibility,
        note: &told.note,
        labels: told.labels.as_ref(),
    })
}

fn counted<'a>(series: &'a Series, point: &SeriesPoint, id: &'a str) -> Option<Told<'a>> {
    Some(Told {
        form: Some(2),
        id,
        category: &series.category,
        place: match series.location.as_ref()? {
            series::Location::PlaceId(id) => Where::Place(id),
            series::Location::SubAreaId(id) => Where::SubArea(id),
            series::Location::AreaId(id) => Where::Area(id),
        },
        time: bounds(point.period.as_ref())?,
        count: point.count,
        severity: None,
        trend: 0,
        basis: Basis::Fact,
        source: Some(&series.source_kind),
        reliability: "",
        credibility: 0,
        note: &series.note,
        labels: series.labels.as_ref(),
    })
}

fn assessed(told: &Assessment) -> Option<Told<'_>> {
    Some(Told {
        form: Some(3),
        id: &told.id,
        category: &told.category,
        place: match told.location.as_ref()? {
            assessment::Location::PlaceId(id) => Where::Place(id),
            assessment::Location::SubAreaId(id) => Where::SubArea(id),
            assessment::Location::AreaId(id) => Where::Area(id),
        },
        time: bounds(told.period.as_ref())?,
        count: None,
        severity: told.severity,
        trend: told.trend,
        basis: Basis::Assessment,
        source: None,
        reliability: &told.reliability,
        credibility: told.credibility,
        note: &told.text,
        labels: told.labels.as_ref(),
    })
}

fn bounds(period: Option<&Period>) -> Option<(i64, i64)> {
    let period: samsyn_domain::Period = period?.code.parse().ok()?;
    let (from, until) = period.bounds();
    Some((from.micros(), until.micros()))
}

fn published(told: Told<'_>) -> Option<Writer> {
    let to = Writer::default().text(1, told.id).text(2, told.category);
    let to = match told.place {
        Where::Place(place) => to.text(3, place),
        Where::SubArea(sub_area) => to.text(4, sub_area),
        Where::Area(area) => to.text(5, area),
        Where::At(lat_e7, lon_e7) => to.i64(6, lat_e7.into()).i64(7, lon_e7.into()),
    };
    let reliability = told.reliability.bytes().next();
    let reliability = reliability.map(|letter| i64::from(letter) - i64::from(b'A') + 1);
    let credibility = Some(told.credibility).filter(|grade| *grade != 0);
    let trend = Some(told.trend).filter(|trend| *trend != 0);
    let note: String = told.note.nfc().collect();
    let (from, until) = told.time;
    Some(
        to.i64(8, from)
            .i64(9, until)
            .maybe(told.count, |to, count| to.i64(10, count.into()))
            .maybe(told.severity, |to, grade| to.i64(11, grade.into()))
            .maybe(trend, |to, trend| to.i64(12, trend.into()))
            .i64(13, i32::from(told.basis).into())
            .maybe(told.source, |to, source| to.text(14, source))
            .maybe(reliability, |to, grade| to.i64(15, grade))
            .maybe(credibility, |to, grade| to.i64(16, grade.into()))
            .maybe(Some(note).filter(|note| !note.is_empty()), |to, note| to.text(17, &note))
            .message(18, labelled(told.labels?)?)
            .maybe(told.form, |to, form| to.i64(19, form)),
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
