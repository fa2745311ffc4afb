//! The one handle: founds or opens a domain, orders what policy permits, and shows what may be
//! seen once its disclosure is committed.

use std::{fmt, path::PathBuf, sync::Arc};

use prost::Message as _;
use samsyn_domain::{
    Caller, OrganisationId, Refusal, Sealed, Secret, ServiceId, State, Timestamp, UnitKey,
    command::{Actor, AdoptPolicy, Command, Digest, Disclose, Found, Reply, Submission},
    commit::{
        canonical::Message,
        dsse::Signature,
        object::{ObjectKind, ReferenceKey},
    },
    disclosure::Ground,
    registry::{Document, Registry},
    row::{Event, Stage},
};
use samsyn_policy::{
    Denial, Egress, Known, Permit, Policy, Projection, Reader, Receipt, Recorder, View,
};
use samsyn_proto::inbound::Context;
use tokio::sync::broadcast;

use crate::{
    Error, format,
    keys::Keys,
    raft_handle::{self, Consensus},
};

/// How often a race inside the gateway is decided anew.
const RACES_MAX: usize = 8;
/// How long the domain's own changes may wait for their commit.
const OWN_VALID_SECONDS: i64 = 60;

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

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
    /// What time it is.
    pub clock: Clock,
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
    /// An edition cannot be made.
    #[error(transparent)]
    Edition(#[from] samsyn_policy::edition::Unmade),
    /// The cursor is forged, or of another caller or scope.
    #[error("this cursor is not of this subscription; begin anew without one")]
    CursorInvalid,
    /// The cursor is older than 400 days.
    #[error("this cursor is older than 400 days; begin anew without one")]
    CursorTooOld,
    /// The revision asked for was not reached in time.
    #[error("the revision was not reached in time; try again")]
    NotReached,
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
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) views: crate::feed::Views,
    recorder: Recorder,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ledger")
    }
}

impl Ledger {
    /// Opens a domain; founds it when there is none yet.
    ///
    /// # Errors
    /// When a file is damaged, or was founded with another registry or key file.
    pub async fn open(options: Options, policy: Policy, recorder: Recorder) -> Result<Self, Error> {
        let keys = Keys::open(&options.dir)?;
        let consensus = {
            let (dir, node) = (options.dir, options.node);
            Consensus::open(raft_handle::Options { dir, node }, Arc::clone(&options.clock)).await?
        };
        let (clock, views) = (options.clock, crate::feed::Views::default());
        let inner = Inner { consensus, policy, keys, clock, views, recorder };
        let ledger = Self { inner: inner.into() };
        ledger.found(options.domain, options.document).await?;
        ledger.inner.consensus.barrier().await?;
        let (applied, root) = (ledger.inner.consensus.applied(), ledger.inner.consensus.root());
        tracing::info!(applied, %root, "the ledger is open");
        Ok(ledger)
    }

    async fn found(&self, domain: String, document: Arc<Document>) -> Result<(), Error> {
        let Inner { policy, keys, .. } = &*self.inner;
        let founded = self.read(|state| {
            state.founded().map(|f| (f.domain.clone(), Arc::clone(&f.document), f.key_file))
        });
        match founded {
            None => {
                let (key_file, policy) = (keys.identity(), *policy.digest());
                let found = Found { domain, document, key_file, policy };
                self.own(Command::Found(Box::new(found))).await?;
            }
            Some((_, _, key_file)) if key_file != keys.identity() => {
                return Err(Error::Fatal(
                    "the key file is not that of this domain; restore the right one".to_owned(),
                ));
            }
            Some((name, _, _)) if name != domain => {
                return Err(Error::Fatal(format!(
                    "this data is of domain `{name}`, not `{domain}`; check `domain` and `data`"
                )));
            }
            Some((_, registered, _)) if registered != document => {
                return Err(Error::Fatal(
                    "the registry files differ from those that founded the domain; put them back"
                        .to_owned(),
                ));
            }
            Some(_) => {}
        }
        if self.read(|state| state.policy().copied()) != Some(*policy.digest()) {
            let adopt = AdoptPolicy { policy: *policy.digest() };
            self.own(Command::AdoptPolicy(adopt)).await?;
        }
        Ok(())
    }

    /// Checks a registry for what a ledger would refuse it for, without opening anything.
    ///
    /// # Errors
    /// Every fault, named.
    pub fn check(document: &Document) -> Result<Registry, samsyn_domain::registry::BadRegistry> {
        Registry::build(document)
    }

    /// What happens from now on, without content.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<(u64, Event)> {
        self.inner.consensus.events()
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

    /// The epoch in force.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.read(State::epoch)
    }

    /// What a rule of the policy says, for people.
    #[must_use]
    pub fn rule(&self, id: &str) -> Option<samsyn_policy::RuleText> {
        self.inner.policy.rule(id).cloned()
    }

    /// The public half of the domain's release key.
    #[must_use]
    pub fn release_key(&self) -> [u8; 32] {
        self.inner.keys.release_key()
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

    /// Whether a caller may oversee the domain: `suspend`, `audit` or `administer`.
    ///
    /// # Errors
    /// When no rule allows it.
    pub fn oversee(&self, caller: &Caller, action: &str) -> Result<(), Rejection> {
        Ok(self.read(|state| self.inner.policy.oversee(state, caller, action))?)
    }

    /// Lets time act on what is due by now; nothing is ordered when nothing is.
    ///
    /// # Errors
    /// When it cannot be committed.
    pub async fn tick_if_due(&self) -> Result<(), Error> {
        let now = (self.inner.clock)();
        if self.read(|state| state.has_due(now)) {
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

    /// Orders a change of the domain itself.
    pub(crate) async fn own(&self, command: Command) -> Result<Reply, Error> {
        for _ in 0..RACES_MAX {
            let submission = Submission {
                actor: own_actor()?,
                key: None,
                epoch: self.epoch(),
                valid_until: (self.inner.clock)().after_seconds(OWN_VALID_SECONDS),
                command: command.clone(),
            };
            match self.inner.consensus.submit(submission).await? {
                (_, Reply::Refused(refusal)) if refusal.is_race() => {}
                (_, Reply::Refused(refusal)) => return Err(Error::Fatal(refusal.to_string())),
                (_, reply) => return Ok(reply),
            }
        }
        Err(Error::Overloaded)
    }

    /// Orders what a caller asks: made from state, permitted, proposed; anew after a race.
    pub(crate) async fn propose(
        &self,
        caller: &Caller,
        context: &Context,
        body: &Digest,
        make: impl Fn(&State) -> Result<Command, Rejection>,
    ) -> Result<Reply, Rejection> {
        let Inner { consensus, policy, clock, .. } = &*self.inner;
        for _ in 0..RACES_MAX {
            let permit = self.read(|state| {
                let command = make(state)?;
                let now = clock();
                Ok::<_, Rejection>(policy.permit(state, now, caller, context.role, command)?)
            })?;
            match consensus.submit(submission(permit, context, *body)).await? {
                (_, Reply::Refused(refusal)) if refusal.is_race() => {}
                (_, Reply::Refused(refusal)) => return Err(refusal.into()),
                (_, reply) => return Ok(reply),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Shows what a reader may see, its disclosure committed first.
    pub(crate) async fn show<T>(
        &self,
        reader: &Reader,
        project: impl Fn(&Egress<'_>) -> Result<Projection<T>, Rejection>,
    ) -> Result<View<T>, Rejection> {
        for _ in 0..RACES_MAX {
            let (epoch, projection) = self.read(|state| {
                let egress = Egress::new(state, &self.inner.keys, reader);
                Ok::<_, Rejection>((state.epoch(), project(&egress)?))
            })?;
            let disclosures = projection.disclosures().to_vec();
            let record = Submission {
                actor: own_actor()?,
                key: None,
                epoch,
                valid_until: (self.inner.clock)().after_seconds(OWN_VALID_SECONDS),
                command: Command::Disclose(Disclose { disclosures, advances: Vec::new() }),
            };
            match self.inner.consensus.submit(record).await? {
                (_, Reply::Recorded { first }) => {
                    return Ok(self.inner.recorder.release(projection, Receipt(first)));
                }
                (_, Reply::Refused(refusal)) if !refusal.is_race() => return Err(refusal.into()),
                (_, _) => {}
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Releases a projection that discloses nothing: there is nothing to record first.
    pub(crate) fn release<T>(&self, projection: Projection<T>) -> Result<View<T>, Error> {
        if projection.disclosures().is_empty() {
            return Ok(self.inner.recorder.release(projection, Receipt(0)));
        }
        Err(Error::Fatal("a disclosure was to be released without its record".to_owned()))
    }

    /// A keyed digest of a request in its sealed form: it covers ciphertext, never what is erased
    /// with its key.
    pub(crate) fn body(&self, verb: &str, sealed: Command) -> Result<Digest, Error> {
        let bare = Submission {
            actor: own_actor()?,
            key: None,
            epoch: 0,
            valid_until: Timestamp::ZERO,
            command: sealed,
        };
        let bytes = format::encode_submission(&bare).encode_to_vec();
        Ok(self.inner.keys.digest("request", &[verb.as_bytes(), &bytes]))
    }
}

fn submission(permit: Permit<Command>, context: &Context, body: Digest) -> Submission {
    let caller = permit.caller();
    Submission {
        actor: Actor {
            organisation: caller.organisation().clone(),
            service: caller.service().clone(),
            role: context.role,
            pseudonym: context.pseudonym.clone(),
        },
        key: Some((context.key, body)),
        epoch: permit.epoch(),
        valid_until: permit.valid_until(),
        command: permit.into_command(),
    }
}

/// The domain itself, as the actor of its own changes.
fn own_actor() -> Result<Actor, Error> {
    let bad = |_| Error::Fatal("the domain's own name is not an id".to_owned());
    Ok(Actor {
        organisation: OrganisationId::parse("samsyn").map_err(bad)?,
        service: ServiceId::parse("samsyn/domain").map_err(bad)?,
        role: None,
        pseudonym: None,
    })
}

impl Known for Keys {
    fn object_id(&self, stage: &Stage) -> [u8; 16] {
        let (owner, area, id) = (stage.party.as_str(), stage.area.as_str(), stage.id.as_str());
        // Ids are short ASCII, which always has a canonical form.
        let object = self.reference().object_id(ObjectKind::Observation, owner, area, id);
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
