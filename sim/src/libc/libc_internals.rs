//! Functions that work on files, processes and names inside the C library, where nothing is interposed: unsupported calls.
//! Rust's std uses none of them.

use libc::{FILE, c_char, c_int, c_void, gid_t, size_t, uid_t};

const FILES: &str = "the C library's own file functions are not interposed: use open, read and write";
const PROCESSES: &str = "a node is one process";
const USER: &str = "a process of a run stays root";

super::unsupported_calls! {
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut FILE: FILES;
    fn fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE: FILES;
    fn freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE: FILES;
    fn freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE: FILES;
    fn fdopen(fd: c_int, mode: *const c_char) -> *mut FILE: FILES;
    fn tmpfile64() -> *mut FILE: FILES;
    fn glob(pattern: *const c_char, flags: c_int, error: *const c_void, into: *mut c_void) -> c_int: FILES;
    fn ftw(path: *const c_char, each: *const c_void, open_max: c_int) -> c_int: FILES;
    fn nftw(path: *const c_char, each: *const c_void, open_max: c_int, flags: c_int) -> c_int: FILES;
    fn scandir(path: *const c_char, into: *mut c_void, wanted: *const c_void, order: *const c_void) -> c_int: FILES;
    fn shm_open(name: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int: FILES;
    fn shm_unlink(name: *const c_char) -> c_int: FILES;
    fn popen(command: *const c_char, mode: *const c_char) -> *mut FILE: PROCESSES;
    fn system(command: *const c_char) -> c_int: PROCESSES;
    fn daemon(stay: c_int, keep: c_int) -> c_int: PROCESSES;
    fn setsid() -> libc::pid_t: PROCESSES;
    fn setpgid(process: libc::pid_t, group: libc::pid_t) -> c_int: PROCESSES;
    fn setuid(user: uid_t) -> c_int: USER;
    fn setgid(group: gid_t) -> c_int: USER;
    fn setgroups(count: size_t, groups: *const gid_t) -> c_int: USER;
    fn openlog(name: *const c_char, options: c_int, facility: c_int) -> (): "no node has a system log";
    fn getifaddrs(into: *mut *mut c_void) -> c_int: "a list of interfaces is not supported";
    fn if_nametoindex(name: *const c_char) -> libc::c_uint: "a list of interfaces is not supported";
}
