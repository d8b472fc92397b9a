//! Actions on VDiffs from outside: create, resume, stop, delete, show. Upstream's `PerformVDiffAction`, which
//! `rpc_server.rs` calls.

use super::build::Build;
use super::engine::{Engine, EngineError};
use super::mysql::{SqlError, quote};
use super::rpc::{Action, Reply, VDiffRequest, VDiffSummary};
use super::vdiff_row::{VDiffRow, log, set_state};
use rusqlite::Connection;
use std::sync::Arc;

impl Engine {
    /// Performs an action on a VDiff.
    pub(super) async fn perform(self: &Arc<Self>, request: VDiffRequest) -> Result<Reply, EngineError> {
        if request.action == Action::Show {
            return Ok(Reply::VDiffs(self.show(request.uuid).await?));
        }
        // Upstream checks without holding the lock, and takes it again to act.
        if self.services.config.build != Build::Sound {
            self.can_act(&*self.lock().await)?;
        }
        match request.action {
            Action::Create | Action::Resume => self.create_or_resume(request).await?,
            Action::Stop => self.stop(&request.uuid).await?,
            Action::Delete => self.delete(&request.uuid).await?,
            Action::Show => {}
        }
        Ok(Reply::Done)
    }

    fn can_act(&self, inner: &super::engine::Inner) -> Result<(), EngineError> {
        if inner.cancel_retry.is_some() {
            return Err(EngineError::Opening);
        }
        if inner.is_open { Ok(()) } else { Err(EngineError::Closed) }
    }

    async fn create_or_resume(self: &Arc<Self>, request: VDiffRequest) -> Result<(), EngineError> {
        let mut inner = self.lock().await;
        if self.services.config.build == Build::Sound {
            self.can_act(&inner)?;
        }
        let known = VDiffRow::by_uuid(&self.services.mysql, &request.uuid).await?;
        let statements = match (request.action, known) {
            (Action::Resume, Some(row)) if matches!(row.state.as_str(), "stopped" | "completed") => vec![
                set_state(row.id, "pending", ""),
                format!("UPDATE _vt.vdiff_table SET state = 'pending' WHERE vdiff_id = {}", row.id),
            ],
            (Action::Resume, _) => return Err(EngineError::NoVDiff(request.uuid)),
            // A repeated request, whose first answer was lost.
            (_, Some(_)) => return Ok(()),
            (_, None) => vec![self.insert(&request)?],
        };
        self.write(&inner.ctx, statements).await?;
        match VDiffRow::by_uuid(&self.services.mysql, &request.uuid).await? {
            Some(row) => self.add_controller(&mut inner, &row),
            None => Err(EngineError::NoVDiff(request.uuid)),
        }
    }

    fn insert(&self, request: &VDiffRequest) -> Result<String, EngineError> {
        let config = &self.services.config;
        let options = serde_json::to_string(&request.options)?;
        let values =
            [&request.uuid, &config.workflow.name, &config.keyspace, &config.shard, &options].map(|text| quote(text));
        let [uuid, workflow, keyspace, shard, options] = values;
        Ok(format!(
            "INSERT INTO _vt.vdiff (vdiff_uuid, workflow, keyspace, shard, state, options)
             VALUES ({uuid}, {workflow}, {keyspace}, {shard}, 'pending', {options})"
        ))
    }

    async fn stop(&self, uuid: &str) -> Result<(), EngineError> {
        let mut inner = self.lock().await;
        if self.services.config.build == Build::Sound {
            self.can_act(&inner)?;
        }
        let row = self.row(uuid).await?;
        if self.stop_controller(&mut inner, row.id).await {
            self.services.stats.remove(row.id);
        }
        // It may have ended meanwhile.
        let row = self.row(uuid).await?;
        if matches!(row.state.as_str(), "pending" | "started") {
            let message = "State changed to: stopped (by user request)";
            self.write(&inner.ctx, vec![set_state(row.id, "stopped", ""), log(row.id, message)]).await?;
        }
        Ok(())
    }

    async fn delete(&self, uuid: &str) -> Result<(), EngineError> {
        let mut inner = self.lock().await;
        if self.services.config.build == Build::Sound {
            self.can_act(&inner)?;
        }
        let row = self.row(uuid).await?;
        if self.stop_controller(&mut inner, row.id).await {
            self.services.stats.remove(row.id);
        }
        let tables = [("vdiff", "id"), ("vdiff_table", "vdiff_id"), ("vdiff_log", "vdiff_id")];
        let delete = tables.map(|(table, column)| format!("DELETE FROM _vt.{table} WHERE {column} = {}", row.id));
        self.write(&inner.ctx, delete.into()).await
    }

    async fn row(&self, uuid: &str) -> Result<VDiffRow, EngineError> {
        VDiffRow::by_uuid(&self.services.mysql, uuid).await?.ok_or_else(|| EngineError::NoVDiff(uuid.to_owned()))
    }

    async fn show(&self, uuid: String) -> Result<Vec<VDiffSummary>, SqlError> {
        self.services.mysql.with(move |db| summaries(db, &uuid)).await
    }
}

fn summaries(db: &Connection, uuid: &str) -> rusqlite::Result<Vec<VDiffSummary>> {
    let mut vdiffs =
        db.prepare("SELECT id, vdiff_uuid, state, last_error FROM _vt.vdiff WHERE ?1 IN ('', vdiff_uuid) ORDER BY id")?;
    let mut tables = db.prepare(
        "SELECT table_name, state, rows_compared, mismatch FROM _vt.vdiff_table WHERE vdiff_id = ?1 ORDER BY table_name",
    )?;
    let mut found = Vec::new();
    let mut rows = vdiffs.query([uuid])?;
    while let Some(row) = rows.next()? {
        let of_table = |row: &rusqlite::Row<'_>| {
            Ok((row.get(0)?, row.get(1)?, u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0), row.get(3)?))
        };
        let tables = tables.query_map([row.get::<_, i64>(0)?], of_table)?.collect::<rusqlite::Result<_>>()?;
        found.push(VDiffSummary { uuid: row.get(1)?, state: row.get(2)?, last_error: row.get(3)?, tables });
    }
    Ok(found)
}
