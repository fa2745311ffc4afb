//! Every form that parties sign: bytes that decode are the only encoding of what they decode to.
//! The first byte says which form.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samsyn_domain::commit::{
    canonical::Message,
    descriptor::Descriptor,
    dsse::Envelope,
    endorsement::{Basis, Endorsement},
    manifest::Manifest,
    proof::PartnerProof,
    publication::PublicationManifest,
};

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    macro_rules! read {
        ($form:ty) => {
            if let Ok(value) = <$form>::decode(bytes) {
                let again = value.encode().expect("what was read can be written");
                assert!(again == bytes, "another encoding of the same");
            }
        };
    }
    match which % 8 {
        0 => read!(Message),
        1 => read!(Descriptor),
        2 => read!(Envelope),
        3 => read!(Basis),
        4 => read!(Endorsement),
        5 => read!(Manifest),
        6 => read!(PartnerProof),
        _ => read!(PublicationManifest),
    }
});
