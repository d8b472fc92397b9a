//! The Vitess tablet, and the crash loop of its VDiff engine: vitessio/vitess issue #17637, 2025-01-28.
//! It knows nothing of a simulator: this is SQLite and stock tokio, and it runs on Linux, too.
//!
//! # What happened
//!
//! A *VDiff* compares the rows of two shards, on the target shard's primary, and keeps how far it is in that shard's own
//! database, so that it goes on after a restart. A server ran out of memory while one was under way. From then on its
//! vttablet did not come up any more: a panic, and a SIGSEGV at address 0x8, at every start. systemd tried for hours. The
//! operator deleted the VDiff's row, and the tablet was back.
//!
//! Memory had only left the row "started". A primary that finds such a row at its start opens the VDiff engine, which makes
//! the VDiff's controller and enters it in the statistics of the process: a map that is nil until the statistics are
//! updated for the first time, which is the next step. It is no race; it happens each time. With no row at the start, the map is
//! made, and VDiffs that are created later work.
//!
//! The second crash is the first one's by-product. The panic unwinds `main`, whose deferred calls close the topology's
//! client; the goroutine of the shard watch returns without a last error event, its channel closes, and the shard sync
//! loop, which nobody told to stop, takes nil for an event.
//!
//! | change | when | what it did |
//! |---|---|---|
//! | #15175 `fa59f9d912` | 2024-02 | statistics of VDiffs: the map, and its only initialiser after the first write |
//! | #17638 `aebc4b82f9` | 2025-02 | the map is made first, a controller runs once it is in both maps, a nil event is logged |
//! | #18587, #18984, #19140 | 2025, 2026 | three more panics in diffs, each a crash loop again |
//!
//! # The builds
//!
//! | [`Build`] | what is in it | what is left |
//! |---|---|---|
//! | `Shipped` | #15175 | C1, the report: any start of a primary with a VDiff under way; C2, the nil event; C3 |
//! | `Patched` | #17638, exactly | C4; the panic of #19140; every other one of the list below |
//! | `Sound` | an opening that is undone when it is cut short; panics stay in their diff; watches end with an error | – |
//!
//! * C1: `stats.rs`, `engine.rs`. *No crash loop*; *no use before init* of the map.
//! * C2: `topo.rs`, `shard_sync.rs`. *Close is told* of the shard watch. Every end of `main` that does not go through the stop
//!   leads there: also a start that waits for grants in vain.
//! * C3: a replica that is promoted opens its engine in the handler of a call, which recovers the panic. The engine says that it is
//!   open and is not, and the query service is never reached: *closed or open*.
//! * C4: in `Patched` the closed channel stays in the select: *no spin*, until the process is gone. It goes round for as long as the
//!   close of the topology's client waits for the ends of its streams: for a round trip, or for two seconds if nobody answers.
//! * #19140: a reference table that was not copied has no matching row, and their number is a divisor (`report.rs`). A panic in
//!   a controller ends the process and leaves the VDiff "started": *no crash loop*, although each life logs something.
//! * Rows that only one side has are kept, up to a thousand, however wide they are (`report.rs`). Nothing is saved before
//!   10 000 rows, so a tablet that dies of that dies of it again: *no crash loop*, out of memory.
//! * `Close` holds the engine's lock while it waits for the loop that retries VDiffs, and that loop takes the lock
//!   (`engine.rs`): *no deadlock*.
//! * An action looks whether the engine is open, and then takes its lock (`action.rs`): *no use after teardown*.
//! * A stop starts to close the engine and waits 50 ms; diffs then use a topology client that is closed (`vttablet.rs`).
//!
//! Also claimed: every VDiff that nobody stopped ends, each row of a table is counted once whatever happened between, and no
//! controller lives when the engine is closed. No finding: a restart with no VDiff under way.
//!
//! What is not modelled: the copy itself goes on no more (VReplication is a row that says "Stopped" while a snapshot is
//! taken), and mysqld lives and dies with its tablet.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `build`, `config` | which release, and with what; upstream's constants |
//! | `vttablet` | `main`: the start, and each build's end |
//! | `tablet_manager`, `tm_state` | what a tablet consists of, and the order in which its parts open |
//! | `shard_sync` | the loop that keeps the shard's record, and its watch |
//! | `topo`, `topo_server` | the topology's client, with its watches, and the server |
//! | `engine`, `stats`, `action` | the VDiff engine, its statistics, and what can be asked of it |
//! | `controller`, `workflow_differ`, `table_differ` | one VDiff, its tables, one table |
//! | `report`, `rows` | what a diff has found, and the rows that it reads |
//! | `mysql`, `replication` | the database, and how it gets to a replica |
//! | `query_service` | reads over the line protocol |
//! | `rpc`, `rpc_server`, `client` | the tablet manager's calls, who answers them, and the operator's client |
//! | `context`, `goroutine` | what upstream has of Go: contexts, and panics that end the process |
//! | `scenario` | the cluster, its load, its faults and its claims in the simulated room |
//! | `variants` | the ways in which the releases break |

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
mod tm_state;
mod topo;
mod topo_server;
mod variants;
mod vttablet;
mod workflow_differ;

#[cfg(test)]
mod tests;

pub use build::Build;
pub use client::{Client, ClientError};
pub use config::{TabletConfig, Workflow};
pub use rows::{Row, RowsOf, rows_of_table};
pub use rpc::{Action, Call, CallError, Options, Said, VDiffRequest, VDiffSummary, call};
pub use scenario::scenario;
pub use tablet_manager::TabletError;
pub use topo::{Shard, Tablet, TabletType, TopoError, TopoServer, shard_path, shard_records, tablet_path};
pub use topo_server::{TopoServerConfig, run_topo_server};
pub use vttablet::run_tablet;
