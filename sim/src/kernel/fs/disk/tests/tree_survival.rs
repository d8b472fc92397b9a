//! Names and directories after a power loss.
//! The bytes of files are in `power_loss`.

use super::super::{AskKind, FileKind};
use super::*;
use proptest::prelude::*;

fn sync_directory(disk: &mut Disk, path: &str) {
    let directory = disk.lookup(ROOT, path.as_bytes(), true).unwrap();
    disk.fsync(directory).unwrap();
}

/// The possible listings of `/tmp` after a power loss, over many answers.
fn outcomes(disk: &Disk, paths: &[&str]) -> Vec<Vec<Option<Vec<u8>>>> {
    let mut found = Vec::new();
    for seed in 0..200 {
        let mut after = disk.clone();
        after.power_loss(&mut seeded(seed));
        found.push(paths.iter().map(|path| content(&mut after, path)).collect());
    }
    found.sort();
    found.dedup();
    found
}

fn is(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.to_vec())
}

#[test]
fn a_file_is_synced_but_its_name_is_not_until_the_directory_is() {
    let mut disk = fresh();
    let inode = written(&mut disk, "/tmp/new", b"data");
    disk.fsync(inode).unwrap();
    assert_eq!(outcomes(&disk, &["/tmp/new"]), [[None], [is(b"data")]]);
    sync_directory(&mut disk, "/tmp");
    assert_eq!(outcomes(&disk, &["/tmp/new"]), [[is(b"data")]]);
}

#[test]
fn an_unsynced_rename_is_lost_for_some_answers_and_never_after_the_directory_is_synced() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", b"old");
    let inode = written(&mut disk, "/tmp/db.tmp", b"new");
    disk.fsync(inode).unwrap();
    disk.rename((ROOT, b"/tmp/db.tmp"), (ROOT, b"/tmp/db"), 0, NOW_NS).unwrap();
    let seen = outcomes(&disk, &["/tmp/db", "/tmp/db.tmp"]);
    assert_eq!(seen, [[is(b"new"), None], [is(b"old"), None], [is(b"old"), is(b"new")]]);
    sync_directory(&mut disk, "/tmp");
    assert_eq!(outcomes(&disk, &["/tmp/db", "/tmp/db.tmp"]), [[is(b"new"), None]]);
}

#[test]
fn a_rename_across_directories_is_kept_in_both_or_in_neither() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/a", b"x");
    disk.rename((ROOT, b"/tmp/a"), (ROOT, b"/home/a"), 0, NOW_NS).unwrap();
    written(&mut disk, "/home/later", b"");
    let paths = ["/tmp/a", "/home/a", "/home/later"];
    let seen = outcomes(&disk, &paths);
    let moved = |later: Option<Vec<u8>>| [None, is(b"x"), later];
    assert_eq!(seen, [&moved(None)[..], &moved(is(b"")), &[is(b"x"), None, None]]);
    sync_directory(&mut disk, "/tmp");
    assert_eq!(outcomes(&disk, &paths), [&moved(None)[..], &moved(is(b""))], "one directory's sync settles both");
}

#[test]
fn operations_on_one_directory_survive_in_their_order() {
    let mut disk = fresh();
    for name in ["/tmp/1", "/tmp/2", "/tmp/3"] {
        written(&mut disk, name, b"");
    }
    for lost in 0..=3 {
        let mut after = disk.clone();
        after.power_loss(&mut |ask| if ask.what == AskKind::DirectoryTail { lost } else { 0 });
        let there = ["/tmp/1", "/tmp/2", "/tmp/3"].map(|path| content(&mut after, path).is_some());
        assert_eq!(there, [lost < 3, lost < 2, lost < 1]);
    }
}

#[test]
fn a_file_that_moved_into_a_new_directory_does_not_vanish_with_it() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/f", b"x");
    disk.mkdir(ROOT, b"/home/new", 0o755, NOW_NS).unwrap();
    disk.mkdir(ROOT, b"/home/new/er", 0o755, NOW_NS).unwrap();
    disk.rename((ROOT, b"/tmp/f"), (ROOT, b"/home/new/er/f"), 0, NOW_NS).unwrap();
    let paths = ["/tmp/f", "/home/new/er/f"];
    assert_eq!(outcomes(&disk, &paths), [[None, is(b"x")], [is(b"x"), None]]);
    sync_directory(&mut disk, "/tmp");
    assert_eq!(outcomes(&disk, &paths), [[None, is(b"x")]], "the sync takes the new directories along");
}

#[test]
fn a_file_that_left_a_directory_does_not_vanish_with_the_directory() {
    let mut disk = fresh();
    disk.mkdir(ROOT, b"/tmp/d", 0o755, NOW_NS).unwrap();
    disk.sync_all();
    synced(&mut disk, "/tmp/d/f", b"x");
    disk.rename((ROOT, b"/tmp/d/f"), (ROOT, b"/home/f"), 0, NOW_NS).unwrap();
    disk.rmdir(ROOT, b"/tmp/d", NOW_NS).unwrap();
    assert_eq!(outcomes(&disk, &["/tmp/d/f", "/home/f"]), [[None, is(b"x")], [is(b"x"), None]]);
    sync_directory(&mut disk, "/tmp");
    assert_eq!(outcomes(&disk, &["/home/f"]), [[is(b"x")]]);
}

#[test]
fn an_unlink_that_was_lost_brings_the_file_back_as_it_was() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/f", &[b'x'; 5000]);
    disk.unlink(ROOT, b"/tmp/f", NOW_NS).unwrap();
    assert_eq!(disk.used_bytes(), 0);
    disk.power_loss(&mut |ask| ask.bound - 1);
    assert_eq!(content(&mut disk, "/tmp/f").unwrap(), [b'x'; 5000]);
    assert_eq!(disk.used_bytes(), 8192);
    assert_eq!(disk.stat(ROOT, b"/tmp/f", false).unwrap().nlink, 1);
}

#[test]
fn a_file_in_a_directory_that_moved_does_not_vanish_with_the_place_where_that_was_made() {
    let mut disk = fresh();
    disk.mkdir(ROOT, b"/tmp/old", 0o755, NOW_NS).unwrap();
    disk.sync_all();
    synced(&mut disk, "/home/f", b"x");
    disk.mkdir(ROOT, b"/tmp/new", 0o755, NOW_NS).unwrap();
    disk.mkdir(ROOT, b"/tmp/new/inner", 0o755, NOW_NS).unwrap();
    disk.rename((ROOT, b"/tmp/new/inner"), (ROOT, b"/tmp/old"), libc::RENAME_EXCHANGE, NOW_NS).unwrap();
    disk.rename((ROOT, b"/home/f"), (ROOT, b"/tmp/old/f"), 0, NOW_NS).unwrap();
    for found in outcomes(&disk, &["/home/f", "/tmp/new/inner/f", "/tmp/old/f"]) {
        assert_eq!(found.iter().flatten().count(), 1, "{found:?}");
    }
}

#[derive(Clone, Debug)]
enum ProbeEvent {
    Mkdir(usize, usize),
    Move(usize, usize, usize),
    Exchange(usize, usize),
    Rmdir(usize),
    Touch(usize, usize),
    SyncDirectory(usize),
    Loss(u64),
}

fn steps() -> impl Strategy<Value = Vec<ProbeEvent>> {
    let n = || 0usize..64;
    let step = prop_oneof![
        3 => (n(), n()).prop_map(|(a, b)| ProbeEvent::Mkdir(a, b)),
        8 => (n(), n(), n()).prop_map(|(a, b, c)| ProbeEvent::Move(a, b, c)),
        2 => (n(), n()).prop_map(|(a, b)| ProbeEvent::Exchange(a, b)),
        2 => n().prop_map(ProbeEvent::Rmdir),
        1 => (n(), n()).prop_map(|(a, b)| ProbeEvent::Touch(a, b)),
        2 => n().prop_map(ProbeEvent::SyncDirectory),
        2 => any::<u64>().prop_map(ProbeEvent::Loss),
    ];
    prop::collection::vec(step, 1..60)
}

/// The paths below `/w`: directories, then other files.
fn walk(disk: &Disk) -> (Vec<String>, Vec<String>) {
    let (mut directories, mut others) = (vec!["/w".to_string()], Vec::new());
    let mut at = 0;
    while at < directories.len() {
        let here = directories[at].clone();
        let inode = disk.lookup(ROOT, here.as_bytes(), false).unwrap();
        assert_eq!(disk.directory_path(inode).unwrap(), here.as_bytes());
        let mut nlink = 2;
        for line in disk.list(inode).unwrap().into_iter().skip(2) {
            let path = format!("{here}/{}", String::from_utf8(line.name).unwrap());
            match line.kind {
                FileKind::Directory => {
                    nlink += 1;
                    directories.push(path);
                }
                _ => others.push(path),
            }
        }
        assert_eq!(disk.stat_inode(inode).unwrap().nlink, nlink);
        at += 1;
    }
    (directories, others)
}

proptest! {
    #[test]
    fn synced_files_survive_wherever_they_were_moved_since(steps in steps()) {
        let mut disk = fresh();
        for path in ["/w", "/w/a", "/w/b", "/w/b/c", "/w/a/d"] {
            disk.mkdir(ROOT, path.as_bytes(), 0o755, NOW_NS).unwrap();
        }
        disk.sync_all();
        for (at, path) in ["/w/a/1", "/w/b/2", "/w/b/c/3", "/w/a/d/4"].iter().enumerate() {
            synced(&mut disk, path, &[at as u8; 10]);
        }
        let mut names = 0;
        for step in steps {
            let (directories, others) = walk(&disk);
            let pick = |row: &[String], at: usize| row[at % row.len()].clone();
            let all: Vec<String> = directories[1..].iter().chain(&others).cloned().collect();
            names += 1;
            match step {
                ProbeEvent::Mkdir(parent, name) => {
                    let path = format!("{}/d{}", pick(&directories, parent), name % 4);
                    let _ = disk.mkdir(ROOT, path.as_bytes(), 0o755, NOW_NS);
                }
                ProbeEvent::Move(what, to, name) => {
                    // Only an empty directory may be replaced, since no content must be lost.
                    let (from, to) = (pick(&all, what), pick(&directories, to));
                    let to = if name % 3 == 0 { to } else { format!("{to}/m{names}") };
                    let _ = disk.rename((ROOT, from.as_bytes()), (ROOT, to.as_bytes()), 0, NOW_NS);
                }
                ProbeEvent::Exchange(one, two) => {
                    let (one, two) = (pick(&all, one), pick(&all, two));
                    let flags = libc::RENAME_EXCHANGE;
                    let _ = disk.rename((ROOT, one.as_bytes()), (ROOT, two.as_bytes()), flags, NOW_NS);
                }
                ProbeEvent::Rmdir(which) => _ = disk.rmdir(ROOT, pick(&directories[..], which).as_bytes(), NOW_NS),
                ProbeEvent::Touch(parent, name) => {
                    let path = format!("{}/t{}", pick(&directories, parent), name % 4);
                    let _ = disk.open(ROOT, path.as_bytes(), libc::O_CREAT | libc::O_RDWR, 0o644, NOW_NS);
                }
                ProbeEvent::SyncDirectory(which) => {
                    let path = pick(&directories, which);
                    sync_directory(&mut disk, &path);
                    // An entry that the synced directory shows exists in the worst case, too, if the directory itself does.
                    let inode = disk.lookup(ROOT, path.as_bytes(), false).unwrap();
                    let worst = disk.worst_case();
                    if let Ok(after) = worst.list(inode) {
                        prop_assert_eq!(&after[2..], &disk.list(inode).unwrap()[2..]);
                    }
                }
                ProbeEvent::Loss(seed) => drop(disk.power_loss(&mut seeded(seed))),
            }
            assert_books_agree(&disk);
            let worst = disk.worst_case();
            prop_assert_eq!(worst.visible_digest(), disk.durable_digest());
            let mut mild = disk.clone();
            mild.power_loss(&mut mildest);
            prop_assert_eq!(mild.visible_digest(), disk.visible_digest());
            for mut after in [worst, mild, disk.clone()] {
                let (_, others) = walk(&after);
                let mut found: Vec<u8> = others.iter()
                    .filter_map(|path| content(&mut after, path).unwrap().first().copied())
                    .collect();
                found.sort_unstable();
                prop_assert_eq!(found, [0, 1, 2, 3]);
            }
        }
    }
}
