//! A client's leaf certificate: bounded first, parsed once.

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    oid_registry::{OID_X509_EXT_CERTIFICATE_POLICIES, Oid},
    prelude::FromDer,
};

use super::{reason::Reason, spiffe::ServiceName};

/// Leaf and intermediates together.
const CHAIN_BYTES_MAX: usize = 16 * 1024;
/// Certificates in a chain, the leaf included.
const CHAIN_DEPTH_MAX: usize = 4;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// A leaf that is no authority. Nothing of it is trusted before its chain is verified.
#[derive(Debug)]
pub(super) struct Leaf<'a> {
    cert: X509Certificate<'a>,
}

impl<'a> Leaf<'a> {
    /// Bounds the chain, then parses the leaf.
    ///
    /// # Errors
    /// [`Reason::ChainTooLarge`], [`Reason::Malformed`], [`Reason::AuthorityAsLeaf`].
    pub(super) fn parse(
        leaf: &'a CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<Self, Reason> {
        let bytes = intermediates.iter().fold(leaf.len(), |sum, c| sum.saturating_add(c.len()));
        if bytes > CHAIN_BYTES_MAX || intermediates.len() >= CHAIN_DEPTH_MAX {
            return Err(Reason::ChainTooLarge);
        }
        let (rest, cert) = X509Certificate::from_der(leaf).map_err(|_| Reason::Malformed)?;
        if !rest.is_empty() {
            return Err(Reason::Malformed);
        }
        let ca = cert.basic_constraints().map_err(|_| Reason::Malformed)?;
        let usage = cert.key_usage().map_err(|_| Reason::Malformed)?;
        if ca.is_some_and(|ca| ca.value.ca)
            || usage.is_some_and(|usage| usage.value.key_cert_sign() || usage.value.crl_sign())
        {
            return Err(Reason::AuthorityAsLeaf);
        }
        Ok(Self { cert })
    }

    /// The service name; none when the leaf has no URI name at all.
    ///
    /// # Errors
    /// [`Reason::SeveralNames`] with several URI names, [`Reason::NotServiceName`] when the one
    /// is of another form, [`Reason::KeyUse`] when a leaf with a name lacks `digitalSignature`
    /// (X.509-SVID, section 4.3).
    pub(super) fn service_name(&self) -> Result<Option<ServiceName<'_>>, Reason> {
        let names = self.cert.subject_alternative_name().map_err(|_| Reason::Malformed)?;
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let mut uri = None;
        for name in names {
            match name {
                GeneralName::URI(_) if uri.is_some() => return Err(Reason::SeveralNames),
                GeneralName::URI(text) => uri = Some(*text),
                GeneralName::Invalid(..) => return Err(Reason::Malformed),
                GeneralName::OtherName(..)
                | GeneralName::RFC822Name(_)
                | GeneralName::DNSName(_)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::IPAddress(_)
                | GeneralName::RegisteredID(_) => {}
            }
        }
        let Some(uri) = uri else { return Ok(None) };
        let name = ServiceName::parse(uri).ok_or(Reason::NotServiceName)?;
        let usage = self.cert.key_usage().map_err(|_| Reason::Malformed)?;
        if !usage.is_some_and(|usage| usage.value.digital_signature()) {
            return Err(Reason::KeyUse);
        }
        Ok(Some(name))
    }

    /// Whether the leaf was issued under a certificate policy; `anyPolicy` is none.
    ///
    /// # Errors
    /// [`Reason::Malformed`] when the extension stands twice.
    pub(super) fn has_policy(&self, policy: &Oid<'_>) -> Result<bool, Reason> {
        let extension = self
            .cert
            .get_extension_unique(&OID_X509_EXT_CERTIFICATE_POLICIES)
            .map_err(|_| Reason::Malformed)?;
        let Some(ParsedExtension::CertificatePolicies(policies)) =
            extension.map(x509_parser::extensions::X509Extension::parsed_extension)
        else {
            return Ok(false);
        };
        Ok(policies.iter().any(|held| held.policy_id == *policy))
    }

    /// A subject attribute; none unless it stands exactly once and is text.
    pub(super) fn attribute(&self, oid: &Oid<'_>) -> Option<&str> {
        let mut all = self.cert.subject().iter_attributes().filter(|a| a.attr_type() == oid);
        match (all.next(), all.next()) {
            (Some(one), None) => one.as_str().ok(),
            (None, _) | (Some(_), Some(_)) => None,
        }
    }

    /// SHA-256 of the public key (`SubjectPublicKeyInfo`, DER).
    pub(super) fn key_digest(&self) -> [u8; 32] {
        Sha256::digest(self.cert.public_key().raw).into()
    }

    /// The serial number: lower-case hex, no leading zero bytes.
    pub(super) fn serial(&self) -> String {
        hex::encode(self.cert.serial.to_bytes_be())
    }

    /// SHA-256 of the issuer's name (DER): lower-case hex.
    pub(super) fn issuer(&self) -> String {
        hex::encode(Sha256::digest(self.cert.issuer().as_raw()))
    }

    /// The end of validity: microseconds since 1970.
    pub(super) fn not_after(&self) -> i64 {
        self.cert.validity().not_after.timestamp().saturating_mul(MICROS_PER_SECOND)
    }
}

/// The end of a certificate's validity: seconds since 1970; 0 of what is no certificate.
pub(crate) fn until(certificate: &CertificateDer<'_>) -> u64 {
    X509Certificate::from_der(certificate)
        .ok()
        .and_then(|(_, parsed)| u64::try_from(parsed.validity().not_after.timestamp()).ok())
        .unwrap_or(0)
}
