//! Own pictures: published, tried, read.

use samsyn_domain::{Form, link::Share, row::SignedManifest};
use samsyn_policy::{
    ContributedView, PictureVersion, PictureVersions, PictureView, Preview, Problem, PublishedView,
    ValidationView, View,
};

use super::{
    Encoded, Paged, finding, observation,
    value::{period, time},
};
use crate::{Reason, v1};

impl From<View<PublishedView>> for Encoded<v1::PublishPictureResponse> {
    fn from(view: View<PublishedView>) -> Self {
        Self::seal(&published(view.content()))
    }
}

impl From<View<PublishedView>> for Encoded<v1::UploadPictureResponse> {
    fn from(view: View<PublishedView>) -> Self {
        let published = Some(published(view.content()));
        Self::seal(&v1::UploadPictureResponse { published })
    }
}

impl From<View<PublishedView>> for Encoded<v1::ResolveConflictResponse> {
    fn from(view: View<PublishedView>) -> Self {
        Self::seal(&resolved(view.content()))
    }
}

impl From<View<ValidationView>> for Encoded<v1::ValidatePictureResponse> {
    fn from(view: View<ValidationView>) -> Self {
        Self::seal(&validated(view.content()))
    }
}

impl Encoded<v1::GetPictureResponse> {
    /// One page of an own picture; `token` names the row that the next one begins with.
    pub fn page(
        view: &View<PictureView>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let view = view.content();
        let rows = paged.rows(&view.observations).len();
        Self::seal(&page(view, paged, token)).with_rows(rows)
    }
}

impl Encoded<v1::ListVersionsResponse> {
    /// One page of versions; `token` names the row that the next one begins with.
    pub fn page(
        view: &View<PictureVersions>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let view = view.content();
        let rows = paged.rows(&view.versions).len();
        Self::seal(&versions(view, paged, token)).with_rows(rows)
    }
}

/// A manifest as its party gave it; without its salt where the key of the salt is gone.
fn manifest(signed: &SignedManifest, salt: &[u8]) -> v1::SignedManifest {
    v1::SignedManifest {
        key_id: signed.key.to_string(),
        statement: signed.statement.to_vec(),
        signature: signed.signature.to_vec(),
        salt: salt.to_vec(),
    }
}

pub(super) fn versions(
    view: &PictureVersions,
    paged: Paged,
    token: impl FnOnce(usize) -> String,
) -> v1::ListVersionsResponse {
    let version = |one: &PictureVersion| {
        let reason = view.secrets.of(one.version.reason.as_ref());
        v1::Version {
            version: one.version.version,
            recorded_at: Some(time(one.version.at)),
            service: one.version.service.to_string(),
            revision: one.version.revision,
            published: one.published,
            withdrawn: one.withdrawn,
            covers: one.version.covers.map(period),
            reason: reason.and_then(|secret| secret.note.clone()).unwrap_or_default(),
            manifest: one.version.manifest.as_deref().map(|signed| manifest(signed, &one.salt)),
        }
    };
    v1::ListVersionsResponse {
        versions: paged.rows(&view.versions).iter().map(version).collect(),
        next_page_token: paged.next(&view.versions, token),
        contributed: view.contributed.as_ref().map(contributed),
    }
}

fn contributed(view: &ContributedView) -> v1::Contributed {
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let Share { of, version, under_way, told, .. } = &view.share;
    let refused = told.as_ref().and_then(|told| told.refused.as_ref());
    v1::Contributed {
        home: of.peer.to_string(),
        held: count(view.held),
        may_hold: count(view.may_hold),
        own: count(view.of),
        in_step: view.in_step,
        version: *version,
        under_way_since: under_way.as_ref().map(|under_way| time(under_way.since)),
        answered_at: told.as_ref().map(|told| time(told.at)),
        refused_reason: refused.map_or_else(String::new, |why| why.reason().to_owned()),
        refused_field: refused.map_or_else(String::new, |why| why.field().to_owned()),
    }
}

pub(super) fn published(view: &PublishedView) -> v1::PublishPictureResponse {
    let conflicts = view.conflicts.iter();
    v1::PublishPictureResponse {
        version: view.version,
        unchanged: view.unchanged,
        revision: view.revision,
        conflicts: conflicts.map(|c| finding::conflict(c, &[], &view.secrets)).collect(),
    }
}

pub(super) fn resolved(view: &PublishedView) -> v1::ResolveConflictResponse {
    let conflict = view.conflicts.first();
    v1::ResolveConflictResponse {
        revision: view.revision,
        conflict: conflict.map(|c| finding::conflict(c, &[], &view.secrets)),
    }
}

pub(super) fn validated(view: &ValidationView) -> v1::ValidatePictureResponse {
    v1::ValidatePictureResponse {
        problems: view.problems.iter().map(problem).collect(),
        readers: view.readers.iter().map(reader).collect(),
    }
}

fn problem(problem: &Problem) -> v1::Problem {
    let (first_character, end_character) = problem.characters;
    let (text_sv, text_en) = match (problem.rule, Reason::from_id(&problem.reason)) {
        (Some(rule), _) => (rule.text_sv(), rule.text_en()),
        (None, Some(reason)) => (reason.text_sv(), problem.text.as_str()),
        (None, None) => ("", problem.text.as_str()),
    };
    v1::Problem {
        reason: problem.reason.clone(),
        field: problem.field.clone(),
        first_character,
        end_character,
        text_sv: text_sv.to_owned(),
        text_en: text_en.to_owned(),
        warning: problem.warning,
    }
}

fn reader(preview: &Preview) -> v1::ReaderPreview {
    v1::ReaderPreview {
        reader: preview.reader.clone(),
        field_groups: preview.groups.clone(),
        rule_id: preview.rule.clone(),
        observations: preview.observations,
    }
}

pub(super) fn page(
    view: &PictureView,
    paged: Paged,
    token: impl FnOnce(usize) -> String,
) -> v1::GetPictureResponse {
    let rows = paged.rows(&view.observations).iter();
    let mut page = v1::GetPictureResponse {
        version: view.version,
        next_page_token: paged.next(&view.observations, token),
        ..v1::GetPictureResponse::default()
    };
    for one in rows.filter_map(|stage| stage.observation.as_ref()) {
        let secret = view.secrets.of(one.sealed.as_ref());
        match one.content.form {
            Form::Observation => page.observations.push(observation::own(one, secret)),
            Form::Series => joined(&mut page.series, observation::series(one, secret)),
            Form::Assessment => page.assessments.extend(observation::assessment(one, secret)),
        }
    }
    page
}

/// Puts a point into the series before it when they share all else.
fn joined(all: &mut Vec<v1::Series>, point: Option<v1::Series>) {
    let Some(mut point) = point else { return };
    if let Some(last) = all.last_mut() {
        let points = std::mem::take(&mut last.points);
        let added = std::mem::take(&mut point.points);
        let same = *last == point;
        last.points = points;
        if same {
            last.points.extend(added);
            return;
        }
        point.points = added;
    }
    all.push(point);
}
