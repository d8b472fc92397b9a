//! A round: the downloads and the ingestion of one replica between two clears. Upstream has no such thing, which is the
//! outage: `files`, the counters and the node's slot belong to whichever round is current when a task touches them. In
//! the builds that model upstream a round decides nothing and only feeds the probes. The sound build interrupts a
//! round's tasks through it.

use super::messages::{BulkLoadStatus, FileMeta};
use crate::rt::sync::watch;
use afterlife_probe::{Epoch, Progress, Resource, Scope, Slot, Token};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The rounds of a ballot are numbered from here: round 3002 is the second that began while the ballot was 3.
const NUMBERS_OF_A_BALLOT: u64 = 1_000;

/// The reason why a replica cleared a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClearedBy {
    /// Another role, under another ballot.
    Role,
    /// The app has failed.
    Failure,
    /// An operator cancelled the load.
    Cancel,
    /// The app has succeeded.
    Success,
    /// A new start, from this status: from none, resumed from *paused*, or rolled back from *ingesting* or *succeeded*.
    Start(BulkLoadStatus),
}

impl fmt::Display for ClearedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role => f.write_str("a new role"),
            Self::Failure => f.write_str("the app's failure"),
            Self::Cancel => f.write_str("a cancel"),
            Self::Success => f.write_str("the app's success"),
            Self::Start(BulkLoadStatus::Invalid) => f.write_str("a start"),
            Self::Start(BulkLoadStatus::Paused) => f.write_str("a resume after a pause"),
            Self::Start(from) => write!(f, "a rollback from {from:?}"),
        }
    }
}

/// One round.
#[derive(Debug)]
pub(super) struct Round {
    token: Token,
    /// The strings in `files`, from the parse to the clear.
    files: OnceLock<Resource>,
    cleared_by: OnceLock<ClearedBy>,
    /// The round's tasks.
    pub(super) tasks: Arc<Scope>,
    progress: OnceLock<Progress>,
    /// The node's slot, while this round holds it.
    slot: Mutex<Option<Slot>>,
    interrupted: watch::Sender<bool>,
}

impl Round {
    /// Begins the `nth` round of its replica. Work of an earlier round is stale from now on.
    pub(super) fn begin(epoch: &Epoch, ballot: u64, nth: u64) -> Self {
        Self {
            token: epoch.advance(ballot * NUMBERS_OF_A_BALLOT + nth),
            files: OnceLock::new(),
            cleared_by: OnceLock::new(),
            tasks: Arc::new(Scope::new("download tasks")),
            progress: OnceLock::new(),
            slot: Mutex::default(),
            interrupted: watch::Sender::new(false),
        }
    }

    /// Reports that work of this round takes effect on the replica now.
    #[track_caller]
    pub(super) fn effect(&self, what: &str) {
        self.token.effect(what);
    }

    /// Records that the list was parsed: its strings exist from now on.
    pub(super) fn parsed(&self, files: &[FileMeta]) {
        self.files.get_or_init(|| Resource::open("files"));
        self.progress.get_or_init(|| Progress::new("download", files.len() as u64));
    }

    /// Records that a reference into the list is followed.
    #[track_caller]
    pub(super) fn files_used(&self, index: usize) {
        if let Some(files) = self.files.get() {
            match self.cleared_by.get() {
                None => files.used_by(format_args!("file task {index}")),
                Some(by) => files.used_by(format_args!("file task {index} of a round that {by} ended")),
            }
        }
    }

    /// Records that the list was cleared: its strings are gone.
    #[track_caller]
    pub(super) fn files_cleared(&self, by: ClearedBy) {
        let _ = self.cleared_by.set(by);
        if let Some(files) = self.files.get() {
            files.close();
        }
    }

    /// Records that one more of the round's files is on disk and verified.
    pub(super) fn verified(&self) {
        if let Some(progress) = self.progress.get() {
            progress.verified();
        }
    }

    /// Reports the replica's progress, in percent, while this is its round.
    #[track_caller]
    pub(super) fn report(&self, percent: u64) {
        if let Some(progress) = self.progress.get() {
            progress.reported(percent);
        }
    }

    /// Records that the replica reports "downloaded".
    #[track_caller]
    pub(super) fn downloaded(&self) {
        if let Some(progress) = self.progress.get() {
            progress.done();
        }
    }

    pub(super) fn hold(&self, slot: Slot) {
        *self.slot() = Some(slot);
    }

    pub(super) fn release(&self) -> Option<Slot> {
        self.slot().take()
    }

    /// Interrupts the round's tasks.
    pub(super) fn interrupt(&self) {
        self.interrupted.send_replace(true);
    }

    pub(super) fn is_interrupted(&self) -> bool {
        *self.interrupted.borrow()
    }

    /// Completes when the round's tasks are interrupted.
    pub(super) fn interrupted(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut interrupted = self.interrupted.subscribe();
        async move {
            // The round owns the sender, and the caller keeps the round, so the channel is open.
            let _ = interrupted.wait_for(|interrupted| *interrupted).await;
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Slot>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
