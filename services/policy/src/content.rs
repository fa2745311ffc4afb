//! What views hold.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use samsyn_domain::{
    AreaId, ConflictId, EditionId, Labels, PartyId, Period, PeriodKind, Sealed, Secret, Timestamp,
    disclosure::Disclosure,
    edition::Edition,
    link::{GivenAnswer, Share},
    merge::{Conflict, Finding, Step},
    registry::{Collision, Endorser, Role},
    row::{Revised, Stage, Version},
    screening::Rule,
};

/// What the receiver may read of sealed fields, opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<Sealed, Secret>);

impl Secrets {
    /// What stands under a seal, where it was opened.
    #[must_use]
    pub fn of(&self, sealed: Option<&Sealed>) -> Option<&Secret> {
        self.0.get(sealed?)
    }

    pub(crate) fn keep(&mut self, sealed: &Sealed, secret: Secret) {
        self.0.insert(sealed.clone(), secret);
    }
}

/// How the ids and revisions of a view are masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Masked {
    /// A signatory sees the area's own.
    Signatory,
    /// A partner sees its view's.
    Partner,
}

/// An own picture, for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureView {
    /// The version shown.
    pub version: u64,
    /// Its observations, by id.
    pub observations: Vec<Stage>,
    /// What stands under seal.
    pub secrets: Secrets,
}

/// A view that is given to many, and what its rows became on the wire: made once, by its encoder.
#[derive(Debug)]
pub struct Shared<T> {
    content: T,
    digest: [u8; 32],
    wire: OnceLock<Box<[Box<[u8]>]>>,
}

impl<T> Shared<T> {
    /// With what stands for all of it in records.
    pub(crate) const fn new(content: T, digest: [u8; 32]) -> Self {
        Self { content, digest, wire: OnceLock::new() }
    }

    pub(crate) const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Its rows on the wire; `encode` makes them where nobody has yet.
    pub fn wire(&self, encode: impl FnOnce(&T) -> Box<[Box<[u8]>]>) -> &[Box<[u8]>] {
        self.wire.get_or_init(|| encode(&self.content))
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// A joint picture of one area and period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointView {
    /// For whom.
    pub masked: Masked,
    /// The area.
    pub area: AreaId,
    /// The period.
    pub period: Period,
    /// The revision of the view.
    pub revision: u64,
    /// The findings, by key.
    pub findings: Vec<Finding>,
    /// What stands under seal.
    pub secrets: Secrets,
    /// The release rows say that withheld groups are declared: group and rule.
    pub withheld: Vec<(String, String)>,
}

/// A finding as it was and as it is; on one side alone when it is gone or new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// As it was.
    pub before: Option<Finding>,
    /// As it is.
    pub after: Option<Finding>,
}

/// What is different between two revisions of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedView {
    /// For whom.
    pub masked: Masked,
    /// The revision compared from; 0: the empty picture.
    pub from: u64,
    /// The revision compared to.
    pub to: u64,
    /// The findings that differ, by id.
    pub changes: Vec<Compared>,
    /// What stands under seal.
    pub secrets: Secrets,
    /// The release rows say that withheld groups are declared: group and rule.
    pub withheld: Vec<(String, String)>,
}

/// A version of an own picture, and how much it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureVersion {
    /// The version.
    pub version: Version,
    /// The salt of what its party signed of it; empty where nothing was signed or its key is gone.
    pub salt: Vec<u8>,
    /// How many observations were new or changed.
    pub published: u32,
    /// How many were withdrawn.
    pub withdrawn: u32,
}

/// The versions of an own picture, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PictureVersions {
    /// The versions.
    pub versions: Vec<PictureVersion>,
    /// What stands under seal.
    pub secrets: Secrets,
    /// How the picture stands with the home of its area, where that is another domain.
    pub contributed: Option<ContributedView>,
}

/// How an own picture stands with the domain that is the home of its area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributedView {
    /// The share, with the peer that is the home.
    pub share: Share,
    /// How many observations the home has said that it has.
    pub held: usize,
    /// How many it may have: with those that are on their way.
    pub may_hold: usize,
    /// How many there are here.
    pub of: usize,
    /// It has all that it may have of now, and has said so.
    pub in_step: bool,
}

/// How a finding came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One step a joint value.
    pub steps: Vec<Step>,
}

/// After a publication or a statement: counters, and the conflicts that it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedView {
    /// The own picture's version.
    pub version: u64,
    /// The content was the same.
    pub unchanged: bool,
    /// The area's revision.
    pub revision: u64,
    /// The conflicts.
    pub conflicts: Vec<Conflict>,
    /// What stands under seal.
    pub secrets: Secrets,
}

/// One thing that is wrong with a publication, or worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable reason.
    pub reason: String,
    /// The path of the field.
    pub field: String,
    /// Which characters, half-open.
    pub characters: (u32, u32),
    /// The screening rule that found it.
    pub rule: Option<Rule>,
    /// What to do, when it is not a screening rule that says it.
    pub text: String,
    /// It does not stop the publication.
    pub warning: bool,
}

/// Who would see a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// A party or an organisation.
    pub reader: String,
    /// Which field groups, as `place` or `place:district`.
    pub groups: Vec<String>,
    /// By which rule.
    pub rule: String,
    /// How many of the observations.
    pub observations: u32,
}

/// A dry run of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationView {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// Who would see it.
    pub readers: Vec<Preview>,
}

/// What an event brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewChange {
    /// A snapshot of one area and period begins.
    SnapshotBegins {
        /// The period.
        period: Period,
        /// How many findings follow.
        findings: u32,
        /// What was held before is to be dropped.
        reset: bool,
    },
    /// A finding is new or changed.
    Finding(Box<Finding>),
    /// The same of a view that another domain delivers: the bytes of a `samsyn.v1.Finding`.
    Delivered(Box<[u8]>),
    /// A finding is gone.
    Removed {
        /// Its id.
        id: String,
        /// The period it was of.
        period: Period,
    },
    /// The snapshot is complete.
    SnapshotEnds {
        /// The period.
        period: Period,
        /// How many findings there were.
        findings: u32,
    },
    /// An edition was released.
    Edition(Arc<Edition>),
    /// The same of a view that another domain delivers: the bytes of a `samsyn.v1.Edition`.
    DeliveredEdition(Box<[u8]>),
}

/// One event of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewEvent {
    /// Its id: a keyed hash, stable.
    pub id: String,
    /// Where to go on from.
    pub cursor: String,
    /// The area.
    pub area: AreaId,
    /// How it is masked: the same reader may have signed one area and receive another by a row.
    pub masked: Masked,
    /// The revision shown: a signatory's is the area's, a partner's the view's.
    pub revision: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it brings.
    pub change: ViewChange,
}

/// Events of a view, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events.
    pub events: Vec<ViewEvent>,
    /// Where to go on from.
    pub next: String,
    /// What stands under seal.
    pub secrets: Secrets,
    /// Over a link, what release rows declare as withheld of each area and kind of period: group
    /// and rule. Whoever reads here has that with the picture and not with its events.
    pub withheld: BTreeMap<(AreaId, PeriodKind), Vec<(String, String)>>,
}

/// A joint picture that another domain delivers, as it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedView {
    /// The revision of the view at its home with which its newest change in the area came.
    pub revision: u64,
    /// When the view changed last, as the delivery counts: further pages are of that.
    pub number: u64,
    /// Its findings as they came, each the bytes of a `samsyn.v1.Finding`, by id.
    pub findings: Vec<Vec<u8>>,
}

impl fmt::Debug for ReceivedView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} findings of revision {}", self.findings.len(), self.revision)
    }
}

/// Editions of an area that another domain delivers, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedEditions {
    /// Those of a page.
    pub editions: Vec<ReceivedRound>,
    /// How many there are in all.
    pub of: usize,
}

/// A part of an edition that another domain delivers, or of what rebuilds its content root.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceivedRound {
    /// All of it, as it came: the bytes of a `samsyn.v1.Edition`, or of a
    /// `samsyn.v1.GetEditionReviewResponse`.
    pub content: Vec<u8>,
    /// From which row on.
    pub from: usize,
    /// How many rows.
    pub size: usize,
    /// What was answered to it here, for parties of the reader.
    pub given: Vec<GivenAnswer>,
}

impl fmt::Debug for ReceivedRound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "edition of {} bytes, from {}", self.content.len(), self.from)
    }
}

/// An event of a view that another domain delivers, before what stands under seal is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedDraft {
    /// The event, as if the finding were gone.
    pub event: ViewEvent,
    /// What the finding says, or the edition, under seal; none: it is gone, or it is an event of
    /// neither.
    pub content: Option<Sealed>,
    /// It is of an edition.
    pub is_edition: bool,
}

/// Revisions of an area, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionList {
    /// The revisions.
    pub revisions: Vec<Revised>,
}

/// An edition with what its header tells beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionHeader {
    /// The edition.
    pub edition: Arc<Edition>,
    /// Whose answers are missing.
    pub waiting_for: Vec<Endorser>,
    /// The texts of answers, opened: text and the salt of its commitment, by position.
    pub texts: Vec<Option<(String, Vec<u8>)>>,
    /// For whom.
    pub masked: Masked,
}

/// Editions of an area, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionList {
    /// The editions.
    pub editions: Vec<EditionHeader>,
    /// The objects that a lock left out, for their owner.
    pub left_out: Vec<String>,
}

/// An edition as far as the reader may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditionView {
    /// Its header.
    pub header: EditionHeader,
    /// The analysis, where it may be seen.
    pub analysis: Option<String>,
    /// The findings of this page.
    pub joint: JointView,
    /// The proof, on the last page.
    pub proof: Vec<u8>,
    /// Where the next page begins.
    pub next: Option<u64>,
}

/// A leaf, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The object.
    pub object: [u8; 16],
    /// Field group and variant.
    pub position: u8,
    /// Its salt.
    pub salt: Vec<u8>,
    /// Its canonical bytes.
    pub canonical: Vec<u8>,
}

/// All that rebuilds the content root of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewView {
    /// The round.
    pub round: u32,
    /// The agreement's descriptor, canonical.
    pub descriptor: Vec<u8>,
    /// The salt of the round.
    pub round_salt: [u8; 32],
    /// The basis, canonical.
    pub basis: Vec<u8>,
    /// The salt of its commitment.
    pub basis_salt: [u8; 32],
    /// Every leaf of this page.
    pub openings: Vec<Opening>,
    /// Where the next page begins.
    pub next: Option<u64>,
    /// The labels of all that it lays open, combined; none: it holds no contribution.
    pub labels: Option<Labels>,
}

/// What waits for a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DutyKind {
    /// An edition to answer.
    AnswerEdition(EditionId),
    /// A conflict to settle.
    SettleConflict(ConflictId),
    /// An edition whose due time has passed without this party's answer: for those who coordinate
    /// (eskalering). It never counts as one.
    ChaseEdition(EditionId),
}

/// Something that waits for a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// What.
    pub kind: DutyKind,
    /// The area.
    pub area: AreaId,
    /// Which party must act.
    pub party: PartyId,
    /// In which role.
    pub role: Role,
    /// By when.
    pub due: Option<Timestamp>,
    /// The time has passed.
    pub overdue: bool,
}

/// Duties, the earliest due first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DutyList {
    /// The duties.
    pub duties: Vec<Duty>,
}

/// Where one function is wanted in several meetings at once, by time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollisionList {
    /// The function.
    pub role: String,
    /// Where it is wanted more than once.
    pub collisions: Vec<Collision>,
}

/// Disclosures, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosureList {
    /// Each with the time it was acknowledged.
    pub disclosures: Vec<(Arc<Disclosure>, Option<Timestamp>)>,
}
