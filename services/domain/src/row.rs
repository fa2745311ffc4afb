//! The facts that state is made of. Deciding a command gives rows; state is all rows absorbed in
//! order, and nothing else: a restart, a snapshot and a replica absorb the same rows.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    AreaId, DomainId, EditionId, FeatureLevel, Form, FunctionId, KeyId, LabelClass, Observation,
    ObservationId, PartyId, Period, Sealed, ServiceId, Timestamp,
    command::{Digest, IdempotencyKey, Reply, Upload},
    disclosure::{Acknowledged, Denied, Disclosure, Grant, Step},
    edition::Edition,
    link::{
        Arrived, DeliveryRef, EditionOutlet, EditionPiece, EditionRef, FindingRef, GivenAnswer,
        GivenRef, Link, Numbered, Outlet, PictureRef, Piece, Quarantined, Queued, Received,
        ReceivedEdition, ReceivedFinding, Share, StepPiece,
    },
    merge::{Dissent, Key, Statement},
    message::{Inboxed, Message, Receipt},
    registry::{Document, Proposal, ProposalId},
};

/// One fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// The domain was founded.
    Founded(Founded),
    /// The policy in force.
    Policy(Digest),
    /// The epoch: the log position of the last change of registry or policy.
    Epoch(u64),
    /// The consensus time of the last entry.
    Stamp(Timestamp),
    /// Until when time has acted.
    Ticked(Timestamp),
    /// A service is shut out.
    Suspended(Suspended),
    /// A service is let in again.
    Lifted(ServiceId),
    /// A proposed change of the registry, as it stands.
    Proposal(Arc<Proposal>),
    /// A proposal that took no effect and waits no more.
    Dropped(ProposalId),
    /// An area has a new revision.
    Revision(Revised),
    /// An own picture has a new version.
    Version(Version),
    /// An observation, a point or an assessment was published, changed or withdrawn.
    Stage(Stage),
    /// A part of a publication waits for it.
    Part(Arc<Part>),
    /// A part waits no more.
    PartGone(Upload, u32),
    /// A function stated the outcome of a conflict.
    Stated(Stated),
    /// A party dissented.
    Dissented(Dissented),
    /// An edition as it stands.
    Edition(Arc<Edition>),
    /// What policy decided for a class.
    Grant(Arc<Grant>),
    /// A disclosure.
    Disclosure(Arc<Disclosure>),
    /// A view went one revision on.
    Step(Arc<Step>),
    /// A receiver has stored what it was sent.
    Acknowledged(Acknowledged),
    /// Requests that were refused.
    Denied(Denied),
    /// The outcome of a submission, under its idempotency key.
    Outcome(Outcome),
    /// An outcome that is too old to be asked for.
    Forgotten(ServiceId, IdempotencyKey),
    /// A backup was made.
    BackedUp(BackedUp),
    /// The domain went on from a backup.
    Restored(Restored),
    /// A message.
    Message(Arc<Message>),
    /// A message stands in an inbox.
    Inboxed(Inboxed),
    /// A message has come a step further.
    Receipt(Receipt),
    /// A link as it stands.
    Link(Arc<Link>),
    /// Something waits to be numbered.
    Queued(Arc<Queued>),
    /// It waits no more.
    Unqueued(DomainId, u64),
    /// An envelope, numbered.
    Numbered(Arc<Numbered>),
    /// The peer has taken in an envelope of a chain: its bytes are not needed any more.
    Settled(DomainId, u64, u64),
    /// An envelope of a peer was taken in.
    Arrived(Arrived),
    /// So old that it cannot come again.
    Passed(DomainId, u64, u64),
    /// An envelope of a peer was set aside.
    Quarantined(Arc<Quarantined>),
    /// It is set aside no more.
    Unquarantined(DomainId, u64, u64),
    /// How an own picture stands with a peer.
    Share(Arc<Share>),
    /// A peer has an observation of an own picture, as it was at a revision.
    Shared(PictureRef, ObservationId, u64),
    /// It has it no more.
    Unshared(PictureRef, ObservationId),
    /// A piece of a contribution of a peer waits for the last one.
    Piece(Arc<Piece>),
    /// It waits no more.
    PieceGone(PictureRef, u32),
    /// How a delivery to a peer stands.
    Outlet(Arc<Outlet>),
    /// A view of a peer, as it has come so far.
    Received(Arc<Received>),
    /// There is no right to it any more, and nothing of it is kept.
    ReceivedGone(DeliveryRef),
    /// A finding of such a view, as it came or went.
    ReceivedFinding(Arc<ReceivedFinding>),
    /// It is so long gone that nobody asks for it any more, or all of the view has gone.
    FindingForgotten(DeliveryRef, FindingRef),
    /// A piece of a step of such a view waits for the last one.
    StepPiece(Arc<StepPiece>),
    /// It waits no more.
    StepPieceGone(DeliveryRef, u32),
    /// Of an edition that crosses a link, or of an answer to it.
    LinkedEdition(EditionRow),
    /// The feature level of the domain.
    Level(FeatureLevel),
}

/// A fact of an edition that crosses a link, or of an answer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditionRow {
    /// What a peer has of an edition that is delivered to it.
    Outlet(Arc<EditionOutlet>),
    /// It has nothing of it any more.
    OutletGone(EditionRef),
    /// An edition of a peer, as it came last.
    Received(Arc<ReceivedEdition>),
    /// There is no right to it any more, or others are newer; nothing of it is kept.
    Forgotten(EditionRef),
    /// A piece of an edition of a peer waits for the last one.
    Piece(Arc<EditionPiece>),
    /// It waits no more.
    PieceGone(DeliveryRef, u32),
    /// An answer that was given here to an edition of a peer.
    Given(Arc<GivenAnswer>),
    /// It is so long ago that nobody asks for it any more.
    GivenForgotten(GivenRef),
}

impl EditionRow {
    /// It says that something is there no more.
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        match self {
            Self::OutletGone(_)
            | Self::Forgotten(_)
            | Self::PieceGone(..)
            | Self::GivenForgotten(_) => true,
            Self::Outlet(_) | Self::Received(_) | Self::Piece(_) | Self::Given(_) => false,
        }
    }
}

impl From<EditionRow> for Row {
    fn from(row: EditionRow) -> Self {
        Self::LinkedEdition(row)
    }
}

/// The founding of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founded {
    /// Its name.
    pub domain: String,
    /// Its registry, as it was written.
    pub document: Arc<Document>,
    /// The digest of its key file.
    pub key_file: Digest,
    /// When.
    pub at: Timestamp,
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// The position of its record, which the backup holds too.
    pub position: u64,
    /// When.
    pub at: Timestamp,
    /// By which service.
    pub by: ServiceId,
    /// A digest over the public keys that it is sealed to.
    pub recipients: Digest,
}

/// A return from a backup: with it begins an incarnation of the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Which one: 1 for the first after the founding.
    pub number: u64,
    /// What names it.
    pub id: Digest,
    /// The last position that is in the backup.
    pub from: u64,
    /// The nodes that carried the domain before.
    pub nodes: BTreeSet<u64>,
    /// When it began.
    pub at: Timestamp,
}

/// A suspension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspended {
    /// Which service.
    pub service: ServiceId,
    /// Since when.
    pub at: Timestamp,
    /// By which service.
    pub by: ServiceId,
    /// Why, under seal.
    pub reason: Option<Sealed>,
}

/// What made a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A publication.
    Publication,
    /// A statement on a conflict.
    Decision,
    /// A dissent.
    Dissent,
    /// An embargo that ended.
    EmbargoEnd,
    /// The time until which something was to be kept has come.
    RetentionEnd,
}

impl What {
    /// Its code.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publication => "publication",
            Self::Decision => "decision",
            Self::Dissent => "dissent",
            Self::EmbargoEnd => "embargo_end",
            Self::RetentionEnd => "retention_end",
        }
    }
}

/// A revision of an area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revised {
    /// The area.
    pub area: AreaId,
    /// Dense from 1.
    pub revision: u64,
    /// The consensus time.
    pub at: Timestamp,
    /// Whose change.
    pub party: PartyId,
    /// What made it.
    pub what: What,
}

/// A version of an own picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Whose.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// Dense from 1.
    pub version: u64,
    /// The area's revision it made.
    pub revision: u64,
    /// The consensus time.
    pub at: Timestamp,
    /// The service that published it.
    pub service: ServiceId,
    /// Why, under seal.
    pub reason: Option<Sealed>,
    /// The period of which this is all that the party has, be it nothing.
    pub covers: Option<Period>,
    /// What the party signed of it.
    pub manifest: Option<Arc<SignedManifest>>,
}

/// What a party signed of its own publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedManifest {
    /// The digest that observations name as their provenance.
    pub digest: Digest,
    /// With which registered key.
    pub key: KeyId,
    /// The signed payload, in canonical bytes.
    pub statement: Arc<[u8]>,
    /// The signature over its pre-authentication encoding, 64 bytes.
    pub signature: Arc<[u8]>,
    /// The salt of its commitments, under seal.
    pub salt: Sealed,
}

/// What an observation, a point or an assessment was from a revision on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The area.
    pub area: AreaId,
    /// Whose.
    pub party: PartyId,
    /// Which.
    pub id: ObservationId,
    /// From which revision of the area on.
    pub revision: u64,
    /// The version of the own picture.
    pub version: u64,
    /// Nobody but its owner sees it yet.
    pub embargoed: bool,
    /// What it says; none when withdrawn.
    pub observation: Option<Arc<Observation>>,
}

impl Stage {
    /// In which form it was contributed; an observation when it is withdrawn.
    #[must_use]
    pub fn form(&self) -> Form {
        self.observation.as_ref().map_or(Form::Observation, |one| one.content.form)
    }

    /// The class of labels that it is decided by; none when it is withdrawn.
    #[must_use]
    pub fn label_class(&self) -> Option<LabelClass> {
        let content = &self.observation.as_ref()?.content;
        Some(LabelClass {
            owner: self.party.clone(),
            area: self.area.clone(),
            kind: content.kind,
            priority: content.priority.clone(),
            labels: content.labels.clone(),
            embargoed: self.embargoed,
        })
    }
}

/// A part of a publication that is too large for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Of which publication.
    pub upload: Upload,
    /// The keyed digest of the whole request.
    pub body: Digest,
    /// Which part, from 0.
    pub number: u32,
    /// Since when it waits.
    pub at: Timestamp,
    /// Its observations.
    pub upserts: Vec<Observation>,
}

/// A statement on a conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The area's revision it made.
    pub revision: u64,
    /// The statement.
    pub statement: Statement,
}

/// A dissent on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dissented {
    /// The area's revision it made.
    pub revision: u64,
    /// The period.
    pub period: Period,
    /// The finding.
    pub finding: Key,
    /// The dissent.
    pub dissent: Dissent,
}

/// What a submission came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The service.
    pub service: ServiceId,
    /// Its key.
    pub key: IdempotencyKey,
    /// A keyed digest of the request.
    pub body: Digest,
    /// The answer.
    pub reply: Reply,
}

/// What happened, without content: what wakes those who watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// An area has a new revision.
    Revised {
        /// The area.
        area: AreaId,
        /// The revision.
        revision: u64,
    },
    /// An edition changed.
    Edition(EditionId),
    /// Registry or policy changed.
    Epoch(u64),
    /// A service was shut out.
    Suspended(ServiceId),
    /// A view went one revision on.
    Advanced(crate::disclosure::ClassId),
    /// A message came into the inbox of a function.
    Inboxed(FunctionId),
    /// A message that a function sent has come a step further.
    Receipt(crate::message::MessageId),
    /// Something on the link with a peer changed.
    Linked(DomainId),
    /// A view of a peer has come a step further.
    Received(DeliveryRef),
}

impl Event {
    /// What a row makes happen.
    #[must_use]
    pub fn of(row: &Row) -> Option<Self> {
        match row {
            Row::Revision(r) => Some(Self::Revised { area: r.area.clone(), revision: r.revision }),
            Row::Edition(edition) => Some(Self::Edition(edition.id.clone())),
            Row::Epoch(epoch) => Some(Self::Epoch(*epoch)),
            Row::Suspended(row) => Some(Self::Suspended(row.service.clone())),
            Row::Step(step) => Some(Self::Advanced(step.advance.class)),
            Row::Inboxed(row) => Some(Self::Inboxed(row.function.clone())),
            Row::Receipt(row) => Some(Self::Receipt(row.message)),
            Row::Link(link) => Some(Self::Linked(link.peer.clone())),
            Row::Share(share) => Some(Self::Linked(share.of.peer.clone())),
            Row::Outlet(outlet) => Some(Self::Linked(outlet.of.peer.clone())),
            Row::Received(received) => Some(Self::Received(received.of.clone())),
            Row::ReceivedGone(of) => Some(Self::Received(of.clone())),
            Row::Founded(_)
            | Row::Policy(_)
            | Row::Stamp(_)
            | Row::Ticked(_)
            | Row::Lifted(_)
            | Row::Proposal(_)
            | Row::Dropped(_)
            | Row::Version(_)
            | Row::Stage(_)
            | Row::Part(_)
            | Row::PartGone(..)
            | Row::Stated(_)
            | Row::Dissented(_)
            | Row::Grant(_)
            | Row::Disclosure(_)
            | Row::Acknowledged(_)
            | Row::Denied(_)
            | Row::Outcome(_)
            | Row::Forgotten(..)
            | Row::BackedUp(_)
            | Row::Restored(_)
            | Row::Message(_)
            | Row::Queued(_)
            | Row::Unqueued(..)
            | Row::Numbered(_)
            | Row::Settled(..)
            | Row::Arrived(_)
            | Row::Passed(..)
            | Row::Quarantined(_)
            | Row::Unquarantined(..)
            | Row::Shared(..)
            | Row::Unshared(..)
            | Row::Piece(_)
            | Row::PieceGone(..)
            | Row::ReceivedFinding(_)
            | Row::FindingForgotten(..)
            | Row::StepPiece(_)
            | Row::StepPieceGone(..)
            | Row::LinkedEdition(_)
            | Row::Level(_) => None,
        }
    }
}
