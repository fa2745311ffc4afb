use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use samsyn_domain::{
    DomainId, EditionId, Form, Observation, RowId, Severity,
    command::Digest,
    commit::{
        canonical::{Message, Value},
        descriptor::Descriptor,
        dsse::{Envelope, pre_authentication},
        endorsement::{Basis, Endorsement},
        hash,
        manifest::Manifest,
        object::{Leaf, ObjectId, ObjectTree},
        position::Position,
        proof::PartnerProof,
        salt::{RoundSalt, Salt},
        tree::Tree,
    },
    edition::Phase,
    link::DeliveryRef,
    merge::{Amount, Class, Outcome},
    registry::FieldGroup,
    row::Row,
};
use serde_json::json;

use super::{
    content::settle,
    keys::Keys,
    registry::document,
    world::{
        ALL, ENDORSERS, NOW, SALT, World, area, assessed, counted, key, observation, point, severe,
    },
};
use crate::{EditionView, Reader, Why};

const EVERY: usize = 1_000;

fn released(published: &[(&str, Vec<Observation>)]) -> (World, EditionId) {
    let mut world = World::new();
    for (party, observations) in published {
        world.publish(party, observations.clone());
    }
    let id = world.released(SALT);
    (world, id)
}

fn view(world: &World, organisation: &str, id: &EditionId) -> EditionView {
    world.read(organisation, |egress| egress.edition(id, 0, EVERY)).unwrap()
}

/// Checks a proof as far as the prover's own code can: the form, the folds, all signatures.
fn proven(world: &World, id: &EditionId, bytes: &[u8]) -> PartnerProof {
    let proof = PartnerProof::decode(bytes).unwrap();
    let descriptor = Descriptor::decode(&proof.descriptor.payload).unwrap();
    let round = world.edition(id).current().unwrap();
    let verify = |seed: u8, envelope: &Envelope| {
        let verifying: VerifyingKey = key(seed).verifying_key();
        let signed = pre_authentication(envelope.payload_type, &envelope.payload);
        let signature = envelope.signatures.values().next().unwrap();
        verifying.verify_strict(&signed, &signature.0.into()).unwrap();
    };
    let mut answered = BTreeSet::new();
    for envelope in &proof.endorsements {
        let stated = Endorsement::decode(&envelope.payload).unwrap();
        assert_eq!(stated.content_root.0, round.locked.root);
        let (.., seed) = ENDORSERS.into_iter().find(|(p, ..)| *p == stated.party).unwrap();
        verify(seed, envelope);
        answered.insert(stated.party);
    }
    assert_eq!(answered.len(), ENDORSERS.len());
    assert!(proof.manifest.signatures.contains_key(&descriptor.release_key.id()));
    verify(9, &proof.manifest);
    let manifest = Manifest::decode(&proof.manifest.payload).unwrap();
    assert_eq!(manifest.opened, proof.opened());
    assert_eq!((manifest.round, manifest.content_root.0), (round.number, round.locked.root));
    for (slot, object) in &proof.objects {
        assert_eq!(object.fold(*slot).unwrap().0, round.locked.root);
    }
    proof
}

/// What a proof opens: canonical bytes by object and position.
fn opened(proof: &PartnerProof) -> BTreeMap<(Vec<u8>, u8), Vec<u8>> {
    let of = |leaf: &Leaf| {
        let opening = samsyn_domain::commit::object::Opening::of(leaf.clone()).unwrap();
        opening.object().as_bytes().to_vec()
    };
    let leaves = proof.objects.values().flat_map(|object| object.openings());
    leaves.map(|(at, leaf)| ((of(leaf), at.index()), leaf.canonical().to_vec())).collect()
}

/// All opaque bytes of a proof: salts and siblings, as far as they can be read.
fn salts(proof: &PartnerProof) -> BTreeSet<Vec<u8>> {
    let leaves = proof.objects.values().flat_map(|object| object.openings().values());
    leaves.map(|leaf| leaf.salt().as_bytes().to_vec()).collect()
}

#[test]
fn a_partner_gets_its_groups_in_its_variants_with_a_proof_of_exactly_that() {
    let mut noted = observation("1", "graffiti", ALL);
    noted.sealed = Some(Keys::seal_secret(Some("mörkt"), Some((5, 6))));
    let hidden = observation("2", "graffiti", &["signatories"]);
    let (world, id) = released(&[("sdf", vec![noted, hidden])]);
    let view = view(&world, "kv", &id);
    let proof = proven(&world, &id, &view.proof);
    let [finding] = view.joint.findings.as_slice() else { panic!("{:?}", view.joint.findings) };
    let [seen] = finding.contributions.as_slice() else { panic!("one contribution") };
    assert_eq!(finding.key.id(), "a-s/graffiti");
    assert_eq!(view.joint.revision, 0);
    assert!(view.header.texts.iter().all(Option::is_none));
    assert_eq!(view.analysis.as_deref(), Some("Klotter och stölder."));
    let positions = |o: &[u8]| -> Vec<u8> {
        opened(&proof).into_keys().filter(|(object, _)| object == o).map(|(_, p)| p).collect()
    };
    let shown = hex::decode(&seen.id).unwrap();
    assert_eq!(positions(&shown), [0, 5, 8, 12, 16]);
    assert_eq!(proof.objects.len(), 2, "the observation and the analysis");
}

#[test]
fn a_signatory_gets_all_with_proof_and_before_the_release_without() {
    let mut world = World::new();
    let mut noted = observation("1", "graffiti", ALL);
    noted.sealed = Some(Keys::seal_secret(Some("mörkt"), Some((5, 6))));
    world.publish("sdf", vec![noted, observation("2", "noise", &["signatories"])]);
    let id = world.open();
    assert!(view(&world, "polis", &id).joint.findings.is_empty());
    world.lock(&id, SALT);
    let before = view(&world, "polis", &id);
    assert_eq!((before.joint.findings.len(), before.proof.len()), (2, 0));
    world.answer_all(&id);
    world.release(&id);
    let after = view(&world, "polis", &id);
    assert_eq!(after.joint.findings, before.joint.findings);
    assert_eq!(after.joint.revision, 3);
    let proof = proven(&world, &id, &after.proof);
    let places = opened(&proof).into_keys().filter(|(_, position)| *position == 4).count();
    assert_eq!(places, 2);
    let expected = Some(("med förbehåll".to_owned(), vec![5; 32]));
    assert_eq!(after.header.texts, [expected.clone(), expected]);
    let sealed = after.joint.findings[0].contributions[0].sealed.as_ref();
    assert_eq!(after.joint.secrets.of(sealed).unwrap().note.as_deref(), Some("mörkt"));
}

#[test]
fn the_proof_stands_on_the_last_page() {
    let all = ["graffiti", "noise", "fires"].map(|c| observation(c, c, ALL)).to_vec();
    let (world, id) = released(&[("sdf", all)]);
    let whole = view(&world, "kv", &id);
    let page = |from| world.read("kv", |egress| egress.edition(&id, from, 2)).unwrap();
    let (first, last) = (page(0), page(2));
    assert_eq!((first.next, first.proof.len()), (Some(2), 0));
    assert_eq!((last.next, &last.proof), (None, &whole.proof));
    let paged = [first.joint.findings, last.joint.findings].concat();
    assert_eq!(paged, whole.joint.findings);
}

#[test]
fn t10_small_counts_are_shown_as_less_than_five() {
    let counts = [("graffiti", 1), ("theft", 4), ("noise", 5)];
    let all = counts.map(|(category, count)| counted(category, category, count)).to_vec();
    let (world, id) = released(&[("sdf", all)]);
    let view = view(&world, "fk", &id);
    let proof = proven(&world, &id, &view.proof);
    let mut shown = BTreeMap::new();
    for finding in &view.joint.findings {
        assert!(finding.contributions.is_empty() && finding.seen_by.is_empty());
        assert!(finding.severity.is_none() && finding.class == Class::OneSided);
        assert_eq!(finding.key.geography.id(), "a");
        for series in &finding.counts {
            assert_eq!(series.party, None);
            shown.insert(finding.key.category.as_str(), series.amount);
        }
    }
    let expected = [
        ("graffiti", Amount::Below(5)),
        ("theft", Amount::Below(5)),
        ("noise", Amount::Exact(5)),
        ("fires", Amount::Exact(0)),
    ];
    assert_eq!(shown, BTreeMap::from(expected));
    let position = |wanted: u8| opened(&proof).keys().filter(|(_, p)| *p == wanted).count();
    assert_eq!((position(12), position(13)), (2, 2));
    assert_eq!(view.analysis, None);
    assert_eq!(proof.objects.len(), 4);
}

/// The counts that `fk` is delivered in a domain of its own, over a link of a ceiling; each as it
/// is shown at the home.
fn delivered_cells(ceiling: u8) -> usize {
    let mut document = document(16);
    document["peers"] = json!([{"id": "p.example", "name": "p", "federation": "prov",
        "authorities": ["PEM"], "keys": [{"id": "p-1", "public_key": "cc".repeat(32)}],
        "organisations": [{"orgnr": "9", "name": "p"}], "ceiling": ceiling, "message_kinds": [],
        "envelopes_per_minute": 60, "deliveries": [{"id": "to-fk", "organisation": "fk",
            "areas": ["a"], "purpose": "joint_picture", "legal_basis": "law"}]}]);
    let mut world = World::of(document);
    world.publish("sdf", vec![counted("1", "graffiti", 3), counted("2", "theft", 9)]);
    let id = world.released(SALT);
    let of = DeliveryRef {
        peer: DomainId::parse("p.example").unwrap(),
        id: RowId::parse("to-fk").unwrap(),
    };
    let reader = Reader::delivered(&world.state, NOW, &of).unwrap();
    let delivered = world.read_as(&reader, |egress| egress.edition(&id, 0, EVERY)).unwrap();
    let shown = view(&world, "fk", &id).joint.findings;
    assert!(!shown.is_empty());
    assert!(delivered.joint.findings.iter().all(|finding| shown.contains(finding)));
    delivered.joint.findings.iter().map(|finding| finding.counts.len()).sum()
}

#[test]
fn cells_cross_a_link_that_may_carry_all_that_they_count() {
    // They count what their receiver is cleared for: up to level 2.
    assert_eq!(delivered_cells(3), delivered_cells(2));
    assert!(delivered_cells(2) > 0);
    assert_eq!(delivered_cells(1), 0);
}

#[test]
fn cells_add_up_what_the_row_may_have_and_nothing_else() {
    let mut patrol = counted("3", "graffiti", 9);
    patrol.content.source = samsyn_domain::SourceId::parse("patrol").ok();
    let mut hidden = observation("4", "graffiti", &["signatories"]);
    hidden.content.count = Some(100);
    let sdf = vec![counted("1", "graffiti", 3), patrol, hidden];
    let (world, id) = released(&[("sdf", sdf), ("lpo", vec![counted("1", "graffiti", 4)])]);
    let findings = view(&world, "fk", &id).joint.findings;
    let graffiti = findings.iter().find(|f| f.key.category.as_str() == "graffiti").unwrap();
    let counts: Vec<_> =
        graffiti.counts.iter().map(|s| (s.source.as_str().to_owned(), s.amount)).collect();
    let expected = [("patrol", Amount::Exact(9)), ("reports", Amount::Exact(7))];
    assert_eq!(counts, expected.map(|(source, amount)| (source.to_owned(), amount)));
}

#[test]
fn no_cell_counts_statistics() {
    let sdf = vec![counted("1", "graffiti", 3), point("s", "graffiti", 40), point("t", "noise", 7)];
    let lpo = vec![counted("1", "graffiti", 4), assessed("a", "graffiti", 5)];
    let (world, id) = released(&[("sdf", sdf), ("lpo", lpo)]);
    let findings = view(&world, "fk", &id).joint.findings;
    let counts = findings.iter().flat_map(|f| &f.counts).map(|s| (s.statistics, s.amount));
    let counts: Vec<_> = counts.filter(|(_, amount)| *amount != Amount::Exact(0)).collect();
    assert_eq!(counts, [(false, Amount::Exact(7))]);
}

#[test]
fn points_and_assessments_are_opened_by_the_groups_of_the_row() {
    let sdf = vec![point("s", "graffiti", 40), assessed("a", "graffiti", 5)];
    let (world, id) = released(&[("sdf", sdf), ("lpo", vec![counted("1", "noise", 1)])]);
    let shown = view(&world, "kv", &id);
    let proof = proven(&world, &id, &shown.proof);
    let graffiti = shown.joint.findings.iter().find(|f| f.key.category.as_str() == "graffiti");
    let forms = graffiti.unwrap().contributions.iter().map(|seen| seen.form);
    let forms: BTreeSet<_> = forms.collect();
    assert_eq!(forms, [Form::Series, Form::Assessment].into());
    let identities = opened(&proof).into_iter().filter(|((_, position), _)| *position == 0);
    // Field 3 of a leaf is its value; field 1 of an identity its kind.
    let kinds = identities.map(|(_, canonical)| {
        let leaf = Message::decode(&canonical).unwrap();
        let Some((3, Value::Message(identity))) = leaf.fields().last() else { panic!("{leaf:?}") };
        identity.fields().next().map(|(_, kind)| kind.clone())
    });
    let kinds: Vec<_> = kinds.flatten().collect();
    let of = |kind: i64| kinds.iter().filter(|one| **one == Value::I64(kind)).count();
    assert_eq!([of(1), of(2), of(3)], [1, 1, 1]);
}

#[test]
fn a_change_that_a_partner_does_not_see_changes_nothing_that_it_is_shown() {
    let mut world = World::new();
    let mut shown = observation("1", "graffiti", ALL);
    shown.sealed = Some(Keys::seal_secret(Some("mörkt"), None));
    world.publish("sdf", vec![shown.clone(), counted("2", "noise", 3)]);
    let first = world.released(SALT);
    shown.sealed = Some(Keys::seal_secret(Some("ljust"), None));
    shown.content.geography.place = None;
    let mut unseen = severe("3", "graffiti", 5, &["signatories"]);
    unseen.content.source = samsyn_domain::SourceId::parse("patrol").ok();
    world.publish("sdf", vec![shown, unseen]);
    let second = world.released([9; 32]);
    for organisation in ["kv", "fk"] {
        let (before, after) =
            (view(&world, organisation, &first), view(&world, organisation, &second));
        assert_eq!(before.joint.findings, after.joint.findings);
        assert_eq!(before.analysis, after.analysis);
        let [before, after] = [(&first, &before), (&second, &after)]
            .map(|(id, view)| proven(&world, id, &view.proof));
        assert_eq!(opened(&before), opened(&after), "{organisation}");
        assert!(salts(&before).is_disjoint(&salts(&after)));
        let sequence =
            |proof: &PartnerProof| Manifest::decode(&proof.manifest.payload).unwrap().sequence;
        assert_eq!((sequence(&before), sequence(&after)), (1, 2));
    }
}

#[test]
fn an_edition_stays_as_it_was_locked_whatever_comes_after() {
    let mut world = World::new();
    world.publish("sdf", vec![counted("1", "graffiti", 7)]);
    let id = world.released(SALT);
    let before = view(&world, "fk", &id);
    world.publish("sdf", vec![counted("1", "graffiti", 99), counted("2", "noise", 1)]);
    // Nothing is decided anew: cells do not ask again what their row may have.
    world.state.absorb(Row::Epoch(77));
    let after = view(&world, "fk", &id);
    assert_eq!((before.joint, before.proof), (after.joint, after.proof));
}

#[test]
fn a_root_that_is_not_made_again_is_refused() {
    let (mut world, id) = released(&[("sdf", vec![observation("1", "graffiti", ALL)])]);
    let mut edition = world.edition(&id).clone();
    edition.rounds[0].locked.root = [0; 32];
    world.state.absorb(Row::Edition(edition.into()));
    let refused = world.read("kv", |egress| egress.edition(&id, 0, EVERY)).unwrap_err();
    assert!(matches!(refused.why, Why::Internal(_)), "{refused:?}");
}

#[test]
fn a_decision_is_told_only_to_those_who_see_all_that_it_names() {
    for (audience, told) in [(ALL, true), (&["signatories"][..], false)] {
        let mut world = World::new();
        world.publish("sdf", vec![severe("1", "theft", 1, ALL), severe("2", "theft", 1, audience)]);
        world.publish("lpo", vec![severe("1", "theft", 4, ALL)]);
        settle(&mut world, "theft", Outcome::Severity(Severity::of(3).unwrap()));
        let id = world.released(SALT);
        let partner = view(&world, "kv", &id);
        let proof = proven(&world, &id, &partner.proof);
        let decisions = opened(&proof).into_keys().filter(|(_, p)| *p == 16).count();
        let [finding] = partner.joint.findings.as_slice() else { panic!("one finding") };
        let [conflict] = finding.conflicts.as_slice() else { panic!("one conflict") };
        assert_eq!((conflict.resolved, decisions), (told, if told { 4 } else { 2 }));
        assert!(conflict.reason.is_none());
        let signatory = view(&world, "polis", &id);
        assert!(signatory.joint.findings[0].conflicts[0].resolved);
        assert!(signatory.joint.findings[0].conflicts[0].reason.is_some());
    }
}

#[test]
fn t28_row39_who_may_not_know_of_an_edition_is_told_that_there_is_none() {
    let mut world = World::new();
    world.publish("sdf", vec![observation("1", "graffiti", ALL)]);
    let id = world.open();
    world.lock(&id, SALT);
    let asks = |world: &World, organisation: &str| {
        let read = |egress: &crate::Egress<'_>| egress.edition(&id, 0, EVERY);
        world.read(organisation, read).map(|_| ()).map_err(|denial| denial.why)
    };
    assert_eq!(asks(&world, "stad"), Ok(()));
    for outside in ["kv", "fk", "xx"] {
        assert_eq!(asks(&world, outside), Err(Why::NotFound));
        let header = world.read(outside, |egress| egress.edition_header(&id)).unwrap_err();
        let review = world.read(outside, |egress| egress.review(&id, 0, EVERY)).unwrap_err();
        assert_eq!((header.why, review.why), (Why::NotFound, Why::NotFound));
    }
    let listed = |world: &World, organisation: &str| {
        world.read(organisation, |egress| egress.editions(&area())).map(|list| list.editions.len())
    };
    assert_eq!((listed(&world, "stad"), listed(&world, "kv")), (Ok(1), Ok(0)));
    assert_eq!(listed(&world, "xx").unwrap_err().why, Why::NoReleaseRow);
    world.answer_all(&id);
    assert_eq!(asks(&world, "kv"), Err(Why::NotFound));
    world.release(&id);
    assert_eq!((asks(&world, "kv"), asks(&world, "fk")), (Ok(()), Ok(())));
    assert_eq!(asks(&world, "xx"), Err(Why::NotFound));
    assert_eq!(listed(&world, "kv"), Ok(1));
    let review = world.read("kv", |egress| egress.review(&id, 0, EVERY)).unwrap_err();
    assert_eq!(review.why, Why::NotAllowed, "a release opens no review");
    world.released([3; 32]);
    assert_eq!(world.edition(&id).phase, Phase::Superseded);
    assert_eq!((asks(&world, "kv"), listed(&world, "kv")), (Ok(()), Ok(2)));
}

#[test]
fn what_a_lock_left_out_is_told_to_its_owner_alone() {
    let own = |id| observation(id, "graffiti", &[]);
    let (world, id) = released(&[("sdf", vec![own("1"), own("2")]), ("lpo", vec![own("9")])]);
    let left_out = |organisation| {
        world.read(organisation, |egress| egress.edition_header(&id)).unwrap().left_out
    };
    assert_eq!(left_out("stad"), ["1", "2"]);
    assert_eq!(left_out("polis"), ["9"]);
    assert!(left_out("kv").is_empty());
}

#[test]
fn a_review_rebuilds_the_root_and_the_basis() {
    let mut noted = observation("1", "graffiti", ALL);
    noted.sealed = Some(Keys::seal_secret(Some("mörkt"), Some((5, 6))));
    noted.content.ends_at = NOW.after_seconds(90);
    let mut world = World::new();
    world.publish("sdf", vec![noted, counted("2", "noise", 3)]);
    let id = world.open();
    world.lock(&id, SALT);
    let mut leaves: BTreeMap<ObjectId, BTreeMap<Position, hash::Digest>> = BTreeMap::new();
    let mut from = Some(0);
    let mut last = None;
    while let Some(at) = from {
        let at = usize::try_from(at).unwrap();
        let page = world.read("polis", |egress| egress.review(&id, at, 7)).unwrap();
        assert!(page.openings.len() <= 7 && !page.openings.is_empty());
        for opening in &page.openings {
            let salt = Salt::new(opening.salt.as_slice().try_into().unwrap());
            let leaf = Leaf::new(salt, opening.canonical.clone());
            let position = Position::try_from(opening.position).unwrap();
            let object = leaves.entry(ObjectId::new(opening.object)).or_default();
            assert!(object.insert(position, leaf.hash()).is_none());
        }
        from = page.next;
        last = Some(page);
    }
    let page = last.unwrap();
    let round = world.edition(&id).current().unwrap();
    let descriptor = Descriptor::decode(&page.descriptor).unwrap();
    assert_eq!(descriptor.digest().unwrap().0, round.descriptor);
    let salt = RoundSalt::new(page.round_salt);
    let roots = leaves.iter().map(|(o, leaves)| (*o, ObjectTree::build(&salt, *o, leaves).root()));
    let tree = Tree::build(descriptor.depth, &salt, roots.collect()).unwrap();
    let expected: (Digest, u32) = (round.locked.root, round.number);
    assert_eq!((tree.root().0, page.round), expected);
    let basis = Basis::decode(&page.basis).unwrap();
    let commitment = basis.commitment(&Salt::new(page.basis_salt)).unwrap();
    assert_eq!(commitment.0, round.locked.basis);
}

#[test]
fn the_record_names_what_was_given() {
    let (world, id) = released(&[("sdf", vec![observation("1", "graffiti", ALL)])]);
    let reader = world.reader("kv");
    let egress = crate::Egress::new(&world.state, &world.keys, &reader);
    let projection = egress.edition(&id, 0, EVERY).unwrap();
    let [record] = projection.disclosures() else { panic!("one record") };
    assert_eq!(record.object, samsyn_domain::disclosure::Object::Edition(id));
    assert_eq!((record.revision, record.rows), (3, 1));
    assert!(record.rules.contains("POL-12/row-kv"));
    assert!(record.groups.contains(&FieldGroup::Text), "the analysis is text");
    assert!(!record.groups.contains(&FieldGroup::Provenance));
}
