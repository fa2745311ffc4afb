//! What is told is what the table says.

use std::{collections::BTreeSet, time::Duration};

use samsyn_ledger::Ordered;
use samsyn_proto::Reason;
use tonic::Code;

use super::{
    metrics::{Ended, Metrics},
    queue::Exported,
    table,
};
use crate::alarms::Alarms;

/// What can be told without a gateway, told once.
fn told() -> String {
    let metrics = Metrics::new(None).unwrap();
    let method = "samsyn.v1.PictureService/PublishPicture".into();
    let (code, took) = (Code::ResourceExhausted, Some(Duration::from_millis(3)));
    let reason = Some(Reason::QuotaExceeded);
    metrics.call(&Ended { method: &method, code, reason, bytes: 7, took });
    metrics.stream(&method, 1);
    metrics.rows(&method, 2);
    metrics.fed(Duration::from_millis(3));
    let took = Duration::from_millis(4);
    metrics.ordered(&Ordered { verb: "publish", done: Some(true), took, disclosures: 1 });
    metrics.of_alarms(&Alarms::default());
    metrics.of_process(Exported::default());
    String::from_utf8(metrics.text().unwrap()).unwrap()
}

/// The labels of a line, without the bounds of a histogram.
fn labels(line: &str) -> BTreeSet<&str> {
    let inner = line.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    let pairs = inner.map_or("", |(inner, _)| inner).split(',');
    let names = pairs.filter_map(|pair| pair.split_once('=')).map(|(name, _)| name);
    names.filter(|name| *name != "le").collect()
}

#[test]
fn what_is_told_has_name_kind_and_labels_of_the_table() {
    let told = told();
    let mut seen = BTreeSet::new();
    let mut lines = told.lines();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("# TYPE ") else { continue };
        let (name, kind) = rest.split_once(' ').unwrap();
        let row = table::ALL.iter().find(|row| row.scraped() == name);
        let row = row.unwrap_or_else(|| panic!("`{name}` is not in the table"));
        assert_eq!(kind, row.kind.word(), "{name}");
        let listed: BTreeSet<&str> = row.labels.iter().map(|label| label.name).collect();
        let sample = lines.next().unwrap();
        assert_eq!(labels(sample), listed, "{sample}");
        seen.insert(row.name);
    }
    let looked_up_elsewhere =
        ["samsyn.log.", "samsyn.connections", "samsyn.handshakes", "samsyn.links", ".left"];
    for row in table::ALL {
        let elsewhere = looked_up_elsewhere.iter().any(|part| row.name.contains(part));
        assert!(elsewhere || seen.contains(row.name), "`{}` is never told", row.name);
    }
}

#[test]
fn a_refusal_for_quota_is_counted_by_its_reason() {
    let told = told();
    let line = told.lines().find(|line| line.starts_with("samsyn_calls_total{")).unwrap();
    for part in ["reason=\"QUOTA_EXCEEDED\"", "code=\"ResourceExhausted\"", "PublishPicture"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn names_are_told_apart_by_prometheus_as_well() {
    let names: BTreeSet<String> = table::ALL.iter().map(table::Row::scraped).collect();
    assert_eq!(names.len(), table::ALL.len());
}
