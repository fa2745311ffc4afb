//! The content of an edition: its objects, their tree, and what rebuilds both.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use samsyn_domain::{
    AreaId, CategoryId, Labels, Level, ObservationId, PartyId, Period, Sealed, Secret, State,
    UnitKey,
    command::Digest,
    commit::{
        canonical::Message,
        content as value, endorsement,
        labels::LabelParts,
        object::{ObjectId, ObjectKind},
        position::{Group, Variant},
        reader::Fields,
        salt::{RoundSalt, Salt},
        tree::{self, Tree},
    },
    edition::{Edition, Round},
    registry::{Registry, Track},
    row::Stage,
};

use super::{
    Unmade, basis,
    cell::{self, Cell},
    decision,
    object::{self, Leaves, Object, What},
};
use crate::Known;

const SALT: u16 = 1;
const BASIS_SALT: u16 = 2;
const ANALYSIS: u16 = 3;
const CELLS: u16 = 4;

/// What an edition is of.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The registry that it rests on: that of its lock, whatever has changed since.
    pub registry: &'a Registry,
    /// The area.
    pub area: &'a AreaId,
    /// The period.
    pub period: Period,
    /// The track, which says who must endorse.
    pub track: Track,
    /// The area's revision at which it is made.
    pub revision: u64,
}

/// The joint analysis (gemensam analys).
#[derive(Clone, Copy)]
pub struct Analysis<'a> {
    /// What it says, in NFC; may be empty.
    pub text: &'a str,
    /// Who may have it.
    pub labels: &'a Labels,
    /// The unit of erasure under which the round's secrets are sealed. Its key must exist.
    pub unit: &'a UnitKey,
}

impl fmt::Debug for Analysis<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("analysis")
    }
}

/// Everything that an edition commits to in one round.
pub struct Content {
    pub(super) signed: basis::Signed,
    pub(super) objects: BTreeMap<ObjectId, Object>,
    pub(super) tree: Tree,
    pub(super) salt: RoundSalt,
    pub(super) analysis: String,
    basis: endorsement::Basis,
    left_out: Vec<(PartyId, ObservationId)>,
    cells: Vec<Cell>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "edition of {} objects, {:?}", self.objects.len(), self.tree.root())
    }
}

/// Makes the content of an edition from state at a revision: the same from the same, whatever the
/// order in which it came. `salt` must be drawn anew for every lock.
///
/// # Errors
/// When the agreement has no fitting descriptor, the objects do not fit in the tree, policy has
/// not decided what [`undecided`](super::undecided) names, or a data key is missing.
pub fn content(
    state: &State,
    known: &dyn Known,
    frame: Frame<'_>,
    salt: &RoundSalt,
    analysis: Analysis<'_>,
) -> Result<Content, Unmade> {
    if !basis::is_shared(state, &frame, analysis.labels) {
        return Err(Unmade::AnalysisWithheld);
    }
    let observed = basis::observed(state, &frame);
    if !basis::is_complete(state, &frame, &observed) {
        return Err(Unmade::BasisIncomplete);
    }
    let cells = cell::of_basis(state, &frame, &observed.included)?;
    Making { state, known, frame, salt }.content(analysis, observed, cells)
}

impl Content {
    /// The content root: what the parties endorse.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.tree.root().0
    }

    /// What it was made from.
    #[must_use]
    pub const fn basis(&self) -> &endorsement::Basis {
        &self.basis
    }

    /// How many objects it holds.
    #[must_use]
    pub fn objects(&self) -> u32 {
        u32::try_from(self.objects.len()).unwrap_or(u32::MAX)
    }

    /// What is not in it because a required endorser may not see it.
    #[must_use]
    pub fn left_out(&self) -> &[(PartyId, ObservationId)] {
        &self.left_out
    }

    /// The digest of the agreement's descriptor.
    ///
    /// # Errors
    /// Never for content that was made: its descriptor was read then.
    pub fn descriptor(&self) -> Result<Digest, Unmade> {
        Ok(self.signed.descriptor.digest()?.0)
    }

    /// The units of erasure under whose keys it was made; the analysis has that of the lock.
    pub(super) fn units(&self) -> BTreeSet<UnitKey> {
        self.objects.values().filter_map(|object| object.unit.clone()).collect()
    }

    /// About how many bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.objects.values().map(Object::bytes).sum()
    }

    /// What the lock keeps under seal: all that [`Egress::edition`](crate::Egress::edition) needs,
    /// beside state, to make the content again. Cells are kept as they were made, so that a later
    /// policy changes nothing in an edition.
    #[must_use]
    pub fn secrets(&self, basis_salt: &Salt) -> Message {
        Message::new()
            .with(SALT, self.salt.as_bytes().as_slice())
            .with(BASIS_SALT, basis_salt.as_bytes().as_slice())
            .with(ANALYSIS, self.analysis.as_str())
            .with(CELLS, cell::kept(&self.cells))
    }

    /// Makes the content of a round again, with the salt of its basis.
    pub(super) fn reopened(
        state: &State,
        known: &dyn Known,
        edition: &Edition,
        round: &Round,
    ) -> Result<(Self, Salt), Unmade> {
        let locked = &round.locked;
        let kept = known.open_message(&locked.secrets).ok_or(Unmade::KeyMissing)?;
        let mut fields = Fields::of(kept);
        let salt = RoundSalt::new(fields.take_array(SALT)?);
        let basis_salt = Salt::new(fields.take_array(BASIS_SALT)?);
        let text = fields.take_text(ANALYSIS)?;
        let cells = fields.take_messages(CELLS)?.into_iter().map(Cell::from_message);
        let cells = cells.collect::<Result<_, _>>()?;
        fields.finish()?;
        let frame = Frame { revision: locked.revision, ..Frame::of(state, edition) };
        let analysis =
            Analysis { text: &text, labels: &locked.analysis_labels, unit: &locked.secrets.key };
        let observed = basis::observed(state, &frame);
        let content =
            Making { state, known, frame, salt: &salt }.content(analysis, observed, cells)?;
        if content.root() == locked.root {
            Ok((content, basis_salt))
        } else {
            Err(Unmade::RootDiffers)
        }
    }
}

impl<'a> Frame<'a> {
    /// An edition's, before any revision.
    pub(super) fn of(state: &'a State, edition: &'a Edition) -> Self {
        Self {
            registry: state.registry_of(edition),
            area: &edition.area,
            period: edition.period,
            track: edition.track,
            revision: 0,
        }
    }
}

struct Making<'a> {
    state: &'a State,
    known: &'a dyn Known,
    frame: Frame<'a>,
    salt: &'a RoundSalt,
}

impl Making<'_> {
    fn content(
        &self,
        analysis: Analysis<'_>,
        observed: basis::Observed<'_>,
        cells: Vec<Cell>,
    ) -> Result<Content, Unmade> {
        let Self { state, known, frame, salt } = self;
        let signed = basis::descriptor(state, frame.registry, frame.area, frame.track)?;
        let mut included = Vec::with_capacity(observed.included.len());
        let mut objects = Vec::new();
        for stage in observed.included {
            let kind = stage.form().into();
            let id = self.id(kind, stage.party.as_str(), stage.id.as_str())?;
            included.push((id, stage));
            objects.push((id, self.contribution(id, stage)?));
        }
        let decisions = decision::of_basis(state, *known, frame, salt, &included)?;
        let basis = basis::committed(state, frame, decisions.iter().map(|(id, _)| *id).collect());
        objects.extend(decisions);
        for cell in &cells {
            let id = self.id(ObjectKind::Cell, "", &cell.name(frame))?;
            objects.push((id, self.cell(id, cell)?));
        }
        objects.push(self.analysis(analysis)?);
        let roots = objects.iter().map(|(id, object)| (*id, object.tree.root())).collect();
        let tree = Tree::build(signed.descriptor.depth, salt, roots).map_err(|refusal| {
            if let tree::Refusal::Full { objects, limit } = refusal {
                Unmade::TooManyObjects { objects, limit }
            } else {
                Unmade::NotWhole
            }
        })?;
        Ok(Content {
            signed,
            objects: objects.into_iter().collect(),
            tree,
            salt: (*salt).clone(),
            analysis: analysis.text.to_owned(),
            basis,
            left_out: observed.left_out,
            cells,
        })
    }

    fn id(&self, kind: ObjectKind, owner: &str, name: &str) -> Result<ObjectId, Unmade> {
        let key = self.known.reference_key();
        Ok(key.object_id(kind, owner, self.frame.area.as_str(), name)?)
    }

    fn contribution(&self, id: ObjectId, stage: &Stage) -> Result<Object, Unmade> {
        let registry = self.frame.registry;
        let observation = stage.observation.as_deref().ok_or(Unmade::NotWhole)?;
        let owner = registry.party(&stage.party).ok_or(Unmade::NotWhole)?;
        let picture = self.state.picture(&stage.party, &stage.area);
        let version = picture.at(stage.version).ok_or(Unmade::NotWhole)?;
        let of = object::Contributed {
            observation,
            owner_kind: owner.kind,
            registered: registered(registry, &observation.content.category),
            service: &version.service,
            manifest: version.manifest.as_deref(),
            secret: opened(self.known, observation.sealed.as_ref())?,
        };
        object::contribution(self.salt, id, stage, &of)
    }

    fn cell(&self, id: ObjectId, cell: &Cell) -> Result<Object, Unmade> {
        let registry = self.frame.registry;
        let row = registry.release_row(&cell.row).ok_or(Unmade::NotWhole)?;
        let receiver = registry.organisation(&row.receiver).ok_or(Unmade::NotWhole)?;
        let category = registry.category(&cell.category).ok_or(Unmade::NotWhole)?;
        let purposes: Vec<&str> = row.purposes.iter().map(|purpose| purpose.as_str()).collect();
        let (starts, ends) = self.frame.period.bounds();
        let of = object::Counted {
            cell,
            kind: category.kind,
            priority: category.priority.as_str(),
            registered: category.geography,
            area: self.frame.area.as_str(),
            bounds: (starts.micros(), ends.micros()),
            receiver: receiver.id.as_str(),
            purposes: &purposes,
            level: receiver.clearance,
        };
        Ok(object::cell(self.salt, id, &of)?)
    }

    fn analysis(&self, analysis: Analysis<'_>) -> Result<(ObjectId, Object), Unmade> {
        let period = self.frame.period.to_string();
        let id = self.id(ObjectKind::Analysis, "", &format!("analysis:{period}"))?;
        let labels = LabelParts::of(analysis.labels);
        let area = self.frame.area.as_str();
        let identity =
            value::AnalysisIdentity { area, period: &period, labels: labels.committed() };
        let mut leaves = Leaves::of(self.salt, id);
        leaves.clear(Group::Identity, Variant::Exact, identity.value()?)?;
        let key = self.known.unit_key(analysis.unit).ok_or(Unmade::KeyMissing)?;
        let text = Some(analysis.text).filter(|text| !text.is_empty());
        leaves.sealed(Group::Text, Some(&key), value::text(text))?;
        Ok((id, leaves.finish(What::Analysis, Some(analysis.unit))?))
    }
}

/// How fine the findings of a category are at the finest.
pub(super) fn registered(registry: &Registry, category: &CategoryId) -> Level {
    registry.category(category).map_or(Level::District, |category| category.geography)
}

/// What stands under a seal, with the key of its unit; none when nothing is sealed.
pub(super) fn opened(
    known: &dyn Known,
    sealed: Option<&Sealed>,
) -> Result<Option<(Secret, [u8; 32])>, Unmade> {
    let Some(sealed) = sealed else { return Ok(None) };
    let secret = known.open(sealed).ok_or(Unmade::KeyMissing)?;
    let key = known.unit_key(&sealed.key).ok_or(Unmade::KeyMissing)?;
    Ok(Some((secret, key)))
}
