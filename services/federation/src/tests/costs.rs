//! What large amounts cost on a link. With few each run shows that counts stay as they should;
//! `SAMSYN_COSTS=10000` has so many, and `--nocapture` tells how long it took.

use std::{collections::BTreeSet, env, time::Duration};

use samsyn_domain::{
    Draft, Period, PeriodKind, PlaceId, SubAreaId,
    command::LinkChange,
    link::Phase,
    message::Step,
    registry::{Category, Document},
};
use tokio::time::{Instant, timeout};

use super::{
    deliveries::delivers,
    pictures::{CITY_OF_ALL, area, draft},
    world::{CITY, Domain, NOW, POLICE, World},
};

/// How many of what is measured.
fn many(otherwise: usize) -> usize {
    env::var("SAMSYN_COSTS").ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Long enough for the largest.
const LONG: Duration = Duration::from_secs(900);
/// So many events the domain that delivers puts into a step.
const STEP_EVENTS: usize = 512;
/// So many are published at a time.
const AT_A_TIME: usize = 400;

async fn until(what: &str, holds: impl AsyncFn() -> bool) -> Duration {
    let began = Instant::now();
    let holds = timeout(LONG, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(holds.await.is_ok(), "{what}");
    began.elapsed()
}

impl Domain {
    async fn publishes_all(&self, drafts: Vec<Draft>) -> u64 {
        let mut version = 0;
        for some in drafts.chunks(AT_A_TIME) {
            let base = version;
            version = self.publishes_on(base, self.who, some.to_vec(), &[]).await.unwrap();
        }
        version
    }

    async fn is_quiet_with(&self, peer: super::world::Who) -> bool {
        let figures = self.ledger.link_figures(&peer.id());
        figures.waiting == 0 && figures.link.in_flight() == 0
    }
}

/// Observations that are each a finding of a month of its own: another category, place or month.
fn findings(count: usize) -> Vec<Draft> {
    let document: Document = toml::from_str(CITY_OF_ALL).unwrap();
    let disorder = |one: &&Category| one.kind == samsyn_domain::Kind::ObservedDisorder;
    let categories: Vec<&Category> = document.categories.iter().filter(disorder).collect();
    let of_area: BTreeSet<&SubAreaId> =
        document.sub_areas.iter().filter(|one| one.area == area()).map(|one| &one.id).collect();
    let places: Vec<(&PlaceId, &SubAreaId)> = document
        .places
        .iter()
        .filter(|one| of_area.contains(&one.sub_area))
        .map(|one| (&one.id, &one.sub_area))
        .collect();
    let made = (0..count).map(|n| {
        let category = categories[n % categories.len()];
        let (place, sub_area) = places[n / categories.len() % places.len()];
        let week = i64::try_from(n / categories.len() / places.len()).unwrap();
        let mut one = draft(&format!("f{n:05}"), 1);
        let content = &mut one.content;
        (content.category, content.priority) = (category.id.clone(), category.priority.clone());
        (content.geography.place, content.geography.sub_area) =
            (Some(place.clone()), Some(sub_area.clone()));
        for at in [&mut content.starts_at, &mut content.ends_at] {
            *at = at.after_seconds(-week * 7 * 86_400);
        }
        one
    });
    made.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_of_many_findings_is_delivered_in_steps_that_are_full() {
    let count = many(900);
    let world = World::of(|_| (), delivers).await;
    world.wire.cut();
    let all = findings(count);
    let of = |one: &Draft, kind| {
        (one.content.category.clone(), Period::holding(kind, one.content.starts_at))
    };
    let weeks: BTreeSet<_> = all.iter().map(|one| of(one, PeriodKind::Week)).collect();
    world.city.publishes_all(all).await;
    let (envelopes, bytes) = world.wire.carried();
    let entries = [&world.city, &world.police].map(|domain| domain.ledger.figures().applied);
    world.wire.mend();
    let took = until("it is whole", async || {
        world.police.received().is_some_and(|(one, _)| one.phase == Phase::Whole)
    })
    .await;
    let (received, held) = world.police.received().unwrap();
    let (envelopes, bytes) = (world.wire.carried().0 - envelopes, world.wire.carried().1 - bytes);
    let [city, police] = [&world.city, &world.police].map(|one| one.ledger.figures().applied);
    println!(
        "{count} observations, {held} findings: {took:?}, {} steps, {envelopes} envelopes, \
         {bytes} bytes, {} and {} entries",
        received.step,
        city - entries[0],
        police - entries[1],
    );
    assert!(held >= weeks.len(), "{held} of {}", weeks.len());
    // The first one begins and is empty; another may be for what changed meanwhile.
    let steps = held.div_ceil(STEP_EVENTS) + 3;
    assert!(usize::try_from(received.step).unwrap() <= steps, "{} of {steps}", received.step);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_many_messages_begins_anew_in_one_entry() {
    let count = many(300);
    let world = World::new().await;
    world.wire.cut();
    let began = Instant::now();
    let mut last = None;
    for n in 0..count {
        last = Some(world.city.sends(POLICE, &n.to_string()).await);
    }
    let sending = began.elapsed();
    // All of it waits; then all of it has come, and is sent again.
    for turn in ["waits", "has come"] {
        let at = if turn == "waits" { 60 } else { 120 };
        for domain in [&world.city, &world.police] {
            domain.at(NOW.after_seconds(at));
        }
        let before = world.city.ledger.figures();
        let began = Instant::now();
        world.city.sets_link(LinkChange::Renew).await;
        let took = began.elapsed();
        let after = world.city.ledger.figures();
        assert_eq!(after.applied - before.applied, 1, "one entry");
        assert_eq!(world.city.ledger.link_figures(&POLICE.id()).waiting, count);
        let log = after.log_bytes.saturating_sub(before.log_bytes);
        // While it is applied nothing else is: what comes next tells how long others wait.
        let began = Instant::now();
        let other = world.city.ledger.tick_if_due().await;
        assert!(other.is_ok());
        world.police.sets_link(LinkChange::Renew).await;
        let (next, (envelopes, bytes)) = (began.elapsed(), world.wire.carried());
        world.wire.mend();
        let all = until("all of it crosses", async || {
            world.city.is_quiet_with(POLICE).await && world.police.is_quiet_with(CITY).await
        })
        .await;
        let carried = world.wire.carried();
        println!(
            "{count} messages, of which all {turn} (sent in {sending:?}): begun anew in {took:?}, \
             {log} bytes of log, the next after {next:?}; across in {all:?}, {} envelopes, \
             {} bytes",
            carried.0 - envelopes,
            carried.1 - bytes,
        );
        world.wire.cut();
    }
    assert_eq!(world.police.inbox().await.len(), count);
    assert_eq!(world.city.steps(last.unwrap()).await.last(), Some(&Step::Accepted));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_change_of_a_large_own_picture_is_one_small_difference() {
    let count = many(600);
    let world = World::new().await;
    world.wire.cut();
    let drafts = (0..count).map(|n| draft(&format!("o{n:05}"), 1)).collect();
    let mut version = world.police.publishes_all(drafts).await;
    let entries = world.police.ledger.figures().applied;
    world.wire.mend();
    let first =
        until("all of it is there", async || world.police.contributed().await.in_step).await;
    let entries = world.police.ledger.figures().applied - entries;
    let (envelopes, bytes) = world.wire.carried();
    println!(
        "{count} observations: {first:?}, {envelopes} envelopes both ways, {bytes} bytes, \
         {entries} entries"
    );
    for n in 0..5 {
        let (envelopes, bytes) = world.wire.carried();
        let began = Instant::now();
        let changed = vec![draft("o00000", n + 2)];
        let base = version;
        version = world.police.publishes_on(base, POLICE, changed, &[]).await.unwrap();
        let published = began.elapsed();
        let took =
            until("the change is there", async || world.police.contributed().await.in_step).await;
        let carried = world.wire.carried();
        let (envelopes, bytes) = (carried.0 - envelopes, carried.1 - bytes);
        println!("  one change: published in {published:?}, in step after {took:?}, {bytes} bytes");
        assert_eq!(envelopes, 2, "a contribution and its answer");
        assert!(bytes < 8 * 1024, "{bytes}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_in_a_cut_is_caught_up_with_messages_and_changes() {
    let count = many(300);
    let world = World::new().await;
    let first = world.city.sends(POLICE, "first").await;
    world.city.reaches(first, Step::Accepted).await;
    world.wire.cut();
    for n in 0..count {
        world.city.sends(POLICE, &n.to_string()).await;
    }
    let drafts: Vec<Draft> = (0..count).map(|n| draft(&format!("o{n:05}"), 1)).collect();
    let mut version = 0;
    for one in &drafts {
        let base = version;
        version = world.police.publishes_on(base, POLICE, vec![one.clone()], &[]).await.unwrap();
    }
    let (envelopes, bytes) = world.wire.carried();
    world.wire.mend();
    let dials = world.wire.dials();
    until("it is dialled", async || world.wire.dials() > dials).await;
    let began = Instant::now();
    let all = until("all has come", async || {
        world.city.is_quiet_with(POLICE).await && world.police.is_quiet_with(CITY).await
    })
    .await;
    until("the picture too", async || world.police.contributed().await.in_step).await;
    let carried = world.wire.carried();
    println!(
        "{count} messages and {count} changes: {all:?}, with the picture {:?}; {} envelopes, {} \
         bytes",
        began.elapsed(),
        carried.0 - envelopes,
        carried.1 - bytes,
    );
    assert_eq!(world.police.inbox().await.len(), count + 1);
    assert_eq!(world.city.has(POLICE).await.counts.len(), count);
    world.close().await;
}
