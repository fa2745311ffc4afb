//! What came from another domain: whether it is its word, and what it may do here.

use samsyn_domain::{
    DomainId,
    command::Digest,
    commit::{
        descriptor::PublicKey,
        dsse::{PayloadType, pre_authentication},
    },
    link::{
        ATTACHMENTS_LEVEL, Address, EnvelopeId, Header, Kind, PAYLOAD_BYTES_MAX, Payload, Position,
        QuarantinedFor, payload_digest,
    },
    registry::Peer,
};

use crate::signature::holds;

/// An envelope as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Came {
    /// The header.
    pub header: Vec<u8>,
    /// The signature over its pre-authentication encoding.
    pub signature: Vec<u8>,
    /// Which key signed.
    pub key: Vec<u8>,
    /// What it carries.
    pub payload: Vec<u8>,
    /// The salt of its digest.
    pub salt: Vec<u8>,
}

impl std::fmt::Debug for Came {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "envelope of {} bytes", self.payload.len())
    }
}

/// Why an envelope is not the peer's word: it takes no number, and the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadEnvelope {
    /// No registered key of the peer has signed it.
    #[error("no registered key of the peer has signed this envelope")]
    Signature,
    /// Its header is none, or its payload is not the one that was signed.
    #[error("the header cannot be read, or the payload is not the one that was signed")]
    Malformed,
    /// It is larger than an envelope may be.
    #[error("the envelope is larger than 256 KiB")]
    TooLarge,
    /// It is of another federation.
    #[error("the envelope is of another federation")]
    Federation,
}

/// An envelope that is the peer's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Its id.
    pub id: EnvelopeId,
    /// Its header.
    pub header: Header,
    /// What it brings, or why it is set aside.
    pub brings: Result<Payload, QuarantinedFor>,
}

/// Judges an envelope of a peer by the registry, in a domain that reads up to a level.
///
/// # Errors
/// When it is not the peer's word.
pub fn judge(
    (domain, level): (&DomainId, u32),
    peer: &Peer,
    came: &Came,
) -> Result<Judged, BadEnvelope> {
    if came.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(BadEnvelope::TooLarge);
    }
    let signed = pre_authentication(PayloadType::LinkEnvelope, &came.header);
    if !signs(peer, &came.key, &signed, &came.signature) {
        return Err(BadEnvelope::Signature);
    }
    let (header, critical) = Header::decode(&came.header).map_err(|_| BadEnvelope::Malformed)?;
    let salt: [u8; 32] = came.salt.as_slice().try_into().map_err(|_| BadEnvelope::Malformed)?;
    if payload_digest(&salt, &came.payload) != header.payload {
        return Err(BadEnvelope::Malformed);
    }
    if header.federation != peer.federation {
        return Err(BadEnvelope::Federation);
    }
    let id = Header::id_of(&came.header);
    let brings = match critical {
        Some(_) => Err(QuarantinedFor::UpgradeRequired),
        None => brings((domain, level), peer, &header, &came.payload),
    };
    Ok(Judged { id, header, brings })
}

/// Judges an envelope of a peer once more that was set aside: that it was its word was seen when it
/// came. None: what was kept of it cannot be read, or no key that the peer has now has signed it.
#[must_use]
pub fn judge_again(
    (domain, level): (&DomainId, u32),
    peer: &Peer,
    (header, signature): (&[u8], &[u8]),
    payload: &[u8],
) -> Option<Judged> {
    let signed = pre_authentication(PayloadType::LinkEnvelope, header);
    let mut keys = peer.keys.iter().filter_map(|key| PublicKey::from_hex(&key.public_key));
    if !keys.any(|public| holds(&public, &signed, signature)) {
        return None;
    }
    let id = Header::id_of(header);
    let (header, critical) = Header::decode(header).ok()?;
    let brings = match critical {
        _ if header.federation != peer.federation => Err(QuarantinedFor::NotForUs),
        Some(_) => Err(QuarantinedFor::UpgradeRequired),
        None => brings((domain, level), peer, &header, payload),
    };
    Some(Judged { id, header, brings })
}

/// What an envelope brings: of the peer itself or of who is at home there, for us, of a kind that
/// is known, up to the level that was agreed.
fn brings(
    (domain, level): (&DomainId, u32),
    peer: &Peer,
    header: &Header,
    payload: &[u8],
) -> Result<Payload, QuarantinedFor> {
    if header.to.domain != *domain {
        return Err(QuarantinedFor::NotForUs);
    }
    // Some kinds are answered, also where they may not come: who waits for it waits no longer.
    let kind = Kind::from_number(header.kind);
    let is_answered = matches!(kind, Some(Kind::Contribution | Kind::EditionAnswer));
    if header.from.domain != peer.id || !(is_answered || is_at_home(peer, &header.from)) {
        return Err(QuarantinedFor::NotYours);
    }
    if header.level > level || header.sealed_to.is_some() {
        return Err(QuarantinedFor::UpgradeRequired);
    }
    let kind = kind.ok_or(QuarantinedFor::UnknownKind)?;
    // A kind of a level that this domain has not reached is not known here yet.
    if kind.level() > level {
        return Err(QuarantinedFor::UpgradeRequired);
    }
    let secrecy = header.labels.as_ref().map(|labels| labels.level.level());
    if secrecy.is_some_and(|level| level > peer.ceiling) && !is_answered {
        return Err(QuarantinedFor::AboveCeiling);
    }
    let payload = Payload::decode(kind, payload).map_err(|_| QuarantinedFor::Malformed)?;
    match &payload {
        Payload::Message(sent) => {
            let core = &sent.core;
            let says_so = core.domain == peer.id
                && header.from == Address::function(peer.id.clone(), core.from.clone())
                && peer.has(core.from.orgnr());
            let to = header.to.function.as_ref();
            if !says_so {
                return Err(QuarantinedFor::NotYours);
            }
            if !to.is_some_and(|to| core.to.contains(to)) {
                return Err(QuarantinedFor::Malformed);
            }
            // Who names parts knows that they are fetched, and names all that its files have.
            if !core.parts.is_empty() && header.level < ATTACHMENTS_LEVEL {
                return Err(QuarantinedFor::Malformed);
            }
            if sent.text.parts() != core.parts || header.parts != core.parts {
                return Err(QuarantinedFor::Malformed);
            }
            // The labels that were judged are those that the message has.
            if header.labels.as_deref() != Some(&*core.labels) {
                return Err(QuarantinedFor::Malformed);
            }
        }
        Payload::Receipt { to, .. } => {
            if !peer.has(to.orgnr()) {
                return Err(QuarantinedFor::NotYours);
            }
        }
        Payload::Contribution(_) | Payload::EditionAnswer(_) => {
            // Whose it is the header says; whether that party is at home there is asked with what
            // it brings.
            if header.from.orgnr.is_none() {
                return Err(QuarantinedFor::Malformed);
            }
        }
        Payload::Answer { .. } | Payload::EditionAnswered(_) => {
            if header.in_reply_to.is_none() {
                return Err(QuarantinedFor::Malformed);
            }
        }
        Payload::View(_) | Payload::Edition(_) => {
            // For whom it is the header says; whether that organisation is at home here is asked
            // with what it brings.
            if header.to.orgnr.is_none() {
                return Err(QuarantinedFor::Malformed);
            }
        }
    }
    Ok(payload)
}

fn is_at_home(peer: &Peer, address: &Address) -> bool {
    address.orgnr.as_deref().is_none_or(|orgnr| peer.has(orgnr))
        && address.function.as_ref().is_none_or(|function| peer.has(function.orgnr()))
}

/// Reads a signed position of a peer on what this domain sent it; none when it is not its word.
#[must_use]
pub fn position(
    domain: &DomainId,
    peer: &Peer,
    (payload, signature, key): (&[u8], &[u8], &[u8]),
) -> Option<Position> {
    let signed = pre_authentication(PayloadType::LinkPosition, payload);
    let position = Position::decode(payload).ok()?;
    let is_of_link = position.from == *domain && position.by == peer.id;
    (is_of_link && signs(peer, key, &signed, signature)).then_some(position)
}

/// Whether a registered key of the peer has signed.
fn signs(peer: &Peer, key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
    let id = |key: &PublicKey| Digest::from(key.id().0);
    let keys = peer.keys.iter().filter_map(|key| PublicKey::from_hex(&key.public_key));
    let mut named = keys.filter(|public| id(public).as_slice() == key);
    named.any(|public| holds(&public, signed, signature))
}
