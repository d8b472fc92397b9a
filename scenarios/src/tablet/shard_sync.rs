//! The shard sync loop: keeps the tablet and its shard's record in step. While the tablet is primary, it watches that
//! record to learn that another tablet has taken over.

use super::build::Build;
use super::config::SHARD_SYNC_RETRY_DELAY;
use super::context::Context;
use super::goroutine::go;
use super::tablet_manager::{ShardSync, TabletManager};
use super::topo_records::{Shard, Tablet, TabletType, shard_path};
use super::topo_rpc::TopoError;
use super::topo_watch::{Watch, WatchEvent};
use crate::rt::{select, sync::mpsc, time};
use std::future::pending;
use std::sync::Arc;

/// Upstream's `shardWatcher`: the watch of the shard's record, if there is one.
#[derive(Default)]
struct ShardWatcher {
    watch: Option<Watch>,
}

impl ShardWatcher {
    fn is_active(&self) -> bool {
        self.watch.is_some()
    }

    /// The next event; `None` if the channel is closed. Waits forever without a watch.
    async fn event(&mut self) -> Option<WatchEvent> {
        match &mut self.watch {
            Some(watch) => watch.events.recv().await,
            None => pending().await,
        }
    }

    /// Ends the watch and drains it, so that its goroutine never waits for a reader.
    async fn stop(&mut self) {
        if let Some(mut watch) = self.watch.take() {
            watch.cancel.cancel();
            while watch.events.recv().await.is_some() {}
            if let Some(ended) = watch.ended {
                let _ = ended.await;
            }
        }
    }
}

impl TabletManager {
    pub(super) fn start_shard_sync(self: &Arc<Self>) {
        // Capacity for one: a second notification would carry no news.
        let (notify, notified) = mpsc::channel(1);
        let ctx = Context::background();
        let done = go(Arc::clone(self).shard_sync_loop(ctx.clone(), notified));
        self.own_shard_sync(ShardSync { notify, ctx, done });
        self.notify_shard_sync();
    }

    /// The loop, which runs until its context is done. A message of `notify` says that the tablet may have changed.
    async fn shard_sync_loop(self: Arc<Self>, ctx: Context, mut notify: mpsc::Receiver<()>) {
        let mut watcher = ShardWatcher::default();
        let mut retry_at = None;
        loop {
            let retry = async {
                match retry_at {
                    Some(at) => time::sleep_until(at).await,
                    None => pending().await,
                }
            };
            select! {
                _ = notify.recv() => {}
                () = retry => {}
                event = watcher.event() => self.on_watch_event(event, &mut watcher).await,
                () = ctx.done() => break,
            }
            retry_at = None;
            let synced = match self.config.build {
                Build::Shipped | Build::Patched => self.sync(&mut watcher).await,
                Build::Sound => match ctx.run(self.sync(&mut watcher)).await {
                    Ok(synced) => synced,
                    Err(_) => break,
                },
            };
            if synced.is_err() {
                retry_at = Some(time::Instant::now() + SHARD_SYNC_RETRY_DELAY);
            }
        }
        watcher.stop().await;
    }

    /// Handles an event of the watch: the record has to be read again, or the watch is over.
    ///
    /// # Panics
    /// In the shipped build, if the event is nil: a nil pointer is dereferenced at `.Err`, address 0x8. The fix only
    /// logs it, and the closed channel stays in the select.
    async fn on_watch_event(&self, event: Option<WatchEvent>, watcher: &mut ShardWatcher) {
        let failed = match (self.config.build, event) {
            (Build::Shipped, event) => event.expect("invalid memory address or nil pointer dereference").is_err(),
            (Build::Patched, None) => {
                self.log("got a nil event from the shard watcher; this should not happen");
                false
            }
            (Build::Sound, None) => true,
            (_, Some(event)) => event.is_err(),
        };
        if failed {
            watcher.stop().await;
        }
    }

    async fn sync(self: &Arc<Self>, watcher: &mut ShardWatcher) -> Result<(), TopoError> {
        let tablet = self.state.tablet();
        if tablet.kind != TabletType::Primary {
            // Only primaries put load on the topology.
            watcher.stop().await;
            return Ok(());
        }
        if let Some(primary) = self.sync_shard_primary(&tablet).await? {
            self.end_primary_term(&primary).await?;
            watcher.stop().await;
        } else if !watcher.is_active() {
            watcher.watch = Some(self.topo.watch(&shard_path(&tablet.keyspace, &tablet.shard)).await?);
        }
        Ok(())
    }

    /// Enters this tablet as the shard's primary, if its term is the latest. Returns the later primary, if there is
    /// one.
    async fn sync_shard_primary(&self, tablet: &Tablet) -> Result<Option<String>, TopoError> {
        let mut after = None;
        let change = |shard: Shard| {
            let (ours, last) = (tablet.primary_term_start, shard.primary_term_start);
            after = (ours < last).then(|| shard.primary.clone());
            (ours > last).then(|| Shard { primary: tablet.alias.clone(), primary_term_start: ours })
        };
        self.topo.update(&shard_path(&tablet.keyspace, &tablet.shard), change).await?;
        Ok(after)
    }

    /// Ends this tablet's term: its database becomes read-only and follows the new primary.
    async fn end_primary_term(self: &Arc<Self>, primary: &str) -> Result<(), TopoError> {
        self.mysql.set_read_only();
        self.change_tablet_type(TabletType::Replica).await?;
        self.set_replication_source(primary).await
    }
}
