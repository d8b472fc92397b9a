//! Threads: made, named, joined and let go under the one baton.
//! Locks are not here: Rust's are futexes, see `syscall`.

use super::baton::{door, give_way, hand_over_for_good, patient};
use super::here::{here, kernel};
use super::time::deadline_at;
use crate::kernel::clock::{Clock, Deadline};
use crate::kernel::thread::{Exit, State, ThreadId, Wait};
use crate::kernel::world::{Start, Turn};
use crate::real::{self, Routine};
use libc::{c_char, c_int, c_long, c_void, pthread_attr_t, pthread_t, size_t};

/// How many processors a node shows: what tokio sizes its pools by. A fixed number, since the real one differs.
const PROCESSORS: usize = 4;

/// Runs the destructors of this thread's thread-locals; they may register further ones. Then those of its keys.
pub(super) fn run_thread_exits(me: ThreadId) {
    while let Some(Exit { destroy, object }) = kernel(me, |world| world.threads[me].exits.pop()) {
        // SAFETY: registered by whoever made the object, for this thread's end.
        unsafe { destroy(object as *mut c_void) };
    }
    super::pthread::run_destructors();
}

/// What `pthread_exit` does: the thread ends here.
pub(super) fn exit_thread(me: ThreadId, result: usize) -> ! {
    if kernel(me, |world| world.threads[me].number == 0) {
        super::missing::missing("pthread_exit on the main thread", "let main return, or call `exit`");
    }
    run_thread_exits(me);
    kernel(me, |world| world.thread_ended(me, result));
    hand_over_for_good(me)
}

/// The number that `gettid` shows: the node's threads count from 1000 times the incarnation.
pub(super) fn thread_number(me: ThreadId) -> c_long {
    kernel(me, |world| c_long::from(world.threads[me].incarnation) * 1_000 + c_long::from(world.threads[me].number))
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
        kernel(me, |world| world.threads[me].exits.push(Exit { destroy, object: object.addr() }));
        return 0;
    }
    static NEXT: real::Function = real::Function::named(c"__cxa_thread_atexit_impl");
    let next = real::next!(NEXT, fn(unsafe extern "C" fn(*mut c_void), *mut c_void, *mut c_void) -> c_int);
    // SAFETY: handed on.
    unsafe { next(destroy, object, dso) }
}

/// The door of this name. The C library asks the kernel about the thread, and a thread of the run is none of the kernel's.
///
/// # Safety
/// As the C library's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_np(thread: pthread_t, attributes: *mut pthread_attr_t) -> c_int {
    static NEXT: real::Function = real::Function::named(c"pthread_getattr_np");
    let next = real::next!(NEXT, fn(pthread_t, *mut pthread_attr_t) -> c_int);
    let Some(me) = here() else {
        // SAFETY: handed on.
        return unsafe { next(thread, attributes) };
    };
    kernel(me, |world| {
        let id = world.threads.by_pthread(thread);
        match id.and_then(|id| world.threads[id].strand.as_ref()) {
            // SAFETY: handed on.
            Some(strand) => strand.with_a_kernel_thread(|| unsafe { next(thread, attributes) }),
            None => libc::ESRCH,
        }
    })
}

fn create(me: ThreadId, thread: *mut pthread_t, attributes: *const pthread_attr_t, start: Start) -> c_int {
    let made = door(me, |world| {
        let (node, cause) = (world.threads[me].node, world.threads[me].cause);
        let id = world.start_thread(node, attributes, start, cause)?;
        let number = world.threads[id].number;
        world.signals.inherit(me, id);
        world.emit(me, crate::event::What::ThreadStarted { thread: number });
        Ok::<_, c_int>(world.threads[id].pthread)
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
    let joined = patient(me, |world| {
        let id = world.threads.by_pthread(thread).ok_or(libc::ESRCH)?;
        let until_ns = world.deadline_of(me, until);
        match world.threads[id].state {
            State::Ended => {
                world.threads.let_go(id);
                Ok(Turn::Done(world.threads[id].result))
            }
            _ if until_ns <= world.now_ns => Err(busy),
            _ => Ok(Turn::Wait(Wait::Join(id), until_ns)),
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

super::doors! {
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
    |me| door(me, |world| match world.threads.by_pthread(thread) {
        Some(id) => {
            world.threads.let_go(id);
            0
        }
        None => libc::ESRCH,
    });
    fn pthread_setname_np(thread: pthread_t, name: *const c_char) -> c_int = next;
    |me| door(me, |world| {
        if let Some(id) = world.threads.by_pthread(thread) {
            world.threads[id].name = world.log.name(&real::text(name));
        }
        0
    });
    fn sched_yield() -> c_int = libc::SYS_sched_yield;
    |me| {
        // A loop that yields until time has passed must see time pass.
        door(me, |world| {
            world.came_to_nothing(me);
            world.now_ns += 1_000;
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
        other => super::missing::missing(&format!("sysconf({other})"), "its answer would differ between machines"),
    };
}

super::missing_doors! {
    fn pthread_cancel(thread: pthread_t) -> c_int: "no thread of a run is cancelled from outside";
}
