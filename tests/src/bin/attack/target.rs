//! What a wave attacks, and with what.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use samsyn_client::Profile;
use samsyn_tests::raw::Failure;

/// A gateway that serves, seen by an attacker that has a partner's profile.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    domain: PathBuf,
    port: u16,
    until: Instant,
}

impl Target {
    /// For so long.
    pub(crate) fn new(domain: &Path, port: u16, seconds: Duration) -> Self {
        Self { domain: domain.to_owned(), port, until: Instant::now() + seconds }
    }

    /// Whether the wave goes on.
    pub(crate) fn goes_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// A profile of the domain.
    pub(crate) fn profile(&self, name: &str) -> Result<Profile, Failure> {
        let profile = Profile::load(&self.domain.join("profiles").join(name))?;
        Ok(Profile { endpoint: format!("https://127.0.0.1:{}", self.port), ..profile })
    }

    /// A profile with a certificate by the breached authority.
    pub(crate) fn breached(&self, name: &str) -> Result<Profile, Failure> {
        let read = |kind| fs::read_to_string(self.domain.join(format!("{name}.{kind}")));
        let (certificate_pem, key_pem) = (read("pem")?, read("key")?);
        Ok(Profile { certificate_pem, key_pem, ..self.profile("raddningstjansten")? })
    }

    /// One of many addresses of the attacker.
    pub(crate) fn source(number: usize) -> Option<IpAddr> {
        let byte = |of: usize| u8::try_from(of % 250).unwrap_or(0) + 1;
        Some(Ipv4Addr::new(127, 66, byte(number / 250), byte(number)).into())
    }
}
