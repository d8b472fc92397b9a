//! The parts that all queries of a server share: configuration, process list, scheduler and runtime filters (upstream's
//! `ContextSharedPart`).
//! The coordinators are not among them: like upstream's singleton, their manager stands on its own.

use super::config::ServerConfig;
use super::process_list::ProcessList;
use super::rpc::QueryKey;
use super::runtime_filter_manager::RuntimeFilterManager;
use super::segment_scheduler::SegmentScheduler;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A server's shared context.
#[derive(Debug)]
pub(super) struct SharedContext {
    config: ServerConfig,
    process_list: Arc<ProcessList>,
    scheduler: Arc<SegmentScheduler>,
    runtime_filters: RuntimeFilterManager,
    last_start_time: AtomicU64,
}

impl SharedContext {
    pub(super) fn new(config: ServerConfig) -> Self {
        let build = config.build;
        Self {
            process_list: Arc::new(ProcessList::new(config.priority_wait)),
            scheduler: Arc::new(SegmentScheduler::new(build, config.workers.clone())),
            runtime_filters: RuntimeFilterManager::new(build),
            last_start_time: AtomicU64::new(0),
            config,
        }
    }

    pub(super) fn config(&self) -> &ServerConfig {
        &self.config
    }

    pub(super) fn process_list(&self) -> &Arc<ProcessList> {
        &self.process_list
    }

    pub(super) fn scheduler(&self) -> &Arc<SegmentScheduler> {
        &self.scheduler
    }

    pub(super) fn runtime_filters(&self) -> &RuntimeFilterManager {
        &self.runtime_filters
    }

    /// Makes the key of a query that begins now: the client's id or a generated one, and a start time that no other query has.
    pub(super) fn key(&self, id: Option<String>) -> QueryKey {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX - 1);
        let after = |last: u64| now.max(last + 1);
        let last = self.last_start_time.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        let start_time = after(last.unwrap_or_else(|last| last));
        QueryKey { query_id: id.unwrap_or_else(|| format!("query-{start_time}")), start_time }
    }
}
