//! The one map from errors to status. The outside text says less than the log.

use std::{collections::HashMap, time::Duration};

use samsyn_domain::FeatureLevel;
use samsyn_ledger::{BadAttachment, Error, NotRaised, Rejection};
use samsyn_policy::{
    BadChangeSignature, BadManifest, Denial,
    edition::{BadAnswer, Unmade},
};
use samsyn_proto::{Reason, inbound::Fault};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

const DOMAIN: &str = "samsyn";
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A refusal with nothing but its reason, at a field where there is one.
pub(crate) fn reason(reason: Reason, field: &str) -> Status {
    status(reason, field, "", &[])
}

/// A refusal that says when to come again.
pub(crate) fn later(why: Reason, wait: Duration) -> Status {
    let mut details = details(why, "", "", None);
    details.set_retry_info(Some(wait));
    with_details(why, details)
}

/// What is wrong with a request; at most a hundred fields are named.
pub(crate) fn faults(faults: &[Fault]) -> Status {
    let errors: Vec<&Fault> = faults.iter().filter(|fault| !fault.warning).collect();
    let Some(first) = errors.first() else { return reason(Reason::BadField, "") };
    let violations: Vec<FieldViolation> = errors.iter().map(|fault| violation(fault)).collect();
    let rule = first.rule.map_or("", |rule| rule.id());
    status(first.reason, &first.field, rule, &violations)
}

/// One fault.
pub(crate) fn fault(fault: &Fault) -> Status {
    faults(std::slice::from_ref(fault))
}

fn violation(fault: &Fault) -> FieldViolation {
    let place = fault
        .characters
        .map_or_else(String::new, |(first, end)| format!("characters {first}–{end}: "));
    let rule = fault.rule.map_or_else(String::new, |rule| format!(" {}", rule.text_en()));
    let text = format!("{place}{}; {}{rule}", fault.reason.text(), fault.reason.remedy());
    FieldViolation::new(fault.field.clone(), text)
}

/// What policy denied.
pub(crate) fn denial(denial: &Denial) -> Status {
    let why = Reason::from_id(denial.why.id()).unwrap_or(Reason::PolicyUndecided);
    status(why, &denial.field, &denial.rule, &[])
}

/// What the ledger refused.
pub(crate) fn rejection(rejection: &Rejection) -> Status {
    match rejection {
        Rejection::Denied(denied) => denial(denied),
        Rejection::Refused(refusal) => {
            let why = Reason::from_id(refusal.reason.id()).unwrap_or(Reason::Internal);
            let mut status = status_with(why, &refusal.field, "", &[], Some(refusal.current));
            if refusal.current > 0 {
                let current = refusal.current;
                status.metadata_mut().insert("samsyn-current", current.into());
            }
            status
        }
        Rejection::Answer(answer) => bad_answer(answer),
        Rejection::Signature(signature) => bad_signature(*signature),
        Rejection::Manifest(manifest) => bad_manifest(*manifest),
        Rejection::Edition(edition) => bad_edition(edition),
        Rejection::CursorInvalid => reason(Reason::CursorInvalid, "cursor"),
        Rejection::CursorTooOld => reason(Reason::CursorTooOld, "cursor"),
        Rejection::NotReached { field } => reason(Reason::ReadStale, field),
        Rejection::Level(not_raised) => level_not_raised(not_raised),
        Rejection::Attachment(attachment) => bad_attachment(*attachment),
        Rejection::Failed(error) => failure(error),
    }
}

fn bad_answer(answer: &BadAnswer) -> Status {
    let why = Reason::from_id(answer.id()).unwrap_or(Reason::BadSignature);
    status(why, answer.field(), "", &[])
}

fn bad_signature(signature: BadChangeSignature) -> Status {
    let why = Reason::from_id(signature.id()).unwrap_or(Reason::BadSignature);
    status(why, signature.field(), "", &[])
}

fn bad_manifest(manifest: BadManifest) -> Status {
    let why = Reason::from_id(manifest.id()).unwrap_or(Reason::BadSignature);
    status(why, manifest.field(), "", &[])
}

fn bad_edition(edition: &Unmade) -> Status {
    let why = Reason::from_id(edition.id()).unwrap_or(Reason::Internal);
    status(why, "edition_id", "", &[])
}

fn bad_attachment(attachment: BadAttachment) -> Status {
    let why = Reason::from_id(attachment.id()).unwrap_or(Reason::Internal);
    reason(why, &attachment.field())
}

/// Names each node that is in the way: who may ask sees the nodes anyway.
fn level_not_raised(NotRaised { nodes, .. }: &NotRaised) -> Status {
    let violation = |(node, knows): &(u64, Option<FeatureLevel>)| {
        let text = knows.map_or_else(
            || "it does not answer; start it, or take it out of the cluster".to_owned(),
            |knows| format!("it knows the log up to level {knows}; install a newer version on it"),
        );
        FieldViolation::new(format!("node {node}"), text)
    };
    let violations: Vec<FieldViolation> = nodes.iter().map(violation).collect();
    status(Reason::FeatureLevelNotRaised, "", "", &violations)
}

fn failure(error: &Error) -> Status {
    tracing::warn!(%error, "a request met a failure of the ledger");
    match error {
        Error::Overloaded => reason(Reason::Overloaded, ""),
        Error::TooLarge { .. } => reason(Reason::TooLarge, ""),
        Error::NoLeader | Error::Behind | Error::ClockBehind | Error::Closed => {
            reason(Reason::NoLeader, "")
        }
        Error::Membership(_) => reason(Reason::MembersUnchanged, ""),
        Error::OutcomeUnknown | Error::Stopped(_) => reason(Reason::NotCommitted, ""),
        Error::Damaged { .. } | Error::Io { .. } | Error::LevelUnknown { .. } | Error::Fatal(_) => {
            reason(Reason::Internal, "")
        }
    }
}

fn status(why: Reason, field: &str, rule: &str, violations: &[FieldViolation]) -> Status {
    status_with(why, field, rule, violations, None)
}

fn status_with(
    why: Reason,
    field: &str,
    rule: &str,
    violations: &[FieldViolation],
    current: Option<u64>,
) -> Status {
    let mut details = details(why, field, rule, current);
    for violation in violations {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if violations.is_empty() && !field.is_empty() {
        details.add_bad_request_violation(field, format!("{}; {}", why.text(), why.remedy()));
    }
    if why.retryable() {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    with_details(why, details)
}

fn details(why: Reason, field: &str, rule: &str, current: Option<u64>) -> ErrorDetails {
    let mut metadata = HashMap::from([("doc".to_owned(), why.page_path())]);
    for (name, value) in [("field", field), ("rule_id", rule)] {
        if !value.is_empty() {
            metadata.insert(name.to_owned(), value.to_owned());
        }
    }
    if let Some(current) = current.filter(|current| *current > 0) {
        metadata.insert("current".to_owned(), current.to_string());
    }
    ErrorDetails::with_error_info(why.id(), DOMAIN, metadata)
}

fn with_details(why: Reason, details: ErrorDetails) -> Status {
    let text = format!("{}: {}; {}", why.id(), why.text(), why.remedy());
    Status::with_error_details(Code::from(i32::from(why.code().number())), text, details)
}

#[cfg(test)]
mod tests {
    use samsyn_domain::{Reason as Because, Refusal};
    use samsyn_policy::Why;

    use super::*;

    #[test]
    fn row45_what_the_ledger_cannot_do_now_is_to_be_tried_again() {
        let now = [
            Error::Overloaded,
            Error::NoLeader,
            Error::ClockBehind,
            Error::Closed,
            Error::OutcomeUnknown,
            Error::Stopped("the log cannot be written".to_owned()),
        ];
        for error in now {
            let status = rejection(&Rejection::Failed(error));
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert!(!status.message().contains("the log"), "{status:?}");
            let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
            assert_eq!(retry, Some(RETRY_AFTER), "{status:?}");
        }
        let broken = rejection(&Rejection::Failed(Error::Fatal("a secret".to_owned())));
        assert_eq!(broken.code(), Code::Internal);
        assert!(!broken.message().contains("secret"), "{broken:?}");
    }

    #[test]
    fn t28_row39_a_denial_without_rule_and_one_of_the_domain_are_told_alike() {
        let hidden = rejection(&Rejection::Denied(Denial::of(Why::NotFound).at("area")));
        let absent = Refusal::at(Because::NotFound, "area");
        let absent = rejection(&Rejection::Refused(absent));
        let told = |status: &Status| (status.code(), status.message().to_owned());
        assert_eq!(told(&hidden), told(&absent));
        assert_eq!(hidden.details().len(), absent.details().len());
    }
}
