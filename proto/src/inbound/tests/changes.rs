//! Changes of the registry: what must stand in them, in which form.

use crate::{
    Reason,
    admin::v1,
    inbound::{
        ApproveChangeAsked, Fault, PreviewChangeAsked, ProposeChangeAsked, WithdrawChangeAsked,
        fixture,
    },
};

const GROUP: &str = r#"{"id":"g","members":["a"],"name":"G"}"#;

fn put(id: &str, json: &str) -> v1::RegistryOperation {
    let (table, id) = ("groups".to_owned(), id.to_owned());
    v1::RegistryOperation { table, id, json: Some(json.to_owned()) }
}

pub(super) fn propose() -> v1::ProposeRegistryChangeRequest {
    v1::ProposeRegistryChangeRequest {
        context: Some(fixture::write_context()),
        against: Some(v1::RegistryBase { epoch: 1, digest: vec![1; 32] }),
        operations: vec![put("g", GROUP)],
        signature: Some(signature()),
        reason: "Nytt avtal.".to_owned(),
    }
}

pub(super) fn approve() -> v1::ApproveRegistryChangeRequest {
    v1::ApproveRegistryChangeRequest {
        context: Some(fixture::write_context()),
        proposal: 7,
        signature: Some(signature()),
    }
}

pub(super) fn withdraw() -> v1::WithdrawRegistryChangeRequest {
    v1::WithdrawRegistryChangeRequest { context: Some(fixture::write_context()), proposal: 7 }
}

fn signature() -> v1::RegistrySignature {
    v1::RegistrySignature {
        key_id: "stad/registrar".to_owned(),
        statement: vec![2; 100],
        signature: vec![3; 64],
    }
}

fn refused(change: impl FnOnce(&mut v1::ProposeRegistryChangeRequest)) -> (Reason, String) {
    let mut request = propose();
    change(&mut request);
    let Fault { reason, field, .. } = ProposeChangeAsked::parse(request).unwrap_err();
    (reason, field)
}

#[test]
fn a_change_is_rows_in_their_written_form_and_in_order() {
    let asked = ProposeChangeAsked::parse(propose()).unwrap();
    assert_eq!(asked.change.operations().len(), 1);
    let bad = |operations: Vec<v1::RegistryOperation>| refused(|r| r.operations = operations);
    let at = |reason, field: &str| (reason, field.to_owned());
    assert_eq!(bad(vec![]), at(Reason::MissingField, "operations"));
    let removed = v1::RegistryOperation { json: None, ..put("f", "") };
    let unordered = vec![put("g", GROUP), removed.clone()];
    assert_eq!(bad(unordered), at(Reason::BadField, "operations"));
    assert!(
        ProposeChangeAsked::parse(v1::ProposeRegistryChangeRequest {
            operations: vec![removed, put("g", GROUP)],
            ..propose()
        })
        .is_ok()
    );
    assert_eq!(bad(vec![put("h", GROUP)]), at(Reason::BadField, "operations[0].id"));
    let spaced = GROUP.replace(':', ": ");
    assert_eq!(bad(vec![put("g", &spaced)]), at(Reason::BadField, "operations[0].json"));
    let table = v1::RegistryOperation { table: "persons".to_owned(), ..put("g", GROUP) };
    assert_eq!(bad(vec![table]), at(Reason::UnknownCode, "operations[0].table"));
    let many: Vec<_> = (0..501)
        .map(|n| v1::RegistryOperation { json: None, ..put(&format!("{n:04}"), "") })
        .collect();
    assert_eq!(bad(many), at(Reason::TooLarge, "operations"));
}

#[test]
fn base_signature_and_proposal_are_always_there() {
    let at = |reason, field: &str| (reason, field.to_owned());
    assert_eq!(refused(|r| r.against = None), at(Reason::MissingField, "against"));
    let short = |r: &mut v1::ProposeRegistryChangeRequest| {
        r.against.as_mut().unwrap().digest.pop();
    };
    assert_eq!(refused(short), at(Reason::BadField, "against.digest"));
    assert_eq!(refused(|r| r.signature = None), at(Reason::MissingField, "signature"));
    let signature = |change: fn(&mut v1::RegistrySignature)| {
        refused(|request| change(request.signature.as_mut().unwrap()))
    };
    let short = signature(|s| s.signature.truncate(63));
    assert_eq!(short, at(Reason::BadSignature, "signature.signature"));
    let key = signature(|s| s.key_id = "Nyckel".to_owned());
    assert_eq!(key, at(Reason::KeyUnknown, "signature.key_id"));
    let long = signature(|s| s.statement = vec![0; 1_025]);
    assert_eq!(long, at(Reason::FieldTooLong, "signature.statement"));
    let nothing =
        ApproveChangeAsked::parse(v1::ApproveRegistryChangeRequest { proposal: 0, ..approve() });
    assert_eq!(nothing.unwrap_err().field, "proposal");
    assert!(WithdrawChangeAsked::parse(withdraw()).is_ok());
    let preview = v1::PreviewRegistryChangeRequest {
        against: propose().against,
        operations: propose().operations,
    };
    assert!(PreviewChangeAsked::parse(preview).is_ok());
}
