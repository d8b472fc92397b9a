//! Mutexes: normal, recursive and error-checking, with and without a deadline.
//! Robust mutexes and those that inherit priorities work as plain ones: no owner dies alone, and there are no priorities.

use super::object::Object;
use super::waiting::{FOREVER, code, deadline, wake};
use crate::kernel::dispatch::Kernel;
use crate::kernel::due::Blocking;
use crate::kernel::sched::clock::Deadline;
use crate::kernel::sched::thread::{State, ThreadId, Wait};
use crate::libc::block::patient;
use libc::{c_int, clockid_t, pthread_mutex_t, timespec};

/// The first words of a mutex as glibc lays them out on 64-bit Linux.
#[repr(C)]
pub(super) struct Mutex {
    /// 0: free; 1: held; 2: held, and a thread may wait.
    word: u32,
    count: u32,
    /// In a run: the holder's index plus one.
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

    /// Releases it once. Returns whether a thread may wait for it.
    pub(super) fn release(&mut self, me: ThreadId) -> Result<bool, c_int> {
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

    /// Returns whether the thread that holds it was killed. Processes of one program share its statics, so a lock may pass from one
    /// to another; a lock that a dead process held is free.
    fn is_orphaned(&self, kernel: &Kernel) -> bool {
        let owner = self.owner.checked_sub(1).map(ThreadId);
        self.word != FREE && owner.is_some_and(|owner| kernel.sched[owner].state() == State::Dead)
    }

    /// Takes it, or fails, without waiting; `None` if that takes a wait.
    #[inline]
    fn try_take(&mut self, me: ThreadId) -> Option<c_int> {
        if self.word == FREE {
            self.take(me, HELD);
            return Some(0);
        }
        if self.owner != me.0 + 1 {
            return None;
        }
        match self.kind() {
            RECURSIVE => Some(match self.count.checked_add(1) {
                Some(count) => {
                    self.count = count;
                    0
                }
                None => libc::EAGAIN,
            }),
            CHECKING => Some(libc::EDEADLK),
            _ => None,
        }
    }
}

pub(super) fn lock(me: ThreadId, mutex: Object<Mutex>, until: Deadline) -> c_int {
    match mutex.with(|mutex| mutex.try_take(me)) {
        Some(answer) => answer,
        None => wait(me, mutex, until),
    }
}

#[cold]
fn wait(me: ThreadId, object: Object<Mutex>, until: Deadline) -> c_int {
    let mut waited = false;
    code(patient(me, |kernel| {
        object.with(|mutex| {
            if mutex.word == FREE || mutex.is_orphaned(kernel) {
                // Other threads may still wait.
                mutex.take(me, if waited { WAITED_FOR } else { mutex.word.max(HELD) });
                return Ok(Blocking::Done(()));
            }
            let until_ns = kernel.deadline_of(me, until);
            if until_ns <= kernel.sched.now_ns() {
                return Err(libc::ETIMEDOUT);
            }
            waited = true;
            mutex.word = WAITED_FOR;
            kernel.sched.wait_on_futex(object.address(), me);
            Ok(Blocking::Wait(Wait::Futex(object.address()), until_ns))
        })
    }))
}

fn unlock(me: ThreadId, mutex: Object<Mutex>) -> c_int {
    match mutex.with(|mutex| mutex.release(me)) {
        Ok(false) => 0,
        Ok(true) => {
            wake(me, mutex.address(), 1);
            0
        }
        Err(error) => error,
    }
}

/// # Safety
/// `until` is null or valid for reading a time. It is read only if the mutex is not free.
unsafe fn lock_until(me: ThreadId, mutex: Object<Mutex>, clock: clockid_t, until: *const timespec) -> c_int {
    if let Some(answer) = mutex.with(|mutex| mutex.try_take(me)) {
        return answer;
    }
    // SAFETY: this function's own contract.
    match unsafe { deadline(clock, until) } {
        Ok(until) => wait(me, mutex, until),
        Err(error) => error,
    }
}

crate::libc::interposed! {
    fn pthread_mutex_lock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: `pthread_mutex_lock(3)`: the caller passes an initialised mutex.
    |me| lock(me, unsafe { Object::new(mutex) }, FOREVER);
    fn pthread_mutex_trylock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: `pthread_mutex_trylock(3)`: the caller passes an initialised mutex.
    |me| match unsafe { Object::<Mutex>::new(mutex) }.with(|mutex| mutex.try_take(me)) {
        None | Some(libc::EDEADLK) => libc::EBUSY,
        Some(answer) => answer,
    };
    fn pthread_mutex_unlock(mutex: *mut pthread_mutex_t) -> c_int = next;
    // SAFETY: `pthread_mutex_unlock(3)`: the caller passes an initialised mutex.
    |me| unlock(me, unsafe { Object::new(mutex) });
    fn pthread_mutex_timedlock(mutex: *mut pthread_mutex_t, until: *const timespec) -> c_int = next;
    // SAFETY: `pthread_mutex_timedlock(3)`: the caller passes an initialised mutex and a time.
    |me| unsafe { lock_until(me, Object::new(mutex), libc::CLOCK_REALTIME, until) };
    fn pthread_mutex_clocklock(mutex: *mut pthread_mutex_t, clock: clockid_t, until: *const timespec) -> c_int = next;
    // SAFETY: `pthread_mutex_clocklock(3)`: the caller passes an initialised mutex and a time.
    |me| unsafe { lock_until(me, Object::new(mutex), clock, until) };
}
