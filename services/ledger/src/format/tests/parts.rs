//! Examples of publications in parts, and signed.

use std::sync::Arc;

use samsyn_domain::{
    KeyId,
    command::{AddPart, Command, InParts, Upload},
    row::{Part, Row, SignedManifest},
};

use super::examples::{NOW, key_made, observation, sealed, service};

pub(super) fn upload() -> Upload {
    Upload { service: service("stad/sdf"), key: key_made(NOW, 2) }
}

/// Where all observations of a publication are.
pub(super) fn all() -> InParts {
    InParts { upload: upload(), body: [0xb1; 32], number: 3 }
}

pub(super) fn manifest() -> SignedManifest {
    SignedManifest {
        digest: [0xd1; 32],
        key: KeyId::parse("sdf/publisher").unwrap(),
        statement: [1, 2, 3].into(),
        signature: [0x51; 64].into(),
        salt: sealed(),
    }
}

pub(super) fn command(full: bool) -> Command {
    Command::AddPart(AddPart {
        upload: upload(),
        body: [0xb1; 32],
        number: u32::from(full),
        upserts: vec![observation(full)],
    })
}

pub(super) fn rows(full: bool) -> Vec<(&'static str, Row)> {
    let part = Part {
        upload: upload(),
        body: [0xb1; 32],
        number: u32::from(full),
        at: NOW,
        upserts: vec![observation(full)],
    };
    let gone = Row::PartGone(upload(), u32::from(full));
    vec![("part", Row::Part(Arc::new(part))), ("part_gone", gone)]
}
