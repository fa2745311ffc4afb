//! Views of release classes: brought up to date before anything of them is shown.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use samsyn_domain::{
    AreaId, State,
    command::{Command, Disclose, Reply},
    disclosure::{Advance, Change, ClassId},
    edition::Edition,
};
use samsyn_policy::{Egress, Reader, Scope};
use tokio::sync::Semaphore;

use crate::{Error, Ledger, Rejection};

/// How often a view is brought up to date anew when something changes meanwhile.
const TURNS_MAX: usize = 16;

/// What is known of the views of release classes beside what is in the log.
#[derive(Debug, Default)]
pub(crate) struct Views {
    /// Up to which revision of an area nothing new was found for a class under an epoch: spares
    /// looking again. By another registry or policy there may be something.
    looked: Mutex<Looked>,
    /// One at a time brings a class up to date: the others find it done.
    turns: Mutex<BTreeMap<ClassId, Arc<Semaphore>>>,
    /// What is being delivered to other domains, where it is within a snapshot.
    pub(crate) delivered: crate::links::Underway,
}

#[derive(Debug, Default)]
struct Looked {
    epoch: u64,
    until: BTreeMap<(ClassId, AreaId), u64>,
}

impl Views {
    fn looked(&self, epoch: u64, class: ClassId, area: &AreaId) -> u64 {
        let looked = self.looked.lock().ok().filter(|looked| looked.epoch == epoch);
        looked.and_then(|looked| looked.until.get(&(class, area.clone())).copied()).unwrap_or(0)
    }

    fn look(&self, epoch: u64, class: ClassId, area: &AreaId, revision: u64) {
        if let Ok(mut looked) = self.looked.lock() {
            if looked.epoch < epoch {
                *looked = Looked { epoch, until: BTreeMap::new() };
            }
            if looked.epoch == epoch {
                looked.until.insert((class, area.clone()), revision);
            }
        }
    }

    fn turn(&self, class: ClassId) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(class).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

impl Ledger {
    /// Brings a reader's view up to date: one step for each area that changed in what it may see,
    /// and for each edition released since.
    pub(crate) async fn advance(&self, reader: &Reader) -> Result<(), Rejection> {
        let class = self.read(|state| reader.rights(state.registry(), None, false)).class();
        let turn = self.inner.views.turn(class);
        let _turn = turn.acquire().await.map_err(|_| Error::Closed)?;
        for _ in 0..TURNS_MAX {
            let full =
                self.read(|state| reader.scope(state.registry(), &Scope::default(), false))?;
            let (epoch, advances, open) = self.read(|state| {
                let egress = Egress::new(state, &*self.inner.keys, reader);
                let advances = self.due(state, &egress, reader, &full);
                (state.epoch(), advances, egress.met_undecided())
            });
            if !open.is_empty() {
                let areas: Vec<AreaId> = open.into_iter().collect();
                self.decide(reader, &areas, true).await?;
                continue;
            }
            if advances.is_empty() {
                return Ok(());
            }
            let step = Command::Disclose(Disclose { disclosures: Vec::new(), advances });
            match self.own_under(epoch, step).await? {
                Reply::Refused(refusal) if refusal.is_race() => {}
                Reply::Refused(refusal) => return Err(refusal.into()),
                Reply::Done
                | Reply::Published { .. }
                | Reply::Revised { .. }
                | Reply::Edition { .. }
                | Reply::Recorded { .. }
                | Reply::Epoch { .. }
                | Reply::Proposed { .. }
                | Reply::Sent { .. } => return Ok(()),
            }
        }
        Err(Error::Overloaded.into())
    }

    fn due(
        &self,
        state: &State,
        egress: &Egress<'_>,
        reader: &Reader,
        full: &Scope,
    ) -> Vec<Advance> {
        let (views, epoch) = (&self.inner.views, state.epoch());
        let class = reader.rights(state.registry(), None, false).class();
        let view = state.view(&class);
        let mut revision = view.map_or(0, samsyn_domain::View::revision);
        let mut advances = Vec::new();
        let mut push = |change: Change| {
            revision += 1;
            let receiver = reader.organisation().clone();
            let mut advance = Advance { class, receiver, revision, change, digest: [0; 32] };
            advance.digest = egress.step_digest(full, &advance);
            advances.push(advance);
        };
        for area in &full.areas {
            let reached = view.map_or(0, |view| view.area(area));
            let from = reached.max(views.looked(epoch, class, area));
            let to = state.revision(area);
            if from >= to {
                continue;
            }
            if egress.changes(full, area, if reached == 0 { 0 } else { from }, to) {
                push(Change::Area { area: area.clone(), from: reached, to });
            } else if egress.met_undecided().is_empty() {
                views.look(epoch, class, area, to);
            }
        }
        let mut released: Vec<&Edition> = state
            .editions()
            .filter(|e| full.areas.contains(&e.area) && egress.announces(e))
            .filter(|e| view.is_none_or(|view| !view.has_edition(&e.id)))
            .collect();
        released.sort_by_key(|e| e.released.as_ref().map(|r| r.sequence));
        for edition in released {
            push(Change::Edition(edition.id.clone()));
        }
        advances
    }
}
