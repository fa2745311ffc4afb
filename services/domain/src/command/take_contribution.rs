//! A contribution of a peer takes effect, as if its party had published here; and what a peer says
//! of ours.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Actor, Decided, Moment, Publish, Reply};
use crate::{
    Observation, ObservationId, OrganisationId, Reason, Refusal,
    link::{
        CHANGES_MAX, Compared, EnvelopeId, NotTakenFor, PIECES_MAX, PictureRef, Piece, Share, Told,
        UnderWay,
    },
    row::Row,
};

/// A piece of a contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// Which version here it changes; none: it is all that this domain may have.
    pub expected: Option<u64>,
    /// Which piece, from 0.
    pub piece: u32,
    /// No piece follows.
    pub last: bool,
    /// New or changed observations.
    pub upserts: Vec<Observation>,
    /// Those withdrawn.
    pub withdrawn: Vec<ObservationId>,
}

/// What a peer is answered.
pub(super) struct Answered {
    pub(super) version: u64,
    pub(super) refused: Option<NotTakenFor>,
}

/// Takes in a piece; with the last one the contribution takes effect. None: others follow.
pub(super) fn take(
    moment: Moment<'_>,
    of: &PictureRef,
    brought: &Brought,
    rows: &mut Vec<Row>,
) -> Option<Answered> {
    match taken(moment, of, brought) {
        Ok(None) => {
            let Brought { piece, upserts, withdrawn, .. } = brought.clone();
            rows.extend(if piece == 0 { let_go(moment, of) } else { Vec::new() });
            rows.push(Row::Piece(Arc::new(Piece {
                of: of.clone(),
                number: piece,
                epoch: moment.state.epoch(),
                at: moment.at,
                upserts,
                withdrawn,
            })));
            None
        }
        Ok(Some((version, made))) => {
            rows.extend(let_go(moment, of));
            rows.extend(made);
            Some(Answered { version, refused: None })
        }
        Err(refusal) => Some(refuse(moment, of, said(&refusal), rows)),
    }
}

/// A contribution is not taken; what waits of it goes.
pub(super) fn refuse(
    moment: Moment<'_>,
    of: &PictureRef,
    refused: Option<NotTakenFor>,
    rows: &mut Vec<Row>,
) -> Answered {
    rows.extend(let_go(moment, of));
    // How often a party publishes that is not at home there is none of the peer's business.
    let party = moment.state.registry().party(&of.party);
    let is_its_own = party.is_some_and(|party| party.home.as_ref() == Some(&of.peer));
    let version = moment.state.picture(&of.party, &of.area).version();
    Answered { version: if is_its_own { version } else { 0 }, refused }
}

/// The version and the rows that a whole contribution makes; none when a piece is to follow.
fn taken(
    moment: Moment<'_>,
    of: &PictureRef,
    brought: &Brought,
) -> Result<Option<(u64, Vec<Row>)>, Refusal> {
    let version = moment.state.picture(&of.party, &of.area).version();
    let conflict = || Refusal::of(Reason::VersionConflict).now(version);
    if brought.expected.is_some_and(|expected| expected != version) {
        return Err(conflict());
    }
    let before: Vec<&Arc<Piece>> =
        moment.state.contributions().pieces(of).filter(|_| brought.piece > 0).collect();
    if before.len() as u64 != u64::from(brought.piece) {
        return Err(conflict());
    }
    // What was let in under another registry or policy is asked for again.
    if before.iter().any(|piece| piece.epoch != moment.state.epoch()) {
        return Err(conflict());
    }
    let sizes = before.iter().map(|piece| piece.upserts.len() + piece.withdrawn.len());
    let changes = sizes.sum::<usize>() + brought.upserts.len() + brought.withdrawn.len();
    if changes > CHANGES_MAX || before.len() >= PIECES_MAX {
        return Err(Refusal::of(Reason::TooLarge));
    }
    if !brought.last {
        return Ok(None);
    }
    // What a later piece says of an observation stands.
    let mut all: BTreeMap<&ObservationId, Option<&Observation>> = BTreeMap::new();
    let pieces = before.iter().map(|piece| (&piece.upserts, &piece.withdrawn));
    for (upserts, withdrawn) in pieces.chain([(&brought.upserts, &brought.withdrawn)]) {
        all.extend(withdrawn.iter().map(|id| (id, None)));
        all.extend(upserts.iter().map(|one| (&one.id, Some(one))));
    }
    let mut withdrawn: BTreeSet<ObservationId> =
        all.iter().filter(|(_, now)| now.is_none()).map(|(id, _)| (*id).clone()).collect();
    if brought.expected.is_none() {
        let area = moment.state.area(&of.area);
        let revision = moment.state.revision(&of.area);
        let own = area.into_iter().flat_map(|area| area.own(&of.party, revision));
        let kept = |id: &ObservationId| all.get(id).is_some_and(Option::is_some);
        withdrawn = own.map(|stage| stage.id.clone()).filter(|id| !kept(id)).collect();
    }
    // What was never here, or is here no more, need not go.
    withdrawn.retain(|id| {
        let current = moment.state.current(&of.party, &of.area, id);
        current.is_some_and(|stage| stage.observation.is_some())
    });
    let publish = Publish {
        party: of.party.clone(),
        area: of.area.clone(),
        base_version: version,
        upserts: all.into_values().flatten().cloned().collect(),
        withdrawn: withdrawn.into_iter().collect(),
        reason: None,
        covers: None,
        manifest: None,
        parts: None,
    };
    let actor = link_of(of).ok_or_else(|| Refusal::of(Reason::NotFound))?;
    let Decided { reply, rows } = publish.decide(Moment { actor: &actor, ..moment })?;
    let Reply::Published { version, .. } = reply else { return Err(conflict()) };
    Ok(Some((version, rows)))
}

/// Who publishes here for a party that is at home elsewhere: the link.
fn link_of(of: &PictureRef) -> Option<Actor> {
    Some(Actor {
        organisation: OrganisationId::parse(of.peer.as_str()).ok()?,
        service: of.peer.link().ok()?,
        role: None,
        pseudonym: None,
    })
}

fn let_go(moment: Moment<'_>, of: &PictureRef) -> Vec<Row> {
    let waiting = moment.state.contributions().pieces(of);
    waiting.map(|piece| Row::PieceGone(of.clone(), piece.number)).collect()
}

/// What a peer is told of a refusal: its code. Its field may name what came.
fn said(refusal: &Refusal) -> Option<NotTakenFor> {
    NotTakenFor::new(refusal.reason.id(), "")
}

/// A peer says what became of a contribution: at its last piece, or at an earlier one that it does
/// not take; then the rest is not waited for. What is of none that waits says nothing. Whether it
/// was of one.
pub(super) fn answered(
    moment: Moment<'_>,
    of: &PictureRef,
    (envelope, version, refused): (EnvelopeId, u64, Option<&NotTakenFor>),
    rows: &mut Vec<Row>,
) -> bool {
    let contributions = moment.state.contributions();
    let share = contributions.share(of);
    let waits = share.under_way.clone().filter(|one| {
        let is_last = one.last && one.envelopes.last() == Some(&envelope);
        is_last || (refused.is_some() && one.envelopes.contains(&envelope))
    });
    let Some(under_way) = waits else { return false };
    let UnderWay { compared, whole, more, changes, .. } = &*under_way;
    if refused.is_none() {
        let changed: BTreeMap<&ObservationId, Option<u64>> =
            changes.iter().map(|(id, stage)| (id, *stage)).collect();
        let gone = contributions.held(of).map(|(id, _)| id).filter(|id| match changed.get(id) {
            Some(stage) => stage.is_none(),
            None => *whole,
        });
        rows.extend(gone.map(|id| Row::Unshared(of.clone(), id.clone())));
        let come = changed.into_iter().filter_map(|(id, stage)| Some((id, stage?)));
        rows.extend(come.map(|(id, stage)| Row::Shared(of.clone(), id.clone(), stage)));
    }
    let told = Told { at: moment.at, refused: refused.cloned() };
    let has = |withdrawn: bool| changes.iter().any(|(_, stage)| stage.is_none() == withdrawn);
    let before = share.told.as_ref().and_then(|told| told.refused.as_ref());
    let before_race = before.is_some_and(NotTakenFor::is_race);
    let at_once = match refused {
        None => *more,
        // It has another version than it last said: it is told what it may have in all.
        Some(why) if why.is_race() => !whole,
        // What must go from there does not wait until what cannot be taken is mended.
        Some(_) => (has(true) && has(false)) || (*whole && before_race),
    };
    let compared = if at_once { Compared::default() } else { *compared };
    let anew = refused.is_some() || (share.anew && !whole);
    rows.push(Row::Share(Arc::new(Share {
        turn: share.turn + 1,
        version,
        compared,
        under_way: None,
        told: Some(told),
        anew,
        of: share.of,
        orgnr: share.orgnr,
    })));
    true
}
