//! The rows to compare: their type, and the function that reads a page of them. `table_differ.rs` compares them.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// One row: its primary key, and its other columns as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row(pub i64, pub Vec<String>);

impl Row {
    /// The approximate size of the row on the wire.
    pub(super) fn bytes(&self) -> usize {
        16 + self.1.iter().map(String::len).sum::<usize>()
    }
}

/// Reads the rows of a table in key order, starting after a key, until it has read so many bytes. The parameters: the
/// table's name, the key to start after, the number of bytes.
pub type RowsOf = fn(&Connection, &str, i64, usize) -> rusqlite::Result<Vec<Row>>;

/// Reads the rows of a table as stored. Its first column is the primary key.
///
/// # Errors
/// The table does not exist, or cannot be read.
pub fn rows_of_table(db: &Connection, table: &str, after: i64, bytes_max: usize) -> rusqlite::Result<Vec<Row>> {
    let mut query = db.prepare(&format!("SELECT * FROM {table} WHERE pk > ?1 ORDER BY pk"))?;
    let columns = query.column_count();
    let mut rows = query.query([after])?;
    let mut page = Vec::new();
    let mut bytes = 0;
    while bytes < bytes_max
        && let Some(row) = rows.next()?
    {
        let values = (1..columns).map(|column| row.get::<_, String>(column)).collect::<rusqlite::Result<_>>()?;
        let row = Row(row.get(0)?, values);
        bytes += row.bytes();
        page.push(row);
    }
    Ok(page)
}
