//! A registry as it is written in files: refused or whole, and never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samsyn_domain::registry::{Document, Registry};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(document) = toml::from_str::<Document>(text) else { return };
    // What does not hold is refused with what is wrong.
    if let Err(bad) = Registry::build(&document) {
        assert!(!bad.to_string().is_empty());
    }
});
