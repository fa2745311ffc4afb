//! The trade, pure: own pictures, the joint picture, editions and the evidence of who received
//! what. No clock, thread, wire byte or randomness is known here: time and identity are arguments.

mod caller;
pub mod command;
pub mod commit;
pub mod disclosure;
pub mod edition;
mod form;
mod geography;
mod id;
mod labels;
mod level;
pub mod link;
pub mod merge;
pub mod message;
mod observation;
mod period;
mod refusal;
pub mod registry;
pub mod row;
pub mod screening;
mod state;
mod time;

pub use caller::Caller;
pub use form::Form;
pub use geography::{Coordinates, Geography, Level};
pub use id::{
    AgreementId, AreaId, CategoryId, ConflictId, DomainId, EditionId, FunctionId, GroupId, KeyId,
    LegalBasisId, MeetingId, ObservationId, OrganisationId, PartyId, PlaceId, PriorityId,
    PurposeId, RowId, ServiceId, SourceId, SubAreaId,
};
pub use labels::{Audience, LabelClass, Labels, Regime, Secrecy};
pub use level::FeatureLevel;
pub use observation::{
    Basis, COUNT_MAX, Content, Credibility, Draft, Kind, NOTE_CHARACTERS_MAX, Observation,
    Reliability, SPAN_SECONDS_MAX, Sealed, Secret, Severity, Trend, UnitKey,
};
pub use period::{Period, PeriodKind};
pub use refusal::{Reason, Refusal};
pub use state::{
    Applied, AreaState, Contributions, DeliveredEditions, Deliveries, Kept, Links, Messages, Parts,
    Picture, Placed, State, View, in_full,
};
pub use time::Timestamp;
