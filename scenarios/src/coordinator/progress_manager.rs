//! A query's progress, assembled from the reports of its instances (upstream's `ProgressManager`).
//! It does not know what its callback does with a delta, or how long that takes.

use super::build::Build;
use super::rpc::{InstanceId, Progress};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Called with each delta and the name of the upstream function that calls.
pub(super) type ProgressCallback = Box<dyn Fn(Progress, &'static str) + Send + Sync>;

const ON_PROGRESS: &str = "onProgress";
const ON_FINAL_PROGRESS: &str = "onFinalProgress";

/// One query's progress. It is a part of the coordinator and dies with it; nothing ever takes the callback out.
///
/// Upstream's `onFinalProgress` reads the callback's field without the lock. Here that field is a `OnceLock` that is set before
/// any segment is sent: the one upstream defect that safe Rust cannot express.
pub(super) struct ProgressManager {
    build: Build,
    segment_progress: Mutex<BTreeMap<InstanceId, SegmentProgress>>,
    /// Bounds on what must have been counted, for the claims alone. Upstream has no such thing, and reading it must not wait
    /// for upstream's mutex.
    bounds: Mutex<Bounds>,
    progress_callback: OnceLock<ProgressCallback>,
}

/// Bounds on the progress that has been counted.
#[derive(Debug, Default)]
struct Bounds {
    /// Must have been counted by now.
    due: BTreeMap<InstanceId, SegmentProgress>,
    /// May have been counted: `due` and what is being counted at this moment.
    accepted: BTreeMap<InstanceId, SegmentProgress>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SegmentProgress {
    progress: Progress,
    final_progress: Progress,
    is_final: bool,
}

impl ProgressManager {
    pub(super) fn new(build: Build) -> Self {
        Self { build, segment_progress: Mutex::default(), bounds: Mutex::default(), progress_callback: OnceLock::new() }
    }

    /// Sets the callback, once and before segments are sent.
    pub(super) fn set_progress_callback(&self, callback: ProgressCallback) {
        assert!(self.progress_callback.set(callback).is_ok(), "a query is executed once");
    }

    /// Counts what an instance has read since its last report. A delta that follows the final progress is ignored.
    pub(super) fn on_progress(&self, id: InstanceId, delta: Progress) {
        let mut segments = self.segments();
        let segment = segments.entry(id).or_default();
        if segment.is_final {
            return;
        }
        match self.build {
            // Upstream calls back under the mutex; other reports on this query wait meanwhile.
            Build::Shipped | Build::Patched => {
                let mut after = *segment;
                after.progress.add(delta);
                self.bounds().accepted.insert(id, after);
                self.call(delta, ON_PROGRESS);
                *segment = after;
                self.bounds().due.insert(id, after);
            }
            Build::Sound => {
                segment.progress.add(delta);
                self.record(id, *segment);
                drop(segments);
                self.call(delta, ON_PROGRESS);
            }
        }
    }

    /// Counts the part of an instance's final progress that it had not reported before.
    pub(super) fn on_final_progress(&self, id: InstanceId, progress: Progress) {
        match self.build {
            // Upstream releases the mutex between storing and counting, and adds up values that arrive twice.
            Build::Shipped | Build::Patched => {
                let mut segments = self.segments();
                let segment = segments.entry(id).or_default();
                segment.final_progress.add(progress);
                segment.is_final = true;
                self.record(id, *segment);
                drop(segments);
                self.call(self.final_progress_diff(id), ON_FINAL_PROGRESS);
            }
            Build::Sound => {
                let mut segments = self.segments();
                let segment = segments.entry(id).or_default();
                if segment.is_final {
                    return;
                }
                *segment = SegmentProgress { final_progress: progress, is_final: true, ..*segment };
                self.record(id, *segment);
                drop(segments);
                self.call(self.final_progress_diff(id), ON_FINAL_PROGRESS);
            }
        }
    }

    /// The reported progress that must have been counted by now.
    pub(super) fn due(&self) -> Progress {
        sum(&self.bounds().due)
    }

    /// The same, with the progress that is being counted at this moment.
    pub(super) fn accepted(&self) -> Progress {
        sum(&self.bounds().accepted)
    }

    fn record(&self, id: InstanceId, segment: SegmentProgress) {
        let mut bounds = self.bounds();
        bounds.due.insert(id, segment);
        bounds.accepted.insert(id, segment);
    }

    fn bounds(&self) -> MutexGuard<'_, Bounds> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn final_progress_diff(&self, id: InstanceId) -> Progress {
        self.segments()
            .get(&id)
            .map_or_else(Progress::default, |segment| segment.final_progress.since(segment.progress))
    }

    fn call(&self, delta: Progress, by: &'static str) {
        if let Some(callback) = self.progress_callback.get() {
            callback(delta, by);
        }
    }

    fn segments(&self) -> MutexGuard<'_, BTreeMap<InstanceId, SegmentProgress>> {
        self.segment_progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum(segments: &BTreeMap<InstanceId, SegmentProgress>) -> Progress {
    let mut sum = Progress::default();
    for segment in segments.values() {
        sum.add(segment.final_progress.or_more(segment.progress));
    }
    sum
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

    fn counted(build: Build, report: impl FnOnce(&ProgressManager)) -> (u64, u64) {
        let manager = ProgressManager::new(build);
        let counted = Arc::new(Mutex::new(0));
        let callback = Arc::clone(&counted);
        manager.set_progress_callback(Box::new(move |delta, _| *callback.lock().unwrap() += delta.rows));
        report(&manager);
        let counted = *counted.lock().unwrap();
        (counted, manager.due().rows)
    }

    #[test]
    fn the_final_progress_counts_what_was_not_reported_before() {
        for build in [Build::Shipped, Build::Patched, Build::Sound] {
            let report = |manager: &ProgressManager| {
                manager.on_progress(FIRST, rows(4));
                manager.on_progress(FIRST, rows(4));
                manager.on_final_progress(FIRST, rows(10));
                manager.on_progress(FIRST, rows(4));
            };
            assert_eq!(counted(build, report), (10, 10));
        }
    }

    #[test]
    fn a_second_final_progress_is_counted_again_except_in_the_sound_build() {
        let report = |manager: &ProgressManager| {
            manager.on_final_progress(FIRST, rows(10));
            manager.on_final_progress(FIRST, rows(10));
        };
        assert_eq!(counted(Build::Patched, report), (30, 20));
        assert_eq!(counted(Build::Sound, report), (10, 10));
    }
}
