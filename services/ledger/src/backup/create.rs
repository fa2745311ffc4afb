//! A backup is made by a node, sealed there, and handed on in pieces.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use samsyn_domain::{
    Caller, Timestamp,
    command::{BackUp, Command},
    commit::dsse::{PayloadType, pre_authentication},
};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::{KEYS, Manifest, Part, ROWS, Recipients, manifest::FORMAT, survey::Survey};
use crate::{
    Error, Ledger, Rejection, handle::Inner, keys::Keys, order::actor_of, raft_handle::Consensus,
    snapshot,
};

/// So many pieces wait to be taken.
const PIECES_MAX: usize = 8;
/// The size of a piece, about, in bytes.
const PIECE_BYTES: usize = 64 * 1024;
const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A piece of a backup, in the order in which it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// A part begins: its file.
    Part(&'static str),
    /// More of the part, sealed.
    Bytes(Bytes),
    /// All parts are whole.
    End {
        /// The bytes of the manifest.
        manifest: Vec<u8>,
        /// The domain's signature over them.
        signature: [u8; 64],
    },
}

/// A backup that is being made. Dropped, it is given up.
#[derive(Debug)]
pub struct Backup(mpsc::Receiver<Result<Piece, Error>>);

impl Backup {
    /// The next piece; none after the end.
    ///
    /// # Errors
    /// When the node cannot go on with it.
    pub async fn next(&mut self) -> Option<Result<Piece, Error>> {
        self.0.recv().await
    }
}

impl Ledger {
    /// Has a backup made of what is committed: recorded as the caller's act first, then handed on,
    /// sealed. Its keys are to be destroyed after so many days.
    ///
    /// # Errors
    /// When no rule allows it, another one is being made by this node, or the record cannot be
    /// committed.
    pub async fn back_up(
        &self,
        caller: &Caller,
        recipients: Recipients,
        keys_days: u32,
    ) -> Result<Backup, Rejection> {
        self.oversee(caller, "back_up")?;
        let turn = Arc::clone(&self.inner.backing_up).try_acquire_owned();
        let turn = turn.map_err(|_| Error::Overloaded)?;
        let record = Command::BackUp(BackUp { recipients: recipients.digest() });
        self.order_as(actor_of(caller), record).await?;
        let Inner { consensus, keys, dir, clock, .. } = &*self.inner;
        let making = Making {
            consensus: consensus.clone(),
            keys: Arc::clone(keys),
            copy: dir.join("backup.building"),
            recipients,
            at: clock(),
            keys_days,
        };
        let (pieces, taken) = mpsc::channel(PIECES_MAX);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = making.run(&pieces)
                && pieces.blocking_send(Err(error)).is_err()
            {
                tracing::info!("a backup was given up by who asked for it");
            }
            drop(turn);
        });
        Ok(Backup(taken))
    }
}

/// What a backup is made from.
struct Making {
    consensus: Consensus,
    keys: Arc<Keys>,
    copy: PathBuf,
    recipients: Recipients,
    at: Timestamp,
    keys_days: u32,
}

type Pieces = mpsc::Sender<Result<Piece, Error>>;

impl Making {
    /// Makes it and hands it on. Blocks.
    fn run(&self, pieces: &Pieces) -> Result<(), Error> {
        self.consensus.copy(&self.copy)?;
        let knows = self.consensus.levels().knows;
        let rows = File::open(&self.copy).map_err(Error::io(&self.copy))?;
        let survey = Survey::of(snapshot::Reader::open(&self.copy)?, knows, |_, _, _| Ok(()));
        // Nobody else finds it, and it is gone with this process.
        fs::remove_file(&self.copy).map_err(Error::io(&self.copy))?;
        let survey = survey?;
        // After the rows: whatever is sealed in them was sealed under keys that are there by now.
        let keys = self.keys.exported()?;
        let mut parts = BTreeMap::new();
        parts.insert(KEYS.to_owned(), self.part(pieces, KEYS, keys.as_bytes())?);
        parts.insert(ROWS.to_owned(), self.part(pieces, ROWS, rows)?);
        let manifest = serde_json::to_vec_pretty(&self.manifest(&survey, parts))
            .map_err(|why| Error::Fatal(format!("a manifest cannot be written: {why}")))?;
        let signed = pre_authentication(PayloadType::Backup, &manifest);
        let signature = self.keys.sign_release(&signed).0;
        pieces.blocking_send(Ok(Piece::End { manifest, signature })).map_err(|_| given_up())?;
        Ok(())
    }

    /// Seals a part and hands it on.
    fn part(
        &self,
        pieces: &Pieces,
        name: &'static str,
        mut from: impl io::Read,
    ) -> Result<Part, Error> {
        pieces.blocking_send(Ok(Piece::Part(name))).map_err(|_| given_up())?;
        let outlet = Outlet { pieces: pieces.clone(), hash: Sha256::new(), bytes: 0 };
        let buffered = BufWriter::with_capacity(PIECE_BYTES, outlet);
        let sealed = self.recipients.seal(buffered).and_then(|mut sealed| {
            io::copy(&mut from, &mut sealed)?;
            sealed.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
        });
        let Outlet { hash, bytes, .. } = sealed.map_err(Error::io(&self.copy))?;
        Ok(Part { bytes, sha256: hex::encode(hash.finalize()) })
    }

    fn manifest(&self, survey: &Survey, parts: BTreeMap<String, Part>) -> Manifest {
        let (domain, incarnation) = self.consensus.read(|state| {
            let domain = state.founded().map(|founded| founded.domain.clone());
            (domain.unwrap_or_default(), state.incarnation().cloned())
        });
        let nodes = survey.head.membership.membership().nodes().map(|(id, _)| *id).collect();
        let keys_until = self.at.after_seconds(i64::from(self.keys_days) * DAY_SECONDS);
        Manifest {
            format: FORMAT.to_owned(),
            level: survey.head.level.number(),
            domain,
            incarnation: incarnation.as_ref().map_or(0, |incarnation| incarnation.number),
            incarnation_id: incarnation.map(|i| hex::encode(i.id)).unwrap_or_default(),
            position: survey.head.index().unwrap_or_default(),
            term: survey.head.applied.map_or(0, |last| last.leader_id.term),
            root: survey.head.root.to_string(),
            digest: hex::encode(survey.digest),
            counts: survey.counts,
            nodes,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: self.at.to_string(),
            keys_until: keys_until.to_string(),
            recipients: self.recipients.names().to_vec(),
            signer: hex::encode(self.keys.signer()),
            parts,
        }
    }
}

fn given_up() -> Error {
    Error::Closed
}

/// Hands on what is written to it; counts and digests it.
struct Outlet {
    pieces: Pieces,
    hash: Sha256,
    bytes: u64,
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = Piece::Bytes(Bytes::copy_from_slice(bytes));
        self.pieces.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        self.hash.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
