//! vttablet's `main`: the parts that it creates, the calls that it defers, and its end by a stop, an error or a panic.
//! Upstream's builds end as Go does: `main`'s deferred calls run, and then the process is gone, with everything that
//! still runs in it.

use super::build::Build;
use super::config::{LAMEDUCK, ON_CLOSE_TIMEOUT, TabletConfig};
use super::context::{CancelOnDrop, Context};
use super::goroutine::{AbortOnPanic, go};
use super::rpc_server;
use super::tablet_manager::{TabletError, TabletManager};
use super::topo::{CloseOnDrop, TopoServer};
use crate::rt::{net::TcpListener, select, task, time};
use std::future::{Future, pending};
use std::sync::Arc;

/// Runs a tablet until `stop` is ready and the tablet has ended in its build's way. Upstream's builds leave goroutines
/// behind when this returns, which should end with the runtime.
///
/// # Errors
/// The tablet cannot start.
pub async fn run_tablet(config: TabletConfig, stop: impl Future<Output = ()>) -> Result<(), TabletError> {
    match config.build {
        Build::Shipped | Build::Patched => run_as_upstream(config, stop).await,
        Build::Sound => run_owned(config, stop).await,
    }
}

async fn run_as_upstream(config: TabletConfig, stop: impl Future<Output = ()>) -> Result<(), TabletError> {
    // Dropped in reverse order: cancel, close the topology's client, abort.
    let _end = AbortOnPanic;
    let topo = TopoServer::open(&config.topo, config.build);
    let _close = CloseOnDrop(Arc::clone(&topo));
    let batch_ctx = Context::background();
    let _cancel = CancelOnDrop(batch_ctx.clone());

    let tm = TabletManager::new(config, topo, batch_ctx).await?;
    // SIGTERM is handled from `RunDefault` on. Before that, it ends the process.
    let mut stop = std::pin::pin!(stop);
    select! {
        biased;
        () = &mut stop => return Ok(()),
        started = tm.start() => started?,
    }
    tm.spawn(rpc(&tm).await?);
    tm.spawn(queries(&tm).await?);
    afterlife_probe::phase("ready");
    stop.await;

    // `OnTerm`: nothing waits for it, except for the lameduck period.
    let closing = Arc::clone(&tm);
    go(async move { closing.vdiff.close().await });
    time::sleep(LAMEDUCK).await;
    // `OnClose`, and `main` returns.
    let _ = time::timeout(ON_CLOSE_TIMEOUT, tm.stop_shard_sync()).await;
    Ok(())
}

/// The sound build: one owner starts the parts and ends them one after the other, waiting for each.
async fn run_owned(config: TabletConfig, stop: impl Future<Output = ()>) -> Result<(), TabletError> {
    let _end = AbortOnPanic;
    let topo = TopoServer::open(&config.topo, config.build);
    let batch_ctx = Context::background();
    let tm = TabletManager::new(config, Arc::clone(&topo), batch_ctx.clone()).await?;
    let mut serving = task::JoinSet::new();
    let running = async {
        tm.start().await?;
        serving.spawn(rpc(&tm).await?);
        serving.spawn(queries(&tm).await?);
        afterlife_probe::phase("ready");
        pending().await
    };
    let ended = select! {
        () = stop => Ok(()),
        ended = running => ended,
    };

    // First the requests end, then the tasks that run on their own, each before the parts that it uses.
    tm.query.set_serving(false);
    batch_ctx.cancel();
    while serving.join_next().await.is_some() {}
    tm.stop_shard_sync().await;
    tm.vdiff.close().await;
    tm.stop_replication().await;
    tm.end_tasks().await;
    if let Some(database) = tm.mysql.shut_down() {
        let _ = task::spawn_blocking(move || database.join()).await;
    }
    let _ = task::spawn_blocking(move || topo.close()).await;
    ended
}

async fn rpc(tm: &Arc<TabletManager>) -> Result<impl Future<Output = ()> + Send + use<>, TabletError> {
    let listener = listen(&tm.config.rpc_listen).await?;
    Ok(rpc_server::serve(Arc::clone(tm), listener, tm.batch_ctx.clone()))
}

async fn queries(tm: &Arc<TabletManager>) -> Result<impl Future<Output = ()> + Send + use<>, TabletError> {
    let listener = listen(&tm.config.query_listen).await?;
    Ok(Arc::clone(&tm.query).serve(listener, tm.batch_ctx.clone()))
}

async fn listen(address: &str) -> Result<TcpListener, TabletError> {
    TcpListener::bind(address).await.map_err(|error| TabletError::Listen { address: address.to_owned(), error })
}
