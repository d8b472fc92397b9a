//! Tests of the disk as a whole, one file per behaviour, and their shared functions.

mod disk_faults;
mod locks;
mod opening;
mod paths;
mod power_loss;
mod renames;
mod sync_failures;
mod tree_survival;
mod visible_content;
mod visible_faults;

use super::{Ask, Disk, InodeId, OpenFile, ROOT};

const NOW_NS: i64 = 1_700_000_000_000_000_000;

fn fresh() -> Disk {
    Disk::new(7, NOW_NS)
}

/// Opens for reading and writing, and creates the file if needed.
fn opened(disk: &mut Disk, path: &str) -> OpenFile {
    disk.open(ROOT, path.as_bytes(), libc::O_RDWR | libc::O_CREAT, 0o644, NOW_NS).unwrap()
}

/// Writes a whole file, unsynced; returns its inode.
fn written(disk: &mut Disk, path: &str, bytes: &[u8]) -> InodeId {
    let mut file = opened(disk, path);
    disk.truncate(file.inode, 0, NOW_NS).unwrap();
    assert_eq!(file.write(disk, bytes, NOW_NS), Ok(bytes.len()));
    let inode = file.inode;
    disk.close(file);
    inode
}

/// Writes a whole file and syncs it and its directory.
fn synced(disk: &mut Disk, path: &str, bytes: &[u8]) -> InodeId {
    let inode = written(disk, path, bytes);
    disk.fsync(inode).unwrap();
    let directory =
        path.rsplit_once('/').map_or("/", |(directory, _)| if directory.is_empty() { "/" } else { directory });
    let directory = disk.lookup(ROOT, directory.as_bytes(), true).unwrap();
    disk.fsync(directory).unwrap();
    inode
}

/// All bytes of the file at a path, or `None` if it does not exist.
fn content(disk: &mut Disk, path: &str) -> Option<Vec<u8>> {
    let inode = disk.lookup(ROOT, path.as_bytes(), true).ok()?;
    Some(content_of(disk, inode))
}

fn content_of(disk: &mut Disk, inode: InodeId) -> Vec<u8> {
    let mut bytes = vec![0xEE; disk.stat_inode(inode).unwrap().size as usize + 10];
    let n = disk.read_at(inode, 0, &mut bytes).unwrap();
    bytes.truncate(n);
    bytes
}

/// Answers every question with the mildest answer.
fn mildest(_: Ask) -> u64 {
    0
}

/// Answers from a seed, keyed by the question and not by its order.
fn seeded(seed: u64) -> impl FnMut(Ask) -> u64 {
    move |ask| {
        let mut h = seed;
        for word in [ask.what as u64, ask.inode, ask.occurrence] {
            h = (h ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            h ^= h >> 29;
        }
        h % ask.bound
    }
}

/// Asserts that the files together book as much as the disk counts.
fn assert_books_agree(disk: &Disk) {
    let booked: u64 = disk.inodes.iter().flatten().filter(|node| !node.ghost).map(|node| node.allocated()).sum();
    assert_eq!(disk.used_bytes(), booked * 4096);
    let ghosts: u64 = disk.inodes.iter().flatten().filter(|node| node.ghost).map(|node| node.allocated()).sum();
    assert_eq!(disk.ghost_pages, ghosts);
}
