//! The checksums of the seven modules that a cluster keeps alike, with the version and the time of each.
//! Who has to follow whom is decided in `cluster.rs`.

use super::sqlite::Row;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What is synchronised: a table each.
pub(super) const MODULES: [&str; 7] = [
    "admin_variables",
    "ldap_variables",
    "mysql_query_rules",
    "mysql_servers",
    "mysql_users",
    "mysql_variables",
    "proxysql_servers",
];

/// A module as it is in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    /// 1 is what a proxy starts with, from which nobody copies.
    pub(super) version: u64,
    /// When it was loaded, in seconds since 1970: the later one wins.
    pub(super) epoch_s: u64,
    pub(super) checksum: u64,
}

/// `runtime_checksums_values`.
#[derive(Default)]
pub(super) struct Checksums(Mutex<BTreeMap<&'static str, Checksum>>);

impl Checksums {
    /// A module's rows are in use from now on, or from `epoch_s` on if they are a peer's.
    pub(super) fn loaded(&self, module: &'static str, rows: &[Row], epoch_s: u64) {
        let mut all = self.all();
        let version = all.get(module).map_or(1, |known| known.version + 1);
        all.insert(module, Checksum { version, epoch_s, checksum: checksum(rows) });
    }

    pub(super) fn get(&self, module: &str) -> Option<Checksum> {
        self.all().get(module).cloned()
    }

    /// As a peer gets to see them.
    pub(super) fn rows(&self) -> Vec<Row> {
        let row = |(module, it): (&&str, &Checksum)| {
            vec![(*module).to_owned(), it.version.to_string(), it.epoch_s.to_string(), it.checksum.to_string()]
        };
        self.all().iter().map(row).collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, Checksum>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The module and its checksum of a row that a peer sent, if that is one.
pub(super) fn read(row: &Row) -> Option<(&'static str, Checksum)> {
    let module = MODULES.into_iter().find(|module| row.first().is_some_and(|name| name == module))?;
    let number = |at: usize| row.get(at)?.parse().ok();
    Some((module, Checksum { version: number(1)?, epoch_s: number(2)?, checksum: number(3)? }))
}

/// FNV-1a over the text: it says whether two proxies have the same rows.
pub(super) fn checksum(rows: &[Row]) -> u64 {
    let bytes = rows.iter().flatten().flat_map(|cell| cell.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Seconds since 1970.
pub(super) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
