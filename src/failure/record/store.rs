//! The records on disk: a folder for each finding, by scenario and id, and the lookup of names from the command line.
//! `format.rs` defines the content of a record.

use super::environment::Environment;
use super::error::RecordError;
use super::format::{Entry, Written};
use super::program::Program;
use super::{leftovers, read, write};
use crate::failure::failing_run::FailingRun;
use crate::failure::fnv::fnv;
use crate::failure::test_origin::TestOrigin;
use crate::failure::token::Token;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

const RECORD: &str = "record.jsonl.zst";
const LAST: &str = "last";

/// The file that afterlife wrote before a record was a single file.
const OLDER: &str = "finding.json";

/// The number of the next draft: threads of a process may write at the same time, each under its own name.
static DRAFTS: AtomicU32 = AtomicU32::new(0);

/// The folder that findings are written to.
#[derive(Clone, Debug)]
pub(crate) struct RecordStore {
    root: PathBuf,
    /// The test that makes the findings, if a test does.
    test: Option<TestOrigin>,
}

/// The record of a finding on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRecord {
    /// Its id: eight hexadecimal digits, derived from its token and its test.
    pub(crate) id: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The reason why it could not be written, if so.
    pub(crate) unwritten: Option<String>,
    /// The test that made the run, if a test did.
    pub(crate) test: Option<TestOrigin>,
}

impl SavedRecord {
    /// The finding's id: eight hexadecimal digits, derived from its token and its test.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The record's folder; `None` if it could not be written.
    pub fn folder(&self) -> Option<&Path> {
        self.unwritten.is_none().then_some(&self.folder)
    }

    /// Writes a text to a file in the finding's folder, whole or not at all. Returns the file.
    pub(crate) fn write_beside(&self, name: &str, text: &str) -> Result<PathBuf, RecordError> {
        let path = self.folder.join(name);
        let written = replace(&path, |to| to.write_all(text.as_bytes()));
        written.map_err(|source| RecordError::Unwritable { path: path.clone(), source })?;
        Ok(path)
    }
}

impl RecordStore {
    /// The folder `afterlife` in the target directory that this executable was built into, or else in `./target`.
    pub(crate) fn usual_root() -> PathBuf {
        let executable = std::env::current_exe().unwrap_or_default();
        // This is the only file that is sure to be at the top of a target directory of Cargo.
        let target = executable.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
        target.unwrap_or(Path::new("target")).join("afterlife")
    }

    /// The store in this folder. Creates the folder and writes to it, so that a campaign cannot fail to save its findings later.
    pub(crate) fn open(root: PathBuf) -> Result<Self, RecordError> {
        let proof = draft_of(&root.join("proof"));
        let tried =
            fs::create_dir_all(&root).and_then(|()| fs::write(&proof, b"")).and_then(|()| fs::remove_file(&proof));
        tried.map_err(|source| RecordError::Unwritable { path: root.clone(), source })?;
        leftovers::remove(&root);
        Ok(Self { root, test: None })
    }

    /// The same store, for the findings of this test.
    pub(crate) fn of_test(self, test: TestOrigin) -> Self {
        Self { test: Some(test), ..self }
    }

    /// The store in this folder, which need not exist, for reading.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, test: None }
    }

    /// Saves a finding. One that cannot be saved is still reported: `unwritten` has the reason.
    pub(crate) fn save(&self, failure: &FailingRun) -> SavedRecord {
        let mut saved = self.place(failure);
        if let Err(source) = self.write(failure, &saved) {
            saved.unwritten = Some(RecordError::Unwritable { path: saved.folder.clone(), source }.to_string());
        }
        saved
    }

    /// The place of a finding, saved or not.
    pub(crate) fn place(&self, failure: &FailingRun) -> SavedRecord {
        let id = id_of(&failure.finding.token, self.test.as_ref());
        let folder = self.root.join(&failure.scenario).join(&id);
        SavedRecord { folder, id, unwritten: None, test: self.test.clone() }
    }

    fn write(&self, failure: &FailingRun, saved: &SavedRecord) -> io::Result<()> {
        fs::create_dir_all(&saved.folder)?;
        let (environment, program) = (Environment::of_this_process(), Program::of_this_process());
        replace(&saved.folder.join(RECORD), |to| {
            write::write(failure, environment, program, self.test.as_ref(), to).map(drop)
        })?;
        // `last` is written after the record, so the record that it names exists.
        replace(&self.root.join(LAST), |to| writeln!(to, "{}/{}", failure.scenario, saved.id))
    }

    /// The folder or file that `last`, the beginning of an id, a token or a path refers to.
    pub(crate) fn find(&self, what: &str) -> Result<PathBuf, RecordError> {
        if what == LAST {
            let path = self.root.join(LAST);
            let unknown = |_| RecordError::Unknown { what: what.to_owned(), root: self.root.clone() };
            return Ok(self.root.join(fs::read_to_string(path).map_err(unknown)?.trim()));
        }
        let path = Path::new(what);
        if path.is_dir() {
            return Ok(path.to_owned());
        }
        if path.is_file() {
            return Ok(path.to_owned());
        }
        let mut matching = self.folders();
        match Token::is_meant(what) {
            // Records of tests have other names than their tokens: several tests may have the same.
            true => matching.retain(|folder| {
                name_of(folder) == id_of(what, None)
                    || Self::written(folder).is_ok_and(|written| written.header.token == what.trim())
            }),
            false => matching.retain(|folder| !what.is_empty() && name_of(folder).starts_with(what)),
        }
        match matching.as_slice() {
            [] => Err(RecordError::Unknown { what: what.to_owned(), root: self.root.clone() }),
            [folder] => Ok(folder.clone()),
            several => Err(RecordError::Ambiguous {
                what: what.to_owned(),
                count: several.len(),
                ids: several.iter().take(3).map(|folder| name_of(folder).to_owned()).collect(),
            }),
        }
    }

    /// Every finding's folder, in order.
    fn folders(&self) -> Vec<PathBuf> {
        let inside = |folder: &Path| -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
        };
        let mut folders: Vec<_> = inside(&self.root).iter().flat_map(|scenario| inside(scenario)).collect();
        folders.retain(|folder| Self::is_of_a_finding(folder));
        folders.sort();
        folders
    }

    /// Returns whether a folder is that of a finding, of this version or an earlier one.
    pub(crate) fn is_of_a_finding(folder: &Path) -> bool {
        [RECORD, OLDER].iter().any(|name| folder.join(name).is_file())
    }

    /// Reads a record, from its file or from the folder of a finding.
    pub(crate) fn read(path: &Path) -> Result<(FailingRun, SavedRecord), RecordError> {
        let (path, file) = open(path)?;
        let (failure, written) = read::read(&path, file)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let test = written.header.test;
        let id = id_of(&failure.finding.token, test.as_ref());
        Ok((failure, SavedRecord { id, folder: folder.to_owned(), unwritten: None, test }))
    }

    /// The time at which a record was written here, if the system knows it. A record has no time of its own: the same finding is the same file.
    pub(crate) fn time_of(path: &Path) -> Option<SystemTime> {
        let file = if path.is_dir() { path.join(RECORD) } else { path.to_owned() };
        fs::metadata(file).and_then(|metadata| metadata.modified()).ok()
    }

    /// Returns whether this is the folder of a finding, or the file of a record.
    pub(crate) fn is_record(path: &Path) -> bool {
        let mut begin = [0; 4];
        path.is_dir()
            || File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok_and(|()| read::begins(&begin))
    }

    /// Passes every line of a record to `take`, with its number.
    pub(crate) fn each(path: &Path, take: &mut dyn FnMut(u64, Entry)) -> Result<(), RecordError> {
        let (path, file) = open(path)?;
        read::each(&path, file, take)
    }

    /// Reads only the origin of a record.
    pub(crate) fn written(path: &Path) -> Result<Written, RecordError> {
        let (path, file) = open(path)?;
        read::written(&path, file)
    }

    /// Copies a record's lines.
    pub(crate) fn copy(path: &Path, to: &mut dyn Write) -> Result<(), RecordError> {
        let (path, file) = open(path)?;
        read::copy(&path, file, to)
    }
}

/// Opens the file of a record. Returns it with its path.
fn open(path: &Path) -> Result<(PathBuf, File), RecordError> {
    let file = if path.is_dir() { path.join(RECORD) } else { path.to_owned() };
    if path.is_dir() && !file.exists() && path.join(OLDER).is_file() {
        return Err(RecordError::Older { folder: path.to_owned() });
    }
    match File::open(&file) {
        Ok(opened) => Ok((file, opened)),
        Err(source) => Err(RecordError::Unreadable { path: file, source }),
    }
}

/// Replaces a file atomically: a reader finds the old file or the new one, never a part.
fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let draft = draft_of(path);
    let written = File::create(&draft).and_then(|file| {
        let mut to = BufWriter::new(file);
        fill(&mut to)?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&draft, path)
    });
    if written.is_err() {
        // It may not exist.
        let _ = fs::remove_file(&draft);
    }
    written
}

/// A unique name in the folder of a file.
fn draft_of(path: &Path) -> PathBuf {
    let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".{}-{}-{number}", name_of(path), std::process::id()))
}

fn name_of(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Eight hexadecimal digits, derived from a token and the test that it belongs to, if any: the same run has the same folder, in every
/// checkout.
fn id_of(token: &str, test: Option<&TestOrigin>) -> String {
    let key = test.map_or_else(String::new, |test| format!(" {}", test.key()));
    let sum = fnv(token.trim().bytes().chain(key.bytes()));
    format!("{:08x}", (sum >> 32) as u32 ^ sum as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::sample::use_after_teardown;
    use crate::failure::test_origin::TestTarget;
    use crate::model::scratch::Folder;

    fn store() -> (Folder, RecordStore) {
        let folder = Folder::new();
        let store = RecordStore::open(folder.path().join("out")).expect("a temporary folder can be written to");
        (folder, store)
    }

    #[test]
    fn a_saved_record_is_found_under_each_of_its_names() {
        let (_folder, store) = store();
        let mut failure = use_after_teardown();
        let saved = store.save(&failure);
        assert_eq!(saved.unwritten, None);
        failure.record.digests.clear();
        let path = saved.folder.display().to_string();
        for what in ["last", &saved.id, &saved.id[..3], &failure.finding.token, &path, &format!("{path}/{RECORD}")] {
            let place = store.find(what).expect("it was saved under this name");
            assert_eq!(RecordStore::read(&place).expect("it was saved whole"), (failure.clone(), saved.clone()));
        }
        let written = RecordStore::written(&saved.folder).expect("it was saved whole");
        assert_eq!(written.header.program, Program::of_this_process());
    }

    #[test]
    fn equal_runs_of_two_tests_have_a_record_each() {
        let (_folder, store) = store();
        let failure = use_after_teardown();
        let test = |path: &str| TestOrigin {
            package: "shop".into(),
            target: TestTarget::Lib,
            path: path.into(),
            source: None,
            options: Vec::new(),
        };
        let saved = ["a::hold", "b::hold"].map(|path| store.clone().of_test(test(path)).save(&failure));
        assert_ne!(saved[0].id, saved[1].id);
        for saved in &saved {
            let (_, read) = RecordStore::read(&store.find(&saved.id).expect("it was saved")).expect("it is whole");
            assert_eq!(read, *saved);
        }
        assert!(matches!(store.find(&failure.finding.token), Err(RecordError::Ambiguous { count: 2, .. })));
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let (_folder, store) = store();
        let path = store.root.join("file");
        replace(&path, |to| to.write_all(b"old")).expect("the store can be written to");
        let error = replace(&path, |to| to.write_all(b"ne").and(Err(io::Error::other("the disk is full"))));
        assert_eq!(error.expect_err("it was not written").to_string(), "the disk is full");
        assert_eq!(fs::read(&path).expect("it was there before"), b"old");
        assert_eq!(fs::read_dir(&store.root).expect("the store can be read").count(), 1, "no draft is left");
    }

    #[test]
    fn each_missing_record_has_an_error_with_a_next_step() {
        let (folder, store) = store();
        let said = |error: RecordError| {
            let here = folder.path().display().to_string();
            format!("{error}\n  next: {}", error.next()).replace(&here, "HERE")
        };
        insta::assert_snapshot!(said(store.find("last").expect_err("nothing was saved")), @r"
        there is no finding `last` under HERE/out
          next: name a token, `last`, the beginning of an id, or the folder of a finding
        ");
        insta::assert_snapshot!(said(RecordStore::read(folder.path()).expect_err("no record is there")), @r"
        cannot read HERE/record.jsonl.zst: No such file or directory (os error 2)
          next: name the folder of a finding, or replay its token: a token needs no file
        ");
        let file = folder.path().join("finding.json");
        std::fs::write(&file, "{}").expect("the folder is there");
        insta::assert_snapshot!(said(RecordStore::read(folder.path()).expect_err("an older version wrote it")), @r"
        HERE was written by an afterlife older than record format 2
          next: replay its token, which is in finding.json
        ");
        insta::assert_snapshot!(said(RecordStore::open(file.join("x")).expect_err("a file is in the way")), @r"
        cannot write to HERE/finding.json/x: Not a directory (os error 20)
          next: name a folder that can be written to: --out DIR or AFTERLIFE_OUT=DIR
        ");
    }

    #[test]
    fn many_tests_of_one_process_open_the_same_store_at_once() {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    (0..50).for_each(|_| drop(RecordStore::open(folder.path().to_owned()).expect("it is writable")))
                });
            }
        });
    }

    #[test]
    fn a_prefix_of_several_ids_is_ambiguous() {
        let (_folder, store) = store();
        for id in ["ab11", "ab22"] {
            let folder = store.root.join("toy").join(id);
            fs::create_dir_all(&folder)
                .and_then(|()| fs::write(folder.join(RECORD), b""))
                .expect("the store can be written to");
        }
        let error = store.find("ab").expect_err("two ids begin with it");
        assert_eq!(error.to_string(), "`ab` matches 2 findings: ab11, ab22");
    }
}
