//! A query's progress, put together from what its instances tell: upstream's `ProgressManager`.
//! It does not know what its callback does with a delta, or how long that takes.

use super::build::Build;
use super::rpc::{InstanceId, Progress};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What is called with each delta.
pub(super) type ProgressCallback = Box<dyn Fn(Progress) + Send + Sync>;

/// One query's progress. It is a part of the coordinator and dies with it; nothing ever takes the callback out.
///
/// Upstream's `onFinalProgress` reads the callback's field without the lock. Here that is a `OnceLock`, set before any
/// segment is sent, and so the one defect of upstream's that cannot be written down in safe Rust.
pub(super) struct ProgressManager {
    build: Build,
    segment_progress: Mutex<BTreeMap<InstanceId, SegmentProgress>>,
    progress_callback: OnceLock<ProgressCallback>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SegmentProgress {
    progress: Progress,
    final_progress: Progress,
    is_final: bool,
}

impl ProgressManager {
    pub(super) fn new(build: Build) -> Self {
        Self { build, segment_progress: Mutex::default(), progress_callback: OnceLock::new() }
    }

    /// Set once, before segments are sent.
    pub(super) fn set_progress_callback(&self, callback: ProgressCallback) {
        assert!(self.progress_callback.set(callback).is_ok(), "a query is executed once");
    }

    /// What an instance has read since it told last. A delta after the final progress is ignored.
    pub(super) fn on_progress(&self, id: InstanceId, delta: Progress) {
        let mut segments = self.segments();
        let it = segments.entry(id).or_default();
        if it.is_final {
            return;
        }
        match self.build {
            // Upstream calls under the mutex: whoever has something to tell of this query waits meanwhile.
            Build::Shipped | Build::Patched => {
                self.call(delta);
                it.progress.add(delta);
            }
            Build::Sound => {
                it.progress.add(delta);
                drop(segments);
                self.call(delta);
            }
        }
    }

    /// All that an instance has read.
    pub(super) fn on_final_progress(&self, id: InstanceId, progress: Progress) {
        match self.build {
            // Upstream lets go of the mutex between storing and counting, and adds up what comes twice.
            Build::Shipped | Build::Patched => {
                let mut segments = self.segments();
                let it = segments.entry(id).or_default();
                it.final_progress.add(progress);
                it.is_final = true;
                drop(segments);
                self.call(self.final_progress_diff(id));
            }
            Build::Sound => {
                let mut segments = self.segments();
                let it = segments.entry(id).or_default();
                if it.is_final {
                    return;
                }
                *it = SegmentProgress { final_progress: progress, is_final: true, ..*it };
                drop(segments);
                self.call(self.final_progress_diff(id));
            }
        }
    }

    /// What the instances have told, altogether.
    pub(super) fn told(&self) -> Progress {
        let mut told = Progress::default();
        for it in self.segments().values() {
            told.add(it.final_progress.or_more(it.progress));
        }
        told
    }

    fn final_progress_diff(&self, id: InstanceId) -> Progress {
        self.segments().get(&id).map_or_else(Progress::default, |it| it.final_progress.since(it.progress))
    }

    fn call(&self, delta: Progress) {
        if let Some(callback) = self.progress_callback.get() {
            callback(delta);
        }
    }

    fn segments(&self) -> MutexGuard<'_, BTreeMap<InstanceId, SegmentProgress>> {
        self.segment_progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ProgressManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressManager").field("segment_progress", &self.segment_progress).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Build, InstanceId, Progress, ProgressManager};
    use std::sync::{Arc, Mutex};

    const FIRST: InstanceId = InstanceId { segment: 1, parallel: 0 };

    fn rows(rows: u64) -> Progress {
        Progress { rows, bytes: rows * 10 }
    }

    fn counted(build: Build, tell: impl FnOnce(&ProgressManager)) -> (u64, u64) {
        let manager = ProgressManager::new(build);
        let counted = Arc::new(Mutex::new(0));
        let callback = Arc::clone(&counted);
        manager.set_progress_callback(Box::new(move |delta| *callback.lock().unwrap() += delta.rows));
        tell(&manager);
        let counted = *counted.lock().unwrap();
        (counted, manager.told().rows)
    }

    #[test]
    fn the_final_progress_counts_what_was_not_told_before() {
        for build in [Build::Shipped, Build::Patched, Build::Sound] {
            let tell = |manager: &ProgressManager| {
                manager.on_progress(FIRST, rows(4));
                manager.on_progress(FIRST, rows(4));
                manager.on_final_progress(FIRST, rows(10));
                manager.on_progress(FIRST, rows(4));
            };
            assert_eq!(counted(build, tell), (10, 10));
        }
    }

    #[test]
    fn a_second_final_progress_is_counted_again_and_again_unless_it_is_sound() {
        let tell = |manager: &ProgressManager| {
            manager.on_final_progress(FIRST, rows(10));
            manager.on_final_progress(FIRST, rows(10));
        };
        assert_eq!(counted(Build::Patched, tell), (30, 20));
        assert_eq!(counted(Build::Sound, tell), (10, 10));
    }
}
