//! Labels (märkning) from flags, and from a file of defaults.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use jiff::{Timestamp, ToSpan as _};
use samsyn_client::wire::Labels;
use samsyn_domain::{Basis, Credibility, Reliability, SourceId};
use serde::Deserialize;

use crate::{clock, failure::Failure};

/// The defaults as shipped.
const SHIPPED: &str = include_str!("../../../../config/import/defaults.toml");

/// Flags that go before the file of defaults.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Labels")]
pub(super) struct Flags {
    /// Defaults, TOML [default: as shipped, config/import/defaults.toml].
    #[arg(long, value_name = "FILE")]
    defaults: Option<PathBuf>,
    /// Secrecy level, 0–3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=3))]
    level: Option<u32>,
    /// Who may have it: a party, organisation or group, or `signatories`; may be repeated.
    #[arg(long, value_name = "ID")]
    audience: Vec<String>,
    /// What it may be used for; may be repeated.
    #[arg(long, value_name = "CODE")]
    purpose: Vec<String>,
    /// Under which law: nonpersonal, gdpr, crime_data.
    #[arg(long, value_name = "CODE")]
    regime: Option<String>,
    /// How long it may be kept, in months.
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(i32).range(1..=1200))]
    retention: Option<i32>,
}

/// Labels of a message. Its recipients are its audience.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Labels")]
pub(super) struct OfMessage {
    /// Secrecy level, 0–3 [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=3))]
    level: Option<u32>,
    /// What it may be used for; may be repeated [default: as shipped].
    #[arg(long, value_name = "CODE")]
    purpose: Vec<String>,
    /// How long it may be kept, in months [default: 24].
    #[arg(long, value_name = "MONTHS", value_parser = clap::value_parser!(i32).range(1..=1200))]
    retention: Option<i32>,
}

impl OfMessage {
    /// The labels.
    ///
    /// # Errors
    /// When the shipped defaults do not hold.
    pub(super) fn labels(&self) -> Result<Labels, Failure> {
        let Self { level, purpose, retention } = self.clone();
        let defaults = Flags { level, purpose, retention, ..Flags::default() }.defaults()?;
        Ok(Labels { audience: Vec::new(), ..defaults.kept(clock::now()) })
    }
}

/// What is given to everything that does not say it itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    level: u32,
    audience: Vec<String>,
    purposes: Vec<String>,
    regime: String,
    secrecy_provisions: Vec<String>,
    retention_months: i32,
    source_kind: SourceId,
    reliability: Option<String>,
    credibility: Option<u32>,
    basis: String,
}

impl Flags {
    /// The defaults of the file, with the flags before them.
    ///
    /// # Errors
    /// When the file cannot be read or does not hold.
    pub(super) fn defaults(&self) -> Result<Defaults, Failure> {
        let mut defaults = match &self.defaults {
            None => parse(Path::new("the shipped defaults"), SHIPPED)?,
            Some(file) => {
                let text = std::fs::read_to_string(file);
                parse(file, &text.map_err(|why| Failure::file("read", file, &why))?)?
            }
        };
        defaults.level = self.level.unwrap_or(defaults.level);
        if !self.audience.is_empty() {
            defaults.audience.clone_from(&self.audience);
        }
        if !self.purpose.is_empty() {
            defaults.purposes.clone_from(&self.purpose);
        }
        if let Some(regime) = &self.regime {
            defaults.regime.clone_from(regime);
        }
        defaults.retention_months = self.retention.unwrap_or(defaults.retention_months);
        Ok(defaults)
    }
}

fn parse(file: &Path, text: &str) -> Result<Defaults, Failure> {
    let bad = |why: String| Failure::Local(format!("`{}` does not hold: {why}", file.display()));
    let defaults: Defaults = toml::from_str(text).map_err(|why| bad(why.to_string()))?;
    let graded = |known: bool, why: &str| if known { Ok(()) } else { Err(bad(why.to_owned())) };
    let reliability = defaults.reliability.as_deref();
    graded(reliability.is_none_or(|r| Reliability::of(r).is_some()), "reliability is A to F")?;
    let credibility = defaults.credibility;
    graded(credibility.is_none_or(|c| Credibility::of(c).is_some()), "credibility is 1 to 6")?;
    graded(basis(&defaults.basis).is_some(), "basis is fact, assessment or estimate")?;
    graded((1..=1200).contains(&defaults.retention_months), "retention_months is 1 to 1200")?;
    Ok(defaults)
}

fn basis(code: &str) -> Option<Basis> {
    let known =
        [("fact", Basis::Fact), ("assessment", Basis::Assessment), ("estimate", Basis::Estimate)];
    known.into_iter().find(|(own, _)| *own == code).map(|(_, basis)| basis)
}

impl Defaults {
    /// The labels, without an end of retention.
    pub(super) fn labels(&self) -> Labels {
        Labels {
            level: self.level,
            audience: self.audience.clone(),
            purposes: self.purposes.clone(),
            regime: self.regime.clone(),
            secrecy_provisions: self.secrecy_provisions.clone(),
            ..Labels::default()
        }
    }

    /// The labels of what is made at a time.
    pub(super) fn kept(&self, made_at: Timestamp) -> Labels {
        let until = clock::local(made_at).saturating_add(self.retention_months.months());
        let retain_until = Some(SystemTime::from(until.timestamp()).into());
        Labels { retain_until, ..self.labels() }
    }

    /// How long it may be kept.
    pub(super) const fn retention_months(&self) -> i32 {
        self.retention_months
    }

    /// For an import.
    pub(super) fn for_import(&self) -> crate::import::Defaults {
        crate::import::Defaults {
            labels: self.labels(),
            source_kind: self.source_kind.clone(),
            reliability: self.reliability.as_deref().and_then(Reliability::of),
            credibility: self.credibility.and_then(Credibility::of),
            basis: basis(&self.basis).unwrap_or(Basis::Assessment),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_go_before_the_shipped_defaults() {
        let shipped = Flags::default().defaults().unwrap();
        assert_eq!(shipped.labels().audience, ["signatories"]);
        assert_eq!((shipped.labels().level, shipped.retention_months()), (1, 24));
        let flags = Flags {
            level: Some(2),
            audience: vec!["partners".into(), "signatories".into()],
            retention: Some(6),
            ..Flags::default()
        };
        let defaults = flags.defaults().unwrap();
        assert_eq!(defaults.labels().audience, ["partners", "signatories"]);
        assert_eq!((defaults.labels().level, defaults.retention_months()), (2, 6));
        assert_eq!(defaults.labels().purposes, shipped.labels().purposes);
    }

    #[test]
    fn a_bad_file_of_defaults_says_what_is_wrong() {
        for (from, to, why) in [
            ("level = 1", "levl = 1", "levl"),
            ("basis = \"assessment\"", "basis = \"guess\"", "basis is fact"),
            ("retention_months = 24", "retention_months = 0", "1 to 1200"),
            ("# credibility = 3", "credibility = 9", "credibility is 1 to 6"),
        ] {
            assert!(SHIPPED.contains(from), "{from}");
            let failure = parse(Path::new("d.toml"), &SHIPPED.replace(from, to)).unwrap_err();
            assert_eq!(failure.number(), 5);
            assert!(failure.to_string().contains(why), "{failure}");
        }
    }
}
