//! The stop: the joins, then the deletes, in each build's order.
//! The builds also differ elsewhere: in a nulled pointer (`admin.rs`), a check of a flag (`group_replication.rs`), the owner of
//! detached threads (`threads.rs`) and the handling of a failed `accept` (`session.rs`).

use super::build::Build;
use super::glo::Glo;
use super::pointer::After;

/// `ProxySQL_Main_join_all_threads`: workers, monitor, query cache. It omits the children of admin and of the extra servers, the
/// cluster's threads, and the group-replication threads.
pub(super) fn join_all_threads(glo: &Glo) {
    if glo.process.is_sound() {
        stop_sessions_and_peers(glo);
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
        monitor.stop();
        monitor.join();
    }
    if !glo.qc.is_null() {
        glo.qc.get(by).join();
    }
}

/// In the sound build: joins the accept loops first, then their sessions and the threads that query peers. Afterwards no thread
/// uses Admin.
///
/// Bounded: a loop polls for half a second, a session ends with its socket, a peer's thread has a timeout for each answer, and a
/// thread of the monitor one for each connection.
fn stop_sessions_and_peers(glo: &Glo) {
    let by = format_args!("main");
    glo.admin.get(by).join_admin_thread();
    for server in [&glo.sqlite3_server, &glo.clickhouse_server] {
        if !server.is_null() {
            server.get(by).destroy();
        }
    }
    glo.process.detached().join_all();
}

/// `ProxySQL_Main_shutdown_all_modules`. Upstream leaves `GloAdmin` and `MyHGM` dangling.
pub(super) fn shutdown_all_modules(glo: &Glo) {
    glo.my_mon.delete(After::Null, |monitor| monitor.destroy());
    glo.qc.delete(After::Null, |_| {});
    glo.clickhouse_server.delete(After::Null, |server| server.destroy());
    glo.sqlite3_server.delete(After::Null, |server| server.destroy());
    glo.mth.delete(After::Null, |_| {});
    let after = match glo.process.config().build {
        Build::Shipped | Build::Patched => After::Dangling,
        Build::Sound => After::Null,
    };
    glo.admin.delete(after, |admin| admin.admin_shutdown(&glo.process));
    glo.my_hgm.delete(after, |_| {});
    if glo.process.is_sound() {
        glo.cluster.delete(After::Null, |_| {});
    }
}
