//! The benchmark against the peers: ours, turmoil and madsim on the same workloads, interleaved, as one table.
//! It is no test: a missed target is printed, not failed, and a peer that cannot be built is left out.

#[path = "peers/ours.rs"]
mod ours;

use afterlife_sim::isolate;
use ours::Workload;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 2;
const CONTENDERS: [&str; 3] = ["ours", "turmoil", "madsim"];
const OURS: usize = 0;
const TURMOIL: usize = 1;
const MADSIM: usize = 2;

/// One workload as the table shows it, and how often each contender repeats it inside one process: enough for the
/// clock, few enough for patience. No repetitions means that this contender sits the row out.
struct Row {
    label: &'static str,
    args: &'static [&'static str],
    reps: [u64; 3],
    targets: &'static [Target],
}

/// A bound on our cost per unit.
enum Target {
    Ns(f64),
    Madsim(f64),
    Turmoil(f64),
    /// Times our own cost in the row with this label.
    Row(f64, &'static str),
}

const W4_FEW: &str = "w4 10 nodes, beat";
const ROWS: &[Row] = &[
    Row {
        label: "w1 5 nodes, node",
        args: &["w1", "--nodes", "5"],
        reps: [2_000, 2_000, 2_000],
        // 100 µs a run of five nodes.
        targets: &[Target::Ns(20_000.0)],
    },
    Row {
        label: "w2 8 nodes, pair",
        args: &["w2"],
        reps: [20, 3, 20],
        targets: &[Target::Madsim(0.6), Target::Turmoil(0.12)],
    },
    Row {
        label: "w3 8 nodes, beat",
        args: &["w3"],
        reps: [3, 1, 3],
        targets: &[Target::Madsim(1.0), Target::Turmoil(0.01)],
    },
    Row { label: W4_FEW, args: &["w4", "--nodes", "10"], reps: [10, 1, 10], targets: &[] },
    Row { label: "w4 100 nodes, beat", args: &["w4", "--nodes", "100"], reps: [2, 0, 2], targets: &[] },
    Row {
        label: "w4 1000 nodes, beat",
        args: &["w4", "--nodes", "1000"],
        // turmoil's cost grows with the square of the nodes: minutes for the row above, hours at least for this one.
        reps: [1, 0, 1],
        targets: &[Target::Madsim(1.0), Target::Row(2.0, W4_FEW)],
    },
    Row { label: "w5 8 nodes, restart", args: &["w5"], reps: [10, 1, 10], targets: &[Target::Madsim(1.5)] },
];

/// What one process reports: the line that ours and the peers' programs print alike.
struct Line {
    workload: String,
    reps: u64,
    cpu_ns: u64,
    wall_ns: u64,
    units: u64,
    check: u64,
}

impl Line {
    fn to_json(&self) -> Value {
        json!({
            "peer": "afterlife", "workload": self.workload, "reps": self.reps, "cpu_ns": self.cpu_ns,
            "wall_ns": self.wall_ns, "units": self.units, "check": self.check,
        })
    }

    fn parse(text: &str) -> Result<Line, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("{error} in {text:?}"))?;
        let number = |key: &str| json[key].as_u64().ok_or(format!("no {key} in {text:?}"));
        Ok(Line {
            workload: json["workload"].as_str().unwrap_or_default().into(),
            reps: number("reps")?,
            cpu_ns: number("cpu_ns")?,
            wall_ns: number("wall_ns")?,
            units: number("units")?,
            check: number("check")?,
        })
    }

    /// A run whose work did not arrive is fast for the wrong reason. What is in flight at the end may be missing.
    fn cost_ns(&self) -> Result<f64, String> {
        if self.units == 0 || self.check * 100 < self.units * 99 {
            return Err(format!("{}: {} of {} units came through", self.workload, self.check, self.units));
        }
        Ok(self.cpu_ns as f64 / self.units as f64)
    }
}

#[derive(Default)]
struct Opts {
    reps: u64,
    nodes: Option<usize>,
    virtual_s: Option<u64>,
    seed: u64,
    record: bool,
    claims: bool,
    forked: bool,
}

/// Runs one of our workloads `opts.reps` times in this process, or in processes forked from it, and takes the CPU time
/// of all of them.
fn ours(workload: &str, opts: &Opts) -> Line {
    isolate::fix_addresses().unwrap();
    drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
    afterlife_sim::set_task_source(|| tokio::task::try_id().map_or(0, |id| id.to_string().parse().unwrap_or(0)));
    let workload = Workload::named(workload).unwrap();
    let mut options = workload.defaults();
    options.nodes = opts.nodes.unwrap_or(options.nodes);
    options.virtual_s = opts.virtual_s.unwrap_or(options.virtual_s);
    options.record = opts.record;
    options.claims = opts.claims;
    let (wall, cpu) = (std::time::Instant::now(), cpu_ns());
    let mut total = ours::Tally::default();
    for rep in 0..opts.reps {
        let options = ours::Options { seed: opts.seed + rep, ..options };
        let tally = if opts.forked {
            let end = isolate::in_child(std::time::Duration::from_secs(60), || {
                isolate::become_host(options.seed);
                let t = ours::run(workload, options);
                [t.units, t.check, t.events, t.virtual_ns].iter().flat_map(|n| n.to_le_bytes()).collect()
            })
            .unwrap();
            let at = |i: usize| u64::from_le_bytes(end.output[8 * i..8 * i + 8].try_into().unwrap());
            ours::Tally { units: at(0), check: at(1), events: at(2), virtual_ns: at(3) }
        } else {
            ours::run(workload, options)
        };
        total.units += tally.units;
        total.check += tally.check;
        total.events += tally.events;
    }
    let cpu_ns = cpu_ns() - cpu;
    eprintln!(
        "events {} -> {:.2} M/s; {:.1} us/run",
        total.events,
        total.events as f64 / cpu_ns as f64 * 1e3,
        cpu_ns as f64 / 1e3 / opts.reps as f64
    );
    Line {
        workload: workload.name().into(),
        reps: opts.reps,
        cpu_ns,
        wall_ns: wall.elapsed().as_nanos() as u64,
        units: total.units,
        check: total.check,
    }
}

fn cpu_ns() -> u64 {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN]
        .into_iter()
        .map(|who| {
            // SAFETY: all zeros is a valid `rusage`, and the call writes to nothing but the one it is handed.
            let usage = unsafe {
                let mut usage: libc::rusage = std::mem::zeroed();
                libc::getrusage(who, &mut usage);
                usage
            };
            [usage.ru_utime, usage.ru_stime]
                .iter()
                .map(|t| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000)
                .sum::<u64>()
        })
        .sum()
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let outcome = match args.split_first() {
        Some((first, rest)) if first == "--ours" => run_ours(rest),
        None => compare(ROUNDS),
        Some((first, [])) if first == "--quick" => compare(ROUNDS_QUICK),
        Some((first, _)) => Err(format!("there is no option {first}; there are --quick and --ours WORKLOAD [...]")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => {
            eprintln!("{complaint}");
            ExitCode::from(2)
        }
    }
}

fn run_ours(args: &[String]) -> Result<(), String> {
    let (workload, flags) = args.split_first().ok_or("--ours needs a workload")?;
    let mut opts = Opts { reps: 1, seed: 1, claims: true, forked: true, ..Opts::default() };
    for pair in flags.chunks(2) {
        let [flag, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        let number: u64 = value.parse().map_err(|_| format!("{flag} needs a number, not {value}"))?;
        match flag.as_str() {
            "--reps" => opts.reps = number,
            "--nodes" => opts.nodes = Some(number as usize),
            "--virtual-s" => opts.virtual_s = Some(number),
            "--seed" => opts.seed = number,
            "--record" => opts.record = number > 0,
            "--claims" => opts.claims = number > 0,
            "--forked" => opts.forked = number > 0,
            _ => return Err(format!("there is no option {flag}")),
        }
    }
    println!("{}", ours(workload, &opts).to_json());
    Ok(())
}

fn compare(rounds: usize) -> Result<(), String> {
    let us = std::env::current_exe().map_err(|error| format!("this benchmark cannot find itself: {error}"))?;
    let mut programs = [Some(us), None, None];
    for contender in [TURMOIL, MADSIM] {
        match build(CONTENDERS[contender]) {
            Ok(program) => programs[contender] = Some(program),
            Err(why) => println!("without {}: {why}", CONTENDERS[contender]),
        }
    }
    let mut table: Vec<(&Row, [Option<f64>; 3])> = Vec::new();
    for row in ROWS {
        table.push((row, measure(row, &programs, rounds)));
    }
    print_table(&table, rounds);
    Ok(())
}

/// Builds a peer inside its own folder, where its `.cargo/config.toml` counts, and says where the program lies.
fn build(peer: &str) -> Result<PathBuf, String> {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into()));
    let target = root.join("target").join("peers").join(peer);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or(OsString::from("cargo")));
    cargo.current_dir(root.join("benches").join("peers").join(peer));
    cargo.args(["build", "--release", "--locked", "--quiet", "--target-dir"]).arg(&target);
    // Flags from the environment replace those of the configuration file, and with them madsim's; another target
    // would put the program elsewhere.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    let built = cargo.output().map_err(|error| format!("cargo does not start: {error}"))?;
    if !built.status.success() {
        let stderr = String::from_utf8_lossy(&built.stderr);
        let error = stderr.lines().find(|line| line.starts_with("error")).unwrap_or("cargo gave no reason");
        return Err(format!("it cannot be built ({error})"));
    }
    Ok(target.join("release").join(format!("peer-{peer}{}", std::env::consts::EXE_SUFFIX)))
}

/// The median cost of each contender. Each round runs all of them in turn, so that a machine that grows slower or
/// faster does so for all. Whoever fails once sits out the rest of the row.
fn measure(row: &Row, programs: &[Option<PathBuf>; 3], rounds: usize) -> [Option<f64>; 3] {
    let mut costs = [const { Vec::new() }; 3];
    let mut out = [false; 3];
    for _ in 0..rounds {
        for (contender, program) in programs.iter().enumerate() {
            let Some(program) = program else { continue };
            if out[contender] || row.reps[contender] == 0 {
                continue;
            }
            let mut command = Command::new(program);
            if contender == OURS {
                command.arg("--ours");
            }
            command.args(row.args).arg("--reps").arg(row.reps[contender].to_string());
            match cost_of(&mut command) {
                Ok(cost) => costs[contender].push(cost),
                Err(why) => {
                    println!("without {} in {}: {why}", CONTENDERS[contender], row.label);
                    out[contender] = true;
                }
            }
        }
    }
    [0, 1, 2].map(|contender| if out[contender] { None } else { median(&mut costs[contender]) })
}

fn cost_of(command: &mut Command) -> Result<f64, String> {
    // A backtrace would stand where the message is looked for.
    let done = command.env("RUST_BACKTRACE", "0").output().map_err(|error| format!("it does not start: {error}"))?;
    if !done.status.success() {
        let stderr = String::from_utf8_lossy(&done.stderr);
        // The last line but the hint at backtraces: a panic has its place first and its message second.
        let message = |line: &&str| !line.trim().is_empty() && !line.starts_with("note:");
        return Err(format!("{} ({})", stderr.lines().rfind(message).unwrap_or("no word"), done.status));
    }
    Line::parse(&String::from_utf8_lossy(&done.stdout))?.cost_ns()
}

fn median(costs: &mut [f64]) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    let (low, high) = (costs.get(costs.len().checked_sub(1)? / 2)?, costs.get(costs.len() / 2)?);
    Some((low + high) / 2.0)
}

fn print_table(table: &[(&Row, [Option<f64>; 3])], rounds: usize) {
    println!("CPU time per unit (the last word of each workload), median of {rounds} processes each, interleaved\n");
    line(&["", "", "turmoil", "", "ours /", "ours /", "", ""]);
    line(&["workload", "ours", "1 ms tick", "madsim", "madsim", "turmoil", "target", "met?"]);
    println!("{}", "-".repeat(100));
    for (row, costs) in table {
        let [ours, turmoil, madsim] = *costs;
        let times = |peer| ratio(ours, peer).map_or("-".into(), |ratio| format!("{ratio:.3}"));
        let shown = [show_ns(ours), show_ns(turmoil), show_ns(madsim), times(madsim), times(turmoil)];
        let mut cells = [&[row.label.to_string()], &shown[..]].concat();
        let verdicts: Vec<(String, &str)> = row.targets.iter().map(|target| judge(target, costs, table)).collect();
        for (target, met) in if verdicts.is_empty() { vec![("-".into(), "-")] } else { verdicts } {
            cells.extend([target, met.into()]);
            line(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            // A further target has a line of its own, under the first one's.
            cells = vec![String::new(); 6];
        }
    }
}

/// 100 columns: 20 + 7 × 2 between + 10 + 10 + 10 + 8 + 8 + 16 + 4.
fn line(cells: &[&str]) {
    let [workload, ours, turmoil, madsim, by_madsim, by_turmoil, target, met] = cells else {
        panic!("a line of the table has eight cells, not {}", cells.len());
    };
    let figures = format!("{workload:<20}  {ours:>10}  {turmoil:>10}  {madsim:>10}  {by_madsim:>8}  {by_turmoil:>8}");
    println!("{}", format!("{figures}  {target:<16}  {met:<4}").trim_end());
}

fn judge(target: &Target, costs: &[Option<f64>; 3], table: &[(&Row, [Option<f64>; 3])]) -> (String, &'static str) {
    let (bound, text) = match target {
        Target::Ns(ns) => (Some(*ns), format!("≤ {}", show_ns(Some(*ns)))),
        Target::Madsim(times) => (costs[MADSIM].map(|cost| cost * times), format!("≤ {times} madsim")),
        Target::Turmoil(times) => (costs[TURMOIL].map(|cost| cost * times), format!("≤ {times} turmoil")),
        Target::Row(times, label) => {
            let cost = table.iter().find(|(row, _)| row.label == *label).and_then(|(_, costs)| costs[OURS]);
            (cost.map(|cost| cost * times), format!("≤ {times} at 10 nodes"))
        }
    };
    let met = match (costs[OURS], bound) {
        (Some(cost), Some(bound)) if cost <= bound => "yes",
        (Some(_), Some(_)) => "no",
        _ => "-",
    };
    (text, met)
}

fn ratio(ours: Option<f64>, peer: Option<f64>) -> Option<f64> {
    Some(ours? / peer?)
}

fn show_ns(ns: Option<f64>) -> String {
    match ns {
        None => "-".into(),
        Some(ns) if ns < 10_000.0 => format!("{ns:.0} ns"),
        Some(ns) if ns < 10_000_000.0 => format!("{:.1} µs", ns / 1e3),
        Some(ns) => format!("{:.1} ms", ns / 1e6),
    }
}
