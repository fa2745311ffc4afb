//! The descriptors of the agreements: who must endorse, with which keys; signed by all of them.

use std::collections::BTreeMap;

use ed25519_dalek::{Signer as _, SigningKey};
use samsyn_domain::{
    AgreementId,
    commit::{
        self,
        descriptor::{Descriptor, Function, PublicKey, Track},
        dsse::{Envelope, PayloadType, Signature, pre_authentication},
        hash::{Digest, hash},
        tree::Depth,
    },
    merge,
    registry::{Agreement, Document, Endorser, SignedDescriptor, midnight},
};

use super::{DOMAIN, EndorsementKeys, Error};

/// The profile of disclosure control, as variants name it.
const PROFILE: &[u8] = b"samsyn-1";

/// All descriptors, and their digests.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) documents: Vec<SignedDescriptor>,
    pub(super) digests: BTreeMap<AgreementId, Digest>,
}

/// Makes and signs the descriptor of every agreement.
pub(super) fn signed(
    document: &Document,
    keys: &EndorsementKeys,
    release_key: [u8; 32],
) -> Result<Signed, Error> {
    let mut signed = Signed { documents: Vec::new(), digests: BTreeMap::new() };
    for agreement in &document.agreements {
        let (envelope, digest) = sign(agreement, keys, release_key)
            .map_err(|why| Error::Descriptor { agreement: agreement.id.clone(), why })?;
        let envelope = hex::encode(envelope);
        signed.documents.push(SignedDescriptor { agreement: agreement.id.clone(), envelope });
        signed.digests.insert(agreement.id.clone(), digest);
    }
    Ok(signed)
}

fn sign(
    agreement: &Agreement,
    keys: &EndorsementKeys,
    release_key: [u8; 32],
) -> Result<(Vec<u8>, Digest), commit::Error> {
    let tracks = agreement.tracks.iter();
    let descriptor = Descriptor {
        domain: DOMAIN.to_owned(),
        agreement: agreement.id.to_string(),
        valid_from: midnight(agreement.valid_from).micros(),
        depth: Depth::DEFAULT,
        profile: hash(&[PROFILE]),
        merge_version: u32::try_from(merge::VERSION).unwrap_or_default(),
        tracks: tracks.map(|(name, all)| (name.as_str().to_owned(), track(all, keys))).collect(),
        release_key: PublicKey::Ed25519(release_key),
    };
    let payload = descriptor.encode()?;
    let bytes = pre_authentication(PayloadType::Descriptor, &payload);
    let signers = agreement.tracks.values().flatten().filter_map(|endorser| keys.of(endorser));
    let signature = |key: &SigningKey| (public(key).id(), Signature(key.sign(&bytes).to_bytes()));
    let envelope = Envelope {
        payload_type: PayloadType::Descriptor,
        signatures: signers.map(signature).collect(),
        payload,
    };
    Ok((envelope.encode()?, descriptor.digest()?))
}

fn track(endorsers: &[Endorser], keys: &EndorsementKeys) -> Track {
    let function = |endorser: &Endorser| Function {
        party: endorser.party.to_string(),
        role: endorser.role.as_str().to_owned(),
    };
    let with_key = |endorser| Some((function(endorser), public(keys.of(endorser)?)));
    endorsers.iter().filter_map(with_key).collect()
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey::Ed25519(key.verifying_key().to_bytes())
}
