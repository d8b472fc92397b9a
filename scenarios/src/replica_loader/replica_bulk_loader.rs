//! The bulk loader of one replica, on its replication thread: the steps that the meta server's status asks for, and the
//! clear. Downloads run on the default pool, in `download.rs`.

use super::build::Build;
use super::config::REPLICAS;
use super::loader_state::LoaderState;
use super::messages::{BulkLoadStatus, ErrorCode, Ingestion, Pid, ReplicaState};
use super::node::Node;
use super::replication_thread::ReplicationThread;
use super::round::{ClearedBy, Round};
use super::row_store::RowStore;
use super::thread_pool::Task;
use std::fs;
use std::sync::Arc;

/// The bulk loader of one replica.
pub(super) struct ReplicaBulkLoader {
    load: Arc<LoaderState>,
}

impl ReplicaBulkLoader {
    pub(super) fn new(pid: Pid, node: Arc<Node>, rows: Arc<RowStore>, thread: Arc<ReplicationThread>) -> Self {
        Self { load: Arc::new(LoaderState::new(pid, node, rows, thread)) }
    }

    /// `_status`.
    pub(super) fn status(&self) -> BulkLoadStatus {
        self.load.status.load()
    }

    pub(super) fn ingestion_status(&self) -> Ingestion {
        self.load.ingestion_status.load()
    }

    /// This replica's report.
    pub(super) fn report(&self) -> ReplicaState {
        self.load.report()
    }

    /// Queues the task that ingests the downloaded files.
    pub(super) fn start_ingestion(&self) {
        self.load.start_ingestion();
    }

    /// Takes the step that the meta server's status asks for: `do_bulk_load`. The caller has checked the role and the
    /// ballot.
    pub(super) async fn do_bulk_load(&self, wanted: BulkLoadStatus, ballot: u64) -> ErrorCode {
        use BulkLoadStatus::{
            Cancelled, Downloaded, Downloading, Failed, Ingesting, Invalid, Paused, Pausing, Succeed,
        };
        let local = self.load.status.load();
        let valid = match wanted {
            Downloaded => local == Downloaded,
            Ingesting => matches!(local, Downloaded | Ingesting),
            Succeed => matches!(local, Downloaded | Ingesting | Succeed | Invalid),
            Pausing => matches!(local, Invalid | Downloading | Downloaded | Paused),
            Paused => local == Paused,
            Invalid | Downloading | Failed | Cancelled => true,
        };
        if !valid {
            return ErrorCode::InvalidState;
        }
        match (wanted, local) {
            (Downloading, Invalid | Paused | Ingesting | Succeed) => return self.start_download(local, ballot).await,
            (Ingesting, Downloaded) => self.load.status.store(Ingesting),
            (Succeed, Downloaded | Ingesting) => self.load.status.store(Succeed),
            (Succeed, Succeed | Invalid) => self.handle_bulk_load_finish(ClearedBy::Success, ballot).await,
            (Failed, _) => self.handle_bulk_load_finish(ClearedBy::Failure, ballot).await,
            (Cancelled, _) => self.handle_bulk_load_finish(ClearedBy::Cancel, ballot).await,
            (Pausing, _) => self.pause_bulk_load().await,
            _ => {}
        }
        ErrorCode::Ok
    }

    /// `start_download`: always clears first.
    async fn start_download(&self, from: BulkLoadStatus, ballot: u64) -> ErrorCode {
        let sound = self.load.node.build == Build::Sound;
        if !sound && !self.load.node.slots.has_room() {
            return ErrorCode::Busy;
        }
        self.clear_bulk_load_states(ClearedBy::Start(from), ballot).await;
        let round = self.load.round();
        if sound {
            let Some(slot) = self.load.node.slots.try_increase() else { return ErrorCode::Busy };
            round.hold(slot);
            self.load.status.store(BulkLoadStatus::Downloading);
        } else {
            self.load.status.store(BulkLoadStatus::Downloading);
            round.hold(self.load.node.slots.increase());
        }
        self.load.is_downloading.store(true);
        if fs::create_dir_all(&self.load.directory).is_err() {
            let _locked = self.load.write();
            self.load.failed(&round, ErrorCode::FileOperationFailed);
            return ErrorCode::Ok;
        }
        self.load.enqueue_metadata(&round);
        ErrorCode::Ok
    }

    /// `pause_bulk_load`: cancels, and clears nothing.
    async fn pause_bulk_load(&self) {
        match self.load.status.load() {
            BulkLoadStatus::Paused => return,
            BulkLoadStatus::Downloading => {
                let round = self.load.round();
                self.join_in_the_sound_build(&round).await;
                self.load.cleanup_download_tasks(&mut self.load.write());
                self.load.try_decrease_downloading_count(&round);
            }
            _ => {}
        }
        self.load.status.store(BulkLoadStatus::Paused);
    }

    /// `handle_bulk_load_finish`: clears, and moves the directory away, even while a task still writes into it.
    async fn handle_bulk_load_finish(&self, by: ClearedBy, ballot: u64) {
        if self.load.is_cleaned_up() {
            return;
        }
        self.clear_bulk_load_states(by, ballot).await;
        // The directory may be missing.
        let garbage = self.load.garbage();
        let _ = fs::rename(&self.load.directory, &garbage);
        let _ = fs::remove_dir_all(garbage);
    }

    /// `clear_bulk_load_states_if_needed`, called when the replica's role changes to one that serves.
    pub(super) async fn clear_if_needed(&self, role_changed: bool, ballot: u64) {
        if role_changed {
            self.clear_bulk_load_states(ClearedBy::Role, ballot).await;
        }
    }

    /// `clear_bulk_load_states`. In upstream's builds it returns while a task is still running that nothing keeps track
    /// of any more.
    async fn clear_bulk_load_states(&self, by: ClearedBy, ballot: u64) {
        let round = self.load.round();
        self.join_in_the_sound_build(&round).await;
        if self.load.status.load() == BulkLoadStatus::Downloading {
            // Upstream calls it here without the lock that it requires.
            self.load.try_decrease_downloading_count(&round);
        }
        {
            let mut locked = self.load.write();
            self.load.cleanup_download_tasks(&mut locked);
            round.files_cleared(by);
            self.load.files().clear();
            round.tasks.joined();
            locked.file_total_size = 0;
            self.load.cur_downloaded_size.store(0);
            self.load.download_progress.store(0);
            self.load.download_status.store(ErrorCode::Ok);
            self.load.ingestion_status.store(Ingestion::Invalid);
            self.load.begin_round(ballot);
        }
        self.load.status.store(BulkLoadStatus::Invalid);
    }

    /// The sound build interrupts the tasks of a round and waits until the last has ended. The tasks wait for nothing
    /// on the replication thread, and no new task can start: the same lock guards both.
    async fn join_in_the_sound_build(&self, round: &Round) {
        if self.load.node.build != Build::Sound {
            return;
        }
        let tasks: Vec<Arc<Task>> = {
            let locked = self.load.write();
            round.interrupt();
            locked.tasks.values().cloned().collect()
        };
        for task in tasks {
            if !task.cancel() {
                task.ended().await;
            }
        }
    }

    /// Closes the bulk loader: the replica's tracker cancels with a wait.
    pub(super) async fn close(&self) {
        let round = self.load.round();
        self.join_in_the_sound_build(&round).await;
        if self.load.node.build == Build::Sound {
            // Release the slot for other replicas of this node now: the last database may take seconds to close.
            self.load.try_decrease_downloading_count(&round);
        }
        let tasks: Vec<Arc<Task>> = std::mem::take(&mut self.load.write().tasks).into_values().collect();
        for task in tasks {
            if !task.cancel() {
                task.ended().await;
            }
        }
    }
}

/// The mean progress of a group. Upstream divides by the full number of replicas, even if some have not reported.
pub(super) fn total_progress(states: &[ReplicaState]) -> u64 {
    states.iter().map(|state| state.progress).sum::<u64>() / REPLICAS as u64
}
