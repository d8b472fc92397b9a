//! Open descriptions: flags, positions, and the effect of a death.
//! Locks have their own file.

use super::*;
use libc::{
    O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR, O_SYNC, O_TMPFILE, O_TRUNC, O_WRONLY,
};

fn try_open(disk: &mut Disk, path: &str, flags: i32) -> Result<InodeId, i32> {
    disk.open(ROOT, path.as_bytes(), flags, 0o644, NOW_NS).map(|file| file.inode)
}

#[test]
fn open_refuses_as_linux_refuses() {
    let mut disk = fresh();
    let file = written(&mut disk, "/tmp/file", b"abc");
    disk.symlink(b"file", ROOT, b"/tmp/link", NOW_NS).unwrap();
    disk.symlink(b"fresh", ROOT, b"/tmp/dangling", NOW_NS).unwrap();
    let table = [
        ("/tmp/none", O_RDONLY, Err(libc::ENOENT)),
        ("/tmp/none/x", O_RDWR | O_CREAT, Err(libc::ENOENT)),
        ("/tmp/file/x", O_RDWR | O_CREAT, Err(libc::ENOTDIR)),
        ("/tmp/file", O_RDWR | O_CREAT | O_EXCL, Err(libc::EEXIST)),
        ("/tmp/dangling", O_RDWR | O_CREAT | O_EXCL, Err(libc::EEXIST)),
        ("/tmp/file", O_DIRECTORY, Err(libc::ENOTDIR)),
        ("/tmp/new/", O_RDWR | O_CREAT, Err(libc::EISDIR)),
        ("/tmp", O_RDWR, Err(libc::EISDIR)),
        ("/tmp", O_WRONLY, Err(libc::EISDIR)),
        ("/tmp", O_RDONLY | O_CREAT, Err(libc::EISDIR)),
        ("/tmp", O_RDONLY | O_TMPFILE, Err(libc::EINVAL)),
        ("/tmp/file", O_RDWR | O_TMPFILE, Err(libc::ENOTDIR)),
        ("/tmp/none", O_RDWR | O_TMPFILE, Err(libc::ENOENT)),
        ("/tmp/link", O_RDONLY | O_NOFOLLOW, Err(libc::ELOOP)),
        ("/tmp/link", O_RDONLY | O_NOFOLLOW | O_DIRECTORY, Err(libc::ENOTDIR)),
        ("/tmp/link", O_RDONLY, Ok(file)),
        ("/tmp/link", O_PATH, Ok(file)),
    ];
    for (path, flags, answer) in table {
        assert_eq!(try_open(&mut disk, path, flags), answer, "open({path}, {flags:#o})");
    }
    assert!(try_open(&mut disk, "/tmp", O_RDONLY | O_DIRECTORY).is_ok());
    let through = try_open(&mut disk, "/tmp/dangling", O_RDWR | O_CREAT).unwrap();
    assert_eq!(disk.lookup(ROOT, b"/tmp/fresh", false), Ok(through), "a dangling link makes its target");
    let link = try_open(&mut disk, "/tmp/link", O_PATH | O_NOFOLLOW).unwrap();
    assert_eq!(disk.kind(link), Ok(super::super::FileKind::Symlink));
    assert_eq!(try_open(&mut disk, "/tmp/file", O_RDWR | O_TRUNC), Ok(file));
    assert_eq!(content(&mut disk, "/tmp/file").unwrap(), b"");
}

#[test]
fn a_description_reads_and_writes_at_its_own_position() {
    let mut disk = fresh();
    let mut file = opened(&mut disk, "/tmp/../tmp/./file");
    assert_eq!(file.path, "/tmp/file");
    assert_eq!(file.write(&mut disk, b"hello world", NOW_NS), Ok(11));
    assert_eq!(file.seek(&disk, -5, libc::SEEK_CUR), Ok(6));
    let mut bytes = [0; 3];
    assert_eq!(file.read(&mut disk, &mut bytes), Ok(3));
    assert_eq!(&bytes, b"wor");
    assert_eq!(file.write_at(&mut disk, 0, b"J", NOW_NS), Ok(1));
    assert_eq!(file.pos, 9);
    assert_eq!(file.seek(&disk, 4, libc::SEEK_END), Ok(15));
    assert_eq!(file.seek(&disk, -1, libc::SEEK_SET), Err(libc::EINVAL));
    assert_eq!(file.seek(&disk, 0, 99), Err(libc::EINVAL));
    assert_eq!(file.seek(&disk, 2, libc::SEEK_HOLE), Ok(11));
    assert_eq!(file.read(&mut disk, &mut bytes), Ok(0));
    assert_eq!(content_of(&mut disk, file.inode), b"Jello world");
}

#[test]
fn every_write_of_an_appending_description_goes_to_the_end() {
    let mut disk = fresh();
    written(&mut disk, "/tmp/log", b"one");
    let mut log = disk.open(ROOT, b"/tmp/log", O_WRONLY | O_APPEND, 0, NOW_NS).unwrap();
    assert_eq!(log.write(&mut disk, b"two", NOW_NS), Ok(3));
    assert_eq!(log.pos, 6);
    assert_eq!(log.write_at(&mut disk, 0, b"three", NOW_NS), Ok(5), "pwrite too, as on Linux");
    assert_eq!(content(&mut disk, "/tmp/log").unwrap(), b"onetwothree");
    assert_eq!(log.read(&mut disk, &mut [0; 1]), Err(libc::EBADF));
}

#[test]
fn a_synced_description_leaves_nothing_to_lose() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/log", b"");
    let mut log = disk.open(ROOT, b"/tmp/log", O_WRONLY | O_SYNC, 0, NOW_NS).unwrap();
    log.write(&mut disk, b"kept", NOW_NS).unwrap();
    assert_eq!(content_of(&mut disk.worst_case(), inode), b"kept");
}

#[test]
fn a_dead_process_leaves_no_description_and_keeps_the_page_cache() {
    let mut disk = fresh();
    let mut file = opened(&mut disk, "/tmp/file");
    let unnamed = opened(&mut disk, "/tmp/unnamed");
    disk.unlink(ROOT, b"/tmp/unnamed", NOW_NS).unwrap();
    file.write(&mut disk, b"unsynced", NOW_NS).unwrap();
    disk.process_died();
    assert_eq!(file.write(&mut disk, b"!", NOW_NS), Err(libc::EBADF));
    assert_eq!(file.read(&mut disk, &mut [0]), Err(libc::EBADF));
    assert_eq!(content(&mut disk, "/tmp/file").unwrap(), b"unsynced");
    assert!(!disk.close(file), "a close from before the death changes nothing");
    assert!(!disk.close(unnamed));
    assert_books_agree(&disk);
}

#[test]
fn an_unlinked_file_lives_until_its_last_release() {
    let mut disk = fresh();
    let mut file = opened(&mut disk, "/tmp/file");
    file.write_at(&mut disk, 0, b"still here", NOW_NS).unwrap();
    disk.retain(file.inode);
    disk.unlink(ROOT, b"/tmp/file", NOW_NS).unwrap();
    disk.sync_all();
    let inode = file.inode;
    disk.close(file);
    assert_eq!(content_of(&mut disk, inode), b"still here");
    assert_eq!(disk.stat_inode(inode).unwrap().nlink, 0);
    disk.release(inode);
    assert_eq!(disk.stat_inode(inode), Err(libc::EBADF));
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn a_file_without_a_name_gets_one_once_or_goes_when_it_is_closed() {
    let mut disk = fresh();
    let [mut named, mut lost] = [(); 2].map(|()| disk.open(ROOT, b"/tmp", O_RDWR | O_TMPFILE, 0o600, NOW_NS).unwrap());
    let kept_out = disk.open(ROOT, b"/tmp", O_RDWR | O_TMPFILE | O_EXCL, 0o600, NOW_NS).unwrap();
    named.write(&mut disk, b"content", NOW_NS).unwrap();
    lost.write(&mut disk, b"content", NOW_NS).unwrap();
    assert_eq!(disk.list(disk.lookup(ROOT, b"/tmp", true).unwrap()).unwrap().len(), 2, "no name is there");
    assert_eq!(disk.link_inode(kept_out.inode, ROOT, b"/tmp/x", NOW_NS), Err(libc::ENOENT));
    assert_eq!(disk.link_inode(named.inode, ROOT, b"/tmp/name", NOW_NS), Ok(()));
    disk.unlink(ROOT, b"/tmp/name", NOW_NS).unwrap();
    assert_eq!(
        disk.link_inode(named.inode, ROOT, b"/tmp/name", NOW_NS),
        Err(libc::ENOENT),
        "an inode that has lost its name gets no other one"
    );
    for file in [named, lost, kept_out] {
        disk.close(file);
    }
    disk.sync_all();
    assert_eq!((disk.used_bytes(), disk.ghost_pages), (0, 0));
    assert_books_agree(&disk);
}
