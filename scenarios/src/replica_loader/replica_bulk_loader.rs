//! The bulk loader of one replica, on its replication thread: what the meta server's status makes it do, and the clear.
//! It downloads nothing itself: `download.rs` does, on the default pool.

use super::build::Build;
use super::config::REPLICAS;
use super::messages::{BulkLoadStatus, ErrorCode, FileMeta, Ingestion, Pid, ReplicaState};
use super::node::Node;
use super::replica::ReplicationThread;
use super::round::{ClearedBy, Round};
use super::row_store::RowStore;
use super::shared::Shared;
use super::thread_pool::Task;
use afterlife_probe::Epoch;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A bulk load is complete at this progress: `PROGRESS_FINISHED`.
pub(super) const PROGRESS_FINISHED: u64 = 100;

/// What `_lock` guards.
#[derive(Default)]
pub(super) struct Locked {
    /// `_metadata.file_total_size`, in bytes.
    pub(super) file_total_size: u64,
    /// `_download_task` and `_download_files_task`, by the file's name; and the task that ingests.
    pub(super) tasks: BTreeMap<String, Arc<Task>>,
}

/// The bulk loader of one replica.
pub(super) struct ReplicaBulkLoader {
    pub(super) pid: Pid,
    pub(super) node: Arc<Node>,
    pub(super) rows: Arc<RowStore>,
    /// The replica's replication thread, to hand something over to it.
    pub(super) thread: Arc<ReplicationThread>,
    /// Where files are downloaded to.
    pub(super) directory: PathBuf,
    garbage: PathBuf,
    /// `_status`: the replication thread writes it, and others read it as they please.
    pub(super) status: Shared<BulkLoadStatus>,
    lock: RwLock<Locked>,
    /// `_metadata.files`, which file tasks of the shipped build read without the lock.
    pub(super) files: Mutex<Vec<FileMeta>>,
    pub(super) download_progress: Shared<u64>,
    pub(super) cur_downloaded_size: Shared<u64>,
    pub(super) download_status: Shared<ErrorCode>,
    /// Whether this replica holds one of the node's slots.
    pub(super) is_downloading: Shared<bool>,
    pub(super) ingestion_status: Shared<Ingestion>,
    epoch: Epoch,
    round: Mutex<(u64, Arc<Round>)>,
}

impl ReplicaBulkLoader {
    pub(super) fn new(pid: Pid, node: Arc<Node>, rows: Arc<RowStore>, thread: Arc<ReplicationThread>) -> Self {
        let epoch = Epoch::new("round");
        let round = Mutex::new((0, Arc::new(Round::begin(&epoch, 0, 0))));
        let directory = node.data_dir.join(pid.to_string());
        Self {
            pid,
            rows,
            thread,
            garbage: directory.join("bulk_load.gar"),
            directory: directory.join("bulk_load"),
            node,
            status: Shared::new(BulkLoadStatus::Invalid),
            lock: RwLock::default(),
            files: Mutex::default(),
            download_progress: Shared::new(0),
            cur_downloaded_size: Shared::new(0),
            download_status: Shared::new(ErrorCode::Ok),
            is_downloading: Shared::new(false),
            ingestion_status: Shared::new(Ingestion::Invalid),
            epoch,
            round,
        }
    }

    /// What the meta server's status makes this replica do: `do_bulk_load`. The role and the ballot were checked.
    pub(super) async fn do_bulk_load(self: &Arc<Self>, wanted: BulkLoadStatus, ballot: u64) -> ErrorCode {
        use BulkLoadStatus::{
            Cancelled, Downloaded, Downloading, Failed, Ingesting, Invalid, Paused, Pausing, Succeed,
        };
        let local = self.status.load();
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
            (Ingesting, Downloaded) => self.status.store(Ingesting),
            (Succeed, Downloaded | Ingesting) => self.status.store(Succeed),
            (Succeed, Succeed | Invalid) => self.handle_bulk_load_finish(ClearedBy::Success, ballot).await,
            (Failed, _) => self.handle_bulk_load_finish(ClearedBy::Failure, ballot).await,
            (Cancelled, _) => self.handle_bulk_load_finish(ClearedBy::Cancel, ballot).await,
            (Pausing, _) => self.pause_bulk_load().await,
            _ => {}
        }
        ErrorCode::Ok
    }

    /// `start_download`: clears first, whatever there was.
    async fn start_download(self: &Arc<Self>, from: BulkLoadStatus, ballot: u64) -> ErrorCode {
        let sound = self.node.build == Build::Sound;
        if !sound && !self.node.slots.has_room() {
            return ErrorCode::Busy;
        }
        self.clear_bulk_load_states(ClearedBy::Start(from), ballot).await;
        let round = self.round();
        if sound {
            let Some(slot) = self.node.slots.try_increase() else { return ErrorCode::Busy };
            round.hold(slot);
            self.status.store(BulkLoadStatus::Downloading);
        } else {
            self.status.store(BulkLoadStatus::Downloading);
            round.hold(self.node.slots.increase());
        }
        self.is_downloading.store(true);
        if fs::create_dir_all(&self.directory).is_err() {
            let _locked = self.write();
            self.failed(&round, ErrorCode::FileOperationFailed);
            return ErrorCode::Ok;
        }
        self.enqueue_metadata(&round);
        ErrorCode::Ok
    }

    /// `pause_bulk_load`: cancels, and clears nothing.
    async fn pause_bulk_load(&self) {
        match self.status.load() {
            BulkLoadStatus::Paused => return,
            BulkLoadStatus::Downloading => {
                let round = self.round();
                self.join_in_the_sound_build(&round).await;
                self.cleanup_download_tasks(&mut self.write());
                self.try_decrease_downloading_count(&round);
            }
            _ => {}
        }
        self.status.store(BulkLoadStatus::Paused);
    }

    /// `handle_bulk_load_finish`: clears, and moves the directory out of the way, whoever still writes into it.
    async fn handle_bulk_load_finish(&self, by: ClearedBy, ballot: u64) {
        if self.is_cleaned_up() {
            return;
        }
        self.clear_bulk_load_states(by, ballot).await;
        // Nothing to move and nothing to remove are both well.
        let _ = fs::rename(&self.directory, &self.garbage);
        let _ = fs::remove_dir_all(&self.garbage);
    }

    /// `clear_bulk_load_states_if_needed`, at each change of the replica's role, to a role that serves.
    pub(super) async fn clear_if_needed(&self, role_changed: bool, ballot: u64) {
        if role_changed {
            self.clear_bulk_load_states(ClearedBy::Role, ballot).await;
        }
    }

    /// `clear_bulk_load_states`. In upstream's builds it returns while a task that runs still runs, with no one left who
    /// knows of it.
    async fn clear_bulk_load_states(&self, by: ClearedBy, ballot: u64) {
        let round = self.round();
        self.join_in_the_sound_build(&round).await;
        if self.status.load() == BulkLoadStatus::Downloading {
            // Without the lock that the callee says it needs.
            self.try_decrease_downloading_count(&round);
        }
        {
            let mut locked = self.write();
            self.cleanup_download_tasks(&mut locked);
            round.files_cleared(by);
            self.files().clear();
            round.tasks.joined();
            locked.file_total_size = 0;
            self.cur_downloaded_size.store(0);
            self.download_progress.store(0);
            self.download_status.store(ErrorCode::Ok);
            self.ingestion_status.store(Ingestion::Invalid);
            self.begin_round(ballot);
        }
        self.status.store(BulkLoadStatus::Invalid);
    }

    /// `cleanup_download_tasks`: asks each task to cancel, hears from some that they still run, and forgets them all.
    fn cleanup_download_tasks(&self, locked: &mut Locked) {
        for (_, task) in std::mem::take(&mut locked.tasks) {
            let _still_runs = !task.cancel();
        }
    }

    /// The sound build interrupts the tasks of a round and waits until the last has ended. They wait for nothing that the
    /// replication thread does, and the way in for new ones is shut under the same lock.
    async fn join_in_the_sound_build(&self, round: &Round) {
        if self.node.build != Build::Sound {
            return;
        }
        let tasks: Vec<Arc<Task>> = {
            let locked = self.write();
            round.interrupt();
            locked.tasks.values().cloned().collect()
        };
        for task in tasks {
            if !task.cancel() {
                task.ended().await;
            }
        }
    }

    /// `check_download_finish`, on the replication thread.
    pub(super) fn check_download_finish(&self, of: &Arc<Round>) {
        let round = self.round();
        if self.node.build == Build::Sound && !Arc::ptr_eq(of, &round) {
            return;
        }
        let complete = self.download_progress.load() == PROGRESS_FINISHED;
        if complete && self.status.load() == BulkLoadStatus::Downloading {
            self.status.store(BulkLoadStatus::Downloaded);
            round.downloaded();
            let mut locked = self.write();
            self.try_decrease_downloading_count(&round);
            if self.node.build != Build::Sound {
                self.cleanup_download_tasks(&mut locked);
            }
        }
    }

    /// `try_decrease_bulk_load_download_count`: "need write lock before calling". It reads the flag and then acts.
    pub(super) fn try_decrease_downloading_count(&self, round: &Round) {
        if self.node.build == Build::Sound {
            if self.is_downloading.swap(false) {
                self.node.slots.decrease(round.release());
            }
            return;
        }
        if self.is_downloading.load() {
            self.node.slots.decrease(round.release());
            self.is_downloading.store(false);
        }
    }

    /// A download failed: the slot is free, and the next report says why. The caller has the lock.
    pub(super) fn failed(&self, round: &Round, error: ErrorCode) {
        round.effect("download status");
        self.try_decrease_downloading_count(round);
        self.download_status.store(error);
    }

    /// What this replica reports.
    pub(super) fn report(&self) -> ReplicaState {
        ReplicaState {
            progress: self.download_progress.load(),
            download: self.download_status.load(),
            ingestion: self.ingestion_status.load(),
            cleaned_up: self.is_cleaned_up(),
            paused: self.status.load() == BulkLoadStatus::Paused,
        }
    }

    fn is_cleaned_up(&self) -> bool {
        self.status.load() == BulkLoadStatus::Invalid
            && self.download_progress.load() == 0
            && self.download_status.load() == ErrorCode::Ok
            && self.ingestion_status.load() == Ingestion::Invalid
            && self.read().file_total_size == 0
            && self.files().is_empty()
    }

    /// The replica closes: its tracker cancels with a wait.
    pub(super) async fn close(&self) {
        let round = self.round();
        self.join_in_the_sound_build(&round).await;
        if self.node.build == Build::Sound {
            // Whoever is still at work on this node may have it: the last database may take seconds to close.
            self.try_decrease_downloading_count(&round);
        }
        let tasks: Vec<Arc<Task>> = std::mem::take(&mut self.write().tasks).into_values().collect();
        for task in tasks {
            if !task.cancel() {
                task.ended().await;
            }
        }
    }

    /// The current round.
    pub(super) fn round(&self) -> Arc<Round> {
        Arc::clone(&self.round.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    fn begin_round(&self, ballot: u64) {
        let mut round = self.round.lock().unwrap_or_else(PoisonError::into_inner);
        round.0 += 1;
        round.1 = Arc::new(Round::begin(&self.epoch, ballot, round.0));
    }

    pub(super) fn files(&self) -> MutexGuard<'_, Vec<FileMeta>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Locked> {
        self.lock.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Locked> {
        self.lock.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mean progress of a group, of which some may not have reported: upstream divides by the number that there should be.
pub(super) fn total_progress(states: &[ReplicaState]) -> u64 {
    states.iter().map(|state| state.progress).sum::<u64>() / REPLICAS as u64
}
