//! What is said about material that does not hold.

use super::*;

fn message(anchors: Vec<Anchor>) -> String {
    Anchors::load(anchors, &Arc::new(provider())).unwrap_err().to_string()
}

fn own(edit: impl FnOnce(&mut String, &mut String, &mut Option<String>)) -> String {
    let mut anchor = Authority::new("norrmalm").own("norrmalm");
    let Anchor::Own { trust_domain, bundle_pem, crl_pem, .. } = &mut anchor else {
        panic!("an own anchor")
    };
    edit(trust_domain, bundle_pem, crl_pem);
    message(vec![anchor])
}

#[test]
fn each_message_names_the_part_and_the_mend() {
    let named = |text: &str, words: &[&str]| {
        for word in words {
            assert!(text.contains(word), "`{word}` in: {text}");
        }
    };
    named(&message(vec![]), &["trust anchor", "add"]);
    named(&own(|domain, _, _| domain.push('/')), &["norrmalm.example/", "lower-case"]);
    named(&own(|_, bundle, _| bundle.clear()), &["bundle", "norrmalm.example", "empty"]);
    let torn = |text: &mut String| text.truncate(100);
    named(&own(|_, bundle, _| torn(bundle)), &["bundle", "norrmalm.example", "PEM"]);
    named(&own(|_, _, crl| crl.as_mut().unwrap().clear()), &["revocation list", "empty"]);
    named(&own(|_, _, crl| torn(crl.as_mut().unwrap())), &["revocation list", "PEM"]);
    let wrong = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
    named(&own(|_, _, crl| *crl = Some(wrong.to_owned())), &["revocation list", "fetch"]);
}

#[test]
fn a_leaf_in_a_bundle_is_refused() {
    let authority = Authority::new("norrmalm");
    let leaf = pem(&authority.client("spiffe://norrmalm.example/svc/x")).chain_pem;
    let text = own(|_, bundle, _| bundle.push_str(&leaf));
    assert!(text.contains("no authority"), "{text}");
}

#[test]
fn t2_an_authority_in_two_organisations_anchors_is_refused() {
    let one = Authority::new("one");
    let text = message(vec![one.own("norrmalm"), one.own("police")]);
    assert!(text.contains("`norrmalm.example` and `police.example`"), "{text}");
    let text = message(vec![one.own("norrmalm"), Authority::new("two").own("norrmalm")]);
    assert!(text.contains("two anchors"), "{text}");
}

#[test]
fn rows_and_identifiers_of_a_shared_anchor_are_checked() {
    let shared = |policy: &str, orgnr: &str, service: &str| {
        message(vec![Anchor::Shared {
            name: "siths".to_owned(),
            bundle_pem: Authority::new("siths").pem,
            crl_pem: None,
            policy_oid: policy.to_owned(),
            subject_attribute: SubjectAttribute::SerialNumber,
            rows: vec![SharedRow {
                organisation: "kriminalvarden".to_owned(),
                service: service.to_owned(),
                orgnr: orgnr.to_owned(),
                key_pin: [0; 32],
            }],
        }])
    };
    assert!(shared("1.2.x", "2321000016", "a").contains("`1.2.x` in anchor `siths`"));
    assert!(shared("1.2.3", "SE2321000016-A", "a").contains("ten digits"));
    assert!(shared("1.2.3", "2321000016", "a/b").contains("`a/b`"));
}

#[test]
fn the_servers_own_certificate_is_checked() {
    let authority = Authority::new("the server's");
    let anchors = || vec![Authority::new("norrmalm").own("norrmalm")];
    let load = |server: &ServerMaterial| {
        Tls::load(server, anchors(), Limits::default()).unwrap_err().to_string()
    };
    let mut other_key = pem(&authority.server());
    other_key.key_pem = KeyPair::generate().unwrap().serialize_pem();
    assert!(load(&other_key).contains("certificate and key"));
    let mut no_key = pem(&authority.server());
    no_key.key_pem.clear();
    assert!(load(&no_key).contains("the server's key"));
    let mut no_chain = pem(&authority.server());
    no_chain.chain_pem.clear();
    assert!(load(&no_chain).contains("certificate chain is empty"));
    let uri_alone = pem(&authority.client("spiffe://norrmalm.example/node/1"));
    assert!(load(&uri_alone).contains("DNS name"));
    assert!(!format!("{uri_alone:?}").contains("PRIVATE"));
}

#[test]
fn a_limit_of_zero_is_refused() {
    let server = pem(&Authority::new("the server's").server());
    let limits = Limits { backlog_max: 0, ..Limits::default() };
    let anchors = vec![Authority::new("norrmalm").own("norrmalm")];
    let text = Tls::load(&server, anchors, limits).unwrap_err().to_string();
    assert!(text.contains("`backlog_max`"), "{text}");
}
