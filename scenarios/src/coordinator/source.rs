//! The source of a worker's rows: a table in memory, or replicas on other nodes.
//! The caller that starts the worker chooses it.

use super::rpc::Row;
use std::future::Future;
use std::io;
use std::pin::Pin;

/// A future of a partition's rows.
pub type Rows<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<Row>>> + Send + 'a>>;

/// A set of partitioned tables.
pub trait Source: Send + Sync + 'static {
    /// Reads one partition of a table.
    fn read<'a>(&'a self, table: &'a str, partition: u32) -> Rows<'a>;
}

/// Tables with generated rows, the same on every worker. Every name is a table.
#[derive(Clone, Copy, Debug)]
pub struct Generated {
    /// The number of rows in each partition.
    pub rows: u32,
}

impl Source for Generated {
    fn read<'a>(&'a self, table: &'a str, partition: u32) -> Rows<'a> {
        let rows = (0..self.rows).map(|row| vec![format!("{table}-{partition}-{row}")]).collect();
        Box::pin(async move { Ok(rows) })
    }
}
