//! The state of one replica's bulk loader, which the replication thread and the tasks of the default pool share.
//! The former changes it in `replica_bulk_loader.rs`, the latter in `download.rs`.

use super::build::Build;
use super::config::PROGRESS_FINISHED;
use super::messages::{BulkLoadStatus, ErrorCode, FileMeta, Ingestion, Pid, ReplicaState};
use super::node::Node;
use super::replication_thread::ReplicationThread;
use super::round::Round;
use super::row_store::RowStore;
use super::shared::Shared;
use super::thread_pool::Task;
use afterlife_probe::Epoch;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The state that `_lock` guards.
#[derive(Default)]
pub(super) struct Locked {
    /// `_metadata.file_total_size`, in bytes.
    pub(super) file_total_size: u64,
    /// `_download_task` and `_download_files_task`, by the file's name, and the task that ingests.
    pub(super) tasks: BTreeMap<String, Arc<Task>>,
}

/// The state of one replica's bulk loader.
pub(super) struct LoaderState {
    pub(super) pid: Pid,
    pub(super) node: Arc<Node>,
    pub(super) rows: Arc<RowStore>,
    /// The replica's replication thread, for work that has to run there.
    pub(super) thread: Arc<ReplicationThread>,
    /// The directory of the downloaded files.
    pub(super) directory: PathBuf,
    /// `_status`: written by the replication thread, read by any thread without synchronisation.
    pub(super) status: Shared<BulkLoadStatus>,
    lock: RwLock<Locked>,
    /// `_metadata.files`, which the shipped build's file tasks read without the lock.
    pub(super) files: Mutex<Vec<FileMeta>>,
    pub(super) download_progress: Shared<u64>,
    pub(super) cur_downloaded_size: Shared<u64>,
    pub(super) download_status: Shared<ErrorCode>,
    /// This replica holds one of the node's slots.
    pub(super) is_downloading: Shared<bool>,
    pub(super) ingestion_status: Shared<Ingestion>,
    epoch: Epoch,
    round: Mutex<(u64, Arc<Round>)>,
}

impl LoaderState {
    pub(super) fn new(pid: Pid, node: Arc<Node>, rows: Arc<RowStore>, thread: Arc<ReplicationThread>) -> Self {
        let epoch = Epoch::new("round");
        let round = Mutex::new((0, Arc::new(Round::begin(&epoch, 0, 0))));
        let directory = node.data_dir.join(pid.to_string());
        Self {
            pid,
            rows,
            thread,
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

    /// The name that the directory gets before it is deleted.
    pub(super) fn garbage(&self) -> PathBuf {
        self.directory.with_extension("gar")
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

    /// `cleanup_download_tasks`: asks each task to cancel, and forgets them all, including those that answer that they
    /// are running.
    pub(super) fn cleanup_download_tasks(&self, locked: &mut Locked) {
        for (_, task) in std::mem::take(&mut locked.tasks) {
            let _still_runs = !task.cancel();
        }
    }

    /// `try_decrease_bulk_load_download_count`: "need write lock before calling". It reads the flag first and acts on
    /// it later.
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

    /// Records a failed download: releases the slot, and keeps the error for the next report. The caller holds the
    /// lock.
    pub(super) fn failed(&self, round: &Round, error: ErrorCode) {
        round.effect("download status");
        self.try_decrease_downloading_count(round);
        self.download_status.store(error);
    }

    /// This replica's report.
    pub(super) fn report(&self) -> ReplicaState {
        ReplicaState {
            progress: self.download_progress.load(),
            download: self.download_status.load(),
            ingestion: self.ingestion_status.load(),
            cleaned_up: self.is_cleaned_up(),
            paused: self.status.load() == BulkLoadStatus::Paused,
        }
    }

    pub(super) fn is_cleaned_up(&self) -> bool {
        self.status.load() == BulkLoadStatus::Invalid
            && self.download_progress.load() == 0
            && self.download_status.load() == ErrorCode::Ok
            && self.ingestion_status.load() == Ingestion::Invalid
            && self.read().file_total_size == 0
            && self.files().is_empty()
    }

    /// The current round.
    pub(super) fn round(&self) -> Arc<Round> {
        Arc::clone(&self.round.lock().unwrap_or_else(PoisonError::into_inner).1)
    }

    pub(super) fn begin_round(&self, ballot: u64) {
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
