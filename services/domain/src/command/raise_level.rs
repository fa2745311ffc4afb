//! An operator raises the feature level of the domain: recorded once every node knows it.

use super::{Decided, Moment, Reply};
use crate::{FeatureLevel, row::Row};

/// From this entry on the log may hold what a level brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RaiseLevel {
    /// The level.
    pub level: FeatureLevel,
}

impl RaiseLevel {
    /// A level that is in force already changes nothing.
    pub(super) fn decide(self, moment: Moment<'_>) -> Decided {
        let is_higher = self.level > moment.state.level();
        Decided::new(Reply::Done, is_higher.then_some(Row::Level(self.level)).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        OrganisationId, Reason, ServiceId, State, Timestamp,
        command::{Actor, Command, Submission, Tick},
    };

    #[test]
    fn a_level_never_falls_and_what_needs_a_higher_one_is_refused() {
        let (mut state, two) = (State::default(), FeatureLevel::of(2).unwrap());
        let tick = Command::Tick(Tick);
        let refused = state.takes(&tick, two).unwrap_err();
        assert_eq!((refused.reason, refused.current), (Reason::FeatureLevelTooLow, 1));
        for (position, level) in [(1, two), (2, FeatureLevel::FIRST), (3, two)] {
            let actor = Actor {
                organisation: OrganisationId::parse("stad").unwrap(),
                service: ServiceId::parse("stad/drift").unwrap(),
                role: None,
                pseudonym: None,
            };
            let command = Command::RaiseLevel(RaiseLevel { level });
            let valid_until = Timestamp::from_micros(i64::MAX);
            let asked = Submission { actor, key: None, epoch: 0, valid_until, command };
            let at = Timestamp::from_micros(i64::try_from(position).unwrap());
            let applied = state.apply(at, position, &asked);
            let raises = applied.rows.contains(&Row::Level(level));
            assert_eq!((applied.reply, raises), (Reply::Done, position == 1));
            assert_eq!(state.level(), two);
        }
        state.takes(&tick, two).unwrap();
    }
}
