//! Clocks as programs see them: offsets, drifts and steps of a node's own time, and timers that depend on it.
//! A node with true clocks observes virtual time.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Clock, Faults, Sim};
use std::io::Read;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::reach::connect;

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_wrong_wall_clock_dates_files_too: 3,
        a_fast_clock_shortens_sleeps_and_a_slow_one_extends_them: 5,
        a_step_moves_the_wall_clock_and_not_the_monotonic_one: 60,
        the_offset_of_a_drift_remains: 20,
        a_timerfd_fires_once_or_periodically_and_can_be_polled: 5,
        waits_for_a_wall_clock_time_follow_its_steps: 60,
    ])
}

/// The wall clock time at the start of every run.
fn begin() -> SystemTime {
    SystemTime::UNIX_EPOCH + secs(1_767_225_600)
}

fn at(moment: Duration) -> Faults {
    Faults::none().starting_at(moment).quiet_after(moment + Duration::from_nanos(1)).at_most(1)
}

fn a_wrong_wall_clock_dates_files_too(sim: &mut Sim) {
    let ahead = sim.client_main("ahead", |_| {
        let off = SystemTime::now().duration_since(begin()).expect("it is ahead");
        assert!((secs(3_600)..secs(3_601)).contains(&off), "{off:?}");
        std::fs::write("/tmp/dated", b"by the wall clock").expect("the disk takes it");
        let dated = std::fs::metadata("/tmp/dated").and_then(|metadata| metadata.modified()).expect("it is there");
        assert!((secs(3_600)..secs(3_601)).contains(&dated.duration_since(begin()).expect("it is ahead")));
        0
    });
    let behind = sim.client_main("behind", |_| {
        let off = begin().duration_since(SystemTime::now()).expect("it is behind");
        assert!((secs(3_599)..secs(3_601)).contains(&off), "{off:?}");
        let (wall, begun) = (SystemTime::now(), Instant::now());
        sleep(secs(10));
        let (wall, gone) = (wall.elapsed().expect("it goes on"), begun.elapsed());
        assert!(wall.abs_diff(gone) < Duration::from_millis(1), "{wall:?} {gone:?}");
        0
    });
    sim.clock(ahead, Clock::ahead(secs(3_600)));
    sim.clock(behind, Clock::behind(secs(3_600)));
}

fn a_fast_clock_shortens_sleeps_and_a_slow_one_extends_them(sim: &mut Sim) {
    sim.node_main("witness", |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        loop {
            let (mut stream, _) = listener.accept().expect("somebody comes");
            std::thread::spawn(move || {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("the client sends its number");
                let begun = Instant::now();
                let _ = stream.read(&mut [0]);
                // Ten seconds on a clock that is a tenth faster, a tenth slower, and true.
                let expected = [9_090, 11_111, 10_000][usize::from(byte[0])];
                let gone = begun.elapsed().as_millis();
                assert!((expected - 20..expected + 20).contains(&gone), "{} slept {gone} ms", byte[0]);
            });
        }
    });
    let clocks = [Clock::default().drifting(100_000), Clock::default().drifting(-100_000), Clock::default()];
    for (index, clock) in clocks.into_iter().enumerate() {
        let sleeper = sim.client(&format!("sleeper-{index}"), move |_| async move {
            let mut stream = crate::reach::reach("witness:7000").await;
            tokio::io::AsyncWriteExt::write_u8(&mut stream, index as u8).await?;
            let (begun, wall) = (Instant::now(), SystemTime::now());
            match index {
                // Once with a runtime's timer, once with a thread's sleep.
                0 => tokio::time::sleep(secs(10)).await,
                _ => sleep(secs(10)),
            }
            let (gone, wall) = (begun.elapsed(), wall.elapsed()?);
            assert!((secs(10)..secs(10) + Duration::from_millis(5)).contains(&gone), "{gone:?}");
            assert!(wall.abs_diff(gone) < Duration::from_millis(1), "both run at one rate");
            Ok(())
        });
        sim.clock(sleeper, clock);
    }
}

fn a_step_moves_the_wall_clock_and_not_the_monotonic_one(sim: &mut Sim) {
    let steps = sim.ledger::<i64>("steps");
    let node = sim.node_main("node", move |_| {
        let (begun, wall) = (Instant::now(), SystemTime::now());
        let mut seen = 0;
        loop {
            sleep(Duration::from_millis(100));
            let gone = i64::try_from(begun.elapsed().as_millis()).expect("a short one");
            let shown = match SystemTime::now().duration_since(wall) {
                Ok(later) => later.as_millis() as i64,
                Err(earlier) => -(earlier.duration().as_millis() as i64),
            };
            let off = shown - gone;
            if (off - seen).abs() > 500 {
                seen = off;
                steps.note(off);
            }
        }
    });
    sim.client_main("clock", |_| {
        sleep(secs(20));
        0
    });
    sim.faults(node, at(secs(5)).clock_steps(secs(1), secs(60)));
    sim.always("one step at most, of a size that was output", move |view| {
        steps.len() <= view.faults() && steps.all(|off| (900..=60_100).contains(&off.abs()))
    });
    sim.sometimes("a clock jumps forward", move |_| steps.any(|off| *off > 0));
    sim.sometimes("a clock jumps back", move |_| steps.any(|off| *off < 0));
}

fn the_offset_of_a_drift_remains(sim: &mut Sim) {
    let gains = sim.ledger::<i64>("gained");
    let node = sim.node_main("node", move |_| {
        let mut byte = [0];
        let mut stream = connect("witness:7000");
        let begun = Instant::now();
        for _ in 0..6 {
            stream.read_exact(&mut byte).expect("the witness ticks");
        }
        // The witness ticks every ten seconds: fifty seconds lie between the first and the last tick.
        gains.note(begun.elapsed().as_millis() as i64 - 50_000);
        sleep(secs(1_000));
        0
    });
    sim.client_main("witness", move |_| {
        let listener = TcpListener::bind("0.0.0.0:7000").expect("the port is free");
        let (mut stream, _) = listener.accept().expect("the node comes");
        for _ in 0..6 {
            std::io::Write::write_all(&mut stream, &[0]).expect("it listens");
            sleep(secs(10));
        }
        0
    });
    sim.faults(node, at(secs(5)).clock_drift(500_000, secs(20)));
    sim.sometimes("something was gained", move |_| gains.any(|gain| *gain > 500));
    sim.sometimes("something was lost", move |_| gains.any(|gain| *gain < -500));
    sim.always("no more than the rate says", move |view| {
        gains.all(|gain| gain.abs() < if view.faults() > 0 { 10_100 } else { 100 })
    });
}

/// An armed timerfd.
fn timer(clock: i32, flags: i32, value: libc::timespec, interval: libc::timespec) -> std::fs::File {
    // SAFETY: it is handed over below; the structure is valid for the call.
    unsafe {
        let fd = libc::timerfd_create(clock, 0);
        assert!(fd >= 0);
        let spec = libc::itimerspec { it_interval: interval, it_value: value };
        assert_eq!(libc::timerfd_settime(fd, flags, &raw const spec, std::ptr::null_mut()), 0);
        OwnedFd::from_raw_fd(fd).into()
    }
}

fn timespec(secs: i64, ns: i64) -> libc::timespec {
    libc::timespec { tv_sec: secs, tv_nsec: ns }
}

fn times(timer: &mut std::fs::File) -> std::io::Result<u64> {
    let mut count = [0; 8];
    timer.read_exact(&mut count).map(|()| u64::from_ne_bytes(count))
}

fn a_timerfd_fires_once_or_periodically_and_can_be_polled(sim: &mut Sim) {
    sim.client_main("blocking", |_| {
        let begun = Instant::now();
        let mut once = timer(libc::CLOCK_MONOTONIC, 0, timespec(2, 0), timespec(0, 0));
        assert_eq!(times(&mut once).expect("it fires"), 1);
        assert!((secs(2)..secs(3)).contains(&begun.elapsed()));
        let mut often = timer(libc::CLOCK_REALTIME, 0, timespec(1, 0), timespec(0, 100_000_000));
        assert_eq!(times(&mut often).expect("it fires"), 1);
        sleep(secs(1));
        assert_eq!(times(&mut often).expect("it fired all the while"), 10);
        assert_eq!(times(&mut often).expect("it goes on"), 1);
        // SAFETY: an array of one, and a structure of the caller's.
        unsafe {
            let mut left = std::mem::zeroed();
            assert_eq!(libc::timerfd_gettime(often.as_raw_fd(), &raw mut left), 0);
            assert!(left.it_value.tv_sec == 0 && left.it_value.tv_nsec > 0 && left.it_interval.tv_nsec == 100_000_000);
            let mut poll = libc::pollfd { fd: often.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            assert_eq!(libc::poll(&raw mut poll, 1, 1_000), 1);
            assert_eq!(libc::clock_settime(libc::CLOCK_REALTIME, &timespec(0, 0)), -1, "no process may");
        }
        0
    });
    sim.client("asynchronous", |_| async {
        let begun = Instant::now();
        let timer = timer(libc::CLOCK_MONOTONIC, 0, timespec(3, 0), timespec(0, 0));
        // SAFETY: the file owns its descriptor for as long as it is registered.
        let timer = unsafe { tokio::io::unix::AsyncFd::register(timer) }?;
        drop(timer.readable().await?);
        assert!((secs(3)..secs(4)).contains(&begun.elapsed()));
        Ok(())
    });
}

fn waits_for_a_wall_clock_time_follow_its_steps(sim: &mut Sim) {
    let slept = sim.ledger::<u64>("seconds slept");
    let cancelled = sim.ledger::<u64>("timers that a step cancelled");
    let node = sim.node_main("node", move |_| {
        let until = begin().duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs() as i64 + 60;
        std::thread::spawn(move || {
            let flags = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
            let mut timer = timer(libc::CLOCK_REALTIME, flags, timespec(until, 0), timespec(0, 0));
            match times(&mut timer) {
                Err(error) if error.raw_os_error() == Some(libc::ECANCELED) => cancelled.note(1),
                fired => assert_eq!(fired.expect("it fires"), 1),
            }
        });
        let begun = Instant::now();
        // SAFETY: a structure of the caller's.
        let result = unsafe {
            libc::clock_nanosleep(libc::CLOCK_REALTIME, libc::TIMER_ABSTIME, &timespec(until, 0), std::ptr::null_mut())
        };
        assert_eq!(result, 0);
        slept.note(begun.elapsed().as_secs());
        sleep(secs(1_000));
        0
    });
    sim.client_main("clock", |_| {
        sleep(secs(100));
        0
    });
    sim.faults(node, at(secs(5)).clock_steps(secs(10), secs(30)));
    let within = move |low: u64, high: u64| slept.any(|secs| (low..high).contains(secs));
    sim.always("nobody sleeps longer or shorter than the step", move |_| slept.all(|secs| (29..91).contains(secs)));
    sim.sometimes("a step forward ends the wait early", move |_| within(29, 51));
    sim.sometimes("a step back makes it long", move |_| within(69, 91));
    sim.sometimes("without a step it is as long as it should be", move |_| within(59, 61));
    sim.sometimes("a step cancels a timer", move |_| !cancelled.is_empty());
}
