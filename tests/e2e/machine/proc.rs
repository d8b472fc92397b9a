//! `/proc` and `/sys` of a simulated machine, read as libraries read them: each node sees its own state, in virtual time.

use crate::harness::{Module, at, campaign_holds, holds, scenarios, trials};
use crate::time::secs;
use afterlife::{Fault, Injection, NodeId, Sim};
use std::collections::BTreeMap;
use std::fs::{self, read_to_string};
use std::io::ErrorKind;
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_process_reads_about_itself,
        a_machine_is_read,
        a_budget_is_read,
        every_file_is_read,
        a_boot_has_an_identity,
    ];
    let trials = trials![
        a_process_finds_itself_in_proc,
        clocks_memory_and_processors_agree_with_the_calls_of_libc,
        a_budget_is_the_limit_of_a_control_group,
        no_file_that_is_listed_is_empty_or_unreadable,
        a_machine_that_lost_power_has_another_boot,
    ];
    Module::new(scenarios, trials)
}

fn text(path: &str) -> String {
    read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The lines `name: value`, with the first word of each value.
fn fields(path: &str) -> BTreeMap<String, String> {
    let text = text(path);
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs
        .map(|(name, value)| (name.to_owned(), value.split_whitespace().next().unwrap_or_default().to_owned()))
        .collect()
}

/// The fields of `/proc/self/stat` after the name, as the `procfs` crate splits them.
fn stat() -> Vec<u64> {
    let text = text("/proc/self/stat");
    let (_, rest) = text.rsplit_once(')').expect("the name is in parentheses");
    rest.split_whitespace().skip(1).map(|field| field.parse::<i128>().expect("a number").max(0) as u64).collect()
}

fn a_process_reads_about_itself(sim: &mut Sim) {
    sim.nodes("server", 2, |_| async { std::future::pending().await });
    sim.client_main("reader", |node| {
        sleep(secs(3));
        let pid = std::process::id();
        assert_eq!(text("/proc/self/comm"), format!("{}\n", node.name()));
        let status = fields("/proc/self/status");
        assert_eq!((&status["Name"], &status["Pid"]), (&node.name().to_owned(), &pid.to_string()));
        assert_eq!(status["Threads"], "1");
        let (wait, waits) = channel::<()>();
        let thread = spawn(move || waits.recv().is_err());
        sleep(secs(1));
        assert_eq!(fields("/proc/self/status")["Threads"], "2");
        // Fields 4, 20 and 22: the parent, the threads, the start in ticks since the boot.
        let stat = stat();
        assert_eq!((stat.len(), stat[0], stat[16]), (49, 1, 2));
        let up: f64 = text("/proc/uptime").split(' ').next().expect("two numbers").parse().expect("seconds");
        let lived = up - stat[18] as f64 / 100.0;
        assert!((3.9..4.1).contains(&lived), "{lived}");
        drop(wait);
        assert!(thread.join().expect("it does not panic"));
        let descriptors = || fs::read_dir("/proc/self/fd").expect("it is a directory").count();
        let before = descriptors();
        let listener = TcpListener::bind("0.0.0.0:80").expect("the port is free");
        assert_eq!(descriptors(), before + 1);
        use std::os::fd::AsRawFd;
        let link = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).expect("it is open");
        assert!(link.to_string_lossy().starts_with("socket:["), "{link:?}");
        let file = fs::File::create("/orders").expect("the disk works");
        let link = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("it is open");
        assert_eq!(link.to_string_lossy(), "/orders");
        assert_eq!(fs::read_dir("/proc/self/task").expect("it is a directory").count(), 1);
        let limits = text("/proc/self/limits");
        let open = limits.lines().find(|line| line.starts_with("Max open files")).expect("a limit");
        assert!(open.split_whitespace().nth(3).is_some_and(|files| files.parse::<u64>().is_ok()), "{open}");
        0
    });
}

fn a_process_finds_itself_in_proc() {
    campaign_holds("a_process_reads_about_itself");
}

fn a_machine_is_read(sim: &mut Sim) {
    sim.client_main("reader", |_| {
        sleep(secs(5));
        // SAFETY: zeros are a valid structure, which the call fills.
        let info = unsafe {
            let mut info: libc::sysinfo = std::mem::zeroed();
            assert_eq!(libc::sysinfo(&mut info), 0);
            info
        };
        let up: f64 = text("/proc/uptime").split(' ').next().expect("two numbers").parse().expect("seconds");
        assert_eq!(up as i64, info.uptime);
        let memory = fields("/proc/meminfo");
        assert_eq!(memory["MemTotal"].parse::<u64>().expect("a number") << 10, info.totalram);
        // SAFETY: it takes no pointer.
        let processors = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
        let listed = text("/proc/cpuinfo").lines().filter(|line| line.starts_with("processor")).count();
        assert_eq!(listed as i64, processors);
        assert_eq!(text("/sys/devices/system/cpu/online"), format!("0-{}\n", processors - 1));
        let booted = text("/proc/stat").lines().find_map(|line| line.strip_prefix("btime ")?.parse::<u64>().ok());
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
        assert!((now - up - booted.expect("a number") as f64).abs() < 1.1);
        assert_eq!(text("/proc/sys/kernel/hostname"), "reader\n");
        let (one, other) = (text("/proc/sys/kernel/random/uuid"), text("/proc/sys/kernel/random/uuid"));
        assert!(one != other && one.len() == 37, "{one}{other}");
        assert_eq!(
            fs::read_to_string("/sys/fs/cgroup/memory.max").map_err(|error| error.kind()),
            Err(ErrorKind::NotFound)
        );
        0
    });
}

fn clocks_memory_and_processors_agree_with_the_calls_of_libc() {
    campaign_holds("a_machine_is_read");
}

fn a_budget_is_read(sim: &mut Sim) {
    let reader = sim.client_main("reader", |_| {
        assert_eq!(text("/sys/fs/cgroup/memory.max"), "67108864\n");
        assert_eq!(fields("/proc/meminfo")["MemTotal"], "65536");
        let current = || text("/sys/fs/cgroup/memory.current").trim().parse::<u64>().expect("a number");
        let before = current();
        let block = vec![1_u8; 8 << 20];
        assert!(current() >= before + block.len() as u64);
        0
    });
    sim.memory_budget(reader, 64 << 20);
}

fn a_budget_is_the_limit_of_a_control_group() {
    campaign_holds("a_budget_is_read");
}

/// The files below a directory, without those behind links.
fn files(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let paths = entries.map(|entry| entry.expect("an entry").path().to_string_lossy().into_owned());
    paths
        .flat_map(
            |path| if fs::symlink_metadata(&path).is_ok_and(|kind| kind.is_dir()) { files(&path) } else { vec![path] },
        )
        .collect()
}

fn every_file_is_read(sim: &mut Sim) {
    let reader = sim.client_main("reader", |_| {
        let mut read = 0;
        for path in ["/proc", "/sys"].into_iter().flat_map(files) {
            // The descriptor by which a directory was read is closed by now.
            if path.contains("/fd/") || fs::symlink_metadata(&path).is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            assert!(!text(&path).is_empty(), "{path}");
            assert_eq!(fs::write(&path, "x").map_err(|error| error.kind()), Err(ErrorKind::PermissionDenied), "{path}");
            read += 1;
        }
        assert!(read > 40, "{read}");
        0
    });
    sim.memory_budget(reader, 64 << 20);
}

fn no_file_that_is_listed_is_empty_or_unreadable() {
    campaign_holds("every_file_is_read");
}

fn a_boot_has_an_identity(sim: &mut Sim) {
    let boots = sim.ledger::<String>("boots");
    sim.node_main("server", move |_| {
        let boot = text("/proc/sys/kernel/random/boot_id");
        if !boots.contains(&boot) {
            boots.note(boot);
        }
        sleep(secs(1_000));
        0
    });
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    sim.eventually("two boots in three incarnations", secs(30), move |_| boots.len() == 2);
}

fn a_machine_that_lost_power_has_another_boot() {
    let kill = Injection { trigger: at(secs(2)), fault: Fault::kill(NodeId(0), secs(1)) };
    let loss = Injection { trigger: at(secs(8)), fault: Fault::power_loss(NodeId(0), secs(1)) };
    holds("a_boot_has_an_identity", &[kill, loss]);
}
