//! ByConity's query coordinator, and the crash of its progress callback: ByConity/ByConity issue #1755, 2024-07-16.
//! It knows nothing of a simulator: these are tarpc and stock tokio, and they run on Linux, too.
//!
//! # What happened
//!
//! A ByConity server cuts a query into plan segments, has workers run their instances, and gathers the rows in segment 0.
//! Each worker tells the server once how an instance ended (`sendPlanSegmentStatus`), and how much it has read. A server in
//! production died: SIGSEGV in a lambda of `MPPQueryCoordinator::execute`, called by `ProgressManager::onFinalProgress`,
//! called by the RPC's handler; seven threads within a few milliseconds.
//!
//! The lambda adds what was read to the query's status, which belongs to the process list. It had captured a raw pointer:
//!
//! 1. An RPC handler looks up the coordinator of the query, and has a reference from here on.
//! 2. The query's connection has all the rows that it needs and resets its state: its reference to the coordinator goes, but
//!    it is not the last one, so that no destructor runs and nobody waits.
//! 3. The connection lets go of the process list's entry, whose destructor frees the query status.
//! 4. The handler calls the lambda, or is still in it: a use of freed memory.
//!
//! Normally there are microseconds between 1 and 4. But counting progress lets queries of a higher priority go first, for up
//! to a second; handlers of one query queue behind each other; and a LIMIT, a cancel or an error ends a query while its
//! last statuses are on their way.
//!
//! | change | when | what it did |
//! |---|---|---|
//! | `805ee97274` | 2024-03-21 | sends progress in optimizer mode, and so creates the callback with the raw pointer |
//! | #1602 `334f9b2576` | 2024-04-08 | captures a weak reference to the process list's entry instead; three lines |
//! | #1755 | 2024-07-14 | the crash in production: the release branches 0.4.1 and 0.4.2 had not got the fix |
//!
//! The coordinator was alive all the time, and the pointer was dangling, not null. Nothing was deregistered or joined by
//! the fix, and the lambda calls another one first: the connection's own progress callback, which captures the handler, a
//! reference to a variable on the stack, or a counter on the stack. That is open to this day.
//!
//! In safe Rust what is freed stays valid memory: the query status (`process_list.rs`) and what a callback has captured
//! (`output.rs`) are empty once their owners have gone, each use is told to the probe, and one after that panics, which ends
//! the process, as a fault would.
//!
//! # The builds
//!
//! | [`Build`] | the callback | a query's end | what is left |
//! |---|---|---|---|
//! | `Shipped` | raw pointer to the query status | `BlockIO::reset`, nobody waits | V1, the report; V1b, the same by `sendProgress`; and all of the next line |
//! | `Patched` | weak reference to the entry | the same | V2: the connection's callback is called after its query |
//! | `Sound` | weak reference to the entry | no handler comes in, those inside are waited for, then the reset | – |
//!
//! V2 has two faces. What an HTTP or MySQL connection's callback captures ends with the query: a use after teardown. A TCP
//! connection's handler lives on, and its next query is told the old one's progress: a callback after deregistration.
//!
//! Both upstream builds also have: registries whose entries anybody removes who has the query's id, even a coordinator that
//! was refused because there is one (`registry.rs`); messages that have the id alone, so that a late status, or a late
//! `cancelQuery`, of one query is taken for the next one's of the same id; a final progress that is counted twice where
//! two attempts of an instance both tell one; and one that has been stored and not counted when its query ends.
//!
//! Where the builds differ is five places: `mpp_query_coordinator.rs` (the callback), `connection.rs` (the end),
//! `progress_manager.rs` (what is called under the mutex), `query_manager.rs` with its two neighbours (whose entry is
//! removed), and `worker.rs` (whose query is cancelled).
//!
//! | variant | what happens | claim |
//! |---|---|---|
//! | V1, V1b | a final progress, or one on the way, finds the query status freed | no-use-after-teardown, `query-status` |
//! | V2 HTTP, V2 MySQL | a late progress uses what the query's frame had | no-use-after-teardown, `used-output`, `affected-rows` |
//! | V2 TCP | a late progress is for the connection's next query | no-callback-after-deregistration |
//! | registries | a query that was refused takes out another's entry | own entry only |
//! | late, twice | a progress is counted after its query's end, or twice | always |
//!
//! The claims: *no use after teardown* of `query-status`, `tcp-handler`, `used-output` and `affected-rows`; *no callback
//! after deregistration* of `progress-callback`; *own entry only* in `process-list`, `mpp-query-manager`,
//! `segment-scheduler` and `runtime-filters`; each query returns within its limit; an answer is whole; progress of one
//! query never appears in another; what workers have told of a query is counted at its end, and nothing else is. A status
//! that comes when its query is over and finds no coordinator is no fault, and happens in most runs.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `build`, `config`, `error` | which release, with what, and upstream's codes |
//! | `server`, `connection`, `statement` | where it listens, and a client's connection and its queries |
//! | `block_io`, `output` | what a connection owns of a query, and what its progress callback captures |
//! | `process_list`, `query_priorities` | every query that runs, its status, and who waits for whom |
//! | `query_context`, `mpp_query_coordinator` | what a query's parts share, and what runs it |
//! | `query_manager`, `runtime_filter_manager`, `registry` | coordinators and filters by query id |
//! | `progress_manager`, `coordinator_fsm`, `handlers` | progress, how a query ends, and who is inside |
//! | `segment_scheduler`, `final_segment` | which instance runs where, and segment 0 |
//! | `rpc`, `rpc_service`, `spawning` | messages, connections, and the server's handlers on threads of their own |
//! | `worker`, `exchange`, `source` | a worker, its rows on their way, and where they come from |
//! | `client` | a client that may cancel, or leave |
//! | `scenario` | the cluster, its load, its faults and its claims in the simulated room |
//! | `variants` | the ways in which the releases break |

mod block_io;
mod build;
mod client;
mod config;
mod connection;
mod coordinator_fsm;
mod error;
mod exchange;
mod final_segment;
mod handlers;
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
