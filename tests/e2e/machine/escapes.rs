//! System calls that bypass the interposed functions: a strict check names them and their callers.
//! Ordinary runs do not see them. Unsupported calls are in `campaign::crashes`.

use crate::harness::{Module, Output, cli, scenarios, trials};
use afterlife::Sim;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_clock_is_read_by_instruction,
        a_socket_is_made_by_instruction,
        a_key_is_made_of_a_file,
        interposed_functions_only
    ];
    let trials = trials![
        a_raw_system_call_is_named_with_its_caller,
        a_system_call_of_the_c_library_is_named,
        interposed_functions_are_no_escape,
        an_ordinary_check_does_not_look_for_escapes,
    ];
    Module::new(scenarios, trials)
}

/// A raw system call, by instruction.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
fn by_instruction(number: libc::c_long, a: usize, b: usize, c: usize) -> isize {
    let answer: isize;
    // SAFETY: the callers pass the arguments of the call; the kernel clobbers only rcx and r11.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => answer,
            in("rdi") a, in("rsi") b, in("rdx") c,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    answer
}

#[cfg(target_arch = "aarch64")]
#[inline(never)]
fn by_instruction(number: libc::c_long, a: usize, b: usize, c: usize) -> isize {
    let answer: isize;
    // SAFETY: the callers pass the arguments of the call.
    unsafe {
        core::arch::asm!("svc 0", in("x8") number, inlateout("x0") a => answer, in("x1") b, in("x2") c);
    }
    answer
}

fn a_clock_is_read_by_instruction(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let clock = libc::CLOCK_MONOTONIC as usize;
        by_instruction(libc::SYS_clock_gettime, clock, (&raw mut time).addr(), 0) as i32
    });
}

fn a_socket_is_made_by_instruction(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let made = by_instruction(libc::SYS_socket, libc::AF_INET as usize, libc::SOCK_STREAM as usize, 0);
        i32::from(made < 0)
    });
}

fn a_key_is_made_of_a_file(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: a C string.
        i32::from(unsafe { libc::ftok(c"/dev/null".as_ptr(), 1) } == -1)
    });
}

fn interposed_functions_only(sim: &mut Sim) {
    sim.nodes("server", 2, |_| async {
        std::thread::spawn(|| {
            std::fs::write("/data", std::time::SystemTime::now().elapsed().map_or(0, |_| 1).to_string())
        });
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        listener.accept().await?;
        Ok(())
    });
    sim.client("client", |_| async {
        for server in ["server-0:7000", "server-1:7000"] {
            while tokio::net::TcpStream::connect(server).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        Ok(())
    });
}

fn check(scenario: &str, strict: bool) -> Output {
    let mut words = vec!["check", scenario, "--pairs", "2"];
    words.extend(strict.then_some("--strict"));
    cli(&words)
}

fn named(scenario: &str, call: &str) {
    let output = check(scenario, true);
    let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.code, 1, "{output:?}");
    assert!(
        flat.contains(&format!("`{call}` (system call")) && flat.contains("bypasses the interposed functions"),
        "{flat}"
    );
    assert!(flat.contains("tests/e2e/machine/escapes.rs:"), "{flat}");
}

fn a_raw_system_call_is_named_with_its_caller() {
    named("a_clock_is_read_by_instruction", "clock_gettime");
    named("a_socket_is_made_by_instruction", "socket");
}

fn a_system_call_of_the_c_library_is_named() {
    named("a_key_is_made_of_a_file", "newfstatat");
}

fn interposed_functions_are_no_escape() {
    let output = check("interposed_functions_only", true);
    assert_eq!(output.code, 0, "{output:?}");
}

fn an_ordinary_check_does_not_look_for_escapes() {
    let output = check("a_socket_is_made_by_instruction", false);
    assert_eq!(output.code, 0, "{output:?}");
}
