//! Who may receive and who received what: grants, disclosures, views, denials.

use samsyn_domain::{
    AreaId, EditionId, FunctionId, LegalBasisId, OrganisationId, PartyId, PurposeId, ServiceId,
    disclosure::{
        Acknowledged, Advance, Change, ClassId, Denied, Disclosure, Grant, Ground, Object, Step,
        ViewPart,
    },
    registry::{FieldGroup, Shown, Variant},
};
use samsyn_proto::log::{self, change, disclosed};

use super::{
    Damaged, Stored, code::Coded as _, digest, message::message_id, optional, parsed, period,
    required, time,
};

fn release_class(bytes: &[u8], field: &'static str) -> Result<ClassId, Damaged> {
    digest(bytes, field).map(ClassId::of)
}

impl Stored for Grant {
    type Message = log::Grant;

    fn encode(&self) -> log::Grant {
        log::Grant {
            epoch: self.epoch,
            release_class: self.class.digest().to_vec(),
            label: Some(self.label.encode()),
            shown: self.shown.as_ref().map(Stored::encode),
            rules: self.rules.iter().cloned().collect(),
        }
    }

    fn decode(message: log::Grant) -> Result<Self, Damaged> {
        Ok(Self {
            epoch: message.epoch,
            class: release_class(&message.release_class, "grant.release_class")?,
            label: required(message.label, "grant.label")?,
            shown: optional(message.shown)?,
            rules: message.rules.into_iter().collect(),
        })
    }
}

impl Stored for Shown {
    type Message = log::Shown;

    fn encode(&self) -> log::Shown {
        let group = |(group, variant): (&FieldGroup, &Variant)| log::ShownGroup {
            group: group.code(),
            variant: variant.code(),
        };
        log::Shown { groups: self.iter().map(group).collect() }
    }

    fn decode(message: log::Shown) -> Result<Self, Damaged> {
        let group = |shown: &log::ShownGroup| {
            let group = FieldGroup::of_code(shown.group, "shown_group.group")?;
            Ok((group, Variant::of_code(shown.variant, "shown_group.variant")?))
        };
        message.groups.iter().map(group).collect()
    }
}

impl Stored for Disclosure {
    type Message = log::Disclosure;

    fn encode(&self) -> log::Disclosure {
        log::Disclosure {
            sequence: self.sequence,
            at_micros: self.at.micros(),
            receiver: self.receiver.to_string(),
            service: self.service.to_string(),
            serial: self.serial.clone(),
            ground: Some(self.ground.encode()),
            disclosed: Some(self.object.encode()),
            revision: self.revision,
            groups: self.groups.iter().map(|group| group.code()).collect(),
            rules: self.rules.iter().cloned().collect(),
            rows: self.rows,
            digest: self.digest.into(),
            epoch: self.epoch,
            view: self.view.as_ref().map(Stored::encode),
        }
    }

    fn decode(message: log::Disclosure) -> Result<Self, Damaged> {
        let groups = message.groups.iter();
        Ok(Self {
            sequence: message.sequence,
            at: time(message.at_micros),
            receiver: parsed(&message.receiver, OrganisationId::parse, "disclosure.receiver")?,
            service: parsed(&message.service, ServiceId::parse, "disclosure.service")?,
            serial: message.serial,
            ground: required(message.ground, "disclosure.ground")?,
            object: required(message.disclosed, "disclosure.disclosed")?,
            revision: message.revision,
            groups: groups
                .map(|group| FieldGroup::of_code(*group, "disclosure.groups"))
                .collect::<Result<_, _>>()?,
            rules: message.rules.into_iter().collect(),
            rows: message.rows,
            digest: digest(&message.digest, "disclosure.digest")?,
            epoch: message.epoch,
            view: message.view.map(ViewPart::decode).transpose()?,
        })
    }
}

impl Stored for ViewPart {
    type Message = log::ViewPart;

    fn encode(&self) -> log::ViewPart {
        log::ViewPart { release_class: self.class.digest().to_vec(), revision: self.revision }
    }

    fn decode(message: log::ViewPart) -> Result<Self, Damaged> {
        let class = release_class(&message.release_class, "view_part.release_class")?;
        Ok(Self { class, revision: message.revision })
    }
}

impl Stored for Ground {
    type Message = log::Ground;

    fn encode(&self) -> log::Ground {
        log::Ground {
            purpose: self.purpose.to_string(),
            legal_basis: self.legal_basis.to_string(),
            weighing: self.weighing.clone(),
        }
    }

    fn decode(message: log::Ground) -> Result<Self, Damaged> {
        Ok(Self {
            purpose: parsed(&message.purpose, PurposeId::parse, "ground.purpose")?,
            legal_basis: parsed(&message.legal_basis, LegalBasisId::parse, "ground.legal_basis")?,
            weighing: message.weighing,
        })
    }
}

impl Stored for Object {
    type Message = log::Disclosed;

    fn encode(&self) -> log::Disclosed {
        use disclosed::Kind;
        let kind = match self {
            Self::Picture(party, area) => Kind::Picture(disclosed::Picture {
                party: party.to_string(),
                area: area.to_string(),
            }),
            Self::Joint(area, period) => {
                Kind::Joint(disclosed::Joint { area: area.to_string(), period: period.to_string() })
            }
            Self::View(area) => Kind::View(area.to_string()),
            Self::Edition(id) => Kind::Edition(id.to_string()),
            Self::Review(id) => Kind::Review(id.to_string()),
            Self::Revisions(area) => Kind::Revisions(area.to_string()),
            Self::Editions(area) => Kind::Editions(area.to_string()),
            Self::Duties => Kind::Duties(disclosed::Duties {}),
            Self::Disclosures => Kind::Disclosures(disclosed::Disclosures {}),
            Self::Meetings => Kind::Meetings(disclosed::Meetings {}),
            Self::Message(id) => Kind::Message(id.digest().to_vec()),
            Self::Inbox(function) => Kind::Inbox(function.to_string()),
        };
        log::Disclosed { kind: Some(kind) }
    }

    fn decode(message: log::Disclosed) -> Result<Self, Damaged> {
        use disclosed::Kind;
        let area = |id: &str| parsed(id, AreaId::parse, "disclosed.area");
        let edition = |id: &str| parsed(id, EditionId::parse, "disclosed.edition");
        Ok(match message.kind.ok_or(Damaged::Missing("disclosed.kind"))? {
            Kind::Picture(of) => Self::Picture(
                parsed(&of.party, PartyId::parse, "disclosed.party")?,
                area(&of.area)?,
            ),
            Kind::Joint(of) => {
                Self::Joint(area(&of.area)?, period(&of.period, "disclosed.period")?)
            }
            Kind::View(of) => Self::View(area(&of)?),
            Kind::Edition(id) => Self::Edition(edition(&id)?),
            Kind::Review(id) => Self::Review(edition(&id)?),
            Kind::Revisions(of) => Self::Revisions(area(&of)?),
            Kind::Editions(of) => Self::Editions(area(&of)?),
            Kind::Duties(disclosed::Duties {}) => Self::Duties,
            Kind::Disclosures(disclosed::Disclosures {}) => Self::Disclosures,
            Kind::Meetings(disclosed::Meetings {}) => Self::Meetings,
            Kind::Message(id) => Self::Message(message_id(&id, "disclosed.message")?),
            Kind::Inbox(id) => Self::Inbox(parsed(&id, FunctionId::parse, "disclosed.inbox")?),
        })
    }
}

impl Stored for Advance {
    type Message = log::Advance;

    fn encode(&self) -> log::Advance {
        log::Advance {
            release_class: self.class.digest().to_vec(),
            receiver: self.receiver.to_string(),
            revision: self.revision,
            change: Some(self.change.encode()),
            digest: self.digest.into(),
        }
    }

    fn decode(message: log::Advance) -> Result<Self, Damaged> {
        Ok(Self {
            class: release_class(&message.release_class, "advance.release_class")?,
            receiver: parsed(&message.receiver, OrganisationId::parse, "advance.receiver")?,
            revision: message.revision,
            change: required(message.change, "advance.change")?,
            digest: digest(&message.digest, "advance.digest")?,
        })
    }
}

impl Stored for Change {
    type Message = log::Change;

    fn encode(&self) -> log::Change {
        let kind = match self {
            Self::Area { area, from, to } => change::Kind::Area(change::Area {
                area: area.to_string(),
                from_revision: *from,
                to_revision: *to,
            }),
            Self::Edition(id) => change::Kind::Edition(id.to_string()),
        };
        log::Change { kind: Some(kind) }
    }

    fn decode(message: log::Change) -> Result<Self, Damaged> {
        Ok(match message.kind.ok_or(Damaged::Missing("change.kind"))? {
            change::Kind::Area(change) => Self::Area {
                area: parsed(&change.area, AreaId::parse, "change.area")?,
                from: change.from_revision,
                to: change.to_revision,
            },
            change::Kind::Edition(id) => {
                Self::Edition(parsed(&id, EditionId::parse, "change.edition")?)
            }
        })
    }
}

impl Stored for Step {
    type Message = log::Step;

    fn encode(&self) -> log::Step {
        log::Step { at_micros: self.at.micros(), advance: Some(self.advance.encode()) }
    }

    fn decode(message: log::Step) -> Result<Self, Damaged> {
        Ok(Self {
            at: time(message.at_micros),
            advance: required(message.advance, "step.advance")?,
        })
    }
}

impl Stored for Acknowledged {
    type Message = log::Acknowledged;

    fn encode(&self) -> log::Acknowledged {
        log::Acknowledged {
            release_class: self.class.digest().to_vec(),
            service: self.service.to_string(),
            revision: self.revision,
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Acknowledged) -> Result<Self, Damaged> {
        Ok(Self {
            class: release_class(&message.release_class, "acknowledged.release_class")?,
            service: parsed(&message.service, ServiceId::parse, "acknowledged.service")?,
            revision: message.revision,
            at: time(message.at_micros),
        })
    }
}

impl Stored for Denied {
    type Message = log::Denied;

    fn encode(&self) -> log::Denied {
        log::Denied {
            at_micros: self.at.micros(),
            service: self.service.to_string(),
            reason: self.reason.clone(),
            rule: self.rule.clone(),
            requests: self.requests,
        }
    }

    fn decode(message: log::Denied) -> Result<Self, Damaged> {
        Ok(Self {
            at: time(message.at_micros),
            service: parsed(&message.service, ServiceId::parse, "denied.service")?,
            reason: message.reason,
            rule: message.rule,
            requests: message.requests,
        })
    }
}
