//! Rename, link, unlink, mkdir and rmdir, as the running system sees them.
//! Their survival of a power loss is in `tree_survival`.

use super::*;

fn rename(disk: &mut Disk, from: &str, to: &str, flags: u32) -> Result<(), i32> {
    disk.rename((ROOT, from.as_bytes()), (ROOT, to.as_bytes()), flags, NOW_NS)
}

fn nlink(disk: &Disk, path: &str) -> u64 {
    disk.stat(ROOT, path.as_bytes(), false).unwrap().nlink
}

fn tree() -> Disk {
    let mut disk = fresh();
    for path in ["/d", "/d/empty", "/d/full", "/d/full/sub"] {
        disk.mkdir(ROOT, path.as_bytes(), 0o755, NOW_NS).unwrap();
    }
    written(&mut disk, "/d/one", b"1");
    written(&mut disk, "/d/two", b"2");
    disk.symlink(b"full", ROOT, b"/d/link", NOW_NS).unwrap();
    disk
}

#[test]
fn rename_refuses_as_linux_refuses() {
    use libc::{EBUSY, EEXIST, EINVAL, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY};
    let table = [
        ("/d/none", "/d/x", 0, ENOENT),
        ("/d/one", "/none/x", 0, ENOENT),
        ("/d/one", "/d/empty", 0, EISDIR),
        ("/d/empty", "/d/one", 0, ENOTDIR),
        ("/d/empty", "/d/full", 0, ENOTEMPTY),
        ("/d/full", "/d/full/sub/x", 0, EINVAL),
        ("/d/full/sub", "/d/full", 0, ENOTEMPTY),
        ("/d/one", "/d/two", libc::RENAME_NOREPLACE, EEXIST),
        ("/d/one", "/d/x", libc::RENAME_EXCHANGE, ENOENT),
        ("/d/full", "/d/full/sub", libc::RENAME_EXCHANGE, EINVAL),
        ("/d/full/sub", "/d/full", libc::RENAME_EXCHANGE, EINVAL),
        ("/d/one", "/d/x", libc::RENAME_EXCHANGE | libc::RENAME_NOREPLACE, EINVAL),
        ("/d/one", "/d/x", libc::RENAME_WHITEOUT, EINVAL),
        ("/d/one/", "/d/x", 0, ENOTDIR),
        ("/d/one", "/d/x/", 0, ENOTDIR),
        ("/d/link/", "/d/x", 0, ENOTDIR),
        ("/d/.", "/d/x", 0, EBUSY),
        ("/d/one", "/d/full/..", 0, EBUSY),
        ("/", "/d/x", 0, EBUSY),
    ];
    let mut disk = tree();
    let before = disk.visible_digest();
    for (from, to, flags, errno) in table {
        assert_eq!(rename(&mut disk, from, to, flags), Err(errno), "rename({from}, {to}, {flags})");
    }
    assert_eq!(disk.visible_digest(), before, "what is refused changes nothing");
}

#[test]
fn a_rename_moves_replaces_and_exchanges() {
    let mut disk = tree();
    rename(&mut disk, "/d/one", "/d/two", 0).unwrap();
    assert_eq!(content(&mut disk, "/d/two").unwrap(), b"1");
    assert_eq!(content(&mut disk, "/d/one"), None);
    rename(&mut disk, "/d/full", "/d/empty", 0).unwrap();
    assert_eq!((nlink(&disk, "/d"), nlink(&disk, "/d/empty")), (3, 3));
    rename(&mut disk, "/d/empty/sub/", "/moved/", 0).unwrap();
    assert_eq!((nlink(&disk, "/d/empty"), nlink(&disk, "/moved")), (2, 2));
    let moved = disk.lookup(ROOT, b"/moved", true).unwrap();
    assert_eq!(disk.lookup(moved, b"..", true), Ok(ROOT));
    rename(&mut disk, "/moved", "/d/two", libc::RENAME_EXCHANGE).unwrap();
    assert_eq!(content(&mut disk, "/moved").unwrap(), b"1");
    assert_eq!(disk.directory_path(moved).unwrap(), b"/d/two");
    rename(&mut disk, "/moved", "/moved", 0).unwrap();
    disk.link((ROOT, b"/moved"), (ROOT, b"/hard"), false, NOW_NS).unwrap();
    rename(&mut disk, "/moved", "/hard", 0).unwrap();
    assert_eq!(nlink(&disk, "/moved"), 2, "two names of one file: rename does nothing");
    rename(&mut disk, "/d/link", "/link", libc::RENAME_NOREPLACE).unwrap();
    assert_eq!(disk.readlink(ROOT, b"/link").unwrap(), b"full");
}

#[test]
fn links_are_counted_and_directories_take_none() {
    let mut disk = tree();
    disk.link((ROOT, b"/d/one"), (ROOT, b"/uno"), false, NOW_NS).unwrap();
    assert_eq!(nlink(&disk, "/uno"), 2);
    disk.unlink(ROOT, b"/d/one", NOW_NS).unwrap();
    assert_eq!(content(&mut disk, "/uno").unwrap(), b"1");
    assert_eq!(nlink(&disk, "/uno"), 1);
    let refused = [
        (disk.link((ROOT, b"/d"), (ROOT, b"/d2"), false, NOW_NS), libc::EPERM),
        (disk.link((ROOT, b"/uno"), (ROOT, b"/d"), false, NOW_NS), libc::EEXIST),
        (disk.link((ROOT, b"/none"), (ROOT, b"/x"), false, NOW_NS), libc::ENOENT),
        (disk.unlink(ROOT, b"/d", NOW_NS), libc::EISDIR),
        (disk.unlink(ROOT, b"/uno/", NOW_NS), libc::ENOTDIR),
        (disk.unlink(ROOT, b"/none", NOW_NS), libc::ENOENT),
        (disk.rmdir(ROOT, b"/uno", NOW_NS), libc::ENOTDIR),
        (disk.rmdir(ROOT, b"/d", NOW_NS), libc::ENOTEMPTY),
        (disk.rmdir(ROOT, b"/d/.", NOW_NS), libc::EINVAL),
        (disk.rmdir(ROOT, b"/d/full/..", NOW_NS), libc::ENOTEMPTY),
        (disk.rmdir(ROOT, b"/", NOW_NS), libc::EBUSY),
        (disk.rmdir(ROOT, b"/d/link/", NOW_NS), libc::ENOTDIR),
        (disk.mkdir(ROOT, b"/d/link", 0o755, NOW_NS).map(drop), libc::EEXIST),
        (disk.mkdir(ROOT, b"/d/full/.", 0o755, NOW_NS).map(drop), libc::EEXIST),
        (disk.mkdir(ROOT, b"/", 0o755, NOW_NS).map(drop), libc::EEXIST),
        (disk.symlink(b"", ROOT, b"/x", NOW_NS).map(drop), libc::ENOENT),
        (disk.symlink(b"t", ROOT, b"/uno", NOW_NS).map(drop), libc::EEXIST),
    ];
    for (at, (answer, errno)) in refused.into_iter().enumerate() {
        assert_eq!(answer, Err(errno), "line {at}");
    }
    disk.mkdir(ROOT, b"/slashed/", 0o755, NOW_NS).unwrap();
    disk.rmdir(ROOT, b"/slashed/", NOW_NS).unwrap();
    disk.unlink(ROOT, b"/d/link", NOW_NS).unwrap();
    assert!(disk.lookup(ROOT, b"/d/full", true).is_ok(), "a link is removed, not what it leads to");
}

#[test]
fn a_run_that_never_syncs_its_directories_stays_small() {
    let mut disk = fresh();
    for round in 0..20_000 {
        let path = format!("/tmp/{}", round % 7);
        let inode = written(&mut disk, &path, &[1; 3 * 4096]);
        disk.unlink(ROOT, path.as_bytes(), NOW_NS).unwrap();
        assert!(disk.stat_inode(inode).is_err() || disk.used_bytes() == 0);
    }
    assert!(disk.unsynced().operations <= 4096);
    assert!(disk.inodes.iter().flatten().count() < 4200);
    assert_books_agree(&disk);
}
