//! The layout of the network: names, ports, and the configuration of each process.
//! It starts nothing.

use crate::{coordinator, proxy, raft_master, replica_loader, tablet};
use afterlife::Build;

pub(super) const MASTERS: usize = 3;
pub(super) const REPLICA_SERVERS: usize = 4;
pub(super) const WORKERS: usize = 2;
pub(super) const PROXIES: usize = 2;
/// The number of the app's partitions.
pub(super) const PARTITIONS: u32 = 4;

/// The tablets of the verified shard. The first starts as primary.
pub(super) const TARGETS: [&str; 2] = ["target-0", "target-1"];
pub(super) const SOURCE: &str = "source-0";
pub(super) const TOPO: &str = "topo:2379";
pub(super) const SHARD: &str = "0";
pub(super) const SOURCE_KEYSPACE: &str = "files";
pub(super) const KEYSPACE: &str = "loaded";
pub(super) const META: &str = "meta:34601";
/// The table that is loaded, queried and verified.
pub(super) const TABLE: &str = "app";

/// Upstream retains 20 000 log entries; a run makes a few dozen.
const RETAIN_LOGS: u64 = 24;

/// The release of each system.
#[derive(Clone, Copy, Debug)]
pub(super) struct Releases {
    pub(super) raft_master: Build,
    pub(super) replica_loader: Build,
    pub(super) coordinator: Build,
    pub(super) proxy: Build,
    pub(super) tablet: Build,
}

impl Releases {
    /// The same build for all systems.
    pub(super) fn all(build: Build) -> Self {
        Self { raft_master: build, replica_loader: build, coordinator: build, proxy: build, tablet: build }
    }
}

pub(super) fn masters() -> Vec<String> {
    (0..MASTERS).map(|index| format!("master-{index}:8080")).collect()
}

pub(super) fn master(index: usize, build: Build) -> raft_master::MasterConfig {
    let peers =
        (0..MASTERS).map(|peer| (peer as u64 + 1, format!("master-{peer}:7001"), format!("master-{peer}:8080")));
    let release = build.into();
    let mut config = raft_master::MasterConfig::new(index as u64 + 1, peers.collect(), "/var/lib/master", release);
    config.retain_logs = RETAIN_LOGS;
    config
}

pub(super) fn meta() -> replica_loader::MetaConfig {
    let nodes = (0..REPLICA_SERVERS).map(|index| format!("replica-{index}:34801")).collect();
    replica_loader::MetaConfig {
        listen: "0.0.0.0:34601".to_owned(),
        nodes,
        partitions: PARTITIONS,
        request_interval: replica_loader::BULK_LOAD_REQUEST_INTERVAL,
    }
}

pub(super) fn replica_server(name: &str, build: Build) -> replica_loader::ReplicaServerConfig {
    replica_loader::ReplicaServerConfig {
        address: format!("{name}:34801"),
        listen: "0.0.0.0:34801".to_owned(),
        rows_address: format!("{name}:34802"),
        rows_listen: "0.0.0.0:34802".to_owned(),
        meta: META.to_owned(),
        block_service: "block-service:80".to_owned(),
        data_dir: "/var/lib/replicas".into(),
        build: build.into(),
    }
}

pub(super) fn coordinator(build: Build) -> coordinator::ServerConfig {
    let workers = (0..WORKERS).map(|index| format!("worker-{index}:8124")).collect();
    let release = build.into();
    coordinator::ServerConfig {
        partitions: PARTITIONS,
        ..coordinator::ServerConfig::new("coordinator", workers, release)
    }
}

pub(super) fn worker(build: Build) -> coordinator::WorkerConfig {
    coordinator::WorkerConfig::new(build.into())
}

/// The proxies know two groups: queries and kills go to the coordinator, everything else to the tablets.
pub(super) fn proxy(index: usize, build: Build) -> proxy::ProxyConfig {
    let release = build.into();
    let mut config = proxy::ProxyConfig::new(release, proxy::Flavour::Debug, "/var/lib/proxysql");
    config.peers = (0..PROXIES).filter(|peer| *peer != index).map(|peer| format!("proxy-{peer}:6032")).collect();
    let group = |number, servers: Vec<String>| proxy::Hostgroup {
        writer: number,
        reader: number + 1,
        group_replication: false,
        servers,
    };
    config.hostgroups = vec![
        group(10, TARGETS.iter().map(|target| format!("{target}:15306")).collect()),
        group(20, vec!["coordinator:9000".to_owned()]),
    ];
    config.rules = vec![("select from".to_owned(), 21), ("kill".to_owned(), 21)];
    config
}

pub(super) fn tablet(name: &str, backup: Vec<String>, build: Build) -> tablet::TabletConfig {
    if name == SOURCE {
        let config = tablet::TabletConfig::new(name, SOURCE_KEYSPACE, SHARD, TOPO, build.into());
        return tablet::TabletConfig { backup, ..config };
    }
    let workflow = tablet::Workflow {
        name: "load".to_owned(),
        source: (SOURCE_KEYSPACE.to_owned(), SHARD.to_owned()),
        tables: vec![TABLE.to_owned()],
        reference_tables: Vec::new(),
    };
    let config = tablet::TabletConfig::new(name, KEYSPACE, SHARD, TOPO, build.into());
    tablet::TabletConfig { backup, workflow, ..config }.beside(&TARGETS)
}

pub(super) fn topology() -> tablet::TopoServerConfig {
    let shards = [(SOURCE_KEYSPACE, SHARD, SOURCE), (KEYSPACE, SHARD, TARGETS[0])];
    tablet::TopoServerConfig::new(tablet::shard_records(&shards))
}
