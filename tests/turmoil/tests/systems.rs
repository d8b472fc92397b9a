//! The built-in systems on turmoil: each seed is one run, and each system breaks as it does natively.
//! `docs/engines.md` compares how soon each engine finds each known defect.

#[path = "../../harness/mod.rs"]
mod harness;

use harness::{Module, trials};
use std::process::ExitCode;

/// Each system, the claims of which its shipped build breaks one first, and the seeds.
const SYSTEMS: [(&str, &[&str], &str); 4] = [
    ("coordinator", &["no-use-after-teardown", "no-callback-after-deregistration", "always"], "0..60"),
    ("tablet", &["no-use-before-init", "closed-or-open", "no-crash-loop"], "0..60"),
    // A lookup in a cleared list panics: the third crash of the report.
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
        let output = harness::cli(&["check", system, "--pairs", "1", "--build", "sound"]);
        assert_eq!(output.code, 0, "{system}: {}{}", output.out, output.err);
    }
}

fn the_shipped_build_of_each_system_breaks() {
    for (system, claims, seeds) in SYSTEMS {
        let words = ["run", system, "--build", "shipped", "--seeds", seeds, "--report", "json", "--shrink", "0"];
        let output = harness::output_of(harness::command(&words).args(["--max-failures", "1"]));
        assert_eq!(output.code, 1, "{system}: {}{}", output.out, output.err);
        let broken = output.finding()["invariant"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(claims.contains(&broken.as_str()), "{system}: {broken}");
    }
}

fn main() -> ExitCode {
    let trials = trials![a_seed_is_the_same_run_in_two_fresh_processes, the_shipped_build_of_each_system_breaks];
    harness::main([Module::new(afterlife_scenarios::all(), trials)])
}
