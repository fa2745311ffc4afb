//! One edition of the area, endorsed from two domains, and read in three.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_client::{Client, Intent, Signer, verify, wire, write_context};
use samsyn_domain::{
    AgreementId, KeyId, PartyId, Period, PeriodKind,
    commit::{
        descriptor::{Descriptor, Function, PublicKey},
        dsse::{Envelope, PayloadType, Signature, pre_authentication},
        hash::hash,
        tree::Depth,
    },
    edition::Verdict,
    merge,
    registry::{
        Agreement, Change, EndorsementKey, Operation, Record, Role, SignedDescriptor, Track,
        midnight,
    },
};

use super::{
    acts::{Broken, changes, invited, labels, until},
    area::AREA,
    domains::{CITY, Domain, POLICE, PRISON, Who},
    pictures::{addressed, delta, observation, publish},
};
use crate::demo::{
    clock,
    print::{Section, number, short},
};

/// The profile of disclosure control, as variants name it.
const PROFILE: &[u8] = b"samsyn-1";
const ANALYSIS: &str = "Öppen droghandel vid gångtunneln; parterna prövar belysning där först.";
const RESERVATION: &str = "Bemanning finns först från vecka 44.";
const DUE_SECONDS: i64 = 3 * 86_400;

pub(super) async fn tell(
    section: &mut Section,
    city: &Domain,
    police: &Domain,
    prison: &Domain,
) -> Result<(), Broken> {
    let benches = observation("sdf-2", ("vandalism", 3), "Bänkarna lagas i veckan.", clock::now());
    let benches = addressed(benches, &["signatories", PRISON.organisation], 1);
    publish(&city.desk, CITY, 2, delta(vec![benches], &[])).await?;
    let pinned = agree(city, police).await?;
    section.say(
        "Both parties have signed who must endorse, with which keys. The police's key never leaves \
         their domain, and the city's registers its public half.",
    );
    let opened = open(city).await?;
    let locked = lock(city, &opened).await?;
    section.heading(&format!(", root {}", short(&locked.content_root)));
    let in_review = |header: &wire::EditionHeader| header.state() == wire::EditionState::InReview;
    let header = comes(police, &opened.id, in_review).await?;
    let reviewed = police.desk.review(&header, &pinned).await?;
    section.holds(
        &format!(
            "the police's own client, in their own domain, makes the root anew from all {} objects \
             before it signs",
            number(reviewed.objects.len())
        ),
        reviewed.content_root.as_slice() == locked.content_root,
        || "it comes to another root".to_owned(),
    );
    let given = answer(police, &header, &reviewed, RESERVATION).await?;
    let waits = given.given.first().is_some_and(|given| given.told_at.is_none());
    let told = |header: &wire::EditionHeader| {
        header.given.first().is_some_and(|given| given.told_at.is_some())
    };
    let header = comes(police, &opened.id, told).await?;
    let refused = header.given.first().map(|given| given.reason.clone()).unwrap_or_default();
    section.holds(
        "their answer goes over the link as it was signed, and the city's domain says that it is \
         taken",
        waits && refused.is_empty(),
        || format!("waits: {waits}, refused: `{refused}`"),
    );
    let there = header_of(city, &opened.id).await?.ok_or(Broken::Missing("the edition"))?;
    let own = city.desk.review(&there, &pinned).await?;
    let endorsed = answer(city, &there, &own, "").await?;
    let released = release(city, &endorsed).await?;
    let reserved = released.answers.iter().any(|one| one.text == RESERVATION);
    section.holds(
        &format!("endorsed by both, the police with reservation: \"{RESERVATION}\" Released"),
        reserved && endorsed.state() == wire::EditionState::Endorsed,
        || format!("{:?}, reserved: {reserved}", endorsed.state()),
    );
    let is_out = |header: &wire::EditionHeader| header.state() == wire::EditionState::Released;
    comes(police, &opened.id, is_out).await?;
    let (here, there) = (read(police, &opened.id).await?, read(city, &opened.id).await?);
    section.holds(
        "the police read in their own domain the edition that the city reads in its own",
        bare(&here) == bare(&there) && !here.findings.is_empty(),
        || format!("{} and {} findings", here.findings.len(), there.findings.len()),
    );
    comes(prison, &opened.id, is_out).await?;
    proves(section, &read(prison, &opened.id).await?, &pinned);
    Ok(())
}

/// What a partner reads of an edition follows from its proof.
fn proves(section: &mut Section, part: &wire::Edition, pinned: &verify::Pinned) {
    let verified = verify::proof(&part.proof, pinned);
    let holds = match &verified {
        Ok(verified) => verified.matches(&part.findings).map(drop).map_err(|why| why.to_string()),
        Err(why) => Err(why.to_string()),
    };
    let signatures = verified.map_or(0, |verified| verified.signatures);
    section.check(
        &format!(
            "the prison service has its part of it in its own, and a proof: {signatures} \
             signatures hold under that root"
        ),
        holds,
    );
}

/// Both parties sign the descriptor of their agreement; the city's registrar registers it, and the
/// keys that it names. Gives what clients pin.
async fn agree(city: &Domain, police: &Domain) -> Result<verify::Pinned, Broken> {
    let missing = || Broken::Missing("an agreement");
    let registry = city.registrar.export_registry().await?.registry;
    let agreement = registry.agreements().find(|one| one.area.as_str() == AREA);
    let agreement: &Agreement = agreement.ok_or_else(missing)?;
    // In the order of the ids of their keys.
    let keys = [(POLICE, key(police)?), (CITY, key(city)?)];
    let release_key = PublicKey::Ed25519(invited(city).await?.public_key);
    let named = |(who, key): &(Who, SigningKey)| {
        let (party, role) = (who.party.to_owned(), who.endorses.as_str().to_owned());
        (Function { party, role }, public(key))
    };
    let required = keys.iter().map(named).collect::<BTreeMap<_, _>>();
    let descriptor = Descriptor {
        domain: CITY.domain.to_owned(),
        agreement: agreement.id.to_string(),
        valid_from: midnight(agreement.valid_from).micros(),
        depth: Depth::DEFAULT,
        profile: hash(&[PROFILE]),
        merge_version: u32::try_from(merge::VERSION).unwrap_or_default(),
        tracks: [(Track::Operative.as_str().to_owned(), required)].into(),
        release_key,
    };
    let encoded = |_| Broken::Missing("a descriptor");
    let payload = descriptor.encode().map_err(encoded)?;
    let bytes = pre_authentication(PayloadType::Descriptor, &payload);
    let signature =
        |(_, key): &(Who, SigningKey)| (public(key).id(), Signature(key.sign(&bytes).to_bytes()));
    let signatures = keys.iter().map(signature).collect();
    let envelope = Envelope { payload_type: PayloadType::Descriptor, payload, signatures };
    let envelope = hex::encode(envelope.encode().map_err(encoded)?);
    let row = SignedDescriptor { agreement: AgreementId::clone(&agreement.id), envelope };
    let mut operations = vec![Operation::Put(Record::Descriptors(row).into())];
    for (who, key) in &keys {
        let row = EndorsementKey {
            id: KeyId::parse(&key_id(*who)).map_err(|_| missing())?,
            party: PartyId::parse(who.party).map_err(|_| missing())?,
            role: who.endorses,
            public_key: hex::encode(key.verifying_key().to_bytes()),
        };
        operations.push(Operation::Put(Record::EndorsementKeys(row).into()));
    }
    changes(city, &Change::of(operations).map_err(|_| Broken::Missing("a change"))?).await?;
    Ok(verify::Pinned { descriptor: descriptor.digest().map_err(encoded)?.0 })
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::Ed25519(key.verifying_key().to_bytes())
}

/// The key with which a domain's party endorses: its desk has it, and nobody else.
fn key(domain: &Domain) -> Result<SigningKey, Broken> {
    let keys = &domain.desk.profile().endorsement_keys;
    let seed = keys.get(&domain.who.endorses).ok_or(Broken::Missing("an endorsement key"))?;
    Ok(SigningKey::from_bytes(seed))
}

fn key_id(who: Who) -> String {
    format!("{}/{}", who.party, who.endorses.as_str())
}

fn period() -> Result<String, Broken> {
    let month = Period::holding(PeriodKind::Month, clock::now().after_seconds(-7_200));
    Ok(month.ok_or(Broken::Missing("a month"))?.to_string())
}

async fn open(city: &Domain) -> Result<wire::EditionHeader, Broken> {
    let request = wire::OpenEditionRequest {
        context: Some(write_context(CITY.endorses.as_str())),
        area: AREA.to_owned(),
        period: Some(wire::Period { code: period()? }),
        track: Track::Operative.as_str().to_owned(),
        due: Some(clock::wire(clock::now().after_seconds(DUE_SECONDS))),
        party: CITY.party.to_owned(),
    };
    let opened = city.desk.editions.clone().open_edition(request).await?.into_inner();
    opened.edition.ok_or(Broken::Missing("the edition"))
}

async fn lock(city: &Domain, opened: &wire::EditionHeader) -> Result<wire::EditionHeader, Broken> {
    let request = wire::GetJointPictureRequest {
        context: Some(city.desk.profile().read_context()),
        area: AREA.to_owned(),
        period: opened.period.clone(),
        ..wire::GetJointPictureRequest::default()
    };
    let revision = city.desk.joint.clone().get_joint_picture(request).await?.into_inner().revision;
    let audience = ["signatories", PRISON.organisation].map(str::to_owned).to_vec();
    let request = wire::LockEditionRequest {
        context: Some(write_context(CITY.endorses.as_str())),
        edition_id: opened.id.clone(),
        revision,
        analysis: ANALYSIS.to_owned(),
        analysis_labels: Some(wire::Labels { audience, ..labels() }),
        party: CITY.party.to_owned(),
    };
    let locked = city.desk.editions.clone().lock_edition(request).await?.into_inner();
    locked.edition.ok_or(Broken::Missing("the edition"))
}

async fn answer(
    domain: &Domain,
    header: &wire::EditionHeader,
    reviewed: &verify::Reviewed,
    text: &str,
) -> Result<wire::EditionHeader, Broken> {
    let (who, seed) = (domain.who, key(domain)?.to_bytes());
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).map_err(|_| Broken::Missing("randomness"))?;
    let verdict = if text.is_empty() { Verdict::Endorsed } else { Verdict::Reserved };
    let intent = Intent { party: who.party, role: who.endorses, verdict, text };
    let signer = Signer { seed: &seed, key_id: &key_id(who), salt };
    let signed = samsyn_client::answer(header, reviewed, intent, signer)?;
    let request = wire::AnswerEditionRequest {
        context: Some(write_context(who.endorses.as_str())),
        edition_id: header.id.clone(),
        answer: Some(signed),
    };
    let answered = domain.desk.editions.clone().answer_edition(request).await?.into_inner();
    answered.edition.ok_or(Broken::Missing("the edition"))
}

async fn release(
    city: &Domain,
    endorsed: &wire::EditionHeader,
) -> Result<wire::EditionHeader, Broken> {
    let request = wire::ReleaseEditionRequest {
        context: Some(write_context(Role::Coordinator.as_str())),
        edition_id: endorsed.id.clone(),
        content_root: endorsed.content_root.clone(),
        party: CITY.party.to_owned(),
    };
    let released = city.desk.editions.clone().release_edition(request).await?.into_inner();
    released.edition.ok_or(Broken::Missing("the edition"))
}

/// The header of an edition as a desk reads it in its own domain.
async fn header_of(domain: &Domain, id: &str) -> Result<Option<wire::EditionHeader>, Broken> {
    let request = wire::ListEditionsRequest {
        context: Some(domain.desk.profile().read_context()),
        area: AREA.to_owned(),
        page: None,
    };
    let listed = domain.desk.editions.clone().list_editions(request).await?.into_inner();
    Ok(listed.editions.into_iter().find(|one| one.id == id))
}

/// Waits until a desk reads an edition in its own domain as it should be.
async fn comes(
    domain: &Domain,
    id: &str,
    is: impl Fn(&wire::EditionHeader) -> bool,
) -> Result<wire::EditionHeader, Broken> {
    let there = async || Ok(header_of(domain, id).await?.is_some_and(|header| is(&header)));
    until("an edition", there).await?;
    header_of(domain, id).await?.ok_or(Broken::Missing("the edition"))
}

/// An edition as a desk reads it in its own domain; it has one page.
async fn read(domain: &Domain, id: &str) -> Result<wire::Edition, Broken> {
    let client: &Client = &domain.desk;
    let request = wire::GetEditionRequest {
        context: Some(client.profile().read_context()),
        edition_id: id.to_owned(),
        page: None,
    };
    let answer = client.editions.clone().get_edition(request).await?.into_inner();
    answer.edition.ok_or(Broken::Missing("the edition"))
}

/// Without the proof, that names its class of receivers, and what was answered in that domain.
fn bare(edition: &wire::Edition) -> Vec<u8> {
    let header = edition.header.clone().unwrap_or_default();
    let header = Some(wire::EditionHeader { given: Vec::new(), ..header });
    let bare = wire::Edition { header, proof: Vec::new(), ..edition.clone() };
    prost::Message::encode_to_vec(&bare)
}
