//! What a stranger can say before anything of it is believed: deadlines, page tokens, names and
//! certificates.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samsyn_gateway::fuzzing;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 4 {
        0 => fuzzing::deadline(bytes),
        1 => fuzzing::page_token(bytes),
        2 => fuzzing::service_name(bytes),
        _ => fuzzing::certificate(bytes),
    }
});
