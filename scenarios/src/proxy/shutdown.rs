//! The stop: first what is joined, then what is deleted, in each build's order.
//! Elsewhere the builds differ in what is nulled (`admin.rs`), in one look at a flag (`group_replication.rs`), in who owns threads
//! (`threads.rs`) and in what is done about an `accept` that failed (`session.rs`).

use super::build::Build;
use super::glo::Glo;
use super::pointer::After;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// `ProxySQL_Main_join_all_threads`: workers, monitor, query cache. Not among them are the children of admin and of the extra
/// servers, the cluster's threads, and the group-replication threads.
pub(super) fn join_all_threads(glo: &Arc<Glo>) {
    if glo.is_sound() {
        stop_who_asks(glo);
    }
    let by = format_args!("main");
    if !glo.mth.is_null() {
        glo.mth.get(by).shutdown_threads();
    }
    if !glo.qc.is_null() {
        glo.qc.get(by).stop();
    }
    if !glo.my_mon.is_null() {
        let monitor = glo.my_mon.get(by);
        monitor.shutdown.store(true, Ordering::SeqCst);
        monitor.join();
    }
    if !glo.qc.is_null() {
        glo.qc.get(by).join();
    }
}

/// The sound build: first the loops that accept, then the sessions that they accepted and the threads that ask peers. Who is
/// left then asks nothing of Admin.
///
/// Bounded: a loop polls for half a second, a session ends with its socket, a thread that asks a peer has a timeout for each
/// answer, and a thread of the monitor one for each connection.
fn stop_who_asks(glo: &Arc<Glo>) {
    let by = format_args!("main");
    glo.admin.get(by).join_admin_thread();
    for server in [&glo.sqlite3_server, &glo.clickhouse_server] {
        if !server.is_null() {
            server.get(by).destroy();
        }
    }
    glo.owned.join_all();
}

/// `ProxySQL_Main_shutdown_all_modules`. Upstream leaves `GloAdmin` and `MyHGM` dangling.
pub(super) fn shutdown_all_modules(glo: &Arc<Glo>) {
    glo.my_mon.delete(After::Null, |monitor| monitor.destroy());
    glo.qc.delete(After::Null, |_| {});
    glo.clickhouse_server.delete(After::Null, |server| server.destroy());
    glo.sqlite3_server.delete(After::Null, |server| server.destroy());
    glo.mth.delete(After::Null, |_| {});
    let after = match glo.config.build {
        Build::Shipped | Build::Patched => After::Dangling,
        Build::Sound => After::Null,
    };
    glo.admin.delete(after, |admin| admin.admin_shutdown(glo));
    glo.my_hgm.delete(after, |_| {});
    if glo.is_sound() {
        glo.cluster.delete(After::Null, |_| {});
    }
}
