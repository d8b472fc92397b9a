//! Creates a redb file atomically: redb refuses a file that a killed process has left incomplete.

use redb::{Builder, Database};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The reason that a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Database(#[from] redb::Error),
}

impl From<OpenError> for redb::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::File(error) => Self::Io(error),
            OpenError::Database(error) => error,
        }
    }
}

/// Opens the database at `path`. If there is none, it is created under another name, `fill` writes its initial content, and it is
/// renamed once all of that is on disk.
///
/// `cache` is in bytes.
pub(crate) fn open_or_make(
    path: &Path,
    cache: usize,
    fill: impl FnOnce(&Database) -> Result<(), redb::Error>,
) -> Result<Database, OpenError> {
    if path.exists() {
        return Ok(open(path, cache)?);
    }
    let unfinished = path.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let database = open(&unfinished, cache)?;
    fill(&database)?;
    fs::rename(&unfinished, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(database)
}

fn open(path: &Path, cache: usize) -> Result<Database, redb::Error> {
    Ok(Builder::new().set_cache_size(cache).create(path)?)
}

#[cfg(test)]
mod tests {
    use super::open_or_make;
    use crate::loopback::Folder;
    use redb::{Database, Error, ReadableDatabase, TableDefinition, TableHandle};

    const TABLE: TableDefinition<'_, u64, u64> = TableDefinition::new("table");

    fn table(database: &Database) -> Result<(), Error> {
        let making = database.begin_write()?;
        making.open_table(TABLE)?;
        Ok(making.commit()?)
    }

    fn names(database: &Database) -> Vec<String> {
        let reading = database.begin_read().unwrap();
        reading.list_tables().unwrap().map(|table| table.name().to_owned()).collect()
    }

    fn folder(name: &str) -> Folder {
        let folder = Folder::new(&format!("redb-file-{name}"));
        std::fs::create_dir_all(&*folder).unwrap();
        folder
    }

    #[test]
    fn an_existing_file_is_opened_and_not_filled_again() {
        let folder = folder("opened");
        let path = folder.join("test.redb");
        drop(open_or_make(&path, 1 << 18, table).unwrap());
        assert_eq!(names(&open_or_make(&path, 1 << 18, |_| panic!("the file exists")).unwrap()), ["table"]);
        assert!(!path.with_extension("new").exists());
    }

    #[test]
    fn an_incomplete_file_is_created_anew() {
        let folder = folder("anew");
        let path = folder.join("test.redb");
        std::fs::write(path.with_extension("new"), [0; 100]).unwrap();
        assert_eq!(names(&open_or_make(&path, 1 << 18, table).unwrap()), ["table"]);
    }

    #[test]
    fn a_file_that_cannot_be_filled_does_not_appear() {
        let folder = folder("filled");
        let path = folder.join("test.redb");
        let full = |_: &Database| Err(Error::Io(std::io::Error::other("full")));
        assert_eq!(open_or_make(&path, 1 << 18, full).unwrap_err().to_string(), "I/O error: full");
        assert!(!path.exists());
    }
}
