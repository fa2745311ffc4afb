//! A publication (inlämning): all of it is checked, and every fault told.

use std::{collections::BTreeSet, fmt};

use prost::Message as _;
use samsyn_domain::{
    AreaId, Draft, Form, KeyId, ObservationId, PartyId, Period, Timestamp,
    registry::{Agreement, Registry},
};

use super::{
    context::{Context, actor, write_context},
    fault::{Checked, Fault, Faults, Named as _, Within},
    observation::{self, Frame},
    statement, text, value,
};
use crate::{
    Reason,
    size::{REQUEST_BYTES_MAX, REQUEST_CHANGES_MAX},
    v1,
};

/// How large a publication may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) changes: usize,
    pub(super) bytes: usize,
}

/// A manifest is a few numbers and digests.
const MANIFEST_BYTES_MAX: usize = 1_024;
/// Of Ed25519 and of P-256 alike.
const SIGNATURE_BYTES: usize = 64;

/// In one request.
pub(super) const SINGLE: Size = Size { changes: REQUEST_CHANGES_MAX, bytes: REQUEST_BYTES_MAX };

/// A publication.
#[derive(Clone, PartialEq, Eq)]
pub struct Publication {
    /// How it is repeated, and on whose behalf it is made.
    pub context: Context,
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// The version that it changes; 0 for the first.
    pub base_version: u64,
    /// What changes.
    pub change: Change,
    /// Why.
    pub reason: Option<String>,
    /// What the party signed of it.
    pub manifest: Option<ManifestAsked>,
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { context, party, area, base_version, change, .. } = self;
        write!(f, "{change:?} on {base_version} of {party} in {area}, {context:?}")
    }
}

/// What a party signed of its publication. Whether it holds is asked later, against the registry.
#[derive(Clone, PartialEq, Eq)]
pub struct ManifestAsked {
    /// With which registered key.
    pub key: KeyId,
    /// The signed payload.
    pub statement: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The salt of its commitments.
    pub salt: [u8; 32],
}

impl fmt::Debug for ManifestAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "manifest under {}", self.key)
    }
}

/// A publication to check, of which nothing is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Trial {
    /// Whose own picture.
    pub party: PartyId,
    /// Of which area.
    pub area: AreaId,
    /// The version that it would change; 0 for the first.
    pub base_version: u64,
    /// What would change.
    pub change: Change,
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, area, base_version, change } = self;
        write!(f, "{change:?} on {base_version} of {party} in {area}")
    }
}

/// What a publication changes; no id stands twice in it.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    /// Replaces all that the party has in a period.
    Full {
        /// The period.
        period: Period,
        /// All that it has in it: observations, points of series, assessments, in that order.
        drafts: Vec<Draft>,
    },
    /// Changes some of what it has, of any period.
    Delta {
        /// New or changed observations, points of series, assessments, in that order.
        drafts: Vec<Draft>,
        /// Those withdrawn.
        withdrawn: Vec<ObservationId>,
    },
}

impl Change {
    /// How many observations, points and assessments it names.
    #[must_use]
    pub const fn rows(&self) -> usize {
        match self {
            Self::Full { drafts, .. } => drafts.len(),
            Self::Delta { drafts, withdrawn } => drafts.len().saturating_add(withdrawn.len()),
        }
    }
}

impl Change {
    /// The path in the request of what became the draft at a place.
    #[must_use]
    pub fn path(&self, place: usize) -> String {
        let (drafts, change, observations) = match self {
            Self::Full { drafts, .. } => (drafts, "full", "observations"),
            Self::Delta { drafts, .. } => (drafts, "delta", "upserts"),
        };
        let form = drafts.get(place).map_or(Form::Observation, |draft| draft.content.form);
        let before = drafts.iter().take(place).filter(|draft| draft.content.form == form);
        match form {
            Form::Observation => format!("{change}.{observations}[{}]", before.count()),
            Form::Assessment => format!("{change}.assessments[{}]", before.count()),
            Form::Series => {
                // Points of one series stand side by side.
                let of = |draft: &Draft| draft.id.as_point().map(|(series, _)| series);
                let series: BTreeSet<_> = before.map(of).collect();
                let own = drafts.get(place).map(of);
                let others = series.iter().filter(|series| Some(*series) != own.as_ref());
                format!("{change}.series[{}]", others.count())
            }
        }
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full { period, drafts } => write!(f, "full of {period}, {} rows", drafts.len()),
            Self::Delta { drafts, withdrawn } => {
                write!(f, "delta, {} rows, {} withdrawn", drafts.len(), withdrawn.len())
            }
        }
    }
}

/// Checks a publication.
#[must_use]
pub fn publication(
    request: v1::PublishPictureRequest,
    registry: &Registry,
    now: Timestamp,
) -> Checked<Publication> {
    within(SINGLE, request, registry, now)
}

/// Checks a publication of up to this size.
pub(super) fn within(
    size: Size,
    request: v1::PublishPictureRequest,
    registry: &Registry,
    now: Timestamp,
) -> Checked<Publication> {
    let mut faults = Faults::default();
    if let Some(fault) = too_large(&request, size) {
        faults.push(fault);
        return faults.checked(None);
    }
    let context = faults.take(write_context(request.context.clone()));
    let manifest = request.manifest.clone().and_then(|given| manifest(given, &mut faults));
    let contents = contents(request, registry, now, &mut faults);
    let value = context.zip(contents).map(|(context, (trial, reason))| {
        let Trial { party, area, base_version, change } = trial;
        Publication { context, party, area, base_version, change, reason, manifest }
    });
    faults.checked(value)
}

/// Checks a publication that is only tried; paths are those of the publication. Its idempotency key
/// is not used.
#[must_use]
pub fn trial(
    request: v1::ValidatePictureRequest,
    registry: &Registry,
    now: Timestamp,
) -> Checked<Trial> {
    let mut faults = Faults::default();
    let Some(request) = request.publication else {
        faults.push(Fault::new(Reason::MissingField, "publication"));
        return faults.checked(None);
    };
    if let Some(fault) = too_large(&request, SINGLE) {
        faults.push(fault);
        return faults.checked(None);
    }
    faults.take(actor(request.context.clone().unwrap_or_default()));
    let contents = contents(request, registry, now, &mut faults);
    faults.checked(contents.map(|(trial, _)| trial))
}

/// Too much is refused as a whole, unread.
fn too_large(request: &v1::PublishPictureRequest, size: Size) -> Option<Fault> {
    use v1::publish_picture_request::Change;
    if request.changes() > size.changes {
        let field = match &request.change {
            Some(Change::Full(_)) => "full",
            Some(Change::Delta(_)) | None => "delta",
        };
        return Some(Fault::new(Reason::TooLarge, field));
    }
    (request.encoded_len() > size.bytes).then(|| Fault::new(Reason::TooLarge, ""))
}

fn contents(
    request: v1::PublishPictureRequest,
    registry: &Registry,
    now: Timestamp,
    faults: &mut Faults,
) -> Option<(Trial, Option<String>)> {
    let party = faults.take(value::code(&request.party, PartyId::parse).named("party"));
    let area = faults.take(area(&request.area, registry));
    let frame = Frame { registry, area: area.as_ref(), period: None, now };
    let change = match request.change {
        None => faults.take(Err(Fault::new(Reason::MissingField, "change"))),
        Some(v1::publish_picture_request::Change::Full(asked)) => {
            full(asked, frame, faults).map(|change| (change, None))
        }
        Some(v1::publish_picture_request::Change::Delta(asked)) => delta(asked, frame, faults),
    };
    let (change, reason) = change?;
    let base_version = request.base_version;
    Some((Trial { party: party?, area: area?, base_version, change }, reason))
}

fn manifest(given: v1::SignedManifest, faults: &mut Faults) -> Option<ManifestAsked> {
    let key = faults.take(value::code(&given.key_id, KeyId::parse).named("manifest.key_id"));
    let statement = bounded(given.statement, MANIFEST_BYTES_MAX).named("manifest.statement");
    let statement = faults.take(statement);
    let signature = bounded(given.signature, SIGNATURE_BYTES).named("manifest.signature");
    let signature = faults.take(signature);
    let salt = given.salt.try_into().map_err(|_| Reason::BadField);
    let salt = faults.take(salt.named("manifest.salt"));
    Some(ManifestAsked { key: key?, statement: statement?, signature: signature?, salt: salt? })
}

fn bounded(bytes: Vec<u8>, most: usize) -> Result<Vec<u8>, Reason> {
    if bytes.len() > most { Err(Reason::FieldTooLong) } else { Ok(bytes) }
}

/// A registered area.
pub(super) fn area(id: &str, registry: &Registry) -> Result<AreaId, Fault> {
    let id = value::code(id, AreaId::parse);
    id.and_then(|id| registry.area(&id).map(|area| area.id.clone()).ok_or(Reason::UnknownCode))
        .named("area")
}

/// A period of a kind that the agreement of the area has.
pub(super) fn agreed_period(
    asked: Option<v1::Period>,
    area: Option<&AreaId>,
    registry: &Registry,
) -> Result<Period, Reason> {
    let period = value::period(asked)?;
    let agreement: Option<&Agreement> = area.and_then(|area| registry.agreement_of(area));
    let agreed = agreement.is_none_or(|agreement| agreement.periods.contains(&period.kind()));
    if agreed { Ok(period) } else { Err(Reason::BadPeriod) }
}

fn full(asked: v1::FullPicture, frame: Frame<'_>, faults: &mut Faults) -> Option<Change> {
    let period = agreed_period(asked.period, frame.area, frame.registry);
    let period = faults.take(period.named("full.period"));
    let frame = Frame { period, ..frame };
    let mut reading = Reading { frame, seen: BTreeSet::new(), drafts: Vec::new(), faults };
    reading.observations(asked.observations, "full.observations");
    reading.series(asked.series, "full.series");
    reading.assessments(asked.assessments, "full.assessments");
    let drafts = reading.drafts;
    Some(Change::Full { period: period?, drafts })
}

/// What a contribution changes in an area; it comes in pieces of one request's size, and gives no
/// reason.
pub(super) fn contributed(
    delta: v1::PictureDelta,
    (area, registry, now): (&AreaId, &Registry, Timestamp),
    faults: &mut Faults,
) -> Option<(Vec<Draft>, Vec<ObservationId>)> {
    let request = v1::PublishPictureRequest {
        change: Some(v1::publish_picture_request::Change::Delta(delta)),
        ..v1::PublishPictureRequest::default()
    };
    if let Some(fault) = too_large(&request, SINGLE) {
        faults.push(fault);
        return None;
    }
    let Some(v1::publish_picture_request::Change::Delta(asked)) = request.change else {
        return None;
    };
    let frame = Frame { registry, area: Some(area), period: None, now };
    match self::delta(asked, frame, faults)? {
        (Change::Delta { drafts, withdrawn }, None) => Some((drafts, withdrawn)),
        (Change::Delta { .. }, Some(_)) => {
            faults.push(Fault::new(Reason::BadField, "delta.reason"));
            None
        }
        (Change::Full { .. }, _) => None,
    }
}

fn delta(
    asked: v1::PictureDelta,
    frame: Frame<'_>,
    faults: &mut Faults,
) -> Option<(Change, Option<String>)> {
    let mut reading = Reading { frame, seen: BTreeSet::new(), drafts: Vec::new(), faults };
    reading.observations(asked.upserts, "delta.upserts");
    reading.series(asked.series, "delta.series");
    reading.assessments(asked.assessments, "delta.assessments");
    let Reading { mut seen, drafts, .. } = reading;
    let mut withdrawn = Vec::new();
    for (i, id) in asked.withdrawn_ids.into_iter().enumerate() {
        let field = format!("delta.withdrawn_ids[{i}]");
        withdrawn.extend(faults.take(observation::observation_id(&id).named(&field)));
        if !id.is_empty() && !seen.insert(id) {
            faults.push(Fault::new(Reason::DuplicateId, field));
        }
    }
    let reason = faults.take(text::alone(asked.reason, text::Form::NOTE, "delta.reason"))?;
    Some((Change::Delta { drafts, withdrawn }, reason))
}

/// What a publication puts, as far as it was read. Its ids are one namespace: a series has a name,
/// and so has each of its points.
struct Reading<'a> {
    frame: Frame<'a>,
    seen: BTreeSet<String>,
    drafts: Vec<Draft>,
    faults: &'a mut Faults,
}

impl Reading<'_> {
    fn observations(&mut self, asked: Vec<v1::Observation>, field: &str) {
        for (i, observation) in asked.into_iter().enumerate() {
            let mut within = Within::new(self.faults, format!("{field}[{i}]"));
            named(&observation.id, &mut self.seen, &mut within);
            self.drafts.extend(observation::draft(observation, self.frame, &mut within));
        }
    }

    fn series(&mut self, asked: Vec<v1::Series>, field: &str) {
        for (i, series) in asked.into_iter().enumerate() {
            let mut within = Within::new(self.faults, format!("{field}[{i}]"));
            let fresh = named(&series.id, &mut self.seen, &mut within);
            let points = statement::points(series, self.frame, &mut within);
            for point in points.into_iter().flatten().filter(|_| fresh) {
                named(point.id.as_str(), &mut self.seen, &mut within);
                self.drafts.push(point);
            }
        }
    }

    fn assessments(&mut self, asked: Vec<v1::Assessment>, field: &str) {
        for (i, assessment) in asked.into_iter().enumerate() {
            let mut within = Within::new(self.faults, format!("{field}[{i}]"));
            named(&assessment.id, &mut self.seen, &mut within);
            self.drafts.extend(statement::assessment(assessment, self.frame, &mut within));
        }
    }
}

/// Refuses an id that stands for something else in the same publication; whether it was fresh.
fn named(id: &str, seen: &mut BTreeSet<String>, within: &mut Within<'_>) -> bool {
    let fresh = id.is_empty() || seen.insert(id.to_owned());
    if !fresh {
        within.refuse(Reason::DuplicateId, "id");
    }
    fresh
}
