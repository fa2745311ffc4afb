//! What is not left to chance: findings set by hand, one wave of a survey, and the publication
//! that is refused.

use samsyn_domain::Period;

use super::{
    calendar::{self, Week},
    events::{Cell, Event},
    publications::{Desks, Publication, publications},
    row::{Row, Source, Spot},
    seed::{Answers, Category, Seed, SettledFinding, SettledObservation},
};

/// A publication whose note holds a personal identity number (a test number), and the same without.
#[derive(Debug, Clone)]
pub(crate) struct Identifiers {
    /// To be refused.
    pub(crate) refused: Publication,
    /// To be accepted in its place.
    pub(crate) mended: Publication,
}

/// The last own picture of Södermalm's administration in the demo: `observations[17].note` holds
/// a test number in characters 22–34. The mended one takes the place of that week's publication.
pub(crate) fn sodermalm_with_identifiers(seed: &Seed, rng: u64) -> Option<Identifiers> {
    let wanted = &seed.identifier;
    let mut week = publications(seed, &[wanted.week.0], rng).into_iter();
    let drawn = week.find(|p| p.party == wanted.party && p.area == wanted.area)?;
    let noted = |note: &str| {
        let mut publication = drawn.clone();
        publication.observations.get_mut(wanted.observation)?.note = note.to_owned();
        Some(publication)
    };
    Some(Identifiers { refused: noted(&wanted.note)?, mended: noted(&wanted.mended)? })
}

/// Whether an event belongs to a finding that is set by hand, so that nobody writes it down.
pub(super) fn is_settled(cell: Cell<'_>, event: &Event<'_>) -> bool {
    let settled = &cell.seed.settled;
    let of = |finding: &SettledFinding| {
        finding.category == cell.category.registered.id
            && event.place.is_some_and(|place| place.id == finding.place)
    };
    settled.findings.iter().any(of) && calendar::holds(settled.month.0, event.starts)
}

/// Adds the observations set by hand that start in a week.
pub(super) fn settle<'a>(seed: &'a Seed, week: Week, desks: &mut Desks<'a>) {
    for finding in &seed.settled.findings {
        let Some(category) = seed.category(&finding.category) else { continue };
        for observation in in_week(&finding.observations, week.period()) {
            let Some(row) = settled_row(seed, category, finding, observation) else { continue };
            desks.entry((&seed.settled.area, &observation.party)).or_default().push(row);
        }
    }
}

fn in_week(
    observations: &[SettledObservation],
    week: Period,
) -> impl Iterator<Item = &SettledObservation> {
    observations.iter().filter(move |observation| calendar::holds(week, observation.starts))
}

fn settled_row<'a>(
    seed: &Seed,
    category: &'a Category,
    finding: &'a SettledFinding,
    observation: &'a SettledObservation,
) -> Option<Row<'a>> {
    Some(Row {
        category,
        spot: Spot::Place(&finding.place),
        starts: observation.starts,
        count: observation.count,
        severity: observation.severity,
        trend: Some(observation.trend),
        source: Source::from_code(&observation.source)?,
        graded: true,
        note: &observation.note,
        audience: &category.audience,
        police: seed.is_police(&observation.party),
    })
}

/// Adds the survey in its week: the area as a whole, and each sub-area with enough answers.
pub(super) fn survey<'a>(seed: &'a Seed, week: Week, desks: &mut Desks<'a>) {
    let survey = &seed.survey;
    if survey.week.0 != week.period() {
        return;
    }
    let Some(category) = seed.category(&survey.category) else { return };
    let enough = survey.answers.iter().filter(|answers| answers.answers >= survey.answers_min);
    let parts = enough.map(|a| (Spot::SubArea(&a.sub_area), a.answers, a.r#unsafe));
    let sum = |of: fn(&Answers) -> u32| survey.answers.iter().map(of).fold(0, u32::saturating_add);
    let whole = (Spot::Area(&survey.area), sum(|a| a.answers), sum(|a| a.r#unsafe));
    let rows = parts.chain([whole]).filter_map(|(spot, answers, r#unsafe)| {
        Some(Row {
            category,
            spot,
            starts: week.at(SURVEY_DAY, SURVEY_HOUR, 0)?,
            count: Some(r#unsafe),
            severity: severity_of(answers, r#unsafe),
            trend: None,
            source: Source::Survey,
            graded: true,
            note: SURVEY_NOTE,
            audience: &survey.audience,
            police: false,
        })
    });
    desks.entry((&survey.area, &survey.party)).or_default().extend(rows);
}

/// Results come on a Wednesday at noon.
const SURVEY_DAY: usize = 2;
const SURVEY_HOUR: i8 = 12;
const SURVEY_NOTE: &str =
    "Årlig trygghetsmätning; stadsdelar med få svar ingår bara i stadsdelsområdet som helhet.";

/// By the share that feels unsafe.
fn severity_of(answers: u32, r#unsafe: u32) -> u32 {
    match r#unsafe.saturating_mul(100).checked_div(answers).unwrap_or(0) {
        0..10 => 1,
        10..20 => 2,
        20..35 => 3,
        35..60 => 4,
        _ => 5,
    }
}
