use samsyn_domain::registry::FieldGroup;
use samsyn_proto::v1;

use super::{
    super::{Digest, Pinned, Rejected, Reviewed, Step, hash::keyed, review},
    Tree, bytes, digest, list, number, vectors,
};

/// All that an endorser is given of the sample edition.
struct Given {
    pinned: Pinned,
    descriptor: Vec<u8>,
    round_salt: Digest,
    basis: Vec<u8>,
    basis_salt: Digest,
    openings: Vec<v1::Opening>,
}

impl Given {
    fn new() -> Self {
        let vectors = vectors();
        let descriptor = &vectors["statements"]["descriptor"];
        let basis = &vectors["statements"]["basis"];
        let openings = list(&vectors["objects"]).iter().flat_map(|object| {
            list(&object["leaves"]).iter().map(|leaf| v1::Opening {
                object_id: bytes(&object["object"]),
                position: u32::try_from(number(&leaf["position"])).unwrap(),
                salt: bytes(&leaf["salt"]),
                canonical: bytes(&leaf["canonical"]),
            })
        });
        Self {
            pinned: Pinned { descriptor: digest(&descriptor["digest"]) },
            descriptor: bytes(&descriptor["envelope"]["payload"]),
            round_salt: digest(&vectors["trees"]["round_salt"]),
            basis: bytes(&basis["canonical"]),
            basis_salt: digest(&basis["salt"]),
            openings: openings.collect(),
        }
    }

    fn review(&self) -> Result<Reviewed, Rejected> {
        let (salt, basis_salt) = (&self.round_salt, &self.basis_salt);
        let openings = &self.openings;
        review(&self.pinned, &self.descriptor, salt, &self.basis, basis_salt, openings)
    }

    fn step(&self) -> Step {
        self.review().unwrap_err().step()
    }

    /// Changes the value of a leaf of the first object.
    fn change(&mut self, position: u32, change: impl FnOnce(&mut Tree)) {
        let opening = self.openings.iter_mut().find(|one| one.position == position).unwrap();
        let mut leaf = Tree::decode(&opening.canonical).unwrap();
        change(leaf.field(3));
        opening.canonical = leaf.encode();
    }

    /// Adds a leaf to the first object, salted as a clear one.
    fn add(&mut self, position: u8, value: &Tree) {
        let object_id = self.openings[0].object_id.clone();
        let salt = keyed(&self.round_salt, &[b"salt", &object_id, &[position]]).to_vec();
        let number = i64::from(position);
        let fields =
            [(1, Tree::Bytes(object_id.clone())), (2, Tree::I64(number)), (3, value.clone())];
        let canonical = Tree::Message(fields.to_vec()).encode();
        self.openings.push(v1::Opening { object_id, position: position.into(), salt, canonical });
    }
}

#[test]
fn the_content_root_is_made_anew_from_the_whole_content() {
    let vectors = vectors();
    let mut given = Given::new();
    let reviewed = given.review().unwrap();
    assert_eq!(reviewed.content_root, digest(&vectors["proof"]["content_root"]));
    assert_eq!(reviewed.basis_commitment, digest(&vectors["statements"]["basis"]["commitment"]));
    assert_eq!((reviewed.objects.len(), reviewed.basis.revision), (4, 41));
    assert_eq!(reviewed.objects[1].coarser_places.len(), 2);
    assert_eq!(reviewed.objects[1].protected_counts.len(), 2);
    given.openings.reverse();
    assert_eq!(given.review().unwrap(), reviewed);
}

#[test]
fn every_change_of_content_changes_the_root_or_is_refused() {
    let root = Given::new().review().unwrap().content_root;
    for at in 0..Given::new().openings.len() {
        let mut given = Given::new();
        given.openings[at].salt[0] ^= 1;
        assert!(given.review().map_or(true, |reviewed| reviewed.content_root != root), "{at}");
        let mut given = Given::new();
        given.openings.remove(at);
        assert!(given.review().map_or(true, |reviewed| reviewed.content_root != root), "{at}");
    }
}

#[test]
fn what_the_endorser_cannot_make_again_is_refused() {
    let mut other = Given::new();
    other.pinned.descriptor[3] ^= 1;
    assert_eq!(other.step(), Step::Descriptor);
    let mut twice = Given::new();
    twice.openings.push(twice.openings[0].clone());
    assert_eq!(twice.step(), Step::Openings);
    let mut salted = Given::new();
    salted.openings[0].salt[0] ^= 1;
    assert_eq!(salted.step(), Step::Openings);
    let mut sealed = Given::new();
    let text = sealed.openings.iter_mut().find(|one| one.position == 20).unwrap();
    text.salt[0] ^= 1;
    assert!(sealed.review().is_ok());
    let mut unbased = Given::new();
    unbased.basis.push(0);
    assert_eq!(unbased.step(), Step::Basis);
    let mut unnamed = Given::new();
    unnamed.openings.remove(0);
    assert_eq!(unnamed.step(), Step::Openings);
}

#[test]
fn a_variant_that_does_not_fit_the_published_value_is_refused() {
    let refused = |position: u32, change: fn(&mut Tree)| {
        let mut given = Given::new();
        given.change(position, change);
        let rejected = given.review().unwrap_err();
        (rejected.step(), rejected.group().unwrap())
    };
    let (place, counts) = ((Step::Values, FieldGroup::Place), (Step::Values, FieldGroup::Counts));
    assert_eq!(refused(5, |value| *value.field(2) = Tree::Text("sköndal".to_owned())), place);
    assert_eq!(refused(6, |value| *value.field(3) = Tree::Text("vantor".to_owned())), place);
    assert_eq!(refused(13, |value| *value.field(4) = Tree::I64(7)), counts);
    assert_eq!(refused(13, |value| *value.field(2) = Tree::Text("other".to_owned())), counts);
    let mut given = Given::new();
    let perturbed = |count: i64, bound: i64| {
        let treatment = [
            (1, Tree::Text("demo-1".to_owned())),
            (2, Tree::Text("perturb".to_owned())),
            (3, Tree::List(Vec::new())),
            (4, Tree::I64(bound)),
        ];
        let source = Tree::Text("rounds".to_owned());
        let treatment = Tree::Message(treatment.to_vec());
        Tree::Message(vec![(1, Tree::I64(count)), (2, source), (15, treatment)])
    };
    given.openings.retain(|opening| opening.position != 14);
    given.add(14, &perturbed(5, 2));
    assert!(given.review().is_ok());
    given.openings.pop();
    given.add(14, &perturbed(5, 1));
    assert_eq!(given.step(), Step::Values);
}
