//! Messages between organisations of one domain: sent, taken in, read, dealt with, answered; and
//! to whom they are not told.

use std::{
    io::Write as _,
    process::{Output, Stdio},
    time::Duration,
};

use samsyn_client::{Client, InboxWatch, Refused, admin, wire, write_context};
use samsyn_tests::cluster::Plan;
use serde_json::Value;
use tokio::time::timeout;

use crate::harness::{AREA, Domain, PARTY, cluster, samsyn};

pub(crate) const POLICE: &str = "lpo-skarholmen";
pub(crate) const PRISON: &str = "kriminalvarden";
/// Within which time a message must come.
const COMES_MAX: Duration = Duration::from_secs(20);
const BODY: &str = "Hur många väntas?\nEndast antal.";

/// The function of a client, by its profile.
pub(crate) fn function(client: &Client) -> String {
    client.profile().function.clone()
}

/// A question from a client's function to others.
pub(crate) fn question(from: &Client, to: &[String]) -> wire::SendMessageRequest {
    wire::SendMessageRequest {
        context: Some(write_context("")),
        ground: Some(from.profile().read_context()),
        from_function: function(from),
        to_functions: to.to_vec(),
        kind: "information_request".to_owned(),
        subject: "Frigivningar".to_owned(),
        body: BODY.to_owned(),
        labels: Some(labels(2)),
        ..wire::SendMessageRequest::default()
    }
}

/// A while from now.
#[expect(clippy::disallowed_methods, reason = "a client has its own clock")]
fn in_time(after: Duration) -> prost_types::Timestamp {
    (std::time::SystemTime::now() + after).into()
}

fn labels(level: u32) -> wire::Labels {
    let until = in_time(Duration::from_secs(30 * 86_400));
    wire::Labels {
        level,
        purposes: vec!["joint_picture".to_owned()],
        regime: "nonpersonal".to_owned(),
        retain_until: Some(until),
        ..wire::Labels::default()
    }
}

/// The steps that a message has reached with each recipient, as its sender is told.
async fn steps(client: &Client, id: &str) -> Vec<(String, Vec<&'static str>)> {
    let tracked = client.track_messages(&function(client), Some(id)).await.unwrap();
    let [one] = tracked.as_slice() else { panic!("{tracked:?}") };
    let steps = |delivery: &wire::MessageDelivery| {
        let step = |receipt: &wire::MessageReceipt| receipt.step().as_str_name();
        (delivery.to_function.clone(), delivery.receipts.iter().map(step).collect())
    };
    one.deliveries.iter().map(steps).collect()
}

pub(crate) fn reason<T>(outcome: Result<T, Refused>) -> (&'static str, String) {
    let Err(refused) = outcome else { panic!("it was answered") };
    let field = refused.fields.first().map(|(field, _)| field.clone());
    (refused.reason.map_or("", |reason| reason.id()), field.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_climbs_its_ladder_and_comes_by_poll_and_by_stream() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let (prison, police) = (domain.client(PRISON).await, domain.client(POLICE).await);
    let (to, also) = (function(&prison), function(&police));
    let waiting = {
        let (prison, to) = (prison.clone(), to.clone());
        tokio::spawn(async move { prison.inbox(&to, 0, 20).await })
    };
    let mut watch = InboxWatch::new(prison.profile(), &to, 0);
    let sent = question(&city, &[to.clone(), also.clone()]);
    let id = city.send_message(sent.clone()).await.unwrap();
    let polled = waiting.await.unwrap().unwrap();
    let streamed = timeout(COMES_MAX, watch.next()).await.unwrap().unwrap();
    assert_eq!(polled, std::slice::from_ref(&streamed), "the same by poll and by stream");
    let head = streamed.head.unwrap();
    assert_eq!((streamed.number, head.message_id.as_str()), (1, id.as_str()));
    assert_eq!((head.subject.as_str(), head.from_function), ("Frigivningar", function(&city)));
    let (stored, accepted) = ("MESSAGE_STEP_STORED", "MESSAGE_STEP_ACCEPTED");
    let of_police = (also.clone(), vec![stored, accepted]);
    let of_prison = |more: &[&'static str]| (to.clone(), [&[stored, accepted][..], more].concat());
    assert_eq!(steps(&city, &id).await, [of_police.clone(), of_prison(&[])]);

    // Opened once or twice: read once, by the recipient alone.
    assert_eq!(city.message(&function(&city), &id).await.unwrap().deliveries.len(), 2);
    let read = "MESSAGE_STEP_READ";
    for _ in 0..2 {
        let opened = prison.message(&to, &id).await.unwrap();
        assert_eq!((opened.body.as_str(), opened.deliveries.len()), (BODY, 1));
        assert_eq!(steps(&city, &id).await, [of_police.clone(), of_prison(&[read])]);
    }
    let acted = wire::MessageStep::Acted;
    for _ in 0..2 {
        prison.mark_message(&to, &id, acted).await.unwrap();
    }
    let of_prison = of_prison(&[read, acted.as_str_name()]);
    assert_eq!(steps(&city, &id).await, [of_police, of_prison.clone()]);
    let late = prison.mark_message(&to, &id, wire::MessageStep::Rejected).await;
    assert_eq!(reason(late).0, "MESSAGE_CLOSED");
    police.mark_message(&also, &id, wire::MessageStep::Rejected).await.unwrap();
    let told = city.track_messages(&function(&city), Some(&id)).await.unwrap();
    assert_eq!(told[0].deliveries[0].receipts[2].reason, "declined");

    // Under its key it is the same message, whoever repeats it.
    assert_eq!(city.send_message(sent.clone()).await.unwrap(), id);
    assert_eq!(prison.inbox(&to, 1, 0).await.unwrap(), [], "nothing came twice");
    let other = wire::SendMessageRequest { body: "Annat.".to_owned(), ..sent };
    assert_eq!(reason(city.send_message(other).await).0, "KEY_REUSED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_joins_the_thread_of_its_question_and_a_late_one_is_told() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let (from, to) = (function(&city), function(&prison));
    let soon = in_time(Duration::from_millis(1_500));
    let asked = wire::SendMessageRequest {
        respond_by: Some(soon),
        ..question(&city, std::slice::from_ref(&to))
    };
    let id = city.send_message(asked).await.unwrap();
    let overdue = async || city.track_messages(&from, Some(&id)).await.unwrap()[0].overdue;
    assert!(!overdue().await);
    tokio::time::sleep(Duration::from_millis(1_700)).await;
    assert!(overdue().await, "its time has passed without an answer");
    let more = question(&city, std::slice::from_ref(&to));
    let more = wire::SendMessageRequest { in_reply_to: id.clone(), ..more };
    let added = city.send_message(more).await.unwrap();
    assert!(overdue().await, "what the sender adds is no answer");
    let answer = |in_reply_to: &str| wire::SendMessageRequest {
        kind: "answer".to_owned(),
        in_reply_to: in_reply_to.to_owned(),
        body: "Färre än fem.".to_owned(),
        ..question(&prison, std::slice::from_ref(&from))
    };
    let answered = prison.send_message(answer(&id)).await.unwrap();
    assert!(!overdue().await);
    for (client, function) in [(&city, &from), (&prison, &to)] {
        let thread = client.thread(function, &id).await.unwrap();
        let ids: Vec<String> =
            thread.iter().map(|one| one.head.clone().unwrap().message_id).collect();
        assert_eq!(ids, [id.clone(), added.clone(), answered.clone()]);
        assert!(thread.iter().all(|one| one.head.as_ref().unwrap().thread_id == id));
    }
    // A thread is no receipt.
    let tracked = city.track_messages(&from, Some(&id)).await.unwrap();
    assert_eq!(tracked[0].deliveries[0].receipts.len(), 2);
    // One whom it does not concern cannot answer it.
    let police = domain.client(POLICE).await;
    let strange = wire::SendMessageRequest {
        from_function: function(&police),
        ground: Some(police.profile().read_context()),
        ..answer(&id)
    };
    assert_eq!(reason(police.send_message(strange).await).0, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_message_it_is_not_is_answered_like_what_is_not_there() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let (from, to) = (function(&city), function(&prison));
    let id = city.send_message(question(&city, std::slice::from_ref(&to))).await.unwrap();
    let not_there = "0".repeat(64);
    let not_found = |field: &str| ("NOT_FOUND", field.to_owned());
    // Another organisation, and another service of the same.
    for name in [POLICE, "sdf-farsta"] {
        let stranger = domain.client(name).await;
        let own = function(&stranger);
        for whose in [&from, &to] {
            let at = not_found("function_address");
            assert_eq!(reason(stranger.inbox(whose, 0, 0).await), at, "{name}");
            assert_eq!(reason(stranger.message(whose, &id).await), at, "{name}");
            assert_eq!(reason(stranger.thread(whose, &id).await), at, "{name}");
            assert_eq!(reason(stranger.track_messages(whose, None).await), at, "{name}");
            let marked = stranger.mark_message(whose, &id, wire::MessageStep::Acted).await;
            assert_eq!(reason(marked), at, "{name}");
            let mut watch = InboxWatch::new(stranger.profile(), whose, 0);
            assert_eq!(reason(watch.next().await), at, "{name}");
        }
        // As its own function, of a message that is there and of one that is not: the same.
        for message in [&id, &not_there] {
            let at = not_found("message_id");
            assert_eq!(reason(stranger.message(&own, message).await), at, "{name}");
            assert_eq!(reason(stranger.thread(&own, message).await), at, "{name}");
            assert_eq!(reason(stranger.track_messages(&own, Some(message)).await), at, "{name}");
            let marked = stranger.mark_message(&own, message, wire::MessageStep::Acted).await;
            assert_eq!(reason(marked), at, "{name}");
        }
        let forged = wire::SendMessageRequest {
            from_function: from.clone(),
            ..question(&stranger, std::slice::from_ref(&to))
        };
        assert_eq!(reason(stranger.send_message(forged).await), not_found("from_function"));
    }
    // A sender has no say on what it has sent.
    let marked = city.mark_message(&from, &id, wire::MessageStep::Acted).await;
    assert_eq!(reason(marked), not_found("message_id"));
    assert_eq!(steps(&city, &id).await[0].1.len(), 2, "nobody has moved it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_not_be_sent_is_refused_with_its_field() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let police = domain.client(POLICE).await;
    // In the order in which they are asked, whatever their order by number.
    let to = [function(&prison), function(&police)];
    let well = question(&city, &to);
    let with = |change: fn(&mut wire::SendMessageRequest)| {
        let mut request =
            wire::SendMessageRequest { context: Some(write_context("")), ..well.clone() };
        change(&mut request);
        request
    };
    let level = |request: &mut wire::SendMessageRequest, level| {
        request.labels.as_mut().unwrap().level = level;
    };
    let mut secret = with(|_| {});
    level(&mut secret, 3);
    for (request, reason_id, field) in [
        // The police are cleared for it, the prison service is not.
        (secret, "ABOVE_CEILING", "to_functions[0]"),
        (
            with(|r| r.to_functions[1] = "2021000225/ingen".into()),
            "UNKNOWN_ADDRESS",
            "to_functions[1]",
        ),
        (
            with(|r| r.to_functions[0] = "1234567890/ingen".into()),
            "UNKNOWN_ADDRESS",
            "to_functions[0]",
        ),
        (with(|r| r.to_functions.clear()), "MISSING_FIELD", "to_functions"),
        (with(|r| r.body = "Gäller 19640823-3234.".into()), "IDENTIFIER_FOUND", "body"),
        (with(|r| r.subject.clear()), "MISSING_FIELD", "subject"),
        (with(|r| r.kind = "letter".into()), "UNKNOWN_CODE", "kind"),
        (with(|r| r.ground = None), "PURPOSE_MISSING", "ground.purpose"),
        (with(|r| r.in_reply_to = "0".repeat(64)), "NOT_FOUND", "in_reply_to"),
        (with(|r| r.valid_seconds = 36 * 86_400), "BAD_FIELD", "valid_seconds"),
        (
            with(|r| r.labels.as_mut().unwrap().audience = vec!["partners".into()]),
            "BAD_LABELS",
            "labels.audience",
        ),
    ] {
        let refused = city.send_message(request).await;
        assert_eq!(reason(refused), (reason_id, field.to_owned()));
    }
    assert_eq!(city.track_messages(&function(&city), None).await.unwrap(), [], "nothing was sent");
    for client in [&prison, &police] {
        assert_eq!(client.inbox(&function(client), 0, 0).await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_is_resumed_after_a_number_and_ends_with_its_access() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let to = function(&prison);
    for _ in 0..5 {
        city.send_message(question(&city, std::slice::from_ref(&to))).await.unwrap();
    }
    let request = wire::WatchInboxRequest {
        context: Some(prison.profile().read_context()),
        function_address: to.clone(),
        after_number: 3,
    };
    let stream = prison.messages.clone().watch_inbox(request.clone()).await;
    let mut stream = stream.unwrap().into_inner();
    use wire::watch_inbox_response::What;
    let mut next = async || {
        let message = timeout(COMES_MAX, stream.message()).await.expect("it says something");
        message.map(|message| message.and_then(|message| message.what))
    };
    for number in [4, 5] {
        let what = next().await.unwrap();
        assert!(matches!(what, Some(What::Entry(entry)) if entry.number == number));
    }
    let registrar = domain.client("registrar").await;
    let suspend = admin::SuspendServiceRequest {
        context: Some(write_context("registrar")),
        service: format!("{PRISON}/{PRISON}"),
        reason: "drill".to_owned(),
    };
    registrar.registry.clone().suspend_service(suspend).await.unwrap();
    let Ok(Some(What::Closing(closing))) = next().await else { panic!("no last word") };
    assert_eq!(closing.reason, "ACCESS_ENDED");
    assert_eq!(reason(next().await.map_err(Refused::from)).0, "SUSPENDED");
}

/// What is sent between functions is no part of any picture: every answer about pictures is the
/// same to the byte, and no event comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_change_nothing_in_what_anyone_sees_of_pictures() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    let seen = crate::harness::observation("M-1", 3);
    city.publish(crate::harness::delta(PARTY, 0, seen)).await.unwrap();
    let seen = async |client: &Client| {
        let context = Some(client.profile().read_context());
        let period = Some(wire::Period { code: "2025-09".to_owned() });
        let area = AREA.to_owned();
        let joint = wire::GetJointPictureRequest {
            context: context.clone(),
            area,
            period,
            ..wire::GetJointPictureRequest::default()
        };
        let joint = client.joint.clone().get_joint_picture(joint).await.unwrap().into_inner();
        let events = wire::ListEventsRequest { context, limit: 500, ..Default::default() };
        let events = client.joint.clone().list_events(events).await.unwrap().into_inner();
        // A cursor is sealed anew each time; what it stands for is in the ids of the events.
        let events: Vec<(String, u64)> =
            events.events.iter().map(|event| (event.id.clone(), event.revision)).collect();
        (joint.findings, joint.revision, events)
    };
    let before = (seen(&city).await, seen(&prison).await);
    let to = function(&prison);
    let id = city.send_message(question(&city, std::slice::from_ref(&to))).await.unwrap();
    prison.message(&to, &id).await.unwrap();
    prison.mark_message(&to, &id, wire::MessageStep::Acted).await.unwrap();
    assert_eq!((seen(&city).await, seen(&prison).await), before);
}

/// Any node takes a message, a step, and the reading of one; and a follower of an inbox goes on
/// with another node when its own is gone, without a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_node_takes_messages_and_an_inbox_survives_its_node() {
    let mut cluster = cluster(Plan { nodes: 3, ..Plan::default() }).await;
    let leader = cluster.leader(&cluster.nodes()).await.unwrap();
    let followers = cluster.besides(leader);
    let (near, far) = (followers[0], followers[1]);
    let city = cluster.client(near, PARTY).await.unwrap();
    let prison = cluster.client(far, PRISON).await.unwrap();
    let to = function(&prison);
    let mut watch = InboxWatch::new(&cluster.whole(leader, PRISON).unwrap(), &to, 0);
    let first = city.send_message(question(&city, std::slice::from_ref(&to))).await.unwrap();
    let came = timeout(COMES_MAX, watch.next()).await.unwrap().unwrap();
    assert_eq!(came.head.unwrap().message_id, first);
    prison.message(&to, &first).await.unwrap();
    prison.mark_message(&to, &first, wire::MessageStep::Acted).await.unwrap();
    // A node that is asked may be a moment behind the one that was told.
    let told = timeout(COMES_MAX, async {
        while steps(&city, &first).await[0].1.len() < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    told.await.unwrap();
    // The follower of the inbox was with the node that is killed.
    cluster.kill(leader).unwrap();
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(sent_at_last(&city, &to).await);
    }
    // A file that one node took in another one gives.
    let uploaded = city.upload_attachment(&function(&city), "lista.csv", b"plats;antal\n").await;
    let attachments = vec![uploaded.unwrap().attachment];
    let with =
        wire::SendMessageRequest { attachments, ..question(&city, std::slice::from_ref(&to)) };
    sent.push(city.send_message(with).await.unwrap());
    let (_, file) = prison.attachment(&to, &sent[3], 1).await.unwrap();
    assert_eq!(file, b"plats;antal\n");
    for (number, id) in (2..).zip(&sent) {
        let came = timeout(COMES_MAX, watch.next()).await.unwrap().unwrap();
        assert_eq!((came.number, &came.head.unwrap().message_id), (number, id));
    }
}

/// Sends a message under one key until it is through: an election may take longer than a client
/// repeats.
async fn sent_at_last(city: &Client, to: &str) -> String {
    let request = question(city, &[to.to_owned()]);
    let sending = async {
        loop {
            match city.send_message(request.clone()).await {
                Ok(id) => return id,
                Err(why) => assert!(why.is_retryable(), "{why}"),
            }
        }
    };
    timeout(COMES_MAX, sending).await.expect("it is through")
}

fn run(domain: &Domain, name: &str, arguments: &[&str], text: &str) -> Output {
    let mut child = samsyn()
        .arg("message")
        .args(arguments)
        .args(["--as", name, "--profiles"])
        .arg(domain.path().join("profiles"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read it may have ended.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_sends_reads_and_follows() {
    let mut domain = Domain::written();
    domain.start();
    let (city, prison) = (domain.client(PARTY).await, domain.client(PRISON).await);
    for name in [PARTY, PRISON] {
        let profile = domain.profile(name);
        profile.save(&domain.path().join("profiles").join(name)).unwrap();
    }
    let (from, to) = (function(&city), function(&prison));
    let send =
        ["send", "--to", &to, "--kind", "question", "--subject", "Läget", "--output", "json"];
    let sent = said(&run(&domain, PARTY, &send, BODY));
    let sent: Value = serde_json::from_str(&sent).unwrap();
    let id = sent["message_id"].as_str().unwrap();
    let (short, shown) = (id.get(..8).unwrap(), id.get(..12).unwrap());
    let inbox = said(&run(&domain, PRISON, &["inbox", "--open"], ""));
    for shown in [shown, &from, "question", "accepted", "Läget"] {
        assert!(inbox.contains(shown), "{inbox}");
    }
    let read = said(&run(&domain, PRISON, &["read", short], ""));
    assert!(read.contains(id) && read.ends_with(&format!("\n{BODY}\n")), "{read}");
    let reply = ["send", "--to", &from, "--reply-to", short, "--subject", "Svar", "--body", "Nej."];
    said(&run(&domain, PRISON, &reply, ""));
    let acted = said(&run(&domain, PRISON, &["ack", short], ""));
    assert!(acted.contains("acted"), "{acted}");
    assert_eq!(said(&run(&domain, PRISON, &["inbox", "--open"], "")), "nothing there\n");
    let thread = said(&run(&domain, PARTY, &["thread", short], ""));
    assert!(thread.find("Endast antal.").unwrap() < thread.find("Nej.").unwrap(), "{thread}");
    let track = said(&run(&domain, PARTY, &["track"], ""));
    assert!(track.contains("stored → accepted → read → acted"), "{track}");
    let followed = ["inbox", "--watch", "--count", "1", "--output", "json"];
    let line: Value = serde_json::from_str(&said(&run(&domain, PARTY, &followed, ""))).unwrap();
    assert_eq!((&line["number"], &line["head"]["in_reply_to"]), (&1.into(), &id.into()));
    let unknown = run(&domain, PARTY, &["read", "00000000"], "");
    assert_eq!(unknown.status.code(), Some(2));
    let strange = run(&domain, PARTY, &["inbox", "--function", &to], "");
    assert_eq!(strange.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&strange.stderr).contains("NOT_FOUND"));
}
