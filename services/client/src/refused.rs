//! A refusal as a client sees it: the stable reason, the field, the rule.

use std::fmt;

use samsyn_proto::Reason;
use tonic::Status;
use tonic_types::StatusExt as _;

/// What a gateway refused.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The status of the call.
    pub status: Status,
    /// The stable reason, where the gateway names one.
    pub reason: Option<Reason>,
    /// The rule, where one is named; empty otherwise.
    pub rule: String,
    /// The fields concerned, each with what to do.
    pub fields: Vec<(String, String)>,
    /// The current version, revision or round, where that helps; 0 otherwise.
    pub current: u64,
}

impl Refused {
    /// Whether the same call may go through later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.reason {
            Some(reason) => reason.retryable(),
            None => self.status.code() == tonic::Code::Unavailable || self.is_of_transport(),
        }
    }
}

impl Refused {
    /// Whether the connection broke, before or after the gateway took the call in: whatever is
    /// repeated must carry an idempotency key or change nothing.
    fn is_of_transport(&self) -> bool {
        let source = std::error::Error::source(&self.status);
        source.is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>)
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let metadata = |key: &str| info.and_then(|info| info.metadata.get(key)).cloned();
        let violations = details.bad_request().map(|bad| bad.field_violations.clone());
        let fields = violations.unwrap_or_default();
        Self {
            reason: info.and_then(|info| Reason::from_id(&info.reason)),
            rule: metadata("rule_id").unwrap_or_default(),
            current: metadata("current").and_then(|text| text.parse().ok()).unwrap_or(0),
            fields: fields.into_iter().map(|v| (v.field, v.description)).collect(),
            status,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(reason) = self.reason else {
            return write!(f, "{}: {}", self.status.code(), self.status.message());
        };
        write!(f, "{} {}", reason.code().name(), reason.id())?;
        if !self.rule.is_empty() {
            write!(f, " by {}", self.rule)?;
        }
        write!(f, ": {}; {}", reason.text(), reason.remedy())?;
        for (field, text) in &self.fields {
            write!(f, "\n  {field}: {text}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
