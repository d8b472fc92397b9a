//! Failing disks as programs see them: errors, no space, no answer, missing and damaged files.
//! Power losses are in `power_loss`. The unit tests of the disk have its rules.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Disk, Fault, Faults, Group, Ledger, NodeId, Sim, Trigger};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_sync_fails_once_on_each_descriptor_and_drops_its_data: 5,
        a_synchronous_write_fails_if_its_sync_does: 5,
        reads_fail_outside_the_page_cache_and_writes_fail_everywhere: 5,
        a_stalled_disk_completes_no_sync_and_serves_cached_pages: 5,
        a_small_disk_is_full_once_its_bytes_are_allocated: 5,
        a_disk_is_full_for_a_while: 5,
        a_rotating_disk_is_slow: 3,
        damage_shows_at_the_next_read_and_a_missing_file_at_the_next_open: 20,
        a_disk_error_is_an_edge_that_triggers_can_name: 3,
        drawn_disk_faults_reach_the_program: 60,
    ])
}

fn errno<T>(outcome: std::io::Result<T>) -> Option<i32> {
    outcome.err().and_then(|error| error.raw_os_error())
}

/// The faults of a scenario, from second 2 to second 4.
fn trouble(sim: &mut Sim, store: Group, fault: fn(NodeId, Duration) -> Fault) {
    sim.inject(Trigger::at(secs(2)), fault(store.node(0), secs(2)));
}

/// Sleeps until this virtual time.
fn until(began: Instant, time: Duration) {
    sleep(time.saturating_sub(began.elapsed()));
}

/// A durable file with this content, open for reading and writing.
fn durable(path: &str, content: &[u8]) -> File {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path).expect("a new file");
    file.write_all_at(content, 0).and_then(|()| file.sync_all()).expect("the disk works");
    File::open("/").and_then(|root| root.sync_all()).expect("the disk works");
    file
}

fn a_sync_fails_once_on_each_descriptor_and_drops_its_data(sim: &mut Sim) {
    let after = sim.ledger::<Vec<u8>>("what the media have");
    let store = sim.node_main("store", move |node| {
        if node.incarnation() > 1 {
            after.note(fs::read("/db").expect("the file is there"));
            return 0;
        }
        let began = Instant::now();
        let one = durable("/db", &[b'o'; 4096]);
        let other = File::open("/db").expect("the file is there");
        until(began, secs(3));
        one.write_all_at(&[b'n'; 4096], 0).expect("the page cache takes it");
        assert_eq!(errno(one.sync_all()), Some(libc::EIO));
        one.sync_all().expect("the error was reported once");
        until(began, secs(5));
        assert_eq!(errno(other.sync_data()), Some(libc::EIO), "it had the file open when its write-back failed");
        other.sync_data().expect("the error was reported");
        one.sync_all().expect("the disk works again");
        assert_eq!(fs::read("/db").expect("the file is there"), [b'n'; 4096], "the page cache has it");
        sleep(secs(1_000));
        0
    });
    trouble(sim, store, Fault::disk_sync_errors);
    sim.inject(Trigger::at(secs(6)), Fault::power_loss(store.node(0), Duration::from_nanos(1)));
    sim.client_main("clock", |_| {
        sleep(secs(10));
        0
    });
    sim.eventually("the media have what they had", secs(1), move |_| after.contains(&vec![b'o'; 4096]));
}

fn a_synchronous_write_fails_if_its_sync_does(sim: &mut Sim) {
    let store = sim.client_main("store", |_| {
        use std::os::unix::fs::OpenOptionsExt;
        let began = Instant::now();
        let flags = libc::O_DSYNC;
        let mut file =
            OpenOptions::new().write(true).create(true).custom_flags(flags).open("/log").expect("a new file");
        file.write_all(b"one").expect("the disk works");
        until(began, secs(3));
        assert_eq!(errno(file.write(b"two")), Some(libc::EIO));
        until(began, secs(5));
        file.write_all(b"three").expect("the disk works");
        0
    });
    trouble(sim, store, Fault::disk_sync_errors);
}

fn reads_fail_outside_the_page_cache_and_writes_fail_everywhere(sim: &mut Sim) {
    let [reads, writes] = ["reads", "writes"].map(|name| {
        sim.client_main(name, move |_| {
            let began = Instant::now();
            let file = durable("/db", &[b'o'; 8192]);
            file.write_all_at(b"dirty", 0).expect("the disk works");
            until(began, secs(3));
            let mut one = [0; 5];
            file.read_exact_at(&mut one, 0).expect("that page is dirty, so it is in memory");
            if name == "reads" {
                assert_eq!(errno(file.read_at(&mut one, 4096)), Some(libc::EIO));
                assert_eq!(errno(fs::read("/db")), Some(libc::EIO));
            } else {
                file.read_exact_at(&mut one, 4096).expect("reads go on");
                assert_eq!(errno(file.write_at(b"x", 0)), Some(libc::EIO));
                assert_eq!(errno(file.set_len(1)), Some(libc::EIO));
            }
            until(began, secs(5));
            file.read_exact_at(&mut one, 4096).expect("the disk works again");
            file.write_all_at(b"x", 0).expect("the disk works again");
            0
        })
    });
    trouble(sim, reads, Fault::disk_read_errors);
    trouble(sim, writes, Fault::disk_write_errors);
}

fn a_stalled_disk_completes_no_sync_and_serves_cached_pages(sim: &mut Sim) {
    let store = sim.node_main("store", |node| {
        let began = Instant::now();
        if node.incarnation() == 1 {
            durable("/db", &[b'o'; 8192]);
            sleep(secs(1_000));
        }
        // The second incarnation starts at second 1 with an empty page cache.
        let file = OpenOptions::new().read(true).write(true).open("/db").expect("the file is there");
        let mut byte = [0];
        file.read_exact_at(&mut byte, 0).expect("the disk works");
        until(began, secs(2));
        let hit = Instant::now();
        file.read_exact_at(&mut byte, 4095).expect("that page was read");
        file.write_all_at(b"n", 0).expect("the page cache takes it");
        assert!(hit.elapsed() < Duration::from_millis(1), "neither needs the device");
        let reader = std::thread::spawn(move || {
            File::open("/db").and_then(|file| file.read_exact_at(&mut [0], 4096)).expect("it comes in the end");
            began.elapsed()
        });
        file.sync_all().expect("it comes in the end");
        let (read, synced) = (reader.join().expect("it does not panic"), began.elapsed());
        for waited in [read, synced] {
            assert!((secs(3)..secs(3) + Duration::from_millis(10)).contains(&waited), "{waited:?}");
        }
        sleep(secs(1_000));
        0
    });
    sim.inject(Trigger::at(secs(1)), Fault::power_loss(store.node(0), Duration::from_nanos(1)));
    trouble(sim, store, Fault::stalled_disk);
    sim.client_main("clock", |_| {
        sleep(secs(10));
        0
    });
}

fn fill(file: &mut File) -> (usize, Option<i32>) {
    let mut written = 0;
    loop {
        match file.write(&[7; 1 << 16]) {
            Ok(count) => written += count,
            Err(error) => return (written, error.raw_os_error()),
        }
    }
}

fn a_small_disk_is_full_once_its_bytes_are_allocated(sim: &mut Sim) {
    let store = sim.client_main("store", |_| {
        let mut file = File::create("/log").expect("the disk is empty");
        assert_eq!(fill(&mut file), (1 << 20, Some(libc::ENOSPC)));
        assert_eq!(fs::write("/other", "x").map_err(|error| error.kind()), Err(ErrorKind::StorageFull));
        file.set_len(1 << 19).expect("truncation frees space");
        fs::write("/other", "x").expect("there is free space");
        0
    });
    sim.disk(store, Disk::default().capacity(1 << 20));
}

fn a_disk_is_full_for_a_while(sim: &mut Sim) {
    let store = sim.client_main("store", |_| {
        let began = Instant::now();
        let mut file = File::create("/log").expect("the disk is empty");
        file.write_all(b"x").expect("the disk works");
        until(began, secs(3));
        assert_eq!(fill(&mut file), (4095, Some(libc::ENOSPC)), "the page that is booked can be filled");
        until(began, secs(5));
        file.write_all(b"x").expect("there is free space");
        0
    });
    trouble(sim, store, Fault::full_disk);
}

fn a_rotating_disk_is_slow(sim: &mut Sim) {
    let store = sim.client_main("store", |_| {
        let file = durable("/db", b"x");
        let began = Instant::now();
        file.sync_all().expect("the disk works");
        assert!((secs(1)..=secs(2)).contains(&began.elapsed()));
        0
    });
    sim.disk(store, Disk::default().sync_latency(secs(1), secs(2)));
}

fn damage_shows_at_the_next_read_and_a_missing_file_at_the_next_open(sim: &mut Sim) {
    let store = sim.node_main("store", |node| {
        if node.incarnation() == 1 {
            fs::create_dir("/data").expect("the disk is empty");
            let [gone, open] = ["/data/a", "/data/b"].map(|path| durable(path, &[b'o'; 5_000]));
            File::open("/data").and_then(|data| data.sync_all()).expect("the disk works");
            sleep(secs(3));
            assert_eq!(File::open("/data/a").map(drop).map_err(|error| error.kind()), Err(ErrorKind::NotFound));
            gone.read_exact_at(&mut [0; 5_000], 0).expect("who has it open keeps it");
            let mut seen = [0; 5_000];
            open.read_exact_at(&mut seen, 0).expect("it can be read");
            assert_ne!(seen, [b'o'; 5_000]);
            sleep(secs(1_000));
        }
        assert_eq!(fs::read("/data/a").map_err(|error| error.kind()), Err(ErrorKind::NotFound));
        let seen = fs::read("/data/b").expect("it can be read");
        assert!(seen.len() == 5_000 && seen != [b'o'; 5_000], "the media have the damage, too");
        sleep(secs(1_000));
        0
    });
    let node = store.node(0);
    // Index 3 of two files wraps around to the first.
    sim.inject(Trigger::at(secs(2)), Fault::missing_file(node, 3));
    sim.inject(Trigger::at(secs(2)), Fault::corrupt_file(node, 1));
    sim.inject(Trigger::at(secs(4)), Fault::power_loss(node, Duration::from_nanos(1)));
    sim.client_main("clock", |_| {
        sleep(secs(10));
        0
    });
}

fn a_disk_error_is_an_edge_that_triggers_can_name(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let store = sim.node_main("store", move |node| {
        incarnations.note(node.incarnation());
        if node.incarnation() == 1 {
            let file = durable("/db", &[b'o'; 4096]);
            sleep(secs(3));
            let _told = file.write_at(b"n", 0);
            unreachable!("it does not outlive the second failure of its disk");
        }
        sleep(secs(1_000));
        0
    });
    trouble(sim, store, Fault::disk_write_errors);
    let failed = Trigger::on(store.node(0), "disk failure /db", 1, Duration::ZERO);
    sim.inject(failed, Fault::kill(store.node(0), Duration::from_nanos(1)));
    sim.inject(
        Trigger::on(store.node(0), "disk failure /none", 1, Duration::ZERO),
        Fault::kill(NodeId(0), Duration::from_nanos(1)),
    );
    sim.client_main("clock", |_| {
        sleep(secs(10));
        0
    });
    sim.eventually("there are two incarnations", secs(1), move |_| incarnations.len() == 2);
}

/// Appends a line per tick and counts the results.
fn keeper(sim: &mut Sim, results: Ledger<&'static str>) -> Group {
    sim.node_main("store", move |_| {
        fs::create_dir_all("/data").expect("the disk works");
        loop {
            let round = || {
                for path in ["/data/log", "/data/other"] {
                    let known = match fs::read(path) {
                        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                        known => known?,
                    };
                    if known.iter().any(|byte| *byte != b'.') {
                        results.note("corrupt");
                        fs::remove_file(path)?;
                    }
                    let began = Instant::now();
                    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
                    file.write_all(b".........................")?;
                    file.sync_all()?;
                    if began.elapsed() > Duration::from_millis(50) {
                        results.note("slow");
                    }
                }
                Ok::<(), Error>(())
            };
            let begun = fs::metadata("/data/log").is_ok();
            match round().map_err(|error| error.raw_os_error()) {
                Err(Some(libc::EIO)) => results.note("error"),
                Err(Some(libc::ENOSPC)) => results.note("full"),
                Err(other) => panic!("{other:?}"),
                Ok(()) => {}
            }
            if begun && fs::metadata("/data/log").is_err() {
                results.note("missing");
            }
            sleep(Duration::from_millis(20));
            if fs::metadata("/data/other").is_err() || fs::metadata("/data/log").is_err() {
                results.note("missing");
            }
        }
    })
}

fn drawn_disk_faults_reach_the_program(sim: &mut Sim) {
    let results = sim.ledger::<&str>("results");
    let store = keeper(sim, results);
    sim.client_main("clock", |_| {
        sleep(secs(15));
        0
    });
    let faults = Faults::none().disk_errors().full_disks().stalled_disks(secs(2)).missing_files().corrupt_files();
    sim.faults(store, faults.at_most(6).quiet_after(secs(10)));
    for what in ["error", "full", "slow", "missing", "corrupt"] {
        sim.sometimes(what, move |_| results.contains(&what));
    }
}
