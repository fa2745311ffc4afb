//! What stands in the queue of a peer, as it leaves.

use std::sync::Arc;

use samsyn_domain::{
    DomainId, EditionId, FunctionId, PartyId, State, Timestamp,
    disclosure::Disclosure,
    edition::Answer,
    link::{
        ATTACHMENTS_LEVEL, Address, CONTRIBUTIONS_LEVEL, EDITIONS_LEVEL, GivenRef, Header, Item,
        MESSAGES_LEVEL, Payload, Queued, Sent, SentAnswer,
    },
    message::{Core, MessageId, RejectedFor, Text},
    registry::{Peer, Role},
};
use samsyn_policy::{Denial, Why};

use super::out::{Made, header};
use crate::{Error, Ledger, Rejection, handle::Inner};

impl Ledger {
    /// What an item says, with the header that goes before it but for its place in the chain.
    pub(super) fn made(
        &self,
        domain: &DomainId,
        (peer, level): (&Peer, u32),
        queued: &Queued,
        now: Timestamp,
    ) -> Result<Made, Rejection> {
        let name = queued.number.to_be_bytes();
        let header = Header { precedence: queued.precedence, ..header(domain, peer, now) };
        let (header, payload, disclosure) = match &queued.item {
            Item::Message { message, to } => {
                let (sent, disclosure) = self.message_for(peer, message, to)?;
                let valid_seconds = queued.until.map(|until| {
                    let left = until.micros().saturating_sub(now.micros()) / 1_000_000;
                    u32::try_from(left).unwrap_or_default()
                });
                let header = Header {
                    from: Address::function(domain.clone(), sent.core.from.clone()),
                    to: Address::function(peer.id.clone(), to.clone()),
                    labels: Some(Arc::clone(&sent.core.labels)),
                    valid_seconds,
                    level: message_level(&sent.core),
                    parts: sent.core.parts.clone(),
                    ..header
                };
                (header, Payload::Message(sent.into()), Some(disclosure))
            }
            Item::Receipt { message, to, step, at, reason } => {
                let (level, reason) = match reason {
                    // Who knows messages alone does not know that they can be unfit.
                    Some(RejectedFor::Unfit) if level < CONTRIBUTIONS_LEVEL => {
                        (MESSAGES_LEVEL, Some(RejectedFor::NotAllowed))
                    }
                    Some(RejectedFor::Unfit) => (CONTRIBUTIONS_LEVEL, *reason),
                    None
                    | Some(
                        RejectedFor::UnknownAddress
                        | RejectedFor::NotAllowed
                        | RejectedFor::InboxFull
                        | RejectedFor::Declined,
                    ) => (MESSAGES_LEVEL, *reason),
                };
                let (message, to, step, at) = (*message, to.clone(), *step, *at);
                let payload = Payload::Receipt { message, to, step, at, reason };
                (Header { level, ..header }, payload, None)
            }
            Item::Answer { party, area, envelope, version, refused } => {
                let (party, area, refused) = (party.clone(), area.clone(), refused.clone());
                let payload = Payload::Answer { party, area, version: *version, refused };
                let (in_reply_to, level) = (Some(*envelope), CONTRIBUTIONS_LEVEL);
                (Header { in_reply_to, level, ..header }, payload, None)
            }
            Item::EditionAnswer { edition, party, role } => {
                let of = (edition, party, *role);
                let (header, sent, disclosure) = self.answer_for(peer, of, header)?;
                (header, Payload::EditionAnswer(sent.into()), Some(disclosure))
            }
            Item::EditionAnswered { envelope, told } => {
                let (in_reply_to, level) = (Some(*envelope), EDITIONS_LEVEL);
                let payload = Payload::EditionAnswered(Box::new((**told).clone()));
                (Header { in_reply_to, level, ..header }, payload, None)
            }
            Item::Contribution { .. } | Item::View { .. } | Item::Edition { .. } => {
                let why = "what is compared or followed was queued";
                return Err(Error::Fatal(why.to_owned()).into());
            }
        };
        self.enclosed(header, &payload, (&name, queued.number), disclosure)
    }

    /// An answer that was given here to an edition of the peer, its header, and the record of its
    /// leaving.
    fn answer_for(
        &self,
        peer: &Peer,
        (edition, party, role): (&EditionId, &PartyId, Role),
        header: Header,
    ) -> Result<(Header, SentAnswer, Disclosure), Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let (edition, party) = (edition.clone(), party.clone());
        let of = GivenRef { peer: peer.id.clone(), edition, party, role };
        let missing = || Denial::of(Why::NotFound);
        let given = self.read(|state| state.delivered_editions().given(&of).cloned());
        let given = given.ok_or_else(missing)?;
        // One whose key is gone can leave no more, and holds up nothing.
        let (text, text_salt) =
            self.open_answer_text(given.answer.text.as_ref()).ok_or_else(missing)?;
        let left = self.read(|state| policy.answer_leaves(state, &**keys, peer, &given))?;
        let (orgnr, disclosure) = left;
        let from = Address { orgnr: Some(orgnr), ..header.from.clone() };
        let GivenRef { edition, party, role, .. } = of;
        let Answer { verdict, statement, signature, key, .. } = given.answer.clone();
        let sent = SentAnswer {
            edition,
            party,
            role,
            verdict,
            text,
            text_salt,
            statement,
            signature,
            key,
        };
        Ok((Header { from, level: EDITIONS_LEVEL, ..header }, sent, disclosure))
    }

    /// A message as it may leave for a recipient, and the record of its leaving.
    fn message_for(
        &self,
        peer: &Peer,
        message: &MessageId,
        to: &FunctionId,
    ) -> Result<(Sent, Disclosure), Rejection> {
        let Inner { policy, keys, .. } = &*self.inner;
        let gone = || Error::Fatal("what waits for a peer is not there".to_owned());
        self.read(|state| {
            let message = &state.messages().get(message).ok_or_else(gone)?.message;
            let about = (&message.id, &*message.core, to);
            let disclosure = policy.leaves(state, &**keys, peer, about)?;
            let text = keys.open_message(&message.text).and_then(|text| Text::of(text).ok());
            let sent = Sent {
                core: (*message.core).clone(),
                text: text.ok_or_else(gone)?,
                sent_at: message.sent_at,
            };
            Ok((sent, disclosure))
        })
    }
}

/// The level that a peer must read for something queued: it waits until then.
pub(super) fn needs(state: &State, item: &Item) -> u32 {
    match item {
        Item::Message { message, .. } => {
            let kept = state.messages().get(message);
            kept.map_or(MESSAGES_LEVEL, |kept| message_level(&kept.message.core))
        }
        Item::EditionAnswer { .. } | Item::EditionAnswered { .. } => EDITIONS_LEVEL,
        // Who contributes reads answers, and says so with its next session at the latest.
        Item::Answer { .. } => CONTRIBUTIONS_LEVEL,
        Item::Receipt { .. }
        | Item::Contribution { .. }
        | Item::View { .. }
        | Item::Edition { .. } => MESSAGES_LEVEL,
    }
}

const fn message_level(core: &Core) -> u32 {
    if core.parts.is_empty() { MESSAGES_LEVEL } else { ATTACHMENTS_LEVEL }
}
