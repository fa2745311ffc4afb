//! A peer whose steps of a view do not fit: what there is of it is not shown until it begins anew.

use samsyn_domain::{
    AreaId, PeriodKind, RowId,
    link::{Address, Delivered, Header, Kind, Payload, Phase, Position, StepTerms},
};
use samsyn_ledger::Rejection;
use samsyn_proto::{
    link::Taken,
    v1::{self, ListEventsResponse, event::What},
};

use super::{
    deliveries::{Holds, id},
    impostor::Hostile,
    pictures::area,
    world::{CITY, NOW, POLICE, World, ground, labels},
};

/// A step as the city would deliver it.
pub(super) fn step(number: u64, events: Vec<v1::Event>) -> Delivered {
    let next_cursor = String::new();
    let events = prost::Message::encode_to_vec(&ListEventsResponse { events, next_cursor });
    Delivered {
        delivery: id(),
        step: number,
        piece: 0,
        last: true,
        terms: StepTerms {
            parties: [POLICE.party()].into(),
            areas: [area()].into(),
            periods: PeriodKind::ALL.into(),
            ground: ground(),
            begins: number == 1,
            whole: true,
            ended: false,
        },
        events,
    }
}

pub(super) fn found_in(name: &str, level: u32) -> v1::Finding {
    let labels = Some(v1::Labels { level, ..v1::Labels::default() });
    let observation = Some(v1::Observation { labels, ..v1::Observation::default() });
    let contribution = v1::Contribution { observation, ..v1::Contribution::default() };
    v1::Finding {
        id: name.to_owned(),
        area: area().to_string(),
        period: Some(v1::Period { code: "2025-10".to_owned() }),
        contributions: vec![contribution],
        ..v1::Finding::default()
    }
}

fn found(name: &str, level: u32) -> v1::Event {
    let finding = found_in(name, level);
    v1::Event {
        area: area().to_string(),
        revision: 7,
        recorded_at: Some(prost_types::Timestamp { seconds: 1_759_300_000, nanos: 0 }),
        what: Some(What::Finding(finding)),
        ..v1::Event::default()
    }
}

/// That a finding has gone.
fn removed(name: &str) -> v1::Event {
    let v1::Event { what, .. } = found(name, 1);
    let Some(What::Finding(finding)) = what else { panic!() };
    let (finding_id, period) = (finding.id, finding.period);
    let removed = v1::RemovedFinding { finding_id, period };
    v1::Event { what: Some(What::RemovedFinding(removed)), ..found(name, 1) }
}

impl Hostile {
    pub(super) async fn delivers(
        &mut self,
        delivered: Delivered,
        bend: impl FnOnce(&mut Header),
    ) -> Taken {
        let payload = Payload::View(delivered.into()).encode().unwrap();
        let envelope = self.envelope(&payload, Kind::View.number(), |header| {
            header.from = Address::domain(CITY.id());
            header.to =
                Address { orgnr: Some(POLICE.orgnr.to_owned()), ..Address::domain(POLICE.id()) };
            bend(header);
        });
        self.sends(envelope).await;
        self.settles().await
    }

    /// The word on what was sent last, with all that was set aside until then.
    pub(super) async fn settles(&mut self) -> Taken {
        let sequence = self.chain.sequence;
        let mut set_aside = Vec::new();
        loop {
            let mut taken = self.taken().await;
            set_aside.append(&mut taken.set_aside);
            let position = Position::decode(&taken.position).unwrap();
            if position.chain.sequence == sequence {
                return Taken { set_aside, ..taken };
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_does_not_fit_is_not_shown_until_the_view_begins_anew() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let (named, other) = (format!("{}/vandalism", area()), format!("{}/theft", area()));
    hostile.delivers(step(1, vec![found(&named, 1)]), |_| ()).await;
    assert!(world.police.joint(POLICE).await.is_ok());
    let is = |phase: Phase, count: usize| {
        let (received, findings) = world.police.received().unwrap();
        assert_eq!((received.phase, findings), (phase, count));
    };
    is(Phase::Whole, 1);
    // One is missing: what there is may be old.
    hostile.delivers(step(3, vec![found(&other, 1)]), |_| ()).await;
    is(Phase::Broken, 1);
    assert_eq!(world.police.refuses(POLICE, ground()).await.0, "VIEW_INCOMPLETE");
    hostile.delivers(step(4, vec![found(&other, 1)]), |_| ()).await;
    is(Phase::Broken, 1);
    // It begins anew; what was there before is gone.
    hostile.delivers(step(1, vec![found(&other, 1)]), |_| ()).await;
    is(Phase::Whole, 1);
    // For whom it is cannot become another.
    let mut widened = step(2, Vec::new());
    widened.terms.parties.clear();
    hostile.delivers(widened, |_| ()).await;
    is(Phase::Broken, 1);
    let mut ended = step(3, Vec::new());
    ended.terms.ended = true;
    hostile.delivers(ended, |_| ()).await;
    assert!(world.police.received().is_none());
    world.close().await;
}

type Fault = (&'static str, fn(&mut Delivered), fn(&mut Header));

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_of_a_view_is_not_taken_and_the_view_is_not_shown() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let named = format!("{}/vandalism", area());
    let other = |step: &mut Delivered| {
        step.terms.areas.insert(AreaId::parse("sthlm-farsta").unwrap());
    };
    let faults: [Fault; 11] = [
        ("not_for_us", |_| (), |header| header.to.orgnr = Some("5560000000".to_owned())),
        ("malformed", |_| (), |header| header.to.orgnr = None),
        ("above_ceiling", |_| (), |header| header.labels = Some(labels(3).into())),
        ("malformed", |step| step.events = vec![1, 2, 3], |_| ()),
        ("malformed", |one| one.events = step(1, vec![found("a/b", 3)]).events, |_| ()),
        ("malformed", |one| one.events = step(1, vec![found("", 1)]).events, |_| ()),
        ("malformed", |one| one.events = step(1, vec![found("a\u{202e}b", 1)]).events, |_| ()),
        ("malformed", |one| one.events = step(1, vec![bent("x\u{7}")]).events, |_| ()),
        ("malformed", |one| one.terms.areas.clear(), |_| ()),
        ("malformed", |one| one.piece = 3, |_| ()),
        // Nothing here says that its picture is ordered there.
        ("not_yours", other, |_| ()),
    ];
    for (n, (reason, bend, bend_header)) in faults.into_iter().enumerate() {
        hostile.delivers(step(1, vec![found(&named, 1)]), |_| ()).await;
        assert_eq!(world.police.received().unwrap().0.phase, Phase::Whole, "{n}");
        let mut bent = step(2, vec![found(&named, 1)]);
        bend(&mut bent);
        let taken = hostile.delivers(bent, bend_header).await;
        assert_eq!(taken.set_aside[0].reason, reason, "{n}");
        assert_eq!(world.police.received().unwrap().0.phase, Phase::Broken, "{n}");
    }
    // None of it takes up room: it comes anew when the view does.
    assert!(world.police.ledger.quarantined(&CITY.id()).is_empty());
    world.close().await;
}

/// A finding in which some text has a character that no text has.
fn bent(name: &str) -> v1::Event {
    let mut event = found("a/b", 1);
    let Some(What::Finding(finding)) = &mut event.what else { panic!() };
    finding
        .conflicts
        .push(v1::Conflict { candidates: vec![format!("{name}=3")], ..v1::Conflict::default() });
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn of_which_view_something_unreadable_was_cannot_be_told_and_none_is_shown() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let mut second = step(1, vec![found("a/b", 1)]);
    second.delivery = RowId::parse("second").unwrap();
    hostile.delivers(step(1, vec![found("a/b", 1)]), |_| ()).await;
    hostile.delivers(second.clone(), |_| ()).await;
    // What is wrong with one view is no fault of the other.
    let mut gap = step(5, Vec::new());
    gap.delivery = second.delivery.clone();
    hostile.delivers(gap, |_| ()).await;
    let phases = || {
        let figures = world.police.ledger.link_figures(&CITY.id());
        figures.views_received.iter().map(|(one, _)| one.phase).collect::<Vec<_>>()
    };
    assert_eq!(phases(), [Phase::Whole, Phase::Broken]);
    hostile.delivers(second, |_| ()).await;
    assert_eq!(phases(), [Phase::Whole, Phase::Whole]);
    // All three in one go: what cannot be read comes by itself, and breaks what came before it.
    let unread = |hostile: &mut Hostile| {
        hostile.envelope(b"nothing", Kind::View.number(), |header| {
            header.from = Address::domain(CITY.id());
            header.to =
                Address { orgnr: Some(POLICE.orgnr.to_owned()), ..Address::domain(POLICE.id()) };
        })
    };
    let payload = Payload::View(step(2, vec![found("a/c", 1)]).into()).encode().unwrap();
    let good = hostile.envelope(&payload, Kind::View.number(), |header| {
        header.from = Address::domain(CITY.id());
        header.to =
            Address { orgnr: Some(POLICE.orgnr.to_owned()), ..Address::domain(POLICE.id()) };
    });
    let bad = unread(&mut hostile);
    for envelope in [good, bad] {
        hostile.sends(envelope).await;
    }
    hostile.settles().await;
    assert_eq!(phases(), [Phase::Broken, Phase::Broken]);
    assert_eq!(world.police.ledger.quarantined(&CITY.id()).len(), 1);
    assert_eq!(world.police.received().unwrap().1, 2, "and it was taken before that");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_kept_no_longer_goes_also_while_nobody_says_so() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let until = |name: &str, after: i64| {
        let mut event = found(name, 1);
        let Some(What::Finding(finding)) = &mut event.what else { panic!() };
        let labels = finding.contributions[0].observation.as_mut().unwrap().labels.as_mut();
        let seconds = NOW.micros() / 1_000_000 + after;
        labels.unwrap().retain_until = Some(prost_types::Timestamp { seconds, nanos: 0 });
        event
    };
    let both = vec![until("a/kept", 3_600), until("a/ends", 60)];
    hostile.delivers(step(1, both), |_| ()).await;
    assert_eq!(world.police.received().unwrap().1, 2);
    world.police.at(NOW.after_seconds(61));
    world.police.ledger.tick_if_due().await.unwrap();
    assert_eq!(world.police.received().unwrap().1, 1);
    assert!(world.police.joint(POLICE).await.is_ok());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn that_all_of_it_goes_is_heard_whoever_it_was_for() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    hostile.delivers(step(1, vec![found("a/b", 1)]), |_| ()).await;
    let mut ended = step(2, Vec::new());
    ended.terms.ended = true;
    ended.terms.areas.clear();
    hostile.delivers(ended, |header| header.to.orgnr = Some("5560000000".to_owned())).await;
    assert!(world.police.received().is_none());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_with_a_cursor_of_before_it_began_anew_gets_all_of_it_anew() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    hostile.delivers(step(1, vec![found("a/b", 1), found("a/c", 1)]), |_| ()).await;
    let mut holds = Holds::default();
    let mut feed = world.police.follows(POLICE, "").await;
    holds.until(&mut feed, |holds| holds.findings.len() == 2).await;
    let mut ended = step(2, Vec::new());
    ended.terms.ended = true;
    hostile.delivers(ended, |_| ()).await;
    assert!(matches!(feed.next(10).await, Err(Rejection::CursorInvalid)), "it has ended");
    hostile.delivers(step(1, vec![found("a/c", 1)]), |_| ()).await;
    assert!(matches!(feed.next(10).await, Err(Rejection::CursorInvalid)), "it was another one");
    let mut feed = world.police.follows(POLICE, &holds.cursor).await;
    holds.until(&mut feed, |holds| holds.findings.len() == 1).await;
    assert_eq!(holds.frames, 4, "another snapshot, which replaces the first");
    // So it is when it begins anew without an end, and with nothing.
    hostile.delivers(step(1, Vec::new()), |_| ()).await;
    assert!(matches!(feed.next(10).await, Err(Rejection::CursorInvalid)), "it was another one");
    let mut feed = world.police.follows(POLICE, &holds.cursor).await;
    holds.until(&mut feed, |holds| holds.findings.is_empty()).await;
    assert_eq!(holds.frames, 6);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_in_the_middle_of_which_something_comes_misses_nothing() {
    let world = World::new().await;
    world.wire.cut();
    let mut hostile = Hostile::opens(&world, |_| ()).await;
    let all = ["a/b", "a/c", "a/d"].map(|name| found(name, 1));
    hostile.delivers(step(1, all.to_vec()), |_| ()).await;
    let mut holds = Holds::default();
    let mut feed = world.police.follows(POLICE, "").await;
    holds.take_all(feed.next(2).await.unwrap().unwrap());
    assert_eq!(holds.findings.len(), 1);
    // It comes back where it was; just then what it had goes, and all others move up.
    let mut feed = world.police.follows(POLICE, &holds.cursor).await;
    hostile.delivers(step(2, vec![removed("a/b")]), |_| ()).await;
    while let Some(view) = feed.next(2).await.unwrap() {
        holds.take_all(view);
    }
    let names: Vec<&str> = holds.findings.keys().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["a/c", "a/d"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_delivers_nothing_of_an_area_that_is_at_home_with_the_receiver() {
    let world = World::new().await;
    world.wire.cut();
    // The police say that they were the home of the city's area.
    let mut hostile = Hostile::opens_from(&world.police, &world.city, |_| ()).await;
    let mut delivered = step(1, vec![found("a/b", 1)]);
    delivered.terms.parties = [CITY.party()].into();
    let taken = hostile
        .delivers(delivered, |header| {
            header.from = Address::domain(POLICE.id());
            header.to =
                Address { orgnr: Some(CITY.orgnr.to_owned()), ..Address::domain(CITY.id()) };
        })
        .await;
    assert_eq!(taken.set_aside[0].reason, "not_yours");
    assert!(world.city.joint(CITY).await.is_ok(), "its own is shown");
    world.close().await;
}
