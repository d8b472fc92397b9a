//! Readiness: epoll, eventfd, poll.
//! `epoll_wait` returns one event at a time, so its consequences have one cause.

use super::block::{call, interruptible};
use super::current::kernel;
use super::io::{int, result};
use super::signals::with_mask;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::process::fd::kind::{EventCounter, Kind};
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{ThreadId, Wait};
use libc::{c_int, c_uint, epoll_event, nfds_t, pollfd, sigset_t, timespec};

const MS_NS: u64 = 1_000_000;

/// A timeout in milliseconds in the C library's form, where a negative one is none.
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

fn control(me: ThreadId, epoll: c_int, operation: c_int, fd: c_int, event: UserSlice<epoll_event>) -> c_int {
    let (events, data) = event.get(0).map_or((0, 0), |event| (event.events, event.u64));
    int(call(me, |kernel| {
        let epoll = kernel.describe(me, epoll)?;
        let id = kernel.describe(me, fd)?;
        kernel.epoll_control(epoll, operation, fd, id, events, data)
    }))
}

/// Waits for one event, which goes into `shown`.
fn wait(me: ThreadId, epoll: c_int, shown: UserSliceMut<epoll_event>, max: c_int, timeout_ns: Option<u64>) -> c_int {
    if max <= 0 {
        return result(Err(libc::EINVAL));
    }
    if let Err(errno) = shown.check() {
        return result(Err(errno));
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
        Ok(Some((bits, data))) => result(shown.write(epoll_event { events: bits, u64: data }).map(|()| 1)),
        Ok(None) => 0,
        Err(errno) => {
            if errno == libc::EINTR {
                kernel(me, |kernel| kernel.describe(me, epoll).map(|id| kernel.epoll_leave(id, me))).ok();
            }
            result(Err(errno))
        }
    }
}

/// The events of one entry; a negative descriptor has none.
fn poll_one(kernel: &Kernel, me: ThreadId, entry: pollfd) -> i16 {
    if entry.fd < 0 {
        return 0;
    }
    match kernel.describe(me, entry.fd) {
        Ok(id) => {
            let wanted = entry.events as u32 | libc::POLLERR as u32 | libc::POLLHUP as u32;
            (kernel.readiness(id) & wanted) as i16
        }
        // Standard streams are always writable and never readable.
        Err(_) if entry.fd <= 2 => entry.events & libc::POLLOUT,
        Err(_) => libc::POLLNVAL,
    }
}

/// # Safety
/// `fds` is null or an array of `count`, valid for reads and writes until the interposed function returns.
unsafe fn poll_all(me: ThreadId, fds: *mut pollfd, count: nfds_t, timeout_ns: Option<u64>) -> c_int {
    // SAFETY: this function's own contract.
    let (fds, shown) = unsafe { (UserSlice::new(fds, count as usize), UserSliceMut::new(fds, count as usize)) };
    let mut until = None;
    result(interruptible(me, |kernel| {
        let until = *until.get_or_insert_with(|| deadline(kernel, me, timeout_ns));
        let until_ns = kernel.deadline_of(me, until);
        let mut ready = 0;
        fds.check()?;
        for (index, entry) in fds.iter().enumerate() {
            let revents = poll_one(kernel, me, entry);
            shown.set(index, pollfd { revents, ..entry })?;
            ready += c_int::from(revents != 0);
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
    // SAFETY: `epoll_ctl(2)`: the caller passes null or an event.
    |me| control(me, epoll, operation, fd, unsafe { UserSlice::one(event) });
    fn epoll_wait(epoll: c_int, events: *mut epoll_event, max: c_int, timeout_ms: c_int) -> c_int = next;
    // SAFETY: `epoll_wait(2)`: the caller passes room for `max` events, and `max` is at least one where it is used.
    |me| wait(me, epoll, unsafe { UserSliceMut::one(events) }, max, timeout(timeout_ms));
    fn epoll_pwait(
        epoll: c_int,
        events: *mut epoll_event,
        max: c_int,
        timeout_ms: c_int,
        mask: *const sigset_t
    ) -> c_int = next;
    |me| {
        // SAFETY: `epoll_pwait(2)`: the caller passes room for `max` events, and `max` is at least one where it is used.
        let events = unsafe { UserSliceMut::one(events) };
        // SAFETY: `epoll_pwait(2)`: the caller passes null or a set of signals.
        unsafe { with_mask(me, mask, || wait(me, epoll, events, max, timeout(timeout_ms))) }
    };
    fn epoll_pwait2(
        epoll: c_int,
        events: *mut epoll_event,
        max: c_int,
        timeout: *const timespec,
        mask: *const sigset_t
    ) -> c_int = next;
    |me| {
        // SAFETY: `epoll_pwait2(2)`: the caller passes null or a time, and room for `max` events, of which one is used.
        let (timeout, events) = unsafe { (UserSlice::one(timeout).get(0), UserSliceMut::one(events)) };
        let timeout_ns = timeout.as_ref().map(super::time::duration_ns);
        // SAFETY: `epoll_pwait2(2)`: the caller passes null or a set of signals.
        unsafe { with_mask(me, mask, || wait(me, epoll, events, max, timeout_ns)) }
    };
    fn eventfd(initial: c_uint, flags: c_int) -> c_int = next;
    |me| new_event(me, initial, flags);
    fn poll(fds: *mut pollfd, count: nfds_t, timeout_ms: c_int) -> c_int = next;
    |me| {
        // SAFETY: `poll(2)`: the caller passes an array of `count` entries.
        unsafe { poll_all(me, fds, count, timeout(timeout_ms)) }
    };
    fn ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int = next;
    |me| {
        // SAFETY: `ppoll(2)`: the caller passes null or a time.
        let timeout = unsafe { UserSlice::one(timeout) }.get(0).as_ref().map(super::time::duration_ns);
        // SAFETY: `ppoll(2)`: the caller passes an array of `count` entries, and null or a set of signals.
        unsafe { with_mask(me, mask, || poll_all(me, fds, count, timeout)) }
    };
}

/// `select` without descriptors, which is a sleep. Virtual descriptors do not fit in a set.
fn select_none(me: ThreadId, call: &str, sets: [*mut libc::fd_set; 3], timeout_ns: Option<u64>) -> c_int {
    if sets.iter().any(|set| !set.is_null()) {
        super::unsupported::missing(call, "virtual descriptors do not fit in an fd_set; use poll");
    }
    // SAFETY: an array of no entries may be null.
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
        // SAFETY: `select(2)`: the caller passes null or a time.
        let timeout = unsafe { UserSlice::one(timeout) }.get(0);
        let timeout = timeout.map(|time| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000);
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
        // SAFETY: `pselect(2)`: the caller passes null or a time.
        let timeout = unsafe { UserSlice::one(timeout) }.get(0).as_ref().map(super::time::duration_ns);
        select_none(me, "pselect", [read, write, except], timeout)
    };
}

super::unsupported_calls! {
    fn signalfd(fd: c_int, mask: *const sigset_t, flags: c_int) -> c_int: "signal descriptors are not supported";
    fn inotify_init1(flags: c_int) -> c_int: "watching files is not supported";
}
