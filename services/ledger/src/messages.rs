//! Messages: sent, read, marked, followed.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    Caller, FunctionId, Refusal, Sealed, State, Timestamp, UnitKey,
    command::{Command, MarkMessage, Reply, SendMessage},
    disclosure::Ground,
    message::{Core, MessageId, Step, Text},
};
use samsyn_policy::{Mailbox, MessageView, Projection, ThreadView, TrackPage, TrackView, View};
use samsyn_proto::inbound::{MailboxAsked, MarkAsked, MessageAsked, SendAsked, TrackAsked};

use crate::{
    Error, Ledger, Rejection,
    handle::{Inner, RACES_MAX},
    keys::Keys,
    order::actor_of,
};

impl Ledger {
    /// Sends a message; gives its id.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn send_message(
        &self,
        caller: &Caller,
        asked: &SendAsked,
    ) -> Result<MessageId, Rejection> {
        let sent = self.ordered_message(caller, asked).await;
        sent.map_err(|rejection| as_asked(asked, rejection))
    }

    async fn ordered_message(
        &self,
        caller: &Caller,
        asked: &SendAsked,
    ) -> Result<MessageId, Rejection> {
        let salt = self.inner.keys.digest(
            "message salt",
            &[caller.service().as_str().as_bytes(), &asked.context.key.uuid().to_be_bytes()],
        );
        let (service, key) = (caller.service(), asked.context.key);
        let is_repeated = self.read(|state| state.has_answered(service, key));
        let attachments = self.uploaded(&asked.from, &asked.attachments, is_repeated).await?;
        let (subject, body) = (asked.subject.clone(), asked.body.clone());
        let text = Text { subject, body, attachments, salt };
        let core = Arc::new(self.core_of(asked, &text)?);
        let id = core.id().map_err(unwritten)?;
        // What policy looks at is there before a key is made for what it may refuse.
        let sealed =
            Sealed { key: unit(&asked.from, asked.context.key.made_at()), bytes: [].into() };
        let bare = SendMessage { id, core: Arc::clone(&core), text: sealed };
        self.allowed(caller, &asked.context, Command::SendMessage(bare.into()))?;
        let text =
            self.seal_message_text(id, &asked.from, asked.context.key.made_at(), &text).await?;
        let command = SendMessage { id, core, text };
        let body = self.body("send_message", Command::SendMessage(command.clone().into()))?;
        let make = |_: &State| Ok(Command::SendMessage(command.clone().into()));
        match self.propose(caller, &asked.context, &body, make).await? {
            Reply::Sent { message } => Ok(message),
            Reply::Done
            | Reply::Published { .. }
            | Reply::Revised { .. }
            | Reply::Edition { .. }
            | Reply::Recorded { .. }
            | Reply::Epoch { .. }
            | Reply::Proposed { .. }
            | Reply::Refused(_) => {
                Err(Error::Fatal("a message had another answer".to_owned()).into())
            }
        }
    }

    fn core_of(&self, asked: &SendAsked, text: &Text) -> Result<Core, Rejection> {
        let answered = asked.in_reply_to.as_ref();
        let thread = self.read(|state| {
            answered.and_then(|id| state.messages().get(id)).map(|kept| kept.message.thread())
        });
        Ok(Core {
            domain: self.own_domain()?,
            from: asked.from.clone(),
            to: asked.to.iter().map(|(to, _)| to.clone()).collect(),
            kind: asked.kind,
            precedence: asked.precedence,
            thread,
            in_reply_to: asked.in_reply_to,
            respond_by: asked.respond_by,
            valid_seconds: asked.valid_seconds,
            labels: Arc::new(asked.labels.clone()),
            ground: asked.ground.clone(),
            nonce: asked.context.key.uuid().to_be_bytes(),
            content: text.commitment().map_err(unwritten)?,
            parts: text.parts(),
        })
    }

    /// Seals subject, body and salt of a message under the unit of its sender and month.
    pub(crate) async fn seal_message_text(
        &self,
        id: MessageId,
        from: &FunctionId,
        at: Timestamp,
        text: &Text,
    ) -> Result<Sealed, Error> {
        let unit = unit(from, at);
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        self.inner.keys.seal(&unit, &format!("message {id}"), &text.message())
    }

    /// A message, whole. A recipient that opens it has read it: that is ordered first.
    ///
    /// # Errors
    /// When the caller's function has neither sent nor received it.
    pub async fn message(
        &self,
        caller: &Caller,
        asked: &MessageAsked,
    ) -> Result<View<MessageView>, Rejection> {
        let unread = self.read(|state| {
            let mailbox = self.mailbox(state, caller, &asked.of)?;
            Ok::<_, Rejection>(mailbox.step(&asked.message)? == Some(Step::Accepted))
        })?;
        if unread {
            let mark = MarkMessage {
                message: asked.message,
                function: asked.of.function.clone(),
                step: Step::Read,
            };
            self.order_as(actor_of(caller), Command::MarkMessage(mark)).await?;
        }
        self.mail_shown(caller, &asked.of, |mailbox| Ok(mailbox.message(&asked.message)?)).await
    }

    /// The thread of a message, as far as the caller's function takes part.
    ///
    /// # Errors
    /// When it has neither sent nor received the message.
    pub async fn message_thread(
        &self,
        caller: &Caller,
        asked: &MessageAsked,
    ) -> Result<View<ThreadView>, Rejection> {
        self.mail_shown(caller, &asked.of, |mailbox| Ok(mailbox.thread(&asked.message)?)).await
    }

    /// How far messages have come that the caller's function has sent: a page of them.
    ///
    /// # Errors
    /// When it has not sent the one that is asked for.
    pub async fn track_messages(
        &self,
        caller: &Caller,
        asked: &TrackAsked,
        page: TrackPage,
    ) -> Result<View<TrackView>, Rejection> {
        let now = (self.inner.clock)();
        let shown = |mailbox: &Mailbox<'_>| Ok(mailbox.track(asked.message.as_ref(), page, now)?);
        self.mail_shown(caller, &asked.of, shown).await
    }

    /// A recipient says that a message is dealt with, or not taken.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn mark_message(&self, caller: &Caller, asked: &MarkAsked) -> Result<(), Rejection> {
        let command = MarkMessage {
            message: asked.message,
            function: asked.function.clone(),
            step: asked.step,
        };
        let body = self.body("mark_message", Command::MarkMessage(command.clone()))?;
        let make = |_: &State| Ok(Command::MarkMessage(command.clone()));
        self.propose(caller, &asked.context, &body, make).await.map(drop)
    }

    /// Whether a caller speaks for a function, on a ground.
    pub(crate) fn speaks_for(&self, caller: &Caller, of: &MailboxAsked) -> Result<(), Rejection> {
        self.read(|state| self.mailbox(state, caller, of).map(drop))
    }

    pub(crate) fn mailbox<'a>(
        &'a self,
        state: &'a State,
        caller: &'a Caller,
        of: &'a MailboxAsked,
    ) -> Result<Mailbox<'a>, Rejection> {
        let Inner { policy, keys, clock, .. } = &*self.inner;
        let ground: &Ground = &of.ground;
        Ok(policy.mailbox(state, &**keys, clock(), (caller, &of.function, ground))?)
    }

    /// As [`Self::mail`], of what is there whenever it may be read.
    pub(crate) async fn mail_shown<T>(
        &self,
        caller: &Caller,
        of: &MailboxAsked,
        mut project: impl FnMut(&Mailbox<'_>) -> Result<Projection<T>, Rejection>,
    ) -> Result<View<T>, Rejection> {
        let nothing = || Error::Fatal("a projection was made and is not there".to_owned());
        let view = self.mail(caller, of, |mailbox| project(mailbox).map(Some)).await?;
        Ok(view.ok_or_else(nothing)?)
    }

    /// Shows what a function may read, its disclosure committed first.
    pub(crate) async fn mail<T>(
        &self,
        caller: &Caller,
        of: &MailboxAsked,
        mut project: impl FnMut(&Mailbox<'_>) -> Result<Option<Projection<T>>, Rejection>,
    ) -> Result<Option<View<T>>, Rejection> {
        for _ in 0..RACES_MAX {
            let (epoch, projection) = self.read(|state| {
                let mailbox = self.mailbox(state, caller, of)?;
                Ok::<_, Rejection>((state.epoch(), project(&mailbox)?))
            })?;
            let Some(projection) = projection else { return Ok(None) };
            if let Some(view) = self.recorded(epoch, projection).await? {
                return Ok(Some(view));
            }
        }
        Err(Error::Overloaded.into())
    }
}

/// Names a recipient by the field of the request that names it: a message has its recipients in
/// their own order.
fn as_asked(asked: &SendAsked, rejection: Rejection) -> Rejection {
    let ordered: BTreeSet<&FunctionId> = asked.to.iter().map(|(to, _)| to).collect();
    let renamed = |field: &str| {
        let place = field.strip_prefix("to_functions[")?.strip_suffix(']')?.parse().ok()?;
        let recipient = *ordered.iter().nth(place)?;
        asked.to.iter().find(|(to, _)| to == recipient).map(|(_, field)| field.clone())
    };
    match rejection {
        Rejection::Denied(denial) => {
            let field = renamed(&denial.field).unwrap_or_else(|| denial.field.clone());
            Rejection::Denied(denial.at(field))
        }
        Rejection::Refused(refusal) => {
            let field = renamed(&refusal.field).map_or_else(|| refusal.field.clone(), Into::into);
            Rejection::Refused(Refusal { field, ..refusal })
        }
        other @ (Rejection::Answer(_)
        | Rejection::Signature(_)
        | Rejection::Manifest(_)
        | Rejection::Edition(_)
        | Rejection::CursorInvalid
        | Rejection::CursorTooOld
        | Rejection::Level(_)
        | Rejection::NotReached { .. }
        | Rejection::Attachment(_)
        | Rejection::Failed(_)) => other,
    }
}

/// The unit of erasure of what a function says in the month of a time.
pub(crate) fn unit(from: &FunctionId, at: Timestamp) -> UnitKey {
    Keys::month_unit(&format!("messages|{from}"), at)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it by value")]
pub(crate) fn unwritten(why: samsyn_domain::commit::Error) -> Error {
    Error::Fatal(format!("a message has no canonical form: {why}"))
}
