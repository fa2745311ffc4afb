//! Who is calling: the one place where a certificate becomes a peer.

use std::sync::{Arc, OnceLock};

use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use super::{
    anchor::{Anchors, Claim},
    leaf::Leaf,
    reason::Reason,
};

/// Who is at the other end of a connection, as the handshake proved it. No other code makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    organisation: String,
    service: String,
    serial: String,
    issuer: String,
    not_after: i64,
}

impl Peer {
    fn verified(claim: &Claim<'_>, leaf: &Leaf<'_>, _proof: &ClientCertVerified) -> Self {
        Self {
            organisation: claim.organisation.to_owned(),
            service: claim.service.to_owned(),
            serial: leaf.serial(),
            issuer: leaf.issuer(),
            not_after: leaf.not_after(),
        }
    }

    /// The organisation's id, as the anchor or the row has it.
    pub(crate) fn organisation(&self) -> &str {
        &self.organisation
    }

    /// The service's name within the organisation.
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// The certificate's serial number: lower-case hex, no leading zero bytes.
    pub(crate) fn serial(&self) -> &str {
        &self.serial
    }

    /// The issuer's name: SHA-256 of its DER, lower-case hex.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The end of the certificate's validity: microseconds since 1970.
    pub(crate) fn not_after(&self) -> i64 {
        self.not_after
    }
}

/// The verifier of one handshake. It keeps what it found, so that the connection carries just
/// what was verified and no certificate is read twice.
#[derive(Debug)]
pub(super) struct Verifier {
    anchors: Arc<Anchors>,
    algorithms: WebPkiSupportedAlgorithms,
    outcome: OnceLock<Result<Peer, Reason>>,
}

impl Verifier {
    /// A verifier for one handshake.
    pub(super) fn new(anchors: Arc<Anchors>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { anchors, algorithms, outcome: OnceLock::new() }
    }

    /// What was found; none before the client's certificate came.
    pub(super) fn outcome(&self) -> Option<Result<Peer, Reason>> {
        self.outcome.get().cloned()
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(Peer, ClientCertVerified), Refused> {
        let leaf = Leaf::parse(end_entity, intermediates)?;
        let claim = self.anchors.claim(&leaf)?;
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
        let (outcome, answer) = match self.judge(end_entity, intermediates, now) {
            Ok((peer, proof)) => (Ok(peer), Ok(proof)),
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
