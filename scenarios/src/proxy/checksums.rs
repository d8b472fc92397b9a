//! The checksums of the seven modules that a cluster synchronises, with the version and the time of each.
//! `cluster.rs` decides which proxy copies from which.

use super::sqlite::Row;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The synchronised modules, a table each.
pub(super) const MODULES: [&str; 7] = [
    "admin_variables",
    "ldap_variables",
    "mysql_query_rules",
    "mysql_servers",
    "mysql_users",
    "mysql_variables",
    "proxysql_servers",
];

/// The checksum of a module's runtime version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    /// Version 1 is the one that a proxy starts with. No peer copies it.
    pub(super) version: u64,
    /// The time at which it was loaded, in seconds since 1970. The later one wins.
    pub(super) epoch_s: u64,
    pub(super) checksum: u64,
}

/// `runtime_checksums_values`.
#[derive(Default)]
pub(super) struct Checksums(Mutex<BTreeMap<&'static str, Checksum>>);

impl Checksums {
    /// Records that a module's rows are in use since `epoch_s`.
    pub(super) fn loaded(&self, module: &'static str, rows: &[Row], epoch_s: u64) {
        let mut all = self.all();
        let version = all.get(module).map_or(1, |known| known.version + 1);
        all.insert(module, Checksum { version, epoch_s, checksum: checksum(rows) });
    }

    pub(super) fn get(&self, module: &str) -> Option<Checksum> {
        self.all().get(module).cloned()
    }

    /// Returns the rows that a peer sees.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |(module, known): (&&str, &Checksum)| {
            vec![(*module).to_owned(), known.version.to_string(), known.epoch_s.to_string(), known.checksum.to_string()]
        };
        self.all().iter().map(row).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Checksum>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parses a peer's row into a module and its checksum.
pub(super) fn parse(row: &Row) -> Option<(&'static str, Checksum)> {
    let module = MODULES.into_iter().find(|module| row.first().is_some_and(|name| name == module))?;
    let number = |at: usize| row.get(at)?.parse().ok();
    Some((module, Checksum { version: number(1)?, epoch_s: number(2)?, checksum: number(3)? }))
}

/// FNV-1a over the text, to compare the rows of two proxies.
pub(super) fn checksum(rows: &[Row]) -> u64 {
    let bytes = rows.iter().flatten().flat_map(|cell| cell.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
