//! Answers and refusals.

use samsyn_domain::{EditionId, Reason, Refusal, command::Reply, registry::ProposalId};
use samsyn_proto::log::{self, reply};

use super::{Damaged, Stored, code::Coded as _, message::message_id, parsed};

impl Stored for Reply {
    type Message = log::Reply;

    fn encode(&self) -> log::Reply {
        use reply::Kind;
        let kind = match self {
            Self::Done => Kind::Done(reply::Done {}),
            Self::Published { version, revision, unchanged } => Kind::Published(reply::Published {
                version: *version,
                revision: *revision,
                unchanged: *unchanged,
            }),
            Self::Revised { revision } => Kind::Revised(reply::AreaRevised { revision: *revision }),
            Self::Edition { id, round } => {
                Kind::Edition(reply::EditionChanged { id: id.to_string(), round: *round })
            }
            Self::Recorded { first } => Kind::Recorded(reply::Recorded { first: *first }),
            Self::Epoch { epoch } => Kind::Epoch(reply::EpochChanged { epoch: *epoch }),
            Self::Proposed { id, epoch } => {
                Kind::Proposed(reply::Proposed { id: id.0, epoch: *epoch })
            }
            Self::Sent { message } => Kind::Sent(message.digest().to_vec()),
            Self::Refused(refusal) => Kind::Refused(refusal.encode()),
        };
        log::Reply { kind: Some(kind) }
    }

    fn decode(message: log::Reply) -> Result<Self, Damaged> {
        use reply::Kind;
        Ok(match message.kind.ok_or(Damaged::Missing("reply.kind"))? {
            Kind::Done(reply::Done {}) => Self::Done,
            Kind::Published(reply::Published { version, revision, unchanged }) => {
                Self::Published { version, revision, unchanged }
            }
            Kind::Revised(reply::AreaRevised { revision }) => Self::Revised { revision },
            Kind::Edition(reply::EditionChanged { id, round }) => {
                Self::Edition { id: parsed(&id, EditionId::parse, "reply.edition")?, round }
            }
            Kind::Recorded(reply::Recorded { first }) => Self::Recorded { first },
            Kind::Epoch(reply::EpochChanged { epoch }) => Self::Epoch { epoch },
            Kind::Proposed(reply::Proposed { id, epoch }) => {
                Self::Proposed { id: ProposalId(id), epoch }
            }
            Kind::Sent(id) => Self::Sent { message: message_id(&id, "reply.sent")? },
            Kind::Refused(refusal) => Self::Refused(Refusal::decode(refusal)?),
        })
    }
}

impl Stored for Refusal {
    type Message = log::Refusal;

    fn encode(&self) -> log::Refusal {
        log::Refusal {
            reason: self.reason.code(),
            field: self.field.to_string(),
            current: self.current,
        }
    }

    fn decode(message: log::Refusal) -> Result<Self, Damaged> {
        Ok(Self {
            reason: Reason::of_code(message.reason, "refusal.reason")?,
            field: message.field.into(),
            current: message.current,
        })
    }
}
