//! The built-in systems on turmoil: each seed is one run, and each system breaks there as it does natively.
//! How soon each known way to break is met on which engine, `docs/engines.md` says.

#[path = "../../harness/mod.rs"]
mod harness;

use harness::{Module, trials};
use std::process::ExitCode;

/// A system, and the claims one of which its shipped build breaks first in these seeds.
const SYSTEMS: [(&str, &[&str], &str); 4] = [
    ("coordinator", &["no-use-after-teardown", "no-callback-after-deregistration", "always"], "0..60"),
    ("tablet", &["no-use-before-init", "closed-or-open", "no-crash-loop"], "0..60"),
    // A file that is looked up in a cleared list is a panic: the report's third crash.
    (
        "replica-loader",
        &[
            "no-use-after-teardown",
            "joined-before-teardown",
            "no-stale-epoch-effect",
            "no-silent-panic",
            "slots-conserved",
        ],
        "0..60",
    ),
    ("raft-master", &["no-use-before-init", "close-once", "no-use-after-teardown"], "0..120"),
];

fn a_seed_is_the_same_run_in_two_fresh_processes() {
    for (system, ..) in SYSTEMS {
        let said = harness::carry_out(&mut harness::command(&["check", system, "--pairs", "1", "--build", "sound"]));
        assert_eq!(said.code, 0, "{system}: {}{}", said.out, said.err);
    }
}

fn each_system_breaks_as_it_was_shipped() {
    for (system, claims, seeds) in SYSTEMS {
        let words = ["run", system, "--build", "shipped", "--seeds", seeds, "--report", "json", "--shrink", "0"];
        let said = harness::carry_out(harness::command(&words).args(["--max-failures", "1"]));
        assert_eq!(said.code, 1, "{system}: {}{}", said.out, said.err);
        let broken = said.finding()["invariant"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(claims.contains(&broken.as_str()), "{system}: {broken}");
    }
}

fn main() -> ExitCode {
    let trials = trials![a_seed_is_the_same_run_in_two_fresh_processes, each_system_breaks_as_it_was_shipped];
    harness::main([Module::new(afterlife_scenarios::all(), trials)])
}
