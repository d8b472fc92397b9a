//! The handle of a thread: its stack, its `pthread_t`, its result, and the destructors that run at its end.

use crate::kernel::sched::fiber::Fiber;

/// A destructor of a thread-local.
pub(crate) struct Destructor {
    pub(crate) destroy: unsafe extern "C" fn(*mut libc::c_void),
    pub(crate) object: usize,
}

/// The thread as its process refers to it.
#[derive(Default)]
pub(super) struct Handle {
    fiber: Option<Box<Fiber>>,
    pthread: libc::pthread_t,
    /// The thread was detached or joined: nobody will ask for its result.
    detached: bool,
    result: usize,
    /// Destructors of its thread-locals, which run at its end, last first.
    destructors: Vec<Destructor>,
}

impl Handle {
    pub(super) fn set_fiber(&mut self, fiber: Box<Fiber>) {
        self.pthread = fiber.pthread();
        self.fiber = Some(fiber);
    }

    /// Takes the fiber out, to give its memory back.
    pub(super) fn take_fiber(&mut self) -> Option<Box<Fiber>> {
        self.fiber.take()
    }

    #[inline]
    pub(super) fn fiber(&self) -> Option<&Fiber> {
        self.fiber.as_deref()
    }

    pub(super) fn pthread(&self) -> libc::pthread_t {
        self.pthread
    }

    pub(super) fn result(&self) -> usize {
        self.result
    }

    pub(super) fn set_result(&mut self, result: usize) {
        self.result = result;
    }

    pub(super) fn is_detached(&self) -> bool {
        self.detached
    }

    /// Detaches the thread. Returns whether it was joinable until now.
    pub(super) fn detach(&mut self) -> bool {
        !std::mem::replace(&mut self.detached, true)
    }

    pub(super) fn add_destructor(&mut self, destructor: Destructor) {
        self.destructors.push(destructor);
    }

    pub(super) fn take_destructor(&mut self) -> Option<Destructor> {
        self.destructors.pop()
    }
}
