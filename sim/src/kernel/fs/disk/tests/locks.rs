//! Granted and refused `flock`s and record locks. The caller does the waiting.

use super::super::{Lock, LockKind, Owner, RecordLock};
use super::*;
use LockKind::{Exclusive, Shared};
use proptest::prelude::*;

const P1: Owner = Owner::Process(1);
const P2: Owner = Owner::Process(2);

#[test]
fn an_exclusive_flock_is_alone_and_shared_ones_are_not() {
    let mut disk = fresh();
    let (one, two) = (opened(&mut disk, "/tmp/db"), opened(&mut disk, "/tmp/db"));
    let inode = one.inode;
    assert_eq!(disk.flock(inode, one.description, Exclusive), Ok(Lock::Granted));
    assert_eq!(disk.flock(inode, one.description, Exclusive), Ok(Lock::Granted));
    assert_eq!(disk.flock(inode, two.description, Shared), Ok(Lock::Held));
    assert_eq!(disk.flock(inode, one.description, Shared), Ok(Lock::Granted), "a downgrade");
    assert_eq!(disk.flock(inode, two.description, Shared), Ok(Lock::Granted));
    assert_eq!(disk.flock(inode, one.description, Exclusive), Ok(Lock::Held), "an upgrade while another shares");
    assert_eq!(disk.locks_of(inode).len(), 1, "the refused upgrade gave up what it had");
    assert!(!disk.funlock(inode, one.description));
    assert!(disk.close(two), "a close that releases a lock returns true");
    assert_eq!(disk.flock(inode, one.description, Exclusive), Ok(Lock::Granted));
    disk.process_died();
    let again = opened(&mut disk, "/tmp/db");
    assert_eq!(disk.flock(inode, again.description, Exclusive), Ok(Lock::Granted), "no lock outlives its process");
}

#[test]
fn a_record_lock_is_split_joined_and_upgraded() {
    let mut disk = fresh();
    let inode = opened(&mut disk, "/tmp/db").inode;
    let held = |disk: &Disk| -> Vec<(u64, u64, LockKind)> {
        disk.locks_of(inode).iter().map(|lock| (lock.start, lock.end, lock.kind)).collect()
    };
    assert_eq!(disk.lock_record(inode, (0, 100), Shared, P1), Ok(Lock::Granted));
    assert_eq!(disk.lock_record(inode, (40, 60), Exclusive, P1), Ok(Lock::Granted));
    assert_eq!(held(&disk), [(0, 40, Shared), (40, 60, Exclusive), (60, 100, Shared)]);
    assert_eq!(disk.lock_record(inode, (30, 70), Shared, P1), Ok(Lock::Granted));
    assert_eq!(held(&disk), [(0, 100, Shared)]);
    assert_eq!(disk.unlock_record(inode, (10, 20), P1), Ok(true));
    assert_eq!(held(&disk), [(0, 10, Shared), (20, 100, Shared)]);
    assert_eq!(disk.lock_record(inode, (100, u64::MAX), Shared, P1), Ok(Lock::Granted));
    assert_eq!(held(&disk), [(0, 10, Shared), (20, u64::MAX, Shared)]);
    assert_eq!(disk.lock_record(inode, (5, 6), Exclusive, P2), Ok(Lock::Held));
    assert_eq!(disk.lock_record(inode, (12, 18), Exclusive, P2), Ok(Lock::Granted));
    assert_eq!(disk.lock_record(inode, (0, 20), Exclusive, P1), Ok(Lock::Held), "an upgrade over another's range");
    let conflict = disk.record_conflict(inode, (0, 50), Shared, P1);
    assert_eq!(conflict, Some(RecordLock { start: 12, end: 18, kind: Exclusive, owner: P2 }));
    assert_eq!(disk.record_conflict(inode, (0, 50), Exclusive, P2).unwrap().start, 0);
    assert!(disk.release_file_locks(inode, P1));
    assert!(!disk.release_locks(P1));
    assert_eq!(held(&disk), [(12, 18, Exclusive)]);
    assert_eq!(disk.lock_record(inode, (5, 5), Shared, P1), Err(libc::EINVAL));
}

#[test]
fn locks_of_a_description_go_with_it_and_conflict_with_those_of_a_process() {
    let mut disk = fresh();
    let file = opened(&mut disk, "/tmp/db");
    let inode = file.inode;
    let owner = Owner::Description(file.description);
    assert_eq!(disk.lock_record(inode, (0, u64::MAX), Exclusive, owner), Ok(Lock::Granted));
    assert_eq!(disk.lock_record(inode, (7, 8), Shared, P1), Ok(Lock::Held));
    assert!(disk.close(file));
    assert_eq!(disk.lock_record(inode, (7, 8), Shared, P1), Ok(Lock::Granted));
}

proptest! {
    #[test]
    fn record_locks_agree_with_a_lock_on_every_byte(
        steps in prop::collection::vec((0u64..3, 0u64..24, 1u64..12, 0usize..3), 1..60)
    ) {
        let mut disk = fresh();
        let inode = opened(&mut disk, "/tmp/db").inode;
        let mut bytes = [[None; 3]; 36];
        for (owner, start, len, kind) in steps {
            let (end, kind) = (start + len, [None, Some(Shared), Some(Exclusive)][kind]);
            let range = start as usize..end as usize;
            let agree = |one, two| !matches!((one, two), (Some(Exclusive), Some(_)) | (Some(_), Some(Exclusive)));
            let others = |held: &[Option<LockKind>; 3]| (0..3).filter(|o| *o != owner as usize).all(|o| agree(held[o], kind));
            let free = bytes[range.clone()].iter().all(others);
            if free {
                bytes[range].iter_mut().for_each(|held| held[owner as usize] = kind);
            }
            match kind {
                None => _ = disk.unlock_record(inode, (start, end), Owner::Process(owner)).unwrap(),
                Some(kind) => {
                    let answer = disk.lock_record(inode, (start, end), kind, Owner::Process(owner)).unwrap();
                    prop_assert_eq!(answer == Lock::Granted, free);
                }
            }
            let locks = disk.locks_of(inode);
            for (at, held) in bytes.iter().enumerate() {
                for (owner, kind) in held.iter().enumerate() {
                    let found: Vec<LockKind> = locks.iter()
                        .filter(|l| l.owner == Owner::Process(owner as u64) && l.start <= at as u64 && (at as u64) < l.end)
                        .map(|l| l.kind).collect();
                    prop_assert_eq!(found, kind.iter().copied().collect::<Vec<_>>());
                }
            }
            for pair in locks.windows(2) {
                let joined = pair[0].owner == pair[1].owner && pair[0].kind == pair[1].kind && pair[0].end == pair[1].start;
                prop_assert!(!joined, "equal neighbours are one lock");
            }
        }
    }
}
