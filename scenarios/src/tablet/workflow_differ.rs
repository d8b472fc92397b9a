//! The diff of a workflow: its tables one after the other, each from where it was left.
//! One table's rows are compared in `table_differ.rs`.

use super::config::RESTART_PAUSE;
use super::context::Context;
use super::controller::{Controller, DiffError, log};
use super::engine::Engine;
use super::mysql::{or_default, quote};
use super::report::DiffReport;
use super::table_differ::TableDiffer;
use crate::rt::time;
use std::sync::Arc;

/// The diff of one VDiff's workflow.
pub(super) struct WorkflowDiffer<'a> {
    pub(super) engine: &'a Arc<Engine>,
    pub(super) controller: &'a Controller,
}

/// Where a table's diff was left.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) state: String,
    pub(super) lastpk: Option<i64>,
    pub(super) report: DiffReport,
}

impl<'a> WorkflowDiffer<'a> {
    pub(super) fn new(engine: &'a Arc<Engine>, controller: &'a Controller) -> Self {
        Self { engine, controller }
    }

    /// Compares all tables, and completes the VDiff.
    pub(super) async fn diff(&self, ctx: &Context) -> Result<(), DiffError> {
        self.init_vdiff_tables().await?;
        for table in &self.engine.config.workflow.tables {
            if ctx.is_done() {
                return Err(DiffError::Cancelled);
            }
            if self.progress(table).await?.state == "completed" {
                continue;
            }
            if let Err(error) = self.diff_table(ctx, table).await {
                if !matches!(error, DiffError::Cancelled) {
                    let message = format!("Table {table} Error: {error}");
                    self.write(vec![self.table_state(table, "error"), log(self.controller.id, &message)]).await?;
                }
                return Err(error);
            }
        }
        self.controller.update_state(self.engine, "completed", "").await
    }

    async fn diff_table(&self, ctx: &Context, table: &str) -> Result<(), DiffError> {
        let options = &self.controller.options;
        let mut report = loop {
            self.write(vec![self.table_state(table, "started")]).await?;
            // Its streams are under a context of their own, and have ended when it returns.
            let streams = ctx.child();
            let mut differ = TableDiffer::new(self, table, &streams, self.progress(table).await?);
            let done = match differ.initialize(ctx).await {
                Ok(()) => differ.diff(ctx).await,
                Err(error) => Err(error),
            };
            streams.cancel();
            differ.streams_ended().await;
            match done {
                Err(DiffError::MaxDiffDuration) => {
                    self.engine.stats.restarted_table();
                    ctx.run(time::sleep(RESTART_PAUSE)).await?;
                }
                done => break done?,
            }
        };
        if report.extra_rows_source > 0 || report.extra_rows_target > 0 {
            let is_reference = self.engine.config.workflow.reference_tables.iter().any(|it| it == table);
            report.reconcile_extra_rows(is_reference, options.max_extra_rows_to_compare, options.max_sample_rows);
        }
        let set = format!(
            "state = 'completed', rows_compared = {}, mismatch = {}, report = {}",
            report.processed_rows,
            u8::from(report.differs()),
            quote(&serde_json::to_string(&report)?)
        );
        self.write(vec![self.update_table(table, &set)]).await
    }

    async fn init_vdiff_tables(&self) -> Result<(), DiffError> {
        let id = self.controller.id;
        let insert = |table| {
            format!("INSERT OR IGNORE INTO _vt.vdiff_table (vdiff_id, table_name) VALUES ({id}, {})", quote(table))
        };
        self.write(self.engine.config.workflow.tables.iter().map(|table| insert(table)).collect()).await
    }

    async fn progress(&self, table: &str) -> Result<Progress, DiffError> {
        let (id, table) = (self.controller.id, table.to_owned());
        let query = "SELECT state, lastpk, report FROM _vt.vdiff_table WHERE vdiff_id = ?1 AND table_name = ?2";
        let (state, lastpk, report) = self
            .engine
            .mysql
            .with(move |db| {
                or_default(db.query_row(query, (id, &table), |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?, row.get::<_, String>(2)?))
                }))
            })
            .await?;
        let report = if lastpk.is_some() { serde_json::from_str(&report)? } else { DiffReport::default() };
        Ok(Progress { state, lastpk, report })
    }

    fn table_state(&self, table: &str, state: &str) -> String {
        self.update_table(table, &format!("state = '{state}'"))
    }

    pub(super) fn update_table(&self, table: &str, set: &str) -> String {
        let id = self.controller.id;
        format!("UPDATE _vt.vdiff_table SET {set} WHERE vdiff_id = {id} AND table_name = {}", quote(table))
    }

    pub(super) async fn write(&self, statements: Vec<String>) -> Result<(), DiffError> {
        self.controller.write(self.engine, statements).await
    }
}
