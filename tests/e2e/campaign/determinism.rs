//! One seed is one run, in every process, under any load and environment, with either kind of context switch.
//! Two seeds are two different runs. The content of a run is tested elsewhere.

use crate::harness::{Module, cli, command, output_of, scenarios, trials};
use afterlife::{Faults, Sim};
use rand::RngExt;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let scenarios = scenarios![everything_at_once, the_real_time, context_switches];
    let trials = trials![
        two_processes_run_a_seed_identically,
        two_runner_processes_run_seeds_as_one_does,
        the_environment_and_the_folder_make_no_difference,
        a_longer_path_to_the_program_makes_no_difference,
        a_busy_machine_makes_no_difference,
        futex_and_user_space_context_switches_give_the_same_run,
        earlier_runs_make_no_difference,
        check_finds_every_pair_identical,
        two_seeds_are_two_different_runs,
        a_run_that_reads_the_real_clock_is_reported_with_its_call_site,
    ];
    Module::new(scenarios, trials)
}

/// Threads, locks, hash maps, random numbers, sockets, files, timers and faults. Every seed ends in a finding, which has the
/// run's digest.
fn everything_at_once(sim: &mut Sim) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let servers = sim.nodes("server", 2, |node| async move {
        let listener = tokio::net::TcpListener::bind("0.0.0.0:7000").await?;
        let mut rng = node.rng();
        #[allow(clippy::disallowed_types, reason = "its order comes from the entropy call, which this test is about")]
        let seen = std::sync::Arc::new(tokio::sync::Mutex::new(std::collections::HashMap::<u64, u64>::new()));
        let _ = tokio::fs::create_dir("/data").await;
        loop {
            let (mut stream, _) = listener.accept().await?;
            let (seen, pause) = (seen.clone(), rng.random_range(1..20));
            tokio::spawn(async move {
                while let Ok(number) = stream.read_u64().await {
                    let key = number ^ rand_bytes();
                    let mut seen = seen.lock().await;
                    *seen.entry(key % 64).or_default() += 1;
                    let order = seen.iter().fold(0, |order: u64, (key, count)| order.wrapping_mul(31) + key * count);
                    let written = tokio::task::spawn_blocking(move || {
                        std::thread::sleep(Duration::from_micros(order % 500));
                        std::fs::write(format!("/data/{}", key % 8), order.to_string())
                    });
                    written.await.expect("it does not panic").expect("the disk works");
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    drop(seen);
                    if stream.write_u64(order).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    sim.workers(servers, 3);
    let over = sim.ledger::<u64>("over");
    for index in 0..2 {
        let client = sim.client(&format!("client-{index}"), move |node| async move {
            let mut rng = node.rng();
            let mut last = 0;
            for _ in 0..40 {
                let to = format!("server-{}:7000", rng.random_range(0..2));
                let asked = async {
                    let mut stream = tokio::net::TcpStream::connect(to).await?;
                    stream.write_u64(rng.random()).await?;
                    stream.read_u64().await
                };
                if let Ok(Ok(answer)) = tokio::time::timeout(Duration::from_secs(1), asked).await {
                    last = answer;
                }
                tokio::time::sleep(Duration::from_millis(rng.random_range(1..300))).await;
            }
            println!("{last} {:?}", std::thread::current().id());
            over.note(last);
            Ok(())
        });
        sim.workers(client, 3);
    }
    sim.faults(
        servers,
        Faults::lifecycle()
            .power_losses()
            .partitions()
            .starting_at(Duration::from_secs(1))
            .quiet_after(Duration::from_secs(5)),
    );
    let name: u64 = sim.rng().random();
    sim.always(&format!("run {name:016x} goes on"), move |_| over.len() < 2);
}

fn rand_bytes() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Reads the processor's own clock, which no interposed function covers.
fn the_real_time(sim: &mut Sim) {
    sim.client_main("client", |_| {
        // SAFETY: a plain read of a counter that every x86-64 has.
        #[cfg(target_arch = "x86_64")]
        let ticks = unsafe { core::arch::x86_64::_rdtsc() };
        #[cfg(not(target_arch = "x86_64"))]
        let ticks = 0;
        println!("{ticks}");
        0
    });
}

fn context_switches(sim: &mut Sim) {
    sim.client_main("client", |_| 0);
    sim.always(&format!("the context switch is not {}", afterlife_sim::context_switch()), |_| false);
}

/// Seeds of each campaign.
const SEEDS: usize = 8;

/// The report of a campaign over them.
fn usual() -> &'static [Value] {
    static USUAL: OnceLock<Vec<Value>> = OnceLock::new();
    USUAL.get_or_init(|| report(&mut campaign_with_jobs("1")))
}

/// The JSON lines of a campaign without the parts that differ: processor time and the paths of records.
fn report(command: &mut Command) -> Vec<Value> {
    let output = output_of(command);
    assert_eq!(output.code, 1, "{output:?}");
    let mut lines = output.lines();
    for line in &mut lines {
        let line = line.as_object_mut().expect("a line is an object");
        line.remove("cpu_ns");
        line.remove("path");
        line.remove("id");
    }
    assert_eq!(lines.iter().filter(|line| line["kind"] == "finding").count(), SEEDS);
    lines
}

fn campaign_with_jobs(jobs: &str) -> Command {
    command(&[
        "run",
        "everything_at_once",
        "--seeds",
        &SEEDS.to_string(),
        "--max-failures",
        "20",
        "--report",
        "json",
        "--jobs",
        jobs,
    ])
}

fn two_processes_run_a_seed_identically() {
    assert_eq!(report(&mut campaign_with_jobs("1")), usual());
}

fn two_runner_processes_run_seeds_as_one_does() {
    assert_eq!(report(&mut campaign_with_jobs("2")), usual());
}

fn the_environment_and_the_folder_make_no_difference() {
    let mut bare = campaign_with_jobs("2");
    let variables: BTreeMap<_, _> =
        bare.get_envs().map(|(name, value)| (name.to_owned(), value.map(Into::into))).collect();
    let variables: BTreeMap<_, std::ffi::OsString> =
        variables.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    assert_eq!(report(bare.env_clear().envs(variables).current_dir("/")), usual());
    let mut crowded = campaign_with_jobs("2");
    for index in 0..100 {
        crowded.env(format!("CROWD_{index}"), "x".repeat(index * 10));
    }
    crowded.env("RUST_BACKTRACE", "full").env("TZ", "Asia/Tokyo").env("LANG", "tr_TR.UTF-8");
    assert_eq!(report(crowded.env("MALLOC_ARENA_MAX", "7").env("MALLOC_PERTURB_", "85").current_dir("/tmp")), usual());
}

fn a_longer_path_to_the_program_makes_no_difference() {
    let program = std::env::current_exe().expect("this process has an executable");
    let folder = format!("{}/a folder with a name that is much longer than the usual one", env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).expect("the target folder is writable");
    let there = format!("{folder}/program");
    let _ = std::fs::remove_file(&there);
    std::fs::hard_link(program, &there).expect("both lie in the target folder");
    let here = campaign_with_jobs("1");
    let mut elsewhere = Command::new(&there);
    elsewhere.args(here.get_args());
    for (name, value) in here.get_envs() {
        elsewhere.env(name, value.expect("none is taken away"));
    }
    assert_eq!(report(&mut elsewhere), usual());
}

fn a_busy_machine_makes_no_difference() {
    let stop = std::sync::atomic::AtomicBool::new(false);
    let busy = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let busy = std::panic::catch_unwind(|| report(&mut campaign_with_jobs("2")));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        busy
    });
    assert_eq!(busy.expect("the campaign reports"), usual());
}

fn futex_and_user_space_context_switches_give_the_same_run() {
    for (asked, kind) in [("futex", "futex"), ("user-space", afterlife_sim::context_switch())] {
        let mut how = command(&["run", "context_switches", "--seeds", "1", "--report", "json"]);
        let finding = output_of(how.env("AFTERLIFE_SWITCH", asked)).finding();
        assert_eq!(finding["subject"], format!("the context switch is not {kind}"));
    }
    assert_eq!(report(campaign_with_jobs("2").env("AFTERLIFE_SWITCH", "futex")), usual());
}

fn earlier_runs_make_no_difference() {
    let digests = |seeds: &str| -> BTreeMap<u64, String> {
        let words =
            ["run", "everything_at_once", "--seeds", seeds, "--max-failures", "20", "--report", "json", "--jobs", "1"];
        let digest = |finding: Value| {
            (finding["seed"].as_u64().expect("a seed"), finding["digest"].as_str().expect("a digest").to_owned())
        };
        cli(&words).findings().into_iter().map(digest).collect()
    };
    let all = digests("6");
    for seed in [0, 3, 5] {
        assert_eq!(digests(&format!("{seed}..{}", seed + 1))[&seed], all[&seed]);
    }
}

fn check_finds_every_pair_identical() {
    let output = cli(&["check", "everything_at_once", "--pairs", "10"]);
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}

fn two_seeds_are_two_different_runs() {
    // The summary has a digest, too: that of all runs.
    let findings = usual().iter().filter(|line| line["kind"] == "finding");
    let digests: BTreeSet<_> = findings.filter_map(|line| line["digest"].as_str()).collect();
    assert_eq!(digests.len(), SEEDS);
}

fn a_run_that_reads_the_real_clock_is_reported_with_its_call_site() {
    if cfg!(not(target_arch = "x86_64")) {
        return;
    }
    let output = cli(&["check", "the_real_time", "--pairs", "3"]);
    assert_eq!(output.code, 3, "{}{}", output.out, output.err);
    assert!(output.out.contains("determinism::the_real_time"), "{}", output.out);
    // A campaign repeats one run in a hundred in a fresh process.
    let output = crate::harness::campaign("the_real_time", "100");
    assert_eq!(output.code, 3, "{output:?}");
    assert!(output.lines().iter().any(|line| line["kind"] == "two_ways"), "{output:?}");
}
