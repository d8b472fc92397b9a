//! The ProxySQL node of a cluster, and the crashes at its shutdown: sysown/proxysql issue #4542, 2024-05-08.
//! It knows nothing of a simulator: these are std's threads and sockets, stock tokio and hyper, and they run on Linux, too.
//!
//! # What happened
//!
//! A ProxySQL is one process with many threads and many globals. At `PROXYSQL SHUTDOWN SLOW`, main joins some of the threads,
//! deletes the globals one after the other, and returns. A CI job stopped a cluster of them, and four different things crashed:
//!
//! | | the crash | why |
//! |---|---|---|
//! | P1 | the destructor of the HTTP server, `this` = 0x5551494e55202c20, which is the text " , UNIQU" | #4510 `e91bcd2c` had moved its creation to the end of phase 3, and nothing nulls the pointer in an Admin that is allocated in phase 2. A stop in between deletes what the allocator left there |
//! | P2 | `memcmp` on a freed key, "mysql1:3306", in the group-replication monitor | its threads are started by a coordinator that joins them when their configuration changes, and not when it stops. One that is in the middle of a connect (600 ms, rounded up to 1 s, for each server that does not answer) comes back to a map that was freed with `GloMyMon` |
//! | P3 | `prevflags != -1` asserted for a new session | admin's and ClickHouse's loops hand on what `accept` returned without a look. The assertion spares a thread object in shutdown; a child makes a fresh one, whose flag is 0. Production had seen it before, with no shutdown: #4334, "FD -1 … errno 9" |
//! | P4 | the debug filters, a static set, used after its destructor | `main` returns, statics are destroyed, and detached children still log |
//!
//! #4546 (2024-05-17) nulls the pointer (`f962d131`), looks at the flag once more after the connects, "just a best effort"
//! (`19e4ac2e`), and leaks the set on purpose (`54ca795d`). P2 was reported again as #5256 (2025-12-18).
//!
//! In Rust memory stays valid: pointers are `pointer::Global` and `pointer::Member`, which tell a probe what C++ would have
//! crashed on. A null pointer, an assertion and an abort end the process here, too.
//!
//! # The builds
//!
//! | [`Build`] | differs in | what is left |
//! |---|---|---|
//! | `Shipped` | – | P1 to P4 |
//! | `Patched` | the pointer is nulled; one more look at the flag; the filters are leaked | P2 as #5256, P3, and what was never reported, below |
//! | `Sound` | whoever asks Admin is joined before Admin goes; the coordinator joins its threads; what `accept` returned is looked at; sessions are bounded; nobody is let in before everything is there | – |
//!
//! Never reported, and in both upstream builds: detached children and the cluster's threads use Admin, its databases and `GloMTH`
//! after they were deleted; Admin deletes its HTTP server before it joins those who may start the daemon again, and does not stop
//! a daemon whose variable was switched off; a TERM that comes during a `PROXYSQL RESTART` is swallowed, for the restart resets
//! the flag; the coordinator's vector, into which its threads' start arguments point, goes without a join; a group-replication
//! thread that makes another server the writer waits for who changes servers, a peer's thread that saves them to a slow disk, and
//! goes on with `GloMTH` and `MyHGM`, whoever has deleted them meanwhile; and an accept loop of a worker goes round while no
//! descriptor is left.
//!
//! Most of them wait behind a lock: an admin command holds `sql_query_global_mutex` from its beginning to its end, and saving to disk
//! takes as long as the disk does. A stop waits for neither.
//!
//! A [`Flavour::Release`] exits at once at TERM, since #4355. That is no fault, and must not be reported.
//!
//! The claims: *no use before init*, where destruction counts as a use (P1); *joined before teardown* and *no use after teardown*
//! of `GloMyMon` (P2); *a socket handed to a session is valid* (P3); *no use after teardown* of `debug_filters` (P4), `GloAdmin`,
//! `AdminHTTPServer` and the databases; *bounded shutdown*; *blast radius*: a peer's exit never ends another node.
//!
//! # The modules
//!
//! | module | what it is |
//! |---|---|
//! | `build`, `config` | which release, and with what |
//! | `main_loop`, `shutdown` | the phases, the loop, TERM; the stop of each build |
//! | `glo`, `pointer` | the globals, and what pointers are here |
//! | `threads` | created, detached, owned |
//! | `admin`, `sqlite`, `checksums` | Admin, its databases, what a cluster compares |
//! | `admin_session`, `session`, `accept_loop` | a session of admin, of anybody, and where they come from |
//! | `http_server` | the statistics over HTTP |
//! | `extra_server` | the SQLite3 and the ClickHouse server |
//! | `cluster` | the threads that ask peers |
//! | `monitor`, `group_replication` | the checks, and the threads that nobody joins |
//! | `hostgroups`, `threads_handler`, `query_cache` | servers, worker threads, a thread that purges |
//! | `debug_filters` | a static with a destructor |
//! | `backend` | a server behind the proxy, for rooms that have no better one |
//! | `scenario` | the cluster, its load, its faults and its claims in the simulated room |
//! | `variants` | the ways in which the releases break |

mod accept_loop;
mod admin;
mod admin_session;
mod backend;
mod build;
mod checksums;
mod cluster;
mod config;
mod debug_filters;
mod extra_server;
mod glo;
mod group_replication;
mod hostgroups;
mod http_server;
mod main_loop;
mod monitor;
mod pointer;
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
