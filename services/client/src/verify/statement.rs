//! The statements of section 8 of the protocol page: descriptor, endorsement, basis, manifest.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{Timestamp, edition::Verdict};

use super::{
    canonical::{BYTES_MAX, Fields, Malformed},
    envelope::PublicKey,
    hash::{Digest, Use, hash},
    tree::ObjectId,
};

const VERSION: i64 = 1;
const DEPTH_MAX: u8 = 32;
/// The first bit of each group that has positions with a form.
const GROUP_BITS: u32 = 0b1111;
const GROUPS: u32 = 7;

/// A party in a role.
pub(super) type Endorser = (String, String);

/// Who must endorse, with which keys, under which rules.
#[derive(Debug, Clone)]
pub(super) struct Descriptor {
    pub(super) digest: Digest,
    pub(super) domain: String,
    pub(super) agreement: String,
    pub(super) depth: u8,
    pub(super) profile: Digest,
    pub(super) merge_version: u32,
    pub(super) tracks: BTreeMap<String, BTreeMap<Endorser, PublicKey>>,
    pub(super) release_key: PublicKey,
}

impl Descriptor {
    pub(super) fn digest_of(payload: &[u8]) -> Digest {
        hash(Use::Descriptor, &[payload])
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(payload, BYTES_MAX)?;
        version(&mut fields)?;
        let domain = fields.text(2)?.to_owned();
        let agreement = fields.text(3)?.to_owned();
        fields.i64(4)?;
        let depth: u8 = fields.number(5)?;
        if !(1..=DEPTH_MAX).contains(&depth) {
            return Err(Malformed::Range(5));
        }
        let profile = fields.array(6)?;
        let merge_version = fields.number(7)?;
        let tracks = read_tracks(&mut fields)?;
        let release_key = PublicKey::read(fields.message(9)?)?;
        fields.end()?;
        one_owner_a_key(&tracks, &release_key)?;
        let digest = Self::digest_of(payload);
        Ok(Self { digest, domain, agreement, depth, profile, merge_version, tracks, release_key })
    }

    /// The keys of all tracks.
    pub(super) fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.tracks.values().flat_map(BTreeMap::values)
    }
}

fn version(fields: &mut Fields<'_>) -> Result<(), Malformed> {
    if fields.i64(1)? == VERSION { Ok(()) } else { Err(Malformed::Range(1)) }
}

fn read_tracks(
    fields: &mut Fields<'_>,
) -> Result<BTreeMap<String, BTreeMap<Endorser, PublicKey>>, Malformed> {
    let mut tracks = BTreeMap::new();
    fields.set(8, |item| {
        let mut fields = item.message()?;
        let name = fields.text(1)?.to_owned();
        let mut required = BTreeMap::new();
        fields.set(2, |item| {
            let mut fields = item.message()?;
            let endorser = (fields.text(1)?.to_owned(), fields.text(2)?.to_owned());
            let key = PublicKey::read(fields.message(3)?)?;
            fields.end()?;
            let doubled = required.insert(endorser, key).is_some();
            if doubled { Err(Malformed::Rule("a track names an endorser twice")) } else { Ok(()) }
        })?;
        fields.end()?;
        if required.is_empty() {
            return Err(Malformed::Rule("a track requires nobody"));
        }
        let doubled = tracks.insert(name, required).is_some();
        if doubled { Err(Malformed::Rule("a track stands twice")) } else { Ok(()) }
    })?;
    if tracks.is_empty() {
        return Err(Malformed::Rule("the descriptor has no track"));
    }
    Ok(tracks)
}

fn one_owner_a_key(
    tracks: &BTreeMap<String, BTreeMap<Endorser, PublicKey>>,
    release_key: &PublicKey,
) -> Result<(), Malformed> {
    let mut owners: BTreeMap<&Digest, &Endorser> = BTreeMap::new();
    let same = tracks.values().flatten().all(|(endorser, key)| {
        owners.insert(&key.id, endorser).is_none_or(|before| before == endorser)
    });
    if same && !owners.contains_key(&release_key.id) {
        return Ok(());
    }
    Err(Malformed::Rule("one key belongs to several owners"))
}

/// What all endorsements of a round have in common: fields 2 to 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) domain: String,
    pub(super) agreement: String,
    pub(super) descriptor: Digest,
    pub(super) area: String,
    pub(super) edition: String,
    pub(super) round: u32,
    pub(super) track: String,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) content_root: Digest,
    pub(super) basis: Digest,
}

/// One answer of a party in a role.
#[derive(Debug)]
pub(super) struct Endorsement {
    pub(super) subject: Subject,
    pub(super) endorser: Endorser,
    pub(super) verdict: Verdict,
}

impl Endorsement {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(payload, BYTES_MAX)?;
        version(&mut fields)?;
        let subject = Subject {
            domain: fields.text(2)?.to_owned(),
            agreement: fields.text(3)?.to_owned(),
            descriptor: fields.array(4)?,
            area: fields.text(5)?.to_owned(),
            edition: fields.text(6)?.to_owned(),
            round: fields.number(7)?,
            track: fields.text(8)?.to_owned(),
            from: Timestamp::from_micros(fields.i64(9)?),
            to: Timestamp::from_micros(fields.i64(10)?),
            content_root: fields.array(11)?,
            basis: fields.array(12)?,
        };
        if subject.to <= subject.from {
            return Err(Malformed::Range(10));
        }
        let endorser = (fields.text(13)?.to_owned(), fields.text(14)?.to_owned());
        let verdict = match fields.i64(15)? {
            1 => Verdict::Endorsed,
            2 => Verdict::Reserved,
            3 => Verdict::Objected,
            _ => return Err(Malformed::Range(15)),
        };
        fields.array::<32>(16)?;
        fields.end()?;
        Ok(Self { subject, endorser, verdict })
    }
}

/// What the gateway gave to a release class.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) edition: String,
    pub(super) round: u32,
    pub(super) content_root: Digest,
    pub(super) class_digest: Digest,
    pub(super) sequence: u64,
    pub(super) opened: Vec<(u32, u32)>,
}

impl Manifest {
    pub(super) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(payload, BYTES_MAX)?;
        let edition = fields.text(1)?.to_owned();
        let round = fields.number(2)?;
        let content_root = fields.array(3)?;
        let class_digest = fields.array(4)?;
        let sequence = fields.number(5)?;
        let mut last = None;
        let opened = fields.list(6, |item| {
            let mut fields = item.message()?;
            let (slot, mask) = (fields.number::<u32>(1)?, fields.number::<u32>(2)?);
            fields.end()?;
            if last.replace(slot).is_some_and(|before| before >= slot) {
                return Err(Malformed::Order);
            }
            if one_variant_a_group(mask) { Ok((slot, mask)) } else { Err(Malformed::Range(2)) }
        })?;
        fields.end()?;
        Ok(Self { edition, round, content_root, class_digest, sequence, opened })
    }

    /// The digest that stands in the domain's log.
    pub(super) fn digest_of(payload: &[u8]) -> Digest {
        hash(Use::Manifest, &[payload])
    }
}

/// Position 0 is opened, no group twice, and none of the last group.
fn one_variant_a_group(mask: u32) -> bool {
    let bits = |group: u32| mask.checked_shr(group.saturating_mul(4)).unwrap_or(0) & GROUP_BITS;
    let single = (0..GROUPS).all(|group| bits(group).count_ones() <= 1);
    single && mask & 1 == 1 && bits(GROUPS) == 0
}

/// What an edition rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// Own pictures: party, area and version.
    pub pictures: BTreeMap<(String, String), u64>,
    /// The ids of the decisions in force.
    pub decisions: BTreeSet<ObjectId>,
    /// The area's revision.
    pub revision: u64,
}

impl Basis {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut fields = Fields::of(bytes, BYTES_MAX)?;
        let mut pictures = BTreeMap::new();
        fields.set(1, |item| {
            let mut fields = item.message()?;
            let picture = (fields.text(1)?.to_owned(), fields.text(2)?.to_owned());
            let doubled = pictures.insert(picture, fields.number(3)?).is_some();
            fields.end()?;
            if doubled { Err(Malformed::Rule("an own picture stands twice")) } else { Ok(()) }
        })?;
        let decisions =
            fields.set(2, |item| item.bytes()?.try_into().map_err(|_| Malformed::Range(2)))?;
        let revision = fields.number(3)?;
        fields.end()?;
        Ok(Self { pictures, decisions: decisions.into_iter().collect(), revision })
    }

    /// The commitment that endorsements name.
    pub(super) fn commitment_of(bytes: &[u8], salt: &Digest) -> Digest {
        hash(Use::Basis, &[salt, bytes])
    }
}
