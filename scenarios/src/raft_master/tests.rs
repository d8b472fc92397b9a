//! Three masters on the real loopback, each on its own multi-thread runtime and its own thread, as processes would be.
//! Nothing here is simulated, and no test asserts a duration.

use super::log_store::LogStore;
use super::store::{Batch, Store, StoreError};
use super::{Build, Client, MasterConfig, MasterError, StopOrder, run_master, run_master_on_signals};
use crate::loopback::{Addresses, Folder, Process, run};
use crate::rt::{sync::mpsc, task, time};
use openraft::storage::RaftLogStorage;
use std::collections::BTreeSet;
use std::future::ready;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Three masters' addresses and directories. Dropping it removes the directories.
struct Masters {
    peers: Vec<(u64, String, String)>,
    root: Folder,
    build: Build,
    retain_logs: u64,
    _addresses: Addresses,
}

type Running = Process<MasterError>;

impl Masters {
    fn new(name: &str, build: Build) -> Self {
        let root = Folder::new(&format!("raft-master-{name}"));
        let addresses = Addresses::take();
        let peers = (1..=3).map(|id| (id, addresses.next(), addresses.next())).collect();
        Self { peers, root, build, retain_logs: super::RETAIN_LOGS, _addresses: addresses }
    }

    fn config(&self, id: u64) -> MasterConfig {
        let data_dir = self.root.join(format!("master-{id}"));
        let mut config = MasterConfig::new(id, self.peers.clone(), data_dir, self.build);
        (_, config.raft_listen, config.api_listen) = self.peers[usize::try_from(id).unwrap() - 1].clone();
        config.pause_before_close = Duration::from_millis(50);
        config.retain_logs = self.retain_logs;
        config
    }

    fn start(&self, id: u64) -> Running {
        let config = self.config(id);
        Process::start(|stop| run_master(config, stop))
    }

    fn client(&self) -> Client {
        Client::new(self.peers.iter().map(|peer| peer.2.clone()).collect()).give_up_after(Duration::from_secs(120))
    }

    async fn leader(&self, client: &Client) -> u64 {
        loop {
            for (_, _, api) in &self.peers {
                if let Ok(status) = client.status(api).await
                    && status.meta_ready
                {
                    return status.id;
                }
            }
            time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until master `id` serves. Upstream's builds do not survive a stop before that.
    async fn serves(&self, id: u64, client: &Client) {
        let api = &self.peers[usize::try_from(id).unwrap() - 1].2;
        while client.status(api).await.is_err() {
            time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn applied_everywhere(&self, client: &Client, index: u64) {
        for (_, _, api) in &self.peers {
            while !client.status(api).await.is_ok_and(|status| status.applied >= index) {
                time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    fn stored(&self, id: u64) -> Vec<(String, String)> {
        let store = Arc::new(Store::open(&self.root.join(format!("master-{id}/metadata.redb"))).unwrap());
        store.scan(format_args!("test"), "").unwrap()
    }
}

fn volumes(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("v{number:03}")).collect()
}

#[test]
fn acknowledged_changes_outlive_the_leader_and_every_restart() {
    for build in [Build::Sound, Build::Patched, Build::Shipped] {
        let cluster = Masters::new(&format!("outlives-{build:?}"), build);
        let mut masters: Vec<Option<Running>> = (1..=3).map(|id| Some(cluster.start(id))).collect();
        run(async {
            let client = cluster.client();
            for name in volumes(0..50) {
                client.create_volume(&name).await.unwrap();
            }
            client.register_node("dn-1:17310").await.unwrap();
            client.heartbeat("dn-1:17310").await.unwrap();
            assert_eq!(client.create_partition("v000").await.unwrap(), 1);

            let first = cluster.leader(&client).await;
            let index = usize::try_from(first).unwrap() - 1;
            masters[index].take().unwrap().stop().unwrap();
            client.create_volume("v050").await.unwrap();
            assert_ne!(cluster.leader(&client).await, first);
            assert_eq!(client.create_partition("v000").await.unwrap(), 2);
            masters[index] = Some(cluster.start(first));
            cluster.serves(first, &client).await;

            for id in 1..=3 {
                let index = usize::try_from(id).unwrap() - 1;
                masters[index].take().unwrap().stop().unwrap();
                assert_eq!(client.list_volumes().await.unwrap(), volumes(0..51));
                masters[index] = Some(cluster.start(id));
                cluster.serves(id, &client).await;
                assert_eq!(client.list_volumes().await.unwrap(), volumes(0..51));
            }
            client.delete_volume("v050").await.unwrap();
            assert!(!client.has_volume("v050").await.unwrap());
            assert_eq!(client.list_partitions().await.unwrap(), [1, 2]);
            assert_eq!(client.list_nodes().await.unwrap(), ["dn-1:17310"]);

            let leader = cluster.leader(&client).await;
            let api = &cluster.peers[usize::try_from(leader).unwrap() - 1].2;
            let applied = client.status(api).await.unwrap().applied;
            cluster.applied_everywhere(&client, applied).await;
        });
        for master in masters {
            master.unwrap().stop().unwrap();
        }
        let expected = without_position(cluster.stored(1));
        assert_eq!(expected, without_position(cluster.stored(2)));
        assert_eq!(expected, without_position(cluster.stored(3)));
    }
}

/// A later leader's blank entry may be on one master only.
fn without_position(mut keys: Vec<(String, String)>) -> Vec<(String, String)> {
    keys.retain(|(key, _)| key.starts_with('#'));
    keys
}

#[test]
fn a_sound_master_stops_clean_under_load_twenty_times() {
    let cluster = Masters::new("load", Build::Sound);
    let mut masters: Vec<Option<Running>> = (1..=3).map(|id| Some(cluster.start(id))).collect();
    run(async {
        let cluster = &cluster;
        let writing = Arc::new(AtomicBool::new(true));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (client, writing) = (cluster.client(), Arc::clone(&writing));
                task::spawn(async move {
                    let mut acknowledged = BTreeSet::new();
                    for number in 0.. {
                        if !writing.load(Ordering::Relaxed) {
                            break;
                        }
                        let name = format!("w{writer}-{number}");
                        client.create_volume(&name).await.unwrap();
                        acknowledged.insert(name);
                    }
                    acknowledged
                })
            })
            .collect();
        let client = cluster.client();
        for stop in 0..20_u64 {
            client.create_volume(&format!("s{stop}")).await.unwrap();
            let id = stop % 3 + 1;
            let index = usize::try_from(id).unwrap() - 1;
            masters[index].take().unwrap().stop().unwrap();
            masters[index] = Some(cluster.start(id));
        }
        writing.store(false, Ordering::Relaxed);
        let mut acknowledged = BTreeSet::new();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        let there: BTreeSet<String> = client.list_volumes().await.unwrap().into_iter().collect();
        assert!(acknowledged.is_subset(&there), "lost: {:?}", acknowledged.difference(&there));
    });
    for master in masters {
        master.unwrap().stop().unwrap();
    }
}

#[test]
fn a_master_that_was_down_for_long_catches_up_from_a_snapshot() {
    for build in [Build::Sound, Build::Shipped] {
        let mut cluster = Masters::new(&format!("snapshot-{build:?}"), build);
        cluster.retain_logs = 20;
        let mut masters: Vec<Option<Running>> = (1..=3).map(|id| Some(cluster.start(id))).collect();
        run(async {
            let client = cluster.client();
            client.create_volume("v000").await.unwrap();
            let down = cluster.leader(&client).await % 3 + 1;
            let index = usize::try_from(down).unwrap() - 1;
            masters[index].take().unwrap().stop().unwrap();
            for name in volumes(1..150) {
                client.create_volume(&name).await.unwrap();
            }
            masters[index] = Some(cluster.start(down));
            cluster.applied_everywhere(&client, 150).await;
            // The others stop one by one, so that the returned master must be able to go on with either of them.
            for id in (1..=3).filter(|id| *id != down) {
                let index = usize::try_from(id).unwrap() - 1;
                masters[index].take().unwrap().stop().unwrap();
                assert_eq!(client.list_volumes().await.unwrap(), volumes(0..150));
                masters[index] = Some(cluster.start(id));
                cluster.serves(id, &client).await;
            }
        });
        for master in masters {
            master.unwrap().stop().unwrap();
        }
        let expected = without_position(cluster.stored(1));
        assert_eq!(expected, without_position(cluster.stored(2)));
        assert_eq!(expected, without_position(cluster.stored(3)));
        for id in 1..=3 {
            let (mut log, _) = LogStore::open(&cluster.root.join(format!("master-{id}/raft.redb"))).unwrap();
            let purged = run(log.get_log_state()).unwrap().last_purged_log_id.unwrap();
            assert!(purged.index > 50, "the log of master {id} was cut behind a snapshot: {purged}");
        }
    }
}

#[test]
fn a_stop_during_the_start_waits_in_the_sound_build_and_kills_the_others() {
    let cluster = Masters::new("early", Build::Sound);
    run(run_master(cluster.config(1), ready(()))).unwrap();
    for build in [Build::Shipped, Build::Patched] {
        let config = MasterConfig { build, ..cluster.config(2) };
        let ended = thread::spawn(move || run(run_master(config, ready(())))).join();
        assert!(ended.is_err(), "{build:?} found no cluster to stop");
    }
}

#[test]
fn a_second_stop_is_harmless_since_the_stop_flag() {
    for build in [Build::Patched, Build::Sound] {
        let cluster = Masters::new(&format!("twice-{build:?}"), build);
        let config = cluster.config(1);
        let (signal, signals) = mpsc::unbounded_channel();
        let ended = thread::spawn(move || run(run_master_on_signals(config, signals)));
        run(async {
            cluster.serves(1, &cluster.client()).await;
            // The API serves a moment before the start has finished.
            time::sleep(Duration::from_millis(200)).await;
        });
        signal.send(()).unwrap();
        signal.send(()).unwrap();
        ended.join().unwrap().unwrap();
    }
}

#[test]
fn a_master_names_the_address_that_is_taken() {
    let cluster = Masters::new("taken", Build::Sound);
    let _taken = TcpListener::bind(&cluster.peers[0].1).unwrap();
    let error = run(run_master(cluster.config(1), std::future::pending())).unwrap_err();
    assert!(error.to_string().contains(&cluster.peers[0].1), "{error}");
}

#[test]
fn a_batch_that_spans_the_close_finds_the_store_closed() {
    let cluster = Masters::new("store", Build::Shipped);
    std::fs::create_dir_all(&*cluster.root).unwrap();
    let store = Arc::new(Store::open(&cluster.root.join("metadata.redb")).unwrap());
    let mut batch = Batch::default();
    batch.put("#vol#a", "1");
    assert!(!store.batch_write(format_args!("apply 1"), &batch).unwrap());
    assert!(store.batch_write(format_args!("apply 2"), &batch).unwrap());

    // Writes as fast as possible with a close in the middle: each writer ends with `Closed` and in no other way.
    let written = Arc::new(AtomicU64::new(0));
    let writer = {
        let (store, written) = (Arc::clone(&store), Arc::clone(&written));
        thread::spawn(move || {
            loop {
                match store.batch_write(format_args!("apply"), &batch) {
                    Ok(_) => written.fetch_add(1, Ordering::Relaxed),
                    Err(error) => return error,
                };
            }
        })
    };
    while written.load(Ordering::Relaxed) < 10 {
        thread::yield_now();
    }
    store.close();
    assert!(matches!(writer.join().unwrap(), StoreError::Closed));
    assert!(matches!(store.get(format_args!("test"), "#vol#a"), Err(StoreError::Closed)));
}

#[test]
fn the_shipped_build_stops_raft_first_by_default() {
    assert_eq!(StopOrder::default(), StopOrder::RaftFirst);
    assert_eq!(Masters::new("orders", Build::Shipped).config(1).stop_order, StopOrder::RaftFirst);
}
