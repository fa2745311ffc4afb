//! The state machine: the state in memory, its rows on disk behind it.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard},
    time::Instant,
};

use futures::{Stream, TryStreamExt};
use openraft::{
    EntryPayload, OptionalSend, RaftSnapshotBuilder,
    storage::{ApplyResponder, EntryResponder, RaftStateMachine},
};
use samsyn_domain::{
    FeatureLevel, State,
    row::{Event, Row},
};
use tokio::sync::broadcast;
use tracing::Span;

use crate::{
    Error, disk,
    entry::{Answer, LogId, RaftEntry, Snapshot, SnapshotMeta, StoredMembership, Types},
    fatal::Fatal,
    format::{RowWrite, read_row, write_of},
    head::Head,
    root::Root,
    snapshot,
    store::Store,
    trace::{Cause, Happened},
    writer::{Batch, Writer},
};

/// So many entries are applied before others may run.
const RUN_ENTRIES: usize = 256;
/// So many are few: applying them takes less than giving them to another thread.
const SHORT_ENTRIES: usize = 32;
/// Nodes note the digest over everything written every so many entries, to compare it.
const MARK_ENTRIES: u64 = 64;
/// So many of these digests are kept.
const MARKS_MAX: usize = 32;

#[derive(Debug)]
struct Inner {
    state: State,
    head: Head,
    marks: VecDeque<(u64, Root)>,
}

impl Inner {
    fn new(state: State, head: Head) -> Self {
        Self { state, head, marks: VecDeque::new() }
    }

    /// Notes the digest at a position that all nodes note.
    fn mark(&mut self, position: u64) {
        if position.is_multiple_of(MARK_ENTRIES) {
            if self.marks.len() >= MARKS_MAX {
                self.marks.pop_front();
            }
            self.marks.push_back((position, self.head.root));
        }
    }
}

/// The state machine of one node; a cheap handle.
#[derive(Clone)]
pub(crate) struct Machine {
    inner: Arc<RwLock<Inner>>,
    writer: Arc<Writer>,
    dir: Arc<Path>,
    /// Up to which level this node knows the log.
    knows: FeatureLevel,
    /// Where the current snapshot reaches; held while it is replaced.
    snapshot: Arc<Mutex<Option<Head>>>,
    /// Whether it is closed; shared by who builds or takes in a snapshot, so that nobody does
    /// afterwards.
    closed: Arc<RwLock<bool>>,
    feed: broadcast::Sender<Happened>,
}

impl Machine {
    /// Opens or creates the state in a directory. Blocks.
    ///
    /// # Errors
    /// [`Error::Damaged`] when the state store or the snapshot does not read; then nothing was
    /// changed. [`Error::LevelUnknown`] when one is of a level that the node does not know.
    pub(crate) fn open(
        dir: &Path,
        feed: broadcast::Sender<Happened>,
        fatal: Fatal,
        knows: FeatureLevel,
    ) -> Result<Self, Error> {
        let path = dir.join("snapshot");
        let snapshot = path.exists().then(|| snapshot::verify(&path, knows)).transpose()?;
        let path = dir.join("state.redb");
        let (store, head, state) = Store::open(&path, knows)?;
        disk::sync_dir(dir)?;
        let writer = Writer::start(store, fatal).map_err(Error::io(&path))?;
        Ok(Self {
            inner: Arc::new(RwLock::new(Inner::new(state, head))),
            writer: Arc::new(writer),
            dir: dir.into(),
            knows,
            snapshot: Arc::new(Mutex::new(snapshot)),
            closed: Arc::default(),
            feed,
        })
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        // A panic while applying stops consensus, and the process with it.
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner).state)
    }

    /// How far the state has come.
    pub(crate) fn head(&self) -> Head {
        self.inner.read().unwrap_or_else(PoisonError::into_inner).head.clone()
    }

    /// The digests at the last positions that all nodes note, the oldest first.
    pub(crate) fn marks(&self) -> Vec<(u64, Root)> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.marks.iter().copied().collect()
    }

    /// How far the current snapshot reaches.
    pub(crate) fn snapshot_head(&self) -> Option<Head> {
        self.current().clone()
    }

    /// What happens from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Happened> {
        self.feed.subscribe()
    }

    /// Commits what was applied, and closes the state store: after this no snapshot takes the place
    /// of the current one. Blocks, also while one is built or taken in.
    pub(crate) fn close(&self) {
        *self.closed.write().unwrap_or_else(PoisonError::into_inner) = true;
        self.writer.close();
    }

    /// Holds off that it is closed.
    fn keep_open(&self) -> Result<RwLockReadGuard<'_, bool>, Error> {
        let closed = self.closed.read().unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(Error::io(&self.dir)(io::Error::other("the state is closed")));
        }
        Ok(closed)
    }

    fn path(&self) -> PathBuf {
        self.dir.join("snapshot")
    }

    fn current(&self) -> MutexGuard<'_, Option<Head>> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a run of entries may be applied where others run too: it is short, and nobody reads
    /// just now.
    fn is_soon_applied(&self, run: &[EntryResponder<Types>]) -> bool {
        run.len() <= SHORT_ENTRIES && self.inner.try_write().is_ok()
    }

    /// Applies a run of entries.
    fn apply_run(&self, run: Vec<EntryResponder<Types>>) -> io::Result<Applied> {
        let entries = u64::try_from(run.len()).unwrap_or(u64::MAX);
        let mut writes = Vec::new();
        let mut happened = Vec::new();
        let mut answers = Vec::with_capacity(run.len());
        for (entry, responder) in run {
            let (position, cause) = (entry.log_id.index, cause_of(&entry));
            let done = span_of(position, cause).in_scope(|| self.apply_one(&entry))?;
            writes.extend(done.writes);
            let at = Instant::now();
            let events = done.events.into_iter();
            happened.extend(events.map(|event| Happened { position, event, cause, at }));
            answers.extend(responder.map(|responder| (responder, done.answer)));
        }
        Ok(Applied { batch: Batch { entries, writes, head: self.head() }, happened, answers })
    }

    /// Hands what was applied over to be written, and tells what happened.
    async fn hand_over(&self, applied: Applied) -> io::Result<()> {
        let Applied { batch, happened, answers } = applied;
        if let Some(batch) = self.writer.try_write(batch)? {
            let writer = Arc::clone(&self.writer);
            blocking(move || writer.write(batch)).await?;
        }
        for event in happened {
            // Nobody may be watching.
            self.feed.send(event).ok();
        }
        for (responder, answer) in answers {
            responder.send(answer);
        }
        Ok(())
    }

    fn apply_one(&self, entry: &RaftEntry) -> io::Result<Done> {
        let position = entry.log_id.index;
        let inner = &mut *self.inner.write().map_err(|_| io::Error::other("applying failed"))?;
        let mut done = Done { answer: Answer { reply: None }, writes: vec![], events: vec![] };
        match &entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Normal(ordered) => {
                // INVARIANT: stamps rise by position, whichever leader's clock they came from.
                let at = ordered.at.max(inner.state.stamp().after_micros(1));
                let applied = inner.state.apply(at, position, &ordered.submission);
                done.writes = applied.rows.iter().map(write_of).collect();
                done.events = applied.events;
                done.answer.reply = Some(applied.reply);
            }
            EntryPayload::Membership(membership) => {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                inner.head.membership = stored;
            }
        }
        inner.head.level = inner.state.level();
        inner.head.root = inner.head.root.after(position, &done.writes);
        inner.head.applied = Some(entry.log_id);
        inner.mark(position);
        Ok(done)
    }

    /// Writes all that is applied by now to a file, beside applying. Blocks.
    pub(crate) fn copy(&self, to: &Path) -> Result<(), Error> {
        let view = self.writer.view().map_err(Error::io(to))?;
        snapshot::write(to, &view).map(drop)
    }

    /// Builds a snapshot beside applying. Blocks.
    fn build(&self) -> Result<Head, Error> {
        let _open = self.keep_open()?;
        let path = self.path();
        let building = self.dir.join("snapshot.building");
        let view = self.writer.view().map_err(Error::io(&path))?;
        let head = snapshot::write(&building, &view)?;
        let mut current = self.current();
        // One that was received meanwhile may reach further.
        if current.as_ref().is_none_or(|current| current.applied <= head.applied) {
            disk::replace(&building, &path)?;
            *current = Some(head);
        }
        Ok(current.clone().unwrap_or_default())
    }

    /// Takes in a snapshot: verified first, then made the current one, then made the state. Blocks.
    fn install(&self, from: &Path, applied: Option<LogId>) -> Result<(), Error> {
        let _open = self.keep_open()?;
        let path = self.path();
        let head = if from == path {
            self.as_announced(&path, applied)?
        } else {
            self.receive(from, applied)?
        };
        let mut state = State::default();
        let mut news = Vec::new();
        for row in snapshot::Reader::open(&path)? {
            let (_, value) = row?;
            let row = read_row(&value).map_err(|e| Error::damaged(&path, 0, e.to_string()))?;
            self.read(|before| note(&mut news, before, &row));
            state.absorb(row);
        }
        self.writer.replace(path.clone()).map_err(Error::io(&path))?;
        let position = head.index().unwrap_or_default();
        *self.inner.write().unwrap_or_else(PoisonError::into_inner) = Inner::new(state, head);
        let at = Instant::now();
        for event in news {
            // Nobody may be watching.
            self.feed.send(Happened { position, event, cause: None, at }).ok();
        }
        Ok(())
    }

    /// Copies a snapshot in, verifies the copy, and makes it the current one.
    fn receive(&self, from: &Path, applied: Option<LogId>) -> Result<Head, Error> {
        let receiving = self.dir.join("snapshot.receiving");
        std::fs::copy(from, &receiving).map_err(Error::io(from))?;
        let head = self.as_announced(&receiving, applied)?;
        let file = std::fs::File::open(&receiving).map_err(Error::io(&receiving))?;
        disk::sync_file(&file, &receiving)?;
        let mut current = self.current();
        disk::replace(&receiving, &self.path())?;
        *current = Some(head.clone());
        Ok(head)
    }

    /// Verifies a snapshot that is said to reach to an entry.
    fn as_announced(&self, path: &Path, applied: Option<LogId>) -> Result<Head, Error> {
        let head = snapshot::verify(path, self.knows)?;
        if head.applied == applied {
            return Ok(head);
        }
        Err(Error::damaged(path, 0, "it ends at another entry than announced; send it anew"))
    }
}

/// Notes what a row of a snapshot makes happen to who knew the state before. Rows of an area or a
/// view come in their order: of these the last is enough.
fn note(news: &mut Vec<Event>, before: &State, row: &Row) {
    let Some(event) = Event::of(row).filter(|_| !is_known(before, row)) else { return };
    news.pop_if(|last| match (last, &event) {
        (Event::Revised { area: last, .. }, Event::Revised { area, .. }) => last == area,
        (Event::Advanced(last), Event::Advanced(class)) => last == class,
        _ => false,
    });
    news.push(event);
}

/// Whether a state has what a row makes happen.
fn is_known(state: &State, row: &Row) -> bool {
    if let Row::Revision(row) = row {
        return row.revision <= state.revision(&row.area);
    }
    if let Row::Edition(edition) = row {
        return state.edition(&edition.id) == Some(edition);
    }
    if let Row::Suspended(row) = row {
        return state.suspension(&row.service).is_some();
    }
    if let Row::Step(step) = row {
        let view = state.view(&step.advance.class);
        return view.is_some_and(|view| step.advance.revision <= view.revision());
    }
    matches!(row, Row::Epoch(epoch) if *epoch <= state.epoch())
}

/// What applying a run of entries came to.
struct Applied {
    batch: Batch,
    happened: Vec<Happened>,
    answers: Vec<(ApplyResponder<Types>, Answer)>,
}

/// What applying an entry came to.
struct Done {
    answer: Answer,
    writes: Vec<RowWrite>,
    events: Vec<Event>,
}

fn cause_of(entry: &RaftEntry) -> Option<Cause> {
    match &entry.payload {
        EntryPayload::Normal(ordered) => ordered.cause,
        EntryPayload::Blank | EntryPayload::Membership(_) => None,
    }
}

fn span_of(position: u64, cause: Option<Cause>) -> Span {
    let Some(cause) = cause else { return Span::none() };
    let span = tracing::info_span!("apply", position);
    cause.adopt(&span);
    span
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(act).await?
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = PathBuf;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let head = self.head();
        Ok((head.applied, head.membership))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        loop {
            let mut run = Vec::new();
            while run.len() < RUN_ENTRIES {
                let Some(entry) = entries.try_next().await? else { break };
                run.push(entry);
            }
            if run.is_empty() {
                return Ok(());
            }
            let applied = if self.is_soon_applied(&run) {
                self.apply_run(run)?
            } else {
                let this = self.clone();
                blocking(move || this.apply_run(run)).await?
            };
            self.hand_over(applied).await?;
        }
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: PathBuf) -> io::Result<()> {
        let this = self.clone();
        let applied = meta.last_log_id;
        blocking(move || Ok(this.install(&snapshot, applied)?)).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let head = self.snapshot_head();
        Ok(head.map(|head| Snapshot { meta: head.meta(), snapshot: self.path() }))
    }
}

impl RaftSnapshotBuilder<Types> for Machine {
    type SnapshotData = PathBuf;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let this = self.clone();
        let head = blocking(move || Ok(this.build()?)).await?;
        Ok(Snapshot { meta: head.meta(), snapshot: self.path() })
    }
}
