//! Thousands of streams that lose their gateway at the same moment and come back.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use samsyn_client::{
    Profile, Watch,
    wire::{Scope, event::What},
};
use samsyn_tests::{
    observed::{PARTY, delta, observation},
    raw::Failure,
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{caller::percentile, report::reached, stage::Stage, target::Target};

/// Who watches: services of signatories, which all see what is published.
const WATCHERS: [&str; 2] = ["lpo-skarholmen", PARTY];
/// What all of them are told before and after the fall.
const BEFORE: &str = "graffiti";
const AFTER: &str = "youth_gathering";
/// So many connect at a time at first: only the return is measured.
const AT_A_TIME: usize = 200;
/// Long enough for whatever must happen.
const PATIENCE: Duration = Duration::from_mins(5);

/// Opens so many streams, ends the gateway as a power cut would, serves it again, publishes, and
/// says when everybody has heard of it.
///
/// # Errors
/// When anything fails for good, or not all have heard in time.
pub(crate) async fn measure(samsyn: Option<PathBuf>, streams: usize) -> Result<(), Failure> {
    // All come from one address and as two services, which no gateway's callers do.
    let room = streams + 100;
    let limits = format!(
        "connections = {room}\nconnections_per_source = {room}\nconnections_per_service = {room}\n\
         streams = {room}\nstreams_per_service = {room}\nhandshakes_per_source = 256\n"
    );
    let mut stage = Stage::open(samsyn, &limits)?;
    let target = Target::new(stage.path(), stage.port(), PATIENCE);
    let city = reached(&target.profile(PARTY)?).await?;
    city.publish(delta(PARTY, 0, vec![observation("A", 2)])).await?;
    let profiles: Vec<Profile> =
        WATCHERS.iter().map(|name| target.profile(name)).collect::<Result<_, _>>()?;

    let (heard, mut news) = mpsc::unbounded_channel();
    let mut watching = JoinSet::new();
    let began = Instant::now();
    for number in 0..streams {
        let profile = profiles.get(number % profiles.len()).ok_or("nobody watches")?;
        let scope = Scope { period_kinds: vec!["month".to_owned()], ..Scope::default() };
        let watch = Watch::new(profile, scope, String::new());
        watching.spawn(told(watch, heard.clone()));
        if number % AT_A_TIME == AT_A_TIME - 1 {
            hear(&mut news, AT_A_TIME, began).await?;
        }
    }
    hear(&mut news, streams % AT_A_TIME, began).await?;
    println!("{streams} streams after {:.1} s", began.elapsed().as_secs_f64());
    println!("memory   {} MiB", stage.memory()?);

    let fell = Instant::now();
    stage.restart()?;
    let city = reached(&target.profile(PARTY)?).await?;
    let serves = fell.elapsed();
    let later =
        samsyn_client::wire::Observation { category: AFTER.to_owned(), ..observation("B", 3) };
    city.publish(delta(PARTY, 1, vec![later])).await?;
    let after = hear(&mut news, streams, fell).await?;
    println!("serves again after {:.1} s", serves.as_secs_f64());
    for percent in [50, 99, 100] {
        let at = percentile(&after, percent).as_secs_f64();
        println!("{percent:>3} of 100 have heard what was published since after {at:.1} s");
    }
    println!("memory   {} MiB; processor {} s", stage.memory()?, stage.ticks()? / 100);
    watching.abort_all();
    Ok(())
}

/// Says when something new was heard: what was there, and what came after.
async fn told(mut watch: Watch, heard: mpsc::UnboundedSender<Instant>) {
    let mut waits = [BEFORE, AFTER].into_iter().peekable();
    while let Ok(event) = watch.next().await {
        let Some(What::Finding(finding)) = event.what else { continue };
        if waits.peek().is_some_and(|category| finding.id.ends_with(category)) {
            waits.next();
            if heard.send(Instant::now()).is_err() {
                return;
            }
        }
    }
}

async fn hear(
    news: &mut mpsc::UnboundedReceiver<Instant>,
    many: usize,
    since: Instant,
) -> Result<Vec<Duration>, Failure> {
    let mut after = Vec::with_capacity(many);
    for _ in 0..many {
        let at = tokio::time::timeout(PATIENCE, news.recv()).await?.ok_or("nobody watches")?;
        after.push(at.saturating_duration_since(since));
    }
    Ok(after)
}
