//! MySQL's replication: the binlog from a primary to a replica, and the acknowledgements back. `rpc_server.rs` and
//! `shard_sync.rs` decide which tablet is which.

use super::mysql::{BinlogEntry, Mysql, SqlError};
use super::rpc::Call;
use crate::line_protocol::Lines;
use crate::rt::{select, time};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The pause before a replica reconnects.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// The interval of an idle primary's heartbeats, as MySQL's.
const HEARTBEAT: Duration = Duration::from_secs(3);

/// The silence after which a replica takes its primary for dead: MySQL's `slave_net_timeout`. A machine that loses
/// power does not close its connections.
const NET_TIMEOUT: Duration = Duration::from_secs(10);

/// The number of entries in one message.
const ENTRIES_AT_ONCE: u32 = 100;

/// A primary's message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Binlog {
    /// The full history, for a replica whose position this history does not contain.
    Full(Vec<BinlogEntry>),
    /// The next entries.
    Entries(Vec<BinlogEntry>),
}

/// A replica's message: everything up to this position is on its disk.
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
        // The cause does not matter: the next attempt starts over.
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
            Binlog::Full(entries) => mysql.replace(entries).await?,
            Binlog::Entries(entries) => {
                for entry in entries {
                    mysql.apply(entry).await?;
                }
            }
        }
        lines.send(&Acknowledged(mysql.position())).await?;
    }
}

/// Serves a replica at this position until its connection ends.
pub(super) async fn dump(mysql: &Mysql, lines: &mut Lines, mut position: u64, term: u64) -> io::Result<()> {
    let broken = |error: SqlError| io::Error::other(error.to_string());
    let mut positions = mysql.positions();
    let known = mysql.has(position, term).await.map_err(broken)?;
    let acknowledged = lines.receive::<Acknowledged>().await?;
    if known {
        mysql.acknowledge(acknowledged.map_or(0, |acknowledged| acknowledged.0));
    } else {
        let all = mysql.entries_after(0, u32::MAX).await.map_err(broken)?;
        position = all.last().map_or(0, |entry| entry.position);
        lines.send(&Binlog::Full(all)).await?;
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
