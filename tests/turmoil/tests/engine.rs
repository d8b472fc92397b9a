//! turmoil as a guest engine: the same claims, plans, tokens and records over its network and its time.
//! turmoil itself is not tested here.

#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../portable/mod.rs"]
mod portable;

use afterlife::{Engine, Fault, NodeId};
use harness::{Module, trials};
use portable::ms;
use std::process::ExitCode;

fn faults_that_turmoil_does_not_support_are_refused() {
    let pause = Fault::pause(NodeId(0), ms(100));
    portable::refuses(pause, "pauses", "no way to pause a host");
    portable::refuses_tokens_of(Engine::Native, "build without --features turmoil");
    let output = harness::cli(&["run", "--engine", "native"]);
    assert_eq!(output.code, 4, "{}{}", output.out, output.err);
    let output = harness::cli(&["run", "--engine", "turbine"]);
    assert_eq!(output.code, 2, "{}{}", output.out, output.err);
}

fn main() -> ExitCode {
    let own = Module::new(Vec::new(), trials![faults_that_turmoil_does_not_support_are_refused]);
    harness::main([own, portable::module()])
}
