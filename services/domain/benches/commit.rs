//! Commitments: one leaf, one object, an edition, with the growth over its objects.

use std::{collections::BTreeMap, error::Error, hint::black_box};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use samsyn_domain::commit::{
    content,
    hash::Digest,
    object::{Leaf, ObjectId, ObjectKind, ObjectTree, ReferenceKey},
    position::{Group, Position, Variant},
    salt::RoundSalt,
    tree::{Depth, Tree},
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const SIZES: [u32; 3] = [100, 1_000, 5_000];
const SALT: RoundSalt = RoundSalt::new([7; 32]);

fn object(number: u32) -> Outcome<ObjectId> {
    let key = ReferenceKey::new([4; 32]);
    Ok(key.object_id(ObjectKind::Observation, "sdf", "a", &number.to_string())?)
}

fn position(group: Group) -> Position {
    Position::new(group, Variant::Exact)
}

fn leaf(object: ObjectId) -> Outcome<Leaf> {
    let value = content::text(Some("Klotter på tunnelns norra vägg, nytt sedan förra veckan."));
    let at = position(Group::Text);
    Ok(Leaf::commit(object, at, value, SALT.clear(object, at))?)
}

fn tree(object: ObjectId) -> Outcome<ObjectTree> {
    let groups = [Group::Time, Group::Counts, Group::Assessment, Group::Text, Group::Provenance];
    let mut leaves: BTreeMap<Position, Digest> = BTreeMap::new();
    for at in groups.map(position) {
        let value = content::time(1_759_168_800_000_000, 1_759_176_000_000_000);
        leaves.insert(at, Leaf::commit(object, at, value, SALT.clear(object, at))?.hash());
    }
    Ok(ObjectTree::build(&SALT, object, &leaves))
}

fn edition(roots: &[(ObjectId, Digest)]) -> Outcome<Tree> {
    Ok(Tree::build(Depth::DEFAULT, &SALT, roots.to_vec())?)
}

fn commitments(c: &mut Criterion) -> Outcome<()> {
    let one = object(0)?;
    // Made once before, so that what is measured is known to succeed.
    leaf(one)?;
    tree(one)?;
    c.bench_function("leaf", |b| b.iter(|| leaf(black_box(one)).map(|leaf| leaf.hash()).ok()));
    c.bench_function("object", |b| b.iter(|| tree(black_box(one)).map(|tree| tree.root()).ok()));
    let mut group = c.benchmark_group("edition");
    for size in SIZES {
        let roots = (0..size)
            .map(|number| {
                let id = object(number)?;
                Ok((id, tree(id)?.root()))
            })
            .collect::<Outcome<Vec<_>>>()?;
        edition(&roots)?;
        group.throughput(Throughput::Elements(size.into()));
        group.bench_with_input(BenchmarkId::from_parameter(size), &roots, |b, roots| {
            b.iter(|| edition(black_box(roots)).map(|tree| tree.root()).ok());
        });
    }
    group.finish();
    Ok(())
}

fn all(c: &mut Criterion) {
    if let Err(error) = commitments(c) {
        eprintln!("the benchmark cannot be made: {error}");
    }
}

criterion_group!(benches, all);
criterion_main!(benches);
