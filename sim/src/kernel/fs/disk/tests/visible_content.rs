//! The running system reads back the same bytes as from a plain vector.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum ProbeEvent {
    Write(u64, usize, u8),
    Append(usize, u8),
    Truncate(u64),
    Allocate(u64, u64),
    Reserve(u64, u64),
    Punch(u64, u64),
    Zero(u64, u64),
    ZeroInside(u64, u64),
    Sync,
    FailSync,
    SyncRange(u64, u64),
    Read(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<(usize, ProbeEvent)>> {
    // Offsets near page and sector borders find more than uniform ones.
    let offset = || prop_oneof![0u64..40_000, (0u64..10).prop_map(|p| p * 4096), (1u64..10).prop_map(|p| p * 4096 - 1)];
    let len = || prop_oneof![1usize..9_000, Just(4096), Just(512), Just(1)];
    let span = || prop_oneof![1u64..20_000, Just(4096), Just(8192)];
    let step = prop_oneof![
        4 => (offset(), len(), any::<u8>()).prop_map(|(o, l, b)| ProbeEvent::Write(o, l, b)),
        2 => (len(), any::<u8>()).prop_map(|(l, b)| ProbeEvent::Append(l, b)),
        2 => offset().prop_map(ProbeEvent::Truncate),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::Allocate(o, l)),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::Reserve(o, l)),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::Punch(o, l)),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::Zero(o, l)),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::ZeroInside(o, l)),
        1 => Just(ProbeEvent::Sync),
        1 => Just(ProbeEvent::FailSync),
        1 => (offset(), span()).prop_map(|(o, l)| ProbeEvent::SyncRange(o, l)),
        2 => (offset(), len()).prop_map(|(o, l)| ProbeEvent::Read(o, l)),
    ];
    prop::collection::vec((0usize..2, step), 1..60)
}

fn fill(model: &mut Vec<u8>, start: usize, end: usize, grow: bool, byte: impl Fn(usize) -> u8) {
    if grow && model.len() < end {
        model.resize(end, 0);
    }
    let end = end.min(model.len());
    for (at, slot) in model.iter_mut().enumerate().take(end).skip(start) {
        *slot = byte(at);
    }
}

proptest! {
    #[test]
    fn a_file_reads_as_a_vector_of_bytes_would(steps in steps()) {
        let mut disk = fresh();
        let files = [opened(&mut disk, "/tmp/a"), opened(&mut disk, "/tmp/b")];
        let mut models = [Vec::new(), Vec::new()];
        for (which, step) in steps {
            let (inode, model) = (files[which].inode, &mut models[which]);
            match step {
                ProbeEvent::Write(offset, len, seed) => {
                    let data: Vec<u8> = (0..len).map(|i| seed.wrapping_add(i as u8)).collect();
                    prop_assert_eq!(disk.write_at(inode, offset, &data, NOW_NS), Ok(len));
                    let start = offset as usize;
                    fill(model, start, start + len, true, |at| data[at - start]);
                }
                ProbeEvent::Append(len, byte) => {
                    let end = model.len() as u64;
                    prop_assert_eq!(disk.append(inode, &vec![byte; len], NOW_NS), Ok((end, len)));
                    model.resize(model.len() + len, byte);
                }
                ProbeEvent::Truncate(size) => {
                    disk.truncate(inode, size, NOW_NS).unwrap();
                    model.resize(size as usize, 0);
                }
                ProbeEvent::Allocate(offset, len) => {
                    disk.allocate(inode, 0, offset, len, NOW_NS).unwrap();
                    let end = (offset + len) as usize;
                    model.resize(model.len().max(end), 0);
                }
                ProbeEvent::Reserve(offset, len) => {
                    disk.allocate(inode, libc::FALLOC_FL_KEEP_SIZE, offset, len, NOW_NS).unwrap();
                }
                ProbeEvent::Punch(offset, len) => {
                    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
                    disk.allocate(inode, mode, offset, len, NOW_NS).unwrap();
                    fill(model, offset as usize, (offset + len) as usize, false, |_| 0);
                }
                ProbeEvent::Zero(offset, len) => {
                    disk.allocate(inode, libc::FALLOC_FL_ZERO_RANGE, offset, len, NOW_NS).unwrap();
                    fill(model, offset as usize, (offset + len) as usize, true, |_| 0);
                }
                ProbeEvent::ZeroInside(offset, len) => {
                    let mode = libc::FALLOC_FL_ZERO_RANGE | libc::FALLOC_FL_KEEP_SIZE;
                    disk.allocate(inode, mode, offset, len, NOW_NS).unwrap();
                    fill(model, offset as usize, (offset + len) as usize, false, |_| 0);
                }
                ProbeEvent::Sync => disk.fsync(inode).unwrap(),
                ProbeEvent::FailSync => {
                    disk.mark_error(inode, super::super::IoKind::Sync, libc::EIO).unwrap();
                    prop_assert_eq!(disk.fsync(inode), Err(libc::EIO));
                }
                ProbeEvent::SyncRange(offset, len) => disk.sync_file_range(inode, offset, len).unwrap(),
                ProbeEvent::Read(offset, len) => {
                    let mut bytes = vec![0xAA; len];
                    let n = disk.read_at(inode, offset, &mut bytes).unwrap();
                    let start = (offset as usize).min(model.len());
                    prop_assert_eq!(&bytes[..n], &model[start..model.len().min(start + len)]);
                }
            }
            prop_assert_eq!(disk.stat_inode(inode).unwrap().size, model.len() as u64);
            assert_books_agree(&disk);
        }
        for (file, model) in files.iter().zip(&models) {
            prop_assert_eq!(&content_of(&mut disk, file.inode), model);
            holes_are_zero_and_data_is_found(&disk, file.inode, model);
        }
        // The mildest answers lose nothing that is still in the page cache; the pages of a failed sync are not.
        if disk.inodes.iter().flatten().all(|node| {
            !matches!(&node.node, super::super::inode::Node::File(content) if !content.lost.is_empty())
        }) {
            let before = disk.visible_digest();
            disk.power_loss(&mut mildest);
            prop_assert_eq!(disk.visible_digest(), before);
            assert_books_agree(&disk);
        }
    }
}

fn holes_are_zero_and_data_is_found(disk: &Disk, inode: InodeId, model: &[u8]) {
    let mut offset = 0;
    while offset < model.len() as u64 {
        let Ok(data) = disk.seek_data(inode, offset) else {
            assert!(model[offset as usize..].iter().all(|b| *b == 0));
            return;
        };
        assert!(model[offset as usize..data as usize].iter().all(|b| *b == 0));
        offset = disk.seek_hole(inode, data).unwrap();
        assert!(offset > data);
    }
}

#[test]
fn a_full_disk_takes_what_fits_and_then_refuses() {
    let mut disk = fresh();
    disk.set_capacity(3 * 4096);
    let inode = opened(&mut disk, "/tmp/a").inode;
    assert_eq!(disk.write_at(inode, 100, &[1; 4 * 4096], NOW_NS), Ok(3 * 4096 - 100));
    assert_eq!(disk.write_at(inode, 3 * 4096, &[1], NOW_NS), Err(libc::ENOSPC));
    assert_eq!(disk.write_at(inode, 0, &[2; 4096], NOW_NS), Ok(4096), "what is booked already can be overwritten");
    assert_eq!(disk.allocate(inode, 0, 0, 4 * 4096, NOW_NS), Err(libc::ENOSPC));
    assert_eq!(disk.statfs(ROOT).blocks_free, 0);
    disk.truncate(inode, 4096, NOW_NS).unwrap();
    assert_eq!(disk.used_bytes(), 4096);
    disk.allocate(inode, 0, 4096, 2 * 4096, NOW_NS).unwrap();
    assert_eq!(disk.write_at(inode, 4096, &[3; 3 * 4096], NOW_NS), Ok(2 * 4096), "reserved pages are written for free");
    disk.unlink(ROOT, b"/tmp/a", NOW_NS).unwrap();
    assert_eq!(disk.used_bytes(), 3 * 4096, "an open file keeps its pages without a name");
    disk.release(inode);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn a_sparse_file_costs_only_what_was_written() {
    let mut disk = fresh();
    let inode = opened(&mut disk, "/tmp/a").inode;
    disk.truncate(inode, 1 << 40, NOW_NS).unwrap();
    disk.write_at(inode, 1 << 39, b"x", NOW_NS).unwrap();
    let stat = disk.stat_inode(inode).unwrap();
    assert_eq!((stat.size, stat.blocks), (1 << 40, 8));
    assert_eq!(disk.seek_data(inode, 0), Ok(1 << 39));
    assert_eq!(disk.seek_hole(inode, 1 << 39), Ok((1 << 39) + 4096));
    assert_eq!(disk.seek_data(inode, (1 << 39) + 4096), Err(libc::ENXIO));
    assert_eq!(disk.seek_hole(inode, 1 << 40), Err(libc::ENXIO));
    assert_eq!(disk.write_at(inode, 16 << 40, b"x", NOW_NS), Err(libc::EFBIG));
}

#[test]
fn the_devices_answer_as_devices_do() {
    use super::super::{Device, FileKind};
    let mut disk = fresh();
    let [null, zero, random] =
        ["/dev/null", "/dev/zero", "/dev/urandom"].map(|path| disk.lookup(ROOT, path.as_bytes(), true).unwrap());
    let mut bytes = [9; 4];
    assert_eq!(disk.read_at(null, 0, &mut bytes), Ok(0));
    assert_eq!(disk.write_at(null, 0, b"gone", NOW_NS), Ok(4));
    assert_eq!(disk.read_at(zero, 0, &mut bytes), Ok(4));
    assert_eq!(bytes, [0; 4]);
    assert_eq!(disk.kind(random), Ok(FileKind::Device(Device::Urandom)));
    assert_eq!(disk.stat_inode(null).unwrap().mode, libc::S_IFCHR | 0o666);
    assert_eq!(disk.fsync(null), Err(libc::EINVAL));
}
