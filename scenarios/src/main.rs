//! The runner of the built-in systems: afterlife's command line over them.
//! Everything that it does is in the libraries.

use std::process::ExitCode;

#[global_allocator]
static MEMORY: afterlife::Memory = afterlife::Memory;

fn main() -> ExitCode {
    afterlife::main(&afterlife_scenarios::all())
}
