//! Pegasus's bulk load, and the crash of a whole cluster at the restart of one node: apache/incubator-pegasus issue
//! #2006, 2024-05-09. It knows nothing of a simulator: threads, tokio, hyper, axum and redb as they are on Linux.
//!
//! # What happened
//!
//! A bulk load brings files that were made elsewhere into all replicas of an app. The meta server polls the primary of
//! each partition every ten seconds; the primary tells its secondaries; each replica downloads its files from a block
//! service, one after the other, on the *default* pool, while everything else that a replica does runs on its *replication
//! thread*. What is to be downloaded stands in `_metadata.files`. A file task held a reference into that vector from its
//! start to its end, for as long as the download took.
//!
//! The replication thread clears that vector whenever the bulk load has to begin anew. It asks each task to cancel,
//! *without waiting*; a task that runs answers that it runs, is forgotten, and goes on. When its download ends, it
//! builds a path from a string that is gone: SIGSEGV, "invalid free", or an allocation of 2 560 917 504 bytes.
//!
//! What clears it:
//!
//! | case | trigger | how |
//! |---|---|---|
//! | 1 | one node restarts | each primary that loses a secondary goes PRIMARY → INACTIVE → PRIMARY under the next ballot, and a new role clears. Each surviving node is the primary of something: **all of them crash** |
//! | 2 | one file is missing or damaged | that partition fails, so the app fails, so the next poll clears everybody, who are all downloading other files |
//! | 3 | an operator cancels | the same, at once |
//! | 4 | an operator pauses and goes on | a pause clears nothing; going on does, under a task that never stopped |
//! | 5 | a rollback to downloading | the same from *ingesting* or *succeeded* |
//!
//! The fix, #2077 `d42d839393` (2025-03), copies the list into the task and hands it along, the last element first; a
//! file task returns if the replica is not *downloading* any more. Nothing joins the tasks, and nothing tells one round from
//! the next. So the crash is gone, and the old chain of tasks is not:
//!
//! | left open | how |
//! |---|---|
//! | R1, a stale chain | a clear, and the meta server says *downloading* again before the old file task looks: it goes on, and its bytes are added to the new round. Progress jumps over 100, where completion asks for exactly 100; or it is 100 while files are missing |
//! | R2, a stale failure | the old chain's error is stored in the new round, fails the whole app, and gives the new round's slot away |
//! | R5, two chains, one path | both write the same file, or one removes what the other is writing |
//! | the slots | "need write lock before calling", and the clear has none: the flag is read and then acted upon; room is looked for a good deal before it is taken |
//!
//! In Rust a reference into a vector that was cleared does not compile, and an index into one panics: the file task
//! keeps the index, each use is told to the probe, and where upstream dies this panics, which ends the process, as an
//! exception that nobody catches does.
//!
//! # The builds
//!
//! | [`Build`] | a file task has | a clear | found |
//! |---|---|---|---|
//! | `Shipped` | an index into `files` | cancels, waits for nobody | the crash, and all that follows |
//! | `Patched` | a copy of what is left to do; returns unless *downloading* | cancels, waits for nobody | R1, R2, R5, the slots |
//! | `Sound` | the same copy | interrupts the downloads of its round and joins every task before it clears anything | – |
//!
//! `Sound` also takes a slot in one step, gives it back once, reads a file that is already there before it believes it,
//! and believes a list of files only if its sizes add up (in the others, a list whose total is damaged never comes to 100).
//!
//! The claims: *no use after teardown* of `files`; *joined before teardown* of a round's tasks; *no stale epoch effect*,
//! where the epoch is the round, numbered by ballot and count; *slots conserved*; *honest progress*; *blast radius*;
//! *bounded request*; *recovers*: the app succeeds, fails or is cancelled, and every group has cleaned up; and the rows of a
//! load that succeeded are there.
//!
//! Must not be told, and is not: a task that was cancelled while it was still queued; a secondary that stays one under a
//! new ballot, whose downloads go on.
//!
//! What upstream has and this has not: writes of users beside a bulk load, ZooKeeper under the meta server (its state
//! lives as long as it does), more than one app.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `build`, `config` | which release, and with what |
//! | `messages`, `rpc` | what is said, and how |
//! | `meta_server`, `ballots` | who is alive, who serves what under which ballot, and where ballots come from |
//! | `bulk_load_service` | the bulk load on the meta server: polls, adds up, decides, rolls back |
//! | `replica_stub`, `node`, `replica` | a replica server, what its replicas share, and a replica: roles, ballots, its group |
//! | `replica_bulk_loader`, `download` | the bulk loader on the replication thread, with the clear; and its tasks on the default pool |
//! | `round` | what one replica loads between two clears; upstream has no such thing |
//! | `thread_pool`, `slots`, `shared`, `tasks` | the default pool with its tasks, the node's download slots, atomics, asynchronous tasks |
//! | `block_service`, `row_store` | the object store with its files, and the embedded store that ingests them |
//! | `client` | an operator, and a reader of rows |
//! | `scenario` | the cluster, its load, its faults and its claims in the simulated room |
//! | `variants` | the ways in which the releases break |

mod ballots;
mod block_service;
mod build;
mod bulk_load_service;
mod client;
mod config;
mod download;
mod messages;
mod meta_server;
mod node;
mod replica;
mod replica_bulk_loader;
mod replica_stub;
mod round;
mod row_store;
mod rpc;
mod scenario;
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
