//! The diff of one table: brings its streams to one position, then merges and compares their rows. Upstream's
//! `tableDiffer`. `report.rs` keeps the result.

use super::build::Build;
use super::config::{BACKGROUND_OPERATION_TIMEOUT, REMOTE_OPERATION_TIMEOUT, ROWS_BETWEEN_SAVES, SAVE_RETRY_DELAY};
use super::context::Context;
use super::goroutine::go;
use super::mysql::quote;
use super::report::DiffReport;
use super::rows::Row;
use super::rpc::{Call, CallError, Reply, call, receive};
use super::topo::NameLock;
use super::topo_records::{Shard, Tablet, TabletType, shard_path, tablet_path};
use super::topo_rpc::TopoError;
use super::vdiff::{DiffError, VDiff};
use crate::line_protocol::Lines;
use crate::rt::{sync::mpsc, task, time};
use std::time::Duration;

/// The longest delay between two attempts to lock the workflow: upstream's `LockTimeout`.
const LOCK_RETRY_DELAY_MAX: Duration = Duration::from_secs(45);

/// The longest wait for a stream's next packet: gRPC's keepalive, ten seconds and ten more.
const STREAM_TIMEOUT: Duration = Duration::from_secs(20);

/// The number of compared rows between two checks for a cancel.
const ROWS_BETWEEN_CHECKS: u64 = 500;

/// The key before every other key.
const FIRST: i64 = i64::MIN;

/// The saved progress of a table's diff.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) state: String,
    pub(super) lastpk: Option<i64>,
    pub(super) report: DiffReport,
}

/// One side's rows, in key order.
struct RowStream {
    pages: mpsc::Receiver<Result<Vec<Row>, CallError>>,
    page: std::vec::IntoIter<Row>,
}

impl RowStream {
    async fn next(&mut self) -> Result<Option<Row>, CallError> {
        loop {
            if let Some(row) = self.page.next() {
                return Ok(Some(row));
            }
            match self.pages.recv().await {
                Some(page) => self.page = page?.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// The diff of one table.
pub(super) struct TableDiffer<'a> {
    vdiff: &'a VDiff,
    table: &'a str,
    /// The parent context of its streams.
    streams_ctx: &'a Context,
    streams: Vec<task::JoinHandle<()>>,
    source: Option<RowStream>,
    target: Option<RowStream>,
    lastpk: Option<i64>,
    report: DiffReport,
}

impl<'a> TableDiffer<'a> {
    /// A diff that continues from this progress.
    pub(super) fn new(vdiff: &'a VDiff, table: &'a str, streams_ctx: &'a Context, progress: Progress) -> Self {
        let Progress { lastpk, report, .. } = progress;
        Self { vdiff, table, streams_ctx, streams: Vec::new(), source: None, target: None, lastpk, report }
    }

    /// Brings both sides to one position and starts their streams, while the workflow is stopped.
    pub(super) async fn initialize(&mut self, ctx: &Context) -> Result<(), DiffError> {
        let services = &self.vdiff.services;
        let _snapshot = ctx.run(services.snapshot_mu.lock()).await?;
        let _lock = self.lock_workflow(ctx).await?;
        self.vdiff.write(vec![self.set_vreplication("Stopped", "for vdiff")]).await?;
        let started = ctx.run(self.start_streams()).await;
        // The workflow is restarted even if the diff fails.
        let restart = vec![self.set_vreplication("Running", "")];
        let _ = match services.config.build {
            Build::Shipped | Build::Patched => {
                time::timeout(BACKGROUND_OPERATION_TIMEOUT, services.mysql.write(restart)).await.map(drop)
            }
            Build::Sound => {
                let _ = services.mysql.commit(restart).await;
                Ok(())
            }
        };
        started?
    }

    async fn lock_workflow(&self, ctx: &Context) -> Result<NameLock, DiffError> {
        let config = &self.vdiff.services.config;
        let name = format!("{}/{}", config.keyspace, config.workflow.name);
        let mut delay = SAVE_RETRY_DELAY;
        loop {
            match ctx.run(self.vdiff.services.topo.lock_name(&name)).await? {
                Err(TopoError::Closed) => return Err(TopoError::Closed.into()),
                Err(_) => ctx.run(time::sleep(delay)).await?,
                Ok(lock) => return Ok(lock),
            }
            delay = (delay + delay / 2).min(LOCK_RETRY_DELAY_MAX);
        }
    }

    fn set_vreplication(&self, state: &str, message: &str) -> String {
        let workflow = quote(&self.vdiff.services.config.workflow.name);
        format!(
            "INSERT INTO _vt.vreplication (workflow, state, message) VALUES ({workflow}, '{state}', '{message}')
             ON CONFLICT (workflow) DO UPDATE SET state = '{state}', message = '{message}'"
        )
    }

    async fn start_streams(&mut self) -> Result<(), DiffError> {
        let services = &self.vdiff.services;
        let within = Duration::from_secs(self.vdiff.options.timeout_s);
        let source = self.pick_source().await?;
        let target = self.pick_target().await?;
        call(&source.address, &Call::WaitForPosition { position: 0 }, within).await?;
        self.source = Some(self.start_stream(&source).await?);
        call(&target.address, &Call::WaitForPosition { position: services.mysql.position() }, within).await?;
        self.target = Some(self.start_stream(&target).await?);
        Ok(())
    }

    /// The source shard's primary.
    async fn pick_source(&self) -> Result<Tablet, DiffError> {
        let services = &self.vdiff.services;
        let (keyspace, shard) = &services.config.workflow.source;
        let (record, _): (Shard, _) = services.topo.get(&shard_path(keyspace, shard)).await?;
        Ok(services.topo.get(&tablet_path(&record.primary)).await?.0)
    }

    /// A replica of this shard that serves, if there is one; otherwise this tablet.
    async fn pick_target(&self) -> Result<Tablet, DiffError> {
        let services = &self.vdiff.services;
        for alias in &services.config.peers {
            let (tablet, _): (Tablet, _) = match services.topo.get(&tablet_path(alias)).await {
                Err(TopoError::NoNode(_)) => continue,
                record => record?,
            };
            let status = call(&tablet.address, &Call::FullStatus, REMOTE_OPERATION_TIMEOUT);
            if tablet.kind == TabletType::Replica && matches!(status.await, Ok(Reply::Status { serving: true, .. })) {
                return Ok(tablet);
            }
        }
        match services.topo.get(&tablet_path(&services.config.alias)).await {
            Err(TopoError::NoNode(_)) => Err(DiffError::NoTablet(services.config.shard.clone())),
            record => Ok(record?.0),
        }
    }

    /// Upstream's `streamOneShard`: connects, and starts a goroutine that passes the pages on.
    async fn start_stream(&mut self, tablet: &Tablet) -> Result<RowStream, DiffError> {
        let after = self.lastpk.unwrap_or(FIRST);
        let connecting = async {
            let mut lines = Lines::connect(&tablet.address).await?;
            lines.send(&Call::VStreamRows { table: self.table.to_owned(), after }).await?;
            receive(&mut lines).await?;
            Ok::<_, CallError>(lines)
        };
        let mut lines = time::timeout(REMOTE_OPERATION_TIMEOUT, connecting).await.unwrap_or(Err(CallError::Timeout))?;
        let (result, pages) = mpsc::channel(1);
        let ctx = self.streams_ctx.clone();
        self.streams.push(go(async move {
            let streaming = async {
                loop {
                    let page = match time::timeout(STREAM_TIMEOUT, receive(&mut lines)).await {
                        Ok(Ok(Reply::Rows(rows))) => Ok(rows),
                        Ok(Ok(_)) => return,
                        Ok(Err(error)) => Err(error),
                        Err(_) => Err(CallError::Timeout),
                    };
                    let broken = page.is_err();
                    if result.send(page).await.is_err() || broken {
                        return;
                    }
                }
            };
            let _ = ctx.run(streaming).await;
        }));
        Ok(RowStream { pages, page: Vec::new().into_iter() })
    }

    /// Waits until the streams have ended.
    pub(super) async fn streams_ended(self) {
        for stream in self.streams {
            let _ = stream.await;
        }
    }

    /// Compares the rows. Saves the progress every ten thousand rows and at the end, in any case.
    pub(super) async fn diff(&mut self, ctx: &Context) -> Result<DiffReport, DiffError> {
        let duration = match self.vdiff.options.max_diff_duration_s {
            0 => Duration::MAX,
            seconds => Duration::from_secs(seconds),
        };
        let compared = time::timeout(duration, ctx.run(self.compare())).await;
        let at_exit: Vec<String> = self.progress()?.into_iter().collect();
        let saved = match self.vdiff.services.config.build {
            Build::Shipped | Build::Patched => self.vdiff.write(at_exit).await,
            // Nobody was told of this progress, so no replica needs to have it.
            Build::Sound => Ok(self.vdiff.services.mysql.commit(at_exit).await.map(drop)?),
        };
        compared.map_err(|_| DiffError::MaxDiffDuration)???;
        saved?;
        Ok(self.report.clone())
    }

    async fn compare(&mut self) -> Result<(), DiffError> {
        let (Some(mut source), Some(mut target)) = (self.source.take(), self.target.take()) else { return Ok(()) };
        let kept_max = self.vdiff.options.max_extra_rows_to_compare;
        let build = self.vdiff.services.config.build;
        let mut at_source = source.next().await?;
        let mut at_target = target.next().await?;
        loop {
            let (in_source, in_target) = match (&at_source, &at_target) {
                (None, None) => return Ok(()),
                (Some(_), None) => (true, false),
                (None, Some(_)) => (false, true),
                (Some(in_source), Some(in_target)) => (in_source.0 <= in_target.0, in_target.0 <= in_source.0),
            };
            let from_source = if in_source { std::mem::replace(&mut at_source, source.next().await?) } else { None };
            let from_target = if in_target { std::mem::replace(&mut at_target, target.next().await?) } else { None };
            self.lastpk = from_source.as_ref().or(from_target.as_ref()).map(|row| row.0);
            match (from_source, from_target) {
                (Some(row), Some(other)) if row == other => self.report.matched(),
                (Some(_), Some(_)) => self.report.mismatched(),
                (Some(row), None) => self.report.extra_in_source(row, kept_max, build),
                (None, Some(row)) => self.report.extra_in_target(row, kept_max, build),
                (None, None) => {}
            }
            if self.report.processed_rows.is_multiple_of(ROWS_BETWEEN_SAVES) {
                let progress = self.progress()?.into_iter().collect();
                self.vdiff.write(progress).await?;
            } else if self.report.processed_rows.is_multiple_of(ROWS_BETWEEN_CHECKS) {
                task::yield_now().await;
            }
        }
    }

    /// The statement that saves the progress. Everything goes into one row, so that no row is ever counted twice.
    fn progress(&self) -> Result<Option<String>, DiffError> {
        let Some(lastpk) = self.lastpk else { return Ok(None) };
        let report = quote(&serde_json::to_string(&self.report)?);
        let rows = self.report.processed_rows;
        let set = format!("lastpk = {lastpk}, rows_compared = {rows}, report = {report}");
        Ok(Some(self.vdiff.update_table(self.table, &set)))
    }
}
