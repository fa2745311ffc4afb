//! For every joint value, the rule and the contributions that gave it.

use super::{Class, Field, Finding};
use crate::{Form, PartyId};

/// A rule of the merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Two or more kinds of party see it.
    SeenByBoth,
    /// One kind of party sees it: always shown.
    SeenByOne,
    /// Severities within 1 of each other: the highest.
    HighestWithinOne,
    /// Severities further apart: a conflict.
    FurtherApart,
    /// Equal trends: that trend.
    EqualTrends,
    /// Flat beside up or down: no joint trend, no conflict.
    FlatBeside,
    /// Up against down: a conflict.
    UpAgainstDown,
    /// All functions that must act stated the same outcome.
    Settled,
    /// One series per kind, source and party; nothing is added up across them.
    SeriesApart,
    /// A point of a series of statistics stands as it is; it is added to nothing.
    StatisticsApart,
    /// There is nothing but statistics: nobody says that they see it.
    StatisticsAlone,
}

impl Rule {
    /// Its stable id.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::SeenByBoth => "MERGE-01",
            Self::SeenByOne => "MERGE-02",
            Self::HighestWithinOne => "MERGE-03",
            Self::FurtherApart => "MERGE-04",
            Self::EqualTrends => "MERGE-05",
            Self::FlatBeside => "MERGE-06",
            Self::UpAgainstDown => "MERGE-07",
            Self::Settled => "MERGE-08",
            Self::SeriesApart => "MERGE-09",
            Self::StatisticsApart => "MERGE-10",
            Self::StatisticsAlone => "MERGE-11",
        }
    }

    /// In Swedish.
    #[must_use]
    pub const fn text_sv(self) -> &'static str {
        match self {
            Self::SeenByBoth => "Minst två slag av parter ser detta.",
            Self::SeenByOne => "Bara ett slag av part ser detta; det visas alltid.",
            Self::HighestWithinOne => {
                "Parternas svårighetsgrader skiljer högst ett steg: den högsta gäller."
            }
            Self::FurtherApart => "Parternas svårighetsgrader skiljer mer än ett steg: konflikt.",
            Self::EqualTrends => "Alla parter anger samma trend.",
            Self::FlatBeside => {
                "Oförändrad trend står bredvid ökande eller minskande: \
                 ingen gemensam trend, ingen konflikt."
            }
            Self::UpAgainstDown => "Ökande trend står mot minskande: konflikt.",
            Self::Settled => "Alla funktioner som måste ta ställning har angett samma utfall.",
            Self::SeriesApart => "En serie per slag, källa och part; inget summeras mellan dem.",
            Self::StatisticsApart => {
                "En punkt i en statistikserie står som den är och läggs inte ihop med något."
            }
            Self::StatisticsAlone => "Här finns bara statistik; ingen part säger sig se detta.",
        }
    }

    /// In English.
    #[must_use]
    pub const fn text_en(self) -> &'static str {
        match self {
            Self::SeenByBoth => "Two or more kinds of party see this.",
            Self::SeenByOne => "Only one kind of party sees this; it is always shown.",
            Self::HighestWithinOne => {
                "The parties' severities lie within one step: the highest holds."
            }
            Self::FurtherApart => {
                "The parties' severities lie more than one step apart: a conflict."
            }
            Self::EqualTrends => "All parties give the same trend.",
            Self::FlatBeside => "Flat stands beside up or down: no joint trend and no conflict.",
            Self::UpAgainstDown => "Up stands against down: a conflict.",
            Self::Settled => "All functions that must act stated the same outcome.",
            Self::SeriesApart => {
                "One series per kind, source and party; nothing is added up across them."
            }
            Self::StatisticsApart => {
                "A point of a series of statistics stands as it is and is added to nothing."
            }
            Self::StatisticsAlone => {
                "There is nothing but statistics; no party says that it sees this."
            }
        }
    }
}

/// Why one joint value is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The field.
    pub field: Field,
    /// The rule.
    pub rule: Rule,
    /// The contributions that gave it, as party and id.
    pub from: Vec<(PartyId, String)>,
}

/// Explains a finding.
#[must_use]
pub fn explain(finding: &Finding) -> Vec<Step> {
    let all = |has: fn(&super::Seen) -> bool| {
        let from = finding.contributions.iter().filter(|seen| has(seen));
        from.map(|seen| (seen.party.clone(), seen.id.clone())).collect::<Vec<_>>()
    };
    let mut steps = Vec::new();
    let class = match finding.class {
        _ if finding.seen_by.is_empty() => Rule::StatisticsAlone,
        Class::Corroborated => Rule::SeenByBoth,
        Class::OneSided => Rule::SeenByOne,
        Class::Conflicting if finding.seen_by.len() > 1 => Rule::SeenByBoth,
        Class::Conflicting => Rule::SeenByOne,
    };
    let sights =
        if class == Rule::StatisticsAlone { all(|_| true) } else { all(super::Seen::is_sight) };
    steps.push(Step { field: Field::Class, rule: class, from: sights });
    let severities = all(|seen| seen.assessment.is_some_and(|a| a.severity.is_some()));
    if !severities.is_empty() {
        let rule = disagreement(finding, Field::Severity, Rule::FurtherApart)
            .unwrap_or(Rule::HighestWithinOne);
        steps.push(Step { field: Field::Severity, rule, from: severities });
    }
    let trends = all(|seen| seen.assessment.is_some_and(|a| a.trend.is_some()));
    if !trends.is_empty() {
        let agreed = if finding.trend.is_some() { Rule::EqualTrends } else { Rule::FlatBeside };
        let rule = disagreement(finding, Field::Trend, Rule::UpAgainstDown).unwrap_or(agreed);
        steps.push(Step { field: Field::Trend, rule, from: trends });
    }
    for (rule, from) in [
        (Rule::SeriesApart, all(|seen| seen.form != Form::Series && is_counted(seen))),
        (Rule::StatisticsApart, all(|seen| seen.form == Form::Series && is_counted(seen))),
    ] {
        if !from.is_empty() {
            steps.push(Step { field: Field::Counts, rule, from });
        }
    }
    steps
}

const fn is_counted(seen: &super::Seen) -> bool {
    matches!(seen.count, Some((_, Some(_))))
}

fn disagreement(finding: &Finding, field: Field, open: Rule) -> Option<Rule> {
    let conflict = finding.conflicts.iter().find(|conflict| conflict.at.field == field)?;
    Some(if conflict.resolved { Rule::Settled } else { open })
}

#[cfg(test)]
mod tests;
