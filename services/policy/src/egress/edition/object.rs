//! The objects of an edition with their leaves.

use std::collections::BTreeMap;

use samsyn_domain::{
    Content, Form, Kind, Labels, Level, Observation, ServiceId, UnitKey,
    commit::{
        self,
        canonical::Message,
        content::{self, Treatment},
        hash::Digest,
        labels::LabelParts,
        object::{Leaf, ObjectId, ObjectTree, Opening},
        position::{Group, Position, Variant},
        salt::RoundSalt,
    },
    registry::{FieldGroup, PartyKind, Variant as Shown},
    row::{SignedManifest, Stage},
};

use super::{
    Unmade,
    cell::{BELOW, Cell},
    decision::Decision,
};

/// The profile of disclosure control: how coarser places and bands are made.
const PROFILE: &str = "samsyn-1";
/// A place, no finer than a level.
const COARSER: &str = "coarser-place";
/// What an object takes in memory beside the canonical bytes of its leaves: salts, its tree of 63
/// digests, its way through the edition's tree, and what it was made from.
const OBJECT_BYTES: usize = 5 * 1024;
/// Counts of 1 to 4 become one band; 0 and what is above stay as they are.
const SMALL: &str = "small-counts";

/// What an object is.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// An observation, a point or an assessment, as it was at the revision.
    Contribution(Stage),
    /// A decision or dissent.
    Decision(Decision),
    /// A cell.
    Cell(Cell),
    /// The joint analysis.
    Analysis,
}

/// An object with everything that its parties commit to.
pub(super) struct Object {
    pub(super) what: What,
    pub(super) leaves: BTreeMap<Position, Leaf>,
    pub(super) tree: ObjectTree,
    /// The unit under which something of it is sealed.
    pub(super) unit: Option<UnitKey>,
}

impl Object {
    /// The leaves at positions, laid open; none where a position has no leaf.
    pub(super) fn open(&self, positions: &[Position]) -> Result<Vec<Opening>, commit::Error> {
        let leaves = positions.iter().filter_map(|position| self.leaves.get(position));
        leaves.map(|leaf| Opening::of(leaf.clone())).collect()
    }

    /// The labels of a contribution that is there; none: it is none.
    pub(super) fn labels(&self) -> Option<&Labels> {
        match &self.what {
            What::Contribution(stage) => stage.observation.as_ref().map(|one| &*one.content.labels),
            What::Decision(_) | What::Cell(_) | What::Analysis => None,
        }
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let canonical: usize = self.leaves.values().map(|leaf| leaf.canonical().len()).sum();
        canonical.saturating_add(OBJECT_BYTES)
    }
}

/// The leaves of an object in the making.
pub(super) struct Leaves<'a> {
    salt: &'a RoundSalt,
    object: ObjectId,
    made: BTreeMap<Position, Leaf>,
}

impl<'a> Leaves<'a> {
    pub(super) const fn of(salt: &'a RoundSalt, object: ObjectId) -> Self {
        Self { salt, object, made: BTreeMap::new() }
    }

    pub(super) fn clear(
        &mut self,
        group: Group,
        variant: Variant,
        value: Message,
    ) -> Result<(), commit::Error> {
        self.made(Position::new(group, variant), None, value)
    }

    /// A leaf whose salt dies with a unit's key. Without a key there is nothing that could be
    /// erased: the group has no value.
    pub(super) fn sealed(
        &mut self,
        group: Group,
        key: Option<&[u8; 32]>,
        value: Message,
    ) -> Result<(), commit::Error> {
        self.made(Position::new(group, Variant::Exact), key, value)
    }

    fn made(
        &mut self,
        position: Position,
        key: Option<&[u8; 32]>,
        value: Message,
    ) -> Result<(), commit::Error> {
        let salt = match key {
            Some(key) => self.salt.sealed(key, self.object, position),
            None => self.salt.clear(self.object, position),
        };
        let leaf = Leaf::commit(self.object, position, value, salt)?;
        self.made.insert(position, leaf);
        Ok(())
    }

    /// The object; groups that have no value are committed to as absent.
    pub(super) fn finish(
        mut self,
        what: What,
        unit: Option<&UnitKey>,
    ) -> Result<Object, commit::Error> {
        for group in Group::HELD {
            if !self.made.contains_key(&Position::new(group, Variant::Exact)) {
                self.clear(group, Variant::Exact, content::absent())?;
            }
        }
        let hashes: BTreeMap<Position, Digest> =
            self.made.iter().map(|(position, leaf)| (*position, leaf.hash())).collect();
        let tree = ObjectTree::build(self.salt, self.object, &hashes);
        Ok(Object { what, leaves: self.made, tree, unit: unit.cloned() })
    }
}

/// What a contribution's leaves are made from, beside itself.
pub(super) struct Contributed<'a> {
    pub(super) observation: &'a Observation,
    pub(super) owner_kind: PartyKind,
    pub(super) registered: Level,
    pub(super) service: &'a ServiceId,
    /// What its party signed of the publication that brought it.
    pub(super) manifest: Option<&'a SignedManifest>,
    /// What stands under seal, with the key of its unit.
    pub(super) secret: Option<(samsyn_domain::Secret, [u8; 32])>,
}

/// The object of a contribution. Both coarser places are made whatever the exact one is, so that a
/// receiver of one cannot tell whether there is a finer one.
pub(super) fn contribution(
    salt: &RoundSalt,
    object: ObjectId,
    stage: &Stage,
    of: &Contributed<'_>,
) -> Result<Object, Unmade> {
    let said = &of.observation.content;
    let mut leaves = Leaves::of(salt, object);
    let labels = LabelParts::of(&said.labels);
    let identity = content::Identity {
        category: said.category.as_str(),
        observation_kind: kind_code(said.kind),
        priority: said.priority.as_str(),
        owner: stage.party.as_str(),
        owner_kind: party_kind_code(of.owner_kind),
        area: stage.area.as_str(),
        labels: labels.committed(),
        geography: level_code(of.registered),
    };
    let identity = match said.form {
        Form::Observation => identity.observation()?,
        Form::Series => identity.series()?,
        Form::Assessment => identity.assessment()?,
    };
    leaves.clear(Group::Identity, Variant::Exact, identity)?;
    place(&mut leaves, of)?;
    let time = content::time(said.starts_at.micros(), said.ends_at.micros());
    leaves.clear(Group::Time, Variant::Exact, time)?;
    let source = said.source.as_ref().map(|source| source.as_str());
    let counts = content::counts(said.count.map(i64::from), source)?;
    leaves.clear(Group::Counts, Variant::Exact, counts)?;
    leaves.clear(Group::Assessment, Variant::Exact, assessment(said)?)?;
    let note = of.secret.as_ref().and_then(|(secret, _)| secret.note.as_deref());
    let key = of.secret.as_ref().map(|(_, key)| key);
    leaves.sealed(Group::Text, key, content::text(note))?;
    let manifest = of.manifest.map(|signed| Digest(signed.digest));
    let provenance = content::provenance(of.service.as_str(), manifest.as_ref());
    leaves.clear(Group::Provenance, Variant::Exact, provenance)?;
    let unit = of.observation.sealed.as_ref().map(|sealed| &sealed.key);
    Ok(leaves.finish(What::Contribution(stage.clone()), unit)?)
}

/// How it is assessed; a point of a series is not.
fn assessment(said: &Content) -> Result<Message, commit::Error> {
    let assessment = content::Assessment {
        severity: said.severity.map(|severity| severity.grade().into()),
        trend: said.trend.map(|trend| trend.number().into()),
        basis: Some(said.basis.number().into()),
        reliability: said.reliability.map(|reliability| reliability.number().into()),
        credibility: said.credibility.map(|credibility| credibility.grade().into()),
    };
    match said.form {
        Form::Observation => assessment.value(),
        Form::Series => Ok(content::absent()),
        Form::Assessment => assessment.assessed(),
    }
}

fn place(leaves: &mut Leaves<'_>, of: &Contributed<'_>) -> Result<(), commit::Error> {
    let geography = &of.observation.content.geography;
    let coordinates = of.secret.as_ref().and_then(|(secret, _)| secret.coordinates);
    let place = content::Place {
        place: geography.place.as_ref().map(|id| id.as_str()),
        sub_area: geography.sub_area.as_ref().map(|id| id.as_str()),
        area: geography.area.as_str(),
        coordinates: coordinates.map(|at| (at.lat_e7.into(), at.lon_e7.into())),
    };
    let key = of.secret.as_ref().map(|(_, key)| key).filter(|_| place.is_sealed());
    leaves.sealed(Group::Place, key, place.exact()?)?;
    for (variant, level) in [(Variant::First, Level::SubArea), (Variant::Second, Level::District)] {
        let parameters = [("level", level_code(level))];
        let treatment =
            Treatment { profile: PROFILE, method: COARSER, parameters: &parameters, bound: None };
        let value = match level {
            Level::Place | Level::SubArea => place.sub_area(&treatment)?,
            Level::District => place.district(&treatment)?,
        };
        leaves.clear(Group::Place, variant, value)?;
    }
    Ok(())
}

/// What a cell's leaves are made from, beside itself.
pub(super) struct Counted<'a> {
    pub(super) cell: &'a Cell,
    pub(super) kind: Kind,
    pub(super) priority: &'a str,
    pub(super) registered: Level,
    pub(super) area: &'a str,
    /// Start and end of the period, in microseconds since 1970.
    pub(super) bounds: (i64, i64),
    /// The row's receiver and purposes, and the highest level its receiver may have: the labels
    /// are the row's, so they tell nothing of what was counted.
    pub(super) receiver: &'a str,
    pub(super) purposes: &'a [&'a str],
    pub(super) level: u8,
}

/// A cell's object. It has no owner, as it is of several parties.
pub(super) fn cell(
    salt: &RoundSalt,
    object: ObjectId,
    of: &Counted<'_>,
) -> Result<Object, commit::Error> {
    let mut leaves = Leaves::of(salt, object);
    let source = Some(of.cell.source.as_str());
    let identity = content::Identity {
        category: of.cell.category.as_str(),
        observation_kind: kind_code(of.kind),
        priority: of.priority,
        owner: "",
        owner_kind: party_kind_code(PartyKind::Other),
        area: of.area,
        labels: content::Labels {
            level: of.level.into(),
            audience: &[of.receiver],
            purposes: of.purposes,
            regime: samsyn_domain::Regime::Nonpersonal.as_str(),
            secrecy_provisions: &[],
            retain_until: None,
            person_related: false,
            special_category: false,
            originator_control: true,
            embargo_until: None,
            onward_sharing: false,
        },
        geography: level_code(of.registered),
    };
    leaves.clear(Group::Identity, Variant::Exact, identity.cell()?)?;
    let place = content::Place { place: None, sub_area: None, area: of.area, coordinates: None };
    leaves.clear(Group::Place, Variant::Exact, place.exact()?)?;
    let (starts, ends) = of.bounds;
    leaves.clear(Group::Time, Variant::Exact, content::time(starts, ends))?;
    let exact = content::counts(Some(of.cell.count.into()), source)?;
    leaves.clear(Group::Counts, Variant::Exact, exact)?;
    if counts_variant(of.cell) == Variant::First {
        let below = i64::from(BELOW);
        let treatment = Treatment {
            profile: PROFILE,
            method: SMALL,
            parameters: &[("below", below)],
            bound: None,
        };
        let band = content::counts_band(1, below, source, &treatment)?;
        leaves.clear(Group::Counts, Variant::First, band)?;
    }
    leaves.finish(What::Cell(of.cell.clone()), None)
}

/// The variant in which a cell's count is shown: small ones as a band.
pub(super) const fn counts_variant(cell: &Cell) -> Variant {
    match cell.amount() {
        samsyn_domain::merge::Amount::Exact(_) => Variant::Exact,
        samsyn_domain::merge::Amount::Below(_) => Variant::First,
    }
}

/// The position of a field group in the variant that a release row gives.
pub(super) const fn position(group: FieldGroup, shown: Shown) -> Position {
    let variant = match (group, shown) {
        (FieldGroup::Place, Shown::SubArea) => Variant::First,
        (FieldGroup::Place, Shown::District) => Variant::Second,
        (_, Shown::Exact | Shown::SubArea | Shown::District) => Variant::Exact,
    };
    Position::new(group_of(group), variant)
}

/// The exact variant of a group.
pub(super) const fn exact(group: FieldGroup) -> Position {
    position(group, Shown::Exact)
}

const fn group_of(group: FieldGroup) -> Group {
    match group {
        FieldGroup::Identity => Group::Identity,
        FieldGroup::Place => Group::Place,
        FieldGroup::Time => Group::Time,
        FieldGroup::Counts => Group::Counts,
        FieldGroup::Assessment => Group::Assessment,
        FieldGroup::Text => Group::Text,
        FieldGroup::Provenance => Group::Provenance,
    }
}

/// The code of a level on the protocol page.
pub(super) const fn level_code(level: Level) -> i64 {
    match level {
        Level::Place => 1,
        Level::SubArea => 2,
        Level::District => 3,
    }
}

const fn kind_code(kind: Kind) -> i64 {
    match kind {
        Kind::ReportedCrime => 1,
        Kind::ObservedDisorder => 2,
        Kind::PerceivedInsecurity => 3,
        Kind::Environment => 4,
        Kind::SystemThreat => 5,
    }
}

const fn party_kind_code(kind: PartyKind) -> i64 {
    match kind {
        PartyKind::Municipal => 1,
        PartyKind::Police => 2,
        PartyKind::Other => 3,
    }
}
