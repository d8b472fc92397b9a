//! Bulk loads on the meta server: `meta_bulk_load_service`. It polls primaries, adds up what they say, and decides.
//! Upstream keeps all of this in ZooKeeper; here it lives as long as the meta server.

use super::config::{INGESTING_MAX, INGESTION_AGAIN, ROLLBACKS_MAX, UNHEALTHY_AGAIN};
use super::messages::{
    BulkLoad, BulkLoadStatus, Control, ErrorCode, GroupState, Ingestion, MetaAnswer, Pid, ReplicaAnswer, ReplicaRequest,
};
use super::meta_server::{Group, MetaServer};
use super::replica_bulk_loader::PROGRESS_FINISHED;
use crate::rt::{select, sync::watch, time};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a write to the remote storage takes: while the app is being rolled back, it is not rolled back again.
const REMOTE_STORAGE_WRITE: Duration = Duration::from_millis(100);

struct PartitionLoad {
    status: BulkLoadStatus,
    cleaned_up: bool,
    /// The nodes that ingest it.
    ingesting: Vec<String>,
}

struct App {
    /// Which bulk load of the app it is.
    number: u64,
    status: BulkLoadStatus,
    partitions: Vec<PartitionLoad>,
    rollbacks: u32,
    rolled_back: Option<time::Instant>,
    closed: bool,
}

/// What the meta server keeps of bulk loads.
#[derive(Default)]
pub(super) struct BulkLoadService {
    app: Mutex<Option<App>>,
    /// Counts requests to poll everybody now: `should_send_request`.
    now: watch::Sender<u64>,
}

impl BulkLoadService {
    /// Where the latest bulk load is.
    pub(super) fn query(&self) -> BulkLoad {
        match &*self.app() {
            Some(app) => BulkLoad { status: app.status, closed: app.closed, rollbacks: app.rollbacks },
            None => BulkLoad { status: BulkLoadStatus::Invalid, closed: true, rollbacks: 0 },
        }
    }

    /// The status of a bulk load that is not over.
    fn status(&self, number: u64) -> Option<BulkLoadStatus> {
        self.app().as_ref().filter(|app| app.number == number && !app.closed).map(|app| app.status)
    }

    fn with(&self, number: u64, change: impl FnOnce(&mut App)) {
        if let Some(app) = self.app().as_mut().filter(|app| app.number == number && !app.closed) {
            change(app);
        }
    }

    /// `can_ingest`: whether none of these nodes has its hands full; if so, they have one more from here on.
    fn begin_ingesting(&self, number: u64, pid: Pid, nodes: Vec<String>) -> bool {
        let mut began = false;
        self.with(number, |app| {
            let busy =
                |node: &String| app.partitions.iter().filter(|it| it.ingesting.contains(node)).count() >= INGESTING_MAX;
            began = !nodes.iter().any(busy);
            if began {
                app.partitions[pid as usize].ingesting = nodes;
            }
        });
        began
    }

    fn app(&self) -> MutexGuard<'_, Option<App>> {
        self.app.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// A partition has come to this status; once all have, the app has.
    fn partition_is(&mut self, pid: Pid, status: BulkLoadStatus) {
        self.partitions[pid as usize].status = status;
        if self.partitions.iter().all(|partition| partition.status == status) {
            self.status = status;
        }
    }

    /// `update_app_status`, for every partition too.
    fn is(&mut self, status: BulkLoadStatus) {
        self.status = status;
        for partition in &mut self.partitions {
            partition.status = status;
            partition.cleaned_up = false;
            partition.ingesting.clear();
        }
    }

    /// `try_rollback_to_downloading`.
    fn try_rollback_to_downloading(&mut self) {
        use BulkLoadStatus::{Downloaded, Downloading, Failed, Ingesting, Succeed};
        let rolls_back = matches!(self.status, Downloading | Downloaded | Ingesting | Succeed);
        if !rolls_back || self.rolled_back.is_some_and(|at| at.elapsed() < REMOTE_STORAGE_WRITE) {
            return;
        }
        if self.rollbacks >= ROLLBACKS_MAX {
            return self.is(Failed);
        }
        self.rollbacks += 1;
        self.rolled_back = Some(time::Instant::now());
        self.is(Downloading);
    }
}

impl MetaServer {
    /// An operator starts a bulk load.
    pub(super) fn start_bulk_load(self: &Arc<Self>) -> MetaAnswer {
        let number = {
            let mut app = self.bulk_load.app();
            if app.as_ref().is_some_and(|app| !app.closed) {
                return MetaAnswer::Refused("a bulk load is going on".to_owned());
            }
            if self.group(0).is_none() {
                return MetaAnswer::Refused("the app is not there yet".to_owned());
            }
            let number = app.as_ref().map_or(0, |app| app.number) + 1;
            let status = BulkLoadStatus::Downloading;
            let partition = |_| PartitionLoad { status, cleaned_up: false, ingesting: Vec::new() };
            let partitions = (0..self.config.partitions).map(partition).collect();
            *app = Some(App { number, status, partitions, rollbacks: 0, rolled_back: None, closed: false });
            number
        };
        for pid in 0..self.config.partitions {
            self.tasks.spawn(Arc::clone(self).partition_bulk_load(number, pid));
        }
        MetaAnswer::Done
    }

    /// An operator pauses, restarts or cancels it.
    pub(super) fn control_bulk_load(&self, control: Control) -> MetaAnswer {
        use BulkLoadStatus::{Cancelled, Downloading, Failed, Paused, Pausing, Succeed};
        {
            let mut app = self.bulk_load.app();
            let Some(app) = app.as_mut().filter(|app| !app.closed) else {
                return MetaAnswer::Refused("no bulk load is going on".to_owned());
            };
            match (control, app.status) {
                (Control::Pause, Downloading) => app.is(Pausing),
                (Control::Restart, Paused) => app.is(Downloading),
                (Control::Cancel, status) if !matches!(status, Cancelled | Failed | Succeed) => app.is(Cancelled),
                (_, status) => return MetaAnswer::Refused(format!("the bulk load is {status:?}")),
            }
        }
        if control != Control::Pause {
            self.bulk_load.now.send_modify(|now| *now += 1);
        }
        MetaAnswer::Done
    }

    /// `partition_bulk_load`: polls one partition's primary until the bulk load is over.
    async fn partition_bulk_load(self: Arc<Self>, number: u64, pid: Pid) {
        let mut now = self.bulk_load.now.subscribe();
        while let Some(pause) = self.poll(number, pid).await {
            select! {
                () = time::sleep(pause) => {}
                _ = now.changed() => {}
            }
        }
    }

    /// One poll; returns after what time to look again, and nothing if it is over.
    async fn poll(&self, number: u64, pid: Pid) -> Option<Duration> {
        use BulkLoadStatus::{Cancelled, Downloading, Failed, Paused, Pausing};
        let status = self.bulk_load.status(number)?;
        if status == Paused {
            return Some(self.config.request_interval);
        }
        let Group { config, healthy } = self.group(pid)?;
        let bears_it = matches!(status, Downloading | Pausing | Cancelled | Failed);
        let Some(primary) = config.primary.filter(|_| healthy || bears_it) else { return Some(UNHEALTHY_AGAIN) };
        let request = ReplicaRequest::BulkLoad { pid, ballot: config.ballot, status };
        let reply: io::Result<ReplicaAnswer> = self.caller.call(&primary, &request).await;
        let again = match reply {
            Ok(ReplicaAnswer::Group(group)) => self.on_partition_reply(number, pid, status, config.ballot, &group),
            _ => {
                self.bulk_load.with(number, App::try_rollback_to_downloading);
                self.config.request_interval
            }
        };
        if again == INGESTION_AGAIN {
            self.partition_ingestion(number, pid).await;
        }
        Some(again)
    }

    /// `on_partition_bulk_load_reply`.
    fn on_partition_reply(
        &self,
        number: u64,
        pid: Pid,
        asked: BulkLoadStatus,
        ballot: u64,
        group: &GroupState,
    ) -> Duration {
        use BulkLoadStatus::{Cancelled, Downloaded, Downloading, Failed, Ingesting, Paused, Pausing, Succeed};
        let outdated = self.group(pid).is_some_and(|now| ballot < now.config.ballot);
        let mut again = self.config.request_interval;
        self.bulk_load.with(number, |app| {
            match group.error {
                ErrorCode::Ok if outdated => return app.try_rollback_to_downloading(),
                ErrorCode::Ok => {}
                ErrorCode::Busy => return,
                ErrorCode::InvalidState | ErrorCode::ObjectNotFound => return app.try_rollback_to_downloading(),
                _ => return app.is(Failed),
            }
            if app.status != asked || app.partitions[pid as usize].status != asked {
                return;
            }
            match asked {
                Downloading if group.states.iter().any(|state| state.download != ErrorCode::Ok) => app.is(Failed),
                Downloading if group.total_progress >= PROGRESS_FINISHED => app.partition_is(pid, Downloaded),
                Downloaded => app.partition_is(pid, Ingesting),
                Ingesting if group.states.iter().any(|state| state.ingestion == Ingestion::Failed) => app.is(Failed),
                Ingesting if group.all(|state| state.ingestion == Ingestion::Succeed) => {
                    app.partitions[pid as usize].ingesting.clear();
                    app.partition_is(pid, Succeed);
                }
                Ingesting if group.states[0].ingestion == Ingestion::Invalid => again = INGESTION_AGAIN,
                Pausing if group.all(|state| state.paused) => app.partition_is(pid, Paused),
                Succeed | Failed | Cancelled if group.all(|state| state.cleaned_up) => {
                    app.partitions[pid as usize].cleaned_up = true;
                    app.closed = app.partitions.iter().all(|partition| partition.cleaned_up);
                }
                _ => {}
            }
        });
        again
    }

    /// `partition_ingestion`: asks the primary to ingest, if everybody is there and has time for it.
    async fn partition_ingestion(&self, number: u64, pid: Pid) {
        let Some(Group { config, healthy: true }) = self.group(pid) else { return };
        let Some(primary) = config.primary else { return };
        let members = config.secondaries.iter().cloned().chain([primary.clone()]).collect();
        if !self.bulk_load.begin_ingesting(number, pid, members) {
            return;
        }
        let request = ReplicaRequest::Ingestion { pid, ballot: config.ballot };
        match self.caller.call(&primary, &request).await {
            Ok(ReplicaAnswer::Code(ErrorCode::Ok)) => {}
            _ => self.bulk_load.with(number, App::try_rollback_to_downloading),
        }
    }
}
