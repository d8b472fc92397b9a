//! Signals as stock programs await them: `tokio::signal`, a self-pipe, `sigwait`; and the uses that are not supported.
//! Stops through `node.stopping()` are in `deaths`.

use crate::harness::{Module, at, breaks, cli, holds, replay, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Group, Injection, NodeId, Sim};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::sleep;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_stock_main,
        a_stock_main_with_workers,
        a_service_awaits_sigterm_beside_others,
        an_interrupt,
        two_services_await_sigterm,
        two_services_with_workers_await_sigterm,
        a_pipe_to_oneself,
        a_call_that_is_interrupted,
        a_call_that_goes_on,
        a_thread_that_waits_for_signals,
        no_handler,
        nobody_listens,
        ctrl_c_alone_is_awaited,
        a_stop_is_awaited_and_disobeyed,
    ];
    let trials = trials![
        tokio_signal_stops_a_stock_main_in_every_incarnation,
        tokio_signal_stops_a_main_with_workers_in_every_incarnation,
        one_node_awaits_signals_and_others_stop_too,
        ctrl_c_is_sigint,
        a_second_listener_is_refused_with_both_names,
        a_second_listener_with_workers_is_refused_too,
        a_handler_writes_to_a_pipe_of_its_own_process,
        a_wait_ends_with_eintr,
        a_read_restarts_with_sa_restart,
        sigwait_takes_a_blocked_signal,
        a_signal_without_a_handler_ends_the_process,
        an_ignored_stop_overruns_its_budget,
        a_stop_that_nothing_awaits_says_so,
        a_seed_is_one_run,
    ];
    Module::new(scenarios, trials)
}

/// A stop of this node, which restarts one second later.
fn stop(node: u16, after: u64) -> Injection {
    let fault = Fault::stop(NodeId(node), secs(3), secs(1));
    Injection { trigger: at(secs(after)), fault }
}

/// The expansion of `#[tokio::main]` for a server with a graceful stop.
fn stock_main(workers: usize, stopped: impl FnOnce()) -> i32 {
    let mut builder = if workers == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    let runtime = builder.worker_threads(workers.max(1)).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).expect("signals can be awaited");
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => panic!("nobody interrupts"),
        }
        tokio::time::sleep(secs(1)).await;
        stopped();
    });
    0
}

fn stopped_in_every_incarnation(sim: &mut Sim, workers: usize) {
    let stopped = sim.ledger::<u16>("incarnations that stopped well");
    sim.node_main("server", move |node| stock_main(workers, || stopped.note(node.incarnation())));
    sim.eventually("three incarnations stop well", secs(30), move |_| stopped.len() == 3);
}

fn a_stock_main(sim: &mut Sim) {
    stopped_in_every_incarnation(sim, 0);
}

fn tokio_signal_stops_a_stock_main_in_every_incarnation() {
    holds("a_stock_main", &[stop(0, 2), stop(0, 10), stop(0, 20)]);
}

fn a_stock_main_with_workers(sim: &mut Sim) {
    stopped_in_every_incarnation(sim, 3);
}

fn tokio_signal_stops_a_main_with_workers_in_every_incarnation() {
    holds("a_stock_main_with_workers", &[stop(0, 2), stop(0, 10), stop(0, 20)]);
}

fn a_service_awaits_sigterm_beside_others(sim: &mut Sim) {
    let stopped = sim.ledger::<(u16, u16)>("incarnations that stopped well");
    sim.node("listener", move |node| async move {
        signal(SignalKind::terminate())?.recv().await;
        stopped.note((0, node.incarnation()));
        Ok(())
    });
    sim.nodes("other", 2, move |node| async move {
        node.stopping().await;
        stopped.note((node.index() as u16 + 1, node.incarnation()));
        Ok(())
    });
    sim.node_main("plain", |_| {
        sleep(secs(1_000));
        0
    });
    sim.eventually("all that were stopped stop well", secs(30), move |_| stopped.len() == 5);
}

fn one_node_awaits_signals_and_others_stop_too() {
    holds("a_service_awaits_sigterm_beside_others", &[stop(0, 2), stop(1, 3), stop(0, 10), stop(2, 11), stop(1, 12)]);
}

fn an_interrupt(sim: &mut Sim) {
    sim.client("client", |_| async {
        std::thread::spawn(|| {
            sleep(secs(1));
            // SAFETY: it takes no pointer.
            assert_eq!(unsafe { libc::kill(libc::getpid(), libc::SIGINT) }, 0);
        });
        tokio::time::timeout(secs(2), tokio::signal::ctrl_c()).await??;
        Ok(())
    });
}

fn ctrl_c_is_sigint() {
    holds("an_interrupt", &[]);
}

fn two_await(sim: &mut Sim) -> Group {
    sim.nodes("server", 2, |_| async {
        signal(SignalKind::terminate())?.recv().await;
        Ok(())
    })
}

fn two_services_await_sigterm(sim: &mut Sim) {
    two_await(sim);
}

fn two_services_with_workers_await_sigterm(sim: &mut Sim) {
    let servers = two_await(sim);
    sim.workers(servers, 2);
}

fn second_listener_is_refused(scenario: &str) {
    for (node, other) in [(0, 1), (1, 0)] {
        let output = breaks(scenario, &[stop(node, 2)], "no-unsupported-call");
        let message = format!("SIGTERM of server-{node} also woke server-{other}: tokio::signal keeps one table");
        let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(&message), "{}", output.out);
    }
}

fn a_second_listener_is_refused_with_both_names() {
    second_listener_is_refused("two_services_await_sigterm");
}

fn a_second_listener_with_workers_is_refused_too() {
    second_listener_is_refused("two_services_with_workers_await_sigterm");
}

// -- without tokio

static WRITER: AtomicI32 = AtomicI32::new(-1);

extern "C" fn write_to_oneself(_: libc::c_int) {
    // SAFETY: one byte of a whole array.
    unsafe { libc::write(WRITER.load(Ordering::Relaxed), b"x".as_ptr().cast(), 1) };
}

/// Installs a signal handler as C code does.
fn install(signal: libc::c_int, handler: extern "C" fn(libc::c_int), flags: libc::c_int) {
    // SAFETY: zeroes are a valid structure, which is then filled.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &action, std::ptr::null_mut()), 0);
        let mut read_back: libc::sigaction = std::mem::zeroed();
        assert_eq!(libc::sigaction(signal, std::ptr::null(), &mut read_back), 0);
        assert_eq!((read_back.sa_sigaction, read_back.sa_flags), (action.sa_sigaction, flags));
    }
}

fn a_pipe_to_oneself(sim: &mut Sim) {
    let stopped = sim.ledger::<u16>("incarnations that stopped well");
    sim.node_main("server", move |node| {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        WRITER.store(OwnedFd::from(writer).into_raw_fd(), Ordering::Relaxed);
        install(libc::SIGTERM, write_to_oneself, libc::SA_RESTART);
        let mut entry = libc::pollfd { fd: reader.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        loop {
            // SAFETY: one entry.
            match unsafe { libc::poll(&mut entry, 1, -1) } {
                1 => break,
                _ => assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EINTR)),
            }
        }
        stopped.note(node.incarnation());
        0
    });
    sim.eventually("two incarnations stop well", secs(30), move |_| stopped.len() == 2);
}

fn a_handler_writes_to_a_pipe_of_its_own_process() {
    holds("a_pipe_to_oneself", &[stop(0, 2), stop(0, 10)]);
}

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(_: libc::c_int) {
    CAUGHT.fetch_add(1, Ordering::Relaxed);
}

fn a_call_that_is_interrupted(sim: &mut Sim) {
    let interrupted = sim.ledger::<&'static str>("interrupted");
    sim.node_main("server", move |_| {
        install(libc::SIGTERM, count, 0);
        let begun = std::time::Instant::now();
        // SAFETY: it takes no pointer.
        let slept = unsafe { libc::usleep(900_000_000) };
        assert_eq!((slept, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EINTR)));
        assert!(begun.elapsed() < secs(3) && CAUGHT.load(Ordering::Relaxed) == 1);
        interrupted.note("a sleep");
        std::thread::spawn(|| {
            sleep(secs(1));
            // SAFETY: it takes no pointer.
            unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        });
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        // SAFETY: one byte of a whole array.
        let read = unsafe { libc::read(reader.as_raw_fd(), [0u8].as_mut_ptr().cast(), 1) };
        assert_eq!((read, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::EINTR)));
        interrupted.note("a read");
        0
    });
    sim.eventually("both are", secs(30), move |_| interrupted.len() == 2);
}

fn a_wait_ends_with_eintr() {
    let fault = Fault::stop(NodeId(0), secs(5), secs(1_000));
    holds("a_call_that_is_interrupted", &[Injection { trigger: at(secs(2)), fault }]);
}

fn a_call_that_goes_on(sim: &mut Sim) {
    sim.client_main("client", |_| {
        install(libc::SIGUSR1, count, libc::SA_RESTART);
        let (mut reader, mut writer) = std::io::pipe().expect("a pipe");
        std::thread::spawn(move || {
            for _ in 0..3 {
                sleep(secs(1));
                // SAFETY: it takes no pointer.
                unsafe { libc::kill(libc::getpid(), libc::SIGUSR1) };
            }
            sleep(secs(1));
            std::io::Write::write_all(&mut writer, b"x").expect("somebody reads");
        });
        let mut byte = [0];
        // SAFETY: one byte of a whole array.
        let read = unsafe { libc::read(reader.as_raw_fd(), byte.as_mut_ptr().cast(), 1) };
        assert_eq!((read, CAUGHT.load(Ordering::Relaxed)), (1, 3));
        i32::from(std::io::Read::read(&mut reader, &mut byte).is_err())
    });
}

fn a_read_restarts_with_sa_restart() {
    holds("a_call_that_goes_on", &[]);
}

fn a_thread_that_waits_for_signals(sim: &mut Sim) {
    let stopped = sim.ledger::<u16>("incarnations that stopped well");
    sim.node_main("daemon", move |node| {
        // SAFETY: the set is initialised by `sigemptyset` before it is used.
        unsafe {
            let mut set: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()), 0);
            let waits = std::thread::spawn(move || {
                let mut taken = 0;
                assert_eq!(libc::sigwait(&set, &mut taken), 0);
                taken
            });
            assert_eq!(waits.join().expect("it waits"), libc::SIGTERM);
        }
        stopped.note(node.incarnation());
        0
    });
    sim.eventually("two incarnations stop well", secs(30), move |_| stopped.len() == 2);
}

fn sigwait_takes_a_blocked_signal() {
    holds("a_thread_that_waits_for_signals", &[stop(0, 2), stop(0, 10)]);
}

fn no_handler(sim: &mut Sim) {
    let after = sim.ledger::<u16>("after the signal");
    let client = sim.client_main("client", move |node| {
        // SAFETY: it takes no pointer.
        assert_eq!(unsafe { libc::raise(libc::SIGWINCH) }, 0, "which is ignored");
        // SAFETY: as above.
        unsafe { libc::raise(libc::SIGTERM) };
        after.note(node.incarnation());
        0
    });
    sim.may_fail(client);
    sim.always("nothing comes after it", move |_| after.is_empty());
}

fn a_signal_without_a_handler_ends_the_process() {
    holds("no_handler", &[]);
}

fn nobody_listens(sim: &mut Sim) {
    sim.node("server", |_| async {
        tokio::time::sleep(secs(1_000)).await;
        Ok(())
    });
}

fn an_ignored_stop_overruns_its_budget() {
    breaks("nobody_listens", &[stop(0, 2)], "bounded-shutdown");
}

fn ctrl_c_alone_is_awaited(sim: &mut Sim) {
    sim.node("server", |_| async {
        tokio::signal::ctrl_c().await?;
        Ok(())
    });
}

fn a_stop_is_awaited_and_disobeyed(sim: &mut Sim) {
    sim.node("server", |_| async {
        signal(SignalKind::terminate())?.recv().await;
        tokio::time::sleep(secs(1_000)).await;
        Ok(())
    });
}

fn a_stop_that_nothing_awaits_says_so() {
    let unawaited = [
        ("ctrl_c_alone_is_awaited", "the process awaits SIGINT (ctrl_c) but not SIGTERM; main waits for a signal at"),
        ("nobody_listens", "the process does not await SIGTERM; main waits for a timer at"),
    ];
    for (scenario, said) in unawaited {
        let output = breaks(scenario, &[stop(0, 2)], "bounded-shutdown");
        let flat = output.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{}", output.out);
    }
    // A stop that a program awaits and does not obey is another story.
    let heard = breaks("a_stop_is_awaited_and_disobeyed", &[stop(0, 2)], "bounded-shutdown");
    assert!(!heard.out.contains("await SIGTERM"), "{}", heard.out);
}

fn a_seed_is_one_run() {
    for scenario in ["an_interrupt", "a_call_that_goes_on"] {
        let output = cli(&["check", scenario, "--pairs", "5"]);
        assert_eq!(output.code, 0, "{output:?}");
    }
    let digest = || replay("a_stock_main_with_workers", 7, vec![stop(0, 2), stop(0, 10), stop(0, 20)]).out;
    assert_eq!(digest(), digest());
}
