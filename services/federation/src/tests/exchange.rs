//! What is sent takes effect once, whatever happens to the wire.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use samsyn_domain::message::{Precedence, Step};
use samsyn_proto::link::Frame;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use super::world::{CITY, NOW, PATIENCE, POLICE, World};
use crate::{Closing, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_crosses_and_its_receipts_climb_back() {
    let world = World::new().await;
    let id = world.city.sends(POLICE, "fråga").await;
    let steps = world.city.reaches(id, Step::Accepted).await;
    assert_eq!(steps[..2], [Step::Stored, Step::Relayed], "{steps:?}");
    assert_eq!(world.police.inbox().await, ["fråga"]);
    world.police.acts_on(id).await;
    world.city.reaches(id, Step::Acted).await;
    // The other way over the same session.
    let answer = world.police.sends(CITY, "svar").await;
    world.police.reaches(answer, Step::Accepted).await;
    assert_eq!(world.city.inbox().await, ["svar"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_the_wire_is_cut_comes_once_and_in_its_order() {
    const COUNT: usize = 300;
    let world = World::new().await;
    let first = world.city.sends(POLICE, "0").await;
    world.city.reaches(first, Step::Accepted).await;
    world.wire.cut();
    let mut last = first;
    for n in 1..COUNT {
        last = world.city.sends(POLICE, &n.to_string()).await;
    }
    let steps = world.city.steps(last).await;
    assert!(!steps.contains(&Step::Received), "{steps:?}");
    world.wire.mend();
    world.city.reaches(last, Step::Accepted).await;
    let expected: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    assert_eq!(world.police.inbox().await, expected);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_tears_again_and_again_doubles_and_loses_nothing() {
    const COUNT: usize = 200;
    let world = World::new().await;
    let mut last = None;
    for n in 0..COUNT {
        last = Some(world.city.sends(POLICE, &n.to_string()).await);
        if n % 20 == 19 {
            world.wire.tear();
        }
    }
    world.city.reaches(last.unwrap(), Step::Accepted).await;
    let expected: Vec<String> = (0..COUNT).map(|n| n.to_string()).collect();
    assert_eq!(world.police.inbox().await, expected);
    let (sent, taken) =
        (world.city.ledger.link(&POLICE.id()), world.police.ledger.link(&CITY.id()));
    assert_eq!(sent.out, taken.taken, "both have one chain");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_overtakes_what_is_not_numbered_yet() {
    let world = World::new().await;
    world.wire.cut();
    let first = world.city.sends(POLICE, "0").await;
    for n in 1..5 {
        world.city.sends(POLICE, &n.to_string()).await;
    }
    let mut urgent = world.city.asked(POLICE, "bråttom");
    urgent.precedence = Precedence::Flash;
    world.city.ledger.send_message(&CITY.caller(), &urgent).await.unwrap();
    assert!(!world.city.steps(first).await.contains(&Step::Relayed), "nothing is numbered yet");
    world.wire.mend();
    world.city.reaches(first, Step::Accepted).await;
    assert_eq!(world.police.inbox().await.first().map(String::as_str), Some("bråttom"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_nobody_has_is_answered_by_the_other_domain() {
    let world = World::new().await;
    let mut asked = world.city.asked(POLICE, "till ingen");
    let nobody = samsyn_domain::FunctionId::parse("2021000076/ingen").unwrap();
    asked.to = vec![(nobody, "to_functions[0]".to_owned())];
    let id = world.city.ledger.send_message(&CITY.caller(), &asked).await.unwrap();
    world.city.reaches(id, Step::Rejected).await;
    assert!(world.police.inbox().await.is_empty());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_leave_within_its_time_expires_and_never_leaves() {
    let world = World::new().await;
    world.wire.cut();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let id = world.city.sends(POLICE, "för sent").await;
    world.city.at(NOW.after_seconds(86_401));
    world.city.ledger.tick_if_due().await.unwrap();
    assert_eq!(world.city.steps(id).await, [Step::Stored, Step::Expired]);
    world.wire.mend();
    let next = world.city.sends(POLICE, "nästa").await;
    world.city.reaches(next, Step::Accepted).await;
    assert_eq!(world.police.inbox().await, ["nästa"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_not_numbered_though_nobody_has_said_so_yet() {
    let world = World::new().await;
    world.wire.cut();
    eventually(|| world.city.links.standing(&POLICE.id()).session.is_none()).await;
    world.city.sends(POLICE, "för sent").await;
    world.city.at(NOW.after_seconds(86_401));
    let next = world.city.sends(POLICE, "nästa").await;
    world.wire.mend();
    world.city.reaches(next, Step::Accepted).await;
    assert_eq!(world.police.inbox().await, ["nästa"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_that_fails_takes_nothing_from_a_session_that_came_meanwhile() {
    let world = World::new().await;
    let held = world.wire.held.lock().await;
    world.wire.cut();
    let before = world.wire.dials();
    eventually(|| world.wire.dials() > before).await;
    // The police come by themselves.
    let [(to_city, at_city), (to_police, at_police)] = [mpsc::channel(8), mpsc::channel(8)];
    let wire = |outgoing, at: mpsc::Receiver<Frame>| Wire {
        incoming: ReceiverStream::new(at).map(Ok).boxed(),
        outgoing,
        certificate_until: NOW.after_seconds(86_400),
        holds: Arc::new(|| true),
    };
    world.city.links.answer(&POLICE.id(), wire(to_police, at_city));
    world.police.links.answer(&CITY.id(), wire(to_city, at_police));
    let is_open = || world.city.links.standing(&POLICE.id()).session.is_some();
    eventually(is_open).await;
    drop(held);
    let message = world.city.sends(POLICE, "over their wire").await;
    world.city.reaches(message, Step::Accepted).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(is_open(), "{:?}", world.city.links.standing(&POLICE.id()));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_opens_no_session_any_more() {
    let world = World::new().await;
    let standing = || world.city.links.standing(&POLICE.id());
    eventually(|| standing().session.is_some()).await;
    world.police.links.drain();
    eventually(|| standing().fault == Some(Closing::Draining)).await;
    let dials = world.wire.dials();
    eventually(|| world.wire.dials() > dials + 1).await;
    assert_eq!(standing().session, None);
    assert_eq!(world.police.links.standing(&CITY.id()).session, None);
    world.close().await;
}

async fn eventually(holds: impl Fn() -> bool) {
    let holds = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, holds).await.expect("it did not come to be");
}
