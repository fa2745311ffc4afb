//! The metrics: one table, from which the code makes its instruments and `docs/metrics.md` is made.
//!
//! Labels take their values from closed sets only. What grows with callers, areas or content is no
//! label.

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often values fell into which range.
    Histogram,
}

#[cfg(test)]
impl Kind {
    /// Its word in the documentation.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A label: its name, and the closed set that its values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) name: &'static str,
    pub(crate) values: &'static str,
}

/// A metric. Units are those of UCUM, as OpenTelemetry writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    pub(crate) labels: &'static [Label],
}

#[cfg(test)]
impl Row {
    /// Its name where Prometheus scrapes it.
    pub(crate) fn scraped(&self) -> String {
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.name.replace('.', "_"))
    }
}

pub(crate) const METHOD: Label = Label {
    name: "method",
    values: "the methods of the interface, of health and of reflection; `unknown` for any other",
};
pub(crate) const CODE: Label = Label { name: "code", values: "the status codes of gRPC" };
pub(crate) const REASON: Label =
    Label { name: "reason", values: "the reasons of docs/errors.md; empty where a call went well" };
pub(crate) const STATE: Label = Label { name: "state", values: "`used`, `idle`, `leaving`" };
pub(crate) const OUTCOME: Label =
    Label { name: "outcome", values: "`accepted`, or the word of the log for why it was refused" };
pub(crate) const VERB: Label = Label { name: "verb", values: "the verbs of the log" };
pub(crate) const DONE: Label = Label { name: "outcome", values: "`done`, `refused`, `failed`" };
pub(crate) const ANCHOR: Label = Label { name: "anchor", values: "the configured anchors" };
pub(crate) const ALARM: Label = Label { name: "alarm", values: "the words of docs/operate.md" };
pub(crate) const LINK_STATE: Label =
    Label { name: "state", values: "`open`, `unreached`, `paused`, `frozen`" };
pub(crate) const SIGNAL: Label = Label { name: "signal", values: "`traces`, `logs`" };
pub(crate) const SENT: Label = Label { name: "outcome", values: "`sent`, `failed`, `dropped`" };

pub(crate) const CALLS: Row = Row {
    name: "samsyn.calls",
    kind: Kind::Counter,
    unit: "{call}",
    help: "Calls that ended. Refusals for quota and overload are here, by their reason",
    labels: &[METHOD, CODE, REASON],
};
pub(crate) const CALL_DURATION: Row = Row {
    name: "samsyn.call.duration",
    kind: Kind::Histogram,
    unit: "s",
    help: "How long a call took until its answer was given; streams are not in it",
    labels: &[METHOD],
};
pub(crate) const STREAMS: Row = Row {
    name: "samsyn.streams",
    kind: Kind::Gauge,
    unit: "{stream}",
    help: "Open streams",
    labels: &[METHOD],
};
pub(crate) const GIVEN_ROWS: Row = Row {
    name: "samsyn.given.rows",
    kind: Kind::Counter,
    unit: "{row}",
    help: "Rows given or taken in: observations, findings, events, lines",
    labels: &[METHOD],
};
pub(crate) const GIVEN: Row = Row {
    name: "samsyn.given",
    kind: Kind::Counter,
    unit: "By",
    help: "Bytes of answers",
    labels: &[METHOD],
};
pub(crate) const FEED_LAG: Row = Row {
    name: "samsyn.feed.lag",
    kind: Kind::Histogram,
    unit: "s",
    help: "How long after a change was applied it was ready for a stream, disclosure recorded",
    labels: &[],
};
pub(crate) const CONNECTIONS: Row = Row {
    name: "samsyn.connections",
    kind: Kind::Gauge,
    unit: "{connection}",
    help: "Open connections",
    labels: &[STATE],
};
pub(crate) const HANDSHAKES: Row = Row {
    name: "samsyn.handshakes",
    kind: Kind::Counter,
    unit: "{handshake}",
    help: "Handshakes that ended",
    labels: &[OUTCOME],
};
pub(crate) const CHANGES: Row = Row {
    name: "samsyn.changes",
    kind: Kind::Counter,
    unit: "{change}",
    help: "Changes that were proposed to the log",
    labels: &[VERB, DONE],
};
pub(crate) const CHANGE_DURATION: Row = Row {
    name: "samsyn.change.duration",
    kind: Kind::Histogram,
    unit: "s",
    help: "How long a change took from its proposal until it was committed and applied",
    labels: &[VERB],
};
pub(crate) const DISCLOSURES: Row = Row {
    name: "samsyn.disclosures",
    kind: Kind::Counter,
    unit: "{disclosure}",
    help: "Disclosures that were recorded",
    labels: &[],
};
pub(crate) const LOG_APPLIED: Row = Row {
    name: "samsyn.log.applied",
    kind: Kind::Gauge,
    unit: "{entry}",
    help: "The position of the log up to which state has come",
    labels: &[],
};
pub(crate) const LOG_SIZE: Row = Row {
    name: "samsyn.log.size",
    kind: Kind::Gauge,
    unit: "By",
    help: "The size of the log on disk",
    labels: &[],
};
pub(crate) const LOG_WAITING: Row = Row {
    name: "samsyn.log.waiting",
    kind: Kind::Gauge,
    unit: "{change}",
    help: "Changes that wait for their answer",
    labels: &[],
};
pub(crate) const CERTIFICATE_LEFT: Row = Row {
    name: "samsyn.certificate.left",
    kind: Kind::Gauge,
    unit: "s",
    help: "Until the server's certificate ends",
    labels: &[],
};
pub(crate) const LIST_LEFT: Row = Row {
    name: "samsyn.revocation_list.left",
    kind: Kind::Gauge,
    unit: "s",
    help: "Until a revocation list ends, of several under an anchor the first",
    labels: &[ANCHOR],
};
pub(crate) const ALARMS: Row = Row {
    name: "samsyn.alarms",
    kind: Kind::Gauge,
    unit: "{alarm}",
    help: "Alarms that last",
    labels: &[ALARM],
};
pub(crate) const LINKS: Row = Row {
    name: "samsyn.links",
    kind: Kind::Gauge,
    unit: "{link}",
    help: "Links with other domains, on the node that leads",
    labels: &[LINK_STATE],
};
pub(crate) const LINKS_WAITING: Row = Row {
    name: "samsyn.links.waiting",
    kind: Kind::Gauge,
    unit: "{envelope}",
    help: "What other domains have not taken in yet, of all links",
    labels: &[],
};
pub(crate) const LINKS_LAG: Row = Row {
    name: "samsyn.links.lag",
    kind: Kind::Gauge,
    unit: "s",
    help: "Since when the oldest waits that another domain has not taken in; 0 where nothing does",
    labels: &[],
};
pub(crate) const LINKS_QUARANTINED: Row = Row {
    name: "samsyn.links.quarantined",
    kind: Kind::Gauge,
    unit: "{envelope}",
    help: "What came from other domains and was set aside, of all links",
    labels: &[],
};
pub(crate) const LINKS_PICTURES: Row = Row {
    name: "samsyn.links.pictures_refused",
    kind: Kind::Gauge,
    unit: "{picture}",
    help: "Own pictures whose last contribution another domain has not taken, of all links",
    labels: &[],
};
pub(crate) const LINKS_VIEWS: Row = Row {
    name: "samsyn.links.views_incomplete",
    kind: Kind::Gauge,
    unit: "{view}",
    help: "Views of joint pictures that other domains deliver and that are not whole, of all links",
    labels: &[],
};
pub(crate) const EXPORTED: Row = Row {
    name: "samsyn.exported",
    kind: Kind::Counter,
    unit: "{item}",
    help: "Spans and log lines for the collector; dropped are those that a full queue left out",
    labels: &[SIGNAL, SENT],
};
pub(crate) const MEMORY: Row = Row {
    name: "process.resident_memory",
    kind: Kind::Gauge,
    unit: "By",
    help: "Memory of the process",
    labels: &[],
};
pub(crate) const FILES: Row = Row {
    name: "process.open_fds",
    kind: Kind::Gauge,
    unit: "{file}",
    help: "Open files and sockets of the process",
    labels: &[],
};

/// All of them.
#[cfg(test)]
pub(crate) const ALL: [Row; 26] = [
    CALLS,
    CALL_DURATION,
    STREAMS,
    GIVEN_ROWS,
    GIVEN,
    FEED_LAG,
    CONNECTIONS,
    HANDSHAKES,
    CHANGES,
    CHANGE_DURATION,
    DISCLOSURES,
    LOG_APPLIED,
    LOG_SIZE,
    LOG_WAITING,
    CERTIFICATE_LEFT,
    LIST_LEFT,
    ALARMS,
    LINKS,
    LINKS_WAITING,
    LINKS_LAG,
    LINKS_QUARANTINED,
    LINKS_PICTURES,
    LINKS_VIEWS,
    EXPORTED,
    MEMORY,
    FILES,
];
