//! The program: everything is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A call makes some hundred small values on one thread and drops them on others.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    samsyn::main()
}
