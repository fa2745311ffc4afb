//! Trust anchors: as the caller gives them, and as they are used once they hold.

use std::{collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use rustls::{
    RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use sha2::{Digest, Sha256};
use x509_parser::{certificate::X509Certificate, oid_registry::Oid, prelude::FromDer};

use super::{
    TlsError,
    error::Part,
    leaf::Leaf,
    list::Dates,
    orgnr,
    reason::Reason,
    spiffe::{is_service, is_trust_domain},
};

/// A trust anchor as configured: plain data, checked by [`Tls::load`](super::Tls::load).
///
/// With a revocation list, every certificate below the anchor needs one that answers for it and
/// is not past its `nextUpdate`; without, nothing is checked for revocation.
#[derive(Debug, Clone)]
pub enum Anchor {
    /// An organisation's own authority: vouches for SPIFFE names of its trust domain alone.
    Own {
        /// The organisation's id in the registry.
        organisation: String,
        /// The trust domain in the names, lower case.
        trust_domain: String,
        /// The authority's certificates, PEM.
        bundle_pem: String,
        /// Its revocation lists, PEM.
        crl_pem: Option<String>,
    },
    /// An authority that many organisations share (SITHS, Efos): vouches for organisation numbers.
    Shared {
        /// What the anchor is called in messages.
        name: String,
        /// The authority's certificates, PEM.
        bundle_pem: String,
        /// Its revocation lists, PEM.
        crl_pem: Option<String>,
        /// The certificate policy that a leaf must carry, dotted.
        policy_oid: String,
        /// Where the organisation number stands.
        subject_attribute: SubjectAttribute,
        /// Who may come under it.
        rows: Vec<SharedRow>,
    },
}

/// The attribute of the subject that holds the organisation number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectAttribute {
    /// `organizationIdentifier`, 2.5.4.97: `NTRSE-<number>` or the number alone.
    OrganizationIdentifier,
    /// `serialNumber`, 2.5.4.5: an HSA id `SE<number>-<unit>` or the number alone.
    SerialNumber,
    /// Another attribute, dotted; read like the two others.
    Oid(String),
}

/// One service that comes under a shared anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedRow {
    /// The organisation's id in the registry.
    pub organisation: String,
    /// The service's name within the organisation: letters, digits, `.`, `-`, `_`.
    pub service: String,
    /// The organisation number (*organisationsnummer*): ten digits, a hyphen before the last four
    /// or none.
    pub orgnr: String,
    /// SHA-256 of the public key (`SubjectPublicKeyInfo`, DER).
    pub key_pin: [u8; 32],
}

/// The anchors, checked.
#[derive(Debug)]
pub(super) struct Anchors {
    own: BTreeMap<String, Own>,
    shared: Vec<Shared>,
    lists: Vec<(String, Dates)>,
}

struct Own {
    organisation: String,
    paths: Arc<dyn ClientCertVerifier>,
}

struct Shared {
    policy: Oid<'static>,
    attribute: Oid<'static>,
    rows: Vec<SharedRow>,
    paths: Arc<dyn ClientCertVerifier>,
}

/// Whom a leaf claims to be, and the one anchor that can vouch for it.
pub(super) struct Claim<'a> {
    /// The organisation's id.
    pub(super) organisation: &'a str,
    /// The service's name.
    pub(super) service: &'a str,
    /// Builds paths to the one anchor only.
    pub(super) paths: &'a dyn ClientCertVerifier,
}

impl Anchors {
    /// Checks the anchors. An authority may not stand in the anchors of two organisations: with
    /// it either could make names of the other.
    ///
    /// # Errors
    /// [`TlsError`], naming the anchor and what to mend.
    pub(super) fn load(
        anchors: Vec<Anchor>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        if anchors.is_empty() {
            return Err(TlsError::NoAnchors);
        }
        let mut loaded = Self { own: BTreeMap::new(), shared: Vec::new(), lists: Vec::new() };
        let mut authorities = Authorities::default();
        for anchor in anchors {
            match anchor {
                Anchor::Own { organisation, trust_domain, bundle_pem, crl_pem } => {
                    if !is_trust_domain(&trust_domain) {
                        return Err(TlsError::TrustDomain { trust_domain });
                    }
                    let bundle =
                        authorities.read(&trust_domain, &bundle_pem, Some(&organisation))?;
                    let lists = lists(&trust_domain, crl_pem.as_deref())?;
                    loaded.dated(&trust_domain, &lists);
                    let paths = paths(&trust_domain, bundle, lists, provider)?;
                    let own = Own { organisation, paths };
                    if loaded.own.insert(trust_domain.clone(), own).is_some() {
                        return Err(TlsError::TrustDomainTwice { trust_domain });
                    }
                }
                Anchor::Shared {
                    name,
                    bundle_pem,
                    crl_pem,
                    policy_oid,
                    subject_attribute,
                    rows,
                } => {
                    let bundle = authorities.read(&name, &bundle_pem, None)?;
                    let lists = lists(&name, crl_pem.as_deref())?;
                    loaded.dated(&name, &lists);
                    loaded.shared.push(Shared {
                        policy: oid(&name, &policy_oid)?,
                        attribute: attribute(&name, &subject_attribute)?,
                        rows: checked(&name, rows)?,
                        paths: paths(&name, bundle, lists, provider)?,
                    });
                }
            }
        }
        Ok(loaded)
    }

    /// The dates of the revocation lists, each with its anchor.
    pub(super) fn lists(&self) -> impl Iterator<Item = (&str, Dates)> {
        self.lists.iter().map(|(anchor, dates)| (anchor.as_str(), *dates))
    }

    fn dated(&mut self, anchor: &str, lists: &[CertificateRevocationListDer<'_>]) {
        let dates = lists.iter().filter_map(Dates::of);
        self.lists.extend(dates.map(|dates| (anchor.to_owned(), dates)));
    }

    /// Picks the one anchor for a leaf: by its SPIFFE name, or without one by policy,
    /// organisation number and key.
    ///
    /// # Errors
    /// What is wrong with the name, [`Reason::UnknownTrustDomain`], [`Reason::NoRow`],
    /// [`Reason::SeveralRows`].
    pub(super) fn claim<'a>(&'a self, leaf: &'a Leaf<'_>) -> Result<Claim<'a>, Reason> {
        let Some(name) = leaf.service_name()? else { return self.shared_claim(leaf) };
        let own = self.own.get(name.trust_domain).ok_or(Reason::UnknownTrustDomain)?;
        Ok(Claim { organisation: &own.organisation, service: name.service, paths: &*own.paths })
    }

    fn shared_claim(&self, leaf: &Leaf<'_>) -> Result<Claim<'_>, Reason> {
        let pin = leaf.key_digest();
        let mut found = None;
        for anchor in &self.shared {
            if !leaf.has_policy(&anchor.policy)? {
                continue;
            }
            let Some(orgnr) = leaf.attribute(&anchor.attribute).and_then(orgnr::in_attribute)
            else {
                continue;
            };
            for row in anchor.rows.iter().filter(|row| row.orgnr == orgnr && row.key_pin == pin) {
                let (organisation, service) = (&row.organisation, &row.service);
                let claim = Claim { organisation, service, paths: &*anchor.paths };
                if found.replace(claim).is_some() {
                    return Err(Reason::SeveralRows);
                }
            }
        }
        found.ok_or(Reason::NoRow)
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own").field("organisation", &self.organisation).finish_non_exhaustive()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("organisation", &self.organisation)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

/// Which authority, by the digest of its key, is whose (nobody's when shared), and in which anchor.
#[derive(Default)]
struct Authorities {
    seen: BTreeMap<[u8; 32], (Option<String>, String)>,
}

impl Authorities {
    fn read(
        &mut self,
        anchor: &str,
        bundle_pem: &str,
        owner: Option<&str>,
    ) -> Result<RootCertStore, TlsError> {
        let part = || Part::Bundle(anchor.to_owned());
        let mut roots = RootCertStore::empty();
        for cert in CertificateDer::pem_slice_iter(bundle_pem.as_bytes()) {
            let cert = cert.map_err(|source| TlsError::Pem { part: part(), source })?;
            let key =
                authority_key(&cert).ok_or_else(|| TlsError::NotAuthority { part: part() })?;
            let entry = (owner.map(str::to_owned), anchor.to_owned());
            if let Some((other, first)) = self.seen.insert(key, entry)
                && other.as_deref() != owner
            {
                return Err(TlsError::AuthorityTwice { first, second: anchor.to_owned() });
            }
            roots.add(cert).map_err(|source| TlsError::Unusable { part: part(), source })?;
        }
        if roots.is_empty() {
            return Err(TlsError::Empty { part: part() });
        }
        Ok(roots)
    }
}

/// The digest of an authority's key; none when the certificate is not one of an authority. Path
/// building takes whatever stands in the bundle for an authority, so a leaf must not get there.
fn authority_key(cert: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let (_, cert) = X509Certificate::from_der(cert).ok()?;
    let signs = cert.key_usage().ok()?.is_none_or(|usage| usage.value.key_cert_sign());
    (cert.is_ca() && signs).then(|| Sha256::digest(cert.public_key().raw).into())
}

/// The revocation lists of an anchor; none where it has no file of them.
fn lists(
    anchor: &str,
    crl_pem: Option<&str>,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let part = || Part::RevocationList(anchor.to_owned());
    let Some(pem) = crl_pem else { return Ok(Vec::new()) };
    let lists = CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { part: part(), source })?;
    if lists.is_empty() {
        return Err(TlsError::Empty { part: part() });
    }
    Ok(lists)
}

fn paths(
    anchor: &str,
    roots: RootCertStore,
    lists: Vec<CertificateRevocationListDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut builder =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if lists.is_empty() {
        tracing::warn!(anchor, "no revocation list: revoked certificates are accepted");
    } else {
        builder = builder.with_crls(lists).enforce_revocation_expiration();
    }
    let part = Part::RevocationList(anchor.to_owned());
    builder.build().map_err(|source| TlsError::RevocationList { part, source })
}

fn attribute(anchor: &str, attribute: &SubjectAttribute) -> Result<Oid<'static>, TlsError> {
    match attribute {
        SubjectAttribute::OrganizationIdentifier => oid(anchor, "2.5.4.97"),
        SubjectAttribute::SerialNumber => oid(anchor, "2.5.4.5"),
        SubjectAttribute::Oid(dotted) => oid(anchor, dotted),
    }
}

fn oid(anchor: &str, dotted: &str) -> Result<Oid<'static>, TlsError> {
    Oid::from_str(dotted)
        .map_err(|_| TlsError::Oid { anchor: anchor.to_owned(), oid: dotted.to_owned() })
}

fn checked(anchor: &str, mut rows: Vec<SharedRow>) -> Result<Vec<SharedRow>, TlsError> {
    for row in &mut rows {
        let anchor = || anchor.to_owned();
        if !is_service(&row.service) {
            return Err(TlsError::Service { anchor: anchor(), service: row.service.clone() });
        }
        row.orgnr = orgnr::digits(&row.orgnr)
            .ok_or_else(|| TlsError::Orgnr { anchor: anchor(), orgnr: row.orgnr.clone() })?;
    }
    Ok(rows)
}
