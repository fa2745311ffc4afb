//! Signed envelopes: the Dead Simple Signing Envelope, version 1, in canonical bytes.
//!
//! Source: <https://github.com/secure-systems-lab/dsse>, protocol.md. What is signed is exactly
//! DSSE's; the envelope around it is canonical bytes instead of JSON.

use std::collections::BTreeMap;
use std::fmt;

use super::Error;
use super::canonical::{Message, Value};
use super::hash::Digest;
use super::reader::Fields;

const PAYLOAD_TYPE: u16 = 1;
const PAYLOAD: u16 = 2;
const SIGNATURES: u16 = 3;

const KEY_ID: u16 = 1;
const SIGNATURE: u16 = 2;

/// What kind of statement is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadType {
    /// Who must endorse, with which keys, under which rules.
    Descriptor,
    /// One function's answer to one edition and round.
    Endorsement,
    /// What the gateway gave to a release class.
    ReleaseManifest,
    /// A registrar's word on a change of the registry.
    RegistryChange,
    /// What a party says of its own publication.
    PublicationManifest,
    /// What a backup of a domain holds.
    Backup,
    /// The header of an envelope between domains.
    LinkEnvelope,
    /// How far a domain has taken in what another sent.
    LinkPosition,
    /// What a domain says of itself to one that it would be linked with.
    Invitation,
}

/// A signature of 64 bytes: Ed25519 (RFC 8032), or P-256 as r ‖ s with low s.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

/// A payload with the signatures over it, at least one, each by another key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Envelope {
    /// The kind of the payload.
    pub payload_type: PayloadType,
    /// The canonical bytes that are signed.
    pub payload: Vec<u8>,
    /// The signatures by key id, see [`PublicKey::id`](super::descriptor::PublicKey::id).
    pub signatures: BTreeMap<Digest, Signature>,
}

impl PayloadType {
    /// The media type that is signed along with the payload.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Descriptor => "application/vnd.samsyn.descriptor.v1",
            Self::Endorsement => "application/vnd.samsyn.endorsement.v1",
            Self::ReleaseManifest => "application/vnd.samsyn.release-manifest.v1",
            Self::RegistryChange => "application/vnd.samsyn.registry-change.v1",
            Self::PublicationManifest => "application/vnd.samsyn.publication-manifest.v1",
            Self::Backup => "application/vnd.samsyn.backup.v1",
            Self::LinkEnvelope => "application/vnd.samsyn.link-envelope.v1",
            Self::LinkPosition => "application/vnd.samsyn.link-position.v1",
            Self::Invitation => "application/vnd.samsyn.invitation.v1",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Descriptor,
            Self::Endorsement,
            Self::ReleaseManifest,
            Self::RegistryChange,
            Self::PublicationManifest,
            Self::Backup,
            Self::LinkEnvelope,
            Self::LinkPosition,
            Self::Invitation,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// The bytes that a signature is made over:
/// `"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload`, lengths in ASCII decimal.
#[must_use]
pub fn pre_authentication(payload_type: PayloadType, payload: &[u8]) -> Vec<u8> {
    let kind = payload_type.as_str();
    let mut bytes = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// The canonical bytes.
    ///
    /// # Errors
    /// When there is no signature, or the payload is too large.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.to_message()?.encode()
    }

    /// The envelope that encodes to exactly `bytes`.
    ///
    /// # Errors
    /// When none does.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_message(Message::decode(bytes)?)
    }

    pub(super) fn to_message(&self) -> Result<Message, Error> {
        if self.signatures.is_empty() {
            return Err(Error::OutOfRange(SIGNATURES));
        }
        let signatures = self.signatures.iter().map(|(key, signature)| {
            Value::Message(
                Message::new()
                    .with(KEY_ID, key.0.as_slice())
                    .with(SIGNATURE, signature.0.as_slice()),
            )
        });
        Ok(Message::new()
            .with(PAYLOAD_TYPE, self.payload_type.as_str())
            .with(PAYLOAD, self.payload.as_slice())
            .with(SIGNATURES, Value::set(signatures)?))
    }

    pub(super) fn from_message(message: Message) -> Result<Self, Error> {
        let mut fields = Fields::of(message);
        let payload_type = PayloadType::parse(&fields.take_text(PAYLOAD_TYPE)?)
            .ok_or(Error::OutOfRange(PAYLOAD_TYPE))?;
        let payload = fields.take_bytes(PAYLOAD)?;
        let mut signatures = BTreeMap::new();
        for signature in fields.take_message_set(SIGNATURES)? {
            let mut fields = Fields::of(signature);
            let key = Digest(fields.take_array(KEY_ID)?);
            let signature = Signature(fields.take_array(SIGNATURE)?);
            fields.finish()?;
            if signatures.insert(key, signature).is_some() {
                return Err(Error::OutOfRange(KEY_ID));
            }
        }
        fields.finish()?;
        if signatures.is_empty() {
            return Err(Error::OutOfRange(SIGNATURES));
        }
        Ok(Self { payload_type, payload, signatures })
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payload_type, payload, signatures } = self;
        write!(f, "Envelope({payload_type:?}, {} bytes, ", payload.len())?;
        write!(f, "{} signatures)", signatures.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(keys: u8) -> Envelope {
        let signature = |key| (Digest([key; 32]), Signature([key; 64]));
        Envelope {
            payload_type: PayloadType::Endorsement,
            payload: b"payload".to_vec(),
            signatures: (0..keys).map(signature).collect(),
        }
    }

    #[test]
    fn pre_authentication_counts_bytes_in_decimal() {
        let bytes = pre_authentication(PayloadType::Descriptor, "å".as_bytes());
        let expected = "DSSEv1 36 application/vnd.samsyn.descriptor.v1 2 å";
        assert_eq!(bytes, expected.as_bytes());
    }

    #[test]
    fn envelopes_come_back_as_they_were() {
        for keys in 1..4 {
            let bytes = envelope(keys).encode().unwrap();
            assert_eq!(Envelope::decode(&bytes), Ok(envelope(keys)));
        }
    }

    #[test]
    fn an_envelope_without_signatures_is_refused_in_both_directions() {
        let unsigned = envelope(0).encode();
        assert_eq!(unsigned, Err(Error::OutOfRange(SIGNATURES)));
        let empty = envelope(1).to_message().unwrap().with(SIGNATURES, Value::List(Vec::new()));
        assert_eq!(Envelope::from_message(empty), Err(Error::OutOfRange(SIGNATURES)));
    }

    #[test]
    fn two_signatures_by_one_key_are_refused() {
        let by_key = |byte: u8| {
            let fields = Message::new().with(KEY_ID, &[1; 32][..]);
            Value::Message(fields.with(SIGNATURE, [byte; 64].as_slice()))
        };
        let twice = Value::set([by_key(1), by_key(2)]).unwrap();
        let message = envelope(1).to_message().unwrap().with(SIGNATURES, twice);
        assert_eq!(Envelope::from_message(message), Err(Error::OutOfRange(KEY_ID)));
    }

    #[test]
    fn an_unknown_payload_type_is_refused() {
        let message = envelope(1).to_message().unwrap();
        let message = message.with(PAYLOAD_TYPE, "application/vnd.samsyn.endorsement.v2");
        assert_eq!(Envelope::from_message(message), Err(Error::OutOfRange(PAYLOAD_TYPE)));
    }
}
