//! What is at home in another domain: own pictures of parties, joint pictures of agreements.

use super::Registry;

/// Nothing is decided or shown here of an area that is at home elsewhere, and a party that is at
/// home elsewhere signs there. A home that is no peer, or no more, stands: nothing crosses then,
/// and one registrar is still enough to throw a peer out.
pub(super) fn whole(registry: &Registry, faults: &mut Vec<String>) {
    for party in registry.parties.values() {
        let (id, Some(home)) = (&party.id, &party.home) else { continue };
        if party.signs {
            faults.push(format!(
                "parties: `{id}` signs what it publishes, and is at home in `{home}`, where that \
                 is asked; leave out `signs` here"
            ));
        }
    }
    for agreement in registry.agreements.values() {
        let (id, Some(home)) = (&agreement.id, &agreement.home) else { continue };
        let area = &agreement.area;
        if registry.release_rows.values().any(|row| row.areas.contains(area)) {
            faults.push(format!(
                "agreements: `{id}` is at home in `{home}`, and a release row gives `{area}` here; \
                 take it out: partners have it from its home"
            ));
        }
        if registry.descriptors.contains_key(id) {
            faults.push(format!(
                "agreements: `{id}` is at home in `{home}`, where its descriptor belongs; remove \
                 it here"
            ));
        }
    }
}
