//! Domains whose levels are raised while a session is about to open.

use std::{sync::Arc, time::Duration};

use samsyn_domain::{
    FeatureLevel,
    link::{Address, Kind, LEVEL, MESSAGES_LEVEL},
};
use samsyn_proto::link::{Frame, frame};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use super::{
    impostor::{Hostile, honest},
    web::Web,
    world::{NOW, PATIENCE},
};
use crate::{Closing, Wire};

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_is_raised_before_the_other_side_says_hello_is_told_in_a_new_session() {
    let mut web = Web::new(vec![FeatureLevel::MESSAGES; 2], 1).await;
    web.edges[0].fibre.cut();
    web.restart(0, FeatureLevel::NEWEST).await;
    let (hub, spoke) = (&web.all[0], &web.all[1]);
    let (out, frames) = mpsc::channel(8);
    let (outgoing, mut told) = mpsc::channel(8);
    let incoming = Box::pin(ReceiverStream::new(frames).map(Ok));
    let holds: crate::Holds = Arc::new(|| true);
    let wire = Wire { incoming, outgoing, certificate_until: NOW.after_seconds(60), holds };
    hub.links.answer(&spoke.who.id(), wire);
    let first = timeout(PATIENCE, told.recv()).await.unwrap().unwrap();
    let Some(frame::Kind::Hello(hello)) = first.kind else { panic!("{first:?}") };
    assert_eq!(hello.level, MESSAGES_LEVEL);
    // It has said what it reads, and reads more before the session is open.
    hub.ledger.raise_level(&hub.who.caller(), None).await.unwrap();
    assert_eq!(hub.ledger.link_level(), LEVEL);
    let hello = honest((spoke.who, hub.who), &hub.ledger.link(&spoke.who.id()));
    out.send(Frame { kind: Some(frame::Kind::Hello(hello)) }).await.unwrap();
    let closing = timeout(Duration::from_secs(10), async {
        loop {
            let frame = told.recv().await.expect("the session ended without a word");
            if let Some(frame::Kind::Closing(closing)) = frame.kind {
                return closing;
            }
        }
    });
    let closing = closing.await.expect("the session goes on, and its peer never learns of it");
    assert_eq!(closing.reason, Closing::Replaced.code());
    web.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_of_a_level_that_a_domain_has_not_reached_is_set_aside_whatever_it_says_of_itself() {
    let web = Web::new(vec![FeatureLevel::DELIVERIES; 2], 1).await;
    web.edges[0].fibre.cut();
    let (hub, spoke) = (&web.all[0], &web.all[1]);
    let mut hostile = Hostile::opens_from(spoke, hub, |_| ()).await;
    let (from, to) = (spoke.who, hub.who);
    for (n, level) in [1, LEVEL].into_iter().enumerate() {
        let envelope = hostile.envelope(b"an edition", Kind::Edition.number(), |header| {
            let orgnr = Some(to.orgnr.to_owned());
            header.from = Address::domain(from.id());
            header.to = Address { orgnr, ..Address::domain(to.id()) };
            header.level = level;
        });
        hostile.sends(envelope).await;
        let taken = hostile.settles().await;
        assert_eq!(taken.set_aside[0].reason, "upgrade_required", "{level}");
        assert_eq!(hub.ledger.quarantined(&from.id()).len(), n + 1);
    }
    web.close().await;
}
