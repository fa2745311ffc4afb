//! What waits for a peer, or is numbered for it.

use samsyn_domain::{FunctionId, link::Item};
use samsyn_proto::log::{self, link_item};

use super::{
    Damaged, Stored,
    contribution::{self, Answer},
    delivery::delivery,
    message::{Reached, message_id},
    optional, parsed,
};

impl Stored for Item {
    type Message = log::LinkItem;

    fn encode(&self) -> log::LinkItem {
        let kind = match self {
            Self::Message { message, to } => {
                let (message, to) = (message.digest().to_vec(), to.to_string());
                link_item::Kind::Message(link_item::ToFunction { message, to })
            }
            Self::Receipt { message, to, step, at, reason } => {
                let (message, to) = (*message, to.clone());
                let reached = Reached { message, to, step: *step, at: *at, reason: *reason };
                link_item::Kind::Receipt(reached.encode())
            }
            Self::Contribution { party, area } => {
                let (party, area) = (party.to_string(), area.to_string());
                link_item::Kind::Contribution(link_item::Picture { party, area })
            }
            Self::Answer { party, area, envelope, version, refused } => {
                let (party, area, refused) = (party.clone(), area.clone(), refused.clone());
                let (envelope, version) = (*envelope, *version);
                let answer = Answer { party, area, envelope, version, refused };
                link_item::Kind::Answer(answer.encode())
            }
            Self::View { delivery, part } => {
                let part = part.as_ref().map(Stored::encode);
                link_item::Kind::View(link_item::View { delivery: delivery.to_string(), part })
            }
        };
        log::LinkItem { kind: Some(kind) }
    }

    fn decode(message: log::LinkItem) -> Result<Self, Damaged> {
        Ok(match message.kind.ok_or(Damaged::Missing("link_item.kind"))? {
            link_item::Kind::Message(item) => Self::Message {
                message: message_id(&item.message, "link_item.message")?,
                to: parsed(&item.to, FunctionId::parse, "link_item.to")?,
            },
            link_item::Kind::Receipt(reached) => {
                let Reached { message, to, step, at, reason } = Reached::decode(reached)?;
                Self::Receipt { message, to, step, at, reason }
            }
            link_item::Kind::Contribution(item) => {
                let (party, area) =
                    contribution::party_and_area(&item.party, &item.area, "link_item.picture")?;
                Self::Contribution { party, area }
            }
            link_item::Kind::Answer(answer) => {
                let Answer { party, area, envelope, version, refused } = Answer::decode(answer)?;
                Self::Answer { party, area, envelope, version, refused }
            }
            link_item::Kind::View(item) => Self::View {
                delivery: delivery(&item.delivery, "link_item.delivery")?,
                part: optional(item.part)?,
            },
        })
    }
}
