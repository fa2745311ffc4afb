//! Editions that another domain delivers: read and answered here.

use samsyn_domain::{
    AreaId, Caller, EditionId, Reason, Refusal, State, Timestamp,
    command::{Command, GiveAnswer},
    commit::endorsement::Endorsement,
    edition::Answer,
    link::{DeliveryRef, GivenRef, Phase, Received},
};
use samsyn_policy::{
    Denial, EditionList, EditionView, GivenRound, Reader, ReceivedEditions, ReceivedRound,
    ReviewView, View, Why, edition::SignedAnswer, opened_finding, verify_given,
};
use samsyn_proto::inbound::{AnswerAsked, RoundInReview, is_asked};

use crate::{Ledger, Rejection};

/// Editions of an area, or what is told of one.
#[derive(Debug)]
pub enum Editions {
    /// The area is at home here.
    Here(View<EditionList>),
    /// Another domain delivers them.
    Received(View<ReceivedEditions>),
}

/// An edition.
#[derive(Debug)]
pub enum EditionShown {
    /// Its area is at home here.
    Here(View<EditionView>),
    /// Another domain delivers it.
    Received(View<ReceivedRound>),
}

/// What rebuilds the content root of an edition.
#[derive(Debug)]
pub enum ReviewShown {
    /// Its area is at home here.
    Here(View<ReviewView>),
    /// Another domain delivers it.
    Received(View<ReceivedRound>),
}

/// An edition after an answer.
#[derive(Debug)]
pub enum Answered {
    /// Its area is at home here.
    Here(View<EditionList>),
    /// Another domain delivers it, and the answer goes there.
    Received(View<ReceivedRound>),
}

impl Ledger {
    /// The editions of an area that a reader may know of; of those that another domain delivers, as
    /// many as a page has, from a row on.
    ///
    /// # Errors
    /// When no right of the reader reaches the area.
    pub async fn editions(
        &self,
        reader: &Reader,
        area: &AreaId,
        page: (usize, usize),
    ) -> Result<Editions, Rejection> {
        let policy = &self.inner.policy;
        if self.read(|state| policy.received(state, reader, area))?.is_none() {
            return self.editions_here(reader, area).await.map(Editions::Here);
        }
        let shown = self.show(reader, |egress| {
            let received = self.readable(egress.state(), egress.reader(), area)?;
            Ok(egress.received_editions(&received, area, page)?)
        });
        shown.await.map(Editions::Received)
    }

    /// The reader's view of an edition, some findings of it.
    ///
    /// # Errors
    /// When the reader may not know of it.
    pub async fn edition(
        &self,
        reader: &Reader,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<EditionShown, Rejection> {
        let Some(area) = self.delivered_area(reader, id)? else {
            return self.edition_here(reader, id, from, size).await.map(EditionShown::Here);
        };
        let shown = self.show(reader, |egress| {
            let received = self.readable(egress.state(), egress.reader(), &area)?;
            Ok(egress.received_edition(&received, id, (from, size))?)
        });
        shown.await.map(EditionShown::Received)
    }

    /// Some of what rebuilds the content root of an edition's round, for its endorsers.
    ///
    /// # Errors
    /// When the reader is none of them.
    pub async fn review(
        &self,
        reader: &Reader,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<ReviewShown, Rejection> {
        let Some(area) = self.delivered_area(reader, id)? else {
            return self.review_here(reader, id, from, size).await.map(ReviewShown::Here);
        };
        let shown = self.show(reader, |egress| {
            let received = self.readable(egress.state(), egress.reader(), &area)?;
            Ok(egress.received_review(&received, id, (from, size), is_asked)?)
        });
        shown.await.map(ReviewShown::Received)
    }

    /// Answers an edition; the signature is verified before the log. Where another domain delivers
    /// the edition the answer goes there, and what its home says of it stands with the edition.
    ///
    /// # Errors
    /// When policy or the domain says no, or the signature does not hold.
    pub async fn answer_edition(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &AnswerAsked,
    ) -> Result<Answered, Rejection> {
        let area = area_of(&asked.edition);
        let is_elsewhere = area.is_ok_and(|area| {
            let registry = self.registry();
            let agreement = registry.agreement_of(&area);
            agreement.is_none_or(|agreement| agreement.home.is_some())
        });
        if is_elsewhere && self.read(|state| state.edition(&asked.edition).is_none()) {
            return self.answer_delivered(caller, reader, asked).await.map(Answered::Received);
        }
        self.answer_here(caller, reader, asked).await.map(Answered::Here)
    }

    async fn answer_delivered(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &AnswerAsked,
    ) -> Result<View<ReceivedRound>, Rejection> {
        let (of, given) = self.answerable(caller, asked)?;
        let key = asked.context.key;
        let is_repeated = self.read(|state| state.has_answered(caller.service(), key));
        // What was answered under its key is answered so again, whatever round there is by now.
        let stated = Endorsement::decode(&asked.statement).ok().filter(|_| is_repeated);
        let round = match stated {
            Some(stated) => stated.round,
            None => self.in_review(&of, asked)?,
        };
        let area = area_of(&asked.edition)?;
        let parts = (&asked.edition, &asked.party, asked.role);
        let text = (asked.text.as_deref().unwrap_or_default(), asked.text_salt.as_slice());
        let at = asked.context.key.made_at();
        let answer = Answer {
            party: asked.party.clone(),
            role: asked.role,
            verdict: asked.verdict,
            text: self.seal_answer_text(parts, &area, text, at).await?,
            statement: asked.statement.clone(),
            signature: asked.signature.clone(),
            key: asked.key.clone(),
            at: Timestamp::ZERO,
        };
        let command = GiveAnswer { of: given, delivery: of.id.clone(), round, answer };
        let command = Command::GiveAnswer(command.into());
        let body = self.body("answer", command.clone())?;
        let make = |_: &State| Ok(command.clone());
        self.propose(caller, &asked.context, &body, make).await?;
        let shown = self.show(reader, |egress| {
            let received = egress.state().deliveries().received(&of).ok_or_else(missing)?;
            Ok(egress.received_edition(received, &asked.edition, (0, 1))?)
        });
        shown.await
    }

    /// The delivery by which a caller may answer an edition, and whose answer it is.
    fn answerable(
        &self,
        caller: &Caller,
        asked: &AnswerAsked,
    ) -> Result<(DeliveryRef, GivenRef), Rejection> {
        let (policy, now) = (&self.inner.policy, (self.inner.clock)());
        self.read(|state| {
            let mut denied = Denial::of(Why::NotFound).at("edition_id");
            for received in state.deliveries().all_received() {
                let given = GivenRef {
                    peer: received.of.peer.clone(),
                    edition: asked.edition.clone(),
                    party: asked.party.clone(),
                    role: asked.role,
                };
                match policy.answers_delivered(state, now, caller, (&received.of, &given)) {
                    Ok(()) => return Ok((received.of.clone(), given)),
                    Err(denial) if denial.why == Why::NotFound => {}
                    Err(denial) => denied = denial,
                }
            }
            Err(denied.into())
        })
    }

    /// The round that an answer is to, where its signature holds for what came.
    fn in_review(&self, of: &DeliveryRef, asked: &AnswerAsked) -> Result<u32, Rejection> {
        let came = self.read(|state| {
            let one = state.delivered_editions().one(of, &asked.edition);
            one.map(|one| (one.content.clone(), one.review.clone()))
        });
        let (content, review) = came.ok_or_else(missing)?;
        let open = |sealed| self.inner.keys.open_message(sealed).and_then(opened_finding);
        let round = review.as_ref().and_then(open).zip(open(&content));
        // Without it there is nothing that could have been reviewed here.
        let round =
            round.ok_or_else(|| Denial::of(Why::NotAllowed).by("POL-59").at("edition_id"))?;
        let (review, content) = round;
        let closed = || Refusal::at(Reason::EditionWrongState, "edition_id");
        let RoundInReview { round, root, descriptor } =
            RoundInReview::of(&content, &review).ok_or_else(closed)?;
        let signed = SignedAnswer {
            party: &asked.party,
            role: asked.role,
            verdict: asked.verdict,
            text: asked.text.as_deref().unwrap_or_default(),
            text_salt: &asked.text_salt,
            statement: &asked.statement,
            signature: &asked.signature,
            key: &asked.key,
        };
        let given = GivenRound {
            home: &of.peer,
            edition: &asked.edition,
            round,
            root: &root,
            descriptor: &descriptor,
        };
        Ok(verify_given(&given, &signed)?.round)
    }

    /// The area of an edition that another domain delivers to a reader; none: it is at home here.
    fn delivered_area(&self, reader: &Reader, id: &EditionId) -> Result<Option<AreaId>, Rejection> {
        let Ok(area) = area_of(id) else { return Ok(None) };
        let policy = &self.inner.policy;
        let received = self.read(|state| policy.received(state, reader, &area))?;
        Ok(received.map(|_| area))
    }

    /// What is delivered of an area to a reader, as far as what came of it could be read.
    fn readable(
        &self,
        state: &State,
        reader: &Reader,
        area: &AreaId,
    ) -> Result<std::sync::Arc<Received>, Rejection> {
        let received = self.inner.policy.received(state, reader, area)?;
        let received = received.ok_or_else(missing)?;
        match received.phase {
            Phase::Coming | Phase::Whole | Phase::TooLarge => Ok(received),
            Phase::Broken => Err(Denial::of(Why::ViewIncomplete).at("area").into()),
        }
    }
}

fn area_of(id: &EditionId) -> Result<AreaId, Rejection> {
    AreaId::parse(id.area()).map_err(|_| missing())
}

fn missing() -> Rejection {
    Denial::of(Why::NotFound).at("edition_id").into()
}
