//! Marked errors: the caller's error, and data that is lost without another one.

use super::super::IoKind;
use super::*;

#[test]
fn after_a_failed_fsync_the_second_succeeds_and_the_data_is_gone() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 8192]);
    disk.write_at(inode, 0, &[b'n'; 4096], NOW_NS).unwrap();
    disk.mark_error(inode, IoKind::Sync, libc::EIO).unwrap();
    assert_eq!(disk.fsync(inode), Err(libc::EIO));
    assert_eq!(disk.fsync(inode), Ok(()));
    let new_then_old = [[b'n'; 4096], [b'o'; 4096]].concat();
    assert_eq!(content_of(&mut disk, inode), new_then_old, "the page cache still shows it");
    disk.power_loss(&mut mildest);
    assert_eq!(content_of(&mut disk, inode), [b'o'; 8192], "the media never had it");
}

#[test]
fn a_page_that_is_written_again_after_a_failed_fsync_is_synced_again() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 8192]);
    disk.write_at(inode, 0, &[b'n'; 8192], NOW_NS).unwrap();
    disk.mark_error(inode, IoKind::Sync, libc::EIO).unwrap();
    assert_eq!(disk.fdatasync(inode), Err(libc::EIO));
    disk.write_at(inode, 10, b"!", NOW_NS).unwrap();
    assert_eq!(disk.fdatasync(inode), Ok(()));
    let mut expected = [[b'n'; 4096], [b'o'; 4096]].concat();
    expected[10] = b'!';
    assert_eq!(content_of(&mut disk.worst_case(), inode), expected);
}

#[test]
fn bytes_that_a_failed_fsync_appended_read_as_zero_after_a_power_loss() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/log", b"one");
    disk.append(inode, &[b'x'; 8192], NOW_NS).unwrap();
    disk.mark_error(inode, IoKind::Sync, libc::EIO).unwrap();
    assert_eq!(disk.fsync(inode), Err(libc::EIO));
    assert_eq!(disk.fsync(inode), Ok(()));
    disk.power_loss(&mut mildest);
    let mut expected = vec![0; 8195];
    expected[..3].copy_from_slice(b"one");
    assert_eq!(content_of(&mut disk, inode), expected);
}

#[test]
fn a_page_that_is_cut_off_after_a_failed_fsync_comes_back_as_the_media_had_it() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 8192]);
    disk.write_at(inode, 0, &[b'n'; 8192], NOW_NS).unwrap();
    disk.mark_error(inode, IoKind::Sync, libc::EIO).unwrap();
    assert_eq!(disk.fsync(inode), Err(libc::EIO));
    disk.truncate(inode, 0, NOW_NS).unwrap();
    assert_eq!(content_of(&mut disk.worst_case(), inode), [b'o'; 8192]);
    disk.fsync(inode).unwrap();
    disk.truncate(inode, 8192, NOW_NS).unwrap();
    disk.power_loss(&mut mildest);
    assert_eq!(content_of(&mut disk, inode), [0; 8192], "a synced truncation gives the old pages up");
}

#[test]
fn a_marked_read_or_write_fails_once_and_changes_nothing() {
    let mut disk = fresh();
    let inode = written(&mut disk, "/tmp/db", b"abc");
    disk.mark_error(inode, IoKind::Write, libc::EIO).unwrap();
    disk.mark_error(inode, IoKind::Read, libc::EIO).unwrap();
    assert_eq!(disk.write_at(inode, 0, b"xyz", NOW_NS), Err(libc::EIO));
    assert_eq!(disk.read_at(inode, 0, &mut [0; 3]), Err(libc::EIO));
    assert_eq!(content_of(&mut disk, inode), b"abc");
    assert_eq!(disk.write_at(inode, 0, b"xyz", NOW_NS), Ok(3));
    disk.mark_error(inode, IoKind::Sync, libc::EIO).unwrap();
    disk.mark_error(inode, IoKind::Sync, 0).unwrap();
    assert_eq!(disk.fsync(inode), Ok(()));
    assert_eq!(disk.mark_error(999, IoKind::Read, libc::EIO), Err(libc::EBADF));
}

#[test]
fn a_failed_fsync_of_a_directory_leaves_its_operations_pending() {
    let mut disk = fresh();
    written(&mut disk, "/tmp/new", b"");
    let tmp = disk.lookup(ROOT, b"/tmp", true).unwrap();
    disk.mark_error(tmp, IoKind::Sync, libc::EIO).unwrap();
    assert_eq!(disk.fsync(tmp), Err(libc::EIO));
    assert_eq!(content(&mut disk.worst_case(), "/tmp/new"), None);
    assert_eq!(disk.fsync(tmp), Ok(()));
    assert!(content(&mut disk.worst_case(), "/tmp/new").is_some());
}
