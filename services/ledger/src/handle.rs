//! The one handle: founds or opens a domain, orders what policy permits, and shows what may be
//! seen once its disclosure is committed.

use std::{collections::BTreeSet, fmt, path::PathBuf, sync::Arc, time::Duration};

use samsyn_domain::{
    AreaId, Caller, Refusal, Sealed, Secret, ServiceId, State, Timestamp, UnitKey,
    command::{Command, Digest, Reply},
    commit::{canonical::Message, dsse::Signature, object::ReferenceKey},
    disclosure::Ground,
    registry::{Document, Registry},
    row::Stage,
};
use samsyn_policy::{
    Contents, Denial, Egress, Known, Policy, Projection, Reader, Receipt, Recorder, View,
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, broadcast},
};

use crate::{
    AttachmentsIn, BadAttachment, Card, Error, Levels, NotRaised, Timing, Transport,
    attachments::Store,
    backup::Returned,
    disk,
    keys::Keys,
    nodes::Contact,
    peers::Network,
    raft_handle::{self, Consensus},
    recording::{self, Recording},
    trace::Happened,
};

/// How often a race inside the gateway is decided anew.
pub(crate) const RACES_MAX: usize = 8;

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What became of a change that was proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// Which verb.
    pub verb: &'static str,
    /// Whether it was committed and not refused by state; `None` when it failed.
    pub done: Option<bool>,
    /// How long it took, from the proposal to the answer.
    pub took: Duration,
    /// Disclosures that it recorded.
    pub disclosures: usize,
}

/// Is told of each change; must not block.
pub type Watcher = Arc<dyn Fn(Ordered) + Send + Sync>;

/// How far a ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// The position up to which state has come.
    pub applied: u64,
    /// The size of the log on disk, in bytes.
    pub log_bytes: u64,
    /// Changes that wait for their answer.
    pub waiting: usize,
}

/// A node among others.
#[derive(Clone)]
pub struct Nodes {
    /// How other nodes reach it: host and port.
    pub address: String,
    /// Whether it begins the domain's log when there is none here; else it waits to be added.
    pub founds: bool,
    /// What it tells of itself.
    pub card: Card,
    /// How far apart the nodes are.
    pub timing: Timing,
    /// The way to the others.
    pub transport: Arc<dyn Transport>,
    /// On which threads it talks with them: those of calls may all be busy for longer than a leader
    /// may be silent.
    pub threads: Handle,
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How a ledger runs.
#[derive(Clone)]
pub struct Options {
    /// Where its files are.
    pub dir: PathBuf,
    /// Which node this is.
    pub node: u64,
    /// The domain's name.
    pub domain: String,
    /// The registry that founds it.
    pub document: Arc<Document>,
    /// The other nodes; none where it is alone.
    pub nodes: Option<Nodes>,
    /// What time it is.
    pub clock: Clock,
    /// Who is told of each change.
    pub watcher: Watcher,
    /// What the node knows of the log.
    pub levels: Levels,
    /// Where the parts of attachments are; none: none are kept.
    pub attachments: Option<AttachmentsIn>,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ledger of {} in {}", self.domain, self.dir.display())
    }
}

/// Why the ledger did not do or show what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// Policy says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The domain says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer of an endorser does not hold.
    #[error(transparent)]
    Answer(#[from] samsyn_policy::edition::BadAnswer),
    /// What a registrar has signed does not hold.
    #[error(transparent)]
    Signature(#[from] samsyn_policy::BadChangeSignature),
    /// What a publisher has signed does not hold.
    #[error(transparent)]
    Manifest(#[from] samsyn_policy::BadManifest),
    /// An edition cannot be made.
    #[error(transparent)]
    Edition(#[from] samsyn_policy::edition::Unmade),
    /// The cursor is forged, or of another caller or scope.
    #[error("this cursor is not of this subscription; begin anew without one")]
    CursorInvalid,
    /// The cursor is older than 400 days.
    #[error("this cursor is older than 400 days; begin anew without one")]
    CursorTooOld,
    /// The revision asked for, in a field of the request, was not reached in time.
    #[error("the revision of `{field}` was not reached in time; try again")]
    NotReached {
        /// The field that names it.
        field: &'static str,
    },
    /// Not every node knows the level.
    #[error(transparent)]
    Level(#[from] NotRaised),
    /// A file is not taken, or not given.
    #[error(transparent)]
    Attachment(#[from] BadAttachment),
    /// The ledger failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// The ledger of one node; a cheap handle.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) consensus: Consensus,
    pub(crate) policy: Policy,
    pub(crate) keys: Arc<Keys>,
    pub(crate) clock: Clock,
    pub(crate) views: crate::views::Views,
    contents: Contents,
    pub(crate) watcher: Watcher,
    pub(crate) contact: Contact,
    recorder: Recorder,
    recording: Recording,
    /// The parts of attachments; none where none are kept.
    pub(crate) attachments: Option<Store>,
    /// Links are stopped, let go on and begun anew one after the other.
    pub(crate) link_changes: tokio::sync::Mutex<()>,
    /// One backup at a time is made here.
    pub(crate) backing_up: Arc<Semaphore>,
    /// Set where this node's files come from a backup from which the domain has not gone on yet.
    pub(crate) returned: Option<Returned>,
    pub(crate) dir: PathBuf,
    pub(crate) founding: (String, Arc<Document>),
    pub(crate) is_alone: bool,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

impl Ledger {
    /// Opens the files of a node. It serves once it has [begun](Self::begin).
    ///
    /// # Errors
    /// When a file is damaged, or of a level that the node does not know.
    pub async fn open(options: Options, policy: Policy, recorder: Recorder) -> Result<Self, Error> {
        let Options { dir, node, domain, document, nodes, clock, watcher, levels, attachments } =
            options;
        let attachments = attachments.map(|of| Store::of(&of, &dir, &domain)).transpose()?;
        disk::make_dir(&dir)?;
        let returned = Returned::find(&dir, levels.knows)?;
        let keys = Arc::new(Keys::open(&dir)?);
        let is_alone = nodes.is_none();
        let (address, card, founds, timing, transport, threads) = match nodes {
            None => {
                let address = "local".to_owned();
                (address, Card::default(), true, Timing::Alone, None, Handle::current())
            }
            Some(nodes) => {
                let Nodes { address, founds, card, timing, transport, threads } = nodes;
                (address, card, founds, timing, Some(transport), threads)
            }
        };
        let network = Network::new(Arc::clone(&keys), transport);
        let options = raft_handle::Options {
            dir: dir.clone(),
            node,
            address,
            card,
            founds,
            timing,
            network,
            levels,
            threads,
        };
        let consensus = Consensus::open(options, Arc::clone(&clock)).await?;
        let (recording, asked) = Recording::new();
        let inner = Arc::new(Inner {
            consensus,
            policy,
            keys,
            clock,
            views: crate::views::Views::default(),
            contents: Contents::default(),
            watcher,
            contact: Contact::default(),
            recorder,
            recording,
            attachments,
            link_changes: tokio::sync::Mutex::default(),
            backing_up: Arc::new(Semaphore::new(1)),
            returned,
            dir,
            founding: (domain, document),
            is_alone,
        });
        tokio::spawn(recording::run(Arc::downgrade(&inner), asked));
        Ok(Self { inner })
    }

    /// What happens from now on, without content.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Happened> {
        self.inner.consensus.events()
    }

    /// How far it is. Looks at the files of the log.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let Inner { consensus, dir, .. } = &*self.inner;
        let log_bytes = disk::bytes_in(&raft_handle::log_dir(dir));
        Figures { applied: consensus.applied(), log_bytes, waiting: consensus.waiting() }
    }

    /// Whether it orders and shows what it is asked.
    #[must_use]
    pub fn serves(&self) -> bool {
        let Inner { consensus, is_alone, contact, .. } = &*self.inner;
        consensus.serves() && self.has_policy() && (*is_alone || contact.is_fresh())
    }

    /// Waits for the message of a failure after which the process must end.
    pub async fn failed(&self) -> String {
        let mut fatal = self.inner.consensus.fatal();
        match fatal.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
            Ok(reason) => reason.unwrap_or_default().to_string(),
            Err(_) => "the ledger is gone".to_owned(),
        }
    }

    /// The registry in force.
    #[must_use]
    pub fn registry(&self) -> Arc<Registry> {
        self.read(|state| Arc::clone(state.registry()))
    }

    /// The domain's name.
    #[must_use]
    pub fn domain(&self) -> String {
        self.read(|state| state.founded().map_or_else(String::new, |f| f.domain.clone()))
    }

    /// The epoch in force.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.read(State::epoch)
    }

    /// A registered caller that reads on a ground.
    ///
    /// # Errors
    /// When it is unknown, suspended, or has no such ground.
    pub fn reader(&self, caller: &Caller, ground: Ground) -> Result<Reader, Rejection> {
        let now = (self.inner.clock)();
        Ok(self.read(|state| Reader::of(state, now, caller, ground))?)
    }

    /// A registered caller that is told what its own change touches.
    ///
    /// # Errors
    /// When it is unknown or suspended.
    pub fn own_reader(&self, caller: &Caller) -> Result<Reader, Rejection> {
        let now = (self.inner.clock)();
        Ok(self.read(|state| Reader::own(state, now, caller))?)
    }

    /// Whether a caller may oversee the domain: `suspend`, `change`, `audit`, `administer`,
    /// `operate` or `back_up`.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn oversee(&self, caller: &Caller, action: &str) -> Result<(), Rejection> {
        let now = (self.inner.clock)();
        Ok(self.read(|state| self.inner.policy.oversee(state, now, caller, action))?)
    }

    /// Lets time act on what is due by now, and drops what was kept to be read again; nothing is
    /// ordered when nothing is due.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn tick_if_due(&self) -> Result<(), Error> {
        let now = (self.inner.clock)();
        self.inner.contents.expire(now);
        if self.inner.consensus.leads() && self.read(|state| state.has_due(now)) {
            self.own(Command::Tick(samsyn_domain::command::Tick)).await?;
        }
        Ok(())
    }

    /// What a caller may see, whatever it reads for.
    ///
    /// # Errors
    /// When it is unknown or suspended.
    pub fn rights(&self, caller: &Caller) -> Result<samsyn_policy::Rights, Rejection> {
        let now = (self.inner.clock)();
        Ok(self.read(|state| Reader::view_rights(state, now, caller))?)
    }

    /// Since when a service is shut out.
    #[must_use]
    pub fn suspended_at(&self, service: &ServiceId) -> Option<Timestamp> {
        self.read(|state| state.suspension(service).map(|row| row.at))
    }

    /// Stops.
    pub async fn close(&self) {
        self.inner.consensus.close().await;
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        self.inner.consensus.read(read)
    }

    /// Shows what a reader may see, its disclosure committed first.
    pub(crate) async fn show<T>(
        &self,
        reader: &Reader,
        mut project: impl FnMut(&Egress<'_>) -> Result<Projection<T>, Rejection>,
    ) -> Result<View<T>, Rejection> {
        let some = |egress: &Egress<'_>| project(egress).map(Some);
        let nothing = || Error::Fatal("a projection was made and is not there".to_owned());
        self.show_if_any(reader, some).await?.ok_or_else(|| nothing().into())
    }

    /// As [`Self::show`]; none when there is nothing to show.
    ///
    /// Reader, policy's decisions, content and record are of one epoch: when it changes before the
    /// record is committed, or when something was met that policy has not decided, all is made
    /// anew.
    pub(crate) async fn show_if_any<T>(
        &self,
        reader: &Reader,
        mut project: impl FnMut(&Egress<'_>) -> Result<Option<Projection<T>>, Rejection>,
    ) -> Result<Option<View<T>>, Rejection> {
        for _ in 0..RACES_MAX {
            let span = tracing::info_span!("project");
            let made = span.in_scope(|| {
                self.read(|state| -> Result<_, Rejection> {
                    let Inner { keys, contents, clock, .. } = &*self.inner;
                    let now = clock();
                    let reader = reader.renewed(state, now)?;
                    let egress = Egress::new(state, &**keys, &reader).keeping(contents, now);
                    let projection = project(&egress);
                    let open = egress.met_undecided();
                    if !open.is_empty() {
                        return Ok(Made::Undecided(reader.into(), open));
                    }
                    projection.map(|projection| Made::Whole(state.epoch(), projection))
                })
            });
            let (epoch, projection) = match made? {
                Made::Whole(_, None) => return Ok(None),
                Made::Whole(epoch, Some(projection)) => (epoch, projection),
                Made::Undecided(reader, areas) => {
                    let areas: Vec<AreaId> = areas.into_iter().collect();
                    self.decide(&reader, &areas, true).await?;
                    self.decide(&reader, &areas, false).await?;
                    continue;
                }
            };
            if let Some(view) = self.recorded(epoch, projection).await? {
                return Ok(Some(view));
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Records what a projection discloses, made under an epoch, and releases it; none when the
    /// epoch is another by now. One that discloses nothing has nothing to record first.
    pub(crate) async fn recorded<T>(
        &self,
        epoch: u64,
        projection: Projection<T>,
    ) -> Result<Option<View<T>>, Rejection> {
        if projection.disclosures().is_empty() {
            return Ok(Some(self.release(projection)?));
        }
        let disclosures = projection.disclosures().to_vec();
        match self.inner.recording.record(epoch, disclosures).await? {
            Reply::Recorded { first } => {
                Ok(Some(self.inner.recorder.release(projection, Receipt(first))))
            }
            Reply::Refused(refusal) if !refusal.is_race() => Err(refusal.into()),
            Reply::Done
            | Reply::Published { .. }
            | Reply::Revised { .. }
            | Reply::Edition { .. }
            | Reply::Epoch { .. }
            | Reply::Proposed { .. }
            | Reply::Sent { .. }
            | Reply::Refused(_) => Ok(None),
        }
    }

    /// Releases a projection that discloses nothing: there is nothing to record first.
    pub(crate) fn release<T>(&self, projection: Projection<T>) -> Result<View<T>, Error> {
        if projection.disclosures().is_empty() {
            return Ok(self.inner.recorder.release(projection, Receipt(0)));
        }
        Err(Error::Fatal("a disclosure was to be released without its record".to_owned()))
    }
}

/// What a read came to.
enum Made<T> {
    /// All of it, under an epoch.
    Whole(u64, Option<Projection<T>>),
    /// In these areas something was met that policy has not decided.
    Undecided(Box<Reader>, BTreeSet<AreaId>),
}

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let (owner, area, id) = (stage.party.as_str(), stage.area.as_str(), stage.id.as_str());
        // Ids are short ASCII, which always has a canonical form.
        let object = self.reference().object_id(stage.form().into(), owner, area, id);
        object.map_or([0; 16], |object| *object.as_bytes())
    }

    fn open(&self, sealed: &Sealed) -> Option<Secret> {
        self.open_secret(sealed)
    }

    fn digest(&self, shown: &[u8]) -> Digest {
        self.digest("shown", &[shown])
    }

    fn reference_key(&self) -> &ReferenceKey {
        self.reference()
    }

    fn unit_key(&self, unit: &UnitKey) -> Option<[u8; 32]> {
        self.known_unit(unit)
    }

    fn open_message(&self, sealed: &Sealed) -> Option<Message> {
        Self::open_message(self, sealed)
    }

    fn sign_release(&self, pre_authentication: &[u8]) -> Signature {
        Self::sign_release(self, pre_authentication)
    }
}
