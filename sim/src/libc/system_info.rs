//! Information about a machine: its name and release, limits, processor use, calendar.
//! All machines of a run are alike, whatever the real one is. Settings that the simulation would not keep are unsupported calls.

use super::block::call;
use super::io::{int, result};
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::Errno;
use crate::kernel::dispatch::Kernel;
use crate::kernel::process::machine::{RELEASE, VERSION};
use crate::kernel::sched::clock::Clock;
use crate::kernel::sched::thread::ThreadId;
use libc::{c_char, c_double, c_int, c_uint, c_ulong, clock_t, passwd, pid_t, rlimit, size_t, time_t, tm, uid_t};

fn name(me: ThreadId) -> libc::utsname {
    let node = call(me, |kernel| kernel[kernel.sched[me].node()].name().to_owned());
    // SAFETY: zeros are a valid structure.
    let mut name: libc::utsname = unsafe { std::mem::zeroed() };
    let write = |field: &mut [c_char], text: &str| {
        let fits = text.len().min(field.len() - 1);
        field.iter_mut().zip(&text.as_bytes()[..fits]).for_each(|(to, from)| *to = *from as c_char);
    };
    write(&mut name.sysname, "Linux");
    write(&mut name.nodename, &node);
    write(&mut name.release, RELEASE);
    write(&mut name.version, VERSION);
    write(&mut name.machine, std::env::consts::ARCH);
    name
}

/// The limit of a resource, and the highest value that it may be set to.
/// The resources of Linux are below this number: `RLIM_NLIMITS`.
const RESOURCES: c_uint = 16;

fn limit(me: ThreadId, resource: c_uint) -> (u64, u64) {
    let of_node = |kernel: &mut Kernel| kernel[kernel.sched[me].node()].limit(resource);
    match resource as _ {
        libc::RLIMIT_NOFILE => call(me, of_node),
        _ => super::current::kernel(me, of_node),
    }
}

/// # Safety
/// `new` is null or valid for reading, and `old` null or valid for writing, one structure.
unsafe fn limits(me: ThreadId, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> Result<(), Errno> {
    if resource >= RESOURCES {
        return Err(libc::EINVAL);
    }
    // SAFETY: this function's own contract.
    let (new, old) = unsafe { (UserSlice::one(new).get(0), UserSliceMut::one(old)) };
    let (now, most) = limit(me, resource);
    old.write_if_given(rlimit { rlim_cur: now, rlim_max: most });
    let Some(new) = new else { return Ok(()) };
    match new.rlim_cur {
        wanted if wanted > new.rlim_max => Err(libc::EINVAL),
        _ if new.rlim_max > most => Err(libc::EPERM),
        wanted if wanted == now || resource == libc::RLIMIT_CORE as c_uint => Ok(()),
        _ => super::unsupported::missing("setrlimit", "limits of a process are not kept: see `Sim` for budgets"),
    }
}

fn usage(me: ThreadId) -> libc::rusage {
    let now_ns = call(me, |kernel| kernel.sched.now_ns());
    // SAFETY: zeros are a valid structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    usage.ru_utime.tv_sec = (now_ns / 1_000_000_000) as time_t;
    usage.ru_utime.tv_usec = (now_ns % 1_000_000_000 / 1_000) as _;
    usage
}

fn system(me: ThreadId) -> libc::sysinfo {
    let (booted_ns, total, free) = call(me, |kernel| {
        let node = kernel.sched[me].node();
        (kernel.node_time_ns(node, Clock::Monotonic), kernel[node].memory_bytes(), kernel[node].free_memory_bytes())
    });
    // SAFETY: zeros are a valid structure.
    let mut system: libc::sysinfo = unsafe { std::mem::zeroed() };
    system.uptime = booted_ns / 1_000_000_000;
    system.totalram = total as c_ulong;
    system.freeram = free as c_ulong;
    system.mem_unit = 1;
    system.procs = 1;
    system
}

/// Local time is UTC: no machine of a run has a file of time zones.
///
/// # Safety
/// As for `gmtime_r(3)`: `time` is valid for reading and `into` for writing.
unsafe fn utc(time: *const time_t, into: *mut tm) -> *mut tm {
    // SAFETY: this function's own contract is that of `gmtime_r(3)`.
    let done = unsafe { libc::gmtime_r(time, into) };
    // SAFETY: `gmtime_r(3)` returns null, or `into`, which it has filled.
    if let Some(done) = unsafe { done.as_mut() } {
        done.tm_zone = c"UTC".as_ptr();
    }
    done
}

/// No user has a name, because there is no `/etc/passwd`.
fn no_user(result: UserSliceMut<*mut passwd>) -> c_int {
    result.write_if_given(std::ptr::null_mut());
    0
}

super::interposed! {
    fn uname(into: *mut libc::utsname) -> c_int = libc::SYS_uname;
    // SAFETY: `uname(2)`: the caller passes room for the structure.
    |me| int(unsafe { UserSliceMut::one(into) }.write(name(me)));
    fn sysinfo(into: *mut libc::sysinfo) -> c_int = libc::SYS_sysinfo;
    // SAFETY: `sysinfo(2)`: the caller passes room for the structure.
    |me| int(unsafe { UserSliceMut::one(into) }.write(system(me)));
    fn getrlimit(resource: c_uint, into: *mut rlimit) -> c_int = libc::SYS_getrlimit;
    // SAFETY: `getrlimit(2)`: the caller passes room for the structure.
    |me| int(unsafe { limits(me, resource, std::ptr::null(), into) });
    fn getrlimit64(resource: c_uint, into: *mut rlimit) -> c_int = libc::SYS_getrlimit;
    // SAFETY: `getrlimit(2)`: the caller passes room for the structure.
    |me| int(unsafe { limits(me, resource, std::ptr::null(), into) });
    fn setrlimit(resource: c_uint, new: *const rlimit) -> c_int = libc::SYS_setrlimit;
    // SAFETY: `setrlimit(2)`: the caller passes the structure.
    |me| int(unsafe { limits(me, resource, new, std::ptr::null_mut()) });
    fn setrlimit64(resource: c_uint, new: *const rlimit) -> c_int = libc::SYS_setrlimit;
    // SAFETY: `setrlimit(2)`: the caller passes the structure.
    |me| int(unsafe { limits(me, resource, new, std::ptr::null_mut()) });
    fn prlimit(_process: pid_t, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> c_int = libc::SYS_prlimit64;
    // SAFETY: `prlimit(2)`: the caller passes null or a structure, and null or room for one.
    |me| int(unsafe { limits(me, resource, new, old) });
    fn prlimit64(_process: pid_t, resource: c_uint, new: *const rlimit, old: *mut rlimit) -> c_int =
        libc::SYS_prlimit64;
    // SAFETY: `prlimit(2)`: the caller passes null or a structure, and null or room for one.
    |me| int(unsafe { limits(me, resource, new, old) });
    fn getrusage(_who: c_int, into: *mut libc::rusage) -> c_int = libc::SYS_getrusage;
    // SAFETY: `getrusage(2)`: the caller passes room for the structure.
    |me| int(unsafe { UserSliceMut::one(into) }.write(usage(me)));
    fn clock() -> clock_t = next;
    |me| (call(me, |kernel| kernel.sched.now_ns()) / 1_000) as clock_t;
    fn getloadavg(_into: *mut c_double, _count: c_int) -> c_int = next;
    |_me| -1;
    fn localtime_r(time: *const time_t, into: *mut tm) -> *mut tm = next;
    // SAFETY: `localtime_r(3)`: the caller passes a time and room for the structure.
    |_me| unsafe { utc(time, into) };
    fn localtime(time: *const time_t) -> *mut tm = next;
    // SAFETY: `localtime(3)`: the caller passes a time; the result is the C library's own structure.
    |_me| unsafe { utc(time, libc::gmtime(time)) };
    fn mktime(time: *mut tm) -> time_t = next;
    // SAFETY: `mktime(3)`: the caller passes a structure that may be changed.
    |_me| unsafe { libc::timegm(time) };
    fn getpwuid_r(_user: uid_t, _into: *mut passwd, _text: *mut c_char, _len: size_t, result: *mut *mut passwd) -> c_int =
        next;
    // SAFETY: `getpwuid_r(3)` and `getpwnam_r(3)`: the caller passes room for a pointer.
    |_me| no_user(unsafe { UserSliceMut::one(result) });
    fn getpwnam_r(
        _name: *const c_char,
        _into: *mut passwd,
        _text: *mut c_char,
        _len: size_t,
        result: *mut *mut passwd
    ) -> c_int = next;
    // SAFETY: `getpwuid_r(3)` and `getpwnam_r(3)`: the caller passes room for a pointer.
    |_me| no_user(unsafe { UserSliceMut::one(result) });
    fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int = libc::SYS_prctl;
    |_me| match option {
        // A name is seen from outside the program only.
        libc::PR_SET_NAME => result(Ok(0)),
        other => super::unsupported::missing(&format!("prctl({other})"), "only a thread's name is set by it"),
    };
}
