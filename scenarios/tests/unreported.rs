//! A restart of a tablet without a VDiff in progress, in upstream's builds: their crash loop needs a row that is "started", and
//! without one nothing may be reported. The other four cases that are no findings occur in the campaigns of their systems.

use afterlife::{Faults, Node, NodeResult, Sim, Supervisor};
use afterlife_scenarios::rt::time;
use afterlife_scenarios::tablet::{
    Action, Build, Client, Options, TabletConfig, TopoServerConfig, Workflow, run_tablet, run_topo_server,
    shard_records,
};
use rand::RngExt;
use std::time::Duration;

const TARGETS: [&str; 2] = ["target-0", "target-1"];
const SOURCE: &str = "source-0";
const TOPO: &str = "topo:2379";

/// The length of a run, shorter than the interval at which ended VDiffs are retried.
const RUN: Duration = Duration::from_secs(25);

fn config(name: &str, build: Build) -> TabletConfig {
    let orders = "CREATE TABLE orders (pk INTEGER PRIMARY KEY, val TEXT NOT NULL); INSERT INTO orders VALUES (1, 'a'), (2, 'b');";
    let backup = vec![orders.to_owned()];
    let workflow = Workflow {
        name: "commerce2customer".to_owned(),
        source: ("commerce".to_owned(), "0".to_owned()),
        tables: vec!["orders".to_owned()],
        reference_tables: Vec::new(),
    };
    match name {
        SOURCE => TabletConfig { backup, ..TabletConfig::new(name, "commerce", "0", TOPO, build) },
        _ => {
            TabletConfig { backup, workflow, ..TabletConfig::new(name, "customer", "0", TOPO, build) }.beside(&TARGETS)
        }
    }
}

fn topology() -> TopoServerConfig {
    TopoServerConfig::new(shard_records(&[("commerce", "0", SOURCE), ("customer", "0", TARGETS[0])]))
}

async fn tablet(node: Node, build: Build) -> NodeResult {
    let ended = run_tablet(config(node.name(), build), node.stopping()).await;
    // `main` returns, which ends the process with its goroutines running.
    std::process::exit(i32::from(ended.is_err()));
}

/// Completes one VDiff and deletes another before any fault strikes, so that a start finds none to run.
async fn operate() -> NodeResult {
    let client = Client::new(TOPO, "customer", "0");
    while client.create("done", Options::default()).await.is_err() {
        time::sleep(Duration::from_millis(100)).await;
    }
    loop {
        let vdiffs = client.show().await.unwrap_or_default();
        if vdiffs.iter().any(|vdiff| vdiff.uuid == "done" && vdiff.state == "completed") {
            break;
        }
        time::sleep(Duration::from_millis(100)).await;
    }
    afterlife::probe::reached!("a VDiff has come to its end");
    // Deleted with its row before any fault strikes.
    if client.create("deleted", Options::default()).await.is_ok() {
        client.vdiff(Action::Delete, "deleted").await?;
    }
    time::sleep(RUN).await;
    Ok(())
}

#[afterlife::test(seeds = 60)]
fn a_restart_without_a_vdiff_in_progress_is_not_reported(sim: &mut Sim) {
    let build = [Build::Shipped, Build::Patched][sim.rng().random_range(0..2)];
    sim.node("topo", |node| async move { Ok(run_topo_server(topology(), node.stopping()).await?) });
    let source = sim.node(SOURCE, move |node| tablet(node, build));
    let targets = sim.nodes("target", TARGETS.len(), move |node| tablet(node, build));
    sim.workers(source.and(targets), 2);
    sim.supervise(source.and(targets), Supervisor::on_failure().delay(Duration::from_secs(1)));
    sim.client("operator", |_| operate());
    // A Go process ends with its goroutines running.
    sim.turn_off("nothing-left");
    let faults = Faults::none().stops(Duration::from_secs(60)).kills().power_losses();
    let faults = faults.starting_at(Duration::from_secs(5)).quiet_after(Duration::from_secs(20));
    sim.faults(targets, faults.downtime(Duration::from_millis(100), Duration::from_secs(2)).at_most(3));
    sim.sometimes("a tablet restarts", |view| view.restarts() > 0);
}
