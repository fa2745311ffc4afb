//! Names of fields and oneofs in the interface are no keywords in Python, Java or C#: there a
//! generated client would have to be read through `getattr` or a mangled name.

use crate::tree::Tree;

/// Source: the Python language reference, section 2.3.1.
const PYTHON: &str = "\
    False None True and as assert async await break class continue def del elif else except \
    finally for from global if import in is lambda nonlocal not or pass raise return try while \
    with yield";
/// Source: the Java Language Specification, section 3.9, and its three literals.
const JAVA: &str = "\
    abstract assert boolean break byte case catch char class const continue default do double \
    else enum extends false final finally float for goto if implements import instanceof int \
    interface long native new null package private protected public return short static strictfp \
    super switch synchronized this throw throws transient true try void volatile while";
/// Source: the C# language reference, keywords that are always reserved.
const CSHARP: &str = "\
    abstract as base bool break byte case catch char checked class const continue decimal \
    default delegate do double else enum event explicit extern false finally fixed float for \
    foreach goto if implicit in int interface internal is lock long namespace new null object \
    operator out override params private protected public readonly ref return sbyte sealed short \
    sizeof stackalloc static string struct switch this throw true try typeof uint ulong \
    unchecked unsafe ushort using virtual void volatile while";

pub(crate) fn complaints(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.with_extension("proto") {
        for name in names_of(text) {
            for language in languages_of(&name) {
                found.push(format!("{path}: field `{name}` is a keyword of {language}"));
            }
        }
    }
    found
}

fn languages_of(name: &str) -> impl Iterator<Item = &'static str> {
    [("Python", PYTHON), ("Java", JAVA), ("C#", CSHARP)]
        .into_iter()
        .filter(move |(_, keywords)| keywords.split_whitespace().any(|keyword| keyword == name))
        .map(|(language, _)| language)
}

/// What a pair of braces holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Fields, of a message, a oneof or an extension.
    Fields,
    /// The value of an option, which is part of its statement.
    Value,
    /// Anything else: enum values, methods.
    Other,
}

/// The names of all fields and oneofs, in order.
fn names_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut blocks = Vec::new();
    let mut statement: Vec<String> = Vec::new();
    for token in tokens_of(text) {
        let block = blocks.last().copied();
        match token.as_str() {
            "{" => {
                let opened = opened_by(&statement);
                if let (Block::Fields, [oneof, name]) = (opened, statement.as_slice()) {
                    names.extend((oneof == "oneof").then(|| name.clone()));
                }
                if opened != Block::Value {
                    statement.clear();
                }
                blocks.push(opened);
            }
            "}" => {
                blocks.pop();
                if block != Some(Block::Value) {
                    statement.clear();
                }
            }
            ";" if block != Some(Block::Value) => {
                if block == Some(Block::Fields) {
                    names.extend(field_of(&statement));
                }
                statement.clear();
            }
            _ => statement.push(token),
        }
    }
    names
}

fn opened_by(statement: &[String]) -> Block {
    let first = statement.first().map(String::as_str);
    if statement.iter().any(|token| token == "=") {
        Block::Value
    } else if matches!(first, Some("message" | "oneof" | "extend")) {
        Block::Fields
    } else {
        Block::Other
    }
}

/// The name in `[label] type name = number [options]`.
fn field_of(statement: &[String]) -> Option<String> {
    let first = statement.first()?;
    if ["option", "reserved", "extensions"].contains(&first.as_str()) {
        return None;
    }
    statement.iter().take_while(|token| *token != "=").last().cloned()
}

/// Words and signs; comments and texts in quotes are left out.
fn tokens_of(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        rest = if let Some(comment) = rest.strip_prefix("//") {
            comment.split_once('\n').map_or("", |(_, after)| after)
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").map_or("", |(_, after)| after)
        } else if first == '"' || first == '\'' {
            after_text(rest, first)
        } else {
            let word = rest.split(|c| !is_word(c)).next().unwrap_or_default();
            let at = if word.is_empty() { first.len_utf8() } else { word.len() };
            let (token, after) = rest.split_at(at);
            if !first.is_whitespace() {
                tokens.push(token.to_owned());
            }
            after
        };
    }
    tokens
}

/// What follows the text in quotes that `rest` begins with.
fn after_text(rest: &str, quote: char) -> &str {
    let mut letters = rest.chars();
    letters.next();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            letters.next();
        } else if letter == quote {
            break;
        }
    }
    letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        syntax = "proto3"; // from = 1;
        package samsyn.v1;
        extend google.protobuf.FieldOptions { FieldRule rule = 50101; }
        /* string import = 1; */
        message A {
          option deprecated = true;
          reserved 4, 9 to 11; reserved "from";
          repeated string names = 1 [(rule) = { group: 1; in { x: "; class = 2" } }];
          map<string, B> parts = 2;
          oneof what { B b = 3; .samsyn.v1.C c = 5; }
          enum Kind { KIND_UNSPECIFIED = 0; }
          message Inner { uint32 size = 1; }
        }
        service S { rpc Do(A) returns (stream A) { option (http) = { get: "/" }; } }"#;

    #[test]
    fn every_field_and_oneof_is_seen_and_nothing_else() {
        let expected = ["rule", "names", "parts", "what", "b", "c", "size"];
        assert_eq!(names_of(GOOD), expected);
        assert!(complaints(&Tree::of([("a.proto", GOOD)])).is_empty());
    }

    #[test]
    fn keywords_are_found_wherever_a_field_may_stand() {
        for (name, keyword) in [("rule", "from"), ("parts", "lambda"), ("b", "native")] {
            let spoilt = GOOD.replace(&format!(" {name} ="), &format!(" {keyword} ="));
            let found = complaints(&Tree::of([("a.proto", &spoilt)]));
            assert_eq!(found.len(), 1, "{keyword}: {found:?}");
        }
        let spoilt = GOOD.replace("oneof what", "oneof class");
        assert_eq!(complaints(&Tree::of([("a.proto", &spoilt)])).len(), 3);
        let spoilt = GOOD.replace(" size =", " event =");
        let found = complaints(&Tree::of([("a.proto", &spoilt)]));
        assert_eq!(found, ["a.proto: field `event` is a keyword of C#"]);
    }
}
