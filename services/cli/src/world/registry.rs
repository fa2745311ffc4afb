//! The registry of the demo city.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use samsyn_domain::{
    AgreementId, FunctionId, GroupId, KeyId, OrganisationId, PartyId, PeriodKind, ServiceId,
    registry::{
        self, Agreement, Document, EndorsementKey, Endorser, Function, Group, Party, PartyKind,
        PublisherKey, RegistryKey, Responsibility, Role, Service, Track,
    },
};

use super::{
    Error,
    seed::{Area, Seed, SubArea},
};

/// The collaboration agreement between the city and the police is in force from this day on.
const AGREEMENTS_FROM: Date = date(2024, 1, 1);

/// Ed25519 public keys of those who endorse.
pub(crate) type Keys = BTreeMap<Endorser, [u8; 32]>;
/// Ed25519 public keys of those whose registrars change the registry.
pub(crate) type RegistrarKeys = BTreeMap<OrganisationId, [u8; 32]>;

/// Public keys with which parties sign what they publish, as the registry writes them.
pub(crate) type PublisherKeys = BTreeMap<PartyId, String>;

/// The registry document of the demo city. Who has no key gets none registered.
///
/// # Errors
/// When an id of the seed cannot be part of another id.
pub(crate) fn registry(
    seed: &Seed,
    keys: &Keys,
    registrars: &RegistrarKeys,
    publishers: &PublisherKeys,
) -> Result<Document, Error> {
    let mut document = seed.rights.clone();
    document.parties = parties(seed);
    document.services.extend(services(seed, &document.parties)?);
    document.functions.extend(functions(seed, &document.parties)?);
    document.groups.extend(working_groups(seed, &document.functions)?);
    document.endorsement_keys = endorsement_keys(keys)?;
    document.registry_keys = registry_keys(registrars)?;
    document.publisher_keys = publisher_keys(publishers)?;
    document.categories = seed.categories.iter().map(|c| c.registered.clone()).collect();
    document.areas = areas(seed);
    document.sub_areas = sub_areas(seed);
    document.places = places(seed);
    document.responsibilities = responsibilities(seed);
    document.agreements = agreements(seed)?;
    document.meetings.clone_from(&seed.meetings);
    for row in document.release_rows.iter_mut().filter(|row| row.areas.is_empty()) {
        row.areas = seed.areas.iter().map(|area| area.id.clone()).collect();
    }
    Ok(document)
}

/// All whose signed answer some edition of the demo requires, by party and role.
pub(crate) fn endorsers(seed: &Seed) -> Vec<Endorser> {
    let tracks = seed.areas.iter().map(|area| tracks(seed, area));
    let all: BTreeSet<Endorser> = tracks.flat_map(BTreeMap::into_values).flatten().collect();
    all.into_iter().collect()
}

fn parties(seed: &Seed) -> Vec<Party> {
    let party = |id: &PartyId, name: &str, kind, sub_kind: &str| Party {
        id: id.clone(),
        organisation: if kind == PartyKind::Police { &seed.police } else { &seed.city }.clone(),
        name: name.to_owned(),
        kind,
        sub_kind: sub_kind.to_owned(),
        signs: false,
        home: None,
    };
    let administrations = seed.areas.iter().map(|area| {
        let administration = &area.administration;
        let kind = PartyKind::Municipal;
        party(&administration.id, &administration.name, kind, "district_administration")
    });
    let police = seed
        .local_police_areas
        .iter()
        .map(|p| party(&p.id, &p.name, PartyKind::Police, "local_police_area"));
    let departments = seed
        .departments
        .iter()
        .map(|d| party(&d.id, &d.name, PartyKind::Municipal, "city_department"));
    administrations.chain(police).chain(departments).collect()
}

/// One service a party; a former local police area has none.
fn services(seed: &Seed, parties: &[Party]) -> Result<Vec<Service>, Error> {
    parties.iter().filter(|party| !is_former(seed, &party.id)).map(service).collect()
}

fn is_former(seed: &Seed, party: &PartyId) -> bool {
    seed.local_police_areas.iter().any(|p| p.id == *party && p.valid_to.is_some())
}

fn service(party: &Party) -> Result<Service, Error> {
    let text = format!("{}/{}", party.organisation, party.id);
    let function = match (party.kind, party.sub_kind.as_str()) {
        (PartyKind::Police, _) => Some(Role::Kommunpolis),
        (PartyKind::Municipal, "district_administration") => Some(Role::Coordinator),
        (PartyKind::Municipal | PartyKind::Other, _) => None,
    };
    let roles = [Role::Publisher, Role::Reader, Role::Endorser];
    Ok(Service {
        id: ServiceId::parse(&text).map_err(|why| Error::id(&text, why))?,
        organisation: party.organisation.clone(),
        parties: [party.id.clone()].into(),
        roles: roles.into_iter().chain(function).collect(),
        suspended: false,
    })
}

/// A function for the coordinator of each district administration and for the kommunpolis of each
/// local police area.
fn functions(seed: &Seed, parties: &[Party]) -> Result<Vec<Function>, Error> {
    let acting = parties.iter().filter(|party| !is_former(seed, &party.id));
    let named = acting.filter_map(|party| match (party.kind, party.sub_kind.as_str()) {
        (PartyKind::Police, _) => Some((party, "kommunpolis", "Kommunpolis")),
        (PartyKind::Municipal, "district_administration") => {
            Some((party, "samordnare", "Samordnare"))
        }
        (PartyKind::Municipal | PartyKind::Other, _) => None,
    });
    let function = |(party, role, title): (&Party, &str, &str)| {
        let organisations = &seed.rights.organisations;
        let own = organisations.iter().find(|one| one.id == party.organisation);
        let orgnr = own.map_or("", |organisation| organisation.orgnr.as_str());
        // `sdf-skarholmen` and `lpo-skarholmen` are of the same place.
        let place = party.id.as_str().split_once('-').map_or("", |(_, place)| place);
        let id = format!("{orgnr}/{role}-{place}");
        Ok(Function {
            id: FunctionId::parse(&id).map_err(|why| Error::id(&id, why))?,
            organisation: party.organisation.clone(),
            name: format!("{title}, {}", party.name),
            services: [service(party)?.id].into(),
        })
    };
    named.map(function).collect()
}

/// The local working group (lokal arbetsgrupp) of each area: coordinator and kommunpolis.
fn working_groups(seed: &Seed, functions: &[Function]) -> Result<Vec<Group>, Error> {
    let group = |area: &Area| {
        let all = tracks(seed, area);
        let parties = all.get(&Track::Operative).into_iter().flatten().map(|one| &one.party);
        let ends: Vec<String> = parties.map(|party| format!("/{party}")).collect();
        let speaks = |service: &ServiceId| ends.iter().any(|end| service.as_str().ends_with(end));
        let acts = |function: &&Function| function.services.iter().any(speaks);
        let (_, place) = area.id.as_str().split_once('-').unwrap_or_default();
        let id = format!("arbetsgrupp-{place}");
        Ok(Group {
            id: GroupId::parse(&id).map_err(|why| Error::id(&id, why))?,
            name: format!("Lokal arbetsgrupp, {}", area.name),
            members: BTreeSet::new(),
            functions: functions.iter().filter(acts).map(|one| one.id.clone()).collect(),
        })
    };
    seed.areas.iter().map(group).collect()
}

fn endorsement_keys(keys: &Keys) -> Result<Vec<EndorsementKey>, Error> {
    let key = |(endorser, public): (&Endorser, &[u8; 32])| {
        let text = format!("{}/{}", endorser.party, endorser.role.as_str());
        Ok(EndorsementKey {
            id: KeyId::parse(&text).map_err(|why| Error::id(&text, why))?,
            party: endorser.party.clone(),
            role: endorser.role,
            public_key: hex::encode(public),
        })
    };
    keys.iter().map(key).collect()
}

fn registry_keys(keys: &RegistrarKeys) -> Result<Vec<RegistryKey>, Error> {
    let key = |(organisation, public): (&OrganisationId, &[u8; 32])| {
        let text = format!("{organisation}/registrar");
        Ok(RegistryKey {
            id: KeyId::parse(&text).map_err(|why| Error::id(&text, why))?,
            organisation: organisation.clone(),
            public_key: hex::encode(public),
        })
    };
    keys.iter().map(key).collect()
}

fn publisher_keys(keys: &PublisherKeys) -> Result<Vec<PublisherKey>, Error> {
    let key = |(party, public): (&PartyId, &String)| {
        let text = publisher_key_id(party);
        Ok(PublisherKey {
            id: KeyId::parse(&text).map_err(|why| Error::id(&text, why))?,
            party: party.clone(),
            public_key: public.clone(),
        })
    };
    keys.iter().map(key).collect()
}

/// The parties of the demo that publish.
pub(crate) fn publishers(seed: &Seed) -> Vec<PartyId> {
    let publish = parties(seed).into_iter().map(|party| party.id);
    publish.filter(|party| !is_former(seed, party)).collect()
}

/// The id of the key with which a party of the demo signs what it publishes.
pub(crate) fn publisher_key_id(party: &PartyId) -> String {
    format!("{party}/publisher")
}

/// The organisations of the demo that have a registrar.
pub(crate) fn registrars(seed: &Seed) -> BTreeSet<OrganisationId> {
    let services = seed.rights.services.iter();
    let registrars = services.filter(|service| service.roles.contains(&Role::Registrar));
    registrars.map(|service| service.organisation.clone()).collect()
}

fn areas(seed: &Seed) -> Vec<registry::Area> {
    let area = |area: &Area| registry::Area { id: area.id.clone(), name: area.name.clone() };
    seed.areas.iter().map(area).collect()
}

fn sub_areas(seed: &Seed) -> Vec<registry::SubArea> {
    let of = |area: &Area| {
        let sub_area = |sub_area: &SubArea| registry::SubArea {
            id: sub_area.id.clone(),
            area: area.id.clone(),
            name: sub_area.name.clone(),
            centre: sub_area.centre,
            outline: Vec::new(),
        };
        area.sub_areas.iter().map(sub_area).collect::<Vec<_>>()
    };
    seed.areas.iter().flat_map(of).collect()
}

fn places(seed: &Seed) -> Vec<registry::Place> {
    let sub_areas = seed.areas.iter().flat_map(|area| &area.sub_areas);
    let all = sub_areas.flat_map(|sub| sub.places.iter().map(move |place| (sub, place)));
    all.map(|(sub, place)| registry::Place {
        id: place.id.clone(),
        sub_area: sub.id.clone(),
        name: place.name.clone(),
        centre: None,
    })
    .collect()
}

/// Local police areas answer for sub-areas, as they did and do; a district administration answers
/// for all of its area and needs no row.
fn responsibilities(seed: &Seed) -> Vec<Responsibility> {
    let sub_areas = seed.areas.iter().flat_map(|area| &area.sub_areas);
    let all = sub_areas.flat_map(|sub| sub.police.iter().map(move |tenure| (sub, tenure)));
    all.map(|(sub, tenure)| Responsibility {
        party: tenure.party.clone(),
        sub_area: sub.id.clone(),
        valid_from: tenure.valid_from,
        valid_to: tenure.valid_to,
    })
    .collect()
}

fn agreements(seed: &Seed) -> Result<Vec<Agreement>, Error> {
    let agreement = |area: &Area| {
        let text = format!("samverkan/{}", area.id);
        Ok(Agreement {
            id: AgreementId::parse(&text).map_err(|why| Error::id(&text, why))?,
            area: area.id.clone(),
            valid_from: in_force_from(area),
            signatories: area.signatories.clone(),
            periods: PeriodKind::ALL.into(),
            tracks: tracks(seed, area),
            conflict_roles: [Role::Coordinator, Role::Kommunpolis].into(),
            home: None,
        })
    };
    seed.areas.iter().map(agreement).collect()
}

/// Not before all of its local police areas exist.
fn in_force_from(area: &Area) -> Date {
    let tenures = area.sub_areas.iter().flat_map(|sub| &sub.police);
    let signed = tenures.filter(|tenure| area.signed_by(&tenure.party));
    signed.map(|tenure| tenure.valid_from).fold(AGREEMENTS_FROM, Date::max)
}

fn tracks(seed: &Seed, area: &Area) -> BTreeMap<Track, Vec<Endorser>> {
    let endorser = |party: &PartyId, role| Endorser { party: party.clone(), role };
    let signed = || area.signatories.iter().map(|signatory| &signatory.party);
    let coordinator = endorser(&area.administration.id, Role::Coordinator);
    let kommunpolis =
        signed().filter(|p| seed.is_police(p)).map(|p| endorser(p, Role::Kommunpolis));
    let operative = [coordinator].into_iter().chain(kommunpolis).collect();
    let strategic = signed().map(|party| endorser(party, Role::Endorser)).collect();
    [(Track::Operative, operative), (Track::Strategic, strategic)].into()
}
