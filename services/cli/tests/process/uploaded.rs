//! Publications that are too large for one request.

use samsyn_client::{Client, Refused, wire};
use samsyn_tests::observed;
use tokio_stream::StreamExt as _;
use wire::upload_picture_request::Part;

use crate::harness::{AREA, Domain, PARTY, observation, own_picture};

const MANY: usize = 1_250;

fn observations(n: usize) -> Vec<wire::Observation> {
    (0..n).map(|i| observation(&format!("U{i}"), 1 + u32::try_from(i % 5).unwrap())).collect()
}

fn full(base_version: u64, observations: Vec<wire::Observation>) -> wire::PublishPictureRequest {
    let period = Some(wire::Period { code: "2025-09".to_owned() });
    let full = wire::FullPicture { period, observations, ..wire::FullPicture::default() };
    wire::PublishPictureRequest {
        change: Some(wire::publish_picture_request::Change::Full(full)),
        ..observed::delta(PARTY, base_version, Vec::new())
    }
}

async fn own(client: &Client) -> (u64, usize) {
    let (version, ids) = own_picture(client, PARTY).await;
    (version, ids.len())
}

fn begin(publication: wire::PublishPictureRequest, changes: usize) -> wire::UploadPictureRequest {
    let changes = u32::try_from(changes).unwrap();
    let begin = wire::UploadBegin { publication: Some(publication), changes };
    wire::UploadPictureRequest { part: Some(Part::Begin(begin)) }
}

fn more(observations: Vec<wire::Observation>, withdrawn: &[&str]) -> wire::UploadPictureRequest {
    let withdrawn_ids = withdrawn.iter().map(|id| (*id).to_owned()).collect();
    let more = wire::UploadMore { observations, withdrawn_ids, ..wire::UploadMore::default() };
    wire::UploadPictureRequest { part: Some(Part::More(more)) }
}

async fn refused(client: &Client, messages: Vec<wire::UploadPictureRequest>) -> (String, String) {
    let messages = tokio_stream::iter(messages);
    let refused = client.pictures.clone().upload_picture(messages).await.unwrap_err();
    let refused = Refused::from(refused);
    let field = refused.fields.first().map(|(field, _)| field.clone()).unwrap_or_default();
    (refused.reason.map_or_else(String::new, |reason| reason.id().to_owned()), field)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_publication_is_one_version_repeats_and_survives_a_power_cut() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let whole = full(0, observations(MANY));
    let first = city.publish(whole.clone()).await.unwrap();
    assert_eq!((first.version, first.revision, first.unchanged), (1, 1, false));
    assert_eq!(own(&city).await, (1, MANY));
    assert_eq!(city.publish(whole).await.unwrap(), first, "the same key, the same answer");

    // Fewer: what is not published again is withdrawn, by one version.
    let second = city.publish(full(1, observations(MANY - 50))).await.unwrap();
    assert_eq!((second.version, second.revision), (2, 2));
    assert_eq!(own(&city).await, (2, MANY - 50));

    domain.kill();
    domain.start();
    let city = domain.client(PARTY).await;
    assert_eq!(own(&city).await, (2, MANY - 50));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_and_assessments_come_in_parts_as_well() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let counted = |i: usize| observed::series(&format!("S{i}"), &[("2025-08", 3), ("2025-09", 4)]);
    let said = |i: usize| observed::assessment(&format!("A{i}"), "2025-09", 2);
    let change = wire::PictureDelta {
        upserts: observations(400),
        series: (0..150).map(counted).collect(),
        assessments: (0..30).map(said).collect(),
        ..wire::PictureDelta::default()
    };
    let published = city.publish(observed::change(PARTY, 0, change)).await.unwrap();
    assert_eq!((published.version, published.unchanged), (1, false));
    let request = wire::ListVersionsRequest {
        context: Some(city.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        page: None,
    };
    let versions =
        city.pictures.clone().list_versions(request).await.unwrap().into_inner().versions;
    assert_eq!(versions.iter().map(|one| one.published).collect::<Vec<_>>(), [400 + 300 + 30]);
    // What only state refuses is told with its path in the request.
    let mut upserts = observations(600);
    upserts[599].id = "S7".to_owned();
    let taken = city.publish(observed::delta(PARTY, 1, upserts)).await.unwrap_err();
    assert_eq!(taken.reason.map(|reason| reason.id()), Some("DUPLICATE_ID"));
    assert_eq!(taken.fields[0].0, "delta.upserts[599].id");
    let series = vec![counted(0), counted(0)];
    let more = wire::UploadMore { series, ..wire::UploadMore::default() };
    let more = wire::UploadPictureRequest { part: Some(Part::More(more)) };
    let twice = vec![begin(observed::delta(PARTY, 1, Vec::new()), 4), more];
    let expected = ("DUPLICATE_ID".to_owned(), "delta.series[1].id".to_owned());
    assert_eq!(refused(&city, twice).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_is_cut_short_or_does_not_fit_changes_nothing() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let delta = || observed::delta(PARTY, 0, vec![observation("A", 2)]);
    let said = |reason: &str, field: &str| (reason.to_owned(), field.to_owned());
    let all = || observations(3);
    for (messages, expected) in [
        (vec![], said("MISSING_FIELD", "begin")),
        (vec![more(all(), &[])], said("MISSING_FIELD", "begin")),
        (vec![begin(delta(), 3)], said("BAD_FIELD", "begin.changes")),
        (vec![begin(delta(), 1), more(all(), &[])], said("BAD_FIELD", "begin.changes")),
        (vec![begin(delta(), 5_001)], said("TOO_LARGE", "begin.changes")),
        (vec![begin(delta(), 2), begin(delta(), 2)], said("BAD_FIELD", "begin")),
        (
            vec![begin(full(0, all()), 4), more(vec![], &["A"])],
            said("BAD_FIELD", "more.withdrawn_ids"),
        ),
        (
            vec![begin(delta(), 2), more(vec![observation("A", 3)], &[])],
            said("DUPLICATE_ID", "delta.upserts[1].id"),
        ),
    ] {
        assert_eq!(refused(&city, messages).await, expected);
    }
    // A stream that is broken off: tonic tells its handler of a clean end.
    let broken = tokio_stream::iter([begin(delta(), 5), more(all(), &[])]);
    let never = broken.chain(tokio_stream::pending());
    let mut pictures = city.pictures.clone();
    let call =
        tokio::time::timeout(std::time::Duration::from_millis(300), pictures.upload_picture(never));
    assert!(call.await.is_err(), "nothing is answered before the end");
    let request = wire::GetPictureRequest {
        context: Some(city.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        ..wire::GetPictureRequest::default()
    };
    let nothing = city.pictures.clone().get_picture(request).await.map(|p| p.into_inner().version);
    assert!(matches!(nothing, Ok(0) | Err(_)), "{nothing:?}");
    // What is refused leaves nothing behind that would take the room of others.
    for _ in 0..6 {
        let stale = city.publish(full(99, observations(MANY))).await.unwrap_err();
        assert_eq!(stale.reason.map(|reason| reason.id()), Some("VERSION_CONFLICT"));
    }
    let taken = city.publish(full(0, observations(MANY))).await;
    assert_eq!(taken.map(|p| p.version).map_err(|refused| refused.to_string()), Ok(1));
    let stranger = domain.client("kriminalvarden").await;
    let other = vec![begin(delta(), 1)];
    assert_eq!(refused(&stranger, other).await.0, "NOT_YOUR_PARTY");
}
