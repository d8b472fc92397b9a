//! `peer-turmoil`: runs one workload on turmoil and prints its cost as one line of JSON.
//! Judges no figure: the benchmark that starts it compares it with ours.

mod workloads;

use std::process::ExitCode;
use std::time::{Duration, Instant};
use workloads::{Options, Tally, Workload};

const USAGE: &str = "usage: peer-turmoil w1|w2|w3|w4|w5 [--reps N] [--nodes N] [--virtual-s N] [--tick-ms N] \
                     [--seed N] [--latency-curve LAMBDA]";

struct Command {
    workload: Workload,
    reps: u64,
    options: Options,
}

fn main() -> ExitCode {
    let command = match parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(complaint) => {
            eprintln!("{complaint}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Command { workload, reps, options } = command;
    let (wall, cpu_ns_before) = (Instant::now(), cpu_ns());
    let mut total = Tally::default();
    for rep in 0..reps {
        match workloads::run(workload, &Options { seed: options.seed.wrapping_add(rep), ..options }) {
            Ok(tally) => {
                total.units += tally.units;
                total.check += tally.check;
            }
            Err(error) => {
                eprintln!("{} broke off in repetition {rep}: {error}", workload.name());
                return ExitCode::FAILURE;
            }
        }
    }
    let (cpu_ns, wall_ns) = (cpu_ns() - cpu_ns_before, wall.elapsed().as_nanos());
    let (workload, Tally { units, check }) = (workload.name(), total);
    println!(
        "{{\"peer\":\"turmoil\",\"workload\":\"{workload}\",\"reps\":{reps},\"cpu_ns\":{cpu_ns},\
         \"wall_ns\":{wall_ns},\"units\":{units},\"check\":{check}}}"
    );
    ExitCode::SUCCESS
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Command, String> {
    let name = args.next().ok_or("no workload given")?;
    let workload = Workload::named(&name).ok_or(format!("there is no workload {name}"))?;
    let (mut reps, mut options) = (1, workload.defaults());
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(format!("{flag} needs a value"))?;
        match flag.as_str() {
            "--reps" => reps = number(&flag, &value)?,
            "--nodes" => options.nodes = number(&flag, &value)?,
            "--virtual-s" => options.virtual_s = number(&flag, &value)?,
            "--tick-ms" => options.tick = Duration::from_millis(number(&flag, &value)?),
            "--seed" => options.seed = number(&flag, &value)?,
            "--latency-curve" => options.latency_curve = Some(number(&flag, &value)?),
            _ => return Err(format!("there is no option {flag}")),
        }
    }
    if options.nodes < workload.nodes_min() {
        return Err(format!("{name} needs at least {} nodes", workload.nodes_min()));
    }
    if options.tick.is_zero() {
        return Err("a tick of 0 ms never ends".into());
    }
    if options.latency_curve.is_some_and(|lambda| lambda.is_nan() || lambda <= 0.0) {
        return Err("--latency-curve must be above 0".into());
    }
    Ok(Command { workload, reps, options })
}

fn number<T: std::str::FromStr>(flag: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{flag} needs a number, not {value}"))
}

/// The user and system time of all threads of this process so far.
fn cpu_ns() -> u64 {
    // SAFETY: all zeros is a valid `rusage`, and `getrusage` writes only to the one that it receives.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0, "a process may always ask for its own usage");
        usage
    };
    [usage.ru_utime, usage.ru_stime].iter().map(|t| t.tv_sec as u64 * 1_000_000_000 + t.tv_usec as u64 * 1_000).sum()
}
