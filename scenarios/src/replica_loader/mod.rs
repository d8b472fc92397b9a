//! Pegasus's bulk load, and the crash of a whole cluster when one node restarts: apache/incubator-pegasus issue #2006,
//! 2024-05-09. The code knows nothing of a simulator: threads, tokio, hyper, axum and redb as they are on Linux.
//!
//! # What happened
//!
//! A bulk load brings files that were made elsewhere into all replicas of an app. The meta server polls the primary of
//! each partition every ten seconds, and the primary tells its secondaries. Each replica downloads its files from a
//! block service, one after the other, on the *default* pool. Everything else that a replica does runs on its
//! *replication thread*. The files to download are listed in `_metadata.files`. A file task held a reference into that
//! vector from its start to its end, for as long as the download took.
//!
//! The replication thread clears that vector whenever the bulk load has to start over. It asks each task to cancel,
//! *without waiting*. A running task answers that it is running, is forgotten, and goes on. When its download ends, it
//! builds a path from a freed string: SIGSEGV, "invalid free", or an allocation of 2 560 917 504 bytes.
//!
//! The causes of a clear:
//!
//! | case | trigger | effect |
//! |---|---|---|
//! | 1 | one node restarts | each primary that loses a secondary goes PRIMARY → INACTIVE → PRIMARY under the next ballot, and a new role clears. Each surviving node is the primary of some partition: **all of them crash** |
//! | 2 | one file is missing or damaged | that partition fails, so the app fails, so the next poll clears every replica while all of them download other files |
//! | 3 | an operator cancels | the same, at once |
//! | 4 | an operator pauses and resumes | a pause clears nothing; a resume does, under a task that never stopped |
//! | 5 | a rollback to downloading | the same from *ingesting* or *succeeded* |
//!
//! The fix, #2077 `d42d839393` (2025-03), copies the list into the task, which hands it on, the last element first; a
//! file task returns if the replica is no longer *downloading*. Nothing joins the tasks, and nothing tells one round
//! from the next. So the crash is gone, and the old chain of tasks is not:
//!
//! | left open | how |
//! |---|---|
//! | R1, a stale chain | a clear comes, and the meta server says *downloading* again before the old file task checks: the chain goes on, and its bytes are added to the new round. Progress jumps past 100, while completion requires exactly 100; or it is 100 while files are missing |
//! | R2, a stale failure | the old chain's error is stored in the new round, fails the whole app, and releases the new round's slot |
//! | R5, two chains, one path | both write the same file, or one removes the file that the other is writing |
//! | the slots | "need write lock before calling", and the clear holds none: the flag is read first and acted upon later; free slots are checked long before one is taken |
//!
//! In Rust a reference into a cleared vector does not compile, and an index into one panics. The file task keeps the
//! index and reports each use to the probe. Where upstream dies, this code panics, which ends the process as an
//! uncaught exception does.
//!
//! # The builds
//!
//! | [`Build`] | a file task has | a clear | finds |
//! |---|---|---|---|
//! | `Shipped` | an index into `files` | cancels, waits for nothing | the crash, and all that follows |
//! | `Patched` | a copy of the remaining files; returns unless *downloading* | cancels, waits for nothing | R1, R2, R5, the slots |
//! | `Sound` | the same copy | interrupts the downloads of its round and joins every task before it clears anything | – |
//!
//! `Sound` also takes a slot in one step, releases it once, reads a file that already exists before it trusts it, and
//! trusts a list of files only if its sizes add up (in the others, a list whose total is damaged never reaches 100).
//!
//! The claims: *no use after teardown* of `files`; *joined before teardown* of a round's tasks; *no stale epoch
//! effect*, where the epoch is the round, numbered by ballot and count; *slots conserved*; *honest progress*; *blast
//! radius*; *bounded request*; *recovers*: the app succeeds, fails or is cancelled, and every group has cleaned up; and
//! the rows of a load that succeeded are present.
//!
//! Not findings: a task that was cancelled while it was still queued; a secondary that keeps its role under a new
//! ballot, whose downloads go on.
//!
//! Not modelled: user writes beside a bulk load, ZooKeeper under the meta server (whose state lives as long as the
//! process), more than one app.
//!
//! # Map
//!
//! From the ground up; each row uses the rows above it.
//!
//! | module | content |
//! |---|---|
//! | `build`, `config`, `messages` | the releases, the processes' configurations, and the messages between processes |
//! | `shared`, `tasks`, `thread_pool`, `slots` | atomics, asynchronous tasks, the default pool, and the node's download slots |
//! | `rpc`, `ballots` | calls, and the source of ballots |
//! | `round` | the work of one replica between two clears; upstream has no such thing |
//! | `block_service`, `block_service_manager`, `row_store` | the object store with the files, its downloading side, and the store that ingests them |
//! | `node`, `replication_thread` | the services that a node's replicas share, and the state of one replica's replication thread |
//! | `loader_state`, `download`, `replica_bulk_loader` | the bulk loader: its state, its tasks on the default pool, and its work on the replication thread, with the clear |
//! | `replica`, `replica_stub` | a replica with its role, ballot and group; the replica server |
//! | `server_state`, `bulk_load_service`, `meta_server` | the meta server: nodes and partitions, bulk loads, and the server itself |
//! | `client` | an operator, and a reader of rows |
//! | `scenario`, `variants` | the simulated cluster, its load, its faults and its claims; the known ways in which the releases break |

mod ballots;
mod block_service;
mod block_service_manager;
mod build;
mod bulk_load_service;
mod client;
mod config;
mod download;
mod loader_state;
mod messages;
mod meta_server;
mod node;
mod replica;
mod replica_bulk_loader;
mod replica_stub;
mod replication_thread;
mod round;
mod row_store;
mod rpc;
mod scenario;
mod server_state;
mod shared;
mod slots;
mod tasks;
mod thread_pool;
mod variants;

#[cfg(test)]
mod tests;

pub use ballots::{Ballots, LocalBallots, NextBallot};
pub use block_service::{run_block_service, write_provider};
pub use build::Build;
pub use client::Client;
pub use config::{BULK_LOAD_REQUEST_INTERVAL, BlockServiceConfig, MetaConfig, ReplicaServerConfig};
pub use messages::{BulkLoad, BulkLoadStatus, Control, Pid, Serving};
pub use meta_server::run_meta_server;
pub use replica_stub::run_replica_server;
pub use scenario::scenario;
