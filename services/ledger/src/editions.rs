//! Editions: open, lock, answer, release; and what may be seen of them.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Caller, EditionId, PartyId, PeriodKind, Sealed, State, Timestamp, UnitKey,
    command::{AnswerEdition, Command, Digest, LockEdition, OpenEdition, ReleaseEdition, Reply},
    commit::{
        canonical::Message,
        reader::Fields,
        salt::{RoundSalt, Salt},
    },
    edition::{Answer, Edition, Locked},
    registry::Role,
};
use samsyn_policy::{
    Deed, Denial, EditionList, EditionView, Reader, ReviewView, View, Why,
    edition::{Analysis, Frame, SignedAnswer, content, undecided, verify_answer},
};
use samsyn_proto::inbound::{AnswerAsked, LockAsked, OpenAsked, ReleaseAsked};

use crate::{
    Error, Ledger, Rejection,
    handle::Inner,
    keys::{Keys, random},
};

/// Fields of an answer's text under seal: the text, and the salt of its commitment.
const TEXT: u16 = 1;
const TEXT_SALT: u16 = 2;
/// How often a lock is made anew when policy decides something meanwhile.
const LOCKS_MAX: usize = 8;

impl Ledger {
    /// Opens an edition.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn open_edition(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &OpenAsked,
    ) -> Result<View<EditionList>, Rejection> {
        let command = Command::OpenEdition(OpenEdition {
            area: asked.area.clone(),
            period: asked.period,
            track: asked.track,
            due: asked.due,
            party: asked.party.clone(),
        });
        let body = self.body("open", command.clone())?;
        let make = |_: &State| Ok(command.clone());
        let reply = self.propose(caller, &asked.context, &body, make).await?;
        self.header(reader, &id_of(reply)?).await
    }

    /// Locks an edition: makes its content at the revision asked for, with fresh salts.
    ///
    /// # Errors
    /// When policy or the domain says no, or the content cannot be made.
    pub async fn lock_edition(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &LockAsked,
    ) -> Result<View<EditionList>, Rejection> {
        let (edition, party, role) = (&asked.edition, &asked.party, asked.context.role);
        self.may(caller, Deed::of("lock", edition, (party, role)))?;
        let edition = self.edition_of(&asked.edition)?;
        let unit = Keys::unit(&asked.party, &edition.area, asked.context.key.made_at());
        // The round's secrets are sealed under it as well.
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let object = format!("analysis {}", asked.edition);
        let analysis = self.inner.keys.seal_text(&unit, &object, Some(&asked.analysis))?;
        let body = self.lock_body(asked, analysis.as_ref());
        for _ in 0..LOCKS_MAX {
            self.decide_cells(reader, &edition).await?;
            let (salt, basis_salt) = (RoundSalt::new(random()?), Salt::new(random()?));
            let make = |state: &State| {
                let lock = self.lock(state, asked, &edition, &unit, &salt, &basis_salt)?;
                Ok(Command::LockEdition(Box::new(lock)))
            };
            match self.propose(caller, &asked.context, &body, make).await {
                Err(Rejection::Edition(samsyn_policy::edition::Unmade::Undecided)) => {}
                Err(rejection) => return Err(rejection),
                Ok(reply) => return self.header(reader, &id_of(reply)?).await,
            }
        }
        Err(Error::Overloaded.into())
    }

    fn lock(
        &self,
        state: &State,
        asked: &LockAsked,
        edition: &Edition,
        unit: &UnitKey,
        salt: &RoundSalt,
        basis_salt: &Salt,
    ) -> Result<LockEdition, Rejection> {
        let Inner { keys, .. } = &*self.inner;
        let frame = Frame {
            registry: state.registry(),
            area: &edition.area,
            period: edition.period,
            track: edition.track,
            revision: asked.revision.min(state.revision(&edition.area)),
        };
        let analysis = Analysis { text: &asked.analysis, labels: &asked.labels, unit };
        let made = content(state, &**keys, frame, salt, analysis)?;
        let basis = made.basis().commitment(basis_salt).map_err(|why| {
            Error::Fatal(format!("the basis of an edition has no canonical form: {why}"))
        })?;
        let object = format!("round {} {}", edition.id, hex::encode(made.root()));
        Ok(LockEdition {
            edition: edition.id.clone(),
            party: asked.party.clone(),
            descriptor: made.descriptor()?,
            locked: Locked {
                revision: asked.revision,
                root: made.root(),
                basis: basis.0,
                secrets: keys.seal(unit, &object, &made.secrets(basis_salt))?,
                analysis_labels: asked.labels.clone(),
                objects: made.objects(),
            },
        })
    }

    /// A keyed digest of a lock: its salts are drawn anew when it is repeated, so they are not
    /// part of it.
    fn lock_body(&self, asked: &LockAsked, analysis: Option<&Sealed>) -> Digest {
        let labels = format!("{:?}", asked.labels);
        let revision = asked.revision.to_be_bytes();
        let analysis = analysis.map_or(&[][..], |sealed| &sealed.bytes);
        let (edition, party) = (asked.edition.as_str(), asked.party.as_str());
        let parts = [edition.as_bytes(), party.as_bytes(), &revision, labels.as_bytes(), analysis];
        self.inner.keys.digest("lock", &parts)
    }

    /// Answers an edition of an area at home here; the signature is verified before the log.
    ///
    /// # Errors
    /// When policy or the domain says no, or the signature does not hold.
    pub(crate) async fn answer_here(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &AnswerAsked,
    ) -> Result<View<EditionList>, Rejection> {
        let (edition, party, role) = (&asked.edition, &asked.party, Some(asked.role));
        self.may(caller, Deed::of("answer", edition, (party, role)))?;
        let edition = self.edition_of(&asked.edition)?;
        let parts = (&asked.edition, &asked.party, asked.role);
        let text = (asked.text.as_deref().unwrap_or_default(), asked.text_salt.as_slice());
        let at = asked.context.key.made_at();
        let text = self.seal_answer_text(parts, &edition.area, text, at).await?;
        let answer = Answer {
            party: asked.party.clone(),
            role: asked.role,
            verdict: asked.verdict,
            text,
            statement: asked.statement.clone(),
            signature: asked.signature.clone(),
            key: asked.key.clone(),
            at: Timestamp::ZERO,
        };
        let bare = AnswerEdition {
            edition: asked.edition.clone(),
            round: 0,
            root: [0; 32],
            answer: answer.clone(),
        };
        let body = self.body("answer", Command::AnswerEdition(Box::new(bare)))?;
        let make = |state: &State| {
            let edition = state.edition(&asked.edition).ok_or_else(missing)?;
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
            let stated = verify_answer(state, edition, &signed)?;
            Ok(Command::AnswerEdition(Box::new(AnswerEdition {
                edition: asked.edition.clone(),
                round: stated.round,
                root: stated.content_root.0,
                answer: answer.clone(),
            })))
        };
        let reply = self.propose(caller, &asked.context, &body, make).await?;
        self.header(reader, &id_of(reply)?).await
    }

    /// Asked before anything is made or sealed for a change.
    fn may(&self, caller: &Caller, deed: Deed<'_>) -> Result<(), Rejection> {
        let Inner { policy, clock, .. } = &*self.inner;
        Ok(self.read(|state| policy.permit_on(state, clock(), caller, deed))?)
    }

    /// The text of an answer with the salt of its commitment, under seal; none where there is no
    /// salt.
    pub(crate) async fn seal_answer_text(
        &self,
        (edition, party, role): (&EditionId, &PartyId, Role),
        area: &AreaId,
        (text, salt): (&str, &[u8]),
        at: Timestamp,
    ) -> Result<Option<Sealed>, Error> {
        if salt.is_empty() {
            return Ok(None);
        }
        let unit = Keys::unit(party, area, at);
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        let object = format!("answer {edition} {party} {}", role.as_str());
        let message = Message::new().with(TEXT, text).with(TEXT_SALT, salt);
        self.inner.keys.seal(&unit, &object, &message).map(Some)
    }

    /// The text of an answer and the salt of its commitment, as they were sealed; empty where there
    /// are none, none when the key is gone.
    pub(crate) fn open_answer_text(&self, sealed: Option<&Sealed>) -> Option<(String, Vec<u8>)> {
        let Some(sealed) = sealed else { return Some(Default::default()) };
        let mut fields = Fields::of(self.inner.keys.open_message(sealed)?);
        Some((fields.take_text(TEXT).ok()?, fields.take_bytes(TEXT_SALT).ok()?))
    }

    /// Releases an endorsed edition.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn release_edition(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &ReleaseAsked,
    ) -> Result<View<EditionList>, Rejection> {
        let command = Command::ReleaseEdition(ReleaseEdition {
            edition: asked.edition.clone(),
            root: asked.root,
            party: asked.party.clone(),
        });
        let body = self.body("release", command.clone())?;
        let make = |_: &State| Ok(command.clone());
        let reply = self.propose(caller, &asked.context, &body, make).await?;
        self.header(reader, &id_of(reply)?).await
    }

    /// The editions of an area at home here that a reader may know of.
    ///
    /// # Errors
    /// When no right of the reader reaches the area.
    pub(crate) async fn editions_here(
        &self,
        reader: &Reader,
        area: &AreaId,
    ) -> Result<View<EditionList>, Rejection> {
        self.show(reader, |egress| Ok(egress.editions(area)?)).await
    }

    /// The reader's view of an edition of an area at home here, some findings of it.
    ///
    /// # Errors
    /// When the reader may not know of it.
    pub(crate) async fn edition_here(
        &self,
        reader: &Reader,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<View<EditionView>, Rejection> {
        let edition = self.edition_of(id)?;
        self.decide(reader, std::slice::from_ref(&edition.area), false).await?;
        self.show(reader, |egress| Ok(egress.edition(id, from, size)?)).await
    }

    /// Some of what rebuilds the content root of a round of an edition at home here.
    ///
    /// # Errors
    /// When the reader is none of them.
    pub(crate) async fn review_here(
        &self,
        reader: &Reader,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<View<ReviewView>, Rejection> {
        self.show(reader, |egress| Ok(egress.review(id, from, size)?)).await
    }

    async fn header(
        &self,
        reader: &Reader,
        id: &EditionId,
    ) -> Result<View<EditionList>, Rejection> {
        self.show(reader, |egress| Ok(egress.edition_header(id)?)).await
    }

    pub(crate) fn edition_of(&self, id: &EditionId) -> Result<Edition, Rejection> {
        self.read(|state| state.edition(id).cloned()).ok_or_else(missing)
    }

    /// Has policy decide what the receivers of cells may have, before the cells are made.
    async fn decide_cells(&self, reader: &Reader, edition: &Edition) -> Result<(), Rejection> {
        let kind: PeriodKind = edition.period.kind();
        let open = self.read(|state| undecided(state, &edition.area, kind));
        let rights: BTreeSet<_> = open.into_iter().map(|(rights, _)| rights).collect();
        for rights in rights {
            self.decide_rights(reader, &rights, std::slice::from_ref(&edition.area)).await?;
        }
        Ok(())
    }
}

fn missing() -> Rejection {
    Denial::of(Why::NotFound).at("edition_id").into()
}

fn id_of(reply: Reply) -> Result<EditionId, Rejection> {
    match reply {
        Reply::Edition { id, .. } => Ok(id),
        Reply::Done
        | Reply::Published { .. }
        | Reply::Revised { .. }
        | Reply::Recorded { .. }
        | Reply::Epoch { .. }
        | Reply::Proposed { .. }
        | Reply::Sent { .. }
        | Reply::Refused(_) => {
            Err(Error::Fatal("a change of an edition had another answer".to_owned()).into())
        }
    }
}
