//! The rows that are loaded, and the ways to read them: workers read replicas, and the targets start with a query's result.
//! It schedules nothing.

use super::plan::{META, PARTITIONS, PROXIES, TABLE};
use crate::coordinator;
use crate::line_protocol::Lines;
use crate::replica_loader::{BulkLoadStatus, Client};
use crate::rt::time;
use rand::RngExt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Files by partition, each with its rows: a key (a number as text) and a value.
pub(super) type Files = Vec<Vec<Vec<(String, String)>>>;

/// The length of a value. A few rows make a file that takes its time.
const VALUE_BYTES: usize = 300;
/// The pause between two attempts.
const RETRY: Duration = Duration::from_secs(1);
/// The time after which a query is retried elsewhere.
const PATIENCE: Duration = Duration::from_secs(120);
/// The file in which a target keeps its backup for its next incarnation.
const BACKUP: &str = "/var/lib/given.json";

/// Draws the files. Each key begins with its partition's number, so keys are unique.
pub(super) fn draw(rng: &mut impl RngExt) -> Files {
    let file = |partition: u32, number: u32, rows: u32| {
        let key = |row| u64::from(partition) * 1_000_000 + u64::from(number) * 1_000 + row;
        (1..=u64::from(rows)).map(|row| (key(row).to_string(), "v".repeat(VALUE_BYTES))).collect()
    };
    (1..=PARTITIONS)
        .map(|partition| {
            let files = rng.random_range(1..=3);
            (1..=files).map(|number| file(partition, number, rng.random_range(1..=3))).collect()
        })
        .collect()
}

/// Returns all keys of these files.
pub(super) fn keys(files: &Files) -> impl Iterator<Item = &String> {
    files.iter().flatten().flatten().map(|(key, _)| key)
}

/// Returns the statements that create a table of these rows.
pub(super) fn backup<'a>(rows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut statements = vec![format!("CREATE TABLE {TABLE} (pk INTEGER PRIMARY KEY, val TEXT NOT NULL)")];
    let row = |(key, value): (&str, &str)| {
        format!(
            "INSERT INTO {TABLE} (pk, val) VALUES ({}, '{}')",
            key.parse::<u64>().unwrap_or(0),
            value.replace('\'', "''")
        )
    };
    statements.extend(rows.into_iter().map(row));
    statements
}

/// A worker's source: the replicas, on whichever server has them.
#[derive(Debug)]
pub(super) struct Replicas;

impl coordinator::Source for Replicas {
    fn read<'a>(&'a self, _: &'a str, partition: u32) -> coordinator::Rows<'a> {
        Box::pin(async move {
            let client = Client::new(META);
            let reading = time::timeout(PATIENCE, client.rows(partition)).await;
            let rows = reading.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
            Ok(rows.into_iter().map(|(key, value)| vec![key, value]).collect())
        })
    }
}

/// Sends a query through one proxy after the other until one returns the complete answer.
pub(super) async fn through_the_proxies(text: &str) -> Vec<Vec<String>> {
    for turn in 0.. {
        let address = format!("proxy-{}:6033", turn % PROXIES);
        let asking = async {
            let mut lines = Lines::connect(&address).await.ok()?;
            lines.query(None, text).await.ok()
        };
        if let Ok(Some(answer)) = time::timeout(PATIENCE, asking).await {
            return answer.rows;
        }
        time::sleep(RETRY).await;
    }
    Vec::new()
}

/// Waits until the files are loaded.
pub(super) async fn loaded() {
    let client = Client::new(META);
    while client.bulk_load_over().await.status != BulkLoadStatus::Succeed {
        time::sleep(RETRY).await;
    }
}

/// Returns a target's initial rows: the result of a query through the proxies, once the load has succeeded. Later incarnations
/// start with the same rows.
pub(super) async fn queried_backup() -> io::Result<Vec<String>> {
    if let Ok(text) = std::fs::read(BACKUP) {
        return Ok(serde_json::from_slice(&text)?);
    }
    loaded().await;
    let rows = through_the_proxies(&format!("select from {TABLE}")).await;
    let statements = backup(rows.iter().filter_map(|row| Some((row.first()?.as_str(), row.get(1)?.as_str()))));
    write_atomically(Path::new(BACKUP), &serde_json::to_vec(&statements)?)?;
    Ok(statements)
}

/// Writes a file completely or not at all.
fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    std::fs::write(&new, bytes)?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(directory)?.sync_all()
}
