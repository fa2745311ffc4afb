//! Publication manifests: what a party signs of its own publication, with a key that the gateway
//! never has.
//!
//! The signature is over a few numbers and one root, however large the publication is. The root is
//! that of a tree over salted commitments, one for each observation, so that one of them can be
//! shown to have been signed without the others, and none can be found by search.

use super::Error;
use super::canonical::Message;
use super::hash::{Digest, TAG_ENTRY, TAG_ENTRY_NODE, TAG_PUBLICATION, hash, mac};
use super::labels::LabelParts;
use super::object::ObjectKind;
use super::reader::Fields;
use crate::{Draft, Form, Geography, ObservationId};

const VERSION: u16 = 1;
const DOMAIN: u16 = 2;
const PARTY: u16 = 3;
const AREA: u16 = 4;
const BASE_VERSION: u16 = 5;
const COVERS: u16 = 6;
const CHANGES: u16 = 7;
const ROOT: u16 = 8;
const REASON: u16 = 9;

const ENTRY_ID: u16 = 1;
const ENTRY_COMMITMENT: u16 = 2;

/// The version of this form.
const CURRENT: i64 = 1;

/// The payload that a publisher signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationManifest {
    /// The domain.
    pub domain: String,
    /// Whose own picture.
    pub party: String,
    /// Of which area.
    pub area: String,
    /// The version that it changes.
    pub base_version: u64,
    /// The code of the period that it replaces; none for a delta.
    pub covers: Option<String>,
    /// How many observations and withdrawals there are.
    pub changes: u32,
    /// The root over them, see [`root`].
    pub root: Digest,
    /// The commitment to the reason, where one is given.
    pub reason: Option<Digest>,
}

impl PublicationManifest {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When a text is not NFC, or the version exceeds 2⁶³ − 1.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let base = i64::try_from(self.base_version).map_err(|_| Error::OutOfRange(BASE_VERSION))?;
        Message::new()
            .with(VERSION, CURRENT)
            .with(DOMAIN, self.domain.as_str())
            .with(PARTY, self.party.as_str())
            .with(AREA, self.area.as_str())
            .with(BASE_VERSION, base)
            .with_opt(COVERS, self.covers.as_deref())
            .with(CHANGES, self.changes)
            .with(ROOT, self.root.0.as_slice())
            .with_opt(REASON, self.reason.as_ref().map(|digest| digest.0.as_slice()))
            .encode()
    }

    /// The manifest that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut fields = Fields::of(Message::decode(bytes)?);
        fields.take_constant(VERSION, CURRENT)?;
        let manifest = Self {
            domain: fields.take_text(DOMAIN)?,
            party: fields.take_text(PARTY)?,
            area: fields.take_text(AREA)?,
            base_version: fields.take_integer(BASE_VERSION)?,
            covers: fields.take_opt_text(COVERS)?,
            changes: fields.take_integer(CHANGES)?,
            root: Digest(fields.take_array(ROOT)?),
            reason: fields.take_opt_bytes(REASON)?.map(digest).transpose()?,
        };
        fields.finish()?;
        Ok(manifest)
    }

    /// What observations name as their provenance: `H(09 ‖ canonical manifest)`.
    #[must_use]
    pub fn digest_of(payload: &[u8]) -> Digest {
        hash(&[&[TAG_PUBLICATION], payload])
    }
}

/// The root over what a publication changes, in any order, under the salt of its manifest.
///
/// # Errors
/// When a text is not NFC.
pub fn root(
    salt: &[u8; 32],
    drafts: &[Draft],
    withdrawn: &[ObservationId],
) -> Result<Digest, Error> {
    let mut entries = Vec::with_capacity(drafts.len().saturating_add(withdrawn.len()));
    for draft in drafts {
        entries.push((&draft.id, Some(commitment(salt, draft)?)));
    }
    entries.extend(withdrawn.iter().map(|id| (id, None)));
    entries.sort_unstable_by_key(|(id, _)| *id);
    let leaf = |(id, commitment): (&ObservationId, Option<Digest>)| {
        let entry = Message::new()
            .with(ENTRY_ID, id.as_str())
            .with_opt(ENTRY_COMMITMENT, commitment.as_ref().map(|digest| digest.0.as_slice()));
        Ok(hash(&[&[TAG_ENTRY], &entry.encode()?]))
    };
    let leaves = entries.into_iter().map(leaf).collect::<Result<Vec<_>, Error>>()?;
    Ok(fold(leaves))
}

/// The commitment to the reason of a publication.
#[must_use]
pub fn reason(salt: &[u8; 32], text: &str) -> Digest {
    mac(salt, &[b"reason", text.as_bytes()])
}

fn digest(bytes: Vec<u8>) -> Result<Digest, Error> {
    bytes.try_into().map(Digest).map_err(|_| Error::OutOfRange(REASON))
}

/// Level by level, in pairs from the left; what has no pair goes up as it is.
fn fold(mut level: Vec<Digest>) -> Digest {
    let above = |pair: &[Digest]| match pair {
        [left, right] => Some(hash(&[&[TAG_ENTRY_NODE], &left.0, &right.0])),
        alone => alone.first().copied(),
    };
    while level.len() > 1 {
        level = level.chunks(2).filter_map(above).collect();
    }
    level.first().copied().unwrap_or_else(|| hash(&[&[TAG_ENTRY]]))
}

/// The commitment to an observation as its party published it.
fn commitment(salt: &[u8; 32], draft: &Draft) -> Result<Digest, Error> {
    Ok(mac(salt, &[b"observation", &published(draft)?.encode()?]))
}

/// An observation, a point of a series or an assessment as it was published: with the place that it
/// named, or its coordinates.
fn published(Draft { id, content, secret }: &Draft) -> Result<Message, Error> {
    let Geography { area, sub_area, place } = &content.geography;
    let message = Message::new().with(1, id.as_str()).with(2, content.category.as_str());
    let message = match (secret.coordinates, place, sub_area) {
        (Some(at), ..) => message.with(6, i64::from(at.lat_e7)).with(7, i64::from(at.lon_e7)),
        (None, Some(place), _) => message.with(3, place.as_str()),
        (None, None, Some(sub_area)) => message.with(4, sub_area.as_str()),
        (None, None, None) => message.with(5, area.as_str()),
    };
    let form = match content.form {
        Form::Observation => None,
        Form::Series | Form::Assessment => Some(i64::from(ObjectKind::from(content.form).code())),
    };
    Ok(message
        .with(8, content.starts_at.micros())
        .with(9, content.ends_at.micros())
        .with_opt(10, content.count)
        .with_opt(11, content.severity.map(|severity| i64::from(severity.grade())))
        .with_opt(12, content.trend.map(|trend| i64::from(trend.number())))
        .with(13, i64::from(content.basis.number()))
        .with_opt(14, content.source.as_ref().map(|source| source.as_str()))
        .with_opt(15, content.reliability.map(|reliability| i64::from(reliability.number())))
        .with_opt(16, content.credibility.map(|credibility| i64::from(credibility.grade())))
        .with_opt(17, secret.note.as_deref())
        .with(18, LabelParts::of(&content.labels).committed().message()?)
        .with_opt(19, form))
}
