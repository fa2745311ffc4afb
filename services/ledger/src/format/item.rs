//! What waits for a peer, or is numbered for it.

use samsyn_domain::{
    EditionId, FunctionId, PartyId,
    link::{AnswerTold, Item},
    registry::Role,
};
use samsyn_proto::log::{self, link_item};

use super::{
    Damaged, Stored,
    code::Coded as _,
    contribution::{self, Answer},
    delivery::delivery,
    message::{Reached, envelope_id, message_id},
    optional, parsed, required,
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
            Self::Edition { delivery, edition } => {
                let (delivery, edition) = (delivery.to_string(), edition.to_string());
                link_item::Kind::Edition(link_item::Edition { delivery, edition })
            }
            Self::EditionAnswer { edition, party, role } => {
                let (edition, party) = (edition.to_string(), party.to_string());
                let answer = link_item::EditionAnswer { edition, party, role: role.code() };
                link_item::Kind::EditionAnswer(answer)
            }
            Self::EditionAnswered { envelope, told } => {
                let (envelope, told) = (envelope.digest().to_vec(), Some(told.encode()));
                link_item::Kind::EditionAnswered(link_item::EditionAnswered { envelope, told })
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
            link_item::Kind::Edition(item) => Self::Edition {
                delivery: delivery(&item.delivery, "link_item.delivery")?,
                edition: parsed(&item.edition, EditionId::parse, "link_item.edition")?,
            },
            link_item::Kind::EditionAnswer(item) => Self::EditionAnswer {
                edition: parsed(&item.edition, EditionId::parse, "link_item.edition")?,
                party: parsed(&item.party, PartyId::parse, "link_item.party")?,
                role: Role::of_code(item.role, "link_item.role")?,
            },
            link_item::Kind::EditionAnswered(item) => Self::EditionAnswered {
                envelope: envelope_id(&item.envelope, "link_item.envelope")?,
                told: required::<AnswerTold>(item.told, "link_item.told")?.into(),
            },
        })
    }
}
