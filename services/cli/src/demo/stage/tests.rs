//! The stage holds together before any gateway sees it.

use std::{collections::BTreeSet, fs, net::SocketAddr};

use ed25519_dalek::{Signature, VerifyingKey};
use samsyn_domain::{
    commit::{
        descriptor::Descriptor,
        dsse::{Envelope, PayloadType, pre_authentication},
    },
    registry::{Document, EndorsementKey, Role},
};

use super::{pointer::Pointer, *};

fn stage() -> Stage {
    let clients: SocketAddr = "127.0.0.1:7443".parse().unwrap();
    Stage::build(
        &[NodeAt { clients, nodes: clients }],
        Timestamp::from_micros(1_760_000_000_000_000),
    )
    .unwrap()
}

fn public_key(key: &EndorsementKey) -> [u8; 32] {
    hex::decode(&key.public_key).unwrap().try_into().unwrap()
}

#[test]
fn every_descriptor_is_signed_by_exactly_those_whom_it_names() {
    let stage = stage();
    let document = stage.document();
    assert_eq!(document.descriptors.len(), document.agreements.len());
    for (signed, agreement) in document.descriptors.iter().zip(&document.agreements) {
        assert_eq!(signed.agreement, agreement.id);
        let envelope = Envelope::decode(&hex::decode(&signed.envelope).unwrap()).unwrap();
        let descriptor = Descriptor::decode(&envelope.payload).unwrap();
        let bytes = pre_authentication(PayloadType::Descriptor, &envelope.payload);
        let signers = descriptor.signers();
        assert_eq!(envelope.signatures.len(), signers.len());
        for signer in signers {
            let key = VerifyingKey::from_bytes(signer.as_bytes().try_into().unwrap()).unwrap();
            let signature = Signature::from_bytes(&envelope.signatures[&signer.id()].0);
            key.verify_strict(&bytes, &signature).unwrap();
        }
        let required: usize = agreement.tracks.values().map(Vec::len).sum();
        let named: usize = descriptor.tracks.values().map(BTreeMap::len).sum();
        assert_eq!(named, required);
        assert_eq!(stage.descriptors[&agreement.id], descriptor.digest().unwrap());
    }
}

#[test]
fn the_release_key_of_the_descriptors_is_that_of_the_key_file() {
    let stage = stage();
    let file = fs::read_to_string(stage.dir().join("data/keys.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let seed: [u8; 32] =
        hex::decode(file["release"].as_str().unwrap()).unwrap().try_into().unwrap();
    let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
    for signed in &stage.document().descriptors {
        let envelope = Envelope::decode(&hex::decode(&signed.envelope).unwrap()).unwrap();
        let descriptor = Descriptor::decode(&envelope.payload).unwrap();
        assert_eq!(descriptor.release_key.as_bytes(), public);
    }
}

#[test]
fn every_service_has_a_profile_of_its_own_with_the_endorsement_keys_of_its_functions() {
    let stage = stage();
    let named = profiles::named(stage.document());
    let names: BTreeSet<_> = named.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(names.len(), stage.document().services.len());
    for expected in ["sdf-skarholmen", "lpo-skarholmen", "region-stockholm", "registrar", "auditor"]
    {
        assert!(names.contains(expected), "{expected}");
    }
    let mut certificates = BTreeSet::new();
    for (name, service) in named {
        let profile = stage.profile(&name).unwrap();
        assert!(certificates.insert(profile.certificate_pem.clone()), "{name}");
        assert_eq!(profile.endpoint, "https://127.0.0.1:7443");
        let registrar = profile.registry_key.map(|seed| {
            let public = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes();
            hex::encode(public)
        });
        let mut keys = stage.document().registry_keys.iter();
        let own = keys.find(|key| key.organisation == service.organisation);
        let own = own.filter(|_| service.roles.contains(&Role::Registrar));
        assert_eq!(registrar, own.map(|key| key.public_key.clone()), "{name}");
        let party = service.parties.first();
        let Some(party) = party else {
            assert!(profile.endorsement_keys.is_empty());
            continue;
        };
        let registered = stage.document().endorsement_keys.iter();
        let registered = registered
            .filter(|key| key.party == *party && service.roles.contains(&key.role))
            .map(|key| (key.role, public_key(key)));
        let held = profile.endorsement_keys.iter().map(|(role, key)| {
            (*role, ed25519_dalek::SigningKey::from_bytes(key).verifying_key().to_bytes())
        });
        let held: BTreeMap<_, _> = held.collect();
        assert_eq!(held, registered.collect());
        assert!(held.contains_key(&Role::Endorser), "{name}");
    }
}

#[test]
fn partners_read_on_a_ground_that_one_of_their_rows_has() {
    let stage = stage();
    for row in &stage.document().release_rows {
        let profile = stage.profile(row.receiver.as_str()).unwrap();
        assert!(row.purposes.iter().any(|p| p.as_str() == profile.purpose), "{}", row.id);
        let basis = row.legal_bases.iter().find(|b| b.as_str() == profile.legal_basis).unwrap();
        assert!(!stage.document().lists.legal_basis(basis).unwrap().needs_weighing, "{}", row.id);
    }
}

#[test]
fn the_written_registry_is_the_one_that_was_built() {
    let stage = stage();
    let text = fs::read_to_string(stage.dir().join("registry.toml")).unwrap();
    let read: Document = toml::from_str(&text).unwrap();
    assert_eq!(read, *stage.document());
    assert_eq!(Registry::build(&read).unwrap(), *stage.registry());
}

#[test]
fn the_pointer_goes_with_the_demo_but_not_when_it_is_a_later_ones() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pointer");
    let first = Pointer::at(file.clone(), Path::new("/first")).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "/first\n");
    let second = Pointer::at(file.clone(), Path::new("/second")).unwrap();
    drop(first);
    assert_eq!(fs::read_to_string(&file).unwrap(), "/second\n");
    drop(second);
    assert!(!file.exists());
}

#[test]
fn keys_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = stage();
    for file in [
        "data/keys.json",
        "tls/server.key",
        "profiles/registrar/client.key",
        "profiles/registrar/registry.key",
    ] {
        let mode = fs::metadata(stage.dir().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

#[test]
fn nothing_is_left_when_the_stage_is_removed() {
    let stage = stage();
    let dir = stage.dir().to_owned();
    stage.remove().unwrap();
    assert!(!dir.exists());
}
