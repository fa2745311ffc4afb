//! What nodes know of the log, and the raising of the domain's feature level.

use std::fmt;

use futures::future::join_all;
use samsyn_domain::{
    Caller, FeatureLevel, State,
    command::{Command, RaiseLevel},
};

use crate::{Ledger, Rejection, handle::Inner, order::actor_of};

/// What a program knows of the log. By default that of this one.
#[derive(Debug, Clone, Copy)]
pub struct Levels {
    /// Up to which level it reads the log.
    pub(crate) knows: FeatureLevel,
    /// Which level a command needs.
    pub(crate) needs: fn(&Command) -> FeatureLevel,
}

impl Default for Levels {
    fn default() -> Self {
        Self::up_to(FeatureLevel::NEWEST)
    }
}

impl Levels {
    /// As a program of another version, which knows the log up to a level.
    #[must_use]
    pub const fn up_to(knows: FeatureLevel) -> Self {
        Self { knows, needs: Command::level }
    }
}

/// Why the level of a domain is not raised: members that do not know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRaised {
    /// The level that was asked for.
    pub level: FeatureLevel,
    /// Each such node, with the highest level that it knows; none where it does not answer.
    pub nodes: Vec<(u64, Option<FeatureLevel>)>,
}

impl fmt::Display for NotRaised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the domain is not raised to level {}", self.level)?;
        for (node, knows) in &self.nodes {
            match knows {
                Some(knows) => write!(f, "; node {node} knows the log up to level {knows}")?,
                None => write!(f, "; node {node} does not answer")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for NotRaised {}

impl Ledger {
    /// The feature level of the domain.
    #[must_use]
    pub fn level(&self) -> FeatureLevel {
        self.read(State::level)
    }

    /// Raises the domain's level, as the caller's act: to one, or to the newest that this node
    /// knows. Every member is asked first whether it knows it. Gives the level in force then; one
    /// that is not above it changes nothing.
    ///
    /// # Errors
    /// When no rule allows it, a member does not know the level or does not answer, or this node
    /// does not lead.
    pub async fn raise_level(
        &self,
        caller: &Caller,
        to: Option<FeatureLevel>,
    ) -> Result<FeatureLevel, Rejection> {
        self.oversee(caller, "operate")?;
        let Inner { consensus, .. } = &*self.inner;
        let level = to.unwrap_or_else(|| consensus.levels().knows);
        if level > self.level() {
            let nodes = self.below(level).await;
            if !nodes.is_empty() {
                return Err(NotRaised { level, nodes }.into());
            }
            self.order_as(actor_of(caller), Command::RaiseLevel(RaiseLevel { level })).await?;
        }
        Ok(self.level())
    }

    /// The members that do not know a level, or do not say so, with what they know.
    async fn below(&self, level: FeatureLevel) -> Vec<(u64, Option<FeatureLevel>)> {
        let members = self.cluster().members;
        let asked = members.iter().map(|member| async {
            let health = self.health_of(&member.node).await.ok();
            // One that does not name a level is of before there were any.
            let knows = health.map(|health| FeatureLevel::of(health.level).unwrap_or_default());
            (member.node.id, knows)
        });
        let mut known = join_all(asked).await;
        known.retain(|(_, knows)| knows.is_none_or(|knows| knows < level));
        known
    }
}
