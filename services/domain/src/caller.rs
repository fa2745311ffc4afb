//! Who is calling.

use crate::{OrganisationId, ServiceId, Timestamp};

/// An authenticated calling system: what its certificate proves, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    organisation: OrganisationId,
    service: ServiceId,
    serial: String,
    certificate_until: Timestamp,
}

impl Caller {
    /// Made from an accepted connection; a clippy ban keeps it the only place.
    #[must_use]
    pub const fn authenticated(
        organisation: OrganisationId,
        service: ServiceId,
        serial: String,
        certificate_until: Timestamp,
    ) -> Self {
        Self { organisation, service, serial, certificate_until }
    }

    /// The caller's organisation.
    #[must_use]
    pub const fn organisation(&self) -> &OrganisationId {
        &self.organisation
    }

    /// The calling service.
    #[must_use]
    pub const fn service(&self) -> &ServiceId {
        &self.service
    }

    /// The serial number of its certificate, in hexadecimal.
    #[must_use]
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Until when its certificate is good.
    #[must_use]
    pub const fn certificate_until(&self) -> Timestamp {
        self.certificate_until
    }
}
