//! Cursors that receivers bring back, and what the ledger's keys sealed as one: what opens is what
//! was sealed, for whom it was sealed.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use samsyn_domain::OrganisationId;
use samsyn_ledger::fuzzing;

static RECEIVERS: LazyLock<[OrganisationId; 2]> = LazyLock::new(|| {
    ["region-stockholm", "polisen"].map(|id| OrganisationId::parse(id).expect("an id"))
});

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    let [receiver, other] = &*RECEIVERS;
    match which % 2 {
        0 => fuzzing::cursor(bytes, receiver, other),
        _ => fuzzing::sealed_cursor(bytes, receiver, other),
    }
});
