//! The CubeFS master, and the crash at its shutdown: cubefs/cubefs issue #3128, 2024-02-23.
//! It knows nothing of a simulator: these are openraft, redb, axum and hyper on stock tokio, and they run on Linux, too.
//!
//! # What happened
//!
//! A CubeFS master keeps its metadata in RocksDB and changes it through raft. Its raft runs in two goroutines: *run*
//! (ticks, messages, persistence), which hands what is committed to *runApply*, which writes one synced batch for each
//! entry. A master that was told to stop crashed now and then: SIGSEGV at address 0x50, in `rocksdb_write`, called by
//! `BatchPut`, called by `Apply`, called by `runApply`. Go's `recover` cannot catch it, for it happens in C.
//!
//! The stop had closed RocksDB while `runApply` was in the middle of a batch. The chain:
//!
//! | change | when | what it did |
//! |---|---|---|
//! | #1112 | 2021-02 | says that *"the stop raft operation did not wait for the runApply goroutine exit"*; closed unmerged |
//! | #2614 `273e2ead2` | 2023-09 | closes RocksDB at the stop, and so creates the bug: raft still runs |
//! | #2680 `022da12d5` | 2023-10 | stops raft first; but `stop()` waits for `run` alone |
//! | #3126 `73595c43a` | 2024-02 | sleeps 1 s between the two |
//! | `09c77b87b` | 2024-05 | sleeps 10 s |
//! | `fc5ac7193`, `f761097bd`, `114fa4f0d` | 2024-12 | joins the cluster's tasks, a stop flag, close once |
//!
//! Nobody waits for `runApply` to this day. An apply that takes longer than the sleep, on a disk that stalls, crashes
//! the master as before.
//!
//! openraft has the same structure, which is why it stands here unchanged: `RaftCore` is *run*, `sm::Worker` is
//! *runApply*, and `Raft::shutdown` waits for the first only (see `metadata_fsm.rs`). In Rust a
//! closed database is no freed memory; the use after the close is told to the probe and comes back as an error, and
//! where upstream dies, this panics.
//!
//! # The builds
//!
//! | [`Build`] | the stop | what is left |
//! |---|---|---|
//! | `Shipped`, [`StopOrder::DatabaseFirst`] | HTTP, database | M1: any apply from the close on |
//! | `Shipped`, [`StopOrder::RaftFirst`] | HTTP, raft, database | M2, the report: the apply in flight, and the queue behind it |
//! | `Patched` | once; tasks joined, HTTP, raft, 10 s, database | M3: an apply longer than the pause |
//! | `Sound` | gate, tasks, HTTP, raft, *then what applies has ended*, database | – |
//!
//! Both upstream builds also have: a stop that waits for requests without a deadline, and they wait for a majority that
//! may be gone; a leader's loader that nobody joins and that panics on a closed store; M7, a signal during the start,
//! which finds no cluster, or a wait group at zero; M9, raft's handlers before there is a cluster; and a snapshot that
//! replaces the store in steps, so that a death half way leaves it empty. `Shipped` alone has M8: its second signal
//! closes a closed channel. M6, the deadlock that awaits whoever joins `runApply` under the raft server's lock, is a
//! trap for a fix: no release has it, and [`StopOrder::RaftJoinedUnderLock`] shows it, in a scenario of its own.
//!
//! | variant | what happens | claim |
//! |---|---|---|
//! | M1, M2, M3 | the database is closed under an apply | no-use-after-teardown, `metadata-db` |
//! | M6 | a stop waits for an apply under the lock that this apply waits for | bounded-shutdown |
//! | M7 | a signal during the start finds no cluster | no-use-before-init, `cluster` |
//! | M8 | a second signal closes a closed channel | close-once, `stopc` |
//! | M9 | a leader's message during the start finds no cluster | no-use-before-init, `cluster` |
//!
//! The claims: *no use after teardown* and *joined before teardown* of `metadata-db`; *bounded shutdown*; *close once*;
//! *no use before init*; and *nothing acknowledged is lost*.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `build`, `config` | which release, and with what |
//! | `server`, `shutdown` | the start, and the stop of each build |
//! | `wait_group`, `lease` | how upstream waits, and how the sound build does |
//! | `store` | the metadata store, in RocksDB's place |
//! | `metadata_fsm`, `snapshot` | what applies, and its snapshots |
//! | `log_store` | raft's log and vote |
//! | `raft_cmd`, `raft_instance` | what is proposed, and the raft that carries it |
//! | `network`, `transport` | raft's messages, out and in |
//! | `cluster`, `cluster_task` | the cluster in memory, and what looks after it |
//! | `api`, `http_server`, `client` | the HTTP API and its client |
//! | `scenario` | the cluster, its load, its faults and its claims in the simulated room |

mod api;
mod build;
mod client;
mod cluster;
mod cluster_task;
mod config;
mod http_server;
mod lease;
mod log_store;
mod metadata_fsm;
mod network;
mod raft_cmd;
mod raft_instance;
mod scenario;
mod server;
mod shutdown;
mod snapshot;
mod store;
mod transport;
mod wait_group;

#[cfg(test)]
mod tests;

pub use build::{Build, StopOrder};
pub use client::{Client, ClientError, Status};
pub use config::{MasterConfig, PAUSE_BEFORE_CLOSE, RETAIN_LOGS, SHUTDOWN_BUDGET};
#[cfg(not(feature = "turmoil"))]
pub(crate) use scenario::run_node;
pub use scenario::{database_first, joined_under_lock, scenario};
pub use server::{MasterError, run_master, run_master_on_signals};
