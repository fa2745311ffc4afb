//! What is looked up at each scrape: state of the ledger, the connections, the alarms, the process.

use std::{collections::BTreeMap, fs};

use opentelemetry::metrics::AsyncInstrument;
use samsyn_domain::{DomainId, link::Phase};
use samsyn_federation::Links;
use samsyn_ledger::{Ledger, LinkFigures};

use super::{
    metrics::{Metrics, label},
    queue::Exported,
    table::{self, Row},
};
use crate::{alarms::Alarms, links::LinkState, tls::Tls};

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

impl Metrics {
    /// Has a ledger looked at.
    pub(crate) fn of_ledger(&self, ledger: &Ledger) {
        let (one, two, three) = (ledger.clone(), ledger.clone(), ledger.clone());
        self.gauge(&table::LOG_APPLIED, move |gauge| gauge.observe(one.figures().applied, &[]));
        self.gauge(&table::LOG_SIZE, move |gauge| gauge.observe(two.figures().log_bytes, &[]));
        self.gauge(&table::LOG_WAITING, move |gauge| {
            gauge.observe(count(three.figures().waiting), &[]);
        });
    }

    /// Has a listener looked at.
    pub(crate) fn of_listener(&self, tls: &Tls) {
        let connections = tls.connections();
        self.gauge(&table::CONNECTIONS, move |gauge| {
            for (state, number) in connections.states() {
                gauge.observe(count(number), &[label(table::STATE, state)]);
            }
        });
        let handshakes = tls.clone();
        self.counter(&table::HANDSHAKES, move |counter| {
            for (outcome, number) in handshakes.outcomes().counts() {
                counter.observe(number, &[label(table::OUTCOME, outcome)]);
            }
        });
        let (certificate, lists) = (tls.clone(), tls.clone());
        let left = move |gauge: &dyn AsyncInstrument<i64>| {
            gauge.observe(certificate.left().certificate, &[]);
        };
        self.signed_gauge(&table::CERTIFICATE_LEFT, left);
        self.signed_gauge(&table::LIST_LEFT, move |gauge| {
            for (anchor, left) in lists.left().lists {
                gauge.observe(left, &[label(table::ANCHOR, anchor)]);
            }
        });
    }

    /// Has the links with other domains looked at, where this node holds them.
    pub(crate) fn of_links(&self, ledger: &Ledger, links: &Links) {
        let (one, standing) = (ledger.clone(), links.clone());
        self.gauge(&table::LINKS, move |gauge| {
            let mut counts = BTreeMap::from(LinkState::ALL.map(|state| (state.as_str(), 0)));
            for (peer, figures) in figures(&one) {
                let session = standing.standing(&peer).session;
                let state = LinkState::of(&figures.link, session.is_some());
                *counts.entry(state.as_str()).or_default() += 1;
            }
            for (state, number) in counts {
                gauge.observe(number, &[label(table::LINK_STATE, state)]);
            }
        });
        let (waiting, lag) = (ledger.clone(), ledger.clone());
        let (aside, pictures, views) = (ledger.clone(), ledger.clone(), ledger.clone());
        self.gauge(&table::LINKS_WAITING, move |gauge| {
            let of = |figures: &LinkFigures| {
                count(figures.waiting).saturating_add(figures.link.in_flight())
            };
            gauge.observe(figures(&waiting).iter().map(|(_, figures)| of(figures)).sum(), &[]);
        });
        let links = links.clone();
        self.gauge(&table::LINKS_LAG, move |gauge| {
            let oldest = figures(&lag).into_iter().filter_map(|(_, figures)| figures.oldest).min();
            let micros = oldest.map_or(0, |at| links.now().micros().saturating_sub(at.micros()));
            gauge.observe(u64::try_from(micros / MICROS).unwrap_or_default(), &[]);
        });
        self.gauge(&table::LINKS_QUARANTINED, move |gauge| {
            let of = |(_, figures): &(_, LinkFigures)| count(figures.quarantined);
            gauge.observe(figures(&aside).iter().map(of).sum(), &[]);
        });
        self.gauge(&table::LINKS_PICTURES, move |gauge| {
            let of = |(_, figures): &(_, LinkFigures)| count(figures.pictures_refused);
            gauge.observe(figures(&pictures).iter().map(of).sum(), &[]);
        });
        self.gauge(&table::LINKS_VIEWS, move |gauge| {
            let all = figures(&views).into_iter().flat_map(|(_, figures)| figures.views_received);
            let incomplete = all.filter(|(received, _)| received.phase != Phase::Whole);
            gauge.observe(count(incomplete.count()), &[]);
        });
    }

    /// Has the alarms looked at.
    pub(crate) fn of_alarms(&self, alarms: &Alarms) {
        let alarms = alarms.clone();
        self.gauge(&table::ALARMS, move |gauge| {
            for (word, number) in alarms.counts() {
                gauge.observe(count(number), &[label(table::ALARM, word)]);
            }
        });
    }

    /// Has the process and what it sends to the collector looked at.
    pub(crate) fn of_process(&self, exported: Exported) {
        self.counter(&table::EXPORTED, move |counter| {
            for (signal, outcome, number) in exported.counts() {
                let labels = [label(table::SIGNAL, signal), label(table::SENT, outcome)];
                counter.observe(number, &labels);
            }
        });
        self.gauge(&table::MEMORY, |gauge| {
            if let Some(bytes) = resident_bytes() {
                gauge.observe(bytes, &[]);
            }
        });
        self.gauge(&table::FILES, |gauge| {
            if let Ok(open) = fs::read_dir("/proc/self/fd") {
                gauge.observe(count(open.count()), &[]);
            }
        });
    }

    fn gauge(&self, row: &Row, look: impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static) {
        let made = self.meter().u64_observable_gauge(row.name);
        made.with_unit(row.unit).with_description(row.help).with_callback(look).build();
    }

    fn signed_gauge(
        &self,
        row: &Row,
        look: impl Fn(&dyn AsyncInstrument<i64>) + Send + Sync + 'static,
    ) {
        let made = self.meter().i64_observable_gauge(row.name);
        made.with_unit(row.unit).with_description(row.help).with_callback(look).build();
    }

    fn counter(&self, row: &Row, look: impl Fn(&dyn AsyncInstrument<u64>) + Send + Sync + 'static) {
        let made = self.meter().u64_observable_counter(row.name);
        made.with_unit(row.unit).with_description(row.help).with_callback(look).build();
    }
}

/// The links, where this node holds them.
fn figures(ledger: &Ledger) -> Vec<(DomainId, LinkFigures)> {
    if !ledger.holds_links() {
        return Vec::new();
    }
    let registry = ledger.registry();
    registry.peers().map(|peer| (peer.id.clone(), ledger.link_figures(&peer.id))).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Memory of this process, where the system tells it (proc(5), `VmRSS`).
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
