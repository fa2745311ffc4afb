use super::{
    super::{
        canonical::Malformed,
        envelope::PublicKey,
        form::{self, Position},
        object::ObjectKind,
        statement::{Descriptor, Manifest},
    },
    Tree, bytes, list, number, vectors,
};

/// A value of the test vectors.
fn value(kind: usize, position: u8) -> Tree {
    let vectors = vectors();
    let mut contents = list(&vectors["contents"]).iter();
    let found = contents.find(|one| {
        (number(&one["kind"]), number(&one["position"])) == (kind, usize::from(position))
    });
    Tree::of_fields(&found.unwrap()["fields"])
}

fn read(kind: ObjectKind, position: u8, value: &Tree) -> Result<form::Leaf, Malformed> {
    let number = Tree::I64(position.into());
    let fields = [(1, Tree::Bytes(vec![7; 16])), (2, number), (3, value.clone())];
    let position = Position::of(position).unwrap();
    let known = (position != Position::IDENTITY).then_some(kind);
    form::leaf(&Tree::Message(fields.to_vec()).encode(), position, known)
}

#[test]
fn a_band_holds_at_least_one_number() {
    let mut band = value(1, 13);
    let lower = band.field(3).clone();
    *band.field(4) = lower;
    assert_eq!(read(ObjectKind::Cell, 13, &band).unwrap_err(), Malformed::Range(4));
}

#[test]
fn a_place_needs_its_sub_area_and_a_latitude_its_longitude() {
    for (left_out, missing) in [(2, 2), (4, 4), (5, 5)] {
        let Tree::Message(mut fields) = value(1, 4) else { panic!("no message") };
        fields.retain(|(number, _)| *number != left_out);
        let place = Tree::Message(fields);
        let refused = read(ObjectKind::Observation, 4, &place).unwrap_err();
        assert_eq!(refused, Malformed::Missing(missing));
    }
    let mut outside = value(1, 4);
    *outside.field(4) = Tree::I64(900_000_001);
    assert!(read(ObjectKind::Observation, 4, &outside).is_err());
    assert!(read(ObjectKind::Cell, 4, &value(1, 4)).is_err());
}

#[test]
fn an_outcome_is_one_of_its_field_and_a_dissent_has_none() {
    let mut decision = value(5, 16);
    assert!(read(ObjectKind::Decision, 16, &decision).is_ok());
    *decision.field(10) = Tree::Bool(true);
    assert!(read(ObjectKind::Decision, 16, &decision).is_err());
    *decision.field(10) = Tree::Bool(false);
    for outcome in [0, 5] {
        *decision.field(7) = Tree::I64(outcome);
        assert!(read(ObjectKind::Decision, 16, &decision).is_ok());
    }
    *decision.field(6) = Tree::Text("trend".to_owned());
    assert!(read(ObjectKind::Decision, 16, &decision).is_err());
    *decision.field(6) = Tree::Text("counts".to_owned());
    assert_eq!(read(ObjectKind::Decision, 16, &decision).unwrap_err(), Malformed::Unexpected(7));
}

#[test]
fn positions_and_kinds_without_a_form_are_refused() {
    let absent = Tree::Message(Vec::new());
    for position in [1, 7, 9, 15, 17, 21, 25, 28, 31] {
        assert!(read(ObjectKind::Observation, position, &absent).is_err(), "{position}");
    }
    assert!(read(ObjectKind::Analysis, 5, &absent).is_err());
    assert!(read(ObjectKind::Cell, 20, &value(1, 20)).is_err());
    assert!(Position::of(32).is_none());
    assert!(read(ObjectKind::Assessment, 13, &value(1, 13)).is_err());
    assert!(read(ObjectKind::Series, 16, &value(3, 16)).is_err());
    assert!(read(ObjectKind::Assessment, 16, &absent).is_err());
    let mut fact = value(3, 16);
    *fact.field(3) = Tree::I64(1);
    assert_eq!(read(ObjectKind::Assessment, 16, &fact).unwrap_err(), Malformed::Range(3));
    for kind in [ObjectKind::Series, ObjectKind::Assessment] {
        // With coordinates.
        assert!(read(kind, 4, &value(1, 4)).is_err());
    }
    for kind in [0, 7] {
        let mut identity = value(1, 0);
        *identity.field(1) = Tree::I64(kind);
        assert!(read(ObjectKind::Observation, 0, &identity).is_err(), "{kind}");
    }
}

#[test]
fn a_mask_opens_identity_and_one_variant_a_group() {
    let payload = &vectors()["statements"]["release_manifest"]["envelope"]["payload"];
    let masked = |mask: i64| {
        let mut manifest = Tree::decode(&bytes(payload)).unwrap();
        *manifest.field(6).item(0).field(2) = Tree::I64(mask);
        Manifest::read(&manifest.encode()).is_ok()
    };
    for mask in [1, 1 | 1 << 5, 1 | 1 << 6 | 1 << 27] {
        assert!(masked(mask), "{mask}");
    }
    for mask in [0, 1 << 5, 1 | 1 << 4 | 1 << 5, 1 | 1 << 28, 1 | 1 << 31, 1 << 32] {
        assert!(!masked(mask), "{mask}");
    }
}

#[test]
fn a_key_has_one_owner_and_is_no_weak_point() {
    let payload = bytes(&vectors()["statements"]["descriptor"]["envelope"]["payload"]);
    let descriptor = Tree::decode(&payload).unwrap();
    let shared = |change: fn(&mut Tree)| {
        let mut changed = descriptor.clone();
        change(&mut changed);
        Descriptor::read(&changed.encode()).unwrap_err()
    };
    let several = Malformed::Rule("one key belongs to several owners");
    let released = shared(|descriptor| {
        let key = descriptor.field(8).item(0).field(2).item(0).field(3).clone();
        *descriptor.field(9) = key;
    });
    assert_eq!(released, several);
    let doubled = shared(|descriptor| {
        let required = descriptor.field(8).item(0).field(2);
        let key = required.item(0).field(3).clone();
        *required.item(1).field(3) = key;
    });
    assert_eq!(doubled, several);
    let mut neutral = vec![0; 32];
    neutral[0] = 1;
    let key = Tree::Message(vec![(1, Tree::I64(1)), (2, Tree::Bytes(neutral))]).encode();
    let fields = super::super::canonical::Fields::of(&key, 100).unwrap();
    assert!(PublicKey::read(fields).is_err());
}
