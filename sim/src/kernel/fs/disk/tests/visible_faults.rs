//! Corruption and vanishing files.
//! Errors that an operation reports are in `sync_failures`.

use super::super::{AskKind, CorruptionKind};
use super::*;

#[test]
fn a_corruption_damages_the_media_and_the_page_cache_alike() {
    for how in 0..3 {
        let mut disk = fresh();
        let clean: Vec<u8> = (0..5000u32).map(|i| (i % 251) as u8 + 1).collect();
        let inode = synced(&mut disk, "/tmp/db", &clean);
        disk.write_at(inode, 0, b"dirty page", NOW_NS).unwrap();
        let mut answers = |ask: Ask| match ask.what {
            AskKind::Corruption => how,
            AskKind::CorruptByte => 700,
            _ => 3,
        };
        let done = disk.corrupt(b"/tmp/db", &mut answers).unwrap().unwrap();
        let (seen, durable) = (content_of(&mut disk, inode), content_of(&mut disk.worst_case(), inode));
        let differs = |bytes: &[u8]| -> Vec<u64> {
            (10..5000).filter(|&at| bytes[at] != clean[at]).map(|at| at as u64).collect()
        };
        assert_eq!(differs(&seen), differs(&durable));
        assert!(!differs(&seen).is_empty());
        assert!(differs(&seen).iter().all(|at| (done.offset..done.offset + done.len).contains(at)));
        match done.kind {
            CorruptionKind::BitFlip => assert_eq!((done.offset, seen[700] ^ clean[700]), (700, 8)),
            CorruptionKind::ZeroedSector => assert_eq!(seen[512..1024], [0; 512]),
            CorruptionKind::NoiseSector => assert_eq!((done.offset, done.len), (512, 512)),
        }
    }
}

#[test]
fn corruption_can_hit_a_hole_or_the_last_byte_and_spares_an_empty_file() {
    let mut disk = fresh();
    let inode = written(&mut disk, "/tmp/sparse", b"");
    assert_eq!(disk.corrupt(b"/tmp/sparse", &mut mildest), Ok(None));
    disk.truncate(inode, 4097, NOW_NS).unwrap();
    let mut last = |ask: Ask| ask.bound - 1;
    let done = disk.corrupt(b"/tmp/sparse", &mut last).unwrap().unwrap();
    assert_eq!((done.offset, done.len), (4096, 1));
    assert_eq!(disk.stat_inode(inode).unwrap().size, 4097);
    assert_books_agree(&disk);
    assert_eq!(disk.corrupt(b"/tmp", &mut last), Err(libc::EINVAL));
    assert_eq!(disk.corrupt(b"/tmp/none", &mut last), Err(libc::ENOENT));
}

#[test]
fn a_vanished_file_does_not_come_back_after_a_power_loss() {
    let mut disk = fresh();
    disk.mkdir(ROOT, b"/var/lib/db", 0o755, NOW_NS).unwrap();
    disk.mkdir(ROOT, b"/var/lib/db/sub", 0o755, NOW_NS).unwrap();
    disk.sync_all();
    synced(&mut disk, "/var/lib/db/old", &[1; 5000]);
    synced(&mut disk, "/var/lib/db/removed", &[1; 5000]);
    disk.unlink(ROOT, b"/var/lib/db/removed", NOW_NS).unwrap();
    written(&mut disk, "/var/lib/db/sub/new", b"2");
    let held = opened(&mut disk, "/var/lib/db/old");
    disk.remove_for_fault(b"/var/lib/db").unwrap();
    assert_books_agree(&disk);
    assert_eq!(content_of(&mut disk, held.inode), [1; 5000], "an open description keeps the content");
    for seed in 0..50 {
        let mut after = disk.clone();
        after.power_loss(&mut seeded(seed));
        assert_eq!(after.lookup(ROOT, b"/var/lib/db", true), Err(libc::ENOENT));
        assert_books_agree(&after);
    }
    disk.close(held);
    assert_eq!(disk.used_bytes(), 0);
    assert_eq!(disk.ghost_pages, 0, "nothing waits for a power loss to bring it back");
    assert_eq!(disk.stat(ROOT, b"/var/lib", true).unwrap().nlink, 2);
    assert_eq!(disk.remove_for_fault(b"/"), Err(libc::EBUSY));
    assert_eq!(disk.remove_for_fault(b"/var/lib/db"), Err(libc::ENOENT));
}

#[test]
fn the_digest_tells_what_is_there_and_not_how_it_came_there() {
    let mut one = fresh();
    let mut two = Disk::new(8, 5);
    assert_eq!(one.visible_digest(), two.visible_digest(), "device numbers and times do not count");
    written(&mut one, "/tmp/a", &[0; 9000]);
    assert_ne!(one.visible_digest(), two.visible_digest());
    assert_eq!(one.durable_digest(), two.durable_digest(), "nothing is durable yet");
    written(&mut two, "/tmp/other", b"");
    let inode = written(&mut two, "/tmp/a", b"");
    two.truncate(inode, 9000, 6).unwrap();
    two.unlink(ROOT, b"/tmp/other", 7).unwrap();
    assert_eq!(one.visible_digest(), two.visible_digest(), "zeros and a hole are the same bytes");
    two.chmod(inode, 0o600, 8).unwrap();
    assert_ne!(one.visible_digest(), two.visible_digest());
}

#[test]
fn the_digest_of_a_fresh_disk_is_what_it_always_was() {
    let digest = 189_415_925_582_206_596_738_613_312_287_686_451_585;
    assert_eq!(fresh().durable_digest(), digest, "a record keeps digests: another value is another format");
}
