//! What a party has published, as it should be.

use std::collections::{BTreeMap, BTreeSet};

use super::Dice;
use crate::tests::{
    pictures::{draft, kept},
    world::Domain,
};

/// What a party has in its own picture: each with its count, and whether it is for others.
#[derive(Default, Clone)]
pub(super) struct Own(pub(super) BTreeMap<String, (u32, bool)>);

impl Own {
    pub(super) async fn publishes(&mut self, domain: &Domain, count: u64, dice: &mut Dice) {
        let (mut drafts, mut withdrawn) = (Vec::new(), Vec::new());
        let named: BTreeSet<u64> = (0..count).map(|_| dice.below(12)).collect();
        for id in named.into_iter().map(|number| format!("o{number}")) {
            let (fate, count) = (dice.below(6), u32::try_from(dice.below(1_000)).unwrap());
            match fate {
                0 | 1 if self.0.remove(&id).is_some() => withdrawn.push(id),
                2 => {
                    drafts.push(kept(&id, count));
                    self.0.insert(id, (count, false));
                }
                _ => {
                    drafts.push(draft(&id, count));
                    self.0.insert(id, (count, true));
                }
            }
        }
        let withdrawn: Vec<&str> = withdrawn.iter().map(String::as_str).collect();
        domain.publishes(drafts, &withdrawn).await.unwrap();
    }

    /// What the other side may have of it.
    pub(super) fn shared(&self) -> BTreeMap<String, Option<u32>> {
        let shared = self.0.iter().filter(|(_, (_, shared))| *shared);
        shared.map(|(id, (count, _))| (id.clone(), Some(*count))).collect()
    }
}
