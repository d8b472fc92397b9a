//! The ProxySQL node of a cluster, and the crashes at its shutdown: sysown/proxysql issue #4542, 2024-05-08.
//! It knows no simulator: it is written on std's threads and sockets, stock tokio and hyper, and also runs on Linux.
//!
//! # The incident
//!
//! A ProxySQL is one process with many threads and many globals. At `PROXYSQL SHUTDOWN SLOW`, main joins some of the threads, deletes
//! the globals one after the other, and returns. A CI job stopped a cluster of them, and there were four different crashes:
//!
//! | | crash | cause |
//! |---|---|---|
//! | P1 | the destructor of the HTTP server, `this` = 0x5551494e55202c20, which is the text " , UNIQU" | #4510 `e91bcd2c` moved its creation to the end of phase 3, and nothing nulls the pointer in an Admin that is allocated in phase 2. A stop in between deletes the allocator's leftovers |
//! | P2 | `memcmp` on a freed key, "mysql1:3306", in the group-replication monitor | a coordinator starts its threads, joins them when their configuration changes, and does not join them when it stops. A thread in the middle of a connect (600 ms, rounded up to 1 s, for each unreachable server) returns to a map that was freed with `GloMyMon` |
//! | P3 | `prevflags != -1` asserted for a new session | the loops of admin and ClickHouse pass on the result of `accept` unchecked. The assertion spares a thread object that is shutting down; a child makes a fresh one, whose flag is 0. Production saw it before, with no shutdown: #4334, "FD -1 … errno 9" |
//! | P4 | the debug filters, a static set, used after its destructor | `main` returns, statics are destroyed, and detached children still log |
//!
//! #4546 (2024-05-17) nulls the pointer (`f962d131`), checks the flag once more after the connects, "just a best effort"
//! (`19e4ac2e`), and leaks the set on purpose (`54ca795d`). P2 was reported again as #5256 (2025-12-18).
//!
//! In Rust memory stays valid. The pointers are `pointer::Global` and `pointer::Member`, which report to a probe each use on which C++
//! would crash. A null pointer, a failed assertion and an abort end the process here, too.
//!
//! # The builds
//!
//! | [`Build`] | differences | open defects |
//! |---|---|---|
//! | `Shipped` | – | P1 to P4 |
//! | `Patched` | the pointer is nulled; the flag is checked once more; the filters are leaked | P2 as #5256, P3, and the unreported ones below |
//! | `Sound` | every user of Admin is joined before Admin is deleted; the coordinator joins its threads; the result of `accept` is checked; sessions are limited; no session is admitted before every module exists | – |
//!
//! Unreported, and in both upstream builds:
//!
//! - Detached children and the cluster's threads use Admin, its databases and `GloMTH` after these were deleted.
//! - Admin deletes its HTTP server before it joins the threads that may start the daemon again, and does not stop a daemon whose
//!   variable was switched off.
//! - A TERM during a `PROXYSQL RESTART` is lost, since the restart resets the flag.
//! - The coordinator's vector is freed without a join, although its threads' start arguments point into it.
//! - A group-replication thread that makes another server the writer waits for the lock on servers, which a peer's thread may hold
//!   while it saves to a slow disk. Then it goes on with `GloMTH` and `MyHGM`, even if these were deleted in the meantime.
//! - A worker's accept loop spins while the process is out of descriptors.
//!
//! Most of them wait behind a lock: an admin command holds `sql_query_global_mutex` from start to end, and saving takes as long as
//! the disk does. A stop waits for neither.
//!
//! A [`Flavour::Release`] exits at once at TERM, since #4355. That is no defect, and must not be reported.
//!
//! The claims: *no use before init*, where destruction counts as a use (P1); *joined before teardown* and *no use after teardown*
//! of `GloMyMon` (P2); *a socket handed to a session is valid* (P3); *no use after teardown* of `debug_filters` (P4), `GloAdmin`,
//! `AdminHTTPServer` and the databases; *bounded shutdown*; *blast radius*: a peer's exit never ends another node.
//!
//! # The modules, from the ground up
//!
//! Upstream's modules reach one another through globals. Here `glo` owns the pointers, and each module receives the ones that it
//! uses.
//!
//! | module | content |
//! |---|---|
//! | `build`, `config`, `glovars` | releases, configuration, and the requests to stop or restart |
//! | `pointer`, `threads`, `debug_filters`, `process` | pointers; threads; a static with a destructor; the state that all threads share |
//! | `hostgroups`, `threads_handler`, `query_cache` | servers, worker threads, the purging thread |
//! | `accept_loop`, `session`, `extra_server` | sessions and the loops that accept them; the SQLite3 and the ClickHouse server |
//! | `sqlite`, `checksums`, `http_server` | Admin's databases, the checksums that a cluster compares, the statistics over HTTP |
//! | `admin`, `admin_session`, `admin_thread` | Admin, its sessions, and the thread that accepts them |
//! | `cluster` | the threads that query peers |
//! | `gr_hosts`, `monitor`, `group_replication`, `monitor_threads` | the monitor's state; the threads that nobody joins; the root and its checks |
//! | `glo`, `shutdown`, `main_loop` | the globals; the stop of each build; phases, loop and TERM |
//! | `backend` | a stand-in for a server behind the proxy |
//! | `scenario`, `variants` | the simulated cluster with its faults and claims; the known ways in which the releases break |

mod accept_loop;
mod admin;
mod admin_session;
mod admin_thread;
mod backend;
mod build;
mod checksums;
mod cluster;
mod config;
mod debug_filters;
mod extra_server;
mod glo;
mod glovars;
mod gr_hosts;
mod group_replication;
mod hostgroups;
mod http_server;
mod main_loop;
mod monitor;
mod monitor_threads;
mod pointer;
mod process;
mod query_cache;
mod scenario;
mod session;
mod shutdown;
mod sqlite;
mod threads;
mod threads_handler;
mod variants;

#[cfg(test)]
mod tests;

pub use backend::run_backend;
pub use build::{Build, Flavour};
pub use config::{Hostgroup, ProxyConfig};
pub use main_loop::{Proxy, TermHandler};
pub(crate) use scenario::run_node;
pub use scenario::scenario;
