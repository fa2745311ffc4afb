//! Ordering: what a caller asks and what the domain itself changes, with the races between making
//! a command and its commit.

use prost::Message as _;
use samsyn_domain::{
    Caller, OrganisationId, ServiceId, State, Timestamp,
    command::{Actor, Command, Digest, Reply, Submission},
};
use samsyn_policy::{Denial, Permit};
use samsyn_proto::inbound::Context;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    Error, Ledger, Rejection, format,
    handle::{Inner, Ordered, RACES_MAX},
    keys::Keys,
};

/// How long the domain's own changes may wait for their commit.
const OWN_VALID_SECONDS: i64 = 60;

impl Ledger {
    /// Orders a change of the domain itself that state never refuses.
    pub(crate) async fn own(&self, command: Command) -> Result<Reply, Error> {
        match self.own_if(command).await {
            Ok(reply) => Ok(reply),
            Err(Rejection::Failed(error)) => Err(error),
            Err(refused) => Err(Error::Fatal(refused.to_string())),
        }
    }

    /// Orders a change of the domain itself that state may refuse.
    pub(crate) async fn own_if(&self, command: Command) -> Result<Reply, Rejection> {
        self.order_as(own_actor()?, command).await
    }

    /// Orders what the domain itself writes down as somebody's act.
    pub(crate) async fn order_as(
        &self,
        actor: Actor,
        command: Command,
    ) -> Result<Reply, Rejection> {
        for _ in 0..RACES_MAX {
            let (actor, command) = (actor.clone(), command.clone());
            let reply = self.order_under(actor, self.epoch(), command).await?;
            let Reply::Refused(refusal) = reply else { return Ok(reply) };
            if !refusal.is_race() {
                return Err(refusal.into());
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Orders a change of the domain itself that was made under an epoch; what it came to.
    pub(crate) async fn own_under(&self, epoch: u64, command: Command) -> Result<Reply, Error> {
        self.order_under(own_actor()?, epoch, command).await
    }

    async fn order_under(
        &self,
        actor: Actor,
        epoch: u64,
        command: Command,
    ) -> Result<Reply, Error> {
        let submission = Submission {
            actor,
            key: None,
            epoch,
            valid_until: (self.inner.clock)().after_seconds(OWN_VALID_SECONDS),
            command,
        };
        let Inner { consensus, policy, .. } = &*self.inner;
        let order = |submission| Box::pin(consensus.order(submission, policy.digest()));
        self.told(submission, order).await.map(|(_, reply)| reply)
    }

    /// Orders what a caller asks. Only the leader does: it makes the keys that it is sealed under.
    async fn submit(&self, submission: Submission) -> Result<(u64, Reply), Error> {
        let consensus = &self.inner.consensus;
        self.told(submission, |submission| consensus.submit(submission)).await
    }

    /// Orders a submission, in a span of its own, and tells what became of it.
    async fn told<'a, F>(
        &'a self,
        submission: Submission,
        order: impl FnOnce(Submission) -> F + 'a,
    ) -> Result<(u64, Reply), Error>
    where
        F: Future<Output = Result<(u64, Reply), Error>>,
    {
        let Inner { keys, watcher, .. } = &*self.inner;
        if keys.replaced() > 0 && !is_of_now(keys, &submission.command) {
            // Sealed before another node led for a while, whose key counts.
            return Err(Error::NoLeader);
        }
        let (verb, began) = (submission.command.verb(), Instant::now());
        let disclosures = disclosures_of(&submission.command);
        let span = tracing::info_span!("propose", verb);
        let outcome = order(submission).instrument(span).await;
        let done = outcome.as_ref().ok().map(|(_, reply)| !matches!(reply, Reply::Refused(_)));
        let disclosures = if done == Some(true) { disclosures } else { 0 };
        watcher(Ordered { verb, done, took: began.elapsed(), disclosures });
        outcome
    }

    /// Whether policy would allow a caller's command as state is now. What is not in the command
    /// yet is what policy does not look at: sealed fields, and what is made from state.
    ///
    /// # Errors
    /// When no rule allows it.
    pub(crate) fn allowed(
        &self,
        caller: &Caller,
        context: &Context,
        bare: Command,
    ) -> Result<(), Denial> {
        let Inner { policy, clock, .. } = &*self.inner;
        let permit = self.read(|state| policy.permit(state, clock(), caller, context.role, bare));
        // It is asked for again when the whole command is made.
        permit.map(drop)
    }

    /// Orders what a caller asks: made from state, permitted, proposed; anew after a race. What was
    /// answered before under its key is answered so again, whatever has changed since.
    pub(crate) async fn propose(
        &self,
        caller: &Caller,
        context: &Context,
        body: &Digest,
        make: impl Fn(&State) -> Result<Command, Rejection>,
    ) -> Result<Reply, Rejection> {
        let Inner { policy, clock, .. } = &*self.inner;
        for _ in 0..RACES_MAX {
            let decide = tracing::info_span!("permit");
            let decided = |state: &State| {
                match state.answered(caller.service(), context.key, body)? {
                    Some(Reply::Refused(refusal)) => return Err(refusal.into()),
                    Some(reply) => return Ok(Err(reply)),
                    None => {}
                }
                let command = make(state)?;
                Ok::<_, Rejection>(Ok(policy.permit(
                    state,
                    clock(),
                    caller,
                    context.role,
                    command,
                )?))
            };
            let permit = match decide.in_scope(|| self.read(decided))? {
                Ok(permit) => permit,
                Err(answered) => return Ok(answered),
            };
            match self.submit(submission(permit, context, *body)).await? {
                (_, Reply::Refused(refusal)) if refusal.is_race() => {}
                (_, Reply::Refused(refusal)) => return Err(refusal.into()),
                (_, reply) => return Ok(reply),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// A keyed digest of a request in its sealed form: it covers ciphertext, never what is erased
    /// with its key.
    pub(crate) fn body(&self, verb: &str, sealed: Command) -> Result<Digest, Error> {
        let bare = Submission {
            actor: own_actor()?,
            key: None,
            epoch: 0,
            valid_until: Timestamp::ZERO,
            command: sealed,
        };
        let bytes = format::encode_submission(&bare).encode_to_vec();
        Ok(self.inner.keys.digest("request", &[verb.as_bytes(), &bytes]))
    }
}

/// Whether all that is sealed in a command is sealed under the keys of now.
fn is_of_now(keys: &Keys, command: &Command) -> bool {
    command.sealed().into_iter().all(|sealed| keys.is_of_now(sealed))
}

/// How many disclosures a command records.
fn disclosures_of(command: &Command) -> usize {
    if let Command::Disclose(disclose) = command {
        return disclose.disclosures.len();
    }
    let Command::NumberEnvelopes(number) = command else { return 0 };
    number.envelopes.iter().filter(|envelope| envelope.disclosure.is_some()).count()
}

fn submission(permit: Permit<Command>, context: &Context, body: Digest) -> Submission {
    let caller = permit.caller();
    Submission {
        actor: Actor {
            organisation: caller.organisation().clone(),
            service: caller.service().clone(),
            role: context.role,
            pseudonym: context.pseudonym.clone(),
        },
        key: Some((context.key, body)),
        epoch: permit.epoch(),
        valid_until: permit.valid_until(),
        command: ordered(permit.into_command()),
    }
}

/// A command as it goes into the log, once it was permitted as a whole.
fn ordered(command: Command) -> Command {
    if let Command::Publish(publish) = command {
        return Command::Publish(publish.ordered());
    }
    command
}

/// A caller, as the actor of what the domain writes down as its act.
pub(crate) fn actor_of(caller: &Caller) -> Actor {
    Actor {
        organisation: caller.organisation().clone(),
        service: caller.service().clone(),
        role: None,
        pseudonym: None,
    }
}

/// The domain itself, as the actor of its own changes.
fn own_actor() -> Result<Actor, Error> {
    let bad = |_| Error::Fatal("the domain's own name is not an id".to_owned());
    Ok(Actor {
        organisation: OrganisationId::parse("samsyn").map_err(bad)?,
        service: ServiceId::parse("samsyn/domain").map_err(bad)?,
        role: None,
        pseudonym: None,
    })
}
