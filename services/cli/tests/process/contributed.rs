//! A party publishes in its own domain; its picture is part of the joint picture in the domain that
//! is the area's home, by the commands that people type.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    harness::{AREA, PARTY, delta, observation},
    linked::{CITY_NUMBER, PATIENCE, REGISTRARS, Side, started},
};

const POLICE: &str = "lpo-skarholmen";
const POLICE_NUMBER: &str = "2021000076";
const JOINT: [&str; 5] = ["joint", "get", AREA, "--period", "2025-09"];

impl Side {
    /// Both registrars say where something is at home; the second one approves it.
    fn at_home(&self, what: &str, domain: &str) {
        let args = ["registry", "home", what, domain, "--reason", "drill"];
        let proposed = self.done(REGISTRARS[0], &args);
        assert!(proposed["epoch"].is_null(), "one registrar alone has moved it: {proposed}");
        let approved = self.done(REGISTRARS[1], &args);
        assert!(approved["epoch"].is_u64(), "{approved}");
    }

    /// How the police's picture stands with the home of the area.
    fn contributed(&self) -> Value {
        self.done(POLICE, &["picture", AREA, "--versions"])["contributed"].clone()
    }

    /// Waits until the home has all that it may have, and has said so.
    async fn is_in_step(&self) -> Value {
        let since = Instant::now();
        loop {
            let stands = self.contributed();
            if stands["in_step"] == true {
                return stands;
            }
            assert!(since.elapsed() < PATIENCE, "{stands}\n{}", self.domain.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn publishes(&self, id: &str) {
        self.publishes_for(POLICE, id).await;
    }

    async fn publishes_for(&self, party: &str, id: &str) {
        let client = self.domain.client(party).await;
        let versions = self.done(party, &["picture", AREA, "--versions"])["versions"].clone();
        let base = versions[0]["version"].as_u64().unwrap_or(0);
        client.publish(delta(party, base, observation(id, 3))).await.unwrap();
    }

    /// Waits until the police read here what they read at the home of the area.
    async fn reads_what_is_read_at(&self, home: &Self) {
        let since = Instant::now();
        loop {
            let there = home.done(POLICE, &JOINT)["findings"].clone();
            let here = self.tried(POLICE, &JOINT);
            if here.as_ref().is_some_and(|here| here["findings"] == there) {
                assert!(!there.as_array().unwrap().is_empty());
                return;
            }
            let log = || self.domain.log();
            assert!(since.elapsed() < PATIENCE, "{here:?} and not {there}\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How much of the joint picture of the period of what is observed the police contribute.
    fn of_police_in_joint(&self) -> usize {
        let joint = self.done(PARTY, &JOINT);
        let findings = joint["findings"].as_array().unwrap();
        let all = findings.iter().flat_map(|one| one["contributions"].as_array().unwrap());
        all.filter(|one| one["party"] == POLICE).count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_is_kept_in_another_domain_is_part_of_the_joint_one() {
    let police = Side::written("b.example", "stockholms-stad");
    // Partners have what is at home in another domain from there, and it is endorsed there.
    police.domain.edit_registry(|text| {
        let mut registry: toml::Table = toml::from_str(text).unwrap();
        for table in ["release_rows", "descriptors"] {
            registry.insert(table.to_owned(), toml::Value::Array(Vec::new()));
        }
        toml::to_string(&registry).unwrap()
    });
    let sides = [Side::written("a.example", "polismyndigheten"), police];
    let mut sides = started(["f.example"; 2], sides).await;
    let [city, police] = &sides;
    let (of_city, of_police) = (city.invitation(), police.invitation());
    city.accept((&of_police.0, &of_police.1), POLICE_NUMBER);
    police.accept((&of_city.0, &of_city.1), CITY_NUMBER);
    city.becomes("open", PATIENCE).await;
    // Published before anybody says where it is at home: in the city's domain, and in its own.
    city.publishes("moved").await;
    police.publishes("before").await;
    city.at_home(POLICE, police.name);
    police.at_home(AREA, city.name);
    let stands = police.is_in_step().await;
    assert_eq!((&stands["home"], &stands["held"]), (&city.name.into(), &1.into()), "{stands}");
    // What was there goes: the picture is that of its home, and of nothing else.
    let versions = city.done(POLICE, &["picture", AREA, "--versions"])["versions"].clone();
    let newest = (&versions[0]["published"], &versions[0]["withdrawn"]);
    assert_eq!(newest, (&1.into(), &1.into()), "{versions}");
    assert_eq!(city.of_police_in_joint(), 1);

    // There, nobody publishes for the police; here, nobody reads half a picture.
    let client = city.domain.client(POLICE).await;
    let refused = client.publish(delta(POLICE, 1, observation("x", 1))).await.unwrap_err();
    assert_eq!(refused.reason.map(samsyn_client::Reason::id), Some("HOME_ELSEWHERE"));
    let said = police.refused(POLICE, &JOINT, 1);
    assert!(said.contains("HOME_ELSEWHERE"), "{said}");

    // Its process ends without a word, and begins anew: nothing is lost, and nothing doubled.
    let [_, police] = &mut sides;
    police.domain.kill();
    police.domain.start();
    drop(police.domain.client(POLICE).await);
    police.publishes("after").await;
    let stands = police.is_in_step().await;
    assert_eq!(
        (&stands["held"], &stands["own"], &stands["version"]),
        (&2.into(), &2.into(), &3.into())
    );
    let [city, police] = &sides;
    let link = police.becomes("open", PATIENCE).await;
    assert_eq!((&link["pictures_waiting"], &link["pictures_refused"]), (&0.into(), &0.into()));
    assert_eq!(city.of_police_in_joint(), 2);
    comes_back(&mut sides).await;
}

/// The joint picture comes back to the police's domain, and goes from there.
async fn comes_back(sides: &mut [Side; 2]) {
    let [city, police] = &*sides;
    let id = ["registry", "delivery", "put", police.name, "skarholmen"];
    let to = ["--organisation", "polismyndigheten", "--parties", POLICE, "--areas", AREA];
    let ground = ["--purpose", "joint_picture", "--legal-basis", "law_2023_196"];
    let put: Vec<&str> = [&id[..], &to, &ground, &["--reason", "drill"]].concat();
    assert!(city.done(REGISTRARS[0], &put)["epoch"].is_null(), "one registrar gave it alone");
    assert!(city.done(REGISTRARS[1], &put)["epoch"].is_u64());
    // What the police's system reads at the city it reads at home, to the letter.
    police.reads_what_is_read_at(city).await;
    let link = police.becomes("open", PATIENCE).await;
    let view = &link["views_received"][0];
    assert_eq!((&view["delivery"], &view["phase"]), (&"skarholmen".into(), &"whole".into()));
    assert_eq!(city.becomes("open", PATIENCE).await["views_delivered"], 1);
    let other = police.refused(PARTY, &JOINT, 1);
    assert!(other.contains("HOME_ELSEWHERE"), "{other}");
    // Both processes end without a word; what is published meanwhile comes.
    let [city, police] = &mut *sides;
    police.domain.kill();
    drop(city.domain.client(PARTY).await);
    city.publishes_for(PARTY, "while-away").await;
    city.domain.kill();
    for side in [city, police] {
        side.domain.start();
        drop(side.domain.client(POLICE).await);
    }
    let [city, police] = &*sides;
    police.reads_what_is_read_at(city).await;
    // Taken back by one registrar, it is gone from there.
    let remove = ["registry", "delivery", "remove", police.name, "skarholmen", "--reason", "drill"];
    assert!(city.done(REGISTRARS[0], &remove)["epoch"].is_u64(), "it only takes away");
    let since = Instant::now();
    while !police.becomes("open", PATIENCE).await["views_received"].as_array().unwrap().is_empty() {
        assert!(since.elapsed() < PATIENCE, "{}", police.domain.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(police.refused(POLICE, &JOINT, 1).contains("HOME_ELSEWHERE"));
}
