//! Own pictures that cross a link to the home of their area.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, Draft, Form, Geography, Kind, Labels,
    ObservationId, OrganisationId, Period, PlaceId, PriorityId, Secrecy, Secret, SourceId,
    SubAreaId,
    link::CONTRIBUTIONS_LEVEL,
    registry::{Document, Organisation, Role, Service},
};
use samsyn_ledger::Rejection;
use samsyn_policy::{At, ContributedView, PictureVersions};
use samsyn_proto::inbound::{
    Change, JointAsked, PageAsked, PictureAsked, Publication, VersionsAsked,
};
use tokio::time::timeout;

use super::world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World, ground, labels};

const AREA: &str = "sthlm-skarholmen";
/// A category that the city's domain has not registered.
const UNKNOWN_AT_HOME: &str = "graffiti";
pub(super) const CITY_OF_ALL: &str =
    include_str!("../../../../config/registry/stockholm-demo.toml");

pub(super) fn area() -> AreaId {
    AreaId::parse(AREA).unwrap()
}

/// Has both domains know the area, whose home is the city's domain, and both of its parties.
pub(super) fn register(who: Who, document: &mut Document) {
    let all: Document = toml::from_str(CITY_OF_ALL).unwrap();
    let own = document.lists.clone();
    document.lists = all.lists;
    document.lists.legal_bases.extend(own.legal_bases);
    document.categories = all.categories;
    if who.domain == CITY.domain {
        document.categories.retain(|one| one.id.as_str() != UNKNOWN_AT_HOME);
    }
    document.areas = all.areas.into_iter().filter(|one| one.id == area()).collect();
    document.sub_areas = all.sub_areas.into_iter().filter(|one| one.area == area()).collect();
    let is_here = |id: &SubAreaId| document.sub_areas.iter().any(|one| one.id == *id);
    document.places = all.places.into_iter().filter(|one| is_here(&one.sub_area)).collect();
    let other = if who.domain == CITY.domain { POLICE } else { CITY };
    let organisation = OrganisationId::parse(other.organisation).unwrap();
    // Its desk is known here too: it reads, and would publish.
    document.services.push(Service {
        id: other.service(),
        organisation: organisation.clone(),
        parties: BTreeSet::from([other.party()]),
        roles: BTreeSet::from([Role::Publisher, Role::Reader]),
        suspended: false,
    });
    document.organisations.push(Organisation {
        id: organisation,
        name: other.organisation.to_owned(),
        orgnr: other.orgnr.to_owned(),
        trust_domain: format!("org.{}", other.domain),
        clearance: 3,
    });
    let is_linked = !document.peers.is_empty();
    let ours =
        all.parties.into_iter().filter(|one| one.id == CITY.party() || one.id == POLICE.party());
    document.parties = ours.collect();
    for party in &mut document.parties {
        party.signs = false;
        let home = if party.id == CITY.party() { CITY } else { POLICE };
        party.home = (is_linked && home.domain != who.domain).then(|| home.id());
    }
    document.agreements = all.agreements.into_iter().filter(|one| one.area == area()).collect();
    for agreement in &mut document.agreements {
        agreement.home = (is_linked && who.domain != CITY.domain).then(|| CITY.id());
    }
}

/// An observation at Skärholmstorget, for the signatories.
pub(super) fn draft(id: &str, count: u32) -> Draft {
    let audience = Audience::parse(Audience::SIGNATORIES).unwrap();
    let labels = Labels { audience: [audience].into(), ..labels(1) };
    let sub_area = SubAreaId::parse(&format!("{AREA}/skarholmen-centrum")).unwrap();
    Draft {
        id: ObservationId::parse(id).unwrap(),
        content: Content {
            form: Form::Observation,
            category: CategoryId::parse("vandalism").unwrap(),
            kind: Kind::ObservedDisorder,
            priority: PriorityId::parse("unsafe_places").unwrap(),
            geography: Geography {
                area: area(),
                place: PlaceId::parse(&format!("{sub_area}/p1")).ok(),
                sub_area: Some(sub_area),
            },
            starts_at: NOW.after_seconds(-7_200),
            ends_at: NOW.after_seconds(-3_600),
            count: Some(count),
            severity: None,
            trend: None,
            basis: Basis::Fact,
            source: SourceId::parse("field_observation").ok(),
            reliability: None,
            credibility: None,
            labels: Arc::new(labels),
        },
        secret: Secret { note: Some(format!("Nära torget, {id}.")), coordinates: None },
    }
}

/// One that the police keep for themselves.
pub(super) fn kept(id: &str, count: u32) -> Draft {
    let mut one = draft(id, count);
    Arc::make_mut(&mut one.content.labels).audience.clear();
    one
}

pub(super) fn labelled(id: &str, edit: impl FnOnce(&mut Labels)) -> Draft {
    let mut one = draft(id, 1);
    edit(Arc::make_mut(&mut one.content.labels));
    one
}

/// What a domain has of a party's own picture: the version, and each observation by id.
pub(super) struct Has {
    version: u64,
    pub(super) counts: BTreeMap<String, Option<u32>>,
    notes: BTreeMap<String, String>,
}

impl Domain {
    /// What this domain has of a party's own picture, as that party's own desk reads it here.
    pub(super) async fn has(&self, party: Who) -> Has {
        let reader = self.ledger.reader(&party.caller(), ground()).unwrap();
        let page = PageAsked { size: 0, token: String::new() };
        let asked = PictureAsked { party: party.party(), area: area(), version: 0, page };
        let view = self.ledger.picture(&reader, &asked).await.unwrap();
        let view = view.content();
        let (mut counts, mut notes) = (BTreeMap::new(), BTreeMap::new());
        for stage in &view.observations {
            let observation = stage.observation.as_ref().unwrap();
            let secret = view.secrets.of(observation.sealed.as_ref()).cloned().unwrap_or_default();
            counts.insert(stage.id.to_string(), observation.content.count);
            notes.insert(stage.id.to_string(), secret.note.unwrap_or_default());
        }
        Has { version: view.version, counts, notes }
    }

    pub(super) async fn publishes(
        &self,
        drafts: Vec<Draft>,
        withdrawn: &[&str],
    ) -> Result<u64, Rejection> {
        self.publishes_for(self.who, drafts, withdrawn).await
    }

    async fn publishes_for(
        &self,
        party: Who,
        drafts: Vec<Draft>,
        withdrawn: &[&str],
    ) -> Result<u64, Rejection> {
        let base = self.has(party).await.version;
        self.publishes_on(base, party, drafts, withdrawn).await
    }

    /// Publishes on a version that is known; gives the next one.
    pub(super) async fn publishes_on(
        &self,
        base_version: u64,
        party: Who,
        drafts: Vec<Draft>,
        withdrawn: &[&str],
    ) -> Result<u64, Rejection> {
        let caller = party.caller();
        let reader = self.ledger.reader(&caller, ground())?;
        let withdrawn = withdrawn.iter().map(|id| ObservationId::parse(id).unwrap()).collect();
        let asked = Publication {
            context: self.context(),
            party: party.party(),
            area: area(),
            base_version,
            change: Change::Delta { drafts, withdrawn },
            reason: None,
            manifest: None,
        };
        let view = self.ledger.publish(&caller, &reader, &asked).await?;
        Ok(view.content().version)
    }

    /// How its party's picture stands with the home of the area.
    pub(super) async fn contributed(&self) -> ContributedView {
        self.versions().await.contributed.unwrap()
    }

    async fn versions(&self) -> PictureVersions {
        let reader = self.ledger.reader(&self.who.caller(), ground()).unwrap();
        let page = PageAsked { size: 0, token: String::new() };
        let asked = VersionsAsked { party: self.who.party(), area: area(), page };
        let view = self.ledger.versions(&reader, &asked).await.unwrap();
        view.content().clone()
    }

    /// Waits until the home of the area has answered what it may have of now.
    async fn is_answered(&self) -> ContributedView {
        let answered = timeout(PATIENCE, async {
            loop {
                let PictureVersions { versions, contributed, .. } = self.versions().await;
                let stands = contributed.unwrap();
                let refused = stands.share.told.as_ref().is_some_and(|told| told.refused.is_some());
                let newest = versions.first().map_or(0, |one| one.version.revision);
                let is_of_now = stands.share.compared.revision >= newest;
                if stands.in_step || (refused && is_of_now && stands.share.under_way.is_none()) {
                    return stands;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        match answered.await {
            Ok(stands) => stands,
            Err(_) => panic!("{:?}", self.contributed().await),
        }
    }

    /// Waits until the home of the area has all that it may have of now, and has said so.
    pub(super) async fn is_in_step(&self) -> ContributedView {
        let stands = self.is_answered().await;
        assert!(stands.in_step, "{stands:?}");
        stands
    }
}

fn counts<const N: usize>(of: [(&str, u32); N]) -> BTreeMap<String, Option<u32>> {
    of.into_iter().map(|(id, count)| (id.to_owned(), Some(count))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_at_home_is_part_of_the_joint_picture_there() {
    let world = World::new().await;
    world.police.publishes(vec![draft("a", 3), draft("b", 5)], &[]).await.unwrap();
    let stands = world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("a", 3), ("b", 5)]));
    assert_eq!((stands.share.version, stands.held, stands.of), (1, 2, 2));
    // Its free text comes along.
    assert_eq!(world.city.has(POLICE).await.notes["a"], "Nära torget, a.");
    // Changed, withdrawn and new in one go.
    world.police.publishes(vec![draft("a", 4), draft("c", 1)], &["b"]).await.unwrap();
    let stands = world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("a", 4), ("c", 1)]));
    assert_eq!((stands.share.version, stands.held), (2, 2));
    // The same content makes no version and no envelope.
    let sent = world.police.ledger.link(&CITY.id()).out.sequence;
    world.police.publishes(vec![draft("a", 4)], &[]).await.unwrap();
    world.police.is_in_step().await;
    assert_eq!(world.police.ledger.link(&CITY.id()).out.sequence, sent);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_owner_keeps_or_is_above_the_level_of_the_link_stays_at_home() {
    let world = World::new().await;
    let drafts = vec![
        draft("goes", 1),
        labelled("alone", |labels| labels.audience.clear()),
        labelled("secret", |labels| labels.level = Secrecy::of(3).unwrap()),
        labelled("later", |labels| labels.embargo_until = Some(NOW.after_seconds(3_600))),
    ];
    world.police.publishes(drafts, &[]).await.unwrap();
    let stands = world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("goes", 1)]));
    assert_eq!((stands.held, stands.of), (1, 4));
    // The embargo ends; then the one that went is narrowed to its owner.
    world.police.at(NOW.after_seconds(3_601));
    world.police.ledger.tick_if_due().await.unwrap();
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("goes", 1), ("later", 1)]));
    let narrowed = labelled("goes", |labels| labels.audience.clear());
    world.police.publishes(vec![narrowed], &[]).await.unwrap();
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("later", 1)]));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_is_published_while_the_wire_is_cut_one_difference_crosses() {
    let world = World::new().await;
    world.police.publishes(vec![draft("a", 0)], &[]).await.unwrap();
    world.police.is_in_step().await;
    let before = world.police.ledger.link(&CITY.id()).out.sequence;
    world.wire.cut();
    for n in 1..=50 {
        world.police.publishes(vec![draft("a", n), draft("b", n)], &[]).await.unwrap();
    }
    world.police.publishes(Vec::new(), &["b"]).await.unwrap();
    world.wire.mend();
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("a", 50)]));
    let sent = world.police.ledger.link(&CITY.id()).out.sequence - before;
    assert!(sent <= 2, "{sent} envelopes: one may have been numbered as the wire was cut");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_picture_comes_in_pieces_and_takes_effect_with_the_last() {
    const COUNT: usize = 1_200;
    let world = World::new().await;
    world.wire.cut();
    for from in (0..COUNT).step_by(400) {
        let drafts = (from..from + 400).map(|n| draft(&format!("o{n:04}"), 1)).collect();
        world.police.publishes(drafts, &[]).await.unwrap();
    }
    world.wire.mend();
    let mut seen = BTreeSet::new();
    while !world.police.contributed().await.in_step {
        seen.insert(world.city.has(POLICE).await.counts.len());
    }
    let has = world.city.has(POLICE).await;
    assert_eq!((has.counts.len(), has.version), (COUNT, 1), "one contribution");
    assert!(seen.iter().all(|count| *count == 0 || *count == COUNT), "{seen:?}");
    let sent = world.police.ledger.link(&CITY.id()).out.sequence;
    assert!(sent >= 3, "{sent} pieces");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_home_does_not_take_is_told_and_goes_with_the_next_publication() {
    let world = World::new().await;
    world.police.publishes(vec![draft("a", 1)], &[]).await.unwrap();
    world.police.is_in_step().await;
    // A code that the home's registry does not have.
    let mut unknown = draft("b", 2);
    unknown.content.category = CategoryId::parse(UNKNOWN_AT_HOME).unwrap();
    world.police.publishes(vec![unknown, draft("c", 3)], &["a"]).await.unwrap();
    let stands = world.police.is_answered().await;
    let refused = stands.share.told.unwrap().refused.unwrap();
    assert_eq!((refused.reason(), refused.field()), ("UNKNOWN_CODE", "delta.upserts[0].category"));
    // Nothing new took effect; what was withdrawn went all the same, by itself.
    assert_eq!(world.city.has(POLICE).await.counts, counts([]));
    assert_eq!(stands.held, 0);
    world.police.publishes(vec![draft("b", 2)], &[]).await.unwrap();
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts, counts([("b", 2), ("c", 3)]));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_sent_again_after_a_quarter_of_an_hour_and_not_before() {
    let world = World::new().await;
    let mut unknown = draft("a", 1);
    unknown.content.category = CategoryId::parse(UNKNOWN_AT_HOME).unwrap();
    world.police.publishes(vec![unknown], &[]).await.unwrap();
    let told = world.police.is_answered().await.share.told.unwrap();
    assert!(told.refused.is_some());
    world.wire.cut();
    let (ledger, city) = (&world.police.ledger, CITY.id());
    let numbered = || ledger.number_envelopes(&city, CONTRIBUTIONS_LEVEL);
    world.police.at(told.at.after_seconds(15 * 60 - 1));
    assert_eq!(numbered().await.unwrap(), 0);
    world.police.at(told.at.after_seconds(15 * 60));
    assert_eq!(numbered().await.unwrap(), 1);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_become_something_else_under_its_id_goes_before_it_comes() {
    let world = World::new().await;
    world.police.publishes(vec![draft("x", 1), draft("y", 1)], &[]).await.unwrap();
    world.police.is_in_step().await;
    world.wire.cut();
    world.police.publishes(Vec::new(), &["x"]).await.unwrap();
    let mut assessment = draft("x", 1);
    let content = &mut assessment.content;
    let (starts_at, ends_at) = "2025-09".parse::<Period>().unwrap().bounds();
    (content.form, content.basis) = (Form::Assessment, Basis::Assessment);
    (content.starts_at, content.ends_at) = (starts_at, ends_at);
    (content.count, content.source) = (None, None);
    world.police.publishes(vec![assessment, draft("z", 1)], &[]).await.unwrap();
    world.wire.mend();
    world.police.is_in_step().await;
    let has = world.city.has(POLICE).await.counts;
    assert_eq!(has["x"], None, "an assessment counts nothing");
    assert_eq!(has.keys().map(String::as_str).collect::<Vec<_>>(), ["x", "y", "z"]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_is_not_taken_is_told_for_what_it_was() {
    let world = World::new().await;
    world.wire.cut();
    let mut unknown = draft("a", 2);
    unknown.content.category = CategoryId::parse(UNKNOWN_AT_HOME).unwrap();
    let many = |from: u32| (from..from + 400).map(|n| draft(&format!("o{n:04}"), n));
    world.police.publishes(many(0).chain([unknown]).collect(), &[]).await.unwrap();
    world.police.publishes(many(400).collect(), &[]).await.unwrap();
    world.wire.mend();
    let stands = world.police.is_answered().await;
    // Later pieces were refused for lack of it: what counts is the first.
    let refused = stands.share.told.unwrap().refused.unwrap();
    assert_eq!((refused.reason(), refused.field()), ("UNKNOWN_CODE", "delta.upserts[0].category"));
    assert!(world.city.has(POLICE).await.counts.is_empty());
    world.police.publishes(vec![draft("a", 2)], &[]).await.unwrap();
    world.police.is_in_step().await;
    assert_eq!(world.city.has(POLICE).await.counts.len(), 801);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_publishes_or_reads_the_joint_picture_where_it_is_not_at_home() {
    let world = World::new().await;
    let refused = world.city.publishes_for(POLICE, vec![draft("x", 1)], &[]).await;
    let Err(Rejection::Denied(denial)) = refused else { panic!("{refused:?}") };
    assert_eq!((denial.why.id(), denial.rule.as_str()), ("HOME_ELSEWHERE", "POL-53"));
    let caller = POLICE.caller();
    let reader = world.police.ledger.reader(&caller, ground()).unwrap();
    let asked = JointAsked {
        area: area(),
        period: "2025-10".parse().unwrap(),
        at: At::Newest,
        min_revision: 0,
        valid_at: None,
        page: PageAsked { size: 0, token: String::new() },
    };
    let Err(Rejection::Denied(denial)) = world.police.ledger.joint(&caller, &reader, &asked).await
    else {
        panic!("the police's domain shows a joint picture")
    };
    assert_eq!((denial.why.id(), denial.rule.as_str()), ("HOME_ELSEWHERE", "POL-56"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_begin_anew_in_the_middle_and_end_in_step() {
    let mut world = World::new().await;
    for n in 1..=6 {
        world.police.publishes(vec![draft("a", n), draft(&format!("n{n}"), n)], &[]).await.unwrap();
        if n % 2 == 0 {
            world.restart_city().await;
        } else {
            world.restart_police().await;
        }
    }
    let stands = world.police.is_in_step().await;
    let has = world.city.has(POLICE).await;
    assert_eq!(has.counts, world.police.has(POLICE).await.counts);
    assert_eq!((stands.held, stands.share.version), (7, has.version));
    world.close().await;
}
