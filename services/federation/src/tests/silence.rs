//! A peer that is away for a month, while the other domain works on: what waits for it has bounds,
//! and what it gets when it comes back is what it may have then.
//!
//! Days are the clock's; nothing here sleeps for them.

use samsyn_domain::{
    Draft, Timestamp,
    link::{BATCH_BYTES_MAX, LEVEL, QUEUE_MAX, WINDOW_BYTES_MAX, WINDOW_MAX},
    message::{MessageId, Step},
};

use super::{
    deliveries::delivers,
    pictures::labelled,
    world::{CITY, Domain, NOW, POLICE, World},
};

const DAYS: i64 = 30;
const DAY: i64 = 86_400;
/// From one day's work to the next: entries of one moment are stamped one after the other.
const NEXT: i64 = DAY + 1;
/// What is sent and published each day, by hands: half of the messages may wait for a week, half
/// for as long as any may.
const MESSAGES: usize = 20;
const PUBLICATIONS: usize = 34;
const VALID_DAYS: [i64; 2] = [7, 35];
/// How many observations the picture has that changes.
const OBSERVATIONS: usize = 10;

/// One that is kept for longer than the month.
fn kept_for_long(n: usize, count: usize) -> Draft {
    let count = u32::try_from(count).unwrap();
    let mut one = labelled(&format!("o{n}"), |labels| {
        labels.retain_until = NOW.after_seconds(100 * DAY);
    });
    one.content.count = Some(count);
    one
}

/// Messages of a domain, each with the time until which it may leave.
#[derive(Default)]
struct Post(Vec<(MessageId, String, Timestamp)>);

impl Post {
    async fn sends(&mut self, from: &Domain, now: Timestamp) {
        for n in 0..MESSAGES {
            let valid = VALID_DAYS[n % VALID_DAYS.len()] * DAY;
            let mut asked = from.asked(POLICE, &self.0.len().to_string());
            asked.respond_by = None;
            asked.valid_seconds = u32::try_from(valid).unwrap();
            let subject = asked.subject.clone();
            let id = from.ledger.send_message(&from.who.caller(), &asked).await.unwrap();
            self.0.push((id, subject, now.after_seconds(valid)));
        }
    }

    fn still_good(&self, now: Timestamp) -> impl Iterator<Item = &(MessageId, String, Timestamp)> {
        self.0.iter().filter(move |(_, _, until)| *until > now)
    }
}

/// The bytes of the files in a folder.
fn bytes_in(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => bytes_in(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_of_silence_costs_what_waits_and_one_difference() {
    let world = World::of(|_| (), delivers).await;
    world.police.publishes(vec![kept_for_long(0, 0)], &[]).await.unwrap();
    world.police.is_in_step().await;
    world.is_same().await;
    let stood = world.police.ledger.link(&CITY.id()).out.sequence;
    let viewed = world.city.ledger.link(&POLICE.id()).out.sequence;
    world.wire.cut();
    let (carried, _) = world.wire.carried();
    let before = [0, 1].map(|side| bytes_in(world.dirs[side].path()));
    let (mut post, mut version, mut own) = (Post::default(), [1, 0], [0, 0]);
    for day in 0..DAYS {
        let now = NOW.after_seconds(day * NEXT);
        for domain in [&world.city, &world.police] {
            domain.at(now);
            domain.ledger.tick_if_due().await.unwrap();
        }
        post.sends(&world.city, now).await;
        for n in 0..PUBLICATIONS {
            for (side, domain) in [&world.police, &world.city].into_iter().enumerate() {
                own[side] += 1;
                let drafts = vec![kept_for_long(n % OBSERVATIONS, own[side])];
                let base = version[side];
                version[side] = domain.publishes_on(base, domain.who, drafts, &[]).await.unwrap();
            }
        }
        // What waits is a reference to what is there anyhow, and goes when its time has ended.
        let figures = world.city.ledger.link_figures(&POLICE.id());
        let waiting = post.still_good(now).count();
        assert!(figures.waiting <= QUEUE_MAX && figures.waiting == waiting, "{figures:?}");
        // An own picture is compared when its home is there: nothing waits for it.
        assert_eq!(world.police.ledger.link_figures(&CITY.id()).waiting, 0);
    }
    let now = NOW.after_seconds((DAYS - 1) * NEXT);
    let after = [0, 1].map(|side| bytes_in(world.dirs[side].path()));
    let logs = [&world.city, &world.police].map(|domain| domain.ledger.figures().log_bytes);
    println!(
        "{} messages, {} publications on each side; {} wait; files {before:?} to {after:?} bytes, \
         logs {logs:?}",
        post.0.len(),
        own[0],
        post.still_good(now).count(),
    );
    // Numbered for a peer that takes nothing, there is a window of them and no more.
    while world.city.ledger.number_envelopes(&POLICE.id(), LEVEL).await.unwrap() > 0 {}
    let link = world.city.ledger.link(&POLICE.id());
    assert!(link.in_flight() <= WINDOW_MAX, "{link:?}");
    let parcels = world.city.ledger.parcels(&POLICE.id(), link.acknowledged, 1_000).unwrap();
    let bytes: usize = parcels.content().iter().map(|one| one.envelope.payload.bytes.len()).sum();
    let bound = usize::try_from(WINDOW_BYTES_MAX).unwrap() + BATCH_BYTES_MAX;
    assert!(bytes <= bound, "{bytes} bytes in {} envelopes", parcels.content().len());
    // No session, and nothing of one.
    assert!(world.city.links.standing(&POLICE.id()).session.is_none());
    assert_eq!(world.wire.carried().0, carried);

    world.wire.mend();
    let (last, ..) = post.0.last().unwrap();
    world.city.reaches(*last, Step::Accepted).await;
    let good: Vec<String> = post.still_good(now).map(|(_, subject, _)| subject.clone()).collect();
    assert_eq!(world.police.inbox().await, good);
    let (first, ..) = post.0.first().unwrap();
    assert_eq!(world.city.steps(*first).await.last(), Some(&Step::Expired));
    // However often it changed, an own picture is one difference; one may have been under way.
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, world.police.has(POLICE).await.counts);
    let sent = world.police.ledger.link(&CITY.id()).out.sequence - stood;
    let receipts = u64::try_from(good.len()).unwrap();
    assert!(sent - receipts <= 2, "{sent} envelopes, of which {receipts} are receipts");
    // A view is what it is now, not what it was each day.
    world.is_same().await;
    let views = world.city.ledger.link(&POLICE.id()).out.sequence - viewed - receipts;
    assert!(views <= 8, "{views} steps and answers");
    world.close().await;
}
