//! Editions that another domain delivers, as they came, with what was answered to them here.

use prost::Message as _;
use samsyn_domain::link::{GivenAnswer, NotTakenFor};
use samsyn_policy::{EditionView, ReceivedEditions, ReceivedRound, ReviewView, View};

use super::{
    Encoded, Paged,
    edition::{self, verdict},
    value::time,
};
use crate::{link, v1};

/// An edition as it goes to another domain, the bytes of a `samsyn.link.v1.DeliveredEdition`: what
/// a caller would get of all pages.
#[must_use]
pub fn delivered_edition(view: &View<EditionView>, review: Option<&View<ReviewView>>) -> Vec<u8> {
    let edition = edition::edition(view.content(), |_| String::new()).edition;
    let review = review.map(|view| edition::review(view.content(), |_| String::new()));
    let edition = edition.unwrap_or_default().encode_to_vec();
    let review = review.map(|review| review.encode_to_vec()).unwrap_or_default();
    link::DeliveredEdition { edition, review }.encode_to_vec()
}

impl Encoded<v1::ListEditionsResponse> {
    /// One page of an area's editions as they came; `token` names the row that the next one begins
    /// with.
    pub fn received(
        view: &View<ReceivedEditions>,
        paged: Paged,
        token: impl FnOnce(usize) -> String,
    ) -> Self {
        let ReceivedEditions { editions: rows, of } = view.content();
        let editions = rows.iter().filter_map(|one| came(one).header).collect();
        let next = paged.from.saturating_add(rows.len());
        let next_page_token = if next < *of { token(next) } else { String::new() };
        Self::seal(&v1::ListEditionsResponse { editions, next_page_token }).with_rows(rows.len())
    }
}

impl Encoded<v1::GetEditionResponse> {
    /// The page of an edition as it came; `token` names where the next one begins. The last has the
    /// proof.
    pub fn received(view: &View<ReceivedRound>, token: impl FnOnce(usize) -> String) -> Self {
        let one = view.content();
        let edition = came(one);
        let paged = Paged { from: one.from, size: one.size };
        let next_page_token = paged.next(&edition.findings, token);
        let findings = paged.rows(&edition.findings).to_vec();
        let rows = findings.len();
        let proof = if next_page_token.is_empty() { edition.proof } else { Vec::new() };
        let edition = Some(v1::Edition { findings, proof, ..edition });
        Self::seal(&v1::GetEditionResponse { edition, next_page_token }).with_rows(rows)
    }
}

impl Encoded<v1::AnswerEditionResponse> {
    /// The header of an edition as it came.
    #[must_use]
    pub fn received(view: &View<ReceivedRound>) -> Self {
        Self::seal(&v1::AnswerEditionResponse { edition: came(view.content()).header })
    }
}

impl Encoded<v1::GetEditionReviewResponse> {
    /// The page of what rebuilds a content root as it came; `token` names where the next one
    /// begins.
    pub fn received(view: &View<ReceivedRound>, token: impl FnOnce(usize) -> String) -> Self {
        let one = view.content();
        // INVARIANT: what was taken in was encoded here.
        let whole = v1::GetEditionReviewResponse::decode(&*one.content).unwrap_or_default();
        let paged = Paged { from: one.from, size: one.size };
        let next_page_token = paged.next(&whole.openings, token);
        let openings = paged.rows(&whole.openings).to_vec();
        let rows = openings.len();
        let page = v1::GetEditionReviewResponse { openings, next_page_token, ..whole };
        Self::seal(&page).with_rows(rows)
    }
}

fn came(one: &ReceivedRound) -> v1::Edition {
    // INVARIANT: what was taken in was encoded here.
    let mut edition = v1::Edition::decode(&*one.content).unwrap_or_default();
    if let Some(header) = &mut edition.header {
        header.given = one.given.iter().map(given).collect();
    }
    edition
}

fn given(given: &GivenAnswer) -> v1::GivenAnswer {
    let refused = given.told.as_ref().and_then(|told| told.refused.as_ref());
    v1::GivenAnswer {
        party: given.of.party.to_string(),
        actor_role: given.of.role.as_str().to_owned(),
        round: given.round,
        verdict: verdict(given.answer.verdict).into(),
        given_at: Some(time(given.answer.at)),
        told_at: given.told.as_ref().map(|told| time(told.at)),
        reason: refused.map(NotTakenFor::reason).unwrap_or_default().to_owned(),
        field: refused.map(NotTakenFor::field).unwrap_or_default().to_owned(),
    }
}

/// The header of an edition that came, as an event has it: what stands under seal at its home, and
/// who is waited for, stand with the edition.
pub(super) fn as_event(edition: &[u8]) -> v1::EditionHeader {
    // INVARIANT: what was taken in was encoded here.
    let header = v1::Edition::decode(edition).unwrap_or_default().header.unwrap_or_default();
    let bare = |answer| {
        let (text, text_salt) = Default::default();
        v1::Answer { text, text_salt, ..answer }
    };
    let answers = header.answers.into_iter().map(bare).collect();
    let (waiting_for, given) = Default::default();
    v1::EditionHeader { answers, waiting_for, given, ..header }
}
