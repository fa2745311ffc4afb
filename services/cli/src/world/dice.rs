//! Chance that is the same on every machine: whole numbers only, one stream a name.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};

/// A million: means are given in millionths of an event.
const MILLION: u64 = 1_000_000;
/// More than this many events at a mean of at most one are less likely than 1 in 10^14.
const SMALL_COUNT_MAX: u64 = 16;

/// Dice with a name. Each name has a stream of its own, so that what is drawn for one thing does
/// not depend on how much was drawn for another.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// The dice of a name.
    pub(super) fn named(rng: u64, name: &str) -> Self {
        let mut stream = ChaCha8Rng::seed_from_u64(rng);
        stream.set_stream(fnv(name));
        Self(stream)
    }

    /// A number below `sides`; 0 when there are none.
    pub(super) fn below(&mut self, sides: u32) -> u32 {
        let scaled = u64::from(self.0.next_u32()).saturating_mul(u64::from(sides)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// Whether something happens that does in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(u32::try_from(of.len()).unwrap_or(u32::MAX));
        of.get(usize::try_from(index).ok()?)
    }

    /// The index of one of several that are unequally likely.
    pub(super) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.below(weights.iter().fold(0, |sum, w| w.saturating_add(sum)));
        for (index, weight) in weights.iter().enumerate() {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        0
    }

    /// How many events happen, Poisson distributed. A sum of Poisson variables is one, so that a
    /// large mean is drawn in pieces of at most one event.
    pub(super) fn poisson(&mut self, mean_millionths: u64) -> u32 {
        let (whole, rest) = (mean_millionths / MILLION, mean_millionths % MILLION);
        let pieces = (0..whole).map(|_| MILLION).chain([rest]);
        pieces.map(|mean| self.small_poisson(mean)).fold(0, u32::saturating_add)
    }

    /// Inversion in 2^-32 steps; the mean is at most one event.
    fn small_poisson(&mut self, mean: u64) -> u32 {
        let mut chance = exp_minus(mean);
        let mut roll = u64::from(self.0.next_u32());
        for count in 1..=SMALL_COUNT_MAX {
            match roll.checked_sub(chance) {
                None => return u32::try_from(count.saturating_sub(1)).unwrap_or(0),
                Some(rest) => roll = rest,
            }
            chance = step(chance, mean, count);
        }
        u32::try_from(SMALL_COUNT_MAX).unwrap_or(0)
    }
}

/// e^-x in 2^-32, x in millionths and at most one: the alternating series.
fn exp_minus(x: u64) -> u64 {
    let one = 1_u64 << 32;
    let terms = (1..=14).scan(one, |term, k| {
        *term = step(*term, x, k);
        Some((k, *term))
    });
    terms.fold(
        one,
        |sum, (k, term)| {
            if k % 2 == 1 { sum.saturating_sub(term) } else { sum.saturating_add(term) }
        },
    )
}

fn step(term: u64, x: u64, k: u64) -> u64 {
    term.saturating_mul(x).checked_div(MILLION.saturating_mul(k)).unwrap_or(0)
}

/// FNV-1a, 64 bits: spreads names over streams.
fn fnv(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_to_a_negative_power_is_right_to_nine_digits() {
        let expected = [(0, 1.0), (1_000_000, 0.367_879_441), (250_000, 0.778_800_783)];
        for (x, value) in expected {
            let made = exp_minus(x) as f64 / 4_294_967_296.0;
            assert!((made - value).abs() < 1e-8, "{x}: {made}");
        }
    }

    #[test]
    fn events_come_with_the_mean_and_the_variance_of_poisson() {
        for mean in [300_000_u64, 1_000_000, 4_700_000] {
            let mut dice = Dice::named(7, "poisson");
            let draws: Vec<f64> = (0..20_000).map(|_| f64::from(dice.poisson(mean))).collect();
            let size = draws.len() as f64;
            let average = draws.iter().sum::<f64>() / size;
            let spread = draws.iter().map(|d| (d - average).powi(2)).sum::<f64>() / size;
            let expected = mean as f64 / 1e6;
            assert!((average / expected - 1.0).abs() < 0.03, "{mean}: mean {average}");
            assert!((spread / expected - 1.0).abs() < 0.06, "{mean}: variance {spread}");
        }
    }

    #[test]
    fn what_one_name_draws_does_not_depend_on_another() {
        let alone = Dice::named(7, "a").below(1_000_000);
        let mut other = Dice::named(7, "b");
        other.below(10);
        assert_eq!(Dice::named(7, "a").below(1_000_000), alone);
        assert_ne!(Dice::named(7, "b").below(1_000_000), alone);
        assert_ne!(Dice::named(8, "a").below(1_000_000), alone);
    }

    #[test]
    fn weights_steer_the_choice() {
        let mut dice = Dice::named(7, "weights");
        let mut drawn = [0_u32; 3];
        for _ in 0..10_000 {
            drawn[dice.weighted(&[10, 0, 30])] += 1;
        }
        assert_eq!(drawn[1], 0);
        assert!((2_300..2_700).contains(&drawn[0]), "{drawn:?}");
    }
}
