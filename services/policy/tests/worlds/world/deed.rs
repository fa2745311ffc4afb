//! What an act comes to: the same in whichever world it is done.

use samsyn_domain::{
    Observation, ObservationId, PartyId,
    command::{Command, Publish, RecordDissent, Reply, ResolveConflict, Tick},
    merge::{ConflictRef, Outcome},
    registry::Role,
};

use super::{Keys, World, act::secret, area, id};

/// Something to be done.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// A party leaves an observation so, or withdraws it.
    Leave { party: PartyId, id: ObservationId, left: Option<Box<Observation>> },
    /// One function or both state an outcome.
    State { at: ConflictRef, outcome: Outcome, both: bool },
    /// A party dissents.
    Dissent { at: ConflictRef, party: PartyId },
    /// Time acts.
    Tick,
}

impl Deed {
    /// Does it. What cannot be done is refused and changes nothing.
    pub(crate) fn done_in(&self, world: &mut World) {
        match self {
            Self::Leave { party, id, left } => {
                let base_version = world.state.picture(party, &area()).version();
                let withdrawn = if left.is_none() { vec![id.clone()] } else { Vec::new() };
                world.apply(Command::Publish(Publish {
                    party: party.clone(),
                    area: area(),
                    base_version,
                    upserts: left.iter().map(|one| one.as_ref().clone()).collect(),
                    withdrawn,
                    reason: None,
                    covers: None,
                    manifest: None,
                    parts: None,
                }));
            }
            Self::State { at, outcome, both } => {
                let functions = [("sdf", Role::Coordinator), ("lpo", Role::Kommunpolis)];
                for (party, role) in functions.into_iter().take(if *both { 2 } else { 1 }) {
                    let reply = world.apply(Command::ResolveConflict(ResolveConflict {
                        conflict: at.clone(),
                        revision: world.revision(),
                        party: id!(PartyId, party),
                        role,
                        outcome: *outcome,
                        reason: Keys::seal(&secret(Some(200), None)),
                    }));
                    assert!(!matches!(reply, Reply::Done), "a statement makes a revision");
                }
            }
            Self::Dissent { at, party } => {
                world.apply(Command::RecordDissent(RecordDissent {
                    finding: at.key.clone(),
                    period: at.period,
                    field: at.field,
                    party: party.clone(),
                    reason: Keys::seal(&secret(Some(201), None)),
                }));
            }
            Self::Tick => {
                world.apply(Command::Tick(Tick));
            }
        }
    }
}
