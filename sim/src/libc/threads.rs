//! Threads: created, named, joined, detached, ended.
//! Locks are in `pthread/`; Rust's are futexes, in `syscall`.

use super::block::{call, give_way, patient, switch_for_good};
use super::current::{here, kernel};
use super::time::deadline_at;
use super::user_memory::{UserSlice, UserSliceMut};
use crate::host::system::{self, Routine};
use crate::kernel::due::{Blocking, Start};
use crate::kernel::process::machine::{MEMORY_PAGE_BYTES, PROCESSORS, TICKS_PER_SECOND};
use crate::kernel::process::node::Node;
use crate::kernel::sched::clock::{Clock, Deadline};
use crate::kernel::sched::thread::{State, ThreadId, Wait};
use crate::kernel::sched::thread_handle::Destructor;
use crate::kernel::sink::Sink;
use libc::{c_char, c_int, c_long, c_void, pthread_attr_t, pthread_t, size_t};

/// Runs the destructors of this thread's thread-locals; they may register further ones. Then those of its keys.
pub(crate) fn run_thread_exits(me: ThreadId) {
    while let Some(Destructor { destroy, object }) = kernel(me, |kernel| kernel.sched[me].take_destructor()) {
        // SAFETY: `__cxa_thread_atexit_impl`: the program registered this function for this object and this thread's end.
        unsafe { destroy(object as *mut c_void) };
    }
    super::pthread::run_destructors();
}

/// Ends the calling thread, as `pthread_exit` does.
fn exit_thread(me: ThreadId, result: usize) -> ! {
    if kernel(me, |kernel| kernel.sched[me].number() == 0) {
        super::unsupported::missing("pthread_exit on the main thread", "let main return, or call `exit`");
    }
    run_thread_exits(me);
    kernel(me, |kernel| kernel.thread_ended(me, result));
    switch_for_good(me)
}

/// The interposed function of this name. In a run nothing is unwound: cleanup handlers and C++ destructors on the stack do not run.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_exit(value: *mut c_void) -> ! {
    if let Some(me) = here() {
        exit_thread(me, value.addr())
    }
    static NEXT: system::Function = system::Function::named(c"pthread_exit");
    let next = system::next!(NEXT, fn(*mut c_void) -> !);
    // SAFETY: `pthread_exit(3)` takes any value.
    unsafe { next(value) }
}

/// The number that `gettid` returns.
pub(crate) fn thread_number(me: ThreadId) -> c_long {
    kernel(me, |kernel| c_long::from(kernel.thread_number(me)))
}

/// A size of the machine's memory in pages.
fn pages(me: ThreadId, bytes: fn(&Node) -> u64) -> c_long {
    kernel(me, |kernel| (bytes(&kernel[kernel.sched[me].node()]) / MEMORY_PAGE_BYTES) as c_long)
}

/// The interposed function of this name, with which Rust's std registers destructors of thread-locals.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __cxa_thread_atexit_impl(
    destroy: unsafe extern "C" fn(*mut c_void),
    object: *mut c_void,
    dso: *mut c_void,
) -> c_int {
    if let Some(me) = here() {
        // Kept in the kernel, because a thread-local list would register itself here.
        kernel(me, |kernel| kernel.sched[me].add_destructor(Destructor { destroy, object: object.addr() }));
        return 0;
    }
    static NEXT: system::Function = system::Function::named(c"__cxa_thread_atexit_impl");
    let next = system::next!(NEXT, fn(unsafe extern "C" fn(*mut c_void), *mut c_void, *mut c_void) -> c_int);
    // SAFETY: `__cxa_thread_atexit_impl`: the caller passes a destructor for this object, and its own library's handle.
    unsafe { next(destroy, object, dso) }
}

/// The interposed function of this name. The C library asks the host's kernel about the thread, and a thread of the run has no
/// kernel thread of its own.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_np(thread: pthread_t, attributes: *mut pthread_attr_t) -> c_int {
    static NEXT: system::Function = system::Function::named(c"pthread_getattr_np");
    let next = system::next!(NEXT, fn(pthread_t, *mut pthread_attr_t) -> c_int);
    let Some(me) = here() else {
        // SAFETY: `pthread_getattr_np(3)`: the caller passes a thread that was not joined yet, and room for attributes.
        return unsafe { next(thread, attributes) };
    };
    kernel(me, |kernel| {
        let id = kernel.sched.by_pthread(thread);
        match id.and_then(|id| kernel.sched[id].fiber()) {
            // SAFETY: `pthread_getattr_np(3)`: the caller passes room for attributes, and the thread exists.
            Some(fiber) => fiber.with_a_kernel_thread(|| unsafe { next(thread, attributes) }),
            None => libc::ESRCH,
        }
    })
}

fn create(me: ThreadId, thread: UserSliceMut<pthread_t>, attributes: *const pthread_attr_t, start: Start) -> c_int {
    let made = call(me, |kernel| {
        let (node, cause) = (kernel.sched[me].node(), kernel.sched[me].cause());
        let id = kernel.start_thread(node, attributes, start, cause)?;
        let number = kernel.sched[id].number();
        kernel.process.signals_mut().inherit(me, id);
        kernel.emit(me, crate::event::What::ThreadStarted { thread: number });
        Ok::<_, c_int>(kernel.sched[id].pthread())
    });
    match made {
        Ok(pthread) => {
            thread.write_if_given(pthread);
            0
        }
        Err(errno) => errno,
    }
}

/// Joins a thread, or fails with `busy` if it does not end before `until`.
fn join(me: ThreadId, thread: pthread_t, result: UserSliceMut<*mut c_void>, until: Deadline, busy: c_int) -> c_int {
    let joined = patient(me, |kernel| {
        let id = kernel.sched.by_pthread(thread).ok_or(libc::ESRCH)?;
        let until_ns = kernel.deadline_of(me, until);
        match kernel.sched[id].state() {
            State::Ended => {
                kernel.sched.detach(id);
                Ok(Blocking::Done(kernel.sched[id].result()))
            }
            _ if until_ns <= kernel.sched.now_ns() => Err(busy),
            _ => Ok(Blocking::Wait(Wait::Join(id), until_ns)),
        }
    });
    match joined {
        Ok(value) => {
            result.write_if_given(value as *mut c_void);
            0
        }
        Err(errno) => errno,
    }
}

fn affinity(mut mask: UserSliceMut<u8>) -> Result<(), c_int> {
    mask.check()?;
    mask.put_zeros(0..mask.len());
    mask.copy_out(&[(1 << PROCESSORS) - 1]).map(|_| ())
}

super::interposed! {
    fn pthread_create(
        thread: *mut pthread_t,
        attributes: *const pthread_attr_t,
        routine: Routine,
        argument: *mut c_void
    ) -> c_int = next;
    // SAFETY: `pthread_create(3)`: the caller passes room for the thread's handle.
    |me| create(me, unsafe { UserSliceMut::one(thread) }, attributes, Start::Routine(routine, argument.addr()));
    fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int = next;
    // SAFETY: `pthread_join(3)`: the caller passes null or room for a pointer.
    |me| join(me, thread, unsafe { UserSliceMut::one(result) }, Deadline::NEVER, libc::EBUSY);
    fn pthread_tryjoin_np(thread: pthread_t, result: *mut *mut c_void) -> c_int = next;
    // SAFETY: `pthread_tryjoin_np(3)`: the caller passes null or room for a pointer.
    |me| join(me, thread, unsafe { UserSliceMut::one(result) }, Deadline::at(Clock::Monotonic, 0), libc::EBUSY);
    fn pthread_timedjoin_np(thread: pthread_t, result: *mut *mut c_void, until: *const libc::timespec) -> c_int = next;
    |me| {
        // SAFETY: `pthread_timedjoin_np(3)`: the caller passes a time, and null or room for a pointer.
        let (until, result) = unsafe { (UserSlice::one(until).get(0), UserSliceMut::one(result)) };
        let until = until.map_or(Deadline::NEVER, |until| deadline_at(libc::CLOCK_REALTIME, &until));
        join(me, thread, result, until, libc::ETIMEDOUT)
    };
    fn pthread_detach(thread: pthread_t) -> c_int = next;
    |me| call(me, |kernel| match kernel.sched.by_pthread(thread) {
        Some(id) => {
            kernel.sched.detach(id);
            0
        }
        None => libc::ESRCH,
    });
    fn pthread_setname_np(thread: pthread_t, name: *const c_char) -> c_int = next;
    |me| call(me, |kernel| {
        if let Some(id) = kernel.sched.by_pthread(thread) {
            kernel.sched[id].set_name(kernel.recorder.name(&system::text(name)));
        }
        0
    });
    fn sched_yield() -> c_int = libc::SYS_sched_yield;
    |me| {
        // A loop that yields until time has passed must see time pass.
        call(me, |kernel| {
            kernel.count_fruitless(me);
            kernel.sched.advance_by(1_000);
        });
        give_way(me);
        0
    };
    shared fn sched_getaffinity(_process: libc::pid_t, size: size_t, mask: *mut c_void) -> c_int =
        next;
    // SAFETY: `sched_getaffinity(2)`: the caller passes `size` writable bytes at `mask`.
    |_me| super::io::int(affinity(unsafe { UserSliceMut::new(mask.cast::<u8>(), size) }));
    fn gettid() -> libc::pid_t = libc::SYS_gettid;
    |me| thread_number(me) as libc::pid_t;
    shared fn sysconf(name: c_int) -> c_long = next;
    |me| match name {
        libc::_SC_NPROCESSORS_ONLN | libc::_SC_NPROCESSORS_CONF => PROCESSORS as c_long,
        libc::_SC_PAGESIZE => MEMORY_PAGE_BYTES as c_long,
        libc::_SC_CLK_TCK => TICKS_PER_SECOND as c_long,
        libc::_SC_OPEN_MAX => 1 << 20,
        libc::_SC_IOV_MAX => 1024,
        libc::_SC_PHYS_PAGES => pages(me, Node::memory_bytes),
        libc::_SC_AVPHYS_PAGES => pages(me, Node::free_memory_bytes),
        libc::_SC_GETPW_R_SIZE_MAX | libc::_SC_GETGR_R_SIZE_MAX => 1024,
        libc::_SC_HOST_NAME_MAX => 64,
        // Beyond the names that there are.
        other if !(0..1_000).contains(&other) => super::io::result(Err(libc::EINVAL)),
        other => super::unsupported::missing(&format!("sysconf({other})"), "its answer would differ between machines"),
    };
}

super::unsupported_calls! {
    fn pthread_cancel(thread: pthread_t) -> c_int: "no thread of a run is cancelled from outside";
}
