//! What a peer may have of own pictures and has not: compared, not queued.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use samsyn_domain::{
    AreaId, DomainId, Draft, LabelClass, Labels, Observation, ObservationId, PartyId, State,
    Timestamp,
    command::{Looked, Offer},
    disclosure::Disclosure,
    link::{
        CHANGES_MAX, Compared, Contribution, NotTakenFor, PIECES_MAX, Payload, PictureRef, Share,
        Told, UnderWay,
    },
    message::Precedence,
    registry::Peer,
    row::Stage,
};
use samsyn_policy::{Denial, Home, Known, Leaving, Policy, contributors};
use samsyn_proto::sealed::Delta;

use crate::{Error, Rejection};

/// How many pieces one entry numbers at most: each is as large as an envelope may be.
pub(super) const PIECES_PER_ENTRY: usize = 4;
/// After how long what a home has refused is sent again, in seconds: a quarter of an hour.
const AGAIN_SECONDS: i64 = 15 * 60;

/// The difference between what a peer may have of an own picture and what it has.
pub(super) struct Difference {
    looked: Looked,
    /// The number of the party's organisation, as it was last.
    orgnr: Arc<str>,
    /// Which version there it changes; none: it is all that the peer may have.
    expected: Option<u64>,
    /// Which piece comes next.
    piece: u32,
    upserts: Vec<(u64, Arc<Observation>)>,
    withdrawn: Vec<ObservationId>,
    /// There is more than goes along.
    more: bool,
}

/// A piece of a contribution, and what goes with it.
pub(super) struct MadePiece {
    pub(super) offer: Offer,
    pub(super) payload: Payload,
    pub(super) expected: Option<u64>,
    pub(super) labels: Option<Labels>,
    pub(super) disclosure: Option<Disclosure>,
}

/// The own pictures that may cross to a peer, or have crossed, with their shares.
fn shares(state: &State, peer: &Peer) -> Vec<Share> {
    let contributing = contributors(state.registry(), peer).map(|(party, area)| PictureRef {
        peer: peer.id.clone(),
        party: party.clone(),
        area: area.clone(),
    });
    // Of what went to an earlier home, as long as it may have any of it.
    let contributions = state.contributions();
    let may_have = |share: &&Arc<Share>| {
        let of = &share.of;
        of.peer == peer.id && (contributions.may_hold(of) > 0 || share.is_forgotten())
    };
    let known = contributions.shares().filter(may_have).map(|share| share.of.clone());
    let all: BTreeSet<PictureRef> = contributing.chain(known).collect();
    let shares = all.iter().map(|of| state.contributions().share(of));
    // Of what was never published nothing waits.
    shares.filter(|share| share.turn > 0 || published(state, &share.of)).collect()
}

fn published(state: &State, of: &PictureRef) -> bool {
    state.picture(&of.party, &of.area).version() > 0
}

/// Up to where what a peer has of an area would be compared now.
fn now(state: &State, area: &AreaId) -> Compared {
    Compared { revision: state.revision(area), epoch: state.epoch() }
}

/// Of how many own pictures a peer has not said yet that it has what it may have.
pub(super) fn waiting(state: &State, peer: &DomainId) -> usize {
    let Some(peer) = state.registry().peer(peer) else { return 0 };
    let waits =
        |share: &&Share| share.under_way.is_some() || share.compared != now(state, &share.of.area);
    shares(state, peer).iter().filter(waits).count()
}

/// Of how many own pictures a peer has not taken the last contribution.
pub(super) fn refused(state: &State, peer: &DomainId) -> usize {
    let Some(peer) = state.registry().peer(peer) else { return 0 };
    let is_refused =
        |share: &&Share| share.told.as_ref().is_some_and(|told| told.refused.is_some());
    shares(state, peer).iter().filter(is_refused).count()
}

/// Whether something that happened in an area may change what a peer is to have.
pub(super) fn concerns(state: &State, peer: &DomainId, area: &AreaId) -> bool {
    let agreement = state.registry().agreement_of(area);
    let is_home = agreement.is_some_and(|agreement| agreement.home.as_ref() == Some(peer));
    let mut shares = state.contributions().shares();
    is_home || shares.any(|share| share.of.peer == *peer && share.of.area == *area)
}

/// Own pictures of which a peer has not what it may have, and those of which it has; each that was
/// changed, or that may be judged otherwise, since it was compared last, and what was refused some
/// time ago.
pub(super) fn compare(
    state: &State,
    policy: &Policy,
    peer: &Peer,
    at: Timestamp,
) -> Result<(Vec<Difference>, Vec<Looked>), Denial> {
    let contributing: BTreeSet<(&PartyId, &AreaId)> =
        contributors(state.registry(), peer).collect();
    let home = Home::of(state.registry(), peer);
    let (mut differences, mut same) = (Vec::new(), Vec::new());
    for share in shares(state, peer) {
        let (party, area) = (&share.of.party, &share.of.area);
        let now = now(state, area);
        let is_open = share.under_way.is_some();
        if share.waits() || (!is_open && share.compared == now && !is_tried_again(&share, at)) {
            continue;
        }
        // What has begun is brought to its end before anything newer is looked at.
        let compared = share.under_way.as_ref().map_or(now, |under_way| under_way.compared);
        let may_have = if contributing.contains(&(party, area)) {
            allowed(state, policy, &home, (party, area), compared.revision)?
        } else {
            BTreeMap::new()
        };
        match difference(state, &share, compared, &may_have) {
            Ok(difference) => differences.push(difference),
            Err(looked) if share.compared != looked.compared => same.push(looked),
            Err(_) => {}
        }
    }
    Ok((differences, same))
}

/// Whether a contribution that was refused is made again: its home may have mended what was in the
/// way.
fn is_tried_again(share: &Share, at: Timestamp) -> bool {
    let refused = share.told.as_ref().filter(|told| told.refused.is_some());
    refused.is_some_and(|told| told.at.after_seconds(AGAIN_SECONDS) <= at)
}

/// What a peer may have of an own picture at a revision.
fn allowed<'a>(
    state: &'a State,
    policy: &Policy,
    home: &Home,
    (party, area): (&PartyId, &AreaId),
    revision: u64,
) -> Result<BTreeMap<&'a ObservationId, &'a Stage>, Denial> {
    let mut judged: BTreeMap<LabelClass, bool> = BTreeMap::new();
    let mut goes = |stage: &Stage| {
        let Some(label) = stage.label_class() else { return Ok(false) };
        if let Some(goes) = judged.get(&label) {
            return Ok(*goes);
        }
        let goes = policy.contributes(state.registry(), home, &label)?;
        judged.insert(label, goes);
        Ok(goes)
    };
    let mut allowed = BTreeMap::new();
    for stage in state.area(area).into_iter().flat_map(|index| index.own(party, revision)) {
        // What was withdrawn or is judged otherwise since does not go any more.
        let now = state.current(party, area, &stage.id).map_or(Ok(false), &mut goes)?;
        if now && goes(stage)? {
            allowed.insert(&stage.id, stage);
        }
    }
    Ok(allowed)
}

/// What is to be sent; or that nothing is.
fn difference(
    state: &State,
    share: &Share,
    compared: Compared,
    may_have: &BTreeMap<&ObservationId, &Stage>,
) -> Result<Difference, Looked> {
    let Share { of, orgnr, turn, version, under_way, anew, .. } = share;
    let PictureRef { party, area, .. } = of.clone();
    let (under_way, index) = (under_way.as_deref(), state.area(&area));
    let held: BTreeMap<&ObservationId, u64> = state.contributions().held(of).collect();
    // After a refusal what must go from there goes first, by itself: it does not wait until what
    // cannot be taken is mended. Where the refusal was for the version, what is whole says it all.
    let is_race = |told: &Told| told.refused.as_ref().is_some_and(NotTakenFor::is_race);
    let must_go = held.keys().any(|id| !may_have.contains_key(*id));
    let whole = under_way.map_or_else(
        || *anew && (!must_go || share.told.as_ref().is_some_and(is_race)),
        |under_way| under_way.whole,
    );
    let withdraws_only = *anew && !whole;
    let sent = under_way.map_or(&[][..], |under_way| &under_way.changes);
    let mut has: BTreeMap<&ObservationId, Option<u64>> = BTreeMap::new();
    has.extend(held.iter().filter(|_| !whole).map(|(id, revision)| (*id, Some(*revision))));
    has.extend(sent.iter().map(|(id, stage)| (id, *stage)));
    let has_it = |id: &ObservationId| has.get(id).copied().flatten();
    let form = |id: &ObservationId, revision: u64| {
        let stage = index.and_then(|index| index.at(&of.party, id, revision));
        stage.and_then(|stage| Some(stage.observation.as_ref()?.content.form))
    };
    // What is something else by now goes from there before it comes anew.
    let is_another = |id: &ObservationId, stage: &Stage| {
        let before = held.get(id).and_then(|revision| form(id, *revision));
        before.is_some_and(|before| before != stage.form())
    };
    let room = CHANGES_MAX.saturating_sub(sent.len());
    let withdrawn = has.iter().filter(|(id, stage)| {
        stage.is_some() && may_have.get(*id).is_none_or(|stage| is_another(id, stage))
    });
    let withdrawn: Vec<ObservationId> = withdrawn.map(|(id, _)| (*id).clone()).take(room).collect();
    let wanted = may_have.iter().filter(|(id, stage)| has_it(id) != Some(stage.revision));
    let wanted: Vec<&Stage> = wanted.map(|(_, stage)| *stage).collect();
    // What has changed since a contribution began goes with the next one, as it is then.
    let is_current = |stage: &&&Stage| {
        let current = index.and_then(|index| index.current(&of.party, &stage.id));
        current.is_some_and(|current| current.revision == stage.revision)
    };
    let goes = wanted.iter().filter(|stage| !withdraws_only && !is_another(&stage.id, stage));
    let goes = goes.filter(is_current).take(room.saturating_sub(withdrawn.len()));
    let upserts: Vec<(u64, Arc<Observation>)> = goes
        .filter_map(|stage| Some((stage.revision, Arc::clone(stage.observation.as_ref()?))))
        .collect();
    let more = withdraws_only || upserts.len() < wanted.len() || withdrawn.len() == room;
    let looked = Looked { party, area, turn: *turn, compared };
    // What is whole and empty says that all of it goes.
    let has_all = !whole || held.is_empty() && !share.is_forgotten();
    let is_all_there = withdrawn.is_empty() && upserts.is_empty() && has_all;
    if under_way.is_none() && is_all_there {
        return Err(looked);
    }
    Ok(Difference {
        looked,
        expected: (!whole).then_some(*version),
        piece: under_way.map_or(0, UnderWay::pieces),
        orgnr: Arc::clone(orgnr),
        upserts,
        withdrawn,
        more,
    })
}

impl Difference {
    /// Something must go there: it is sent before all else.
    pub(super) const fn withdraws(&self) -> bool {
        !self.withdrawn.is_empty() || self.expected.is_none()
    }

    /// How urgent its envelope is.
    pub(super) const fn precedence(&self) -> Precedence {
        if self.withdraws() { Precedence::Flash } else { Precedence::Priority }
    }

    /// For one turn of one share: what names its envelope, whenever it is made.
    pub(super) fn name(&self) -> String {
        let Looked { party, area, turn, .. } = &self.looked;
        format!("{party} {area} {turn}")
    }

    /// The next piece.
    pub(super) fn piece(
        &self,
        state: &State,
        (policy, known): (&Policy, &dyn Known),
        peer: &Peer,
    ) -> Result<MadePiece, Rejection> {
        let Looked { party, area, compared, .. } = &self.looked;
        let draft = |(_, observation): &(u64, Arc<Observation>)| {
            let sealed = observation.sealed.as_ref();
            let secret = sealed.and_then(|sealed| known.open(sealed)).unwrap_or_default();
            let Observation { id, content, .. } = &**observation;
            Draft { id: id.clone(), content: content.clone(), secret }
        };
        let delta = Delta::of(self.upserts.iter().map(draft), self.withdrawn.iter().cloned());
        let goes = |id: &ObservationId| delta.holds.contains(id);
        let upserts = || self.upserts.iter().filter(|(_, one)| goes(&one.id));
        let leaving: Vec<Observation> = upserts().map(|(_, one)| Observation::clone(one)).collect();
        let withdrawn = self.withdrawn.iter().filter(|id| goes(id));
        let changes = withdrawn.map(|id| (id.clone(), None));
        let changes =
            changes.chain(upserts().map(|(revision, one)| (one.id.clone(), Some(*revision))));
        let changes: Vec<_> = changes.collect();
        let all = self.upserts.len().saturating_add(self.withdrawn.len());
        if changes.is_empty() && all > 0 {
            return Err(Error::Fatal("an observation is larger than an envelope".to_owned()).into());
        }
        // What more pieces would take is another contribution.
        let is_full = usize::try_from(self.piece).is_ok_and(|piece| piece + 1 >= PIECES_MAX);
        let is_all = changes.len() == all;
        let (last, more) = (is_all || is_full, self.more || !is_all);
        let registry = state.registry();
        let organisation = registry.party(party).map(|party| &party.organisation);
        let organisation = organisation.and_then(|id| registry.organisation(id));
        let orgnr = organisation.map_or(&*self.orgnr, |organisation| &organisation.orgnr);
        let revision = compared.revision;
        let disclosure = policy.contributed(
            state,
            known,
            peer,
            Leaving { party, area, revision, observations: &leaving },
        )?;
        let labels = Labels::derived(leaving.iter().map(|one| &*one.content.labels));
        let whole = self.expected.is_none();
        Ok(MadePiece {
            offer: Offer {
                looked: self.looked.clone(),
                orgnr: orgnr.into(),
                whole,
                last,
                more,
                changes,
            },
            payload: Payload::Contribution(Box::new(Contribution {
                party: party.clone(),
                area: area.clone(),
                piece: self.piece,
                last,
                delta: delta.bytes,
            })),
            expected: self.expected,
            labels,
            disclosure,
        })
    }
}
