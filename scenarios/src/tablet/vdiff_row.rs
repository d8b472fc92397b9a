//! The rows of `_vt.vdiff`, in which the database keeps its VDiffs, and the statements that change them.

use super::mysql::{Mysql, SqlError, quote};
use super::rpc::Options;
use std::time::{SystemTime, UNIX_EPOCH};

/// The prefix of a stored ephemeral error. Upstream instead reads MySQL's error number in the text.
pub(super) const EPHEMERAL: &str = "ephemeral: ";

/// A row of `_vt.vdiff`.
#[derive(Clone, Debug)]
pub(super) struct VDiffRow {
    pub(super) id: i64,
    pub(super) uuid: String,
    pub(super) state: String,
    options: String,
}

impl VDiffRow {
    /// The VDiffs to run when an engine opens.
    pub(super) async fn to_run(mysql: &Mysql) -> Result<Vec<Self>, SqlError> {
        Self::select(mysql, "WHERE state IN ('started', 'pending') ORDER BY id".to_owned()).await
    }

    /// The VDiffs that ended with an ephemeral error.
    pub(super) async fn to_retry(mysql: &Mysql) -> Result<Vec<Self>, SqlError> {
        let ephemeral = quote(&format!("{EPHEMERAL}%"));
        Self::select(mysql, format!("WHERE state = 'error' AND last_error LIKE {ephemeral} ORDER BY id")).await
    }

    /// The VDiff with this id.
    pub(super) async fn by_id(mysql: &Mysql, id: i64) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(mysql, format!("WHERE id = {id}")).await?.pop())
    }

    /// The VDiff with this name.
    pub(super) async fn by_uuid(mysql: &Mysql, uuid: &str) -> Result<Option<Self>, SqlError> {
        Ok(Self::select(mysql, format!("WHERE vdiff_uuid = {}", quote(uuid))).await?.pop())
    }

    async fn select(mysql: &Mysql, which: String) -> Result<Vec<Self>, SqlError> {
        mysql
            .with(move |db| {
                let mut query = db.prepare(&format!("SELECT id, vdiff_uuid, state, options FROM _vt.vdiff {which}"))?;
                let rows = query.query_map((), |row| {
                    Ok(Self { id: row.get(0)?, uuid: row.get(1)?, state: row.get(2)?, options: row.get(3)? })
                })?;
                rows.collect()
            })
            .await
    }

    /// The statements that make it pending again, without an error.
    pub(super) fn set_pending(&self) -> Vec<String> {
        vec![set_state(self.id, "pending", ""), log(self.id, "State changed to: pending")]
    }

    pub(super) fn options(&self) -> Result<Options, serde_json::Error> {
        serde_json::from_str(&self.options)
    }
}

/// The statement that changes a VDiff's state.
pub(super) fn set_state(id: i64, state: &str, last_error: &str) -> String {
    let at = match state {
        "started" => format!(", started_at = {}", now_s()),
        "completed" => format!(", completed_at = {}", now_s()),
        _ => String::new(),
    };
    format!("UPDATE _vt.vdiff SET state = '{state}', last_error = {}{at} WHERE id = {id}", quote(last_error))
}

/// The statement that logs a message about a VDiff.
pub(super) fn log(id: i64, message: &str) -> String {
    format!("INSERT INTO _vt.vdiff_log (vdiff_id, message) VALUES ({id}, {})", quote(message))
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
