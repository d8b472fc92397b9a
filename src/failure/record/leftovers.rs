//! Leftovers of a process that was killed while it wrote a finding: drafts, and folders without a record. The next command that
//! writes findings removes them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The age at which a draft without its process is a leftover. A process of another container, which is not visible here, writes a
/// draft within seconds.
const AGE: Duration = Duration::from_secs(60);

/// Removes leftovers below the folder of findings. What cannot be removed stays: nothing reads it.
pub(super) fn remove(root: &Path) {
    for scenario in folders(root) {
        for finding in folders(&scenario) {
            remove_drafts(&finding);
            // An empty folder may be about to get its record.
            if is_old(&finding) {
                let _ = fs::remove_dir(&finding);
            }
        }
    }
    remove_drafts(root);
}

fn folders(of: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(of).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir())
}

fn remove_drafts(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_left = entry.file_name().to_str().and_then(process_of).is_some_and(|process| !is_running(process));
        if is_left && is_old(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The process that wrote a draft, from its name `.NAME-PROCESS-NUMBER`; `None` if it is no draft.
fn process_of(name: &str) -> Option<u32> {
    let (rest, number) = name.strip_prefix('.')?.rsplit_once('-')?;
    number.parse::<u32>().ok()?;
    rest.rsplit_once('-')?.1.parse().ok()
}

fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= AGE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::scratch::Folder;
    use std::fs::File;
    use std::time::SystemTime;

    fn make_old(path: &Path) {
        let before = SystemTime::now() - 2 * AGE;
        File::open(path).and_then(|file| file.set_modified(before)).expect("its time can be set");
    }

    #[test]
    fn drafts_of_killed_processes_and_empty_folders_are_removed() {
        let root = Folder::new();
        let folder = |id: &str| {
            let folder = root.path().join("toy").join(id);
            fs::create_dir_all(&folder).expect("the folder can be written to");
            folder
        };
        // No process has the highest number.
        let gone = format!(".record.jsonl.zst-{}-0", u32::MAX);
        let running = format!(".record.jsonl.zst-{}-0", std::process::id());
        for (id, file) in [("killed", &*gone), ("running", &*running), ("whole", "record.jsonl.zst")] {
            let (folder, file) = (folder(id), folder(id).join(file));
            fs::write(&file, b"x").expect("the folder can be written to");
            make_old(&file);
            make_old(&folder);
        }
        make_old(&folder("empty"));
        folder("new");
        remove(root.path());
        // The folder of the draft was changed by the removal. It is empty, and goes a minute later.
        make_old(&folder("killed"));
        remove(root.path());
        let mut left: Vec<_> = folders(&root.path().join("toy")).collect();
        left.sort();
        assert_eq!(left, ["new", "running", "whole"].map(|id| root.path().join("toy").join(id)));
    }

    #[test]
    fn only_drafts_have_the_name_of_a_draft() {
        assert_eq!(process_of(".record.jsonl.zst-77-3"), Some(77));
        for name in ["record.jsonl.zst", ".hidden", ".a-b-3", "record-77-3"] {
            assert_eq!(process_of(name), None, "{name}");
        }
    }
}
