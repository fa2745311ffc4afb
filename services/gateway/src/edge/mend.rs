//! What the transport refuses in its own words, in ours: a stable reason, and no text of a library.

use http::{HeaderMap, HeaderValue};
use samsyn_proto::Reason;
use tonic::Code;

use crate::status;

const STATUS: &str = "grpc-status";
const DETAILS: &str = "grpc-status-details-bin";
const MESSAGE: &str = "grpc-message";

/// Gives a status without details, in headers or trailers, the reason that it stands for. Ours all
/// have details.
pub(super) fn mend(headers: &mut HeaderMap) {
    let Some(code) = headers.get(STATUS).map(|code| Code::from_bytes(code.as_bytes())) else {
        return;
    };
    if code == Code::Ok || headers.contains_key(DETAILS) {
        return;
    }
    for name in [STATUS, DETAILS, MESSAGE] {
        headers.remove(name);
    }
    let status = status::reason(stands_for(code), "");
    if status.add_header(headers).is_err() {
        // Its text has only characters that a header can hold.
        headers.insert(STATUS, HeaderValue::from_static("13"));
    }
}

const fn stands_for(code: Code) -> Reason {
    match code {
        // Whatever does not decode, and a body that ends too early or is no message.
        Code::Internal => Reason::Malformed,
        // A length beyond the limit, on the way in or out.
        Code::OutOfRange | Code::ResourceExhausted => Reason::MessageTooLarge,
        Code::Unimplemented => Reason::UnknownMethod,
        Code::Cancelled | Code::DeadlineExceeded => Reason::DeadlineExceeded,
        // A field that must be understood and is not, by the decoder.
        Code::FailedPrecondition => Reason::UpgradeRequired,
        // Health: such a service is not served.
        Code::NotFound => Reason::NotFound,
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::Aborted
        | Code::Unavailable
        | Code::DataLoss
        | Code::Unauthenticated => Reason::Internal,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic_types::StatusExt as _;

    use super::*;

    fn mended(status: &Status) -> Status {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        mend(&mut headers);
        Status::from_header_map(&headers).unwrap()
    }

    #[test]
    fn a_library_s_text_does_not_get_out() {
        let text = "failed to decode Protobuf message: Observation.id: invalid wire type";
        let status = mended(&Status::internal(text));
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("Observation"), "{}", status.message());
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, Reason::Malformed.id());
    }

    #[test]
    fn row4_a_length_beyond_the_limit_is_too_large() {
        let status = mended(&Status::out_of_range("decoded message length too large"));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, Reason::MessageTooLarge.id());
    }

    #[test]
    fn what_is_ours_stays_as_it_is() {
        let ours = status::reason(Reason::CursorTooOld, "cursor");
        assert_eq!(mended(&ours).details(), ours.details());
        let mut fine = HeaderMap::new();
        fine.insert(STATUS, HeaderValue::from_static("0"));
        let before = fine.clone();
        mend(&mut fine);
        assert_eq!(fine, before);
    }
}
