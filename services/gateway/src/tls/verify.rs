//! Who is calling: the one place where a certificate becomes a peer.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{
    anchor::{Anchors, Claim},
    leaf::{self, Leaf},
    reason::Reason,
};

/// Who is at the other end of a connection, as the handshake proved it. No other code makes one.
/// Cheap to clone: every request of the connection carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer(Arc<Facts>);

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    organisation: String,
    service: String,
    serial: String,
    issuer: String,
    not_after: i64,
}

impl Peer {
    fn verified(claim: &Claim<'_>, leaf: &Leaf<'_>, _proof: &ClientCertVerified) -> Self {
        Self(Arc::new(Facts {
            organisation: claim.organisation.to_owned(),
            service: claim.service.to_owned(),
            serial: leaf.serial(),
            issuer: leaf.issuer(),
            not_after: leaf.not_after(),
        }))
    }

    /// The organisation's id, as the anchor or the row has it.
    pub(crate) fn organisation(&self) -> &str {
        &self.0.organisation
    }

    /// The service's name within the organisation.
    pub(crate) fn service(&self) -> &str {
        &self.0.service
    }

    /// The certificate's serial number: lower-case hex, no leading zero bytes.
    pub(crate) fn serial(&self) -> &str {
        &self.0.serial
    }

    /// The issuer's name: SHA-256 of its DER, lower-case hex.
    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The end of the certificate's validity: microseconds since 1970.
    pub(crate) fn not_after(&self) -> i64 {
        self.0.not_after
    }
}

/// A peer with the chain that proved it, so that the proof can be asked for again when authorities
/// or revocation lists change.
#[derive(Clone)]
pub(super) struct Verified {
    peer: Peer,
    chain: Arc<[CertificateDer<'static>]>,
    until: u64,
}

impl Verified {
    fn of<'a>(peer: Peer, chain: impl Iterator<Item = &'a CertificateDer<'a>> + Clone) -> Self {
        let until = chain.clone().map(leaf::until).min().unwrap_or(0);
        let chain = chain.map(|cert| cert.clone().into_owned()).collect();
        Self { peer, chain, until }
    }

    /// Who it is.
    pub(super) const fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The chain, its own certificate first.
    pub(super) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// When the first certificate of the chain ends: seconds since 1970.
    pub(super) const fn until(&self) -> u64 {
        self.until
    }

    /// Whether the chain still proves the same peer, by these anchors at this time.
    ///
    /// # Errors
    /// Why it does not.
    pub(super) fn holds(&self, anchors: &Anchors, now: UnixTime) -> Result<(), Reason> {
        let (leaf, intermediates) = self.chain.split_first().ok_or(Reason::Malformed)?;
        let (peer, _) = anchors.judge(leaf, intermediates, now).map_err(|no| no.reason)?;
        if peer == self.peer { Ok(()) } else { Err(Reason::UnknownIssuer) }
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// The verifier of one handshake. It keeps what it found, so that the connection carries just
/// what was verified and no certificate is read twice.
#[derive(Debug)]
pub(super) struct Verifier {
    anchors: Arc<Anchors>,
    algorithms: WebPkiSupportedAlgorithms,
    outcome: OnceLock<Result<Verified, Reason>>,
}

impl Verifier {
    /// A verifier for one handshake.
    pub(super) fn new(anchors: Arc<Anchors>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { anchors, algorithms, outcome: OnceLock::new() }
    }

    /// What was found; none before the client's certificate came.
    pub(super) fn outcome(&self) -> Option<Result<Verified, Reason>> {
        self.outcome.get().cloned()
    }
}

impl Anchors {
    /// A peer by its chain alone, its own certificate first. That it holds the key is not shown.
    pub(super) fn verified(
        &self,
        chain: &[CertificateDer<'static>],
        now: UnixTime,
    ) -> Result<Verified, Reason> {
        let (leaf, intermediates) = chain.split_first().ok_or(Reason::NoCertificate)?;
        let (peer, _) = self.judge(leaf, intermediates, now).map_err(|no| no.reason)?;
        Ok(Verified::of(peer, chain.iter()))
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(Peer, ClientCertVerified), Refused> {
        let leaf = Leaf::parse(end_entity, intermediates)?;
        let claim = self.claim(&leaf)?;
        let proof = claim.paths.verify_client_cert(end_entity, intermediates, now)?;
        Ok((Peer::verified(&claim, &leaf, &proof), proof))
    }
}

impl ClientCertVerifier for Verifier {
    // Hints would tell whoever connects which organisations take part.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let (outcome, answer) = match self.anchors.judge(end_entity, intermediates, now) {
            Ok((peer, proof)) => {
                let all = std::iter::once(end_entity).chain(intermediates);
                (Ok(Verified::of(peer, all)), Ok(proof))
            }
            Err(refused) => (Err(refused.reason), Err(refused.alert)),
        };
        // INVARIANT: one verifier serves one handshake; a second certificate is refused, so the
        // peer that is kept is the peer that was verified.
        self.outcome.set(outcome).map_err(|_| Reason::alert())?;
        answer
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(PeerIncompatible::SupportedVersionsExtensionRequired.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

struct Refused {
    reason: Reason,
    alert: Error,
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, alert: Reason::alert() }
    }
}

impl From<Error> for Refused {
    fn from(alert: Error) -> Self {
        Self { reason: Reason::of_chain(&alert), alert }
    }
}
