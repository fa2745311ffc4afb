//! The whole ledger of the demo city, with a clock and a log that tests take in hand.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use samsyn_domain::{
    Caller, LegalBasisId, OrganisationId, PurposeId, ServiceId, Timestamp,
    disclosure::Ground,
    registry::{Date, Document, midnight},
};
use samsyn_policy::{Policy, Recorder, Scope};

use crate::{Clock, Error, Ledger, Levels, Options, Rejection, samples::NOW};

const SIGNATORY: &str = "polismyndigheten/lpo-skarholmen";
const PARTNER: &str = "raddningstjansten/raddningstjansten";

pub(crate) struct City {
    pub(crate) ledger: Ledger,
    now: Arc<AtomicI64>,
}

impl City {
    pub(crate) async fn open(dir: &Path, document: Document) -> Self {
        Self::knowing(dir, document, Levels::default()).await.unwrap()
    }

    /// As [`Self::open`], by a program that knows other levels.
    pub(crate) async fn knowing(
        dir: &Path,
        document: Document,
        levels: Levels,
    ) -> Result<Self, Error> {
        let now = Arc::new(AtomicI64::new(NOW.micros()));
        let shown = Arc::clone(&now);
        let clock: Clock = Arc::new(move || Timestamp::from_micros(shown.load(Ordering::Relaxed)));
        let (policy, recorder) = policy();
        let (dir, domain) = (dir.to_owned(), "d".to_owned());
        let document = document.into();
        let watcher = Arc::new(|_| ());
        let attachments = Some(crate::AttachmentsIn::Data);
        let options = Options {
            dir,
            node: 1,
            domain,
            document,
            nodes: None,
            clock,
            watcher,
            levels,
            attachments,
        };
        let ledger = Ledger::open(options, policy, recorder).await?;
        ledger.begin().await?;
        Ok(Self { ledger, now })
    }

    fn at(&self, now: Timestamp) {
        self.now.store(now.micros(), Ordering::Relaxed);
    }

    /// A read that is recorded: what waits for the signatory.
    pub(crate) async fn reads(&self) -> Result<u64, Rejection> {
        let reader = self.ledger.reader(&caller(SIGNATORY), ground("law_2023_196"))?;
        self.ledger.duties(&reader).await.map(|view| view.receipt().0)
    }

    /// When each disclosure was recorded.
    pub(crate) fn recorded(&self) -> Vec<Timestamp> {
        self.ledger.read(|s| s.evidence().disclosures().iter().map(|row| row.at).collect())
    }
}

#[expect(clippy::disallowed_methods, reason = "a test is its own app")]
pub(crate) fn policy() -> (Policy, Recorder) {
    let schema = include_str!("../../../config/policy/samsyn.cedarschema");
    Policy::load(schema, include_str!("../../../config/policy/samsyn.cedar")).unwrap()
}

pub(crate) fn document() -> Document {
    toml::from_str(include_str!("../../../config/registry/stockholm-demo.toml")).unwrap()
}

pub(crate) fn caller(service: &str) -> Caller {
    caller_with(service, "1")
}

/// A service that shows a card of a certain serial number.
#[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
pub(crate) fn caller_with(service: &str, serial: &str) -> Caller {
    let organisation = OrganisationId::parse(service.split('/').next().unwrap()).unwrap();
    let service = ServiceId::parse(service).unwrap();
    let until = NOW.after_seconds(400 * 86_400);
    Caller::authenticated(organisation, service, serial.into(), until)
}

pub(crate) fn ground(basis: &str) -> Ground {
    Ground {
        purpose: PurposeId::parse("joint_picture").unwrap(),
        legal_basis: LegalBasisId::parse(basis).unwrap(),
        weighing: None,
    }
}

#[tokio::test]
async fn t17_without_its_record_nothing_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let city = City::open(dir.path(), document()).await;
    let given = city.reads().await.unwrap();
    assert_eq!((given, city.recorded().len()), (1, 1));
    city.ledger.inner.consensus.lose_log();
    for _ in 0..2 {
        let refused = city.reads().await.unwrap_err();
        let Rejection::Failed(error) = refused else { panic!("{refused}") };
        assert!(matches!(error, Error::Stopped(_) | Error::OutcomeUnknown), "{error}");
    }
    let ended = tokio::time::timeout(Duration::from_secs(5), city.ledger.failed());
    assert!(!ended.await.expect("the process is to end").is_empty());
    city.ledger.close().await;
    let again = City::open(dir.path(), document()).await;
    assert_eq!(again.recorded().len(), 1, "what was given, and nothing else");
    again.ledger.close().await;
}

#[tokio::test]
async fn reads_that_wait_at_once_share_entries_and_have_each_a_record_of_its_own() {
    const READS: u64 = 40;
    let dir = tempfile::tempdir().unwrap();
    let city = City::open(dir.path(), document()).await;
    // What policy decides for the reader is in the log by then.
    assert_eq!(city.reads().await.unwrap(), 1);
    let before = city.ledger.figures().applied;
    let reads = futures::future::join_all((0..READS).map(|_| city.reads())).await;
    let mut receipts: Vec<u64> = reads.into_iter().map(Result::unwrap).collect();
    let entries = city.ledger.figures().applied - before;
    receipts.sort_unstable();
    assert_eq!(receipts, (2..READS + 2).collect::<Vec<_>>());
    assert_eq!(city.recorded().len(), receipts.len() + 1);
    assert!((1..READS / 2).contains(&entries), "{entries} entries for {READS} reads");
    city.ledger.close().await;
}

#[tokio::test]
async fn t25_a_clock_that_is_behind_stops_reads_and_one_ahead_lets_nothing_back() {
    let dir = tempfile::tempdir().unwrap();
    let city = City::open(dir.path(), document()).await;
    let refused = async || {
        let refused = city.reads().await.unwrap_err();
        assert!(matches!(refused, Rejection::Failed(Error::ClockBehind)), "{refused}");
    };
    city.reads().await.unwrap();
    city.at(NOW.after_seconds(-3));
    refused().await;
    city.at(NOW.after_seconds(-1));
    city.reads().await.expect("a second is what clocks differ by");
    // An hour ahead, and back: the record does not go back with it.
    city.at(NOW.after_seconds(3_600));
    city.reads().await.unwrap();
    for behind in [0, 1_800, 3_590] {
        city.at(NOW.after_seconds(behind));
        refused().await;
    }
    city.at(NOW.after_seconds(3_600));
    city.reads().await.unwrap();
    let at = city.recorded();
    assert!(at.windows(2).all(|two| two[0] < two[1]), "{at:?}");
    assert_eq!(at.len(), 4);
    city.ledger.close().await;
}

#[tokio::test]
async fn t33_a_release_row_that_ends_takes_its_stream_along() {
    let dir = tempfile::tempdir().unwrap();
    let last: Date = "2025-10-03".parse().unwrap();
    let mut document = document();
    let rows = document.release_rows.iter_mut();
    rows.filter(|row| row.receiver.as_str() == "raddningstjansten").for_each(|row| {
        row.valid_to = last;
    });
    let city = City::open(dir.path(), document).await;
    let (partner, scope) = (caller(PARTNER), Scope::default());
    let open = city.ledger.subscribe(&partner, ground("osl_6_5"), scope, "");
    let mut feed = open.await.unwrap();
    feed.next(10).await.unwrap();
    let end = midnight(last);
    city.at(end.after_seconds(-1));
    feed.holds().expect("a second before its end the row is in force");
    // Who waits is woken by the end itself.
    city.at(Timestamp::from_micros(end.micros() - 100_000));
    let waited = Instant::now();
    feed.wait(Duration::from_secs(60)).await;
    assert!(waited.elapsed() < Duration::from_secs(10), "{:?}", waited.elapsed());
    city.at(end);
    assert!(matches!(feed.holds(), Err(Rejection::Denied(_))), "{:?}", feed.holds());
    let next = feed.next(10).await;
    assert!(matches!(next, Err(Rejection::Denied(_))), "{next:?}");
    let again = city.ledger.subscribe(&partner, ground("osl_6_5"), Scope::default(), "").await;
    assert!(matches!(again, Err(Rejection::Denied(_))), "{again:?}");
    city.ledger.close().await;
}
