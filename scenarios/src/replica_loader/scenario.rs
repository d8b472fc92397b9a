//! The bulk loader as a scenario: a meta server, five replica servers and a block service under loads and faults, and
//! the claims about them. It uses the processes' entry points only.

use super::ballots::LocalBallots;
use super::block_service::{run_block_service, write_provider};
use super::client::Client;
use super::config::{BULK_LOAD_REQUEST_INTERVAL, BlockServiceConfig, MetaConfig, ReplicaServerConfig};
use super::messages::{BulkLoadStatus, Control};
use super::meta_server::run_meta_server;
use super::replica_stub::run_replica_server;
use crate::release::{BUILDS, PATCHED, SHIPPED, SOUND};
use crate::rt;
use afterlife::{Disk, Faults, Link, Need, Scenario, Sim, Supervisor};
use rand::RngExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The scenario in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("replica-loader", script)
        .about("Pegasus: a bulk load is cleared under downloads in flight, and the whole cluster crashes")
        .builds(&BUILDS)
        .seeds(2_000)
        .issue("apache/incubator-pegasus#2006")
        .breaks(&[(SHIPPED, CRASH), (PATCHED, STALE)])
        .variants(super::variants::VARIANTS)
        .portable()
}

/// The reported crash.
const CRASH: &str = "no-use-after-teardown";
/// The defect that upstream's fix leaves: the old chain goes on in the new round.
const STALE: &str = "no-stale-epoch-effect";

const NODES: usize = 5;
/// The size of a row's value: with it, a file of few rows takes its time on a narrow link.
const VALUE_BYTES: usize = 400;

type Rows = Vec<(String, String)>;

/// The content to load: the files of each partition, and the rows of each file.
fn provider(partitions: u32, files_max: u32, rng: &mut impl RngExt) -> Vec<Vec<Rows>> {
    let value = "v".repeat(VALUE_BYTES);
    // A producer that cuts files to size makes files of one size.
    let cut_to = if rng.random_range(0..2) == 0 { Some(rng.random_range(1..=4u32)) } else { None };
    (0..partitions)
        .map(|pid| {
            (1..=rng.random_range(1..=files_max))
                .map(|file| {
                    let rows = 1..=cut_to.unwrap_or_else(|| rng.random_range(1..=4u32));
                    rows.map(|row| (format!("p{pid}-f{file}-r{row}"), value.clone())).collect()
                })
                .collect()
        })
        .collect()
}

/// The choice of [`focus`] that shows uses of cleared files.
const REPORT: u32 = 9;

/// The consequences of a clear that joins nothing, other than uses of cleared files.
const EFFECTS: [&str; 6] =
    ["no-stale-epoch-effect", "no-silent-panic", "blast-radius", "always", "honest-progress", "slots-conserved"];

/// Selects the claims that a run checks. The first violation ends a run, and the cause comes before its effects: a
/// clear that joins nothing, then the use of a cleared file or the stale effect, then the wrong count. In the builds
/// that model upstream, each seed therefore focuses on one of these steps. The sound build has to hold all claims at
/// once.
fn focus(sim: &mut Sim, choice: u32, late: bool) {
    if sim.build() == SOUND {
        return;
    }
    match choice {
        // After the report: a rollback while a chain runs that nothing has joined. It finds the uses that the other
        // triggers leave.
        4..7 if late => {
            sim.turn_off("joined-before-teardown");
            for claim in EFFECTS {
                sim.turn_off(claim);
            }
            for trigger in
                ["a new role", "the app's failure", "a cancel", "a resume after a pause", "that a start ended"]
            {
                sim.known_issue(CRASH, &["files", trigger]);
            }
        }
        // After the cause: the task that ingests.
        7.. if late => {
            sim.turn_off("no-use-after-teardown");
            for claim in EFFECTS {
                sim.turn_off(claim);
            }
            sim.known_issue("joined-before-teardown", &["task download"]);
        }
        // The cause: a clear returns while a task of its round is running.
        0 => {}
        // The count: the effect of stale work on progress and on the node's slots.
        1 | 2 | 7 => {
            for claim in ["joined-before-teardown", "no-use-after-teardown", "no-stale-epoch-effect", "always"] {
                sim.turn_off(claim);
            }
        }
        // The blast: no claim about the inside of a node, only about the nodes that die of it.
        3 | 5 => {
            for claim in [
                "joined-before-teardown",
                "no-use-after-teardown",
                "no-stale-epoch-effect",
                "no-silent-panic",
                "always",
                "honest-progress",
                "slots-conserved",
            ] {
                sim.turn_off(claim);
            }
        }
        // The path: two chains write one file.
        4 | 6 => {
            for claim in ["joined-before-teardown", "no-use-after-teardown", "no-stale-epoch-effect"] {
                sim.turn_off(claim);
            }
        }
        // The report: uses of cleared files, and late effects.
        _ => {
            for claim in ["joined-before-teardown", "always"] {
                sim.turn_off(claim);
            }
        }
    }
}

crate::release::named_as!(super::build::Build);

fn script(sim: &mut Sim) {
    let mut rng = sim.rng();
    // Most runs are about downloads. In some, faults come late enough to meet ingestions.
    let late = rng.random_range(0..4) == 0;
    // An early death, or a clear by an operator, hides the effect of a damaged file on the other replicas. Some runs
    // therefore have neither, so that the others still download when the load's failure reaches them.
    let damaged = !late && rng.random_range(0..6) == 0;
    let choice = rng.random_range(0..10);
    focus(sim, if damaged { REPORT } else { choice }, late);
    let release = super::build::Build::from(sim.build());
    let partitions = rng.random_range(4..=8);
    let content = Arc::new(provider(partitions, 5, &mut rng));

    let meta = sim.node("meta", move |node| async move {
        let nodes = (0..NODES).map(|index| format!("replica-{index}:34801")).collect();
        let config = MetaConfig {
            listen: "0.0.0.0:34601".to_owned(),
            nodes,
            partitions,
            request_interval: BULK_LOAD_REQUEST_INTERVAL,
        };
        run_meta_server(config, Arc::new(LocalBallots), node.stopping()).await?;
        Ok(())
    });
    let replicas = sim.nodes("replica", NODES, move |node| async move {
        let config = ReplicaServerConfig {
            address: format!("{}:34801", node.name()),
            listen: "0.0.0.0:34801".to_owned(),
            rows_address: format!("{}:34802", node.name()),
            rows_listen: "0.0.0.0:34802".to_owned(),
            meta: "meta:34601".to_owned(),
            block_service: "block-service:80".to_owned(),
            data_dir: "/var/lib/replicas".into(),
            build: release,
        };
        run_replica_server(config, node.stopping()).await?;
        Ok(())
    });
    sim.workers(replicas, 2);
    // Slow enough that a file takes seconds, as upstream's do: longer than a clear and a new start. Either the link is
    // narrow or the block service is slow.
    let bytes_per_s = rng.random_range(250..if damaged { 700 } else { 2_500 });
    let narrow = sim.supports(Need::BadLinks);
    let provided = Arc::clone(&content);
    let blocks = sim.node("block-service", move |node| {
        let provided = Arc::clone(&provided);
        async move {
            let root = Path::new("/srv/provider");
            if !root.exists() {
                write_provider(root, &provided)?;
            }
            let bytes_per_s = (!narrow).then_some(bytes_per_s);
            let config = BlockServiceConfig { listen: "0.0.0.0:80".to_owned(), root: root.to_owned(), bytes_per_s };
            run_block_service(config, node.stopping()).await?;
            Ok(())
        }
    });
    let link = Link::between(Duration::from_millis(1), Duration::from_millis(20));
    sim.link(replicas, blocks, if narrow { link.bandwidth(bytes_per_s) } else { link });
    if late {
        // Upstream's files are large and take time to ingest. These are small, so the disks are slow.
        let sync_ms = rng.random_range(20..800);
        sim.disk(
            replicas,
            Disk::default().sync_latency(Duration::from_millis(sync_ms / 2), Duration::from_millis(sync_ms)),
        );
    }
    sim.supervise(replicas, Supervisor::on_failure().backoff(2, Duration::from_secs(10)).attempts(10));

    let acked = sim.ledger::<String>("rows of a load that succeeded");
    let found = sim.ledger::<String>("rows after recovery");
    let outcomes = sim.ledger::<String>("outcomes");
    sim.client("operator", move |node| {
        let content = Arc::clone(&content);
        async move {
            let mut rng = node.rng();
            let client = Client::new("meta:34601");
            client.healthy().await;
            while client.start_bulk_load().await.is_err() {
                rt::time::sleep(Duration::from_secs(1)).await;
            }
            let times = if damaged { 0 } else { rng.random_range(0..if late { 2 } else { 3 }) };
            for _ in 0..times {
                rt::time::sleep(Duration::from_millis(rng.random_range(200..12_000))).await;
                interfere(&client, partitions, &mut rng).await;
            }
            if late {
                interfere_with_ingestions(&client, partitions, &mut rng).await;
            }
            // A paused load is resumed, and comes to an end.
            let over = loop {
                let load = client.query_bulk_load().await;
                if let Ok(load) = load
                    && load.closed
                {
                    break load;
                }
                let _ = client.control(Control::Restart).await;
                rt::time::sleep(Duration::from_secs(5)).await;
            };
            outcomes.note(format!("{:?}", over.status));
            if over.status == BulkLoadStatus::Succeed {
                for (key, _) in content.iter().flatten().flatten() {
                    acked.note(key.clone());
                }
            }
            Ok(())
        }
    });
    sim.verifier("auditor", move |_| async move {
        let client = Client::new("meta:34601");
        client.healthy().await;
        for partition in 0..partitions {
            for (key, _) in client.rows(partition).await {
                found.note(key);
            }
        }
        found.complete();
        Ok(())
    });

    sim.time_limit(Duration::from_secs(1_800));
    // The provider's batch is the largest request.
    sim.bound("bounded-request", 64 << 20);
    // A thread that is held between two counts is not a lost slot: a slot is lost for good.
    sim.bound("slots-conserved", Duration::from_secs(1));
    let (from, until) = (Duration::from_secs(4), Duration::from_secs(if late { 80 } else { 50 }));
    let deaths = Faults::none()
        .stops(Duration::from_secs(30))
        .kills()
        .partitions()
        .slow_disks(Duration::from_millis(100), Duration::from_secs(3), Duration::from_secs(20))
        .disk_errors()
        .downtime(Duration::from_millis(500), Duration::from_secs(8))
        .starting_at(from)
        .quiet_after(until)
        .at_most(2);
    let deaths = if late {
        deaths.stalled_disks(Duration::from_secs(20)).aimed_at("run ingest", 4).at_most(4)
    } else {
        deaths.aimed_at("open files", 8)
    };
    // A machine with fewer processors than threads: a file is on disk, and the thread that should count it is held.
    let holds = Faults::none()
        .held_threads(Duration::from_secs(4))
        .held_at("verify download", 24)
        .held_at("run download file", 24)
        .starting_at(from)
        .quiet_after(until)
        .at_most(2);
    let holds = if late { holds.held_until("run ingest") } else { holds };
    let [holds, deaths] = [holds, deaths].map(|faults| if damaged { faults.at_most(0) } else { faults });
    sim.faults(replicas, holds);
    sim.faults(replicas, deaths);
    sim.faults(meta.and(replicas), Faults::none().partitions().starting_at(from).quiet_after(until).at_most(1));
    let links = Faults::none()
        .held_links(Duration::from_secs(30))
        .narrow_links(400, 2_000, Duration::from_secs(30))
        .connection_resets()
        .starting_at(from)
        .quiet_after(until)
        .at_most(2);
    sim.faults(replicas.and(blocks), links);
    let damage = Faults::none()
        .missing_files()
        .corrupt_files()
        .starting_at(Duration::from_secs(1))
        .quiet_after(Duration::from_secs(30))
        .at_most(2);
    sim.faults(blocks, damage);

    sim.nothing_acked_is_lost(acked, found);
    for outcome in ["Succeed", "Failed", "Cancelled"] {
        let claim = format!("a bulk load ends as {outcome}");
        sim.sometimes(&claim, move |_| outcomes.contains(&outcome.to_owned()));
    }
    sim.sometimes("a node restarts", |view| view.restarts() > 0);
}

/// One interference of an operator with a bulk load. A refused one came too early or too late.
async fn interfere(client: &Client, partitions: u32, rng: &mut impl RngExt) {
    let _ = match rng.random_range(0..6) {
        0 => client.control(Control::Cancel).await,
        1 | 2 => {
            let paused = client.control(Control::Pause).await;
            rt::time::sleep(Duration::from_millis(rng.random_range(0..20_000))).await;
            paused.and(client.control(Control::Restart).await)
        }
        _ => client.balance(rng.random_range(0..partitions)).await,
    };
}

/// The interference of an operator who does not check whether files are being ingested: a cancel, or a move of all
/// primaries.
async fn interfere_with_ingestions(client: &Client, partitions: u32, rng: &mut impl RngExt) {
    loop {
        match client.query_bulk_load().await {
            Ok(load) if load.closed => return,
            Ok(load) if load.status == BulkLoadStatus::Ingesting => break,
            // Nothing else resumes a paused load. The request is refused unless the load is paused.
            _ => drop(client.control(Control::Restart).await),
        }
        rt::time::sleep(Duration::from_millis(500)).await;
    }
    rt::time::sleep(Duration::from_millis(rng.random_range(0..15_000))).await;
    if rng.random_range(0..3) == 0 {
        let _ = client.control(Control::Cancel).await;
        return;
    }
    for pid in 0..partitions {
        let _ = client.balance(pid).await;
        rt::time::sleep(Duration::from_millis(rng.random_range(0..1_000))).await;
    }
}
