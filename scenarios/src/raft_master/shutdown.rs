//! The shutdown of each build: the same parts, stopped in different orders, with or without waiting for their end. The
//! builds differ in three more places, as upstream does: the order of the start, the loader that nothing joins (both in
//! `server.rs`), and the way in which a snapshot replaces the store (`metadata_fsm.rs`).

use super::build::{Build, StopOrder};
use super::server::Server;
use crate::rt::{select, task, time};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The fraction of the shutdown's budget that requests in flight get to end on their own, and connections after them.
const DRAIN_PART: u32 = 6;

impl Server {
    /// Upstream's `Shutdown`.
    pub(super) async fn shutdown(&self) {
        match (self.config.build, self.config.stop_order) {
            (Build::Shipped, StopOrder::DatabaseFirst) => self.shutdown_database_first().await,
            (Build::Shipped, StopOrder::RaftFirst) => self.shutdown_raft_first().await,
            (Build::Shipped, StopOrder::RaftJoinedUnderLock) => self.shutdown_raft_joined_under_lock().await,
            (Build::Patched, _) => self.shutdown_patched().await,
            (Build::Sound, _) => self.shutdown_sound().await,
        }
    }

    /// #2614 `273e2ead2`, 2023-09: adds the close. Nothing stops raft, which runs until the process ends.
    async fn shutdown_database_first(&self) {
        self.stop_flag.store(true, Ordering::Release);
        self.cluster().stopc.close();
        self.shutdown_http().await;
        self.close_store().await;
        self.wg.done();
    }

    /// #2680 `022da12d5`, 2023-10: raft first. Stopping it waits for `run`; nothing waits for `runApply`.
    async fn shutdown_raft_first(&self) {
        self.stop_flag.store(true, Ordering::Release);
        self.cluster().stopc.close();
        self.shutdown_http().await;
        self.stop_raft().await;
        self.close_store().await;
        self.wg.done();
    }

    /// The obvious fix, which no release has: `stop` also waits for `runApply`, under the lock that `Apply` may want.
    async fn shutdown_raft_joined_under_lock(&self) {
        self.stop_flag.store(true, Ordering::Release);
        self.cluster().stopc.close();
        self.shutdown_http().await;
        if let Some(raft) = self.raft.get() {
            raft.stop_and_join_under_lock().await;
        }
        self.close_store().await;
        self.wg.done();
    }

    /// Upstream's head: #3126 `73595c43a` and `09c77b87b` (the pause), `fc5ac7193`, `f761097bd`, `114fa4f0d` (cluster
    /// tasks joined, stop flag, close once). The pause is where a join of `runApply` would be.
    async fn shutdown_patched(&self) {
        if self.stop_flag.swap(true, Ordering::AcqRel) {
            return;
        }
        self.cluster().stopc.close();
        self.cluster().join_tasks().await;
        self.shutdown_http().await;
        self.stop_raft().await;
        time::sleep(self.config.pause_before_close).await;
        self.close_store().await;
        self.wg.done();
    }

    /// Every user of the store has ended before the store is closed, and the stop waits for each end instead of timing
    /// it. It holds no lock across a wait: upstream's raft server would wait under its write lock for an apply that
    /// wants the read lock.
    ///
    /// The stop is bounded. Requests in flight get a part of the budget, and then an error from a raft that stops. The
    /// rest is one entry's work, which only the disk can hold up. Entries queued behind it are in the log, and the next
    /// start applies them.
    async fn shutdown_sound(&self) {
        self.stop_flag.store(true, Ordering::Release);
        let drain = self.config.shutdown_budget / DRAIN_PART;

        // No request begins any more. Those in flight may end on their own for a while.
        self.gate.shut();
        if let Some(http) = self.http.get() {
            http.close();
        }
        self.cluster().stopc.close();
        self.cluster().join_tasks().await;
        select! {
            () = self.gate.empty() => {}
            () = time::sleep(drain) => {}
        }

        // A stopping raft answers every pending proposal, so the last requests end as well.
        if let Some(raft) = self.raft.get() {
            raft.stop().await;
            raft.apply_no_more();
        }
        self.gate.empty().await;
        if let Some(http) = self.http.get() {
            http.shutdown_within(drain).await;
        }
        let following = self.following.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(following) = following {
            let _ = following.await;
        }

        // `RaftCore` has ended, but the worker may still be applying an entry that was queued: wait for the worker
        // itself.
        if let Some(raft) = self.raft.get() {
            raft.applied_to_the_end().await;
            raft.log_closed().await;
        }
        self.close_store().await;
    }

    async fn shutdown_http(&self) {
        if let Some(http) = self.http.get() {
            http.shutdown().await;
        }
    }

    async fn stop_raft(&self) {
        if let Some(raft) = self.raft.get() {
            raft.stop_under_lock().await;
        }
    }

    /// Closes the store on a blocking thread, because redb syncs when it closes.
    async fn close_store(&self) {
        if let Some(store) = self.store.get() {
            let store = Arc::clone(store);
            let _ = task::spawn_blocking(move || store.close()).await;
        }
    }
}
