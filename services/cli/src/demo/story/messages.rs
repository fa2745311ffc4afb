//! 9: one function asks another, with a deadline, and sees how far its question has come.

use std::time::{Duration, Instant};

use samsyn_client::{Client, InboxWatch, Refused, wire, write_context};
use tokio::time::timeout;

use super::{Broken, DISTRICT, PRISON_SERVICE, REGION, Story, calls};
use crate::demo::{clock, print::Section};

const SUBJECT: &str = "Frigivningar, oktober";
const QUESTION: &str = "Hur många med övervakning väntas till stadsdelen? Endast antal.";
const ANSWER: &str = "Färre än fem. Inget tyder på en ökning.";
const GROUP: &str = "arbetsgrupp-skarholmen";
const LIST: &str = "vecka;händelser\n2025-W39;4\n2025-W40;7\n";
/// What a program for Linux begins with.
const PROGRAM: &[u8] = b"\x7fELF\x02\x01\x01\x00";
/// What is said may go up to this level; Kriminalvården is cleared for it, and for no more.
const LEVEL: u32 = 2;
/// By when an answer is wanted.
const DUE_SECONDS: i64 = 7 * 24 * 60 * 60;
/// How long a question is kept.
const KEPT_SECONDS: i64 = 365 * 24 * 60 * 60;
/// Within which time a message must come.
const COMES_MAX: Duration = Duration::from_secs(5);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);
/// Every step that the question reaches.
const LADDER: [&str; 4] = ["stored", "accepted", "read", "acted"];

pub(super) async fn tell(story: &mut Story<'_>, section: &mut Section) -> Result<(), Broken> {
    let district = story.client(DISTRICT).await?;
    let prison = story.client(PRISON_SERVICE).await?;
    let (asks, answers) = (district.profile().function.clone(), prison.profile().function.clone());
    let mut inbox = InboxWatch::new(prison.profile(), &answers, 0);
    let asked = Instant::now();
    let question = message(&district, &answers, "information_request", QUESTION);
    let id = district.send_message(question).await?;
    let stored = asked.elapsed();
    let came = timeout(COMES_MAX, inbox.next()).await;
    let came = came.map_err(|_| Broken::TooLate("the question"))??.head.unwrap_or_default();
    section.line(&format!("{asks} → {answers}: “{SUBJECT}”"));
    section.holds(
        &format!(
            "durable in {} ms, and in Kriminalvården's inbox {} ms after it was asked",
            stored.as_millis(),
            asked.elapsed().as_millis()
        ),
        came.message_id == id && came.subject == SUBJECT,
        || format!("`{}` came, of `{}`", came.subject, came.from_function),
    );
    let read = prison.message(&answers, &id).await?;
    let mut answer = message(&prison, &asks, "answer", ANSWER);
    (answer.in_reply_to, answer.respond_by) = (id.clone(), None);
    prison.send_message(answer).await?;
    prison.mark_message(&answers, &id, wire::MessageStep::Acted).await?;
    ladder(&district, section, (&asks, &id)).await?;
    let thread = district.thread(&asks, &id).await?;
    let said: Vec<&str> = thread.iter().map(|message| message.body.as_str()).collect();
    section.holds(
        "question and answer stand in one thread, on both sides word for word",
        said == [QUESTION, ANSWER] && read.body == QUESTION,
        || format!("{} messages stand in it", thread.len()),
    );
    attached(section, (&district, &asks), (&prison, &answers)).await?;
    let region = story.client(REGION).await?;
    let outside = region.message(&region.profile().function, &id).await;
    section.check("Region Stockholm has no part in it, and is told that there is none", {
        refused(outside, "NOT_FOUND")
    });
    let mut secret = message(&district, &answers, "notice", QUESTION);
    secret.labels = Some(labels(LEVEL.saturating_add(1)));
    section.check("what Kriminalvården is not cleared for is not taken in: ABOVE_CEILING", {
        refused(district.send_message(secret).await, "ABOVE_CEILING")
    });
    Ok(())
}

/// A list goes along with a notice, and comes out as it went in.
async fn attached(
    section: &mut Section,
    (from, sender): (&Client, &str),
    (to, receiver): (&Client, &str),
) -> Result<(), Broken> {
    let uploaded = from.upload_attachment(sender, "veckor.csv", LIST.as_bytes()).await?;
    let mut notice = message(from, receiver, "notice", "Se bilagan.");
    (notice.attachments, notice.respond_by) = (vec![uploaded.attachment], None);
    let id = from.send_message(notice).await?;
    let (told, file) = to.attachment(receiver, &id, 1).await?;
    section.holds(
        &format!(
            "a list goes along, {} bytes of {}: sealed, held against its digest, opened by its \
             two sides alone",
            told.size_bytes, told.media_type
        ),
        file == LIST.as_bytes() && told.name == "veckor.csv",
        || format!("{} bytes came, of `{}`", file.len(), told.name),
    );
    let group = vec![GROUP.to_owned()];
    let mut call = message(from, "", "meeting_call", "Torsdag klockan nio, Skärholmstorget.");
    (call.to_functions, call.to_groups) = (Vec::new(), group);
    let id = from.send_message(call).await?;
    let sent = from.message(sender, &id).await?.head.unwrap_or_default();
    section.holds(
        &format!(
            "a call to the local group goes to who is in it now: {}",
            sent.to_functions.join(", ")
        ),
        !sent.to_functions.is_empty() && !sent.to_functions.contains(&from.profile().function),
        || format!("it went to {:?}", sent.to_functions),
    );
    section.check("a program is no attachment, whatever its name: ATTACHMENT_TYPE", {
        refused(from.upload_attachment(sender, "veckor.csv", PROGRAM).await, "ATTACHMENT_TYPE")
    });
    Ok(())
}

/// How far the question has come, as who asked sees it.
async fn ladder(
    district: &Client,
    section: &mut Section,
    (function, id): (&str, &str),
) -> Result<(), Broken> {
    let since = Instant::now();
    let (one, delivery, steps) = loop {
        let tracked = district.track_messages(function, Some(id)).await?;
        let one = tracked.into_iter().next().ok_or(Broken::Missing("the question"))?;
        let delivery = one.deliveries.first().cloned().unwrap_or_default();
        let steps = delivery.receipts.iter();
        let steps: Vec<String> =
            steps.filter_map(|receipt| crate::json::message_step(receipt.step)).collect();
        // The node that is asked may be another than the one that was told the last step.
        if steps.len() >= LADDER.len() || since.elapsed() > COMES_MAX {
            break (one, delivery, steps);
        }
        tokio::time::sleep(LOOK).await;
    };
    let timed = delivery.receipts.iter().all(|receipt| receipt.at.is_some());
    section.holds(
        &format!("who asked sees each step with its time: {}", steps.join(" → ")),
        steps == LADDER && timed && !one.overdue,
        || format!("times: {timed}, overdue: {}", one.overdue),
    );
    Ok(())
}

fn refused<T>(outcome: Result<T, Refused>, reason: &str) -> Result<(), String> {
    match outcome {
        Ok(_) => Err("it was answered".to_owned()),
        Err(refused) if refused.reason.is_some_and(|own| own.id() == reason) => Ok(()),
        Err(refused) => Err(refused.to_string()),
    }
}

fn message(from: &Client, to: &str, kind: &str, body: &str) -> wire::SendMessageRequest {
    let due = clock::now().after_seconds(DUE_SECONDS);
    wire::SendMessageRequest {
        context: Some(write_context("")),
        ground: calls::reads(from),
        from_function: from.profile().function.clone(),
        to_functions: vec![to.to_owned()],
        kind: kind.to_owned(),
        respond_by: Some(clock::wire(due)),
        subject: SUBJECT.to_owned(),
        body: body.to_owned(),
        labels: Some(labels(LEVEL)),
        ..wire::SendMessageRequest::default()
    }
}

fn labels(level: u32) -> wire::Labels {
    let until = clock::now().after_seconds(KEPT_SECONDS);
    wire::Labels {
        level,
        purposes: vec!["joint_picture".to_owned()],
        regime: "nonpersonal".to_owned(),
        secrecy_provisions: vec!["OSL 35:15".to_owned()],
        retain_until: Some(clock::wire(until)),
        ..wire::Labels::default()
    }
}
