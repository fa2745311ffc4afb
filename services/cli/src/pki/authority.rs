//! The authority itself: pure but for fresh keys and serial numbers; the clock is an argument.

use std::{fmt, fs, net::IpAddr, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    RevokedCertParams, SanType, SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::{CERTIFICATE_VALIDITY, CRL_VALIDITY, Error, index::Index};

/// How far clocks of peers may lag behind ours.
const CLOCK_SKEW: Duration = Duration::minutes(5);
/// For who connects and is connected to.
const BOTH: [ExtendedKeyUsagePurpose; 2] =
    [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
const TRUST_DOMAIN_LENGTH_MAX: usize = 255;
const NAME_LENGTH_MAX: usize = 63;

/// The certificate authority of one trust domain.
pub(crate) struct Authority {
    trust_domain: String,
    certificate_pem: String,
    issuer: Issuer<'static, KeyPair>,
    not_after: OffsetDateTime,
}

/// A certificate and its key.
pub(crate) struct Issued {
    certificate_pem: String,
    key_pem: String,
    serial: String,
    not_after: OffsetDateTime,
}

/// A revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revoked {
    /// Its serial number: hex.
    pub(crate) serial: String,
    /// Since when.
    pub(crate) at: OffsetDateTime,
}

impl Authority {
    /// Makes an authority with a fresh key.
    ///
    /// # Errors
    /// [`Error::TrustDomain`], [`Error::Random`], [`Error::Make`].
    pub(crate) fn create(
        trust_domain: &str,
        name: &str,
        validity: Duration,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        if !is_trust_domain(trust_domain) {
            return Err(Error::TrustDomain(trust_domain.to_owned()));
        }
        let failed = |source| Error::Make { what: "the authority", source };
        let not_after = now.saturating_add(validity);
        let mut params = params(name, now, not_after, &Serial::random()?);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = false;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate_pem = params.self_signed(&key).map_err(failed)?.pem();
        Ok(Self {
            trust_domain: trust_domain.to_owned(),
            certificate_pem,
            issuer: Issuer::new(params, key),
            not_after,
        })
    }

    /// Reads the authority of a folder.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Index`], [`Error::Authority`].
    pub(crate) fn load(dir: &Path) -> Result<Self, Error> {
        let read = |name: &str| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|source| Error::Read { path, source })
        };
        let index = Index::from_toml(&read("index.toml")?)?;
        let certificate_pem = read("ca.pem")?;
        let key = KeyPair::from_pem(&read("ca.key")?)
            .map_err(|source| Error::Authority { file: "ca.key", source })?;
        let issuer = Issuer::from_ca_cert_pem(&certificate_pem, key)
            .map_err(|source| Error::Authority { file: "ca.pem", source })?;
        Ok(Self {
            trust_domain: index.trust_domain().to_owned(),
            certificate_pem,
            issuer,
            not_after: index.authority_until()?,
        })
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The end of the authority.
    pub(crate) const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The authority's key, PEM.
    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// The name of a gateway: `spiffe://<trust-domain>/node/<name>`.
    ///
    /// # Errors
    /// [`Error::Name`].
    pub(super) fn node_uri(&self, name: &str) -> Result<String, Error> {
        Ok(format!("spiffe://{}/node/{}", self.trust_domain, checked(name)?))
    }

    /// Issues a certificate for a service that calls gateways. Its one name is
    /// `spiffe://<trust-domain>/svc/<name>`.
    ///
    /// # Errors
    /// [`Error::Name`], [`Error::Ended`], [`Error::Random`], [`Error::Make`].
    pub(crate) fn issue_service(&self, name: &str, now: OffsetDateTime) -> Result<Issued, Error> {
        let uri = format!("spiffe://{}/svc/{}", self.trust_domain, checked(name)?);
        self.issue(name, vec![uri_name(&uri)?], &[ExtendedKeyUsagePurpose::ClientAuth], now)
    }

    /// Issues a certificate for a server: one URI of the trust domain beside the DNS names and
    /// IP addresses that stock clients ask for.
    ///
    /// # Errors
    /// [`Error::NoAddress`], [`Error::DnsName`], [`Error::Uri`], [`Error::ForeignName`],
    /// [`Error::Ended`], [`Error::Random`], [`Error::Make`].
    pub(crate) fn issue_server(
        &self,
        dns: &[String],
        ips: &[IpAddr],
        uri: &str,
        now: OffsetDateTime,
    ) -> Result<Issued, Error> {
        self.issue_at(dns, ips, uri, &[ExtendedKeyUsagePurpose::ServerAuth], now)
    }

    /// Issues a certificate for a node that other nodes connect to and that connects to them. Its
    /// one URI is `spiffe://<trust-domain>/node/<number>`.
    ///
    /// # Errors
    /// As [`Self::issue_server`].
    pub(crate) fn issue_node(
        &self,
        dns: &[String],
        ips: &[IpAddr],
        node: u64,
        now: OffsetDateTime,
    ) -> Result<Issued, Error> {
        self.issue_at(dns, ips, &self.node_uri(&node.to_string())?, &BOTH, now)
    }

    /// Issues a certificate for links with other domains, which connect to it and to which it
    /// connects. Its one URI is `spiffe://<trust-domain>/link/<name>`.
    ///
    /// # Errors
    /// [`Error::Name`], otherwise as [`Self::issue_server`].
    pub(crate) fn issue_link(
        &self,
        dns: &[String],
        ips: &[IpAddr],
        name: &str,
        now: OffsetDateTime,
    ) -> Result<Issued, Error> {
        let uri = format!("spiffe://{}/link/{}", self.trust_domain, checked(name)?);
        self.issue_at(dns, ips, &uri, &BOTH, now)
    }

    fn issue_at(
        &self,
        dns: &[String],
        ips: &[IpAddr],
        uri: &str,
        usages: &[ExtendedKeyUsagePurpose],
        now: OffsetDateTime,
    ) -> Result<Issued, Error> {
        if dns.is_empty() && ips.is_empty() {
            return Err(Error::NoAddress);
        }
        let prefix = format!("spiffe://{}/", self.trust_domain);
        let Some(path) = uri.strip_prefix(&prefix).filter(|path| !path.is_empty()) else {
            let (uri, trust_domain) = (uri.to_owned(), self.trust_domain.clone());
            return Err(Error::ForeignName { uri, trust_domain });
        };
        let mut names = vec![uri_name(uri)?];
        for name in dns {
            names.push(dns_name(name)?);
        }
        names.extend(ips.iter().copied().map(SanType::IpAddress));
        self.issue(path, names, usages, now)
    }

    /// Makes a revocation list that is good for [`CRL_VALIDITY`], PEM.
    ///
    /// # Errors
    /// [`Error::Index`] when a serial number is no hex, [`Error::Make`].
    pub(crate) fn crl(&self, revoked: &[Revoked], now: OffsetDateTime) -> Result<String, Error> {
        let revoked = revoked.iter().map(|one| {
            Ok(RevokedCertParams {
                serial_number: Serial::from_hex(&one.serial)?.number(),
                revocation_time: one.at,
                reason_code: None,
                invalidity_date: None,
            })
        });
        let micros = now.unix_timestamp_nanos().checked_div(1_000).unwrap_or_default();
        let failed = |source| Error::Make { what: "the revocation list", source };
        CertificateRevocationListParams {
            this_update: now.saturating_sub(CLOCK_SKEW),
            next_update: now.saturating_add(CRL_VALIDITY),
            crl_number: SerialNumber::from(u64::try_from(micros).unwrap_or_default()),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_, Error>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .and_then(|list| list.pem())
        .map_err(failed)
    }

    fn issue(
        &self,
        name: &str,
        names: Vec<SanType>,
        usages: &[ExtendedKeyUsagePurpose],
        now: OffsetDateTime,
    ) -> Result<Issued, Error> {
        if now >= self.not_after {
            return Err(Error::Ended);
        }
        let failed = |source| Error::Make { what: "the certificate", source };
        let not_after = now.saturating_add(CERTIFICATE_VALIDITY).min(self.not_after);
        let serial = Serial::random()?;
        let mut params = params(name, now, not_after, &serial);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        params.subject_alt_names = names;
        let key = KeyPair::generate().map_err(failed)?;
        let certificate_pem = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        Ok(Issued {
            certificate_pem,
            key_pem: key.serialize_pem(),
            serial: serial.to_hex(),
            not_after,
        })
    }
}

impl Issued {
    /// The certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Its key, PEM. Not for screens or logs.
    pub(crate) fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// Its serial number: 32 digits of lower-case hex.
    pub(crate) fn serial(&self) -> &str {
        &self.serial
    }

    /// The end of its validity.
    pub(crate) const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("trust_domain", &self.trust_domain)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// A serial number of 16 bytes, 126 bits of them random. The first bit is clear, so that it is
/// positive in DER; the second is set, so that every spelling of it has the same length.
struct Serial([u8; 16]);

impl Serial {
    fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|source| Error::Random { source })?;
        let [first, ..] = &mut bytes;
        *first = (*first & 0x7f) | 0x40;
        Ok(Self(bytes))
    }

    fn from_hex(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|source| Error::Index { source: source.into() })?;
        Ok(Self(bytes))
    }

    fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    fn number(&self) -> SerialNumber {
        SerialNumber::from_slice(&self.0)
    }
}

fn params(
    name: &str,
    now: OffsetDateTime,
    not_after: OffsetDateTime,
    serial: &Serial,
) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now.saturating_sub(CLOCK_SKEW);
    params.not_after = not_after;
    params.serial_number = Some(serial.number());
    params.use_authority_key_identifier_extension = true;
    params
}

fn uri_name(uri: &str) -> Result<SanType, Error> {
    Ok(SanType::URI(uri.try_into().map_err(|_| Error::Uri(uri.to_owned()))?))
}

fn dns_name(name: &str) -> Result<SanType, Error> {
    let letters = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
    let failed = || Error::DnsName(name.to_owned());
    if name.is_empty() || !name.bytes().all(letters) {
        return Err(failed());
    }
    Ok(SanType::DnsName(name.try_into().map_err(|_| failed())?))
}

fn is_trust_domain(text: &str) -> bool {
    (1..=TRUST_DOMAIN_LENGTH_MAX).contains(&text.len()) && text.bytes().all(is_letter)
}

fn checked(name: &str) -> Result<&str, Error> {
    let good = (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name.bytes().all(is_letter)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric());
    if good { Ok(name) } else { Err(Error::Name(name.to_owned())) }
}

const fn is_letter(c: u8) -> bool {
    matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_')
}
