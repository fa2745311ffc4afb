//! What the parties of an area come to know late: drawn from a seed, the same each time, without
//! end.

use samsyn_client::wire as v1;
use samsyn_domain::{AreaId, PartyId};

use super::{
    publications::{demo_weeks, publications},
    seed::Seed,
};

/// Something new that a party has to say.
#[derive(Clone, PartialEq)]
pub(crate) struct News {
    /// Who says it.
    pub(crate) party: PartyId,
    /// What.
    pub(crate) observation: v1::Observation,
}

impl std::fmt::Debug for News {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "news of {}", self.party)
    }
}

/// The news of an area: the weeks of the demo, over and over, each time as chance would have had
/// them otherwise; in a week by start.
pub(crate) fn news<'a>(
    seed: &'a Seed,
    area: &'a AreaId,
    rng: u64,
) -> impl Iterator<Item = News> + 'a {
    let turns = (1_u64..).flat_map(|turn| demo_weeks().into_iter().map(move |week| (turn, week)));
    turns.flat_map(move |(turn, week)| {
        let drawn = publications(seed, &[week], rng.wrapping_add(turn)).into_iter();
        let mut all: Vec<News> = drawn
            .filter(|publication| publication.area == *area)
            .flat_map(|publication| {
                let party = publication.party;
                publication.observations.into_iter().map(move |observation| News {
                    party: party.clone(),
                    observation: v1::Observation {
                        id: format!("{}-late-{turn}", observation.id),
                        ..observation
                    },
                })
            })
            .collect();
        all.sort_by_key(|one| one.observation.starts_at.map(|at| (at.seconds, at.nanos)));
        all
    })
}
