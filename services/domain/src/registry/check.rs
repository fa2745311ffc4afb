//! Builds a registry from a document: ids once, references kept, limits held.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{KeyId, commit::descriptor::PublicKey, message::RECIPIENTS_MAX};

use super::{
    Document, FieldGroup, PEER_PARTS_MAX, PartyKind, Peer, Registry, ReleaseRow, Responsibility,
    Variant,
};

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
    let registry = index(document, &mut faults);
    whole(&registry, &mut faults);
    if faults.is_empty() { Ok(registry) } else { Err(BadRegistry { faults }) }
}

/// What is wrong with a registry as a whole.
pub(super) fn whole(registry: &Registry, faults: &mut Vec<String>) {
    who(registry, faults);
    keys(registry, faults);
    places(registry, faults);
    agreements(registry, faults);
    descriptors(registry, faults);
    release_rows(registry, faults);
    functions(registry, faults);
    peers(registry, faults);
    super::home::whole(registry, faults);
    super::delivery::whole(registry, faults);
}

/// The tables by their ids.
pub(super) fn index(document: &Document, faults: &mut Vec<String>) -> Registry {
    Registry {
        organisations: by_id("organisations", &document.organisations, |o| &o.id, faults).into(),
        parties: by_id("parties", &document.parties, |p| &p.id, faults).into(),
        services: by_id("services", &document.services, |s| &s.id, faults).into(),
        endorsement_keys: by_id("endorsement_keys", &document.endorsement_keys, |k| &k.id, faults)
            .into(),
        registry_keys: by_id("registry_keys", &document.registry_keys, |k| &k.id, faults).into(),
        publisher_keys: by_id("publisher_keys", &document.publisher_keys, |k| &k.id, faults).into(),
        groups: by_id("groups", &document.groups, |g| &g.id, faults).into(),
        areas: by_id("areas", &document.areas, |a| &a.id, faults).into(),
        sub_areas: by_id("sub_areas", &document.sub_areas, |s| &s.id, faults).into(),
        places: by_id("places", &document.places, |p| &p.id, faults).into(),
        responsibilities: responsibilities(document, faults).into(),
        agreements: by_id("agreements", &document.agreements, |a| &a.id, faults).into(),
        descriptors: by_id("descriptors", &document.descriptors, |d| &d.agreement, faults).into(),
        release_rows: by_id("release_rows", &document.release_rows, |r| &r.id, faults).into(),
        categories: by_id("categories", &document.categories, |c| &c.id, faults).into(),
        lists: document.lists.clone().into(),
        meetings: by_id("meetings", &document.meetings, |m| &m.id, faults).into(),
        functions: by_id("functions", &document.functions, |f| &f.id, faults).into(),
        peers: by_id("peers", &document.peers, |p| &p.id, faults).into(),
    }
}

fn by_id<K: Ord + Clone + fmt::Display, V: Clone>(
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

/// They have no ids: their party, sub-area and first day are what one is known by.
fn responsibilities(
    document: &Document,
    faults: &mut Vec<String>,
) -> BTreeMap<String, Responsibility> {
    let mut all = BTreeMap::new();
    for row in &document.responsibilities {
        let key = row.key();
        if all.insert(key.clone(), row.clone()).is_some() {
            faults.push(format!("responsibilities: `{key}` stands twice; keep one"));
        }
    }
    all
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
    for group in registry.groups.values() {
        for member in &group.members {
            if registry.organisation(member).is_none() {
                missing("groups", &group.id, "member", member, faults);
            }
        }
        // One that nobody has, or no more, stands: who sends is told.
        if group.functions.len() > RECIPIENTS_MAX {
            faults.push(format!(
                "groups: `{}` has {} functions; a message goes to {RECIPIENTS_MAX} at most",
                group.id,
                group.functions.len()
            ));
        }
    }
}

fn keys(registry: &Registry, faults: &mut Vec<String>) {
    for key in registry.endorsement_keys.values() {
        public("endorsement_keys", &key.id, &key.public_key, faults);
    }
    for key in registry.publisher_keys.values() {
        public("publisher_keys", &key.id, &key.public_key, faults);
        if registry.party(&key.party).is_none() {
            missing("publisher_keys", &key.id, "party", &key.party, faults);
        }
    }
    for key in registry.registry_keys.values() {
        if !matches!(PublicKey::from_hex(&key.public_key), Some(PublicKey::Ed25519(_))) {
            faults.push(format!("registry_keys: `{}` is not 64 hexadecimal digits", key.id));
        }
    }
    for key in registry.endorsement_keys.values() {
        if registry.party(&key.party).is_none() {
            missing("endorsement_keys", &key.id, "party", &key.party, faults);
        }
    }
    for key in registry.registry_keys.values() {
        if registry.organisation(&key.organisation).is_none() {
            missing("registry_keys", &key.id, "organisation", &key.organisation, faults);
        }
        let same =
            |other: &&super::RegistryKey| other.public_key.eq_ignore_ascii_case(&key.public_key);
        if registry.registry_keys.values().filter(same).count() > 1 {
            let id = &key.id;
            faults.push(format!("registry_keys: the key of `{id}` stands twice; keep one"));
        }
    }
}

fn public(table: &str, id: &KeyId, key: &str, faults: &mut Vec<String>) {
    if PublicKey::from_hex(key).is_none() {
        faults.push(format!(
            "{table}: `{id}` is no public key; write 64 hexadecimal digits for Ed25519, or 130 \
             that begin with 04 for P-256"
        ));
    }
}

fn functions(registry: &Registry, faults: &mut Vec<String>) {
    for function in registry.functions.values() {
        let id = &function.id;
        match registry.organisation(&function.organisation) {
            None => missing("functions", id, "organisation", &function.organisation, faults),
            Some(organisation) if organisation.orgnr != id.orgnr() => faults.push(format!(
                "functions: `{id}` does not begin with the number of its organisation; write \
                 `{}/<function>`",
                organisation.orgnr
            )),
            Some(_) => {}
        }
        for service in &function.services {
            match registry.service(service) {
                None => missing("functions", id, "service", service, faults),
                Some(s) if s.organisation != function.organisation => faults.push(format!(
                    "functions: `{id}` is served by `{service}`, which is of another organisation"
                )),
                Some(_) => {}
            }
        }
    }
}

fn peers(registry: &Registry, faults: &mut Vec<String>) {
    for peer in registry.peers.values() {
        let id = &peer.id;
        let mut fault = |what: &str| faults.push(format!("peers: `{id}` {what}"));
        if peer.ceiling > crate::Secrecy::MAX.level() {
            fault("has a ceiling over 3");
        }
        if peer.keys.is_empty() || peer.authorities.is_empty() {
            fault("has no key or no authority; take both from its invitation");
        }
        let parts = [peer.keys.len(), peer.authorities.len(), peer.endpoints.len()];
        if parts.iter().any(|count| *count > PEER_PARTS_MAX) {
            fault("has more than 8 keys, authorities or endpoints");
        }
        if peer.envelopes_per_minute == 0 {
            fault("may send no envelope a minute; remove it, or pause its link");
        }
        if !peer.endpoints.iter().all(|endpoint| Peer::is_endpoint(endpoint)) {
            fault("has an endpoint that is not `host:port`");
        }
        for key in &peer.keys {
            if !matches!(PublicKey::from_hex(&key.public_key), Some(PublicKey::Ed25519(_))) {
                fault(&format!("has a key `{}` that is not 64 hexadecimal digits", key.id));
            }
        }
        for organisation in &peer.organisations {
            let orgnr = &organisation.orgnr;
            if orgnr.len() != 10 || !orgnr.bytes().all(|byte| byte.is_ascii_digit()) {
                fault(&format!("has an organisation number `{orgnr}` that is not ten digits"));
            }
            if registry.peers.values().any(|other| other.id != *id && other.has(orgnr)) {
                fault(&format!("is not the only home of `{orgnr}`; an organisation has one"));
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
    for row in registry.responsibilities.values() {
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
        if agreement.conflict_roles.is_empty() {
            faults.push(format!(
                "agreements: `{id}` names no function that settles conflicts; name at least one in \
                 `conflict_roles`"
            ));
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
            let different: BTreeSet<_> = endorsers.iter().map(|e| (&e.party, e.role)).collect();
            if different.len() < endorsers.len() {
                let track = track.as_str();
                faults.push(format!(
                    "agreements: `{id}` track `{track}` names an endorser twice; keep one"
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
        if row.protected_counts && row.periods.len() > 1 {
            let id = &row.id;
            faults.push(format!(
                "release_rows: `{id}` protects counts and has several kinds of period; the longer \
                 minus the shorter would give small counts away: keep one"
            ));
        }
        for other in registry.release_rows.values().filter(|other| differ(row, other)) {
            let (id, other) = (&row.id, &other.id);
            faults.push(format!(
                "release_rows: what `{id}` protects, `{other}` gives as well; one minus the other \
                 would give small counts away: let each receiver have it by one row"
            ));
        }
        if row.valid_to <= row.valid_from {
            faults.push(format!("release_rows: `{}` ends before it begins", row.id));
        }
    }
}

/// Whether a row protects counts of what the same receiver has by another row.
fn differ(row: &ReleaseRow, other: &ReleaseRow) -> bool {
    let overlap = row.valid_from < other.valid_to && other.valid_from < row.valid_to;
    row.protected_counts
        && row.id != other.id
        && row.receiver == other.receiver
        && overlap
        && !row.areas.is_disjoint(&other.areas)
        && !row.priorities.is_disjoint(&other.priorities)
        && !row.kinds.is_disjoint(&other.kinds)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(edit: impl FnOnce(&mut serde_json::Value)) -> String {
        let row = serde_json::json!({
            "id": "cells", "receiver": "region", "areas": ["a"], "priorities": ["p"],
            "kinds": ["reported_crime"], "periods": ["month"], "purposes": ["u"],
            "legal_bases": ["l"], "live": false, "protected_counts": true,
            "declares_withheld": false, "valid_from": "2025-01-01", "valid_to": "2026-01-01",
            "shown": {"identity": "exact", "counts": "exact"},
        });
        let entry = |id: &str| serde_json::json!({"id": id, "sv": id, "en": id});
        let mut document = serde_json::json!({
            "lists": {
                "priorities": [entry("p")], "purposes": [entry("u")],
                "legal_bases": [{"id": "l", "sv": "l", "en": "l", "needs_weighing": false}],
            },
            "organisations": [{"id": "region", "name": "R", "orgnr": "1",
                "trust_domain": "r.example", "clearance": 1}],
            "areas": [{"id": "a", "name": "A"}],
            "release_rows": [row],
        });
        edit(&mut document);
        let document: Document = serde_json::from_value(document).unwrap();
        build(&document).map_or_else(|bad| bad.to_string(), |_| String::new())
    }

    fn beside(document: &mut serde_json::Value, edit: impl FnOnce(&mut serde_json::Value)) {
        let mut row = document["release_rows"][0].clone();
        row["id"] = "beside".into();
        row["protected_counts"] = false.into();
        edit(&mut row);
        document["release_rows"].as_array_mut().unwrap().push(row);
    }

    #[test]
    fn protected_counts_cannot_be_had_by_subtraction() {
        assert_eq!(faults(|_| {}), "");
        let nested = faults(|d| d["release_rows"][0]["periods"] = ["month", "quarter"].into());
        assert!(nested.contains("keep one"), "{nested}");
        let plain = faults(|d| beside(d, |row| row["live"] = true.into()));
        assert!(plain.contains("`beside` gives as well"), "{plain}");
        let elsewhere = [("areas", "b"), ("priorities", "q"), ("kinds", "environment")];
        for (field, other) in elsewhere {
            let apart = faults(|d| beside(d, |row| row[field] = [other].into()));
            assert!(!apart.contains("gives as well"), "{field}: {apart}");
        }
        let later = faults(|d| {
            beside(d, |row| {
                row["valid_from"] = "2026-01-01".into();
                row["valid_to"] = "2027-01-01".into();
            });
        });
        assert_eq!(later, "");
    }
}
