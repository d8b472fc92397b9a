//! What a finding leaves on disk: `<out>/<scenario>/<id>/finding.json` and `record.jsonl`, and `<out>/last`.
//! It does not run, search or print anything.

use crate::finding::{Finding, Signature};
use crate::fnv::fnv;
use crate::found::{Found, Totals};
use crate::run::{Build, Ended, Record, Stack};
use crate::shrink::Shrunk;
use afterlife_sim::event::{Event, Socket};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Changes when a record of the old form can no longer be read.
const FORMAT: u32 = 1;

const FINDING: &str = "finding.json";
const RECORD: &str = "record.jsonl";
const LAST: &str = "last";

static PROOFS: AtomicU32 = AtomicU32::new(0);

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The folder cannot be written to.
    #[error("cannot write to {}: {source}", path.display())]
    Unwritable {
        /// The folder or file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is not a record: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// It was written by another build of afterlife.
    #[error("{} is a record of format {found}, written by {written_by}; this build reads format {FORMAT}", path.display())]
    OtherBuild {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// Who says to have written it.
        written_by: String,
    },
    /// There is none by this name.
    #[error("there is no finding `{what}` under {}", root.display())]
    Unknown {
        /// What was asked for.
        what: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// There are several by this name.
    #[error("`{what}` stands for {count} findings: {}", ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        what: String,
        /// How many there are.
        count: usize,
        /// The first few of them.
        ids: Vec<String>,
    },
}

impl RecordError {
    /// What to do about it.
    pub(crate) fn next(&self) -> String {
        match self {
            Self::Unwritable { .. } => {
                "name a folder that can be written to: --out DIR or AFTERLIFE_OUT=DIR".to_owned()
            }
            Self::Unreadable { .. } | Self::Malformed { .. } => {
                "name the folder of a finding, or replay its token: a token needs no file".to_owned()
            }
            Self::OtherBuild { written_by, .. } => {
                format!("read it with {written_by}, or replay its token instead: it needs no file")
            }
            Self::Unknown { .. } => {
                "name a token, `last`, the beginning of an id, or the folder of a finding".to_owned()
            }
            Self::Ambiguous { .. } => "write more letters of the id".to_owned(),
        }
    }
}

/// The folder that findings are written to.
#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    root: PathBuf,
}

/// Where a finding was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Its id: eight letters that its token decides.
    pub(crate) id: String,
    /// Its folder.
    pub(crate) folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Sheet {
    format: u32,
    written_by: String,
    id: String,
    scenario: String,
    build: Build,
    finding: Finding,
    ended: Ended,
    totals: Totals,
    also: Vec<Signature>,
    #[serde(default)]
    stack: Option<String>,
    #[serde(default)]
    shrunk: Option<Shrunk>,
}

/// Only what is needed to see whether the rest can be read.
#[derive(Deserialize)]
struct Stamp {
    format: u32,
    written_by: String,
}

#[derive(Serialize, Deserialize)]
struct Legend {
    names: Vec<String>,
    nodes: Vec<String>,
    #[serde(default)]
    places: BTreeMap<u32, String>,
    #[serde(default)]
    stacks: Vec<Stack>,
    /// Records from before it was kept have none.
    #[serde(default)]
    sockets: Vec<Socket>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    digest: u64,
    event: Event,
}

impl Shelf {
    /// The folder `afterlife` in the target directory that this executable was built into, else in `target` here.
    pub(crate) fn usual_root() -> PathBuf {
        let executable = std::env::current_exe().unwrap_or_default();
        // Cargo puts this file, and nothing else that is sure to be there, at the top of a target directory.
        let target = executable.ancestors().skip(1).find(|folder| folder.join("CACHEDIR.TAG").is_file());
        target.unwrap_or(Path::new("target")).join("afterlife")
    }

    /// The shelf in this folder. The folder is made, and written to, so that no campaign ends in a surprise.
    pub(crate) fn open(root: PathBuf) -> Result<Self, RecordError> {
        // Tests of one process open their shelves at the same time: each has a proof of its own.
        let proof = root.join(format!(".proof-{}-{}", std::process::id(), PROOFS.fetch_add(1, Ordering::Relaxed)));
        let tried =
            fs::create_dir_all(&root).and_then(|()| fs::write(&proof, b"")).and_then(|()| fs::remove_file(&proof));
        tried.map_err(|source| RecordError::Unwritable { path: root.clone(), source })?;
        Ok(Self { root })
    }

    /// The shelf in this folder, which need not be there, for reading.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Writes a finding down.
    pub(crate) fn save(&self, found: &Found) -> Result<Saved, RecordError> {
        let saved = self.place(found);
        self.write(found, &saved).map_err(|source| RecordError::Unwritable { path: saved.folder.clone(), source })?;
        Ok(saved)
    }

    /// Where a finding belongs.
    pub(crate) fn place(&self, found: &Found) -> Saved {
        let id = id_of(&found.finding.token);
        Saved { folder: self.root.join(&found.scenario).join(&id), id }
    }

    fn write(&self, found: &Found, saved: &Saved) -> io::Result<()> {
        fs::create_dir_all(&saved.folder)?;
        let mut record = BufWriter::new(File::create(saved.folder.join(RECORD))?);
        let Record { names, nodes, events, digests, sockets, places, stacks, lines: _ } = &found.record;
        let (names, nodes, places, stacks) = (names.clone(), nodes.clone(), places.clone(), stacks.clone());
        let sockets = sockets.clone();
        write_line(&mut record, &Legend { names, nodes, places, stacks, sockets })?;
        for (index, event) in events.iter().enumerate() {
            let digest = digests.get(index).copied().unwrap_or_default();
            write_line(&mut record, &Line { digest, event: *event })?;
        }
        record.flush()?;
        let sheet = Sheet {
            format: FORMAT,
            written_by: this_build(),
            id: saved.id.clone(),
            scenario: found.scenario.clone(),
            build: found.build,
            finding: found.finding.clone(),
            ended: found.ended.clone(),
            totals: found.totals,
            also: found.also.clone(),
            stack: found.stack.clone(),
            shrunk: found.shrunk.clone(),
        };
        // The sheet is written after the record, and `last` after the sheet: what is named is there.
        fs::write(saved.folder.join(FINDING), serde_json::to_vec(&sheet)?)?;
        fs::write(self.root.join(LAST), format!("{}/{}\n", found.scenario, saved.id))
    }

    /// The folder that `last`, the beginning of an id, a token or a path stands for.
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
            return Ok(path.parent().unwrap_or(Path::new(".")).to_owned());
        }
        let wanted = if crate::token::Token::is_meant(what) { id_of(what) } else { what.to_owned() };
        let mut matching = self.folders();
        matching.retain(|folder| !wanted.is_empty() && name_of(folder).starts_with(&wanted));
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
        folders.sort();
        folders
    }

    /// Reads what was written into a folder.
    pub(crate) fn read(folder: &Path) -> Result<(Found, Saved), RecordError> {
        let path = folder.join(FINDING);
        let bytes = fs::read(&path).map_err(|source| RecordError::Unreadable { path: path.clone(), source })?;
        let malformed =
            |error: serde_json::Error| RecordError::Malformed { path: path.clone(), what: error.to_string() };
        let Stamp { format, written_by } = serde_json::from_slice(&bytes).map_err(malformed)?;
        if format != FORMAT {
            return Err(RecordError::OtherBuild { path, found: format, written_by });
        }
        let sheet: Sheet = serde_json::from_slice(&bytes).map_err(malformed)?;
        let found = Found {
            finding: sheet.finding,
            scenario: sheet.scenario,
            build: sheet.build,
            ended: sheet.ended,
            record: read_record(&folder.join(RECORD))?,
            totals: sheet.totals,
            also: sheet.also,
            stack: sheet.stack,
            shrunk: sheet.shrunk,
        };
        Ok((found, Saved { id: sheet.id, folder: folder.to_owned() }))
    }
}

fn read_record(path: &Path) -> Result<Record, RecordError> {
    let unreadable = |source| RecordError::Unreadable { path: path.to_owned(), source };
    let malformed =
        |error: serde_json::Error| RecordError::Malformed { path: path.to_owned(), what: error.to_string() };
    let mut lines = BufReader::new(File::open(path).map_err(unreadable)?).lines();
    let legend = lines.next().unwrap_or_else(|| Ok(String::new())).map_err(unreadable)?;
    let Legend { names, nodes, places, stacks, sockets } = serde_json::from_str(&legend).map_err(malformed)?;
    let mut record = Record { names, nodes, places, stacks, sockets, ..Record::default() };
    for line in lines {
        let Line { digest, event } = serde_json::from_str(&line.map_err(unreadable)?).map_err(malformed)?;
        record.events.push(event);
        record.digests.push(digest);
    }
    Ok(record)
}

fn write_line(to: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    to.write_all(b"\n")
}

fn this_build() -> String {
    format!("afterlife {}", env!("CARGO_PKG_VERSION"))
}

fn name_of(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Eight letters that stand for a token: the same token has the same folder, in every checkout.
fn id_of(token: &str) -> String {
    let sum = fnv(token.trim().bytes());
    format!("{:08x}", (sum >> 32) as u32 ^ sum as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::use_after_teardown;
    use crate::scratch::Folder;

    fn shelf() -> (Folder, Shelf) {
        let folder = Folder::new();
        let shelf = Shelf::open(folder.path().join("out")).expect("a temporary folder can be written to");
        (folder, shelf)
    }

    #[test]
    fn what_was_saved_is_read_back_by_every_name_that_it_has() {
        let (_folder, shelf) = shelf();
        let found = use_after_teardown();
        let saved = shelf.save(&found).expect("the shelf can be written to");
        let path = saved.folder.display().to_string();
        for what in ["last", &saved.id, &saved.id[..3], &found.finding.token, &path, &format!("{path}/finding.json")] {
            let folder = shelf.find(what).expect("it was saved under this name");
            assert_eq!(
                Shelf::read(&folder).expect("it was saved whole"),
                (found.clone(), Saved { folder, ..saved.clone() })
            );
        }
    }

    #[test]
    fn each_way_to_miss_a_record_is_told_with_what_to_do() {
        let (folder, shelf) = shelf();
        let said = |error: RecordError| {
            let here = folder.path().display().to_string();
            format!("{error}\n  next: {}", error.next()).replace(&here, "HERE")
        };
        insta::assert_snapshot!(said(shelf.find("last").expect_err("nothing was saved")), @r"
        there is no finding `last` under HERE/out
          next: name a token, `last`, the beginning of an id, or the folder of a finding
        ");
        insta::assert_snapshot!(said(Shelf::read(folder.path()).expect_err("no record is there")), @r"
        cannot read HERE/finding.json: No such file or directory (os error 2)
          next: name the folder of a finding, or replay its token: a token needs no file
        ");
        let file = folder.path().join("finding.json");
        std::fs::write(&file, "{}").expect("the folder is there");
        insta::assert_snapshot!(said(Shelf::read(folder.path()).expect_err("the record is empty")), @r"
        HERE/finding.json is not a record: missing field `format` at line 1 column 2
          next: name the folder of a finding, or replay its token: a token needs no file
        ");
        std::fs::write(&file, r#"{"format":2,"written_by":"afterlife 9.1.0"}"#).expect("the folder is there");
        insta::assert_snapshot!(said(Shelf::read(folder.path()).expect_err("it is of another build")), @r"
        HERE/finding.json is a record of format 2, written by afterlife 9.1.0; this build reads format 1
          next: read it with afterlife 9.1.0, or replay its token instead: it needs no file
        ");
        insta::assert_snapshot!(said(Shelf::open(file.join("x")).expect_err("a file is in the way")), @r"
        cannot write to HERE/finding.json/x: Not a directory (os error 20)
          next: name a folder that can be written to: --out DIR or AFTERLIFE_OUT=DIR
        ");
    }

    #[test]
    fn many_tests_of_one_process_open_the_same_shelf_at_once() {
        let folder = Folder::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    (0..50).for_each(|_| drop(Shelf::open(folder.path().to_owned()).expect("it is writable")))
                });
            }
        });
    }

    #[test]
    fn a_beginning_that_several_ids_share_is_not_enough() {
        let (_folder, shelf) = shelf();
        for id in ["ab11", "ab22"] {
            fs::create_dir_all(shelf.root.join("toy").join(id)).expect("the shelf can be written to");
        }
        let error = shelf.find("ab").expect_err("two begin so");
        assert_eq!(error.to_string(), "`ab` stands for 2 findings: ab11, ab22");
    }
}
