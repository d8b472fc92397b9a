//! The diff of a workflow: its tables in order, each continued from its saved progress. `table_differ.rs` compares the
//! rows of one table.

use super::config::RESTART_PAUSE;
use super::context::Context;
use super::mysql::{or_default, quote};
use super::report::DiffReport;
use super::table_differ::{Progress, TableDiffer};
use super::vdiff::{DiffError, VDiff};
use super::vdiff_row::log;
use crate::rt::time;

/// The diff of one VDiff's workflow.
pub(super) struct WorkflowDiffer<'a> {
    vdiff: &'a VDiff,
}

impl<'a> WorkflowDiffer<'a> {
    pub(super) fn new(vdiff: &'a VDiff) -> Self {
        Self { vdiff }
    }

    /// Compares all tables, and completes the VDiff.
    pub(super) async fn diff(&self, ctx: &Context) -> Result<(), DiffError> {
        self.init_vdiff_tables().await?;
        for table in &self.vdiff.services.config.workflow.tables {
            if ctx.is_done() {
                return Err(DiffError::Cancelled);
            }
            if self.progress(table).await?.state == "completed" {
                continue;
            }
            if let Err(error) = self.diff_table(ctx, table).await {
                if !matches!(error, DiffError::Cancelled) {
                    let message = format!("Table {table} Error: {error}");
                    self.vdiff.write(vec![self.table_state(table, "error"), log(self.vdiff.id, &message)]).await?;
                }
                return Err(error);
            }
        }
        self.vdiff.update_state("completed", "").await
    }

    async fn diff_table(&self, ctx: &Context, table: &str) -> Result<(), DiffError> {
        let options = &self.vdiff.options;
        let mut report = loop {
            self.vdiff.write(vec![self.table_state(table, "started")]).await?;
            // The table's streams have their own context, and have ended when the diff returns.
            let streams = ctx.child();
            let mut differ = TableDiffer::new(self.vdiff, table, &streams, self.progress(table).await?);
            let done = match differ.initialize(ctx).await {
                Ok(()) => differ.diff(ctx).await,
                Err(error) => Err(error),
            };
            streams.cancel();
            differ.streams_ended().await;
            match done {
                Err(DiffError::MaxDiffDuration) => {
                    self.vdiff.services.stats.restarted_table();
                    ctx.run(time::sleep(RESTART_PAUSE)).await?;
                }
                done => break done?,
            }
        };
        if report.extra_rows_source > 0 || report.extra_rows_target > 0 {
            let is_reference =
                self.vdiff.services.config.workflow.reference_tables.iter().any(|reference| reference == table);
            report.reconcile_extra_rows(is_reference, options.max_extra_rows_to_compare, options.max_sample_rows);
        }
        let set = format!(
            "state = 'completed', rows_compared = {}, mismatch = {}, report = {}",
            report.processed_rows,
            u8::from(report.differs()),
            quote(&serde_json::to_string(&report)?)
        );
        self.vdiff.write(vec![self.vdiff.update_table(table, &set)]).await
    }

    async fn init_vdiff_tables(&self) -> Result<(), DiffError> {
        let id = self.vdiff.id;
        let insert = |table| {
            format!("INSERT OR IGNORE INTO _vt.vdiff_table (vdiff_id, table_name) VALUES ({id}, {})", quote(table))
        };
        self.vdiff.write(self.vdiff.services.config.workflow.tables.iter().map(|table| insert(table)).collect()).await
    }

    async fn progress(&self, table: &str) -> Result<Progress, DiffError> {
        let (id, table) = (self.vdiff.id, table.to_owned());
        let query = "SELECT state, lastpk, report FROM _vt.vdiff_table WHERE vdiff_id = ?1 AND table_name = ?2";
        let (state, lastpk, report) = self
            .vdiff
            .services
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
        self.vdiff.update_table(table, &format!("state = '{state}'"))
    }
}
