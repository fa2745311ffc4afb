//! Requests about editions (utgåvor).

use std::fmt;

use samsyn_domain::{
    AreaId, EditionId, KeyId, Labels, PartyId, Period, Timestamp,
    edition::Verdict,
    link::SentAnswer,
    registry::{Registry, Role, Track},
};

use super::{
    context::{Context, PageAsked, page, write_context},
    fault::{Fault, Faults, Named as _, Within},
    labels::{self, Bounds},
    publication,
    text::{self, Form},
    value,
};
use crate::{Reason, v1};

/// The canonical endorsement is some 600 bytes; ids at their longest make it three times that.
const STATEMENT_BYTES_MAX: usize = 4 * 1024;
/// An Ed25519 signature (RFC 8032).
const SIGNATURE_BYTES: usize = 64;
const SALT_BYTES: usize = 32;

/// An edition to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// How it is agreed on.
    pub track: Track,
    /// By when the answers are wanted.
    pub due: Timestamp,
    /// Which party opens it.
    pub party: PartyId,
}

impl OpenAsked {
    /// # Errors
    /// When a field is missing or malformed, or the period not of a kind that is agreed.
    pub fn parse(request: v1::OpenEditionRequest, registry: &Registry) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let area = publication::area(&request.area, registry)?;
        let period = publication::agreed_period(request.period, Some(&area), registry);
        let track = value::code(&request.track, |code| Track::from_code(code).ok_or(()));
        Ok(Self {
            context,
            period: period.named("period")?,
            track: track.named("track")?,
            due: value::required_time(request.due).named("due")?,
            party: value::code(&request.party, PartyId::parse).named("party")?,
            area,
        })
    }
}

/// An edition to lock.
#[derive(Clone, PartialEq, Eq)]
pub struct LockAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The edition.
    pub edition: EditionId,
    /// The area's revision to lock.
    pub revision: u64,
    /// The joint analysis.
    pub analysis: String,
    /// Who may have it.
    pub labels: Labels,
    /// Which party locks it.
    pub party: PartyId,
}

impl fmt::Debug for LockAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lock of {} at {} by {}", self.edition, self.revision, self.party)
    }
}

impl LockAsked {
    /// The retention of the analysis counts from now.
    ///
    /// # Errors
    /// When a field is missing or malformed, or the analysis identifies.
    pub fn parse(
        request: v1::LockEditionRequest,
        registry: &Registry,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let edition = edition_id(&request.edition_id)?;
        let analysis = text::alone(request.analysis, Form::ANALYSIS, "analysis")?;
        let mut faults = Faults::default();
        let bounds = Bounds { registry, start: Some(now), now };
        let mut within = Within::new(&mut faults, String::new());
        let labels =
            labels::labels(request.analysis_labels, bounds, &mut within, "analysis_labels");
        let party = value::code(&request.party, PartyId::parse).named("party");
        let missing = || Fault::new(Reason::LabelsMissing, "analysis_labels");
        match (faults.first(), labels) {
            (Some(fault), _) => Err(fault),
            (None, None) => Err(missing()),
            (None, Some(labels)) => Ok(Self {
                context,
                edition,
                revision: request.revision,
                analysis: analysis.unwrap_or_default(),
                labels,
                party: party?,
            }),
        }
    }
}

/// A signed answer to an edition. That signature and statement hold is verified elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct AnswerAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The edition.
    pub edition: EditionId,
    /// Which party answers.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// What it says.
    pub verdict: Verdict,
    /// The reservation or objection, as it was committed to.
    pub text: Option<String>,
    /// The salt of its commitment: 32 bytes, or none when there is no text.
    pub text_salt: Vec<u8>,
    /// The signed payload, at most 4 KiB.
    pub statement: Vec<u8>,
    /// The signature, 64 bytes.
    pub signature: Vec<u8>,
    /// With which key.
    pub key: KeyId,
}

impl fmt::Debug for AnswerAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} as {:?} to {}", self.verdict, self.party, self.role, self.edition)
    }
}

impl AnswerAsked {
    /// # Errors
    /// When a field is missing or malformed, or the text identifies.
    pub fn parse(request: v1::AnswerEditionRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let edition = edition_id(&request.edition_id)?;
        let answer = request.answer.ok_or(Reason::MissingField).named("answer")?;
        let role =
            value::role(&answer.actor_role).and_then(|role| role.ok_or(Reason::MissingField));
        let text = text_of(answer.text, &answer.text_salt)?;
        let key = match answer.key_id.as_str() {
            "" => Err(Reason::MissingField),
            id => KeyId::parse(id).map_err(|_| Reason::KeyUnknown),
        };
        signed(&answer.statement, &answer.signature)?;
        Ok(Self {
            context,
            edition,
            party: value::code(&answer.party, PartyId::parse).named("answer.party")?,
            role: role.named("answer.actor_role")?,
            verdict: verdict(answer.verdict).named("answer.verdict")?,
            text,
            text_salt: answer.text_salt,
            statement: answer.statement,
            signature: answer.signature,
            key: key.named("answer.key_id")?,
        })
    }
}

/// Whether an answer that came from another domain could have been given here.
///
/// # Errors
/// As of [`AnswerAsked::parse`].
pub fn answer_fits(sent: &SentAnswer) -> Result<(), Fault> {
    let text = text_of(sent.text.clone(), &sent.text_salt)?;
    if text.as_deref().unwrap_or_default() != sent.text {
        return Err(Fault::new(Reason::BadField, "answer.text"));
    }
    signed(&sent.statement, &sent.signature)
}

/// The text of an answer with the salt that it needs.
fn text_of(text: String, salt: &[u8]) -> Result<Option<String>, Fault> {
    let text = text::alone(text, Form::ANSWER, "answer.text")?;
    match salt.len() {
        SALT_BYTES => Ok(text),
        0 if text.is_none() => Ok(text),
        _ => Err(Fault::new(Reason::BadField, "answer.text_salt")),
    }
}

/// A statement and its signature have the length of such.
fn signed(statement: &[u8], signature: &[u8]) -> Result<(), Fault> {
    let ok = |holds: bool, reason| if holds { Ok(()) } else { Err(reason) };
    ok(!statement.is_empty(), Reason::MissingField).named("answer.statement")?;
    let short = statement.len() <= STATEMENT_BYTES_MAX;
    ok(short, Reason::FieldTooLong).named("answer.statement")?;
    ok(!signature.is_empty(), Reason::MissingField).named("answer.signature")?;
    ok(signature.len() == SIGNATURE_BYTES, Reason::BadSignature).named("answer.signature")
}

fn verdict(number: i32) -> Result<Verdict, Reason> {
    match v1::Verdict::try_from(number) {
        Ok(v1::Verdict::Unspecified) => Err(Reason::MissingField),
        Ok(v1::Verdict::Endorsed) => Ok(Verdict::Endorsed),
        Ok(v1::Verdict::EndorsedWithReservation) => Ok(Verdict::Reserved),
        Ok(v1::Verdict::Objected) => Ok(Verdict::Objected),
        Err(_) => Err(Reason::UnknownCode),
    }
}

/// An edition to release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The edition.
    pub edition: EditionId,
    /// The content root that is released.
    pub root: [u8; 32],
    /// Which party releases it.
    pub party: PartyId,
}

impl ReleaseAsked {
    /// # Errors
    /// When a field is missing or malformed.
    pub fn parse(request: v1::ReleaseEditionRequest) -> Result<Self, Fault> {
        Ok(Self {
            context: write_context(request.context)?,
            edition: edition_id(&request.edition_id)?,
            root: value::digest(&request.content_root).named("content_root")?,
            party: value::code(&request.party, PartyId::parse).named("party")?,
        })
    }
}

/// An edition to read or to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionAsked {
    /// The edition.
    pub edition: EditionId,
    /// Which page.
    pub page: PageAsked,
}

impl EditionAsked {
    /// # Errors
    /// When the edition is missing or its id malformed.
    pub fn parse(request: v1::GetEditionRequest) -> Result<Self, Fault> {
        Ok(Self { edition: edition_id(&request.edition_id)?, page: page(request.page) })
    }

    /// # Errors
    /// When the edition is missing or its id malformed.
    pub fn review(request: v1::GetEditionReviewRequest) -> Result<Self, Fault> {
        Ok(Self { edition: edition_id(&request.edition_id)?, page: page(request.page) })
    }
}

/// The editions of an area to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionsAsked {
    /// The area.
    pub area: AreaId,
    /// Which page.
    pub page: PageAsked,
}

impl EditionsAsked {
    /// # Errors
    /// When the area is missing or has no registered form.
    pub fn parse(request: v1::ListEditionsRequest) -> Result<Self, Fault> {
        let area = value::object(&request.area, AreaId::parse).named("area")?;
        Ok(Self { area, page: page(request.page) })
    }
}

fn edition_id(id: &str) -> Result<EditionId, Fault> {
    value::object(id, EditionId::parse).named("edition_id")
}
