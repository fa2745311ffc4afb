//! The catalogue of bad input over real sockets: each refused request with its status, reason,
//! field and a sentence that says what to do; and afterwards nothing has changed.

use prost_types::Timestamp;
use samsyn_client::{Client, Refused, wire};
use tonic::Code;

use crate::harness::{Domain, PARTY, delta, observation};

/// A row of the catalogue: its number, what it is, and how it is refused.
struct Row {
    number: u32,
    what: &'static str,
    edit: fn(&mut wire::PublishPictureRequest),
    code: Code,
    reason: &'static str,
    field: &'static str,
}

const fn row(
    number: u32,
    what: &'static str,
    edit: fn(&mut wire::PublishPictureRequest),
    (code, reason, field): (Code, &'static str, &'static str),
) -> Row {
    Row { number, what, edit, code, reason, field }
}

/// The only observation of a request.
fn one(request: &mut wire::PublishPictureRequest) -> &mut wire::Observation {
    match request.change.as_mut().unwrap() {
        wire::publish_picture_request::Change::Delta(delta) => &mut delta.upserts[0],
        wire::publish_picture_request::Change::Full(full) => &mut full.observations[0],
    }
}

fn labels(request: &mut wire::PublishPictureRequest) -> &mut wire::Labels {
    one(request).labels.as_mut().unwrap()
}

const fn at(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos })
}

/// A key whose time is far ahead of any clock.
const FUTURE_KEY: &str = "ffffffff-ffff-7fff-8fff-ffffffffffff";

use Code::{FailedPrecondition, InvalidArgument, NotFound, PermissionDenied};

const ROWS: [Row; 24] = [
    row(
        10,
        "a character that controls the terminal",
        |r| one(r).note = "a\u{1b}[31m".into(),
        (InvalidArgument, "BAD_CHARACTERS", "delta.upserts[0].note"),
    ),
    row(
        11,
        "a note that is too long",
        |r| one(r).note = "å".repeat(501),
        (InvalidArgument, "FIELD_TOO_LONG", "delta.upserts[0].note"),
    ),
    row(
        12,
        "no place",
        |r| one(r).location = None,
        (InvalidArgument, "MISSING_FIELD", "delta.upserts[0].location"),
    ),
    row(12, "no change", |r| r.change = None, (InvalidArgument, "MISSING_FIELD", "change")),
    row(12, "no context", |r| r.context = None, (InvalidArgument, "MISSING_FIELD", "context")),
    row(
        13,
        "an unknown trend",
        |r| one(r).trend = 77,
        (InvalidArgument, "UNKNOWN_CODE", "delta.upserts[0].trend"),
    ),
    row(
        13,
        "an unknown category",
        |r| one(r).category = "weather".into(),
        (InvalidArgument, "UNKNOWN_CODE", "delta.upserts[0].category"),
    ),
    row(
        15,
        "a severity off its scale",
        |r| one(r).severity = Some(6),
        (InvalidArgument, "BAD_FIELD", "delta.upserts[0].severity"),
    ),
    row(
        16,
        "a place of another area",
        |r| {
            let place = "sthlm-farsta/farsta-centrum/p1".to_owned();
            one(r).location = Some(wire::observation::Location::PlaceId(place));
        },
        (InvalidArgument, "OUTSIDE_AREA", "delta.upserts[0].place_id"),
    ),
    row(
        16,
        "coordinates in the sea",
        |r| {
            let sea = wire::Coordinates { lat_e7: 0, lon_e7: 0 };
            one(r).location = Some(wire::observation::Location::Coordinates(sea));
        },
        (InvalidArgument, "OUTSIDE_AREA", "delta.upserts[0].coordinates"),
    ),
    row(
        18,
        "negative nanoseconds",
        |r| one(r).starts_at = at(1_757_491_200, -1),
        (InvalidArgument, "BAD_TIME", "delta.upserts[0].starts_at"),
    ),
    row(
        18,
        "an end before its start",
        |r| one(r).ends_at = at(1_757_491_199, 0),
        (InvalidArgument, "BAD_TIME", "delta.upserts[0].ends_at"),
    ),
    row(
        19,
        "an event to come",
        |r| one(r).starts_at = at(4_000_000_000, 0),
        (InvalidArgument, "FUTURE_TIME", "delta.upserts[0].starts_at"),
    ),
    row(
        20,
        "kept without an end",
        |r| labels(r).retain_until = None,
        (InvalidArgument, "RETENTION_MISSING", "delta.upserts[0].labels.retain_until"),
    ),
    row(
        20,
        "kept too long",
        |r| labels(r).retain_until = at(4_000_000_000, 0),
        (InvalidArgument, "RETENTION_TOO_LONG", "delta.upserts[0].labels.retain_until"),
    ),
    row(
        21,
        "no labels",
        |r| one(r).labels = None,
        (InvalidArgument, "LABELS_MISSING", "delta.upserts[0].labels"),
    ),
    row(
        21,
        "security-classified",
        |r| labels(r).level = 4,
        (InvalidArgument, "LEVEL_TOO_HIGH", "delta.upserts[0].labels.level"),
    ),
    row(
        23,
        "for another party",
        |r| r.party = "lpo-skarholmen".into(),
        (PermissionDenied, "NOT_YOUR_PARTY", "party"),
    ),
    row(
        24,
        "for an area that it does not hold",
        |r| {
            r.area = "sthlm-farsta".into();
            let farsta = wire::observation::Location::AreaId("sthlm-farsta".into());
            one(r).location = Some(farsta);
        },
        (PermissionDenied, "NOT_YOUR_AREA", "area"),
    ),
    row(
        29,
        "a key that is none",
        |r| {
            r.context.as_mut().unwrap().idempotency_key = "x".into();
        },
        (InvalidArgument, "KEY_MALFORMED", "context.idempotency_key"),
    ),
    row(
        29,
        "a key from the future",
        |r| {
            r.context.as_mut().unwrap().idempotency_key = FUTURE_KEY.into();
        },
        (FailedPrecondition, "KEY_EXPIRED", "context.idempotency_key"),
    ),
    row(
        31,
        "a version that is not the current one",
        |r| r.base_version = 9,
        (Code::Aborted, "VERSION_CONFLICT", "base_version"),
    ),
    row(
        0,
        "a personal identity number",
        |r| one(r).note = "Se 19811218-9876 vid torget".into(),
        (InvalidArgument, "IDENTIFIER_FOUND", "delta.upserts[0].note"),
    ),
    row(
        0,
        "withdrawn without ever being there",
        |r| {
            let delta =
                wire::PictureDelta { withdrawn_ids: vec!["none".into()], ..Default::default() };
            r.change = Some(wire::publish_picture_request::Change::Delta(delta));
        },
        (NotFound, "NOT_FOUND", "delta.withdrawn_ids[0]"),
    ),
];

pub(crate) async fn publish(
    client: &Client,
    request: wire::PublishPictureRequest,
) -> Result<wire::PublishPictureResponse, Refused> {
    let answer = client.pictures.clone().publish_picture(request).await;
    answer.map(tonic::Response::into_inner).map_err(Refused::from)
}

pub(crate) fn told(refused: &Refused) -> (Code, &'static str, Vec<&str>) {
    let fields = refused.fields.iter().map(|(field, _)| field.as_str()).collect();
    (refused.status.code(), refused.reason.map_or("none", |reason| reason.id()), fields)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows10_to_31_each_is_refused_as_the_table_says_and_changes_nothing() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    let mut wrong = Vec::new();
    for row in &ROWS {
        let mut request = delta(PARTY, 0, observation("A", 2));
        (row.edit)(&mut request);
        let said = match publish(&client, request).await {
            Ok(_) => "it was accepted".to_owned(),
            Err(refused) => {
                let expected = (row.code, row.reason, vec![row.field]);
                let text = refused.status.message();
                let helps = text.contains("; ") && refused.fields.iter().all(|f| !f.1.is_empty());
                if told(&refused) == expected && helps {
                    continue;
                }
                format!("{:?}, {text}", told(&refused))
            }
        };
        wrong.push(format!("row {}, {}: {said}", row.number, row.what));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Nothing has changed: the first accepted publication makes the first version and revision.
    let first = publish(&client, delta(PARTY, 0, observation("A", 2))).await.unwrap();
    assert_eq!((first.version, first.revision), (1, 1));
    println!("{} rows refused as the catalogue says", ROWS.len());
}

/// The same body under its key is answered as before, another body is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t6_rows28_and_29_a_key_stands_for_one_body() {
    let mut domain = Domain::written();
    domain.start();
    let client = domain.client(PARTY).await;
    let request = delta(PARTY, 0, observation("A", 2));
    let first = publish(&client, request.clone()).await.unwrap();
    let again = publish(&client, request.clone()).await.unwrap();
    assert_eq!((first.version, &first), (1, &again));
    let mut other = request;
    one(&mut other).severity = Some(3);
    let refused = publish(&client, other).await.unwrap_err();
    let field = vec!["context.idempotency_key"];
    assert_eq!(told(&refused), (InvalidArgument, "KEY_REUSED", field));
}
