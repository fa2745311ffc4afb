use std::collections::BTreeMap;

use samsyn_domain::{
    AreaId, EditionId, PartyId, Timestamp,
    edition::Verdict,
    registry::{Role, Track},
};

use super::{
    super::{
        Controlled, EndorsementToSign, Pinned, Reviewed, Step,
        canonical::{BYTES_MAX, Fields, Malformed},
        endorsement_payload,
        envelope::{Envelope, Payload},
        form::{self, Position},
        hash::{self, Digest, keyed},
        object::ObjectKind,
        proof, reservation_commitment, sign,
        statement::{Basis, Descriptor, Endorsement, Manifest},
        tree,
    },
    Tree, bytes, digest, key_id, list, number, vectors,
};

#[test]
fn canonical_messages_are_read_and_written_alike() {
    for vector in list(&vectors()["canonical"]) {
        let encoded = bytes(&vector["encoded"]);
        let value = Tree::of_fields(&vector["fields"]);
        assert_eq!(Tree::decode(&encoded).unwrap(), value, "{}", vector["name"]);
        assert_eq!(value.encode(), encoded, "{}", vector["name"]);
    }
}

#[test]
fn what_is_not_canonical_is_refused() {
    let vectors = vectors();
    for vector in list(&vectors["refused"]) {
        assert!(Tree::decode(&bytes(&vector["encoded"])).is_err(), "{}", vector["name"]);
    }
    let at = |name: &str| {
        let vector = list(&vectors["refused"]).iter().find(|vector| vector["name"] == name);
        Tree::decode(&bytes(&vector.unwrap()["encoded"])).unwrap_err()
    };
    assert_eq!(at("nine deep"), Malformed::Deep);
    assert_eq!(at("bool of 2"), Malformed::Bool);
    assert_eq!(at("field repeated"), Malformed::Unexpected(1));
}

#[test]
fn sets_are_in_order_and_hold_nothing_twice() {
    let read = |texts: &[&str]| {
        let texts = texts.iter().map(|text| Tree::Text((*text).to_owned())).collect();
        let encoded = Tree::Message(vec![(1, Tree::List(texts))]).encode();
        Fields::of(&encoded, BYTES_MAX).unwrap().texts(1)
    };
    assert_eq!(read(&["a", "c", "bb"]).unwrap(), ["a", "c", "bb"]);
    assert_eq!(read(&["bb", "a"]), Err(Malformed::Order));
    assert_eq!(read(&["a", "a"]), Err(Malformed::Order));
}

#[test]
fn keyed_hashes_agree() {
    let keyed_vectors = &vectors()["keyed"];
    let round: Digest = digest(&keyed_vectors["round_salt"]);
    let unit: Digest = digest(&keyed_vectors["unit_key"]);
    for vector in list(&keyed_vectors["positions"]) {
        let object: [u8; 16] = digest(&vector["object"]);
        let position = [u8::try_from(number(&vector["position"])).unwrap()];
        let salt = keyed(&round, &[b"salt", &object, &position]);
        assert_eq!(salt, digest(&vector["clear_salt"]));
        let salt = keyed(&unit, &[b"salt", &round, &object, &position]);
        assert_eq!(salt, digest(&vector["sealed_salt"]));
        assert_eq!(keyed(&round, &[b"dummy", &object, &position]), digest(&vector["dummy"]));
    }
    for vector in list(&keyed_vectors["empties"]) {
        let level = [u8::try_from(number(&vector["level"])).unwrap()];
        let index = u32::try_from(number(&vector["index"])).unwrap().to_be_bytes();
        assert_eq!(keyed(&round, &[b"empty", &level, &index]), digest(&vector["digest"]));
    }
    let node = &keyed_vectors["node"];
    let made = hash::node(&digest(&node["left"]), &digest(&node["right"]));
    assert_eq!(made, digest(&node["node"]));
    for vector in list(&vectors()["object_ids"]) {
        let prefixed = |name: &str| {
            let text = vector[name].as_str().unwrap();
            [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
        };
        let parts = [vec![u8::try_from(number(&vector["kind"])).unwrap()], prefixed("owner")];
        let parts = [parts.concat(), prefixed("area"), prefixed("external_id")].concat();
        let id = keyed(&digest(&vector["reference_key"]), &[&parts]);
        assert_eq!(id[..16], bytes(&vector["object"]));
    }
}

#[test]
fn every_position_that_has_a_form_is_read() {
    let vectors = vectors();
    let contents = list(&vectors["contents"]);
    assert_eq!(contents.len(), 58);
    for vector in contents {
        let value = Tree::of_fields(&vector["fields"]);
        assert_eq!(value.encode(), bytes(&vector["encoded"]));
        let position = Position::of(u8::try_from(number(&vector["position"])).unwrap()).unwrap();
        let kind = match number(&vector["kind"]) {
            1 => ObjectKind::Observation,
            2 => ObjectKind::Series,
            3 => ObjectKind::Assessment,
            4 => ObjectKind::Cell,
            5 => ObjectKind::Decision,
            6 => ObjectKind::Analysis,
            other => panic!("{other}"),
        };
        let leaf = |value: Tree| {
            let number = i64::from(position.number());
            let fields = [(1, Tree::Bytes(vec![7; 16])), (2, Tree::I64(number)), (3, value)];
            Tree::Message(fields.to_vec()).encode()
        };
        let known = (position != Position::IDENTITY).then_some(kind);
        let read = form::leaf(&leaf(value.clone()), position, known).unwrap();
        assert_eq!((read.kind, read.object), (kind, [7; 16]));
        let Tree::Message(mut fields) = value else { panic!("no message") };
        fields.push((99, Tree::Bool(true)));
        let unknown = form::leaf(&leaf(Tree::Message(fields)), position, known);
        // An absent value with a field in it is read as a value, and lacks what that must have.
        let refused = unknown.unwrap_err();
        assert!(matches!(refused, Malformed::Unexpected(99) | Malformed::Missing(1)), "{refused}");
    }
}

#[test]
fn objects_and_editions_come_to_their_roots() {
    let vectors = vectors();
    let round: Digest = digest(&vectors["trees"]["round_salt"]);
    for vector in list(&vectors["objects"]) {
        let id = digest(&vector["object"]);
        let mut leaves = BTreeMap::new();
        for leaf in list(&vector["leaves"]) {
            let made = hash::leaf(&digest(&leaf["salt"]), &bytes(&leaf["canonical"]));
            assert_eq!(made, digest(&leaf["hash"]));
            leaves.insert(u8::try_from(number(&leaf["position"])).unwrap(), made);
        }
        let root = tree::object_root(&round, &id, &leaves);
        assert_eq!(root, Some(digest(&vector["root"])));
    }
    for vector in list(&vectors["trees"]["samples"]) {
        let depth = u8::try_from(number(&vector["depth"])).unwrap();
        let objects = list(&vector["objects"]);
        let roots = objects.iter().map(|one| (digest(&one["object"]), digest(&one["root"])));
        let roots = roots.collect();
        let edition = tree::edition(&round, depth, &roots).unwrap();
        assert_eq!(edition.root, digest(&vector["content_root"]));
        for one in objects {
            let slot = u32::try_from(number(&one["slot"])).unwrap();
            assert_eq!(edition.slots[&digest::<16>(&one["object"])], slot);
            let path: Vec<Digest> = list(&one["siblings"]).iter().map(digest).collect();
            assert_eq!(tree::fold_edition(digest(&one["root"]), slot, &path), edition.root);
        }
    }
}

#[test]
fn a_tree_takes_half_of_its_slots_and_no_more() {
    let objects = |count: u8| (0..count).map(|n| ([n; 16], [n; 32])).collect();
    assert!(tree::edition(&[1; 32], 4, &objects(8)).is_some());
    assert!(tree::edition(&[1; 32], 4, &objects(9)).is_none());
    assert!(tree::edition(&[1; 32], 32, &objects(9)).is_some());
}

#[test]
fn statements_agree() {
    let vectors = vectors();
    let statements = &vectors["statements"];
    for key in list(&statements["keys"]) {
        let signing = ed25519_dalek::SigningKey::from_bytes(&digest(&key["seed"]));
        assert_eq!(key_id(&signing), digest(&key["key_id"]));
    }
    let basis = &statements["basis"];
    let canonical = bytes(&basis["canonical"]);
    let commitment = Basis::commitment_of(&canonical, &digest(&basis["salt"]));
    assert_eq!(commitment, digest(&basis["commitment"]));
    let read = Basis::read(&canonical).unwrap();
    assert_eq!((read.pictures.len(), read.decisions.len()), (2, 1));
    for vector in list(&statements["reservations"]) {
        let text = vector["text"].as_str().unwrap();
        let made = reservation_commitment(&digest(&vector["salt"]), text);
        assert_eq!(made, digest(&vector["commitment"]));
    }
    let descriptor = &statements["descriptor"];
    let payload = bytes(&descriptor["envelope"]["payload"]);
    let read = Descriptor::read(&payload).unwrap();
    assert_eq!(read.digest, digest(&descriptor["digest"]));
    envelope(&descriptor["envelope"], Payload::Descriptor);
    for vector in list(&statements["endorsements"]) {
        envelope(vector, Payload::Endorsement);
        Endorsement::read(&bytes(&vector["payload"])).unwrap();
    }
    let manifest = &statements["release_manifest"];
    envelope(&manifest["envelope"], Payload::Manifest);
    let payload = bytes(&manifest["envelope"]["payload"]);
    assert_eq!(Manifest::digest_of(&payload), digest(&manifest["digest"]));
    Manifest::read(&payload).unwrap();
}

fn envelope(vector: &serde_json::Value, kind: Payload) {
    let encoded = bytes(&vector["encoded"]);
    let read = Envelope::read(Fields::of(&encoded, BYTES_MAX).unwrap()).unwrap();
    read.must_hold(kind).unwrap();
    assert_eq!(read.payload, bytes(&vector["payload"]));
    assert_eq!(kind.to_sign(read.payload), bytes(&vector["pre_authentication"]));
}

#[test]
fn an_endorsement_is_written_and_signed_as_in_the_vectors() {
    let vectors = vectors();
    let statements = &vectors["statements"];
    let vector = &list(&statements["endorsements"])[0];
    let payload = bytes(&vector["payload"]);
    let read = Endorsement::read(&payload).unwrap();
    let subject = read.subject;
    let reviewed = Reviewed {
        content_root: subject.content_root,
        basis_commitment: subject.basis,
        descriptor_digest: subject.descriptor,
        domain: subject.domain,
        agreement: subject.agreement,
        profile: [0; 32],
        basis: Basis::read(&bytes(&statements["basis"]["canonical"])).unwrap(),
        objects: Vec::new(),
    };
    let (party, role) = read.endorser;
    let mut answer = EndorsementToSign {
        reviewed: Controlled::unchecked(&reviewed),
        area: AreaId::parse(&subject.area).unwrap(),
        edition: EditionId::parse(&subject.edition.to_ascii_lowercase()).unwrap(),
        round: subject.round,
        track: Track::from_code(&subject.track).unwrap(),
        period: (subject.from, subject.to),
        party: PartyId::parse(&party).unwrap(),
        role: Role::from_code(&role).unwrap(),
        verdict: read.verdict,
        reservation_commitment: digest(&list(&statements["reservations"])[0]["commitment"]),
    };
    let mut expected = Tree::decode(&payload).unwrap();
    *expected.field(6) = Tree::Text(answer.edition.to_string());
    assert_eq!(endorsement_payload(&answer), expected.encode());
    let keys = list(&statements["keys"]);
    let signer = keys.iter().find(|key| key["key_id"] == vector["signatures"][0]["key_id"]);
    let key = ed25519_dalek::SigningKey::from_bytes(&digest(&signer.unwrap()["seed"]));
    assert_eq!(sign(&key, &payload).to_vec(), bytes(&vector["signatures"][0]["signature"]));
    answer.verdict = Verdict::Objected;
    let read = Endorsement::read(&endorsement_payload(&answer)).unwrap();
    assert_eq!(read.verdict, Verdict::Objected);
    answer.period = (Timestamp::ZERO, Timestamp::ZERO);
    assert!(Endorsement::read(&endorsement_payload(&answer)).is_err());
}

#[test]
fn the_sample_proof_holds() {
    let vector = &vectors()["proof"];
    let pinned = Pinned { descriptor: digest(&vector["pinned_descriptor_digest"]) };
    let verified = proof(&bytes(&vector["encoded"]), &pinned).unwrap();
    assert_eq!(verified.content_root, digest(&vector["content_root"]));
    let slots: Vec<usize> =
        list(&vector["opened"]).iter().map(|one| number(&one["slot"])).collect();
    let opened: Vec<usize> =
        verified.objects.iter().map(|one| usize::try_from(one.slot).unwrap()).collect();
    assert_eq!(opened, slots);
    let masks = list(&vector["opened"]).iter().map(|one| number(&one["mask"]).count_ones());
    assert_eq!(verified.fields_opened, usize::try_from(masks.sum::<u32>()).unwrap());
    assert_eq!((verified.signatures, verified.endorsements.len()), (5, 2));
    assert_eq!(verified.analysis(), Some("Oron vid torget ökar på kvällarna."));
    assert_eq!(Step::Root.as_str(), "in step 4 (root)");
}
