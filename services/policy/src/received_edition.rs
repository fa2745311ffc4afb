//! Editions that another domain delivers: who reads and answers them here, and what a peer may
//! answer for its parties.

use std::{collections::BTreeSet, sync::Arc};

use samsyn_domain::{
    AreaId, Caller, DomainId, EditionId, OrganisationId, PartyId, Sealed, State, Timestamp,
    commit::{
        descriptor::{Descriptor, Function},
        dsse::{PayloadType, pre_authentication},
        endorsement::Endorsement,
    },
    disclosure::{Disclosure, Ground, Object},
    link::{Address, DeliveryRef, GivenAnswer, GivenRef, Phase, Received, ReceivedEdition},
    registry::{FieldGroup, Peer, Registry, Role},
};

use crate::{
    Denial, Egress, Known, Policy, Projection, ReceivedEditions, ReceivedRound, Why,
    cedar::Attribute,
    edition::{BadAnswer, SignedAnswer, of_answer},
    opened_finding,
    permit::principal,
    reader::registered,
    signature::holds,
};

/// An edition that another domain has delivered is answered for whom it came.
const RULE: &str = "POL-59";

/// The round of an edition that came, as far as an answer is checked against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenRound<'a> {
    /// The domain that delivers it: its home.
    pub home: &'a DomainId,
    /// The edition.
    pub edition: &'a EditionId,
    /// The round in review.
    pub round: u32,
    /// Its content root.
    pub root: &'a [u8],
    /// The agreement's descriptor, canonical.
    pub descriptor: &'a [u8],
}

/// Checks a signed answer against the round of an edition that another domain delivered. Whether
/// the key is registered under that id, and whether the round still stands, its home says.
///
/// # Errors
/// When a field of the statement is not that of the round or of the answer, the descriptor names no
/// such endorser, or the signature does not hold.
pub fn verify_given(
    round: &GivenRound<'_>,
    answer: &SignedAnswer<'_>,
) -> Result<Endorsement, BadAnswer> {
    let stated = Endorsement::decode(answer.statement).map_err(|_| BadAnswer::Malformed)?;
    if stated.edition != round.edition.as_str() {
        return Err(BadAnswer::OtherEdition);
    }
    if stated.round != round.round {
        return Err(BadAnswer::RoundStale { current: round.round });
    }
    if stated.content_root.0 != *round.root {
        return Err(BadAnswer::RootMismatch);
    }
    let descriptor = Descriptor::decode(round.descriptor).map_err(|_| BadAnswer::NoDescriptor)?;
    let digest = descriptor.digest().map_err(|_| BadAnswer::NoDescriptor)?;
    let is_of_descriptor = stated.descriptor == digest
        && descriptor.domain == round.home.as_str()
        && stated.domain == descriptor.domain
        && stated.agreement == descriptor.agreement;
    if !is_of_descriptor {
        return Err(BadAnswer::OtherEdition);
    }
    of_answer(&stated, answer)?;
    let (party, role) = (answer.party.as_str().to_owned(), answer.role.as_str().to_owned());
    let is_of_edition = round.edition.track() == stated.track;
    let track = descriptor.tracks.get(&stated.track).filter(|_| is_of_edition);
    let track = track.ok_or(BadAnswer::OtherEdition)?;
    let key = track.get(&Function { party, role }).ok_or(BadAnswer::NotAnEndorser)?;
    let bytes = pre_authentication(PayloadType::Endorsement, answer.statement);
    if holds(key, &bytes, answer.signature) { Ok(stated) } else { Err(BadAnswer::BadSignature) }
}

/// Whether a peer may bring an answer of a party to an edition: the party's organisation is at home
/// there and the one that the envelope is from, and the party has signed for the area, that is at
/// home here.
///
/// # Errors
/// When it may not: nothing tells whether there is such an edition.
pub fn may_answer(
    state: &State,
    peer: &Peer,
    from: &Address,
    (edition, party): (&EditionId, &PartyId),
) -> Result<(), Denial> {
    let registry = state.registry();
    let denied = |why| Denial::of(why).by(RULE);
    let organisation = registry.party(party).map(|party| &party.organisation);
    let organisation = organisation.and_then(|id| registry.organisation(id));
    let is_from = |orgnr: &str| peer.has(orgnr) && from.orgnr.as_deref() == Some(orgnr);
    if !organisation.is_some_and(|of| is_from(&of.orgnr)) {
        return Err(denied(Why::NotYourParty));
    }
    let missing = || denied(Why::NotFound).at("edition_id");
    let edition = state.edition(edition).ok_or_else(missing)?;
    let agreement = registry.agreement_of(&edition.area).filter(|one| one.home.is_none());
    if agreement.is_some_and(|one| one.signed_by(party)) { Ok(()) } else { Err(missing()) }
}

impl Policy {
    /// Whether a caller may answer what another domain has delivered: for a party of its own that
    /// it came for, in a function of its own.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn answers_delivered(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        (of, given): (&DeliveryRef, &GivenRef),
    ) -> Result<(), Denial> {
        let registry = state.registry();
        let service = registered(registry, now, caller)?;
        let missing = || Denial::of(Why::NotFound).at("edition_id");
        let received = state.deliveries().received(of).ok_or_else(missing)?;
        let edition = state.delivered_editions().one(of, &given.edition).ok_or_else(missing)?;
        let peer = registry.peer(&of.peer);
        if peer.is_none_or(|peer| !registry.speaks_for(peer, &edition.area)) {
            return Err(missing());
        }
        if received.phase == Phase::Broken {
            return Err(Denial::of(Why::ViewIncomplete).at("edition_id"));
        }
        let delivered = delivered(registry, received).ok_or_else(missing)?;
        let context = vec![
            ("party", Attribute::text(&given.party)),
            ("role", Attribute::text(given.role.as_str())),
        ];
        let resource = ("Delivered", "delivered", delivered);
        let verdict = self.ask(principal(service), "answer_delivered", resource, context)?;
        if verdict.allowed {
            return Ok(());
        }
        // Cedar has decided; this only says what would have to change.
        let is_own = service.parties.contains(&given.party);
        Err(if !is_own || !received.receiver.parties.contains(&given.party) {
            Denial::of(Why::NotYourParty).by(RULE).at("answer.party")
        } else {
            Denial::of(Why::NotAllowed).by(RULE).at("answer.actor_role")
        })
    }

    /// The number of the organisation that an answer leaves from, and the record of its leaving: to
    /// the domain that delivered the edition, on the ground on which it came.
    ///
    /// # Errors
    /// When the peer does not speak for its area any more, or the party is registered no more.
    pub fn answer_leaves(
        &self,
        state: &State,
        known: &dyn Known,
        peer: &Peer,
        given: &GivenAnswer,
    ) -> Result<(String, Disclosure), Denial> {
        let registry = state.registry();
        let GivenRef { edition, party, .. } = &given.of;
        let missing = || Denial::of(Why::NotFound).by(RULE).at("edition_id");
        let internal = |_| Denial::of(Why::Internal("a name that is no id"));
        let area = AreaId::parse(edition.area()).ok();
        area.filter(|area| registry.speaks_for(peer, area)).ok_or_else(missing)?;
        // The view may be on its way anew: then it leaves on the registry's ground for own changes.
        let is_for_it = |received: &&Arc<Received>| {
            received.of.peer == peer.id && received.receiver.parties.contains(party)
        };
        let received = state.deliveries().all_received().find(is_for_it);
        let lists = registry.lists();
        let own = || {
            let (purpose, legal_basis) = lists.own_purpose.clone().zip(lists.own_basis.clone())?;
            Some(Ground { purpose, legal_basis, weighing: None })
        };
        let ground = received.map(|received| received.receiver.ground.clone()).or_else(own);
        let ground = ground.ok_or_else(|| Denial::of(Why::PurposeNotCovered))?;
        let party = registry.party(party).ok_or_else(missing)?;
        let organisation = registry.organisation(&party.organisation).ok_or_else(missing)?;
        let mut shown = given.answer.statement.clone();
        shown.extend(given.answer.text.iter().flat_map(|text| text.bytes.iter()));
        let disclosure = Disclosure {
            sequence: 0,
            at: Timestamp::ZERO,
            receiver: OrganisationId::parse(peer.id.as_str()).map_err(internal)?,
            service: peer.id.link().map_err(internal)?,
            serial: String::new(),
            ground,
            object: Object::Edition(edition.clone()),
            revision: 0,
            groups: BTreeSet::from([FieldGroup::Text]),
            rules: BTreeSet::from([RULE.to_owned()]),
            rows: 1,
            digest: known.digest(&shown),
            epoch: state.epoch(),
            view: None,
        };
        Ok((organisation.orgnr.clone(), disclosure))
    }
}

/// What policy knows of what came; none: its organisation is registered no more.
pub(crate) fn delivered(
    registry: &Registry,
    received: &Received,
) -> Option<Vec<(&'static str, Attribute)>> {
    let receiver = &received.receiver;
    let organisation = registry.organisation_of(&receiver.orgnr)?;
    Some(vec![
        ("organisation", Attribute::text(&organisation.id)),
        ("parties", Attribute::set(&receiver.parties)),
        ("purpose", Attribute::text(&receiver.ground.purpose)),
        ("legal_basis", Attribute::text(&receiver.ground.legal_basis)),
    ])
}

impl Egress<'_> {
    /// Some of the editions of an area as another domain delivers them, the newest first: their
    /// headers.
    ///
    /// # Errors
    /// When a key is gone.
    pub fn received_editions(
        &self,
        received: &Received,
        area: &AreaId,
        (from, size): (usize, usize),
    ) -> Result<Projection<ReceivedEditions>, Denial> {
        let all = self.state().delivered_editions().of_area(&received.of, area);
        let page = all.iter().skip(from).take(size);
        let editions: Vec<ReceivedRound> =
            page.map(|one| self.round(one, &one.header)).collect::<Result<_, _>>()?;
        let shown = editions.iter().flat_map(|one| &one.content).copied().collect::<Vec<u8>>();
        let object = Object::Editions(area.clone());
        let rows = editions.len();
        let record = self.of_received(received, object, received.number, rows, &shown);
        Ok(Projection::new(ReceivedEditions { editions, of: all.len() }, vec![record]))
    }

    /// An edition as another domain delivers it, some findings of it.
    ///
    /// # Errors
    /// When it has not come, or a key is gone.
    pub fn received_edition(
        &self,
        received: &Received,
        id: &EditionId,
        (from, size): (usize, usize),
    ) -> Result<Projection<ReceivedRound>, Denial> {
        let one = self.came(received, id)?;
        let round = self.round(one, &one.content)?;
        let round = ReceivedRound { from, size: size.max(1), ..round };
        let findings = usize::try_from(one.findings).unwrap_or(usize::MAX);
        let rows = findings.saturating_sub(from).min(round.size);
        let object = Object::Edition(id.clone());
        let record = self.of_received(received, object, one.number, rows, &round.content);
        Ok(Projection::new(round, vec![record]))
    }

    /// What rebuilds the content root of an edition that another domain delivers: for those who
    /// speak for a party that it came for, in a function that must answer it.
    ///
    /// # Errors
    /// When it has not come, the reader need not answer it, or a key is gone.
    pub fn received_review(
        &self,
        received: &Received,
        id: &EditionId,
        (from, size): (usize, usize),
        is_asked: impl Fn(&[u8], &str, (&PartyId, Role)) -> bool,
    ) -> Result<Projection<ReceivedRound>, Denial> {
        let one = self.came(received, id)?;
        let denied = || Denial::of(Why::NotAllowed).by(RULE).at("edition_id");
        let review = one.review.as_ref().ok_or_else(denied)?;
        let (content, size) = (self.content(review)?, size.max(1));
        let reader = self.reader();
        let mut parties = received.receiver.parties.intersection(reader.parties());
        let track = id.track();
        let endorses = |party: &PartyId| {
            reader.roles().iter().any(|role| is_asked(&content, track, (party, *role)))
        };
        if !parties.any(endorses) {
            return Err(denied());
        }
        let round = ReceivedRound { content, from, size, given: Vec::new() };
        let openings = usize::try_from(one.openings).unwrap_or(usize::MAX);
        let rows = openings.saturating_sub(from).min(size);
        let object = Object::Review(id.clone());
        let record = self.of_received(received, object, one.number, rows, &round.content);
        Ok(Projection::new(round, vec![record]))
    }

    fn came(&self, received: &Received, id: &EditionId) -> Result<&Arc<ReceivedEdition>, Denial> {
        let missing = || Denial::of(Why::NotFound).at("edition_id");
        self.state().delivered_editions().one(&received.of, id).ok_or_else(missing)
    }

    /// A part of an edition that came, with what was answered to it here for parties of the reader.
    fn round(&self, one: &ReceivedEdition, part: &Sealed) -> Result<ReceivedRound, Denial> {
        let editions = self.state().delivered_editions();
        let of_reader =
            |given: &&Arc<GivenAnswer>| self.reader().parties().contains(&given.of.party);
        let given = editions.all_given(&one.of.of.peer, &one.of.edition).filter(of_reader);
        let given = given.map(|given| GivenAnswer::clone(given)).collect();
        Ok(ReceivedRound { content: self.content(part)?, from: 0, size: 1, given })
    }

    fn content(&self, sealed: &Sealed) -> Result<Vec<u8>, Denial> {
        let opened = self.known().open_message(sealed).and_then(opened_finding);
        opened.ok_or_else(|| Denial::of(Why::Internal("the key of a received edition is gone")))
    }
}
