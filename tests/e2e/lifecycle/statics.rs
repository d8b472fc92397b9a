//! Statics, which the incarnations of a node share: what a program sets once for its process is set already in the next one.

use crate::harness::{Module, at, breaks, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim};
use std::thread::sleep;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![sets_a_subscriber_at_each_start];
    Module::new(scenarios, trials![a_global_that_is_set_twice_says_that_statics_are_shared])
}

fn sets_a_subscriber_at_each_start(sim: &mut Sim) {
    sim.node_main("server", |_| {
        tracing_subscriber::fmt().init();
        sleep(secs(1_000));
        0
    });
}

fn a_global_that_is_set_twice_says_that_statics_are_shared() {
    let kill = Injection { trigger: at(secs(2)), fault: Fault::kill(NodeId(0), secs(1)) };
    let output = breaks("sets_a_subscriber_at_each_start", &[kill], "no-silent-panic");
    let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("note the processes of a simulation share statics") && flat.contains("Use `try_init`"),
        "{flat}"
    );
}
