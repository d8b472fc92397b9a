//! The benchmark against the peers: ours, turmoil and madsim on the same workloads, interleaved, as one table.
//! A benchmark and no test: a missed target is printed and fails nothing; a peer that cannot be built is skipped.

#[path = "peers/cost.rs"]
mod cost;
#[path = "peers/figures.rs"]
mod figures;
#[path = "peers/ours.rs"]
mod ours;
#[path = "peers/table.rs"]
mod table;

use cost::{line_of, pin, start};
use ours::{SCENARIO, Workload};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use table::{Row, Target};

const USAGE: &str = "\
usage: cargo bench -p afterlife --bench peers [-- --quick]
           [-- --ours w1|w2|w3|w4|w5 [--reps N] [--nodes N] [--virtual-s N] [--seed N]
                                     [--record 0|1] [--claims 0|1] [--forked 0|1] [--weigh 0|1] [--follow 0|1]]
           [-- run w3 [...]]          the harness's own command line";

const ROUNDS: usize = 5;
const ROUNDS_QUICK: usize = 2;
pub(crate) const CONTENDERS: [&str; 3] = ["ours", "turmoil", "madsim"];
pub(crate) const OURS: usize = 0;
pub(crate) const TURMOIL: usize = 1;
pub(crate) const MADSIM: usize = 2;

const W4_FEW: &str = "w4 10 nodes, beat";
const ROWS: &[Row] = &[
    Row {
        label: "w1 5 nodes, run",
        args: &["w1", "--nodes", "5"],
        args_ours: &[],
        args_turmoil: &[],
        per: 5,
        reps: [500, 2_000, 2_000],
        targets: &[Target::Ns(300_000.0)],
    },
    Row {
        label: "w1 in process, run",
        args: &["w1", "--nodes", "5"],
        args_ours: &["--forked", "0"],
        args_turmoil: &[],
        per: 5,
        reps: [300, 0, 2_000],
        targets: &[Target::Ns(100_000.0)],
    },
    Row {
        label: "w1 50 nodes, run",
        args: &["w1", "--nodes", "50"],
        args_ours: &[],
        args_turmoil: &[],
        per: 50,
        reps: [50, 200, 500],
        targets: &[],
    },
    Row {
        label: "w2 8 nodes, pair",
        args: &["w2"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        reps: [20, 3, 20],
        targets: &[Target::Madsim(0.6), Target::Turmoil(0.12)],
    },
    Row {
        // turmoil draws from a clipped exponential distribution. With its default curve the mean latency is 2.3 ms; this one gives
        // 5.5 ms, as in ours and madsim's.
        label: "w2 same mean latency",
        args: &["w2"],
        args_ours: &[],
        args_turmoil: &["--latency-curve", "1.388"],
        per: 1,
        reps: [20, 2, 20],
        targets: &[],
    },
    Row {
        label: "w3 8 nodes, beat",
        args: &["w3"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        reps: [3, 1, 3],
        targets: &[Target::Madsim(1.0), Target::Turmoil(0.01)],
    },
    Row {
        label: W4_FEW,
        args: &["w4", "--nodes", "10"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        reps: [10, 1, 10],
        targets: &[],
    },
    Row {
        label: "w4 100 nodes, beat",
        args: &["w4", "--nodes", "100"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        reps: [2, 0, 2],
        targets: &[],
    },
    Row {
        label: "w4 1000 nodes, beat",
        args: &["w4", "--nodes", "1000"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        // turmoil's cost grows with the square of the nodes: minutes for the row above, at least hours for this one.
        reps: [1, 0, 1],
        targets: &[Target::Madsim(1.0), Target::Row(2.0, W4_FEW)],
    },
    Row {
        label: "w5 8 nodes, restart",
        args: &["w5"],
        args_ours: &[],
        args_turmoil: &[],
        per: 1,
        reps: [10, 1, 10],
        targets: &[Target::Madsim(1.5)],
    },
];

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let words = args.len();
    args.retain(|arg| arg != "--bench");
    let asked_by_cargo_bench = args.len() < words;
    let outcome = match args.split_first() {
        // A runner process of the harness has no arguments; an environment variable marks it.
        Some((first, _)) if first == "run" => return afterlife::main(&[SCENARIO]),
        None if std::env::var_os("AFTERLIFE_RUNNER").is_some() => return afterlife::main(&[SCENARIO]),
        Some((first, rest)) if first == "--ours" => run_ours(rest),
        None if asked_by_cargo_bench => compare(ROUNDS),
        // `cargo test --all-targets` also starts benchmarks, which must then end at once.
        None => {
            println!("{USAGE}");
            Ok(())
        }
        Some((first, [])) if first == "--quick" => compare(ROUNDS_QUICK),
        Some((first, _)) => Err(format!("there is no option {first}\n{USAGE}")),
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
    afterlife_sim::isolate::fix_addresses()?;
    let (name, flags) = args.split_first().ok_or(format!("--ours needs a workload\n{USAGE}"))?;
    let workload = Workload::named(name).ok_or(format!("there is no workload {name}\n{USAGE}"))?;
    let (mut options, mut reps, mut forked) = (workload.defaults(), 1, true);
    for pair in flags.chunks(2) {
        let [flag, value] = pair else { return Err(format!("{} needs a value", pair[0])) };
        let number: u64 = value.parse().map_err(|_| format!("{flag} needs a number, not {value}"))?;
        match flag.as_str() {
            "--reps" => reps = number,
            "--nodes" => options.nodes = number as usize,
            "--virtual-s" => options.virtual_s = number,
            "--seed" => options.seed = number,
            "--record" => options.record = number != 0,
            "--follow" => options.follow = number != 0,
            "--claims" => options.claims = number != 0,
            "--weigh" => options.weigh = number != 0,
            "--forked" => forked = number != 0,
            _ => return Err(format!("there is no option {flag}\n{USAGE}")),
        }
    }
    println!("{}", cost::ours(workload, options, reps, forked)?.to_json());
    Ok(())
}

fn compare(rounds: usize) -> Result<(), String> {
    let us = std::env::current_exe().map_err(|error| format!("this benchmark cannot find itself: {error}"))?;
    let mut programs = [Some(us.clone()), None, None];
    for contender in [TURMOIL, MADSIM] {
        match build(CONTENDERS[contender]) {
            Ok(program) => programs[contender] = Some(program),
            Err(why) => println!("without {}: {why}", CONTENDERS[contender]),
        }
    }
    let measured: Vec<_> = ROWS.iter().map(|row| (row, measure(row, &programs, rounds))).collect();
    table::print(&measured, rounds);
    figures::print(&us, rounds);
    Ok(())
}

/// The target directory for the peers.
fn target() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(beside, PathBuf::from).join("peers")
}

/// Builds a peer in its own folder, where its `.cargo/config.toml` applies. Returns the path of the program.
fn build(peer: &str) -> Result<PathBuf, String> {
    let target = target().join(peer);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or(OsString::from("cargo")));
    cargo.current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches").join("peers").join(peer));
    cargo.args(["build", "--release", "--locked", "--quiet", "--target-dir"]).arg(&target);
    // Flags from the environment would replace those of the configuration file, madsim's among them, and another target would
    // put the program elsewhere.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(variable);
    }
    let built = cargo.output().map_err(|error| format!("cargo does not start: {error}"))?;
    if !built.status.success() {
        let stderr = String::from_utf8_lossy(&built.stderr);
        let error = stderr.lines().find(|line| line.starts_with("error")).unwrap_or("cargo gave no reason");
        return Err(format!("it cannot be built ({error})"));
    }
    Ok(target.join("release").join(format!("peer-{peer}")))
}

/// The median cost of each contender, in nanoseconds. Each round runs all of them in turn, so that a change in the machine's
/// speed affects all. A contender that fails once is skipped for the rest of the row.
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
                command.arg("--ours").args(row.args).args(row.args_ours);
            } else {
                command.args(row.args);
            }
            if contender == TURMOIL {
                command.args(row.args_turmoil);
            }
            command.arg("--reps").arg(row.reps[contender].to_string());
            pin(&mut command);
            match start(&mut command).and_then(line_of) {
                Ok(line) => costs[contender].push(line.ns_per_unit() * row.per as f64),
                Err(why) => {
                    println!("without {} in {}: {why}", CONTENDERS[contender], row.label);
                    out[contender] = true;
                }
            }
        }
    }
    [0, 1, 2].map(|contender| if out[contender] { None } else { median(&mut costs[contender]) })
}

pub(crate) fn median(costs: &mut [f64]) -> Option<f64> {
    costs.sort_by(f64::total_cmp);
    let (low, high) = (costs.get(costs.len().checked_sub(1)? / 2)?, costs.get(costs.len() / 2)?);
    Some((low + high) / 2.0)
}
