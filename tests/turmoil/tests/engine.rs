//! turmoil as an engine: the same claims, plans, tokens and records over its network and its time.
//! What turmoil itself does right is not tested here.

#[path = "../../harness/mod.rs"]
mod harness;
#[path = "../../portable/mod.rs"]
mod portable;

use afterlife::{Engine, Fault, NodeId};
use harness::{Module, ns, trials};
use portable::ms;
use std::process::ExitCode;

fn what_turmoil_has_not_is_refused_and_says_so() {
    let pause = Fault::pause(NodeId(0), ms(100));
    portable::refuses(pause, "pauses", "no way to pause a host");
    portable::refuses_tokens_of(Engine::Native, "build without --features turmoil");
    let said = harness::carry_out(&mut harness::command(&["run", "--engine", "native"]));
    assert_eq!(said.code, 4, "{}{}", said.out, said.err);
    let said = harness::carry_out(&mut harness::command(&["run", "--engine", "turbine"]));
    assert_eq!(said.code, 2, "{}{}", said.out, said.err);
}

fn main() -> ExitCode {
    let own = Module::new(Vec::new(), trials![what_turmoil_has_not_is_refused_and_says_so]);
    harness::main([own, portable::module()])
}
