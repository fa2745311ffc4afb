//! What the ledger reads from its own disk: damage is refused, and what reads is written the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use samsyn_ledger::fuzzing;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 4 {
        0 => fuzzing::submission(bytes),
        1 => fuzzing::row(bytes),
        2 => fuzzing::record(bytes),
        _ => fuzzing::head(bytes),
    }
});
