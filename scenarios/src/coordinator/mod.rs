//! ByConity's query coordinator, and the crash of its progress callback: ByConity/ByConity issue #1755, 2024-07-16.
//! It knows no simulator: it is written on tarpc and stock tokio, and also runs on Linux.
//!
//! # The incident
//!
//! A ByConity server splits a query into plan segments, has workers run their instances, and gathers the rows in segment 0. Each
//! worker reports once how an instance ended (`sendPlanSegmentStatus`) and how much it has read. A server in production died of
//! SIGSEGV in a lambda of `MPPQueryCoordinator::execute`, called by `ProgressManager::onFinalProgress`, called by the RPC
//! handler; seven threads within a few milliseconds.
//!
//! The lambda adds the progress to the query's status, which belongs to the process list. It had captured a raw pointer:
//!
//! 1. An RPC handler looks up the query's coordinator and holds a reference from here on.
//! 2. The query's connection has all the rows that it needs and resets its state. It drops its reference to the coordinator;
//!    since that is not the last one, no destructor runs and nothing waits.
//! 3. The connection drops the process list's entry, whose destructor frees the query status.
//! 4. The handler calls the lambda, or is still in it: a use of freed memory.
//!
//! Normally 1 and 4 are microseconds apart. But counting progress lets queries of a higher priority go first, for up to a second;
//! the handlers of one query queue behind each other; and a LIMIT, a cancel or an error ends a query while its last statuses
//! are in flight.
//!
//! | change | when | effect |
//! |---|---|---|
//! | `805ee97274` | 2024-03-21 | sends progress in optimizer mode, and so creates the callback with the raw pointer |
//! | #1602 `334f9b2576` | 2024-04-08 | captures a weak reference to the process list's entry instead; three lines |
//! | #1755 | 2024-07-14 | the crash in production: the release branches 0.4.1 and 0.4.2 did not have the fix |
//!
//! The coordinator was alive all the time, and the pointer was dangling, not null. The fix deregistered and joined nothing, and the
//! lambda first calls another one: the connection's own progress callback, which captures the handler, a reference to a
//! stack variable, or a counter on the stack. That is open to this day.
//!
//! In safe Rust freed memory stays valid. The query status (`process_list.rs`) and a callback's captured state (`output.rs`) are
//! empty once their owners have gone; each use is reported to the probe, and a use after that panics, which ends the process as a
//! fault would.
//!
//! # The builds
//!
//! | [`Build`] | the callback | the end of a query | open defects |
//! |---|---|---|---|
//! | `Shipped` | raw pointer to the query status | `BlockIO::reset`, nothing waits | V1, the report; V1b, the same by `sendProgress`; all of the next line |
//! | `Patched` | weak reference to the entry | the same | V2: the connection's callback runs after its query |
//! | `Sound` | weak reference to the entry | admits no handler, waits for those inside, then resets | – |
//!
//! V2 has two forms. The state that an HTTP or MySQL connection's callback captures ends with the query: a use after teardown. A
//! TCP connection's handler lives on, and its next query receives the old one's progress: a callback after deregistration.
//!
//! Both upstream builds have further defects. Registries remove an entry for any caller that has the query's id, even for a
//! coordinator that was refused because the id was taken (`registry.rs`). Messages carry the id alone, so a late status or a late
//! `cancelQuery` of one query acts on the next query of the same id. A final progress is counted twice if two attempts of an
//! instance both report one. And a final progress may be stored but not counted when its query ends.
//!
//! The builds differ in five places: `mpp_query_coordinator.rs` (the callback), `connection.rs` (the end), `progress_manager.rs`
//! (calls under the mutex), `query_manager.rs` with its two neighbours (entries that are removed), and `worker.rs` (queries that
//! are cancelled).
//!
//! | variant | defect | claim |
//! |---|---|---|
//! | V1, V1b | a final progress, or a delta, uses a freed query status | no-use-after-teardown, `query-status` |
//! | V2 HTTP, V2 MySQL | a late callback uses the state of the query's frame | no-use-after-teardown, `used-output`, `affected-rows` |
//! | V2 TCP | a late callback counts for the connection's next query | no-callback-after-deregistration |
//! | refused | a refused query removes another query's entry | own entry only |
//! | id alone, not counted, twice | progress is counted for another query, not at all, or twice | always |
//!
//! The claims: *no use after teardown* of `query-status`, `tcp-handler`, `used-output` and `affected-rows`; *no callback
//! after deregistration* of `progress-callback`; *own entry only* in `process-list`, `mpp-query-manager`,
//! `segment-scheduler` and `runtime-filters`; each query returns within its limit; every answer is complete; progress of one
//! query never appears in another; all progress reported for a query is counted by its end, and nothing else is. A status that
//! arrives after its query has ended and finds no coordinator is no defect, and happens in most runs.
//!
//! # The modules, from the ground up
//!
//! | module | content |
//! |---|---|
//! | `build`, `config`, `error` | releases, configuration, upstream's error codes |
//! | `rpc`, `spawning` | messages and connections; threads for the server's handlers |
//! | `source`, `exchange`, `worker` | a worker: its tables, its rows in flight, its instances |
//! | `statement`, `output` | a client's statements; the state that a connection's progress callback captures |
//! | `query_priorities`, `process_list` | who waits for whom; the running queries and their status |
//! | `registry`, `runtime_filter_manager`, `segment_scheduler` | registries by query id: filters, and the placement of instances |
//! | `handler_gate`, `query_manager` | admits handlers to a coordinator; the coordinators by query id |
//! | `shared_context`, `query_context` | the parts that all queries share, and the parts of one query |
//! | `progress_manager`, `coordinator_fsm`, `final_segment` | the parts of a coordinator: progress, the end of a query, segment 0 |
//! | `mpp_query_coordinator`, `block_io` | the coordinator of one query, and the parts that its connection owns |
//! | `connection`, `rpc_service`, `server` | serves clients, serves workers, owns it all |
//! | `client` | a client that may cancel or disconnect |
//! | `scenario`, `variants` | the simulated cluster with its faults and claims; the known ways in which the releases break |

mod block_io;
mod build;
mod client;
mod config;
mod connection;
mod coordinator_fsm;
mod error;
mod exchange;
mod final_segment;
mod handler_gate;
mod mpp_query_coordinator;
mod output;
mod process_list;
mod progress_manager;
mod query_context;
mod query_manager;
mod query_priorities;
mod registry;
mod rpc;
mod rpc_service;
mod runtime_filter_manager;
mod scenario;
mod segment_scheduler;
mod server;
mod shared_context;
mod source;
mod spawning;
mod statement;
mod variants;
mod worker;

#[cfg(test)]
mod tests;

pub use build::Build;
pub use client::{Then, ask};
pub use config::{
    AMBIGUOUS_ERRORS_MAX, ATTEMPTS_MAX, EXCHANGE_TIMEOUT, INTERACTIVE_DELAY, PRIORITY_WAIT, ServerConfig,
    WAIT_EXCEPTION, WorkerConfig,
};
pub use error::{Code, QueryError};
pub use rpc::Row;
pub use scenario::scenario;
pub use server::run_server;
pub use source::{Generated, Rows, Source};
pub use worker::run_worker;
