//! The Vitess tablet, and the crash loop of its VDiff engine: vitessio/vitess issue #17637, 2025-01-28. The code knows
//! nothing of a simulator: SQLite and stock tokio, which run on Linux as well.
//!
//! # What happened
//!
//! A *VDiff* compares the rows of two shards, on the target shard's primary, and saves its progress in that shard's own
//! database, so that it continues after a restart. A server ran out of memory during one. From then on its vttablet did
//! not start any more: a panic, and a SIGSEGV at address 0x8, at every start. systemd tried for hours. The operator
//! deleted the VDiff's row, and the tablet was back.
//!
//! The lack of memory had only left the row "started". A primary that finds such a row at its start opens the VDiff
//! engine, which creates the VDiff's controller and enters it in the statistics of the process: a map that is nil until
//! the statistics are first updated, which is the next step. It is not a race; it happens every time. Without a row at
//! the start, the map is made in time, and VDiffs that are created later work.
//!
//! The second crash is a by-product of the first. The panic unwinds `main`, whose deferred calls close the topology's
//! client. The goroutine of the shard watch returns without a last error event, its channel closes, and the shard sync
//! loop, which was never told to stop, takes nil for an event.
//!
//! | change | when | effect |
//! |---|---|---|
//! | #15175 `fa59f9d912` | 2024-02 | statistics of VDiffs: the map, and its only initialiser after the first write |
//! | #17638 `aebc4b82f9` | 2025-02 | makes the map first, starts a controller once both maps have it, logs a nil event |
//! | #18587, #18984, #19140 | 2025, 2026 | three more panics in diffs, each a crash loop again |
//!
//! # The builds
//!
//! | [`Build`] | content | what remains |
//! |---|---|---|
//! | `Shipped` | #15175 | C1, the report: any start of a primary with a running VDiff; C2, the nil event; C3 |
//! | `Patched` | #17638, exactly | C4; the panic of #19140; the rest of the list below |
//! | `Sound` | an interrupted opening is undone; a panic stays within its diff; every watch ends with an error | – |
//!
//! * C1: `stats.rs`, `engine.rs`. *No crash loop*; *no use before init* of the map.
//! * C2: `topo_watch.rs`, `shard_sync.rs`. *Notify before close* of the shard watch. Every end of `main` other than a stop
//!   leads there, including a start that waits for grants in vain.
//! * C3: a promoted replica opens its engine in the handler of a call, which recovers the panic. The engine claims to
//!   be open and is not, and the query service is never reached: *closed or open*.
//! * C4: in `Patched` the closed channel stays in the select: *no spin*, until the process is gone. The loop spins
//!   while the close of the topology's client waits for its streams to end: for a round trip, or for two seconds if
//!   nobody answers.
//! * #19140: a reference table that was not copied has no matching row, and their number is a divisor (`report.rs`). A
//!   panic in a controller ends the process and leaves the VDiff "started": *no crash loop*, although each incarnation
//!   logs something.
//! * Rows that only one side has are kept, up to a thousand, however wide they are (`report.rs`). Nothing is saved
//!   before 10 000 rows, so a tablet that dies of it dies of it again: *no crash loop*, out of memory.
//! * `Close` holds the engine's lock while it waits for the loop that retries VDiffs, and that loop takes the lock
//!   (`engine.rs`): *no deadlock*.
//! * An action checks whether the engine is open before it takes the engine's lock (`action.rs`): *no use after
//!   teardown*.
//! * A stop starts to close the engine and waits 50 ms; diffs then use a closed topology client (`vttablet.rs`).
//!
//! Further claims: every VDiff that was not stopped ends, each row of a table is counted once whatever happens in
//! between, and no controller runs while the engine is closed. Not a finding: a restart without a running VDiff.
//!
//! Not modelled: the copy itself does not go on (VReplication is a row that says "Stopped" while a snapshot is taken),
//! and mysqld lives and dies with its tablet.
//!
//! # Map
//!
//! From the ground up; each row uses the rows above it.
//!
//! | module | content |
//! |---|---|
//! | `build`, `config`, `rows` | the releases, a tablet's configuration with upstream's constants, and the rows that a diff reads |
//! | `context`, `goroutine` | Go's contexts, and panics that end the process |
//! | `topo_records`, `topo_rpc`, `topo_server` | the topology's records and messages, and its server |
//! | `topo_watch`, `topo` | the topology's client, with its watches |
//! | `rpc`, `mysql`, `replication`, `query_service` | the tablet manager's calls, the database, its replication, and reads over the line protocol |
//! | `stats`, `vdiff_row`, `vdiff`, `report` | the engine's statistics; a VDiff's stored row, the VDiff at work, and the report of a table |
//! | `table_differ`, `workflow_differ`, `controller` | the diff of one table, of all tables, and the goroutine that runs it |
//! | `engine`, `action` | the VDiff engine, and the actions on it |
//! | `tablet_manager`, `tm_state`, `shard_sync`, `tm_init` | a tablet's parts, the changes of its type, the loop that keeps the shard's record, and the start |
//! | `rpc_server`, `vttablet` | the server of the calls, and `main` |
//! | `client` | the operator's client |
//! | `scenario`, `variants` | the simulated cluster, its load, its faults and its claims; the known ways in which the releases break |

mod action;
mod build;
mod client;
mod config;
mod context;
mod controller;
mod engine;
mod goroutine;
mod mysql;
mod query_service;
mod replication;
mod report;
mod rows;
mod rpc;
mod rpc_server;
mod scenario;
mod shard_sync;
mod stats;
mod table_differ;
mod tablet_manager;
mod tm_init;
mod tm_state;
mod topo;
mod topo_records;
mod topo_rpc;
mod topo_server;
mod topo_watch;
mod variants;
mod vdiff;
mod vdiff_row;
mod vttablet;
mod workflow_differ;

#[cfg(test)]
mod tests;

pub use build::Build;
pub use client::{Client, ClientError};
pub use config::{TabletConfig, Workflow};
pub use rows::{Row, RowsOf, rows_of_table};
pub use rpc::{Action, Call, CallError, Options, Reply, VDiffRequest, VDiffSummary, call};
pub use scenario::scenario;
pub use tablet_manager::TabletError;
pub use topo::TopoServer;
pub use topo_records::{Shard, Tablet, TabletType, shard_path, shard_records, tablet_path};
pub use topo_rpc::TopoError;
pub use topo_server::{TopoServerConfig, run_topo_server};
pub use vttablet::run_tablet;
