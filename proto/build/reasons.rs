//! Makes the Rust source of `Reason` and `Code` from the table of errors.
//!
//! Also used by the test that shows what a malformed table is refused for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The gRPC status codes that refuse a call: variant, name on the wire, number.
/// Source: the gRPC core documentation, `statuscodes.md`.
const CODES: [(&str, &str, u8); 16] = [
    ("Cancelled", "CANCELLED", 1),
    ("Unknown", "UNKNOWN", 2),
    ("InvalidArgument", "INVALID_ARGUMENT", 3),
    ("DeadlineExceeded", "DEADLINE_EXCEEDED", 4),
    ("NotFound", "NOT_FOUND", 5),
    ("AlreadyExists", "ALREADY_EXISTS", 6),
    ("PermissionDenied", "PERMISSION_DENIED", 7),
    ("ResourceExhausted", "RESOURCE_EXHAUSTED", 8),
    ("FailedPrecondition", "FAILED_PRECONDITION", 9),
    ("Aborted", "ABORTED", 10),
    ("OutOfRange", "OUT_OF_RANGE", 11),
    ("Unimplemented", "UNIMPLEMENTED", 12),
    ("Internal", "INTERNAL", 13),
    ("Unavailable", "UNAVAILABLE", 14),
    ("DataLoss", "DATA_LOSS", 15),
    ("Unauthenticated", "UNAUTHENTICATED", 16),
];

const KEYS: [&str; 11] = [
    "reason",
    "code",
    "retryable",
    "text",
    "text_sv",
    "remedy",
    "why",
    "operator",
    "field",
    "current",
    "related",
];

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    /// The stable id, such as `VERSION_CONFLICT`.
    pub(crate) id: String,
    /// The gRPC status by name, such as `ABORTED`.
    pub(crate) code: String,
    /// Whether the same request can succeed later.
    pub(crate) retryable: bool,
    /// What happened.
    pub(crate) text: String,
    /// What happened, in Swedish.
    pub(crate) text_sv: String,
    /// What the caller does about it.
    pub(crate) remedy: String,
    /// What usually brings it about.
    pub(crate) why: String,
    /// What whoever runs the gateway looks at.
    pub(crate) operator: String,
    /// A field that is often at fault; empty when no field is.
    pub(crate) field: String,
    /// Whether the details hold the number that is in force now.
    pub(crate) current: bool,
    /// Reasons that are easily taken for this one.
    pub(crate) related: Vec<String>,
}

impl Row {
    fn variant(&self) -> String {
        variant_of(&self.id)
    }
}

/// Reads the table.
///
/// # Errors
/// The first row that has an unknown, missing or badly formed value, by its place or id.
pub(crate) fn parse(table: &str) -> Result<Vec<Row>, String> {
    let table: toml::Table = table.parse().map_err(|error| format!("errors.toml: {error}"))?;
    let rows = table.get("error").and_then(toml::Value::as_array).ok_or("no [[error]] rows")?;
    if let Some(key) = table.keys().find(|key| *key != "error") {
        return Err(format!("unknown key `{key}` outside [[error]]"));
    }
    let rows = (1..)
        .zip(rows)
        .map(|(place, row)| {
            row_of(row).map_err(|error| format!("[[error]] number {place}: {error}"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    if let Some(row) = rows.iter().find(|row| !seen.insert(row.id.as_str())) {
        return Err(format!("reason `{}` stands twice", row.id));
    }
    for row in &rows {
        let lost = |other: &&String| **other == row.id || !seen.contains(other.as_str());
        if let Some(other) = row.related.iter().find(lost) {
            return Err(format!("`{}`: related `{other}` is no other reason", row.id));
        }
    }
    Ok(rows)
}

/// Makes the Rust source.
///
/// # Errors
/// As [`parse`].
pub(crate) fn generate(table: &str) -> Result<String, String> {
    let rows = parse(table)?;
    source_of(&rows).map_err(|error| error.to_string())
}

fn row_of(row: &toml::Value) -> Result<Row, String> {
    let row = row.as_table().ok_or("not a table")?;
    if let Some(key) = row.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("unknown key `{key}`"));
    }
    let id = text_of(row, "reason")?;
    if !id.split('_').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase())) {
        return Err(format!("reason `{id}` is not of the form UPPER_CASE"));
    }
    let code = text_of(row, "code")?;
    if !CODES.iter().any(|(_, name, _)| *name == code) {
        return Err(format!("`{id}`: `{code}` is no gRPC status"));
    }
    let flag = |key: &str| match row.get(key).map(toml::Value::as_bool) {
        Some(Some(value)) => Ok(Some(value)),
        Some(None) => Err(format!("`{id}`: `{key}` is not true or false")),
        None => Ok(None),
    };
    let retryable = flag("retryable")?.ok_or_else(|| format!("`{id}`: `retryable` is missing"))?;
    let current = flag("current")?.unwrap_or_default();
    let sentence = |key| {
        let text = text_of(row, key)?;
        if text.starts_with(char::is_uppercase) || text.ends_with('.') || text.contains('\n') {
            return Err(format!("`{id}`: `{key}` starts lower case, on one line, no full stop"));
        }
        Ok(text)
    };
    Ok(Row {
        code,
        retryable,
        text: sentence("text")?,
        text_sv: sentence("text_sv")?,
        remedy: sentence("remedy")?,
        why: sentence("why")?,
        operator: sentence("operator")?,
        field: if row.contains_key("field") { text_of(row, "field")? } else { String::new() },
        current,
        related: related(row).ok_or_else(|| format!("`{id}`: `related` is no list of reasons"))?,
        id,
    })
}

fn related(row: &toml::Table) -> Option<Vec<String>> {
    let all = row.get("related")?.as_array()?;
    all.iter().map(|one| one.as_str().map(str::to_owned)).collect()
}

fn text_of(row: &toml::Table, key: &str) -> Result<String, String> {
    match row.get(key).and_then(toml::Value::as_str) {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(format!("`{key}` is missing, empty or not a text")),
    }
}

fn source_of(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    reason_enum(&mut out, rows)?;
    out.push_str("impl Reason {\n/// Every reason, in the order of the table.\n");
    let all: Vec<String> = rows.iter().map(|row| format!("Self::{}", row.variant())).collect();
    writeln!(out, "pub const ALL: &'static [Self] = &[{}];", all.join(", "))?;
    let text = "&'static str";
    method(&mut out, rows, ["id", text, "The stable id in `ErrorInfo`."], |row| quoted(&row.id))?;
    let code = |row: &Row| format!("Code::{}", variant_of(&row.code));
    method(&mut out, rows, ["code", "Code", "The gRPC status."], code)?;
    let doc = "Whether the same bytes, sent again with the same idempotency key, can succeed.";
    method(&mut out, rows, ["retryable", "bool", doc], |row| row.retryable.to_string())?;
    let doc = "What happened, without a word of what the caller sent.";
    method(&mut out, rows, ["text", text, doc], |row| quoted(&row.text))?;
    let doc = "What happened, in Swedish.";
    method(&mut out, rows, ["text_sv", text, doc], |row| quoted(&row.text_sv))?;
    let doc = "What the caller does about it.";
    method(&mut out, rows, ["remedy", text, doc], |row| quoted(&row.remedy))?;
    let doc = "What usually brings it about.";
    method(&mut out, rows, ["cause", text, doc], |row| quoted(&row.why))?;
    let doc = "What whoever runs the gateway looks at.";
    method(&mut out, rows, ["for_operator", text, doc], |row| quoted(&row.operator))?;
    let doc = "A field that is often at fault; empty when no field is.";
    method(&mut out, rows, ["often_at", text, doc], |row| quoted(&row.field))?;
    let doc = "Whether the details hold the number that is in force now, as `current`.";
    method(&mut out, rows, ["names_current", "bool", doc], |row| row.current.to_string())?;
    let doc = "Reasons that are easily taken for this one, or that come with it.";
    let others = |row: &Row| {
        let all: Vec<_> =
            row.related.iter().map(|id| format!("Self::{}", variant_of(id))).collect();
        format!("&[{}]", all.join(", "))
    };
    method(&mut out, rows, ["related", "&'static [Self]", doc], others)?;
    from_id(&mut out, rows)?;
    out.push_str("}\nimpl std::fmt::Display for Reason {\n");
    out.push_str("fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {\n");
    out.push_str("f.write_str(self.id())\n}\n}\n");
    code_enum(&mut out)?;
    Ok(out)
}

fn reason_enum(out: &mut String, rows: &[Row]) -> std::fmt::Result {
    out.push_str("/// Why a call was refused. Made from `errors.toml`.\n");
    out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n");
    out.push_str("pub enum Reason {\n");
    for row in rows {
        writeln!(out, "/// `{}`: {}.\n{},", row.id, row.text, row.variant())?;
    }
    out.push_str("}\n");
    Ok(())
}

fn code_enum(out: &mut String) -> std::fmt::Result {
    out.push_str("/// A gRPC status other than OK.\n");
    out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n");
    out.push_str("pub enum Code {\n");
    for (variant, name, _) in CODES {
        writeln!(out, "/// `{name}`.\n{variant},")?;
    }
    out.push_str("}\nimpl Code {\n/// The number on the wire.\n");
    out.push_str("#[must_use] pub const fn number(self) -> u8 { match self {\n");
    for (variant, _, number) in CODES {
        writeln!(out, "Self::{variant} => {number},")?;
    }
    out.push_str("} }\n/// The name in the gRPC documentation.\n");
    out.push_str("#[must_use] pub const fn name(self) -> &'static str { match self {\n");
    for (variant, name, _) in CODES {
        writeln!(out, "Self::{variant} => {name:?},")?;
    }
    out.push_str("} }\n}\n");
    Ok(())
}

/// A method with a value for each reason: its name, type and documentation. The arms share a line,
/// so that the function stays short for whoever counts.
fn method(
    out: &mut String,
    rows: &[Row],
    [name, kind, doc]: [&str; 3],
    value: impl Fn(&Row) -> String,
) -> std::fmt::Result {
    let arm = |row: &Row| format!("Self::{} => {},", row.variant(), value(row));
    let arms: Vec<String> = rows.iter().map(arm).collect();
    writeln!(out, "/// {doc}\n#[must_use]\npub const fn {name}(self) -> {kind} {{")?;
    writeln!(out, "match self {{ {} }}\n}}", arms.join(" "))
}

fn from_id(out: &mut String, rows: &[Row]) -> std::fmt::Result {
    let arm = |row: &Row| format!("{:?} => Some(Self::{}),", row.id, row.variant());
    let arms: Vec<String> = rows.iter().map(arm).collect();
    out.push_str("/// The reason with this id, if there is one.\n#[must_use]\n");
    out.push_str("pub fn from_id(id: &str) -> Option<Self> {\n");
    writeln!(out, "match id {{ {} _ => None }}\n}}", arms.join(" "))
}

/// `VERSION_CONFLICT` as `VersionConflict`.
fn variant_of(id: &str) -> String {
    id.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase()))
        })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("{text:?}")
}
