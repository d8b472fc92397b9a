//! Campaigns that cannot be carried out, or not to their end: mistakes of a scenario, limits of the machine, signals.
//! No finding is made of them.

use crate::harness::{Module, Output, cli, command, output_of, scenarios, trials};
use afterlife::Sim;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        reads_a_ledger_in_another_ones_closure,
        waits_for_a_real_lock,
        has_two_nodes_of_one_name,
        panics_before_the_run,
        holds_for_a_million_seeds,
    ];
    let trials = trials![
        a_ledger_may_be_read_in_another_ones_closure,
        a_deadlock_of_real_locks_is_no_endless_loop_and_has_its_stack,
        two_nodes_of_one_name_are_refused_with_the_line,
        a_panic_of_the_scenario_function_is_refused_with_the_line,
        too_little_address_space_is_refused_with_the_limit_to_raise,
        too_little_memory_for_data_is_refused_with_the_limit_to_raise,
        an_inherited_mark_of_runners_is_refused,
        an_interrupted_campaign_ends_with_its_summary,
    ];
    Module::new(scenarios, trials)
}

fn reads_a_ledger_in_another_ones_closure(sim: &mut Sim) {
    let (cut, accepted) = (sim.ledger::<u64>("cut"), sim.ledger::<u64>("accepted"));
    sim.always("nothing that was cut is accepted", move |_| !cut.any(|id| accepted.contains(id)));
    sim.client_main("client", move |_| {
        cut.note(1);
        accepted.note(2);
        accepted.note(1);
        0
    });
}

fn a_ledger_may_be_read_in_another_ones_closure() {
    let output = cli(&["run", "reads_a_ledger_in_another_ones_closure", "--seeds", "2", "--report", "json"]);
    assert_eq!(output.code, 1, "{output:?}");
    let signature = output.finding()["signature"].to_string();
    assert!(signature.contains("nothing that was cut is accepted"), "{signature}");
}

/// A read of an empty pipe of the host, by instruction: it waits as a lock of the host does, past the simulation.
fn waits_for_a_real_lock(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut pair = [0; 2];
        // SAFETY: pipe2 writes two descriptors, and read writes one byte. These calls are made by instruction: nobody ever writes to
        // this pipe.
        unsafe {
            raw_call(libc::SYS_pipe2, pair.as_mut_ptr() as usize, 0, 0);
            let mut byte = 0_u8;
            raw_call(libc::SYS_read, pair[0] as usize, (&raw mut byte) as usize, 1);
        }
        0
    });
}

#[cfg(target_arch = "x86_64")]
unsafe fn raw_call(number: i64, a: usize, b: usize, c: usize) -> isize {
    let result: isize;
    // SAFETY: the caller vouches for the arguments; the kernel changes rcx and r11 only.
    unsafe {
        std::arch::asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b, in("rdx") c,
            lateout("rcx") _, lateout("r11") _);
    }
    result
}

#[cfg(target_arch = "aarch64")]
unsafe fn raw_call(number: i64, a: usize, b: usize, c: usize) -> isize {
    let result: isize;
    // SAFETY: the caller vouches for the arguments.
    unsafe {
        std::arch::asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c);
    }
    result
}

fn a_deadlock_of_real_locks_is_no_endless_loop_and_has_its_stack() {
    let output = cli(&["run", "waits_for_a_real_lock", "--seeds", "1", "--report", "json"]);
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    assert_eq!(finding["signature"], "no-deadlock · real wait · client");
    assert!(finding["sentence"].to_string().contains("slept for 5 s of real time"), "{finding}");
    assert!(finding["stack"].to_string().contains("waits_for_a_real_lock"), "{finding}");
}

fn has_two_nodes_of_one_name(sim: &mut Sim) {
    sim.client_main("twice", |_| 0);
    sim.client_main("twice", |_| 0);
}

fn refused(scenario: &str) -> Output {
    let output = cli(&["run", scenario, "--seeds", "3"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(!output.out.contains("replay"), "there is no token: {output:?}");
    output
}

fn two_nodes_of_one_name_are_refused_with_the_line() {
    let output = refused("has_two_nodes_of_one_name");
    assert!(output.err.contains("two nodes have the name `twice`"), "{output:?}");
    assert!(output.err.contains("tests/e2e/campaign/refusals.rs:"), "{output:?}");
}

fn panics_before_the_run(_: &mut Sim) {
    assert_eq!(1 + 1, 3, "the orders do not add up");
}

fn a_panic_of_the_scenario_function_is_refused_with_the_line() {
    let output = refused("panics_before_the_run");
    assert!(output.err.contains("the orders do not add up"), "{output:?}");
    assert!(output.err.contains("tests/e2e/campaign/refusals.rs:"), "{output:?}");
}

/// This binary as a command, started by a shell that sets limits or ignores signals first.
fn in_shell(before: &str, arguments: &[&str]) -> Output {
    let usual = command(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]).arg(usual.get_program()).args(arguments);
    shell.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
    output_of(&mut shell)
}

fn too_little_address_space_is_refused_with_the_limit_to_raise() {
    let output = in_shell("ulimit -v 600000", &["run", "holds_for_a_million_seeds", "--seeds", "1", "--jobs", "1"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("too little address space"), "{output:?}");
    assert!(output.err.contains("ulimit -v unlimited"), "{output:?}");
    assert!(!output.out.contains("replay"), "there is no token: {output:?}");
}

/// Address space is plenty here: the limit is that of the pages which a process may write to.
fn too_little_memory_for_data_is_refused_with_the_limit_to_raise() {
    for kib in [2_000, 100_000, 4_000_000] {
        let limit = format!("ulimit -d {kib}");
        let output = in_shell(&limit, &["run", "holds_for_a_million_seeds", "--seeds", "1", "--jobs", "1"]);
        assert_eq!(output.code, 2, "{limit}: {output:?}");
        assert!(output.err.contains("too little memory for data"), "{limit}: {output:?}");
        assert!(output.err.contains(&format!("the limit of this process is {kib} KiB")), "{limit}: {output:?}");
        assert!(output.err.contains("ulimit -d unlimited"), "{limit}: {output:?}");
        assert!(!output.out.contains("replay"), "there is no token: {output:?}");
    }
}

fn an_inherited_mark_of_runners_is_refused() {
    let mut run = command(&["run", "holds_for_a_million_seeds", "--seeds", "2"]);
    let output = output_of(run.env("AFTERLIFE_RUNNER", "1").stdin(Stdio::null()));
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains("unset AFTERLIFE_RUNNER"), "{output:?}");
}

fn holds_for_a_million_seeds(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(1));
        0
    });
}

fn an_interrupted_campaign_ends_with_its_summary() {
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let junit = std::env::temp_dir().join(format!("interrupted-{}-{signal}.xml", std::process::id()));
        let report = format!("junit={}", junit.display());
        let words = ["run", "holds_for_a_million_seeds", "--seeds", "1000000", "--report", "json", "--report", &report];
        let mut run = command(&words);
        let mut campaign = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started");
        std::thread::sleep(Duration::from_secs(3));
        // SAFETY: kill(2) takes numbers. The child was not waited for, so the number is its own.
        unsafe { libc::kill(campaign.id() as i32, signal) };
        let begun = Instant::now();
        let status = campaign.wait().expect("it ends");
        let mut out = String::new();
        campaign.stdout.take().expect("it is piped").read_to_string(&mut out).expect("it is text");
        assert_eq!(status.code(), Some(code), "{out}");
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
        assert!(out.lines().last().is_some_and(|line| line.contains("\"kind\":\"summary\"")), "{out}");
        let written = std::fs::read_to_string(&junit).expect("the report is written");
        assert!(written.contains("holds_for_a_million_seeds"), "{written}");
        std::fs::remove_file(&junit).expect("it was written");
    }
}
