//! A store with a writer task: requests are queued, written and synced; a stop closes the store.
//! Its flaws differ in how long the stop waits for the writer.

use crate::reach::reach;
use crate::time::{ms, secs, short};
use afterlife::{Fault, Faults, Node, NodeId, NodeResult, Sim, Trigger, probe};
use std::sync::Arc;
use tokio::fs::OpenOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// The store closes after the writer has ended.
    Joins,
    /// The same with a time limit, after which the process exits at once.
    JoinsOrLeaves,
    /// The store closes at once.
    Forgets,
    /// The store closes and the process exits at once.
    Leaves,
}

/// The probe with which the writer reports its work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Report {
    Uses,
    Borrows,
    Nothing,
}

async fn write(entry: u64) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open("/log").await?;
    file.write_all(&entry.to_le_bytes()).await?;
    file.sync_all().await
}

async fn apply(report: Report, db: Arc<probe::Resource>, mut queue: mpsc::Receiver<u64>) {
    while let Some(entry) = queue.recv().await {
        let _held = (report == Report::Borrows).then(|| db.borrow());
        let _written = write(entry).await;
        if report == Report::Uses {
            db.used_by(format_args!("write {entry}"));
        }
    }
}

async fn serve(stop: Stop, report: Report, node: Node) -> NodeResult {
    let (entries, queue) = mpsc::channel(1);
    let db = Arc::new(probe::Resource::open("db"));
    let mut writer = tokio::spawn(apply(report, db.clone(), queue));
    let listener = TcpListener::bind("0.0.0.0:7000").await?;
    let take = async {
        loop {
            let (mut stream, _) = listener.accept().await?;
            while let Ok(entry) = stream.read_u64().await {
                entries.send(entry).await?;
            }
        }
    };
    tokio::select! { ended = take => ended, () = node.stopping() => NodeResult::Ok(()) }?;
    drop(entries);
    match stop {
        Stop::Joins => {
            probe::sometimes!(!writer.is_finished(), "a stop comes while the writer is at work");
            writer.await?;
        }
        Stop::JoinsOrLeaves => {
            let in_time = timeout(secs(1), &mut writer).await.is_ok();
            probe::sometimes!(!in_time, "the writer is given up");
            if !in_time {
                std::process::exit(0);
            }
        }
        Stop::Forgets | Stop::Leaves => {}
    }
    db.close();
    if stop == Stop::Forgets {
        // The farewell takes a while.
        sleep(ms(20)).await;
    }
    Ok(())
}

fn store(sim: &mut Sim, stop: Stop, report: Report) {
    let store = sim.node("store", move |node| serve(stop, report, node));
    sim.client("producer", |node| async move {
        let mut rng = node.rng();
        for entry in 0..300 {
            let mut stream = reach("store:7000").await;
            let _lost = stream.write_u64(entry).await;
            sleep(short(&mut rng, 20)).await;
        }
        Ok(())
    });
    // A write takes as long as its sync does.
    let faults = Faults::none().stops(secs(2)).slow_disks(ms(5), ms(50), secs(3)).at_most(8);
    sim.faults(store, faults.starting_at(ms(100)).quiet_after(secs(3)).downtime(ms(10), ms(100)));
    if stop != Stop::Forgets || report != Report::Uses {
        sim.turn_off("no-use-after-teardown");
    }
    if report != Report::Nothing {
        sim.turn_off("nothing-left");
    }
}

pub(crate) fn a_writer_goes_on_after_the_close(sim: &mut Sim) {
    store(sim, Stop::Forgets, Report::Uses);
}

pub(crate) fn a_writer_ends_before_the_close(sim: &mut Sim) {
    store(sim, Stop::Joins, Report::Uses);
}

pub(crate) fn a_store_closes_under_its_writer(sim: &mut Sim) {
    store(sim, Stop::Forgets, Report::Borrows);
}

pub(crate) fn a_store_waits_for_its_writer(sim: &mut Sim) {
    store(sim, Stop::Joins, Report::Borrows);
}

pub(crate) fn a_writer_outlives_its_service(sim: &mut Sim) {
    store(sim, Stop::Leaves, Report::Nothing);
}

pub(crate) fn no_writer_outlives_its_service(sim: &mut Sim) {
    store(sim, Stop::Joins, Report::Nothing);
}

/// A disk that stalls for longer than a stop may take.
fn with_a_disk_that_stalls(sim: &mut Sim, stop: Stop) {
    store(sim, stop, Report::Nothing);
    let stall = Fault::stalled_disk(NodeId(0), secs(8));
    let moment = short(&mut sim.rng(), 3_000);
    sim.inject(Trigger::at(moment), stall);
}

pub(crate) fn a_stop_waits_for_a_disk(sim: &mut Sim) {
    with_a_disk_that_stalls(sim, Stop::Joins);
}

pub(crate) fn a_stop_waits_for_a_disk_for_a_while(sim: &mut Sim) {
    with_a_disk_that_stalls(sim, Stop::JoinsOrLeaves);
}
