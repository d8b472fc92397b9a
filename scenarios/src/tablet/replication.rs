//! MySQL's replication: the binlog's way from a primary to a replica, and the acknowledgements back.
//! Which tablet is which is decided elsewhere, in `rpc_server.rs` and `shard_sync.rs`.

use super::mysql::{BinlogEntry, Mysql, SqlError};
use super::rpc::Call;
use crate::line_protocol::Lines;
use crate::rt::{select, time};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// What a replica waits before it connects again.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// How often a primary that has nothing to send says that it is there: MySQL's heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// How long a replica waits for anything before it takes its primary for gone: MySQL's `slave_net_timeout`. A machine that lost
/// its power says no goodbye.
const NET_TIMEOUT: Duration = Duration::from_secs(10);

/// How many entries travel together.
const ENTRIES_AT_ONCE: u32 = 100;

/// What a primary sends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Binlog {
    /// The replica is at a place of which this history knows nothing: it begins anew, with all of it.
    Anew(Vec<BinlogEntry>),
    /// The next entries.
    Entries(Vec<BinlogEntry>),
}

/// All up to here is on the replica's disk.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Acknowledged(pub(super) u64);

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Sql(#[from] SqlError),
}

/// Follows a primary for as long as it is polled.
pub(super) async fn follow(mysql: Arc<Mysql>, source: String) {
    loop {
        // Why it broke is of no interest: it is tried again.
        let _ = follow_once(&mysql, &source).await;
        time::sleep(RECONNECT_DELAY).await;
    }
}

async fn follow_once(mysql: &Mysql, source: &str) -> Result<(), Broken> {
    let (position, term) = mysql.executed().await?;
    let mut lines = Lines::connect(source).await?;
    lines.send(&Call::BinlogDump { position, term }).await?;
    lines.send(&Acknowledged(position)).await?;
    loop {
        let received = time::timeout(NET_TIMEOUT, lines.receive::<Binlog>()).await;
        let Some(binlog) = received.map_err(io::Error::from)?? else { return Ok(()) };
        match binlog {
            Binlog::Anew(entries) => mysql.replace(entries).await?,
            Binlog::Entries(entries) => {
                for entry in entries {
                    mysql.apply(entry).await?;
                }
            }
        }
        lines.send(&Acknowledged(mysql.position())).await?;
    }
}

/// Serves a replica that is at this place, until its connection ends.
pub(super) async fn dump(mysql: &Mysql, lines: &mut Lines, mut position: u64, term: u64) -> io::Result<()> {
    let broken = |error: SqlError| io::Error::other(error.to_string());
    let mut positions = mysql.positions();
    let known = mysql.has(position, term).await.map_err(broken)?;
    let begins_at = lines.receive::<Acknowledged>().await?;
    if known {
        mysql.acknowledge(begins_at.map_or(0, |acknowledged| acknowledged.0));
    } else {
        let all = mysql.entries_after(0, u32::MAX).await.map_err(broken)?;
        position = all.last().map_or(0, |entry| entry.position);
        lines.send(&Binlog::Anew(all)).await?;
    }
    loop {
        positions.mark_unchanged();
        let entries = mysql.entries_after(position, ENTRIES_AT_ONCE).await.map_err(broken)?;
        if let Some(last) = entries.last() {
            position = last.position;
            lines.send(&Binlog::Entries(entries)).await?;
            continue;
        }
        select! {
            _ = positions.changed() => {}
            () = time::sleep(HEARTBEAT) => lines.send(&Binlog::Entries(Vec::new())).await?,
            acknowledged = lines.receive::<Acknowledged>() => match acknowledged? {
                Some(Acknowledged(at)) => mysql.acknowledge(at),
                None => return Ok(()),
            },
        }
    }
}
