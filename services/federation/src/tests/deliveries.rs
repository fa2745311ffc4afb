//! Views of joint pictures that the home of an area delivers.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use samsyn_domain::{
    Draft, Kind as ObservationKind, OrganisationId, Period, PeriodKind, RowId, Secrecy,
    command::LinkChange,
    disclosure::Ground,
    link::{Phase, Received},
    registry::{Category, Delivery, Document, FieldGroup, ReleaseRow, Role, Variant},
};
use samsyn_ledger::{Feed, Joint, Rejection};
use samsyn_policy::{At, DisclosureFilter, DisclosureList, EventBatch, Scope, View};
use samsyn_proto::{
    inbound::{JointAsked, PageAsked},
    sealed::{Encoded, Paged},
    v1::{self, GetJointPictureResponse, ListEventsResponse, event::What},
};
use tokio::time::timeout;

use super::{
    pictures::{area, draft, kept, labelled},
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World, ground},
};

pub(super) fn id() -> RowId {
    RowId::parse("polisen").unwrap()
}

/// To the police, for their party: what a signatory sees.
pub(super) fn delivery() -> Delivery {
    let Ground { purpose, legal_basis, weighing } = ground();
    Delivery {
        id: id(),
        organisation: OrganisationId::parse(POLICE.organisation).unwrap(),
        parties: BTreeSet::from([POLICE.party()]),
        areas: BTreeSet::from([area()]),
        purpose,
        legal_basis,
        weighing,
    }
}

pub(super) fn delivers(city: &mut Document) {
    city.peers[0].deliveries.insert(delivery());
}

impl World {
    /// The city delivers what the police may see.
    async fn delivering() -> Self {
        Self::of(|_| (), delivers).await
    }

    /// Waits until the police read at home what their desk reads at the city, byte for byte.
    pub(super) async fn is_same(&self) -> Vec<u8> {
        let same = timeout(PATIENCE, async {
            loop {
                let there = self.city.joint(POLICE).await.unwrap();
                match self.police.joint(POLICE).await {
                    Ok(here) if here == there => return here.1,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        match same.await {
            Ok(same) => same,
            Err(_) => {
                let (here, there) = (&self.police, &self.city);
                let (read, told) = (here.joint(POLICE).await, there.joint(POLICE).await);
                let links = [here.ledger.link(&CITY.id()), there.ledger.link(&POLICE.id())];
                panic!("{read:?}, not {told:?}: {:?}, {links:?}", here.received())
            }
        }
    }
}

fn asked() -> JointAsked {
    let page = PageAsked { size: 0, token: String::new() };
    let (area, period): (_, Period) = (area(), "2025-10".parse().unwrap());
    JointAsked { area, period, at: At::Newest, min_revision: 0, valid_at: None, page }
}

impl Domain {
    /// The joint picture as a desk reads it here: its revision, and what goes over the wire but for
    /// the cursor.
    pub(super) async fn joint(&self, who: Who) -> Result<(u64, Vec<u8>), Rejection> {
        self.joint_on(who, ground()).await
    }

    async fn joint_on(&self, who: Who, ground: Ground) -> Result<(u64, Vec<u8>), Rejection> {
        let caller = who.caller();
        let reader = self.ledger.reader(&caller, ground)?;
        let (joint, _) = self.ledger.joint(&caller, &reader, &asked()).await?;
        let paged = Paged { from: 0, size: 1_000 };
        let (cursor, token) = (String::new(), |_| String::new());
        let encoded = match &joint {
            Joint::Here(view) => {
                Encoded::<GetJointPictureResponse>::page(view, paged, cursor, token)
            }
            Joint::Received(view) => {
                Encoded::<GetJointPictureResponse>::received(view, paged, cursor, token)
            }
        };
        let revision = match &joint {
            Joint::Here(view) => view.content().revision,
            Joint::Received(view) => view.content().revision,
        };
        Ok((revision, prost::Message::encode_to_vec(&encoded)))
    }

    /// Why the joint picture is not shown to a desk here.
    pub(super) async fn refuses(&self, who: Who, ground: Ground) -> (&'static str, String) {
        match self.joint_on(who, ground).await {
            Err(Rejection::Denied(denial)) => (denial.why.id(), denial.rule),
            other => panic!("{other:?}"),
        }
    }

    /// What has come here of the view.
    pub(super) fn received(&self) -> Option<(Received, usize)> {
        let figures = self.ledger.link_figures(&CITY.id());
        let mut all = figures.views_received.into_iter();
        all.find(|(one, _)| one.of.id == id()).map(|(one, count)| (Received::clone(&one), count))
    }

    /// Waits until what has come here is as it should be.
    pub(super) async fn has_received(&self, is: impl Fn(Option<(Received, usize)>) -> bool) {
        let comes = timeout(PATIENCE, async {
            while !is(self.received()) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(comes.await.is_ok(), "{:?}", self.received());
    }

    /// What was given, as a desk here may know it.
    pub(super) async fn given_of(
        &self,
        filter: &DisclosureFilter,
        who: Who,
    ) -> View<DisclosureList> {
        let caller = who.caller();
        let reader = self.ledger.reader(&caller, ground()).unwrap();
        self.ledger.disclosures(&caller, &reader, filter).await.unwrap()
    }

    pub(super) async fn follows(&self, who: Who, cursor: &str) -> Feed {
        let scope = Scope {
            areas: [area()].into(),
            periods: [PeriodKind::Month].into(),
            ..Scope::default()
        };
        self.ledger.subscribe(&who.caller(), ground(), scope, cursor).await.unwrap()
    }
}

/// The events of a batch as they go over the wire.
fn events(view: View<EventBatch>) -> Vec<v1::Event> {
    let bytes = prost::Message::encode_to_vec(&Encoded::<ListEventsResponse>::from(view));
    <ListEventsResponse as prost::Message>::decode(bytes.as_slice()).unwrap().events
}

/// What a follower holds of a view.
#[derive(Default)]
pub(super) struct Holds {
    pub(super) findings: BTreeMap<(String, String), v1::Finding>,
    pub(super) frames: usize,
    pub(super) cursor: String,
}

impl Holds {
    pub(super) fn take_all(&mut self, view: View<EventBatch>) {
        events(view).into_iter().for_each(|event| self.take(event));
    }

    fn take(&mut self, event: v1::Event) {
        self.cursor = event.cursor;
        match event.what.unwrap() {
            What::SnapshotBegins(snapshot) => {
                self.frames += 1;
                if snapshot.reset {
                    self.findings.clear();
                }
            }
            What::SnapshotEnds(_) => self.frames += 1,
            What::Finding(finding) => {
                let period = finding.period.clone().unwrap().code;
                self.findings.insert((period, finding.id.clone()), finding);
            }
            What::RemovedFinding(removed) => {
                self.findings.remove(&(removed.period.unwrap().code, removed.finding_id));
            }
            other
            @ (What::Edition(_) | What::Recall(_) | What::Heartbeat(_) | What::Closing(_)) => {
                panic!("{other:?}")
            }
        }
    }

    /// Takes what there is, some at a time, until it holds what another does.
    pub(super) async fn until(&mut self, feed: &mut Feed, is: impl Fn(&Self) -> bool) {
        let taken = timeout(PATIENCE, async {
            while !is(self) {
                while let Some(view) = feed.next(2).await.unwrap() {
                    self.take_all(view);
                }
                feed.wait(Duration::from_millis(50)).await;
            }
        });
        assert!(taken.await.is_ok(), "{:?}", self.findings.keys());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_joint_picture_comes_back_byte_for_byte() {
    let world = World::delivering().await;
    world.city.publishes(vec![draft("c1", 2), draft("c2", 1)], &[]).await.unwrap();
    world.police.publishes(vec![draft("p1", 3)], &[]).await.unwrap();
    world.police.is_in_step().await;
    let both = world.is_same().await;
    assert!(both.len() > 200, "{} bytes", both.len());
    // Changed and withdrawn, it is the same still.
    world.city.publishes(vec![draft("c1", 5)], &["c2"]).await.unwrap();
    let changed = world.is_same().await;
    assert_ne!(both, changed);
    world.city.publishes(Vec::new(), &["c1"]).await.unwrap();
    world.police.publishes(Vec::new(), &["p1"]).await.unwrap();
    world.police.is_in_step().await;
    let nothing = world.is_same().await;
    assert!(nothing.len() < 10, "{} bytes", nothing.len());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_the_level_of_the_link_is_shown_at_the_home_and_not_delivered() {
    let world = World::delivering().await;
    let secret = || labelled("secret", |labels| labels.level = Secrecy::of(3).unwrap());
    world.city.publishes(vec![draft("a", 2), kept("own", 1)], &[]).await.unwrap();
    let without = world.is_same().await;
    world.city.publishes(vec![secret()], &[]).await.unwrap();
    world.city.publishes(vec![draft("a", 3)], &[]).await.unwrap();
    // What came is what would be there without it.
    world.police.has_received(|one| one.is_some_and(|(one, _)| one.step >= 2)).await;
    let (_, there) = world.city.joint(POLICE).await.unwrap();
    let (_, here) = world.police.joint(POLICE).await.unwrap();
    assert!(here.len() < there.len() && here.len() == without.len());
    // When it may cross, it does.
    world.city.publishes(vec![labelled("secret", |_| ())], &[]).await.unwrap();
    world.is_same().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_read_by_whom_it_is_for_on_the_ground_on_which_it_came() {
    let other = Who { organisation: "stockholms-stad", ..CITY };
    let unspoken = |police: &mut Document| {
        // A service of the police that speaks for no party, and reads.
        let mut service = police.services[0].clone();
        service.id = samsyn_domain::ServiceId::parse("polismyndigheten/other").unwrap();
        service.parties.clear();
        service.roles = [Role::Reader].into();
        police.services.push(service);
    };
    let world = World::of(unspoken, delivers).await;
    world.city.publishes(vec![draft("a", 2)], &[]).await.unwrap();
    world.is_same().await;
    let elsewhere = ("HOME_ELSEWHERE", "POL-56".to_owned());
    assert_eq!(world.police.refuses(other, ground()).await, elsewhere);
    let purpose = samsyn_domain::PurposeId::parse("follow_up").unwrap();
    let for_another = Ground { purpose, ..ground() };
    let refused = world.police.refuses(POLICE, for_another).await;
    assert_eq!(refused, ("PURPOSE_NOT_COVERED", "POL-58".to_owned()));
    // What was read here is recorded here, as what was delivered is there.
    let filter = DisclosureFilter { area: Some(area()), ..DisclosureFilter::default() };
    let told = world.police.given_of(&filter, POLICE).await;
    let by = |(one, _): &(std::sync::Arc<samsyn_domain::disclosure::Disclosure>, _)| {
        one.rules.contains("POL-58/polisen") && one.service == POLICE.service()
    };
    assert!(told.content().disclosures.iter().any(by), "{told:?}");
    let told = world.city.given_of(&filter, CITY).await;
    let delivered = told
        .content()
        .disclosures
        .iter()
        .find(|(one, _)| one.service.as_str() == "polisen.example/link" && one.view.is_some());
    let (_, stored) = delivered.unwrap();
    assert!(stored.is_some(), "the link says that it has been taken in");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_cut_and_new_beginnings_on_both_sides_it_is_the_same() {
    let mut world = World::delivering().await;
    world.city.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    world.is_same().await;
    world.wire.cut();
    for n in 0..40 {
        let id = format!("n{n}");
        world.city.publishes(vec![draft(&id, n), draft("a", n)], &[]).await.unwrap();
    }
    world.city.publishes(Vec::new(), &["a", "n3"]).await.unwrap();
    // The police have what they had: it is shown as long as the wire is cut.
    assert!(world.police.joint(POLICE).await.is_ok());
    world.wire.mend();
    world.is_same().await;
    for n in 0..4 {
        world.city.publishes(vec![draft("b", n)], &[]).await.unwrap();
        if n % 2 == 0 {
            world.restart_city().await;
        } else {
            world.restart_police().await;
        }
        world.city.publishes(vec![draft("b", n + 10)], &[]).await.unwrap();
    }
    world.is_same().await;
    // Stopped and let go on, all of it comes anew.
    let (before, _) = world.police.received().unwrap();
    world.city.sets_link(LinkChange::Pause).await;
    world.city.sets_link(LinkChange::Resume).await;
    world.police.has_received(|one| one.is_some_and(|(one, _)| one.step > before.step)).await;
    world.is_same().await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_it_here_gets_what_who_follows_it_there_does() {
    let world = World::delivering().await;
    world.city.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    world.is_same().await;
    let (mut here, mut there) = (Holds::default(), Holds::default());
    let mut at_home = world.city.follows(POLICE, "").await;
    let mut feed = world.police.follows(POLICE, "").await;
    there.until(&mut at_home, |there| !there.findings.is_empty()).await;
    here.until(&mut feed, |here| here.findings == there.findings).await;
    assert_eq!((here.frames, there.frames), (2, 2));
    world.city.publishes(vec![draft("a", 4)], &[]).await.unwrap();
    let is_four = |holds: &Holds| {
        holds.findings.values().any(|finding| format!("{finding:?}").contains("Exact(4)"))
    };
    there.until(&mut at_home, is_four).await;
    here.until(&mut feed, |here| here.findings == there.findings).await;
    drop(feed);
    // Gone while nobody looked: from the cursor on, each change comes once.
    let cursor = here.cursor.clone();
    world.city.publishes(Vec::new(), &["a"]).await.unwrap();
    world.is_same().await;
    let mut feed = world.police.follows(POLICE, &cursor).await;
    here.until(&mut feed, |here| here.findings.is_empty()).await;
    assert_eq!(here.frames, 2, "no new snapshot");
    // What was stored is acknowledged.
    let context = world.police.context();
    world.police.ledger.acknowledge(&POLICE.caller(), &context, &here.cursor).await.unwrap();
    // A cursor of another's is none.
    let scope = Scope { areas: [area()].into(), ..Scope::default() };
    let (caller, cursor) = (POLICE.caller(), &there.cursor);
    let foreign = world.police.ledger.subscribe(&caller, ground(), scope, cursor).await;
    assert!(matches!(foreign, Err(Rejection::CursorInvalid)));
    world.close().await;
}

/// What the police may have for themselves, coarsened, until the second of October.
fn row() -> ReleaseRow {
    let lists: Document =
        toml::from_str(include_str!("../../../../config/registry/stockholm-demo.toml")).unwrap();
    let Ground { purpose, legal_basis, .. } = ground();
    ReleaseRow {
        id: RowId::parse("for-the-police").unwrap(),
        receiver: OrganisationId::parse(POLICE.organisation).unwrap(),
        areas: [area()].into(),
        priorities: lists.lists.priorities.into_iter().map(|one| one.id).collect(),
        kinds: [ObservationKind::ObservedDisorder].into(),
        periods: PeriodKind::ALL.into(),
        shown: [(FieldGroup::Place, Variant::District), (FieldGroup::Counts, Variant::Exact)]
            .into(),
        purposes: [purpose].into(),
        legal_bases: [legal_basis].into(),
        live: true,
        protected_counts: false,
        declares_withheld: true,
        valid_from: "2025-01-01".parse().unwrap(),
        valid_to: "2025-10-02".parse().unwrap(),
    }
}

/// To the police, for themselves, as long as that row holds.
pub(super) fn delivers_until_tomorrow(city: &mut Document) {
    let delivery = Delivery { parties: BTreeSet::new(), ..delivery() };
    city.peers[0].deliveries.insert(delivery);
    city.release_rows.push(row());
}

/// One that the police may have for themselves.
pub(super) fn for_the_police() -> Draft {
    let mut seen = labelled("a", |labels| {
        let police = samsyn_domain::Audience::parse(POLICE.organisation).unwrap();
        labels.audience.insert(police);
    });
    seen.secret.note = None;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_right_to_it_ends_all_of_it_goes() {
    let world = World::of(|_| (), delivers_until_tomorrow).await;
    world.city.publishes(vec![for_the_police()], &[]).await.unwrap();
    world.police.has_received(|one| one.is_some_and(|(_, count)| count > 0)).await;
    let (_, shown) = world.police.joint(POLICE).await.unwrap();
    let shown = <GetJointPictureResponse as prost::Message>::decode(shown.as_slice()).unwrap();
    // Coarsened, and what is withheld is declared.
    assert_eq!(shown.findings[0].id, format!("{}/vandalism", area()));
    assert!(!shown.findings[0].withheld.is_empty());
    // The next day there is no right to it.
    for domain in [&world.city, &world.police] {
        domain.at(NOW.after_seconds(86_400));
    }
    world.wire.tear();
    world.police.has_received(|one| one.is_none()).await;
    assert_eq!(world.police.refuses(POLICE, ground()).await.0, "HOME_ELSEWHERE");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finding_that_is_larger_than_an_envelope_comes_in_pieces() {
    const COUNT: usize = 900;
    let world = World::delivering().await;
    let long = |n: usize| {
        let mut one = draft(&format!("o{n:04}"), 1);
        one.secret.note = Some("Nära torget. ".repeat(30));
        one
    };
    world.wire.cut();
    for from in (0..COUNT).step_by(100) {
        world.city.publishes((from..from + 100).map(long).collect(), &[]).await.unwrap();
    }
    world.wire.mend();
    let is_whole = |one: &Received| one.phase == Phase::Whole;
    world.police.has_received(|one| one.is_some_and(|(one, n)| is_whole(&one) && n > 0)).await;
    let whole = world.is_same().await;
    assert!(whole.len() > 2 * 256 * 1024, "{} bytes", whole.len());
    world.close().await;
}

/// One observation of each category of disorder in each of so many weeks back from now.
fn of_weeks(weeks: i64) -> Vec<Draft> {
    let registry = include_str!("../../../../config/registry/stockholm-demo.toml");
    let document: Document = toml::from_str(registry).unwrap();
    let disorder = |one: &&Category| one.kind == ObservationKind::ObservedDisorder;
    let categories: Vec<Category> = document.categories.iter().filter(disorder).cloned().collect();
    let of_week = |week: i64| {
        categories.iter().map(move |category| {
            let mut one = draft(&format!("{}-{week}", category.id), 1);
            let content = &mut one.content;
            content.category = category.id.clone();
            content.priority = category.priority.clone();
            for at in [&mut content.starts_at, &mut content.ends_at] {
                *at = at.after_seconds(-week * 7 * 86_400);
            }
            one
        })
    };
    (0..weeks).flat_map(of_week).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_larger_than_a_step_is_shown_when_it_is_whole_also_after_a_new_leader() {
    let mut world = World::delivering().await;
    world.wire.cut();
    let all = of_weeks(60);
    for some in all.chunks(100) {
        world.city.publishes(some.to_vec(), &[]).await.unwrap();
    }
    // While it is on its way nothing is shown, and another leader cannot go on with it.
    world.wire.mend();
    world
        .police
        .has_received(|one| one.is_some_and(|(one, count)| one.phase == Phase::Coming && count > 0))
        .await;
    world.restart_city().await;
    world.police.has_received(|one| one.is_some_and(|(one, _)| one.phase == Phase::Whole)).await;
    let (received, count) = world.police.received().unwrap();
    assert!(received.step >= 3 && count > 512, "{count} findings in {} steps", received.step);
    // Of the months, which is what is followed.
    let of_month = |one: &Draft| {
        let month = Period::holding(PeriodKind::Month, one.content.starts_at);
        (one.content.category.clone(), month)
    };
    let months = all.iter().map(of_month).collect::<BTreeSet<_>>().len();
    let (mut here, mut there) = (Holds::default(), Holds::default());
    let mut feed = world.police.follows(POLICE, "").await;
    here.until(&mut feed, |here| here.findings.len() == months).await;
    let mut feed = world.city.follows(POLICE, "").await;
    there.until(&mut feed, |there| there.findings.len() == months).await;
    assert_eq!(here.findings, there.findings);
    world.close().await;
}
