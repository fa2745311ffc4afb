//! Points of series and assessments in the log: additions, beside which what was there before reads
//! as observations.

use prost::Message as _;
use samsyn_domain::{
    Content, Form, Observation, ObservationId, PartyId, Period,
    command::{Command, Publish},
    row::{Row, Stage},
};

use super::examples;
use crate::format::{Damaged, Stored, log};

fn of_period(form: Form) -> Content {
    let (starts_at, ends_at) = examples::october().bounds();
    Content { form, starts_at, ends_at, ..examples::observation(true).content }
}

fn point() -> Observation {
    let series = ObservationId::parse("counted").unwrap();
    let id = ObservationId::of_point(&series, examples::october()).unwrap();
    let content = Content { severity: None, trend: None, ..of_period(Form::Series) };
    Observation { id, content, sealed: Some(examples::sealed()) }
}

fn assessment() -> Observation {
    let content = Content { source: None, count: None, ..of_period(Form::Assessment) };
    Observation { id: ObservationId::parse("said").unwrap(), content, sealed: None }
}

/// A publication of both.
pub(super) fn command() -> Command {
    Command::Publish(Publish {
        party: examples::party(),
        area: examples::area(),
        base_version: 2,
        upserts: vec![point(), assessment()],
        withdrawn: Vec::new(),
        reason: None,
        covers: None,
        manifest: None,
        parts: None,
    })
}

/// Both in state.
pub(super) fn rows() -> Vec<(&'static str, Row)> {
    let stage = |observation: Observation| {
        Row::Stage(Stage {
            area: examples::area(),
            party: PartyId::parse("lpo").unwrap(),
            id: observation.id.clone(),
            revision: 4,
            version: 3,
            embargoed: false,
            observation: Some(observation.into()),
        })
    };
    vec![("stage", stage(point())), ("stage", stage(assessment()))]
}

fn read(change: impl FnOnce(&mut log::Observation), of: &Observation) -> Result<Form, Damaged> {
    let mut message = of.encode();
    change(&mut message);
    // As an earlier program has written it, or one that was damaged.
    let bytes = message.encode_to_vec();
    let message = log::Observation::decode(bytes.as_slice()).unwrap();
    Observation::decode(message).map(|observation| observation.content.form)
}

fn content(message: &mut log::Observation) -> &mut log::Content {
    message.content.as_mut().unwrap()
}

#[test]
fn what_says_no_form_is_an_observation() {
    let observation = examples::observation(true);
    assert_eq!(observation.encode().content.unwrap().form, None, "its bytes are as ever");
    assert_eq!(read(|_| {}, &observation), Ok(Form::Observation));
    assert_eq!(read(|_| {}, &point()), Ok(Form::Series));
    assert_eq!(read(|_| {}, &assessment()), Ok(Form::Assessment));
}

#[test]
fn a_point_and_an_assessment_of_no_period_are_damaged() {
    let invalid = |field| Err(Damaged::Invalid(field));
    let renamed = |id: &'static str| move |m: &mut log::Observation| m.id = id.to_owned();
    assert_eq!(read(renamed("counted"), &point()), invalid("observation.id"));
    assert_eq!(read(renamed("counted@2025-09"), &point()), invalid("observation.id"));
    let longer = |m: &mut log::Observation| content(m).ends_at_micros += 1;
    for one in [point(), assessment()] {
        assert_eq!(read(longer, &one), invalid("content.form"));
        assert_eq!(read(|m| content(m).form = Some(0), &one), invalid("content.form"));
    }
    let week: Period = "2025-W40".parse().unwrap();
    let other = move |m: &mut log::Observation| {
        let (from, to) = week.bounds();
        (content(m).starts_at_micros, content(m).ends_at_micros) = (from.micros(), to.micros());
    };
    assert_eq!(read(other, &point()), invalid("observation.id"));
    assert_eq!(read(other, &assessment()), Ok(Form::Assessment));
    assert_eq!(read(|m| content(m).source.clear(), &point()), invalid("content.source"));
}
