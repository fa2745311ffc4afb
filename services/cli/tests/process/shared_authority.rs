//! Certificates of an authority that many organisations share: no name of a service in them, a
//! policy and an organisation number in its place.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use samsyn_client::{Client, Profile, wire};
use sha2::{Digest as _, Sha256};

use crate::harness::Domain;

const SERVICE: &str = "region-stockholm/region-stockholm";
const CERTIFICATE_POLICIES: [u64; 4] = [2, 5, 29, 32];
const ORGANIZATION_IDENTIFIER: [u64; 4] = [2, 5, 4, 97];
/// The policy 1.2.752.74.8.1.
const POLICY: [u8; 12] = [0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x2a, 0x85, 0x70, 0x4a, 0x08, 0x01];

struct Shared {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

struct Card {
    pem: String,
    key: KeyPair,
}

impl Shared {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "Delad utfärdare");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    fn issue(&self, orgnr: &str) -> Card {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let number = DnType::CustomDnType(ORGANIZATION_IDENTIFIER.to_vec());
        params.distinguished_name.push(number, format!("NTRSE-{orgnr}"));
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&CERTIFICATE_POLICIES, POLICY.to_vec())];
        let key = KeyPair::generate().unwrap();
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Card { pem, key }
    }
}

impl Card {
    fn pin(&self) -> String {
        use rcgen::PublicKeyData as _;
        let pin = Sha256::digest(self.key.subject_public_key_info());
        pin.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn orgnr(domain: &Domain, organisation: &str) -> String {
    let registry = fs::read_to_string(domain.path().join("registry.toml")).unwrap();
    let registry: toml::Table = toml::from_str(&registry).unwrap();
    let rows = registry["organisations"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"].as_str() == Some(organisation)).unwrap();
    row["orgnr"].as_str().unwrap().to_owned()
}

fn let_in(domain: &Domain, shared: &Shared, card: &Card) {
    fs::write(domain.path().join("shared.pem"), &shared.pem).unwrap();
    let mut config = fs::read_to_string(domain.config()).unwrap();
    config.push_str(&format!(
        "\n[[shared_anchors]]\nname = \"delad\"\nbundle = \"shared.pem\"\n\
         policy_oid = \"1.2.752.74.8.1\"\nsubject_attribute = \"organization_identifier\"\n\
         [[shared_anchors.services]]\nid = \"{SERVICE}\"\nkey_pin = \"{}\"\n",
        card.pin()
    ));
    fs::write(domain.config(), config).unwrap();
}

async fn whoami(profile: &Profile) -> Result<String, String> {
    let client = Client::connect(profile).await.map_err(|why| format!("{why:?}"))?;
    let asked = client.access.clone().get_access(wire::GetAccessRequest::default()).await;
    asked.map(|answer| answer.into_inner().service).map_err(|status| status.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_a_shared_authority_is_the_service_that_its_key_is_bound_to() {
    let mut domain = Domain::written();
    let shared = Shared::new();
    let number = orgnr(&domain, "region-stockholm");
    let card = shared.issue(&number);
    let_in(&domain, &shared, &card);
    domain.start();
    // Waits until the process serves.
    drop(domain.client("region-stockholm").await);
    let with = |card: &Card| {
        let mut profile = domain.profile("region-stockholm");
        profile.certificate_pem.clone_from(&card.pem);
        profile.key_pem = card.key.serialize_pem();
        profile
    };
    assert_eq!(whoami(&with(&card)).await.unwrap(), SERVICE);
    let same_number_other_key = whoami(&with(&shared.issue(&number))).await;
    assert!(same_number_other_key.is_err(), "a key that nobody registered came in");
}
