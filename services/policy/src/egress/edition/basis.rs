//! What an edition is made from: who must endorse it, what they all may see, and what is left out.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    AreaId, Labels, ObservationId, PartyId, State,
    commit::{
        descriptor::{Descriptor, Function},
        dsse::Envelope,
        endorsement,
        object::ObjectId,
    },
    merge,
    registry::{Agreement, PartyKind, Registry, Track},
    row::Stage,
};

use super::{Frame, Unmade};

/// An agreement's descriptor, with the envelope in which it is signed.
pub(super) struct Signed {
    pub(super) descriptor: Descriptor,
    pub(super) envelope: Envelope,
}

/// The descriptor under which editions of an area are made.
pub(super) fn descriptor(
    state: &State,
    registry: &Registry,
    area: &AreaId,
    track: Track,
) -> Result<Signed, Unmade> {
    let agreement = registry.agreement_of(area).ok_or(Unmade::NoDescriptor)?;
    let signed = registry.descriptor(&agreement.id).ok_or(Unmade::NoDescriptor)?;
    let bytes = hex::decode(&signed.envelope).map_err(|_| Unmade::NoDescriptor)?;
    let envelope = Envelope::decode(&bytes)?;
    let descriptor = Descriptor::decode(&envelope.payload)?;
    let domain = state.founded().map(|founded| founded.domain.as_str());
    let fits = domain == Some(&descriptor.domain)
        && descriptor.agreement == agreement.id.as_str()
        && i64::from(descriptor.merge_version) == merge::VERSION
        && names_endorsers(&descriptor, agreement, track);
    if fits { Ok(Signed { descriptor, envelope }) } else { Err(Unmade::NoDescriptor) }
}

/// Whether a descriptor requires exactly the endorsers that the agreement does.
fn names_endorsers(descriptor: &Descriptor, agreement: &Agreement, track: Track) -> bool {
    let Some(required) = descriptor.tracks.get(track.as_str()) else { return false };
    let endorsers = agreement.endorsers(track).iter().map(|endorser| Function {
        party: endorser.party.as_str().to_owned(),
        role: endorser.role.as_str().to_owned(),
    });
    required.keys().cloned().collect::<BTreeSet<_>>() == endorsers.collect()
}

/// The observations of a basis by object, and those that are left out because a required endorser
/// may not see them: nobody endorses blind.
pub(super) struct Observed<'a> {
    pub(super) included: Vec<&'a Stage>,
    pub(super) left_out: Vec<(PartyId, ObservationId)>,
}

pub(super) fn observed<'a>(state: &'a State, frame: &Frame<'_>) -> Observed<'a> {
    let registry = frame.registry;
    let agreement = registry.agreement_of(frame.area);
    let endorsers = agreement.map_or(&[][..], |agreement| agreement.endorsers(frame.track));
    let endorsers: BTreeSet<&PartyId> = endorsers.iter().map(|endorser| &endorser.party).collect();
    let mut included = Vec::new();
    let mut left_out = Vec::new();
    let index = state.area(frame.area);
    for stage in index.into_iter().flat_map(|i| i.contributions(frame.period, frame.revision)) {
        if endorsers.iter().all(|party| may_see(registry, party, stage)) {
            included.push(stage);
        } else {
            left_out.push((stage.party.clone(), stage.id.clone()));
        }
    }
    included.sort_by(|a, b| (&a.party, &a.id).cmp(&(&b.party, &b.id)));
    left_out.sort();
    Observed { included, left_out }
}

/// A basis needs a contribution of a municipal party and of the police, or their word that they
/// have nothing: what not all endorsers may see is none.
pub(super) fn is_complete(state: &State, frame: &Frame<'_>, observed: &Observed<'_>) -> bool {
    let registry = frame.registry;
    let mut kinds = state.covered_by(frame.area, frame.period, frame.revision);
    let parties: BTreeSet<&PartyId> = observed.included.iter().map(|stage| &stage.party).collect();
    kinds.extend(parties.into_iter().filter_map(|party| Some(registry.party(party)?.kind)));
    kinds.contains(&PartyKind::Municipal) && kinds.contains(&PartyKind::Police)
}

/// Whether all who must endorse may see an analysis with these labels.
pub(super) fn is_shared(state: &State, frame: &Frame<'_>, labels: &Labels) -> bool {
    let registry = frame.registry;
    let agreement = registry.agreement_of(frame.area);
    let mut endorsers = agreement.map_or(&[][..], |a| a.endorsers(frame.track)).iter();
    !labels.embargoed(state.stamp())
        && endorsers.all(|endorser| reaches(registry, &endorser.party, labels))
}

/// Whether an endorsing party may see an observation: it owns it, or is addressed and cleared.
fn may_see(registry: &Registry, party: &PartyId, stage: &Stage) -> bool {
    let Some(observation) = &stage.observation else { return false };
    let labels = &observation.content.labels;
    !stage.embargoed && (stage.party == *party || reaches(registry, party, labels))
}

/// Whether a party is addressed and cleared.
fn reaches(registry: &Registry, party: &PartyId, labels: &Labels) -> bool {
    let organisation =
        registry.party(party).and_then(|party| registry.organisation(&party.organisation));
    let Some(organisation) = organisation else { return false };
    let named = |token: &samsyn_domain::Audience| {
        [party.as_str(), organisation.id.as_str()].contains(&token.as_str())
    };
    let addressed = labels.for_signatories() || labels.audience.iter().any(named);
    addressed && labels.level.level() <= organisation.clearance
}

/// What the endorsers commit to as the basis: the version of every signatory's own picture, the
/// decisions, the area's revision.
pub(super) fn committed(
    state: &State,
    frame: &Frame<'_>,
    decisions: BTreeSet<ObjectId>,
) -> endorsement::Basis {
    let agreement = frame.registry.agreement_of(frame.area);
    let parties = agreement.into_iter().flat_map(|agreement| &agreement.signatories);
    let pictures: BTreeMap<(String, String), u64> = parties
        .map(|signatory| {
            let picture = state.picture(&signatory.party, frame.area);
            let version = picture.version_at(frame.revision);
            let key = (signatory.party.as_str().to_owned(), frame.area.as_str().to_owned());
            (key, version)
        })
        .collect();
    endorsement::Basis { pictures, decisions, revision: frame.revision }
}
