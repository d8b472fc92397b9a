//! Files on a node's own disk as programs use them through std and tokio.
//! A database on this disk is in `redb`.

use crate::harness::{Module, campaigns};
use crate::time::secs;
use afterlife::{Faults, Sim};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Instant, SystemTime};

pub(crate) fn module() -> Module {
    Module::campaigns(campaigns![
        a_file_belongs_to_its_creator_until_chown: 5,
        written_bytes_are_read_back: 5,
        open_options_are_honoured: 5,
        files_are_sought_truncated_and_extended: 5,
        directories_are_created_listed_and_removed: 5,
        files_are_renamed_and_linked: 5,
        metadata_follow_every_change: 5,
        relative_paths_start_at_the_root: 5,
        a_file_lock_has_one_holder_at_a_time: 10,
        tokio_fs_works_beside_other_tasks: 10,
        each_node_has_a_disk_of_its_own: 3,
        a_kill_keeps_everything_and_a_power_loss_keeps_synced_data: 30,
    ])
}

fn kind<T>(outcome: std::io::Result<T>) -> Result<(), ErrorKind> {
    outcome.map(drop).map_err(|error| error.kind())
}

fn a_file_belongs_to_its_creator_until_chown(sim: &mut Sim) {
    sim.client_main("client", |_| {
        use std::os::unix::fs::{chown, fchown, lchown, symlink};
        let owner = |path: &str| {
            fs::symlink_metadata(path).map(|metadata| (metadata.uid(), metadata.gid())).expect("it is there")
        };
        let file = File::create("/file").expect("the disk works");
        // SAFETY: it reads one number.
        let me = unsafe { libc::geteuid() };
        assert_eq!(owner("/file"), (me, 0));
        chown("/file", Some(7), None).expect("root may give files away");
        assert_eq!(owner("/file"), (7, 0));
        fchown(&file, None, Some(8)).expect("root may give files away");
        assert_eq!(owner("/file"), (7, 8));
        symlink("/file", "/link").expect("the disk works");
        lchown("/link", Some(9), Some(9)).expect("root may give links away");
        assert_eq!((owner("/link"), owner("/file")), ((9, 9), (7, 8)));
        chown("/link", Some(1), Some(1)).expect("root may give files away");
        assert_eq!(owner("/file"), (1, 1));
        assert_eq!(kind(chown("/nothing", Some(1), None)), Err(ErrorKind::NotFound));
        0
    });
}

fn written_bytes_are_read_back(sim: &mut Sim) {
    sim.client_main("client", |_| {
        fs::write("/greeting", "hello").expect("the disk works");
        assert_eq!(fs::read_to_string("/greeting").expect("the file is there"), "hello");
        assert_eq!(fs::read("/greeting").expect("the file is there"), b"hello");
        assert_eq!(kind(fs::read("/nothing")), Err(ErrorKind::NotFound));
        assert_eq!(kind(fs::write("/no/such/folder", "")), Err(ErrorKind::NotFound));
        assert_eq!(kind(fs::write("/greeting/of/a/file", "")), Err(ErrorKind::NotADirectory));
        fs::write("/binary", [0xff, 0xfe]).expect("the disk works");
        assert_eq!(kind(fs::read_to_string("/binary")), Err(ErrorKind::InvalidData));
        fs::copy("/greeting", "/copy").expect("the disk works");
        assert_eq!(fs::read_to_string("/copy").expect("the file is there"), "hello");

        let mut file = File::create("/lines").expect("the disk works");
        for number in 0..1_000 {
            writeln!(file, "line {number}").expect("the disk works");
        }
        let lines = BufReader::new(File::open("/lines").expect("the file is there")).lines();
        assert!(lines.enumerate().all(|(number, line)| line.expect("it is text") == format!("line {number}")));
        0
    });
}

fn open_options_are_honoured(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut new = File::create_new("/file").expect("it is not there");
        assert_eq!(kind(File::create_new("/file")), Err(ErrorKind::AlreadyExists));
        new.write_all(b"0123456789").expect("the disk works");
        assert_eq!(kind(OpenOptions::new().write(true).open("/other")), Err(ErrorKind::NotFound));

        let mut append = OpenOptions::new().append(true).open("/file").expect("the file is there");
        append.seek(SeekFrom::Start(0)).expect("a file can be sought in");
        append.write_all(b"ab").expect("the disk works");
        new.write_all(b"c").expect("the disk works");
        assert_eq!(fs::read("/file").expect("the file is there"), b"0123456789cb");

        let mut reader = File::open("/file").expect("the file is there");
        assert!(reader.write(b"x").is_err(), "it was opened for reading");
        let mut writer = OpenOptions::new().write(true).open("/file").expect("the file is there");
        assert!(writer.read(&mut [0]).is_err(), "it was opened for writing");
        writer.write_all(b"X").expect("the disk works");
        assert_eq!(fs::read("/file").expect("the file is there"), b"X123456789cb");
        drop(OpenOptions::new().write(true).truncate(true).open("/file").expect("the file is there"));
        assert_eq!(fs::metadata("/file").expect("the file is there").len(), 0);
        0
    });
}

fn files_are_sought_truncated_and_extended(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).open("/file").expect("a new file");
        file.write_all(b"0123456789").expect("the disk works");
        assert_eq!(file.stream_position().expect("a file has one"), 10);
        file.seek(SeekFrom::End(-4)).expect("there are ten bytes");
        let mut rest = String::new();
        file.read_to_string(&mut rest).expect("it is text");
        assert_eq!(rest, "6789");
        assert!(file.seek(SeekFrom::Current(-11)).is_err(), "that is before its beginning");
        assert_eq!(file.read(&mut [0]).expect("at the end there is nothing"), 0);

        file.write_all_at(b"xy", 3).expect("the disk works");
        let mut two = [0; 4];
        file.read_exact_at(&mut two, 2).expect("there are ten bytes");
        assert_eq!(&two, b"2xy5");
        assert_eq!(kind(file.read_exact_at(&mut two, 8)), Err(ErrorKind::UnexpectedEof));

        file.set_len(5).expect("the disk works");
        file.set_len(8).expect("the disk works");
        assert_eq!(fs::read("/file").expect("the file is there"), b"012xy\0\0\0");
        file.seek(SeekFrom::Start(12)).expect("a file may have a hole");
        file.write_all(b"!").expect("the disk works");
        assert_eq!(fs::read("/file").expect("the file is there"), b"012xy\0\0\0\0\0\0\0!");
        0
    });
}

fn directories_are_created_listed_and_removed(sim: &mut Sim) {
    sim.client_main("client", |_| {
        fs::create_dir_all("/a/b/c").expect("the disk is empty");
        assert_eq!(kind(fs::create_dir("/a/b")), Err(ErrorKind::AlreadyExists));
        for number in 0..300 {
            fs::write(format!("/a/b/{number:03}"), "").expect("the disk works");
        }
        let listed: BTreeSet<_> = fs::read_dir("/a/b")
            .expect("the folder is there")
            .map(|entry| entry.expect("it can be read"))
            .map(|entry| (entry.file_name(), entry.file_type().expect("it has one").is_dir()))
            .collect();
        assert_eq!(listed.len(), 301);
        assert_eq!(listed.iter().filter(|(_, is_folder)| *is_folder).count(), 1);
        assert_eq!(kind(fs::remove_dir("/a/b")), Err(ErrorKind::DirectoryNotEmpty));
        assert_eq!(kind(fs::remove_file("/a/b")), Err(ErrorKind::IsADirectory));
        assert_eq!(kind(fs::read_dir("/a/b/000")), Err(ErrorKind::NotADirectory));
        assert_eq!(kind(fs::read_dir("/z")), Err(ErrorKind::NotFound));
        fs::remove_dir_all("/a").expect("it may be removed with all");
        assert!(!Path::new("/a").exists());
        assert_eq!(kind(fs::remove_dir_all("/a")), Err(ErrorKind::NotFound));
        0
    });
}

fn files_are_renamed_and_linked(sim: &mut Sim) {
    sim.client_main("client", |_| {
        fs::write("/old", "old").expect("the disk works");
        fs::write("/new", "new").expect("the disk works");
        let mut open = File::open("/new").expect("the file is there");
        fs::rename("/old", "/new").expect("a rename replaces");
        assert_eq!(fs::read_to_string("/new").expect("the file is there"), "old");
        assert_eq!(kind(File::open("/old")), Err(ErrorKind::NotFound));
        let mut content = String::new();
        open.read_to_string(&mut content).expect("who has it open keeps it");
        assert_eq!(content, "new");

        fs::hard_link("/new", "/link").expect("the disk works");
        assert_eq!(fs::metadata("/new").expect("the file is there").nlink(), 2);
        fs::remove_file("/new").expect("the file is there");
        assert_eq!(fs::read_to_string("/link").expect("the other name stays"), "old");
        assert_eq!(kind(fs::remove_file("/new")), Err(ErrorKind::NotFound));
        assert_eq!(kind(fs::rename("/new", "/newer")), Err(ErrorKind::NotFound));

        std::os::unix::fs::symlink("/link", "/symbolic").expect("the disk works");
        assert_eq!(fs::read_to_string("/symbolic").expect("it leads to the file"), "old");
        assert_eq!(fs::read_link("/symbolic").expect("it is one"), PathBuf::from("/link"));
        assert!(fs::symlink_metadata("/symbolic").expect("it is there").is_symlink());
        assert_eq!(fs::canonicalize("/../symbolic").expect("it is there"), PathBuf::from("/link"));
        0
    });
}

fn metadata_follow_every_change(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let begun = SystemTime::now();
        fs::write("/file", "12345").expect("the disk works");
        let first = fs::metadata("/file").expect("the file is there");
        assert!(first.is_file() && first.len() == 5 && first.permissions().mode() & 0o777 == 0o644);
        assert!(first.modified().is_ok_and(|at| at >= begun && at <= SystemTime::now()));
        sleep(secs(60));
        File::open("/file").expect("the file is there");
        assert_eq!(fs::metadata("/file").expect("the file is there").modified().ok(), first.modified().ok());
        fs::write("/file", "123456").expect("the disk works");
        let second = fs::metadata("/file").expect("the file is there");
        let later =
            second.modified().ok().zip(first.modified().ok()).and_then(|(at, first)| at.duration_since(first).ok());
        assert!(later.is_some_and(|later| (secs(60)..secs(61)).contains(&later)), "{later:?}");
        assert_eq!(first.ino(), second.ino());
        fs::write("/other", "").expect("the disk works");
        assert_ne!(fs::metadata("/other").expect("the file is there").ino(), second.ino());
        fs::set_permissions("/file", fs::Permissions::from_mode(0o400)).expect("the disk works");
        assert!(fs::metadata("/file").expect("the file is there").permissions().readonly());
        assert!(fs::metadata("/").expect("the root is there").is_dir());
        0
    });
}

fn relative_paths_start_at_the_root(sim: &mut Sim) {
    sim.client_main("client", |_| {
        fs::create_dir("data").expect("the disk is empty");
        fs::write("data/file", "x").expect("the disk works");
        assert_eq!(fs::read("/data/../data/./file").expect("the file is there"), b"x");
        assert_eq!(std::env::current_dir().expect("there is one"), PathBuf::from("/"));
        0
    });
}

fn a_file_lock_has_one_holder_at_a_time(sim: &mut Sim) {
    sim.client_main("client", |_| {
        let first = File::create("/lock").expect("the disk works");
        let second = File::open("/lock").expect("the file is there");
        first.lock().expect("nobody has it");
        assert!(matches!(second.try_lock(), Err(TryLockError::WouldBlock)));
        assert!(matches!(second.try_lock_shared(), Err(TryLockError::WouldBlock)));
        let begun = Instant::now();
        let waiter = std::thread::spawn(move || {
            second.lock().expect("it is handed over");
            let waited = begun.elapsed();
            second.unlock().expect("it is held");
            (waited, second)
        });
        sleep(secs(5));
        first.unlock().expect("it is held");
        let (waited, second) = waiter.join().expect("it does not panic");
        assert!((secs(5)..secs(6)).contains(&waited), "{waited:?}");
        first.lock_shared().expect("nobody has it");
        second.try_lock_shared().expect("it is shared");
        drop(first);
        second.unlock().expect("it is held");
        second.try_lock().expect("who closes lets go");
        0
    });
}

fn tokio_fs_works_beside_other_tasks(sim: &mut Sim) {
    sim.client("client", |_| async {
        use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
        tokio::fs::create_dir_all("/data/deep").await?;
        let mut file = tokio::fs::File::create_new("/data/file").await?;
        file.write_all(b"hello ").await?;
        file.write_all(b"world").await?;
        file.sync_all().await?;
        assert_eq!(tokio::fs::read_to_string("/data/file").await?, "hello world");
        let mut file = tokio::fs::OpenOptions::new().read(true).write(true).open("/data/file").await?;
        file.seek(SeekFrom::Start(6)).await?;
        let mut word = String::new();
        file.read_to_string(&mut word).await?;
        assert_eq!(word, "world");
        file.set_len(5).await?;
        tokio::fs::rename("/data/file", "/data/deep/file").await?;
        assert!(!tokio::fs::try_exists("/data/file").await?);
        let mut entries = tokio::fs::read_dir("/data/deep").await?;
        let entry = entries.next_entry().await?.expect("there is one");
        assert_eq!((entry.file_name().to_str(), entry.metadata().await?.len()), (Some("file"), 5));
        assert!(entries.next_entry().await?.is_none());
        assert_eq!(kind(tokio::fs::read("/data/file").await), Err(ErrorKind::NotFound));
        tokio::fs::remove_dir_all("/data").await?;

        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..50_u32 {
            tasks.spawn(async move {
                let path = format!("/{number}");
                tokio::fs::write(&path, number.to_be_bytes()).await?;
                tokio::fs::read(&path).await
            });
        }
        let mut seen = BTreeSet::new();
        while let Some(read) = tasks.join_next().await {
            seen.insert(read??);
        }
        assert_eq!(seen.len(), 50);
        Ok(())
    });
}

fn each_node_has_a_disk_of_its_own(sim: &mut Sim) {
    assert!(Path::new("/etc/passwd").exists(), "a scenario's own function sees the host");
    for name in ["one", "other"] {
        sim.client_main(name, |node| {
            assert_eq!(std::env::temp_dir().read_dir().expect("a node has one").count(), 0);
            for host in ["/etc/passwd", "/proc/self/maps", "/usr/bin", "/etc/machine-id"] {
                assert!(!Path::new(host).exists(), "{host} is of the host");
            }
            assert_eq!(kind(File::open("/etc/passwd")), Err(ErrorKind::NotFound));
            fs::write("/name", node.name()).expect("the disk works");
            sleep(secs(1));
            assert_eq!(fs::read_to_string("/name").expect("the file is there"), node.name());
            let mut random = [0; 16];
            File::open("/dev/urandom")
                .and_then(|mut file| file.read_exact(&mut random))
                .expect("a node has that device");
            assert_ne!(random, [0; 16]);
            fs::write("/dev/null", "x").expect("a node has that device");
            0
        });
    }
}

fn a_kill_keeps_everything_and_a_power_loss_keeps_synced_data(sim: &mut Sim) {
    let lost = sim.ledger::<&str>("lost");
    let kept = sim.ledger::<&str>("kept");
    let [killed, dark] = ["killed", "dark"].map(|name| {
        sim.node(name, move |node| async move {
            if node.incarnation() == 1 {
                fs::write("/old", "old")?;
                let mut synced = File::create("/synced")?;
                synced.write_all(b"all of it")?;
                synced.sync_all()?;
                File::open("/")?.sync_all()?;
                fs::write("/unsynced", vec![7; 100_000])?;
                fs::write("/new", "new")?;
                fs::rename("/new", "/old")?;
            } else {
                assert_eq!(fs::read_to_string("/synced")?, "all of it");
                let whole = fs::read("/unsynced").is_ok_and(|content| content == vec![7; 100_000]);
                let renamed = fs::read_to_string("/old").is_ok_and(|content| content == "new");
                if whole && renamed { kept.note(node.name()) } else { lost.note(node.name()) }
            }
            tokio::time::sleep(secs(1_000)).await;
            Ok(())
        })
    });
    sim.client_main("client", |_| {
        sleep(secs(20));
        0
    });
    let strikes = |faults: Faults| faults.starting_at(secs(5)).quiet_after(secs(6)).at_most(1);
    sim.faults(killed, strikes(Faults::none().kills()));
    sim.faults(dark, strikes(Faults::none().power_losses()));
    sim.always("a kill loses nothing", move |_| !lost.contains(&"killed"));
    sim.sometimes("a kill keeps what was not synced", move |_| kept.contains(&"killed"));
    sim.sometimes("a power loss loses what was not synced", move |_| lost.contains(&"dark"));
}
