//! Publications that a party signs with a key of its own.

use ed25519_dalek::pkcs8::{EncodePrivateKey as _, spki::der::pem::LineEnding};
use samsyn_client::{
    Client, PublisherKey, Refused,
    verify::{self, ObjectKind},
    wire,
};
use samsyn_tests::observed;

use crate::{
    endorsed::{lock, open, reviewed},
    harness::{AREA, Domain, PARTY, observation},
};

const POLICE: &str = "lpo-skarholmen";

/// The key of P-256 that the demo gave the party.
fn p256(domain: &Domain) -> PublisherKey {
    domain.profile(PARTY).publisher_key.unwrap()
}

fn ed25519(id: &str) -> PublisherKey {
    let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]);
    PublisherKey::from_pem(id, &key.to_pkcs8_pem(LineEnding::LF).unwrap()).unwrap()
}

fn register(domain: &Domain, key: &PublisherKey) {
    let (id, public) = (key.id(), key.public());
    let row = format!(
        "[[publisher_keys]]\nid = \"{id}\"\nparty = \"{PARTY}\"\npublic_key = \"{public}\"\n"
    );
    domain.edit_registry(|text| {
        text.replacen("[[publisher_keys]]", &format!("{row}\n[[publisher_keys]]"), 1)
    });
}

fn require_manifests(domain: &Domain) {
    let party = format!("[[parties]]\nid = \"{PARTY}\"\n");
    domain.edit_registry(|text| text.replacen(&party, &format!("{party}signs = true\n"), 1));
}

async fn with_key(domain: &Domain, party: &str, key: Option<&PublisherKey>) -> Client {
    let mut profile = domain.profile(party);
    profile.publisher_key = key.cloned();
    Client::connect(&profile).await.unwrap()
}

fn delta(base_version: u64, id: &str) -> wire::PublishPictureRequest {
    let mut told = observation(id, 3);
    told.note = "Na\u{308}ra torget, i mo\u{308}rkret.".to_owned();
    told.labels.as_mut().unwrap().secrecy_provisions =
        vec!["OSL 35:1".to_owned(), "OSL 18:1".to_owned()];
    observed::delta(PARTY, base_version, vec![told])
}

async fn refused(client: &Client, request: wire::PublishPictureRequest) -> (String, String) {
    let refused = client.publish(request).await.unwrap_err();
    let reason = refused.reason.map_or_else(String::new, |reason| reason.id().to_owned());
    (reason, refused.fields.first().map(|(field, _)| field.clone()).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_party_signed_is_kept_with_its_version_and_holds_offline() {
    let mut domain = Domain::written();
    let keys = [p256(&domain), ed25519("sdf-skarholmen/ed25519")];
    register(&domain, &keys[1]);
    domain.start();
    drop(domain.client(PARTY).await);
    let mut version = 0;
    for key in keys {
        let city = with_key(&domain, PARTY, Some(&key)).await;
        let request = delta(version, key.id());
        let first = city.publish(request.clone()).await.unwrap();
        version += 1;
        assert_eq!((first.version, first.unchanged), (version, false));
        assert_eq!(city.publish(request.clone()).await.unwrap(), first, "the same is signed again");
        let asked = wire::ListVersionsRequest {
            context: Some(city.profile().read_context()),
            party: PARTY.to_owned(),
            area: AREA.to_owned(),
            page: None,
        };
        let listed = city.pictures.clone().list_versions(asked).await.unwrap().into_inner();
        let kept = listed.versions[0].manifest.clone().unwrap();
        assert_eq!(kept.key_id, key.id());
        let salt = kept.salt.as_slice().try_into().unwrap();
        let access = city.access.clone().get_access(wire::GetAccessRequest {}).await.unwrap();
        let payload = verify::publication_payload(&access.into_inner().domain, &request, &salt);
        assert_eq!(payload, Some(kept.statement), "the party makes it again from what it sent");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_signed_as_it_came_is_refused() {
    let mut domain = Domain::written();
    require_manifests(&domain);
    let key = p256(&domain);
    domain.start();
    drop(domain.client(PARTY).await);
    let unsigned = with_key(&domain, PARTY, None).await;
    let said = |reason: &str, field: &str| (reason.to_owned(), field.to_owned());
    assert_eq!(refused(&unsigned, delta(0, "A")).await, said("MANIFEST_REQUIRED", "manifest"));
    let access = unsigned.access.clone().get_access(wire::GetAccessRequest {}).await.unwrap();
    let name = access.into_inner().domain;
    let with = |manifest| wire::PublishPictureRequest { manifest: Some(manifest), ..delta(0, "A") };
    let signed = |request: &wire::PublishPictureRequest| key.manifest(&name, request).unwrap();

    let request = delta(0, "A");
    let mut other = request.clone();
    let Some(wire::publish_picture_request::Change::Delta(change)) = &mut other.change else {
        panic!("it is a delta");
    };
    change.upserts[0].severity = Some(4);
    let changed = wire::PublishPictureRequest { manifest: Some(signed(&request)), ..other };
    let expected = said("MANIFEST_MISMATCH", "manifest.statement");
    assert_eq!(refused(&unsigned, changed).await, expected, "content was changed on the way");

    let elsewhere = key.manifest("another.domain", &request).unwrap();
    assert_eq!(refused(&unsigned, with(elsewhere)).await, said("BAD_FIELD", "manifest.statement"));
    let later = signed(&delta(1, "A"));
    assert_eq!(refused(&unsigned, with(later)).await, said("BAD_FIELD", "manifest.statement"));
    let stranger = ed25519(key.id()).manifest(&name, &request).unwrap();
    assert_eq!(
        refused(&unsigned, with(stranger)).await,
        said("BAD_SIGNATURE", "manifest.signature")
    );
    let unknown = wire::SignedManifest { key_id: "nobody".to_owned(), ..signed(&request) };
    assert_eq!(refused(&unsigned, with(unknown)).await, said("KEY_UNKNOWN", "manifest.key_id"));
    let mut resalted = signed(&request);
    resalted.salt[0] ^= 1;
    assert_eq!(refused(&unsigned, with(resalted)).await, expected);
    let mut short = signed(&request);
    short.salt.truncate(31);
    assert_eq!(refused(&unsigned, with(short)).await, said("BAD_FIELD", "manifest.salt"));
    let good = wire::PublishPictureRequest { manifest: Some(signed(&request)), ..request };
    let taken = unsigned.publish(good).await.map_err(|refused: Refused| refused.to_string());
    assert_eq!(taken.map(|answer| answer.version), Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edition_names_what_was_signed_of_each_contribution() {
    let mut domain = Domain::written();
    domain.start();
    let city = domain.client(PARTY).await;
    let first = city.publish(delta(0, "A")).await.unwrap();
    let counted = observed::series("S", &[("2025-09", 4)]);
    let more = wire::PictureDelta {
        series: vec![counted],
        assessments: vec![observed::assessment("V", "2025-09", 2)],
        ..wire::PictureDelta::default()
    };
    let second = city.publish(observed::change(PARTY, 1, more)).await.unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    let unsigned = with_key(&domain, POLICE, None).await;
    let seen = observed::delta(POLICE, 0, vec![observation("B", 2)]);
    let revision = unsigned.publish(seen).await.unwrap().revision;
    let asked = wire::ListVersionsRequest {
        context: Some(city.profile().read_context()),
        party: PARTY.to_owned(),
        area: AREA.to_owned(),
        page: None,
    };
    let listed = city.pictures.clone().list_versions(asked).await.unwrap().into_inner().versions;
    let digests: Vec<_> = listed
        .iter()
        .map(|version| verify::publication_digest(&version.manifest.as_ref().unwrap().statement))
        .collect();
    let [of_second, of_first] = digests.as_slice() else { panic!("{}", digests.len()) };

    let opened = open(&city, "2025-09").await;
    let locked = lock(&city, &opened, revision, observation("any", 1).labels).await;
    let objects = reviewed(&city, &locked).await.objects;
    let told: Vec<_> = objects
        .iter()
        .filter_map(|object| Some((object.kind, object.fields.provenance.value()?.manifest)))
        .collect();
    let of = |kind| told.iter().filter(move |(one, _)| *one == kind).map(|(_, digest)| *digest);
    assert_eq!(of(ObjectKind::Series).collect::<Vec<_>>(), [Some(*of_second)]);
    assert_eq!(of(ObjectKind::Assessment).collect::<Vec<_>>(), [Some(*of_second)]);
    let mut seen: Vec<_> = of(ObjectKind::Observation).collect();
    seen.sort_unstable();
    assert_eq!(seen, [None, Some(*of_first)]);
}
