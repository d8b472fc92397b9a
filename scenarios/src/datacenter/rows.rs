//! What is loaded, and how it comes to those who read it: workers read replicas, tablets begin with what they were given.
//! It decides nothing about when.

use super::plan::{META, PARTITIONS, PROXIES, TABLE};
use crate::coordinator;
use crate::line_protocol::Lines;
use crate::replica_loader::{BulkLoadStatus, Client};
use crate::rt::time;
use rand::RngExt;
use std::io;
use std::path::Path;
use std::time::Duration;

/// Files by partition, each with its rows: a number as text, and a value.
pub(super) type Files = Vec<Vec<Vec<(String, String)>>>;

/// How long a value is: few rows make a file that takes its time.
const VALUE_BYTES: usize = 300;
/// What waits between two attempts.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a query may take before it is asked again elsewhere.
const PATIENCE: Duration = Duration::from_secs(120);
/// Where a target keeps what it was given, for its next life.
const GIVEN: &str = "/var/lib/given.json";

/// Draws the files. Numbers begin with the partition's, so that no two rows share one.
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

/// All keys of these files.
pub(super) fn keys(files: &Files) -> impl Iterator<Item = &String> {
    files.iter().flatten().flatten().map(|(key, _)| key)
}

/// The statements that make a table of these rows.
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

/// A worker's source: the replicas, whoever serves them.
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

/// Asks through one proxy after the other until one has the whole answer.
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
        time::sleep(AGAIN).await;
    }
    Vec::new()
}

/// Waits until the files are loaded.
pub(super) async fn loaded() {
    let client = Client::new(META);
    while client.bulk_load_over().await.status != BulkLoadStatus::Succeed {
        time::sleep(AGAIN).await;
    }
}

/// The backup that a target begins with: what a query through the proxies returns once the load is over. A later life begins
/// with the same.
pub(super) async fn given() -> io::Result<Vec<String>> {
    if let Ok(text) = std::fs::read(GIVEN) {
        return Ok(serde_json::from_slice(&text)?);
    }
    loaded().await;
    let rows = through_the_proxies(&format!("select from {TABLE}")).await;
    let statements = backup(rows.iter().filter_map(|row| Some((row.first()?.as_str(), row.get(1)?.as_str()))));
    keep(Path::new(GIVEN), &serde_json::to_vec(&statements)?)?;
    Ok(statements)
}

/// Writes a file so that it is there whole or not at all.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    std::fs::write(&new, bytes)?;
    std::fs::File::open(&new)?.sync_all()?;
    std::fs::rename(&new, path)?;
    std::fs::File::open(directory)?.sync_all()
}
