//! Which certificate is who, and which is nobody.

use rcgen::CustomExtension;
use rustls::pki_types::UnixTime;

use super::{super::reason::Reason, *};

const POLICY: &str = "1.2.752.74.8.1";
const POLICY_DER: [u8; 12] =
    [0x30, 0x0a, 0x30, 0x08, 0x06, 0x06, 0x2a, 0x85, 0x70, 0x4a, 0x08, 0x01];
const ANY_POLICY_DER: [u8; 10] = [0x30, 0x08, 0x30, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x20, 0x00];

fn judge(anchors: Vec<Anchor>, card: &Card) -> Result<Peer, Reason> {
    let anchors = Anchors::load(anchors, &Arc::new(provider())).unwrap();
    let verifier = Verifier::new(Arc::new(anchors), provider().signature_verification_algorithms);
    let (leaf, intermediates) = card.chain.split_first().unwrap();
    let answer = rustls::server::danger::ClientCertVerifier::verify_client_cert(
        &verifier,
        leaf,
        intermediates,
        UnixTime::now(),
    );
    let outcome = verifier.outcome().unwrap();
    assert_eq!(answer.is_ok(), outcome.is_ok());
    outcome.map(|verified| verified.peer().clone())
}

/// An own anchor of `norrmalm`, and a certificate edited from a good one of it.
fn own(edit: impl FnOnce(&mut CertificateParams)) -> Result<Peer, Reason> {
    let authority = Authority::new("norrmalm");
    let card = authority.issue(|params| {
        params.subject_alt_names = vec![uri_name("spiffe://norrmalm.example/svc/lagesbild")];
        edit(params);
    });
    judge(vec![authority.own("norrmalm")], &card)
}

#[test]
fn a_certificate_of_the_own_authority_is_its_service() {
    let peer = own(|_| {}).unwrap();
    assert_eq!(peer.organisation(), "norrmalm");
    assert_eq!(peer.service(), "lagesbild");
    assert_eq!(peer.serial(), "abcdef");
    assert_eq!(peer.issuer().len(), 64);
    let until = date_time_ymd(4096, 1, 1).unix_timestamp() * 1_000_000;
    assert_eq!(peer.not_after(), until);
}

#[test]
fn dns_names_beside_the_service_name_are_harmless() {
    let peer = own(|params| {
        params.subject_alt_names.push(SanType::DnsName("police.example".try_into().unwrap()));
        params.distinguished_name.push(DnType::CommonName, "spiffe://police.example/svc/x");
    });
    assert_eq!(peer.unwrap().organisation(), "norrmalm");
}

#[test]
fn t2_a_name_of_another_organisation_is_refused() {
    let (city, police) = (Authority::new("norrmalm"), Authority::new("police"));
    let anchors = vec![city.own("norrmalm"), police.own("police")];
    let forged = city.client("spiffe://police.example/svc/lagesbild");
    assert_eq!(judge(anchors, &forged), Err(Reason::UnknownIssuer));
}

#[test]
fn t2_an_authority_of_the_same_name_is_refused() {
    let (real, namesake) = (Authority::new("norrmalm"), Authority::new("norrmalm"));
    let forged = namesake.client("spiffe://norrmalm.example/svc/lagesbild");
    assert_eq!(judge(vec![real.own("norrmalm")], &forged), Err(Reason::UnknownIssuer));
}

#[test]
fn row34_two_uri_names_are_refused() {
    let second = own(|params| {
        params.subject_alt_names.push(uri_name("spiffe://norrmalm.example/svc/other"));
    });
    assert_eq!(second, Err(Reason::SeveralNames));
    let web = own(|params| params.subject_alt_names.push(uri_name("https://norrmalm.example")));
    assert_eq!(web, Err(Reason::SeveralNames));
}

#[test]
fn row34_a_wrong_trust_domain_is_refused() {
    let name = |uri: &'static str| own(move |p| p.subject_alt_names = vec![uri_name(uri)]);
    let unknown = name("spiffe://ostermalm.example/svc/lagesbild");
    assert_eq!(unknown, Err(Reason::UnknownTrustDomain));
    let below = name("spiffe://x.norrmalm.example/svc/lagesbild");
    assert_eq!(below, Err(Reason::UnknownTrustDomain));
    let upper = name("spiffe://Norrmalm.example/svc/lagesbild");
    assert_eq!(upper, Err(Reason::NotServiceName));
    let node = name("spiffe://norrmalm.example/node/1");
    assert_eq!(node, Err(Reason::NotServiceName));
}

#[test]
fn row34_an_authority_as_leaf_is_refused() {
    let flag = own(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(flag, Err(Reason::AuthorityAsLeaf));
    let signing = own(|params| params.key_usages.push(KeyUsagePurpose::KeyCertSign));
    assert_eq!(signing, Err(Reason::AuthorityAsLeaf));
}

#[test]
fn a_leaf_that_may_not_sign_or_is_for_servers_is_refused() {
    assert_eq!(own(|params| params.key_usages.clear()), Err(Reason::KeyUse));
    let server = own(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(server, Err(Reason::Purpose));
}

#[test]
fn a_leaf_outside_its_period_is_refused() {
    let past = own(|params| params.not_after = date_time_ymd(2020, 1, 1));
    assert_eq!(past, Err(Reason::Expired));
    let future = own(|params| params.not_before = date_time_ymd(2999, 1, 1));
    assert_eq!(future, Err(Reason::Expired));
}

#[test]
fn a_leaf_without_any_name_is_refused() {
    assert_eq!(own(|params| params.subject_alt_names.clear()), Err(Reason::NoRow));
}

#[test]
fn row34_a_revoked_certificate_is_refused() {
    let authority = Authority::new("norrmalm");
    let card = authority.client("spiffe://norrmalm.example/svc/lagesbild");
    let with = |list: String| {
        let mut anchor = authority.own("norrmalm");
        let Anchor::Own { crl_pem, .. } = &mut anchor else { panic!("an own anchor") };
        *crl_pem = Some(list);
        judge(vec![anchor], &card)
    };
    assert!(with(authority.crl(&[SERIAL + 1], 2999)).is_ok());
    assert_eq!(with(authority.crl(&[SERIAL], 2999)), Err(Reason::Revoked));
    assert_eq!(with(authority.crl(&[], 2024)), Err(Reason::RevocationListExpired));
    let stranger = Authority::new("stranger");
    assert_eq!(with(stranger.crl(&[], 2999)), Err(Reason::RevocationUnknown));
}

#[test]
fn a_chain_of_four_is_verified_and_one_of_five_is_not_read() {
    let root = Authority::new("root");
    let mut anchor = root.own("norrmalm");
    let Anchor::Own { crl_pem, .. } = &mut anchor else { panic!("an own anchor") };
    *crl_pem = None;
    let mut above = root;
    let mut chain = Vec::new();
    for depth in 1..=4 {
        let params = authority_params(&format!("level {depth}"));
        let key = KeyPair::generate().unwrap();
        chain.insert(0, params.signed_by(&key, &above.issuer).unwrap().into());
        above = Authority { issuer: Issuer::new(params, key), pem: String::new() };
        let mut card = above.client("spiffe://norrmalm.example/svc/lagesbild");
        card.chain.extend(chain.clone());
        let peer = judge(vec![anchor.clone()], &card);
        match depth {
            4 => assert_eq!(peer, Err(Reason::ChainTooLarge)),
            _ => assert_eq!(peer.unwrap().service(), "lagesbild"),
        }
    }
}

#[test]
fn a_chain_of_too_many_bytes_is_not_read() {
    let large = own(|params| {
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 2, 3], vec![0; 16 * 1024])];
    });
    assert_eq!(large, Err(Reason::ChainTooLarge));
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let authority = Authority::new("norrmalm");
    let good = authority.client("spiffe://norrmalm.example/svc/lagesbild");
    let broken = |der: Vec<u8>| {
        let mut card = authority.client("spiffe://norrmalm.example/svc/lagesbild");
        card.chain = vec![der.into()];
        judge(vec![authority.own("norrmalm")], &card)
    };
    assert_eq!(broken(Vec::new()), Err(Reason::Malformed));
    assert_eq!(broken(good.leaf()[..100].to_vec()), Err(Reason::Malformed));
    assert_eq!(broken([&good.leaf()[..], b"x"].concat()), Err(Reason::Malformed));
}

/// A shared anchor, and a certificate edited from one that its row fits.
struct Common {
    authority: Authority,
    card: Card,
}

impl Common {
    fn new(edit: impl FnOnce(&mut CertificateParams)) -> Self {
        let authority = Authority::new("shared");
        let card = authority.issue(|params| {
            let number = DnType::CustomDnType(vec![2, 5, 4, 97]);
            params.distinguished_name.push(number, "NTRSE-232100-0016");
            params.subject_alt_names = vec![SanType::DnsName("kvv.example".try_into().unwrap())];
            policy(params, &POLICY_DER);
            edit(params);
        });
        Self { authority, card }
    }

    fn row(&self) -> SharedRow {
        SharedRow {
            organisation: "kriminalvarden".to_owned(),
            service: "mottagare".to_owned(),
            orgnr: "232100-0016".to_owned(),
            key_pin: self.card.pin(),
        }
    }

    fn anchor(&self, rows: Vec<SharedRow>) -> Anchor {
        Anchor::Shared {
            name: "siths".to_owned(),
            bundle_pem: self.authority.pem.clone(),
            crl_pem: Some(self.authority.crl(&[], 2999)),
            policy_oid: POLICY.to_owned(),
            subject_attribute: SubjectAttribute::OrganizationIdentifier,
            rows,
        }
    }

    fn judge(&self, rows: Vec<SharedRow>) -> Result<Peer, Reason> {
        judge(vec![self.anchor(rows)], &self.card)
    }
}

fn policy(params: &mut CertificateParams, der: &[u8]) {
    let extension = CustomExtension::from_oid_content(&[2, 5, 29, 32], der.to_vec());
    params.custom_extensions = vec![extension];
}

#[test]
fn a_shared_certificate_is_who_its_row_says() {
    let common = Common::new(|_| {});
    let peer = common.judge(vec![common.row()]).unwrap();
    assert_eq!(peer.organisation(), "kriminalvarden");
    assert_eq!(peer.service(), "mottagare");
}

#[test]
fn a_shared_certificate_needs_policy_number_and_key() {
    let common = Common::new(|_| {});
    let row = common.row();
    let other_key = SharedRow { key_pin: [0; 32], ..row.clone() };
    assert_eq!(common.judge(vec![other_key]), Err(Reason::NoRow));
    let other_number = SharedRow { orgnr: "2321000024".to_owned(), ..row };
    assert_eq!(common.judge(vec![other_number]), Err(Reason::NoRow));
    assert_eq!(common.judge(vec![]), Err(Reason::NoRow));
    let any_policy = Common::new(|params| policy(params, &ANY_POLICY_DER));
    assert_eq!(any_policy.judge(vec![any_policy.row()]), Err(Reason::NoRow));
    let no_policy = Common::new(|params| params.custom_extensions.clear());
    assert_eq!(no_policy.judge(vec![no_policy.row()]), Err(Reason::NoRow));
    let by_name = Common::new(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "2321000016");
    });
    assert_eq!(by_name.judge(vec![by_name.row()]), Err(Reason::NoRow));
}

#[test]
fn two_rows_that_fit_are_refused() {
    let common = Common::new(|_| {});
    let (first, mut second) = (common.row(), common.row());
    second.service = "other".to_owned();
    assert_eq!(common.judge(vec![first.clone(), second.clone()]), Err(Reason::SeveralRows));
    let anchors = vec![common.anchor(vec![first]), common.anchor(vec![second])];
    assert_eq!(judge(anchors, &common.card), Err(Reason::SeveralRows));
}

#[test]
fn a_shared_anchor_does_not_vouch_for_a_service_name() {
    let uri = "spiffe://norrmalm.example/svc/lagesbild";
    let common = Common::new(|params| params.subject_alt_names.push(uri_name(uri)));
    assert_eq!(common.judge(vec![common.row()]), Err(Reason::UnknownTrustDomain));
    let own = Authority::new("norrmalm");
    let anchors = vec![own.own("norrmalm"), common.anchor(vec![common.row()])];
    assert_eq!(judge(anchors, &common.card), Err(Reason::UnknownIssuer));
}

#[test]
fn an_own_anchor_does_not_vouch_for_an_organisation_number() {
    let own = Authority::new("norrmalm");
    let common = Common::new(|_| {});
    let forged = own.issue(|params| {
        let number = DnType::CustomDnType(vec![2, 5, 4, 97]);
        params.distinguished_name.push(number, "2321000016");
        policy(params, &POLICY_DER);
    });
    let row = SharedRow { key_pin: forged.pin(), ..common.row() };
    assert_eq!(judge(vec![own.own("norrmalm")], &forged), Err(Reason::NoRow));
    let anchors = vec![own.own("norrmalm"), common.anchor(vec![row])];
    assert_eq!(judge(anchors, &forged), Err(Reason::UnknownIssuer));
}

#[test]
fn the_attribute_of_the_number_is_configured() {
    let common = Common::new(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        let serial = DnType::CustomDnType(vec![2, 5, 4, 5]);
        params.distinguished_name.push(serial, "SE2321000016-1A2B");
    });
    let with = |attribute: SubjectAttribute| {
        let mut anchor = common.anchor(vec![common.row()]);
        let Anchor::Shared { subject_attribute, .. } = &mut anchor else {
            panic!("a shared anchor")
        };
        *subject_attribute = attribute;
        judge(vec![anchor], &common.card)
    };
    assert!(with(SubjectAttribute::SerialNumber).is_ok());
    assert!(with(SubjectAttribute::Oid("2.5.4.5".to_owned())).is_ok());
    assert_eq!(with(SubjectAttribute::OrganizationIdentifier), Err(Reason::NoRow));
}
