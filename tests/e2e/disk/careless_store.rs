//! A store that acknowledges before its data is durable is caught; one that syncs first holds.
//! The state of the disk after a power loss is tested in `power_loss`.

use crate::harness::{Module, campaign, scenarios, trials};
use afterlife::{Faults, Sim};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::thread::sleep;
use std::time::Duration;

pub(crate) fn module() -> Module {
    let trials = trials![
        a_store_that_acknowledges_before_it_syncs_is_caught_within_200_seeds,
        a_store_that_syncs_the_file_and_not_its_name_is_caught_within_200_seeds,
        a_store_that_goes_on_after_a_failed_sync_is_caught_within_200_seeds,
        a_store_that_syncs_before_it_acknowledges_holds,
    ];
    let scenarios = scenarios![careless, nameless, hopeful, careful];
    Module::new(scenarios, trials)
}

/// The step that a store leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    NoSync,
    NoDirectorySync,
    TriesAgain,
}

/// Appends a line. Returns true if it may be acknowledged.
fn append(flaw: Flaw, log: &mut File, line: &str) -> bool {
    if log.write_all(line.as_bytes()).is_err() {
        return false;
    }
    match flaw {
        Flaw::NoSync => true,
        // The second attempt succeeds although the data is gone.
        Flaw::TriesAgain => log.sync_all().is_ok() || log.sync_all().is_ok(),
        // The line may be durable, partly durable or lost. Only the next incarnation, which reads the file, may continue.
        Flaw::None | Flaw::NoDirectorySync => log.sync_all().map_err(|_| std::process::exit(1)).is_ok(),
    }
}

/// A server that stores lines: `+ line` stores one and answers `ok`, `?` answers with all of them.
fn serve(flaw: Flaw) -> std::io::Result<()> {
    fs::create_dir_all("/data")?;
    let mut log = OpenOptions::new().append(true).create(true).open("/data/log")?;
    if flaw != Flaw::NoDirectorySync {
        for directory in ["/data", "/"] {
            File::open(directory)?.sync_all()?;
        }
    }
    // Terminates a line that an earlier incarnation may have written in part.
    log.write_all(b"\n")?;
    let listener = TcpListener::bind("0.0.0.0:7000")?;
    loop {
        let (stream, _) = listener.accept()?;
        let mut answers = stream.try_clone()?;
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let answered = match line.strip_prefix("+ ") {
                Some(entry) if append(flaw, &mut log, &format!("{entry} .\n")) => answers.write_all(b"ok\n"),
                Some(_) => answers.write_all(b"failed\n"),
                None => answers.write_all(&fs::read("/data/log")?).and_then(|()| answers.write_all(b"end\n")),
            };
            if answered.is_err() {
                break;
            }
        }
    }
}

fn ask(line: &str) -> Option<Vec<String>> {
    let address = "store:7000".to_socket_addrs().ok()?.next()?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(line.as_bytes()).ok()?;
    let mut answer = Vec::new();
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        answer.push(line.clone());
        if ["ok", "failed", "end"].contains(&line.as_str()) {
            return Some(answer);
        }
    }
    None
}

fn store(sim: &mut Sim, flaw: Flaw) {
    let acked = sim.ledger::<u64>("acked");
    let found = sim.ledger::<u64>("found");
    let store = sim.node_main("store", move |_| i32::from(serve(flaw).is_err()));
    sim.client_main("producer", move |_| {
        for number in 0..40 {
            if ask(&format!("+ {number}\n")).is_some_and(|answer| answer == ["ok"]) {
                acked.note(number);
            }
            sleep(Duration::from_millis(100));
        }
        0
    });
    sim.verifier("verifier", move |_| async move {
        if let Some(lines) = ask("?\n") {
            let whole = |line: &String| line.strip_suffix(" .").and_then(|number| number.parse().ok());
            lines.iter().filter_map(whole).for_each(|number| found.note(number));
            found.complete();
        }
        Ok(())
    });
    let moment = Duration::from_millis(1);
    let faults = match flaw {
        Flaw::TriesAgain => Faults::none().power_losses().disk_errors(),
        _ => Faults::none().power_losses(),
    };
    sim.faults(store, faults.starting_at(100 * moment).quiet_after(4_000 * moment).downtime(moment, 300 * moment));
    sim.nothing_acked_is_lost(acked, found);
}

fn careless(sim: &mut Sim) {
    store(sim, Flaw::NoSync);
}

fn nameless(sim: &mut Sim) {
    store(sim, Flaw::NoDirectorySync);
}

fn hopeful(sim: &mut Sim) {
    store(sim, Flaw::TriesAgain);
}

fn careful(sim: &mut Sim) {
    store(sim, Flaw::None);
}

fn is_caught(scenario: &str) {
    let output = campaign(scenario, "0..200");
    let finding = output.finding();
    assert!(output.code == 1 && finding["invariant"] == "nothing-acked-is-lost", "{finding}");
    let first = output.summary()["findings"][0]["first_run"].as_u64();
    println!("{scenario} is caught at run {first:?}");
    assert!(first.is_some_and(|run| run < 200));
}

fn a_store_that_acknowledges_before_it_syncs_is_caught_within_200_seeds() {
    is_caught("careless");
}

fn a_store_that_syncs_the_file_and_not_its_name_is_caught_within_200_seeds() {
    is_caught("nameless");
}

fn a_store_that_goes_on_after_a_failed_sync_is_caught_within_200_seeds() {
    is_caught("hopeful");
}

fn a_store_that_syncs_before_it_acknowledges_holds() {
    let output = campaign("careful", "0..200");
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
}
