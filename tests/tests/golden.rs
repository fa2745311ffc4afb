//! Pages that are made from one source, kept as files and reviewed as diffs.

use std::fmt::{self, Write as _};
use std::{fs, io};

use samsyn_tests::{golden, project_root};

#[path = "../../proto/build/reasons.rs"]
mod reasons;

#[path = "../../services/gateway/src/telemetry/table.rs"]
mod metrics;

const INTRODUCTION: &str = "\
<!-- Made from proto/errors.toml: UPDATE=1 cargo test -p samsyn-tests --test golden -->
# Errors

A refused call ends with a gRPC status whose details hold `google.rpc.ErrorInfo`: the domain
`samsyn` and one of the reasons below. Build on the reason, never on the message. `BadRequest`
names the fields where there are any, `RetryInfo` says how long to wait where a retry helps.

*Retry* says whether the same bytes, sent again with the same idempotency key, can succeed. A reason
is never renamed and never changes its status within a version of the interface; new ones may come,
so treat an unknown reason by its status.
";

#[test]
fn error_page_is_made_from_the_error_table() -> io::Result<()> {
    let rows = reasons::parse(&error_table()?).map_err(io::Error::other)?;
    golden("docs/errors.md", &page_of(&rows).map_err(io::Error::other)?)
}

const METRICS: &str = "\
<!-- Made from the gateway's table: UPDATE=1 cargo test -p samsyn-tests --test golden -->
# Metrics

What a gateway counts and measures. *Scraped* is the name at `/metrics` for Prometheus; *exported*
the one that a collector gets over OTLP. Labels take their values from closed sets: no service, no
area, nothing that a caller wrote. A name is not changed within a version of the interface; new ones
may come.
";

#[test]
fn metrics_page_is_made_from_the_table_of_metrics() -> io::Result<()> {
    golden("docs/metrics.md", &metrics_page().map_err(io::Error::other)?)
}

fn metrics_page() -> Result<String, fmt::Error> {
    let mut page = METRICS.to_owned();
    page.push_str("\n| scraped | exported | kind | unit | labels | what it says |\n");
    page.push_str("|---|---|---|---|---|---|\n");
    for row in metrics::ALL {
        let names: Vec<String> = row.labels.iter().map(|l| format!("`{}`", l.name)).collect();
        let names = if names.is_empty() { "–".to_owned() } else { names.join(", ") };
        let metrics::Row { name, kind, unit, help, .. } = row;
        let (scraped, kind) = (row.scraped(), kind.word());
        writeln!(page, "| `{scraped}` | `{name}` | {kind} | `{unit}` | {names} | {help} |")?;
    }
    page.push_str("\n| label | of | its values |\n|---|---|---|\n");
    for row in metrics::ALL {
        for label in row.labels {
            writeln!(page, "| `{}` | `{}` | {} |", label.name, row.scraped(), label.values)?;
        }
    }
    Ok(page)
}

#[test]
fn error_table_makes_a_variant_and_an_arm_for_each_reason() -> io::Result<()> {
    let table = error_table()?;
    let source = reasons::generate(&table).map_err(io::Error::other)?;
    for row in reasons::parse(&table).map_err(io::Error::other)? {
        assert!(source.contains(&format!("/// `{}`: {}.", row.id, row.text)), "{}", row.id);
        assert!(source.contains(&format!("{:?} => Some(Self::", row.id)), "{}", row.id);
    }
    Ok(())
}

#[test]
fn refusals_of_the_domain_are_all_in_the_error_table() -> io::Result<()> {
    let rows = reasons::parse(&error_table()?).map_err(io::Error::other)?;
    for reason in samsyn_domain::Reason::ALL {
        assert!(rows.iter().any(|row| row.id == reason.id()), "`{}` has no row", reason.id());
    }
    Ok(())
}

#[test]
fn error_table_refuses_what_is_malformed() {
    let good = "[[error]]\nreason = \"A_B\"\ncode = \"ABORTED\"\nretryable = false\n\
                text = \"a\"\ntext_sv = \"b\"\nremedy = \"c\"\n";
    assert!(reasons::parse(good).is_ok());
    let bad = [
        (good.replace("A_B", "a_b"), "UPPER_CASE"),
        (good.replace("A_B", "A__B"), "UPPER_CASE"),
        (good.replace("ABORTED", "GONE"), "no gRPC status"),
        (good.replace("false", "\"no\""), "true or false"),
        (good.replace("remedy = \"c\"\n", ""), "`remedy` is missing"),
        (good.replace("\"b\"", "\" \""), "`text_sv` is missing"),
        (good.replace("\"a\"", "\"A\""), "lower case"),
        (good.replace("\"c\"", "\"c.\""), "no full stop"),
        (good.replace("remedy", "hint = \"d\"\nremedy"), "unknown key `hint`"),
        (good.repeat(2), "stands twice"),
        (format!("other = 1\n{good}"), "unknown key `other`"),
        (String::new(), "no [[error]] rows"),
    ];
    for (table, expected) in bad {
        let refused = reasons::parse(&table).expect_err(expected);
        assert!(refused.contains(expected), "{refused}");
    }
}

fn error_table() -> io::Result<String> {
    fs::read_to_string(project_root().join("proto/errors.toml"))
}

fn page_of(rows: &[reasons::Row]) -> Result<String, fmt::Error> {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| reason | status | retry |\n|---|---|---|\n");
    for row in rows {
        let (id, anchor, code) = (&row.id, row.id.to_ascii_lowercase(), &row.code);
        writeln!(page, "| [`{id}`](#{anchor}) | `{code}` | {} |", yes_or_no(row.retryable))?;
    }
    for row in rows {
        writeln!(page, "\n## {}\n", row.id)?;
        writeln!(page, "`{}`, retry: {}.\n", row.code, yes_or_no(row.retryable))?;
        writeln!(page, "- What happened: {}.", row.text)?;
        writeln!(page, "- På svenska: {}.", row.text_sv)?;
        writeln!(page, "- What to do: {}.", row.remedy)?;
    }
    Ok(page)
}

const fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
