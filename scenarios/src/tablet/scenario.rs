//! The tablet as a scenario: a shard with its replica, the shard that it was copied from, a topology server, VDiffs
//! that operators create, stop and delete, reparents and deaths, and the claims about them. It uses the tablet's entry
//! points only.

use super::client::Client;
use super::config::{TabletConfig, Workflow};
use super::rows::{Row, rows_of_table};
use super::rpc::{Action, Options};
use super::topo_records::shard_records;
use super::topo_server::{TopoServerConfig, run_topo_server};
use super::vttablet::run_tablet;
use crate::release::{BUILDS, PATCHED, SHIPPED};
use crate::rt;
use afterlife::{Faults, Ledger, Link, Need, Node, NodeResult, Rng, Scenario, Sim, Supervisor};
use rand::RngExt;
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::time::Duration;

/// The scenario in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("tablet", script)
        .about("Vitess: a tablet that dies during a VDiff never starts again")
        .builds(&BUILDS)
        .seeds(2_000)
        .issue("vitessio/vitess#17637")
        .breaks(&[(SHIPPED, CRASH_LOOP), (PATCHED, CRASH_LOOP)])
        .variants(super::variants::VARIANTS)
        .portable()
}

/// The reported crash, and the one that upstream's fix leaves: a diff that kills its tablet every time.
const CRASH_LOOP: &str = "no-crash-loop";

/// The tablets of the verified shard. The first starts as primary.
const TARGETS: [&str; 2] = ["target-0", "target-1"];
/// The tablet of the shard that it was copied from.
const SOURCE: &str = "source-0";
const TOPO: &str = "topo:2379";
const KEYSPACE: &str = "customer";
const SOURCE_KEYSPACE: &str = "commerce";
const SHARD: &str = "0";
const WORKFLOW: &str = "commerce2customer";

/// A tablet's memory, in bytes.
const MEMORY: u64 = 8 << 20;

/// One table as the seed draws it: keys 1 to `rows`, except for some that one side lacks.
#[derive(Clone, Debug)]
struct Table {
    name: &'static str,
    rows: u64,
    /// One in so many rows is missing in the target, one in the source, and one differs; 0 for none.
    odd: u64,
    /// The width of a row's text.
    width: u64,
    /// The number of rows in the target, if its copy was cut short.
    copied: Option<u64>,
}

impl Table {
    /// The statements that create it on one side.
    fn backup(&self, is_source: bool) -> String {
        let Self { name, rows, odd, width, copied } = self;
        let last = if is_source { *rows } else { copied.unwrap_or(*rows) };
        let (gap, differs) = if is_source { (2, "pk % 97") } else { (1, &*format!("pk % 97 + (pk % {odd} = 3)")) };
        let (skip, value) =
            if *odd == 0 { (String::new(), "pk % 97") } else { (format!(" WHERE pk % {odd} != {gap}"), differs) };
        format!(
            "CREATE TABLE {name} (pk INTEGER PRIMARY KEY, val TEXT NOT NULL,
                 body TEXT GENERATED ALWAYS AS (printf('%.*c', {width}, 'x')) VIRTUAL);
             WITH RECURSIVE keys (pk) AS (SELECT 1 WHERE {last} > 0 UNION ALL SELECT pk + 1 FROM keys WHERE pk < {last})
             INSERT INTO {name} (pk, val) SELECT pk, {value} FROM keys{skip};"
        )
    }
}

/// The seed's draws, except for faults.
#[derive(Clone, Debug)]
struct Workload {
    tables: Vec<Table>,
    vdiffs: u32,
    auto_retry: bool,
    max_diff_duration_s: u64,
    reparents: bool,
    /// The number of failed checks of a primary before another tablet takes over.
    patience: u32,
    /// A VDiff is running, and the shard reparented, when the engine retries VDiffs.
    late: bool,
}

impl Workload {
    fn draw(rng: &mut Rng) -> Self {
        let table = |name, rows, odd, width| Table { name, rows, odd, width, copied: None };
        let mut tables = vec![
            table("customer", rng.random_range(200..900), 50, 12),
            table("orders", rng.random_range(10_100..12_000), 1_000, 8),
        ];
        // An incomplete copy, as in #19140: a reference table with rows on one side only.
        if rng.random_range(0..8) == 0 {
            tables.push(Table { copied: Some(0), ..table("region", rng.random_range(5..50), 0, 20) });
        } else if rng.random_range(0..2) == 0 {
            tables.push(table("region", rng.random_range(5..50), 0, 20));
        }
        // Wide rows of which the target has few: all others are extra, and kept.
        if rng.random_range(0..5) == 0 {
            let rows = rng.random_range(120..260);
            tables.push(Table { copied: Some(rows / 10), ..table("attachment", rows, 0, 40_000) });
        }
        // Wide rows take longer, and two diffs halve the bandwidth. Without time for one packet, a diff makes no
        // progress.
        let is_wide = tables.iter().any(|table| table.width > 1_000);
        let max_diff_duration_s = if !is_wide && rng.random_range(0..6) == 0 { 2 } else { 0 };
        Self {
            tables,
            vdiffs: if max_diff_duration_s > 0 { 1 } else { rng.random_range(1..=2) },
            auto_retry: rng.random_range(0..4) > 0,
            max_diff_duration_s,
            reparents: rng.random_range(0..3) == 0,
            patience: [3, 30][rng.random_range(0..2)],
            late: rng.random_range(0..6) == 0,
        }
    }

    fn backup(&self, is_source: bool) -> Vec<String> {
        self.tables.iter().map(|table| table.backup(is_source)).collect()
    }

    /// The number of rows that a whole diff of each table compares.
    fn compared(&self) -> BTreeSet<(String, u64)> {
        self.tables.iter().map(|table| (table.name.to_owned(), table.rows)).collect()
    }

    fn options(&self) -> Options {
        let Self { auto_retry, max_diff_duration_s, .. } = *self;
        Options { auto_retry, max_diff_duration_s, ..Options::default() }
    }
}

crate::release::named_as!(super::build::Build);

/// The bandwidth for rows from the source.
const ROWS_BYTES_PER_S: u64 = 400_000;

/// Reads the rows of a table as slowly as a narrow link would transmit them.
fn rows_read_slowly(db: &Connection, table: &str, after: i64, bytes_max: usize) -> rusqlite::Result<Vec<Row>> {
    let rows = rows_of_table(db, table, after, bytes_max)?;
    let bytes: usize = rows.iter().map(Row::bytes).sum();
    std::thread::sleep(Duration::from_nanos(bytes as u64 * 1_000_000_000 / ROWS_BYTES_PER_S));
    Ok(rows)
}

/// A tablet's configuration. Without narrow links, the source itself is slow.
fn config(name: &str, workload: &Workload, build: super::build::Build, narrow: bool) -> TabletConfig {
    let is_source = name == SOURCE;
    let backup = workload.backup(is_source);
    if is_source {
        let rows = if narrow { rows_of_table } else { rows_read_slowly };
        return TabletConfig { backup, rows, ..TabletConfig::new(name, SOURCE_KEYSPACE, SHARD, TOPO, build) };
    }
    let workflow = Workflow {
        name: WORKFLOW.to_owned(),
        source: (SOURCE_KEYSPACE.to_owned(), SHARD.to_owned()),
        tables: workload.tables.iter().map(|table| table.name.to_owned()).collect(),
        reference_tables: vec!["region".to_owned()],
    };
    TabletConfig { backup, workflow, ..TabletConfig::new(name, KEYSPACE, SHARD, TOPO, build) }.beside(&TARGETS)
}

async fn tablet(node: Node, config: TabletConfig) -> NodeResult {
    Ok(run_tablet(config, node.stopping()).await?)
}

fn topology() -> TopoServerConfig {
    TopoServerConfig::new(shard_records(&[(SOURCE_KEYSPACE, SHARD, SOURCE), (KEYSPACE, SHARD, TARGETS[0])]))
}

/// Creates VDiffs, stops, resumes and deletes some, and reparents the shard. A VDiff whose creation fails is not
/// expected to end.
async fn operate(node: Node, workload: Workload, wanted: Ledger<String>) -> NodeResult {
    let (mut rng, client, begun) = (node.rng(), client(), rt::time::Instant::now());
    for number in 0..workload.vdiffs {
        rt::time::sleep(ms(rng.random_range(500..4_000))).await;
        let uuid = format!("vdiff-{number}");
        if client.create(&uuid, workload.options()).await.is_err() {
            continue;
        }
        match rng.random_range(0..6) {
            0 => {
                rt::time::sleep(ms(rng.random_range(0..4_000))).await;
                let _ = client.vdiff(Action::Stop, &uuid).await;
                rt::time::sleep(ms(rng.random_range(0..4_000))).await;
                if client.vdiff(Action::Resume, &uuid).await.is_err() {
                    continue;
                }
            }
            1 => {
                rt::time::sleep(ms(rng.random_range(0..6_000))).await;
                let _ = client.vdiff(Action::Delete, &uuid).await;
                continue;
            }
            _ => {}
        }
        wanted.note(uuid);
        if workload.reparents {
            rt::time::sleep(ms(rng.random_range(0..5_000))).await;
            // `vtorc` repairs a reparent that fails halfway.
            let _ = client.planned_reparent(TARGETS[(number as usize + 1) % TARGETS.len()]).await;
        }
    }
    if workload.late {
        rt::time::sleep_until(begun + ms(rng.random_range(28_500..29_900))).await;
        if client.create("late", workload.options()).await.is_ok() {
            wanted.note("late".to_owned());
        }
        rt::time::sleep_until(begun + ms(rng.random_range(29_900..30_600))).await;
        if let Ok(primary) = client.primary().await {
            let other = TARGETS[usize::from(primary.alias == TARGETS[0])];
            let _ = client.planned_reparent(other).await;
        }
    }
    rt::time::sleep(secs(10)).await;
    Ok(())
}

fn client() -> Client {
    Client::new(TOPO, KEYSPACE, SHARD)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn script(sim: &mut Sim) {
    let release = super::build::Build::from(sim.build());
    let mut rng = sim.rng();
    let workload = Workload::draw(&mut rng);
    // Otherwise every panic would end the run before the process restarts, and hide how the process dies.
    sim.turn_off("no-silent-panic");
    let depth = rng.random_range(0..4);
    if release != super::build::Build::Sound {
        // The same goes for the steps that lead there. A quarter of the runs ends with the first step, a quarter with
        // the second, and the others go on to the end, whatever else is affected first. The sound build has to hold all
        // claims at once.
        let steps = ["no-use-before-init", "notify-before-close", "no-use-after-teardown", "blast-radius"];
        for step in &steps[..[0, 1, 4, 4][depth]] {
            sim.turn_off(step);
        }
        // A Go process ends with its goroutines where they are, and mysqld is not one of its threads.
        sim.turn_off("nothing-left");
    }
    sim.latency(ms(1), ms(rng.random_range(2..20)));

    let topo = sim.node("topo", |node| async move { Ok(run_topo_server(topology(), node.stopping()).await?) });
    let narrow = sim.supports(Need::BadLinks);
    let (of_source, of_targets) = (workload.clone(), workload.clone());
    let source = sim.node(SOURCE, move |node| tablet(node, config(node.name(), &of_source, release, narrow)));
    let targets =
        sim.nodes("target", TARGETS.len(), move |node| tablet(node, config(node.name(), &of_targets, release, narrow)));
    sim.workers(source.and(targets), 2);
    // With a near topology, a start and its first watch are equally fast. With a far one, a close has to wait.
    let farthest =
        if rng.random_range(0..2) == 0 { rng.random_range(5_000..40_000) } else { rng.random_range(100..1_500) };
    sim.link(topo, source.and(targets), Link::between(us(50.max(farthest / 2)), us(farthest)));
    sim.bound("no-spin", 20_000_u64);
    let link = Link::between(ms(1), ms(10));
    sim.link(source, targets, if narrow { link.bandwidth(ROWS_BYTES_PER_S) } else { link });
    if sim.supports(Need::Memory) {
        sim.memory_budget(targets, MEMORY);
    }
    for tablets in [topo, source, targets] {
        sim.supervise(tablets, Supervisor::on_failure().delay(secs(1)).backoff(2, secs(5)));
    }
    let patience = workload.patience;
    sim.node("vtorc", move |_| async move {
        let client = client();
        let mut failed = 0;
        loop {
            failed = client.check_shard(&TARGETS, failed, patience).await;
            rt::time::sleep(secs(1)).await;
        }
    });

    let wanted = sim.ledger::<String>("vdiffs that should end");
    let ended = sim.ledger::<String>("vdiffs that have ended");
    let compared = sim.ledger::<(String, u64)>("compared tables");
    let drawn = workload.clone();
    sim.client("operator", move |node| operate(node, drawn.clone(), wanted));
    sim.verifier("auditor", move |_| async move {
        let client = client();
        while !wanted.is_within(ended) {
            for vdiff in client.show().await.unwrap_or_default() {
                let is_over = matches!(vdiff.state.as_str(), "completed" | "error");
                if !is_over || !wanted.contains(&vdiff.uuid) || ended.contains(&vdiff.uuid) {
                    continue;
                }
                for (table, state, rows, _) in vdiff.tables {
                    if state == "completed" {
                        compared.note((table, rows));
                    }
                }
                ended.note(vdiff.uuid);
            }
            rt::time::sleep(secs(1)).await;
        }
        // Nothing was left half-done: each tablet can become primary, and step down again.
        for tablet in TARGETS {
            while client.planned_reparent(tablet).await.is_err() {
                rt::time::sleep(secs(1)).await;
            }
        }
        Ok(())
    });

    let faults =
        || Faults::none().starting_at(Duration::ZERO).quiet_after(secs(20)).downtime(ms(100), secs(12)).at_most(3);
    sim.faults(
        targets,
        faults()
            .stops(secs(60))
            .kills()
            .power_losses()
            .memory_pressure(MEMORY / 64, MEMORY / 4, secs(3))
            .slow_disks(ms(200), secs(5), secs(40))
            .pauses(ms(100), secs(8))
            .aimed_at("use vdiff controllers", 3)
            .aimed_at("open topo server", 2),
    );
    // A disk that is slow while a database is created: a start waits for grants that come late.
    let boots = faults().at_most(2).slow_disks(secs(5), secs(7), secs(40)).aimed_at("phase restoring", 1);
    sim.faults(targets, boots);
    // Nobody answers, not even the client's close.
    let links = faults().at_most(2).kills().partitions().held_links(secs(5)).aimed_at("close topo server", 2);
    sim.faults(topo.and(source).and(targets), links);
    let whole = workload.compared();
    sim.always("a compared table counts each of its rows once", move |_| compared.all(|table| whole.contains(table)));
    sim.eventually("every vdiff that was not stopped ends", secs(240), move |_| wanted.is_within(ended));
    sim.sometimes("a tablet restarts", |view| view.restarts() > 0);
    sim.sometimes("a vdiff completes", move |_| !compared.is_empty());
}
