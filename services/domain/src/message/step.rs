//! The ladder of receipts (kvittenser): each step once, upwards, to one end.

use super::{MessageId, codes};
use crate::{FunctionId, ServiceId, Timestamp, link::EnvelopeId};

codes! {
    /// How far a message has come with one recipient. New ones are added at the end: numbers are
    /// signed.
    Step {
        /// Durable in the sender's domain.
        Stored = "stored",
        /// Numbered on the link: it goes out as soon as the other side is there.
        Relayed = "relayed",
        /// Durable in the recipient's domain.
        Received = "received",
        /// In the recipient's inbox.
        Accepted = "accepted",
        /// Opened by a service of the recipient.
        Read = "read",
        /// Dealt with. An end.
        Acted = "acted",
        /// Not taken, with the reason. An end.
        Rejected = "rejected",
        /// It was not sent within its time, and will not be. An end.
        Expired = "expired",
    }
}

codes! {
    /// Why a recipient's domain or the recipient does not take a message.
    RejectedFor {
        /// There is no such function.
        UnknownAddress = "unknown_address",
        /// The kind may not cross the link, or the level is above what may.
        NotAllowed = "not_allowed",
        /// The inbox is full.
        InboxFull = "inbox_full",
        /// The function says no.
        Declined = "declined",
        /// It holds an identifier of a person, or characters that no text has, or is too long.
        Unfit = "unfit",
    }
}

impl Step {
    /// Whether nothing follows it.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Acted | Self::Rejected | Self::Expired)
    }

    /// Whether it may follow another: upwards, and never after an end. Only what has not left
    /// expires.
    #[must_use]
    pub fn follows(self, last: Option<Self>) -> bool {
        match (last, self) {
            (None, _) => true,
            (Some(Self::Stored), Self::Expired) => true,
            (Some(_), Self::Expired) => false,
            (Some(last), next) => !last.is_end() && last < next,
        }
    }
}

/// A step that was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Of which message.
    pub message: MessageId,
    /// For which recipient.
    pub to: FunctionId,
    /// How far it came.
    pub step: Step,
    /// When, by the clock of the domain where it happened.
    pub at: Timestamp,
    /// By which service of this domain; none for what a domain or a peer did.
    pub by: Option<ServiceId>,
    /// Why it was not taken.
    pub reason: Option<RejectedFor>,
    /// The envelope that brought it, signed by the other domain; none for what happened here.
    pub envelope: Option<EnvelopeId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_go_upwards_to_one_end() {
        use Step::*;
        assert!(Stored.follows(None) && Relayed.follows(Some(Stored)));
        assert!(Accepted.follows(Some(Relayed)), "a receipt may overtake another");
        assert!(!Received.follows(Some(Accepted)) && !Read.follows(Some(Read)));
        for end in Step::ALL.iter().filter(|step| step.is_end()) {
            for step in Step::ALL {
                assert!(!step.follows(Some(*end)), "{step:?} after {end:?}");
            }
        }
        assert!(Expired.follows(Some(Stored)) && !Expired.follows(Some(Relayed)));
        assert!(Rejected.follows(Some(Read)) && Rejected.follows(Some(Received)));
    }

    #[test]
    fn codes_and_numbers_come_back() {
        for step in Step::ALL {
            assert_eq!(Step::from_code(step.as_str()), Some(*step));
            assert_eq!(Step::from_number(step.number()), Some(*step));
        }
        assert_eq!((Step::from_number(0), Step::from_number(9)), (None, None));
    }
}
