//! Observations with their geography and labels, and sealed fields.

use std::{collections::BTreeSet, convert::Infallible, fmt::Display, sync::Arc};

use samsyn_domain::{
    AreaId, Audience, Basis, CategoryId, Content, Credibility, Form, Geography, Kind, LabelClass,
    Labels, Observation, ObservationId, PartyId, PlaceId, PriorityId, PurposeId, Regime,
    Reliability, Sealed, Secrecy, Severity, SourceId, SubAreaId, Timestamp, Trend, UnitKey,
};
use samsyn_proto::log;

use super::{
    Damaged, Stored, checked, code::Coded as _, optional, parsed, parsed_set, required, time,
};

impl Stored for Observation {
    type Message = log::Observation;

    fn encode(&self) -> log::Observation {
        log::Observation {
            id: self.id.to_string(),
            content: Some(self.content.encode()),
            secret: self.sealed.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Observation) -> Result<Self, Damaged> {
        let id = parsed(&message.id, ObservationId::parse, "observation.id")?;
        let content: Content = required(message.content, "observation.content")?;
        let period = id.as_point().map(|(_, period)| period);
        if content.form == Form::Series && (period.is_none() || content.own_period() != period) {
            return Err(Damaged::Invalid("observation.id"));
        }
        Ok(Self { id, content, sealed: optional(message.secret)? })
    }
}

impl Stored for Content {
    type Message = log::Content;

    fn encode(&self) -> log::Content {
        log::Content {
            category: self.category.to_string(),
            kind: self.kind.code(),
            priority: self.priority.to_string(),
            geography: Some(self.geography.encode()),
            starts_at_micros: self.starts_at.micros(),
            ends_at_micros: self.ends_at.micros(),
            count: self.count,
            severity: self.severity.map(|severity| severity.grade().into()),
            trend: self.trend.map(Trend::code),
            basis: self.basis.code(),
            source: self.source.as_ref().map(ToString::to_string).unwrap_or_default(),
            reliability: self.reliability.map(|reliability| reliability.grade().into()),
            credibility: self.credibility.map(|credibility| credibility.grade().into()),
            labels: Some(self.labels.encode()),
            // What was there before there were forms is an observation, and stays as it was.
            form: Some(self.form).filter(|form| *form != Form::Observation).map(Form::code),
        }
    }

    fn decode(message: log::Content) -> Result<Self, Damaged> {
        let reliability = message.reliability.as_deref();
        let form = message.form.map(|form| Form::of_code(form, "content.form")).transpose()?;
        let form = form.unwrap_or(Form::Observation);
        let source = Some(&message.source).filter(|_| form != Form::Assessment);
        let content = Self {
            form,
            category: parsed(&message.category, CategoryId::parse, "content.category")?,
            kind: Kind::of_code(message.kind, "content.kind")?,
            priority: parsed(&message.priority, PriorityId::parse, "content.priority")?,
            geography: required(message.geography, "content.geography")?,
            starts_at: time(message.starts_at_micros),
            ends_at: time(message.ends_at_micros),
            count: message.count,
            severity: message
                .severity
                .map(|grade| checked(Severity::of(grade), "content.severity"))
                .transpose()?,
            trend: message.trend.map(|trend| Trend::of_code(trend, "content.trend")).transpose()?,
            basis: Basis::of_code(message.basis, "content.basis")?,
            source: source
                .map(|source| parsed(source, SourceId::parse, "content.source"))
                .transpose()?,
            reliability: reliability
                .map(|grade| checked(Reliability::of(grade), "content.reliability"))
                .transpose()?,
            credibility: message
                .credibility
                .map(|grade| checked(Credibility::of(grade), "content.credibility"))
                .transpose()?,
            labels: required::<Labels>(message.labels, "content.labels")?.into(),
        };
        let whole = content.form == Form::Observation || content.own_period().is_some();
        if whole { Ok(content) } else { Err(Damaged::Invalid("content.form")) }
    }
}

impl Stored for Geography {
    type Message = log::Geography;

    fn encode(&self) -> log::Geography {
        log::Geography {
            area: self.area.to_string(),
            sub_area: self.sub_area.as_ref().map(ToString::to_string),
            place: self.place.as_ref().map(ToString::to_string),
        }
    }

    fn decode(message: log::Geography) -> Result<Self, Damaged> {
        let sub_area = message.sub_area.as_deref();
        let place = message.place.as_deref();
        Ok(Self {
            area: parsed(&message.area, AreaId::parse, "geography.area")?,
            sub_area: sub_area
                .map(|id| parsed(id, SubAreaId::parse, "geography.sub_area"))
                .transpose()?,
            place: place.map(|id| parsed(id, PlaceId::parse, "geography.place")).transpose()?,
        })
    }
}

impl Stored for Labels {
    type Message = log::Labels;

    fn encode(&self) -> log::Labels {
        log::Labels {
            level: self.level.level().into(),
            audience: self.audience.iter().map(|token| token.as_str().to_owned()).collect(),
            purposes: texts(&self.purposes),
            regime: self.regime.code(),
            secrecy_provisions: texts(&self.secrecy_provisions),
            retain_until_micros: self.retain_until.micros(),
            person_related: self.person_related,
            special_category: self.special_category,
            originator_control: self.originator_control,
            embargo_until_micros: self.embargo_until.map(Timestamp::micros),
            onward_sharing: self.onward_sharing,
        }
    }

    fn decode(message: log::Labels) -> Result<Self, Damaged> {
        Ok(Self {
            level: checked(Secrecy::of(message.level), "labels.level")?,
            audience: parsed_set(&message.audience, Audience::parse, "labels.audience")?,
            purposes: parsed_set(&message.purposes, PurposeId::parse, "labels.purposes")?,
            regime: Regime::of_code(message.regime, "labels.regime")?,
            secrecy_provisions: parsed_set(
                &message.secrecy_provisions,
                |text| Ok::<Arc<str>, Infallible>(text.into()),
                "labels.secrecy_provisions",
            )?,
            retain_until: time(message.retain_until_micros),
            person_related: message.person_related,
            special_category: message.special_category,
            originator_control: message.originator_control,
            embargo_until: message.embargo_until_micros.map(time),
            onward_sharing: message.onward_sharing,
        })
    }
}

impl Stored for LabelClass {
    type Message = log::LabelClass;

    fn encode(&self) -> log::LabelClass {
        log::LabelClass {
            owner: self.owner.to_string(),
            area: self.area.to_string(),
            kind: self.kind.code(),
            priority: self.priority.to_string(),
            labels: Some(self.labels.encode()),
            embargoed: self.embargoed,
        }
    }

    fn decode(message: log::LabelClass) -> Result<Self, Damaged> {
        Ok(Self {
            owner: parsed(&message.owner, PartyId::parse, "label_class.owner")?,
            area: parsed(&message.area, AreaId::parse, "label_class.area")?,
            kind: Kind::of_code(message.kind, "label_class.kind")?,
            priority: parsed(&message.priority, PriorityId::parse, "label_class.priority")?,
            labels: required::<Labels>(message.labels, "label_class.labels")?.into(),
            embargoed: message.embargoed,
        })
    }
}

impl Stored for Sealed {
    type Message = log::Sealed;

    fn encode(&self) -> log::Sealed {
        log::Sealed { key: self.key.as_str().to_owned(), ciphertext: self.bytes.to_vec() }
    }

    fn decode(message: log::Sealed) -> Result<Self, Damaged> {
        Ok(Self { key: UnitKey::named(&message.key), bytes: message.ciphertext.into() })
    }
}

fn texts<T: Display>(set: &BTreeSet<T>) -> Vec<String> {
    set.iter().map(ToString::to_string).collect()
}
