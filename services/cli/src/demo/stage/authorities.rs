//! A throw-away certificate authority for every organisation; their keys stay in memory.

use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

use samsyn_domain::{
    OrganisationId, ServiceId, Timestamp,
    registry::{Organisation, Service},
};
use time::Duration;

use super::{Error, Files};
use crate::{demo::clock::date_time, pki::Authority};

/// A demo is over within days.
const VALIDITY: Duration = Duration::days(30);

/// The authorities, by organisation.
#[derive(Debug)]
pub(in crate::demo) struct Authorities(BTreeMap<OrganisationId, Own>);

#[derive(Debug)]
struct Own {
    trust_domain: String,
    authority: Authority,
}

/// A certificate with its key, PEM.
pub(super) struct Credentials {
    pub(super) certificate_pem: String,
    pub(super) key_pem: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials")
    }
}

impl Authorities {
    pub(super) fn fresh(organisations: &[Organisation], now: Timestamp) -> Result<Self, Error> {
        let authority = |organisation: &Organisation| {
            let trust_domain = organisation.trust_domain.clone();
            let authority = authority(&trust_domain, now)?;
            Ok((organisation.id.clone(), Own { trust_domain, authority }))
        };
        organisations.iter().map(authority).collect::<Result<_, Error>>().map(Self)
    }

    /// Writes the bundles and revocation lists that the gateway lets clients in by.
    pub(super) fn write(&self, files: &Files<'_>, now: Timestamp) -> Result<(), Error> {
        for (organisation, own) in &self.0 {
            let bundle = own.authority.certificate_pem();
            files.write(&format!("anchors/{organisation}.pem"), bundle)?;
            let list = own.authority.crl(&[], date_time(now))?;
            files.write(&format!("anchors/{organisation}.crl.pem"), &list)?;
        }
        Ok(())
    }

    /// A gateway's certificate, by the authority of who runs it.
    pub(super) fn server(
        &self,
        operator: &'static str,
        now: Timestamp,
    ) -> Result<Credentials, Error> {
        let own = self.operator(operator)?;
        let uri = format!("spiffe://{}/node/1", own.trust_domain);
        let (dns, ips) = (["localhost".to_owned()], [Ipv4Addr::LOCALHOST.into()]);
        let issued = own.authority.issue_server(&dns, &ips, &uri, date_time(now))?;
        Ok(Credentials {
            certificate_pem: issued.certificate_pem().to_owned(),
            key_pem: issued.key_pem().to_owned(),
        })
    }

    /// The authority of the gateway's certificate, PEM.
    pub(super) fn server_bundle(&self, operator: &'static str) -> Result<&str, Error> {
        self.operator(operator).map(|own| own.authority.certificate_pem())
    }

    /// A service's certificate, by its organisation's authority.
    pub(super) fn service(
        &self,
        service: &Service,
        now: Timestamp,
    ) -> Result<Option<Credentials>, Error> {
        let own = self.0.get(&service.organisation);
        let issue = |own: &Own| credentials(&own.authority, name(&service.id), now);
        own.map(issue).transpose()
    }

    fn operator(&self, operator: &'static str) -> Result<&Own, Error> {
        let mut all = self.0.iter().filter(|(id, _)| id.as_str() == operator);
        all.next().map(|(_, own)| own).ok_or(Error::NoOperator(operator))
    }
}

/// A certificate of the right name by an authority that nobody has registered.
pub(super) fn forged(trust_domain: &str, name: &str, now: Timestamp) -> Result<Credentials, Error> {
    credentials(&authority(trust_domain, now)?, name, now)
}

fn authority(trust_domain: &str, now: Timestamp) -> Result<Authority, Error> {
    let name = format!("{trust_domain} demo authority");
    Ok(Authority::create(trust_domain, &name, VALIDITY, date_time(now))?)
}

fn credentials(authority: &Authority, name: &str, now: Timestamp) -> Result<Credentials, Error> {
    let issued = authority.issue_service(name, date_time(now))?;
    Ok(Credentials {
        certificate_pem: issued.certificate_pem().to_owned(),
        key_pem: issued.key_pem().to_owned(),
    })
}

/// The name in a service's certificate: what stands after the organisation in its id.
pub(super) fn name(id: &ServiceId) -> &str {
    id.as_str().split_once('/').map_or(id.as_str(), |(_, name)| name)
}
