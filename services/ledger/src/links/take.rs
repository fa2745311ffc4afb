//! What came takes effect: judged, compared with what came before, and ordered.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    self as domain, Caller, Content, DomainId, FeatureLevel, Labels, Refusal, State,
    command::{Brought, Command, Effect, ReleaseEnvelope, TakeEnvelopes, ToTake},
    link::{
        BATCH_BYTES_MAX, BATCH_MAX, Chain, Contribution, DeliveredEdition, FrozenFor, Header, Kind,
        NotTakenFor, Outcome, Payload, Quarantined, QuarantinedFor, SealedPayload,
    },
    registry::Peer,
};
use samsyn_policy::{Came, Judged, is_home_of, judge, judge_again, may_contribute};
use samsyn_proto::{
    Reason,
    inbound::{Contributed, QuarantinedAsked, message_is_fit},
};

use super::{NotTaken, TakenIn, unit};
use crate::{Error, Ledger, Rejection, handle::RACES_MAX, messages::unwritten};

impl Ledger {
    /// Takes in envelopes of a peer, in their order. Those that were taken in before are passed
    /// over, when they are the same.
    ///
    /// # Errors
    /// When one is not the peer's word, does not fit what came before, or the ledger says no.
    pub async fn take_envelopes(&self, peer: &Peer, came: &[Came]) -> Result<TakenIn, NotTaken> {
        let (domain, level) = (self.own_domain()?, self.link_level());
        let mut judged = Vec::with_capacity(came.len());
        for one in came {
            judged.push((judge((&domain, level), peer, one)?, one));
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
            let Some((first, _)) = judged.first() else { return Ok(()) };
            let of = first.header.epoch;
            let now = (self.inner.clock)();
            let taken_of = |state: &State| state.links().link(&peer.id).taken_of(of, now);
            // By what is agreed now: whoever has the session may not have looked since.
            let is_agreed = |state: &State| state.registry().peer(&peer.id) == Some(peer);
            let own = |state: &State| state.links().link(&peer.id).out.epoch;
            let (epoch, agreed, taken, own) =
                self.read(|state| (state.epoch(), is_agreed(state), taken_of(state), own(state)));
            if !agreed {
                return Err(NotTaken::Replaced);
            }
            let taken = taken.ok_or(NotTaken::Epoch(of))?;
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
                        self.freeze_link(&peer.id, own, why).await?;
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
        Ok(match &judged.brings {
            Ok(Payload::Message(sent)) => {
                let id = sent.core.id().map_err(unwritten)?;
                let to = judged.header.to.function.clone();
                let to = to.ok_or_else(|| Error::Fatal("a message is for nobody".to_owned()))?;
                // An earlier level takes what the other domain has screened as it comes.
                let screens = self.read(State::level) >= FeatureLevel::CONTRIBUTIONS;
                if screens && !message_is_fit(&sent.text) {
                    return Ok(Effect::Decline { message: id, to });
                }
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
            Ok(Payload::Contribution(contribution)) => {
                let Contribution { party, area, .. } = &**contribution;
                let (party, area) = (party.clone(), area.clone());
                match self.brought(peer, &judged.header, contribution).await? {
                    Ok(brought) => Effect::Contribution { party, area, brought },
                    Err(refused) => Effect::Refuse { party, area, refused },
                }
            }
            Ok(Payload::Answer { party, area, version, refused }) => Effect::Answer {
                party: party.clone(),
                area: area.clone(),
                // One that answers nothing was set aside.
                envelope: judged.header.in_reply_to.unwrap_or_default(),
                version: *version,
                refused: refused.clone(),
            },
            Ok(Payload::View(delivered)) => self.viewed(peer, &judged.header, delivered).await?,
            Ok(Payload::Edition(edition)) => {
                self.edition_came(peer, &judged.header, edition).await?
            }
            Ok(Payload::EditionAnswer(sent)) => {
                self.answer_came(peer, &judged.header, sent).await?
            }
            Ok(Payload::EditionAnswered(told)) => Effect::EditionAnswered {
                // One that answers nothing was set aside.
                envelope: judged.header.in_reply_to.unwrap_or_default(),
                told: told.clone(),
            },
            Err(reason) => match self.refused(judged, came, *reason) {
                Some(effect) => effect,
                None => self.set_aside(peer, judged, came, *reason).await?,
            },
        })
    }

    /// What becomes of something delivered that may not come; none: it is nothing delivered, cannot
    /// be read, or is of a level that this domain has not reached.
    fn refused(&self, judged: &Judged, came: &Came, reason: QuarantinedFor) -> Option<Effect> {
        let kind = Kind::from_number(judged.header.kind)?;
        if !is_delivered(judged.header.kind) || kind.level() > self.link_level() {
            return None;
        }
        match Payload::decode(kind, &came.payload).ok()? {
            Payload::View(delivered) => {
                Some(Effect::RefuseStep { delivery: delivered.delivery, reason })
            }
            Payload::Edition(delivered) => {
                let DeliveredEdition { delivery, edition, .. } = *delivered;
                Some(Effect::RefuseEdition { delivery, edition, reason })
            }
            Payload::Message(_)
            | Payload::Receipt { .. }
            | Payload::Contribution(_)
            | Payload::Answer { .. }
            | Payload::EditionAnswer(_)
            | Payload::EditionAnswered(_) => None,
        }
    }

    /// What cannot be acted on is kept as it came.
    async fn set_aside(
        &self,
        peer: &Peer,
        judged: &Judged,
        came: &Came,
        reason: QuarantinedFor,
    ) -> Result<Effect, Rejection> {
        let unit = unit(&peer.id, (self.inner.clock)());
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let object = format!("set aside {} {}", peer.id, judged.id);
        let salt = came.salt.as_slice().try_into().unwrap_or_default();
        let payload = SealedPayload { payload: came.payload.clone(), salt };
        Ok(Effect::Quarantine {
            reason,
            header: came.header.as_slice().into(),
            signature: came.signature.as_slice().into(),
            payload: self.inner.keys.seal(&unit, &object, &payload.message())?,
        })
    }

    /// Has an envelope that was set aside take effect, now that it can be acted on; or lets it go.
    ///
    /// # Errors
    /// When policy or the domain says no, there is none, or it still cannot be acted on.
    pub async fn release_quarantined(
        &self,
        caller: &Caller,
        asked: &QuarantinedAsked,
    ) -> Result<(), Rejection> {
        let QuarantinedAsked { context, peer, epoch, sequence, discards } = asked;
        self.oversee(caller, "operate")?;
        let verb = if *discards { "discard" } else { "release" };
        // What it does was not asked for, and may be another when it is asked for again.
        let place = [peer.as_str().as_bytes(), &epoch.to_be_bytes(), &sequence.to_be_bytes()];
        let body = self.inner.keys.digest(verb, &place);
        for _ in 0..RACES_MAX {
            // What is judged by a registry takes effect under that registry.
            let judged_under = self.epoch();
            let command = self.judged_anew(asked).await?;
            let make = |state: &State| match state.epoch() == judged_under {
                true => Ok(Command::ReleaseEnvelope(command.clone().into())),
                false => Err(Refusal::of(domain::Reason::EpochStale).into()),
            };
            match self.propose(caller, context, &body, make).await {
                Err(Rejection::Refused(refusal)) if refusal.is_race() => {}
                answer => return answer.map(drop),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// What is asked for of an envelope that was set aside.
    async fn judged_anew(&self, asked: &QuarantinedAsked) -> Result<ReleaseEnvelope, Rejection> {
        let QuarantinedAsked { peer, epoch, sequence, discards, .. } = asked;
        let mut all = self.quarantined(peer).into_iter();
        let aside = all.find(|one| (one.epoch, one.sequence) == (*epoch, *sequence));
        // Answered before, perhaps: whoever asks again is told the same.
        let effect = match &aside {
            Some(aside) if !discards => Some(self.released(peer, aside).await?),
            Some(_) | None => None,
        };
        let id = aside.map(|aside| Header::id_of(&aside.header)).unwrap_or_default();
        let (peer, epoch, sequence) = (peer.clone(), *epoch, *sequence);
        Ok(ReleaseEnvelope { peer, epoch, sequence, id, effect })
    }

    /// What an envelope that was set aside does by now.
    async fn released(&self, peer: &DomainId, aside: &Quarantined) -> Result<Effect, Rejection> {
        let unfit = || Rejection::from(Refusal::at(domain::Reason::EnvelopeUnfit, "sequence"));
        let (domain, level) = (self.own_domain()?, self.link_level());
        let peer = self.registered_peer(peer).ok_or_else(unfit)?;
        let sealed = self.inner.keys.open_message(&aside.payload).map(SealedPayload::of);
        let payload = sealed.and_then(Result::ok).ok_or_else(unfit)?.payload;
        let judged =
            judge_again((&domain, level), &peer, (&aside.header, &aside.signature), &payload);
        let judged = judged.ok_or_else(unfit)?;
        match judged.brings {
            // A picture or a view that has gone on without it begins anew instead.
            Ok(Payload::Contribution(_) | Payload::View(_) | Payload::Edition(_)) | Err(_) => {
                return Err(unfit());
            }
            Ok(
                Payload::Message(_)
                | Payload::Receipt { .. }
                | Payload::Answer { .. }
                | Payload::EditionAnswer(_)
                | Payload::EditionAnswered(_),
            ) => {}
        }
        let came = Came {
            header: aside.header.to_vec(),
            signature: aside.signature.to_vec(),
            key: Vec::new(),
            payload,
            salt: Vec::new(),
        };
        self.effect(&peer, &judged, &came).await
    }

    /// What a contribution brings, checked as if its party had published it here; or why it is not
    /// taken.
    async fn brought(
        &self,
        peer: &Peer,
        header: &Header,
        contribution: &Contribution,
    ) -> Result<Result<Brought, NotTakenFor>, Rejection> {
        let Contribution { party, area, piece, last, delta } = contribution;
        let registry = self.registry();
        let at = header.issued_at.min((self.inner.clock)());
        let allowed =
            |upserts: &[_]| may_contribute(&registry, peer, &header.from, (party, area), upserts);
        // Who may not contribute at all learns nothing of what is known here.
        if let Err(denial) = allowed(&[]) {
            return Ok(Err(not_taken(denial.why.id(), "")));
        }
        let checked = Contributed::parse(delta, area, &registry, at);
        let Some(Contributed { drafts, withdrawn }) = checked.value else {
            if !is_home_of(&registry, party, area) {
                return Ok(Err(not_taken(Reason::NotYourArea.id(), "")));
            }
            let fault = checked.faults.iter().find(|fault| !fault.warning);
            let (reason, field) = fault.map_or((Reason::BadField, ""), |f| (f.reason, &*f.field));
            return Ok(Err(not_taken(reason.id(), field)));
        };
        let labels = Labels::derived(drafts.iter().map(|draft| &*draft.content.labels));
        if header.labels.as_deref() != labels.as_ref() {
            return Ok(Err(not_taken(Reason::BadLabels.id(), "")));
        }
        let contents: Vec<&Content> = drafts.iter().map(|draft| &draft.content).collect();
        if let Err(denial) = allowed(&contents) {
            return Ok(Err(not_taken(denial.why.id(), &denial.field)));
        }
        let upserts = self.seal_drafts((party, area), &drafts).await?;
        let (piece, last, expected) = (*piece, *last, header.expected_version);
        Ok(Ok(Brought { expected, piece, last, upserts, withdrawn }))
    }
}

/// Why a contribution is not taken; without the path where that has not the form of one.
pub(super) fn not_taken(reason: &str, field: &str) -> NotTakenFor {
    let whole = || NotTakenFor::new(reason, "").unwrap_or_default();
    NotTakenFor::new(reason, field).unwrap_or_else(whole)
}

/// How many of some envelopes one entry takes in: one at least, where there is one. An area gets
/// one revision of it at most, and a view that is delivered goes one piece on.
fn batch_of(judged: &[(Judged, &Came)]) -> usize {
    let mut bytes = 0_usize;
    let (mut areas, mut views, mut unread) = (BTreeSet::new(), BTreeSet::new(), false);
    let mut editions = BTreeSet::new();
    let fits = judged.iter().take(BATCH_MAX).take_while(|(judged, came)| {
        bytes = bytes.saturating_add(came.payload.len());
        let is_first = match &judged.brings {
            Ok(Payload::Contribution(contribution)) => areas.insert(&contribution.area),
            Ok(Payload::View(delivered)) => !unread && views.insert(&delivered.delivery),
            // Of which view it is, if of one, is not looked at here: it comes by itself.
            Ok(Payload::Edition(delivered)) => !unread && views.insert(&delivered.delivery),
            Ok(Payload::EditionAnswer(sent)) => editions.insert(&sent.edition),
            Ok(Payload::EditionAnswered(told)) => editions.insert(&told.edition),
            Err(_) if is_delivered(judged.header.kind) => {
                views.is_empty() && !std::mem::replace(&mut unread, true)
            }
            Ok(Payload::Message(_) | Payload::Receipt { .. } | Payload::Answer { .. }) | Err(_) => {
                true
            }
        };
        bytes <= BATCH_BYTES_MAX && is_first
    });
    fits.count().max(1).min(judged.len())
}

/// Whether what a kind brings is of something that is delivered.
fn is_delivered(kind: i64) -> bool {
    matches!(Kind::from_number(kind), Some(Kind::View | Kind::Edition))
}
