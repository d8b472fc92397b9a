//! The files of `/proc` and `/sys`, parsed as programs parse them: everything in them is the node's own, at this moment.

use crate::harness::{Module, at, holds, replay, scenarios, trials};
use crate::time::secs;
use afterlife::{Clock, Fault, Injection, NodeId, Sim};
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread::sleep;

const MIB: u64 = 1 << 20;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![
        a_process_reads_its_numbers,
        a_process_lists_its_descriptors,
        a_process_lists_its_threads,
        two_machines_with_answers_of_their_own,
        a_machine_reads_its_clocks,
        a_machine_reads_its_processors,
        a_machine_reads_its_settings,
        a_process_lists_its_sockets,
        a_file_is_a_snapshot,
        nothing_there_can_be_changed,
        what_a_container_lacks,
        a_machine_that_notes_its_boot,
    ];
    let trials = trials![
        a_process_finds_its_own_numbers_in_proc,
        a_process_finds_its_own_descriptors_in_proc,
        a_process_finds_its_own_threads_in_proc,
        machines_differ_by_name_memory_and_limits,
        uptime_and_start_are_in_virtual_time,
        every_way_to_count_the_processors_agrees,
        settings_are_read_as_in_a_container,
        a_process_finds_its_own_sockets_in_proc,
        a_file_of_proc_keeps_what_it_had_when_it_was_opened,
        pseudo_files_are_read_only,
        files_that_are_not_there_are_missing,
        a_boot_lasts_over_a_restart_and_ends_with_a_power_loss,
    ];
    Module::new(scenarios, trials)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The numbers after the name in `stat`, by field number.
fn stat(path: &str) -> (String, BTreeMap<usize, i128>) {
    let text = read(path);
    let (before, after) = text.rsplit_once(')').expect("the name is in parentheses");
    let fields: Vec<&str> = after.split_ascii_whitespace().collect();
    assert_eq!(fields.len(), 50, "{text}");
    let numbers = fields.iter().enumerate().skip(1).map(|(index, field)| (index + 3, field.parse().expect("a number")));
    (before.split_once('(').expect("the name is in parentheses").1.to_owned(), numbers.collect())
}

/// Lines `name: value`, as `status` and `meminfo` have them.
fn pairs(path: &str) -> BTreeMap<String, String> {
    let lines: Vec<String> = read(path).lines().map(str::to_owned).collect();
    let pair =
        |line: &String| line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    lines.iter().filter_map(pair).collect()
}

fn kib(size: &str) -> u64 {
    size.strip_suffix(" kB").expect("sizes are in kB").parse().expect("a number")
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory}: {error}"));
    entries.map(|entry| entry.expect("it is listed").file_name().into_string().expect("it is text")).collect()
}

fn a_process_reads_its_numbers(sim: &mut Sim) {
    sim.client_main("first", |_| 0);
    sim.client_main("a-rather-long-name", |_| {
        sleep(secs(7));
        let number = std::process::id();
        assert_eq!(fs::read_link("/proc/self").expect("it is a link"), Path::new(&number.to_string()));
        let (name, fields) = stat("/proc/self/stat");
        assert_eq!(name, "a-rather-long-n", "Linux cuts names after 15 bytes");
        assert_eq!((fields[&4], fields[&5], fields[&20]), (1, number.into(), 1));
        assert_eq!(fields[&14], 700, "processor time in ticks");
        assert_eq!(read(&format!("/proc/{number}/stat")), read("/proc/self/stat"));

        let status = pairs("/proc/self/status");
        assert_eq!((status["Name"].as_str(), status["State"].as_str()), (name.as_str(), "R (running)"));
        assert_eq!((status["Pid"].as_str(), status["Threads"].as_str()), (number.to_string().as_str(), "1"));
        assert_eq!(status["Uid"], "0\t0\t0\t0");
        let pages: Vec<u64> =
            read("/proc/self/statm").split(' ').map(|size| size.trim().parse().expect("a number")).collect();
        assert_eq!((pages.len(), pages[1] * 4), (7, kib(&status["VmRSS"])));
        assert_eq!(i128::from(pages[1]), fields[&24]);

        assert_eq!(read("/proc/self/comm"), "a-rather-long-n\n");
        assert_eq!(read("/proc/self/cmdline"), "a-rather-long-name\0");
        let program = std::env::current_exe().expect("a process has an executable");
        assert_eq!(program, Path::new("/usr/local/bin/a-rather-long-name"));
        assert_eq!((read("/proc/self/oom_score"), read("/proc/self/oom_score_adj")), ("0\n".into(), "0\n".into()));
        fs::create_dir("/srv").and_then(|()| std::env::set_current_dir("/srv")).expect("the disk works");
        assert_eq!(fs::read_link("/proc/self/cwd").expect("it is a link"), Path::new("/srv"));
        0
    });
}

fn a_process_finds_its_own_numbers_in_proc() {
    holds("a_process_reads_its_numbers", &[]);
}

fn a_process_lists_its_descriptors(sim: &mut Sim) {
    sim.client_main("node", |_| {
        use std::os::fd::AsRawFd;
        let own = || names("/proc/self/fd");
        assert_eq!(own().len(), 4, "the standard ones, and the directory itself");
        let file = fs::File::create("/tmp/kept").expect("the disk works");
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        assert_eq!(own().len(), 6);
        let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).expect("it is open");
        assert_eq!(link(file.as_raw_fd()), Path::new("/tmp/kept"));
        let socket = link(listener.as_raw_fd()).to_string_lossy().into_owned();
        assert!(socket.starts_with("socket:[") && socket.ends_with(']'), "{socket}");
        let copy = listener.try_clone().expect("a descriptor is free");
        assert_eq!(link(copy.as_raw_fd()).to_string_lossy(), socket, "a copy is the same socket");
        let number = format!("/proc/self/fd/{}", file.as_raw_fd());
        assert_eq!(fs::canonicalize(&number).expect("it leads to the file"), Path::new("/tmp/kept"));
        fs::write(&number, "through the link").expect("the file is opened once more");
        assert_eq!(read("/tmp/kept"), "through the link");
        fs::remove_file("/tmp/kept").expect("it is there");
        assert_eq!(link(file.as_raw_fd()), Path::new("/tmp/kept (deleted)"));
        let number = file.as_raw_fd();
        drop(file);
        assert_eq!(
            fs::read_link(format!("/proc/self/fd/{number}")).map_err(|error| error.kind()),
            Err(ErrorKind::NotFound)
        );
        0
    });
}

fn a_process_finds_its_own_descriptors_in_proc() {
    holds("a_process_lists_its_descriptors", &[]);
}

fn a_process_lists_its_threads(sim: &mut Sim) {
    sim.client_main("node", |_| {
        assert_eq!(names("/proc/self/task").len(), 1);
        let worker = std::thread::Builder::new().name("worker".to_owned()).spawn(|| {
            sleep(secs(2));
            read("/proc/thread-self/comm")
        });
        sleep(secs(1));
        let tasks = names("/proc/self/task");
        let comm: Vec<String> = tasks.iter().map(|task| read(&format!("/proc/self/task/{task}/comm"))).collect();
        assert_eq!(comm, ["node\n", "worker\n"]);
        assert_eq!(pairs("/proc/self/status")["Threads"], "2");
        let status = pairs(&format!("/proc/self/task/{}/status", tasks[1]));
        assert_eq!((status["State"].as_str(), &status["Pid"]), ("S (sleeping)", &tasks[1]));
        let own = worker.expect("a thread starts").join().expect("it ends");
        assert_eq!(own, "worker\n");
        assert_eq!(names("/proc/self/task").len(), 1, "a thread that has ended is gone");
        0
    });
}

fn a_process_finds_its_own_threads_in_proc() {
    holds("a_process_lists_its_threads", &[]);
}

fn two_machines_with_answers_of_their_own(sim: &mut Sim) {
    let read_all = |name: &'static str, limits: Option<(u64, usize)>| {
        move |_: afterlife::Node| {
            let block = std::hint::black_box(vec![1_u8; 8 * MIB as usize]);
            assert_eq!(read("/proc/sys/kernel/hostname"), format!("{name}\n"));
            assert_eq!(read("/etc/hostname"), format!("{name}\n"));
            let memory = pairs("/proc/meminfo");
            let (total, available) = (kib(&memory["MemTotal"]) * 1024, kib(&memory["MemAvailable"]) * 1024);
            let group = fs::read_to_string("/sys/fs/cgroup/memory.max").map_err(|error| error.kind());
            let files = read("/proc/self/limits")
                .lines()
                .find(|line| line.starts_with("Max open files"))
                .map(|line| line[26..46].trim().to_owned());
            // SAFETY: `sysconf(3)` takes any number.
            let pages = unsafe { libc::sysconf(libc::_SC_PHYS_PAGES) } as u64;
            assert_eq!(pages * 4_096, total);
            match limits {
                Some((bytes, descriptors)) => {
                    assert_eq!((total, group), (bytes, Ok(format!("{bytes}\n"))));
                    let now: u64 = read("/sys/fs/cgroup/memory.current").trim().parse().expect("a number");
                    assert!((8 * MIB..9 * MIB).contains(&now), "{now}");
                    assert!((bytes - 9 * MIB..=bytes - 8 * MIB).contains(&available), "{available}");
                    assert!(kib(&pairs("/proc/self/status")["VmRSS"]) >= 8 * 1024);
                    assert_eq!(files, Some(descriptors.to_string()));
                }
                None => {
                    assert_eq!((total, group), (4_096 * MIB, Err(ErrorKind::NotFound)));
                    assert_eq!(files.as_deref(), Some("12544"));
                }
            }
            drop(block);
            0
        }
    };
    let small = sim.client_main("small", read_all("small", Some((64 * MIB, 100))));
    sim.memory_budget(small, 64 * MIB);
    sim.descriptor_limit(small, 100);
    sim.client_main("large", read_all("large", None));
}

fn machines_differ_by_name_memory_and_limits() {
    holds("two_machines_with_answers_of_their_own", &[]);
}

fn a_machine_reads_its_clocks(sim: &mut Sim) {
    let node = sim.client_main("node", |_| {
        let uptime = || read("/proc/uptime").split_once(' ').expect("two numbers").0.parse::<f64>().expect("a number");
        let booted = || {
            let text = read("/proc/stat");
            let line = text.lines().find_map(|line| line.strip_prefix("btime ")).expect("it has the boot");
            line.parse::<u64>().expect("a number")
        };
        let before = uptime();
        sleep(secs(100));
        assert!((99.9..100.1).contains(&(uptime() - before)), "virtual seconds pass");
        // SAFETY: zeros are a valid structure, which the call fills.
        let info = unsafe {
            let mut info: libc::sysinfo = std::mem::zeroed();
            assert_eq!(libc::sysinfo(&mut info), 0);
            info
        };
        assert_eq!(info.uptime, uptime() as i64);
        // The collectors of processes compute the start in this way.
        let started = booted() + stat("/proc/self/stat").1[&22] as u64 / 100;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is later").as_secs();
        assert!((99..=101).contains(&(now - started)), "{now} {started}");
        0
    });
    sim.clock(node, Clock::ahead(secs(3_600)));
}

fn uptime_and_start_are_in_virtual_time() {
    holds("a_machine_reads_its_clocks", &[]);
}

fn a_machine_reads_its_processors(sim: &mut Sim) {
    sim.client_main("free", |_| {
        assert_eq!(std::thread::available_parallelism().map(usize::from).ok(), Some(4));
        assert!(!read("/proc/mounts").contains("cgroup2"), "a machine without a budget has no group");
        0
    });
    let node = sim.client_main("node", |_| {
        assert_eq!(std::thread::available_parallelism().map(usize::from).ok(), Some(4));
        assert_eq!(read("/sys/devices/system/cpu/online"), "0-3\n");
        let listed = read("/proc/cpuinfo").lines().filter(|line| line.starts_with("processor\t")).count();
        let counted = read("/proc/stat").lines().filter(|line| line.starts_with("cpu")).count() - 1;
        assert_eq!((listed, counted), (4, 4));
        assert_eq!(read("/sys/fs/cgroup/cpu.max"), "max 100000\n");
        assert!(read("/sys/fs/cgroup/cgroup.controllers").split_ascii_whitespace().any(|name| name == "memory"));
        assert_eq!(read("/proc/self/cgroup"), "0::/\n");
        assert!(
            read("/proc/self/mountinfo")
                .lines()
                .any(|line| line.contains(" /sys/fs/cgroup ") && line.contains(" - cgroup2 "))
        );
        assert!(read("/proc/loadavg").starts_with("0.00 0.00 0.00 "));
        0
    });
    sim.memory_budget(node, 64 * MIB);
}

fn every_way_to_count_the_processors_agrees() {
    holds("a_machine_reads_its_processors", &[]);
}

fn a_machine_reads_its_settings(sim: &mut Sim) {
    sim.client_main("node", |_| {
        assert_eq!(read("/proc/sys/kernel/osrelease"), "6.1.0\n");
        assert!(read("/proc/version").starts_with("Linux version 6.1.0 "));
        assert_eq!(read("/proc/sys/net/core/somaxconn"), "4096\n");
        assert_eq!(read("/proc/sys/vm/overcommit_memory"), "0\n");
        let uuids = [(); 3].map(|()| read("/proc/sys/kernel/random/uuid"));
        assert!(uuids[0] != uuids[1] && uuids[1] != uuids[2]);
        for uuid in &uuids {
            assert_eq!((uuid.len(), uuid.as_bytes()[14]), (37, b'4'), "{uuid}");
        }
        let mut top = names("/proc");
        top.sort();
        assert!(top.contains(&std::process::id().to_string()) && top.contains(&"self".to_owned()), "{top:?}");
        assert_eq!(names("/proc").len(), top.len());
        // A way that does not begin with the name.
        std::os::unix::fs::symlink("/proc/self/comm", "/tmp/comm").expect("the disk works");
        assert_eq!(read("/tmp/../tmp/comm"), "node\n");
        std::env::set_current_dir("/proc/sys").expect("it is a directory");
        assert_eq!(read("kernel/ostype"), "Linux\n");
        0
    });
}

fn settings_are_read_as_in_a_container() {
    holds("a_machine_reads_its_settings", &[]);
}

fn a_process_lists_its_sockets(sim: &mut Sim) {
    sim.node_main("server", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("somebody comes");
        let rows = |path: &str| -> Vec<Vec<String>> {
            read(path).lines().skip(1).map(|line| line.split_ascii_whitespace().map(str::to_owned).collect()).collect()
        };
        let mut states: Vec<(String, String)> =
            rows("/proc/net/tcp").into_iter().map(|row| (row[1].clone(), row[3].clone())).collect();
        states.sort();
        // 10.0.0.1, as a word of the machine.
        assert_eq!(states, [("00000000:1B58".into(), "0A".into()), ("0100000A:1B58".into(), "01".into())]);
        assert_eq!(rows("/proc/self/net/udp").len(), 0);
        let _ = stream.read(&mut [0]);
        0
    });
    sim.client_main("client", |_| {
        sleep(secs(1));
        let _stream = TcpStream::connect("server:7000").expect("it listens");
        sleep(secs(1));
        0
    });
}

fn a_process_finds_its_own_sockets_in_proc() {
    holds("a_process_lists_its_sockets", &[]);
}

fn a_file_is_a_snapshot(sim: &mut Sim) {
    sim.client_main("node", |_| {
        let mut file = fs::File::open("/proc/uptime").expect("it is there");
        assert_eq!(file.metadata().expect("it is open").len(), 0, "as on Linux");
        let (mut early, mut late) = (String::new(), String::new());
        file.read_to_string(&mut early).expect("it can be read");
        sleep(secs(60));
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut late)).expect("it can be read again");
        assert_eq!(early, late);
        assert_ne!(read("/proc/uptime"), late);
        0
    });
}

fn a_file_of_proc_keeps_what_it_had_when_it_was_opened() {
    holds("a_file_is_a_snapshot", &[]);
}

fn nothing_there_can_be_changed(sim: &mut Sim) {
    sim.client_main("node", |_| {
        let error = |outcome: std::io::Result<()>| outcome.expect_err("it is refused").raw_os_error();
        assert_eq!(error(fs::write("/proc/self/oom_score_adj", "-1000")), Some(libc::EACCES));
        assert_eq!(error(fs::write("/sys/devices/system/cpu/online", "1")), Some(libc::EACCES));
        assert_eq!(error(fs::write("/proc/new", "")), Some(libc::ENOENT));
        assert_eq!(error(fs::create_dir("/proc/self/new")), Some(libc::ENOENT));
        assert_eq!(error(fs::remove_file("/proc/self/stat")), Some(libc::EPERM));
        assert_eq!(error(fs::rename("/proc/self/stat", "/tmp/stat")), Some(libc::EPERM));
        assert_eq!(error(fs::hard_link("/proc/self/stat", "/tmp/stat")), Some(libc::EXDEV));
        assert_eq!(error(fs::remove_dir("/proc")), Some(libc::EBUSY));
        assert_eq!(
            error(fs::set_permissions("/proc/uptime", std::os::unix::fs::PermissionsExt::from_mode(0o777))),
            Some(libc::EPERM)
        );
        assert_eq!(error(fs::File::open("/proc/uptime").and_then(|file| file.sync_all())), Some(libc::EINVAL));
        assert_eq!(
            fs::copy("/proc/uptime", "/tmp/uptime").ok(),
            Some(fs::metadata("/tmp/uptime").expect("it is there").len())
        );
        0
    });
}

fn pseudo_files_are_read_only() {
    holds("nothing_there_can_be_changed", &[]);
}

fn what_a_container_lacks(sim: &mut Sim) {
    sim.client_main("node", |_| {
        for path in [
            "/proc/1/stat",
            "/proc/self/maps",
            "/proc/self/environ",
            "/proc/self/io",
            "/proc/self/mem",
            "/proc/kmsg",
            "/sys/class/net",
        ] {
            assert_eq!(fs::read(path).map_err(|error| error.kind()), Err(ErrorKind::NotFound), "{path}");
        }
        0
    });
}

fn files_that_are_not_there_are_missing() {
    holds("what_a_container_lacks", &[]);
}

fn a_machine_that_notes_its_boot(sim: &mut Sim) {
    let boots = sim.ledger::<String>("boots");
    sim.node_main("node", move |_| {
        boots.note(read("/proc/sys/kernel/random/boot_id"));
        sleep(secs(1_000));
        0
    });
    let other = sim.ledger::<String>("boot of the other");
    sim.client_main("other", move |_| {
        other.note(read("/proc/sys/kernel/random/boot_id"));
        0
    });
    sim.eventually("it has started twice", secs(60), move |_| boots.len() == 2);
    sim.always("machines have boots of their own", move |_| !boots.any(|boot| other.contains(boot)));
    sim.always("one boot", move |_| boots.len() < 2 || !boots.has_no_duplicate());
}

fn a_boot_lasts_over_a_restart_and_ends_with_a_power_loss() {
    let node = NodeId(0);
    holds("a_machine_that_notes_its_boot", &[Injection { trigger: at(secs(5)), fault: Fault::kill(node, secs(1)) }]);
    let dark = Injection { trigger: at(secs(5)), fault: Fault::power_loss(node, secs(1)) };
    let output = replay("a_machine_that_notes_its_boot", 0, vec![dark]);
    assert!(output.code == 1 && output.out.contains("no longer held: one boot"), "{}{}", output.out, output.err);
}
