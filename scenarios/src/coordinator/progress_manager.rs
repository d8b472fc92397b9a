//! A query's progress, put together from what its instances tell: upstream's `ProgressManager`.
//! It does not know what its callback does with a delta, or how long that takes.

use super::build::Build;
use super::rpc::{InstanceId, Progress};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What is called with each delta, and by which of upstream's two functions.
pub(super) type ProgressCallback = Box<dyn Fn(Progress, &'static str) + Send + Sync>;

const ON_PROGRESS: &str = "onProgress";
const ON_FINAL_PROGRESS: &str = "onFinalProgress";

/// One query's progress. It is a part of the coordinator and dies with it; nothing ever takes the callback out.
///
/// Upstream's `onFinalProgress` reads the callback's field without the lock. Here that is a `OnceLock`, set before any
/// segment is sent, and so the one defect of upstream's that cannot be written down in safe Rust.
pub(super) struct ProgressManager {
    build: Build,
    segment_progress: Mutex<BTreeMap<InstanceId, SegmentProgress>>,
    /// What has been heard, for who compares it with what was counted: upstream has no such thing, and nobody may wait for
    /// upstream's mutex to learn of it.
    heard: Mutex<Heard>,
    progress_callback: OnceLock<ProgressCallback>,
}

/// What instances have told: what is to have been counted by now, and what may have been, with that which is being counted.
#[derive(Debug, Default)]
struct Heard {
    told: BTreeMap<InstanceId, SegmentProgress>,
    begun: BTreeMap<InstanceId, SegmentProgress>,
}

#[derive(Clone, Copy, Debug, Default)]
struct SegmentProgress {
    progress: Progress,
    final_progress: Progress,
    is_final: bool,
}

impl ProgressManager {
    pub(super) fn new(build: Build) -> Self {
        Self { build, segment_progress: Mutex::default(), heard: Mutex::default(), progress_callback: OnceLock::new() }
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
                let mut after = *it;
                after.progress.add(delta);
                self.heard().begun.insert(id, after);
                self.call(delta, ON_PROGRESS);
                *it = after;
                self.heard().told.insert(id, after);
            }
            Build::Sound => {
                it.progress.add(delta);
                self.hear(id, *it);
                drop(segments);
                self.call(delta, ON_PROGRESS);
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
                self.hear(id, *it);
                drop(segments);
                self.call(self.final_progress_diff(id), ON_FINAL_PROGRESS);
            }
            Build::Sound => {
                let mut segments = self.segments();
                let it = segments.entry(id).or_default();
                if it.is_final {
                    return;
                }
                *it = SegmentProgress { final_progress: progress, is_final: true, ..*it };
                self.hear(id, *it);
                drop(segments);
                self.call(self.final_progress_diff(id), ON_FINAL_PROGRESS);
            }
        }
    }

    /// What the instances have told, altogether.
    pub(super) fn told(&self) -> Progress {
        sum(&self.heard().told)
    }

    /// The same, with what is being counted at this moment.
    pub(super) fn begun(&self) -> Progress {
        sum(&self.heard().begun)
    }

    fn hear(&self, id: InstanceId, it: SegmentProgress) {
        let mut heard = self.heard();
        heard.told.insert(id, it);
        heard.begun.insert(id, it);
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn final_progress_diff(&self, id: InstanceId) -> Progress {
        self.segments().get(&id).map_or_else(Progress::default, |it| it.final_progress.since(it.progress))
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

fn sum(of: &BTreeMap<InstanceId, SegmentProgress>) -> Progress {
    let mut sum = Progress::default();
    for it in of.values() {
        sum.add(it.final_progress.or_more(it.progress));
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

    fn counted(build: Build, tell: impl FnOnce(&ProgressManager)) -> (u64, u64) {
        let manager = ProgressManager::new(build);
        let counted = Arc::new(Mutex::new(0));
        let callback = Arc::clone(&counted);
        manager.set_progress_callback(Box::new(move |delta, _| *callback.lock().unwrap() += delta.rows));
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
