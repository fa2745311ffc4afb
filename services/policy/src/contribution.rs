//! Own pictures that go over a link to the home of their area: what may, the record of it, and what
//! a peer may say for its parties here.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Content, DomainId, LabelClass, LegalBasisId, Observation, OrganisationId, PartyId,
    State, Timestamp,
    disclosure::{Disclosure, Ground, Object},
    link::Address,
    registry::{Agreement, FieldGroup, Party, Peer, Registry},
};

use crate::{
    Denial, Known, Policy, Why,
    cedar::Attribute,
    permit::{answers_where_it_is, content},
};

/// An own picture goes to the home of its area.
const CONTRIBUTION_RULE: &str = "POL-55";

/// A part of an own picture that leaves.
#[derive(Debug, Clone, Copy)]
pub struct Leaving<'a> {
    /// Whose own picture.
    pub party: &'a PartyId,
    /// Of which area.
    pub area: &'a AreaId,
    /// At which revision of the area.
    pub revision: u64,
    /// What.
    pub observations: &'a [Observation],
}

/// The parties of this domain that contribute to a peer, each with its area: those that keep their
/// own picture here and have signed an agreement that is at home there.
pub fn contributors<'a>(
    registry: &'a Registry,
    peer: &'a Peer,
) -> impl Iterator<Item = (&'a PartyId, &'a AreaId)> {
    let agreements = registry.agreements().filter(|one| one.home.as_ref() == Some(&peer.id));
    agreements.flat_map(move |agreement| {
        let parties = agreement.signatories.iter().map(|signatory| &signatory.party);
        let is_here = |party: &&PartyId| registry.party(party).is_some_and(|p| p.home.is_none());
        parties.filter(is_here).map(|party| (party, &agreement.area))
    })
}

/// Whether an area is at home here, and a party has signed for it.
#[must_use]
pub fn is_home_of(registry: &Registry, party: &PartyId, area: &AreaId) -> bool {
    let agreement = registry.agreement_of(area).filter(|agreement| agreement.home.is_none());
    agreement.is_some_and(|agreement| agreement.signed_by(party))
}

/// Whether a peer may contribute this for a party to an area: the party keeps its own picture
/// there, and its organisation is the one that the envelope is from; the area is at home here, the
/// party has signed for it, and nothing is above the level of the link. To withdraw, the first two
/// are enough: an area may have been at home here before.
///
/// # Errors
/// When it may not.
pub fn may_contribute(
    registry: &Registry,
    peer: &Peer,
    from: &Address,
    (party, area): (&PartyId, &AreaId),
    upserts: &[&Content],
) -> Result<(), Denial> {
    let denied = |why| Err(Denial::of(why).by(CONTRIBUTION_RULE));
    let Some(party) = registry.party(party).filter(|one| one.home.as_ref() == Some(&peer.id))
    else {
        return denied(Why::NotYourParty);
    };
    let organisation = registry.organisation(&party.organisation);
    let is_from = organisation
        .is_some_and(|of| peer.has(&of.orgnr) && from.orgnr.as_deref() == Some(&*of.orgnr));
    if !is_from {
        return denied(Why::NotYourParty);
    }
    if upserts.is_empty() {
        return Ok(());
    }
    if !is_home_of(registry, &party.id, area) {
        return denied(Why::NotYourArea);
    }
    if upserts.iter().any(|content| content.labels.level.level() > peer.ceiling) {
        return denied(Why::AboveCeiling);
    }
    answers_where_it_is(registry, &party.id, upserts.iter().copied())
}

/// A peer as the home of areas: what policy knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    peer: DomainId,
    ceiling: u8,
    organisations: BTreeSet<OrganisationId>,
    parties: BTreeSet<PartyId>,
}

impl Home {
    /// A registered peer.
    #[must_use]
    pub fn of(registry: &Registry, peer: &Peer) -> Self {
        let there = registry.organisations().filter(|organisation| peer.has(&organisation.orgnr));
        let organisations: BTreeSet<OrganisationId> = there.map(|one| one.id.clone()).collect();
        let is_there = |party: &&Party| organisations.contains(&party.organisation);
        let parties = registry.parties().filter(is_there).map(|party| party.id.clone()).collect();
        Self { peer: peer.id.clone(), ceiling: peer.ceiling, organisations, parties }
    }

    /// Whether what has these labels may have gone to it by some policy: what every one must refuse
    /// is refused.
    pub(crate) fn may_have(&self, registry: &Registry, label: &LabelClass) -> bool {
        let agreement = registry.agreement_of(&label.area);
        let audience = &label.labels.audience;
        let names = |id: &str| audience.iter().any(|token| token.as_str() == id);
        !label.embargoed
            && label.labels.level.level() <= self.ceiling
            && agreement.is_some_and(|one| {
                one.home.as_ref() == Some(&self.peer) && one.signed_by(&label.owner)
            })
            && (label.labels.for_signatories()
                || self.parties.iter().any(|party| names(party.as_str()))
                || self.organisations.iter().any(|organisation| names(organisation.as_str())))
    }
}

impl Policy {
    /// Whether what has these labels goes to the home of its area.
    ///
    /// # Errors
    /// When policy cannot decide.
    pub fn contributes(
        &self,
        registry: &Registry,
        home: &Home,
        label: &LabelClass,
    ) -> Result<bool, Denial> {
        let agreement = registry.agreement_of(&label.area);
        if agreement.is_none_or(|agreement| agreement.home.as_ref() != Some(&home.peer)) {
            return Ok(false);
        }
        let who = vec![
            ("ceiling", Attribute::Number(home.ceiling.into())),
            ("parties", Attribute::set(&home.parties)),
            ("organisations", Attribute::set(&home.organisations)),
        ];
        let what = content(registry, label);
        Ok(self.ask(("Home", "home", who), "contribute", what, Vec::new())?.allowed)
    }

    /// The record of what leaves for a peer: to its domain, for the first purpose of what leaves,
    /// on the ground of the agreement that its party has signed. None: nothing leaves.
    ///
    /// # Errors
    /// When the agreement is gone.
    pub fn contributed(
        &self,
        state: &State,
        known: &dyn Known,
        peer: &Peer,
        leaving: Leaving<'_>,
    ) -> Result<Option<Disclosure>, Denial> {
        let Leaving { party, area, revision, observations } = leaving;
        let Some(first) = observations.first() else { return Ok(None) };
        let missing = || Denial::of(Why::NotFound);
        let agreement: &Agreement = state.registry().agreement_of(area).ok_or_else(missing)?;
        let internal = |_| Denial::of(Why::Internal("a name that is no id"));
        let purpose = first.content.labels.purposes.first().ok_or_else(missing)?.clone();
        let legal_basis = LegalBasisId::parse(agreement.id.as_str()).map_err(internal)?;
        let mut shown = Vec::new();
        for observation in observations {
            shown.extend_from_slice(observation.id.as_str().as_bytes());
            shown.push(0);
            let sealed = observation.sealed.as_ref();
            shown.extend(sealed.into_iter().flat_map(|sealed| sealed.bytes.iter()));
            shown.extend_from_slice(format!("{:?}", observation.content).as_bytes());
        }
        Ok(Some(Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: OrganisationId::parse(peer.id.as_str()).map_err(internal)?,
            service: peer.id.link().map_err(internal)?,
            serial: String::new(),
            ground: Ground { purpose, legal_basis, weighing: None },
            object: Object::Picture(party.clone(), area.clone()),
            revision,
            groups: FieldGroup::ALL.into_iter().collect(),
            rules: BTreeSet::from([CONTRIBUTION_RULE.to_owned()]),
            rows: u32::try_from(observations.len()).unwrap_or(u32::MAX),
            digest: known.digest(&shown),
            epoch: state.epoch(),
            view: None,
        }))
    }
}
