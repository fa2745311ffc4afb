//! Series of statistics and assessments over real sockets: published, merged, explained, endorsed,
//! released, proven, withdrawn.

use samsyn_client::{
    Client, Refused,
    verify::{self, ObjectKind, Pinned, Verified},
    wire::{self, Form, count_series::Amount},
};
use samsyn_tests::observed::{assessment, change, series};

use crate::{
    endorsed::released,
    harness::{AREA, Domain, PARTY, observation, samsyn},
};

const POLICE: &str = "lpo-skarholmen";
const PERIOD: &str = "2025-09";
/// The week in which the observations start.
const WEEK: &str = "2025-W37";
const CATEGORY: &str = "open_drug_dealing";

/// Of a category that every partner of the story may have something of.
fn shared<T>(mut one: T, of: fn(&mut T) -> (&mut String, &mut Option<wire::Labels>)) -> T {
    let (category, labels) = of(&mut one);
    CATEGORY.clone_into(category);
    labels.as_mut().unwrap().audience = ["signatories", "partners"].map(str::to_owned).into();
    one
}

/// What the district sees, counts and assesses.
fn district() -> wire::PictureDelta {
    let counted = series("counted", &[("2025-08", 9), (PERIOD, 41), (WEEK, 12)]);
    wire::PictureDelta {
        upserts: vec![shared(observation("seen", 3), |one| (&mut one.category, &mut one.labels))],
        series: vec![shared(counted, |one| (&mut one.category, &mut one.labels))],
        assessments: vec![shared(assessment("said", PERIOD, 4), |one| {
            (&mut one.category, &mut one.labels)
        })],
        ..wire::PictureDelta::default()
    }
}

async fn published(city: &Client, police: &Client) -> u64 {
    city.publish(change(PARTY, 0, district())).await.unwrap();
    let seen = shared(observation("other", 4), |one| (&mut one.category, &mut one.labels));
    let delta = wire::PictureDelta { upserts: vec![seen], ..wire::PictureDelta::default() };
    police.publish(change(POLICE, 0, delta)).await.unwrap().revision
}

async fn joint(client: &Client, code: &str) -> wire::Finding {
    let request = wire::GetJointPictureRequest {
        context: Some(client.profile().read_context()),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: code.to_owned() }),
        ..wire::GetJointPictureRequest::default()
    };
    let picture = client.joint.clone().get_joint_picture(request).await.unwrap().into_inner();
    let [finding] = picture.findings.as_slice() else { panic!("{:?}", picture.findings) };
    finding.clone()
}

async fn edition(client: &Client, id: &str) -> wire::Edition {
    let request = wire::GetEditionRequest {
        context: Some(client.profile().read_context()),
        edition_id: id.to_owned(),
        page: None,
    };
    client.editions.clone().get_edition(request).await.unwrap().into_inner().edition.unwrap()
}

fn proven(client: &Client, edition: &wire::Edition) -> Verified {
    let digest = hex::decode(&client.profile().descriptor).unwrap();
    let pinned = Pinned { descriptor: digest.try_into().unwrap() };
    verify::proof(&edition.proof, &pinned).unwrap()
}

fn counts(finding: &wire::Finding) -> Vec<(&str, bool, u32)> {
    let count = |series: &wire::CountSeries| match series.amount {
        Some(Amount::Exact(count)) => count,
        Some(Amount::Below(_)) | None => panic!("{series:?}"),
    };
    let counts = finding.counts.iter();
    counts.map(|series| (series.party.as_str(), series.statistics, count(series))).collect()
}

fn forms(finding: &wire::Finding) -> Vec<(&str, Form)> {
    let id = |one: &wire::Contribution| one.observation.as_ref().unwrap().id.clone();
    let all = finding.contributions.iter();
    assert!(all.clone().map(id).all(|id| !id.is_empty()));
    all.map(|one| (one.party.as_str(), one.form())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_and_assessments_stand_in_their_own_period_and_apart() {
    let mut domain = Domain::written();
    domain.start();
    let (city, police) = (domain.client(PARTY).await, domain.client(POLICE).await);
    published(&city, &police).await;
    let month = joint(&police, PERIOD).await;
    let own = |form| (PARTY, form);
    let other = (POLICE, Form::Observation);
    let all = [other, own(Form::Series), own(Form::Assessment), own(Form::Observation)];
    assert_eq!(forms(&month), all);
    assert_eq!(counts(&month), [(POLICE, false, 1), (PARTY, false, 1), (PARTY, true, 41)]);
    assert_eq!((month.severity, month.seen_by.len()), (Some(4), 2));
    let week = joint(&police, WEEK).await;
    assert_eq!(forms(&week), [other, own(Form::Series), own(Form::Observation)]);
    assert_eq!(counts(&week), [(POLICE, false, 1), (PARTY, false, 1), (PARTY, true, 12)]);
    let before = joint(&city, "2025-08").await;
    assert_eq!((before.seen_by.len(), counts(&before)), (0, vec![(PARTY, true, 9)]));

    let request = wire::ExplainFindingRequest {
        context: Some(city.profile().read_context()),
        area: AREA.to_owned(),
        finding_id: month.id.clone(),
        period: month.period.clone(),
        revision: 0,
    };
    let explained = city.joint.clone().explain_finding(request).await.unwrap().into_inner();
    let steps = explained.steps.iter().filter(|step| step.field == "counts");
    let steps: Vec<_> = steps.map(|s| (s.rule_id.as_str(), s.observation_ids.clone())).collect();
    let point = format!("counted@{PERIOD}");
    let seen = ["other", "seen"].map(str::to_owned).to_vec();
    assert_eq!(steps, [("MERGE-09", seen), ("MERGE-10", vec![point])]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edition_proves_points_and_assessments_and_no_cell_counts_statistics() {
    let mut domain = Domain::written();
    domain.start();
    let (city, police) = (domain.client(PARTY).await, domain.client(POLICE).await);
    let revision = published(&city, &police).await;
    let labels = district().upserts[0].labels.clone();
    let id = released(&city, &police, (PERIOD, revision), labels).await;

    let prosecutor = domain.client("aklagarmyndigheten").await;
    let shown = edition(&prosecutor, &id).await;
    let proof = proven(&prosecutor, &shown);
    let kinds = |kind| proof.objects.iter().filter(|object| object.kind == kind).count();
    let contributed = [ObjectKind::Observation, ObjectKind::Series, ObjectKind::Assessment];
    assert_eq!(contributed.map(kinds), [2, 1, 1]);
    proof.matches(&shown.findings).unwrap();
    let contributions = shown.findings[0].contributions.iter();
    let place = contributions.clone().position(|one| one.form() == Form::Series).unwrap();
    assert!(contributions.clone().all(|one| one.observation.as_ref().unwrap().count.is_none()));
    let mut other = shown.findings.clone();
    other[0].contributions[place].form = Form::Observation.into();
    assert!(proof.matches(&other).is_err(), "a point is passed off as an observation");

    let region = domain.client("region-stockholm").await;
    let cells = edition(&region, &id).await;
    proven(&region, &cells).matches(&cells.findings).unwrap();
    let counted = cells.findings.iter().find(|finding| finding.id.ends_with(CATEGORY));
    let amounts: Vec<_> = counted.unwrap().counts.iter().map(|series| series.amount).collect();
    assert_eq!(amounts, [Some(Amount::Below(5))], "two were seen, whatever was counted");
    assert!(cells.findings.iter().all(|finding| finding.contributions.is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_picture_is_read_published_again_and_taken_back_by_command() {
    let mut domain = Domain::written();
    domain.start();
    let (city, police) = (domain.client(PARTY).await, domain.client(POLICE).await);
    published(&city, &police).await;
    domain.profile(PARTY).save(&domain.path().join("profiles").join(PARTY)).unwrap();
    let run = |arguments: &[&str]| {
        let profiles = domain.path().join("profiles");
        let mut command = samsyn();
        command.args(arguments).args(["--as", PARTY, "--profiles"]).arg(profiles);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let told = run(&["picture", AREA]);
    for part in ["1 observations, 3 points of series, 1 assessments", "counted", "said"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let own: serde_json::Value =
        serde_json::from_str(&run(&["picture", AREA, "--output", "json"])).unwrap();
    let again = serde_json::json!({
        "party": PARTY, "area": AREA, "base_version": "current",
        "delta": {
            "upserts": own["observations"], "series": own["series"],
            "assessments": own["assessments"],
        },
    });
    let file = domain.path().join("again.json");
    std::fs::write(&file, again.to_string()).unwrap();
    let answer = run(&["publish", file.to_str().unwrap(), "--output", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["unchanged"], &answer["version"]), (&true.into(), &1.into()));
    let table = run(&["joint", "get", AREA, "--period", PERIOD]);
    assert!(table.contains("stat 41"), "{table}");

    let taken = wire::Observation { id: "counted".to_owned(), ..district().upserts.remove(0) };
    let delta = wire::PictureDelta { upserts: vec![taken], ..wire::PictureDelta::default() };
    let refused: Refused = city.publish(change(PARTY, 1, delta)).await.unwrap_err();
    let fields: Vec<_> = refused.fields.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(refused.reason.map(|reason| reason.id()), Some("DUPLICATE_ID"));
    assert_eq!(fields, ["delta.upserts[0].id"]);

    let withdrawn_ids = vec!["counted".to_owned()];
    let delta = wire::PictureDelta { withdrawn_ids, ..wire::PictureDelta::default() };
    city.publish(change(PARTY, 1, delta)).await.unwrap();
    let month = joint(&police, PERIOD).await;
    assert_eq!(counts(&month), [(POLICE, false, 1), (PARTY, false, 1)]);
}
