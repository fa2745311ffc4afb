//! A party publishes its own picture (lämnar in).

use std::collections::BTreeSet;

use super::{Decided, Digest, Moment, Reply, Upload};
use crate::{
    AreaId, Form, Observation, ObservationId, PartyId, Period, Reason, Refusal, Sealed,
    row::{Revised, Row, SignedManifest, Stage, Version, What},
};

/// A delta to an own picture. A full replacement of a period becomes one at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// The version it changes; 0 for the first.
    pub base_version: u64,
    /// New or changed observations, points of series and assessments; in the log none where they
    /// are in parts.
    pub upserts: Vec<Observation>,
    /// Those withdrawn; the id of a series withdraws all of its points.
    pub withdrawn: Vec<ObservationId>,
    /// Why, under seal.
    pub reason: Option<Sealed>,
    /// The period of which this is all that the party has; none for a delta.
    pub covers: Option<Period>,
    /// What the party signed of it.
    pub manifest: Option<SignedManifest>,
    /// Where its observations were put down before it, when they are too many for one entry.
    pub parts: Option<InParts>,
}

/// Where the observations of a large publication are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InParts {
    /// Whose parts they are.
    pub upload: Upload,
    /// The keyed digest of the whole request, which every part has.
    pub body: Digest,
    /// How many parts there are.
    pub number: u32,
}

impl Publish {
    /// As it goes into the log: what is in parts stands there alone.
    #[must_use]
    pub fn ordered(self) -> Self {
        let upserts = if self.parts.is_some() { Vec::new() } else { self.upserts };
        Self { upserts, ..self }
    }

    pub(super) fn decide(&self, moment: Moment<'_>) -> Result<Decided, Refusal> {
        let picture = moment.state.picture(&self.party, &self.area);
        let version = picture.version();
        if self.base_version != version {
            return Err(Refusal::at(Reason::VersionConflict, "base_version").now(version));
        }
        let revision = moment.state.revision(&self.area);
        let upserts = match &self.parts {
            None => self.upserts.iter().collect(),
            Some(InParts { upload, body, number }) => {
                moment.state.parts().gathered(upload, body, *number)?
            }
        };
        let gone = self.parts.iter().flat_map(|of| moment.state.parts().let_go(&of.upload));
        let changes = self.changes(moment, &upserts)?;
        // That a party has nothing more to say of a period is said once.
        let said = self.covers.is_none_or(|period| picture.covers(period, revision));
        if changes.is_empty() && said {
            return Ok(Decided::new(
                Reply::Published { version, revision, unchanged: true },
                gone.collect(),
            ));
        }
        let (version, revision) = (version + 1, revision + 1);
        let mut rows = vec![
            Row::Revision(Revised {
                area: self.area.clone(),
                revision,
                at: moment.at,
                party: self.party.clone(),
                what: What::Publication,
            }),
            Row::Version(Version {
                party: self.party.clone(),
                area: self.area.clone(),
                version,
                revision,
                at: moment.at,
                service: moment.actor.service.clone(),
                reason: self.reason.clone(),
                covers: self.covers,
                manifest: self.manifest.clone().map(Into::into),
            }),
        ];
        rows.extend(changes.into_iter().map(|(id, observation)| {
            Row::Stage(Stage {
                area: self.area.clone(),
                party: self.party.clone(),
                id,
                revision,
                version,
                embargoed: observation
                    .as_ref()
                    .is_some_and(|o| o.content.labels.embargoed(moment.at)),
                observation: observation.map(Into::into),
            })
        }));
        rows.extend(gone);
        Ok(Decided::new(Reply::Published { version, revision, unchanged: false }, rows))
    }

    /// What really changes: equal content and what is already withdrawn do not.
    fn changes(
        &self,
        moment: Moment<'_>,
        upserts: &[&Observation],
    ) -> Result<Vec<(ObservationId, Option<Observation>)>, Refusal> {
        let current = |id| moment.state.current(&self.party, &self.area, id);
        let mut changes = Vec::new();
        let mut named = BTreeSet::new();
        let ids = upserts.iter().map(|observation| &observation.id).chain(&self.withdrawn);
        for id in ids {
            if !named.insert(id) {
                return Err(Refusal::at(Reason::DuplicateId, id.as_str()));
            }
        }
        for (i, &observation) in upserts.iter().enumerate() {
            if self.names_another(moment, observation) {
                return Err(Refusal::at(Reason::DuplicateId, &format!("upserts[{i}].id")));
            }
            if current(&observation.id)
                .is_none_or(|stage| stage.observation.as_deref() != Some(observation))
            {
                changes.push((observation.id.clone(), Some(observation.clone())));
            }
        }
        for (i, id) in self.withdrawn.iter().enumerate() {
            let mut known = false;
            for stage in current(id).into_iter().chain(self.points(moment, id)) {
                known = true;
                if stage.observation.is_some() && (stage.id == *id || !named.contains(&stage.id)) {
                    changes.push((stage.id.clone(), None));
                }
            }
            if !known {
                let field = format!("delta.withdrawn_ids[{i}]");
                return Err(Refusal::at(Reason::NotFound, &field));
            }
        }
        Ok(changes)
    }

    /// The points of a series, withdrawn ones too.
    fn points<'a>(
        &'a self,
        moment: Moment<'a>,
        series: &'a ObservationId,
    ) -> impl Iterator<Item = &'a Stage> {
        let area = moment.state.area(&self.area);
        area.into_iter().flat_map(|area| area.points(&self.party, series))
    }

    /// Whether the id of an upsert names something of another form that is still there: an own
    /// picture has one namespace, in which a series has a name as well as each of its points.
    fn names_another(&self, moment: Moment<'_>, upsert: &Observation) -> bool {
        let stays = |id: &ObservationId| !self.withdrawn.contains(id);
        let form = |id: &ObservationId| {
            let stage = moment.state.current(&self.party, &self.area, id);
            stage.and_then(|stage| Some(stage.observation.as_ref()?.content.form))
        };
        let id = &upsert.id;
        let differs = form(id).is_some_and(|form| form != upsert.content.form) && stays(id);
        let names_series = match (upsert.content.form, id.as_point()) {
            (Form::Series, Some((series, _))) => form(&series).is_some() && stays(&series),
            (Form::Series, None) => false,
            (Form::Observation | Form::Assessment, _) => {
                let mut points = self.points(moment, id);
                points.any(|point| point.observation.is_some() && stays(&point.id))
            }
        };
        differs || names_series
    }
}
