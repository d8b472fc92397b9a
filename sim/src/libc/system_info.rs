//! What a machine tells of itself: its name and release, its limits, its use of the processor, its calendar.
//! All machines of a run are alike, whatever the real one is; what is asked for and never kept is refused by name.

use super::block::call;
use super::io::{int, result};
use crate::kernel::Errno;
use crate::kernel::sched::thread::ThreadId;
use libc::{
    c_char, c_double, c_int, c_long, c_uint, c_ulong, clock_t, passwd, pid_t, rlimit, size_t, time_t, tm, uid_t,
};

const MEBIBYTE: u64 = 1 << 20;

/// # Safety
/// `into` is valid for one structure.
unsafe fn describe(me: ThreadId, into: *mut libc::utsname) -> c_int {
    let node = call(me, |kernel| kernel[kernel.sched[me].node()].name().to_owned());
    // SAFETY: the caller's structure, which zeroes are a valid value of.
    let it = unsafe {
        into.write(std::mem::zeroed());
        &mut *into
    };
    let write = |field: &mut [c_char], text: &str| {
        let fits = text.len().min(field.len() - 1);
        field.iter_mut().zip(&text.as_bytes()[..fits]).for_each(|(to, from)| *to = *from as c_char);
    };
    write(&mut it.sysname, "Linux");
    write(&mut it.nodename, &node);
    write(&mut it.release, "6.1.0");
    write(&mut it.version, "#1 SMP");
    write(&mut it.machine, std::env::consts::ARCH);
    0
}

/// The limit of a resource: what it is, and the most that it may be set to.
fn limit(me: ThreadId, resource: c_uint) -> (u64, u64) {
    match resource as _ {
        libc::RLIMIT_NOFILE => {
            let slots_max = call(me, |kernel| kernel[kernel.sched[me].node()].descriptors().slots_max() as u64);
            (slots_max, slots_max)
        }
        libc::RLIMIT_STACK => (8 * MEBIBYTE, libc::RLIM_INFINITY),
        libc::RLIMIT_CORE => (0, libc::RLIM_INFINITY),
        _ => (libc::RLIM_INFINITY, libc::RLIM_INFINITY),
    }
}

/// # Safety
/// Both are null or valid for one structure.
unsafe fn limits(me: ThreadId, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> Result<(), Errno> {
    let (now, most) = limit(me, resource);
    if !old.is_null() {
        // SAFETY: the caller's structure.
        unsafe { *old = rlimit { rlim_cur: now, rlim_max: most } };
    }
    // SAFETY: the caller's structure.
    let Some(new) = (unsafe { new.as_ref() }) else { return Ok(()) };
    match new.rlim_cur {
        wanted if wanted > new.rlim_max => Err(libc::EINVAL),
        _ if new.rlim_max > most => Err(libc::EPERM),
        wanted if wanted == now || resource == libc::RLIMIT_CORE as c_uint => Ok(()),
        _ => super::unsupported::missing("setrlimit", "limits of a process are not kept: see `Sim` for budgets"),
    }
}

/// # Safety
/// `into` is valid for one structure.
unsafe fn usage(me: ThreadId, into: *mut libc::rusage) -> c_int {
    let now_ns = call(me, |kernel| kernel.sched.now_ns());
    // SAFETY: the caller's structure, which zeroes are a valid value of.
    unsafe {
        into.write(std::mem::zeroed());
        (*into).ru_utime.tv_sec = (now_ns / 1_000_000_000) as time_t;
        (*into).ru_utime.tv_usec = (now_ns % 1_000_000_000 / 1_000) as _;
    }
    0
}

/// # Safety
/// `into` is valid for one structure.
unsafe fn system(me: ThreadId, into: *mut libc::sysinfo) -> c_int {
    let now_ns = call(me, |kernel| kernel.sched.now_ns());
    // SAFETY: the caller's structure, which zeroes are a valid value of.
    unsafe {
        into.write(std::mem::zeroed());
        (*into).uptime = (now_ns / 1_000_000_000) as c_long;
        (*into).totalram = 4_096 * MEBIBYTE as c_ulong;
        (*into).freeram = 2_048 * MEBIBYTE as c_ulong;
        (*into).mem_unit = 1;
        (*into).procs = 1;
    }
    0
}

/// No machine of a run has a file of zones, which means UTC.
///
/// # Safety
/// As `gmtime_r`.
unsafe fn utc(time: *const time_t, into: *mut tm) -> *mut tm {
    // SAFETY: the caller's pointers.
    let done = unsafe { libc::gmtime_r(time, into) };
    // SAFETY: what the call returned, unless it failed.
    if let Some(done) = unsafe { done.as_mut() } {
        done.tm_zone = c"UTC".as_ptr();
    }
    done
}

/// Nobody is known by name: there is no `/etc/passwd`.
///
/// # Safety
/// `result` is valid for one pointer.
unsafe fn nobody(result: *mut *mut passwd) -> c_int {
    // SAFETY: the caller's pointer.
    unsafe { *result = std::ptr::null_mut() };
    0
}

super::interposed! {
    fn uname(into: *mut libc::utsname) -> c_int = libc::SYS_uname;
    // SAFETY: the caller's structure.
    |me| unsafe { describe(me, into) };
    fn sysinfo(into: *mut libc::sysinfo) -> c_int = libc::SYS_sysinfo;
    // SAFETY: the caller's structure.
    |me| unsafe { system(me, into) };
    fn getrlimit(resource: c_uint, into: *mut rlimit) -> c_int = libc::SYS_getrlimit;
    // SAFETY: the caller's structure.
    |me| int(unsafe { limits(me, resource, std::ptr::null(), into) });
    fn getrlimit64(resource: c_uint, into: *mut rlimit) -> c_int = libc::SYS_getrlimit;
    // SAFETY: the caller's structure.
    |me| int(unsafe { limits(me, resource, std::ptr::null(), into) });
    fn setrlimit(resource: c_uint, new: *const rlimit) -> c_int = libc::SYS_setrlimit;
    // SAFETY: the caller's structure.
    |me| int(unsafe { limits(me, resource, new, std::ptr::null_mut()) });
    fn setrlimit64(resource: c_uint, new: *const rlimit) -> c_int = libc::SYS_setrlimit;
    // SAFETY: the caller's structure.
    |me| int(unsafe { limits(me, resource, new, std::ptr::null_mut()) });
    fn prlimit(_process: pid_t, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> c_int = libc::SYS_prlimit64;
    // SAFETY: the caller's structures.
    |me| int(unsafe { limits(me, resource, new, old) });
    fn prlimit64(_process: pid_t, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> c_int =
        libc::SYS_prlimit64;
    // SAFETY: the caller's structures.
    |me| int(unsafe { limits(me, resource, new, old) });
    fn getrusage(_who: c_int, into: *mut libc::rusage) -> c_int = libc::SYS_getrusage;
    // SAFETY: the caller's structure.
    |me| unsafe { usage(me, into) };
    fn clock() -> clock_t = next;
    |me| (call(me, |kernel| kernel.sched.now_ns()) / 1_000) as clock_t;
    fn getloadavg(_into: *mut c_double, _count: c_int) -> c_int = next;
    |_me| -1;
    fn localtime_r(time: *const time_t, into: *mut tm) -> *mut tm = next;
    // SAFETY: `localtime_r(3)`: the caller passes a valid pointer.
    |_me| unsafe { utc(time, into) };
    fn localtime(time: *const time_t) -> *mut tm = next;
    // SAFETY: the caller's pointer; the result is the C library's own, as on Linux.
    |_me| unsafe { utc(time, libc::gmtime(time)) };
    fn mktime(time: *mut tm) -> time_t = next;
    // SAFETY: `mktime(3)`: the caller passes a valid pointer.
    |_me| unsafe { libc::timegm(time) };
    fn getpwuid_r(_user: uid_t, _into: *mut passwd, _text: *mut c_char, _len: size_t, result: *mut *mut passwd) -> c_int =
        next;
    // SAFETY: the caller's pointer.
    |_me| unsafe { nobody(result) };
    fn getpwnam_r(
        _name: *const c_char,
        _into: *mut passwd,
        _text: *mut c_char,
        _len: size_t,
        result: *mut *mut passwd
    ) -> c_int = next;
    // SAFETY: the caller's pointer.
    |_me| unsafe { nobody(result) };
    fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int = libc::SYS_prctl;
    |_me| match option {
        // A name is for those who look on.
        libc::PR_SET_NAME => result(Ok(0)),
        other => super::unsupported::missing(&format!("prctl({other})"), "only a thread's name is set by it"),
    };
}
