//! What is done to the nodes in a round.

use std::{fmt, time::Duration};

use crate::{
    cluster::{Cluster, Way},
    dice::Dice,
    raw::Failure,
};

/// As between sites that are far apart.
const LATE: Way = Way::Late { least: Duration::from_millis(30), spread: Duration::from_millis(10) };
/// About what a bad radio link has, in bytes a second.
const NARROW: Way = Way::Narrow { bytes_per_second: 20_000 };

/// One way to strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Fault {
    /// The leader's process is killed.
    #[default]
    KillLeader,
    /// A follower's process is killed.
    KillFollower,
    /// All processes are killed and started again.
    KillAll,
    /// The leader's connections to the others are closed, and no new ones are made.
    CutLeader,
    /// The leader's connections stand, and nothing passes in either direction.
    HoldLeader,
    /// Nothing that the leader says arrives.
    MuteLeader,
    /// The leader hears nothing.
    DeafLeader,
    /// All messages are 30 to 40 ms late.
    Late,
    /// A follower has 20 kB a second, in each direction.
    NarrowFollower,
    /// The leader's process is asked to end, and started again.
    RestartLeader,
    /// A follower's process is asked to end, and started again.
    RestartFollower,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::KillLeader,
        Self::KillFollower,
        Self::KillAll,
        Self::CutLeader,
        Self::HoldLeader,
        Self::MuteLeader,
        Self::DeafLeader,
        Self::Late,
        Self::NarrowFollower,
        Self::RestartLeader,
        Self::RestartFollower,
    ];

    /// Whether another leader must be found without the old one's help.
    #[must_use]
    pub const fn takes_leader(self) -> bool {
        matches!(
            self,
            Self::KillLeader
                | Self::CutLeader
                | Self::HoldLeader
                | Self::MuteLeader
                | Self::DeafLeader
        )
    }

    /// Whether it holds for a while, and does not come back by itself.
    const fn lasts(self) -> bool {
        !matches!(self, Self::KillAll | Self::RestartLeader | Self::RestartFollower)
    }

    /// Strikes.
    pub(super) async fn strike(
        self,
        cluster: &mut Cluster,
        leader: u64,
        dice: &mut Dice,
    ) -> Result<Struck, Failure> {
        let follower = dice.pick(&cluster.besides(leader)).ok_or("there is no follower")?;
        let (mut down, mut restarted) = (Vec::new(), Vec::new());
        match self {
            Self::KillLeader => down.push(leader),
            Self::KillFollower => down.push(follower),
            Self::KillAll => restarted = cluster.nodes(),
            Self::RestartLeader => restarted.push(leader),
            Self::RestartFollower => restarted.push(follower),
            Self::CutLeader => cluster.proxy()?.set_from(leader, Way::Cut),
            Self::HoldLeader => {
                cluster.proxy()?.set_from(leader, Way::Silent);
                cluster.proxy()?.set_to(leader, Way::Silent);
            }
            Self::MuteLeader => cluster.proxy()?.set_from(leader, Way::Silent),
            Self::DeafLeader => cluster.proxy()?.set_to(leader, Way::Silent),
            Self::Late => cluster.proxy()?.set_all(LATE),
            Self::NarrowFollower => {
                cluster.proxy()?.set_from(follower, NARROW);
                cluster.proxy()?.set_to(follower, NARROW);
            }
        }
        for node in &down {
            cluster.kill(*node)?;
        }
        for node in &restarted {
            if self == Self::KillAll {
                cluster.kill(*node)?;
            } else {
                cluster.terminate(*node).await?;
            }
        }
        for node in restarted {
            cluster.run(node)?;
        }
        Ok(Struck { fault: self, leader, down })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KillLeader => "leader killed",
            Self::KillFollower => "follower killed",
            Self::KillAll => "all killed",
            Self::CutLeader => "leader cut off",
            Self::HoldLeader => "leader held apart",
            Self::MuteLeader => "leader not heard",
            Self::DeafLeader => "leader hears nothing",
            Self::Late => "all 30 to 40 ms late",
            Self::NarrowFollower => "follower at 20 kB/s",
            Self::RestartLeader => "leader restarted",
            Self::RestartFollower => "follower restarted",
        })
    }
}

/// A fault that holds.
#[derive(Debug)]
pub(super) struct Struck {
    fault: Fault,
    leader: u64,
    down: Vec<u64>,
}

impl Struck {
    /// Among whom a leader must be found, and which it may not be; none where the old one stays.
    pub(super) fn electing(&self, cluster: &Cluster) -> Option<(Option<u64>, Vec<u64>)> {
        if self.fault == Fault::KillAll {
            return Some((None, cluster.nodes()));
        }
        self.fault.takes_leader().then(|| (Some(self.leader), cluster.besides(self.leader)))
    }

    /// How long it holds, where it lasts.
    pub(super) const fn holds(&self, held: Duration) -> Duration {
        if self.fault.lasts() { held } else { Duration::ZERO }
    }

    /// Undoes it.
    pub(super) fn heal(self, cluster: &mut Cluster) -> Result<(), Failure> {
        cluster.proxy()?.set_all(Way::Open);
        self.down.into_iter().try_for_each(|node| cluster.run(node))
    }
}
