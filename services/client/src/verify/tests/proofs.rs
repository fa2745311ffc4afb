use std::thread;

use samsyn_domain::registry::FieldGroup;

use super::{
    super::{
        Pinned, Rejected, Verified,
        proof::{Agreed, Outer, Rules},
        rejected::Step,
    },
    Sample, Signed, Tree, bytes, vectors,
};

/// A verification that checks the signatures of the descriptor and of the endorsements only when
/// their bytes differ from those that were checked, so that a change of every bit can be tried.
struct Checked<'a> {
    original: &'a Outer<'a>,
    rules: Rules,
    agreed: Agreed,
    pinned: Pinned,
}

impl Checked<'_> {
    fn proof(&self, bytes: &[u8]) -> Result<Verified, Rejected> {
        let outer = Outer::read(bytes)?;
        let known = outer.descriptor == self.original.descriptor;
        if known && outer.endorsements == self.original.endorsements {
            return self.agreed.clone().opens(&outer);
        }
        let rules = if known { self.rules.clone() } else { Rules::of(&outer, &self.pinned)? };
        Agreed::of(&outer, rules)?.opens(&outer)
    }
}

#[test]
fn no_proof_with_a_flipped_bit_is_accepted() {
    let (sample, whole) = (Sample::new(), bytes(&vectors()["proof"]["encoded"]));
    let original = Outer::read(&whole).unwrap();
    let rules = Rules::of(&original, &sample.pinned).unwrap();
    let agreed = Agreed::of(&original, rules.clone()).unwrap();
    let checked = Checked { original: &original, rules, agreed, pinned: sample.pinned };
    checked.proof(&whole).unwrap();
    let tried: usize = thread::scope(|scope| {
        let tasks: Vec<_> = (0..2)
            .map(|half| {
                let (checked, whole) = (&checked, &whole);
                scope.spawn(move || flip(checked, whole, half))
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum()
    });
    assert_eq!(tried, whole.len() * 8);
}

fn flip(checked: &Checked<'_>, whole: &[u8], half: usize) -> usize {
    let mut flipped = whole.to_vec();
    let mut tried = 0;
    for at in (half..whole.len()).step_by(2) {
        for bit in 0..8 {
            flipped[at] ^= 1 << bit;
            assert!(checked.proof(&flipped).is_err(), "byte {at}, bit {bit}");
            flipped[at] ^= 1 << bit;
            tried += 1;
        }
    }
    tried
}

#[test]
fn no_proof_that_is_cut_short_or_drawn_out_is_accepted() {
    let (sample, whole) = (Sample::new(), bytes(&vectors()["proof"]["encoded"]));
    for length in 0..whole.len() {
        assert!(Outer::read(&whole[..length]).is_err(), "{length}");
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(super::proof(&longer, &sample.pinned).unwrap_err().step(), Step::Bytes);
}

#[test]
fn another_pinned_descriptor_is_refused_in_step_1() {
    let mut sample = Sample::new();
    sample.pinned.descriptor[0] ^= 1;
    assert_eq!(sample.step(), Step::Descriptor);
    let mut unsigned = Sample::new();
    unsigned.proof.field(1).field(3).items().pop();
    assert_eq!(unsigned.step(), Step::Descriptor);
}

#[test]
fn endorsements_that_are_missing_objecting_or_of_other_content_are_refused_in_step_2() {
    let mut missing = Sample::new();
    missing.proof.field(2).items().pop();
    assert_eq!(missing.step(), Step::Endorsements);
    let mut nobody = Sample::new();
    nobody.proof.field(2).items().clear();
    assert_eq!(nobody.step(), Step::Endorsements);
    let mut objects = Sample::new();
    objects.change(Signed::Endorsement(0), |payload| *payload.field(15) = Tree::I64(3));
    assert_eq!(objects.step(), Step::Endorsements);
    assert!(objects.verify().unwrap_err().to_string().ends_with("endorse objects"));
    for (number, value) in [(7, Tree::I64(9)), (5, Tree::Text("vantor".into()))] {
        let mut other = Sample::new();
        other.change(Signed::Endorsement(0), |payload| *payload.field(number) = value);
        assert_eq!(other.step(), Step::Endorsements);
    }
    for (number, value) in [(2, Tree::Text("x".into())), (8, Tree::Text("strategic".into()))] {
        let mut both = Sample::new();
        both.change_endorsements(|payload| *payload.field(number) = value.clone());
        assert_eq!(both.step(), Step::Endorsements, "field {number}");
    }
    let mut stranger = Sample::new();
    stranger.change(Signed::Endorsement(0), |payload| {
        *payload.field(13) = Tree::Text("vantor".into());
    });
    assert_eq!(stranger.step(), Step::Endorsements);
    let mut reserved = Sample::new();
    reserved.change(Signed::Endorsement(0), |payload| *payload.field(15) = Tree::I64(2));
    reserved.verify().unwrap();
}

#[test]
fn signatures_that_do_not_verify_are_refused_in_their_step() {
    let spoil = |envelope: &mut Tree| envelope.field(3).item(0).field(2).bytes()[40] ^= 1;
    let mut descriptor = Sample::new();
    spoil(descriptor.proof.field(1));
    assert_eq!(descriptor.step(), Step::Descriptor);
    let mut endorsement = Sample::new();
    spoil(endorsement.envelope(Signed::Endorsement(1)));
    assert_eq!(endorsement.step(), Step::Endorsements);
    let mut manifest = Sample::new();
    spoil(manifest.envelope(Signed::Manifest));
    assert_eq!(manifest.step(), Step::Manifest);
}

#[test]
fn two_variants_of_a_group_are_refused_in_step_6() {
    let mut sample = Sample::new();
    let vectors = vectors();
    let leaves = super::list(&vectors["objects"][0]["leaves"]);
    let leaf = leaves.iter().find(|leaf| leaf["position"] == 6).unwrap();
    let district = Tree::Message(vec![
        (1, Tree::I64(6)),
        (2, Tree::Bytes(bytes(&leaf["salt"]))),
        (3, Tree::Bytes(bytes(&leaf["canonical"]))),
    ]);
    sample.object(2).field(2).items().insert(2, district);
    let rejected = sample.verify().unwrap_err();
    assert_eq!((rejected.step(), rejected.object()), (Step::Values, Some(3)));
    assert_eq!(rejected.group(), Some(FieldGroup::Place));
}

#[test]
fn leaves_of_another_position_or_object_are_refused_in_step_3() {
    let mut moved = Sample::new();
    *moved.object(0).field(2).item(1).field(1) = Tree::I64(21);
    let rejected = moved.verify().unwrap_err();
    assert_eq!((rejected.step(), rejected.object()), (Step::Openings, Some(1)));
    assert_eq!(rejected.group(), Some(FieldGroup::Text));
    let mut unnamed = Sample::new();
    unnamed.object(1).field(2).items().remove(0);
    assert_eq!(unnamed.verify().unwrap_err().object(), Some(2));
    let mut foreign = Sample::new();
    let leaf = foreign.object(0).field(2).item(0).clone();
    *foreign.object(2).field(2).item(0) = leaf;
    assert_eq!(foreign.step(), Step::Openings);
    let mut mixed = Sample::new();
    let assessment = mixed.object(3).field(2).item(4).clone();
    *mixed.object(2).field(2).item(4) = assessment;
    let rejected = mixed.verify().unwrap_err();
    assert_eq!((rejected.step(), rejected.object()), (Step::Openings, Some(3)));
    assert!(rejected.to_string().ends_with("of another object"), "{rejected}");
    let mut twice = Sample::new();
    let opened = twice.object(0).field(2).clone();
    *twice.object(3).field(2) = opened;
    assert_eq!(twice.step(), Step::Openings);
}

#[test]
fn siblings_and_slots_that_do_not_lead_to_the_root_are_refused_in_step_4() {
    for number in [3, 4] {
        let mut missing = Sample::new();
        let row = missing.object(1).field(number).bytes();
        row.truncate(row.len() - 32);
        assert_eq!(missing.step(), Step::Root, "field {number}");
        let mut left_over = Sample::new();
        left_over.object(1).field(number).bytes().extend([0; 32]);
        assert_eq!(left_over.step(), Step::Root, "field {number}");
        let mut torn = Sample::new();
        torn.object(1).field(number).bytes().push(0);
        assert_eq!(torn.step(), Step::Root, "field {number}");
    }
    let mut swapped = Sample::new();
    let (first, second) = (swapped.object(0).field(1).clone(), swapped.object(1).field(1).clone());
    *swapped.object(0).field(1) = second;
    *swapped.object(1).field(1) = first;
    assert_eq!(swapped.step(), Step::Root);
    let mut disordered = Sample::new();
    disordered.proof.field(4).items().swap(0, 1);
    assert_eq!(disordered.step(), Step::Root);
    let mut outside = Sample::new();
    *outside.object(3).field(1) = Tree::I64(16);
    assert_eq!(outside.step(), Step::Root);
    let mut other = Sample::new();
    other.change_endorsements(|payload| *payload.field(11) = Tree::Bytes(vec![1; 32]));
    assert_eq!(other.step(), Step::Root);
}

#[test]
fn what_the_gateway_did_not_sign_is_refused_in_step_5() {
    let mut fewer = Sample::new();
    fewer.proof.field(4).items().pop();
    assert_eq!(fewer.step(), Step::Manifest);
    let mut wider = Sample::new();
    wider.change(Signed::Manifest, |payload| *payload.field(6).item(0).field(2) = Tree::I64(1));
    assert_eq!(wider.step(), Step::Manifest);
    let mut older = Sample::new();
    older.change(Signed::Manifest, |payload| *payload.field(2) = Tree::I64(1));
    assert_eq!(older.step(), Step::Manifest);
    let mut newer = Sample::new();
    newer.change(Signed::Manifest, |payload| *payload.field(5) = Tree::I64(77));
    assert_eq!(newer.verify().unwrap().sequence, 77);
}

#[test]
fn messages_name_step_object_and_group_in_one_sentence() {
    let mut moved = Sample::new();
    *moved.object(0).field(2).item(1).field(1) = Tree::I64(21);
    assert_eq!(
        moved.verify().unwrap_err().to_string(),
        "refused in step 3 (openings), object 1, group `text`: the leaf is of another position \
         than it is opened under"
    );
}
