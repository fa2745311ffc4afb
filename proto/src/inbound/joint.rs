//! Requests about pictures: own ones, the joint one, its events, conflicts and dissents.

use std::fmt;

use samsyn_domain::{
    AreaId, ConflictId, PartyId, Period, Severity, Timestamp, Trend,
    merge::{ConflictRef, Field, Key, Outcome},
    registry::{Registry, Role},
};
use samsyn_policy::{At, Scope};

use super::{
    context::{Context, PageAsked, page, rows, scope, write_context},
    fault::{Fault, Named as _},
    publication,
    text::{self, Form},
    value,
};
use crate::{Reason, v1};

const CURSOR_BYTES_MAX: usize = 1024;
const WAIT_SECONDS_MAX: u32 = 30;

/// An own picture to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureAsked {
    /// Whose.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// At which version; 0: the newest.
    pub version: u64,
    /// Which page.
    pub page: PageAsked,
}

impl PictureAsked {
    /// # Errors
    /// When party or area is missing or has no registered form.
    pub fn parse(request: v1::GetPictureRequest) -> Result<Self, Fault> {
        Ok(Self {
            party: value::object(&request.party, PartyId::parse).named("party")?,
            area: value::object(&request.area, AreaId::parse).named("area")?,
            version: request.version,
            page: page(request.page),
        })
    }
}

/// Versions of an own picture to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionsAsked {
    /// Whose.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// Which page.
    pub page: PageAsked,
}

impl VersionsAsked {
    /// # Errors
    /// When party or area is missing or has no registered form.
    pub fn parse(request: v1::ListVersionsRequest) -> Result<Self, Fault> {
        Ok(Self {
            party: value::object(&request.party, PartyId::parse).named("party")?,
            area: value::object(&request.area, AreaId::parse).named("area")?,
            page: page(request.page),
        })
    }
}

/// A joint picture to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointAsked {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// At which revision of the view.
    pub at: At,
    /// The revision to wait for.
    pub min_revision: u64,
    /// Only what held at this moment.
    pub valid_at: Option<Timestamp>,
    /// Which page.
    pub page: PageAsked,
}

impl JointAsked {
    /// # Errors
    /// When area or period is missing or malformed, or both a revision and a time are given.
    pub fn parse(request: v1::GetJointPictureRequest) -> Result<Self, Fault> {
        let at = match (request.revision, request.recorded_at) {
            (revision, None) => at(revision),
            (0, Some(time)) => At::Recorded(value::time(time).named("recorded_at")?),
            (_, Some(_)) => return Err(Fault::new(Reason::BadField, "recorded_at")),
        };
        Ok(Self {
            area: value::object(&request.area, AreaId::parse).named("area")?,
            period: value::period(request.period).named("period")?,
            at,
            min_revision: request.min_revision,
            valid_at: request
                .valid_at
                .map(|time| value::time(time).named("valid_at"))
                .transpose()?,
            page: page(request.page),
        })
    }
}

const fn at(revision: u64) -> At {
    if revision == 0 { At::Newest } else { At::Revision(revision) }
}

/// Two revisions to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareAsked {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// The earlier revision of the view; 0: the empty picture.
    pub from: u64,
    /// The later revision of the view.
    pub to: At,
    /// Which page.
    pub page: PageAsked,
}

impl CompareAsked {
    /// # Errors
    /// When area or period is missing or malformed, or the revisions stand the wrong way round.
    pub fn parse(request: v1::CompareRevisionsRequest) -> Result<Self, Fault> {
        let (from, to) = (request.from_revision, request.to_revision);
        if to > 0 && from > to {
            return Err(Fault::new(Reason::BadField, "from_revision"));
        }
        Ok(Self {
            area: value::object(&request.area, AreaId::parse).named("area")?,
            period: value::period(request.period).named("period")?,
            from,
            to: at(to),
            page: page(request.page),
        })
    }
}

/// A finding to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainAsked {
    /// The area.
    pub area: AreaId,
    /// The finding's id.
    pub finding: String,
    /// The period.
    pub period: Period,
    /// At which revision of the view.
    pub at: At,
}

impl ExplainAsked {
    /// # Errors
    /// When area, finding or period is missing, or area or period malformed.
    pub fn parse(request: v1::ExplainFindingRequest) -> Result<Self, Fault> {
        Ok(Self {
            area: value::object(&request.area, AreaId::parse).named("area")?,
            finding: value::object(&request.finding_id, |id| Ok::<_, ()>(id.to_owned()))
                .named("finding_id")?,
            period: value::period(request.period).named("period")?,
            at: at(request.revision),
        })
    }
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchAsked {
    /// Of what.
    pub scope: Scope,
    /// From where; empty: a snapshot first. Its authenticity is not checked here.
    pub cursor: String,
}

impl WatchAsked {
    /// # Errors
    /// When the scope names what has no registered form, or the cursor is no cursor.
    pub fn parse(request: v1::WatchEventsRequest) -> Result<Self, Fault> {
        Ok(Self { scope: scope(request.scope)?, cursor: cursor(request.cursor)? })
    }
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsAsked {
    /// Of what.
    pub scope: Scope,
    /// From where; empty: a snapshot first. Its authenticity is not checked here.
    pub cursor: String,
    /// How many events at most, 1–500.
    pub limit: usize,
    /// How long to wait when there is nothing new, 0–30.
    pub wait_seconds: u32,
}

impl EventsAsked {
    /// A limit of 0 means 100; a larger limit or a longer wait than allowed is cut.
    ///
    /// # Errors
    /// When the scope names what has no registered form, or the cursor is no cursor.
    pub fn parse(request: v1::ListEventsRequest) -> Result<Self, Fault> {
        Ok(Self {
            scope: scope(request.scope)?,
            cursor: cursor(request.cursor)?,
            limit: rows(request.limit),
            wait_seconds: request.wait_seconds.min(WAIT_SECONDS_MAX),
        })
    }
}

/// What a receiver has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcknowledgeAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// All up to here.
    pub cursor: String,
}

impl AcknowledgeAsked {
    /// # Errors
    /// When the context is refused, or the cursor is missing or no cursor.
    pub fn parse(request: v1::AcknowledgeEventsRequest) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        if request.cursor.is_empty() {
            return Err(Fault::new(Reason::MissingField, "cursor"));
        }
        Ok(Self { context, cursor: cursor(request.cursor)? })
    }
}

fn cursor(cursor: String) -> Result<String, Fault> {
    let plausible =
        cursor.len() <= CURSOR_BYTES_MAX && cursor.bytes().all(|b| b.is_ascii_graphic());
    if plausible { Ok(cursor) } else { Err(Fault::new(Reason::CursorInvalid, "cursor")) }
}

/// The revisions of an area to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionsAsked {
    /// The area.
    pub area: AreaId,
    /// Which page.
    pub page: PageAsked,
}

impl RevisionsAsked {
    /// # Errors
    /// When the area is missing or has no registered form.
    pub fn parse(request: v1::ListRevisionsRequest) -> Result<Self, Fault> {
        let area = value::object(&request.area, AreaId::parse).named("area")?;
        Ok(Self { area, page: page(request.page) })
    }
}

/// The outcome of a conflict that a function states.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolve {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The conflict.
    pub conflict: ConflictRef,
    /// The area's revision that the function saw.
    pub revision: u64,
    /// Which party states it.
    pub party: PartyId,
    /// In which function.
    pub role: Role,
    /// What it should come to.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<String>,
}

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "outcome by {} as {:?} on {}", self.party, self.role, self.conflict.id())
    }
}

impl Resolve {
    /// # Errors
    /// When context, role, conflict, party or outcome is missing or malformed, or the reason
    /// identifies.
    pub fn parse(request: v1::ResolveConflictRequest, registry: &Registry) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let role = context.role.ok_or(Reason::MissingField).named("context.actor_role")?;
        let conflict = value::object(&request.conflict_id, |id| {
            let id = ConflictId::parse(id).map_err(|_| ())?;
            ConflictRef::parse(&id, registry).ok_or(())
        });
        Ok(Self {
            context,
            conflict: conflict.named("conflict_id")?,
            revision: request.revision,
            party: value::code(&request.party, PartyId::parse).named("party")?,
            role,
            outcome: outcome(request.outcome)?,
            reason: text::alone(request.reason, Form::NOTE, "reason")?,
        })
    }
}

fn outcome(asked: Option<v1::resolve_conflict_request::Outcome>) -> Result<Outcome, Fault> {
    use v1::resolve_conflict_request::Outcome as Wire;
    match asked {
        None => Err(Fault::new(Reason::MissingField, "outcome")),
        Some(Wire::Severity(grade)) => {
            let severity = Severity::of(grade).ok_or(Reason::BadField).named("severity")?;
            Ok(Outcome::Severity(severity))
        }
        Some(Wire::Trend(number)) => {
            let trend = Trend::of(number.into()).ok_or(Reason::UnknownCode).named("trend")?;
            Ok(Outcome::Trend(trend))
        }
        Some(Wire::Dissent(true)) => Ok(Outcome::Dissent),
        Some(Wire::Dissent(false)) => Err(Fault::new(Reason::BadField, "dissent")),
    }
}

/// A dissent (avvikande mening).
#[derive(Clone, PartialEq, Eq)]
pub struct DissentAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// On which finding.
    pub finding: Key,
    /// Of which period.
    pub period: Period,
    /// On which field.
    pub field: Field,
    /// Which party dissents.
    pub party: PartyId,
    /// Why.
    pub reason: Option<String>,
}

impl fmt::Debug for DissentAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dissent of {} on {} of {}", self.party, self.field.as_str(), self.finding.id())
    }
}

impl DissentAsked {
    /// # Errors
    /// When context, area, period, finding, field or party is missing or malformed, the finding is
    /// not of the area, or the reason identifies.
    pub fn parse(request: v1::RecordDissentRequest, registry: &Registry) -> Result<Self, Fault> {
        let context = write_context(request.context)?;
        let area = publication::area(&request.area, registry)?;
        let finding = value::object(&request.finding_id, |id| {
            Key::parse(id, registry).filter(|key| key.geography.area == area).ok_or(())
        });
        let field = value::code(&request.field_name, |code| Field::from_code(code).ok_or(()));
        Ok(Self {
            context,
            period: value::period(request.period).named("period")?,
            finding: finding.named("finding_id")?,
            field: field.named("field_name")?,
            party: value::code(&request.party, PartyId::parse).named("party")?,
            reason: text::alone(request.reason, Form::NOTE, "reason")?,
        })
    }
}
