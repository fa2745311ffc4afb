//! What submissions came to, under their keys: a repetition is answered, never executed again.

use std::collections::BTreeMap;

use crate::{
    Reason, Refusal, ServiceId, Timestamp,
    command::{Digest, IdempotencyKey, KEY_AHEAD_SECONDS, KEY_SECONDS, Reply, Submission},
    row::{Outcome, Row},
};

/// A key is forgotten well after it could be executed anew, so that no window doubles anything.
const KEPT_SECONDS: i64 = KEY_SECONDS + 60 * 60;
/// How many old keys one submission clears away.
const FORGOTTEN_MAX: usize = 4;

/// Outcomes, by service and key; keys sort by the time they were made.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Outcomes(BTreeMap<ServiceId, BTreeMap<IdempotencyKey, Outcome>>);

impl Outcomes {
    /// The stored answer of a known key.
    pub(super) fn known(
        &self,
        submission: &Submission,
        at: Timestamp,
    ) -> Result<Option<Reply>, Refusal> {
        let Some((key, body)) = submission.key else { return Ok(None) };
        match self.answered(&submission.actor.service, key, &body)? {
            Some(reply) => Ok(Some(reply)),
            None => {
                let made = key.made_at();
                let fresh = made.after_seconds(KEY_SECONDS) >= at
                    && made <= at.after_seconds(KEY_AHEAD_SECONDS);
                let expired = || Refusal::at(Reason::KeyExpired, "context.idempotency_key");
                if fresh { Ok(None) } else { Err(expired()) }
            }
        }
    }

    /// Whether a service was answered under a key.
    pub(super) fn has_answered(&self, service: &ServiceId, key: IdempotencyKey) -> bool {
        self.0.get(service).is_some_and(|keys| keys.contains_key(&key))
    }

    /// What a service was answered under a key.
    pub(super) fn answered(
        &self,
        service: &ServiceId,
        key: IdempotencyKey,
        body: &Digest,
    ) -> Result<Option<Reply>, Refusal> {
        match self.0.get(service).and_then(|keys| keys.get(&key)) {
            Some(outcome) if outcome.body == *body => Ok(Some(outcome.reply.clone())),
            Some(_) => Err(Refusal::at(Reason::KeyReused, "context.idempotency_key")),
            None => Ok(None),
        }
    }

    /// The rows that keep an answer, and that forget old ones of the same service.
    pub(super) fn record(
        &self,
        at: Timestamp,
        submission: &Submission,
        reply: &Reply,
        rows: &mut Vec<Row>,
    ) {
        let Some((key, body)) = submission.key else { return };
        let service = &submission.actor.service;
        let keys = self.0.get(service);
        if let Reply::Refused(refusal) = reply
            && (refusal.is_race()
                || matches!(
                    refusal.reason,
                    Reason::KeyReused | Reason::KeyExpired | Reason::FeatureLevelTooLow
                ))
        {
            return;
        }
        if keys.is_some_and(|keys| keys.contains_key(&key)) {
            return;
        }
        rows.push(Row::Outcome(Outcome {
            service: service.clone(),
            key,
            body,
            reply: reply.clone(),
        }));
        let old = keys.into_iter().flat_map(BTreeMap::keys);
        let old = old.take_while(|key| key.made_at().after_seconds(KEPT_SECONDS) < at);
        rows.extend(old.take(FORGOTTEN_MAX).map(|key| Row::Forgotten(service.clone(), *key)));
    }

    pub(super) fn insert(&mut self, outcome: Outcome) {
        self.0.entry(outcome.service.clone()).or_default().insert(outcome.key, outcome);
    }

    pub(super) fn forget(&mut self, service: &ServiceId, key: IdempotencyKey) {
        if let Some(keys) = self.0.get_mut(service) {
            keys.remove(&key);
        }
    }
}
