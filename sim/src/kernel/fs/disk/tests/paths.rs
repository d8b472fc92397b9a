//! Path resolution, as a table of paths and their inodes.

use super::*;

fn tree() -> Disk {
    let mut disk = fresh();
    for path in ["/a", "/a/b", "/a/b/c"] {
        disk.mkdir(ROOT, path.as_bytes(), 0o755, NOW_NS).unwrap();
    }
    written(&mut disk, "/a/b/file", b"x");
    for (target, path) in [
        ("b", "/a/to_b"),
        ("/a/b/", "/a/to_b_absolute"),
        ("to_b/file", "/a/to_file"),
        ("loop2", "/a/loop1"),
        ("loop1", "/a/loop2"),
        ("../a/./b/../to_b//c", "/a/to_c"),
        ("nowhere", "/a/dangling"),
        ("/", "/a/to_root"),
    ] {
        disk.symlink(target.as_bytes(), ROOT, path.as_bytes(), NOW_NS).unwrap();
    }
    disk
}

#[test]
fn a_path_resolves_as_on_linux() {
    let disk = tree();
    let long_name = format!("/{}", "n".repeat(256));
    let long_path = "/a".repeat(2048);
    let table: &[(&str, Result<&str, i32>)] = &[
        ("/", Ok("/")),
        ("///", Ok("/")),
        ("/..", Ok("/")),
        ("/a/b/../..", Ok("/")),
        ("/a//b/./c/", Ok("/a/b/c")),
        ("/a/to_b", Ok("/a/b")),
        ("/a/to_b/", Ok("/a/b")),
        ("/a/to_b/c", Ok("/a/b/c")),
        ("/a/to_b_absolute/file", Ok("/a/b/file")),
        ("/a/to_b/..", Ok("/a")),
        ("/a/to_file", Ok("/a/b/file")),
        ("/a/to_c", Ok("/a/b/c")),
        ("/a/to_root/a", Ok("/a")),
        ("/a/to_root", Ok("/")),
        ("b/file", Ok("/a/b/file")),
        ("..", Ok("/")),
        (".", Ok("/a")),
        ("to_file/", Err(libc::ENOTDIR)),
        ("/a/b/file/", Err(libc::ENOTDIR)),
        ("/a/b/file/.", Err(libc::ENOTDIR)),
        ("/a/b/file/..", Err(libc::ENOTDIR)),
        ("/a/none", Err(libc::ENOENT)),
        ("/a/none/x", Err(libc::ENOENT)),
        ("/a/dangling", Err(libc::ENOENT)),
        ("/a/loop1", Err(libc::ELOOP)),
        ("/a/loop1/x", Err(libc::ELOOP)),
        ("", Err(libc::ENOENT)),
        (&long_name, Err(libc::ENAMETOOLONG)),
        (&long_path, Err(libc::ENAMETOOLONG)),
        (&long_name[..256], Err(libc::ENOENT)),
        (&long_path[..4094], Err(libc::ENOENT)),
    ];
    let a = disk.lookup(ROOT, b"/a", true).unwrap();
    for (path, answer) in table {
        let found = disk.realpath(a, path.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(found.as_deref(), answer.as_ref().copied(), "{path}");
    }
    let file = disk.lookup(ROOT, b"/a/b/file", true).unwrap();
    assert_eq!(disk.lookup(file, b"x", true), Err(libc::ENOTDIR));
    assert_eq!(disk.lookup(999, b"x", true), Err(libc::EBADF));
    assert_eq!(disk.lookup(999, b"/a", true), Ok(a), "an absolute path does not look at the directory");
}

#[test]
fn a_chain_of_forty_links_is_followed_and_of_forty_one_is_not() {
    let mut disk = fresh();
    written(&mut disk, "/tmp/0", b"");
    for link in 1..=41 {
        disk.symlink(format!("{}", link - 1).as_bytes(), ROOT, format!("/tmp/{link}").as_bytes(), NOW_NS).unwrap();
    }
    assert!(disk.lookup(ROOT, b"/tmp/40", true).is_ok());
    assert_eq!(disk.lookup(ROOT, b"/tmp/41", true), Err(libc::ELOOP));
}

#[test]
fn lstat_stays_at_a_link_and_stat_follows_it() {
    let mut disk = tree();
    let link = disk.stat(ROOT, b"/a/to_b", false).unwrap();
    assert_eq!((link.mode, link.size), (libc::S_IFLNK | 0o777, 1));
    assert_eq!(disk.stat(ROOT, b"/a/to_b/", false).unwrap().mode, libc::S_IFDIR | 0o755);
    assert_eq!(disk.stat(ROOT, b"/a/to_b", true).unwrap().nlink, 3);
    assert_eq!(disk.readlink(ROOT, b"/a/to_file").unwrap(), b"to_b/file");
    assert_eq!(disk.readlink(ROOT, b"/a/b"), Err(libc::EINVAL));
    assert_eq!(disk.access(ROOT, b"/a/to_file", libc::R_OK | libc::W_OK, true), Ok(()));
    assert_eq!(disk.access(ROOT, b"/a/to_file", libc::X_OK, true), Err(libc::EACCES));
    let file = disk.lookup(ROOT, b"/a/to_file", true).unwrap();
    disk.chmod(file, 0o755, NOW_NS + 1).unwrap();
    disk.set_times(file, None, Some(-5), NOW_NS + 2).unwrap();
    assert_eq!(disk.access(ROOT, b"/a/to_file", libc::X_OK, true), Ok(()));
    let stat = disk.stat_inode(file).unwrap();
    assert_eq!((stat.accessed_ns, stat.modified_ns, stat.changed_ns), (NOW_NS, -5, NOW_NS + 2));
}

#[test]
fn a_listing_comes_in_the_order_in_which_names_were_made() {
    let mut disk = fresh();
    for name in ["z", "m", "a"] {
        written(&mut disk, &format!("/tmp/{name}"), b"");
    }
    disk.unlink(ROOT, b"/tmp/z", NOW_NS).unwrap();
    written(&mut disk, "/tmp/z", b"");
    disk.rename((ROOT, b"/tmp/a"), (ROOT, b"/tmp/m"), 0, NOW_NS).unwrap();
    let tmp = disk.lookup(ROOT, b"/tmp", true).unwrap();
    let names = |disk: &Disk| -> Vec<String> {
        disk.list(tmp).unwrap().into_iter().map(|line| String::from_utf8(line.name).unwrap()).collect()
    };
    assert_eq!(names(&disk), [".", "..", "m", "z"]);
    assert!(disk.list(tmp).unwrap().is_sorted_by_key(|line| line.cookie));
    disk.power_loss(&mut mildest);
    assert_eq!(names(&disk), [".", "..", "m", "z"], "the order survives what the names survive");
    assert_eq!(disk.list(ROOT).unwrap()[1].inode, ROOT);
}

#[test]
fn a_removed_directory_holds_nothing_and_takes_nothing() {
    let mut disk = fresh();
    let gone = disk.mkdir(ROOT, b"/tmp/gone", 0o755, NOW_NS).unwrap();
    disk.retain(gone);
    assert_eq!(disk.directory_path(gone).unwrap(), b"/tmp/gone");
    disk.rmdir(ROOT, b"/tmp/gone", NOW_NS).unwrap();
    disk.sync_all();
    assert_eq!(disk.open(gone, b"x", libc::O_RDWR | libc::O_CREAT, 0o644, NOW_NS).unwrap_err(), libc::ENOENT);
    assert_eq!(disk.mkdir(gone, b"x", 0o755, NOW_NS), Err(libc::ENOENT));
    assert_eq!(disk.list(gone), Err(libc::ENOENT));
    assert_eq!(disk.directory_path(gone), Err(libc::ENOENT));
    assert!(disk.lookup(gone, b".", true).is_ok());
    disk.release(gone);
    assert_eq!(disk.kind(gone), Err(libc::EBADF));
}
