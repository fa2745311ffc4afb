//! What an operator does about a link that has not simply gone well: what was set aside takes
//! effect after all or is let go, and a link begins anew.

use std::time::{Duration, Instant};

use crate::{
    harness::PARTY,
    linked::{CITY_NUMBER, OPERATOR, PATIENCE, PRISON_SERVICE, REGISTRARS, Side, linked, question},
};

impl Side {
    /// Takes an invitation anew, with another ceiling; gives whether it took effect.
    fn agrees_on(&self, ceiling: &str, other: &Self, organisation: &str, registrar: &str) -> bool {
        let (file, fingerprint) = other.invitation();
        let accept = [
            &["accept", &file, "--fingerprint", &fingerprint, "--ceiling", ceiling][..],
            &["--kinds", "information_request,answer", "--organisation", organisation],
            &["--reason", "drill"],
        ];
        self.done(registrar, &accept.concat())["epoch"].is_u64()
    }

    /// What was set aside of a domain: number and reason, once there is so much.
    async fn has_set_aside(&self, of: &Self, count: usize) -> Vec<(u64, String)> {
        let since = Instant::now();
        loop {
            let told = self.done(OPERATOR, &["link", "quarantine", of.name]);
            let aside = told["envelopes"].as_array().unwrap();
            if aside.len() == count {
                let one = |one: &serde_json::Value| {
                    let reason = one["reason"].as_str().unwrap().to_owned();
                    (one["sequence"].as_u64().unwrap(), reason)
                };
                return aside.iter().map(one).collect();
            }
            assert!(since.elapsed() < PATIENCE, "{told}\n{}", self.domain.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_set_aside_takes_effect_once_it_may_or_is_let_go() {
    let [a, b] = &linked().await;
    assert!(b.agrees_on("0", a, CITY_NUMBER, REGISTRARS[0]), "it only takes away");
    a.becomes("open", PATIENCE).await;
    let (city, prison) = (a.domain.client(PARTY).await, b.domain.client(PRISON_SERVICE).await);
    let to = &prison.profile().function;
    let released = city.send_message(question(&city, to)).await.unwrap();
    city.send_message(question(&city, to)).await.unwrap();
    let aside = b.has_set_aside(a, 2).await;
    assert!(aside.iter().all(|(_, reason)| reason == "above_ceiling"), "{aside:?}");
    let [first, second] = [&aside[0], &aside[1]].map(|(number, _)| number.to_string());
    // As long as nothing is mended, it cannot be acted on; and nobody else may say so.
    let release = ["link", "release", a.name, &first];
    assert!(b.refused(OPERATOR, &release, 1).contains("ENVELOPE_UNFIT"));
    b.refused(REGISTRARS[0], &[&release[..], &["--role", "operator"]].concat(), 1);
    assert!(!b.agrees_on("2", a, CITY_NUMBER, REGISTRARS[0]), "it gives, and takes two");
    assert!(b.agrees_on("2", a, CITY_NUMBER, REGISTRARS[1]));
    b.done(OPERATOR, &release);
    b.done(OPERATOR, &["link", "discard", a.name, &second]);
    b.has_set_aside(a, 0).await;
    assert!(b.refused(OPERATOR, &release, 1).contains("NOT_FOUND"), "it took effect once");
    let inbox = prison.inbox(to, 0, 0).await.unwrap();
    let ids: Vec<String> =
        inbox.into_iter().filter_map(|entry| Some(entry.head?.message_id)).collect();
    assert_eq!(ids, [released], "the one that was released, and not the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_begins_anew_when_both_operators_say_so() {
    let [a, b] = &linked().await;
    let (city, prison) = (a.domain.client(PARTY).await, b.domain.client(PRISON_SERVICE).await);
    let to = &prison.profile().function;
    city.send_message(question(&city, to)).await.unwrap();
    let since = Instant::now();
    while prison.inbox(to, 0, 1).await.unwrap().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{}", b.domain.log());
    }
    a.done(OPERATOR, &["link", "renew", b.name]);
    let since = Instant::now();
    while !a.link()["last_fault"].as_str().unwrap().starts_with("EPOCH_UNKNOWN") {
        assert!(since.elapsed() < PATIENCE, "{}", a.link());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    b.done(OPERATOR, &["link", "renew", a.name]);
    a.becomes("open", PATIENCE).await;
    let again = city.send_message(question(&city, to)).await.unwrap();
    let since = Instant::now();
    loop {
        let inbox = prison.inbox(to, 1, 0).await.unwrap();
        let heads: Vec<_> = inbox.into_iter().filter_map(|entry| entry.head).collect();
        if let [head] = heads.as_slice() {
            assert_eq!(head.message_id, again, "what was there came once");
            break;
        }
        assert!(heads.is_empty() && since.elapsed() < PATIENCE, "{}", b.domain.log());
    }
}
