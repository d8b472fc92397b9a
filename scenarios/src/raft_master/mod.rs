//! The CubeFS master, and the crash during its shutdown: cubefs/cubefs issue #3128, 2024-02-23. The code knows nothing
//! of a simulator: openraft, redb, axum and hyper on stock tokio, which run on Linux as well.
//!
//! # What happened
//!
//! A CubeFS master keeps its metadata in RocksDB and changes it through raft. Its raft runs in two goroutines. *run*
//! handles ticks, messages and persistence, and hands committed entries to *runApply*, which writes one synced batch
//! for each entry. A master that was told to stop crashed now and then: SIGSEGV at address 0x50 in `rocksdb_write`,
//! called by `BatchPut`, called by `Apply`, called by `runApply`. Go's `recover` cannot catch it, because it happens in
//! C.
//!
//! The stop had closed RocksDB while `runApply` was in the middle of a batch. The chain of changes:
//!
//! | change | when | effect |
//! |---|---|---|
//! | #1112 | 2021-02 | says that *"the stop raft operation did not wait for the runApply goroutine exit"*; closed unmerged |
//! | #2614 `273e2ead2` | 2023-09 | closes RocksDB at the stop, and so creates the bug: raft still runs |
//! | #2680 `022da12d5` | 2023-10 | stops raft first, but `stop()` waits for `run` alone |
//! | #3126 `73595c43a` | 2024-02 | sleeps 1 s between the two |
//! | `09c77b87b` | 2024-05 | sleeps 10 s |
//! | `fc5ac7193`, `f761097bd`, `114fa4f0d` | 2024-12 | joins the cluster's tasks, adds a stop flag, closes once |
//!
//! To this day nothing waits for `runApply`. An apply that takes longer than the sleep, on a disk that stalls, crashes
//! the master as before.
//!
//! openraft has the same structure, so it is used unchanged: `RaftCore` is *run*, `sm::Worker` is *runApply*, and
//! `Raft::shutdown` waits for the first alone (see `metadata_fsm.rs`). In Rust a closed database is not freed memory:
//! the use after the close is reported to the probe and returns an error, and where upstream dies, this code panics.
//!
//! # The builds
//!
//! | [`Build`] | the stop | what remains |
//! |---|---|---|
//! | `Shipped`, [`StopOrder::DatabaseFirst`] | HTTP, database | M1: any apply after the close |
//! | `Shipped`, [`StopOrder::RaftFirst`] | HTTP, raft, database | M2, the report: the apply in flight, and the queue behind it |
//! | `Patched` | once; tasks joined, HTTP, raft, 10 s, database | M3: an apply longer than the pause |
//! | `Sound` | gate, tasks, HTTP, raft, *the end of every apply*, database | – |
//!
//! Both upstream builds share more defects. A stop waits without a deadline for requests, which wait for a majority
//! that may be gone. Nothing joins a leader's loader, which panics on a closed store. A signal during the start finds
//! no cluster, or a wait group at zero (M7). Raft's handlers run before there is a cluster (M9). A snapshot replaces
//! the store in steps, so that a death halfway leaves it empty. `Shipped` alone has M8: its second signal closes a
//! closed channel. M6 is a trap for a fix, a deadlock for any stop that joins `runApply` under the raft server's lock.
//! No release has it; [`StopOrder::RaftJoinedUnderLock`] shows it, in a scenario of its own.
//!
//! | variant | what happens | claim |
//! |---|---|---|
//! | M1, M2, M3 | the database is closed under an apply | no-use-after-teardown, `metadata-db` |
//! | M6 | a stop waits for an apply while it holds the lock that the apply waits for | bounded-shutdown |
//! | M7 | a signal during the start finds no cluster | no-use-before-init, `cluster` |
//! | M8 | a second signal closes a closed channel | close-once, `stopc` |
//! | M9 | a leader's message during the start finds no cluster | no-use-before-init, `cluster` |
//!
//! The claims: *no use after teardown* and *joined before teardown* of `metadata-db`; *bounded shutdown*; *close once*;
//! *no use before init*; and *nothing acknowledged is lost*.
//!
//! # Map
//!
//! From the ground up; each row uses the rows above it.
//!
//! | module | content |
//! |---|---|
//! | `build`, `config`, `error` | the releases, a master's configuration, the errors that end it |
//! | `wait_group`, `lease` | waiting as upstream does it, and as the sound build does it |
//! | `raft_cmd`, `records`, `messages` | proposals, stored records, and the bodies of the HTTP API |
//! | `store`, `log_store` | the metadata store, in RocksDB's place; raft's log and vote |
//! | `network`, `transport` | raft's messages, outbound and inbound |
//! | `raft_server`, `snapshot`, `metadata_fsm` | the raft server's lock, snapshots, and the state machine that applies |
//! | `raft_instance`, `raft_handle` | the running raft, and the handle to propose with |
//! | `cluster`, `cluster_task` | the cluster in memory, and its periodic tasks |
//! | `api`, `http_server`, `client` | the HTTP API, its server and its client |
//! | `server`, `shutdown`, `run` | the master's parts and their start, the stop of each build, and `main` |
//! | `scenario` | the simulated cluster, its load, its faults and its claims |

mod api;
mod build;
mod client;
mod cluster;
mod cluster_task;
mod config;
mod error;
mod http_server;
mod lease;
mod log_store;
mod messages;
mod metadata_fsm;
mod network;
mod raft_cmd;
mod raft_handle;
mod raft_instance;
mod raft_server;
mod records;
mod run;
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
pub use error::MasterError;
pub use run::{run_master, run_master_on_signals};
#[cfg(not(feature = "turmoil"))]
pub(crate) use scenario::run_node;
pub use scenario::{database_first, joined_under_lock, scenario};
