//! The joint picture (gemensam lägesbild), and how a finding came to be.

use std::{iter, sync::Arc};

use prost::Message as _;
use samsyn_domain::merge::Step;
use samsyn_policy::{Compared, ComparedView, Explanation, JointView, Shared, View};

use super::{
    Encoded, Paged,
    finding::{self, Frame},
};
use crate::v1;

impl Encoded<v1::GetJointPictureResponse> {
    /// One page of a joint picture; `token` names the row that the next one begins with, `cursor`
    /// from where stream and polling go on.
    pub fn page(
        view: &View<Arc<Shared<JointView>>>,
        paged: Paged,
        cursor: String,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let view = view.content();
        let rows = paged.rows(view.wire(findings_on_the_wire));
        let head = v1::GetJointPictureResponse { revision: view.revision, ..Default::default() };
        let next_page_token = paged.next(&view.findings, token);
        let tail = v1::GetJointPictureResponse { next_page_token, cursor, ..Default::default() };
        let (head, tail) = (head.encode_to_vec(), tail.encode_to_vec());
        let parts = rows.iter().map(|row| &**row);
        let parts = iter::once(&*head).chain(parts).chain(iter::once(&*tail));
        Self::joined(parts).with_rows(rows.len())
    }
}

impl Encoded<v1::CompareRevisionsResponse> {
    /// One page of what differs; `token` names the row that the next one begins with.
    pub fn page(
        view: &View<ComparedView>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let view = view.content();
        let rows = paged.rows(&view.changes).len();
        Self::seal(&compared(view, paged, token)).with_rows(rows)
    }
}

impl From<View<Explanation>> for Encoded<v1::ExplainFindingResponse> {
    fn from(view: View<Explanation>) -> Self {
        let steps = view.content().steps.iter().map(step).collect();
        Self::seal(&v1::ExplainFindingResponse { steps })
    }
}

/// Each finding as the field of a response that has nothing else.
fn findings_on_the_wire(view: &JointView) -> Box<[Box<[u8]>]> {
    let whole = Paged { from: 0, size: usize::MAX };
    let field = |finding| {
        let alone = v1::GetJointPictureResponse { findings: vec![finding], ..Default::default() };
        alone.encode_to_vec().into()
    };
    findings(view, whole).into_iter().map(field).collect()
}

pub(super) fn compared(
    view: &ComparedView,
    paged: Paged,
    token: impl FnOnce(usize) -> String,
) -> v1::CompareRevisionsResponse {
    let frame = Frame { masked: view.masked, secrets: &view.secrets, withheld: &view.withheld };
    let side = |one: &Option<_>| one.as_ref().map(|one| finding::finding(one, frame));
    let change =
        |one: &Compared| v1::FindingChange { before: side(&one.before), after: side(&one.after) };
    v1::CompareRevisionsResponse {
        from_revision: view.from,
        to_revision: view.to,
        changes: paged.rows(&view.changes).iter().map(change).collect(),
        next_page_token: paged.next(&view.changes, token),
    }
}

pub(super) fn findings(view: &JointView, paged: Paged) -> Vec<v1::Finding> {
    let frame = Frame { masked: view.masked, secrets: &view.secrets, withheld: &view.withheld };
    paged.rows(&view.findings).iter().map(|one| finding::finding(one, frame)).collect()
}

pub(super) fn step(step: &Step) -> v1::Step {
    v1::Step {
        field: step.field.as_str().to_owned(),
        rule_id: step.rule.id().to_owned(),
        observation_ids: step.from.iter().map(|(_, id)| id.clone()).collect(),
        text_sv: step.rule.text_sv().to_owned(),
        text_en: step.rule.text_en().to_owned(),
    }
}
