//! What is wrong with a request, and where.

use samsyn_domain::screening;
use samsyn_policy::Problem;

use crate::Reason;

/// How many faults one request is answered with at most.
pub const FAULTS_MAX: usize = 100;

/// One thing that is wrong, or worth a look. It never holds the offending text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: see `{field}`", .reason.text())]
pub struct Fault {
    /// Why, as in the table of errors.
    pub reason: Reason,
    /// The path of the field, as `full.observations[3].labels.level`; empty when it is about the
    /// whole.
    pub field: String,
    /// Which characters of the field's text: Unicode scalar values from 0, half-open.
    pub characters: Option<(u32, u32)>,
    /// The screening rule that found it.
    pub rule: Option<screening::Rule>,
    /// It does not stop the request.
    pub warning: bool,
}

impl Fault {
    pub(super) fn new(reason: Reason, field: impl Into<String>) -> Self {
        Self { reason, field: field.into(), characters: None, rule: None, warning: false }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self {
            reason: fault.reason.id().to_owned(),
            field: fault.field,
            characters: fault.characters.unwrap_or_default(),
            rule: fault.rule,
            text: fault.reason.remedy().to_owned(),
            warning: fault.warning,
        }
    }
}

/// A checked request: what it says, unless some fault is more than a warning, and every fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<T> {
    /// What the request says; none when a fault stops it.
    pub value: Option<T>,
    /// All faults in the order of the message, at most [`FAULTS_MAX`].
    pub faults: Vec<Fault>,
}

/// Collects the faults of a request.
#[derive(Debug, Default)]
pub(super) struct Faults {
    kept: Vec<Fault>,
    stopped: bool,
}

impl Faults {
    pub(super) fn push(&mut self, fault: Fault) {
        self.stopped |= !fault.warning;
        if self.kept.len() < FAULTS_MAX {
            self.kept.push(fault);
        } else if !fault.warning
            && let Some(milder) = self.kept.iter_mut().rfind(|kept| kept.warning)
        {
            // Whoever is refused must see why, however many warnings came before.
            *milder = fault;
        }
    }

    pub(super) fn take<T>(&mut self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.push(fault)).ok()
    }

    pub(super) fn checked<T>(self, value: Option<T>) -> Checked<T> {
        Checked { value: value.filter(|_| !self.stopped), faults: self.kept }
    }

    /// For requests that are answered with one fault: the first that is not a warning.
    pub(super) fn first(self) -> Option<Fault> {
        self.kept.into_iter().find(|fault| !fault.warning)
    }
}

/// Collects the faults of one message inside a request; an empty path is the request itself.
#[derive(Debug)]
pub(super) struct Within<'a> {
    faults: &'a mut Faults,
    path: String,
}

impl<'a> Within<'a> {
    pub(super) const fn new(faults: &'a mut Faults, path: String) -> Self {
        Self { faults, path }
    }

    pub(super) fn field(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(super) fn message(&mut self, name: &str) -> Within<'_> {
        let path = self.field(name);
        Within { faults: self.faults, path }
    }

    pub(super) fn refuse(&mut self, reason: Reason, name: &str) {
        let fault = Fault::new(reason, self.field(name));
        self.faults.push(fault);
    }

    pub(super) fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn take<T>(&mut self, name: &str, result: Result<T, Reason>) -> Option<T> {
        result.map_err(|reason| self.refuse(reason, name)).ok()
    }
}

/// Names the field of a refused value.
pub(super) trait Named<T> {
    fn named(self, field: &str) -> Result<T, Fault>;
}

impl<T> Named<T> for Result<T, Reason> {
    fn named(self, field: &str) -> Result<T, Fault> {
        self.map_err(|reason| Fault::new(reason, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(warning: bool) -> Fault {
        Fault { warning, ..Fault::new(Reason::BadField, "x") }
    }

    #[test]
    fn warnings_alone_do_not_stop_a_request() {
        let mut faults = Faults::default();
        faults.push(fault(true));
        let checked = faults.checked(Some(1));
        assert_eq!((checked.value, checked.faults.len()), (Some(1), 1));
    }

    #[test]
    fn a_refusal_is_told_however_many_warnings_came_before() {
        let mut faults = Faults::default();
        for _ in 0..FAULTS_MAX {
            faults.push(fault(true));
        }
        faults.push(fault(false));
        faults.push(fault(true));
        let checked = faults.checked(Some(1));
        assert_eq!((checked.value, checked.faults.len()), (None, FAULTS_MAX));
        assert_eq!(checked.faults.iter().filter(|fault| !fault.warning).count(), 1);
    }
}
