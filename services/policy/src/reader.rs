//! Who reads, with which rights.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Caller, OrganisationId, PartyId, PeriodKind, PriorityId, RowId, ServiceId, State,
    Timestamp,
    disclosure::{ClassId, Ground},
    link::DeliveryRef,
    registry::{Lists, Registry, ReleaseRow, Role, Service},
};
use sha2::{Digest as _, Sha256};

use crate::{Denial, Why};

/// What areas, priority areas and kinds of period are asked for; empty means all the caller has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Areas.
    pub areas: BTreeSet<AreaId>,
    /// Priority areas.
    pub priorities: BTreeSet<PriorityId>,
    /// Kinds of period.
    pub periods: BTreeSet<PeriodKind>,
}

/// The rights that a view is made of: parties spoken for and release rows. Readers with equal
/// rights see the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rights {
    /// Who receives.
    pub organisation: OrganisationId,
    /// The parties it speaks for.
    pub parties: BTreeSet<PartyId>,
    /// The release rows.
    pub rows: BTreeSet<RowId>,
    /// The level of the link that it is received over; none: over no link.
    pub ceiling: Option<u8>,
}

impl Rights {
    /// The release class: a digest of the rights.
    #[must_use]
    pub fn class(&self) -> ClassId {
        let mut hash = Sha256::new_with_prefix(b"samsyn release class 1");
        let mut part = |text: &str| {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        };
        part(self.organisation.as_str());
        for party in &self.parties {
            part(party.as_str());
        }
        part("rows");
        for row in &self.rows {
            part(row.as_str());
        }
        if let Some(ceiling) = self.ceiling {
            part("link");
            part(&ceiling.to_string());
        }
        ClassId::of(hash.finalize().into())
    }

    /// A digest of all by which these rights are judged: policy, rows and agreements. As long as it
    /// stays the same, what was once shown is still shown.
    #[must_use]
    pub fn terms(&self, state: &State) -> [u8; 32] {
        let registry = state.registry();
        let rows: Vec<_> = self.rows.iter().map(|id| registry.release_row(id)).collect();
        let organisation = registry.organisation(&self.organisation);
        let signed = registry
            .agreements()
            .filter(|agreement| agreement.home.is_none())
            .filter(|agreement| self.parties.iter().any(|party| agreement.signed_by(party)));
        let areas: Vec<_> = signed.map(|agreement| (&agreement.id, &agreement.area)).collect();
        let mut hash = Sha256::new_with_prefix(b"samsyn terms 1");
        hash.update(state.policy().copied().unwrap_or_default());
        let groups: Vec<_> = registry.groups_of(&self.organisation).map(|g| &g.id).collect();
        hash.update(format!("{organisation:?} {groups:?} {rows:?} {areas:?}"));
        hash.finalize().into()
    }

    /// Nothing can be seen with them.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parties.is_empty() && self.rows.is_empty()
    }
}

/// A caller that reads, for a purpose, on a legal basis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    organisation: OrganisationId,
    service: ServiceId,
    serial: String,
    parties: BTreeSet<PartyId>,
    roles: BTreeSet<Role>,
    rows: Vec<RowId>,
    ground: Ground,
    /// What it reads is delivered over a link.
    over: Option<Over>,
}

/// What is delivered over a link, to which peer, up to which level.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Over {
    of: DeliveryRef,
    ceiling: u8,
}

impl Reader {
    /// A registered caller with a ground that one of its rights has. Of its release rows it reads
    /// by those alone that have this purpose on this legal basis.
    ///
    /// # Errors
    /// When the service is unknown, suspended or no reader, or no right has the purpose and legal
    /// basis.
    pub fn of(
        state: &State,
        now: Timestamp,
        caller: &Caller,
        ground: Ground,
    ) -> Result<Self, Denial> {
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        let came = is_delivered(state, service, &ground);
        Self::registered(registry, now, service, (caller.serial(), came), ground)
    }

    /// The same reader by the registry of now: its rights may have changed.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn renewed(&self, state: &State, now: Timestamp) -> Result<Self, Denial> {
        if let Some(Over { of, .. }) = &self.over {
            return Self::delivered(state, now, of);
        }
        let registry = state.registry();
        let service = in_service(registry, &self.organisation, &self.service)?;
        let came = is_delivered(state, service, &self.ground);
        Self::registered(registry, now, service, (&self.serial, came), self.ground.clone())
    }

    /// An organisation that has what it may see delivered over a link: as a service of it that
    /// reads, on the ground of the delivery, what may cross.
    ///
    /// # Errors
    /// When nothing is delivered to it any more, or no right of it has that ground.
    pub fn delivered(state: &State, now: Timestamp, of: &DeliveryRef) -> Result<Self, Denial> {
        let registry = state.registry();
        let unknown = || Denial::of(Why::UnknownService);
        let peer = registry.peer(&of.peer).ok_or_else(unknown)?;
        let delivery = peer.delivery(&of.id).ok_or_else(unknown)?;
        let link = Service {
            id: peer.id.link().map_err(|_| unknown())?,
            organisation: delivery.organisation.clone(),
            parties: delivery.parties.clone(),
            roles: BTreeSet::from([Role::Reader]),
            suspended: false,
        };
        let reader = Self::registered(registry, now, &link, ("", false), delivery.ground())?;
        let over = Over { of: of.clone(), ceiling: peer.ceiling };
        Ok(Self { over: Some(over), ..reader })
    }

    /// A service that once read on a ground, by a registry of one's choice.
    pub(crate) fn replayed(
        registry: &Registry,
        now: Timestamp,
        service: &ServiceId,
        ground: Ground,
    ) -> Result<Self, Denial> {
        let unknown = || Denial::of(Why::UnknownService);
        let service = registry.service(service).ok_or_else(unknown)?;
        let service = in_service(registry, &service.organisation, &service.id)?;
        Self::registered(registry, now, service, ("", false), ground)
    }

    fn registered(
        registry: &Registry,
        now: Timestamp,
        service: &Service,
        (serial, came): (&str, bool),
        ground: Ground,
    ) -> Result<Self, Denial> {
        let lists = registry.lists();
        // Signatories read what they sign, and auditors oversee, on any registered ground.
        // So are those read whose organisation was delivered a view on this one.
        let overseer = service.roles.contains(&Role::Auditor);
        let free = !service.parties.is_empty() || overseer || came;
        let rows = Self::rows_in_force(registry, &service.organisation, now);
        let mut rows: Vec<&ReleaseRow> =
            rows.filter(|_| service.roles.contains(&Role::Reader)).collect();
        let free = free || rows.is_empty();
        rows.retain(|row| row.purposes.contains(&ground.purpose));
        if !lists.has_purpose(&ground.purpose) || (rows.is_empty() && !free) {
            return Err(Denial::of(Why::PurposeNotCovered).at("context.purpose"));
        }
        rows.retain(|row| row.legal_bases.contains(&ground.legal_basis));
        let basis = lists.legal_basis(&ground.legal_basis);
        let Some(basis) = basis.filter(|_| free || !rows.is_empty()) else {
            return Err(Denial::of(Why::BasisNotCovered).at("context.legal_basis"));
        };
        if basis.needs_weighing && ground.weighing.is_none() {
            return Err(Denial::of(Why::WeighingRequired).at("context.weighing_ref"));
        }
        let rows = rows.into_iter().map(|row| row.id.clone()).collect();
        Ok(Self::with(service, serial, rows, ground))
    }

    fn with(service: &Service, serial: &str, rows: Vec<RowId>, ground: Ground) -> Self {
        Self {
            organisation: service.organisation.clone(),
            service: service.id.clone(),
            serial: serial.to_owned(),
            parties: service.parties.clone(),
            roles: service.roles.clone(),
            rows,
            ground,
            over: None,
        }
    }

    /// A registered caller that is told what its own change touches, on the registry's ground for
    /// that. Who speaks for no party changes nothing, and is told so by who decides on the change.
    ///
    /// # Errors
    /// When the service is unknown or suspended, or the registry names no such ground.
    pub fn own(state: &State, now: Timestamp, caller: &Caller) -> Result<Self, Denial> {
        let lists = state.registry().lists();
        let ground = lists.own_purpose.clone().zip(lists.own_basis.clone());
        let (purpose, legal_basis) = ground.ok_or_else(|| Denial::of(Why::PurposeNotCovered))?;
        let ground = Ground { purpose, legal_basis, weighing: None };
        let service = registered(state.registry(), now, caller)?;
        if service.parties.is_empty() {
            return Ok(Self::with(service, caller.serial(), Vec::new(), ground));
        }
        Self::of(state, now, caller, ground)
    }

    /// The rights of a registered caller's view, whatever it reads for.
    ///
    /// # Errors
    /// When the service is unknown or suspended.
    pub fn view_rights(state: &State, now: Timestamp, caller: &Caller) -> Result<Rights, Denial> {
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        Ok(Rights {
            organisation: service.organisation.clone(),
            parties: service.parties.clone(),
            rows: Self::rows_in_force(registry, &service.organisation, now)
                .map(|row| row.id.clone())
                .collect(),
            ceiling: None,
        })
    }

    /// The release rows of an organisation that are in force, by id.
    pub(crate) fn rows_in_force<'a>(
        registry: &'a Registry,
        receiver: &'a OrganisationId,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a ReleaseRow> {
        let rows = registry.release_rows();
        rows.filter(move |row| row.receiver == *receiver && in_force(row, now))
    }

    /// When time next changes the rights of its organisation: a release row begins or ends.
    #[must_use]
    pub fn rights_change_at(&self, registry: &Registry, now: Timestamp) -> Option<Timestamp> {
        let rows = registry.release_rows().filter(|row| row.receiver == self.organisation);
        let bounds = rows.flat_map(|row| [row.valid_from, row.valid_to]);
        bounds.map(samsyn_domain::registry::midnight).filter(|bound| now < *bound).min()
    }

    /// Its organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> &ServiceId {
        &self.service
    }

    /// The serial number of its certificate.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The parties it speaks for.
    #[must_use]
    pub const fn parties(&self) -> &BTreeSet<PartyId> {
        &self.parties
    }

    /// The roles in which it acts.
    #[must_use]
    pub const fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// On what ground it reads.
    #[must_use]
    pub const fn ground(&self) -> &Ground {
        &self.ground
    }

    /// What it reads is delivered over a link.
    #[must_use]
    pub const fn is_over_link(&self) -> bool {
        self.over.is_some()
    }

    /// It speaks for a party of some agreement.
    #[must_use]
    pub fn is_signatory(&self) -> bool {
        !self.parties.is_empty()
    }

    /// Its rights to pictures of a kind of period, live or in editions.
    #[must_use]
    pub fn rights(&self, registry: &Registry, kind: Option<PeriodKind>, live: bool) -> Rights {
        let rows = self.rows.iter().filter_map(|id| registry.release_row(id)).filter(|row| {
            (row.live || !live) && kind.is_none_or(|kind| row.periods.contains(&kind))
        });
        Rights {
            organisation: self.organisation.clone(),
            parties: self.parties.clone(),
            rows: rows.map(|row| row.id.clone()).collect(),
            ceiling: self.over.as_ref().map(|over| over.ceiling),
        }
    }

    /// The areas that rights reach; one that is at home elsewhere is shown there.
    #[must_use]
    pub fn areas(registry: &Registry, rights: &Rights) -> BTreeSet<AreaId> {
        let signed = registry
            .agreements()
            .filter(|agreement| agreement.home.is_none())
            .filter(|agreement| rights.parties.iter().any(|party| agreement.signed_by(party)))
            .map(|agreement| agreement.area.clone());
        let rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        signed.chain(rows.flat_map(|row| row.areas.iter().cloned())).collect()
    }

    /// The kinds of period of which it sees live pictures.
    #[must_use]
    pub fn live_periods(&self, registry: &Registry) -> BTreeSet<PeriodKind> {
        let kinds = PeriodKind::ALL.into_iter();
        kinds.filter(|kind| !self.rights(registry, Some(*kind), true).is_empty()).collect()
    }

    /// The scope to serve: what is asked for, or all the rights have.
    ///
    /// # Errors
    /// When it is wider than the rights: refused as a whole, never cut silently.
    pub fn scope(&self, registry: &Registry, asked: &Scope, live: bool) -> Result<Scope, Denial> {
        let rights = self.rights(registry, None, live);
        let rows: Vec<&ReleaseRow> =
            rights.rows.iter().filter_map(|id| registry.release_row(id)).collect();
        let signatory = self.is_signatory();
        let areas = Self::areas(registry, &rights);
        if areas.is_empty() {
            return Err(Denial::of(Why::NoReleaseRow).by("POL-12"));
        }
        let mut priorities: BTreeSet<PriorityId> =
            rows.iter().flat_map(|row| row.priorities.iter().cloned()).collect();
        let mut periods: BTreeSet<PeriodKind> =
            rows.iter().flat_map(|row| row.periods.iter().copied()).collect();
        if signatory {
            priorities.extend(registry.lists().priorities.iter().map(|entry| entry.id.clone()));
            periods.extend(PeriodKind::ALL);
        }
        let wide = |field: &str| Denial::of(Why::ScopeTooWide).by("POL-12").at(field);
        Ok(Scope {
            areas: narrowed(&asked.areas, areas).ok_or_else(|| wide("scope.areas"))?,
            priorities: narrowed(&asked.priorities, priorities)
                .ok_or_else(|| Denial::of(Why::NoReleaseRow).by("POL-12").at("scope.priorities"))?,
            periods: narrowed(&asked.periods, periods).ok_or_else(|| wide("scope.period_kinds"))?,
        })
    }
}

/// Whether another domain has delivered a view to a service's organisation on a ground.
fn is_delivered(state: &State, service: &Service, ground: &Ground) -> bool {
    let organisation = state.registry().organisation(&service.organisation);
    let mut all = state.deliveries().all_received();
    all.any(|received| {
        let own = &received.receiver.ground;
        organisation.is_some_and(|one| *one.orgnr == *received.receiver.orgnr)
            && (&own.purpose, &own.legal_basis) == (&ground.purpose, &ground.legal_basis)
    })
}

/// Whether a ground is one of the registry's lists, weighed where that is asked for.
///
/// # Errors
/// When it is not, at that field of the ground.
pub(crate) fn on_ground(lists: &Lists, ground: &Ground, field: &str) -> Result<(), Denial> {
    if !lists.has_purpose(&ground.purpose) {
        return Err(Denial::of(Why::PurposeNotCovered).at(format!("{field}.purpose")));
    }
    let Some(basis) = lists.legal_basis(&ground.legal_basis) else {
        return Err(Denial::of(Why::BasisNotCovered).at(format!("{field}.legal_basis")));
    };
    if basis.needs_weighing && ground.weighing.is_none() {
        return Err(Denial::of(Why::WeighingRequired).at(format!("{field}.weighing_ref")));
    }
    Ok(())
}

/// The service of a caller, when it is registered, of that organisation, and not shut out.
///
/// # Errors
/// When it is not, or its certificate has expired by now.
pub(crate) fn registered<'a>(
    registry: &'a Registry,
    now: Timestamp,
    caller: &Caller,
) -> Result<&'a Service, Denial> {
    if caller.certificate_until() <= now {
        return Err(Denial::of(Why::CertificateEnded));
    }
    in_service(registry, caller.organisation(), caller.service())
}

fn in_service<'a>(
    registry: &'a Registry,
    organisation: &OrganisationId,
    service: &ServiceId,
) -> Result<&'a Service, Denial> {
    let service = registry
        .service(service)
        .filter(|service| service.organisation == *organisation)
        .ok_or_else(|| Denial::of(Why::UnknownService))?;
    if service.suspended {
        return Err(Denial::of(Why::Suspended).by("POL-45"));
    }
    Ok(service)
}

fn in_force(row: &ReleaseRow, now: Timestamp) -> bool {
    let bound = |date: samsyn_domain::registry::Date| samsyn_domain::registry::midnight(date);
    bound(row.valid_from) <= now && now < bound(row.valid_to)
}

fn narrowed<T: Ord + Clone>(asked: &BTreeSet<T>, has: BTreeSet<T>) -> Option<BTreeSet<T>> {
    if asked.is_empty() {
        return Some(has);
    }
    asked.is_subset(&has).then(|| asked.clone())
}
