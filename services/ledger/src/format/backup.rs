//! Backups, and what goes on from one.

use samsyn_domain::{
    ServiceId,
    command::{BackUp, Restore},
    row::{BackedUp, Restored},
};
use samsyn_proto::log;

use super::{Damaged, Stored, digest, parsed, time};

impl Stored for BackUp {
    type Message = log::BackUp;

    fn encode(&self) -> log::BackUp {
        log::BackUp { recipients: self.recipients.into() }
    }

    fn decode(message: log::BackUp) -> Result<Self, Damaged> {
        Ok(Self { recipients: digest(&message.recipients, "back_up.recipients")? })
    }
}

impl Stored for Restore {
    type Message = log::Restore;

    fn encode(&self) -> log::Restore {
        let nodes = self.nodes.iter().copied().collect();
        log::Restore { id: self.id.into(), from_position: self.from, nodes }
    }

    fn decode(message: log::Restore) -> Result<Self, Damaged> {
        Ok(Self {
            id: digest(&message.id, "restore.id")?,
            from: message.from_position,
            nodes: message.nodes.into_iter().collect(),
        })
    }
}

impl Stored for BackedUp {
    type Message = log::BackedUp;

    fn encode(&self) -> log::BackedUp {
        log::BackedUp {
            position: self.position,
            at_micros: self.at.micros(),
            by: self.by.to_string(),
            recipients: self.recipients.into(),
        }
    }

    fn decode(message: log::BackedUp) -> Result<Self, Damaged> {
        Ok(Self {
            position: message.position,
            at: time(message.at_micros),
            by: parsed(&message.by, ServiceId::parse, "backed_up.by")?,
            recipients: digest(&message.recipients, "backed_up.recipients")?,
        })
    }
}

impl Stored for Restored {
    type Message = log::Restored;

    fn encode(&self) -> log::Restored {
        log::Restored {
            number: self.number,
            id: self.id.into(),
            from_position: self.from,
            nodes: self.nodes.iter().copied().collect(),
            at_micros: self.at.micros(),
        }
    }

    fn decode(message: log::Restored) -> Result<Self, Damaged> {
        Ok(Self {
            number: message.number,
            id: digest(&message.id, "restored.id")?,
            from: message.from_position,
            nodes: message.nodes.into_iter().collect(),
            at: time(message.at_micros),
        })
    }
}
