//! Own pictures, conflicts and dissents.

use std::collections::BTreeSet;

use samsyn_domain::{
    AreaId, Caller, Draft, LabelClass, Observation, ObservationId, PartyId, PeriodKind, Refusal,
    Sealed, State, UnitKey,
    command::{Command, Publish, RecordDissent, Reply, ResolveConflict, Upload},
    commit::hash::Digest,
    merge::{ConflictRef, Field, Key},
    row::SignedManifest,
};
use samsyn_policy::{
    BadManifest, Denial, Egress, ManifestGiven, PictureVersions, PictureView, Published,
    PublishedView, Reader, Rights, View, verify_manifest,
};
use samsyn_proto::inbound::{
    Change, Context, DissentAsked, ManifestAsked, PictureAsked, Publication, Resolve, VersionsAsked,
};

use crate::{Error, Ledger, Rejection, handle::Inner, keys::Keys};

/// How many decisions of policy one entry records.
const GRANTS_MAX: usize = 200;

impl Ledger {
    /// Publishes an own picture; tells the open conflicts that it touches.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn publish(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &Publication,
    ) -> Result<View<PublishedView>, Rejection> {
        let bare = bare(&asked.party, &asked.area, asked.base_version, &asked.change);
        self.allowed(caller, &asked.context, Command::Publish(bare.clone()))
            .map_err(|denial| in_request(denial, &asked.change))?;
        let digest = self.read(|state| verified(state, asked))?;
        let sealed = self.sealed(asked, bare, digest).await?;
        let whole = Publish { withdrawn: Vec::new(), ..sealed.clone() };
        let verb = match &asked.change {
            Change::Full { period, .. } => format!("full {period}"),
            Change::Delta { withdrawn, .. } => format!("delta {withdrawn:?}"),
        };
        let body = self.body(&verb, Command::Publish(whole))?;
        let ordered = self.order(caller, asked, &body, &sealed).await;
        let reply = ordered.map_err(|rejection| refused_in(rejection, &asked.change))?;
        let Reply::Published { version, revision, unchanged } = reply else {
            return Err(Error::Fatal("a publication had another answer".to_owned()).into());
        };
        let touched = self.read(|state| touched(state, &sealed));
        self.decide(reader, std::slice::from_ref(&asked.area), true).await?;
        let counters = (version, unchanged, revision);
        self.show(reader, |egress| Ok(egress.published(&asked.area, counters, &touched)?)).await
    }

    /// Orders a publication, its parts before it where it is large.
    async fn order(
        &self,
        caller: &Caller,
        asked: &Publication,
        body: &[u8; 32],
        sealed: &Publish,
    ) -> Result<Reply, Rejection> {
        let upload = Upload { service: caller.service().clone(), key: asked.context.key };
        let known = self.read(|state| state.answered(caller.service(), upload.key, body))?;
        let parts = match known {
            Some(_) => None,
            None => self.put_down(caller, asked, upload, *body, sealed).await?,
        };
        let make = |state: &State| {
            let sealed = Publish { parts: parts.clone(), ..sealed.clone() };
            Ok(Command::Publish(delta(state, &asked.area, &asked.change, sealed)))
        };
        self.propose(caller, &asked.context, body, make).await
    }

    /// States the outcome of a conflict.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn resolve(
        &self,
        caller: &Caller,
        reader: &Reader,
        asked: &Resolve,
    ) -> Result<View<PublishedView>, Rejection> {
        let area = asked.conflict.area().clone();
        let bare = ResolveConflict {
            conflict: asked.conflict.clone(),
            revision: asked.revision,
            party: asked.party.clone(),
            role: asked.role,
            outcome: asked.outcome,
            reason: None,
        };
        self.allowed(caller, &asked.context, Command::ResolveConflict(bare.clone()))?;
        let object = format!("statement {} {}", asked.conflict.id(), asked.party);
        let reason = (&asked.party, &area, object.as_str(), asked.reason.as_deref());
        let command =
            ResolveConflict { reason: self.seal_reason(&asked.context, reason).await?, ..bare };
        let body = self.body("resolve", Command::ResolveConflict(command.clone()))?;
        let make = |_: &State| Ok(Command::ResolveConflict(command.clone()));
        let revision = revised(&self.propose(caller, &asked.context, &body, make).await?)?;
        self.decide(reader, std::slice::from_ref(&area), true).await?;
        let touched = [asked.conflict.clone()];
        self.show(reader, |egress| Ok(egress.published(&area, (0, false, revision), &touched)?))
            .await
    }

    /// Records a dissent; gives the area's revision.
    ///
    /// # Errors
    /// When policy or the domain says no.
    pub async fn dissent(&self, caller: &Caller, asked: &DissentAsked) -> Result<u64, Rejection> {
        let area = &asked.finding.geography.area;
        let bare = RecordDissent {
            finding: asked.finding.clone(),
            period: asked.period,
            field: asked.field,
            party: asked.party.clone(),
            reason: None,
        };
        self.allowed(caller, &asked.context, Command::RecordDissent(bare.clone()))?;
        let object = format!("dissent {} {} {}", asked.finding.id(), asked.period, asked.party);
        let reason = (&asked.party, area, object.as_str(), asked.reason.as_deref());
        let command =
            RecordDissent { reason: self.seal_reason(&asked.context, reason).await?, ..bare };
        let body = self.body("dissent", Command::RecordDissent(command.clone()))?;
        let make = |_: &State| Ok(Command::RecordDissent(command.clone()));
        revised(&self.propose(caller, &asked.context, &body, make).await?)
    }

    /// A party's own picture.
    ///
    /// # Errors
    /// When the reader does not speak for the party.
    pub async fn picture(
        &self,
        reader: &Reader,
        asked: &PictureAsked,
    ) -> Result<View<PictureView>, Rejection> {
        let project =
            |egress: &Egress<'_>| Ok(egress.picture(&asked.party, &asked.area, asked.version)?);
        self.show(reader, project).await
    }

    /// The versions of a party's own picture.
    ///
    /// # Errors
    /// When the reader does not speak for the party.
    pub async fn versions(
        &self,
        reader: &Reader,
        asked: &VersionsAsked,
    ) -> Result<View<PictureVersions>, Rejection> {
        let project = |egress: &Egress<'_>| Ok(egress.versions(&asked.party, &asked.area)?);
        self.show(reader, project).await
    }

    /// Has policy decide every class of labels in some areas for a reader's rights, and records
    /// what it decided, before anything is shown by it.
    pub(crate) async fn decide(
        &self,
        reader: &Reader,
        areas: &[AreaId],
        live: bool,
    ) -> Result<(), Rejection> {
        let rights: BTreeSet<Rights> = self.read(|state| {
            let registry = state.registry();
            let kinds = PeriodKind::ALL.into_iter().map(Some).chain([None]);
            kinds.map(|kind| reader.rights(registry, kind, live)).collect()
        });
        for rights in rights.iter().filter(|rights| !rights.is_empty()) {
            self.decide_rights(reader, rights, areas).await?;
        }
        Ok(())
    }

    pub(crate) async fn decide_rights(
        &self,
        reader: &Reader,
        rights: &Rights,
        areas: &[AreaId],
    ) -> Result<(), Rejection> {
        loop {
            let Inner { policy, keys, .. } = &*self.inner;
            let grants = self.read(|state| {
                let egress = Egress::new(state, &**keys, reader);
                let labels = areas.iter().flat_map(|a| egress.undecided(rights, a, GRANTS_MAX));
                let labels: Vec<LabelClass> = labels.take(GRANTS_MAX).collect();
                let decide = |label| policy.decide(state, rights, label);
                labels.iter().map(decide).collect::<Result<Vec<_>, _>>()
            })?;
            if grants.is_empty() {
                return Ok(());
            }
            self.own(Command::Grants(samsyn_domain::command::Grants { grants })).await?;
        }
    }

    /// A publication with its free text and coordinates sealed.
    async fn sealed(
        &self,
        asked: &Publication,
        bare: Publish,
        digest: Option<Digest>,
    ) -> Result<Publish, Rejection> {
        let of = (&asked.party, &asked.area);
        let upserts = self.seal_drafts(of, drafts(&asked.change)).await?;
        let object = format!("publication {} {}", asked.party, asked.area);
        let reason = (&asked.party, &asked.area, object.as_str(), asked.reason.as_deref());
        let reason = self.seal_reason(&asked.context, reason).await?;
        let manifest = match asked.manifest.as_ref().zip(digest) {
            None => None,
            Some((signed, digest)) => Some(self.signed(asked, signed, digest).await?),
        };
        Ok(Publish { upserts, reason, manifest, ..bare })
    }

    /// Drafts of an own picture with their free text and coordinates sealed.
    pub(crate) async fn seal_drafts(
        &self,
        (party, area): (&PartyId, &AreaId),
        drafts: &[Draft],
    ) -> Result<Vec<Observation>, Error> {
        let unit = |draft: &Draft| Keys::unit(party, area, draft.content.starts_at);
        let secret = drafts.iter().filter(|draft| !draft.secret.is_empty());
        self.make_units(secret.map(unit).collect()).await?;
        let seal = |draft: &Draft| {
            let form = draft.content.form.as_str();
            let object = format!("{form} {party} {area} {}", draft.id);
            Ok(Observation {
                id: draft.id.clone(),
                content: draft.content.clone(),
                sealed: self.inner.keys.seal_secret(&unit(draft), &object, &draft.secret)?,
            })
        };
        drafts.iter().map(seal).collect()
    }

    /// What a party signed, as it is kept: its salt goes with the texts that it would find.
    async fn signed(
        &self,
        asked: &Publication,
        signed: &ManifestAsked,
        digest: Digest,
    ) -> Result<SignedManifest, Rejection> {
        let object = format!("manifest {} {}", asked.party, asked.area);
        let salt = hex::encode(signed.salt);
        let text = (&asked.party, &asked.area, object.as_str(), Some(salt.as_str()));
        let salt = self.seal_reason(&asked.context, text).await?;
        let salt = salt.ok_or_else(|| Error::Fatal("a salt was not sealed".to_owned()))?;
        Ok(SignedManifest {
            digest: digest.0,
            key: signed.key.clone(),
            statement: signed.statement.as_slice().into(),
            signature: signed.signature.as_slice().into(),
            salt,
        })
    }

    /// Seals the text that goes with a change. The month of its unit is that of the change's key,
    /// so that a repetition has the same bytes whenever it comes.
    async fn seal_reason(
        &self,
        context: &Context,
        (party, area, object, reason): (&PartyId, &AreaId, &str, Option<&str>),
    ) -> Result<Option<Sealed>, Error> {
        if reason.is_none() {
            return Ok(None);
        }
        let unit = Keys::unit(party, area, context.key.made_at());
        self.make_units(BTreeSet::from([unit.clone()])).await?;
        self.inner.keys.seal_text(&unit, object, reason)
    }

    /// Makes the keys of units that have none yet; the disk is not waited for on a worker.
    pub(crate) async fn make_units(&self, units: BTreeSet<UnitKey>) -> Result<(), Error> {
        if self.inner.keys.missing(units.iter()).next().is_none() {
            return Ok(());
        }
        let ledger = self.clone();
        let making = tokio::task::spawn_blocking(move || ledger.inner.keys.make_units(&units));
        making.await.map_err(|_| Error::Closed)?
    }
}

pub(crate) fn drafts(change: &Change) -> &[Draft] {
    match change {
        Change::Full { drafts, .. } | Change::Delta { drafts, .. } => drafts,
    }
}

/// The digest of what a party has signed of its publication, once it holds.
fn verified(state: &State, asked: &Publication) -> Result<Option<Digest>, BadManifest> {
    let (covers, withdrawn) = match &asked.change {
        Change::Full { period, .. } => (Some(*period), &[][..]),
        Change::Delta { withdrawn, .. } => (None, withdrawn.as_slice()),
    };
    let published = Published {
        party: &asked.party,
        area: &asked.area,
        base_version: asked.base_version,
        covers,
        drafts: drafts(&asked.change),
        withdrawn,
        reason: asked.reason.as_deref(),
    };
    let given = asked.manifest.as_ref().map(|signed| ManifestGiven {
        key: &signed.key,
        statement: &signed.statement,
        signature: &signed.signature,
        salt: &signed.salt,
    });
    verify_manifest(state, &published, given.as_ref())
}

/// A publication without what is sealed and what is made from state.
pub(crate) fn bare(party: &PartyId, area: &AreaId, base_version: u64, change: &Change) -> Publish {
    let observation = |draft: &Draft| Observation {
        id: draft.id.clone(),
        content: draft.content.clone(),
        sealed: None,
    };
    Publish {
        party: party.clone(),
        area: area.clone(),
        base_version,
        upserts: drafts(change).iter().map(observation).collect(),
        withdrawn: Vec::new(),
        reason: None,
        covers: match change {
            Change::Full { period, .. } => Some(*period),
            Change::Delta { .. } => None,
        },
        manifest: None,
        parts: None,
    }
}

/// What policy says of a command, with the path that its field has in the request.
pub(crate) fn in_request(denial: Denial, change: &Change) -> Denial {
    Denial { field: asked_path(&denial.field, change), ..denial }
}

fn refused_in(rejection: Rejection, change: &Change) -> Rejection {
    if let Rejection::Refused(refusal) = rejection {
        let field = asked_path(&refusal.field, change).into();
        return Rejection::Refused(Refusal { field, ..refusal });
    }
    rejection
}

/// The path in the request of a field of the command that was made from it.
pub(crate) fn asked_path(field: &str, change: &Change) -> String {
    let upsert = field.strip_prefix("upserts[").and_then(|rest| rest.split_once(']'));
    let place = upsert.and_then(|(place, rest)| Some((place.parse().ok()?, rest)));
    place.map_or_else(|| field.to_owned(), |(place, rest)| change.path(place) + rest)
}

fn revised(reply: &Reply) -> Result<u64, Rejection> {
    match reply {
        Reply::Revised { revision } => Ok(*revision),
        Reply::Done
        | Reply::Published { .. }
        | Reply::Edition { .. }
        | Reply::Recorded { .. }
        | Reply::Epoch { .. }
        | Reply::Proposed { .. }
        | Reply::Sent { .. }
        | Reply::Refused(_) => {
            Err(Error::Fatal("a statement had another answer".to_owned()).into())
        }
    }
}

/// A full publication becomes a delta: what the party has in the period and does not publish again
/// is withdrawn. Compare-and-set on the version keeps it right.
pub(crate) fn delta(state: &State, area: &AreaId, change: &Change, sealed: Publish) -> Publish {
    let withdrawn = match change {
        Change::Delta { withdrawn, .. } => withdrawn.clone(),
        Change::Full { period, drafts } => {
            let kept: BTreeSet<&ObservationId> = drafts.iter().map(|draft| &draft.id).collect();
            let index = state.area(area);
            let revision = state.revision(area);
            let own = index.into_iter().flat_map(|index| index.own(&sealed.party, revision));
            let bounds = period.bounds();
            own.filter(|stage| {
                let within = |o: &Observation| o.content.is_within(bounds);
                stage.observation.as_deref().is_some_and(within) && !kept.contains(&stage.id)
            })
            .map(|stage| stage.id.clone())
            .collect()
        }
    };
    Publish { withdrawn, ..sealed }
}

/// The findings on which a publication bears: in the weeks and months that the agreement has, and
/// in the period that an assessment is of.
fn touched(state: &State, publish: &Publish) -> Vec<ConflictRef> {
    let registry = state.registry();
    let Some(agreement) = registry.agreement_of(&publish.area) else { return Vec::new() };
    let mut touched = BTreeSet::new();
    for observation in &publish.upserts {
        let content = &observation.content;
        let Some(category) = registry.category(&content.category) else { continue };
        let geography = content.geography.coarsened(category.geography);
        let key = Key { geography, category: content.category.clone() };
        let kinds = agreement.periods.iter().filter(|kind| **kind <= PeriodKind::Month);
        let periods = kinds.filter_map(|kind| content.period(*kind)).chain(content.own_period());
        touched.extend(periods.map(|period| ConflictRef {
            key: key.clone(),
            period,
            field: Field::Severity,
        }));
    }
    touched.into_iter().collect()
}
