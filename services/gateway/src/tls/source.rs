//! How much of something each network source holds.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The bits of an IPv6 address that one network chooses freely.
const IPV6_HOST_BITS: u128 = u64::MAX as u128;

/// Counts seats per source, up to a limit. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    max: usize,
    counts: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// A seat that is taken until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    tally: Tally,
    source: IpAddr,
}

impl Tally {
    /// At most so many seats per source.
    pub(super) fn new(max: usize) -> Self {
        Self { max, counts: Arc::default() }
    }

    /// Takes a seat; none when the source has all it may have. An IPv6 source is its /64.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Seat> {
        let source = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(source).or_default();
        if *count >= self.max {
            return None;
        }
        *count = count.saturating_add(1);
        drop(counts);
        Some(Seat { tally: self.clone(), source })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.tally.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

/// What counts as one source: an IPv4 address, or the /64 of an IPv6 address.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !IPV6_HOST_BITS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_gets_so_many_seats_and_gets_them_back() {
        let tally = Tally::new(2);
        let first = tally.enter(ip("10.0.0.1")).unwrap();
        let _second = tally.enter(ip("::ffff:10.0.0.1")).unwrap();
        assert!(tally.enter(ip("10.0.0.1")).is_none());
        let other = tally.enter(ip("10.0.0.2"));
        assert!(other.is_some());
        drop(first);
        assert!(tally.enter(ip("10.0.0.1")).is_some());
        drop(other);
        assert_eq!(tally.counts.lock().unwrap().len(), 1, "sources without seats are forgotten");
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let tally = Tally::new(1);
        let _seat = tally.enter(ip("2001:db8:0:1::1")).unwrap();
        assert!(tally.enter(ip("2001:db8:0:1:ffff::2")).is_none());
        assert!(tally.enter(ip("2001:db8:0:2::1")).is_some());
    }
}
