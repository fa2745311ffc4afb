//! Parts of publications that wait for the publication itself.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    Observation, Reason, Refusal, ServiceId, Timestamp,
    command::{Digest, PART_SECONDS, Upload},
    row::{Part, Row},
};

/// Parts, by publication and number.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parts(BTreeMap<Upload, BTreeMap<u32, Arc<Part>>>);

impl Parts {
    /// Whether any part of a publication is here.
    #[must_use]
    pub fn has(&self, upload: &Upload) -> bool {
        self.0.contains_key(upload)
    }

    /// How many publications have parts here.
    #[must_use]
    pub fn uploads(&self) -> usize {
        self.0.len()
    }

    /// How many of them are of a service.
    #[must_use]
    pub fn uploads_of(&self, service: &ServiceId) -> usize {
        self.0.keys().filter(|upload| upload.service == *service).count()
    }

    /// The observations of a publication, in the order of its parts.
    ///
    /// # Errors
    /// When a part is missing, or is of another request under the same key.
    pub(crate) fn gathered(
        &self,
        upload: &Upload,
        body: &Digest,
        parts: u32,
    ) -> Result<Vec<&Observation>, Refusal> {
        let gone = || Refusal::of(Reason::PartGone);
        let here = self.0.get(upload).ok_or_else(gone)?;
        let mut upserts = Vec::new();
        for number in 0..parts {
            let part = here.get(&number).filter(|part| part.body == *body).ok_or_else(gone)?;
            upserts.extend(&part.upserts);
        }
        Ok(upserts)
    }

    /// The rows that let the parts of a publication go.
    pub(crate) fn let_go(&self, upload: &Upload) -> impl Iterator<Item = Row> {
        let numbers = self.0.get(upload).into_iter().flat_map(BTreeMap::keys);
        numbers.map(|number| Row::PartGone(upload.clone(), *number))
    }

    /// Those whose publication did not come.
    pub(crate) fn left_behind(&self, at: Timestamp) -> impl Iterator<Item = &Part> {
        let all = self.0.values().flat_map(BTreeMap::values);
        all.map(Arc::as_ref).filter(move |part| part.at.after_seconds(PART_SECONDS) <= at)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Part> {
        self.0.values().flat_map(BTreeMap::values).map(Arc::as_ref)
    }

    pub(super) fn put(&mut self, part: Arc<Part>) {
        self.0.entry(part.upload.clone()).or_default().insert(part.number, part);
    }

    pub(super) fn drop(&mut self, upload: &Upload, number: u32) {
        if let Some(parts) = self.0.get_mut(upload) {
            parts.remove(&number);
            if parts.is_empty() {
                self.0.remove(upload);
            }
        }
    }
}
