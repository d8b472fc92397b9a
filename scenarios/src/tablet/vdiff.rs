//! One VDiff as its diff sees it: its identity, its options, and the services that it shares with all others.
//! `workflow_differ.rs` and `table_differ.rs` compare its tables; `controller.rs` runs it.

use super::build::Build;
use super::config::{ERROR_CHARS, TabletConfig};
use super::context::{Cancelled, Context};
use super::mysql::{Mysql, SqlError, quote};
use super::rpc::{CallError, Options};
use super::stats::Stats;
use super::topo::TopoServer;
use super::topo_rpc::TopoError;
use super::vdiff_row::{EPHEMERAL, log, set_state};
use crate::rt::sync::Mutex;
use std::sync::Arc;

/// The reason why a diff did not complete.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiffError {
    #[error("engine is shutting down, or the vdiff was stopped")]
    Cancelled,
    #[error("table diff was stopped due to exceeding the max-diff-duration time")]
    MaxDiffDuration,
    #[error(transparent)]
    Sql(#[from] SqlError),
    #[error(transparent)]
    Topo(#[from] TopoError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no tablet of {0} can be streamed from")]
    NoTablet(String),
    #[error("a report: {0}")]
    Report(#[from] serde_json::Error),
    #[error("the diff panicked: {0}")]
    Panicked(String),
}

impl From<Cancelled> for DiffError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl DiffError {
    /// The error as stored: marked if it is ephemeral, so that it is retried.
    pub(super) fn kept(&self) -> String {
        let ephemeral = matches!(self, Self::Topo(_) | Self::Call(_) | Self::NoTablet(_));
        let text: String = self.to_string().chars().take(ERROR_CHARS).collect();
        if ephemeral { format!("{EPHEMERAL}{text}") } else { text }
    }
}

/// The services that VDiffs use. They last as long as the process.
pub(super) struct Services {
    pub(super) config: Arc<TabletConfig>,
    pub(super) topo: Arc<TopoServer>,
    pub(super) mysql: Arc<Mysql>,
    pub(super) stats: Arc<Stats>,
    /// One snapshot at a time: the workflow stands still while one is taken.
    pub(super) snapshot_mu: Mutex<()>,
}

/// One VDiff.
pub(super) struct VDiff {
    pub(super) services: Arc<Services>,
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) options: Options,
    pub(super) ctx: Context,
}

impl VDiff {
    /// Changes the VDiff's state, and logs the change.
    pub(super) async fn update_state(&self, state: &str, last_error: &str) -> Result<(), DiffError> {
        let message = format!("State changed to: {state}");
        let statements = vec![set_state(self.id, state, last_error), log(self.id, &message)];
        self.write(statements).await
    }

    /// Writes, and waits for the replica. Upstream's statements cannot be cancelled; those of the sound build can, so that a
    /// close does not wait for a replica that is gone.
    pub(super) async fn write(&self, statements: Vec<String>) -> Result<(), DiffError> {
        let writing = self.services.mysql.write(statements);
        match self.services.config.build {
            Build::Shipped | Build::Patched => writing.await?,
            Build::Sound => self.ctx.run(writing).await??,
        };
        Ok(())
    }

    /// The statement that changes the record of one of its tables.
    pub(super) fn update_table(&self, table: &str, set: &str) -> String {
        let id = self.id;
        format!("UPDATE _vt.vdiff_table SET {set} WHERE vdiff_id = {id} AND table_name = {}", quote(table))
    }
}
