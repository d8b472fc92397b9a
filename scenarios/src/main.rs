//! The runner of the built-in scenarios: afterlife's command line over them.
//! It does nothing itself; the libraries do.

use std::process::ExitCode;

#[global_allocator]
static MEMORY: afterlife::Memory = afterlife::Memory;

fn main() -> ExitCode {
    afterlife::main(&afterlife_scenarios::all())
}
