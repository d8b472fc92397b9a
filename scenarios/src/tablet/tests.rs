//! A topology server, a source tablet and a shard of two on the real loopback, each on its own multi-thread runtime and
//! its own thread, as processes would be. Nothing here is simulated. Only the sound build runs here: upstream's builds
//! end their process.

use super::{
    Action, Build, Client, Options, TabletConfig, TabletError, TopoServerConfig, VDiffSummary, Workflow, run_tablet,
    run_topo_server, shard_records,
};
use crate::line_protocol::Lines;
use crate::loopback::{Addresses, Folder, Process, run};
use crate::rt::time;
use std::time::Duration;

/// Addresses and directories. Dropping it removes the directories.
struct TestCluster {
    root: Folder,
    addresses: [String; 7],
    _taken: Addresses,
    backups: [Vec<String>; 2],
}

const TABLETS: [&str; 3] = ["source-0", "target-0", "target-1"];

impl TestCluster {
    /// A topology with these statements as its source and target tables.
    fn new(name: &str, source: &str, target: &str) -> Self {
        let root = Folder::new(&format!("tablet-{name}"));
        let taken = Addresses::take();
        let addresses = taken.several();
        Self { root, addresses, _taken: taken, backups: [source, target].map(|statements| vec![statements.to_owned()]) }
    }

    fn start_topo(&self) -> Process<std::io::Error> {
        let config = TopoServerConfig {
            listen: self.addresses[0].clone(),
            data_dir: self.root.join("topo"),
            initial: shard_records(&[("commerce", "0", TABLETS[0]), ("customer", "0", TABLETS[1])]),
        };
        Process::start(|stop| run_topo_server(config, stop))
    }

    fn start(&self, tablet: usize) -> Process<TabletError> {
        let is_source = tablet == 0;
        let keyspace = if is_source { "commerce" } else { "customer" };
        let config = TabletConfig {
            rpc_listen: self.addresses[1 + tablet].clone(),
            rpc_address: self.addresses[1 + tablet].clone(),
            query_listen: self.addresses[4 + tablet].clone(),
            data_dir: self.root.join(TABLETS[tablet]),
            backup: self.backups[usize::from(!is_source)].clone(),
            workflow: Workflow {
                name: "commerce2customer".to_owned(),
                source: ("commerce".to_owned(), "0".to_owned()),
                tables: vec!["orders".to_owned(), "region".to_owned()],
                reference_tables: vec!["region".to_owned()],
            },
            ..TabletConfig::new(TABLETS[tablet], keyspace, "0", &self.addresses[0], Build::Sound)
        };
        let config = if is_source { config } else { config.beside(&TABLETS[1..]) };
        Process::start(|stop| run_tablet(config, stop))
    }

    fn client(&self) -> Client {
        Client::new(&self.addresses[0], "customer", "0")
    }
}

/// Two tables: `orders` with those of so many rows that `keep` selects, and `region` with so many rows.
fn tables(orders: u32, keep: &str, regions: u32) -> String {
    let keys = |last| {
        format!(
            "WITH RECURSIVE keys (pk) AS (SELECT 1 WHERE {last} > 0 UNION ALL SELECT pk + 1 FROM keys WHERE pk < {last})"
        )
    };
    format!(
        "CREATE TABLE orders (pk INTEGER PRIMARY KEY, val TEXT NOT NULL); CREATE TABLE region (pk INTEGER PRIMARY KEY, val TEXT NOT NULL);
         {} INSERT INTO orders SELECT pk, 'o' || pk FROM keys WHERE {keep}; {} INSERT INTO region SELECT pk, 'r' FROM keys;",
        keys(orders),
        keys(regions)
    )
}

async fn ended(client: &Client, uuid: &str) -> VDiffSummary {
    loop {
        let vdiffs = client.show().await.unwrap_or_default();
        let vdiff = vdiffs.into_iter().find(|vdiff| vdiff.uuid == uuid);
        if let Some(vdiff) = vdiff.filter(|vdiff| matches!(vdiff.state.as_str(), "completed" | "error")) {
            return vdiff;
        }
        time::sleep(Duration::from_millis(50)).await;
    }
}

async fn create(client: &Client, uuid: &str) {
    while client.create(uuid, Options::default()).await.is_err() {
        time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn a_vdiff_finds_the_differences_and_survives_reparents_and_restarts() {
    let cluster =
        TestCluster::new("reparent", &tables(12_000, "pk % 5000 != 1", 3), &tables(12_000, "pk % 5000 != 2", 3));
    let topo = cluster.start_topo();
    let mut tablets: Vec<Option<Process<_>>> = (0..3).map(|tablet| Some(cluster.start(tablet))).collect();
    run(async {
        let client = cluster.client();
        create(&client, "first").await;
        let first = ended(&client, "first").await;
        assert_eq!(first.state, "completed");
        let done = "completed".to_owned();
        assert_eq!(
            first.tables,
            [("orders".to_owned(), done.clone(), 12_000, true), ("region".to_owned(), done, 3, false)]
        );

        create(&client, "second").await;
        while client.planned_reparent("target-1").await.is_err() {
            time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(ended(&client, "second").await.tables, first.tables);
        create(&client, "third").await;
        tablets[2].take().unwrap().stop().unwrap();
        tablets[2] = Some(cluster.start(2));
        assert_eq!(ended(&client, "third").await.tables, first.tables);
        while client.vdiff(Action::Delete, "third").await.is_err() {
            time::sleep(Duration::from_millis(50)).await;
        }
        assert!(client.show().await.unwrap().iter().all(|vdiff| vdiff.uuid != "third"));

        let mut lines = Lines::connect(&cluster.addresses[6]).await.unwrap();
        let answer = lines.query(None, "SELECT count(*) FROM region").await.unwrap();
        assert_eq!(answer.rows, [["3"]]);
        assert!(lines.query(None, "DELETE FROM region").await.is_err());
    });
    for tablet in tablets {
        tablet.unwrap().stop().unwrap();
    }
    topo.stop().unwrap();
}

#[test]
fn a_panic_ends_a_diff_and_not_the_tablet() {
    let cluster = TestCluster::new("contained", &tables(10, "true", 3), &tables(10, "true", 0));
    let topo = cluster.start_topo();
    let tablets: Vec<Process<_>> = (0..3).map(|tablet| cluster.start(tablet)).collect();
    run(async {
        let client = cluster.client();
        create(&client, "divides").await;
        let vdiff = ended(&client, "divides").await;
        assert_eq!(vdiff.state, "error");
        assert!(vdiff.last_error.contains("divisor of zero"), "{}", vdiff.last_error);
    });
    for tablet in tablets {
        tablet.stop().unwrap();
    }
    topo.stop().unwrap();
}
