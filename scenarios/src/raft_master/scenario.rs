//! The raft master as scenarios: three masters under load, stops and slow disks, and the claims about them. They use
//! the master's entry points only.

use super::build::StopOrder;
use super::client::Client;
use super::config::MasterConfig;
use super::run::run_master_on_signals;
use crate::release::{BUILDS, PATCHED, SHIPPED};
use crate::rt;
use afterlife::{Faults, Node, NodeResult, Scenario, Sim, Variant};
use rand::RngExt;
use std::time::Duration;

/// The scenario in its three builds.
pub fn scenario() -> Scenario {
    Scenario::new("raft-master", |sim| script(sim, StopOrder::RaftFirst))
        .about("CubeFS: a stopping master closes its database under an apply in flight")
        .builds(&BUILDS)
        .seeds(2_000)
        .issue("cubefs/cubefs#3128")
        .breaks(&[(SHIPPED, CRASH), (PATCHED, CRASH)])
        .variants(VARIANTS)
        .portable()
}

/// The release before (M1): the database is closed while raft still runs.
pub fn database_first() -> Scenario {
    Scenario::new("raft-master-2614", |sim| script(sim, StopOrder::DatabaseFirst))
        .about("CubeFS: a stopping master closes its database while raft still runs")
        .builds(&[SHIPPED])
        .issue("cubefs/cubefs#2614")
        .breaks(&[(SHIPPED, CRASH)])
        .variants(&[Variant {
            name: "M1",
            build: SHIPPED,
            about: "the database is closed while raft still runs",
            signature: &[CRASH, "metadata-db"],
        }])
        .portable()
}

/// The trap for the obvious fix (M6).
pub fn joined_under_lock() -> Scenario {
    Scenario::new("raft-master-join", |sim| script(sim, StopOrder::RaftJoinedUnderLock))
        .about("CubeFS: the obvious fix of #3128 waits for an apply while holding the lock that the apply waits for")
        .builds(&[SHIPPED])
        .seeds(4_000)
        .issue("cubefs/cubefs#1112")
        .breaks(&[(SHIPPED, "bounded-shutdown")])
        .variants(&[Variant {
            name: "M6",
            build: SHIPPED,
            about: "the obvious fix: the stop joins the apply while holding the lock that the apply waits for",
            signature: &["bounded-shutdown"],
        }])
        .portable()
}

/// The known ways in which the releases break.
const VARIANTS: &[Variant] = &[
    Variant {
        name: "M2",
        build: SHIPPED,
        about: "the report: the database is closed under the apply in flight",
        signature: &[CRASH, "metadata-db"],
    },
    Variant {
        name: "M7",
        build: SHIPPED,
        about: "a signal arrives before the cluster exists",
        signature: &["no-use-before-init", "cluster", "raft_master/shutdown.rs"],
    },
    Variant {
        name: "M8",
        build: SHIPPED,
        about: "a second signal closes a closed channel",
        signature: &["close-once", "stopc"],
    },
    Variant {
        name: "M9",
        build: SHIPPED,
        about: "a leader's first message arrives before the cluster exists",
        signature: &["no-use-before-init", "cluster", "raft_master/server.rs · "],
    },
    Variant {
        name: "M3",
        build: PATCHED,
        about: "an apply outlasts the pause of 10 s",
        signature: &[CRASH, "metadata-db"],
    },
    Variant {
        name: "M7",
        build: PATCHED,
        about: "a signal arrives before the cluster exists",
        signature: &["no-use-before-init", "cluster", "raft_master/shutdown.rs"],
    },
    Variant {
        name: "M9",
        build: PATCHED,
        about: "a leader's first message arrives before the cluster exists",
        signature: &["no-use-before-init", "cluster", "raft_master/server.rs · "],
    },
];

/// The reported crash, and the part of it that upstream's fix leaves.
const CRASH: &str = "no-use-after-teardown";

/// The number of writing clients, and of volumes that each creates.
const CLIENTS: usize = 2;
const VOLUMES: usize = 25;

/// Upstream retains 20 000 entries of its log. A run produces about sixty, and a peer should fall behind by more than
/// the log retains.
const RETAIN_LOGS: u64 = 16;

/// The time that upstream's operators give a stopping master.
const BUDGET: Duration = Duration::from_secs(30);

/// The interval at which the overseer asks each master for its status.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK_TIMES: usize = 15;

fn peers() -> Vec<(u64, String, String)> {
    (0..3).map(|index| (index + 1, format!("master-{index}:7001"), format!("master-{index}:8080"))).collect()
}

fn addresses() -> Vec<String> {
    peers().into_iter().map(|(_, _, api)| api).collect()
}

crate::release::named_as!(super::build::Build);

/// One master's process, which receives every signal from the first line of `main` on.
pub(crate) async fn run_node(node: Node, config: MasterConfig) -> NodeResult {
    let (signal, signals) = rt::sync::mpsc::unbounded_channel();
    let mut stops = node.stop_requests();
    let forward = async move {
        loop {
            stops.next().await;
            // The send fails only once the master has ended, and this future ends with it.
            let _ = signal.send(());
        }
    };
    rt::select! {
        ended = run_master_on_signals(config, signals) => Ok(ended?),
        () = forward => Ok(()),
    }
}

fn script(sim: &mut Sim, stop_order: StopOrder) {
    let release = super::build::Build::from(sim.build());
    let masters = sim.nodes("master", 3, move |node| async move {
        let mut config = MasterConfig::new(node.index() as u64 + 1, peers(), "/var/lib/master", release);
        config.stop_order = stop_order;
        config.retain_logs = RETAIN_LOGS;
        run_node(node, config).await
    });
    sim.workers(masters, 2);
    let acked = sim.ledger::<String>("acknowledged volumes");
    let found = sim.ledger::<String>("volumes after recovery");
    for index in 0..CLIENTS {
        sim.client(&format!("client-{index}"), move |node| async move {
            let mut rng = node.rng();
            let client = Client::new(addresses());
            for number in 0..VOLUMES {
                let volume = format!("v{index}-{number}");
                if client.create_volume(&volume).await.is_ok() {
                    acked.note(volume);
                }
                rt::time::sleep(Duration::from_millis(rng.random_range(60..600))).await;
            }
            Ok(())
        });
    }
    sim.client("overseer", |_| async move {
        let client = Client::new(addresses());
        let mut applied = [0; 3];
        for _ in 0..ASK_TIMES {
            for (master, api) in addresses().iter().enumerate() {
                if let Ok(status) = client.status(api).await {
                    let before = std::mem::replace(&mut applied[master], status.applied);
                    afterlife_probe::always!(before <= status.applied, "a master's applied index never decreases");
                }
            }
            rt::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    });
    sim.verifier("auditor", move |_| async move {
        let client = Client::new(addresses());
        for volume in client.list_volumes().await? {
            found.note(volume);
        }
        found.complete();
        Ok(())
    });
    sim.faults(
        masters,
        Faults::none()
            .stops(BUDGET)
            .kills()
            .partitions()
            .slow_disks(Duration::from_secs(1), Duration::from_secs(16), Duration::from_millis(30))
            .starting_at(Duration::from_secs(2))
            .quiet_after(Duration::from_secs(10))
            .aimed_at("use metadata-db", 100)
            .at_most(4),
    );
    // Signals that come early and twice, from an operator who waits or does not, and machines that pause between two
    // lines of `Start`.
    sim.faults(
        masters,
        Faults::none()
            .repeated_stops(BUDGET, Duration::from_secs(12))
            .kills()
            .pauses(Duration::from_millis(100), Duration::from_secs(3))
            .starting_at(Duration::from_secs(2))
            .quiet_after(Duration::from_secs(25))
            .aimed_at("begin to open cluster", 1)
            .aimed_at("open metadata-db", 1)
            .at_most(3),
    );
    // A machine with fewer processors than threads: it holds `Start` between two lines, or the thread that reads for
    // it, while raft runs; or it holds the thread that applies.
    sim.faults(
        masters,
        Faults::none()
            .held_threads(Duration::from_secs(12))
            .held_at("begin to open cluster", 2)
            .held_at("open cluster", 2)
            .held_at("use metadata-db", 6)
            .held_at("use metadata-db", 100)
            .starting_at(Duration::ZERO)
            .quiet_after(Duration::from_secs(20))
            .at_most(1),
    );
    // A stop while the disk is busy with one apply.
    sim.faults(
        masters,
        Faults::none()
            .stops(BUDGET)
            .slow_disks(Duration::from_secs(1), Duration::from_secs(16), Duration::from_millis(30))
            .starting_at(Duration::from_secs(2))
            .quiet_after(Duration::from_secs(10))
            .aimed_at("use metadata-db", 100)
            .at_most(3),
    );
    // A machine that is overloaded.
    if sim.rng().random_range(0..4) == 0 {
        sim.thread_start_delay(Duration::from_millis(300));
    }
    sim.nothing_acked_is_lost(acked, found);
    sim.sometimes("a master restarts", |view| view.restarts() > 0);
}
