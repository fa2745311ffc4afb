//! What came takes effect: judged, compared with what came before, and ordered.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Sealed,
    command::{Command, Effect, TakeEnvelopes, ToTake},
    link::{BATCH_BYTES_MAX, BATCH_MAX, Chain, FrozenFor, Outcome, Payload, SealedPayload},
    registry::Peer,
};
use samsyn_policy::{Came, Judged, judge};

use super::{NotTaken, TakenIn, unit};
use crate::{Error, Ledger, Rejection, handle::RACES_MAX, messages::unwritten};

impl Ledger {
    /// Takes in envelopes of a peer, in their order. Those that were taken in before are passed
    /// over, when they are the same.
    ///
    /// # Errors
    /// When one is not the peer's word, does not fit what came before, or the ledger says no.
    pub async fn take_envelopes(&self, peer: &Peer, came: &[Came]) -> Result<TakenIn, NotTaken> {
        let domain = self.own_domain()?;
        let mut judged = Vec::with_capacity(came.len());
        for one in came {
            judged.push((judge(&domain, peer, one)?, one));
        }
        let mut set_aside = Vec::new();
        let mut rest = judged.as_slice();
        while let Some((batch, after)) = rest.split_at_checked(batch_of(rest)) {
            if batch.is_empty() {
                break;
            }
            self.take_batch(peer, batch).await?;
            rest = after;
        }
        let position = self.position(&peer.id)?;
        self.read(|state| {
            for (judged, _) in &judged {
                let (epoch, sequence) = (judged.header.epoch, judged.header.sequence);
                let arrived = state.links().arrived(&peer.id, epoch, sequence);
                if let Some(Outcome::Quarantined(why)) = arrived.map(|arrived| arrived.outcome) {
                    set_aside.push((sequence, why));
                }
            }
        });
        let sequence = self.link(&peer.id).taken.sequence;
        Ok(TakenIn { position, sequence, set_aside })
    }

    /// Takes in a batch: what was taken in before is compared, the rest takes effect in one entry.
    async fn take_batch(&self, peer: &Peer, judged: &[(Judged, &Came)]) -> Result<(), NotTaken> {
        let mut sure = false;
        'anew: for _ in 0..RACES_MAX {
            let (epoch, taken) =
                self.read(|state| (state.epoch(), state.links().link(&peer.id).taken));
            let mut chain = taken;
            let mut envelopes = Vec::new();
            for (judged, came) in judged {
                let header = &judged.header;
                if header.epoch != taken.epoch {
                    return Err(NotTaken::Epoch(header.epoch));
                }
                let comes_again = header.sequence <= taken.sequence;
                if !comes_again && header.sequence != chain.sequence.saturating_add(1) {
                    return Err(NotTaken::Gap(header.sequence));
                }
                let contradicts = if comes_again {
                    self.contradicted(peer, judged)
                } else {
                    (header.previous != chain.head).then_some(FrozenFor::Fork)
                };
                match contradicts {
                    None if comes_again => continue,
                    None => {}
                    Some(_) if !sure => {
                        sure = true;
                        self.up_to_date().await?;
                        continue 'anew;
                    }
                    Some(why) => {
                        self.freeze_link(&peer.id, why).await?;
                        return Err(NotTaken::Frozen(header.sequence, why));
                    }
                }
                chain = Chain { sequence: header.sequence, head: judged.id, ..chain };
                let effect = self.effect(peer, judged, came).await?;
                envelopes.push(ToTake { id: judged.id, effect });
            }
            if envelopes.is_empty() {
                return Ok(());
            }
            let take = TakeEnvelopes { peer: peer.id.clone(), after: taken, envelopes };
            if self.linked(epoch, Command::TakeEnvelopes(take.into())).await? {
                return Ok(());
            }
        }
        Err(Rejection::from(Error::Overloaded).into())
    }

    /// Why an envelope under a number that was taken in is not the same again: another stands
    /// there, or what stood there is so old that a peer that kept its word does not send it.
    fn contradicted(&self, peer: &Peer, judged: &Judged) -> Option<FrozenFor> {
        let (epoch, sequence) = (judged.header.epoch, judged.header.sequence);
        let known = self.read(|state| {
            state.links().arrived(&peer.id, epoch, sequence).map(|arrived| arrived.id)
        });
        match known {
            Some(id) if id == judged.id => None,
            Some(_) => Some(FrozenFor::Fork),
            None => Some(FrozenFor::Regression),
        }
    }

    async fn effect(&self, peer: &Peer, judged: &Judged, came: &Came) -> Result<Effect, Rejection> {
        let now = (self.inner.clock)();
        Ok(match &judged.brings {
            Ok(Payload::Message(sent)) => {
                let id = sent.core.id().map_err(unwritten)?;
                let to = judged.header.to.function.clone();
                let to = to.ok_or_else(|| Error::Fatal("a message is for nobody".to_owned()))?;
                let text =
                    self.seal_message_text(id, &sent.core.from, sent.sent_at, &sent.text).await?;
                let core = Arc::new(sent.core.clone());
                Effect::Message { id, core, text, sent_at: sent.sent_at, to }
            }
            Ok(Payload::Receipt { message, to, step, at, reason }) => Effect::Receipt {
                message: *message,
                to: to.clone(),
                step: *step,
                at: *at,
                reason: *reason,
            },
            Err(reason) => {
                let unit = unit(&peer.id, now);
                self.make_units(BTreeSet::from([unit.clone()])).await?;
                let object = format!("set aside {} {}", peer.id, judged.id);
                let salt = came.salt.as_slice().try_into().unwrap_or_default();
                let payload = SealedPayload { payload: came.payload.clone(), salt };
                let payload: Sealed = self.inner.keys.seal(&unit, &object, &payload.message())?;
                Effect::Quarantine {
                    reason: *reason,
                    header: came.header.as_slice().into(),
                    signature: came.signature.as_slice().into(),
                    payload,
                }
            }
        })
    }
}

/// How many of some envelopes one entry takes in: one at least, where there is one.
fn batch_of(judged: &[(Judged, &Came)]) -> usize {
    let mut bytes = 0_usize;
    let fits = judged.iter().take(BATCH_MAX).take_while(|(_, came)| {
        bytes = bytes.saturating_add(came.payload.len());
        bytes <= BATCH_BYTES_MAX
    });
    fits.count().max(1).min(judged.len())
}
