//! Requests about rights, evidence and meetings, and the suspension of a service.

use std::fmt;

use samsyn_domain::{
    AreaId, ObservationId, OrganisationId, PartyId, ServiceId, Timestamp, registry::FieldGroup,
};
use samsyn_policy::{DisclosureFilter, ObservationRef, Scope};

use super::{
    context::{Context, PageAsked, page, scope, write_context},
    fault::{Fault, Named as _},
    text::{self, Form},
    value,
};
use crate::{Reason, admin, v1};

const COLLISION_SECONDS_MAX: i64 = 400 * 86_400;
const ROLE_BYTES_MAX: usize = 128;

/// A right to explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainAccessAsked {
    /// Of what.
    pub scope: Scope,
    /// Of which field group; none: of the object as such.
    pub group: Option<FieldGroup>,
}

impl ExplainAccessAsked {
    /// # Errors
    /// When the scope names what has no registered form, or the field group is unknown.
    pub fn parse(request: v1::ExplainAccessRequest) -> Result<Self, Fault> {
        let group = |code: &str| FieldGroup::from_code(code).ok_or(());
        let group = value::optional_code(&request.field_group, group).named("field_group")?;
        Ok(Self { scope: scope(request.scope)?, group })
    }
}

/// Disclosures to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosuresAsked {
    /// Which.
    pub filter: DisclosureFilter,
    /// Which page.
    pub page: PageAsked,
}

impl DisclosuresAsked {
    /// # Errors
    /// When an id has no registered form, or the end does not come after the start.
    pub fn parse(request: v1::ListDisclosuresRequest) -> Result<Self, Fault> {
        let from = request.starts_at.map(value::time).transpose().named("starts_at")?;
        let to = request.ends_at.map(value::time).transpose().named("ends_at")?;
        if from.zip(to).is_some_and(|(from, to)| from >= to) {
            return Err(Fault::new(Reason::BadTime, "ends_at"));
        }
        let receiver = value::optional_code(&request.receiver, OrganisationId::parse);
        let area = value::optional_code(&request.area, AreaId::parse);
        let filter = DisclosureFilter {
            receiver: receiver.named("receiver")?,
            area: area.named("area")?,
            from,
            to,
        };
        Ok(Self { filter, page: page(request.page) })
    }
}

/// Those who may have had an observation to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldersAsked {
    /// Which observation.
    pub of: ObservationRef,
    /// Which page.
    pub page: PageAsked,
}

impl HoldersAsked {
    /// # Errors
    /// When area, party or observation is missing. What has no registered form is answered like
    /// what is not there, as whoever may not know of it is.
    pub fn parse(request: v1::ListHoldersRequest) -> Result<Self, Fault> {
        let missing = |text: &str, field| match text {
            "" => Fault::new(Reason::MissingField, field),
            _ => Fault::new(Reason::NotFound, "observation_id"),
        };
        let v1::ListHoldersRequest { area, party, observation_id, page: asked, .. } = request;
        let of = ObservationRef {
            area: AreaId::parse(&area).map_err(|_| missing(&area, "area"))?,
            party: PartyId::parse(&party).map_err(|_| missing(&party, "party"))?,
            observation: ObservationId::parse(&observation_id)
                .map_err(|_| missing(&observation_id, "observation_id"))?,
        };
        Ok(Self { of, page: page(asked) })
    }
}

/// Collisions of meetings to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollisionsAsked {
    /// The function, as the series of meetings name it.
    pub role: String,
    /// From when, inclusive.
    pub from: Timestamp,
    /// Until when, exclusive; at most 400 days later.
    pub to: Timestamp,
}

impl CollisionsAsked {
    /// # Errors
    /// When a field is missing, or the end does not come after the start and within 400 days.
    pub fn parse(request: v1::ListMeetingCollisionsRequest) -> Result<Self, Fault> {
        let from = value::required_time(request.starts_at).named("starts_at")?;
        let to = value::required_time(request.ends_at).named("ends_at")?;
        if from >= to || to > from.after_seconds(COLLISION_SECONDS_MAX) {
            return Err(Fault::new(Reason::BadTime, "ends_at"));
        }
        let role = match request.role.len() {
            0 => Err(Reason::MissingField),
            1..=ROLE_BYTES_MAX => Ok(request.role),
            _ => Err(Reason::FieldTooLong),
        };
        Ok(Self { role: role.named("role")?, from, to })
    }
}

/// A service to shut out.
#[derive(Clone, PartialEq, Eq)]
pub struct SuspendAsked {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// The service.
    pub service: ServiceId,
    /// Why.
    pub reason: Option<String>,
}

impl fmt::Debug for SuspendAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "suspension of {}, {:?}", self.service, self.context)
    }
}

impl SuspendAsked {
    /// # Errors
    /// When context or service is missing or malformed, or the reason identifies.
    pub fn parse(request: admin::v1::SuspendServiceRequest) -> Result<Self, Fault> {
        Ok(Self {
            context: write_context(request.context)?,
            service: value::object(&request.service, ServiceId::parse).named("service")?,
            reason: text::alone(request.reason, Form::NOTE, "reason")?,
        })
    }
}
