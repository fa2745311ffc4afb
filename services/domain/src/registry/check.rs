//! Builds a registry from a document: ids once, references kept, limits held.

use std::{collections::BTreeMap, fmt};

use super::{Document, FieldGroup, PartyKind, Registry, Variant};

/// Everything that is wrong with a registry document, each with the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct BadRegistry {
    /// One sentence a fault.
    pub faults: Vec<String>,
}

impl fmt::Display for BadRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("; "))
    }
}

const OUTLINE_CORNERS_MAX: usize = 1_000;

pub(super) fn build(document: &Document) -> Result<Registry, BadRegistry> {
    let mut faults = Vec::new();
    let registry = Registry {
        organisations: index("organisations", &document.organisations, |o| &o.id, &mut faults),
        parties: index("parties", &document.parties, |p| &p.id, &mut faults),
        services: index("services", &document.services, |s| &s.id, &mut faults),
        keys: index("endorsement_keys", &document.endorsement_keys, |k| &k.id, &mut faults),
        groups: index("groups", &document.groups, |g| &g.id, &mut faults),
        areas: index("areas", &document.areas, |a| &a.id, &mut faults),
        sub_areas: index("sub_areas", &document.sub_areas, |s| &s.id, &mut faults),
        places: index("places", &document.places, |p| &p.id, &mut faults),
        responsibilities: document.responsibilities.clone(),
        agreements: index("agreements", &document.agreements, |a| &a.id, &mut faults),
        descriptors: index("descriptors", &document.descriptors, |d| &d.agreement, &mut faults),
        release_rows: index("release_rows", &document.release_rows, |r| &r.id, &mut faults),
        categories: index("categories", &document.categories, |c| &c.id, &mut faults),
        lists: document.lists.clone(),
        meetings: index("meetings", &document.meetings, |m| &m.id, &mut faults),
    };
    who(&registry, &mut faults);
    places(&registry, &mut faults);
    agreements(&registry, &mut faults);
    descriptors(&registry, &mut faults);
    release_rows(&registry, &mut faults);
    if faults.is_empty() { Ok(registry) } else { Err(BadRegistry { faults }) }
}

fn index<K: Ord + Clone + fmt::Display, V: Clone>(
    table: &str,
    rows: &[V],
    id: fn(&V) -> &K,
    faults: &mut Vec<String>,
) -> BTreeMap<K, V> {
    let mut by_id = BTreeMap::new();
    for row in rows {
        if by_id.insert(id(row).clone(), row.clone()).is_some() {
            faults.push(format!("{table}: id `{}` stands twice; keep one", id(row)));
        }
    }
    by_id
}

fn who(registry: &Registry, faults: &mut Vec<String>) {
    for party in registry.parties.values() {
        if registry.organisation(&party.organisation).is_none() {
            missing("parties", &party.id, "organisation", &party.organisation, faults);
        }
    }
    for organisation in registry.organisations.values() {
        if organisation.clearance > crate::Secrecy::MAX.level() {
            faults.push(format!("organisations: `{}` has a clearance over 3", organisation.id));
        }
        let same = |o: &&super::Organisation| o.trust_domain == organisation.trust_domain;
        if registry.organisations.values().filter(same).count() > 1 {
            let domain = &organisation.trust_domain;
            faults
                .push(format!("organisations: trust domain `{domain}` is not one organisation's"));
        }
    }
    for service in registry.services.values() {
        if registry.organisation(&service.organisation).is_none() {
            missing("services", &service.id, "organisation", &service.organisation, faults);
        }
        for party in &service.parties {
            match registry.party(party) {
                None => missing("services", &service.id, "party", party, faults),
                Some(p) if p.organisation != service.organisation => faults.push(format!(
                    "services: `{}` speaks for `{party}`, which belongs to another organisation",
                    service.id
                )),
                Some(_) => {}
            }
        }
    }
    for key in registry.keys.values() {
        if registry.party(&key.party).is_none() {
            missing("endorsement_keys", &key.id, "party", &key.party, faults);
        }
        if key.public_key.len() != 64 || !key.public_key.bytes().all(|b| b.is_ascii_hexdigit()) {
            let id = &key.id;
            faults.push(format!("endorsement_keys: `{id}` is not 64 hexadecimal digits"));
        }
    }
    for group in registry.groups.values() {
        for member in &group.members {
            if registry.organisation(member).is_none() {
                missing("groups", &group.id, "member", member, faults);
            }
        }
    }
}

fn places(registry: &Registry, faults: &mut Vec<String>) {
    for category in registry.categories.values() {
        if !registry.lists.has_priority(&category.priority) {
            missing("categories", &category.id, "priority", &category.priority, faults);
        }
    }
    for sub_area in registry.sub_areas.values() {
        if registry.area(&sub_area.area).is_none() {
            missing("sub_areas", &sub_area.id, "area", &sub_area.area, faults);
        }
        if sub_area.outline.len() > OUTLINE_CORNERS_MAX {
            faults.push(format!("sub_areas: `{}` has over 1,000 corners", sub_area.id));
        }
    }
    for place in registry.places.values() {
        if registry.sub_area(&place.sub_area).is_none() {
            missing("places", &place.id, "sub_area", &place.sub_area, faults);
        }
    }
    for row in &registry.responsibilities {
        if registry.party(&row.party).is_none() {
            missing("responsibilities", &row.sub_area, "party", &row.party, faults);
        }
        if registry.sub_area(&row.sub_area).is_none() {
            missing("responsibilities", &row.party, "sub_area", &row.sub_area, faults);
        }
    }
    for meeting in registry.meetings.values() {
        if registry.area(&meeting.area).is_none() {
            missing("meetings", &meeting.id, "area", &meeting.area, faults);
        }
    }
}

fn agreements(registry: &Registry, faults: &mut Vec<String>) {
    for agreement in registry.agreements.values() {
        let id = &agreement.id;
        if registry.area(&agreement.area).is_none() {
            missing("agreements", id, "area", &agreement.area, faults);
        }
        if registry.agreements.values().filter(|a| a.area == agreement.area).count() > 1 {
            faults.push(format!("agreements: area `{}` has more than one", agreement.area));
        }
        for signatory in &agreement.signatories {
            if registry.party(&signatory.party).is_none() {
                missing("agreements", id, "signatory", &signatory.party, faults);
            }
        }
        for (track, endorsers) in &agreement.tracks {
            let kinds = |kind| {
                endorsers.iter().any(|e| registry.party(&e.party).is_some_and(|p| p.kind == kind))
            };
            if !kinds(PartyKind::Municipal) || !kinds(PartyKind::Police) {
                let track = track.as_str();
                faults.push(format!(
                    "agreements: `{id}` track `{track}` needs a municipal and a police endorser"
                ));
            }
            for endorser in endorsers {
                if !agreement.signed_by(&endorser.party) {
                    missing(
                        "agreements",
                        id,
                        "endorser among its signatories",
                        &endorser.party,
                        faults,
                    );
                }
            }
        }
    }
}

fn descriptors(registry: &Registry, faults: &mut Vec<String>) {
    for descriptor in registry.descriptors.values() {
        if registry.agreement(&descriptor.agreement).is_none() {
            let (id, named) = (&descriptor.agreement, &descriptor.agreement);
            missing("descriptors", id, "agreement", named, faults);
        }
        let bytes = hex::decode(&descriptor.envelope).ok();
        let envelope = bytes.and_then(|bytes| crate::commit::dsse::Envelope::decode(&bytes).ok());
        if envelope.is_none() {
            let id = &descriptor.agreement;
            faults.push(format!("descriptors: `{id}` is not a signed envelope in hexadecimal"));
        }
    }
}

fn release_rows(registry: &Registry, faults: &mut Vec<String>) {
    for row in registry.release_rows.values() {
        if registry.organisation(&row.receiver).is_none() {
            missing("release_rows", &row.id, "receiver", &row.receiver, faults);
        }
        for area in &row.areas {
            if registry.area(area).is_none() {
                missing("release_rows", &row.id, "area", area, faults);
            }
        }
        for priority in &row.priorities {
            if !registry.lists.has_priority(priority) {
                missing("release_rows", &row.id, "priority", priority, faults);
            }
        }
        for purpose in &row.purposes {
            if !registry.lists.has_purpose(purpose) {
                missing("release_rows", &row.id, "purpose", purpose, faults);
            }
        }
        for basis in &row.legal_bases {
            if registry.lists.legal_basis(basis).is_none() {
                missing("release_rows", &row.id, "legal basis", basis, faults);
            }
        }
        for (group, variant) in &row.shown {
            if *group != FieldGroup::Place && *variant != Variant::Exact {
                let group = group.as_str();
                faults.push(format!(
                    "release_rows: `{}` coarsens `{group}`; only place can be",
                    row.id
                ));
            }
        }
        if row.protected_counts && row.live {
            let id = &row.id;
            faults.push(format!(
                "release_rows: `{id}` protects counts and is live; protected counts are given in \
                 editions only"
            ));
        }
        if row.valid_to <= row.valid_from {
            faults.push(format!("release_rows: `{}` ends before it begins", row.id));
        }
    }
}

fn missing(
    table: &str,
    id: &impl fmt::Display,
    what: &str,
    named: &impl fmt::Display,
    faults: &mut Vec<String>,
) {
    faults.push(format!("{table}: `{id}` names {what} `{named}`, which is not registered"));
}
