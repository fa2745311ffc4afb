//! Partner proofs: that what a class was shown of an edition is what its parties endorsed.

use std::collections::{BTreeMap, BTreeSet};

use samsyn_domain::{
    commit::{
        self,
        descriptor::Function,
        dsse::{Envelope, PayloadType, Signature, pre_authentication},
        hash::Digest,
        manifest::Manifest,
        object::ObjectId,
        position::Position,
        proof::{PartnerProof, ProvenObject},
    },
    edition::{Answer, Edition, Round},
};

use super::{Unmade, content::Content};
use crate::{Egress, Reader, Rights};

impl Egress<'_> {
    /// The proof of what is opened of a released edition, with the digest of its manifest.
    pub(super) fn proof(
        &self,
        rights: &Rights,
        edition: &Edition,
        round: &Round,
        content: &Content,
        opened: &BTreeMap<ObjectId, Vec<Position>>,
    ) -> Result<(Vec<u8>, Digest), Unmade> {
        let mut objects = BTreeMap::new();
        for (id, positions) in opened {
            let object = content.objects.get(id).ok_or(Unmade::NotWhole)?;
            let openings = object.open(positions)?;
            let (slot, proven) = ProvenObject::prove(&content.tree, &object.tree, openings)
                .map_err(|_| Unmade::NotWhole)?;
            objects.insert(slot, proven);
        }
        let manifest = Manifest {
            edition: edition.id.as_str().to_owned(),
            round: round.number,
            content_root: content.tree.root(),
            class: Digest(*rights.class().digest()),
            sequence: self.sequence(rights, edition),
            opened: objects.iter().map(|(slot, object)| (*slot, object.mask())).collect(),
        };
        let track = content.signed.descriptor.tracks.get(edition.track.as_str());
        let track = track.ok_or(Unmade::NoDescriptor)?;
        let endorse = |answer: &Answer| {
            let function = Function {
                party: answer.party.as_str().to_owned(),
                role: answer.role.as_str().to_owned(),
            };
            let key = track.get(&function).ok_or(Unmade::NoDescriptor)?;
            let signature = answer.signature.as_slice().try_into().map_err(|_| Unmade::NotWhole)?;
            Ok(Envelope {
                payload_type: PayloadType::Endorsement,
                payload: answer.statement.clone(),
                signatures: BTreeMap::from([(key.id(), Signature(signature))]),
            })
        };
        let endorsements: BTreeSet<Envelope> =
            round.answers.iter().map(endorse).collect::<Result<_, Unmade>>()?;
        let proof = PartnerProof {
            descriptor: content.signed.envelope.clone(),
            endorsements,
            manifest: self.signed(content, &manifest)?,
            objects,
        };
        Ok((proof.encode()?, manifest.digest()?))
    }

    fn signed(&self, content: &Content, manifest: &Manifest) -> Result<Envelope, commit::Error> {
        let payload_type = PayloadType::ReleaseManifest;
        let payload = manifest.encode()?;
        let signature = self.known.sign_release(&pre_authentication(payload_type, &payload));
        let key = content.signed.descriptor.release_key.id();
        Ok(Envelope { payload_type, payload, signatures: BTreeMap::from([(key, signature)]) })
    }

    /// The number of an edition among those that were released to a class. The domain's own count
    /// would tell a partner how much is released to others.
    fn sequence(&self, rights: &Rights, edition: &Edition) -> u64 {
        let registry = self.state.registry();
        let class = rights.class();
        let areas = Reader::areas(registry, rights);
        let count = |edition: &Edition| edition.released.as_ref().map(|r| r.sequence);
        let until = count(edition);
        let to_class = |other: &&Edition| {
            let kind = Some(other.period.kind());
            count(other).is_some_and(|count| Some(count) <= until)
                && areas.contains(&other.area)
                && self.reader.rights(registry, kind, false).class() == class
        };
        u64::try_from(self.state.editions().filter(to_class).count()).unwrap_or(u64::MAX)
    }
}
