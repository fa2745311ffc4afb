//! The area that two of the domains have an agreement on: what both register of it, and which of
//! them is its home.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, DomainId, Kind, LegalBasisId, OrganisationId, PeriodKind, PurposeId, RowId,
    registry::{
        Agreement, Change, Date, Document, FieldGroup, Lists, Operation, Organisation, Party,
        Record, Registry, ReleaseRow, Role, Track, Variant,
    },
};

use super::{
    Error,
    domains::{BASIS, CITY, POLICE, PRISON, PURPOSE, Who},
};
use crate::world::{self, Seed};

/// Skärholmen.
pub(super) const AREA: &str = "sthlm-skarholmen";

/// Has a domain with a party to the agreement know the area, both parties and their organisations.
///
/// # Errors
/// When the demo city cannot be made.
pub(super) fn register(who: Who, document: &mut Document) -> Result<(), Error> {
    let Some(other) = other(who) else { return Ok(()) };
    let own = |_| Error::Own("registry");
    let area = AreaId::parse(AREA).map_err(own)?;
    let none = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let city = world::registry(&Seed::demo()?, &none.0, &none.1, &none.2)?;
    document.lists = city.lists;
    document.categories = city.categories;
    document.areas = city.areas.into_iter().filter(|one| one.id == area).collect();
    document.sub_areas = city.sub_areas.into_iter().filter(|one| one.area == area).collect();
    let known: BTreeSet<_> = document.sub_areas.iter().map(|one| one.id.clone()).collect();
    document.places = city.places.into_iter().filter(|one| known.contains(&one.sub_area)).collect();
    let signs = |party: &str| [CITY.party, POLICE.party].contains(&party);
    document.parties = city.parties.into_iter().filter(|party| signs(party.id.as_str())).collect();
    let agreements = city.agreements.into_iter().filter(|one| one.area == area);
    document.agreements = agreements
        .map(|mut agreement| {
            agreement.signatories.retain(|one| signs(one.party.as_str()));
            agreement.tracks.retain(|track, _| *track == Track::Operative);
            agreement
        })
        .collect();
    document.organisations.push(Organisation {
        id: OrganisationId::parse(other.organisation).map_err(own)?,
        name: other.title.to_owned(),
        orgnr: other.orgnr.to_owned(),
        trust_domain: format!("tjanster.{}", other.domain),
        clearance: 3,
    });
    if who.domain == CITY.domain {
        document.organisations.push(Organisation {
            id: OrganisationId::parse(PRISON.organisation).map_err(own)?,
            name: PRISON.title.to_owned(),
            orgnr: PRISON.orgnr.to_owned(),
            trust_domain: format!("tjanster.{}", PRISON.domain),
            clearance: 2,
        });
        document.release_rows.push(for_the_prison_service(&document.lists)?);
    }
    let desk = who.desk()?;
    for service in document.services.iter_mut().filter(|service| service.id == desk) {
        let parties = document.parties.iter().filter(|party| party.id.as_str() == who.party);
        service.parties = parties.map(|party| party.id.clone()).collect();
        service.roles.extend([Role::Publisher, who.endorses]);
    }
    Ok(())
}

/// What the prison service may have of the area: by district, when and how many, and no text.
fn for_the_prison_service(lists: &Lists) -> Result<ReleaseRow, Error> {
    let own = |_| Error::Own("release row");
    Ok(ReleaseRow {
        id: RowId::parse("kriminalvarden-skarholmen").map_err(own)?,
        receiver: OrganisationId::parse(PRISON.organisation).map_err(own)?,
        areas: [AreaId::parse(AREA).map_err(own)?].into(),
        priorities: lists.priorities.iter().map(|priority| priority.id.clone()).collect(),
        kinds: [Kind::ObservedDisorder].into(),
        periods: [PeriodKind::Month].into(),
        shown: [
            (FieldGroup::Place, Variant::District),
            (FieldGroup::Time, Variant::Exact),
            (FieldGroup::Counts, Variant::Exact),
        ]
        .into(),
        purposes: [PurposeId::parse(PURPOSE).map_err(own)?].into(),
        legal_bases: [LegalBasisId::parse(BASIS).map_err(own)?].into(),
        live: true,
        protected_counts: false,
        declares_withheld: true,
        valid_from: Date::constant(2025, 1, 1),
        valid_to: Date::constant(2100, 1, 1),
    })
}

/// The other party to the agreement.
fn other(who: Who) -> Option<Who> {
    [(CITY, POLICE), (POLICE, CITY)]
        .into_iter()
        .find(|(one, _)| one.domain == who.domain)
        .map(|(_, other)| other)
}

/// What a domain's registrar signs once it is linked: that the city's domain orders the joint
/// picture, and that the other party keeps its own picture at home.
///
/// # Errors
/// When the registry does not have the area.
pub(super) fn homes(who: Who, registry: &Registry) -> Result<Change, Error> {
    let own = || Error::Own("agreement");
    let other = other(who).ok_or_else(own)?;
    let party = registry.parties().find(|party| party.id.as_str() == other.party);
    let agreement = registry.agreements().find(|one| one.area.as_str() == AREA);
    let home = |who: Who| DomainId::parse(who.domain).map_err(|_| own());
    let party = Party { home: Some(home(other)?), ..party.ok_or_else(own)?.clone() };
    let mut operations = Vec::new();
    if who.domain != CITY.domain {
        let agreement = Agreement { home: Some(home(CITY)?), ..agreement.ok_or_else(own)?.clone() };
        operations.push(Operation::Put(Record::Agreements(agreement).into()));
    }
    operations.push(Operation::Put(Record::Parties(party).into()));
    Change::of(operations).map_err(|_| own())
}
