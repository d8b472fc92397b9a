//! Mutexes: normal, recursive and error-checking, with and without a deadline.
//! Robust mutexes and those that inherit priorities are treated as plain ones: no owner dies alone, and there are no priorities.

use super::{FOR_EVER, code, deadline, wake};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{State, ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_mutex_t, timespec};

/// The first words of a mutex as glibc lays them out on 64-bit Linux.
#[repr(C)]
pub(crate) struct Mutex {
    /// 0 free, 1 held, 2 held and waited for.
    word: u32,
    count: u32,
    /// In a run: the thread's index and one.
    owner: u32,
    users: u32,
    kind: u32,
}

const FREE: u32 = 0;
const HELD: u32 = 1;
const WAITED_FOR: u32 = 2;

const RECURSIVE: u32 = libc::PTHREAD_MUTEX_RECURSIVE as u32;
const CHECKING: u32 = libc::PTHREAD_MUTEX_ERRORCHECK as u32;

impl Mutex {
    fn kind(&self) -> u32 {
        self.kind & 3
    }

    fn is_owned_by(&self, me: ThreadId) -> bool {
        self.word != FREE && self.owner == me.0 + 1
    }

    fn take(&mut self, me: ThreadId, word: u32) {
        (self.word, self.owner, self.count) = (word, me.0 + 1, 1);
    }

    /// Lets go of it once. Says whether somebody may wait for it.
    pub(crate) fn release(&mut self, me: ThreadId) -> Result<bool, c_int> {
        if self.kind() != libc::PTHREAD_MUTEX_NORMAL as u32 && self.kind() <= CHECKING && !self.is_owned_by(me) {
            return Err(libc::EPERM);
        }
        if self.kind() == RECURSIVE && self.count > 1 {
            self.count -= 1;
            return Ok(false);
        }
        let waited_for = self.word == WAITED_FOR;
        (self.word, self.owner, self.count) = (FREE, 0, 0);
        Ok(waited_for)
    }

    /// Whether the thread that holds it was killed. Statics are shared between processes, so that the lock of one may come
    /// to another; what a dead process held, nobody holds.
    fn is_orphaned(&self, kernel: &Kernel) -> bool {
        let threads = self.owner.checked_sub(1).map(ThreadId);
        self.word != FREE && threads.is_some_and(|owner| kernel.sched[owner].state() == State::Dead)
    }
}

/// What a mutex is, inside a run.
///
/// # Safety
/// The pointer is that of a mutex, which nobody else looks at while the caller has the baton.
pub(crate) unsafe fn view<'a>(mutex: *mut pthread_mutex_t) -> &'a mut Mutex {
    // SAFETY: as said; the layout is glibc's.
    unsafe { &mut *mutex.cast::<Mutex>() }
}

/// Takes it without waiting, if that says all there is to say.
#[inline]
fn at_once(me: ThreadId, mutex: &mut Mutex) -> Option<c_int> {
    if mutex.word == FREE {
        mutex.take(me, HELD);
        return Some(0);
    }
    if mutex.owner != me.0 + 1 {
        return None;
    }
    match mutex.kind() {
        RECURSIVE => Some(match mutex.count.checked_add(1) {
            Some(count) => {
                mutex.count = count;
                0
            }
            None => libc::EAGAIN,
        }),
        CHECKING => Some(libc::EDEADLK),
        _ => None,
    }
}

/// # Safety
/// As `pthread_mutex_lock`.
pub(crate) unsafe fn lock(me: ThreadId, mutex: *mut pthread_mutex_t, until: Deadline) -> c_int {
    // SAFETY: the caller's mutex.
    match at_once(me, unsafe { view(mutex) }) {
        Some(answer) => answer,
        // SAFETY: as above.
        None => unsafe { wait(me, mutex, until) },
    }
}

/// # Safety
/// As `pthread_mutex_lock`.
#[cold]
unsafe fn wait(me: ThreadId, mutex: *mut pthread_mutex_t, until: Deadline) -> c_int {
    let mut waited = false;
    code(patient(me, |kernel| {
        // SAFETY: the caller's mutex; the reference ends before the baton passes.
        let it = unsafe { view(mutex) };
        if it.word == FREE || it.is_orphaned(kernel) {
            // Others may wait still.
            it.take(me, if waited { WAITED_FOR } else { it.word.max(HELD) });
            return Ok(Blocking::Done(()));
        }
        let until_ns = kernel.deadline_of(me, until);
        if until_ns <= kernel.sched.now_ns() {
            return Err(libc::ETIMEDOUT);
        }
        waited = true;
        it.word = WAITED_FOR;
        kernel.sched.wait_on_futex(mutex.addr(), me);
        Ok(Blocking::Wait(Wait::Futex(mutex.addr()), until_ns))
    }))
}

/// # Safety
/// As `pthread_mutex_unlock`.
unsafe fn unlock(me: ThreadId, mutex: *mut pthread_mutex_t) -> c_int {
    // SAFETY: the caller's mutex.
    match unsafe { view(mutex) }.release(me) {
        Ok(false) => 0,
        Ok(true) => {
            wake(me, mutex.addr(), 1);
            0
        }
        Err(error) => error,
    }
}

/// # Safety
/// As `pthread_mutex_clocklock`.
unsafe fn lock_until(me: ThreadId, mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int {
    // SAFETY: the caller's mutex and time.
    unsafe {
        match at_once(me, view(mutex)) {
            Some(answer) => answer,
            None => match deadline(clock, until) {
                Ok(until) => wait(me, mutex, until),
                Err(error) => error,
            },
        }
    }
}

crate::libc::interposed! {
    fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: the caller's mutex.
    |me| unsafe { lock(me, mutex, FOR_EVER) };
    fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: the caller's mutex.
    |me| match at_once(me, unsafe { view(mutex) }) {
        None | Some(libc::EDEADLK) => libc::EBUSY,
        Some(answer) => answer,
    };
    fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: the caller's mutex.
    |me| unsafe { unlock(me, mutex) };
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's mutex and time.
    |me| unsafe { lock_until(me, mutex, libc::CLOCK_REALTIME, until) };
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int = next;
    // SAFETY: the caller's mutex and time.
    |me| unsafe { lock_until(me, mutex, clock, until) };
}
