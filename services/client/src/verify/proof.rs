//! Partner proofs, sections 9 and 10 of the protocol page: steps 1 to 6.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::edition::Verdict;

use super::{
    Endorsed, Pinned, Verified,
    canonical::{BYTES_MAX, Fields, Malformed, PROOF_BYTES_MAX},
    envelope::{Envelope, Payload},
    form::{self, Position, Value},
    hash::{self, Digest},
    object::{self, ObjectKind, Opened, VerifiedObject},
    rejected::{Rejected, Step},
    statement::{Descriptor, Endorsement, Manifest, Subject},
    tree::{self, ObjectId},
};

/// Verifies a partner proof offline against the pinned digest of the descriptor, steps 1 to 6 of
/// the protocol page; step 7 is [`Verified::matches`]. Afterwards compare area, period, edition and
/// track with what was asked for, and the sequence with the last one seen of the class.
///
/// # Errors
/// At the first fault: the proof is refused as a whole.
pub fn proof(bytes: &[u8], pinned: &Pinned) -> Result<Verified, Rejected> {
    let outer = Outer::read(bytes)?;
    let rules = Rules::of(&outer, pinned)?;
    Agreed::of(&outer, rules)?.opens(&outer)
}

/// A proof taken apart; nothing in it is checked yet.
#[derive(Debug)]
pub(super) struct Outer<'a> {
    pub(super) descriptor: Envelope<'a>,
    pub(super) endorsements: Vec<Envelope<'a>>,
    manifest: Envelope<'a>,
    objects: Vec<Object<'a>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Object<'a> {
    slot: u32,
    openings: Vec<Opening<'a>>,
    object_siblings: &'a [u8],
    edition_siblings: &'a [u8],
}

#[derive(Debug, PartialEq, Eq)]
struct Opening<'a> {
    position: Position,
    salt: Digest,
    canonical: &'a [u8],
}

impl<'a> Outer<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let at = |step: Step| move |fault: Malformed| step.refuses(fault);
        let mut fields = Fields::of(bytes, PROOF_BYTES_MAX).map_err(at(Step::Bytes))?;
        let descriptor =
            fields.message(1).and_then(Envelope::read).map_err(at(Step::Descriptor))?;
        let endorsements = fields
            .set(2, |item| item.message().and_then(Envelope::read))
            .map_err(at(Step::Endorsements))?;
        let manifest = fields.message(3).and_then(Envelope::read).map_err(at(Step::Manifest))?;
        let objects = fields.list(4, |item| item.message().and_then(Object::read));
        let objects = objects.map_err(at(Step::Openings))?;
        fields.end().map_err(at(Step::Bytes))?;
        Ok(Self { descriptor, endorsements, manifest, objects })
    }
}

impl<'a> Object<'a> {
    fn read(mut fields: Fields<'a>) -> Result<Self, Malformed> {
        let slot = fields.number(1)?;
        let mut last = None;
        let openings = fields.list(2, |item| {
            let mut fields = item.message()?;
            let position = fields.number(1)?;
            let position = Position::of(position).ok_or(Malformed::Range(1))?;
            let (salt, canonical) = (fields.array(2)?, fields.bytes(3)?);
            fields.end()?;
            if last.replace(position).is_some_and(|before| before >= position) {
                return Err(Malformed::Order);
            }
            Ok(Opening { position, salt, canonical })
        })?;
        let (object_siblings, edition_siblings) = (fields.bytes(3)?, fields.bytes(4)?);
        fields.end()?;
        Ok(Self { slot, openings, object_siblings, edition_siblings })
    }

    fn mask(&self) -> u32 {
        self.openings.iter().fold(0, |mask, opening| mask | opening.position.bit())
    }
}

/// Who must endorse, as pinned and signed: step 1 holds.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    descriptor: Descriptor,
    signatures: usize,
}

impl Rules {
    pub(super) fn of(outer: &Outer<'_>, pinned: &Pinned) -> Result<Self, Rejected> {
        signed_descriptor(&outer.descriptor, pinned)
            .map(|(descriptor, signatures)| Self { descriptor, signatures })
            .map_err(|fault| Step::Descriptor.refuses(fault))
    }
}

/// What all who must endorse have endorsed: steps 1 and 2 hold.
#[derive(Debug, Clone)]
pub(super) struct Agreed {
    descriptor: Descriptor,
    subject: Subject,
    endorsements: Vec<Endorsed>,
    signatures: usize,
}

impl Agreed {
    pub(super) fn of(outer: &Outer<'_>, rules: Rules) -> Result<Self, Rejected> {
        let Rules { descriptor, signatures } = rules;
        let (subject, endorsements) = endorsed(&outer.endorsements, &descriptor)
            .map_err(|fault| Step::Endorsements.refuses(fault))?;
        let signatures = signatures.saturating_add(endorsements.len());
        Ok(Self { descriptor, subject, endorsements, signatures })
    }

    /// Steps 3 to 6.
    pub(super) fn opens(self, outer: &Outer<'_>) -> Result<Verified, Rejected> {
        let mut objects = Vec::with_capacity(outer.objects.len());
        let mut ids = BTreeSet::new();
        for (number, raw) in (1..).zip(&outer.objects) {
            let object = read_object(raw).map_err(|rejected| rejected.at_object(number))?;
            if !ids.insert(object.object.id) {
                let why = "another slot holds the same object";
                return Err(Step::Openings.refuses(why).at_object(number));
            }
            objects.push(object);
        }
        let mut last = None;
        for (number, (raw, read)) in (1..).zip(outer.objects.iter().zip(&objects)) {
            self.holds(raw, &read.leaves)
                .map_err(|why| Step::Root.refuses(why).at_object(number))?;
            if last.replace(raw.slot).is_some_and(|before| before >= raw.slot) {
                let why = "its slot is not greater than the one before";
                return Err(Step::Root.refuses(why).at_object(number));
            }
        }
        let manifest = self.given(outer).map_err(|fault| Step::Manifest.refuses(fault))?;
        let fields_opened = outer.objects.iter().map(|raw| raw.openings.len()).sum();
        let objects = objects.into_iter().map(|read| read.object).collect();
        Ok(Verified {
            domain: self.subject.domain,
            agreement: self.subject.agreement,
            edition: self.subject.edition,
            area: self.subject.area,
            period: (self.subject.from, self.subject.to),
            track: self.subject.track,
            round: self.subject.round,
            content_root: self.subject.content_root,
            basis_commitment: self.subject.basis,
            merge_version: self.descriptor.merge_version,
            class_digest: manifest.class_digest,
            sequence: manifest.sequence,
            manifest_digest: Manifest::digest_of(outer.manifest.payload),
            endorsements: self.endorsements,
            objects,
            fields_opened,
            signatures: self.signatures.saturating_add(1),
        })
    }

    /// Step 4 for one object.
    fn holds(&self, raw: &Object<'_>, leaves: &[(u8, Digest)]) -> Result<(), &'static str> {
        let depth = self.descriptor.depth;
        if u64::from(raw.slot) >= 1_u64.checked_shl(u32::from(depth)).unwrap_or(0) {
            return Err("its slot lies outside the edition tree");
        }
        let siblings = digests(raw.object_siblings).ok_or("its siblings are no row of digests")?;
        let root = tree::fold_object(leaves, &siblings)
            .ok_or("a sibling of its leaves is missing or left over")?;
        let path = digests(raw.edition_siblings).ok_or("its path is no row of digests")?;
        if path.len() != usize::from(depth) {
            return Err("a sibling on its path is missing or left over");
        }
        if tree::fold_edition(root, raw.slot, &path) == self.subject.content_root {
            return Ok(());
        }
        Err("it does not belong to the content that was endorsed")
    }

    /// Steps 5 and, through the form of a mask, 6.
    fn given(&self, outer: &Outer<'_>) -> Result<Manifest, Malformed> {
        outer.manifest.must_hold(Payload::Manifest)?;
        let manifest = Manifest::read(outer.manifest.payload)?;
        let of = (&manifest.edition, manifest.round, &manifest.content_root);
        if of != (&self.subject.edition, self.subject.round, &self.subject.content_root) {
            return Err(Malformed::Rule("it is of another edition or round than was endorsed"));
        }
        let opened = outer.objects.iter().map(|raw| (raw.slot, raw.mask()));
        if !opened.eq(manifest.opened.iter().copied()) {
            return Err(Malformed::Rule("what is opened is not what the gateway signed"));
        }
        outer.manifest.signed_by(Payload::Manifest, [&self.descriptor.release_key])?;
        Ok(manifest)
    }
}

/// Step 1; with the number of signatures.
fn signed_descriptor(
    envelope: &Envelope<'_>,
    pinned: &Pinned,
) -> Result<(Descriptor, usize), Malformed> {
    envelope.must_hold(Payload::Descriptor)?;
    if envelope.payload.len() > BYTES_MAX {
        return Err(Malformed::Long);
    }
    if Descriptor::digest_of(envelope.payload) != pinned.descriptor {
        return Err(Malformed::Rule(
            "it is not the one that is pinned; ask the domain whether all signatories have \
             signed a new one",
        ));
    }
    let descriptor = Descriptor::read(envelope.payload)?;
    let signatures = envelope.signed_by(Payload::Descriptor, descriptor.keys())?;
    Ok((descriptor, signatures))
}

/// Step 2.
fn endorsed(
    envelopes: &[Envelope<'_>],
    descriptor: &Descriptor,
) -> Result<(Subject, Vec<Endorsed>), Malformed> {
    let mut subject: Option<Subject> = None;
    let mut answers = BTreeMap::new();
    for envelope in envelopes {
        envelope.must_hold(Payload::Endorsement)?;
        let answer = Endorsement::read(envelope.payload)?;
        if subject.as_ref().is_some_and(|subject| *subject != answer.subject) {
            return Err(Malformed::Rule("the endorsements are of different content"));
        }
        subject = Some(answer.subject);
        if answers.insert(answer.endorser, (envelope, answer.verdict)).is_some() {
            return Err(Malformed::Rule("one who must endorse stands twice"));
        }
    }
    let subject = subject.ok_or(Malformed::Rule("nobody has endorsed"))?;
    let ours = (&subject.domain, &subject.agreement, &subject.descriptor);
    if ours != (&descriptor.domain, &descriptor.agreement, &descriptor.digest) {
        return Err(Malformed::Rule("the endorsements are of another descriptor"));
    }
    let required = descriptor.tracks.get(&subject.track);
    let required = required.ok_or(Malformed::Rule("the descriptor has no such track"))?;
    if !required.keys().eq(answers.keys()) {
        return Err(Malformed::Rule("others have endorsed than those whom the track requires"));
    }
    let mut endorsements = Vec::with_capacity(answers.len());
    for ((endorser, (envelope, verdict)), key) in answers.into_iter().zip(required.values()) {
        envelope.signed_by(Payload::Endorsement, [key])?;
        if verdict == Verdict::Objected {
            return Err(Malformed::Rule("one who must endorse objects"));
        }
        let (party, role) = endorser;
        endorsements.push(Endorsed { party, role, verdict });
    }
    Ok((subject, endorsements))
}

/// An object that has passed step 3.
struct Read {
    object: VerifiedObject,
    leaves: Vec<(u8, Digest)>,
}

fn read_object(raw: &Object<'_>) -> Result<Read, Rejected> {
    let mut openings = raw.openings.iter();
    let first = openings.next().filter(|first| first.position == Position::IDENTITY);
    let first = first.ok_or_else(|| Step::Openings.refuses("position 0 is not opened"))?;
    let leaf = read_leaf(first, None)?;
    let (id, kind) = (leaf.object, leaf.kind);
    let Value::Identity(identity) = leaf.value else {
        return Err(Step::Openings.refuses("position 0 holds no identity"));
    };
    let mut fields = object::Fields {
        identity,
        place: Opened::Withheld,
        time: Opened::Withheld,
        counts: Opened::Withheld,
        assessment: Opened::Withheld,
        text: Opened::Withheld,
        provenance: Opened::Withheld,
    };
    let mut leaves = vec![(first.position.number(), hash::leaf(&first.salt, first.canonical))];
    for opening in openings {
        let leaf = read_leaf(opening, Some((id, kind)))?;
        leaves.push((opening.position.number(), hash::leaf(&opening.salt, opening.canonical)));
        if !put(&mut fields, leaf.value) {
            let rejected = Step::Values.refuses("two variants of one group are opened");
            return Err(in_group(rejected, opening.position));
        }
    }
    Ok(Read { object: VerifiedObject { id, slot: raw.slot, kind, fields }, leaves })
}

fn read_leaf(
    opening: &Opening<'_>,
    of: Option<(ObjectId, ObjectKind)>,
) -> Result<form::Leaf, Rejected> {
    let rejected = |rejected: Rejected| in_group(rejected, opening.position);
    let leaf = form::leaf(opening.canonical, opening.position, of.map(|(_, kind)| kind))
        .map_err(|fault| rejected(Step::Openings.refuses(fault)))?;
    if of.is_some_and(|(id, _)| id != leaf.object) {
        return Err(rejected(Step::Openings.refuses("the leaf is of another object")));
    }
    Ok(leaf)
}

fn in_group(rejected: Rejected, position: Position) -> Rejected {
    match position.group() {
        Some(group) => rejected.in_group(group),
        None => rejected,
    }
}

/// Puts a value into its group; false when the group has one already.
fn put(fields: &mut object::Fields, value: Value) -> bool {
    fn set<T>(group: &mut Opened<T>, value: Option<T>) -> bool {
        let free = matches!(group, Opened::Withheld);
        *group = Opened::of(value);
        free
    }
    match value {
        Value::Identity(_) => false,
        Value::Place(value) => set(&mut fields.place, value),
        Value::Time(value) => set(&mut fields.time, value),
        Value::Counts(value) => set(&mut fields.counts, value),
        Value::Assessment(value) => set(&mut fields.assessment, value),
        Value::Text(value) => set(&mut fields.text, value),
        Value::Provenance(value) => set(&mut fields.provenance, value),
    }
}

fn digests(row: &[u8]) -> Option<Vec<Digest>> {
    let (digests, rest) = row.as_chunks::<32>();
    rest.is_empty().then(|| digests.to_vec())
}
