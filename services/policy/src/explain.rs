//! Why something is or is not allowed, and what would have to change.

use samsyn_domain::{
    Caller, State, Timestamp,
    disclosure::Ground,
    registry::{FieldGroup, ReleaseRow},
};

use crate::{Denial, Policy, Reader, Scope, Why};

/// An answer about rights; it concerns the caller's own alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessAnswer {
    /// It is allowed.
    pub allowed: bool,
    /// What is in the way.
    pub why: Option<Why>,
    /// The rules that decided.
    pub rules: Vec<String>,
    /// In Swedish.
    pub sv: String,
    /// In English.
    pub en: String,
    /// What would have to change.
    pub remedy: String,
}

impl Policy {
    /// Explains whether a caller may have a field group within a scope.
    #[must_use]
    pub fn explain_access(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        ground: Ground,
        scope: &Scope,
        group: Option<FieldGroup>,
    ) -> AccessAnswer {
        let reader = match Reader::of(state, now, caller, ground) {
            Ok(reader) => reader,
            Err(denial) => return self.no(state, caller, now, &denial),
        };
        if let Err(denial) = reader.scope(state.registry(), scope, false) {
            return self.no(state, caller, now, &denial);
        }
        let registry = state.registry();
        let rights = reader.rights(registry, None, false);
        let rows: Vec<&ReleaseRow> =
            rights.rows.iter().filter_map(|id| registry.release_row(id)).collect();
        let given = |group| {
            reader.is_signatory()
                || group == FieldGroup::Identity
                || rows.iter().any(|row| row.shown.contains_key(&group))
        };
        match group {
            Some(group) if !given(group) => {
                let denial = Denial::of(Why::NoReleaseRow).by("POL-12").at("field_group");
                self.no(state, caller, now, &denial)
            }
            Some(_) | None => self.yes(&reader, &rows),
        }
    }

    fn yes(&self, reader: &Reader, rows: &[&ReleaseRow]) -> AccessAnswer {
        let mut rules: Vec<String> = rows.iter().map(|row| format!("POL-12/{}", row.id)).collect();
        let rule = if reader.is_signatory() { "POL-31" } else { "POL-12" };
        if reader.is_signatory() {
            rules.push("POL-31".to_owned());
        }
        let text = self.rule(rule);
        AccessAnswer {
            allowed: true,
            why: None,
            rules,
            sv: text.map_or_else(String::new, |text| text.sv.clone()),
            en: text.map_or_else(String::new, |text| text.en.clone()),
            remedy: String::new(),
        }
    }

    /// What the caller's own rows give instead; what others may is not told.
    fn no(&self, state: &State, caller: &Caller, now: Timestamp, denial: &Denial) -> AccessAnswer {
        let registry = state.registry();
        let name = registry
            .organisation(caller.organisation())
            .map_or_else(|| caller.organisation().to_string(), |o| o.name.clone());
        let rows = Reader::rows_in_force(registry, caller.organisation(), now);
        let has: std::collections::BTreeSet<_> =
            rows.flat_map(|row| row.priorities.iter()).collect();
        let lists = registry.lists();
        let names =
            |pick: fn(&samsyn_domain::registry::Entry<samsyn_domain::PriorityId>) -> &str| {
                let entries = lists.priorities.iter().filter(|entry| has.contains(&entry.id));
                entries.map(|entry| pick(entry).to_lowercase()).collect::<Vec<_>>().join(", ")
            };
        let (has_sv, has_en) = (names(|entry| &entry.sv), names(|entry| &entry.en));
        let (nothing_sv, nothing_en) = ("ingenting", "nothing");
        let or =
            |text: String, nothing: &str| if text.is_empty() { nothing.to_owned() } else { text };
        let (has_sv, has_en) = (or(has_sv, nothing_sv), or(has_en, nothing_en));
        let (sv, en, remedy) = match denial.why {
            Why::NoReleaseRow | Why::ScopeTooWide => (
                format!("{name} får {has_sv}; det efterfrågade ingår inte i någon utlämnanderad."),
                format!("{name} receives {has_en}; no release row covers what was asked for."),
                "the originators (district and police area) must add a release row".to_owned(),
            ),
            Why::PurposeNotCovered => (
                format!("Ändamålet ingår inte i någon rättighet som {name} har."),
                format!("No right of {name} has this purpose."),
                "ask with a purpose of your release row, or have the row widened".to_owned(),
            ),
            Why::BasisNotCovered => (
                format!("Den rättsliga grunden ingår inte i någon rättighet som {name} har."),
                format!("No right of {name} has this legal basis."),
                "ask on a legal basis of your release row, or have the row widened".to_owned(),
            ),
            Why::WeighingRequired => (
                "Grunden kräver en dokumenterad intresseavvägning.".to_owned(),
                "The basis asks for a recorded weighing of interests.".to_owned(),
                "record the weighing and give its reference in `weighing_ref`".to_owned(),
            ),
            Why::Suspended => (
                "Tjänsten är avstängd.".to_owned(),
                "The service is suspended.".to_owned(),
                "two registrars must lift the suspension".to_owned(),
            ),
            Why::CertificateEnded => (
                "Anslutningens certifikat har gått ut.".to_owned(),
                "The certificate of this connection has expired.".to_owned(),
                "get a new certificate and connect again".to_owned(),
            ),
            Why::HomeElsewhere => (
                "Lägesbilden förs i en annan domän.".to_owned(),
                "The picture is kept in another domain.".to_owned(),
                "turn to the domain that is its home".to_owned(),
            ),
            Why::AboveCeiling
            | Why::ViewIncomplete
            | Why::UnknownService
            | Why::NotYourParty
            | Why::NotYourArea
            | Why::NotAllowed
            | Why::NotFound
            | Why::Undecided
            | Why::Internal(_) => (
                "Ingen regel tillåter detta.".to_owned(),
                "No rule allows this.".to_owned(),
                "ask the registrar of your organisation".to_owned(),
            ),
        };
        let rules = if denial.rule.is_empty() { Vec::new() } else { vec![denial.rule.clone()] };
        AccessAnswer { allowed: false, why: Some(denial.why), rules, sv, en, remedy }
    }
}
