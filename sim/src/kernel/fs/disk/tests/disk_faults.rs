//! Faults of the whole device: failures, the page cache, reports.
//! Errors that are marked on one inode are in `sync_failures`.

use super::super::DiskFault;
use super::*;

fn read(disk: &mut Disk, file: &OpenFile, offset: u64) -> Result<u8, i32> {
    let mut byte = [0];
    file.read_at(disk, offset, &mut byte).map(|_| byte[0])
}

#[test]
fn a_failed_sync_is_reported_once_by_each_description_that_was_open() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", &[b'o'; 4096]);
    let [mut one, mut other] = [(); 2].map(|()| opened(&mut disk, "/tmp/db"));
    one.write(&mut disk, b"new", NOW_NS).unwrap();
    disk.inject_fault(DiskFault::FailingSyncs);
    assert_eq!(one.sync(&mut disk), Err(libc::EIO));
    assert_eq!(one.sync(&mut disk), Ok(()), "the pages count as clean: there is nothing to do");
    disk.clear_fault(DiskFault::FailingSyncs);
    assert_eq!(other.sync(&mut disk), Err(libc::EIO));
    assert_eq!([one.sync(&mut disk), other.sync(&mut disk)], [Ok(()), Ok(())]);
    let mut late = opened(&mut disk, "/tmp/db");
    assert_eq!(late.sync(&mut disk), Ok(()), "another description has reported the failure already");
    assert_eq!(read(&mut disk, &late, 0), Ok(b'n'), "the page cache still shows it");
    disk.power_loss(&mut mildest);
    assert_eq!(content(&mut disk, "/tmp/db").unwrap(), [b'o'; 4096]);
}

#[test]
fn an_unreported_failure_is_reported_by_the_next_description() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", &[b'o'; 4096]);
    let mut file = opened(&mut disk, "/tmp/db");
    file.write(&mut disk, b"new", NOW_NS).unwrap();
    disk.inject_fault(DiskFault::FailingSyncs);
    assert!(!disk.sync_all());
    disk.clear_fault(DiskFault::FailingSyncs);
    disk.close(file);
    let mut late = opened(&mut disk, "/tmp/db");
    assert_eq!(late.sync(&mut disk), Err(libc::EIO));
    assert_eq!(late.sync(&mut disk), Ok(()));
}

#[test]
fn a_sync_that_has_nothing_to_do_does_not_fail() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", b"old");
    let mut file = opened(&mut disk, "/tmp/db");
    disk.inject_fault(DiskFault::FailingSyncs);
    assert_eq!(file.sync(&mut disk), Ok(()));
    file.write(&mut disk, b"n", NOW_NS).unwrap();
    assert_eq!(file.sync_range(&mut disk, 0, 0), Err(libc::EIO));
}

#[test]
fn reads_fail_where_the_page_cache_has_nothing() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", &[b'o'; 3 * 4096]);
    let mut file = opened(&mut disk, "/tmp/db");
    file.write(&mut disk, b"dirty", NOW_NS).unwrap();
    disk.inject_fault(DiskFault::FailingReads);
    assert_eq!(read(&mut disk, &file, 0), Ok(b'd'));
    assert_eq!(read(&mut disk, &file, 4096), Err(libc::EIO));
    assert_eq!(file.write_at(&mut disk, 5000, b"a part", NOW_NS), Err(libc::EIO), "the rest of the page is needed");
    assert_eq!(file.write_at(&mut disk, 4096, &[b'n'; 4096], NOW_NS), Ok(4096));
    assert_eq!(read(&mut disk, &file, 5000), Ok(b'n'));
    disk.clear_fault(DiskFault::FailingReads);
    assert_eq!(read(&mut disk, &file, 8192), Ok(b'o'));
    assert_eq!(content_of(&mut disk, file.inode)[..5], *b"dirty");
}

#[test]
fn pages_of_a_failed_sync_are_lost_with_the_page_cache() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", &[b'o'; 8192]);
    let mut file = opened(&mut disk, "/tmp/db");
    file.write(&mut disk, &[b'n'; 4096], NOW_NS).unwrap();
    disk.inject_fault(DiskFault::FailingSyncs);
    assert_eq!(file.sync(&mut disk), Err(libc::EIO));
    assert_eq!(read(&mut disk, &file, 0), Ok(b'n'));
    disk.evict(file.inode, 4096, u64::MAX).unwrap();
    assert_eq!(read(&mut disk, &file, 0), Ok(b'n'));
    disk.evict(file.inode, 0, 1).unwrap();
    assert_eq!(read(&mut disk, &file, 0), Ok(b'o'));
    assert_books_agree(&disk);
}

#[test]
fn after_a_power_loss_everything_must_be_read_from_the_media_once() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 2 * 4096 + 1]);
    assert!(!disk.misses(inode, 0, 9000));
    disk.process_died();
    assert!(!disk.misses(inode, 0, 9000), "the death of a process leaves the page cache");
    disk.power_loss(&mut mildest);
    assert!(disk.misses(inode, 0, 1) && disk.misses(inode, 8192, 100));
    assert!(!disk.misses(inode, 8193, 100), "behind the end there is nothing to read");
    assert!(disk.write_misses(inode, 1, 4095) && !disk.write_misses(inode, 0, 8192));
    disk.read_at(inode, 5000, &mut [0; 10]).unwrap();
    assert!(disk.misses(inode, 0, 1) && !disk.misses(inode, 4096, 4096) && disk.misses(inode, 8192, 1));
}

#[test]
fn a_full_disk_takes_what_needs_no_new_page() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 100]);
    disk.inject_fault(DiskFault::Full);
    disk.inject_fault(DiskFault::Full);
    assert_eq!(disk.append(inode, &[b'n'; 5000], NOW_NS), Ok((100, 3996)));
    assert_eq!(disk.append(inode, b"n", NOW_NS), Err(libc::ENOSPC));
    assert_eq!(disk.statfs(ROOT).blocks_free, 0);
    disk.clear_fault(DiskFault::Full);
    assert_eq!(disk.append(inode, b"n", NOW_NS), Err(libc::ENOSPC), "the other one lasts");
    disk.clear_fault(DiskFault::Full);
    assert_eq!(disk.append(inode, b"n", NOW_NS), Ok((4096, 1)));
}

#[test]
fn writes_fail_and_change_nothing() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", b"old");
    disk.inject_fault(DiskFault::FailingWrites);
    assert_eq!(disk.write_at(inode, 0, b"new", NOW_NS), Err(libc::EIO));
    assert_eq!(disk.truncate(inode, 1, NOW_NS), Err(libc::EIO));
    assert_eq!(disk.allocate(inode, 0, 0, 9000, NOW_NS), Err(libc::EIO));
    let null = disk.lookup(ROOT, b"/dev/null", true).unwrap();
    assert_eq!(disk.write_at(null, 0, b"new", NOW_NS), Ok(3), "that is no file of the device");
    disk.clear_faults();
    assert_eq!(content_of(&mut disk, inode), b"old");
}

#[test]
fn files_are_listed_in_the_order_of_their_paths() {
    let mut disk = fresh();
    disk.mkdir(ROOT, b"/tmp/a", 0o755, NOW_NS).unwrap();
    for path in ["/z", "/tmp/a/x", "/tmp/a.b"] {
        written(&mut disk, path, b"");
    }
    assert_eq!(disk.files(), [&b"/tmp/a.b"[..], b"/tmp/a/x", b"/z"]);
}
