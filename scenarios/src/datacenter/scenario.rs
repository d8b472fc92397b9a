//! The datacenter's scenarios: all five systems in one network, with their job, faults and claims.
//! They use only the systems' entry points.

use super::plan::{self, MASTERS, PROXIES, REPLICA_SERVERS, Releases, SHARD, SOURCE, TARGETS, TOPO, WORKERS};
use super::{ballots::MasterBallots, job, rows};
use crate::release::{BUILDS, PATCHED, SHIPPED, SOUND};
use crate::rt::{self, select};
use crate::{coordinator, proxy, raft_master, replica_loader, tablet};
use afterlife::{
    Build, Disk, Fault, Faults, Group, Link, Node, NodeId, NodeResult, Rng, Scenario, Sim, Supervisor, Trigger, Variant,
};
use rand::RngExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// All five systems in the same build.
pub fn scenario() -> Scenario {
    Scenario::new("datacenter", |sim| script(sim, Releases::all(sim.build())))
        .about("All five at work in one network: load, query through the proxy, verify")
        .builds(&BUILDS)
        .seeds(400)
        .issue("all five issues")
        .breaks(&[(SHIPPED, USE), (PATCHED, USE)])
        .variants(VARIANTS)
}

/// One system as it was shipped, among four sound ones.
pub fn one_at_a_time() -> Vec<Scenario> {
    macro_rules! one {
        ($name:literal, $about:literal, $field:ident, $variants:expr) => {
            Scenario::new($name, |sim| {
                script(sim, Releases { $field: SHIPPED, ..Releases::all(SOUND) });
            })
            .about($about)
            .builds(&[SHIPPED])
            .seeds(500)
            .variants($variants)
        };
    }
    vec![
        one!("datacenter-raft-master", "The one network, with the raft master as shipped", raft_master, &[MASTER]),
        one!("datacenter-loader", "The one network, with the replica loader as shipped", replica_loader, &[LOADER]),
        one!("datacenter-coordinator", "The one network, with the coordinator as shipped", coordinator, &[COORDINATOR]),
        one!("datacenter-proxy", "The one network, with the proxy as shipped", proxy, &[PROXY]),
        one!("datacenter-tablet", "The one network, with the tablet as shipped", tablet, &[TABLET]),
    ]
}

/// The invariant that most of the five systems break.
const USE: &str = "no-use-after-teardown";

const MASTER: Variant = Variant {
    name: "raft master",
    build: SHIPPED,
    about: "the database is closed under an apply",
    signature: &["no-use-after-teardown", "metadata-db"],
};
const LOADER: Variant = Variant {
    name: "replica loader",
    build: SHIPPED,
    about: "a round's files are cleared under a download",
    signature: &["replica_loader/"],
};
const COORDINATOR: Variant = Variant {
    name: "coordinator",
    build: SHIPPED,
    about: "a late status uses a freed query status",
    signature: &["no-use-after-teardown", "query-status"],
};
const PROXY: Variant = Variant {
    name: "proxy",
    build: SHIPPED,
    about: "a stop deletes objects that threads still use, or that were never made",
    signature: &["proxy/"],
};
const TABLET: Variant = Variant {
    name: "tablet",
    build: SHIPPED,
    about: "a tablet that starts during a VDiff writes to a nil map",
    signature: &["tablet/stats.rs"],
};

/// The five outages, all at once.
const VARIANTS: &[Variant] = &[MASTER, LOADER, COORDINATOR, PROXY, TABLET];

/// A tablet's memory budget, in bytes.
const MEMORY: u64 = 8 << 20;
/// The time that a stop may take: a tablet's, and any other's.
const TABLET_BUDGET: Duration = Duration::from_secs(60);
const BUDGET: Duration = Duration::from_secs(30);

/// The number of clients that write to the raft master, and of those that send queries.
const BOOKKEEPERS: usize = 2;
const ANALYSTS: usize = 2;

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Runs a tablet. A target first waits for its rows.
async fn run_tablet(node: Node, backup: Option<Vec<String>>, build: Build) -> NodeResult {
    let backup = match backup {
        Some(backup) => backup,
        None => select! {
            backup = rows::queried_backup() => backup?,
            () = node.stopping() => return Ok(()),
        },
    };
    let ended = tablet::run_tablet(plan::tablet(node.name(), backup, build), node.stopping()).await;
    if build != SOUND {
        // `main` returns, which ends the process with its goroutines running.
        std::process::exit(i32::from(ended.is_err()));
    }
    Ok(ended?)
}

/// The nodes, by system.
struct Nodes {
    masters: Group,
    meta: Group,
    replicas: Group,
    blocks: Group,
    coordinator: Group,
    workers: Group,
    proxies: Group,
    topo: Group,
    source: Group,
    targets: Group,
}

fn nodes(sim: &mut Sim, rng: &mut Rng, releases: Releases, files: &Arc<rows::Files>) -> Nodes {
    let mut master = |sim: &mut Sim, index: usize| {
        let main = move |node| raft_master::run_node(node, plan::master(index, releases.raft_master));
        let master = sim.node(&format!("master-{index}"), main);
        // Machines of different ages: a slow one still has to apply entries that a fast one has applied.
        let sync_us = [50, 1_000, 4_000, 15_000][rng.random_range(0..4_usize)];
        sim.disk(master, Disk::default().sync_latency(us(sync_us), us(4 * sync_us)));
        master
    };
    let first = master(sim, 0);
    let masters = (1..MASTERS).fold(first, |all, index| all.and(master(sim, index)));
    sim.workers(masters, 2);
    let meta = sim.node("meta", |node| async move {
        let ballots = Arc::new(MasterBallots::new(plan::masters()));
        Ok(replica_loader::run_meta_server(plan::meta(), ballots, node.stopping()).await?)
    });
    let replicas = sim.nodes("replica", REPLICA_SERVERS, move |node| async move {
        let config = plan::replica_server(node.name(), releases.replica_loader);
        Ok(replica_loader::run_replica_server(config, node.stopping()).await?)
    });
    sim.workers(replicas, 2);
    let provided = Arc::clone(files);
    let blocks = sim.node("block-service", move |node| {
        let provided = Arc::clone(&provided);
        async move {
            let root = Path::new("/srv/provider");
            if !root.exists() {
                replica_loader::write_provider(root, &provided)?;
            }
            let listen = "0.0.0.0:80".to_owned();
            let config = replica_loader::BlockServiceConfig { listen, root: root.to_owned(), bytes_per_s: None };
            Ok(replica_loader::run_block_service(config, node.stopping()).await?)
        }
    });
    // So narrow that a file takes seconds, as upstream's files do.
    let bytes_per_s = rng.random_range(400..2_500);
    sim.link(replicas, blocks, Link::between(ms(1), ms(20)).bandwidth(bytes_per_s));
    let coordinator = sim.node("coordinator", move |_| async move {
        Ok(coordinator::run_server(plan::coordinator(releases.coordinator)).await?)
    });
    sim.workers(coordinator, 2);
    let workers = sim.nodes("worker", WORKERS, move |_| async move {
        Ok(coordinator::run_worker(plan::worker(releases.coordinator), Arc::new(rows::Replicas)).await?)
    });
    let proxy = |sim: &mut Sim, index: usize| {
        let main = move |node| proxy::run_node(node, plan::proxy(index, releases.proxy));
        sim.node_main(&format!("proxy-{index}"), main)
    };
    let first = proxy(sim, 0);
    let proxies = (1..PROXIES).fold(first, |all, index| all.and(proxy(sim, index)));
    let topo =
        sim.node("topo", |node| async move { Ok(tablet::run_topo_server(plan::topology(), node.stopping()).await?) });
    let truth = Arc::clone(files);
    let source = sim.node(SOURCE, move |node| {
        let rows = truth.iter().flatten().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        run_tablet(node, Some(rows::backup(rows)), releases.tablet)
    });
    let targets = sim.nodes("target", TARGETS.len(), move |node| run_tablet(node, None, releases.tablet));
    sim.workers(source.and(targets), 2);
    sim.node("vtorc", |_| async move {
        let client = tablet::Client::new(TOPO, plan::KEYSPACE, SHARD);
        let mut failed = 0;
        loop {
            failed = client.check_shard(&TARGETS, failed, 3).await;
            rt::time::sleep(secs(1)).await;
        }
    });
    sim.memory_budget(targets, MEMORY);
    sim.supervise(replicas, Supervisor::on_failure().attempts(5));
    sim.supervise(proxies, Supervisor::always().delay(ms(500)));
    for tablets in [topo, source, targets] {
        sim.supervise(tablets, Supervisor::on_failure().delay(secs(1)).backoff(2, secs(5)));
    }
    Nodes { masters, meta, replicas, blocks, coordinator, workers, proxies, topo, source, targets }
}

/// Rolls each system in its own way, with faults at the edges that its own scenario aims at.
fn faults(sim: &mut Sim, nodes: &Nodes) {
    let faults = || Faults::none().starting_at(secs(2)).quiet_after(secs(60)).downtime(ms(100), secs(5));
    // An upgrade while the bookkeepers write.
    let upgrades = faults().stops(BUDGET).quiet_after(secs(20)).aimed_at("use metadata-db", 200);
    sim.faults(nodes.masters, upgrades.at_most(4));
    let masters = faults().kills().partitions().slow_disks(secs(1), secs(20), ms(30));
    sim.faults(nodes.masters, masters.aimed_at("use metadata-db", 200).at_most(2));
    let replicas = faults().stops(BUDGET).kills().slow_disks(ms(100), secs(3), secs(20));
    sim.faults(nodes.replicas, replicas.aimed_at("open files", 8).at_most(2));
    let ways = faults().held_links(secs(20)).narrow_links(400, 2_000, secs(30)).connection_resets();
    sim.faults(nodes.replicas.and(nodes.blocks), ways.at_most(1));
    sim.faults(nodes.meta.and(nodes.replicas), faults().partitions().at_most(1));
    let queries = faults().kills().connection_resets().slow_links(ms(20), ms(800), secs(3)).pauses(ms(20), secs(2));
    let queries = queries.aimed_at("use query-status", 100).aimed_at("close query-status", 15);
    sim.faults(nodes.coordinator.and(nodes.workers), queries.starting_at(secs(30)).quiet_after(secs(90)).at_most(2));
    let proxies = faults().stops(BUDGET).repeated_stops(BUDGET, secs(1)).kills();
    let proxies = proxies.aimed_at("open GloAdmin", 2).aimed_at("phase running", 2).aimed_at("phase stopping", 1);
    sim.faults(nodes.proxies, proxies.at_most(2));
    let tablets =
        faults().stops(TABLET_BUDGET).kills().power_losses().memory_pressure(MEMORY / 64, MEMORY / 4, secs(3));
    let tablets = tablets.aimed_at("use vdiff controllers", 2).starting_at(secs(20)).quiet_after(secs(100));
    sim.faults(nodes.targets, tablets.at_most(3));
}

/// Restarts all nodes, as for a new kernel: one after the other, beginning with any system. The meta server stays up, since it has
/// no disk here and upstream's ZooKeeper is not modelled.
fn roll(sim: &mut Sim, nodes: &Nodes, rng: &mut Rng) {
    let stopped = |group: Group, count: usize| (0..count).map(move |index| (group.node(index), Some(BUDGET)));
    // These have no orderly shutdown, in upstream neither.
    let killed = |group: Group, count: usize| (0..count).map(move |index| (group.node(index), None));
    let mut order: Vec<(NodeId, Option<Duration>)> = stopped(nodes.masters, MASTERS)
        .chain(stopped(nodes.replicas, REPLICA_SERVERS))
        .chain(stopped(nodes.blocks, 1))
        .chain(killed(nodes.workers, WORKERS))
        .chain(killed(nodes.coordinator, 1))
        .chain(stopped(nodes.proxies, PROXIES))
        .chain(stopped(nodes.topo, 1))
        .chain(stopped(nodes.source.and(nodes.targets), 1 + TARGETS.len()).map(|(node, _)| (node, Some(TABLET_BUDGET))))
        .collect();
    let first = rng.random_range(0..order.len());
    order.rotate_left(first);
    let mut at = ms(rng.random_range(2_000..40_000));
    for (node, budget) in order {
        let down = Duration::from_nanos(rng.random_range(100_000_000..2_000_000_000));
        let fault = match budget {
            Some(budget) => Fault::stop(node, budget, down),
            None => Fault::kill(node, down),
        };
        sim.inject(Trigger::at(at), fault);
        at += ms(rng.random_range(500..4_000));
    }
}

fn script(sim: &mut Sim, releases: Releases) {
    let mut rng = sim.rng();
    let files = Arc::new(rows::draw(&mut rng));
    let rolls = rng.random_range(0..4) == 0;
    // Each is turned off in the scenario of the system concerned, which gives the reason.
    for claim in ["nothing-left", "no-silent-panic"] {
        sim.turn_off(claim);
    }
    let nodes = nodes(sim, &mut rng, releases, &files);
    let asked = sim.ledger::<String>("rows of the files");
    let answered = sim.ledger::<String>("rows that a query through the proxy returned");
    let verified = sim.ledger::<(u64, u64)>("rows compared and rows that differ");
    let acked = sim.ledger::<String>("acknowledged volumes");
    let kept = sim.ledger::<String>("volumes after recovery");
    let provided = Arc::clone(&files);
    sim.client("job", move |node| {
        for key in rows::keys(&provided) {
            asked.note(key.clone());
        }
        job::job(node, answered, verified)
    });
    for index in 0..BOOKKEEPERS {
        sim.client(&format!("bookkeeper-{index}"), move |node| job::keep_books(node, acked));
    }
    for index in 0..ANALYSTS {
        sim.client(&format!("analyst-{index}"), job::analyse);
    }
    sim.verifier("auditor", move |_| async move {
        for volume in raft_master::Client::new(plan::masters()).list_volumes().await? {
            kept.note(volume);
        }
        kept.complete();
        Ok(())
    });
    sim.time_limit(secs(3_000));
    sim.bound("bounded-request", 64 << 20);
    sim.bound("slots-conserved", secs(1));
    faults(sim, &nodes);
    if rolls {
        roll(sim, &nodes, &mut rng);
    }

    sim.nothing_acked_is_lost(acked, kept);
    sim.nothing_acked_is_lost(asked, answered);
    let rows = rows::keys(&files).count() as u64;
    sim.always("the loaded rows are the rows of the files", move |_| verified.all(|seen| *seen == (rows, 0)));
    sim.eventually("the job is done", secs(600), move |_| !verified.is_empty());
    sim.sometimes("a node restarts", |view| view.restarts() > 0);
}
