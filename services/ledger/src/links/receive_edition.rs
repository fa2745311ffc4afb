//! Editions that a peer delivers, and answers that it brings to ours.

use std::collections::BTreeSet;

use samsyn_domain::{
    EditionId, Timestamp,
    command::{AnswerEdition, BroughtEdition, EditionContent, Effect},
    commit::endorsement::Endorsement,
    edition::Answer,
    link::{
        AnswerTold, DeliveredEdition, DeliveryRef, EditionRef, Header, NotTakenFor, QuarantinedFor,
        SentAnswer,
    },
    registry::Peer,
};
use samsyn_policy::{
    edition::{SignedAnswer, verify_answer},
    may_answer, opened_finding, sealed_finding,
};
use samsyn_proto::inbound::{ReceivedDocument, answer_fits};

use super::{receive::is_at_home, take::not_taken};
use crate::{Ledger, Rejection, keys::Keys};

impl Ledger {
    /// What a piece of an edition does. What cannot be taken of it is not kept.
    pub(super) async fn edition_came(
        &self,
        peer: &Peer,
        header: &Header,
        delivered: &DeliveredEdition,
    ) -> Result<Effect, Rejection> {
        let DeliveredEdition { delivery, edition, piece, last, gone, opened_at, content } =
            delivered;
        let registry = self.registry();
        let refused = |reason| {
            let (delivery, edition) = (delivery.clone(), edition.clone());
            Ok(Effect::RefuseEdition { delivery, edition, reason })
        };
        let orgnr = header.to.orgnr.as_deref().unwrap_or_default();
        let brought = |pieces, content| {
            let (delivery, edition) = (delivery.clone(), edition.clone());
            let brought =
                BroughtEdition { delivery, edition, pieces, orgnr: orgnr.into(), content };
            Ok(Effect::Edition(brought.into()))
        };
        // That it goes is heard whoever it was for.
        if *gone {
            return brought(0, None);
        }
        if !is_at_home(&registry, orgnr) {
            return refused(QuarantinedFor::NotForUs);
        }
        let unit = Keys::month_unit(&format!("view|{}", peer.id), (self.inner.clock)());
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let object = |what: &str| format!("{what} {} {delivery} {edition} {piece}", peer.id);
        let seal = |what: &str, content: &[u8]| {
            self.inner.keys.seal(&unit, &object(what), &sealed_finding(content))
        };
        if !last {
            let content = seal("edition piece", content)?;
            let (delivery, edition) = (delivery.clone(), edition.clone());
            return Ok(Effect::EditionPiece { delivery, edition, piece: *piece, content });
        }
        let of = DeliveryRef { peer: peer.id.clone(), id: delivery.clone() };
        let whole = self.edition_joined(&EditionRef { of, edition: edition.clone() }, delivered);
        let read = whole.and_then(|whole| ReceivedDocument::parse(&whole, edition, peer.ceiling));
        // What it tells has labels: those by which it was judged.
        let is_labelled = |read: &ReceivedDocument| header.labels.is_some() || !read.tells;
        let Some(read) = read.filter(is_labelled) else {
            return refused(QuarantinedFor::Malformed);
        };
        if !registry.speaks_for(peer, &read.area) {
            return refused(QuarantinedFor::NotYours);
        }
        let review = read.review.as_deref().map(|review| seal("edition review", review));
        let content = EditionContent {
            area: read.area,
            period: read.period,
            opened_at: *opened_at,
            released: read.released,
            header: seal("edition header", &read.header)?,
            findings: read.findings,
            openings: read.openings,
            content: seal("edition", &read.edition)?,
            review: review.transpose()?,
        };
        brought(*piece, Some(content))
    }

    /// The bytes of an edition, with those of its earlier pieces before them; none where one is
    /// missing.
    fn edition_joined(&self, of: &EditionRef, last: &DeliveredEdition) -> Option<Vec<u8>> {
        let before: Vec<_> = self.read(|state| {
            let pieces = state.delivered_editions().pieces(&of.of);
            pieces.filter(|piece| piece.of == *of).cloned().collect()
        });
        let is_dense = before.iter().map(|piece| piece.number).eq(0..last.piece);
        let mut whole = Vec::new();
        for piece in before.iter().filter(|_| is_dense) {
            whole.extend(opened_finding(self.inner.keys.open_message(&piece.content)?)?);
        }
        whole.extend_from_slice(&last.content);
        is_dense.then_some(whole)
    }

    /// What an answer of a party of the peer does: checked as if it had been given here.
    pub(super) async fn answer_came(
        &self,
        peer: &Peer,
        header: &Header,
        sent: &SentAnswer,
    ) -> Result<Effect, Rejection> {
        let stated = Endorsement::decode(&sent.statement).ok();
        let round = stated.map_or(0, |stated| stated.round);
        match self.answer_checked(peer, header, sent) {
            Ok(root) => {
                let area = self.area_of(&sent.edition)?;
                let parts = (&sent.edition, &sent.party, sent.role);
                let text = (sent.text.as_str(), sent.text_salt.as_slice());
                let at = (self.inner.clock)();
                let answer = Answer {
                    party: sent.party.clone(),
                    role: sent.role,
                    verdict: sent.verdict,
                    text: self.seal_answer_text(parts, &area, text, at).await?,
                    statement: sent.statement.clone(),
                    signature: sent.signature.clone(),
                    key: sent.key.clone(),
                    at: Timestamp::ZERO,
                };
                let edition = sent.edition.clone();
                Ok(Effect::EditionAnswer(AnswerEdition { edition, round, root, answer }.into()))
            }
            Err(refused) => {
                let (edition, party) = (sent.edition.clone(), sent.party.clone());
                let refused = Some(refused);
                let told = AnswerTold { edition, party, role: sent.role, round, refused };
                Ok(Effect::RefuseAnswer(told.into()))
            }
        }
    }

    /// The content root that an answer of a party of the peer states, where it holds; or why it is
    /// not taken.
    fn answer_checked(
        &self,
        peer: &Peer,
        header: &Header,
        sent: &SentAnswer,
    ) -> Result<[u8; 32], NotTakenFor> {
        self.read(|state| {
            may_answer(state, peer, &header.from, (&sent.edition, &sent.party))
                .map_err(|denial| not_taken(denial.why.id(), &denial.field))?;
            answer_fits(sent).map_err(|fault| not_taken(fault.reason.id(), &fault.field))?;
            let edition = state.edition(&sent.edition).ok_or_else(|| not_taken("NOT_FOUND", ""))?;
            // What stands already, in whichever round, is answered as it was.
            let stands = edition.rounds.iter().find(|round| {
                round.answers.iter().any(|answer| answer.statement == sent.statement)
            });
            if let Some(round) = stands {
                return Ok(round.locked.root);
            }
            let signed = SignedAnswer {
                party: &sent.party,
                role: sent.role,
                verdict: sent.verdict,
                text: &sent.text,
                text_salt: &sent.text_salt,
                statement: &sent.statement,
                signature: &sent.signature,
                key: &sent.key,
            };
            let stated = verify_answer(state, edition, &signed)
                .map_err(|bad| not_taken(bad.id(), bad.field()))?;
            Ok(stated.content_root.0)
        })
    }

    fn area_of(&self, edition: &EditionId) -> Result<samsyn_domain::AreaId, Rejection> {
        self.edition_of(edition).map(|edition| edition.area)
    }
}
