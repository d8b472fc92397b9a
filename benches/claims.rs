//! The cost of probes and claims: a probe call outside a run against an empty function, and runs with claims against runs without.
//! A benchmark and no test: a missed target is printed and fails nothing.

use afterlife::{NodeResult, Scenario, Sim, probe};
use serde_json::Value;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CALLS: u32 = 50_000_000;
const ROUNDS: usize = 7;
const SCENARIOS: [Scenario; 2] = [Scenario::new("with_claims", with_claims), Scenario::new("without_claims", without)];

/// Eight servers with a client each; 2 000 requests per client, five probe events per request.
fn with_claims(sim: &mut Sim) {
    sim.latency(Duration::from_millis(1), Duration::from_millis(10));
    for index in 0..8 {
        sim.node(&format!("server-{index}"), |_| serve());
        sim.client(&format!("client-{index}"), move |_| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut stream = TcpStream::connect(format!("server-{index}:7000")).await?;
            stream.set_nodelay(true)?;
            for number in 0..2_000 {
                stream.write_u64(number).await?;
                stream.read_u64().await?;
            }
            Ok(())
        });
    }
}

async fn serve() -> NodeResult {
    let db = probe::Resource::open("db");
    let slots = probe::Slots::new("requests", 8);
    let term = probe::Epoch::new("term").advance(1);
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        while let Ok(number) = stream.read_u64().await {
            let held = db.borrow();
            slots.counted(0);
            term.effect("an answer");
            db.used();
            stream.write_u64(number).await?;
            drop(held);
        }
    }
}

fn without(sim: &mut Sim) {
    with_claims(sim);
    for invariant in afterlife::invariants() {
        sim.turn_off(invariant.id);
    }
}

fn main() -> ExitCode {
    let asked = std::env::args().nth(1);
    if std::env::var_os("AFTERLIFE_RUNNER").is_some() || asked.as_deref() == Some("run") {
        return afterlife::main(&SCENARIOS);
    }
    probes();
    match claims() {
        Ok(ratio) => println!("{:<44} {ratio:>8.3}     (target: at most 1.25)", "claims, against without"),
        Err(why) => println!("without claims: {why}"),
    }
    ExitCode::SUCCESS
}

/// The minimum over some rounds, in nanoseconds per call.
fn ns(mut call: impl FnMut()) -> f64 {
    let round = |_| {
        let begun = Instant::now();
        for _ in 0..CALLS {
            call();
        }
        begun.elapsed().as_nanos() as f64 / f64::from(CALLS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

#[inline(never)]
fn nothing(db: &probe::Resource) {
    black_box(db);
}

#[inline(never)]
fn used(db: &probe::Resource) {
    db.used();
}

#[inline(never)]
fn effect(token: &probe::Token) {
    token.effect("an answer");
}

#[inline(never)]
fn always(number: &u64) {
    probe::always!(*number < 10, "it is small");
}

fn probes() {
    assert!(!probe::attached(), "nobody listens: this is no run");
    let (db, token) = (probe::Resource::open("db"), probe::Epoch::new("term").advance(1));
    let empty = ns(|| nothing(black_box(&db)));
    println!("{:<44} {empty:>8.3} ns", "an empty function");
    let report = |what: &str, ns: f64| println!("{what:<44} {ns:>8.3} ns  ({:+.3} over the empty one)", ns - empty);
    report("Resource::used, outside a run", ns(|| used(black_box(&db))));
    report("Token::effect, outside a run", ns(|| effect(black_box(&token))));
    report("always!, outside a run", ns(|| always(black_box(&3))));
    report("borrow and return, outside a run", ns(|| drop(black_box(&db).borrow())));
}

/// The median ratio of the cost with claims to the cost without, each pair measured back to back.
fn claims() -> Result<f64, String> {
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        ratios.push(cost("with_claims")? / cost("without_claims")?);
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[ratios.len() / 2])
}

fn cost(scenario: &str) -> Result<f64, String> {
    let me = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(me);
    command.args(["run", scenario, "--seeds", "0..4", "--jobs", "1", "--report", "json"]);
    command.env("AFTERLIFE_OUT", env!("CARGO_TARGET_TMPDIR"));
    let output = command.output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last: Value =
        serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|error| error.to_string())?;
    match (last["held"].as_bool(), last["cpu_ns"].as_f64()) {
        (Some(true), Some(ns)) => Ok(ns),
        _ => Err(format!("{scenario}: {text}")),
    }
}
