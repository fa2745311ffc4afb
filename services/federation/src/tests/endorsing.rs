//! Two domains whose parties endorse editions together.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_domain::{
    AgreementId, Audience, EditionId, KeyId, Labels, Period,
    commit::{
        descriptor::{Descriptor, Function, PublicKey, Track as Required},
        dsse::{Envelope, PayloadType, Signature, pre_authentication},
        endorsement::{self, Endorsement, reservation_commitment},
        hash,
        proof::{PartnerProof, ProvenObject},
        salt::Salt,
        tree::{Depth, Slot},
    },
    edition::Verdict,
    merge,
    registry::{Document, EndorsementKey, Endorser, Role, SignedDescriptor, Track},
};
use samsyn_ledger::{Answered, EditionShown, Editions, Rejection, ReviewShown};
use samsyn_proto::{
    inbound::{AnswerAsked, Context, LockAsked, OpenAsked, ReleaseAsked},
    sealed::{Encoded, Paged},
    v1,
};
use tokio::time::timeout;

use super::{
    deliveries::delivers,
    pictures::{area, draft},
    world::{CITY, Domain, NOW, PATIENCE, POLICE, Who, World, ground, labels},
};

type Page = Encoded<v1::GetEditionResponse>;
type Review = Encoded<v1::GetEditionReviewResponse>;
type List = Encoded<v1::ListEditionsResponse>;

const SALT: [u8; 32] = [5; 32];

impl Who {
    const fn role(self) -> Role {
        if self.orgnr.as_bytes()[1] == CITY.orgnr.as_bytes()[1] {
            Role::Coordinator
        } else {
            Role::Kommunpolis
        }
    }

    fn signer(self) -> SigningKey {
        SigningKey::from_bytes(&[self.orgnr.as_bytes()[1]; 32])
    }

    fn public(self) -> PublicKey {
        PublicKey::Ed25519(self.signer().verifying_key().to_bytes())
    }

    fn key_id(self) -> KeyId {
        KeyId::parse(&format!("key-{}", self.party)).unwrap()
    }
}

fn period() -> Period {
    "2025-10".parse().unwrap()
}

fn agreement() -> AgreementId {
    AgreementId::parse("samverkan/sthlm-skarholmen").unwrap()
}

/// Both endorse, and each desk speaks in its role, wherever it is registered.
fn endorses(document: &mut Document) {
    for agreement in &mut document.agreements {
        let is_known = |one: &samsyn_domain::registry::Signatory| {
            one.party == CITY.party() || one.party == POLICE.party()
        };
        agreement.signatories.retain(is_known);
        let endorser = |who: Who| Endorser { party: who.party(), role: who.role() };
        agreement.tracks = [(Track::Operative, vec![endorser(CITY), endorser(POLICE)])].into();
    }
    for service in &mut document.services {
        let who = if service.id == CITY.service() { CITY } else { POLICE };
        service.roles.extend([who.role(), Role::Reader]);
    }
}

/// The city's domain, as the home of the area: keys, and a descriptor that both have signed.
fn home(city: &mut Document, release_key: [u8; 32]) {
    endorses(city);
    let key = |who: Who| EndorsementKey {
        id: who.key_id(),
        party: who.party(),
        role: who.role(),
        public_key: hex::encode(who.signer().verifying_key().to_bytes()),
    };
    city.endorsement_keys = vec![key(CITY), key(POLICE)];
    let required: Required = [CITY, POLICE]
        .map(|who| {
            let (party, role) = (who.party.to_owned(), who.role().as_str().to_owned());
            (Function { party, role }, who.public())
        })
        .into();
    let descriptor = Descriptor {
        domain: CITY.domain.to_owned(),
        agreement: agreement().to_string(),
        valid_from: 0,
        depth: Depth::try_from(16).unwrap(),
        profile: hash::Digest([6; 32]),
        merge_version: u32::try_from(merge::VERSION).unwrap(),
        tracks: [("operative".to_owned(), required)].into(),
        release_key: PublicKey::Ed25519(release_key),
    };
    let payload_type = PayloadType::Descriptor;
    let payload = descriptor.encode().unwrap();
    let signed = pre_authentication(payload_type, &payload);
    let signatures = [CITY, POLICE]
        .map(|who| (who.public().id(), Signature(who.signer().sign(&signed).to_bytes())));
    let envelope = Envelope { payload_type, payload, signatures: signatures.into() };
    let envelope = hex::encode(envelope.encode().unwrap());
    city.descriptors = vec![SignedDescriptor { agreement: agreement(), envelope }];
}

impl World {
    /// Both endorse; the city delivers, and both have published.
    pub(super) async fn endorsing() -> Self {
        Self::endorsing_and(delivers).await
    }

    /// As `endorsing`, with what the city delivers.
    pub(super) async fn endorsing_and(delivers: impl FnOnce(&mut Document)) -> Self {
        let home = |city: &mut Document, key| {
            home(city, key);
            delivers(city);
        };
        let world = Self::keyed(endorses, home).await;
        world.city.publishes(vec![draft("c1", 2)], &[]).await.unwrap();
        world.police.publishes(vec![draft("p1", 3)], &[]).await.unwrap();
        world.police.is_in_step().await;
        world
    }

    /// Waits until somebody's answer stands at the city.
    pub(super) async fn is_answered(&self, id: &EditionId) -> v1::EditionHeader {
        let answered = timeout(PATIENCE, async {
            loop {
                let header = self.city.shown(id, CITY).await.unwrap().header();
                if !header.answers.is_empty() {
                    return header;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        answered.await.unwrap()
    }

    /// Waits until the police read of an edition at home what their desk reads at the city, byte
    /// for byte: in the list, and page by page.
    pub(super) async fn edition_is_same(&self, id: &EditionId) -> v1::EditionHeader {
        let same = timeout(PATIENCE, async {
            loop {
                let there = self.city.shown(id, POLICE).await.unwrap();
                match self.police.shown(id, POLICE).await {
                    Ok(here) if here == there => return here.header(),
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        match same.await {
            Ok(header) => header,
            Err(_) => panic!(
                "{:?}, not {:?}",
                self.police.shown(id, POLICE).await,
                self.city.shown(id, POLICE).await
            ),
        }
    }
}

/// What a desk reads of an edition: what goes over the wire, without what was answered here. Of a
/// proof all but the manifest, that names the class of receivers: a link is another one.
#[derive(Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) proof: Option<(Envelope, BTreeSet<Envelope>, BTreeMap<Slot, ProvenObject>)>,
    pub(super) pages: Vec<v1::GetEditionResponse>,
    pub(super) reviews: Vec<v1::GetEditionReviewResponse>,
    listed: Vec<v1::EditionHeader>,
}

impl Shown {
    pub(super) fn header(&self) -> v1::EditionHeader {
        self.pages[0].edition.clone().unwrap().header.unwrap()
    }

    /// What a client signs that has read it so.
    pub(super) fn answered_by(&self, who: Who, text: &str, context: Context) -> AnswerAsked {
        let (header, review) = (self.header(), &self.reviews[0]);
        let edition = EditionId::parse(&header.id).unwrap();
        let descriptor = Descriptor::decode(&review.descriptor_bytes).unwrap();
        let basis_salt = Salt::new(review.basis_salt.as_slice().try_into().unwrap());
        let basis = endorsement::Basis::decode(&review.basis).unwrap();
        let (from, to) = period().bounds();
        let (verdict, stated) = match text {
            "" => (Verdict::Endorsed, endorsement::Verdict::Endorse),
            _ => (Verdict::Reserved, endorsement::Verdict::Reserve),
        };
        let statement = Endorsement {
            domain: descriptor.domain.clone(),
            agreement: descriptor.agreement.clone(),
            descriptor: descriptor.digest().unwrap(),
            area: header.area,
            edition: header.id,
            round: header.round,
            track: header.track,
            from: from.micros(),
            to: to.micros(),
            content_root: hash::Digest(header.content_root.as_slice().try_into().unwrap()),
            basis: basis.commitment(&basis_salt).unwrap(),
            party: who.party.to_owned(),
            role: who.role().as_str().to_owned(),
            verdict: stated,
            reservation: reservation_commitment(&Salt::new(SALT), text).unwrap(),
        };
        let statement = statement.encode().unwrap();
        let bytes = pre_authentication(PayloadType::Endorsement, &statement);
        AnswerAsked {
            context,
            edition,
            party: who.party(),
            role: who.role(),
            verdict,
            text: (!text.is_empty()).then(|| text.to_owned()),
            text_salt: SALT.to_vec(),
            signature: who.signer().sign(&bytes).to_bytes().to_vec(),
            statement,
            key: who.key_id(),
        }
    }
}

pub(super) fn decoded<M: prost::Message + Default>(encoded: &Encoded<M>) -> M {
    M::decode(prost::Message::encode_to_vec(encoded).as_slice()).unwrap()
}

impl Domain {
    /// All pages of an edition as a desk reads them here.
    pub(super) async fn shown(&self, id: &EditionId, who: Who) -> Result<Shown, Rejection> {
        let reader = self.ledger.reader(&who.caller(), ground())?;
        let (mut pages, mut reviews): (Vec<v1::GetEditionResponse>, Vec<_>) = Default::default();
        let mut proof = None;
        loop {
            let token = |from: usize| from.to_string();
            let view = self.ledger.edition(&reader, id, pages.len(), 1).await?;
            let mut page = decoded(&match &view {
                EditionShown::Here(view) => Page::page(view, |from| from.to_string()),
                EditionShown::Received(view) => Page::received(view, token),
            });
            page.edition.as_mut().unwrap().header.as_mut().unwrap().given.clear();
            let proven = std::mem::take(&mut page.edition.as_mut().unwrap().proof);
            if !proven.is_empty() {
                let PartnerProof { descriptor, endorsements, objects, .. } =
                    PartnerProof::decode(&proven).unwrap();
                proof = Some((descriptor, endorsements, objects));
            }
            let is_last = page.next_page_token.is_empty();
            pages.push(page);
            if is_last {
                break;
            }
        }
        loop {
            let token = |from: usize| from.to_string();
            // A short page, and then as many as there are.
            let (from, size) = if reviews.is_empty() { (0, 20) } else { (20, 100_000) };
            let page = match self.ledger.review(&reader, id, from, size).await {
                Err(Rejection::Denied(_)) => break,
                Err(why) => return Err(why),
                Ok(ReviewShown::Here(view)) => Review::page(&view, |from| from.to_string()),
                Ok(ReviewShown::Received(view)) => Review::received(&view, token),
            };
            let page: v1::GetEditionReviewResponse = decoded(&page);
            let is_last = page.next_page_token.is_empty();
            reviews.push(page);
            if is_last {
                break;
            }
        }
        let (paged, token) = (Paged { from: 0, size: 10 }, |_| String::new());
        let listed = decoded(&match self.ledger.editions(&reader, &area(), (0, 10)).await? {
            Editions::Here(view) => List::page(&view, paged, token),
            Editions::Received(view) => List::received(&view, paged, token),
        });
        let mut listed = listed.editions;
        listed.iter_mut().for_each(|header| header.given.clear());
        Ok(Shown { proof, pages, reviews, listed })
    }

    pub(super) async fn opens(&self) -> EditionId {
        let caller = self.who.caller();
        let reader = self.ledger.own_reader(&caller).unwrap();
        let asked = OpenAsked {
            context: self.in_role(),
            area: area(),
            period: period(),
            track: Track::Operative,
            due: NOW.after_seconds(86_400),
            party: self.who.party(),
        };
        let view = self.ledger.open_edition(&caller, &reader, &asked).await.unwrap();
        view.content().editions[0].edition.id.clone()
    }

    fn in_role(&self) -> Context {
        Context { role: Some(self.who.role()), ..self.context() }
    }

    pub(super) async fn locks(&self, edition: &EditionId, edit: impl FnOnce(&mut Labels)) {
        self.would_lock(edition, edit).await.unwrap();
    }

    /// As `locks`, where a contribution may come in between.
    pub(super) async fn would_lock(
        &self,
        edition: &EditionId,
        edit: impl FnOnce(&mut Labels),
    ) -> Result<(), Rejection> {
        let caller = self.who.caller();
        let reader = self.ledger.own_reader(&caller).unwrap();
        let (revision, _) = self.joint(self.who).await.unwrap();
        let audience = Audience::parse(Audience::SIGNATORIES).unwrap();
        let mut labels = Labels { audience: [audience].into(), ..labels(1) };
        edit(&mut labels);
        let asked = LockAsked {
            context: self.in_role(),
            edition: edition.clone(),
            revision,
            analysis: "Oro kring torget.".to_owned(),
            labels,
            party: self.who.party(),
        };
        self.ledger.lock_edition(&caller, &reader, &asked).await.map(drop)
    }

    pub(super) async fn releases(&self, header: &v1::EditionHeader) {
        let caller = self.who.caller();
        let reader = self.ledger.own_reader(&caller).unwrap();
        let asked = ReleaseAsked {
            context: self.in_role(),
            edition: EditionId::parse(&header.id).unwrap(),
            root: header.content_root.as_slice().try_into().unwrap(),
            party: self.who.party(),
        };
        drop(self.ledger.release_edition(&caller, &reader, &asked).await.unwrap());
    }

    /// What its own client signs of the round that it reads here.
    pub(super) async fn signed(&self, id: &EditionId, text: &str) -> AnswerAsked {
        self.signed_by(self.who, id, text).await
    }

    pub(super) async fn signed_by(&self, who: Who, id: &EditionId, text: &str) -> AnswerAsked {
        self.shown(id, who).await.unwrap().answered_by(who, text, self.context())
    }

    pub(super) async fn answers(&self, asked: &AnswerAsked) -> Result<Answered, Rejection> {
        // Its desk here, whoever's it is.
        let caller = if asked.party == CITY.party() { CITY } else { POLICE }.caller();
        let reader = self.ledger.own_reader(&caller).unwrap();
        self.ledger.answer_edition(&caller, &reader, asked).await
    }

    /// What was answered here to an edition that another domain delivers, the last first; none
    /// where it comes anew.
    pub(super) async fn given(&self, id: &EditionId) -> Option<Vec<v1::GivenAnswer>> {
        let reader = self.ledger.reader(&self.who.caller(), ground()).unwrap();
        let shown = self.ledger.edition(&reader, id, 0, 1).await;
        let Ok(EditionShown::Received(view)) = shown else { return None };
        let page = decoded(&Page::received(&view, |_| String::new()));
        Some(page.edition.unwrap().header.unwrap().given)
    }

    /// Waits until the home has said what became of what was answered here last.
    pub(super) async fn is_told(&self, id: &EditionId) -> v1::GivenAnswer {
        let told = timeout(PATIENCE, async {
            loop {
                let given = self.given(id).await.unwrap_or_default();
                match given.into_iter().next() {
                    Some(given) if given.told_at.is_some() => return given,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        told.await.unwrap()
    }
}
