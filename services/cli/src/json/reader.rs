//! Reads JSON strictly: every fault names the path of its field, as `delta.upserts[3].trend`.

use std::fmt;

use serde_json::{Map, Value};

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadForm {
    path: String,
    why: String,
}

impl BadForm {
    /// Of the document as a whole.
    pub(super) fn whole(why: impl Into<String>) -> Self {
        Self { path: String::new(), why: why.into() }
    }
}

impl fmt::Display for BadForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(f, "the document {}", self.why);
        }
        write!(f, "`{}` {}", self.path, self.why)
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) const fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    pub(super) fn bad(&self, why: impl Into<String>) -> BadForm {
        BadForm { path: self.path.clone(), why: why.into() }
    }

    pub(super) fn object(&self) -> Result<Fields<'a>, BadForm> {
        let map = self.value.as_object().ok_or_else(|| self.bad("is no object; write `{ … }`"))?;
        Ok(Fields { path: self.path.clone(), map, known: Vec::new() })
    }

    pub(super) fn text(&self) -> Result<&'a str, BadForm> {
        self.value.as_str().ok_or_else(|| self.bad("is no text; write it in quotation marks"))
    }

    pub(super) fn whole_number<T: TryFrom<u64>>(&self) -> Result<T, BadForm> {
        let number = self.value.as_u64().and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.bad("is no whole number in range; write digits"))
    }

    pub(super) fn decimal(&self) -> Result<f64, BadForm> {
        self.value.as_f64().ok_or_else(|| self.bad("is no number; write it as `59.3293`"))
    }

    pub(super) fn list(&self) -> Result<Vec<Self>, BadForm> {
        let items = self.value.as_array().ok_or_else(|| self.bad("is no list; write `[ … ]`"))?;
        let item = |(i, value)| Node { path: format!("{}[{i}]", self.path), value };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn is_text(&self, text: &str) -> bool {
        self.value.as_str() == Some(text)
    }
}

/// The fields of an object; what is not taken is refused at the end. `null` is: not set.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    path: String,
    map: &'a Map<String, Value>,
    known: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, name: &str) -> Option<Node<'a>> {
        self.known.push(name.to_owned());
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        Some(Node { path: self.path_of(name), value })
    }

    pub(super) fn required(&mut self, name: &str) -> Result<Node<'a>, BadForm> {
        let missing = || BadForm { path: self.path_of(name), why: "is missing; give it".into() };
        let missing = missing();
        self.take(name).ok_or(missing)
    }

    /// A text; empty when it is not set.
    pub(super) fn text(&mut self, name: &str) -> Result<String, BadForm> {
        self.take(name).map_or(Ok(String::new()), |node| node.text().map(str::to_owned))
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, name: &str) -> Result<Option<T>, BadForm> {
        self.take(name).map(|node| node.whole_number()).transpose()
    }

    /// True or false; false when it is not set.
    pub(super) fn bool(&mut self, name: &str) -> Result<bool, BadForm> {
        let Some(node) = self.take(name) else { return Ok(false) };
        node.value.as_bool().ok_or_else(|| node.bad("is neither `true` nor `false`"))
    }

    /// Texts; none when it is not set.
    pub(super) fn texts(&mut self, name: &str) -> Result<Vec<String>, BadForm> {
        let Some(node) = self.take(name) else { return Ok(Vec::new()) };
        node.list()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// Each item of a list; none when it is not set.
    pub(super) fn all<T>(
        &mut self,
        name: &str,
        read: fn(&Node<'a>) -> Result<T, BadForm>,
    ) -> Result<Vec<T>, BadForm> {
        let Some(node) = self.take(name) else { return Ok(Vec::new()) };
        node.list()?.iter().map(read).collect()
    }

    /// A code of an enumeration, with or without its prefix, in any case.
    pub(super) fn code<T>(
        &mut self,
        name: &str,
        prefix: &str,
        of: impl Fn(&str) -> Option<T>,
        known: &str,
    ) -> Result<Option<T>, BadForm> {
        let Some(node) = self.take(name) else { return Ok(None) };
        let text = node.text()?.to_ascii_uppercase();
        let full = if text.starts_with(prefix) { text } else { format!("{prefix}{text}") };
        of(&full).map(Some).ok_or_else(|| node.bad(format!("is not known; write {known}")))
    }

    /// Refuses what was not taken.
    pub(super) fn end(self) -> Result<(), BadForm> {
        match self.map.keys().find(|name| !self.known.contains(name)) {
            None => Ok(()),
            Some(name) => Err(BadForm {
                path: self.path_of(name),
                why: format!("is no field here; there are `{}`", self.known.join("`, `")),
            }),
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
