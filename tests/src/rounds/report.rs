//! What rounds came to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use super::Fault;

/// What one round came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// What was done.
    pub fault: Fault,
    /// So many publications were acknowledged.
    pub acknowledged: usize,
    /// So many of them a node did not hold at the end.
    pub lost: u64,
    /// So much a node held that was not acknowledged, or twice.
    pub doubled: u64,
    /// From the strike on, the longest time from one acknowledgement to the next, of all parties.
    pub silent: Duration,
    /// The longest that one party waited for its answer.
    pub waited: Duration,
    /// How long after all was calm the reader of an area had seen the last revision.
    pub followed: Duration,
    /// How long it took until a node named a new leader, where one was to be found.
    pub elected: Option<Duration>,
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fault, acknowledged, lost, doubled, silent, waited, followed, elected } = self;
        let millis = Duration::as_millis;
        let elected = elected.map_or_else(|| "–".to_owned(), |took| took.as_millis().to_string());
        write!(
            f,
            "{fault:<22} acknowledged {acknowledged:>5}, lost {lost}, doubled {doubled}; a new \
             leader after {elected:>5} ms, nothing acknowledged for {:>5} ms, one party waited \
             {:>5} ms, the reader {:>5} ms",
            millis(silent),
            millis(waited),
            millis(followed)
        )
    }
}

/// What all rounds came to.
#[derive(Debug, Clone, Default)]
pub struct Report(Vec<Round>);

impl Report {
    pub(super) fn add(&mut self, round: Round) {
        self.0.push(round);
    }

    /// All rounds, in order.
    #[must_use]
    pub fn rounds(&self) -> &[Round] {
        &self.0
    }

    /// Whether nothing was lost and nothing doubled.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.0.iter().all(|round| (round.lost, round.doubled) == (0, 0))
    }
}

/// The middle, the 99th of a hundred, and the longest, in milliseconds.
fn spread(times: impl Iterator<Item = Duration>) -> String {
    let mut times: Vec<u128> = times.map(|time| time.as_millis()).collect();
    times.sort_unstable();
    // The smallest that so many of a hundred do not exceed.
    let at = |hundredths: usize| times.get((times.len() * hundredths).div_ceil(100).max(1) - 1);
    match at(50).zip(at(99)).zip(times.last()) {
        Some(((p50, p99), longest)) => format!("{p50} / {p99} / {longest}"),
        None => "–".to_owned(),
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, rounds: &[Round]) -> fmt::Result {
    let all = || rounds.iter();
    writeln!(
        f,
        "| {what} | {} | {} | {} | {} | {} | {} | {} | {} |",
        rounds.len(),
        all().map(|round| round.acknowledged).sum::<usize>(),
        all().map(|round| round.lost).sum::<u64>(),
        all().map(|round| round.doubled).sum::<u64>(),
        spread(all().filter_map(|round| round.elected)),
        spread(all().map(|round| round.silent)),
        spread(all().map(|round| round.waited)),
        spread(all().map(|round| round.followed)),
    )
}

/// A table in Markdown, a line a fault.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Times in ms: p50 / p99 / longest.\n\n\
             | fault | rounds | acknowledged | lost | doubled | a node names a new leader after | \
             nothing acknowledged for | one party waited | a reader after calm |\n\
             |---|---:|---:|---:|---:|---|---|---|---|"
        )?;
        let mut by_fault: BTreeMap<Fault, Vec<Round>> = BTreeMap::new();
        for round in &self.0 {
            by_fault.entry(round.fault).or_default().push(*round);
        }
        for (fault, rounds) in &by_fault {
            line(f, &fault.to_string(), rounds)?;
        }
        let taken = |round: &&Round| round.fault.takes_leader();
        let taken: Vec<Round> = self.0.iter().filter(taken).copied().collect();
        line(f, "**a leader lost**", &taken)?;
        line(f, "**all**", &self.0)?;
        let kinds: BTreeSet<Fault> = by_fault.into_keys().collect();
        let missing: Vec<String> =
            Fault::ALL.iter().filter(|kind| !kinds.contains(kind)).map(Fault::to_string).collect();
        if missing.is_empty() { Ok(()) } else { writeln!(f, "\nNot done: {}.", missing.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_middle_the_ninety_ninth_and_the_longest() {
        let millis = |of: std::ops::RangeInclusive<u64>| spread(of.map(Duration::from_millis));
        assert_eq!(millis(1..=200), "100 / 198 / 200");
        assert_eq!(millis(7..=7), "7 / 7 / 7");
        assert_eq!(spread(std::iter::empty()), "–");
    }

    #[test]
    fn what_was_lost_is_told() {
        let mut report = Report::default();
        assert!(report.is_clean());
        report.add(Round { acknowledged: 2, lost: 1, ..Round::default() });
        assert!(!report.is_clean());
        let text = report.to_string();
        assert!(text.contains("| leader killed | 1 | 2 | 1 | 0 |"), "{text}");
        assert!(text.contains("Not done: follower killed"), "{text}");
    }
}
