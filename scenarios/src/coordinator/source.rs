//! Where a worker's rows come from.
//! Whoever starts the worker says it: a table in memory, or replicas on other nodes.

use super::rpc::Row;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// The rows of a partition, once they are there.
pub type Rows<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<Row>>> + Send + 'a>>;

/// A set of tables in partitions.
pub trait Source: Send + Sync + 'static {
    /// Reads one partition of a table.
    fn read<'a>(&'a self, table: &'a str, partition: u32) -> Rows<'a>;
}

/// Tables whose rows are made up, the same on every worker: any name is one.
#[derive(Clone, Copy, Debug)]
pub struct Generated {
    /// How many rows each partition has.
    pub rows: u32,
}

impl Source for Generated {
    fn read<'a>(&'a self, table: &'a str, partition: u32) -> Rows<'a> {
        let rows = (0..self.rows).map(|row| vec![format!("{table}-{partition}-{row}")]).collect();
        Box::pin(async move { Ok(rows) })
    }
}
