//! Pages that are made from one source, kept as files and reviewed as diffs.

use std::fmt::{self, Write as _};
use std::{fs, io};

use samsyn_proto::Reason;
use samsyn_tests::{golden, project_root};

#[path = "../../proto/build/reasons.rs"]
mod reasons;

#[path = "../../services/gateway/src/telemetry/table.rs"]
mod metrics;

#[test]
fn the_list_of_errors_and_its_pages_are_made_from_the_error_table() -> io::Result<()> {
    golden("docs/errors.md", &Reason::index())?;
    for reason in Reason::ALL {
        golden(&reason.page_path(), &reason.page())?;
    }
    Ok(())
}

#[test]
fn a_page_of_a_reason_that_is_gone_does_not_stay() -> io::Result<()> {
    for entry in fs::read_dir(project_root().join("docs/errors"))? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let reason = name.strip_suffix(".md").and_then(Reason::from_id);
        assert!(reason.is_some(), "`docs/errors/{name}` is the page of no reason; remove it");
    }
    Ok(())
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
                text = \"a\"\ntext_sv = \"b\"\nremedy = \"c\"\nwhy = \"d\"\n\
                operator = \"e\"\nrelated = []\n";
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
        (good.replace("retryable = false\n", ""), "`retryable` is missing"),
        (good.replace("operator = \"e\"", "operator = \"e\"\ncurrent = 1"), "true or false"),
        (good.replace("why = \"d\"\n", ""), "`why` is missing"),
        (good.replace("operator = \"e\"\n", ""), "`operator` is missing"),
        (good.replace("related = []\n", "related = []\nfield = \"\"\n"), "`field` is missing"),
        (good.replace("[]", "[1]"), "no list of reasons"),
        (good.replace("related = []\n", ""), "no list of reasons"),
        (good.replace("[]", "[\"C\"]"), "related `C` is no other reason"),
        (good.replace("[]", "[\"A_B\"]"), "related `A_B` is no other reason"),
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
