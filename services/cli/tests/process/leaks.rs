//! Who gets which field of which call: every call of the interface, every kind of reader, over real
//! sockets, as a table that is reviewed as a diff.
//! `UPDATE=1 cargo test -p samsyn-cli --test process leak`

mod requests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::future::join_all;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};
use samsyn_client::{Client, Profile, Refused, admin, wire, write_context};
use samsyn_proto::DESCRIPTORS;
use samsyn_tests::{
    observed,
    raw::{Answer, Raw, frame},
};

use self::requests::{There, asked};
use crate::{
    endorsed::{open, released},
    harness::{AREA, Domain, PARTY, delta, observation},
    messages,
    revoked::Authority,
};

const POLICE: &str = "lpo-skarholmen";
const PERIOD: &str = "2025-09";
/// Whose sight is told: the owner, others who signed, one who signed elsewhere, every partner, who
/// oversees, who is shut out.
const READERS: [&str; 14] = [
    PARTY,
    POLICE,
    "sthlm-trafikkontoret",
    "sdf-farsta",
    "kriminalvarden",
    "region-stockholm",
    "aklagarmyndigheten",
    "kronofogden",
    "tullverket",
    "forsakringskassan",
    "raddningstjansten",
    "auditor",
    "registrar",
    SHUT_OUT,
];
const SHUT_OUT: &str = "sthlm-utbildningsforvaltningen";
/// Who is not registered.
const NOBODY: &str = "sdf-ingenstans";
/// What nobody but its owner may know of.
const HIDDEN: [&str; 2] = ["HIDDEN-17", "lighting_fault"];
/// Long enough for all that a stream has to say at once.
const STREAM: &str = "5000m";

fn period(code: &str) -> Option<wire::Period> {
    Some(wire::Period { code: code.to_owned() })
}

/// What the owner shows, so that there is something for every partner: the category, how many.
const SHOWN: [(&str, u32); 4] = [
    ("graffiti", 17),
    ("open_drug_dealing", 17),
    ("criminal_gathering", 3),
    ("illegal_business_premises", 17),
];

/// An observation in which every field is set.
fn whole(id: &str, severity: u32, note: &str, audience: &[&str]) -> wire::Observation {
    let mut whole = observation(id, severity);
    whole.count = Some(17);
    whole.trend = wire::Trend::Up.into();
    whole.reliability = "B".to_owned();
    whole.credibility = 2;
    whole.note = note.to_owned();
    let labels = whole.labels.as_mut().unwrap();
    labels.audience = audience.iter().map(|one| (*one).to_owned()).collect();
    whole
}

/// Both sides see graffiti and disagree on it, the owner also counts and assesses it, one side
/// dissents, the owner keeps something to itself; one edition is released and one is being
/// collected.
async fn filled(city: &Client, police: &Client) -> [String; 2] {
    let all = ["signatories", "partners"];
    let mut own = whole("HIDDEN-17", 4, "Bara vi vet.", &[]);
    own.category = "lighting_fault".to_owned();
    let mut published = vec![own];
    for (category, count) in SHOWN {
        let mut seen = whole(category, 4, "Vid torget.", &all);
        seen.category = category.to_owned();
        seen.count = Some(count);
        published.push(seen);
    }
    let labelled = |audience| whole("any", 1, "", audience).labels;
    let series = |id, audience| wire::Series {
        labels: labelled(audience),
        ..observed::series(id, &[(PERIOD, 41)])
    };
    let assessment = |id, audience| wire::Assessment {
        labels: labelled(audience),
        ..observed::assessment(id, PERIOD, 4)
    };
    let change = wire::PictureDelta {
        upserts: published,
        series: vec![series("HIDDEN-17-S", &[]), series("counted", &all)],
        assessments: vec![assessment("HIDDEN-17-A", &[]), assessment("assessed", &all)],
        ..wire::PictureDelta::default()
    };
    city.publish(observed::change(PARTY, 0, change)).await.unwrap();
    let other = whole("other", 1, "Lite klotter.", &all);
    police.publish(delta(POLICE, 0, other)).await.unwrap();
    let dissent = wire::RecordDissentRequest {
        context: Some(write_context("kommunpolis")),
        area: AREA.to_owned(),
        period: period(PERIOD),
        finding_id: finding(),
        field_name: "severity".to_owned(),
        reason: "Mindre än så.".to_owned(),
        party: POLICE.to_owned(),
    };
    let dissent = police.joint.clone().record_dissent(dissent).await.map_err(Refused::from);
    let revision = dissent.unwrap().into_inner().revision;
    let analysis_labels = whole("any", 1, "", &all).labels;
    let edition = released(city, police, (PERIOD, revision), analysis_labels).await;
    [edition, open(city, "2025-08").await.id]
}

/// The district asks the police, who do not take it: no later call moves it.
async fn declined(city: &Client, police: &Client) -> String {
    let to = messages::function(police);
    let from = messages::function(city);
    let list = city.upload_attachment(&from, "lista.csv", b"plats;antal\n").await.unwrap();
    let attachments = vec![list.attachment];
    let question = messages::question(city, std::slice::from_ref(&to));
    let question = wire::SendMessageRequest { attachments, ..question };
    let id = city.send_message(question).await.unwrap();
    police.mark_message(&to, &id, wire::MessageStep::Rejected).await.unwrap();
    id
}

fn finding() -> String {
    format!("{AREA}/skarholmen-centrum/p1/graffiti")
}

type Messages = BTreeMap<String, DescriptorProto>;

/// The paths of all fields that a message has.
fn fields(mut bytes: &[u8], of: &str, all: &Messages, path: &str, found: &mut BTreeSet<String>) {
    while !bytes.is_empty() {
        let key = prost::encoding::decode_varint(&mut bytes).unwrap();
        let number = i32::try_from(key >> 3).unwrap();
        let (value, rest) = match key & 7 {
            0 => {
                prost::encoding::decode_varint(&mut bytes).unwrap();
                bytes.split_at(0)
            }
            1 => bytes.split_at(8),
            2 => {
                let length = prost::encoding::decode_varint(&mut bytes).unwrap();
                bytes.split_at(usize::try_from(length).unwrap())
            }
            5 => bytes.split_at(4),
            other => panic!("wire type {other} in {of}"),
        };
        bytes = rest;
        let field = all[of].field.iter().find(|field| field.number() == number);
        let field = field.unwrap_or_else(|| panic!("{of} has no field {number}"));
        let name = format!("{path}{}", field.name());
        let time = field.type_name() == ".google.protobuf.Timestamp";
        if field.r#type() == Type::Message && !time {
            fields(value, field.type_name(), all, &format!("{name}."), found);
        }
        found.insert(name);
    }
}

/// What an answer comes to: a reason, or the fields that it has.
fn told(answer: &Answer, of: &str, all: &Messages) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut body = &answer.body[..];
    while let Some((head, rest)) = body.split_at_checked(5) {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap());
        let (message, rest) = rest.split_at(usize::try_from(length).unwrap());
        fields(message, of, all, "", &mut found);
        body = rest;
    }
    let reason = answer.refused().and_then(|refused| refused.reason).map(|reason| reason.id());
    // A stream ends by the deadline that it was asked with.
    match reason.filter(|reason| *reason != "DEADLINE_EXCEEDED") {
        Some(reason) => found.insert(format!("({reason})")),
        None => found.is_empty() && found.insert("(nothing)".to_owned()),
    };
    found
}

struct Callers {
    profiles: Vec<(&'static str, Profile)>,
    connections: Vec<Raw>,
}

impl Callers {
    async fn of(domain: &Domain, authority: &Authority) -> Self {
        let city = |name: &str| {
            ["sdf-", "sthlm-", "auditor", "registrar"].iter().any(|start| name.starts_with(start))
        };
        let profile = |name: &'static str| {
            let own = city(name).then(|| authority.issue(domain, name));
            (name, own.unwrap_or_else(|| domain.profile(name)))
        };
        let mut profiles: Vec<_> = READERS.map(profile).into();
        profiles.push(("nobody", authority.issue_like(domain, NOBODY, PARTY)));
        let mut connections = Vec::new();
        for (_, profile) in &profiles {
            connections.push(Raw::open(profile).await.unwrap());
        }
        Self { profiles, connections }
    }

    /// Who gets what of a call; nobody but its owner gets what is hidden.
    async fn told(
        &self,
        (call, path, of): (&str, &str, &str),
        there: &There,
        all: &Messages,
        table: &mut BTreeMap<(String, String), Vec<&'static str>>,
    ) {
        let timeout: [(&str, &[u8]); 1] = [("grpc-timeout", STREAM.as_bytes())];
        let asking = self.profiles.iter().zip(&self.connections).map(async |(who, raw)| {
            let mut got = Vec::new();
            for (what, bytes) in asked(call, &who.1, there) {
                let request = Raw::request(path, &timeout).unwrap();
                let answer = raw.call(request, frame(0, None, &bytes)).await.unwrap();
                // The registry names every category there is, whether anything is of it or not.
                let whose =
                    [PARTY, "auditor"].contains(&who.0) || call.ends_with("/ExportRegistry");
                for hidden in HIDDEN.iter().filter(|_| !whose) {
                    let shows = answer.body.windows(hidden.len()).any(|b| b == hidden.as_bytes());
                    assert!(!shows, "{} is told of `{hidden}` by {call}", who.0);
                }
                let fields = told(&answer, of, all).into_iter();
                got.extend(fields.map(|field| ((format!("{call}{what}"), field), who.0)));
            }
            got
        });
        for (row, who) in join_all(asking).await.into_iter().flatten() {
            table.entry(row).or_default().push(who);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gets_which_field_of_which_call_is_as_the_leak_matrix_says() {
    let mut domain = Domain::limited("requests_per_second = 10000\nrequests_burst = 10000");
    let authority = Authority::of_the_city(&domain);
    domain.start();
    let police = domain.client(POLICE).await;
    let city = Client::connect(&authority.issue(&domain, PARTY)).await.unwrap();
    let registrar = Client::connect(&authority.issue(&domain, "registrar")).await.unwrap();
    let editions = filled(&city, &police).await;
    let there = There { editions, message: declined(&city, &police).await };
    let suspend = admin::SuspendServiceRequest {
        context: Some(write_context("registrar")),
        service: format!("stockholms-stad/{SHUT_OUT}"),
        reason: "drill".to_owned(),
    };
    registrar.registry.clone().suspend_service(suspend).await.unwrap();
    // The connections of who is shut out are ended a moment later; a new one is told why.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let callers = Callers::of(&domain, &authority).await;
    let set = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut all = Messages::new();
    for file in &set.file {
        for message in &file.message_type {
            all.insert(format!(".{}.{}", file.package(), message.name()), message.clone());
        }
    }
    let mut table = BTreeMap::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let call = format!("{}/{}", service.name(), method.name());
                let path = format!("/{}.{call}", file.package());
                let what = (call.as_str(), path.as_str(), method.output_type());
                callers.told(what, &there, &all, &mut table).await;
            }
        }
    }
    let mut made = String::from(
        "# Of a picture that sdf-skarholmen and lpo-skarholmen published, and its edition: who is \
         told what.\n# call | field of the answer, or (reason) | who gets it\n",
    );
    let everyone = READERS.len() + 1;
    for ((call, field), who) in table {
        let who = if who.len() == everyone { "everyone".to_owned() } else { who.join(" ") };
        made.push_str(&format!("{call} | {field} | {who}\n"));
    }
    samsyn_tests::golden("services/cli/tests/golden/leak_matrix.txt", &made).unwrap();
}
