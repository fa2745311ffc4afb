//! The review: all that an endorser's own client needs to rebuild the content root.

use samsyn_domain::{
    EditionId, Labels,
    commit::{
        object::{Leaf, ObjectId},
        position::Position,
    },
    disclosure::Object,
};

use super::{broken, content::Content, kept::Reopened, object::Object as Contributed};
use crate::{Denial, Egress, Masked, Opening, Projection, ReviewView, Why};

impl Egress<'_> {
    /// What rebuilds the content root of an edition's current round, `size` leaves a page from the
    /// leaf `from` on: for those who speak for a party that must answer it, in the role in which
    /// it must. Over a link the other domain sees to the role, and all or nothing may cross.
    ///
    /// # Errors
    /// When the reader may not know of the edition or need not answer it, or when its content
    /// cannot be made again.
    pub fn review(
        &self,
        id: &EditionId,
        from: usize,
        size: usize,
    ) -> Result<Projection<ReviewView>, Denial> {
        let (edition, rights) = self.reachable(id)?;
        let mut required = self.state.required(edition).into_iter();
        let endorses = self.masked(&edition.area) == Masked::Signatory
            && required.any(|endorser| {
                self.reader.parties().contains(&endorser.party)
                    && (self.reader.is_over_link() || self.reader.roles().contains(&endorser.role))
            });
        if !endorses {
            return Err(Denial::of(Why::NotAllowed).by("POL-43").at("edition_id"));
        }
        let missing = || Denial::of(Why::NotFound).at("edition_id");
        let round = edition.current().ok_or_else(missing)?;
        let reopened = self.reopened(edition, round)?;
        let Reopened { content, basis_salt } = &*reopened;
        let contributed = content.objects.values().filter_map(Contributed::labels);
        let labels = contributed.chain(std::iter::once(&round.locked.analysis_labels));
        let labels = Labels::derived(labels);
        let level = labels.as_ref().map(|labels| labels.level.level());
        if rights.ceiling.is_some_and(|ceiling| level > Some(ceiling)) {
            return Err(Denial::of(Why::AboveCeiling).by("POL-57").at("edition_id"));
        }
        let basis = content.basis().encode().map_err(|error| broken(&error.into()))?;
        let size = size.max(1);
        let mut leaves = leaves(content).skip(from);
        let openings: Vec<Opening> = leaves.by_ref().take(size).map(opening).collect();
        let next = leaves.next().and_then(|_| u64::try_from(from.saturating_add(size)).ok());
        let shown = format!("{id} {} {from}", round.number);
        let rows = openings.len();
        let object = Object::Review(id.clone());
        let revision = round.locked.revision;
        let record = self.disclosure(&rights, object, revision, rows, shown.as_bytes());
        let view = ReviewView {
            round: round.number,
            descriptor: content.signed.envelope.payload.clone(),
            round_salt: *content.salt.as_bytes(),
            basis,
            basis_salt: *basis_salt.as_bytes(),
            openings,
            next,
            labels,
        };
        Ok(Projection::new(view, vec![record]))
    }
}

/// Every leaf of an edition, by object and position.
fn leaves(content: &Content) -> impl Iterator<Item = (ObjectId, Position, &Leaf)> {
    content.objects.iter().flat_map(|(id, object)| {
        object.leaves.iter().map(|(position, leaf)| (*id, *position, leaf))
    })
}

fn opening((object, position, leaf): (ObjectId, Position, &Leaf)) -> Opening {
    Opening {
        object: *object.as_bytes(),
        position: position.index(),
        salt: leaf.salt().as_bytes().to_vec(),
        canonical: leaf.canonical().to_vec(),
    }
}
