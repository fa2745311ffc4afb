//! Labels in the form in which they are committed to.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Error,
    canonical::{Message, Value},
    content,
    fields::labels,
    reader::Fields,
};
use crate::{Audience, Labels, PurposeId, Regime, Secrecy, Timestamp};

/// Labels in the form in which they are committed to.
#[derive(Debug)]
pub struct LabelParts<'a> {
    labels: &'a Labels,
    audience: Vec<&'a str>,
    purposes: Vec<&'a str>,
    provisions: Vec<&'a str>,
}

impl<'a> LabelParts<'a> {
    /// Of labels.
    #[must_use]
    pub fn of(labels: &'a Labels) -> Self {
        Self {
            labels,
            audience: labels.audience.iter().map(|token| token.as_str()).collect(),
            purposes: labels.purposes.iter().map(|purpose| purpose.as_str()).collect(),
            provisions: labels.secrecy_provisions.iter().map(|text| text.as_ref()).collect(),
        }
    }

    /// What is committed to.
    #[must_use]
    pub fn committed(&self) -> content::Labels<'_> {
        content::Labels {
            level: self.labels.level.level().into(),
            audience: &self.audience,
            purposes: &self.purposes,
            regime: self.labels.regime.as_str(),
            secrecy_provisions: &self.provisions,
            retain_until: Some(self.labels.retain_until.micros()),
            person_related: self.labels.person_related,
            special_category: self.labels.special_category,
            originator_control: self.labels.originator_control,
            embargo_until: self.labels.embargo_until.map(|until| until.micros()),
            onward_sharing: self.labels.onward_sharing,
        }
    }
}

/// The canonical form of labels, as it stands in headers and messages.
///
/// # Errors
/// When a text is not NFC.
pub fn encode(labels: &Labels) -> Result<Message, Error> {
    LabelParts::of(labels).committed().message()
}

/// Reads labels from their canonical form.
///
/// # Errors
/// When a field is missing, unknown or out of range.
pub fn decode(message: Message) -> Result<Labels, Error> {
    let mut fields = Fields::of(message);
    let read = Labels {
        level: Secrecy::of(fields.take_integer(labels::LEVEL)?)
            .ok_or(Error::OutOfRange(labels::LEVEL))?,
        audience: set(&mut fields, labels::AUDIENCE, |text| Audience::parse(text).ok())?,
        purposes: set(&mut fields, labels::PURPOSES, |text| PurposeId::parse(text).ok())?,
        regime: Regime::from_code(&fields.take_text(labels::REGIME)?)
            .ok_or(Error::OutOfRange(labels::REGIME))?,
        secrecy_provisions: set(&mut fields, labels::SECRECY_PROVISIONS, |text| {
            Some(Arc::<str>::from(text))
        })?,
        retain_until: Timestamp::from_micros(fields.take_i64(labels::RETAIN_UNTIL)?),
        person_related: fields.take_bool(labels::PERSON_RELATED)?,
        special_category: fields.take_bool(labels::SPECIAL_CATEGORY)?,
        originator_control: fields.take_bool(labels::ORIGINATOR_CONTROL)?,
        embargo_until: fields.take_opt_i64(labels::EMBARGO_UNTIL)?.map(Timestamp::from_micros),
        onward_sharing: fields.take_bool(labels::ONWARD_SHARING)?,
    };
    fields.finish()?;
    Ok(read)
}

fn set<T: Ord>(
    fields: &mut Fields,
    number: u16,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<BTreeSet<T>, Error> {
    let items = fields.take_set(number)?.into_iter().map(|item| match &item {
        Value::Text(text) => parse(text).ok_or(Error::OutOfRange(number)),
        Value::I64(_) | Value::Bytes(_) | Value::List(_) | Value::Message(_) | Value::Bool(_) => {
            Err(Error::Mistyped(number))
        }
    });
    items.collect()
}
