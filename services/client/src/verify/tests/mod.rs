#![expect(clippy::arithmetic_side_effects, reason = "tests")]

mod findings;
mod forms;
mod proofs;
mod reviews;
mod tree;
mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use serde_json::Value as Json;

use self::tree::Tree;
use super::{
    Digest, Pinned, Rejected, Step, Verified,
    envelope::Payload,
    hash::{Use, hash},
    proof,
};

/// The test vectors of the protocol page.
fn vectors() -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/commitments.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(json: &Json) -> Vec<u8> {
    hex::decode(json.as_str().unwrap()).unwrap()
}

fn digest<const N: usize>(json: &Json) -> [u8; N] {
    bytes(json).try_into().unwrap()
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().unwrap()
}

fn number(json: &Json) -> usize {
    json.as_u64().unwrap().try_into().unwrap()
}

/// The sample proof, taken apart so that it can be spoilt.
struct Sample {
    proof: Tree,
    pinned: Pinned,
    keys: Vec<SigningKey>,
}

/// Which envelope of a proof.
#[derive(Debug, Clone, Copy)]
enum Signed {
    Endorsement(usize),
    Manifest,
}

impl Sample {
    fn new() -> Self {
        let vectors = vectors();
        let keys = list(&vectors["statements"]["keys"]);
        let keys = keys.iter().map(|key| SigningKey::from_bytes(&digest(&key["seed"])));
        Self {
            proof: Tree::decode(&bytes(&vectors["proof"]["encoded"])).unwrap(),
            pinned: Pinned { descriptor: digest(&vectors["proof"]["pinned_descriptor_digest"]) },
            keys: keys.collect(),
        }
    }

    fn verify(&self) -> Result<Verified, Rejected> {
        proof(&self.proof.encode(), &self.pinned)
    }

    fn step(&self) -> Step {
        self.verify().unwrap_err().step()
    }

    fn envelope(&mut self, which: Signed) -> &mut Tree {
        match which {
            Signed::Endorsement(at) => self.proof.field(2).item(at),
            Signed::Manifest => self.proof.field(3),
        }
    }

    /// Changes a signed payload and signs it again with the same key.
    fn change(&mut self, which: Signed, change: impl FnOnce(&mut Tree)) {
        let kind = match which {
            Signed::Endorsement(_) => Payload::Endorsement,
            Signed::Manifest => Payload::Manifest,
        };
        let keys = self.keys.clone();
        let envelope = self.envelope(which);
        let mut payload = Tree::decode(envelope.field(2).as_bytes()).unwrap();
        change(&mut payload);
        let payload = payload.encode();
        let signature = envelope.field(3).item(0);
        let key = keys.iter().find(|key| key_id(key).as_slice() == signature.field(1).as_bytes());
        let signed = ed25519_dalek::Signer::sign(key.unwrap(), &kind.to_sign(&payload));
        *signature.field(2) = Tree::Bytes(signed.to_bytes().to_vec());
        *envelope.field(2) = Tree::Bytes(payload);
        self.proof.field(2).sort();
    }

    /// Changes both endorsements alike. Each change sorts them, so one is changed in a proof of
    /// its own.
    fn change_endorsements(&mut self, change: impl Fn(&mut Tree)) {
        let mut other = Self::new();
        let old = other.proof.field(2).items().clone();
        self.change(Signed::Endorsement(0), &change);
        other.change(Signed::Endorsement(1), &change);
        let second = other.proof.field(2).items().iter().find(|one| !old.contains(one)).cloned();
        let envelopes = self.proof.field(2).items();
        envelopes.retain(|one| !old.contains(one));
        envelopes.extend(second);
        self.proof.field(2).sort();
    }

    fn object(&mut self, at: usize) -> &mut Tree {
        self.proof.field(4).item(at)
    }
}

fn key_id(key: &SigningKey) -> Digest {
    hash(Use::Key, &[&[1], key.verifying_key().as_bytes()])
}

/// Every source file of this module, tests included.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                return sources(&path);
            }
            let text = fs::read_to_string(&path).unwrap();
            vec![(path, text)]
        })
        .collect()
}

#[test]
fn the_verifier_shares_no_code_with_what_makes_the_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/verify");
    let sources = sources(&folder);
    assert!(sources.len() > 15, "{}", sources.len());
    let module = ["com", "mit"].concat();
    for (path, text) in sources {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        assert!(words.into_iter().all(|word| word != module), "{}", path.display());
    }
}
