//! A small edition with fixed keys and salts: two observations, a decision and an analysis.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::{Signer, SigningKey};
use samsyn_domain::commit::canonical::Message;
use samsyn_domain::commit::content::{
    self, AnalysisIdentity, Assessment, Decision, Identity, Labels, Place, Treatment,
};
use samsyn_domain::commit::descriptor::{Descriptor, Function, PublicKey, Track};
use samsyn_domain::commit::dsse::{Envelope, PayloadType, Signature, pre_authentication};
use samsyn_domain::commit::endorsement::{Basis, Endorsement, Verdict, reservation_commitment};
use samsyn_domain::commit::hash::Digest;
use samsyn_domain::commit::manifest::Manifest;
use samsyn_domain::commit::object::{
    Leaf, ObjectId, ObjectKind, ObjectTree, Opening, ReferenceKey,
};
use samsyn_domain::commit::position::{Group, Position, Variant};
use samsyn_domain::commit::proof::{PartnerProof, ProvenObject};
use samsyn_domain::commit::salt::{RoundSalt, Salt};
use samsyn_domain::commit::tree::{Depth, Slot, Tree};

pub(crate) const REFERENCE_KEY: [u8; 32] = [0x11; 32];
pub(crate) const ROUND_SALT: [u8; 32] = [0x22; 32];
pub(crate) const UNIT_KEY: [u8; 32] = [0x33; 32];
pub(crate) const BASIS_SALT: [u8; 32] = [0x44; 32];
pub(crate) const RESERVATION_SALT: [u8; 32] = [0x55; 32];
pub(crate) const RESERVATION: &str = "Underlaget från trafikkontoret kom sent.";
pub(crate) const EDITION: &str = "farsta/2025-W40/operative";
/// Monday 2025-09-29 00:00 in Stockholm, and a week later.
pub(crate) const PERIOD: (i64, i64) = (1_759_096_800_000_000, 1_759_701_600_000_000);
pub(crate) const COORDINATOR_SEED: [u8; 32] = [0x01; 32];
pub(crate) const KOMMUNPOLIS_SEED: [u8; 32] = [0x02; 32];
pub(crate) const RELEASE_SEED: [u8; 32] = [0x03; 32];

/// One value of an object, where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) kind: ObjectKind,
    pub(crate) group: Group,
    pub(crate) variant: Variant,
    pub(crate) value: Message,
}

/// An object with its leaves and tree.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: ObjectId,
    pub(crate) parts: Vec<Part>,
    pub(crate) leaves: BTreeMap<Position, Leaf>,
    pub(crate) tree: ObjectTree,
}

fn labels() -> Labels<'static> {
    Labels {
        level: 1,
        audience: &["signatories", "kriminalvarden"],
        purposes: &["local-prevention"],
        regime: "nonpersonal",
        secrecy_provisions: &[],
        retain_until: Some(1_822_168_800_000_000),
        person_related: false,
        special_category: false,
        originator_control: false,
        embargo_until: None,
        onward_sharing: false,
    }
}

fn identity() -> Identity<'static> {
    Identity {
        category: "disorder.noise",
        observation_kind: 2,
        priority: "unsafe_places",
        owner: "farsta",
        owner_kind: 1,
        area: "farsta",
        labels: labels(),
        geography: 2,
    }
}

fn part(kind: ObjectKind, group: Group, variant: Variant, value: Message) -> Part {
    Part { kind, group, variant, value }
}

/// An observation that has something in every group, with all variants.
fn full_observation() -> Vec<Part> {
    let place = Place {
        place: Some("farsta-centrum"),
        sub_area: Some("farsta-strand"),
        area: "farsta",
        coordinates: Some((592_434_000, 180_932_000)),
    };
    let coarse = Treatment { profile: "demo-1", method: "coarsen", parameters: &[], bound: None };
    let band = Treatment {
        profile: "demo-1",
        method: "band",
        parameters: &[("width", 5), ("from", 0)],
        bound: Some(4),
    };
    let noise = Treatment {
        profile: "demo-1",
        method: "perturb",
        parameters: &[("base", 3)],
        bound: Some(2),
    };
    let assessment = Assessment {
        severity: Some(3),
        trend: Some(3),
        basis: Some(1),
        reliability: Some(2),
        credibility: Some(2),
    };
    let seen = |group, variant, value| part(ObjectKind::Observation, group, variant, value);
    vec![
        seen(Group::Identity, Variant::Exact, identity().observation().unwrap()),
        seen(Group::Place, Variant::Exact, place.exact().unwrap()),
        seen(Group::Place, Variant::First, place.sub_area(&coarse).unwrap()),
        seen(Group::Place, Variant::Second, place.district(&coarse).unwrap()),
        seen(
            Group::Time,
            Variant::Exact,
            content::time(1_759_168_800_000_000, 1_759_176_000_000_000),
        ),
        seen(Group::Counts, Variant::Exact, content::counts(Some(7), Some("rounds")).unwrap()),
        seen(
            Group::Counts,
            Variant::First,
            content::counts_band(5, 10, Some("rounds"), &band).unwrap(),
        ),
        seen(
            Group::Counts,
            Variant::Second,
            content::counts_perturbed(6, Some("rounds"), &noise).unwrap(),
        ),
        seen(Group::Assessment, Variant::Exact, assessment.value().unwrap()),
        seen(Group::Text, Variant::Exact, content::text(Some("Högljudda kvällar vid torget."))),
        seen(
            Group::Provenance,
            Variant::Exact,
            content::provenance("spiffe://stockholm.se/svc/farsta", Some(&Digest([0x66; 32]))),
        ),
    ]
}

/// An observation of a whole district, without count, assessment or text.
fn bare_observation() -> Vec<Part> {
    let mut identity = identity();
    identity.owner = "lpo-farsta";
    identity.owner_kind = 2;
    let place = Place { place: None, sub_area: None, area: "farsta", coordinates: None };
    let seen = |group, value| part(ObjectKind::Observation, group, Variant::Exact, value);
    vec![
        seen(Group::Identity, identity.observation().unwrap()),
        seen(Group::Place, place.exact().unwrap()),
        seen(Group::Time, content::time(PERIOD.0, PERIOD.1)),
        seen(Group::Counts, content::counts(None, None).unwrap()),
        seen(Group::Assessment, content::absent()),
        seen(Group::Text, content::absent()),
        seen(Group::Provenance, content::provenance("spiffe://polisen.se/svc/farsta", None)),
    ]
}

/// A cell, which shows a small count as a band.
pub(crate) fn cell() -> Vec<Part> {
    let place =
        Place { place: None, sub_area: Some("farsta-strand"), area: "farsta", coordinates: None };
    let band = Treatment { profile: "demo-1", method: "suppress", parameters: &[], bound: Some(3) };
    let held = |group, variant, value| part(ObjectKind::Cell, group, variant, value);
    vec![
        held(Group::Identity, Variant::Exact, identity().cell().unwrap()),
        held(Group::Place, Variant::Exact, place.exact().unwrap()),
        held(Group::Time, Variant::Exact, content::time(PERIOD.0, PERIOD.1)),
        held(Group::Counts, Variant::Exact, content::counts(Some(2), Some("reports")).unwrap()),
        held(
            Group::Counts,
            Variant::First,
            content::counts_band(1, 5, Some("reports"), &band).unwrap(),
        ),
        held(Group::Assessment, Variant::Exact, content::absent()),
        held(Group::Text, Variant::Exact, content::absent()),
        held(Group::Provenance, Variant::Exact, content::absent()),
    ]
}

/// A point of a series: how many in the period, with a note on the counting.
pub(crate) fn point() -> Vec<Part> {
    let place =
        Place { place: None, sub_area: Some("farsta-strand"), area: "farsta", coordinates: None };
    let counted = |group, variant, value| part(ObjectKind::Series, group, variant, value);
    let mut parts = vec![
        counted(Group::Identity, Variant::Exact, identity().series().unwrap()),
        counted(Group::Counts, Variant::Exact, content::counts(Some(41), Some("reports")).unwrap()),
        counted(Group::Assessment, Variant::Exact, content::absent()),
        counted(Group::Text, Variant::Exact, content::text(Some("Räknat på inkommen dag."))),
    ];
    parts.extend(of_period(&place).map(|(group, variant, value)| counted(group, variant, value)));
    parts
}

/// An assessment of the period.
pub(crate) fn assessment() -> Vec<Part> {
    let place = Place { place: None, sub_area: None, area: "farsta", coordinates: None };
    let assessment = Assessment {
        severity: Some(4),
        trend: Some(3),
        basis: Some(2),
        reliability: Some(1),
        credibility: Some(3),
    };
    let said = |group, variant, value| part(ObjectKind::Assessment, group, variant, value);
    let mut parts = vec![
        said(Group::Identity, Variant::Exact, identity().assessment().unwrap()),
        said(Group::Counts, Variant::Exact, content::absent()),
        said(Group::Assessment, Variant::Exact, assessment.assessed().unwrap()),
        said(Group::Text, Variant::Exact, content::text(Some("Oron ökar under hösten."))),
    ];
    parts.extend(of_period(&place).map(|(group, variant, value)| said(group, variant, value)));
    parts
}

/// What a point and an assessment have in common: a registered place with its coarser forms, the
/// period, the publisher.
fn of_period(place: &Place<'_>) -> [(Group, Variant, Message); 5] {
    let coarse = Treatment { profile: "demo-1", method: "coarsen", parameters: &[], bound: None };
    let provenance = content::provenance("spiffe://stockholm.se/svc/farsta", None);
    [
        (Group::Place, Variant::Exact, place.exact().unwrap()),
        (Group::Place, Variant::First, place.sub_area(&coarse).unwrap()),
        (Group::Place, Variant::Second, place.district(&coarse).unwrap()),
        (Group::Time, Variant::Exact, content::time(PERIOD.0, PERIOD.1)),
        (Group::Provenance, Variant::Exact, provenance),
    ]
}

fn decision(candidates: &[ObjectId]) -> Vec<Part> {
    let decision = Decision {
        area: "farsta",
        period: "2025-W40",
        geography: 2,
        geography_id: "farsta-strand",
        category: "disorder.noise",
        labels: labels(),
        field: "severity",
        outcome: Some(3),
        candidates,
        decided_by: &["lpo-farsta", "farsta"],
        dissent: false,
    };
    let decided = |group, value| part(ObjectKind::Decision, group, Variant::Exact, value);
    let mut parts = vec![
        decided(Group::Identity, decision.identity().unwrap()),
        decided(Group::Assessment, decision.outcome().unwrap()),
        decided(Group::Text, content::text(Some("Efter samråd den 2 oktober."))),
    ];
    let rest = [Group::Place, Group::Time, Group::Counts, Group::Provenance];
    parts.extend(rest.map(|group| decided(group, content::absent())));
    parts
}

fn analysis() -> Vec<Part> {
    let identity = AnalysisIdentity { area: "farsta", period: "2025-W40", labels: labels() };
    let said = |group, value| part(ObjectKind::Analysis, group, Variant::Exact, value);
    let mut parts = vec![
        said(Group::Identity, identity.value().unwrap()),
        said(Group::Text, content::text(Some("Oron vid torget ökar på kvällarna."))),
    ];
    let rest = [Group::Place, Group::Time, Group::Counts, Group::Assessment, Group::Provenance];
    parts.extend(rest.map(|group| said(group, content::absent())));
    parts
}

fn object(id: ObjectId, parts: Vec<Part>) -> Object {
    let salt = RoundSalt::new(ROUND_SALT);
    let mut leaves = BTreeMap::new();
    for part in &parts {
        let position = Position::new(part.group, part.variant);
        let coordinates = position == Position::new(Group::Place, Variant::Exact)
            && part.value.fields().any(|(number, _)| number == 4);
        let leaf_salt = if part.group == Group::Text || coordinates {
            salt.sealed(&UNIT_KEY, id, position)
        } else {
            salt.clear(id, position)
        };
        leaves.insert(position, Leaf::commit(id, position, part.value.clone(), leaf_salt).unwrap());
    }
    let hashes = leaves.iter().map(|(position, leaf)| (*position, leaf.hash())).collect();
    Object { id, parts, leaves, tree: ObjectTree::build(&salt, id, &hashes) }
}

/// The objects of the edition: a full and a bare observation, a decision, the analysis.
pub(crate) fn objects() -> [Object; 4] {
    let key = ReferenceKey::new(REFERENCE_KEY);
    let id = |kind, owner, external| key.object_id(kind, owner, "farsta", external).unwrap();
    let full = id(ObjectKind::Observation, "farsta", "2025-0001");
    let bare = id(ObjectKind::Observation, "lpo-farsta", "A-17");
    let settled = id(ObjectKind::Decision, "", "farsta-strand/disorder.noise/severity/1");
    let said = id(ObjectKind::Analysis, "", EDITION);
    [
        object(full, full_observation()),
        object(bare, bare_observation()),
        object(settled, decision(&[full, bare])),
        object(said, analysis()),
    ]
}

pub(crate) fn tree() -> Tree {
    let roots = objects().iter().map(|object| (object.id, object.tree.root())).collect();
    Tree::build(Depth::try_from(4).unwrap(), &RoundSalt::new(ROUND_SALT), roots).unwrap()
}

/// What a partner is shown: of the full observation its place as a sub-area and its counts as a
/// band, without text; all of the bare one; what was decided, without the reason; the analysis.
pub(crate) fn shown() -> Vec<(Object, Vec<u8>)> {
    let positions =
        [vec![0, 5, 8, 13, 16, 24], (0..7).map(|g| g << 2).collect(), vec![0, 16], vec![0, 20]];
    objects().into_iter().zip(positions).collect()
}

pub(crate) fn openings(object: &Object, positions: &[u8]) -> Vec<Opening> {
    let leaf = |at: &u8| object.leaves[&Position::try_from(*at).unwrap()].clone();
    positions.iter().map(leaf).map(|leaf| Opening::of(leaf).unwrap()).collect()
}

pub(crate) fn proven() -> BTreeMap<Slot, ProvenObject> {
    let tree = tree();
    let prove = |(object, positions): (Object, Vec<u8>)| {
        ProvenObject::prove(&tree, &object.tree, openings(&object, &positions)).unwrap()
    };
    shown().into_iter().map(prove).collect()
}

pub(crate) fn public(seed: &[u8; 32]) -> PublicKey {
    PublicKey::Ed25519(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

pub(crate) fn sign(payload_type: PayloadType, payload: Vec<u8>, seeds: &[[u8; 32]]) -> Envelope {
    let message = pre_authentication(payload_type, &payload);
    let signature = |seed: &[u8; 32]| {
        let signature = SigningKey::from_bytes(seed).sign(&message).to_bytes();
        (public(seed).id(), Signature(signature))
    };
    Envelope { payload_type, payload, signatures: seeds.iter().map(signature).collect() }
}

pub(crate) fn descriptor() -> Descriptor {
    let function = |party: &str, role: &str| Function { party: party.into(), role: role.into() };
    let operative = Track::from([
        (function("farsta", "coordinator"), public(&COORDINATOR_SEED)),
        (function("lpo-farsta", "kommunpolis"), public(&KOMMUNPOLIS_SEED)),
    ]);
    Descriptor {
        domain: "stockholm.se".into(),
        agreement: "farsta-2024".into(),
        valid_from: 1_704_063_600_000_000,
        depth: Depth::try_from(4).unwrap(),
        profile: Digest([0x77; 32]),
        merge_version: 1,
        tracks: BTreeMap::from([("operative".into(), operative)]),
        release_key: public(&RELEASE_SEED),
    }
}

pub(crate) fn basis() -> Basis {
    let picture = |party: &str, version| ((party.to_owned(), "farsta".to_owned()), version);
    Basis {
        pictures: BTreeMap::from([picture("farsta", 12), picture("lpo-farsta", 9)]),
        decisions: BTreeSet::from([objects()[2].id]),
        revision: 41,
    }
}

/// The endorsements with the seed that signs each.
pub(crate) fn endorsements() -> [(Endorsement, [u8; 32]); 2] {
    let answer = |party: &str, role: &str, verdict, text| Endorsement {
        domain: "stockholm.se".into(),
        agreement: "farsta-2024".into(),
        descriptor: descriptor().digest().unwrap(),
        area: "farsta".into(),
        edition: EDITION.into(),
        round: 2,
        track: "operative".into(),
        from: PERIOD.0,
        to: PERIOD.1,
        content_root: tree().root(),
        basis: basis().commitment(&Salt::new(BASIS_SALT)).unwrap(),
        party: party.into(),
        role: role.into(),
        verdict,
        reservation: reservation_commitment(&Salt::new(RESERVATION_SALT), text).unwrap(),
    };
    [
        (answer("farsta", "coordinator", Verdict::Endorse, ""), COORDINATOR_SEED),
        (answer("lpo-farsta", "kommunpolis", Verdict::Reserve, RESERVATION), KOMMUNPOLIS_SEED),
    ]
}

pub(crate) fn manifest() -> Manifest {
    Manifest {
        edition: EDITION.into(),
        round: 2,
        content_root: tree().root(),
        class: Digest([0x88; 32]),
        sequence: 5,
        opened: proven().iter().map(|(slot, object)| (*slot, object.mask())).collect(),
    }
}

pub(crate) fn proof() -> PartnerProof {
    let endorse = |(answer, seed): (Endorsement, [u8; 32])| {
        sign(PayloadType::Endorsement, answer.encode().unwrap(), &[seed])
    };
    let signers = [COORDINATOR_SEED, KOMMUNPOLIS_SEED];
    PartnerProof {
        descriptor: sign(PayloadType::Descriptor, descriptor().encode().unwrap(), &signers),
        endorsements: endorsements().into_iter().map(endorse).collect(),
        manifest: sign(PayloadType::ReleaseManifest, manifest().encode().unwrap(), &[RELEASE_SEED]),
        objects: proven(),
    }
}
