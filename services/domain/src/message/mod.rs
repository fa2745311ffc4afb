//! Messages (meddelanden): what is not a picture. From one function to others, in threads, with
//! receipts that climb.

mod attachment;
mod core;
mod step;

use std::{fmt, sync::Arc};

pub(crate) use attachment::digests;
pub use attachment::{
    ATTACHMENT_NAME_CHARACTERS_MAX, ATTACHMENT_PARTS_MAX, ATTACHMENTS_BYTES_MAX, ATTACHMENTS_MAX,
    Attachment, MediaType, PART_BYTES, SEALED_PART_BYTES_MAX, fit_together,
};
pub use core::{Core, Text};
pub use step::{Receipt, RejectedFor, Step};

use crate::{DomainId, FunctionId, Sealed, ServiceId, Timestamp, command::Digest};

/// The longest subject, in characters.
pub const SUBJECT_CHARACTERS_MAX: usize = 200;
/// The longest body, in characters.
pub const BODY_CHARACTERS_MAX: usize = 8_000;
/// How many functions a message goes to at most.
pub const RECIPIENTS_MAX: usize = 16;
/// How long a message may wait to be sent at most, in seconds: 35 days.
pub const VALID_SECONDS_MAX: u32 = 35 * 86_400;
/// How many messages a function has at most that are not dealt with.
pub const INBOX_MAX: usize = 10_000;

/// A message's id: a digest over all that it says, the text as a salted commitment. The same in
/// every domain that has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(Digest);

impl MessageId {
    /// An id, by its digest.
    #[must_use]
    pub const fn of(digest: Digest) -> Self {
        Self(digest)
    }

    /// Its digest.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.0
    }

    /// Parses 64 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        let mut digest = Digest::default();
        let read = hex::decode_to_slice(text, &mut digest);
        read.is_ok_and(|()| is_lower).then_some(Self(digest))
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// Its code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$value => $code,)+ }
            }

            /// Parses its code.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == code)
            }

            /// Its number in what is signed, from 1.
            #[must_use]
            pub fn number(self) -> i64 {
                let place = Self::ALL.iter().position(|value| *value == self).unwrap_or_default();
                i64::try_from(place).map_or(0, |place| place.saturating_add(1))
            }

            /// Reads its number.
            #[must_use]
            pub fn from_number(number: i64) -> Option<Self> {
                let place = usize::try_from(number.checked_sub(1)?).ok()?;
                Self::ALL.get(place).copied()
            }
        }
    };
}
pub(crate) use codes;

codes! {
    /// What a message is. New ones are added at the end: numbers are signed.
    MessageKind {
        /// A request for information (begäran om uppgift).
        InformationRequest = "information_request",
        /// A notice (underrättelse).
        Notice = "notice",
        /// A question on a measure.
        Question = "question",
        /// A call to a meeting (kallelse).
        MeetingCall = "meeting_call",
        /// An edition waits for an answer.
        EndorsementRequest = "endorsement_request",
        /// An answer (svar).
        Answer = "answer",
    }
}

codes! {
    /// How urgent something is (förtursgrad): what is more urgent is numbered first.
    Precedence {
        /// Before everything else.
        Flash = "flash",
        /// Today, at once.
        Immediate = "immediate",
        /// Before what is routine.
        Priority = "priority",
        /// In its turn.
        Routine = "routine",
    }
}

/// A message as it stands in log and state; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// All that it says in clear.
    pub core: Arc<Core>,
    /// Subject, body and the salt of their commitment, under seal.
    pub text: Sealed,
    /// When its own domain took it in.
    pub sent_at: Timestamp,
    /// When it was taken in here.
    pub at: Timestamp,
    /// Which service sent it; none for one that came over a link.
    pub service: Option<ServiceId>,
}

impl Message {
    /// The first message of its thread.
    #[must_use]
    pub fn thread(&self) -> MessageId {
        self.core.thread.unwrap_or(self.id)
    }

    /// Whether it came over a link.
    #[must_use]
    pub const fn came(&self) -> bool {
        self.service.is_none()
    }

    /// The domain that it comes from.
    #[must_use]
    pub fn origin(&self) -> &DomainId {
        &self.core.domain
    }
}

/// A message stands in the inbox of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inboxed {
    /// Whose inbox.
    pub function: FunctionId,
    /// Counts the function's messages: dense from 1.
    pub number: u64,
    /// Which message.
    pub message: MessageId,
}
