//! Runs whose whole process dies or would die: each is a finding, and the campaign continues.
//! Deaths of a node inside a run are in `lifecycle::deaths`.

use crate::harness::{Module, Output, campaign, cli, scenarios, trials};
use afterlife::Sim;
use rand::RngExt;
use serde_json::Value;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        overflows_its_stack,
        overflows_the_stack_of_a_thread,
        writes_through_a_null_pointer,
        executes_an_illegal_instruction,
        loops_for_ever,
        polls_for_ever,
        watches_files,
        calls_by_an_unknown_number,
        starts_a_program,
        forks,
        writes_to_a_descriptor_from_outside,
        panics_while_it_panics,
        exits_by_a_raw_system_call,
        dies_in_the_c_library_on_node_300,
    ];
    let trials = trials![
        a_stack_overflow_is_a_finding_and_the_campaign_goes_on,
        a_stack_overflow_of_a_thread_is_a_finding_too,
        a_segmentation_fault_is_a_finding_and_the_campaign_goes_on,
        an_illegal_instruction_is_a_finding,
        an_endless_loop_is_a_finding_after_its_bound,
        an_endless_loop_of_calls_ends_at_the_virtual_time_limit,
        an_unsupported_call_names_its_symbol_and_its_caller,
        an_unsupported_system_call_is_named,
        starting_a_program_is_refused_by_name,
        a_fork_is_refused_by_name,
        a_descriptor_of_the_host_is_refused,
        a_panic_during_a_panic_is_reported,
        a_process_that_exits_by_a_raw_system_call_is_reported_with_its_code,
        a_crash_names_its_node_even_after_256_others,
        a_token_replays_a_crash,
    ];
    Module::new(scenarios, trials)
}

/// True in about one run of three: those break.
fn breaks(sim: &mut Sim) -> bool {
    sim.rng().random_ratio(1, 3)
}

/// The only signature of a campaign over 20 seeds in which some runs break.
fn crash(scenario: &str) -> (Output, Value) {
    let output = campaign(scenario, "20");
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.summary()["runs"], 20, "the campaign goes on");
    let finding = output.finding();
    (output, finding)
}

#[allow(unconditional_recursion, reason = "that is what it is for")]
fn recurse(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    frame[0] + recurse(depth + 1)
}

fn overflows_its_stack(sim: &mut Sim) {
    let breaks = breaks(sim);
    sim.node_main("server-0", move |_| {
        std::thread::sleep(Duration::from_secs(1));
        if breaks { recurse(0) as i32 } else { 0 }
    });
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(2));
        0
    });
}

fn a_stack_overflow_is_a_finding_and_the_campaign_goes_on() {
    let (_, finding) = crash("overflows_its_stack");
    assert_eq!(finding["signature"], "no-crash · SIGSEGV · server");
    let stack = finding["stack"].as_str().expect("a stack");
    assert!(stack.contains("crashes::recurse") && stack.len() < 10_000, "{stack}");
}

fn overflows_the_stack_of_a_thread(sim: &mut Sim) {
    let breaks = breaks(sim);
    sim.client_main("client", move |_| {
        let thread =
            std::thread::Builder::new().name("deep".to_owned()).spawn(move || if breaks { recurse(0) } else { 0 });
        thread.map_or(1, |thread| i32::from(thread.join().is_err()))
    });
}

fn a_stack_overflow_of_a_thread_is_a_finding_too() {
    let (_, finding) = crash("overflows_the_stack_of_a_thread");
    assert_eq!(finding["signature"], "no-crash · SIGSEGV · client");
    let stack = finding["stack"].as_str().expect("a stack");
    assert!(stack.contains("crashes::recurse") && stack.len() < 10_000, "{stack}");
}

fn writes_through_a_null_pointer(sim: &mut Sim) {
    let breaks = breaks(sim);
    sim.node("server-1", move |_| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if breaks {
            // SAFETY: none. The scenario is about the fault that this raises.
            unsafe { std::ptr::without_provenance_mut::<u8>(std::hint::black_box(8)).write_volatile(1) };
        }
        Ok(())
    });
    sim.client("client", |_| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok(())
    });
}

fn a_segmentation_fault_is_a_finding_and_the_campaign_goes_on() {
    let (_, finding) = crash("writes_through_a_null_pointer");
    assert_eq!(finding["signature"], "no-crash · SIGSEGV · server");
    assert_eq!(finding["subject"], "SIGSEGV on server-1");
    let stack = finding["stack"].as_str().expect("a stack");
    assert!(stack.starts_with("server-1, incarnation 1, thread 0, at 1.0"), "{stack}");
    assert!(stack.contains("at address 0x8") && stack.contains("tests/e2e/campaign/crashes.rs:"), "{stack}");
}

fn executes_an_illegal_instruction(sim: &mut Sim) {
    let breaks = breaks(sim);
    sim.client_main("client", move |_| {
        if breaks {
            // SAFETY: none. The scenario is about the fault that this raises.
            unsafe {
                #[cfg(target_arch = "x86_64")]
                core::arch::asm!("ud2");
                #[cfg(target_arch = "aarch64")]
                core::arch::asm!("udf #0");
            }
        }
        0
    });
}

fn an_illegal_instruction_is_a_finding() {
    let (_, finding) = crash("executes_an_illegal_instruction");
    assert_eq!(finding["signature"], "no-crash · SIGILL · client");
}

fn loops_for_ever(sim: &mut Sim) {
    sim.client_main("client-3", |_| {
        loop {
            std::hint::spin_loop();
        }
    });
}

fn an_endless_loop_is_a_finding_after_its_bound() {
    let begun = Instant::now();
    let output = cli(&["replay", &token("loops_for_ever")]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.starts_with("✗ endless loop"), "{}", output.out);
    assert!(output.out.contains("client-3 ran for 5 s of processor time without a call"), "{}", output.out);
    assert!(output.out.contains("client-3, incarnation 1, thread 0, at 0.000"), "{}", output.out);
    assert!(output.out.contains("tests/e2e/campaign/crashes.rs:"), "{}", output.out);
    assert!(output.out.contains("no injections"), "the report has the plan: {}", output.out);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

fn token(scenario: &str) -> String {
    afterlife::Token {
        scenario: scenario.to_owned(),
        build: afterlife::Build::DEFAULT,
        engine: afterlife::Engine::PORTABLE,
        seed: 0,
        plan: None,
    }
    .to_string()
}

fn polls_for_ever(sim: &mut Sim) {
    sim.time_limit(Duration::from_millis(50));
    let flag = std::sync::atomic::AtomicBool::new(false);
    sim.client_main("client", move |_| {
        while !flag.load(std::sync::atomic::Ordering::Relaxed) {
            std::thread::yield_now();
        }
        0
    });
}

fn an_endless_loop_of_calls_ends_at_the_virtual_time_limit() {
    let output = campaign("polls_for_ever", "2");
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.finding()["signature"], "recovers · client");
}

fn watches_files(sim: &mut Sim) {
    sim.client_main("client", |_| a_caller_of_inotify());
}

#[inline(never)]
fn a_caller_of_inotify() -> i32 {
    // SAFETY: it takes no pointer.
    unsafe { libc::inotify_init1(0) }
}

fn an_unsupported_call_names_its_symbol_and_its_caller() {
    let output = campaign("watches_files", "2");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    let sentence = finding["sentence"].as_str().expect("a sentence");
    assert!(sentence.contains("the call `inotify_init1` is not supported"), "{sentence}");
    assert!(sentence.contains("on client"), "{sentence}");
    assert!(sentence.contains("a_caller_of_inotify"), "{sentence}");
    assert!(sentence.contains("tests/e2e/campaign/crashes.rs:"), "{sentence}");
}

fn calls_by_an_unknown_number(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: the pointer that it takes may be null.
        unsafe { libc::syscall(libc::SYS_acct, 0) as i32 }
    });
}

fn an_unsupported_system_call_is_named() {
    let output = campaign("calls_by_an_unknown_number", "1");
    assert_eq!(output.code, 1, "{output:?}");
    let sentence = output.finding()["sentence"].to_string();
    assert!(sentence.contains(&format!("`syscall({})`", libc::SYS_acct)), "{sentence}");
}

fn starts_a_program(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::process::Command::new("true").status().map_or(1, |status| status.code().unwrap_or(2))
    });
}

fn starting_a_program_is_refused_by_name() {
    let output = campaign("starts_a_program", "1");
    assert_eq!(output.code, 1, "{output:?}");
    let sentence = output.finding()["sentence"].to_string();
    assert!(sentence.contains("is refused inside a run: a node is one process"), "{sentence}");
    assert!(sentence.contains("starts_a_program"), "{sentence}");
}

fn forks(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: it never returns.
        unsafe { libc::fork() }
    });
}

fn a_fork_is_refused_by_name() {
    let output = campaign("forks", "1");
    assert_eq!(output.code, 1, "{output:?}");
    let sentence = output.finding()["sentence"].to_string();
    assert!(sentence.contains("fork is refused inside a run"), "{sentence}");
}

fn writes_to_a_descriptor_from_outside(sim: &mut Sim) {
    use std::os::fd::AsRawFd;
    let outside = std::fs::File::open("/dev/null").expect("the host has one");
    sim.client_main("client", move |_| {
        // SAFETY: one byte is read from a whole array.
        unsafe { libc::write(outside.as_raw_fd(), b"x".as_ptr().cast(), 1) as i32 }
    });
}

fn a_descriptor_of_the_host_is_refused() {
    let output = campaign("writes_to_a_descriptor_from_outside", "1");
    assert_eq!(output.code, 1, "{output:?}");
    let sentence = output.finding()["sentence"].to_string();
    assert!(sentence.contains("which was opened outside the run"), "{sentence}");
}

fn panics_while_it_panics(sim: &mut Sim) {
    struct Worse;
    impl Drop for Worse {
        fn drop(&mut self) {
            panic!("and again");
        }
    }
    sim.client_main("client", |_| {
        let _worse = Worse;
        panic!("once")
    });
}

fn a_panic_during_a_panic_is_reported() {
    let output = campaign("panics_while_it_panics", "2");
    assert_eq!(output.code, 1, "{output:?}");
    let finding = output.finding();
    assert_eq!(finding["invariant"], "no-silent-panic");
    assert_eq!(finding["sentence"], "client panicked: once");
}

fn exits_by_a_raw_system_call(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: it ends the process and takes no pointer.
        #[cfg(target_arch = "x86_64")]
        unsafe {
            core::arch::asm!("syscall", in("rax") libc::SYS_exit_group, in("rdi") 5, options(noreturn))
        }
        #[cfg(target_arch = "aarch64")]
        unsafe {
            core::arch::asm!("svc 0", in("x8") libc::SYS_exit_group, in("x0") 5, options(noreturn))
        }
    });
}

fn a_process_that_exits_by_a_raw_system_call_is_reported_with_its_code() {
    let output = campaign("exits_by_a_raw_system_call", "2");
    assert_eq!(output.code, 1, "{output:?}");
    assert_eq!(output.finding()["signature"], "no-crash · exit 5");
}

/// The process cannot handle its own end here: only its last words name the node.
fn dies_in_the_c_library_on_node_300(sim: &mut Sim) {
    for number in 0..300 {
        sim.node_main(&format!("idle-{number}"), |_| 0);
    }
    sim.client_main("replica-300", |_| {
        std::thread::sleep(Duration::from_secs(1));
        // SAFETY: none: this read is meant to kill the run.
        unsafe { libc::strlen(std::ptr::without_provenance(std::hint::black_box(8))) as i32 }
    });
}

fn a_crash_names_its_node_even_after_256_others() {
    let output = campaign("dies_in_the_c_library_on_node_300", "1");
    assert_eq!(output.finding()["signature"], "no-crash · SIGSEGV · replica");
    assert_eq!(output.finding()["subject"], "SIGSEGV on replica-300");
}

fn a_token_replays_a_crash() {
    let (_, finding) = crash("writes_through_a_null_pointer");
    let token = finding["token"].as_str().expect("a token");
    let output = cli(&["replay", token]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.out.starts_with("✗ crash"), "{}", output.out);
    assert!(output.out.contains("server-1 crashed the whole process with SIGSEGV"), "{}", output.out);
}
