//! Editions (utgåvor): headers, pages, and what rebuilds a content root.

use samsyn_domain::edition::{Answer, Edition, Phase, Verdict};
use samsyn_policy::{EditionHeader, EditionList, EditionView, Masked, Opening, ReviewView, View};

use super::{
    Encoded, Paged, joint,
    value::{period, time},
};
use crate::v1;

impl From<View<EditionList>> for Encoded<v1::OpenEditionResponse> {
    fn from(view: View<EditionList>) -> Self {
        Self::seal(&v1::OpenEditionResponse { edition: first(view.content()) })
    }
}

impl From<View<EditionList>> for Encoded<v1::LockEditionResponse> {
    fn from(view: View<EditionList>) -> Self {
        let left_out_ids = view.content().left_out.clone();
        Self::seal(&v1::LockEditionResponse { edition: first(view.content()), left_out_ids })
    }
}

impl From<View<EditionList>> for Encoded<v1::AnswerEditionResponse> {
    fn from(view: View<EditionList>) -> Self {
        Self::seal(&v1::AnswerEditionResponse { edition: first(view.content()) })
    }
}

impl From<View<EditionList>> for Encoded<v1::ReleaseEditionResponse> {
    fn from(view: View<EditionList>) -> Self {
        Self::seal(&v1::ReleaseEditionResponse { edition: first(view.content()) })
    }
}

impl Encoded<v1::ListEditionsResponse> {
    /// One page of an area's editions; `token` names the row that the next one begins with.
    pub fn page(
        view: &View<EditionList>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let all = &view.content().editions;
        let rows = paged.rows(all);
        let editions = rows.iter().map(header).collect();
        let next_page_token = paged.next(all, token);
        Self::seal(&v1::ListEditionsResponse { editions, next_page_token }).with_rows(rows.len())
    }
}

impl Encoded<v1::GetEditionResponse> {
    /// The page of an edition that a view holds; `token` names where the next one begins.
    pub fn page(view: &View<EditionView>, token: impl FnOnce(u64) -> String) -> Self {
        let view = view.content();
        Self::seal(&edition(view, token)).with_rows(view.joint.findings.len())
    }
}

impl Encoded<v1::GetEditionReviewResponse> {
    /// The page of a review that a view holds; `token` names where the next one begins.
    pub fn page(view: &View<ReviewView>, token: impl FnOnce(u64) -> String) -> Self {
        let view = view.content();
        Self::seal(&review(view, token)).with_rows(view.openings.len())
    }
}

fn first(list: &EditionList) -> Option<v1::EditionHeader> {
    list.editions.first().map(header)
}

pub(super) fn edition(
    view: &EditionView,
    token: impl FnOnce(u64) -> String,
) -> v1::GetEditionResponse {
    let whole = Paged { from: 0, size: view.joint.findings.len() };
    let edition = v1::Edition {
        header: Some(header(&view.header)),
        analysis: view.analysis.clone().unwrap_or_default(),
        findings: joint::findings(&view.joint, whole),
        proof: view.proof.clone(),
    };
    let next_page_token = view.next.map(token).unwrap_or_default();
    v1::GetEditionResponse { edition: Some(edition), next_page_token }
}

pub(super) fn review(
    view: &ReviewView,
    token: impl FnOnce(u64) -> String,
) -> v1::GetEditionReviewResponse {
    v1::GetEditionReviewResponse {
        descriptor_bytes: view.descriptor.clone(),
        round_salt: view.round_salt.to_vec(),
        basis: view.basis.clone(),
        basis_salt: view.basis_salt.to_vec(),
        openings: view.openings.iter().map(opening).collect(),
        next_page_token: view.next.map(token).unwrap_or_default(),
        round: view.round,
    }
}

fn opening(opening: &Opening) -> v1::Opening {
    v1::Opening {
        object_id: opening.object.to_vec(),
        position: opening.position.into(),
        salt: opening.salt.clone(),
        canonical: opening.canonical.clone(),
    }
}

/// A header with what is told beside the edition.
pub(super) fn header(header: &EditionHeader) -> v1::EditionHeader {
    let waiting = header.waiting_for.iter();
    let mut wire = bare(&header.edition, header.masked);
    wire.waiting_for =
        waiting.map(|endorser| format!("{}:{}", endorser.party, endorser.role.as_str())).collect();
    for (answer, opened) in wire.answers.iter_mut().zip(&header.texts) {
        if let Some((text, salt)) = opened {
            answer.text.clone_from(text);
            answer.text_salt.clone_from(salt);
        }
    }
    wire
}

/// A header without what is under seal.
pub(super) fn bare(edition: &Edition, masked: Masked) -> v1::EditionHeader {
    let round = edition.current();
    let revision = match masked {
        Masked::Signatory => round.map_or(0, |round| round.locked.revision),
        Masked::Partner => 0,
    };
    v1::EditionHeader {
        id: edition.id.to_string(),
        area: edition.area.to_string(),
        period: Some(period(edition.period)),
        track: edition.track.as_str().to_owned(),
        state: state(edition.phase).into(),
        content_root: round.map_or_else(Vec::new, |round| round.locked.root.to_vec()),
        due: Some(time(edition.due)),
        answers: round.map_or_else(Vec::new, |round| round.answers.iter().map(answer).collect()),
        waiting_for: Vec::new(),
        round: edition.round(),
        overdue: edition.overdue,
        revision,
        given: Vec::new(),
    }
}

const fn state(phase: Phase) -> v1::EditionState {
    match phase {
        Phase::Collecting => v1::EditionState::Collecting,
        Phase::InReview => v1::EditionState::InReview,
        Phase::Contested => v1::EditionState::Contested,
        Phase::Endorsed => v1::EditionState::Endorsed,
        Phase::Released => v1::EditionState::Released,
        Phase::Superseded => v1::EditionState::Superseded,
        Phase::Recalled => v1::EditionState::Recalled,
    }
}

fn answer(answer: &Answer) -> v1::Answer {
    v1::Answer {
        party: answer.party.to_string(),
        verdict: verdict(answer.verdict).into(),
        text: String::new(),
        statement: answer.statement.clone(),
        signature: answer.signature.clone(),
        key_id: answer.key.to_string(),
        actor_role: answer.role.as_str().to_owned(),
        text_salt: Vec::new(),
    }
}

pub(super) const fn verdict(verdict: Verdict) -> v1::Verdict {
    match verdict {
        Verdict::Endorsed => v1::Verdict::Endorsed,
        Verdict::Reserved => v1::Verdict::EndorsedWithReservation,
        Verdict::Objected => v1::Verdict::Objected,
    }
}
