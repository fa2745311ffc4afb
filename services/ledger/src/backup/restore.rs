//! From a backup, the files of a node that carries the domain on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use openraft::BasicNode;
use samsyn_domain::State;

use super::{BadBackup, Identities, Manifest, Returned, folder::Opened, survey::Survey};
use crate::{
    Levels, Node, disk,
    entry::{Membership, StoredMembership, Vote},
    head::Head,
    keys::Keys,
    log_store::LogStore,
    raft_handle::log_dir,
    snapshot,
};

/// What a domain is restored onto.
#[derive(Debug, Clone)]
pub struct Onto<'a> {
    /// The folder of the node's files; empty, or not there yet.
    pub dir: &'a Path,
    /// The domain's name, as the node is configured.
    pub domain: &'a str,
    /// The node: the first of the new cluster.
    pub node: Node,
    /// Whether it stands among other nodes. Then it has a number that no node had before: those of
    /// the lost cluster that may still run never speak with the new one.
    pub is_among_others: bool,
    /// What the node knows of the log.
    pub levels: Levels,
}

/// Restores a backup into an empty folder. Everything is checked before, on the way and, by the
/// node's first start, after it. Blocks.
///
/// # Errors
/// What does not hold. Then the folder holds nothing that a node starts with.
pub fn restore(
    from: &Path,
    keys_from: Option<&Path>,
    identities: &Identities,
    onto: &Onto<'_>,
) -> Result<Manifest, BadBackup> {
    let Onto { dir, domain, node, is_among_others, levels } = onto;
    is_empty(dir)?;
    let opened = Opened::of(from, keys_from, identities, *levels)?;
    let manifest = &opened.manifest;
    if manifest.domain != *domain {
        return Err(BadBackup::OtherDomain(manifest.domain.clone()));
    }
    if *is_among_others && manifest.nodes.contains(&node.id) {
        return Err(BadBackup::OldNode(node.id));
    }
    disk::make_dir(dir)?;
    Returned::begin(dir)?;
    let state = lay_down(&opened, onto)?;
    if *is_among_others && state.was_a_node(node.id) {
        return Err(BadBackup::OldNode(node.id));
    }
    Keys::receive(dir, &opened.keys)?;
    Returned::finish(dir, manifest)?;
    Ok(opened.manifest)
}

fn is_empty(dir: &Path) -> Result<(), BadBackup> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BadBackup::Occupied(dir.to_owned())),
        },
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(why) => Err(BadBackup::io(dir)(why)),
    }
}

/// Writes the snapshot of a cluster of one node, and a log that goes on behind it.
fn lay_down(opened: &Opened<'_>, onto: &Onto<'_>) -> Result<State, BadBackup> {
    let Onto { dir, node, levels, .. } = onto;
    // Who takes part stands before the rows: a first pass tells how many rows there are, and that
    // all of them are good.
    let (Survey { head, .. }, _) = opened.read(|_, _| Ok(()))?;
    let members = BTreeMap::from([(node.id, BasicNode::new(&node.address))]);
    let voters = vec![BTreeSet::from([node.id])];
    let membership = Membership::new(voters, members);
    let membership = membership.map_err(|why| crate::Error::Fatal(why.to_string()))?;
    let head = Head { membership: StoredMembership::new(head.applied, membership), ..head };
    let mut writer = snapshot::Writer::create(&dir.join("snapshot"), &head)?;
    let (_, state) = opened.read(|key, value| writer.row(key, value))?;
    writer.finish()?;
    let log_dir = log_dir(dir);
    disk::make_dir(&log_dir)?;
    let log = LogStore::open(&log_dir, levels.knows)?;
    if let Some(last) = head.applied {
        // In a later term than any that is in the rows, for itself: so it comes to lead.
        let term = last.leader_id.term.saturating_add(1);
        let begun = log.begin_behind(last, Vote::new(term, node.id));
        begun.map_err(BadBackup::io(&log_dir))?;
    }
    log.close();
    Ok(state)
}
