//! Publishes rows as deltas, one after the other, each on the version that the one before made.

use std::collections::BTreeMap;

use samsyn_client::wire::{
    Observation, PictureDelta, PublishPictureRequest, PublishPictureResponse,
    publish_picture_request::Change,
};
use samsyn_domain::{AreaId, registry::Role};

use super::{
    batch,
    report::{RefusedRow, Report},
};
use crate::{commands::publish::current_version, failure::Failure, import::Row, session::Session};

/// How often a publication is made anew because somebody else was faster.
const FASTER_MAX: u32 = 8;
/// What stands before the number of an observation in the path of a field.
const UPSERTS: &str = "delta.upserts[";

/// Publishes all rows. Rows that the gateway does not take are left out and reported.
///
/// # Errors
/// When the gateway refuses for another reason than single rows or areas; what was published until
/// then is in the report.
pub(super) async fn all(
    session: &Session,
    party: &str,
    rows: Vec<Row>,
    report: &mut Report,
) -> Result<(), Failure> {
    let role = session.role(&[Role::Publisher]).await?;
    let bar = super::bar("publishing", rows.len());
    for (area, batches) in batch::batches(rows) {
        let mut version = current_version(session, party, area.as_str()).await?;
        let target = Target { session, party, area: &area, role };
        for batch in batches {
            let ids: Vec<String> = batch.iter().map(|one| one.id.clone()).collect();
            bar.inc(super::length(ids.len()));
            match target.publish(batch, &mut version, report).await {
                Ok(Some(answer)) => version = answer.version,
                Ok(None) => {}
                // The party has no part in this area; it may have one in the next.
                Err(failure) if failure.is("NOT_YOUR_AREA") => {
                    let reason = failure.to_string();
                    let refused =
                        |id| RefusedRow { id, field: "area".into(), reason: reason.clone() };
                    ids.into_iter().map(refused).for_each(|row| report.refuse(row));
                }
                Err(failure) => return Err(failure),
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Whose picture of what.
struct Target<'a> {
    session: &'a Session,
    party: &'a str,
    area: &'a AreaId,
    role: Role,
}

impl Target<'_> {
    /// Publishes one batch; none when no row of it is left.
    async fn publish(
        &self,
        mut batch: Vec<Observation>,
        version: &mut u64,
        report: &mut Report,
    ) -> Result<Option<PublishPictureResponse>, Failure> {
        let mut faster = 0;
        while !batch.is_empty() {
            let request = self.request(batch.clone(), *version);
            let refused = match self.session.client.publish(request).await {
                Ok(answer) => {
                    let (rows, version) = (batch.len(), answer.version);
                    report.published(self.area, rows, version, answer.unchanged);
                    return Ok(Some(answer));
                }
                Err(refused) => refused,
            };
            let single = faults(&refused.fields);
            let current = refused.current;
            let failure = Failure::from(refused);
            if failure.is("VERSION_CONFLICT") && faster < FASTER_MAX {
                faster = faster.saturating_add(1);
                *version = match current {
                    0 => current_version(self.session, self.party, self.area.as_str()).await?,
                    current => current,
                };
            } else if single.keys().any(|index| *index < batch.len()) {
                batch = without(batch, &single, report);
            } else {
                return Err(failure);
            }
        }
        Ok(None)
    }

    fn request(&self, upserts: Vec<Observation>, base_version: u64) -> PublishPictureRequest {
        let delta = PictureDelta { upserts, ..PictureDelta::default() };
        PublishPictureRequest {
            context: self.session.writes(self.role),
            party: self.party.to_owned(),
            area: self.area.to_string(),
            base_version,
            manifest: None,
            change: Some(Change::Delta(delta)),
        }
    }
}

/// What is wrong with single observations, by their number.
fn faults(fields: &[(String, String)]) -> BTreeMap<usize, Vec<(String, String)>> {
    let mut faults: BTreeMap<usize, Vec<(String, String)>> = BTreeMap::new();
    for (path, reason) in fields {
        let number = path.strip_prefix(UPSERTS).and_then(|rest| rest.split_once(']'));
        if let Some((number, field)) = number
            && let Ok(number) = number.parse()
        {
            let field = field.trim_start_matches('.').to_owned();
            faults.entry(number).or_default().push((field, reason.clone()));
        }
    }
    faults
}

/// The observations with which nothing is wrong; the others are reported.
fn without(
    batch: Vec<Observation>,
    faults: &BTreeMap<usize, Vec<(String, String)>>,
    report: &mut Report,
) -> Vec<Observation> {
    let mut good = Vec::with_capacity(batch.len());
    for (number, observation) in batch.into_iter().enumerate() {
        let Some(wrong) = faults.get(&number) else {
            good.push(observation);
            continue;
        };
        for (field, reason) in wrong {
            let (id, field) = (observation.id.clone(), field.clone());
            report.refuse(RefusedRow { id, field, reason: reason.clone() });
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::Imported;

    #[test]
    fn faulty_observations_are_taken_out_and_reported() {
        let batch: Vec<Observation> = ["a", "b", "c"]
            .map(|id| Observation { id: id.into(), ..Observation::default() })
            .into();
        let fields = [
            ("delta.upserts[1].note".to_owned(), "an identity number".to_owned()),
            ("delta.upserts[1].labels.retain_until".to_owned(), "too long".to_owned()),
            ("delta.reason".to_owned(), "elsewhere".to_owned()),
            ("delta.upserts[x].note".to_owned(), "no number".to_owned()),
        ];
        let faults = faults(&fields);
        assert_eq!(faults.keys().copied().collect::<Vec<_>>(), [1]);
        let mut report = Report::of(&Imported::default(), false);
        let good = without(batch, &faults, &mut report);
        assert_eq!(good.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let text = report.text();
        assert!(text.contains("labels.retain_until") && text.contains("identity"), "{text}");
    }
}
