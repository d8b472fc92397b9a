//! The less common file calls, as C code and careful programs make them. Each behaves as on Linux.
//! Mappings are here too. The calls of std and tokio are in `files`.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Disk, Fault, Sim, Trigger};
use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io::{Error, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::ptr::{null, null_mut};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_process_has_a_working_directory_and_its_successor_starts_at_the_root: 3,
        times_modes_and_sizes_are_read_and_set: 3,
        temporary_files_have_unique_names_or_none: 3,
        files_are_copied_and_sent_inside_the_kernel: 5,
        after_a_sync_of_everything_a_power_loss_loses_nothing: 10,
        a_shared_mapping_is_the_file_and_a_private_one_is_a_copy: 5,
        a_kill_keeps_mapped_writes_and_a_power_loss_keeps_synced_ones: 30,
        fadvise_empties_the_page_cache_and_unknown_flags_are_refused: 3,
    ])
}

fn c(text: &str) -> CString {
    CString::new(text).expect("no nul byte in it")
}

/// Zero, or the error number of a failed call.
fn errno_of(returned: i32) -> i32 {
    if returned == -1 { Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 }
}

fn file(path: &str, content: &[u8]) -> File {
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).expect("the disk works");
    file.write_all_at(content, 0).expect("the disk works");
    file
}

fn a_process_has_a_working_directory_and_its_successor_starts_at_the_root(sim: &mut Sim) {
    let incarnations = sim.ledger::<u16>("incarnations");
    let devices = sim.ledger::<u64>("devices");
    let store = sim.node_main("store", move |node| {
        assert_eq!(std::env::current_dir().expect("there is one"), PathBuf::from("/"));
        fs::create_dir_all("/a/b").expect("the disk works");
        std::env::set_current_dir("/a").expect("it is there");
        std::env::set_current_dir("b").expect("it is there");
        assert_eq!(std::env::current_dir().expect("there is one"), PathBuf::from("/a/b"));
        fs::write("here", "x").expect("the disk works");
        assert_eq!(fs::read("/a/b/here").expect("it is there"), b"x");
        assert!(std::env::set_current_dir("here").is_err() && std::env::set_current_dir("/none").is_err());
        let above = File::open("..").expect("it is there");
        // SAFETY: an open descriptor.
        assert_eq!(errno_of(unsafe { libc::fchdir(above.as_raw_fd()) }), 0);
        assert_eq!(std::env::current_dir().expect("there is one"), PathBuf::from("/a"));
        // SAFETY: a number.
        assert_eq!(unsafe { libc::umask(0o077) }, 0o022, "each process begins with the usual one");
        fs::write("private", "x").expect("the disk works");
        assert_eq!(fs::metadata("/a/private").expect("it is there").permissions().mode() & 0o777, 0o600);
        fs::remove_file("private").expect("it is there");
        let device = fs::metadata("/").expect("it is there").dev();
        assert!(!devices.contains(&device), "statics of an earlier incarnation know files by their device");
        devices.note(device);
        incarnations.note(node.incarnation());
        sleep(secs(1_000));
        0
    });
    sim.inject(Trigger::at(secs(1)), Fault::kill(store.node(0), Duration::from_nanos(1)));
    sim.client_main("clock", |_| {
        sleep(secs(3));
        0
    });
    sim.eventually("there are two incarnations", secs(1), move |_| incarnations.len() == 2);
}

fn times_modes_and_sizes_are_read_and_set(sim: &mut Sim) {
    let store = sim.client_main("store", |_| {
        let open = file("/file", &[1; 8192]);
        let times = [libc::timespec { tv_sec: 5, tv_nsec: 7 }, libc::timespec { tv_sec: 0, tv_nsec: libc::UTIME_OMIT }];
        let before = fs::metadata("/file").expect("it is there");
        // SAFETY: a string and an array of two.
        assert_eq!(errno_of(unsafe { libc::utimensat(libc::AT_FDCWD, c("/file").as_ptr(), times.as_ptr(), 0) }), 0);
        let after = fs::metadata("/file").expect("it is there");
        assert_eq!((after.atime(), after.atime_nsec(), after.mtime()), (5, 7, before.mtime()));
        open.set_modified(SystemTime::UNIX_EPOCH + secs(9)).expect("the disk works");
        assert_eq!(fs::metadata("/file").expect("it is there").mtime(), 9);
        // SAFETY: a string.
        assert_eq!(errno_of(unsafe { libc::fchmodat(libc::AT_FDCWD, c("/file").as_ptr(), 0o640, 0) }), 0);
        assert_eq!(fs::metadata("/file").expect("it is there").mode() & 0o777, 0o640);
        // SAFETY: all-zero structures are valid, and filled in.
        unsafe {
            let (mut vfs, mut fs): (libc::statvfs, libc::statfs) = (std::mem::zeroed(), std::mem::zeroed());
            assert_eq!(errno_of(libc::statvfs(c("/").as_ptr(), &raw mut vfs)), 0);
            assert_eq!(errno_of(libc::fstatfs(open.as_raw_fd(), &raw mut fs)), 0);
            assert_eq!(vfs.f_blocks * vfs.f_frsize, 1 << 20);
            assert_eq!((fs.f_blocks - fs.f_bfree, vfs.f_bavail), (2, fs.f_bavail));
            assert_eq!(errno_of(libc::statvfs(c("/none").as_ptr(), &raw mut vfs)), libc::ENOENT);
        }
        0
    });
    sim.disk(store, Disk::default().capacity(1 << 20));
}

fn temporary_files_have_unique_names_or_none(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut names = Vec::new();
        for _ in 0..3 {
            let template = c("/tmp/it-XXXXXX").into_raw();
            // SAFETY: a writable string, taken back.
            let (fd, name) = unsafe { (libc::mkstemp(template), CString::from_raw(template)) };
            // SAFETY: a fresh descriptor.
            let mut made = unsafe { File::from_raw_fd(fd) };
            made.write_all(b"x").expect("the disk works");
            let name = name.into_string().expect("letters");
            assert_eq!(fs::metadata(&name).expect("it is there").mode() & 0o777, 0o600);
            assert!(!names.contains(&name), "{name}");
            names.push(name);
        }
        let directory = c("/tmp/dir-XXXXXX").into_raw();
        // SAFETY: a writable string, taken back.
        let directory = unsafe {
            assert_eq!(libc::mkdtemp(directory), directory);
            CString::from_raw(directory).into_string().expect("letters")
        };
        assert!(fs::metadata(directory).expect("it is there").is_dir());
        let bad = c("/tmp/none").into_raw();
        // SAFETY: a writable string, taken back.
        unsafe {
            assert_eq!(errno_of(libc::mkstemp(bad)), libc::EINVAL);
            drop(CString::from_raw(bad));
        }
        // SAFETY: strings; a fresh descriptor.
        unsafe {
            let fd = libc::open(c("/tmp").as_ptr(), libc::O_TMPFILE | libc::O_RDWR, 0o644);
            let nameless = File::from_raw_fd(fd);
            nameless.write_all_at(b"content", 0).expect("the disk works");
            let path = c(&format!("/proc/self/fd/{fd}"));
            let to = c("/tmp/named");
            let linked =
                libc::linkat(libc::AT_FDCWD, path.as_ptr(), libc::AT_FDCWD, to.as_ptr(), libc::AT_SYMLINK_FOLLOW);
            assert_eq!(errno_of(linked), 0);
        }
        assert_eq!(fs::read("/tmp/named").expect("it has a name now"), b"content");
        0
    });
}

fn files_are_copied_and_sent_inside_the_kernel(sim: &mut Sim) {
    let content: Vec<u8> = (0..700_000_u32).map(|index| (index % 251) as u8).collect();
    let expected = content.clone();
    sim.client_main("server", move |_| {
        let source = file("/source", &content);
        fs::copy("/source", "/copy").expect("the disk works");
        assert_eq!(fs::read("/copy").expect("it is there"), content);
        let target = file("/part", b"");
        let (mut from, mut to) = (10_i64, 3_i64);
        // SAFETY: open descriptors and numbers.
        let copied = unsafe {
            libc::copy_file_range(source.as_raw_fd(), &raw mut from, target.as_raw_fd(), &raw mut to, 100, 0)
        };
        assert_eq!((copied, from, to), (100, 110, 103));
        assert_eq!(fs::read("/part").expect("it is there")[3..], content[10..110]);
        let (stream, _) =
            TcpListener::bind("0.0.0.0:7000").and_then(|listener| listener.accept()).expect("somebody comes");
        let mut offset = 0_i64;
        while offset < content.len() as i64 {
            // SAFETY: open descriptors and a number.
            let sent = unsafe { libc::sendfile(stream.as_raw_fd(), source.as_raw_fd(), &raw mut offset, 1 << 30) };
            assert!(sent > 0, "{}", Error::last_os_error());
        }
        0
    });
    sim.client_main("client", move |_| {
        let mut stream = loop {
            match TcpStream::connect("server:7000") {
                Ok(stream) => break stream,
                Err(_) => sleep(Duration::from_millis(1)),
            }
        };
        let mut got = Vec::new();
        stream.read_to_end(&mut got).expect("it ends");
        assert!(got == expected);
        0
    });
}

fn after_a_sync_of_everything_a_power_loss_loses_nothing(sim: &mut Sim) {
    let store = sim.node_main("store", |node| {
        if node.incarnation() == 1 {
            fs::create_dir("/data").expect("the disk is empty");
            let open = file("/data/one", b"one");
            // SAFETY: an open descriptor.
            assert_eq!(errno_of(unsafe { libc::syncfs(open.as_raw_fd()) }), 0);
            drop(file("/data/other", b"other"));
            // SAFETY: no argument.
            unsafe { libc::sync() };
        } else {
            assert_eq!(fs::read("/data/one").expect("it was synced"), b"one");
            assert_eq!(fs::read("/data/other").expect("it was synced"), b"other");
        }
        sleep(secs(1_000));
        0
    });
    sim.inject(Trigger::at(secs(1)), Fault::power_loss(store.node(0), Duration::from_nanos(1)));
    sim.client_main("clock", |_| {
        sleep(secs(3));
        0
    });
}

/// Maps a file.
///
/// # Safety
/// The file is at least this long, and the slice is not used after the mapping has been removed.
unsafe fn map(file: &File, len: usize, protection: i32, flags: i32) -> *mut u8 {
    // SAFETY: a fresh mapping.
    let mapped = unsafe { libc::mmap(null_mut(), len, protection, flags, file.as_raw_fd(), 0) };
    assert_ne!(mapped, libc::MAP_FAILED, "{}", Error::last_os_error());
    mapped.cast()
}

const BOTH: i32 = libc::PROT_READ | libc::PROT_WRITE;

fn a_shared_mapping_is_the_file_and_a_private_one_is_a_copy(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let open = file("/file", &[b'o'; 8192]);
        // SAFETY: the mappings are as long as the file, and are used until they are given back.
        unsafe {
            let shared = map(&open, 8192, BOTH, libc::MAP_SHARED);
            let other = map(&open, 8192, libc::PROT_READ, libc::MAP_SHARED);
            let private = map(&open, 8192, BOTH, libc::MAP_PRIVATE);
            shared.write_bytes(b'm', 10);
            assert_eq!(&fs::read("/file").expect("it is there")[..11], b"mmmmmmmmmmo");
            assert_eq!((other.read(), private.read()), (b'm', b'o'));
            open.write_all_at(b"w", 5).expect("the disk works");
            assert_eq!((shared.add(5).read(), other.add(5).read()), (b'w', b'w'));
            private.write(b'p');
            assert_eq!(fs::read("/file").expect("it is there")[0], b'm', "a copy is nobody else's");
            open.set_len(5_000).expect("the disk works");
            assert_eq!(other.add(5_000).read(), 0);
            for mapping in [shared, other, private] {
                assert_eq!(errno_of(libc::munmap(mapping.cast(), 8192)), 0);
            }
            let for_reading = File::open("/file").expect("it is there");
            let refused = libc::mmap(null_mut(), 4096, BOTH, libc::MAP_SHARED, for_reading.as_raw_fd(), 0);
            assert_eq!((refused, Error::last_os_error().raw_os_error()), (libc::MAP_FAILED, Some(libc::EACCES)));
        }
        assert_eq!(&fs::read("/file").expect("it is there")[..10], b"mmmmmwmmmm");
        0
    });
}

fn a_kill_keeps_mapped_writes_and_a_power_loss_keeps_synced_ones(sim: &mut Sim) {
    let lost = sim.ledger::<&str>("lost");
    let looked = sim.ledger::<&str>("looked");
    let [killed, dark] = ["killed", "dark"].map(|name| {
        sim.node_main(name, move |node| {
            if node.incarnation() == 1 {
                let open = file("/file", &[b'o'; 8192]);
                open.sync_all().and_then(|()| File::open("/")?.sync_all()).expect("the disk works");
                // SAFETY: as long as the file; nothing else uses it.
                unsafe {
                    let mapped = map(&open, 8192, BOTH, libc::MAP_SHARED);
                    mapped.write(b's');
                    assert_eq!(errno_of(libc::msync(mapped.cast(), 4096, libc::MS_SYNC)), 0);
                    mapped.add(4096).write(b'u');
                }
            } else {
                let content = fs::read("/file").expect("it was synced");
                assert_eq!(content[0], b's');
                looked.note(node.name());
                if content[4096] != b'u' {
                    lost.note(node.name());
                }
            }
            sleep(secs(1_000));
            0
        })
    });
    sim.inject(Trigger::at(secs(1)), Fault::kill(killed.node(0), Duration::from_nanos(1)));
    sim.inject(Trigger::at(secs(1)), Fault::power_loss(dark.node(0), Duration::from_nanos(1)));
    sim.client_main("clock", |_| {
        sleep(secs(3));
        0
    });
    sim.eventually("both looked", secs(1), move |_| looked.len() == 2);
    sim.always("a kill loses nothing", move |_| !lost.contains(&"killed"));
    sim.sometimes("a power loss loses what was not synced", move |_| lost.contains(&"dark"));
}

fn fadvise_empties_the_page_cache_and_unknown_flags_are_refused(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let open = file("/file", b"content");
        // SAFETY: open descriptors, strings and buffers of the output lengths.
        unsafe {
            assert_eq!(libc::posix_fadvise(open.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED), 0);
            assert_eq!(libc::posix_fadvise(open.as_raw_fd(), 0, 0, 77), libc::EINVAL);
            let mut into = [0_u8; 4];
            let part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: 4 };
            assert_eq!(libc::preadv2(open.as_raw_fd(), &raw const part, 1, 3, 0), 4);
            assert_eq!(&into, b"tent");
            assert_eq!(libc::symlinkat(c("file").as_ptr(), libc::AT_FDCWD, c("/link").as_ptr()), 0);
            assert_eq!(libc::realpath(c("/none").as_ptr(), null_mut()), null_mut());
            let real = libc::realpath(c("/link").as_ptr(), null_mut());
            assert_eq!(CStr::from_ptr(real), c"/file");
            libc::free(real.cast());
            assert_eq!(errno_of(libc::futimens(open.as_raw_fd(), null())), 0);
        }
        0
    });
}
