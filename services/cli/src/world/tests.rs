//! The demo city is the same everywhere, is registered, and says what the demo's story needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    sync::LazyLock,
};

use prost::Message;
use samsyn_client::wire::{Observation, Trend, observation::Location};
use samsyn_domain::{
    OrganisationId, PartyId, Period, PlaceId, PurposeId, SourceId, SubAreaId, Timestamp,
    registry::{Document, Endorser, FieldGroup, PartyKind, Registry, Role, Track, Variant},
    screening::{Verdict, screen},
};
use sha2::{Digest as _, Sha256};

use super::{dice::Dice, staged::Identifiers, *};

/// Of all publications of the demo, encoded one after the other.
const DIGEST: &str = "4376fee53899e32aaf4623145a05c7bbd4e413b90d0b27f11408bc7ba4580001";

const REGISTRY: &str = "config/registry/stockholm-demo.toml";
const REGISTRY_HEADER: &str = "\
# PÅHITTAD TESTDATA / SYNTHETIC DATA. Made from `config/demo` by
#   UPDATE=1 cargo test -p samsyn-cli world
#
# The keys are derived from the names of who has them: anyone can make their private halves. They
# are for looking at; `samsyn demo` makes keys of its own.

";

fn seed() -> Seed {
    Seed::demo().unwrap()
}

fn demo() -> (&'static Seed, &'static [Publication]) {
    static DEMO: LazyLock<(Seed, Vec<Publication>)> = LazyLock::new(|| {
        let seed = seed();
        let publications = publications(&seed, &demo_weeks(), RNG);
        (seed, publications)
    });
    (&DEMO.0, &DEMO.1)
}

fn demo_key(name: &str) -> [u8; 32] {
    let mut dice = Dice::named(RNG, name);
    let secret: [u8; 32] = std::array::from_fn(|_| u8::try_from(dice.below(256)).unwrap());
    ed25519_dalek::SigningKey::from_bytes(&secret).verifying_key().to_bytes()
}

fn demo_document(seed: &Seed) -> Document {
    let endorser = |endorser: Endorser| {
        let name = format!("key/{}/{}", endorser.party, endorser.role.as_str());
        (endorser, demo_key(&name))
    };
    let registrar = |organisation: OrganisationId| {
        let name = format!("registry key/{organisation}");
        (organisation, demo_key(&name))
    };
    let endorsers = endorsers(seed).into_iter().map(endorser).collect();
    let registrars = registrars(seed).into_iter().map(registrar).collect();
    let publisher = |party: PartyId| {
        let key = hex::encode(demo_key(&format!("publisher key/{party}")));
        (party, key)
    };
    let publishers = publishers(seed).into_iter().map(publisher).collect();
    registry(seed, &endorsers, &registrars, &publishers).unwrap()
}

fn registered(seed: &Seed) -> Registry {
    Registry::build(&demo_document(seed)).unwrap()
}

fn party(id: &str) -> PartyId {
    PartyId::parse(id).unwrap()
}

fn start(observation: &Observation) -> Timestamp {
    let start = observation.starts_at.as_ref().unwrap();
    Timestamp::from_micros(start.seconds * 1_000_000)
}

fn digest(publications: &[Publication]) -> String {
    let mut sha = Sha256::new();
    for publication in publications {
        sha.update(format!("{publication:?}\n"));
        for observation in &publication.observations {
            sha.update(observation.encode_length_delimited_to_vec());
        }
    }
    hex::encode(sha.finalize())
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (seed, first) = demo();
    assert_eq!(digest(first), digest(&publications(seed, &demo_weeks(), RNG)));
    assert_eq!(digest(first), DIGEST, "review what changed, then set the digest");
    let other = publications(seed, &demo_weeks(), RNG + 1);
    assert_ne!(digest(first), digest(&other));
}

#[test]
fn a_week_comes_out_the_same_alone() {
    let (seed, all) = demo();
    let alone = publications(seed, &demo_weeks()[4..5], RNG);
    let within: Vec<_> = all.iter().filter(|p| p.period == demo_weeks()[4]).cloned().collect();
    assert_eq!(alone, within);
}

#[test]
fn the_registry_is_the_reviewed_one() {
    let seed = seed();
    let document = demo_document(&seed);
    Registry::build(&document).unwrap();
    let made = format!("{REGISTRY_HEADER}{}", toml::to_string(&document).unwrap());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(REGISTRY);
    if env::var("UPDATE").is_ok_and(|value| value == "1") {
        fs::write(&file, &made).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap();
    assert!(kept == made, "`{REGISTRY}` differs: run again with UPDATE=1 and review the diff");
    assert_eq!(toml::from_str::<Document>(&kept).unwrap(), document);
}

#[test]
fn twenty_one_parties_act_in_eleven_agreements_and_seven_agencies_receive() {
    let seed = seed();
    let registry = registered(&seed);
    let speaking: BTreeSet<_> = registry.services().flat_map(|s| s.parties.clone()).collect();
    assert_eq!(speaking.len(), 21);
    assert!(!speaking.contains(&party("lpo-norrmalm")), "it ended with 2024");
    assert!(registry.party(&party("lpo-norrmalm")).is_some());
    assert_eq!((registry.areas().count(), registry.agreements().count()), (11, 11));
    assert_eq!(registry.meetings().count(), 22);
    let receivers: BTreeSet<_> = registry.release_rows().map(|row| row.receiver.clone()).collect();
    let partners: BTreeSet<_> = seed.partners().iter().map(|p| p.id.clone()).collect();
    assert_eq!(receivers, partners);
    assert_eq!(partners.len(), 7);
    assert!(registry.release_rows().all(|row| row.areas.len() == 11));
}

#[test]
fn both_tracks_need_the_city_and_the_police_and_every_endorser_has_a_key() {
    let seed = seed();
    let registry = registered(&seed);
    for agreement in registry.agreements() {
        for track in [Track::Operative, Track::Strategic] {
            let endorsers = agreement.endorsers(track);
            let kinds: BTreeSet<_> =
                endorsers.iter().map(|e| registry.party(&e.party).unwrap().kind).collect();
            assert_eq!(kinds, [PartyKind::Municipal, PartyKind::Police].into());
            assert!(endorsers.iter().all(|e| registry.keys_of(e).count() == 1));
        }
        assert_eq!(agreement.endorsers(Track::Strategic).len(), agreement.signatories.len());
    }
    let split = samsyn_domain::AreaId::parse("sthlm-enskede-arsta-vantor").unwrap();
    let operative = registry.agreement_of(&split).unwrap().endorsers(Track::Operative);
    let roles: Vec<_> = operative.iter().map(|e| e.role).collect();
    assert_eq!(roles, [Role::Coordinator, Role::Kommunpolis, Role::Kommunpolis]);
}

#[test]
fn raddningstjansten_is_shown_nothing_that_an_assessment_or_a_text_changes() {
    let seed = seed();
    let registry = registered(&seed);
    let mut rows = registry.release_rows();
    let row = rows.find(|row| row.receiver.as_str() == "raddningstjansten").unwrap();
    let groups: Vec<_> = row.shown.keys().copied().collect();
    assert_eq!(groups, [FieldGroup::Identity, FieldGroup::Place, FieldGroup::Time]);
    assert_eq!(row.shown[&FieldGroup::Place], Variant::Exact);
}

#[test]
fn every_code_of_the_seed_is_registered() {
    let seed = seed();
    let registry = registered(&seed);
    let settled = &seed.settled;
    for finding in &settled.findings {
        assert!(registry.place(&finding.place).is_some(), "{}", finding.place);
        assert!(seed.category(&finding.category).is_some(), "{}", finding.category);
        let agreement = registry.agreement_of(&settled.area).unwrap();
        assert!(finding.observations.iter().all(|o| agreement.signed_by(&o.party)));
        assert!(finding.observations.iter().all(|o| row::Source::from_code(&o.source).is_some()));
    }
    let told = seed.factors.iter().map(|f| (&f.sub_area, &f.categories));
    let leant = seed.leanings.iter().map(|l| (&l.sub_area, &l.categories));
    for (sub_area, categories) in told.chain(leant) {
        assert!(registry.sub_area(sub_area).is_some(), "{sub_area}");
        assert!(categories.iter().all(|id| seed.category(id).is_some()), "{categories:?}");
    }
    let groups: BTreeSet<_> = seed.categories.iter().map(|c| c.group.as_str()).collect();
    let sub_areas = seed.areas.iter().flat_map(|area| &area.sub_areas);
    let weighed = sub_areas.flat_map(|sub| sub.weights_percent.keys());
    for group in weighed.chain(seed.departments.iter().flat_map(|d| &d.groups)) {
        assert!(groups.contains(group.as_str()), "{group}");
    }
    let audience = seed.categories.iter().flat_map(|c| &c.audience).chain(&seed.survey.audience);
    for token in audience {
        let organisation = OrganisationId::parse(token).unwrap();
        let group = samsyn_domain::GroupId::parse(token).unwrap();
        let known =
            registry.organisation(&organisation).is_some() || registry.group(&group).is_some();
        assert!(known, "{token}");
    }
    let provisions = seed.categories.iter().flat_map(|c| &c.provisions);
    assert!(provisions.into_iter().all(|p| registry.lists().secrecy_provisions.contains(p)));
}

#[test]
fn twenty_eight_publishers_hand_in_eight_weeks_within_the_limits() {
    let (_, publications) = demo();
    assert_eq!(publications.len(), 224);
    let total: usize = publications.iter().map(|p| p.observations.len()).sum();
    assert!((10_000..=34_000).contains(&total), "{total}");
    for publication in publications {
        let size: usize = publication.observations.iter().map(Message::encoded_len).sum();
        assert!(!publication.observations.is_empty(), "{publication:?}");
        assert!(publication.observations.len() < 480, "{publication:?}");
        assert!(size < 250 * 1024, "{publication:?}: {size} bytes");
    }
}

#[test]
fn ids_are_unique_within_a_partys_own_picture() {
    let (_, publications) = demo();
    let mut seen = BTreeSet::new();
    for publication in publications {
        for observation in &publication.observations {
            let id = (&publication.party, &publication.area, &observation.id);
            assert!(seen.insert(id), "{id:?}");
        }
    }
    let first = publications.iter().find(|p| p.party.as_str() == "sdf-jarva").unwrap();
    assert_eq!(first.observations[0].id, "EMB-2025-33-000001");
}

#[test]
fn every_observation_is_registered_and_starts_in_its_week() {
    let (seed, publications) = demo();
    let registry = registered(seed);
    for publication in publications {
        for observation in &publication.observations {
            let at = format!("{publication:?}, {}", observation.id);
            let category = seed.categories.iter().map(|c| &c.registered.id);
            assert!(category.into_iter().any(|id| id.as_str() == observation.category), "{at}");
            let geography = match observation.location.as_ref().unwrap() {
                Location::PlaceId(id) => {
                    registry.geography_of_place(&PlaceId::parse(id).unwrap()).unwrap()
                }
                Location::SubAreaId(id) => {
                    registry.geography_of_sub_area(&SubAreaId::parse(id).unwrap()).unwrap()
                }
                Location::AreaId(id) => {
                    registry.geography_of_area(&samsyn_domain::AreaId::parse(id).unwrap()).unwrap()
                }
                Location::Coordinates(_) => panic!("{at}: coordinates"),
            };
            assert_eq!(geography.area, publication.area, "{at}");
            assert!(publication.period.contains(start(observation)), "{at}");
            let source = SourceId::parse(&observation.source_kind).unwrap();
            assert!(registry.lists().has_source(&source), "{at}");
            let labels = observation.labels.as_ref().unwrap();
            let purposes = labels.purposes.iter().map(|p| PurposeId::parse(p).unwrap());
            assert!(purposes.into_iter().all(|p| registry.lists().has_purpose(&p)), "{at}");
            let kept = labels.retain_until.as_ref().unwrap().seconds;
            let days = (kept - observation.starts_at.as_ref().unwrap().seconds) / 86_400;
            let days_max = i64::from(registry.lists().retention_days_max);
            assert!((690..=days_max).contains(&days), "{at}: {days} days");
            assert!((1..=5).contains(&observation.severity.unwrap()), "{at}");
        }
    }
}

#[test]
fn a_local_police_area_publishes_only_what_it_answers_for() {
    let (seed, publications) = demo();
    let registry = registered(seed);
    let mut by_party: BTreeMap<PartyId, BTreeSet<SubAreaId>> = BTreeMap::new();
    for publication in publications.iter().filter(|p| seed.is_police(&p.party)) {
        for observation in &publication.observations {
            let sub_area = match observation.location.as_ref().unwrap() {
                Location::PlaceId(id) => {
                    registry.place(&PlaceId::parse(id).unwrap()).unwrap().sub_area.clone()
                }
                Location::SubAreaId(id) => SubAreaId::parse(id).unwrap(),
                Location::AreaId(_) | Location::Coordinates(_) => continue,
            };
            let at = start(observation);
            assert!(registry.answers_for(&publication.party, &sub_area, at), "{publication:?}");
            by_party.entry(publication.party.clone()).or_default().insert(sub_area);
        }
    }
    let (globen, farsta) = (&by_party[&party("lpo-globen")], &by_party[&party("lpo-farsta")]);
    assert!(globen.is_disjoint(farsta));
    let split = |of: &BTreeSet<SubAreaId>| {
        of.iter().filter(|s| s.as_str().starts_with("sthlm-enskede-arsta-vantor/")).count()
    };
    assert_eq!((split(globen), split(farsta)), (3, 3));
}

#[test]
fn one_note_in_ten_observations_and_none_that_screening_or_a_digit_search_finds() {
    let (_, publications) = demo();
    let all = publications.iter().flat_map(|p| &p.observations);
    let texts: BTreeSet<_> = all.clone().map(|o| &o.note).collect();
    assert!(texts.iter().all(|note| screen(note, None).is_empty()));
    assert!(all.clone().step_by(50).all(|o| screen(&o.id, None).is_empty()));
    let noted: Vec<_> = all.clone().filter(|o| !o.note.is_empty()).collect();
    let share = noted.len() * 100 / all.count();
    assert!((8..=12).contains(&share), "{share} %");
    for observation in noted {
        assert!(!observation.note.chars().any(char::is_numeric), "{}", observation.note);
        assert!(observation.note.chars().count() <= samsyn_domain::NOTE_CHARACTERS_MAX);
    }
}

/// What each party says in September 2025 of one category at one place of Skärholmen: its highest
/// severity, and the trend of its latest start.
fn said_in_september(
    publications: &[Publication],
    place: &str,
    category: &str,
) -> BTreeMap<String, (u32, Trend)> {
    let september: Period = "2025-09".parse().unwrap();
    let mut said: BTreeMap<String, Vec<&Observation>> = BTreeMap::new();
    for publication in publications {
        for observation in &publication.observations {
            let here = observation.location == Some(Location::PlaceId(place.to_owned()));
            if here && observation.category == category && september.contains(start(observation)) {
                said.entry(publication.party.to_string()).or_default().push(observation);
            }
        }
    }
    let sums = said.into_iter().map(|(party, observations)| {
        let severity = observations.iter().map(|o| o.severity.unwrap()).max().unwrap();
        let latest = observations.iter().max_by_key(|o| (start(o), &o.id)).unwrap();
        (party, (severity, latest.trend()))
    });
    sums.collect()
}

#[test]
fn skarholmen_says_in_september_what_the_story_needs() {
    let (_, publications) = demo();
    let said = |place: &str, category: &str| {
        let place = format!("sthlm-skarholmen/{place}");
        let all = said_in_september(publications, &place, category).into_iter();
        all.map(|(party, (severity, trend))| (party, severity, trend)).collect::<Vec<_>>()
    };
    let (police, district) = ("lpo-skarholmen".to_owned(), "sdf-skarholmen".to_owned());
    let traffic = "sthlm-trafikkontoret".to_owned();
    assert_eq!(
        said("skarholmen-centrum/p1", "open_drug_dealing"),
        [(police.clone(), 4, Trend::Up), (district.clone(), 4, Trend::Up)]
    );
    assert_eq!(
        said("skarholmen-centrum/p2", "lighting_fault"),
        [(district.clone(), 3, Trend::Up), (traffic, 3, Trend::Up)]
    );
    assert_eq!(said("varberg/p1", "perceived_unsafe_place"), [(district.clone(), 4, Trend::Flat)]);
    assert_eq!(said("satra/p1", "assault_outdoor"), [(police.clone(), 3, Trend::Down)]);
    assert_eq!(
        said("bredang/p1", "youth_gathering"),
        [(police, 2, Trend::Flat), (district, 4, Trend::Flat)]
    );
}

#[test]
fn stories_show_in_the_figures() {
    let (_, publications) = demo();
    let count = |place: &str, category: &str, weeks: std::ops::Range<usize>| {
        let weeks = &demo_weeks()[weeks];
        let of_weeks = publications.iter().filter(|p| weeks.contains(&p.period));
        let observations = of_weeks.flat_map(|p| &p.observations);
        observations
            .filter(|o| o.category == category)
            .filter(|o| matches!(&o.location, Some(Location::PlaceId(id)) if id.starts_with(place)))
            .count()
    };
    let drugs = |sub_area: &str, weeks| {
        count(&format!("sthlm-hasselby-vallingby/{sub_area}/"), "open_drug_dealing", weeks)
    };
    assert!(drugs("hasselby-gard", 0..4) > 2 * drugs("hasselby-gard", 4..8), "S2: moved away");
    assert!(drugs("vallingby", 4..8) > drugs("vallingby", 0..4), "S2: moved here");
    let bromma = |category| count("sthlm-bromma/brommaplan/", category, 0..8);
    assert!(bromma("perceived_unsafe_place") > 2 * bromma("assault_outdoor"), "S5");
    let lights =
        |sub_area: &str| count(&format!("sthlm-farsta/{sub_area}/"), "lighting_fault", 0..8);
    assert!(lights("hokarangen") > lights("gubbangen"), "S1: better, not yet well");
    let severity = |place: &str, party: &str| {
        let place = format!("sthlm-enskede-arsta-vantor/hogdalen/{place}");
        said_in_september(publications, &place, "vandalism").get(party).map(|said| said.0)
    };
    for place in ["p1", "p2"] {
        let (police, city) =
            (severity(place, "lpo-farsta"), severity(place, "sdf-enskede-arsta-vantor"));
        assert!(police.unwrap() > city.unwrap() + 1, "S3: a conflict at {place}");
    }
    let surveyed = publications.iter().flat_map(|p| &p.observations);
    let surveyed: Vec<_> = surveyed.filter(|o| o.source_kind == "survey").collect();
    let akalla = Location::SubAreaId("sthlm-jarva/akalla".to_owned());
    assert_eq!(surveyed.len(), 6, "S10: five sub-areas and the whole");
    assert!(surveyed.iter().all(|o| o.location.as_ref() != Some(&akalla)), "S10: too few answers");
}

#[test]
fn the_refused_publication_holds_the_test_number_where_the_story_says() {
    let (seed, publications) = demo();
    let Identifiers { refused, mended } = sodermalm_with_identifiers(seed, RNG).unwrap();
    let hits = |of: &Publication| screen(&of.observations[17].note, None);
    let found: Vec<_> =
        hits(&refused).iter().map(|h| (h.verdict, h.first_character..h.end_character)).collect();
    assert_eq!(found, [(Verdict::Refuse, 22..35)]);
    assert_eq!(hits(&mended), []);
    let drawn =
        publications.iter().find(|p| p.party == refused.party && p.period == refused.period);
    let but_notes = |publication: &Publication| {
        let mut publication = publication.clone();
        publication.observations[17].note.clear();
        publication
    };
    assert_eq!(but_notes(&refused), but_notes(&mended));
    assert_eq!(but_notes(drawn.unwrap()), but_notes(&mended));
}

#[test]
fn news_is_the_same_for_a_seed_goes_on_and_reaches_partners() {
    let (seed, publications) = demo();
    let area = samsyn_domain::AreaId::parse("sthlm-skarholmen").unwrap();
    let first = |rng| news(seed, &area, rng).take(500).collect::<Vec<News>>();
    let drawn = first(7);
    assert!(drawn == first(7) && drawn != first(8));
    let ids: BTreeSet<&str> = drawn.iter().map(|one| one.observation.id.as_str()).collect();
    assert_eq!(ids.len(), drawn.len());
    let known = |id: &str| publications.iter().flat_map(|p| &p.observations).any(|o| o.id == id);
    assert!(!ids.iter().any(|id| known(id)), "it takes the place of something");
    let parties: BTreeSet<&str> = drawn.iter().map(|one| one.party.as_str()).collect();
    assert_eq!(parties.len(), 4, "{parties:?}");
    // A partner's client has something to do before long.
    for partners in [["raddningstjansten", "blaljus"], ["rattskedjan", "blaljus"]] {
        let addressed = |one: &News| {
            let labels = one.observation.labels.as_ref().unwrap();
            labels.audience.iter().any(|token| partners.contains(&token.as_str()))
        };
        let waits = drawn.iter().position(addressed);
        assert!(waits.is_some_and(|waits| waits < 60), "{partners:?}: {waits:?}");
    }
}
