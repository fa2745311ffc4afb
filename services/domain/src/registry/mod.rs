//! The registry: who takes part, in what, with which rights. Replicated; genesis from files.

mod agreement;
mod change;
mod check;
mod collision;
mod delivery;
mod effect;
mod home;
mod lists;
mod meeting;
mod peer;
mod place;
mod proposal;
mod record;
mod release;
mod who;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use agreement::{Agreement, Endorser, Signatory, SignedDescriptor, Track};
pub use change::{
    BadChange, Base, CHANGE_BYTES_MAX, Change, Difference, OPERATIONS_MAX, Operation,
};
pub use check::BadRegistry;
pub use collision::Collision;
pub use delivery::Delivery;
pub use effect::Effect;
pub use jiff::civil::Date;
pub use lists::{Category, Entry, LegalBasis, Lists};
pub use meeting::{Cadence, Meeting, Parity, Weekday};
pub use peer::{Function, PEER_PARTS_MAX, Peer, PeerKey, PeerOrganisation};
pub use place::{Area, NotPlaced, Place, Resolution, Responsibility, SubArea, midnight};
pub use proposal::{
    Applied, PROPOSAL_DAYS, PROPOSALS_OPEN_MAX, Proposal, ProposalId, Signed, Standing,
};
pub use record::{BadRecord, Record, RecordKey, Table};
pub use release::{FieldGroup, ReleaseRow, Shown, Variant};
pub use who::{
    EndorsementKey, Group, Organisation, Party, PartyKind, PublisherKey, RegistryKey, Role, Service,
};

use crate::{
    AgreementId, AreaId, CategoryId, DomainId, FunctionId, GroupId, KeyId, MeetingId,
    OrganisationId, PartyId, PlaceId, RowId, ServiceId, SubAreaId,
};

/// Everything registered. Built from a [`Document`], which is checked once as a whole. Tables are
/// shared with the registries that came before, as far as they are the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registry {
    organisations: Arc<BTreeMap<OrganisationId, Organisation>>,
    parties: Arc<BTreeMap<PartyId, Party>>,
    services: Arc<BTreeMap<ServiceId, Service>>,
    endorsement_keys: Arc<BTreeMap<KeyId, EndorsementKey>>,
    registry_keys: Arc<BTreeMap<KeyId, RegistryKey>>,
    publisher_keys: Arc<BTreeMap<KeyId, PublisherKey>>,
    groups: Arc<BTreeMap<GroupId, Group>>,
    areas: Arc<BTreeMap<AreaId, Area>>,
    sub_areas: Arc<BTreeMap<SubAreaId, SubArea>>,
    places: Arc<BTreeMap<PlaceId, Place>>,
    responsibilities: Arc<BTreeMap<String, Responsibility>>,
    agreements: Arc<BTreeMap<AgreementId, Agreement>>,
    descriptors: Arc<BTreeMap<AgreementId, SignedDescriptor>>,
    release_rows: Arc<BTreeMap<RowId, ReleaseRow>>,
    categories: Arc<BTreeMap<CategoryId, Category>>,
    lists: Arc<Lists>,
    meetings: Arc<BTreeMap<MeetingId, Meeting>>,
    functions: Arc<BTreeMap<FunctionId, Function>>,
    peers: Arc<BTreeMap<DomainId, Peer>>,
}

/// A registry as it is written in files and in the genesis entry.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Document {
    /// Code lists.
    pub lists: Lists,
    /// Legal entities.
    pub organisations: Vec<Organisation>,
    /// Who acts in agreements.
    pub parties: Vec<Party>,
    /// Calling systems.
    pub services: Vec<Service>,
    /// Keys that endorse.
    pub endorsement_keys: Vec<EndorsementKey>,
    /// Keys that sign changes of the registry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub registry_keys: Vec<RegistryKey>,
    /// Keys that sign publications.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publisher_keys: Vec<PublisherKey>,
    /// Named groups of organisations.
    pub groups: Vec<Group>,
    /// Categories of observations.
    pub categories: Vec<Category>,
    /// Areas with a joint picture.
    pub areas: Vec<Area>,
    /// Their parts.
    pub sub_areas: Vec<SubArea>,
    /// Registered places.
    pub places: Vec<Place>,
    /// Which party answers for which sub-area, and when.
    pub responsibilities: Vec<Responsibility>,
    /// Agreements.
    pub agreements: Vec<Agreement>,
    /// What the signatories of agreements have signed about how they endorse.
    pub descriptors: Vec<SignedDescriptor>,
    /// What receivers may have.
    pub release_rows: Vec<ReleaseRow>,
    /// Meetings that recur.
    pub meetings: Vec<Meeting>,
    /// Functions that messages are addressed to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
    /// Domains that this one is linked with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

impl Registry {
    /// Builds a registry from a document, for the edge that takes it in.
    ///
    /// # Errors
    /// When an id stands twice, names something that is not registered, or what a row would give
    /// gives away what another protects; every fault is named.
    pub fn build(document: &Document) -> Result<Self, BadRegistry> {
        check::build(document)
    }

    /// The registry of a document that was checked when it was taken in.
    pub(crate) fn of(document: &Document) -> Self {
        check::index(document, &mut Vec::new())
    }

    /// An organisation.
    #[must_use]
    pub fn organisation(&self, id: &OrganisationId) -> Option<&Organisation> {
        self.organisations.get(id)
    }

    /// The organisation with a number.
    #[must_use]
    pub fn organisation_of(&self, orgnr: &str) -> Option<&Organisation> {
        self.organisations.values().find(|organisation| organisation.orgnr == orgnr)
    }

    /// All organisations, by id.
    pub fn organisations(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.values()
    }

    /// A party.
    #[must_use]
    pub fn party(&self, id: &PartyId) -> Option<&Party> {
        self.parties.get(id)
    }

    /// All parties, by id.
    pub fn parties(&self) -> impl Iterator<Item = &Party> {
        self.parties.values()
    }

    /// A service.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&Service> {
        self.services.get(id)
    }

    /// All services, by id.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// Suspends a service; says whether it is registered.
    pub(crate) fn suspend(&mut self, id: &ServiceId) -> bool {
        let services = Arc::make_mut(&mut self.services);
        services.get_mut(id).map(|service| service.suspended = true).is_some()
    }

    /// The same without its services: what the editions of its time rest on.
    pub(crate) fn without_services(&self) -> Self {
        Self { services: Arc::default(), ..self.clone() }
    }

    /// A key that signs changes of the registry.
    #[must_use]
    pub fn registry_key(&self, id: &KeyId) -> Option<&RegistryKey> {
        self.registry_keys.get(id)
    }

    /// All keys that sign changes of the registry, by id.
    pub fn registry_keys(&self) -> impl Iterator<Item = &RegistryKey> {
        self.registry_keys.values()
    }

    /// The organisations whose registrars can sign changes of the registry.
    #[must_use]
    pub fn registrars(&self) -> BTreeSet<&OrganisationId> {
        self.registry_keys.values().map(|key| &key.organisation).collect()
    }

    /// A key that signs publications.
    #[must_use]
    pub fn publisher_key(&self, id: &KeyId) -> Option<&PublisherKey> {
        self.publisher_keys.get(id)
    }

    /// An endorsement key.
    #[must_use]
    pub fn key(&self, id: &KeyId) -> Option<&EndorsementKey> {
        self.endorsement_keys.get(id)
    }

    /// The endorsement keys of a party in a role, by id.
    pub fn keys_of<'a>(
        &'a self,
        endorser: &'a Endorser,
    ) -> impl Iterator<Item = &'a EndorsementKey> {
        self.endorsement_keys
            .values()
            .filter(|key| key.party == endorser.party && key.role == endorser.role)
    }

    /// A group.
    #[must_use]
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups.get(id)
    }

    /// The groups an organisation belongs to, by id.
    pub fn groups_of<'a>(
        &'a self,
        organisation: &'a OrganisationId,
    ) -> impl Iterator<Item = &'a Group> {
        self.groups.values().filter(|group| group.members.contains(organisation))
    }

    /// An area.
    #[must_use]
    pub fn area(&self, id: &AreaId) -> Option<&Area> {
        self.areas.get(id)
    }

    /// All areas, by id.
    pub fn areas(&self) -> impl Iterator<Item = &Area> {
        self.areas.values()
    }

    /// A sub-area.
    #[must_use]
    pub fn sub_area(&self, id: &SubAreaId) -> Option<&SubArea> {
        self.sub_areas.get(id)
    }

    /// The sub-areas of an area, by id.
    pub fn sub_areas_of<'a>(&'a self, area: &'a AreaId) -> impl Iterator<Item = &'a SubArea> {
        self.sub_areas.values().filter(move |sub_area| sub_area.area == *area)
    }

    /// A place.
    #[must_use]
    pub fn place(&self, id: &PlaceId) -> Option<&Place> {
        self.places.get(id)
    }

    /// All places, by id.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.values()
    }

    /// The name of a geography, for people.
    #[must_use]
    pub fn geography_name(&self, id: &str) -> Option<&str> {
        let place = PlaceId::parse(id).ok().and_then(|id| self.place(&id)).map(|p| p.name.as_str());
        let sub =
            || SubAreaId::parse(id).ok().and_then(|id| self.sub_area(&id)).map(|s| s.name.as_str());
        let area = || AreaId::parse(id).ok().and_then(|id| self.area(&id)).map(|a| a.name.as_str());
        place.or_else(sub).or_else(area)
    }

    /// An agreement.
    #[must_use]
    pub fn agreement(&self, id: &AgreementId) -> Option<&Agreement> {
        self.agreements.get(id)
    }

    /// All agreements, by id.
    pub fn agreements(&self) -> impl Iterator<Item = &Agreement> {
        self.agreements.values()
    }

    /// The agreement of an area.
    #[must_use]
    pub fn agreement_of(&self, area: &AreaId) -> Option<&Agreement> {
        self.agreements.values().find(|agreement| agreement.area == *area)
    }

    /// The signed descriptor of an agreement.
    #[must_use]
    pub fn descriptor(&self, agreement: &AgreementId) -> Option<&SignedDescriptor> {
        self.descriptors.get(agreement)
    }

    /// A release row.
    #[must_use]
    pub fn release_row(&self, id: &RowId) -> Option<&ReleaseRow> {
        self.release_rows.get(id)
    }

    /// All release rows, by id.
    pub fn release_rows(&self) -> impl Iterator<Item = &ReleaseRow> {
        self.release_rows.values()
    }

    /// A category.
    #[must_use]
    pub fn category(&self, id: &CategoryId) -> Option<&Category> {
        self.categories.get(id)
    }

    /// All categories, by id.
    pub fn categories(&self) -> impl Iterator<Item = &Category> {
        self.categories.values()
    }

    /// The code lists.
    #[must_use]
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// All series of meetings, by id.
    pub fn meetings(&self) -> impl Iterator<Item = &Meeting> {
        self.meetings.values()
    }
}
