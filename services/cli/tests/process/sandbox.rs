//! A sandbox in which something new happens by itself, as a partner's own client sees it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use samsyn_client::{Client, Profile, Watch, wire};
use tokio::time::timeout;

use crate::harness::samsyn;

const PARTNERS: [&str; 2] = ["raddningstjansten", "kriminalvarden"];
const NEWS_MAX: Duration = Duration::from_secs(120);

/// A sandbox with a folder for temporary files of its own; it ends with the test.
struct Sandbox {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Sandbox {
    fn start(temporary: &Path, arguments: &[&str]) -> Self {
        let mut command: Command = samsyn();
        command.arg("sandbox").args(arguments).env("TMPDIR", temporary);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    /// The folder of a partner's profile, as it is told.
    fn profile(&mut self, partner: &str) -> PathBuf {
        let end = format!("/profiles/{partner}");
        let mut lines = self.said.by_ref().lines().map(Result::unwrap);
        let told = lines.find_map(|line| {
            let folder = line.split_whitespace().next()?.to_owned();
            folder.ends_with(&end).then_some(folder)
        });
        PathBuf::from(told.expect("it ended before it told its profiles"))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

const fn is_news(event: &wire::Event) -> bool {
    matches!(event.what, Some(wire::event::What::Finding(_)))
}

/// Reads the snapshot, and then waits for something that comes by itself.
async fn streams_news(profile: &Profile) -> wire::Event {
    let mut watch = Watch::new(profile, wire::Scope::default(), String::new());
    loop {
        let event = watch.next().await.unwrap();
        if matches!(event.what, Some(wire::event::What::SnapshotEnds(_))) {
            break;
        }
    }
    loop {
        let event = watch.next().await.unwrap();
        if is_news(&event) {
            return event;
        }
    }
}

/// Polls from the end of what there is until something comes by itself.
async fn polls_news(client: &Client) -> wire::Event {
    let mut cursor = String::new();
    let mut up_to_date = false;
    loop {
        let request = wire::ListEventsRequest {
            context: Some(client.profile().read_context()),
            cursor,
            wait_seconds: if up_to_date { 10 } else { 0 },
            ..wire::ListEventsRequest::default()
        };
        let answer = client.joint.clone().list_events(request).await.unwrap().into_inner();
        if up_to_date && let Some(news) = answer.events.iter().find(|event| is_news(event)) {
            return news.clone();
        }
        up_to_date |= answer.events.is_empty();
        cursor = answer.next_cursor;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partners_get_news_by_stream_and_by_polling_without_anyone_acting() {
    let temporary = tempfile::tempdir().unwrap();
    let arguments = ["--every", "1", "--seed", "7"];
    let mut sandbox = Sandbox::start(temporary.path(), &arguments);
    // They are told in the order of their names.
    let prison = sandbox.profile(PARTNERS[1]);
    let fire = sandbox.profile(PARTNERS[0]);
    let [fire, prison] = [fire, prison].map(|folder| Profile::load(&folder).unwrap());
    let streamed = timeout(NEWS_MAX, streams_news(&fire));
    let client = Client::connect(&prison).await.unwrap();
    let polled = timeout(NEWS_MAX, polls_news(&client));
    let (streamed, polled) = tokio::join!(streamed, polled);
    let (streamed, polled) = (streamed.expect("no news came"), polled.expect("no news came"));
    println!("{} and {}", streamed.area, polled.area);
    assert_eq!(
        (streamed.area.as_str(), polled.area.as_str()),
        ("sthlm-skarholmen", "sthlm-skarholmen")
    );
}

#[test]
fn a_sandbox_ends_when_its_time_is_over_and_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let mut sandbox = Sandbox::start(temporary.path(), &["--every", "1", "--for", "2"]);
    let mut said = String::new();
    sandbox.said.read_to_string(&mut said).unwrap();
    assert!(sandbox.child.wait().unwrap().success(), "{said}");
    assert!(said.ends_with(" Stopped; everything is removed.\n"), "{said}");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn the_same_seed_gives_the_same_news() {
    let told = |seed: &str| {
        let temporary = tempfile::tempdir().unwrap();
        let arguments = ["--every", "1", "--for", "4", "--seed", seed];
        let mut sandbox = Sandbox::start(temporary.path(), &arguments);
        let mut said = String::new();
        sandbox.said.read_to_string(&mut said).unwrap();
        let (_, news) = said.split_once("all of sthlm-skarholmen:\n").unwrap();
        assert!(!news.contains("not taken"), "{news}");
        let news: Vec<String> = news.lines().take(2).map(str::to_owned).collect();
        assert!(news.iter().all(|line| line.contains("sthlm-skarholmen")), "{news:?}");
        news
    };
    assert_eq!(told("7"), told("7"));
    assert_ne!(told("7"), told("8"));
}
