//! The vectors of publication manifests.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use ed25519_dalek::Signer as _;
use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, Coordinates, Credibility, Draft, Form, Geography,
    Kind, Labels, ObservationId, Period, PlaceId, PriorityId, PurposeId, Regime, Reliability,
    Secrecy, Secret, Severity, SourceId, SubAreaId, Timestamp, Trend,
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
        publication::{self, PublicationManifest},
    },
};
use serde_json::{Value as Json, json};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/publications.json");
const SALT: [u8; 32] = [0x5a; 32];
const STARTS: Timestamp = Timestamp::from_micros(1_759_300_000_000_001);

fn labels(full: bool) -> Labels {
    let provisions = ["OSL 35:1", "OSL 18:1"].map(Arc::from);
    Labels {
        level: Secrecy::of(if full { 2 } else { 0 }).unwrap(),
        audience: ["signatories", "polis"]
            .map(|token| Audience::parse(token).unwrap())
            .into_iter()
            .filter(|_| full)
            .collect(),
        purposes: BTreeSet::from([PurposeId::parse("joint_picture").unwrap()]),
        regime: if full { Regime::CrimeData } else { Regime::Nonpersonal },
        secrecy_provisions: provisions.into_iter().filter(|_| full).collect(),
        retain_until: STARTS.after_seconds(86_400),
        person_related: full,
        special_category: false,
        originator_control: full,
        embargo_until: full.then(|| STARTS.after_seconds(60)),
        onward_sharing: false,
    }
}

fn draft(id: &str, full: bool, geography: Geography, secret: Secret) -> Draft {
    let content = Content {
        form: Form::Observation,
        category: CategoryId::parse("graffiti").unwrap(),
        kind: Kind::ObservedDisorder,
        priority: PriorityId::parse("unsafe_places").unwrap(),
        geography,
        starts_at: STARTS,
        ends_at: STARTS.after_seconds(3_600),
        count: full.then_some(4),
        severity: Severity::of(3).filter(|_| full),
        trend: full.then_some(Trend::Up),
        basis: Basis::Assessment,
        source: SourceId::parse("rounds").ok(),
        reliability: Reliability::of("B").filter(|_| full),
        credibility: Credibility::of(2).filter(|_| full),
        labels: labels(full).into(),
    };
    Draft { id: ObservationId::parse(id).unwrap(), content, secret }
}

fn drafts() -> Vec<Draft> {
    let area = || AreaId::parse("a").unwrap();
    let sub_area = || SubAreaId::parse("a/s").ok();
    let place = || PlaceId::parse("a/s/p").ok();
    let of = |sub_area, place| Geography { area: area(), sub_area, place };
    let note = Secret { note: Some("Nära torget.".to_owned()), coordinates: None };
    let at = Coordinates { lat_e7: 592_771_000, lon_e7: -179_000_000 };
    vec![
        draft("P", true, of(sub_area(), place()), note),
        draft("A", false, of(None, None), Secret::default()),
        draft("S", false, of(sub_area(), None), Secret::default()),
        draft("C", true, of(sub_area(), place()), Secret { note: None, coordinates: Some(at) }),
    ]
}

/// A point of a series and an assessment, of October 2025.
fn of_periods() -> Vec<Draft> {
    let month: Period = "2025-10".parse().unwrap();
    let (starts_at, ends_at) = month.bounds();
    let area = AreaId::parse("a").unwrap();
    let at = Geography { area, sub_area: None, place: None };
    let seen = draft("N@2025-10", true, at, Secret::default());
    let point = Content {
        form: Form::Series,
        starts_at,
        ends_at,
        severity: None,
        trend: None,
        basis: Basis::Fact,
        reliability: None,
        credibility: None,
        ..seen.content.clone()
    };
    let assessed = Content {
        form: Form::Assessment,
        starts_at,
        ends_at,
        count: None,
        source: None,
        ..seen.content.clone()
    };
    let id = ObservationId::parse("V").unwrap();
    let secret = Secret { note: Some("Oroligare kvällar.".to_owned()), coordinates: None };
    vec![Draft { content: point, ..seen }, Draft { id, content: assessed, secret }]
}

/// What the party sent, with the names of the form.
fn told(draft: &Draft) -> Json {
    let Draft { id, content, secret } = draft;
    let Labels { level, audience, purposes, .. } = content.labels.as_ref();
    let labels = &content.labels;
    let Geography { area, sub_area, place } = &content.geography;
    let at = secret.coordinates;
    let place = place.as_ref().filter(|_| at.is_none());
    let sub_area = sub_area.as_ref().filter(|_| at.is_none() && place.is_none());
    let area = Some(area).filter(|_| at.is_none() && place.is_none() && sub_area.is_none());
    json!({
        "id": id.as_str(),
        "category": content.category.as_str(),
        "place": place.map(PlaceId::as_str),
        "sub_area": sub_area.map(SubAreaId::as_str),
        "area": area.map(AreaId::as_str),
        "lat_e7": at.map(|at| at.lat_e7),
        "lon_e7": at.map(|at| at.lon_e7),
        "starts": content.starts_at.micros(),
        "ends": content.ends_at.micros(),
        "count": content.count,
        "severity": content.severity.map(Severity::grade),
        "trend": content.trend.map(Trend::number),
        "basis": content.basis.number(),
        "source_kind": content.source.as_ref().map(SourceId::as_str),
        "reliability": content.reliability.map(Reliability::number),
        "credibility": content.credibility.map(Credibility::grade),
        "note": secret.note,
        "form": match content.form {
            Form::Observation => None,
            Form::Series => Some(2),
            Form::Assessment => Some(3),
        },
        "labels": {
            "level": level.level(),
            "audience": audience.iter().map(Audience::as_str).collect::<Json>(),
            "purposes": purposes.iter().map(PurposeId::as_str).collect::<Json>(),
            "regime": labels.regime.as_str(),
            "secrecy_provisions": labels.secrecy_provisions.iter().map(AsRef::as_ref)
                .collect::<Vec<&str>>(),
            "retain_until": labels.retain_until.micros(),
            "person_related": labels.person_related,
            "special_category": labels.special_category,
            "originator_control": labels.originator_control,
            "embargo_until": labels.embargo_until.map(Timestamp::micros),
            "onward_sharing": labels.onward_sharing,
        },
    })
}

fn signatures(payload: &[u8]) -> Json {
    let signed = pre_authentication(PayloadType::PublicationManifest, payload);
    let ed25519 = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let p256 = p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap();
    let by_p256: p256::ecdsa::Signature = p256.sign(&signed);
    let by_p256 = by_p256.normalize_s().unwrap_or(by_p256);
    let point = p256.verifying_key().to_encoded_point(false);
    let keys = [
        (
            PublicKey::Ed25519(ed25519.verifying_key().to_bytes()),
            ed25519.sign(&signed).to_bytes().to_vec(),
        ),
        (PublicKey::P256(point.as_bytes().try_into().unwrap()), by_p256.to_bytes().to_vec()),
    ];
    let signature = |(key, signature): (PublicKey, Vec<u8>)| {
        json!({
            "algorithm": key.algorithm(),
            "public_key": hex::encode(key.as_bytes()),
            "key_id": key.id().to_string(),
            "signature": hex::encode(signature),
        })
    };
    keys.map(signature).into()
}

fn vector(
    drafts: &[Draft],
    withdrawn: &[&str],
    covers: Option<&str>,
    reason: Option<&str>,
) -> Json {
    let ids: Vec<_> = withdrawn.iter().map(|id| ObservationId::parse(id).unwrap()).collect();
    let manifest = PublicationManifest {
        domain: "stockholm.example".to_owned(),
        party: "sdf".to_owned(),
        area: "a".to_owned(),
        base_version: 7,
        covers: covers.map(str::to_owned),
        changes: u32::try_from(drafts.len() + ids.len()).unwrap(),
        root: publication::root(&SALT, drafts, &ids).unwrap(),
        reason: reason.map(|text| publication::reason(&SALT, text)),
    };
    let payload = manifest.encode().unwrap();
    assert_eq!(PublicationManifest::decode(&payload), Ok(manifest.clone()));
    json!({
        "domain": manifest.domain,
        "party": manifest.party,
        "area": manifest.area,
        "base_version": manifest.base_version,
        "covers": manifest.covers,
        "reason": reason,
        "salt": hex::encode(SALT),
        "observations": drafts.iter().map(told).collect::<Json>(),
        "withdrawn": withdrawn,
        "root": manifest.root.to_string(),
        "payload": hex::encode(&payload),
        "digest": PublicationManifest::digest_of(&payload).to_string(),
        "signatures": signatures(&payload),
    })
}

#[test]
fn the_published_vectors_of_manifests_are_what_this_code_makes() {
    let drafts = drafts();
    let made = json!({
        "about": "Vectors of section 15 of docs/protocol.md. Hexadecimal; null is left out.",
        "publications": [
            vector(&[], &[], Some("2025-10"), None),
            vector(&drafts[..1], &[], Some("2025-W40"), None),
            vector(&drafts[..3], &["B", "Z"], None, Some("Rättelse.")),
            vector(&drafts, &["B"], None, None),
            vector(&of_periods(), &[], Some("2025-10"), None),
        ],
    });
    if std::env::var_os("UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&made).unwrap();
        std::fs::create_dir_all(Path::new(PATH).parent().unwrap()).unwrap();
        std::fs::write(PATH, text + "\n").unwrap();
    }
    let published = std::fs::read_to_string(PATH).unwrap_or_default();
    let published: Json = serde_json::from_str(&published).unwrap_or_default();
    assert!(published == made, "the vectors differ: what was signed must stay as it is");
}

#[test]
fn any_change_of_an_observation_gives_another_root_and_the_order_none() {
    let drafts = drafts();
    let root = |drafts: &[Draft]| publication::root(&SALT, drafts, &[]).unwrap();
    let whole = root(&drafts);
    let mut turned = drafts.clone();
    turned.reverse();
    assert_eq!(root(&turned), whole);
    let changes: [fn(&mut Draft); 8] = [
        |draft| draft.content.count = Some(5),
        |draft| draft.content.severity = None,
        |draft| draft.content.ends_at = draft.content.ends_at.after_micros(1),
        |draft| draft.content.geography.place = None,
        |draft| draft.secret.note = Some("Nära torget!".to_owned()),
        |draft| draft.secret.coordinates = Some(Coordinates { lat_e7: 1, lon_e7: 1 }),
        |draft| Arc::make_mut(&mut draft.content.labels).onward_sharing = true,
        |draft| draft.id = ObservationId::parse("P2").unwrap(),
    ];
    for change in changes {
        let mut changed = drafts.clone();
        change(&mut changed[0]);
        assert_ne!(root(&changed), whole);
    }
    assert_ne!(root(&drafts[..3]), whole);
    let resalted = publication::root(&[1; 32], &drafts, &[]).unwrap();
    assert_ne!(resalted, whole);
}
