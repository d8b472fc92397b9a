//! The memory of a campaign's processes stays constant however many runs it makes.
//! A run's own allocations end with its process.

use crate::harness::{Module, command, scenarios, trials};
use afterlife::Sim;
use std::io::Read;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) fn module() -> Module {
    let scenarios = scenarios![a_small_run, a_run_that_leaks];
    Module::new(
        scenarios,
        trials![
            thousands_of_runs_need_no_more_memory_than_hundreds,
            the_memory_that_a_run_leaks_is_freed_with_its_process
        ],
    )
}

fn a_small_run(sim: &mut Sim) {
    sim.client_main("client", |_| {
        std::thread::sleep(Duration::from_secs(1));
        0
    });
    sim.sometimes("it ends", |view| view.exits() > 0);
}

fn a_run_that_leaks(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let leaked = vec![1_u8; 8 << 20].leak();
        i32::from(leaked.first() != Some(&1))
    });
}

/// Resident kilobytes of a process; `None` once it has gone.
fn resident_kb(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The children of a process, a campaign's runners among them.
fn children(process: u32) -> Vec<u32> {
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    threads
        .filter_map(of_thread)
        .flat_map(|line| line.split(' ').filter_map(|field| field.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// The start time of a process, in ticks since boot. Process ids wrap around, so the oldest process may have a high one.
fn began(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name may contain blanks. The state, which follows it, is field 3 of `stat`; the start time is field 22.
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The largest resident sizes, in kilobytes, of the campaign and of its runner in each half of this many runs.
fn halves(scenario: &str, runs: u64) -> [[u64; 2]; 2] {
    let mut command = command(&["run", scenario, "--seeds", &runs.to_string(), "--jobs", "1", "--report", "json"]);
    let begun = Instant::now();
    let mut campaign = command.stdout(Stdio::piped()).spawn().expect("this executable can be started again");
    let id = campaign.id();
    let over = AtomicBool::new(false);
    let mut samples = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Drains the output; other tests check it.
            let _ = campaign.stdout.take().map(|mut out| out.read_to_end(&mut Vec::new()));
            over.store(true, Ordering::Relaxed);
        });
        while !over.load(Ordering::Relaxed) {
            // The oldest child is the runner: now and then a run is repeated in a fresh process.
            let runner = children(id)
                .into_iter()
                .min_by_key(|child| (began(*child).unwrap_or(u64::MAX), *child))
                .and_then(resident_kb);
            samples.extend(resident_kb(id).zip(runner).map(|(campaign, runner)| [campaign, runner]));
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert!(campaign.wait().is_ok_and(|status| status.success()));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(samples.len() > 40, "{} samples", samples.len());
    let most = |samples: &[[u64; 2]]| [0, 1].map(|which| samples.iter().map(|sample| sample[which]).max().unwrap_or(0));
    // Allocations that each process makes once happen in the first tenth of the runs.
    let (before, after) = samples.split_at(samples.len() / 2);
    [most(&before[before.len() / 5..]), most(after)]
}

fn thousands_of_runs_need_no_more_memory_than_hundreds() {
    let [first, second] = halves("a_small_run", 3_000);
    for (process, (before, after)) in ["the campaign", "its runner"].into_iter().zip(first.into_iter().zip(second)) {
        assert!(after <= before + 512, "{process} grows from {before} kB to {after} kB");
        assert!(after < 64 * 1024, "{process} takes {after} kB");
    }
}

fn the_memory_that_a_run_leaks_is_freed_with_its_process() {
    let [first, second] = halves("a_run_that_leaks", 400);
    for (before, after) in first.into_iter().zip(second) {
        assert!(after <= before + 512, "from {before} kB to {after} kB");
    }
}
