//! A line for each event: as text, or as JSON.

use std::fmt;

use serde_json::{Map, Value};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::fields::{self, Said, Stated};

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: an object a line.
    Json,
}

impl<S, N> FormatEvent<S, N> for LogFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut said = Said::default();
        event.record(&mut said);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let place = context.lookup_current().and_then(|span| fields::place(&span.id()));
        let trace = place.map(|place| place.trace_id().to_string());
        let line = Line { time: &time, event, said, trace };
        match self {
            Self::Text => line.text(&mut to),
            Self::Json => line.json(&mut to),
        }
    }
}

struct Line<'a> {
    time: &'a str,
    event: &'a Event<'a>,
    said: Said,
    trace: Option<String>,
}

impl Line<'_> {
    fn text(&self, to: &mut Writer<'_>) -> fmt::Result {
        let Self { time, event, said, trace } = self;
        let (level, target) = (event.metadata().level(), event.metadata().target());
        write!(to, "{time} {level:>5} {target}: {}", said.message)?;
        for Stated { name, value, is_text } in &said.fields {
            if *is_text || value.is_empty() || value.contains([' ', '"', '=']) {
                write!(to, " {name}={value:?}")?;
            } else {
                write!(to, " {name}={value}")?;
            }
        }
        if let Some(trace) = trace {
            write!(to, " trace_id={trace}")?;
        }
        writeln!(to)
    }

    fn json(self, to: &mut Writer<'_>) -> fmt::Result {
        let Self { time, event, said, trace } = self;
        let metadata = event.metadata();
        let mut object = Map::new();
        let mut put = |name: &str, value: String| object.insert(name.to_owned(), value.into());
        put("time", time.to_owned());
        put("level", metadata.level().as_str().to_owned());
        put("target", metadata.target().to_owned());
        put("message", said.message);
        if let Some(trace) = trace {
            put("trace_id", trace);
        }
        let stated = said.fields.into_iter();
        let fields = stated.map(|Stated { name, value, .. }| (name.to_owned(), value.into()));
        object.insert("fields".to_owned(), Value::Object(fields.collect()));
        writeln!(to, "{}", Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt as _, prelude::*};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while something is done.
    fn written(format: LogFormat, act: impl FnOnce()) -> String {
        let page = Page::default();
        let to = page.clone();
        let lines = tracing_subscriber::fmt::layer()
            .event_format(format)
            .with_writer(move || to.clone())
            .with_filter(filter_fn(fields::passes));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), act);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    const TWO_LINES: &str = "a\r\nfake \u{1b}[2J\u{202e}";

    #[test]
    fn t26_an_event_is_one_line_whatever_stands_in_it() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = written(format, || {
                tracing::warn!(why = TWO_LINES, error = %TWO_LINES, "message {TWO_LINES}");
            });
            assert_eq!(text.lines().count(), 1, "{text}");
            let bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(bad), "{text:?}");
            assert!(text.contains("WARN") && text.contains("fake"), "{text}");
        }
    }

    #[test]
    fn a_line_of_json_is_an_object() {
        let text = written(LogFormat::Json, || tracing::info!(told = 3, why = "x y", "done"));
        let object: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(object["message"], "done");
        assert_eq!(object["fields"]["told"], "3");
        assert_eq!(object["fields"]["why"], "x y");
        let text = written(LogFormat::Text, || tracing::info!(told = 3, why = "x y", "done"));
        assert!(text.ends_with("done told=3 why=\"x y\"\n"), "{text}");
    }

    #[test]
    fn t27_what_is_not_on_the_list_is_not_written() {
        let text = written(LogFormat::Text, || {
            tracing::error!(note = "canary", "ours");
            tracing::warn!(target: "h2::codec", headers = "canary", "of a library");
            tracing::info!(target: "h2::codec", "canary");
            tracing::trace!(target: "rustls::conn", "canary");
            tracing::trace!(target: "openraft::core", "canary");
        });
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("of a library") && !text.contains("ours"), "{text}");
    }
}
