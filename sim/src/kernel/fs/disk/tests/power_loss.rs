//! The effect of a power loss on the bytes of a file.
//! Names and directories are in `tree_survival`.

use super::super::{AskKind, Loss};
use super::*;
use proptest::prelude::*;

/// Answers one kind of question with a constant and all others mildly.
fn only(kind: AskKind, answer: u64) -> impl FnMut(Ask) -> u64 {
    move |ask| if ask.what == kind { answer.min(ask.bound - 1) } else { 0 }
}

#[test]
fn the_last_write_is_torn_between_sectors() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 3 * 4096]);
    disk.write_at(inode, 4096 - 1024, &[b'n'; 5120], NOW_NS).unwrap();
    for lost in 1..10 {
        let mut after = disk.clone();
        after.power_loss(&mut |ask| match ask.what {
            AskKind::Torn => 1,
            AskKind::TornSectors => {
                assert_eq!(ask.bound, 9, "ten sectors can be torn at nine offsets");
                lost - 1
            }
            _ => panic!("{ask:?} is asked of a write that is torn"),
        });
        let mut expected = vec![b'o'; 3 * 4096];
        expected[3072..3072 + 5120 - 512 * lost as usize].fill(b'n');
        assert_eq!(content_of(&mut after, inode), expected, "{lost} sectors lost");
    }
}

#[test]
fn a_write_within_one_sector_is_never_torn() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 4096]);
    disk.write_at(inode, 1024, &[b'n'; 512], NOW_NS).unwrap();
    disk.power_loss(&mut |ask| {
        assert_eq!(ask.what, AskKind::Page);
        1
    });
    assert_eq!(content_of(&mut disk, inode), [b'o'; 4096]);
}

#[test]
fn each_dirty_page_is_kept_or_lost_on_its_own() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 4 * 4096]);
    disk.write_at(inode, 0, &[b'n'; 4 * 4096], NOW_NS).unwrap();
    disk.power_loss(&mut |ask| match ask.what {
        AskKind::Page => ask.occurrence % 2,
        _ => 0,
    });
    let pages: Vec<u8> = content_of(&mut disk, inode).chunks(4096).map(|page| page[0]).collect();
    assert_eq!(pages, *b"nono");
}

#[test]
fn the_losses_name_each_file_that_lost_bytes_or_its_name() {
    let mut disk = fresh();
    let kept = synced(&mut disk, "/tmp/kept", b"kept");
    let log = synced(&mut disk, "/tmp/log", b"0");
    let unnamed = written(&mut disk, "/tmp/unnamed", b"x");
    disk.fsync(unnamed).unwrap();
    disk.write_at(log, 1, b"12", NOW_NS).unwrap();
    let mut mild = disk.clone();
    assert_eq!(mild.power_loss(&mut mildest), []);
    let losses = disk.power_loss(&mut |ask| ask.bound - 1);
    let loss = |path: &[u8], bytes| Loss { path: path.to_vec(), bytes };
    assert_eq!(losses, [loss(b"/tmp/log", Some(2)), loss(b"/tmp/unnamed", None)]);
    assert!(disk.stat_inode(kept).is_ok() && disk.stat_inode(unnamed).is_err());
}

#[test]
fn a_log_is_cut_back_to_one_of_its_sizes() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/log", b"0");
    for byte in *b"123" {
        disk.append(inode, &[byte], NOW_NS).unwrap();
    }
    let after = |lost| {
        content_of(
            &mut {
                let mut d = disk.clone();
                d.power_loss(&mut only(AskKind::SizeTail, lost));
                d
            },
            inode,
        )
    };
    assert_eq!([after(0), after(1), after(2), after(3)], [&b"0123"[..], b"012", b"01", b"0"]);
    let grown = {
        let mut d = disk.clone();
        d.power_loss(&mut only(AskKind::Page, 1));
        content_of(&mut d, inode)
    };
    assert_eq!(grown, b"0\0\0\0", "the size without the data");
}

#[test]
fn a_truncation_is_kept_or_lost_as_a_whole() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 3 * 4096]);
    disk.truncate(inode, 4096, NOW_NS).unwrap();
    for (lost, size) in [(0, 4096), (1, 3 * 4096)] {
        let mut after = disk.clone();
        after.power_loss(&mut |ask| {
            assert_eq!((ask.what, ask.bound), (AskKind::SizeTail, 2), "nothing else is open");
            lost
        });
        assert_eq!(content_of(&mut after, inode), vec![b'o'; size]);
    }
}

#[test]
fn bytes_that_a_surviving_truncation_dropped_do_not_come_back() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 8192]);
    disk.truncate(inode, 10, NOW_NS).unwrap();
    disk.truncate(inode, 8192, NOW_NS).unwrap();
    disk.write_at(inode, 4096, &[b'n'; 100], NOW_NS).unwrap();
    let mut kept = disk.clone();
    kept.power_loss(&mut only(AskKind::Page, 1));
    let mut expected = vec![0; 8192];
    expected[..10].fill(b'o');
    assert_eq!(content_of(&mut kept, inode), expected);
    let mut undone = disk.clone();
    undone.power_loss(&mut |ask| if ask.what == AskKind::Torn { 0 } else { ask.bound - 1 });
    assert_eq!(content_of(&mut undone, inode), [b'o'; 8192]);
}

#[test]
fn a_synced_range_keeps_data_only_where_the_media_had_room_for_it() {
    let mut disk = fresh();
    let inode = synced(&mut disk, "/tmp/db", &[b'o'; 2 * 4096]);
    disk.write_at(inode, 0, &[b'n'; 3 * 4096], NOW_NS).unwrap();
    disk.sync_file_range(inode, 4096, 0).unwrap();
    let after = content_of(&mut disk.worst_case(), inode);
    assert_eq!(after, [[b'o'; 4096], [b'n'; 4096]].concat());
}

#[test]
fn a_clean_disk_asks_nothing_and_changes_nothing() {
    let mut disk = fresh();
    synced(&mut disk, "/tmp/db", &[7; 10_000]);
    assert_eq!(disk.unsynced(), Default::default());
    let before = disk.visible_digest();
    disk.power_loss(&mut |ask| panic!("{ask:?} is asked of a clean disk"));
    assert_eq!(disk.visible_digest(), before);
    assert_eq!(disk.durable_digest(), before);
}

#[derive(Clone, Debug)]
enum ProbeEvent {
    Write(u64, usize),
    Truncate(u64),
    Punch(u64, u64),
    Sync,
    SyncRange(u64, u64),
    Loss(u64),
}

fn steps() -> impl Strategy<Value = Vec<ProbeEvent>> {
    let step = prop_oneof![
        6 => (0u64..30_000, 1usize..9_000).prop_map(|(o, l)| ProbeEvent::Write(o, l)),
        2 => (0u64..30_000).prop_map(ProbeEvent::Truncate),
        1 => (0u64..30_000, 1u64..9_000).prop_map(|(o, l)| ProbeEvent::Punch(o, l)),
        2 => Just(ProbeEvent::Sync),
        1 => (0u64..30_000, 0u64..9_000).prop_map(|(o, l)| ProbeEvent::SyncRange(o, l)),
        1 => any::<u64>().prop_map(ProbeEvent::Loss),
    ];
    prop::collection::vec(step, 1..50)
}

proptest! {
    #[test]
    fn every_byte_after_a_power_loss_was_written_or_is_zero_and_every_synced_one_is_there(steps in steps()) {
        let mut disk = fresh();
        let inode = synced(&mut disk, "/tmp/db", b"");
        disk.retain(inode);
        let mut stamp = 0u8;
        // The possible values of each byte: the one of the last sync, each later one, and zero.
        let mut durable: Vec<u8> = Vec::new();
        let mut since: Vec<Vec<u8>> = vec![Vec::new(); 40_000];
        let mut sizes = vec![0u64];
        for step in steps {
            match step {
                ProbeEvent::Write(offset, len) => {
                    stamp = stamp.wrapping_add(1).max(1);
                    disk.write_at(inode, offset, &vec![stamp; len], NOW_NS).unwrap();
                    since[offset as usize..offset as usize + len].iter_mut().for_each(|b| b.push(stamp));
                }
                ProbeEvent::Truncate(size) => {
                    disk.truncate(inode, size, NOW_NS).unwrap();
                    since[size as usize..].iter_mut().for_each(|b| b.push(0));
                }
                ProbeEvent::Punch(offset, len) => {
                    disk.allocate(inode, libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE, offset, len, NOW_NS)
                        .unwrap();
                    since[offset as usize..(offset + len) as usize].iter_mut().for_each(|b| b.push(0));
                }
                ProbeEvent::Sync => {
                    disk.fsync(inode).unwrap();
                    durable = content_of(&mut disk, inode);
                    since.iter_mut().for_each(Vec::clear);
                    sizes.clear();
                    prop_assert_eq!(&content_of(&mut disk.worst_case(), inode), &durable);
                }
                ProbeEvent::SyncRange(offset, len) => disk.sync_file_range(inode, offset, len).unwrap(),
                ProbeEvent::Loss(seed) => {
                    let mut reference = disk.clone();
                    disk.power_loss(&mut seeded(seed));
                    reference.power_loss(&mut seeded(seed));
                    prop_assert_eq!(disk.visible_digest(), reference.visible_digest());
                    let after = content_of(&mut disk, inode);
                    prop_assert!(sizes.contains(&(after.len() as u64)), "size {} of {:?}", after.len(), sizes);
                    for (at, byte) in after.iter().enumerate() {
                        let old = durable.get(at).copied().unwrap_or(0);
                        let allowed = *byte == old || since[at].contains(byte) || (*byte == 0 && !since[at].is_empty());
                        prop_assert!(allowed, "byte {} is {}, was {} and then {:?}", at, byte, old, since[at]);
                    }
                    disk.retain(inode);
                    durable = after;
                    since.iter_mut().for_each(Vec::clear);
                    sizes.clear();
                    assert_books_agree(&disk);
                    prop_assert_eq!(disk.durable_digest(), disk.visible_digest());
                }
            }
            sizes.push(disk.stat_inode(inode).unwrap().size);
            prop_assert_eq!(disk.worst_case().visible_digest(), disk.durable_digest());
        }
    }
}
