//! What came of an edition that another domain delivers.

use prost::{Message as _, bytes::Bytes};
use samsyn_domain::{
    AreaId, EditionId, PartyId, Period,
    commit::descriptor::{Descriptor, Function},
    registry::Role,
};

use super::{received, text, value};
use crate::{link::DeliveredEdition, v1};

/// How many findings or leaves one edition has at most.
const ROWS_MAX: usize = 100_000;

/// An edition that came, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedDocument {
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// It is released, or was.
    pub released: bool,
    /// How many findings it shows.
    pub findings: u32,
    /// How many leaves rebuild its content root.
    pub openings: u32,
    /// It says more than its header and its proof: findings, texts, or what rebuilds its root.
    pub tells: bool,
    /// The header alone: the bytes of a `samsyn.v1.Edition`.
    pub header: Vec<u8>,
    /// Header, content and proof: the bytes of a `samsyn.v1.Edition`, without what this version
    /// does not know.
    pub edition: Vec<u8>,
    /// All that rebuilds the content root: the bytes of a `samsyn.v1.GetEditionReviewResponse`.
    pub review: Option<Vec<u8>>,
}

impl std::fmt::Debug for ReceivedDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "edition of {} with {} findings", self.area, self.findings)
    }
}

impl ReceivedDocument {
    /// Reads the bytes of a `samsyn.link.v1.DeliveredEdition`. None when they are none, it is
    /// another edition, anything in it is above a level, or a text has characters that none has.
    #[must_use]
    pub fn parse(bytes: &[u8], of: &EditionId, ceiling: u8) -> Option<Self> {
        let DeliveredEdition { edition, review } =
            DeliveredEdition::decode(Bytes::copy_from_slice(bytes)).ok()?;
        let mut edition = v1::Edition::decode(Bytes::from(edition)).ok()?;
        let review = match review.is_empty() {
            true => None,
            false => Some(v1::GetEditionReviewResponse::decode(Bytes::from(review)).ok()?),
        };
        let header = edition.header.as_mut()?;
        // What is answered here is told here alone.
        header.given = Vec::new();
        let area = AreaId::parse(&header.area).ok()?;
        // An edition's id begins with its area: nobody speaks for another by it.
        let is_of_area = of.area() == area.as_str();
        let period = value::period(header.period.clone()).ok()?;
        let state = v1::EditionState::try_from(header.state).ok()?;
        let is_round = review.as_ref().is_none_or(|review| review.round == header.round);
        let is_it = header.id == of.as_str() && is_of_area && is_round;
        let is_up_to =
            |finding| received::is_up_to(finding, ceiling) && received::is_clean(finding);
        let is_clean = texts(header).chain([&edition.analysis]).all(|one| text::is_clean(one));
        let openings = review.as_ref().map_or(0, |review| review.openings.len());
        let fits = edition.findings.len() <= ROWS_MAX && openings <= ROWS_MAX;
        if !is_it || !is_clean || !fits || !edition.findings.iter().all(is_up_to) {
            return None;
        }
        let header = edition.header.clone().unwrap_or_default();
        let has_text = header.answers.iter().any(|answer| !answer.text.is_empty());
        let contributed = edition.findings.iter().any(|one| !one.contributions.is_empty());
        let tells = has_text || contributed || !edition.analysis.is_empty() || review.is_some();
        let header = v1::Edition { header: Some(header), ..v1::Edition::default() };
        Some(Self {
            tells,
            header: header.encode_to_vec(),
            area,
            period,
            released: matches!(state, v1::EditionState::Released | v1::EditionState::Superseded),
            findings: u32::try_from(edition.findings.len()).ok()?,
            openings: u32::try_from(openings).ok()?,
            edition: edition.encode_to_vec(),
            review: review.map(|review| {
                let next_page_token = String::new();
                v1::GetEditionReviewResponse { next_page_token, ..review }.encode_to_vec()
            }),
        })
    }
}

/// Every text in a header.
fn texts(header: &v1::EditionHeader) -> impl Iterator<Item = &String> {
    let v1::EditionHeader { id, area, period, track, answers, waiting_for, .. } = header;
    let answers = answers.iter().flat_map(|answer| {
        let v1::Answer { party, text, key_id, actor_role, .. } = answer;
        [party, text, key_id, actor_role]
    });
    let period = period.iter().map(|period| &period.code);
    [id, area, track].into_iter().chain(period).chain(waiting_for).chain(answers)
}

/// The round of an edition that came, as far as an answer to it is checked here.
#[derive(Clone, PartialEq, Eq)]
pub struct RoundInReview {
    /// Counts the locks.
    pub round: u32,
    /// Its content root.
    pub root: Vec<u8>,
    /// The agreement's descriptor, canonical.
    pub descriptor: Vec<u8>,
}

impl std::fmt::Debug for RoundInReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "round {}", self.round)
    }
}

impl RoundInReview {
    /// Reads it out of an edition and what rebuilds its content root, as they came. None: no answer
    /// is asked for.
    #[must_use]
    pub fn of(edition: &[u8], review: &[u8]) -> Option<Self> {
        let header = v1::Edition::decode(edition).ok()?.header?;
        let review = v1::GetEditionReviewResponse::decode(review).ok()?;
        let is_open = matches!(
            v1::EditionState::try_from(header.state),
            Ok(v1::EditionState::InReview | v1::EditionState::Contested)
        );
        let (round, root) = (header.round, header.content_root);
        is_open.then_some(Self { round, root, descriptor: review.descriptor_bytes })
    }
}

/// Whether the descriptor in what rebuilds a content root asks a party in a role for an answer on
/// a track.
#[must_use]
pub fn is_asked(review: &[u8], track: &str, (party, role): (&PartyId, Role)) -> bool {
    let review = v1::GetEditionReviewResponse::decode(review).ok();
    let descriptor = review.and_then(|one| Descriptor::decode(&one.descriptor_bytes).ok());
    let (party, role) = (party.as_str().to_owned(), role.as_str().to_owned());
    let function = Function { party, role };
    let track = descriptor.as_ref().and_then(|descriptor| descriptor.tracks.get(track));
    track.is_some_and(|track| track.contains_key(&function))
}
