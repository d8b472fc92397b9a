//! The tasks of a bulk load, on the default pool: the metadata task, the file tasks, and the task that ingests. One
//! file at a time: each file task queues the next one when it is done. The shipped build's reference into `files` is a
//! copy in the others.

use super::build::Build;
use super::loader_state::LoaderState;
use super::messages::{BulkLoadMetadata, BulkLoadStatus, ErrorCode, FileMeta, Ingestion, METADATA};
use super::round::Round;
use super::thread_pool::Task;
use std::fs;
use std::sync::Arc;

/// A file task's own file and those after it.
enum Files {
    /// v2.4: `const file_meta &f_meta = _metadata.files[file_index]`, held for as long as the task runs.
    Referred { index: usize },
    /// #2077: a copy of the remaining files, the next one last.
    Handed { left: Vec<FileMeta> },
}

impl Files {
    /// Follows the reference, or reads the copy.
    ///
    /// # Panics
    /// If the reference leads nowhere: upstream reads freed memory there.
    #[track_caller]
    fn file(&self, loader: &LoaderState, round: &Round) -> FileMeta {
        match self {
            Self::Referred { index } => {
                round.files_used(*index);
                loader.files()[*index].clone()
            }
            Self::Handed { left } => left.last().expect("a file task has a file").clone(),
        }
    }
}

impl LoaderState {
    /// Queues the metadata task: `_download_task`.
    pub(super) fn enqueue_metadata(self: &Arc<Self>, round: &Arc<Round>) {
        let (loader, of) = (Arc::clone(self), Arc::clone(round));
        let work = Box::new(move || loader.download_files(&of));
        let keep = |task| drop(self.write().tasks.insert(METADATA.to_owned(), task));
        self.node.pool.enqueue(&round.tasks, "download metadata", work, keep);
    }

    /// `download_files`: downloads the list, parses it under the lock, and queues the first file.
    fn download_files(self: &Arc<Self>, round: &Arc<Round>) {
        let got = self.download_file(round, METADATA);
        {
            let mut locked = self.write();
            let parsed = match got {
                Ok(_) | Err(ErrorCode::PathAlreadyExist) => self.parse_bulk_load_metadata(),
                Err(ErrorCode::Cancelled) => return,
                Err(error) => Err(error),
            };
            match parsed {
                Ok(metadata) => {
                    round.effect("list of files");
                    locked.file_total_size = metadata.file_total_size;
                    round.parsed(&metadata.files);
                    *self.files() = metadata.files;
                }
                Err(error) => return self.failed(round, error),
            }
        }
        if self.files().is_empty() {
            return;
        }
        let first = match self.node.build {
            Build::Shipped => Files::Referred { index: 0 },
            Build::Patched | Build::Sound => Files::Handed { left: self.files().iter().rev().cloned().collect() },
        };
        self.enqueue_file(round, first);
    }

    fn parse_bulk_load_metadata(&self) -> Result<BulkLoadMetadata, ErrorCode> {
        let path = self.directory.join(METADATA);
        let read = fs::read(&path).map_err(|_| ErrorCode::FileOperationFailed)?;
        let metadata: BulkLoadMetadata = serde_json::from_slice(&read).map_err(|_| ErrorCode::Corruption)?;
        // Nothing protects this file. The sound build checks what it can, and fetches the file again the next time.
        let honest = || {
            let sum = metadata.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.size));
            sum == Some(metadata.file_total_size) && metadata.file_total_size > 0
        };
        if self.node.build == Build::Sound && !honest() {
            let _ = fs::remove_file(&path);
            return Err(ErrorCode::Corruption);
        }
        Ok(metadata)
    }

    /// Queues a file task: `_download_files_task`. Upstream writes the map without its lock at first, and with the
    /// readers' lock since #2077. Neither keeps a clear from running just before or after.
    fn enqueue_file(self: &Arc<Self>, round: &Arc<Round>, files: Files) {
        let name = files.file(self, round).name;
        let (loader, of) = (Arc::clone(self), Arc::clone(round));
        let work = Box::new(move || loader.download_sst_file(&of, files));
        let keep = |task: Arc<Task>| {
            let mut locked = self.write();
            if round.is_interrupted() {
                drop(locked);
                task.cancel();
            } else {
                locked.tasks.insert(name, task);
            }
        };
        self.node.pool.enqueue(&round.tasks, "download file", work, keep);
    }

    /// `download_sst_file`.
    fn download_sst_file(self: &Arc<Self>, round: &Arc<Round>, mut files: Files) {
        if self.node.build != Build::Shipped && self.status.load() != BulkLoadStatus::Downloading {
            return;
        }
        let got = self.download_file(round, &files.file(self, round).name);
        let error = match got.and_then(|got| self.verified(&files, round, &got)) {
            Err(ErrorCode::PathAlreadyExist) => self.accept_existing(&files, round),
            Err(error) => Err(error),
            Ok(()) => Ok(()),
        };
        match error {
            Err(ErrorCode::Cancelled) => return,
            Err(error) => {
                let _locked = self.write();
                return self.failed(round, error);
            }
            Ok(()) => {}
        }
        self.update_download_progress(round, files.file(self, round).size);
        let more = match &mut files {
            Files::Referred { index } => {
                *index += 1;
                *index < self.files().len()
            }
            Files::Handed { left } => {
                left.pop();
                !left.is_empty()
            }
        };
        if more {
            self.enqueue_file(round, files);
        }
    }

    fn download_file(&self, round: &Round, name: &str) -> Result<(u64, String), ErrorCode> {
        self.node.blocks.download_file(self.pid, &self.directory, name, round.interrupted())
    }

    /// Verifies a downloaded file: its digest from the stream, its size from the disk.
    fn verified(&self, files: &Files, round: &Round, (_, md5): &(u64, String)) -> Result<(), ErrorCode> {
        let path = self.directory.join(&files.file(self, round).name);
        let wanted = files.file(self, round);
        let size = fs::metadata(&path).map(|found| found.len()).ok();
        if *md5 == wanted.md5 && size == Some(wanted.size) { Ok(()) } else { Err(ErrorCode::Corruption) }
    }

    /// Accepts a file that already exists. Upstream checks its size alone, "as we couldn't afford the io overhead"; the
    /// sound build reads it. A file that does not match is removed, even while another task writes it, and downloaded.
    fn accept_existing(&self, files: &Files, round: &Round) -> Result<(), ErrorCode> {
        let wanted = files.file(self, round);
        let path = self.directory.join(&wanted.name);
        let matches = match self.node.build {
            Build::Shipped | Build::Patched => fs::metadata(&path).is_ok_and(|found| found.len() == wanted.size),
            Build::Sound => fs::read(&path).is_ok_and(|found| format!("{:x}", md5::compute(found)) == wanted.md5),
        };
        if matches {
            return Ok(());
        }
        fs::remove_file(&path).map_err(|_| ErrorCode::FileOperationFailed)?;
        let got = self.download_file(round, &files.file(self, round).name)?;
        self.verified(files, round, &got)
    }

    /// `update_bulk_load_download_progress`: adds to whichever round the counters belong to by now.
    fn update_download_progress(self: &Arc<Self>, round: &Arc<Round>, size: u64) {
        {
            round.verified();
            let locked = self.write();
            if locked.file_total_size == 0 {
                return;
            }
            round.effect("download progress");
            let downloaded = self.cur_downloaded_size.load().saturating_add(size);
            self.cur_downloaded_size.store(downloaded);
            let progress = u128::from(downloaded) * 100 / u128::from(locked.file_total_size);
            let progress = u64::try_from(progress).unwrap_or(u64::MAX);
            self.download_progress.store(progress);
            self.round().report(progress);
        }
        let (loader, of) = (Arc::clone(self), Arc::clone(round));
        self.node.tasks.spawn(async move {
            let _thread = loader.thread.lock().await;
            loader.check_download_finish(&of);
        });
    }

    /// Queues the task that ingests the downloaded files. The replication thread calls it.
    pub(super) fn start_ingestion(self: &Arc<Self>) {
        let round = self.round();
        if self.ingestion_status.load() == Ingestion::Running {
            return;
        }
        self.status.store(BulkLoadStatus::Ingesting);
        self.ingestion_status.store(Ingestion::Running);
        let files = self.files().clone();
        let (loader, of) = (Arc::clone(self), Arc::clone(&round));
        let work = Box::new(move || loader.ingest(&of, &files));
        let keep = |task| drop(self.write().tasks.insert("ingest".to_owned(), task));
        self.node.pool.enqueue(&round.tasks, "ingest", work, keep);
    }

    fn ingest(&self, round: &Round, files: &[FileMeta]) {
        let ingested = self.rows.ingest(&self.directory, files);
        let _locked = self.write();
        round.effect("ingestion status");
        self.ingestion_status.store(if ingested.is_ok() { Ingestion::Succeed } else { Ingestion::Failed });
    }
}
