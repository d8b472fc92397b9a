//! Threads: made, named, joined and let go under the one baton.
//! Locks are not here: Rust's are futexes, see `syscall`.

use super::block::{call, give_way, hand_over_for_good, patient};
use super::current::{here, kernel};
use super::time::deadline_at;
use crate::host::system::{self, Routine};
use crate::kernel::due::{Blocking, Start};
use crate::kernel::sched::clock::{Clock, Deadline};
use crate::kernel::sched::thread::{State, ThreadId, Wait};
use crate::kernel::sched::thread_handle::Destructor;
use libc::{c_char, c_int, c_long, c_void, pthread_attr_t, pthread_t, size_t};

/// How many processors a node shows: what tokio sizes its pools by. A fixed number, since the real one differs.
const PROCESSORS: usize = 4;

/// Runs the destructors of this thread's thread-locals; they may register further ones. Then those of its keys.
pub(crate) fn run_thread_exits(me: ThreadId) {
    while let Some(Destructor { destroy, object }) = kernel(me, |kernel| kernel.sched[me].take_destructor()) {
        // SAFETY: registered by whoever made the object, for this thread's end.
        unsafe { destroy(object as *mut c_void) };
    }
    super::pthread::run_destructors();
}

/// What `pthread_exit` does: the thread ends here.
pub(crate) fn exit_thread(me: ThreadId, result: usize) -> ! {
    if kernel(me, |kernel| kernel.sched[me].number() == 0) {
        super::unsupported::missing("pthread_exit on the main thread", "let main return, or call `exit`");
    }
    run_thread_exits(me);
    kernel(me, |kernel| kernel.thread_ended(me, result));
    hand_over_for_good(me)
}

/// The number that `gettid` shows: the node's threads count from 1000 times the incarnation.
pub(crate) fn thread_number(me: ThreadId) -> c_long {
    kernel(me, |kernel| c_long::from(kernel.sched[me].incarnation()) * 1_000 + c_long::from(kernel.sched[me].number()))
}

/// The door of this name: where Rust's std registers destructors of thread-locals.
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
        // Kept in the world: a thread-local list would register itself here.
        kernel(me, |kernel| kernel.sched[me].add_destructor(Destructor { destroy, object: object.addr() }));
        return 0;
    }
    static NEXT: system::Function = system::Function::named(c"__cxa_thread_atexit_impl");
    let next = system::next!(NEXT, fn(unsafe extern "C" fn(*mut c_void), *mut c_void, *mut c_void) -> c_int);
    // SAFETY: `__cxa_thread_atexit_impl`: the caller's own arguments, under the contract that it keeps.
    unsafe { next(destroy, object, dso) }
}

/// The interposed function of this name. The C library asks the kernel about the thread, and a thread of the run is none of the kernel's.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_np(thread: pthread_t, attributes: *mut pthread_attr_t) -> c_int {
    static NEXT: system::Function = system::Function::named(c"pthread_getattr_np");
    let next = system::next!(NEXT, fn(pthread_t, *mut pthread_attr_t) -> c_int);
    let Some(me) = here() else {
        // SAFETY: `pthread_getattr_np(3)`: the caller's own arguments, under the contract that it keeps.
        return unsafe { next(thread, attributes) };
    };
    kernel(me, |kernel| {
        let id = kernel.sched.by_pthread(thread);
        match id.and_then(|id| kernel.sched[id].fiber()) {
            // SAFETY: `pthread_getattr_np(3)`: the caller's own arguments, under the contract that it keeps.
            Some(fiber) => fiber.with_a_kernel_thread(|| unsafe { next(thread, attributes) }),
            None => libc::ESRCH,
        }
    })
}

fn create(me: ThreadId, thread: *mut pthread_t, attributes: *const pthread_attr_t, start: Start) -> c_int {
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
            // SAFETY: the caller's pointer, as on Linux.
            unsafe { *thread = pthread };
            0
        }
        Err(errno) => errno,
    }
}

/// Joins a thread, or answers `busy` when its end does not come before `until`.
fn join(me: ThreadId, thread: pthread_t, result: *mut *mut c_void, until: Deadline, busy: c_int) -> c_int {
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
            if !result.is_null() {
                // SAFETY: the caller's pointer, as on Linux.
                unsafe { *result = value as *mut c_void };
            }
            0
        }
        Err(errno) => errno,
    }
}

/// # Safety
/// `mask` is valid for writing `size` bytes.
unsafe fn fill_affinity(size: size_t, mask: *mut c_void) {
    // SAFETY: the caller's buffer.
    let mask = unsafe { std::slice::from_raw_parts_mut(mask.cast::<u8>(), size) };
    mask.fill(0);
    if let Some(first) = mask.first_mut() {
        *first = (1 << PROCESSORS) - 1;
    }
}

super::interposed! {
    fn pthread_create(
        thread: *mut pthread_t,
        attributes: *const pthread_attr_t,
        routine: Routine,
        argument: *mut c_void
    ) -> c_int = next;
    |me| create(me, thread, attributes, Start::Routine(routine, argument.addr()));
    fn pthread_join(thread: pthread_t, result: *mut *mut c_void) -> c_int = next;
    |me| join(me, thread, result, Deadline::NEVER, libc::EBUSY);
    fn pthread_tryjoin_np(thread: pthread_t, result: *mut *mut c_void) -> c_int = next;
    |me| join(me, thread, result, Deadline::at(Clock::Monotonic, 0), libc::EBUSY);
    fn pthread_timedjoin_np(thread: pthread_t, result: *mut *mut c_void, until: *const libc::timespec) -> c_int = next;
    |me| {
        // SAFETY: the caller's time.
        let until = deadline_at(libc::CLOCK_REALTIME, unsafe { &*until });
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
    |_me| {
        // SAFETY: the caller's buffer.
        unsafe { fill_affinity(size, mask) };
        0
    };
    fn gettid() -> libc::pid_t = libc::SYS_gettid;
    |me| thread_number(me) as libc::pid_t;
    shared fn sysconf(name: c_int) -> c_long = next;
    |_me| match name {
        libc::_SC_NPROCESSORS_ONLN | libc::_SC_NPROCESSORS_CONF => PROCESSORS as c_long,
        libc::_SC_PAGESIZE => 4096,
        libc::_SC_CLK_TCK => 100,
        libc::_SC_OPEN_MAX => 1 << 20,
        libc::_SC_IOV_MAX => 1024,
        libc::_SC_PHYS_PAGES => 1 << 20,
        libc::_SC_AVPHYS_PAGES => 1 << 19,
        libc::_SC_GETPW_R_SIZE_MAX | libc::_SC_GETGR_R_SIZE_MAX => 1024,
        libc::_SC_HOST_NAME_MAX => 64,
        other => super::unsupported::missing(&format!("sysconf({other})"), "its answer would differ between machines"),
    };
}

super::unsupported_calls! {
    fn pthread_cancel(thread: pthread_t) -> c_int: "no thread of a run is cancelled from outside";
}
