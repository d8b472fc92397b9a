//! Directories, links and names.

use crate::calls::{file, in_order, path, result, success};
use std::ffi::CStr;
use std::fs;

fn mkdir(name: &str) -> String {
    // SAFETY: the path lives until the call returns.
    success(unsafe { libc::mkdir(path(name).as_ptr(), 0o755) })
}

fn rmdir(name: &str) -> String {
    // SAFETY: the path lives until the call returns.
    success(unsafe { libc::rmdir(path(name).as_ptr()) })
}

fn unlink(name: &str) -> String {
    // SAFETY: the path lives until the call returns.
    success(unsafe { libc::unlink(path(name).as_ptr()) })
}

fn rename(from: &str, to: &str) -> String {
    // SAFETY: the paths live until the call returns.
    success(unsafe { libc::rename(path(from).as_ptr(), path(to).as_ptr()) })
}

fn link(from: &str, to: &str) -> String {
    // SAFETY: the paths live until the call returns.
    success(unsafe { libc::link(path(from).as_ptr(), path(to).as_ptr()) })
}

fn symlink(target: &CStr, name: &str) -> String {
    // SAFETY: the paths live until the call returns.
    success(unsafe { libc::symlink(target.as_ptr(), path(name).as_ptr()) })
}

fn links(name: &str) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path(name).to_str().expect("it is text")).map_or(0, |data| data.nlink())
}

crate::question::questions! {
    fn directory_made_twice_and_removed_twice() -> String {
        in_order(&[mkdir("d"), mkdir("d"), rmdir("d"), rmdir("d")])
    }
    fn directory_below_nothing() -> String {
        in_order(&[mkdir("none/d"), rmdir("none/d")])
    }
    fn directory_that_is_not_empty() -> String {
        mkdir("d");
        drop(file("d/x", b""));
        in_order(&[rmdir("d"), unlink("d/x"), rmdir("d")])
    }
    fn directory_is_no_file() -> String {
        mkdir("d");
        drop(file("f", b""));
        in_order(&[unlink("d"), rmdir("f")])
    }
    fn directory_opened_for_writing() -> String {
        mkdir("d");
        let opened = |flags| crate::calls::outcome(crate::calls::open("d", flags));
        in_order(&[opened(libc::O_RDONLY), opened(libc::O_RDWR), opened(libc::O_RDONLY | libc::O_CREAT)])
    }
    fn directory_is_read_as_a_file() -> String {
        mkdir("d");
        crate::calls::read(&crate::calls::open("d", libc::O_RDONLY).expect("it is there"), 9)
    }
    fn directory_lists_its_names() -> String {
        mkdir("d");
        drop((file("d/b", b""), file("d/a", b"")));
        mkdir("d/c");
        let entries = fs::read_dir(path("d").to_str().expect("it is text")).expect("it is there");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let entry = entry.expect("an entry");
                let kind = entry.file_type().expect("a kind");
                format!("{}{}", entry.file_name().to_string_lossy(), if kind.is_dir() { "/" } else { "" })
            })
            .collect();
        names.sort();
        names.join(" ")
    }
    fn directory_links_are_counted() -> String {
        mkdir("d");
        let before = links("d");
        mkdir("d/e");
        format!("{before} {}", links("d"))
    }
    fn rename_replaces_a_file() -> String {
        drop((file("a", b"new"), file("b", b"old")));
        let renamed = rename("a", "b");
        in_order(&[renamed, fs::read_to_string(path("b").to_str().expect("it is text")).unwrap_or_default(), unlink("a")])
    }
    fn rename_of_nothing() -> String {
        rename("none", "b")
    }
    fn rename_onto_itself_and_onto_another_link() -> String {
        drop(file("a", b""));
        link("a", "b");
        in_order(&[rename("a", "a"), rename("a", "b"), links("a").to_string(), links("b").to_string()])
    }
    fn rename_of_a_directory_into_itself() -> String {
        mkdir("d");
        rename("d", "d/e")
    }
    fn rename_between_files_and_directories() -> String {
        mkdir("d");
        drop(file("f", b""));
        in_order(&[rename("d", "f"), rename("f", "d")])
    }
    fn rename_onto_a_directory_that_is_not_empty() -> String {
        mkdir("d");
        mkdir("e");
        drop(file("e/x", b""));
        in_order(&[rename("d", "e"), unlink("e/x"), rename("d", "e")])
    }
    fn rename_without_replacing() -> String {
        drop((file("a", b""), file("b", b"")));
        // SAFETY: the paths live until the calls return.
        let renamed = |from: &str, to: &str| unsafe {
            success(libc::renameat2(libc::AT_FDCWD, path(from).as_ptr(), libc::AT_FDCWD, path(to).as_ptr(), libc::RENAME_NOREPLACE))
        };
        in_order(&[renamed("a", "b"), renamed("a", "c")])
    }
    fn link_counts_names() -> String {
        drop(file("a", b""));
        let made = link("a", "b");
        let both = links("a");
        in_order(&[made, both.to_string(), unlink("a"), links("b").to_string(), link("b", "b")])
    }
    fn link_of_a_directory() -> String {
        mkdir("d");
        link("d", "e")
    }
    fn symlink_is_followed_and_read() -> String {
        drop(file("a", b"abc"));
        let made = symlink(c"a", "s");
        let target = fs::read_link(path("s").to_str().expect("it is text")).map(|path| path.to_string_lossy().into_owned());
        in_order(&[made, target.unwrap_or_default(), crate::calls::outcome(crate::calls::open("s", libc::O_RDONLY))])
    }
    fn symlink_to_nothing() -> String {
        symlink(c"none", "s");
        let opened = |flags| crate::calls::outcome(crate::calls::open("s", flags));
        in_order(&[opened(libc::O_RDONLY), opened(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL), opened(libc::O_RDWR | libc::O_CREAT)])
    }
    fn symlink_to_itself() -> String {
        symlink(c"s", "s");
        crate::calls::outcome(crate::calls::open("s", libc::O_RDONLY))
    }
    fn symlink_that_must_not_be_followed() -> String {
        drop(file("a", b""));
        symlink(c"a", "s");
        crate::calls::outcome(crate::calls::open("s", libc::O_RDONLY | libc::O_NOFOLLOW))
    }
    fn readlink_of_a_file() -> String {
        drop(file("a", b""));
        let mut bytes = [0_u8; 9];
        // SAFETY: the path and the bytes live until the call returns.
        result(unsafe { libc::readlink(path("a").as_ptr(), bytes.as_mut_ptr().cast(), 9) } as i64)
    }
    fn access_of_files() -> String {
        drop(file("a", b""));
        // SAFETY: the paths live until the calls return.
        let can = |name: &str, mode| success(unsafe { libc::access(path(name).as_ptr(), mode) });
        in_order(&[can("a", libc::F_OK), can("a", libc::R_OK | libc::W_OK), can("a", libc::X_OK), can("none", libc::F_OK)])
    }
    fn an_empty_path() -> String {
        // SAFETY: the paths live until the calls return.
        unsafe { in_order(&[result(libc::open(c"".as_ptr(), libc::O_RDONLY)), success(libc::mkdir(c"".as_ptr(), 0o755))]) }
    }
}
