//! Messages on their way in.

use std::fmt;

use samsyn_domain::{
    FunctionId, GroupId, Labels, Timestamp,
    disclosure::Ground,
    message::{
        ATTACHMENTS_MAX, MessageId, MessageKind, PART_BYTES, Precedence, RECIPIENTS_MAX, Step,
        Text, VALID_SECONDS_MAX,
    },
    registry::Registry,
};

use super::{
    Context, PageAsked,
    context::{ground, page, write_context},
    fault::{Checked, Fault, Faults, Named as _, Within},
    labels::{self, Bounds},
    text::{self, Form},
    value,
};
use crate::{Reason, v1};

/// How long a message waits to be sent where nothing else is asked for, in seconds.
const VALID_SECONDS_DEFAULT: u32 = 7 * 86_400;
/// How many messages of an inbox are shown at once at most.
const INBOX_ROWS_MAX: u32 = 100;
/// How long an inbox is waited for at most, in seconds.
const WAIT_SECONDS_MAX: u32 = 30;

/// Whether subject, body and names of files of a message that came from another domain are what
/// could have been sent from here, to the letter.
#[must_use]
pub fn message_is_fit(sent: &Text) -> bool {
    let fits = |raw: &str, form| {
        let mut faults = Faults::default();
        let mut within = Within::new(&mut faults, String::new());
        let text = text::collected(raw.to_owned(), form, None, &mut within, "text");
        // A warning stops nothing here, as it stops nothing there.
        faults.checked(Some(())).value.is_some() && text.as_deref().unwrap_or_default() == raw
    };
    let Text { subject, body, attachments, .. } = sent;
    let mut names = attachments.iter().map(|one| &one.name);
    !subject.is_empty()
        && fits(subject, Form::SUBJECT)
        && fits(body, Form::BODY)
        && names.all(|name| !name.is_empty() && fits(name, Form::FILE_NAME))
}

/// A message to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SendAsked {
    /// Idempotency and actor.
    pub context: Context,
    /// On what ground it is given.
    pub ground: Ground,
    /// The sending function.
    pub from: FunctionId,
    /// To whom, each with the field that names it; none twice.
    pub to: Vec<(FunctionId, String)>,
    /// What it is.
    pub kind: MessageKind,
    /// How urgent.
    pub precedence: Precedence,
    /// The message that it answers.
    pub in_reply_to: Option<MessageId>,
    /// Until when an answer is asked for.
    pub respond_by: Option<Timestamp>,
    /// How long it may wait to be sent, in seconds.
    pub valid_seconds: u32,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// Its labels.
    pub labels: Labels,
    /// What names the files that go with it.
    pub attachments: Vec<Vec<u8>>,
}

impl fmt::Debug for SendAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to: Vec<&FunctionId> = self.to.iter().map(|(to, _)| to).collect();
        write!(f, "{} from {} to {to:?}", self.kind.as_str(), self.from)
    }
}

impl SendAsked {
    /// Reads a message; its labels are held against the registry.
    ///
    /// # Errors
    /// Every fault.
    pub fn parse(
        request: v1::SendMessageRequest,
        registry: &Registry,
        now: Timestamp,
    ) -> Checked<Self> {
        let mut faults = Faults::default();
        let value = Self::read(request, registry, now, &mut faults);
        faults.checked(value)
    }

    fn read(
        request: v1::SendMessageRequest,
        registry: &Registry,
        now: Timestamp,
        faults: &mut Faults,
    ) -> Option<Self> {
        let context = faults.take(write_context(request.context));
        let stated = ground(request.ground).map_err(|fault| Fault {
            field: fault.field.replacen("context", "ground", 1),
            ..fault
        });
        let stated = faults.take(stated);
        let mut within = Within::new(faults, String::new());
        let from = value::code(&request.from_function, FunctionId::parse);
        let from = within.take("from_function", from);
        let asked = (request.to_functions.as_slice(), request.to_groups.as_slice());
        let to = recipients(asked, from.as_ref(), registry, &mut within);
        let kind = value::code(&request.kind, |code| MessageKind::from_code(code).ok_or(()));
        let kind = within.take("kind", kind);
        let precedence =
            value::optional_code(&request.precedence, |code| Precedence::from_code(code).ok_or(()));
        let precedence = within.take("precedence", precedence);
        let in_reply_to = optional_message(&request.in_reply_to);
        let in_reply_to = within.take("in_reply_to", in_reply_to);
        let respond_by = request.respond_by.map(value::time).transpose();
        let respond_by = within.take("respond_by", respond_by);
        if respond_by.flatten().is_some_and(|by| by <= now) {
            within.refuse(Reason::BadTime, "respond_by");
        }
        let valid = match request.valid_seconds {
            0 => Ok(VALID_SECONDS_DEFAULT),
            1..=VALID_SECONDS_MAX => Ok(request.valid_seconds),
            _ => Err(Reason::BadField),
        };
        let valid_seconds = within.take("valid_seconds", valid);
        let subject = text::collected(request.subject, Form::SUBJECT, None, &mut within, "subject");
        if subject.is_none() {
            within.refuse(Reason::MissingField, "subject");
        }
        let body = text::collected(request.body, Form::BODY, None, &mut within, "body");
        let bounds = Bounds { registry, start: Some(now), now };
        let labels = labels::labels(request.labels, bounds, &mut within, "labels");
        if labels.as_ref().is_some_and(|labels| !labels.audience.is_empty()) {
            within.refuse(Reason::BadLabels, "labels.audience");
        }
        if request.attachments.len() > ATTACHMENTS_MAX {
            within.refuse(Reason::TooLarge, "attachments");
        }
        let (ground, _) = stated?;
        Some(Self {
            attachments: request.attachments,
            context: context?,
            ground,
            from: from?,
            to: to?,
            kind: kind?,
            precedence: precedence?.unwrap_or(Precedence::Routine),
            in_reply_to: in_reply_to?,
            respond_by: respond_by?,
            valid_seconds: valid_seconds?,
            subject: subject?,
            body: body.unwrap_or_default(),
            labels: labels?,
        })
    }
}

/// Functions by name, and those of groups as they are registered.
fn recipients(
    (functions, groups): (&[String], &[String]),
    from: Option<&FunctionId>,
    registry: &Registry,
    within: &mut Within<'_>,
) -> Option<Vec<(FunctionId, String)>> {
    if functions.is_empty() && groups.is_empty() {
        within.refuse(Reason::MissingField, "to_functions");
        return None;
    }
    for (asked, name) in [(functions, "to_functions"), (groups, "to_groups")] {
        if asked.len() > RECIPIENTS_MAX {
            within.refuse(Reason::TooLarge, name);
            return None;
        }
    }
    let mut to: Vec<(FunctionId, String)> = Vec::new();
    let mut whole = true;
    for (place, text) in functions.iter().enumerate() {
        let name = format!("to_functions[{place}]");
        match within.take(&name, value::code(text, FunctionId::parse)) {
            Some(function) if !is_in(&to, &function) => to.push((function, name)),
            Some(_) => {
                within.refuse(Reason::DuplicateId, &name);
                whole = false;
            }
            None => whole = false,
        }
    }
    for (place, text) in groups.iter().enumerate() {
        let name = format!("to_groups[{place}]");
        let Some(id) = within.take(&name, value::code(text, GroupId::parse)) else {
            whole = false;
            continue;
        };
        let group = registry.group(&id).map(|group| &group.functions);
        let mut others = group.into_iter().flatten().filter(|one| Some(*one) != from).peekable();
        if others.peek().is_none() {
            within.refuse(Reason::UnknownAddress, &name);
            whole = false;
        }
        for function in others {
            if !is_in(&to, function) {
                to.push((function.clone(), name.clone()));
            }
        }
    }
    if to.len() > RECIPIENTS_MAX {
        within.refuse(Reason::TooLarge, "to_groups");
        return None;
    }
    whole.then_some(to)
}

fn is_in(to: &[(FunctionId, String)], function: &FunctionId) -> bool {
    to.iter().any(|(one, _)| one == function)
}

fn message(text: &str) -> Result<MessageId, Reason> {
    value::object(text, |text| MessageId::parse(text).ok_or(()))
}

fn optional_message(text: &str) -> Result<Option<MessageId>, Reason> {
    if text.is_empty() { Ok(None) } else { message(text).map(Some) }
}

/// A function's messages, on a ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxAsked {
    /// On what ground.
    pub ground: Ground,
    /// Which function.
    pub function: FunctionId,
}

impl MailboxAsked {
    fn parse(context: Option<v1::ReadContext>, function: &str) -> Result<Self, Fault> {
        let (ground, _) = ground(context)?;
        let function = value::object(function, FunctionId::parse).named("function_address")?;
        Ok(Self { ground, function })
    }
}

/// A file that is uploaded.
#[derive(Clone, PartialEq, Eq)]
pub struct FileAsked {
    /// For whom, on what ground.
    pub of: MailboxAsked,
    /// Its name.
    pub name: String,
}

impl fmt::Debug for FileAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a file of {}", self.of.function)
    }
}

impl FileAsked {
    /// Reads the first message of an upload, but for its bytes.
    ///
    /// # Errors
    /// When ground or function is missing or malformed, or the name is not one.
    pub fn parse(first: Option<&v1::UploadAttachmentRequest>) -> Result<Self, Fault> {
        let first = first.ok_or_else(|| Fault::new(Reason::MissingField, "name"))?;
        let of = MailboxAsked::parse(first.context.clone(), &first.function_address)?;
        let name = text::alone(first.name.clone(), Form::FILE_NAME, "name")?;
        let name = name.ok_or_else(|| Fault::new(Reason::MissingField, "name"))?;
        Ok(Self { of, name })
    }

    /// The bytes of a message of an upload.
    ///
    /// # Errors
    /// When they are more than one may have.
    pub fn chunk(message: &v1::UploadAttachmentRequest) -> Result<&[u8], Fault> {
        if message.chunk.len() > PART_BYTES {
            return Err(Fault::new(Reason::TooLarge, "chunk"));
        }
        Ok(&message.chunk)
    }
}

/// One attachment of a message, as one of its parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentAsked {
    /// As whom.
    pub of: MailboxAsked,
    /// Of which message.
    pub message: MessageId,
    /// Which, from 1.
    pub number: usize,
}

impl AttachmentAsked {
    /// # Errors
    /// When ground, function or message is missing or malformed.
    pub fn parse(request: v1::GetAttachmentRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        let message = message(&request.message_id).named("message_id")?;
        let number = usize::try_from(request.number).unwrap_or(usize::MAX);
        Ok(Self { of, message, number })
    }
}

/// A part of an inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxAsked {
    /// Whose.
    pub of: MailboxAsked,
    /// After which number.
    pub after: u64,
    /// How many at most.
    pub size: usize,
    /// How long to wait, in seconds.
    pub wait_seconds: u32,
}

impl InboxAsked {
    /// # Errors
    /// When ground or function is missing or malformed, or more is asked for than is given.
    pub fn parse(request: v1::ListInboxRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        let size = if request.size == 0 { INBOX_ROWS_MAX } else { request.size };
        let size = size.min(INBOX_ROWS_MAX);
        if request.wait_seconds > WAIT_SECONDS_MAX {
            return Err(Fault::new(Reason::BadField, "wait_seconds"));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let wait_seconds = request.wait_seconds;
        Ok(Self { of, after: request.after_number, size, wait_seconds })
    }

    /// # Errors
    /// When ground or function is missing or malformed.
    pub fn watched(request: v1::WatchInboxRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        let size = usize::try_from(INBOX_ROWS_MAX).unwrap_or(usize::MAX);
        Ok(Self { of, after: request.after_number, size, wait_seconds: 0 })
    }
}

/// One message, as one of its parties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageAsked {
    /// As whom.
    pub of: MailboxAsked,
    /// Which.
    pub message: MessageId,
}

impl MessageAsked {
    /// # Errors
    /// When ground, function or message is missing or malformed.
    pub fn parse(request: v1::GetMessageRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        Ok(Self { of, message: message(&request.message_id).named("message_id")? })
    }

    /// # Errors
    /// As [`Self::parse`].
    pub fn thread(request: v1::ListThreadRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        Ok(Self { of, message: message(&request.message_id).named("message_id")? })
    }
}

/// A word on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkAsked {
    /// Idempotency and actor.
    pub context: Context,
    /// As which recipient.
    pub function: FunctionId,
    /// Which message.
    pub message: MessageId,
    /// Dealt with, or not taken.
    pub step: Step,
}

impl MarkAsked {
    /// # Errors
    /// When something is missing or malformed, or the step is not one that a recipient says.
    pub fn parse(request: v1::MarkMessageRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let function = value::object(&request.function_address, FunctionId::parse)
            .named("function_address")?;
        let id = message(&request.message_id).named("message_id")?;
        let step = match v1::MessageStep::try_from(request.step) {
            Ok(v1::MessageStep::Acted) => Step::Acted,
            Ok(v1::MessageStep::Rejected) => Step::Rejected,
            Ok(v1::MessageStep::Unspecified) => {
                return Err(Fault::new(Reason::MissingField, "step"));
            }
            Ok(
                v1::MessageStep::Stored
                | v1::MessageStep::Relayed
                | v1::MessageStep::Received
                | v1::MessageStep::Accepted
                | v1::MessageStep::Read
                | v1::MessageStep::Expired,
            )
            | Err(_) => return Err(Fault::new(Reason::UnknownCode, "step")),
        };
        Ok(Self { context, function, message: id, step })
    }
}

/// Messages that were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackAsked {
    /// By whom.
    pub of: MailboxAsked,
    /// One of them; none: all.
    pub message: Option<MessageId>,
    /// Which page.
    pub page: PageAsked,
}

impl TrackAsked {
    /// # Errors
    /// When ground or function is missing or malformed.
    pub fn parse(request: v1::TrackMessagesRequest) -> Result<Self, Fault> {
        let of = MailboxAsked::parse(request.context, &request.function_address)?;
        let message = optional_message(&request.message_id).named("message_id")?;
        Ok(Self { of, message, page: page(request.page) })
    }
}
