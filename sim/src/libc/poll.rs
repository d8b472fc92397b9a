//! Readiness: epoll, eventfd, poll.
//! One readiness at a time comes out of `epoll_wait`, so that what it sets off has one cause.

use super::block::{call, interruptible};
use super::current::kernel;
use super::io::{int, result};
use super::signals::with_mask;
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::process::fd::kind::{EventCounter, Kind};
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_uint, epoll_event, nfds_t, pollfd, sigset_t, timespec};

const MS_NS: u64 = 1_000_000;

/// A timeout in milliseconds as the C library has it: a negative one is for ever.
fn timeout(ms: c_int) -> Option<u64> {
    (ms >= 0).then(|| ms as u64 * MS_NS)
}

fn deadline(kernel: &Kernel, me: ThreadId, timeout_ns: Option<u64>) -> Deadline {
    timeout_ns.map_or(Deadline::NEVER, |ns| kernel.deadline_in(me, ns))
}

fn new_epoll(me: ThreadId) -> c_int {
    result(call(me, |kernel| {
        let node = kernel.sched[me].node();
        let id = kernel.process.open(node, false, Kind::Epoll(Default::default()));
        kernel.install(id)
    }))
}

/// # Safety
/// `event` is null or valid.
unsafe fn control(me: ThreadId, epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    let (events, data) = if event.is_null() {
        (0, 0)
    } else {
        // SAFETY: the caller's pointer; the structure is packed, so it is copied.
        let event = unsafe { *event };
        (event.events, event.u64)
    };
    int(call(me, |kernel| {
        let epoll = kernel.describe(me, epoll)?;
        let id = kernel.describe(me, fd)?;
        kernel.epoll_control(epoll, operation, fd, id, events, data)
    }))
}

/// # Safety
/// `events` is valid for one event.
unsafe fn wait(me: ThreadId, epoll: c_int, events: *mut epoll_event, max: c_int, timeout_ns: Option<u64>) -> c_int {
    if max <= 0 {
        return result(Err(libc::EINVAL));
    }
    let mut until = None;
    let mut waited = false;
    let ready = interruptible(me, |kernel| {
        let id = kernel.describe(me, epoll)?;
        kernel.end_relay(me);
        let until = *until.get_or_insert_with(|| deadline(kernel, me, timeout_ns));
        let until_ns = kernel.deadline_of(me, until);
        kernel.epoll_wait(id, me, until_ns, std::mem::replace(&mut waited, true))
    });
    match ready {
        Ok(Some((bits, data))) => {
            // SAFETY: the caller's buffer has room for one.
            unsafe { *events = epoll_event { events: bits, u64: data } };
            1
        }
        Ok(None) => 0,
        Err(errno) => {
            if errno == libc::EINTR {
                kernel(me, |kernel| kernel.describe(me, epoll).map(|id| kernel.epoll_leave(id, me))).ok();
            }
            result(Err(errno))
        }
    }
}

/// # Safety
/// `fds` is valid for `count` entries.
unsafe fn poll_all(me: ThreadId, fds: *mut pollfd, count: nfds_t, timeout_ns: Option<u64>) -> c_int {
    // SAFETY: the caller's array.
    let fds = if count == 0 { &mut [] } else { unsafe { std::slice::from_raw_parts_mut(fds, count as usize) } };
    let mut until = None;
    result(interruptible(me, |kernel| {
        let until = *until.get_or_insert_with(|| deadline(kernel, me, timeout_ns));
        let until_ns = kernel.deadline_of(me, until);
        let mut ready = 0;
        for entry in fds.iter_mut() {
            entry.revents = 0;
            if entry.fd < 0 {
                continue;
            }
            match kernel.describe(me, entry.fd) {
                Ok(id) => {
                    let wanted = entry.events as u32 | libc::POLLERR as u32 | libc::POLLHUP as u32;
                    entry.revents = (kernel.readiness(id) & wanted) as i16;
                }
                // Standard streams are always writable and never readable.
                Err(_) if entry.fd <= 2 => entry.revents = entry.events & libc::POLLOUT,
                Err(_) => entry.revents = libc::POLLNVAL,
            }
            ready += c_int::from(entry.revents != 0);
        }
        if ready > 0 || until_ns <= kernel.sched.now_ns() {
            if ready == 0 && timeout_ns == Some(0) {
                kernel.count_fruitless(me);
            }
            return Ok(Blocking::Done(ready));
        }
        for entry in fds.iter() {
            if let Ok(id) = kernel.describe(me, entry.fd) {
                kernel.wait_for_change(id, me);
            }
        }
        Ok(Blocking::Wait(Wait::Ready, until_ns))
    }))
}

fn new_event(me: ThreadId, initial: c_uint, flags: c_int) -> c_int {
    result(call(me, |kernel| {
        let node = kernel.sched[me].node();
        let counter = EventCounter::new(u64::from(initial), flags & libc::EFD_SEMAPHORE != 0);
        let id = kernel.process.open(node, flags & libc::EFD_NONBLOCK != 0, Kind::Event(counter));
        kernel.install(id)
    }))
}

super::interposed! {
    fn epoll_create1(_flags: c_int) -> c_int = libc::SYS_epoll_create1;
    |me| new_epoll(me);
    fn epoll_create(_size: c_int) -> c_int = next;
    |me| new_epoll(me);
    fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int = libc::SYS_epoll_ctl;
    // SAFETY: `epoll_ctl(2)`: the caller passes a valid pointer.
    |me| unsafe { control(me, epoll, operation, fd, event) };
    fn epoll_wait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout_ms: c_int) -> c_int = next;
    // SAFETY: `epoll_wait(2)`: the caller passes a buffer of the length that it names.
    |me| unsafe { wait(me, epoll, events, max, timeout(timeout_ms)) };
    fn epoll_pwait(
        epoll: c_int,
        events: *mut epoll_event,
        max: c_int,
        timeout_ms: c_int,
        mask: *const sigset_t
    ) -> c_int = next;
    // SAFETY: the caller's buffer and set.
    |me| unsafe { with_mask(me, mask, || wait(me, epoll, events, max, timeout(timeout_ms))) };
    fn epoll_pwait2(
        epoll: c_int,
        events: *mut epoll_event,
        max: c_int,
        timeout: *const timespec,
        mask: *const sigset_t
    ) -> c_int = next;
    |me| {
        // SAFETY: the caller's pointer.
        let timeout = unsafe { timeout.as_ref() }.map(super::time::duration_ns);
        // SAFETY: the caller's buffer and set.
        unsafe { with_mask(me, mask, || wait(me, epoll, events, max, timeout)) }
    };
    fn eventfd(initial: c_uint, flags: c_int) -> c_int = next;
    |me| new_event(me, initial, flags);
    fn poll(fds: *mut pollfd, count: nfds_t, timeout_ms: c_int) -> c_int = next;
    |me| {
        // SAFETY: `poll(2)`: the caller passes an array of the length that it names.
        unsafe { poll_all(me, fds, count, timeout(timeout_ms)) }
    };
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int = next;
    |me| {
        // SAFETY: `ppoll(2)`: the caller passes a valid pointer.
        let timeout = unsafe { timeout.as_ref() }.map(super::time::duration_ns);
        // SAFETY: the caller's array and set.
        unsafe { with_mask(me, mask, || poll_all(me, fds, count, timeout)) }
    };
}

/// `select` of nothing is a sleep; virtual descriptors do not fit in a set.
fn select_none(me: ThreadId, call: &str, sets: [*mut libc::fd_set; 3], timeout_ns: Option<u64>) -> c_int {
    if sets.iter().any(|set| !set.is_null()) {
        super::unsupported::missing(call, "virtual descriptors do not fit in an fd_set; use poll");
    }
    // SAFETY: an empty array.
    unsafe { poll_all(me, std::ptr::null_mut(), 0, timeout_ns) }
}

super::interposed! {
    fn select(
        _count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *mut libc::timeval
    ) -> c_int = next;
    |me| {
        // SAFETY: the caller's pointer.
        let timeout = unsafe { timeout.as_ref() }.map(|it| it.tv_sec as u64 * 1_000_000_000 + it.tv_usec as u64 * 1_000);
        select_none(me, "select", [read, write, except], timeout)
    };
    fn pselect(
        _count: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *const timespec,
        _mask: *const sigset_t
    ) -> c_int = next;
    |me| {
        // SAFETY: the caller's pointer.
        let timeout = unsafe { timeout.as_ref() }.map(super::time::duration_ns);
        select_none(me, "pselect", [read, write, except], timeout)
    };
}

super::unsupported_calls! {
    fn signalfd(fd: c_int, mask: *const sigset_t, flags: c_int) -> c_int: "signal descriptors are not built";
    fn inotify_init1(flags: c_int) -> c_int: "watching files is not built";
}
