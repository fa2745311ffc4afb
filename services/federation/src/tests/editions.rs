//! Editions that the home of an area delivers, and answers that come back.

use std::{fmt, time::Duration};

use samsyn_domain::{
    Secrecy,
    command::LinkChange,
    disclosure::{Disclosure, Object},
    edition::Verdict,
    link::{LEVEL, Phase, WINDOW_MAX},
    registry::{Document, Role},
};
use samsyn_ledger::Rejection;
use samsyn_policy::DisclosureFilter;
use samsyn_proto::{inbound::AnswerAsked, sealed::Encoded, v1};
use tokio::time::timeout;

use super::{
    deliveries::{delivers_until_tomorrow, for_the_police},
    endorsing::decoded,
    pictures::{area, draft},
    world::{CITY, NOW, PATIENCE, POLICE, World, ground},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_edition_is_reviewed_and_endorsed_from_another_domain_and_read_there() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.state(), v1::EditionState::Collecting);
    world.city.locks(&id, |_| ()).await;
    let header = world.edition_is_same(&id).await;
    assert_eq!((header.state(), header.round), (v1::EditionState::InReview, 1));
    let shown = world.police.shown(&id, POLICE).await.unwrap();
    assert!(
        shown.reviews.len() > 1 && shown.pages[0].edition.as_ref().unwrap().findings.len() == 1
    );
    // The police answer at home, with a reservation; the city answers as ever.
    let asked = world.police.signed(&id, "Utan ordningsvakter.").await;
    drop(world.police.answers(&asked).await.unwrap());
    let told = world.police.is_told(&id).await;
    assert_eq!((told.reason.as_str(), told.round, told.party.as_str()), ("", 1, POLICE.party));
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.answers[0].text, "Utan ordningsvakter.");
    assert_eq!(header.answers[0].signature, asked.signature);
    let asked = world.city.signed(&id, "").await;
    drop(world.city.answers(&asked).await.unwrap());
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.state(), v1::EditionState::Endorsed);
    // Released, it has the same proof in both, and who follows is told.
    let mut feed = world.police.follows(POLICE, "").await;
    while feed.next(100).await.unwrap().is_some() {}
    world.city.releases(&header).await;
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.state(), v1::EditionState::Released);
    let shown = world.police.shown(&id, POLICE).await.unwrap();
    let last = shown.pages.last().unwrap().edition.as_ref().unwrap();
    assert_eq!(last.analysis, "Oro kring torget.");
    let (_, endorsements, objects) = shown.proof.unwrap();
    // Two observations and the analysis.
    assert_eq!((endorsements.len(), objects.len()), (2, 3));
    let batch = timeout(PATIENCE, async {
        loop {
            feed.wait(Duration::from_millis(50)).await;
            if let Some(batch) = feed.next(100).await.unwrap() {
                return batch;
            }
        }
    });
    let batch = Encoded::<v1::ListEventsResponse>::from(batch.await.unwrap());
    let events: v1::ListEventsResponse = decoded(&batch);
    let Some(v1::event::What::Edition(told)) = &events.events[0].what else { panic!() };
    assert_eq!((&told.id, told.state()), (&header.id, v1::EditionState::Released));
    assert_eq!((told.answers[0].text.as_str(), told.answers.len()), ("", 2));
    world.close().await;
}

/// Why an answer is not taken here.
pub(super) fn why<T: fmt::Debug>(answered: Result<T, Rejection>) -> String {
    match answered {
        Err(Rejection::Denied(denial)) => denial.why.id().to_owned(),
        Err(Rejection::Answer(bad)) => bad.id().to_owned(),
        Err(Rejection::Refused(refusal)) => refusal.reason.id().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_hold_is_refused_where_it_is_given() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    world.edition_is_same(&id).await;
    let police = &world.police;
    let asked = police.signed(&id, "").await;
    let anew = |asked: &AnswerAsked| AnswerAsked { context: police.context(), ..asked.clone() };
    // Another signature, another verdict than was signed, another party, another role.
    let mut forged = anew(&asked);
    forged.signature[3] ^= 1;
    assert_eq!(why(police.answers(&forged).await), "BAD_SIGNATURE");
    let other = AnswerAsked { verdict: Verdict::Objected, ..anew(&asked) };
    assert_eq!(why(police.answers(&other).await), "BAD_FIELD");
    let other = AnswerAsked { party: CITY.party(), ..anew(&asked) };
    assert_eq!(why(police.answers(&other).await), "NOT_YOUR_PARTY");
    let other = AnswerAsked { role: Role::Coordinator, ..anew(&asked) };
    assert_eq!(why(police.answers(&other).await), "NOT_ALLOWED");
    // It is given once; the same call again is the same answer.
    drop(police.answers(&asked).await.unwrap());
    drop(police.answers(&asked).await.unwrap());
    assert_eq!(why(police.answers(&anew(&asked)).await), "ALREADY_ANSWERED");
    assert_eq!(police.is_told(&id).await.reason, "");
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.answers.len(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_round_that_was_locked_anew_meanwhile_is_told_so_and_given_again() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    world.edition_is_same(&id).await;
    let asked = world.police.signed(&id, "").await;
    world.wire.cut();
    drop(world.police.answers(&asked).await.unwrap());
    world.city.locks(&id, |_| ()).await;
    world.wire.mend();
    let told = world.police.is_told(&id).await;
    assert_eq!((told.reason.as_str(), told.round), ("EDITION_ROUND_STALE", 1));
    assert_eq!(told.field, "answer.statement");
    let header = world.edition_is_same(&id).await;
    assert_eq!((header.round, header.answers.len()), (2, 0));
    // Sent again under its key it is answered as before, and is no answer to the new round.
    drop(world.police.answers(&asked).await.unwrap());
    let asked = world.police.signed(&id, "").await;
    drop(world.police.answers(&asked).await.unwrap());
    world.is_answered(&id).await;
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_waits_outlives_new_beginnings_of_the_view_and_of_the_link() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    world.edition_is_same(&id).await;
    let asked = world.police.signed(&id, "").await;
    world.wire.cut();
    drop(world.police.answers(&asked).await.unwrap());
    // The edition is not there when the answer is numbered.
    for domain in [&world.city, &world.police] {
        domain.sets_link(LinkChange::Renew).await;
    }
    world.wire.mend();
    assert_eq!(world.is_answered(&id).await.answers[0].party, POLICE.party);
    assert_eq!(world.police.is_told(&id).await.reason, "");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_above_the_level_of_the_link_is_neither_shown_nor_asked_about_there() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    world.city.locks(&id, |labels| labels.level = Secrecy::of(3).unwrap()).await;
    let locked = timeout(PATIENCE, async {
        loop {
            match world.police.shown(&id, POLICE).await {
                Ok(shown) if shown.header().round == 1 => return shown,
                _ => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    let shown = locked.await.unwrap();
    assert_eq!(shown.reviews.len(), 0);
    assert_eq!(shown.pages[0].edition.as_ref().unwrap().analysis, "");
    // At the home its desk reads and reviews it.
    let there = world.city.shown(&id, POLICE).await.unwrap();
    assert_eq!(there.pages[0].edition.as_ref().unwrap().analysis, "Oro kring torget.");
    assert!(!there.reviews.is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_cut_restarts_and_new_beginnings_editions_and_answers_are_the_same() {
    let mut world = World::endorsing().await;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    world.edition_is_same(&id).await;
    let asked = world.police.signed(&id, "").await;
    world.wire.cut();
    drop(world.police.answers(&asked).await.unwrap());
    world.restart_police().await;
    world.restart_city().await;
    assert_eq!(world.police.is_told(&id).await.reason, "");
    world.edition_is_same(&id).await;
    // Stopped and let go on, the view begins anew, and the editions with it.
    world.city.sets_link(LinkChange::Pause).await;
    world.city.sets_link(LinkChange::Resume).await;
    world.city.publishes(vec![draft("c2", 1)], &[]).await.unwrap();
    world.is_same().await;
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.answers.len(), 1);
    // Begun anew by both, the answer goes again and stands.
    for domain in [&world.city, &world.police] {
        domain.sets_link(LinkChange::Renew).await;
    }
    world.is_same().await;
    world.edition_is_same(&id).await;
    assert_eq!(world.police.is_told(&id).await.reason, "");
    world.close().await;
}

/// For the police as a partner: no live picture, and what is released, until the second of October.
fn released_alone(city: &mut Document) {
    delivers_until_tomorrow(city);
    for row in &mut city.release_rows {
        row.live = false;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_right_to_released_editions_alone_gets_those_and_no_live_picture() {
    let world = World::endorsing_and(released_alone).await;
    world.city.publishes(vec![for_the_police()], &[]).await.unwrap();
    world.police.has_received(|one| one.is_some_and(|(one, _)| one.phase == Phase::Whole)).await;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    for who in [POLICE, CITY] {
        let asked = world.city.signed_by(who, &id, "").await;
        drop(world.city.answers(&asked).await.unwrap());
    }
    // Nothing of it is known there before it is released.
    world.city.publishes(vec![draft("c3", 1)], &[]).await.unwrap();
    assert!(world.police.shown(&id, POLICE).await.is_err());
    let header = world.city.shown(&id, CITY).await.unwrap().header();
    world.city.releases(&header).await;
    let came = timeout(PATIENCE, async {
        loop {
            match world.police.shown(&id, POLICE).await {
                Ok(shown) => return shown,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    let shown = came.await.unwrap();
    let finding = &shown.pages[0].edition.as_ref().unwrap().findings[0];
    assert_eq!(finding.id, "sthlm-skarholmen/vandalism", "by district");
    assert!(shown.proof.is_some() && shown.reviews.is_empty());
    assert_eq!(shown.header().revision, 0);
    assert_eq!(world.police.refuses(POLICE, ground()).await.0, "NO_RELEASE_ROW");
    // The next day there is no right to it.
    for domain in [&world.city, &world.police] {
        domain.at(NOW.after_seconds(86_400));
    }
    world.wire.tear();
    world.police.has_received(|one| one.is_none()).await;
    assert!(world.police.shown(&id, POLICE).await.is_err());
    world.close().await;
}

impl World {
    /// The city publishes so much that an edition of it takes several envelopes.
    async fn with_much(&self) {
        let long = |n: usize| {
            let mut one = draft(&format!("o{n:04}"), 1);
            one.secret.note = Some("Nära torget. ".repeat(30));
            one
        };
        for from in (0..400).step_by(100) {
            self.city.publishes((from..from + 100).map(long).collect(), &[]).await.unwrap();
        }
        self.is_same().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edition_that_finds_no_room_is_recorded_once_and_goes_when_there_is_some() {
    let world = World::endorsing().await;
    world.with_much().await;
    let id = world.city.opens().await;
    world.edition_is_same(&id).await;
    world.wire.cut();
    let link = || world.city.ledger.link(&POLICE.id());
    // All places but two are taken by what the police have not said that they have.
    let free = || WINDOW_MAX - (link().out.sequence - link().acknowledged);
    while free() > 2 {
        world.city.sends(POLICE, "fyller").await;
        world.city.ledger.number_envelopes(&POLICE.id(), LEVEL).await.unwrap();
    }
    world.city.locks(&id, |_| ()).await;
    let recorded = async || {
        let filter = DisclosureFilter { area: Some(area()), ..DisclosureFilter::default() };
        let told = world.city.given_of(&filter, CITY).await;
        let is_it = |one: &Disclosure| {
            one.service.as_str() == "polisen.example/link"
                && one.object == Object::Review(id.clone())
        };
        told.content().disclosures.iter().filter(|(one, _)| is_it(one)).count()
    };
    for _ in 0..3 {
        assert_eq!(world.city.ledger.number_envelopes(&POLICE.id(), LEVEL).await.unwrap(), 0);
        assert_eq!(recorded().await, 1);
    }
    assert_eq!(free(), 2);
    world.wire.mend();
    assert_eq!(world.edition_is_same(&id).await.round, 1);
    assert_eq!(recorded().await, 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edition_that_is_larger_than_an_envelope_comes_in_pieces() {
    let world = World::endorsing().await;
    world.with_much().await;
    let before = world.city.ledger.link(&POLICE.id()).out.sequence;
    let id = world.city.opens().await;
    world.city.locks(&id, |_| ()).await;
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.round, 1);
    let envelopes = world.city.ledger.link(&POLICE.id()).out.sequence - before;
    assert!(envelopes > 3, "{envelopes} envelopes");
    drop(world.police.answers(&world.police.signed(&id, "").await).await.unwrap());
    assert_eq!(world.police.is_told(&id).await.reason, "");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edition_that_is_locked_again_and_again_is_of_one_round_when_it_comes() {
    let world = World::endorsing().await;
    let id = world.city.opens().await;
    for _ in 0..60 {
        world.city.locks(&id, |_| ()).await;
    }
    let header = world.edition_is_same(&id).await;
    assert_eq!(header.round, 60);
    world.is_same().await;
    world.close().await;
}
