//! Editions, as far as a reader may see them; what they are made of; answers to them.

mod answer;
mod basis;
mod cell;
mod content;
mod decision;
mod error;
mod kept;
mod object;
mod proof;
mod review;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use answer::of_answer;
pub use answer::{BadAnswer, SignedAnswer, verify_answer};
pub use cell::undecided;
pub use content::{Analysis, Content, Frame, content};
pub use error::Unmade;

use std::{collections::BTreeMap, sync::Arc};

use content::{opened, registered};
pub(super) use kept::{Reopened, RoundName};

use samsyn_domain::{
    AreaId, EditionId, Sealed,
    commit::{object::ObjectId, position::Position, reader::Fields},
    disclosure::Object,
    edition::{Answer, Edition, Phase, Round},
    registry::FieldGroup,
};

use sha2::{Digest as _, Sha256};

use super::Egress;
use crate::{
    Denial, EditionHeader, EditionList, EditionView, JointView, Masked, Projection, Reader, Rights,
    Why,
};

/// Fields of an answer's text under seal: the text, and the salt of its commitment.
const TEXT: u16 = 1;
const TEXT_SALT: u16 = 2;

impl Egress<'_> {
    /// The editions of an area, the newest first: all for signatories; for partners those released
    /// that their rows reach.
    ///
    /// # Errors
    /// When no right of the reader reaches the area.
    pub fn editions(&self, area: &AreaId) -> Result<Projection<EditionList>, Denial> {
        let rights = self.rights_in(area, None, false)?;
        let known = self.state.editions().filter(|edition| edition.area == *area);
        let mut known: Vec<(&Edition, Rights)> =
            known.filter_map(|edition| Some((edition, self.rights_to(edition)?))).collect();
        known.sort_by(|(a, _), (b, _)| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
        let editions: Vec<EditionHeader> =
            known.iter().map(|(edition, rights)| self.header(edition, rights)).collect();
        let rows = editions.len();
        let shown = format!("{editions:?}");
        let object = Object::Editions(area.clone());
        let at = self.state.revision(area);
        let record = self.disclosure(&rights, object, at, rows, shown.as_bytes());
        Ok(Projection::new(EditionList { editions, left_out: Vec::new() }, vec![record]))
    }

    /// One edition's header, with the ids of the reader's own observations that its lock left out.
    ///
    /// # Errors
    /// When the reader may not know of the edition.
    pub fn edition_header(&self, id: &EditionId) -> Result<Projection<EditionList>, Denial> {
        let (edition, rights) = self.reachable(id)?;
        let header = self.header(edition, &rights);
        let left_out = self.left_out(edition);
        let shown = format!("{header:?} {left_out:?}");
        let revision = edition.current().map_or(0, |round| round.locked.revision);
        let object = Object::Edition(id.clone());
        let record = self.disclosure(&rights, object, revision, 1, shown.as_bytes());
        let list = EditionList { editions: vec![header], left_out };
        Ok(Projection::new(list, vec![record]))
    }

    /// The reader's view of an edition, `size` findings a page from the finding `from` on. The
    /// last page of a released edition holds the proof.
    ///
    /// # Errors
    /// When the reader may not know of the edition, or its content cannot be made again.
    pub fn edition(
        &self,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<Projection<EditionView>, Denial> {
        let (edition, rights) = self.reachable(id)?;
        let mut page = Page::default();
        if let Some(round) = edition.current() {
            let reopened = self.reopened(edition, round)?;
            let content = &reopened.content;
            let sight = self.sight(&rights, edition, round, content);
            let size = size.max(1);
            let end = from.saturating_add(size);
            let last = end >= sight.findings.len();
            page.next = if last { None } else { u64::try_from(end).ok() };
            page.analysis = analysis(content, &sight.opened);
            if last && released(edition) {
                let proof = self.proof(&rights, edition, round, content, &sight.opened);
                let (proof, manifest) = proof.map_err(|unmade| broken(&unmade))?;
                (page.proof, page.shown) = (proof, manifest.to_string());
            }
            page.findings = sight.findings.into_iter().skip(from).take(size).collect();
            page.revision = round.locked.revision;
        }
        Ok(self.paged(edition, &rights, page))
    }

    fn paged(&self, edition: &Edition, rights: &Rights, page: Page) -> Projection<EditionView> {
        let Page { findings, analysis, proof, shown, next, revision } = page;
        let masked = self.masked(&edition.area);
        let joint = JointView {
            masked,
            area: edition.area.clone(),
            period: edition.period,
            revision: match masked {
                Masked::Signatory => revision,
                Masked::Partner => 0,
            },
            secrets: self.secrets(&findings),
            withheld: self.withheld(rights, &edition.area),
            findings,
        };
        let shown = format!("{shown} {analysis:?} {:?}", joint.findings);
        let object = Object::Edition(edition.id.clone());
        let rows = joint.findings.len();
        let mut record = self.disclosure(rights, object, revision, rows, shown.as_bytes());
        if analysis.is_some() {
            record.groups.insert(FieldGroup::Text);
        }
        let header = self.header(edition, rights);
        Projection::new(EditionView { header, analysis, joint, proof, next }, vec![record])
    }

    /// The content of an edition's round, made again, or kept since it was.
    fn reopened(&self, edition: &Edition, round: &Round) -> Result<Arc<Reopened>, Denial> {
        let reopened = match self.kept {
            Some((contents, now)) => {
                contents.reopened(self.state, self.known, (edition, round), now)
            }
            None => Reopened::of(self.state, self.known, edition, round),
        };
        reopened.map_err(|unmade| broken(&unmade))
    }

    /// An edition and the reader's rights to it.
    fn reachable(&self, id: &EditionId) -> Result<(&Edition, Rights), Denial> {
        let edition = self.state.edition(id);
        let found = edition.and_then(|edition| Some((edition, self.rights_to(edition)?)));
        found.ok_or_else(|| Denial::of(Why::NotFound).at("edition_id"))
    }

    /// The reader's rights to an edition; none when it may not know of it.
    pub(super) fn rights_to(&self, edition: &Edition) -> Option<Rights> {
        let registry = self.state.registry();
        let rights = self.reader.rights(registry, Some(edition.period.kind()), false);
        let may_know = match self.masked(&edition.area) {
            Masked::Signatory => true,
            Masked::Partner => {
                released(edition) && Reader::areas(registry, &rights).contains(&edition.area)
            }
        };
        may_know.then_some(rights)
    }

    /// A digest of all that decides on what the reader sees of an edition, beside its content,
    /// which a round fixes; none when the reader may not know of it.
    #[must_use]
    pub fn edition_terms(&self, edition: &Edition) -> Option<[u8; 32]> {
        let rights = self.rights_to(edition)?;
        let mut hash = Sha256::new_with_prefix(b"samsyn edition terms 1");
        hash.update(rights.class().digest());
        hash.update(rights.terms(self.state));
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        part(edition.id.as_str().as_bytes());
        part(edition.phase.as_str().as_bytes());
        part(&edition.due.micros().to_be_bytes());
        part(&[edition.overdue.into()]);
        part(&edition.released.as_ref().map_or(0, |released| released.sequence).to_be_bytes());
        if let Some(round) = edition.current() {
            part(&round.number.to_be_bytes());
            part(&round.locked.root);
            part(&round.descriptor);
            round.answers.iter().for_each(|answer| part(&answer.statement));
        }
        for endorser in [self.state.required(edition), self.state.waiting_for(edition)].concat() {
            part(endorser.party.as_str().as_bytes());
            part(endorser.role.as_str().as_bytes());
        }
        Some(hash.finalize().into())
    }

    fn header(&self, edition: &Edition, rights: &Rights) -> EditionHeader {
        let masked = self.masked(&edition.area);
        let registry = self.state.registry();
        let mut rows = rights.rows.iter().filter_map(|id| registry.release_row(id));
        // What is said of an edition crosses a link where its analysis may.
        let level = edition.current().map(|round| round.locked.analysis_labels.level.level());
        let is_below = rights.ceiling.is_none_or(|ceiling| level.is_none_or(|of| of <= ceiling));
        let told = masked == Masked::Signatory
            || rows.any(|row| {
                row.areas.contains(&edition.area)
                    && !row.protected_counts
                    && row.shown.contains_key(&FieldGroup::Text)
            });
        let answers = edition.current().map_or(&[][..], |round| &round.answers);
        let told = told && is_below;
        let text = |answer: &Answer| self.text(answer.text.as_ref().filter(|_| told)?);
        EditionHeader {
            edition: edition.clone().into(),
            waiting_for: self.state.waiting_for(edition),
            texts: answers.iter().map(text).collect(),
            masked,
        }
    }

    /// An answer's text with the salt of its commitment; none when its key is gone.
    fn text(&self, sealed: &Sealed) -> Option<(String, Vec<u8>)> {
        let mut fields = Fields::of(self.known.open_message(sealed)?);
        Some((fields.take_text(TEXT).ok()?, fields.take_bytes(TEXT_SALT).ok()?))
    }

    fn left_out(&self, edition: &Edition) -> Vec<String> {
        let Some(round) = edition.current() else { return Vec::new() };
        let frame = Frame { revision: round.locked.revision, ..Frame::of(self.state, edition) };
        let left_out = basis::observed(self.state, &frame).left_out.into_iter();
        let own = left_out.filter(|(party, _)| self.reader.parties().contains(party));
        own.map(|(_, id)| id.as_str().to_owned()).collect()
    }
}

/// A page of an edition before its record.
#[derive(Default)]
struct Page {
    findings: Vec<samsyn_domain::merge::Finding>,
    analysis: Option<String>,
    proof: Vec<u8>,
    /// The digest of the manifest, where there is one.
    shown: String,
    next: Option<u64>,
    revision: u64,
}

/// The analysis, where it is opened.
fn analysis(content: &Content, opened: &BTreeMap<ObjectId, Vec<Position>>) -> Option<String> {
    let is_analysis = |id: &ObjectId| {
        content.objects.get(id).is_some_and(|object| matches!(object.what, object::What::Analysis))
    };
    let shown = opened.keys().any(is_analysis) && !content.analysis.is_empty();
    shown.then(|| content.analysis.clone())
}

/// Partners may know of it.
const fn released(edition: &Edition) -> bool {
    matches!(edition.phase, Phase::Released | Phase::Superseded)
}

/// The reader can do nothing about it; the operator must.
fn broken(unmade: &Unmade) -> Denial {
    Denial::of(Why::Internal(unmade.cause())).at("edition_id")
}
