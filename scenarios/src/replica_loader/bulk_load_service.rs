//! Bulk loads on the meta server: `meta_bulk_load_service`. It polls primaries, sums up their reports, and decides.
//! Upstream keeps this state in ZooKeeper; here it lives as long as the meta server.

use super::config::{INGESTING_MAX, INGESTION_AGAIN, MetaConfig, PROGRESS_FINISHED, ROLLBACKS_MAX, UNHEALTHY_AGAIN};
use super::messages::{
    BulkLoad, BulkLoadStatus, Control, ErrorCode, GroupState, Ingestion, MetaAnswer, Pid, ReplicaAnswer, ReplicaRequest,
};
use super::rpc::Caller;
use super::server_state::{Group, ServerState};
use super::tasks::Tasks;
use crate::rt::{select, sync::watch, time};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The duration of a write to the remote storage. During that time the app is not rolled back again.
const REMOTE_STORAGE_WRITE: Duration = Duration::from_millis(100);

struct PartitionLoad {
    status: BulkLoadStatus,
    cleaned_up: bool,
    /// The nodes that ingest this partition.
    ingesting: Vec<String>,
}

struct App {
    /// The number of this bulk load of the app.
    number: u64,
    status: BulkLoadStatus,
    partitions: Vec<PartitionLoad>,
    rollbacks: u32,
    rolled_back: Option<time::Instant>,
    closed: bool,
}

/// The bulk loads of the meta server's app.
pub(super) struct BulkLoadService {
    partitions: u32,
    request_interval: Duration,
    state: Arc<ServerState>,
    tasks: Arc<Tasks>,
    caller: Arc<Caller>,
    app: Mutex<Option<App>>,
    /// Counts the requests to poll every partition now: `should_send_request`.
    now: watch::Sender<u64>,
}

impl BulkLoadService {
    pub(super) fn new(config: &MetaConfig, state: Arc<ServerState>, tasks: Arc<Tasks>, caller: Arc<Caller>) -> Self {
        let MetaConfig { partitions, request_interval, .. } = *config;
        let (app, now) = (Mutex::default(), watch::Sender::default());
        Self { partitions, request_interval, state, tasks, caller, app, now }
    }

    /// The status of the latest bulk load.
    pub(super) fn query(&self) -> BulkLoad {
        match &*self.app() {
            Some(app) => BulkLoad { status: app.status, closed: app.closed, rollbacks: app.rollbacks },
            None => BulkLoad { status: BulkLoadStatus::Invalid, closed: true, rollbacks: 0 },
        }
    }

    /// The status of a bulk load, unless it is over.
    fn status(&self, number: u64) -> Option<BulkLoadStatus> {
        self.app().as_ref().filter(|app| app.number == number && !app.closed).map(|app| app.status)
    }

    fn with(&self, number: u64, change: impl FnOnce(&mut App)) {
        if let Some(app) = self.app().as_mut().filter(|app| app.number == number && !app.closed) {
            change(app);
        }
    }

    /// `can_ingest`: returns whether each of these nodes may ingest one more partition, and if so, counts this
    /// partition on each.
    fn begin_ingesting(&self, number: u64, pid: Pid, nodes: Vec<String>) -> bool {
        let mut began = false;
        self.with(number, |app| {
            let busy = |node: &String| {
                app.partitions.iter().filter(|load| load.ingesting.contains(node)).count() >= INGESTING_MAX
            };
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
    /// Records that a partition has reached this status. Once all have, the app has.
    fn partition_is(&mut self, pid: Pid, status: BulkLoadStatus) {
        self.partitions[pid as usize].status = status;
        if self.partitions.iter().all(|partition| partition.status == status) {
            self.status = status;
        }
    }

    /// `update_app_status`, for every partition as well.
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

impl BulkLoadService {
    /// Starts a bulk load, for an operator.
    pub(super) fn start(self: &Arc<Self>) -> MetaAnswer {
        let number = {
            let mut app = self.app();
            if app.as_ref().is_some_and(|app| !app.closed) {
                return MetaAnswer::Refused("a bulk load is going on".to_owned());
            }
            if self.state.group(0).is_none() {
                return MetaAnswer::Refused("the app is not there yet".to_owned());
            }
            let number = app.as_ref().map_or(0, |app| app.number) + 1;
            let status = BulkLoadStatus::Downloading;
            let partition = |_| PartitionLoad { status, cleaned_up: false, ingesting: Vec::new() };
            let partitions = (0..self.partitions).map(partition).collect();
            *app = Some(App { number, status, partitions, rollbacks: 0, rolled_back: None, closed: false });
            number
        };
        for pid in 0..self.partitions {
            self.tasks.spawn(Arc::clone(self).partition_bulk_load(number, pid));
        }
        MetaAnswer::Done
    }

    /// Pauses, restarts or cancels the bulk load, for an operator.
    pub(super) fn control(&self, control: Control) -> MetaAnswer {
        use BulkLoadStatus::{Cancelled, Downloading, Failed, Paused, Pausing, Succeed};
        {
            let mut app = self.app();
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
            self.now.send_modify(|now| *now += 1);
        }
        MetaAnswer::Done
    }

    /// `partition_bulk_load`: polls one partition's primary until the bulk load is over.
    async fn partition_bulk_load(self: Arc<Self>, number: u64, pid: Pid) {
        let mut now = self.now.subscribe();
        while let Some(pause) = self.poll(number, pid).await {
            select! {
                () = time::sleep(pause) => {}
                _ = now.changed() => {}
            }
        }
    }

    /// Polls once. Returns the delay before the next poll, or `None` if the bulk load is over.
    async fn poll(&self, number: u64, pid: Pid) -> Option<Duration> {
        use BulkLoadStatus::{Cancelled, Downloading, Failed, Paused, Pausing};
        let status = self.status(number)?;
        if status == Paused {
            return Some(self.request_interval);
        }
        let Group { config, healthy } = self.state.group(pid)?;
        let bears_it = matches!(status, Downloading | Pausing | Cancelled | Failed);
        let Some(primary) = config.primary.filter(|_| healthy || bears_it) else { return Some(UNHEALTHY_AGAIN) };
        let request = ReplicaRequest::BulkLoad { pid, ballot: config.ballot, status };
        let reply: io::Result<ReplicaAnswer> = self.caller.call(&primary, &request).await;
        let again = match reply {
            Ok(ReplicaAnswer::Group(group)) => self.on_partition_reply(number, pid, status, config.ballot, &group),
            _ => {
                self.with(number, App::try_rollback_to_downloading);
                self.request_interval
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
        let outdated = self.state.group(pid).is_some_and(|now| ballot < now.config.ballot);
        let mut again = self.request_interval;
        self.with(number, |app| {
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

    /// `partition_ingestion`: asks the primary to ingest, if the group is complete and every node has capacity.
    async fn partition_ingestion(&self, number: u64, pid: Pid) {
        let Some(Group { config, healthy: true }) = self.state.group(pid) else { return };
        let Some(primary) = config.primary else { return };
        let members = config.secondaries.iter().cloned().chain([primary.clone()]).collect();
        if !self.begin_ingesting(number, pid, members) {
            return;
        }
        let request = ReplicaRequest::Ingestion { pid, ballot: config.ballot };
        match self.caller.call(&primary, &request).await {
            Ok(ReplicaAnswer::Code(ErrorCode::Ok)) => {}
            _ => self.with(number, App::try_rollback_to_downloading),
        }
    }
}
