//! A partner's verifier: no bytes but the sample's own are a proof under its pin, and none make it
//! fail in any other way than by refusing. The review of a round reads bytes as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samsyn_client::{
    verify::{self, Pinned},
    wire,
};

fuzz_target!(|data: &[u8]| {
    let Some((pin, bytes)) = data.split_first_chunk::<32>() else { return };
    let pinned = Pinned { descriptor: *pin };
    // A signature over bytes that were made up does not hold.
    if let Ok(verified) = verify::proof(bytes, &pinned) {
        assert!(verified.signatures >= 2, "accepted without a signature of each side");
    }
    let (descriptor, rest) = bytes.split_at(bytes.len() / 2);
    let openings: Vec<wire::Opening> = rest
        .chunks(64)
        .map(|part| wire::Opening {
            object_id: part.get(..16).unwrap_or_default().to_vec(),
            position: part.get(16).copied().unwrap_or_default().into(),
            salt: part.get(17..49).unwrap_or_default().to_vec(),
            canonical: part.get(49..).unwrap_or_default().to_vec(),
        })
        .collect();
    let _ = verify::review(&pinned, descriptor, pin, rest, pin, &openings);
});
