//! The runner of the built-in systems: afterlife's command line over them.
//! Everything that it does is in the libraries.

use std::process::ExitCode;

fn main() -> ExitCode {
    afterlife::main(&afterlife_scenarios::all())
}
