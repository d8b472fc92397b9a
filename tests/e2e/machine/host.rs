//! The simulated machine's properties are the same on every host. `syscall` reaches the interposed functions or is refused by name.

use crate::harness::{Module, campaign, holds, scenarios, trials};
use afterlife::Sim;
use std::ffi::CStr;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_machine_asked_by_c_calls,
        a_process_with_ten_descriptors,
        a_connection_waits_for_a_descriptor,
        threads_that_wait_for_a_processor,
        calls_by_number,
        an_unknown_call_number,
        a_file_of_the_c_library,
    ];
    Module::new(
        scenarios,
        trials![
            a_machine_is_the_same_everywhere,
            a_scenario_sets_the_descriptor_limit,
            a_connection_without_a_free_descriptor_stays_queued,
            new_threads_start_late_if_the_scenario_says_so,
            syscall_by_number_reaches_the_interposed_function,
            an_unsupported_call_by_number_is_refused,
            a_file_of_the_c_library_is_refused,
        ],
    )
}

fn a_machine_asked_by_c_calls(sim: &mut Sim) {
    sim.client_main("node-a", |_| {
        // SAFETY: each call fills a structure of its own, for which zeroes are a valid value.
        unsafe {
            let mut name: libc::utsname = std::mem::zeroed();
            assert_eq!(libc::uname(&mut name), 0);
            assert_eq!(CStr::from_ptr(name.sysname.as_ptr()), c"Linux");
            assert_eq!(CStr::from_ptr(name.nodename.as_ptr()), c"node-a");

            let mut limit: libc::rlimit = std::mem::zeroed();
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
            assert_eq!((limit.rlim_cur, limit.rlim_max), (12_544, 12_544));
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
            limit.rlim_max += 1;
            assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), -1);

            let mut noon: libc::tm = std::mem::zeroed();
            assert!(!libc::localtime_r(&43_200, &mut noon).is_null());
            assert_eq!((noon.tm_hour, noon.tm_gmtoff), (12, 0));
            assert_eq!(CStr::from_ptr(noon.tm_zone), c"UTC");
            assert_eq!(libc::mktime(&mut noon), 43_200);

            std::thread::sleep(std::time::Duration::from_secs(3));
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
            assert_eq!(usage.ru_utime.tv_sec, 3);

            let (mut user, mut text): (libc::passwd, _) = (std::mem::zeroed(), [0; 1_024]);
            let mut found = &raw mut user;
            assert_eq!(libc::getpwuid_r(0, &mut user, text.as_mut_ptr(), text.len(), &mut found), 0);
            assert!(found.is_null());
        }
        0
    });
}

fn a_machine_is_the_same_everywhere() {
    holds("a_machine_asked_by_c_calls", &[]);
}

fn a_process_with_ten_descriptors(sim: &mut Sim) {
    let node = sim.client_main("node-a", |_| {
        // SAFETY: the call fills a structure of its own, for which zeroes are a valid value.
        let limit = unsafe {
            let mut limit: libc::rlimit = std::mem::zeroed();
            assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
            limit.rlim_cur
        };
        assert_eq!(limit, 10);
        let bind = || std::net::UdpSocket::bind("127.0.0.1:0");
        let mut open: Vec<_> = (0..10).map(|_| bind().expect("ten descriptors are allowed")).collect();
        assert_eq!(bind().map(drop).map_err(|error| error.raw_os_error()), Err(Some(libc::EMFILE)));
        open.truncate(9);
        bind().expect("one was closed");
        0
    });
    sim.descriptor_limit(node, 10);
}

fn a_scenario_sets_the_descriptor_limit() {
    holds("a_process_with_ten_descriptors", &[]);
}

fn a_connection_waits_for_a_descriptor(sim: &mut Sim) {
    let node = sim.client_main("node-a", |_| {
        let listener = std::net::TcpListener::bind("127.0.0.1:7000").expect("the port is free");
        let mut others: Vec<_> =
            (0..8).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").expect("ten descriptors are allowed")).collect();
        let caller = std::net::TcpStream::connect("127.0.0.1:7000").expect("it listens");
        for _ in 0..3 {
            let refused = listener.accept().expect_err("all ten are taken");
            assert_eq!(refused.raw_os_error(), Some(libc::EMFILE));
        }
        others.pop();
        let (_, peer) = listener.accept().expect("the caller was not sent away");
        assert_eq!(peer, caller.local_addr().expect("it is connected"));
        0
    });
    sim.descriptor_limit(node, 10);
}

fn a_connection_without_a_free_descriptor_stays_queued() {
    holds("a_connection_waits_for_a_descriptor", &[]);
}

fn threads_that_wait_for_a_processor(sim: &mut Sim) {
    sim.thread_start_delay(Duration::from_secs(1));
    sim.client_main("node-a", |_| {
        let made = Instant::now();
        let begun = [(); 20].map(|()| std::thread::spawn(move || made.elapsed()));
        let late = begun.map(|thread| thread.join().expect("it measures a time"));
        assert!(late.iter().all(|late| *late < Duration::from_millis(1_100)), "{late:?}");
        assert!(late.iter().any(|late| *late > Duration::from_millis(500)), "{late:?}");
        assert!(late.iter().any(|late| *late < Duration::from_millis(500)), "{late:?}");
        0
    });
}

fn new_threads_start_late_if_the_scenario_says_so() {
    holds("threads_that_wait_for_a_processor", &[]);
}

fn calls_by_number(sim: &mut Sim) {
    // The program closes a file twice to see the error.
    sim.turn_off("no-use-after-teardown");
    sim.client_main("node-a", |_| {
        let begun = Instant::now();
        let second = libc::timespec { tv_sec: 1, tv_nsec: 0 };
        let mut path = [0_u8; 8];
        // SAFETY: each call receives the arguments that its prototype asks for.
        unsafe {
            let flags = libc::O_CREAT | libc::O_RDWR;
            let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, c"/file".as_ptr(), flags, 0o644);
            assert_eq!(libc::syscall(libc::SYS_pwrite64, file, c"text".as_ptr(), 4, 0), 4);
            assert_eq!(libc::syscall(libc::SYS_close, file), 0);
            assert_eq!(libc::syscall(libc::SYS_close, file), -1);
            assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EBADF));
            assert_eq!(libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), path.len()), 2);
            let left = std::ptr::null_mut::<libc::timespec>();
            assert_eq!(libc::syscall(libc::SYS_clock_nanosleep, libc::CLOCK_MONOTONIC, 0, &raw const second, left), 0);
        }
        assert_eq!(std::fs::read("/file").expect("it was made"), b"text");
        assert_eq!(begun.elapsed().as_secs(), 1);
        assert_eq!(&path[..2], b"/\0");
        0
    });
}

fn syscall_by_number_reaches_the_interposed_function() {
    holds("calls_by_number", &[]);
}

fn an_unknown_call_number(sim: &mut Sim) {
    // SAFETY: it takes nothing.
    sim.client_main("node-a", |_| unsafe { libc::syscall(9_999) as i32 });
}

fn an_unsupported_call_by_number_is_refused() {
    let finding = campaign("an_unknown_call_number", "0..1").finding();
    assert_eq!(finding["subject"], "syscall(9999)", "{finding}");
}

fn a_file_of_the_c_library(sim: &mut Sim) {
    sim.client_main("node-a", |_| {
        // SAFETY: two strings.
        i32::from(unsafe { libc::fopen(c"/file".as_ptr(), c"w".as_ptr()) }.is_null())
    });
}

fn a_file_of_the_c_library_is_refused() {
    let finding = campaign("a_file_of_the_c_library", "0..1").finding();
    assert_eq!(
        (&finding["invariant"], &finding["subject"]),
        (&"no-unsupported-call".into(), &"fopen".into()),
        "{finding}"
    );
}
