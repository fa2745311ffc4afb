//! The trade, pure: own pictures, the joint picture, editions and the evidence of who received
//! what. No clock, thread, wire byte or randomness is known here: time and identity are arguments.

mod caller;
mod geography;
mod id;
mod labels;
mod observation;
mod period;
pub mod registry;
mod time;

pub use caller::Caller;
pub use geography::{Coordinates, Geography, Level};
pub use id::{
    AgreementId, AreaId, CategoryId, ConflictId, EditionId, GroupId, KeyId, LegalBasisId,
    MeetingId, ObservationId, OrganisationId, PartyId, PlaceId, PriorityId, PurposeId, RowId,
    ServiceId, SourceId, SubAreaId,
};
pub use labels::{Audience, LabelClass, Labels, Regime, Secrecy};
pub use observation::{
    Basis, Content, Credibility, Draft, Kind, NOTE_CHARACTERS_MAX, Observation, Reliability,
    Sealed, Secret, Severity, Trend, UnitKey,
};
pub use period::{Period, PeriodKind};
pub use time::Timestamp;
