//! The tables of `docs/protocol.md` are those of the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use samsyn_domain::commit::fields::{Field, Form, Table, Type, form};
use samsyn_domain::commit::object::ObjectKind;
use samsyn_domain::commit::position::Position;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
const BEGIN: &str = "<!-- tables: begin -->\n";
const END: &str = "<!-- tables: end -->\n";

const KINDS: [ObjectKind; 6] = [
    ObjectKind::Observation,
    ObjectKind::Series,
    ObjectKind::Assessment,
    ObjectKind::Cell,
    ObjectKind::Decision,
    ObjectKind::Analysis,
];

fn type_name(holds: Type) -> String {
    match holds {
        Type::Integer(i64::MIN, i64::MAX) => "i64".into(),
        Type::Integer(least, i64::MAX) => format!("i64, at least {least}"),
        Type::Integer(least, greatest) => format!("i64, {least} to {greatest}"),
        Type::Text => "text".into(),
        Type::Bytes(length) => format!("bytes, {length}"),
        Type::Bool => "bool".into(),
        Type::Texts => "set of text".into(),
        Type::BytesSet(length) => format!("set of bytes, {length}"),
        Type::Message(name, _) => format!("message `{name}`"),
        Type::Messages(name, _) => format!("set of message `{name}`"),
    }
}

fn row(field: &Field) -> String {
    let with: Vec<_> = field.with.iter().map(u16::to_string).collect();
    let there = match (field.always, with.as_slice()) {
        (true, _) => "always".to_owned(),
        (false, []) => "may be left out".to_owned(),
        (false, with) => format!("only with {}", with.join(" and ")),
    };
    format!("| {} | {} | {} | {there} |\n", field.number, field.name, type_name(field.holds))
}

fn rows(table: Table) -> String {
    let head = "| field | name | type | there |\n|---|---|---|---|\n";
    table.iter().fold(head.to_owned(), |page, field| page + &row(field))
}

fn nested(table: Table, found: &mut BTreeMap<&'static str, Table>) {
    for field in table {
        if let Type::Message(name, inner) | Type::Messages(name, inner) = field.holds {
            found.insert(name, inner);
            nested(inner, found);
        }
    }
}

fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Observation => "observation",
        ObjectKind::Series => "series",
        ObjectKind::Assessment => "assessment",
        ObjectKind::Cell => "cell",
        ObjectKind::Decision => "decision",
        ObjectKind::Analysis => "analysis",
    }
}

fn tables() -> String {
    let mut page = String::new();
    let mut messages = BTreeMap::new();
    for kind in KINDS {
        writeln!(page, "#### Kind {}: {}\n", kind.code(), kind_name(kind)).unwrap();
        let forms: Vec<(Position, Form)> =
            Position::all().filter_map(|at| Some((at, form(kind, at)?))).collect();
        for (at, form) in forms {
            nested(form.table, &mut messages);
            let (group, variant) = (at.index() / 4, at.index() % 4);
            let absent = match (form.table, form.absent) {
                ([], _) => "Always `absent`.",
                (_, true) => "May be `absent`.",
                (_, false) => "Never `absent`.",
            };
            let name = format!("{:?}", at.group()).to_lowercase();
            writeln!(
                page,
                "**p = {}**, group {group} {name}, variant {variant}. {absent}\n",
                at.index()
            )
            .unwrap();
            if !form.table.is_empty() {
                writeln!(page, "{}", rows(form.table)).unwrap();
            }
        }
    }
    for (name, table) in messages {
        writeln!(page, "#### Message `{name}`\n\n{}", rows(table)).unwrap();
    }
    page
}

#[test]
fn the_tables_of_the_page_are_those_of_the_code() {
    let page = std::fs::read_to_string(PATH).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let made = format!("\n{}", tables());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, [before, BEGIN, &made, END, after].concat()).unwrap();
    } else {
        assert!(shown == made, "the tables of the page differ from the code");
    }
}

#[test]
fn tables_are_in_ascending_order_of_number() {
    let mut messages = BTreeMap::new();
    for (kind, at) in KINDS.into_iter().flat_map(|kind| Position::all().map(move |at| (kind, at))) {
        let Some(form) = form(kind, at) else { continue };
        assert!(form.table.is_sorted_by(|left, right| left.number < right.number));
        nested(form.table, &mut messages);
    }
    for table in messages.values() {
        assert!(table.is_sorted_by(|left, right| left.number < right.number));
    }
}
