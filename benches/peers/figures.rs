//! Figures without a counterpart in the peers: rates, ratios between our own variants, memory.
//! Each is measured by starting this program again; one that fails is reported and skipped.

use crate::cost::{Line, line_of, pin, start, text_of};
use crate::table::{WIDTH, met};
use crate::{median, target};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const MIB: f64 = 1_048_576.0;
const NODES_AT_REST: f64 = 1_000.0;

/// A figure as it is shown; true if its target is met.
struct Figure(String, Option<bool>);

pub(crate) fn print(us: &Path, rounds: usize) {
    println!("\n{:<46}  {:<26}  {:<19}  met", "and of ours alone", "", "target");
    println!("{}", "-".repeat(WIDTH));
    let w3 = "w3 --reps 2";
    report("events a second and core, w2", "≥ 1 M", events(us, "w2 --reps 20", rounds));
    report("events a second and core, w3", "≥ 1 M", events(us, w3, rounds));
    report("claims, against without, w3", "≤ 1.25", against(us, w3, ["--claims 1", "--claims 0"], rounds, 1.25));
    let both = ["--record 1 --claims 1", "--record 0 --claims 0"];
    report("record and claims, against without, w3", "≤ 1.25", against(us, w3, both, rounds, 1.25));
    report("record and claims, against without, w2", "≤ 1.25", against(us, "w2 --reps 20", both, rounds, 1.25));
    report("by the harness, against by hand, w3", "≤ 1.25", harness(us, rounds));
    report("two jobs on two processors over one, w3", "≥ 1.9", two_jobs(us, rounds));
    report("memory of a node at rest", "≤ 1 MiB", at_rest(us));
    report("memory of a runner, 200 runs and 20 000", "flat", flat(us));
}

fn report(label: &str, target: &str, figure: Result<Figure, String>) {
    let (shown, is_met) = match figure {
        Ok(Figure(shown, is_met)) => (shown, is_met),
        Err(why) => {
            println!("without {label}: {why}");
            ("-".to_owned(), None)
        }
    };
    println!("{label:<46}  {shown:<26}  {target:<19}  {}", met(is_met));
}

fn command(us: &Path, args: &str) -> Command {
    let mut command = Command::new(us);
    command.arg("--ours").args(args.split(' '));
    command
}

fn pinned(us: &Path, args: &str) -> Result<Line, String> {
    let mut command = command(us, args);
    pin(&mut command);
    start(&mut command).and_then(line_of)
}

/// The median measurement over some rounds.
fn median_of(rounds: usize, mut round: impl FnMut() -> Result<f64, String>) -> Result<f64, String> {
    let mut values = (0..rounds).map(|_| round()).collect::<Result<Vec<_>, _>>()?;
    median(&mut values).ok_or("no rounds".into())
}

fn events(us: &Path, args: &str, rounds: usize) -> Result<Figure, String> {
    let ns = median_of(rounds, || Ok(pinned(us, args)?.ns_per_event()))?;
    Ok(Figure(format!("{:.2} M", 1e3 / ns), Some(ns <= 1e3)))
}

/// The median ratio between the costs of two variants, each pair measured back to back.
fn against(us: &Path, args: &str, ways: [&str; 2], rounds: usize, bound: f64) -> Result<Figure, String> {
    let cost = |way: &str| Ok::<_, String>(pinned(us, &format!("{args} {way}"))?.ns_per_unit());
    let ratio = median_of(rounds, || Ok(cost(ways[0])? / cost(ways[1])?))?;
    Ok(Figure(format!("{ratio:.3}"), Some(ratio <= bound)))
}

/// The events per second of a campaign of the harness with all its invariants, from its summary.
fn harness(us: &Path, rounds: usize) -> Result<Figure, String> {
    let ratio = median_of(rounds, || {
        let mut campaign = Command::new(us);
        campaign.args(["run", "w3", "--seeds", "0..2", "--jobs", "1", "--report", "json", "--out"]).arg(target());
        pin(&mut campaign);
        let text = start(&mut campaign).and_then(text_of)?;
        let summary: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
            .map_err(|error| format!("{error} in {text:?}"))?;
        let number = |key: &str| summary[key].as_f64().ok_or(format!("no {key} in {text:?}"));
        Ok(number("cpu_ns")? / number("events")? / pinned(us, "w3 --reps 2 --claims 0")?.ns_per_event())
    })?;
    Ok(Figure(format!("{ratio:.3}"), Some(ratio <= 1.25)))
}

/// The speed-up of two processes over one: by wall clock time, which counts, and by processor time, which excludes other
/// work of the machine.
fn two_jobs(us: &Path, rounds: usize) -> Result<Figure, String> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Err("this machine has one processor".into());
    }
    let job = || start(&mut command(us, "w3 --reps 4"));
    let (mut by_wall, mut by_cpu) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let alone = job().and_then(line_of)?;
        let [first, second] = [job()?, job()?].map(line_of);
        let (first, second) = (first?, second?);
        by_wall.push(2.0 * alone.wall_ns as f64 / first.wall_ns.max(second.wall_ns) as f64);
        by_cpu.push(2.0 * alone.cpu_ns as f64 / first.cpu_ns.max(second.cpu_ns) as f64);
    }
    let (Some(wall), Some(cpu)) = (median(&mut by_wall), median(&mut by_cpu)) else { return Err("no rounds".into()) };
    Ok(Figure(format!("{wall:.2}; by CPU time {cpu:.2}"), Some(wall >= 1.9)))
}

fn at_rest(us: &Path) -> Result<Figure, String> {
    let line = pinned(us, &format!("w1 --nodes {NODES_AT_REST} --weigh 1"))?;
    let bytes = line.rest_bytes as f64 / NODES_AT_REST;
    Ok(Figure(format!("{:.0} KiB", bytes / 1024.0), Some(bytes > 0.0 && bytes <= MIB)))
}

/// One page may come and go. A leak per run would be larger after this many runs.
fn flat(us: &Path) -> Result<Figure, String> {
    const PAGE: u64 = 4096;
    let line = pinned(us, "w1 --reps 20000")?;
    let (warm, end) = (line.warm_bytes, line.end_bytes);
    Ok(Figure(format!("{} KiB, {} KiB", warm / 1024, end / 1024), Some(warm > 0 && end <= warm + PAGE)))
}
