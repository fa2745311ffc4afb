//! Chance from a seed.

use std::time::Duration;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};

/// One stream of chance of a seed: what is drawn from it does not depend on the other streams.
#[derive(Debug)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        dice.set_stream(stream);
        Self(dice)
    }

    /// One of some; none of none.
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        let sides = u64::try_from(of.len()).ok()?;
        let side = self.0.next_u64().checked_rem(sides)?;
        of.get(usize::try_from(side).ok()?).copied()
    }

    /// Less than so long, to the microsecond.
    pub fn within(&mut self, spread: Duration) -> Duration {
        let micros = u64::try_from(spread.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.0.next_u64().checked_rem(micros).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_again_and_keeps_its_bounds() {
        let spread = Duration::from_millis(10);
        let drawn = |seed| {
            let mut dice = Dice::of(seed, 1);
            (0..100).map(|_| dice.within(spread)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!(drawn(7).iter().all(|late| *late < spread));
        assert_eq!(Dice::of(1, 1).within(Duration::ZERO), Duration::ZERO);
        assert_eq!(Dice::of(1, 1).pick::<u8>(&[]), None);
    }
}
