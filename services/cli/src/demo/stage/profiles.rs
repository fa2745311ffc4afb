//! A client profile for every service, as the command line takes them.

use std::collections::BTreeSet;

use samsyn_client::Profile;
use samsyn_domain::{
    LegalBasisId, PurposeId, Timestamp,
    registry::{Document, ReleaseRow, Role, Service},
};

use super::{Error, OPERATOR, Stage, authorities, authorities::Authorities};

/// For what parties and partners read, where they may.
const PURPOSE: &str = "joint_picture";
/// On what ground a signatory reads.
const SIGNATORY_BASIS: &str = "law_2023_196";
/// For what, and on what ground, those read who look after the domain.
const OVERSIGHT: (&str, &str) = ("audit", "gdpr_6_1_e");

/// Writes `profiles/<name>` for every service. The name is that in the certificate; where two
/// organisations use one, the later says whose it is.
pub(super) fn write(stage: &Stage, authorities: &Authorities, now: Timestamp) -> Result<(), Error> {
    let ca_pem = authorities.server_bundle(OPERATOR)?;
    let endpoints = stage.nodes().iter().map(|node| format!("https://{}", node.clients));
    let endpoints: Vec<String> = endpoints.collect();
    let Some((endpoint, others)) = endpoints.split_first() else { return Ok(()) };
    let descriptor = stage.pinned().map(|digest| digest.to_string()).unwrap_or_default();
    for (name, service) in named(&stage.document) {
        let Some(issued) = authorities.service(service, now)? else { continue };
        let (purpose, legal_basis) = ground(&stage.document, service);
        let party = service.parties.first();
        let profile = Profile {
            endpoint: endpoint.clone(),
            others: others.to_vec(),
            ca_pem: ca_pem.to_owned(),
            certificate_pem: issued.certificate_pem,
            key_pem: issued.key_pem,
            purpose,
            legal_basis,
            weighing_ref: String::new(),
            party: party.map(ToString::to_string).unwrap_or_default(),
            function: function(&stage.document, service),
            descriptor: descriptor.clone(),
            endorsement_keys: service
                .roles
                .iter()
                .filter_map(|role| Some((*role, stage.endorsement_key(party?, *role)?)))
                .collect(),
            registry_key: stage.registry_key(service),
            publisher_key: stage.publisher_key(service),
        };
        profile.save(&stage.dir().join("profiles").join(name))?;
    }
    Ok(())
}

/// The names of all profiles, with their services.
pub(super) fn named(document: &Document) -> Vec<(String, &Service)> {
    let mut taken = BTreeSet::new();
    let mut named = Vec::new();
    for service in &document.services {
        let name = authorities::name(&service.id);
        let free = taken.insert(name);
        let whose = || format!("{name}-{}", service.organisation);
        named.push((if free { name.to_owned() } else { whose() }, service));
    }
    named
}

/// The address of the first function that a service acts for; empty when there is none.
fn function(document: &Document, service: &Service) -> String {
    let mut functions = document.functions.iter();
    let own = functions.find(|function| function.services.contains(&service.id));
    own.map(|function| function.id.to_string()).unwrap_or_default()
}

/// A purpose and legal basis that the service has; of several bases, one that needs no weighing
/// of interests.
fn ground(document: &Document, service: &Service) -> (String, String) {
    if !service.parties.is_empty() {
        return (PURPOSE.to_owned(), SIGNATORY_BASIS.to_owned());
    }
    let of = |row: &&ReleaseRow| row.receiver == service.organisation;
    let row =
        document.release_rows.iter().find(of).filter(|_| service.roles.contains(&Role::Reader));
    let (purpose, basis) = OVERSIGHT;
    row.map_or_else(
        || (purpose.to_owned(), basis.to_owned()),
        |row| (purpose_of(row), basis_of(document, row)),
    )
}

fn purpose_of(row: &ReleaseRow) -> String {
    let usual = row.purposes.iter().find(|purpose| purpose.as_str() == PURPOSE);
    usual.or_else(|| row.purposes.first()).map(PurposeId::to_string).unwrap_or_default()
}

fn basis_of(document: &Document, row: &ReleaseRow) -> String {
    let weighed = |id: &&LegalBasisId| {
        document.lists.legal_basis(id).is_some_and(|basis| basis.needs_weighing)
    };
    let plain = row.legal_bases.iter().find(|basis| !weighed(basis));
    plain.or_else(|| row.legal_bases.first()).map(LegalBasisId::to_string).unwrap_or_default()
}
