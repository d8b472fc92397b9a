//! The cost of a workload: of ours, run here, and of any peer, run as a process that prints one line of JSON.
//! It compares nothing.

use crate::ours::{Options, Tally, Workload, run};
use afterlife_sim::isolate::{self, Bounds, How, Relay};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Far more than any of these workloads does between two calls.
const BOUNDS: Bounds = Bounds { cpu: Duration::from_secs(60), asleep: Duration::from_secs(60) };
/// The number of runs after which a process that forks them has its final size.
const RUNS_WARM: u64 = 200;

/// The report of one process: the line that ours and the peers print, with fields that only ours adds.
pub(crate) struct Line {
    pub(crate) workload: String,
    pub(crate) reps: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) wall_ns: u64,
    pub(crate) units: u64,
    pub(crate) check: u64,
    pub(crate) events: u64,
    pub(crate) rest_bytes: u64,
    /// The digest of all runs, which must not change when only their cost does.
    pub(crate) digest: u64,
    /// The size of the process once warm, and at its end.
    pub(crate) warm_bytes: u64,
    pub(crate) end_bytes: u64,
}

impl Line {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "peer": "afterlife", "workload": self.workload, "reps": self.reps, "cpu_ns": self.cpu_ns,
            "wall_ns": self.wall_ns, "units": self.units, "check": self.check, "events": self.events,
            "rest_bytes": self.rest_bytes, "warm_bytes": self.warm_bytes, "end_bytes": self.end_bytes,
            "digest": self.digest,
        })
    }

    fn parse(text: &str) -> Result<Line, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("{error} in {text:?}"))?;
        let number = |key: &str| json[key].as_u64().ok_or(format!("no {key} in {text:?}"));
        let ours = |key: &str| json[key].as_u64().unwrap_or(0);
        let line = Line {
            workload: json["workload"].as_str().unwrap_or_default().into(),
            reps: number("reps")?,
            cpu_ns: number("cpu_ns")?,
            wall_ns: number("wall_ns")?,
            units: number("units")?,
            check: number("check")?,
            events: ours("events"),
            rest_bytes: ours("rest_bytes"),
            digest: ours("digest"),
            warm_bytes: ours("warm_bytes"),
            end_bytes: ours("end_bytes"),
        };
        // A run that lost work is fast for the wrong reason. Only work in flight at the end may be missing.
        if line.units == 0 || line.check * 100 < line.units * 99 {
            return Err(format!("{}: {} of {} units came through", line.workload, line.check, line.units));
        }
        Ok(line)
    }

    pub(crate) fn ns_per_unit(&self) -> f64 {
        self.cpu_ns as f64 / self.units as f64
    }

    pub(crate) fn ns_per_event(&self) -> f64 {
        self.cpu_ns as f64 / self.events as f64
    }
}

/// Runs one of our workloads `reps` times, each in a process forked from this one unless `forked` says otherwise.
pub(crate) fn ours(workload: Workload, options: Options, reps: u64, forked: bool) -> Result<Line, String> {
    // tokio's statics must not belong to a node, so a runtime is built first, as the harness does before its first run.
    drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
    if options.follow {
        follow_tasks();
    }
    let (wall, cpu_ns_before) = (Instant::now(), cpu_ns());
    let mut total = Tally::default();
    let mut warm_bytes = 0;
    for rep in 0..reps {
        let options = Options { seed: options.seed.wrapping_add(rep), ..options };
        let tally = if forked { in_child(workload, options)? } else { run(workload, options) };
        total.units += tally.units;
        total.check += tally.check;
        total.events += tally.events;
        total.digest = total.digest.rotate_left(1) ^ tally.digest;
        total.rest_bytes = total.rest_bytes.max(tally.rest_bytes);
        if rep + 1 == RUNS_WARM.min(reps) {
            warm_bytes = rss_bytes();
        }
    }
    let (cpu_ns, wall_ns) = (cpu_ns() - cpu_ns_before, wall.elapsed().as_nanos() as u64);
    let Tally { units, check, events, rest_bytes, digest } = total;
    let (workload, end_bytes) = (workload.name().into(), rss_bytes());
    Ok(Line { workload, reps, cpu_ns, wall_ns, units, check, events, rest_bytes, digest, warm_bytes, end_bytes })
}

fn follow_tasks() {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let look = std::future::poll_fn(|context| {
        assert!(afterlife_sim::follow_tasks(context.waker()), "this program's tasks are followed");
        std::task::Poll::Ready(())
    });
    let _ended = runtime.block_on(async { tokio::spawn(look).await });
}

fn in_child(workload: Workload, options: Options) -> Result<Tally, String> {
    let mut output = Vec::new();
    let mut take = |piece: &[u8]| {
        output.extend_from_slice(piece);
        Ok(())
    };
    let relay = Relay { buffer: &mut [0; 64], take: &mut take };
    let work = || {
        isolate::become_host(options.seed);
        let Tally { units, check, events, rest_bytes, digest } = run(workload, options);
        [units, check, events, rest_bytes, digest].iter().flat_map(|number| number.to_le_bytes()).collect()
    };
    let end = isolate::in_child(BOUNDS, None, work, relay).map_err(|error| format!("no child: {error}"))?;
    if end.how != How::Exited(0) {
        return Err(format!("{} ended {:?}: {:?}", workload.name(), end.how, end.words));
    }
    let (numbers, _) = output.as_chunks();
    let &[units, check, events, rest_bytes, digest] = numbers else {
        return Err("a child reported too few numbers".into());
    };
    let [units, check, events, rest_bytes, digest] = [units, check, events, rest_bytes, digest].map(u64::from_le_bytes);
    Ok(Tally { units, check, events, rest_bytes, digest })
}

/// The user and system time of this process and of its waited-for children.
pub(crate) fn cpu_ns() -> u64 {
    let used = |who| {
        // SAFETY: all zeros is a valid `rusage`, and `getrusage` writes only to the one that it receives.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(who, &mut usage), 0, "a process may always ask for its own usage");
            usage
        };
        let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
        ns(usage.ru_utime) + ns(usage.ru_stime)
    };
    used(libc::RUSAGE_SELF) + used(libc::RUSAGE_CHILDREN)
}

/// The exact resident size of this process; the figure in `status` lags behind by some pages per thread.
pub(crate) fn rss_bytes() -> u64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Rss:")?.strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

/// Pins a program to one processor, the last that this process may use.
pub(crate) fn pin(command: &mut Command) {
    let keep_to_last = || {
        // SAFETY: all zeros is a valid set, and the calls touch nothing but the two sets that they are handed.
        unsafe {
            let (mut allowed, mut one): (libc::cpu_set_t, libc::cpu_set_t) = std::mem::zeroed();
            libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut allowed);
            if let Some(last) = (0..libc::CPU_SETSIZE as usize).rfind(|cpu| libc::CPU_ISSET(*cpu, &allowed)) {
                libc::CPU_SET(last, &mut one);
                libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &one);
            }
        }
        Ok(())
    };
    // SAFETY: what runs between fork and exec makes system calls only.
    unsafe { command.pre_exec(keep_to_last) };
}

/// Starts a program that prints one line.
pub(crate) fn start(command: &mut Command) -> Result<Child, String> {
    // A backtrace would hide the message.
    let command = command.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    child.map_err(|error| format!("it does not start: {error}"))
}

/// Waits for the program and returns its output.
pub(crate) fn text_of(child: Child) -> Result<String, String> {
    let Output { status, stdout, stderr } = child.wait_with_output().map_err(|error| error.to_string())?;
    if !status.success() {
        let stderr = String::from_utf8_lossy(&stderr);
        // The last line except for the hint about backtraces: a panic prints its location first and its message second.
        let message = |line: &&str| !line.trim().is_empty() && !line.starts_with("note:");
        return Err(format!("{} ({status})", stderr.lines().rfind(message).unwrap_or("no word")));
    }
    Ok(String::from_utf8_lossy(&stdout).into_owned())
}

pub(crate) fn line_of(child: Child) -> Result<Line, String> {
    Line::parse(&text_of(child)?)
}
